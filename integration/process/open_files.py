"""How many files and connections this process may have open: 1,024, which most systems begin with, are soon gone."""

from __future__ import annotations

import resource

import structlog

log = structlog.get_logger()

_WANTED = 65_536
RESERVED = 256
"""Kept for what is not the web: the database, the PBX and its questions over FastAGI, the CRM, recordings, Redis."""


def raise_limit() -> int:
    """As far as the system lets us. Returns the limit; never raises."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft == resource.RLIM_INFINITY or soft >= ceiling:
        return _WANTED if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
    except (ValueError, OSError) as exc:
        log.warning("the limit of open files cannot be raised", limit=soft, error=str(exc))
        return soft
    return ceiling


def for_web(wanted: int, limit: int) -> int:
    """How many connections the web may have of `limit` open files."""
    room = max(limit - RESERVED, limit // 2)
    if room < wanted:
        log.warning("fewer connections than configured: raise LimitNOFILE", connections=room, configured=wanted)
    return min(wanted, room)
