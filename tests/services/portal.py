"""The small office of `conftest.py` with a sandbox portal as CRM: its live calls are real requests, the rest a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from connectors.bitrix24.api.tokens import PortalTokens, read_pair
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.clicks import read_request
from connectors.bitrix24.objects import Objects
from connectors.bitrix24.sandbox.calls import Registration, register
from connectors.bitrix24.sandbox.portal import Author, Live
from connectors.bitrix24.settings import Bitrix24Settings
from integration.domain.calls.call import Direction, LegKind, LegResult, Origin, Via
from integration.domain.calls.events import CallEvent, CallStarted, ClientConnected, LegEnded, LegOffered
from integration.domain.crm.entities import Manager
from integration.domain.ids import Extension, LegId, ManagerId, Timestamp
from integration.domain.settings import Employee
from integration.ports.crm_requests import ClickRequested
from integration.ports.stores import OutboxState
from integration.services.crm_clicks import CrmClicks
from integration.testing import FakeClock
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_sandbox_kit import Bitrix, running_sandbox
from tests.services.conftest import ACME, CLIENT, SOMEBODY, World, call, open_world

ADMIN, ANNA, BORIS = ManagerId("1"), ManagerId("14"), ManagerId("15")


@dataclass
class PortalOffice:
    """Anna at 101, Boris at 102; time moves only by the world's clock, in the portal too."""

    world: World
    bitrix: Bitrix
    transport: Transport
    cards: set[tuple[str, int]] = field(default_factory=set)  # open ones: the call and the user

    async def emit(self, *events: CallEvent) -> None:
        await self.world.emit(*events)

    async def now(self, *, after: float = 1.0) -> None:
        """Let a moment pass, and carry out what is due."""
        await self.world.deliver(after=after)

    async def settled(self, seconds: float = 3600.0) -> None:
        """Deliver everything; nothing may be given up."""
        await self.world.deliver_with_pauses(seconds, step=15.0)
        assert [(item.key, item.last_error) for item in await self.world.waiting()] == []
        assert await self.world.in_state(OutboxState.DEAD) == []

    @property
    def live(self) -> list[Live]:
        return list(self.bitrix.portal.live.values())

    @property
    def finished(self) -> list[dict[str, Any]]:
        return self.bitrix.portal.statistics

    def card_at(self, call_id: str) -> set[int]:
        """On whose pages this call's card is open. The end closes only the finisher's."""
        return {user for found, user in self.cards if found == call_id}

    def requests(self, method: str) -> int:
        counted = self.bitrix.sandbox.traffic.by_method
        return sum(count for name, count in counted.items() if name.lower().endswith(method.lower()))

    async def results(self, uniqueid: str = "1.0") -> dict[str, dict[str, Any]]:
        return await self.world.storage.outbox.results(ACME, call(uniqueid))

    async def fault(self, kind: str, method: str = "", **more: Any) -> None:
        body = {"kind": kind, "count": 1, "method": method, "path_prefix": "/rest/", **more}
        await self.bitrix.control("faults", body)

    def _told(self, message: dict[str, Any]) -> None:
        cards = {(message["call"], user) for user in message.get("users", ())} if "call" in message else set()
        if message["kind"] == "call_card":
            self.cards |= cards
        elif message["kind"] == "call_card_hidden":
            self.cards -= cards


@asynccontextmanager
async def open_office(folder: Path, **changes: Any) -> AsyncIterator[PortalOffice]:
    """`changes`: settings of our side, such as `request_seconds`."""
    clock = FakeClock(1_790_000_000.0)
    async with running_sandbox() as bitrix, open_world(folder, clock) as world:
        bitrix.sandbox.now = clock.now
        bitrix.portal.now = clock.now
        bitrix.portal.kind = "self_hosted"  # no limits: the tests' clock stands still while requests are sent
        transport, tokens = await _link(bitrix, clock, changes)
        await _staff(world)
        world.crm.live_calls = PortalCalls(transport, Objects(transport).source_id)
        world.crm.abilities = replace(world.crm.abilities, live_calls=True, inbox=False, recording_links=False)
        office = PortalOffice(world, bitrix, transport)
        tell = bitrix.sandbox.tell_pages

        def told(message: dict[str, Any]) -> None:
            office._told(message)
            tell(message)

        bitrix.sandbox.tell_pages = told  # type: ignore[method-assign]
        yield office
        await tokens.close()


async def _link(bitrix: Bitrix, clock: FakeClock, changes: dict[str, Any]) -> tuple[Transport, PortalTokens]:
    keys = bitrix.sandbox.settings
    options = {"burst": 250, "requests_per_second": 5.0, "request_seconds": 20.0, **changes}
    settings = Bitrix24Settings(
        client_id=keys.client_id, client_secret=keys.client_secret, oauth_url=bitrix.oauth, **options
    )
    store = MemoryTokens()
    store.pairs[ACME] = read_pair(await bitrix.control("tokens"), clock)
    tokens = PortalTokens(ACME, settings, store, bitrix.http, clock)
    return Transport(settings, tokens, bitrix.http, clock), tokens


async def _staff(world: World) -> None:
    world.crm.all_managers = [
        Manager(id=ADMIN, name="Дмитрий Егоров", is_admin=True),
        Manager(id=ANNA, name="Анна Орлова"),
        Manager(id=BORIS, name="Борис Климов"),
        Manager(id=ManagerId("17"), name="Григорий Белов"),
    ]
    await world.accounts.refresh_managers(world.account)
    people = [
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("102"), manager=BORIS),
    ]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)


# ---- what the PBX says -----------------------------------------------------------------------------------------------


def outgoing(at: float, number: str = CLIENT, uniqueid: str = "1.0", *, crm_id: str | None = None) -> CallStarted:
    """`crm_id`: of a click, as it comes back from the PBX."""
    return CallStarted(
        call=call(uniqueid),
        at=Timestamp(at),
        native_id=uniqueid,
        direction=Direction.OUTBOUND,
        caller="101",
        called=number,
        origin=Origin(kind="click", crm_call_id=crm_id) if crm_id else None,
    )


def dialled(at: float, number: str = CLIENT, uniqueid: str = "1.0") -> LegOffered:
    """The client's phone is called."""
    return LegOffered(
        call=call(uniqueid),
        at=Timestamp(at),
        leg=LegId(f"to-{number}"),
        target=number,
        kind=LegKind.EXTERNAL,
        via=Via.DIRECT,
    )


def not_reached(at: float, result: LegResult, number: str = CLIENT, uniqueid: str = "1.0") -> LegEnded:
    return LegEnded(call=call(uniqueid), at=Timestamp(at), leg=LegId(f"to-{number}"), result=result)


def talks(at: float, person: str, uniqueid: str = "1.0", *, with_: str | None = None) -> ClientConnected:
    return ClientConnected(call=call(uniqueid), at=Timestamp(at), person=person, answered_by=with_ or person)


def clicks_of(office: PortalOffice) -> CrmClicks:
    world = office.world
    storage = world.storage
    return CrmClicks(
        world.clicks, storage.calls, storage.phone_book, world.coordination, world.clock, world.delivery.wake
    )


async def clicked(office: PortalOffice, number: str = "+79161234567", user: ManagerId = ANNA) -> ClickRequested:
    """A user clicks a number on the portal's page: the portal registers a call and opens its card. The event for us."""
    portal = office.bitrix.portal
    asked = Registration(
        app=office.bitrix.install.app,
        user_id=int(user),
        number=number,
        type=1,
        started_at=office.world.clock.now(),
        is_repeatable=False,
    )
    live = register(office.bitrix.sandbox, portal, asked, Author(user_id=int(user))).live
    data = {"PHONE_NUMBER": number, "PHONE_NUMBER_INTERNATIONAL": number, "USER_ID": str(user), "CALL_ID": live.id}
    found = read_request("ONEXTERNALCALLSTART", data, office.world.clock.now())
    assert isinstance(found, ClickRequested)
    return found
