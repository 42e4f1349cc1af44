"""A run: the list is dialled from its first client to its last, with Dozvon killed on the way; then the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import aiohttp
from sqlalchemy import insert

from integration.clock import SystemClock
from integration.domain.campaigns.model import NO_ATTEMPT, Attempt
from integration.domain.ids import AccountId, CampaignId
from integration.storage.sql.campaign_attempts import SqlAttempts
from integration.storage.sql.campaign_dialling import SqlDialling
from integration.storage.sql.campaigns import SqlCampaigns
from integration.storage.sql.database import Database, open_database
from integration.storage.sql.schema.campaigns import campaign_days
from tests.e2e.admin import Administrator, administrator
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.house import PASSWORD
from tests.e2e.predictive.clients import EMPLOYEES, Client, Stage
from tests.e2e.predictive.house import CallCentre
from tests.e2e.predictive.verdict import Books, Killed, Verdict, judge
from tests.lab.sip_call import State
from tests.lab.waiting import until, until_told

HOUSE = AccountId("house")
WRAP_UP_SECONDS = 1
CEILING_PERCENT = 3

_OUTCOMES = ("busy", "no_answer", "unreachable", "machine", "refused")
_RULES = {
    "name": "Весна", "mode": "predictive", "phones_answer": "1", "owners": "anybody", "unknown_zone": "office",
    "holidays": "", "per_number": "5", "per_contact": "10", "number_per_day": "2", "contact_per_day": "4",
    "gap_minutes": "600", "ring_seconds": "15", "wrap_up_seconds": str(WRAP_UP_SECONDS),
    "ceiling_percent": str(CEILING_PERCENT), "priority": "0", "max_calls": "0", "on_machine": "not_asked",
    "rounds": "1", "machine_speech_ms": "2500", "person_pause_ms": "600", "machine_words": "6",
    "silence_level": "256",
    **{f"employee.{extension}": "1" for extension in EMPLOYEES},
    **{f"week_{day}": "00:00-24:00" for day in range(7)},
    **{f"redial_{outcome}_{part}": "600" if part == "after" else "2"
       for outcome in _OUTCOMES for part in ("after", "most")},
}  # fmt: skip

_ZONE = "Europe/Moscow"  # of an office that has set none
_BEAT_SECONDS = 0.05
_DEAD_SECONDS = 2.0  # of a service manager, before it starts a process again
_STANDS_STILL_SECONDS = 150.0  # a run in which nothing happens for so long has hung
_SETTLES_SECONDS = 300.0


@dataclass
class Journal:
    """What Dozvon has stored about the campaign."""

    attempts: SqlAttempts
    dialling: SqlDialling
    campaigns: SqlCampaigns
    campaign: CampaignId
    database: Database

    async def begin_day(self, answered: int) -> None:
        """The ledger of the day with so many answers, none of them abandoned."""
        today = datetime.now(ZoneInfo(_ZONE)).date()
        row = {"account": HOUSE, "campaign": self.campaign, "day": today.isoformat(), "dialled": answered,
               "live": answered, "abandoned": 0}  # fmt: skip
        await self.database.write(lambda connection: connection.execute(insert(campaign_days), row), HOUSE)

    async def all(self) -> list[Attempt]:
        """The oldest first."""
        return (await self.attempts.log(HOUSE, self.campaign, limit=5000))[::-1]

    async def is_listed(self, clients: int) -> bool:
        counts = (await self.campaigns.counts(HOUSE)).get(self.campaign)
        return counts is not None and counts.total == clients


@contextlib.asynccontextmanager
async def _opened(database: str, campaign: CampaignId) -> AsyncIterator[Journal]:
    opened, clock = await open_database(database), SystemClock()
    try:
        yield Journal(SqlAttempts(opened, clock), SqlDialling(opened), SqlCampaigns(opened, clock), campaign, opened)
    finally:
        await opened.close()


@dataclass
class Run:
    """
    One run in a house that is open.

    Args:
        kills: how often a process is killed, evenly over the list.
        answered: how many clients have answered today, before this list: while they are few, one lost client is a share
            above the ceiling, and employees' phones ring first.

    Attributes:
        killed: what each kill met.
    """

    house: CallCentre
    clients: Sequence[Client]
    kills: int
    answered: int = 0
    show: Callable[[str], None] = print
    killed: list[Killed] = field(default_factory=list)
    _lag: float = 0.0

    async def play(self) -> Verdict:
        """Raises: TimeoutError: nothing happened any more, or the CRM did not get everything."""
        self.stage = Stage(self.house.office, self.clients)
        watching = asyncio.create_task(self._watch_lag())
        try:
            verdict = await self._played()
        finally:
            watching.cancel()
        verdict.lag = round(self._lag, 2)
        return verdict

    async def _watch_lag(self) -> None:
        """The phones live in this process: what keeps it from running makes them late."""
        while True:
            due = time.monotonic() + _BEAT_SECONDS
            await asyncio.sleep(_BEAT_SECONDS)
            self._lag = max(self._lag, time.monotonic() - due)

    async def _played(self) -> Verdict:
        async with administrator(self.house.url, PASSWORD) as person:
            path = await self._list(person)
            async with _opened(self.house.database, CampaignId(path.rpartition("/")[2])) as journal:
                await until_told(lambda: journal.is_listed(len(self.clients)), timeout_seconds=60.0)
                await journal.begin_day(self.answered)
                began = time.time()
                await person.send(f"{path}/state", {"state": "running"})
                await self._killed_on_the_way(journal)
                await self._over(journal)
                seconds = time.time() - began
                await self._delivered()
                days = await journal.dialling.days(HOUSE, journal.campaign, since=date.min)
                books = Books(
                    attempts=await journal.all(),
                    before=self.answered,
                    live=sum(day.live for day in days.values()),
                    abandoned=sum(day.abandoned for day in days.values()),
                    notes=self.house.crm.call_notes(),
                    tasks=self._tasks(),
                )
        return judge(self.stage, books, self.killed, seconds=seconds, wrap_up=WRAP_UP_SECONDS, ceiling=CEILING_PERCENT)

    async def _list(self, person: Administrator) -> str:
        """The campaign with its list, made on the pages. Returns the path of its page."""
        drawn = re.search(r'name="drawn" value="([0-9a-f]{16})"', await person.read("/admin/house/campaigns/new"))
        assert drawn is not None
        path, page = await person.send("/admin/house/campaigns", {**_RULES, "drawn": drawn[1]})
        assert not path.endswith("/campaigns"), page
        rows = "".join(f"Клиент {place};{client.number}\r\n" for place, client in enumerate(self.clients))
        form = aiohttp.FormData()
        form.add_field("file", f"ФИО;Телефон\r\n{rows}".encode("cp1251"), filename="список.csv")
        uploaded, _ = await person.send(f"{path}/files", form)
        await person.send(f"{uploaded}/begin", {"role_0": "name", "role_1": "phone", "first": "2", "do": "begin"})
        return path

    def _tasks(self) -> list[str]:
        """The numbers of clients for whom there is a task to call back."""
        account = self.house.crm.account
        names = {contact["id"]: contact["name"] for contact in account.contacts.own()}
        return [names.get(task["entity_id"], "") for task in account.tasks.values() if task["entity_id"] in names]

    # ---- kills

    async def _killed_on_the_way(self, journal: Journal) -> None:
        for number in range(1, self.kills + 1):
            share = number / (self.kills + 1)
            await self._moves_on(lambda share=share: len(self.stage.rang) >= share * len(self.clients))  # type: ignore[misc]
            with contextlib.suppress(TimeoutError):  # kill it in any case
                await until(self._is_busy, timeout_seconds=30.0)
            self.killed.append(await self._kill(number, journal))
            self.show(f"killed at client {len(self.stage.rang)}: {self.killed[-1]}")

    def _is_busy(self) -> bool:
        """Employees talk, and other clients' phones ring."""
        talks = sum(call.state is State.UP for call in self.stage.taken)
        return talks >= 2 and any(call.state is State.RINGING for call in self.stage.rang[-4:])

    async def _kill(self, number: int, journal: Journal) -> Killed:
        house, stage = self.house, self.stage
        process = self._victim(number)
        live = [call for call in stage.rang if call.state is not State.ENDED]
        talking = sum(call.state is State.UP for call in live)
        rang, clock = len(stage.rang), house.office.clock
        at = clock()
        process.kill()
        if len(house.processes) == 1:
            await asyncio.sleep(_DEAD_SECONDS)
            await house.restart()
        else:
            process.launch()  # the other one takes over before it is ready
        back = clock() - at
        await self._moves_on(lambda: len(stage.rang) > rang)
        return Killed(
            at=at,
            talking=talking,
            ringing=len(live) - talking,
            numbers=[call.called for call in live],
            back_after=round(back, 1),
            dials_after=round(stage.rang[rang].at["start"] - at, 1),
        )

    def _victim(self, number: int) -> DozvonProcess:
        """The one that dials; the second time the one that is linked to the PBX."""
        if len(self.house.processes) == 1:
            return self.house.dozvon
        return self.house.dialling() if number % 2 else self.house.linked()

    # ---- the end

    async def _moves_on(self, condition: Callable[[], bool]) -> None:
        """Wait for it as long as calls come."""
        while not condition():
            seen = len(self.stage.rang)
            await until(lambda: condition() or len(self.stage.rang) > seen, timeout_seconds=_STANDS_STILL_SECONDS)  # noqa: B023

    async def _over(self, journal: Journal) -> None:
        """Wait until each client's attempt has an outcome."""
        dialled = -1
        while dialled < len(self.clients):
            await until_told(lambda: self._done(journal, dialled), timeout_seconds=_STANDS_STILL_SECONDS)  # noqa: B023
            dialled = await self._count(journal)
            if dialled % 20 == 0:
                self.show(f"{dialled} of {len(self.clients)} clients")

    async def _done(self, journal: Journal, before: int) -> bool:
        return await self._count(journal) > before

    async def _count(self, journal: Journal) -> int:
        ended = [each for each in await journal.all() if each.outcome is not None]
        return len({each.number for each in ended if each.outcome not in NO_ATTEMPT})

    async def _delivered(self) -> None:
        """Wait until the CRM has everything."""
        for process in self.house.processes:
            if process.is_alive:
                await process.settled(timeout_seconds=_SETTLES_SECONDS)
