"""Reads what a client of the API sends: strict JSON, and the revision that it has seen."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from aiohttp import web

from integration.ports.offices import Seen
from integration.texts.offices import ApiProblem
from integration.web.api.answers import Refused
from integration.web.forms import is_clean

_MOST_DEEP = 32  # the documents themselves are far from it
_MOST_DIGITS = 20  # 64 bits
_QUOTED = re.compile(r'"([^"]*)"')


async def read_document(request: web.Request) -> dict[str, Any]:
    """
    The JSON object in the body.

    Raises:
        Refused: it is no JSON object, or says a key twice, or holds what no document can: NaN, a number beyond 64 bits,
            a NUL, half a character, tables too deep in one another.
        HTTPRequestEntityTooLarge.
    """
    if request.content_type != "application/json":
        raise Refused(415, ApiProblem.NOT_JSON_TYPE)
    body = await request.read()
    try:
        document = json.loads(
            body.decode(),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_int=_whole_number,
            parse_float=_number,
        )
    except (ValueError, RecursionError) as exc:  # UnicodeDecodeError is a ValueError
        raise Refused(400, ApiProblem.NOT_JSON) from exc
    if not isinstance(document, dict) or not _is_sound(document):
        raise Refused(400, ApiProblem.NOT_JSON)
    return document


def seen_by(request: web.Request) -> Seen:
    """The revision in `If-Match`. Raises Refused: there is none, or it is none of ours."""
    text = request.headers.get("If-Match", "").strip()
    if not text:
        raise Refused(428, ApiProblem.REVISION_NEEDED)
    quoted = _QUOTED.fullmatch(text)
    seen = Seen.read(quoted[1] if quoted else text)
    if seen is None:
        raise Refused(400, ApiProblem.REVISION_UNREADABLE)
    return seen


def number_in(request: web.Request, name: str, *, usual: int, most: int) -> int:
    """A whole number from 1 to `most` in the address. Raises Refused: it is none."""
    text = request.query.get(name, str(usual))
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
    if not 1 <= value <= most:
        raise Refused(400, ApiProblem.NUMBER, {"name": name, "most": most})
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("the number is too large")
    return int(digits)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("the number is too large")
    return value


def _is_sound(document: dict[str, Any]) -> bool:
    """Not deep, and all of its texts can be stored. Goes down level by level: what came may be of any depth."""
    level: list[Any] = [document]
    for _ in range(_MOST_DEEP):
        level = [one for each in level for one in _inside(each)]
        if not all(is_clean(one) for one in level if isinstance(one, str)):
            return False
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            return [*value.keys(), *value.values()]
        case list():
            return value
    return ()
