"""A manager's panel without a browser: their own list, and the parts that dial it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count

from integration.domain.calls.call import Direction, HangupBy, LegKind, LegResult, Origin, Via
from integration.domain.calls.events import (
    CallEnded,
    CallEvent,
    CallStarted,
    ClientConnected,
    LegAnswered,
    LegEnded,
    LegOffered,
)
from integration.domain.calls.ownership import own_list_call_id
from integration.domain.campaigns.model import Attempt
from integration.domain.campaigns.own_list import OwnList
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AttemptId, LegId, ManagerId, call_id
from integration.services.cluster.live_calls import LiveCalls
from integration.services.crm_selections import CrmSelections
from integration.services.own_lists.desk import Action, OwnListDesk, Placed
from integration.services.own_lists.dialler import OwnListCalls, OwnListDialler
from tests.services.conftest import ACME, ANNA, PBX, World


def desk_of_lists(world: World, wake: asyncio.Event) -> OwnListDesk:
    storage = world.storage
    return OwnListDesk(
        lists=storage.own_lists,
        selections=CrmSelections(
            storage.campaigns, storage.entries, storage.phone_book, lambda account: account, world.news.tell
        ),
        do_not_call=storage.do_not_call,
        presses=world.presses,
        hub=world.hub,
        clock=world.clock,
        office_of=lambda account: account,
        wake=wake,
    )


class Panel:
    """Anna's panel with the parts that dial for it."""

    def __init__(self, world: World) -> None:
        self.world = world
        storage = world.storage
        self.observed = OwnListCalls()
        world.tracking._observers = [*world.tracking._observers, self.observed]
        wake = self.wake = asyncio.Event()
        live_calls = LiveCalls({ACME: {world.pbx.id: world.tracking}}, storage.calls)
        self.desk = desk_of_lists(world, wake)
        drawn = count(1)
        self.dialler = OwnListDialler(
            desk=self.desk,
            lists=storage.own_lists,
            journal=storage.attempts,
            calls=storage.calls,
            watches=storage.watches,
            clicks=world.clicks,
            live_calls=live_calls,
            accounts=world.accounts,
            hub=world.hub,
            clock=world.clock,
            observed=self.observed,
            wake=wake,
            draw=lambda: f"attempt-{next(drawn)}",
        )
        self.page = world.page(ANNA)

    async def own(self) -> OwnList:
        return await self.world.storage.own_lists.get(ACME, ANNA)

    async def select(self, *people: tuple[str, ...], manager: ManagerId = ANNA) -> Placed:
        persons = [
            Person(
                ref=EntityRef(EntityKind.CONTACT, f"9{number}"),
                name=f"Клиент {number}",
                responsible=None,
                phones=phones,
                updated_at=1,
            )
            for number, phones in enumerate(people, 1)
        ]
        world = self.world
        await world.storage.phone_book.put_persons(ACME, persons, numbering=world.account.settings.numbering)
        return await self.desk.add(world.account, manager, [each.ref for each in persons])

    async def press(self, action: Action, key: int | None = None) -> None:
        await self.desk.press(self.world.account, ANNA, action, key)

    async def pass_seconds(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        await self.dialler.take(self.world.account, ANNA)

    async def hear(self, *events: CallEvent) -> None:
        await self.world.emit(*events)
        while not self.observed.heard.empty():
            await self.dialler.hear(*self.observed.heard.get_nowait())

    async def starts(self, *people: tuple[str, ...]) -> None:
        await self.select(*people)
        await self.press(Action.START)
        await self.pass_seconds(0)

    @property
    def dialled(self) -> list[str]:
        return [click.number for click in self.world.pbx.clicks]

    async def attempt(self, number: int) -> Attempt:
        found = await self.world.storage.attempts.get(ACME, AttemptId(f"attempt-{number}"))
        assert found is not None
        return found

    def call(self, attempt: int) -> Iterable[CallEvent]:
        """The PBX reports the call: Anna has taken her phone, the client's rings."""
        now = self.world.clock.now()
        key = call_id(PBX, f"{attempt}.0")
        number = self.world.pbx.clicks[-1].number
        yield CallStarted(
            call=key,
            at=now,
            native_id=f"{attempt}.0",
            direction=Direction.OUTBOUND,
            caller="101",
            called=number,
            origin=Origin(kind="click", crm_call_id=own_list_call_id(ACME, AttemptId(f"attempt-{attempt}"))),
        )
        yield LegOffered(call=key, at=now, leg=LegId("101"), target="101", kind=LegKind.EXTENSION, via=Via.DIRECT)
        yield LegAnswered(call=key, at=now, leg=LegId("101"))
        yield LegOffered(call=key, at=now, leg=LegId("out"), target=number, kind=LegKind.EXTERNAL, via=Via.DIRECT)

    def answer(self, attempt: int) -> Iterable[CallEvent]:
        key, now = call_id(PBX, f"{attempt}.0"), self.world.clock.now()
        yield LegAnswered(call=key, at=now, leg=LegId("out"))
        yield ClientConnected(call=key, at=now, person="101", answered_by=self.world.pbx.clicks[-1].number)

    def end(self, attempt: int, result: LegResult | None = None, cause: int = 16) -> Iterable[CallEvent]:
        key, now = call_id(PBX, f"{attempt}.0"), self.world.clock.now()
        if result is not None:
            yield LegEnded(call=key, at=now, leg=LegId("out"), result=result, cause=cause)
        yield CallEnded(call=key, at=now, hangup_by=HangupBy.CALLEE, cause=cause)
