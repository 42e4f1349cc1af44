"""A campaign of the small office, its dialler step by step, and phones that do what a test says."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import insert

from integration.domain.calls.call import Direction, HangupBy, LegKind, LegResult, Origin, Via
from integration.domain.calls.events import (
    CallEnded,
    CallEvent,
    CallStarted,
    ClientConnected,
    ClientTurnedAway,
    ClientWaiting,
    KeyPressed,
    LegAnswered,
    LegEnded,
    LegOffered,
    LegRinging,
    MessagePlayed,
    MessageStarted,
)
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import Attempt, CampaignState, Entry, EntryNumber, Mode
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.campaigns.windows import day_of
from integration.domain.ids import CallId, CampaignId, LegId, ManagerId, Timestamp
from integration.errors import Rejected
from integration.ports.campaigns import EntryQuery, NewEntry, lease_name
from integration.ports.coordination import Lease
from integration.ports.dialling import DiallingNow
from integration.ports.pbx import CampaignCall
from integration.services.campaign_sounds import CampaignReceptions, CampaignSounds
from integration.services.cluster.live_calls import LiveCalls
from integration.services.dialling.desk import Desk
from integration.services.dialling.floor import Floor, Sources
from integration.services.dialling.journals import Journals
from integration.services.dialling.run import CampaignRun
from integration.services.extensions import KnownExtensions
from integration.services.offers import Offers
from integration.storage.sql.schema.campaigns import campaign_days
from tests.services.conftest import ACME, World

SPRING = CampaignId("spring")
MOSCOW = "Europe/Moscow"
ALWAYS = ("00:00-24:00",) * 7
PLAN = CampaignPlan(
    name="Весна", mode=Mode.PROGRESSIVE, employees=("101", "102"), week=ALWAYS, wrap_up_seconds=20, ring_seconds=25
)
EVERY_STATE = tuple(CampaignState)


def number(index: int) -> str:
    return f"+7916123{index:04}"


def somebody(index: int, *more: int, responsible: ManagerId | None = None) -> NewEntry:
    numbers = tuple(EntryNumber(e164=number(each), zones=(MOSCOW,)) for each in (index, *more))
    return NewEntry(numbers=numbers, name=f"Клиент {index}", responsible=responsible)


def a_wav() -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes((b"\x10\x27" * 8 + b"\xf0\xd8" * 8) * 500)
    return target.getvalue()


@dataclass
class FakeSpeech:
    """Implements `ports.speech.Speech`. `error` is raised instead of speaking."""

    said: list[tuple[str, str]] = field(default_factory=list)
    error: Rejected | None = None
    languages: frozenset[str] = frozenset({"ru", "uk", "en"})

    async def speak(self, text: str, language: str) -> bytes:
        if self.error is not None:
            raise self.error
        self.said.append((text, language))
        return a_wav()


@dataclass
class Phones:
    """Plays what the phones do in the calls that the PBX was asked for."""

    world: World
    seen: int = 0

    def new(self) -> list[CampaignCall]:
        """Calls that the PBX was asked for since the last look."""
        fresh = self.world.pbx.dialled[self.seen :]
        self.seen = len(self.world.pbx.dialled)
        return fresh

    async def employee_rings(self, asked: CampaignCall) -> CallId:
        call = await self._begins(asked, caller=asked.extension)
        await self._emit(
            LegOffered(
                call=call, at=self._now, leg=LegId("own"), target=asked.extension, kind=LegKind.EXTENSION, via=Via.CLICK
            ),
            LegRinging(call=call, at=self._now, leg=LegId("own")),
        )
        return call

    async def client_rings(self, asked: CampaignCall) -> CallId:
        """The employee picks up, and the client's phone rings."""
        call = await self.employee_rings(asked)
        await self._emit(LegAnswered(call=call, at=self._now, leg=LegId("own")))
        await self._client_phone_rings(call, asked)
        return call

    async def talk(self, asked: CampaignCall) -> CallId:
        call = await self.client_rings(asked)
        await self._emit(
            LegAnswered(call=call, at=self._now, leg=LegId("client")),
            ClientConnected(call=call, at=self._now, person=asked.extension, answered_by=asked.number),
        )
        return call

    async def busy(self, asked: CampaignCall) -> CallId:
        return await self.ends(asked, LegResult.BUSY, 17)

    async def ends(self, asked: CampaignCall, result: LegResult, cause: int) -> CallId:
        """The client's phone or the carrier refuses the call."""
        call = await self.client_rings(asked)
        await self._emit(LegEnded(call=call, at=self._now, leg=LegId("client"), result=result, cause=cause))
        await self.hang_up(call)
        return call

    async def client_gives_up(self, call: CallId) -> None:
        """The call ends while the client's phone rings."""
        await self._emit(LegEnded(call=call, at=self._now, leg=LegId("client"), result=LegResult.CANCELLED, cause=127))
        await self.hang_up(call)

    async def employee_does_not_answer(self, asked: CampaignCall) -> CallId:
        call = await self.employee_rings(asked)
        await self._emit(LegEnded(call=call, at=self._now, leg=LegId("own"), result=LegResult.NOANSWER, cause=19))
        await self.hang_up(call)
        return call

    async def rings_first(self, asked: CampaignCall) -> CallId:
        """The phone of a client who was rung first rings."""
        call = await self._begins(asked, caller="")
        await self._client_phone_rings(call, asked)
        return call

    async def waiting(self, asked: CampaignCall) -> CallId:
        """A client who was rung first has answered, and waits for an employee."""
        call = await self.rings_first(asked)
        await self._emit(
            LegAnswered(call=call, at=self._now, leg=LegId("client")), ClientWaiting(call=call, at=self._now)
        )
        return call

    async def hears(self, asked: CampaignCall, *, keys: str) -> CallId:
        """The client answers, hears the whole message, presses keys and hangs up."""
        call = await self.rings_first(asked)
        await self._emit(
            LegAnswered(call=call, at=self._now, leg=LegId("client")), MessageStarted(call=call, at=self._now)
        )
        self.world.clock.advance(6.0)
        await self._emit(
            MessagePlayed(call=call, at=self._now), *(KeyPressed(call=call, at=self._now, key=key) for key in keys)
        )
        await self.hang_up(call)
        return call

    async def takes(self, call: CallId, extension: str) -> None:
        """The phone of the employee to whom a client was handed over has answered."""
        leg = LegId(f"to-{extension}")
        await self._emit(
            LegOffered(call=call, at=self._now, leg=leg, target=extension, kind=LegKind.EXTENSION, via=Via.TRANSFER),
            LegAnswered(call=call, at=self._now, leg=leg),
            ClientConnected(call=call, at=self._now, person=extension, answered_by=extension),
        )

    async def turned_away(self, call: CallId) -> None:
        """Nobody came: the client hears the announcement and is released."""
        await self._emit(
            ClientTurnedAway(call=call, at=self._now),
            CallEnded(call=call, at=self._now, hangup_by=HangupBy.SYSTEM, cause=16),
        )

    async def hang_up(self, call: CallId) -> None:
        await self._emit(CallEnded(call=call, at=self._now, hangup_by=HangupBy.CALLEE, cause=16))

    async def _begins(self, asked: CampaignCall, *, caller: str) -> CallId:
        call = self.world.pbx.call_of(asked.attempt)
        await self._emit(
            CallStarted(
                call=call,
                at=self._now,
                native_id=asked.attempt,
                direction=Direction.OUTBOUND,
                caller=caller,
                called=asked.number.removeprefix("+"),
                origin=Origin(kind="click", request_id=asked.attempt),
            )
        )
        return call

    async def _client_phone_rings(self, call: CallId, asked: CampaignCall) -> None:
        leg = LegId("client")
        await self._emit(
            LegOffered(call=call, at=self._now, leg=leg, target=asked.number, kind=LegKind.EXTERNAL, via=Via.DIRECT),
            LegRinging(call=call, at=self._now, leg=leg),
        )

    @property
    def _now(self) -> Timestamp:
        return self.world.clock.now()

    async def _emit(self, *events: CallEvent) -> None:
        await self.world.tracking.on_events(events)


def offers_of(world: World, process: str) -> Offers:
    """As each process has its own."""
    storage = world.storage
    return Offers(
        dialling=storage.dialling,
        campaigns=storage.campaigns,
        entries=storage.entries,
        hub=world.hub,
        coordination=world.coordination,
        clock=world.clock,
        process=process,
    )


@dataclass
class Scene:
    world: World
    phones: Phones
    told: list[str] = field(default_factory=list)
    speech: FakeSpeech = field(default_factory=FakeSpeech)
    desk: Desk = field(init=False)
    lease: Lease = field(init=False)
    offers: Offers = field(init=False)
    run: CampaignRun = field(init=False)

    def __post_init__(self) -> None:
        self.offers = offers_of(self.world, "here")

    async def start(
        self, *clients: NewEntry, plan: CampaignPlan = PLAN, campaign: CampaignId = SPRING, **changes: Any
    ) -> None:
        """A running campaign with these clients, and this process dials it."""
        storage = self.world.storage
        await storage.campaigns.make(ACME, campaign, replace(plan, **changes), by="Ольга")
        await storage.entries.add(ACME, campaign, list(clients), office=ACME)
        await self.put(CampaignState.RUNNING, campaign)
        if not hasattr(self, "desk"):
            self.new_process()
        await self.take(campaign)

    def new_process(self) -> None:
        """Another process: it knows what is stored, and nothing else."""
        storage = self.world.storage
        sources = Sources(
            calls=storage.calls,
            live_calls=LiveCalls({}, storage.calls),
            attempts=storage.attempts,
            do_not_call=storage.do_not_call,
            phone_book=storage.phone_book,
            own_lists=storage.own_lists,
            extensions=KnownExtensions(self.world.clock),
            days=lambda _: {},
            office_of=lambda account: account,
            accounts_of=lambda office: [office],
            clock=self.world.clock,
            receptions=CampaignReceptions(CampaignSounds(self.speech), storage.campaign_sounds),
            watches=storage.watches,
            offers=self.offers,
        )
        self.offers.take = lambda press: self.desk.pressed(press)
        self.desk = Desk(Floor(self.world.account, sources), asyncio.Event(), self.told.append)

    async def take(self, campaign: CampaignId = SPRING) -> None:
        """Take the lease, also from a process that was killed."""
        storage = self.world.storage
        (self.lease,) = await storage.leases.acquire(
            [lease_name(ACME, campaign)], holder=f"{id(self.desk)}", ttl_seconds=0.0
        )
        run = CampaignRun(campaign, self.desk.floor, self.journals, self.lease)
        await run.begin()
        self.desk.take(run)
        self.run = run

    @property
    def journals(self) -> Journals:
        storage = self.world.storage
        return Journals(
            campaigns=storage.campaigns,
            entries=storage.entries,
            attempts=storage.attempts,
            dialling=storage.dialling,
            callbacks=storage.callbacks,
        )

    async def step(self, *, after: float = 0.0) -> list[CampaignCall]:
        """Let some seconds pass, then let the dialler look. Returns the calls that it asked the PBX for."""
        self.world.clock.advance(after)
        await self.desk.step()
        return self.phones.new()

    async def answered_today(self, live: int, *, abandoned: int = 0, campaign: CampaignId = SPRING) -> None:
        """The ledger of the day, before anything is dialled."""
        day = day_of(self.world.clock.now(), self.world.account.settings.zone)
        row = {"account": ACME, "campaign": campaign, "day": day.isoformat(), "dialled": live, "live": live,
               "abandoned": abandoned}  # fmt: skip
        await self.world.storage.database.write(lambda connection: connection.execute(insert(campaign_days), row), ACME)

    async def put(self, state: CampaignState, campaign: CampaignId = SPRING) -> None:
        assert await self.world.storage.campaigns.set_state(ACME, campaign, state, by="Ольга", only_from=EVERY_STATE)

    async def attempts(self, campaign: CampaignId = SPRING) -> list[Attempt]:
        """The newest last."""
        return (await self.world.storage.attempts.log(ACME, campaign))[::-1]

    async def entries(self, campaign: CampaignId = SPRING) -> Sequence[Entry]:
        return [each.entry for each in await self.world.storage.entries.listing(ACME, campaign, EntryQuery())]

    async def now(self, campaign: CampaignId = SPRING) -> DiallingNow:
        return (await self.world.storage.dialling.now(ACME))[campaign]

    async def hold(self, campaign: CampaignId = SPRING) -> Hold:
        return Hold((await self.now(campaign)).hold.code)


def scene_of(world: World) -> Scene:
    world.pbx.is_connected = True
    return Scene(world, Phones(world))
