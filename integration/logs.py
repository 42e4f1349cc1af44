"""Structured logs: constant messages, values as fields, one JSON object a line on standard error.

Personal data does not belong in logs. As a precaution, fields whose name says number, name, token or secret are masked
here.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

_LINES_A_MINUTE = 60
_MOST_MESSAGES = 1000
_LONGEST_VALUE = 1000
_LONGEST_TRACEBACK = 20_000
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
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        Repeats(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_personal_data,
        structlog.processors.StackInfoRenderer(),
        *([] if readable else [structlog.processors.format_exc_info]),
        cut_long_values,
    ]
    _give_libraries_our_form(max(number, logging.WARNING), processors, renderer)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _give_libraries_our_form(level: int, processors: list[Any], renderer: Any) -> None:
    """Give messages of aiohttp, asyncio and drivers (through `logging`) the form of our own."""
    handler = logging.StreamHandler(sys.stderr)
    theirs = [each for each in processors if not isinstance(each, Repeats)]  # their messages are not constant
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *theirs],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level)


class Repeats:
    """
    A structlog processor: limits how often one warning or error is logged in a minute, as a stranger could cause
    thousands. The next line of the same message says how many were left out.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: dict[str, tuple[float, int]] = {}  # message -> end of its minute, count; our messages are constants

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("level") not in ("warning", "error"):
            return event
        message, now = str(event.get("event")), self._monotonic()
        until, count = self._seen.get(message, (0.0, 0))
        if now >= until:
            if count > _LINES_A_MINUTE:
                event["left_out"] = count - _LINES_A_MINUTE
            if len(self._seen) >= _MOST_MESSAGES:
                self._seen.clear()
            self._seen[message] = (now + 60.0, 1)
            return event
        self._seen[message] = (until, count + 1)
        if count >= _LINES_A_MINUTE:
            raise structlog.DropEvent
        return event


def cut_long_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: cuts values, which may come from outside. Tracebacks keep more: their end."""
    for key, value in event.items():
        longest = _LONGEST_TRACEBACK if key == "exception" else _LONGEST_VALUE
        if isinstance(value, str) and len(value) > longest:
            event[key] = value[: longest // 2] + " … " + value[-longest // 2 :]
    return event


def mask_personal_data(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: a precaution only, as callers must not log personal data."""
    for key in event:
        if key in _NEVER:
            event[key] = "***"
    return event
