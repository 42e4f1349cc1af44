"""What the tests of the Bitrix24 connector share: a sandbox, a portal with the application, and our client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.bitrix24.api.tokens import PortalTokens, read_pair
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.client import Bitrix24Crm
from connectors.bitrix24.sandbox.crm_kinds import KINDS, KINDS_BY_NAME, Record
from connectors.bitrix24.sandbox.portal import Author, Portal
from connectors.bitrix24.settings import Bitrix24Settings
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_sandbox_kit import ADMIN, Bitrix, Clock, running_sandbox

OFFICE = AccountId("office")
TRIES = 3
"""How often a read is sent before it fails."""


@dataclass
class OurClock:
    """Ours shows what the portal's shows; `behind` is the difference in seconds."""

    theirs: Clock
    behind: float = 0.0

    def now(self) -> Timestamp:
        return Timestamp(self.theirs() - self.behind)


@dataclass
class Connected:
    """A portal with our application, and our side of it."""

    bitrix: Bitrix
    crm: Bitrix24Crm
    transport: Transport
    store: MemoryTokens
    clock: OurClock

    @property
    def portal(self) -> Portal:
        return self.bitrix.portal

    @property
    def requests(self) -> int:
        """Requests that the portal has answered, each batch as one."""
        return self.bitrix.sandbox.traffic.total

    def add(self, kind: EntityKind, *phones: str, **values: Any) -> EntityRef:
        """An object as an employee makes it in the portal."""
        fm = [{"TYPE_ID": "PHONE", "VALUE_TYPE": "WORK", "VALUE": phone} for phone in phones]
        stored = {"ASSIGNED_BY_ID": ADMIN, **values, **({"FM": fm} if kind is not EntityKind.DEAL else {})}
        record = self.portal.create(KINDS_BY_NAME[kind.upper()], stored, Author(user_id=ADMIN))
        return EntityRef(kind, str(record["ID"]))

    def record(self, ref: EntityRef) -> Record:
        found = self.portal.object(KINDS_BY_NAME[ref.kind.upper()], int(ref.id))
        assert found is not None
        return found

    def change(self, ref: EntityRef, **values: Any) -> None:
        kind = KINDS_BY_NAME[ref.kind.upper()]
        self.portal.update(kind, self.record(ref), values, Author(user_id=ADMIN))

    def delete(self, ref: EntityRef) -> None:
        self.portal.delete(KINDS_BY_NAME[ref.kind.upper()], int(ref.id), Author(user_id=ADMIN))

    def oldest(self, kind: EntityKind) -> EntityRef:
        type_id = KINDS_BY_NAME[kind.upper()].id
        return EntityRef(kind, str(min(each["ID"] for each in self.portal.tables[KINDS[type_id].id])))

    async def fault(self, **fault: Any) -> None:
        await self.bitrix.control("faults", fault)


@asynccontextmanager
async def connected(bitrix: Bitrix, *, numbering: Numbering = DEFAULT_NUMBERING) -> AsyncIterator[Connected]:
    keys = bitrix.sandbox.settings
    settings = Bitrix24Settings(
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        oauth_url=bitrix.oauth,
        request_seconds=20.0,
        retry_seconds=0.01,
    )
    clock, store = OurClock(bitrix.clock), MemoryTokens()
    store.pairs[OFFICE] = read_pair(await bitrix.control("tokens"), clock)
    tokens = PortalTokens(OFFICE, settings, store, bitrix.http, clock)
    transport = Transport(settings, tokens, bitrix.http, clock)
    crm = Bitrix24Crm(OFFICE, transport, portal_url=lambda: store.pairs[OFFICE].base_url, numbering=numbering)
    yield Connected(bitrix, crm, transport, store, clock)
    transport.standing.close()
    await tokens.close()


@asynccontextmanager
async def office(*, numbering: Numbering = DEFAULT_NUMBERING, **changes: Any) -> AsyncIterator[Connected]:
    """A seeded sandbox with settings `changes`, connected."""
    async with running_sandbox(**changes) as bitrix, connected(bitrix, numbering=numbering) as made:
        yield made
