"""Lists as all methods give them: filters with prefixes, order, pages of 50 with `next` and `total`, `start=-1`.

Pure. Methods say how a record's field is read.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.bitrix24.sandbox.parameters import Parameters, as_int, as_text

_PREFIXES = ("!=%", "!%=", "><", "!@", "=%", "%=", "!%", "!=", ">=", "<=", ">", "<", "@", "%", "=", "!")

_EARLIEST, _LATEST = -62_000_000_000, 253_000_000_000  # within the years 1 to 9999, in every zone

Reader = Callable[[Any, str], Any]
"""Gives the value of a record's field; a field that does not exist is None."""


@dataclass(frozen=True, slots=True)
class Page:
    """
    One page of a list. `next` is None on the last page, and `total` 0 with `start=-1`. `wrapped_in`: the member of the
    result that has the items; empty: the result is the list.
    """

    items: list[Any]
    total: int
    next: int | None
    wrapped_in: str = ""


def page(found: Sequence[Any], parameters: Parameters, length: int) -> Page:
    start = parameters.integer("start")
    if start < 0:
        return Page(list(found[:length]), 0, None)
    window = list(found[start : start + length])
    following = start + length
    return Page(window, len(found), following if following < len(found) else None)


def select(records: Iterable[Any], conditions: Mapping[str, Any], read: Reader) -> list[Any]:
    return [record for record in records if matches(record, conditions, read)]


def matches(record: Any, conditions: Mapping[str, Any], read: Reader) -> bool:
    """`{"logic": "OR", "0": {…}, "1": {…}}` nests; a list counts as a map with its positions as keys."""
    is_any = as_text(conditions.get("logic")).upper() == "OR"
    results = (_holds(record, key, value, read) for key, value in conditions.items() if str(key).lower() != "logic")
    return any(results) if is_any else all(results)


def _holds(record: Any, key: str, wanted: Any, read: Reader) -> bool:
    if key.isdigit():
        nested = dict(enumerate(wanted)) if isinstance(wanted, list) else wanted
        named = {str(name): value for name, value in nested.items()} if isinstance(nested, dict) else {}
        return matches(record, named, read)
    prefix = next((each for each in _PREFIXES if key.startswith(each)), "")
    value = read(record, key.removeprefix(prefix))
    return _compare(prefix, value, wanted)


def _compare(prefix: str, value: Any, wanted: Any) -> bool:
    options = list(wanted.values()) if isinstance(wanted, dict) else wanted if isinstance(wanted, list) else [wanted]
    match prefix:
        case "" | "=" | "@":
            return any(_same(value, each) for each in options)
        case "!" | "!=" | "!@":
            return not any(_same(value, each) for each in options)
        case "%":
            return any(_plain(each) in _plain(value) for each in options)
        case "!%":
            return not any(_plain(each) in _plain(value) for each in options)
        case "=%" | "%=":
            return any(_like(value, _plain(each)) for each in options)
        case "!=%" | "!%=":
            return not any(_like(value, _plain(each)) for each in options)
        case "><":
            return len(options) == 2 and _ordered(value, options[0]) >= 0 and _ordered(value, options[1]) <= 0
    order = _ordered(value, options[0] if options else None)
    return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[prefix]


def _like(value: Any, pattern: str) -> bool:
    """`%` stands for any text at the pattern's ends."""
    text, core = _plain(value), pattern.strip("%")
    if pattern.startswith("%") and pattern.endswith("%") and len(pattern) > 1:
        return core in text
    if pattern.startswith("%"):
        return text.endswith(core)
    return text.startswith(core) if pattern.endswith("%") else text == core


def _plain(value: Any) -> str:
    return as_text(value).casefold()


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, list):
        return any(_same(each, wanted) for each in value)
    if value is None or value == "":
        return wanted is None or wanted in ("", False)
    if isinstance(value, bool) or value in ("Y", "N"):
        return _yes(value) == _yes(wanted)
    if isinstance(value, int | float):
        return _ordered(value, wanted) == 0
    return _plain(value) == _plain(wanted)


def _yes(value: Any) -> bool:
    return as_text(value).upper() in ("Y", "1", "TRUE")


def _ordered(value: Any, wanted: Any) -> int:
    """-1, 0 or 1. Times are kept as seconds and asked for as ISO texts."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        other = _number(wanted)
        return (value > other) - (value < other)
    left, right = _plain(value), _plain(wanted)
    return (left > right) - (left < right)


def _number(wanted: Any) -> float:
    text = as_text(wanted).strip()
    try:
        return float(text)
    except ValueError:
        at = moment(text)
        return as_int(text) if at is None else at


def moment(text: str, utc_offset_hours: int = 3) -> float | None:
    """
    Unix seconds of an ISO 8601 text; without an offset it is the portal's time. None if it is no time, or one that no
    other zone could write.
    """
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=utc_offset_hours)))
    seconds = at.timestamp()
    return seconds if _EARLIEST < seconds < _LATEST else None


def ordered(records: Iterable[Any], order: Mapping[str, Any], read: Reader) -> list[Any]:
    """Sort by `{field: ASC|DESC}`; the first field counts most."""
    result = list(records)
    for name, direction in reversed(list(order.items())):
        result.sort(key=lambda record: _sort_key(read(record, name)), reverse=as_text(direction).upper() == "DESC")
    return result


def _sort_key(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (0, 0, "") if value is None else (2, 0, _plain(value))
