"""Changes of one office, each by the product's own means, undisturbed or with a process killed in the middle.

A change *is made* by somebody: `dozvon apply`, an administrator's page, the CRM's call. It *is taken* by every process.
Who makes it is killed inside the transaction (`stopped.py`); who runs the connection is killed when its old link has
ended, or its new one has just begun, or while it writes what it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp

from integration.process import config
from integration.process.offices import Offices
from integration.storage import Storage
from tests.e2e.admin import Administrator
from tests.e2e.consent import consent
from tests.e2e.crm_site import BORIS
from tests.e2e.dozvon_process import DozvonProcess
from tests.faults.cards import Cards
from tests.faults.place import Place
from tests.faults.stand import PASSWORD, Stand
from tests.faults.stopped import stopped
from tests.lab.waiting import until, until_told

_PATIENCE_SECONDS = 60.0
_REPEAT_SECONDS = 15.0
_EXTENSIONS = itertools.cycle(("118", "119", "120"))
_LINE = "74950000777"
_SECRET = 'secret = "dozvon-secret"'
_PEOPLE = "[account.employee]"

MAKER, TAKER = "maker", "taker"
_BOTH = frozenset({MAKER, TAKER})

_CUT_OFF = (OSError, aiohttp.ClientError, AssertionError, TimeoutError)
"""What a maker raises whose process was killed."""

Make = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    Attributes:
        table: where the transaction that makes it is stopped.
        is_taken: by this process.
        begins: returns when the process that runs the connection is in the middle of it; None: at a random moment.
        takes_by: the table that a process writes when it takes the change.
        short: who is killed in a short run; the other changes are made and taken in the same way.
    """

    name: str
    make: Make
    table: str
    is_taken: Callable[[DozvonProcess], Awaitable[bool]]
    begins: Make | None = None
    takes_by: str | None = None
    short: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decided:
    """What the database says of the office."""

    parts: Mapping[str, Any]
    secrets: Mapping[str, str]
    people: Mapping[str, str | None] | None
    is_connected: bool
    revisions: tuple[int, int]  # of the office and its account; each is that of its newest change

    def says_the_same(self, other: Decided) -> bool:
        mine, theirs = ((each.parts, each.secrets, each.people, each.is_connected) for each in (self, other))
        return mine == theirs


@dataclass(slots=True)
class Outcome:
    """
    Attributes:
        seconds: how long each change took, from its beginning until every process had taken it, undisturbed.
        kills: of the maker and of the taker, by change.
        complaints: half a change, or one that was not taken.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    complaints: list[str] = field(default_factory=list)


class Changes:
    """
    Changes the last place of the stand, `stand.shape.changing`.

    Args:
        is_short: `dozvon apply` runs as a command only where it is killed; else its code runs here, which saves the
            start of a process.
    """

    def __init__(
        self,
        stand: Stand,
        cards: Cards,
        person: Administrator,
        storage: Storage,
        *,
        seed: int,
        is_short: bool = False,
    ) -> None:
        self._stand, self._cards, self._person, self._storage = stand, cards, person, storage
        self._offices = Offices(storage.offices, storage.settings)
        self._config = config.load(stand.processes[0].config)
        self._is_short = is_short
        self._is_to_be_killed = False
        self._rng = random.Random(f"changes {seed}")
        self._commands: dict[int, asyncio.subprocess.Process] = {}
        self._numbers = itertools.count()
        self._extension = ""
        self.outcome = Outcome()

    @property
    def place(self) -> Place:
        return self._stand.places[-1]

    # ---- the changes -----------------------------------------------------------------------------------------------

    def first(self) -> list[Change]:
        """The office comes."""
        return [
            Change(
                name="office added", make=lambda: self._apply(people=True), table="office_changes",
                is_taken=self._is_linked, begins=self._is_asked, short=_BOTH,
            ),
            Change(
                name="CRM connected", make=self._consent, table="tokens",
                is_taken=lambda it: self._crm_is(it, "connected"),
                begins=self._crm_is_asked,
            ),
        ]  # fmt: skip

    def others(self) -> list[Change]:
        """In an order in which every one of them changes something; at the end the office is gone."""
        return [
            Change(
                name="secret wrong", make=lambda: self._apply(secret="wrong"), table="office_changes",
                is_taken=self._is_refused, begins=self._is_unlinked, short=_BOTH,
            ),
            Change(
                name="secret right", make=self._apply, table="offices", is_taken=self._is_linked, begins=self._is_asked
            ),
            Change(
                name="line", make=lambda: self._apply(line=True), table="office_changes",
                is_taken=self._knows_line, takes_by="accounts", short=frozenset({TAKER}),
            ),
            Change(
                name="line and people", make=lambda: self._apply(people=True, extension="117"),
                table="settings_changes", is_taken=lambda it: self._has_phone(it, "117"), takes_by="accounts",
                short=frozenset({MAKER}),
            ),
            Change(
                name="people", make=self._map, table="settings_changes",
                is_taken=lambda it: self._has_phone(it, self._extension), short=frozenset({MAKER}),
            ),
            Change(
                name="CRM disconnected", make=self.place.crm.disconnect, table="tokens",
                # A call of the CRM that was cut off is lost; then Dozvon finds that its tokens have ended.
                is_taken=lambda it: self._crm_is(it, "not_connected", "needs_consent"), short=frozenset({MAKER}),
            ),
            Change(
                name="CRM connected again", make=self._consent, table="tokens",
                is_taken=lambda it: self._crm_is(it, "connected"), begins=self._crm_is_asked, short=frozenset({MAKER}),
            ),
            Change(
                name="office removed", make=self._remove, table="office_changes", is_taken=self._is_gone,
                begins=self._is_unlinked, short=_BOTH,
            ),
        ]  # fmt: skip

    async def _apply(self, *, people: bool = False, secret: str = "", line: bool = False, extension: str = "") -> None:
        text = self.place.section()
        if secret:
            text = text.replace(_SECRET, f'secret = "{secret}"')
        if line:
            text = text.replace(
                "[account.line.default]", f'[account.line.{_LINE}]\nreserve = "115"\n\n[account.line.default]'
            )
        before, _, employees = text.partition(_PEOPLE)
        if extension:
            employees = f'\n{extension} = "{BORIS}"\n'
        text = before + (_PEOPLE + employees if people else "")
        file = self._stand.folder / f"change{next(self._numbers)}.toml"
        file.write_text(text)
        if self._runs_commands:
            await self._command("apply", str(file))
            return
        for plan in await self._offices.plans(self._config, tomllib.loads(text)):
            await self._offices.apply(plan)

    async def _remove(self) -> None:
        if self._runs_commands:
            await self._command("remove", self.place.account)
            return
        await self._offices.apply(await self._offices.removal(self.place.account))

    @property
    def _runs_commands(self) -> bool:
        return self._is_to_be_killed or not self._is_short

    async def _command(self, *arguments: str) -> None:
        """Raises: OSError if it does not end well."""
        file = self._stand.processes[0].config
        command = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "integration", *arguments, "--config", str(file),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._commands[command.pid] = command
        try:
            said, _ = await command.communicate()
        finally:
            del self._commands[command.pid]
        if command.returncode:
            raise OSError(f"dozvon {' '.join(arguments)} ended with {command.returncode}: {said.decode()[-500:]}")

    async def _consent(self) -> None:
        await consent(self._stand.url, self.place.crm, self.place.account, PASSWORD)

    async def _map(self) -> None:
        """On the page of people Boris gets another phone."""
        await self._person.map_people(self.place.account, {BORIS: self._extension})

    # ---- whether a process has taken it ----------------------------------------------------------------------------

    async def _said(self, process: DozvonProcess) -> dict[str, Any] | None:
        found: dict[str, Any] = (await process.health(timeout_seconds=30.0))["accounts"]
        return found.get(self.place.account)

    async def _is_linked(self, process: DozvonProcess) -> bool:
        said = await self._said(process)
        return said is not None and said["pbx"] == "connected"

    async def _is_refused(self, process: DozvonProcess) -> bool:
        said = await self._said(process)
        return said is not None and said["pbx"] == "offline"

    async def _is_gone(self, process: DozvonProcess) -> bool:
        return await self._said(process) is None

    async def _crm_is(self, process: DozvonProcess, *states: str) -> bool:
        said = await self._said(process)
        return said is not None and said["crm"] in states

    async def _knows_line(self, process: DozvonProcess) -> bool:
        """By the page "What would happen"."""
        path = f"/admin/{self.place.account}/route?lang=en&number=79990001122&line={_LINE}"
        return f"Line {_LINE} has its own settings" in await self._person.at(process.url).read(path)

    async def _has_phone(self, process: DozvonProcess, extension: str) -> bool:
        return await self._person.at(process.url).phone(self.place.account, BORIS) == extension

    # ---- the middle of it ------------------------------------------------------------------------------------------

    async def _is_asked(self) -> None:
        """The new link asks the PBX for the first time."""
        asked = self.place.office.asked
        await until(lambda: self.place.office.asked > asked, timeout_seconds=_PATIENCE_SECONDS)

    async def _is_unlinked(self) -> None:
        """The old link has ended."""
        ami = self.place.office.ami
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while ami.is_heard:  # noqa: ASYNC110 - the simulated PBX tells nobody
                await asyncio.sleep(0.002)

    async def _crm_is_asked(self) -> None:
        """A token was got, and the first thing asked with it."""
        crm = self.place.crm
        asked = crm.asked("/api/v4/")
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while crm.asked("/api/v4/") == asked:  # noqa: ASYNC110 - the sandbox tells nobody
                await asyncio.sleep(0.002)

    # ---- carrying one out ------------------------------------------------------------------------------------------

    async def carry_out(self, change: Change, killed: str | None) -> None:
        """`killed`: MAKER, TAKER or nobody."""
        if killed is None or (self._is_short and killed not in change.short):
            await self.undisturbed(change)
        elif killed == MAKER:
            await self._maker_killed(change)
        else:
            await self._taker_killed(change)

    async def undisturbed(self, change: Change) -> None:
        self._next(change)
        began = time.monotonic()
        await change.make()
        await self._taken(change)
        self.outcome.seconds[change.name].append(time.monotonic() - began)

    async def _maker_killed(self, change: Change) -> None:
        """Killed in the middle of the transaction: nothing was changed. Repeated, all is."""
        self._next(change)
        before = await self._decided()
        async with stopped(self._stand.shape.database, change.table) as table:
            self._is_to_be_killed = True
            making = asyncio.create_task(change.make())
            killed = await table.waits(self._makers)
            self._is_to_be_killed = False
            if killed in self._commands:
                self._commands[killed].kill()
            else:
                self._kill(killed)
            with contextlib.suppress(*_CUT_OFF):
                await making
        self.outcome.kills[f"maker of {change.name}"] += 1
        now = await self._decided()
        await self._started()
        after = await self._repeated(change, before)
        if not now.says_the_same(before) and not now.says_the_same(after):
            self.outcome.complaints.append(f"{change.name}: half of it was there: {before}, {now}, {after}")
        await self._taken(change)

    async def _taker_killed(self, change: Change) -> None:
        """The process that runs the connection is killed while it takes the change."""
        self._next(change)
        holder = await self._holder()
        if change.takes_by is not None:
            async with stopped(self._stand.shape.database, change.takes_by) as table:
                making = asyncio.create_task(change.make())
                await table.waits(lambda: [holder.pid] if holder.is_alive else [])
                self._kill(holder.pid)
        else:
            making = asyncio.create_task(change.make())
            await (change.begins() if change.begins else self._at_some_moment(change))
            self._kill((await self._holder(holder)).pid)
        try:
            await making
        except _CUT_OFF:  # it made the change as well
            await self._started()
            await change.make()
        self.outcome.kills[f"taker of {change.name}"] += 1
        await self._started()
        await self._taken(change)

    async def _repeated(self, change: Change, before: Decided) -> Decided:
        """Make it again until something is changed: a call that Dozvon has just had may be left alone for seconds."""
        deadline = time.monotonic() + _REPEAT_SECONDS
        while True:
            await change.make()
            after = await self._decided()
            if not after.says_the_same(before):
                return after
            if time.monotonic() > deadline:
                self.outcome.complaints.append(f"{change.name}: the repetition changed nothing")
                return after
            await asyncio.sleep(0.5)

    def _next(self, change: Change) -> None:
        self.place.office.ledger.disrupted()
        if change.name == "people":
            self._extension = next(_EXTENSIONS)

    async def _at_some_moment(self, change: Change) -> None:
        longest = max(self.outcome.seconds[change.name], default=1.0)
        await asyncio.sleep(self._rng.uniform(0.0, longest))

    async def _taken(self, change: Change) -> None:
        """Wait until every process has taken it."""
        for process in self._stand.processes:
            try:
                await until_told(partial(change.is_taken, process), timeout_seconds=_PATIENCE_SECONDS)
            except TimeoutError:
                self.outcome.complaints.append(f"{change.name}: not taken by the process at {process.url}")

    async def _decided(self) -> Decided:
        account = self.place.account
        storage = self._storage
        office, settings = await storage.offices.get(account), await storage.settings.current(account)
        tokens = await storage.tokens.load(account)
        await self._check_history(office.revision)
        people = {each.key: each.manager for each in settings.settings.employees} if settings else None
        return Decided(
            parts=office.parts,
            secrets=office.secrets,
            people=people,
            is_connected=tokens is not None,
            revisions=(office.revision, settings.revision if settings else 0),
        )

    async def _check_history(self, revision: int) -> None:
        changes = await self._storage.offices.changes(self.place.account, limit=1)
        newest = changes[0].revision if changes else 0
        if newest != revision:
            self.outcome.complaints.append(f"the office is at revision {revision}, its history at {newest}")

    # ---- processes -------------------------------------------------------------------------------------------------

    def _makers(self) -> list[int]:
        return [*self._commands, *(each.pid for each in self._stand.processes if each.is_alive)]

    async def _holder(self, otherwise: DozvonProcess | None = None) -> DozvonProcess:
        """The process with the link to this PBX; at present it may be without one, then who had it."""
        named = f'pbx="{self.place.pbx}"'
        for process in self._stand.processes:
            async with self._stand.session.get(f"{process.url}/metrics") as answer:
                lines = (await answer.text()).splitlines()
            if any(
                line.startswith("dozvon_pbx_connected{") and named in line and line.endswith(" 1.0") for line in lines
            ):
                return process
        return otherwise or self._rng.choice(self._stand.processes)

    def _kill(self, pid: int) -> None:
        """And start it again."""
        process = next(each for each in self._stand.processes if each.pid == pid)
        self._cards.broken()
        for place in self._stand.places:
            place.office.ledger.disrupted()
        process.kill()
        process.launch()

    async def _started(self) -> None:
        """Every process runs again, and the other offices' PBXs are followed."""
        for process in self._stand.processes:
            await process.health(timeout_seconds=_PATIENCE_SECONDS)
        await self._stand.pbx_is_followed()
