"""Up to 50 methods in one request: writes the commands in PHP's notation, and reads each one's result or error.

A batch answers 200 whatever happens inside. A later command may take an earlier result: `$result[label][FIELD]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.bitrix24.api import refusals
from connectors.bitrix24.api.wire import Answer
from integration.errors import ProtocolError, Unavailable

MOST = 50
_STATUS = {"OPERATION_TIME_LIMIT": 429, "QUERY_LIMIT_EXCEEDED": 503, "OVERLOAD_LIMIT": 503}


@dataclass(frozen=True, slots=True)
class Command:
    method: str
    parameters: Mapping[str, Any]

    def text(self) -> str:
        """`method?name=value&…`. True is 1, false 0; what is None is left out."""
        pairs = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in _pairs(self.parameters))
        return f"{self.method}?{pairs}" if pairs else self.method


def _quoted(text: str) -> str:
    """`$result[a][ID]` stays as it is: the portal looks for it before it decodes a value."""
    return quote(text, safe="$[]")


def _pairs(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        entries: Iterable[tuple[Any, Any]] = tree.items()
    elif isinstance(tree, list | tuple):
        entries = enumerate(tree)
    else:
        yield prefix, "1" if tree is True else "0" if tree is False else str(tree)
        return
    for key, value in entries:
        if value is not None:
            yield from _pairs(value, f"{prefix}[{key}]" if prefix else str(key))


def body(commands: Mapping[str, Command], *, halts: bool = False) -> dict[str, Any]:
    """
    The parameters of `batch`. `halts`: the first error ends it.

    Raises:
        ValueError: more than 50 commands; the portal would refuse those after them.
    """
    if len(commands) > MOST:
        raise ValueError(f"a batch has at most {MOST} commands, not {len(commands)}")
    return {"halt": int(halts), "cmd": {label: command.text() for label, command in commands.items()}}


def outcomes(envelope: Mapping[str, Any], labels: Iterable[str]) -> dict[str, Any]:
    """
    Each label's result, or its error: a DozvonError. A command that was not run, after an error that ended the batch,
    is Unavailable.

    Raises:
        ProtocolError: the answer is no batch's.
    """
    result = envelope.get("result")
    if not isinstance(result, dict):
        raise ProtocolError("Bitrix24's answer to a batch has no results")
    results, errors = _named(result.get("result")), _named(result.get("result_error"))
    return {label: _outcome(label, results, errors) for label in labels}


def _outcome(label: str, results: dict[str, Any], errors: dict[str, Any]) -> Any:
    if label in errors:
        found = errors[label] if isinstance(errors[label], dict) else {"error": str(errors[label])}
        return refusals.error_of(Answer(status=_STATUS.get(str(found.get("error")).upper(), 400), body=found))
    if label in results:
        return results[label]
    return Unavailable("Bitrix24 did not run a command: an error before it ended the batch")


def _named(part: Any) -> dict[str, Any]:
    """PHP writes an empty map, and one with the keys 0, 1, 2, …, as a list."""
    if isinstance(part, list):
        return {str(index): value for index, value in enumerate(part)}
    return dict(part) if isinstance(part, dict) else {}
