"""Reads methods' results and whole lists: by rising id without counting, several pages in one request.

Source: b24-rest-docs, "Large volumes of data": `start=-1`, sorted by id, `>id` of the last one. ADR 48 says why no
library does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from connectors.bitrix24 import mapping
from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.refusals import MethodResting
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind
from integration.errors import DozvonError, ProtocolError, Unavailable, Unpaid

PAGE = 50
_MOST_FAILURES = 12  # of an import, one after the other: ten minutes, in which a method's whole time is forgotten
_REST_SECONDS = 60.0
_MOST_PAGES_AT_ONCE = 20  # of 50 objects: a request must end within the portal's 60 s

_sleep = asyncio.sleep


async def read(
    transport: Transport, method: str, parameters: Mapping[str, Any] | None = None, *, priority: Priority
) -> Any:
    """The result of a method that changes nothing. Raises: as `Transport.call`."""
    return (await transport.call(method, parameters, priority=priority, reads=True)).get("result")


async def read_each(transport: Transport, commands: Mapping[str, Command], *, priority: Priority) -> dict[str, Any]:
    """The results of up to 50 reads in one request by label, or their errors. Raises: the error of the request."""
    if not commands:
        return {}
    answer = await transport.call("batch", batch.body(commands), priority=priority, reads=True)
    return batch.outcomes(answer, commands)


async def read_all(transport: Transport, commands: Mapping[str, Command], *, priority: Priority) -> dict[str, Any]:
    """
    The results of up to 50 reads in one request, by label.

    Raises:
        DozvonError: the first error among them, as if it had been asked alone.
    """
    found = await read_each(transport, commands, priority=priority)
    for outcome in found.values():
        if isinstance(outcome, DozvonError):
            raise outcome
    return found


async def items(
    transport: Transport,
    kind: EntityKind,
    *,
    select: Sequence[str],
    conditions: Mapping[str, Any],
    priority: Priority,
    after: int = 0,
) -> AsyncIterator[list[mapping.Json]]:
    """
    All objects of a kind by rising id. Nothing that exists from the beginning to the end is left out, whatever is
    deleted meanwhile: no page is counted.

    Each request asks for twice as many pages as the one before, each page from the last id of the page before it. What
    comes behind a page that is not full is dropped: where a reference finds nothing, the portal may begin at the first
    object again.

    An import goes on behind the last object after a failure, also when the portal lets the method rest: begun again it
    would use up the same time again, and never end.

    Args:
        after: only those with a larger id.

    Raises:
        ProtocolError: the ids do not rise, so the reading would not end.
    """
    last, at_once, failed = after, 1, 0
    while True:
        commands = _next_pages(kind, select, conditions, after=last, count=at_once)
        outcomes = await _asked(transport, commands, priority)
        trouble = next((each for each in outcomes if isinstance(each, Unavailable)), None)
        for outcome in outcomes[: outcomes.index(trouble)] if trouble is not None else outcomes:
            page = _items(outcome)
            if page:
                last, failed = _last_id(page, after=last), 0
                yield page
            if len(page) < PAGE:
                return
        at_once = min(at_once * 2, _MOST_PAGES_AT_ONCE)
        if trouble is not None:
            if priority is not Priority.IMPORT or isinstance(trouble, Unpaid) or failed >= _MOST_FAILURES:
                raise trouble
            await _sleep(_pause(trouble, failed))
            at_once, failed = 1, failed + 1


def _pause(trouble: Unavailable, failed: int) -> float:
    """Seconds. A method's time is forgotten minute by minute; nothing says when, of one that rests within a batch."""
    if isinstance(trouble, MethodResting):
        return trouble.retry_after_seconds or _REST_SECONDS
    return max(min(2.0**failed, _REST_SECONDS), trouble.retry_after_seconds or 0.0)


async def _asked(transport: Transport, commands: Mapping[str, Command], priority: Priority) -> list[Any]:
    """Each command's result or error; for a request that failed as a whole, its error."""
    try:
        answer = await transport.call("batch", batch.body(commands), priority=priority, reads=True)
    except Unavailable as exc:
        return [exc]
    return list(batch.outcomes(answer, commands).values())


def _next_pages(
    kind: EntityKind, select: Sequence[str], conditions: Mapping[str, Any], *, after: int, count: int
) -> dict[str, Command]:
    found: dict[str, Command] = {}
    for index in range(count):
        last = f"$result[p{index - 1}][items][{PAGE - 1}][id]" if index else after
        found[f"p{index}"] = _page(kind, select, conditions, after=last)
    return found


def _page(kind: EntityKind, select: Sequence[str], conditions: Mapping[str, Any], *, after: int | str) -> Command:
    parameters = {
        "entityTypeId": mapping.TYPE_IDS[kind],
        "select": list(select),
        "order": {"id": "ASC"},
        "filter": {**conditions, ">id": after},
        "start": -1,
    }
    return Command("crm.item.list", parameters)


def _items(result: Any) -> list[mapping.Json]:
    """Raises: the error that this command had."""
    if isinstance(result, DozvonError):
        raise result
    found = result.get("items") if isinstance(result, Mapping) else None
    if not isinstance(found, list | Mapping):
        raise ProtocolError("Bitrix24's list has no items")
    return list(mapping.rows(found))


def _last_id(page: Sequence[mapping.Json], *, after: int) -> int:
    ids = [int(mapping.id_of(each.get("id")) or 0) for each in page]
    if not all(a < b for a, b in zip([after, *ids], ids, strict=False)):
        raise ProtocolError("Bitrix24's list is not sorted by id")
    return ids[-1]


async def by_ids(
    transport: Transport, ids: Mapping[EntityKind, Sequence[int]], *, priority: Priority
) -> dict[EntityKind, list[mapping.Json]]:
    """Objects with all their fields, phones included; those that do not exist are left out."""
    commands, kinds = {}, {}
    for kind, wanted in ids.items():
        for begin in range(0, len(wanted), PAGE):
            label = f"{kind}{begin}"
            kinds[label] = kind
            conditions = {"@id": list(wanted[begin : begin + PAGE])}
            commands[label] = _page(kind, ("*",), conditions, after=0)
    found: dict[EntityKind, list[mapping.Json]] = {kind: [] for kind in ids}
    for label, result in (await read_all(transport, commands, priority=priority)).items():
        found[kinds[label]] += _items(result)
    return found


async def rows_after(
    transport: Transport, method: str, parameters: Mapping[str, Any], *, priority: Priority
) -> list[mapping.Json]:
    """All rows of an older list (`user.get`, `department.get`), page by page with `start`."""
    found: list[mapping.Json] = []
    start: Any = 0
    while True:
        answer = await transport.call(method, {**parameters, "start": start}, priority=priority, reads=True)
        found += mapping.rows(answer.get("result"))
        following = mapping.id_of(answer.get("next"))
        if not following or int(following) <= int(start):
            return found
        start = int(following)
