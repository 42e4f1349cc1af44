"""Single contacts, companies, leads and deals: read, made, renamed, given to somebody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from connectors.bitrix24 import filtered, lists, mapping
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import PERSON_KINDS, Deal, EntityKind, EntityRef, Person
from integration.domain.crm.filters import Pipeline
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import NotFound, OutcomeUnknown, Rejected

_WORDS_SECONDS = 600.0  # a renamed stage or source is noticed after this time at the latest
_WITHOUT_LEADS = "2"  # of `crm.settings.mode.get`; 1: classic
_CLOCKS_APART_SECONDS = 60.0


class Objects:
    """The CRM's objects of one portal; for one event loop."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._words: list[mapping.Json] = []  # all dictionaries of the CRM
        self._words_until = 0.0
        self._words_lock = asyncio.Lock()
        self._mode = ""
        self._mode_until = 0.0

    async def stage_names(self, priority: Priority) -> Mapping[str, str]:
        return mapping.stage_names(await self._dictionaries(priority))

    async def pipelines(self) -> list[Pipeline]:
        return await filtered.pipelines(self._transport, await self._dictionaries(Priority.IMPORT))

    async def source_id(self, name: str) -> str:
        """The source with this name or id, in any case; empty: there is none."""
        return mapping.source_id(await self._dictionaries(Priority.CARD), name)

    async def _dictionaries(self, priority: Priority) -> list[mapping.Json]:
        async with self._words_lock:
            if time.monotonic() >= self._words_until:
                answer = await lists.read(self._transport, "crm.status.list", {}, priority=priority)
                self._words = list(mapping.rows(answer))
                self._words_until = time.monotonic() + _WORDS_SECONDS
            return self._words

    def forget(self) -> None:
        self._words_until = self._mode_until = 0.0

    async def person(self, ref: EntityRef, priority: Priority) -> Person | None:
        if ref.kind not in PERSON_KINDS:
            raise Rejected("A deal is no person", code="kind")
        item = await self._item(ref, priority)
        return mapping.person(item, ref.kind) if item is not None else None

    async def deal(self, ref: EntityRef, priority: Priority) -> Deal | None:
        if ref.kind is not EntityKind.DEAL:
            raise Rejected("Only a deal is read as a deal", code="kind")
        item = await self._item(ref, priority)
        return mapping.deal(item, await self.stage_names(priority)) if item is not None else None

    async def _item(self, ref: EntityRef, priority: Priority) -> mapping.Json | None:
        try:
            result = await lists.read(self._transport, "crm.item.get", _named(ref), priority=priority)
        except NotFound:
            return None
        item = result.get("item") if isinstance(result, Mapping) else None
        return item if isinstance(item, Mapping) else None

    async def create_contact(self, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        """Raises: OutcomeUnknown if the contact may exist."""
        fields = mapping.new_contact(name, number, responsible)
        return mapping.person(await self._add(EntityKind.CONTACT, fields), EntityKind.CONTACT)

    async def create_lead(self, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        """
        A portal may work without leads ("simple CRM"): then it gets a contact. Raises: OutcomeUnknown if the lead may
        exist.
        """
        if not await self._has_leads():
            return await self.create_contact(name, number, responsible)
        fields = mapping.new_lead(name, number, responsible)
        return mapping.person(await self._add(EntityKind.LEAD, fields), EntityKind.LEAD)

    async def _has_leads(self) -> bool:
        if time.monotonic() >= self._mode_until:
            self._mode = mapping.text_of(
                await lists.read(self._transport, "crm.settings.mode.get", {}, priority=Priority.CARD)
            )
            self._mode_until = time.monotonic() + _WORDS_SECONDS
        return self._mode != _WITHOUT_LEADS

    async def create_deal(self, name: str, person: EntityRef, responsible: ManagerId | None) -> Deal:
        """Raises: OutcomeUnknown if the deal may exist."""
        item = await self._add(EntityKind.DEAL, mapping.new_deal(name, person, responsible))
        return mapping.deal(item, mapping.stage_names(self._words))

    async def find_deal(self, name: str, person: EntityRef, since: Timestamp) -> Deal | None:
        """A deal of this person with this name, made since then; the newest."""
        wanted = mapping.new_deal(name, person, None)
        conditions = {key: value for key, value in wanted.items() if key in ("title", "contactId", "companyId")} | {
            ">=createdTime": mapping.written_at(since - _CLOCKS_APART_SECONDS)
        }
        found = [
            item
            async for items in lists.items(
                self._transport,
                EntityKind.DEAL,
                select=mapping.DEAL_FIELDS,
                conditions=conditions,
                priority=Priority.CARD,
            )
            for item in items
            if item.get("title") == wanted["title"]
        ]
        return mapping.deal(found[-1], await self.stage_names(Priority.CARD)) if found else None

    async def rename_contact(self, ref: EntityRef, name: str) -> Person:
        """Raises: NotFound."""
        if ref.kind is not EntityKind.CONTACT:
            raise Rejected("Only a contact is renamed", code="kind")
        return mapping.person(await self._update(ref, mapping.new_name(name)), ref.kind)

    async def change_responsible(self, ref: EntityRef, manager: ManagerId) -> None:
        """Raises: NotFound."""
        await self._update(ref, {"assignedById": mapping.number_of(manager)}, priority=Priority.LOG)

    async def _add(self, kind: EntityKind, fields: Mapping[str, Any]) -> mapping.Json:
        parameters = {"entityTypeId": mapping.TYPE_IDS[kind], "fields": fields}
        answer = await self._transport.call("crm.item.add", parameters, priority=Priority.CARD)
        return _item_of(answer)

    async def _update(
        self, ref: EntityRef, fields: Mapping[str, Any], *, priority: Priority = Priority.CARD
    ) -> mapping.Json:
        parameters = {**_named(ref), "fields": fields}
        return _item_of(await self._transport.call("crm.item.update", parameters, priority=priority))


def _named(ref: EntityRef) -> dict[str, Any]:
    return {"entityTypeId": mapping.TYPE_IDS[ref.kind], "id": mapping.number_of(ref.id)}


def _item_of(answer: Mapping[str, Any]) -> mapping.Json:
    """Raises: OutcomeUnknown if the answer does not show what was written."""
    result = answer.get("result")
    item = result.get("item") if isinstance(result, Mapping) else None
    if not isinstance(item, Mapping) or not mapping.id_of(item.get("id")):
        raise OutcomeUnknown("Bitrix24 does not show what it wrote")
    return item
