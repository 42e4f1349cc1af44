"""Writes calls into amoCRM, as notes, through `/calls` or into Unsorted, and finds them again by our key; and what
managers write about them.

Attribution has already chosen the card. Tasks, contacts and the phone book do not belong here.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Any

from connectors.amocrm import mapping
from connectors.amocrm.api.transport import Transport
from connectors.amocrm.api.wire import ENTITY_NOT_FOUND, Query
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId
from integration.errors import InInbox, NotFound, OutcomeUnknown, ProtocolError, Rejected
from integration.ports.crm import CallRecord, LoggedCall

PAGE = 250  # the largest page. Source: README, limits
_LOOK_BACK_SECONDS = 3600  # clocks differ, and people may change the time of a note
_NOTE_PAGES = 20  # newest first; no card gets more calls in the time of our retries
_UNSORTED_PAGES = 8  # newest first; entries further back are older than any retry


async def pages(
    transport: Transport,
    path: str,
    collection: str,
    query: Query,
    priority: Priority,
    *,
    at_most: int | None = None,
    first: int = 1,
) -> AsyncIterator[list[dict[str, Any]]]:
    """
    The pages of a list, in the CRM's order; an empty list is a 204.

    The link to the next page only shows that there is one; its address is not used.

    Args:
        at_most: number of pages; None: all.
        first: the page to begin with.

    Raises:
        ProtocolError: the CRM gives the same page twice, so the rest cannot be read. With `at_most` the pages just end.
    """
    before: list[Any] = []
    for page in itertools.count(first) if at_most is None else range(first, first + at_most):
        body = await transport.request("GET", path, priority=priority, query=[*query, ("page", str(page))])
        if body is None:
            return
        items = _embedded(body, collection)
        ids = [each.get("id", each.get("uid")) for each in items]
        if items and ids == before and at_most is None:
            raise ProtocolError(f"amoCRM gives page {page - 1} of {collection} again instead of the next one")
        if not items or ids == before:
            return
        yield items
        if "next" not in (body.get("_links") or {}):
            return
        before = ids


def _embedded(body: Any, collection: str) -> list[dict[str, Any]]:
    embedded = body.get("_embedded") if isinstance(body, Mapping) else None
    items = embedded.get(collection) if isinstance(embedded, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise ProtocolError(f"amoCRM's answer holds no {collection}")
    return items


class CallFeed:
    """The calls of one account's contacts, companies, deals and Unsorted."""

    def __init__(self, transport: Transport, *, source: str, service_code: str) -> None:
        self._transport = transport
        self._source = source
        self._service_code = service_code

    async def write_note(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        """
        Raises: as `Crm.log_call`. It is not documented whether amoCRM takes notes for the lead inside an entry of
        Unsorted (README: unsorted), so both cases are handled.
        """
        collection, entity_id = await self.entity(target)
        note = mapping.call_note(record, entity_id, self._source)
        return LoggedCall(id=await self._write_note(collection, entity_id, note, target), entity=target)

    async def write_text(self, text: str, target: EntityRef, author: ManagerId | None) -> str:
        """Raises: as `Crm.add_note`."""
        collection, entity_id = await self.entity(target)
        return await self._write_note(collection, entity_id, mapping.text_note(text, entity_id, author), target)

    async def _write_note(self, collection: str, entity_id: int, note: dict[str, Any], target: EntityRef) -> str:
        path = f"/api/v4/{collection}/{entity_id}/notes"
        try:
            answer = await self._transport.request("POST", path, priority=Priority.LOG, body=[note])
        except Rejected as exc:
            if target.kind is EntityKind.LEAD and (isinstance(exc, NotFound) or exc.code == "403"):
                raise InInbox("amoCRM takes no notes for a lead that waits in Unsorted", code="unsorted") from exc
            raise
        return _created(answer, "notes", "id")

    async def change_text(self, note: str, text: str, target: EntityRef) -> None:
        """`PATCH` changes a note of people's; whether it changes one of a call is not documented (README: calls)."""
        collection, entity_id = await self.entity(target)
        path = f"/api/v4/{collection}/{entity_id}/notes/{mapping.number_of(note)}"
        body = {"note_type": mapping.TEXT_NOTE, "params": {"text": mapping.note_text(text)}}
        await self._transport.request("PATCH", path, priority=Priority.LOG, body=body)

    async def find_text(self, text: str, target: EntityRef, since: float) -> str | None:
        """Search the entity's notes of people for exactly this text; blanks and ends of lines do not count."""
        wanted = mapping.note_text(text).split()
        async for notes in self._notes(target, mapping.TEXT_NOTE, since):
            for note in notes:
                params = note.get("params")
                written = params.get("text") if isinstance(params, Mapping) else None
                if isinstance(written, str) and written.split() == wanted:
                    return str(note.get("id", ""))
        return None

    async def find_note(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        """Search the entity's call notes since the call began. Compares keys itself: amoCRM may ignore the filters."""
        kind = mapping.note_type(record.call.direction)
        async for notes in self._notes(target, kind, record.call.started_at):
            for note in notes:
                params = note.get("params")
                if isinstance(params, Mapping) and params.get("uniq") == record.key:
                    return LoggedCall(id=str(note.get("id", "")), entity=target)
        return None

    async def _notes(self, target: EntityRef, kind: str, since: float) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of an entity's notes of one type, newest first. amoCRM may ignore the filters."""
        collection, entity_id = await self.entity(target)
        query = [
            ("limit", str(PAGE)),
            ("filter[note_type][]", kind),
            ("filter[updated_at][from]", str(int(since) - _LOOK_BACK_SECONDS)),
            ("order[updated_at]", "desc"),
        ]
        path = f"/api/v4/{collection}/{entity_id}/notes"
        async for notes in pages(self._transport, path, "notes", query, Priority.LOG, at_most=_NOTE_PAGES):
            yield notes

    async def write_call(self, record: CallRecord) -> LoggedCall:
        """
        Log a call and let amoCRM choose the entity.

        Raises:
            NotFound: nobody has the number; nothing was written.
            Rejected: amoCRM refuses the call.
        """
        body = [mapping.call_entry(record, self._source)]
        answer = await self._transport.request("POST", "/api/v4/calls", priority=Priority.LOG, body=body)
        # A 200 may carry only errors (README: calls).
        for error in answer.get("errors") or [] if isinstance(answer, Mapping) else []:
            title = str(error.get("title", "")) if isinstance(error, Mapping) else ""
            kind = NotFound if title.lower() == "entity not found" else Rejected
            raise kind(title or "amoCRM refuses the call", code=ENTITY_NOT_FOUND if kind is NotFound else "call")
        call_id = _created(answer, "calls", "id")
        call = _embedded(answer, "calls")[0]
        entity_kind = mapping.SINGULAR_KINDS.get(str(call.get("entity_type")))
        if entity_kind is None or not call.get("entity_id"):
            raise OutcomeUnknown("amoCRM does not say where it put the call")
        return LoggedCall(id=call_id, entity=EntityRef(entity_kind, str(call["entity_id"])))

    async def write_unsorted(self, record: CallRecord, pipeline_id: int | None) -> LoggedCall:
        body = [
            mapping.unsorted_sip(record, pipeline_id=pipeline_id, source=self._source, service_code=self._service_code)
        ]
        answer = await self._transport.request("POST", "/api/v4/leads/unsorted/sip", priority=Priority.LOG, body=body)
        _created(answer, "unsorted", "uid")
        return _logged_entry(_embedded(answer, "unsorted")[0])

    async def find_unsorted(self, record: CallRecord) -> LoggedCall | None:
        """Search the entries that wait, newest first; an accepted one is already a deal."""
        query = [("limit", str(PAGE)), ("filter[category][]", "sip"), ("order[created_at]", "desc")]
        oldest = record.call.started_at - _LOOK_BACK_SECONDS
        async for items in pages(
            self._transport, "/api/v4/leads/unsorted", "unsorted", query, Priority.LOG, at_most=_UNSORTED_PAGES
        ):
            for item in items:
                if _unsorted_key(item) in (record.key, f"{self._service_code}-{record.key}"):
                    return _logged_entry(item)
            if all(mapping.whole(each.get("created_at")) < oldest for each in items):
                return None
        return None

    async def entity(self, ref: EntityRef) -> tuple[str, int]:
        """
        The API's collection and id of an entity; for an entry of Unsorted those of its deal, which takes notes and
        tasks.

        Raises:
            NotFound: the entry was accepted or declined.
        """
        collection = mapping.COLLECTIONS.get(ref.kind)
        if collection is not None:
            return collection, mapping.number_of(ref.id)
        item = await self.unsorted(ref, Priority.LOG)
        deal = deal_inside(item) if item else None
        if deal is None:
            raise NotFound("The entry has left Unsorted", code="unsorted")
        return "leads", mapping.number_of(deal.id)

    async def unsorted(self, ref: EntityRef, priority: Priority) -> Mapping[str, Any] | None:
        """An entry that waits in Unsorted; None if it was accepted or declined."""
        path = f"/api/v4/leads/unsorted/{inbox_id(ref)}"
        try:
            item = await self._transport.request("GET", path, priority=priority)
        except NotFound:
            return None
        return item if isinstance(item, Mapping) else None


def inbox_id(ref: EntityRef) -> str:
    """The uid of an entry, as a part of an address. Raises: Rejected if it cannot be one."""
    if ref.kind is not EntityKind.LEAD or not (ref.id.isascii() and ref.id.replace("-", "").isalnum()):
        raise Rejected("This is not an id of Unsorted", code="id")
    return ref.id


def deal_inside(entry: Mapping[str, Any]) -> EntityRef | None:
    """The lead in an entry of Unsorted. It exists, but lists and searches show it only after it was accepted."""
    return next(iter(mapping.refs((entry.get("_embedded") or {}).get("leads"), EntityKind.DEAL)), None)


def person_inside(entry: Mapping[str, Any]) -> EntityRef | None:
    return next(iter(mapping.refs((entry.get("_embedded") or {}).get("contacts"), EntityKind.CONTACT)), None)


def _logged_entry(entry: Mapping[str, Any]) -> LoggedCall:
    uid = str(entry.get("uid", ""))
    return LoggedCall(id=uid, entity=EntityRef(EntityKind.LEAD, uid), deal=deal_inside(entry))


def _unsorted_key(item: Mapping[str, Any]) -> str:
    metadata = item.get("metadata")
    uniq = metadata.get("uniq") if isinstance(metadata, Mapping) else None
    return str(uniq or item.get("source_uid") or "")


def _created(answer: Any, collection: str, key: str) -> str:
    """Raises: OutcomeUnknown if the answer does not name the new object, which may exist."""
    try:
        items = _embedded(answer, collection)
    except ProtocolError as exc:
        raise OutcomeUnknown(str(exc)) from exc
    if not items or not items[0].get(key):
        raise OutcomeUnknown(f"amoCRM does not name what it created in {collection}")
    return str(items[0][key])
