"""Structured logs: constant messages, values as fields, one JSON object a line on standard error.

Personal data does not belong in them: a field whose name says number, name, token or secret is masked here, should one
ever be passed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_NEVER = frozenset(
    {"number", "phone", "caller", "called", "name", "email", "token", "secret", "password", "authorization"}
)


def set_up(level: str, *, readable: bool = False) -> None:
    """
    Begin logging.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        readable: lines for a person at a terminal instead of JSON.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(name)s: %(message)s"
    )
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_personal_data,
            structlog.processors.StackInfoRenderer(),
            *([] if readable else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def mask_personal_data(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor; the last line of defence, not the rule."""
    for key in event:
        if key in _NEVER:
            event[key] = "***"
    return event
