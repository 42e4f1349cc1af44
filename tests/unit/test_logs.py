"""Logs: each entry, ours or a library's, is one JSON line of limited length, and repeated warnings are counted."""

from __future__ import annotations

import json
import subprocess
import sys

_PROGRAM = """
import logging
import structlog
from integration import logs
logs.set_up("info")
log = structlog.get_logger()
{lines}
"""


def printed(lines: str) -> list[dict[str, object]]:
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(lines=lines)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in run.stderr.splitlines()]


def test_a_librarys_line_has_our_form() -> None:
    [line] = printed('logging.getLogger("asyncio").warning("socket.send() raised exception")')
    assert line["event"] == "socket.send() raised exception"
    assert (line["level"], line["logger"]) == ("warning", "asyncio")


def test_a_librarys_traceback_is_a_field_of_the_line() -> None:
    [line] = printed('try:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.getLogger("x").exception("broke")')
    assert "ZeroDivisionError" in str(line["exception"])


def test_a_value_without_end_is_cut() -> None:
    [line] = printed('log.info("cut", value="x" * 100_000, kept="y" * 100)')
    assert len(str(line["value"])) < 2000
    assert line["kept"] == "y" * 100


def test_a_warning_that_comes_without_end_is_counted() -> None:
    lines = printed('for n in range(1000): log.warning("strange", n=n)\nlog.warning("other")')
    assert len(lines) < 100
    assert lines[-1]["event"] == "other"


def test_what_was_left_out_is_told_with_the_next_line() -> None:
    lines = printed(
        "now = 0.0\n"
        "repeats = logs.Repeats(monotonic=lambda: now)\n"
        "def drop(n):\n"
        "    try:\n"
        "        return repeats(None, 'warning', {'event': 'strange', 'level': 'warning'})\n"
        "    except structlog.DropEvent:\n"
        "        return None\n"
        "kept = [e for e in map(drop, range(1000)) if e]\n"
        "now = 61.0\n"
        "log.info('done', kept=len(kept), told=drop(0)['left_out'])\n"
    )
    assert lines == [lines[0]]
    assert (lines[0]["kept"], lines[0]["told"]) == (60, 940)
