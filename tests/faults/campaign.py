"""A campaign of an office among its other calls: its list, and a supervisor who changes it.

It rings an employee first, or clients ahead of employees: whoever answers then waits in the PBX, and is turned away
after two seconds.

`campaign_verdict.py` compares what the PBX dialled with the journal.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from integration.domain.campaigns.model import NO_ATTEMPT
from integration.domain.ids import AccountId, CampaignId
from integration.storage import Storage
from integration.storage.sql.database import open_database
from integration.storage.sql.schema.campaigns import campaign_days
from pbx_adapter.asterisk.simulator.office import Client
from tests.faults.supervisor import Supervisor

CAMPAIGN, NAME = CampaignId("faults"), "Обзвон под сбоями"
MEMBERS = ("120", "121", "122")
"""The first phone also has the office's other calls, and is often busy or not answered."""
MEMBERS_AHEAD = ("120", "121", "122", "123", "124", "125", "126")
"""The same; with fewer than five at work no client is rung ahead of them."""
ANSWERED_BEFORE = 2000
"""Clients who have answered on this day before: while they are few, one who is lost is a share above the ceiling, and
employees' phones ring first."""

_PLAN: dict[str, Any] = {
    "name": NAME, "mode": "progressive", "employees": MEMBERS, "owners": "anybody", "unknown_zone": "office",
    "week": ["00:00-24:00"] * 7, "per_number": 5, "per_contact": 10, "number_per_day": 10, "contact_per_day": 20,
    "gap_minutes": 0, "ring_seconds": 15, "wrap_up_seconds": 1,
    "redial": [
        {"outcome": outcome, "after_minutes": 1, "most": 1}
        for outcome in ("busy", "no_answer", "unreachable", "refused", "machine")
    ],
}  # fmt: skip
_AHEAD = {"mode": "predictive", "employees": MEMBERS_AHEAD, "phones_answer": True, "ceiling_percent": 5}
_LOOK_SECONDS = 1.0
_OPEN = ("open", "taken")
_ZONE = "Europe/Moscow"  # of an office that has set none
EVERY_ATTEMPT = 10**6


@dataclass(frozen=True, slots=True)
class Somebody:
    """A client of the list; `numbers` as the PBX dials them."""

    name: str
    numbers: tuple[str, ...]


def somebody(index: int, *, prefixes: tuple[str, str] = ("7998", "7997")) -> Somebody:
    """Every tenth has a second number, because the first one is busy."""
    first, second = (f"{prefix}{index:07d}" for prefix in prefixes)
    return Somebody(f"Клиент {index}", (first, second) if index % 10 == 6 else (first,))


def phones_of(client: Somebody) -> list[Client]:
    """What the client does when a phone of theirs rings. Every tenth hangs up at once, and is called silent."""
    index = int(client.numbers[0][4:])
    seconds = 5.0 if index % 10 == 9 else 17.0 + index % 13  # of the wall clock 1, and 3.4 to 6
    talks = Client(client.numbers[-1], client.name, answers_after=1.0 + index % 3, talks_for=seconds)
    busy = Client(client.numbers[0], client.name, is_busy=True)
    match index % 10:
        case 0:
            return [busy]
        case 3:
            return [Client(client.numbers[0], client.name, answers_after=None)]
        case 6:
            return [busy, talks]
    return [talks]


@dataclass
class CampaignOf:
    """
    The campaign of one account.

    Attributes:
        gone: numbers that must not be dialled any more, with the moment at which Dozvon said so.
        is_ahead: it rings its clients first.
        paused: from when Dozvon said that it rests, until somebody started it again.
    """

    account: AccountId
    clients: list[Somebody]
    seed: int
    is_ahead: bool = False
    left: tuple[str, ...] = ()  # who kept `finish` waiting
    over_at: float = 0.0  # when it was stopped
    gone: dict[str, float] = field(default_factory=dict)
    paused: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._path = f"/api/offices/{self.account}/account/{self.account}/campaigns/{CAMPAIGN}"
        self._pages = f"/admin/{self.account}/campaigns"
        self._rng = random.Random(f"campaign {self.seed}")
        self._added = 0
        steps = (self._rest, self._strike, self._grow, self._take_out)
        self._steps = itertools.islice(itertools.cycle(steps), self.seed % len(steps), None)

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(number for client in self.clients for number in client.numbers)

    @property
    def added(self) -> list[Somebody]:
        """The clients of its list so far."""
        return self.clients[: self._added]

    async def begin(self, person: Supervisor, database: str, *, first: int | None = None) -> None:
        """Make it, with the first half of its list, or its `first` clients, and start it."""
        plan = _PLAN | _AHEAD if self.is_ahead else _PLAN
        status, made = await person.ask("PUT", self._path, plan, seen="0")
        assert status == 200, made
        if self.is_ahead:
            await self._answered_before(database)
        await self.add(person, len(self.clients) // 2 if first is None else first)

    async def change(self, person: Supervisor) -> None:
        """The next of its changes: a rest, a number that is not called any more, more clients, one client less."""
        await next(self._steps)(person)

    def close_list(self) -> None:
        """Whoever was not added yet never is."""
        self.clients = self.added

    async def finish(self, person: Supervisor, storage: Storage) -> None:
        """Wait until nothing is on its way and everybody was called, and stop it."""
        await self.add(person, len(self.clients))
        while left := await self._left(person, storage):
            self.left = left
            await asyncio.sleep(_LOOK_SECONDS)
        self.left = ()
        await self._put(person, "stopped")
        self.over_at = time.time()

    async def _answered_before(self, database: str) -> None:
        """Fill its ledger; of tomorrow too, for a run that goes on past midnight."""
        today = datetime.now(ZoneInfo(_ZONE)).date()
        rows = [
            {"account": self.account, "campaign": CAMPAIGN, "day": day.isoformat(), "dialled": ANSWERED_BEFORE,
             "live": ANSWERED_BEFORE, "abandoned": 0}
            for day in (today, today + timedelta(days=1))
        ]  # fmt: skip
        opened = await open_database(database)
        try:
            await opened.write(lambda connection: connection.execute(insert(campaign_days), rows), self.account)
        finally:
            await opened.close()

    # ---- its changes -----------------------------------------------------------------------------------------------

    async def _rest(self, person: Supervisor) -> None:
        if not await self._put(person, "paused"):
            return  # its list is done for the moment
        began = time.time()
        await asyncio.sleep(self._rng.uniform(0.5, 3.0))
        self.paused.append((began, time.time()))
        await self._put(person, "running")

    async def _strike(self, person: Supervisor) -> None:
        entry = await self._waiting(person)
        if entry is None:
            return
        number = self._rng.choice(entry["numbers"])["number"]
        await person.send(f"{self._pages}/do-not-call", {"numbers": number, "why": ""})
        self.gone[number.removeprefix("+")] = time.time()

    async def _take_out(self, person: Supervisor) -> None:
        entry = await self._waiting(person)
        if entry is None:
            return
        await person.send(f"{self._pages}/{CAMPAIGN}/entries/{entry['id']}/remove", {"confirmed": "1"})
        now = next(each for each in await self._entries(person) if each["id"] == entry["id"])
        if now["state"] == "removed":  # else it was called at that moment
            self.gone |= {each["number"].removeprefix("+"): time.time() for each in entry["numbers"]}

    async def _grow(self, person: Supervisor) -> None:
        await self.add(person, self._added + 1 + len(self.clients) // 20)

    async def add(self, person: Supervisor, until: int) -> None:
        """More clients, until the list has so many; it goes on if it was done."""
        while self._added < min(until, len(self.clients)):
            part = self.clients[self._added : min(until, self._added + 100)]
            rows = [{"numbers": [f"+{each}" for each in client.numbers], "name": client.name} for client in part]
            status, said = await person.ask("POST", f"{self._path}/entries", {"entries": rows})
            assert status == 200, said
            self._added += len(part)
            await self._put(person, "running")  # its list may have been done

    async def _put(self, person: Supervisor, state: str) -> bool:
        """False: it is finished, and rests by itself."""
        status, said = await person.ask("POST", f"{self._path}/state", {"state": state})
        if status == 409:  # in this state already: the answer to an earlier press was lost; or its list is done
            said = await person.read(self._path)
        assert said["state"] in (state, "finished"), said
        return bool(said["state"] == state)

    # ---- its list --------------------------------------------------------------------------------------------------

    async def _entries(self, person: Supervisor) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            after = f"&after={found[-1]['position']}" if found else ""
            page = (await person.read(f"{self._path}/entries?limit=500{after}"))["entries"]
            found += page
            if len(page) < 500:
                return found

    async def _waiting(self, person: Supervisor) -> dict[str, Any] | None:
        """Somebody of the list who waits for a call."""
        found = [each for each in await self._entries(person) if each["state"] == "open"]
        return self._rng.choice(found) if found else None

    async def _left(self, person: Supervisor, storage: Storage) -> tuple[str, ...]:
        """Who is on their way, or still waits for a first call."""
        attempts = await storage.attempts.log(self.account, CAMPAIGN, limit=EVERY_ATTEMPT)
        under_way = [str(each.id) for each in attempts if each.outcome is None]
        called = {str(each.entry) for each in attempts if each.outcome not in NO_ATTEMPT}
        entries = await self._entries(person)
        waits = [each["name"] for each in entries if each["state"] in _OPEN and each["id"] not in called]
        return (*under_way, *waits)
