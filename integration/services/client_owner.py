"""Gives a client to the manager to whom a colleague has handed the call, where the line says so. Source: spec B6."""

from __future__ import annotations

from typing import Any

import structlog

from integration.domain.calls.call import Call
from integration.domain.calls.handing_over import handed_over_to
from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Person
from integration.domain.ids import ManagerId
from integration.errors import NotFound, NotResponsible
from integration.ports.stores import CallStore, Outbox, OutboxItem, PhoneBook, SavedStep
from integration.services.accounts import Account
from integration.services.delivery import Expired

log = structlog.get_logger()


class ClientOwner:
    def __init__(self, calls: CallStore, outbox: Outbox, phone_book: PhoneBook) -> None:
        self._calls = calls
        self._outbox = outbox
        self._phone_book = phone_book

    async def queue_behind(self, account: Account, call: Call, client: EntityRef | None) -> None:
        """Queue the change behind the call's log. `client`: in whose feed the call is; an entry of an inbox is nobody
        yet. May be repeated."""
        if client is None or (client.kind is EntityKind.LEAD and account.crm.abilities.inbox):
            return
        if not account.settings.line(call.line).transfer_changes_responsible:
            return
        manager = handed_over_to(call, account.at(call.pbx))
        if manager is None:
            return
        kind = IntentKind.CHANGE_RESPONSIBLE
        change = Intent(
            call=call.id,
            kind=kind,
            key=kind,
            payload={"manager": manager, "client": {"kind": client.kind.value, "id": client.id}},
        )
        await self._calls.save([SavedStep(call=call, intents=[change])])

    async def change(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Idempotent. The phone book learns it at once: the client's next call goes to the new manager."""
        if await self._calls.get(account.id, item.call) is None:
            raise Expired
        manager = ManagerId(str(item.payload["manager"]))
        named = item.payload["client"]
        client = EntityRef(EntityKind(named["kind"]), str(named["id"]))
        found = await self._read(account, client)
        if found is None or found.is_deleted:
            return {"skipped": "client_gone"}
        if found.responsible == manager:
            return {"skipped": "responsible_already"}
        try:
            await account.crm.change_responsible(client, manager)
        except NotResponsible as exc:
            account.refuse(manager)
            log.warning("the CRM refuses a responsible", account_id=account.id, manager_id=manager, error=str(exc))
            return {"skipped": "manager_refused"}
        except NotFound:
            return {"skipped": "client_gone"}
        await self._read(account, client)
        return {"responsible": manager, "before": found.responsible}

    async def _read(self, account: Account, client: EntityRef) -> Person | Deal | None:
        """As the CRM has it now; kept in the phone book."""
        if client.kind is EntityKind.DEAL:
            deal = await account.crm.deal(client, priority=Priority.LOG)
            await self._phone_book.put_deals(account.id, [deal] if deal is not None else [])
            return deal
        person = await account.crm.person(client, priority=Priority.LOG)
        kept = [person] if person is not None else []
        await self._phone_book.put_persons(account.id, kept, numbering=account.settings.numbering)
        return person
