"""Raises the limit of open files and connections: 1,024, the default of most systems, is too low."""

from __future__ import annotations

import resource

import structlog

log = structlog.get_logger()

_WANTED = 65_536
RESERVED = 256
"""Reserved for everything but the web: the database, the PBX and FastAGI, the CRM, recordings, Redis."""


def raise_limit() -> int:
    """Raise the limit as far as the system allows. Returns the limit; never raises."""
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
