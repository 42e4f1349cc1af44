"""The changes of one office: how each is made, by the product's own means, and how to see that a process has taken it.

`carrying_out.py` makes them, undisturbed or with a process killed in the middle.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import tomllib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from integration.process import config
from integration.process.offices import Offices
from integration.storage import Storage
from tests.e2e.admin import Administrator
from tests.e2e.consent import consent
from tests.e2e.crm_site import BORIS
from tests.e2e.dozvon_process import DozvonProcess
from tests.faults.place import Place, boris_and_one_of_the_campaign
from tests.faults.stand import PASSWORD, Stand
from tests.lab.cores import on_the_measured_core
from tests.lab.waiting import until

_PATIENCE_SECONDS = 180.0
_EXTENSIONS = itertools.cycle(("118", "119", "120"))
_LINE = "74950000777"
_SECRET = 'secret = "dozvon-secret"'
_PEOPLE = "[account.employee]"

MAKER, TAKER = "maker", "taker"
_BOTH = frozenset({MAKER, TAKER})

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
        is_needed: the changes after it need it, whoever is killed.
    """

    name: str
    make: Make
    table: str
    is_taken: Callable[[DozvonProcess], Awaitable[bool]]
    begins: Make | None = None
    takes_by: str | None = None
    short: frozenset[str] = frozenset()
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What the database says of the office."""

    parts: Mapping[str, Any]
    secrets: Mapping[str, str]
    people: Mapping[str, str | None] | None
    is_connected: bool

    def differs_in(self, other: Decided) -> set[str]:
        names = ("parts", "secrets", "people", "is_connected")
        return {name for name in names if getattr(self, name) != getattr(other, name)}


class Changes:
    """
    Those of the last place of the stand, `stand.shape.changing`.

    Attributes:
        runs_commands: `dozvon apply` and `remove` run as commands; else their code runs here, which saves the start of
            a process.
        commands: that run now, by their process ids.
    """

    def __init__(self, stand: Stand, person: Administrator, storage: Storage) -> None:
        self._stand, self._person, self._storage = stand, person, storage
        self._offices = Offices(storage.offices, storage.settings)
        self._config = config.load(stand.processes[0].config)
        self.runs_commands = True
        self.commands: dict[int, asyncio.subprocess.Process] = {}
        self._numbers = itertools.count()
        self._extension = next(_EXTENSIONS)

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
                name="secret right", make=self._apply, table="offices", is_taken=self._is_linked, begins=self._is_asked,
                is_needed=True,
            ),
            Change(
                name="line", make=lambda: self._apply(line=True), table="office_changes",
                is_taken=self._knows_line, takes_by="accounts", short=frozenset({TAKER}),
            ),
            Change(
                name="line and people", make=lambda: self._apply(people=True, extension="117"),
                table="settings_changes", is_taken=lambda it: self._has_phone(it, "117"),
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
            employees = boris_and_one_of_the_campaign(extension)
        text = before + (_PEOPLE + employees if people else "")
        file = self._stand.folder / f"change{next(self._numbers)}.toml"
        file.write_text(text)
        if self.runs_commands:
            await self._command("apply", str(file))
            return
        for plan in await self._offices.plans(self._config, tomllib.loads(text)):
            await self._offices.apply(plan)

    async def _remove(self) -> None:
        if self.runs_commands:
            await self._command("remove", self.place.account)
            return
        await self._offices.apply(await self._offices.removal(self.place.account))

    async def _command(self, *arguments: str) -> None:
        """Raises: OSError if it does not end well."""
        file = self._stand.processes[0].config
        program = on_the_measured_core([sys.executable, "-m", "integration", *arguments, "--config", str(file)])
        command = await asyncio.create_subprocess_exec(
            *program,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self.commands[command.pid] = command
        try:
            said, _ = await command.communicate()
        finally:
            del self.commands[command.pid]
        if command.returncode:
            raise OSError(f"dozvon {' '.join(arguments)} ended with {command.returncode}: {said.decode()[-500:]}")

    async def _consent(self) -> None:
        await consent(self._stand.url, self.place.crm, self.place.account, PASSWORD)

    async def _map(self) -> None:
        """On the page of people Boris gets another phone; the same one if this is a repetition."""
        await self._person.map_people(self.place.account, {BORIS: self._extension})

    def another_phone(self) -> None:
        """The next change of people is another one than before."""
        self._extension = next(_EXTENSIONS)

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

    # ---- what is decided -------------------------------------------------------------------------------------------

    async def decided(self) -> Decided:
        """What the database says now."""
        account, storage = self.place.account, self._storage
        office, settings = await storage.offices.get(account), await storage.settings.current(account)
        tokens = await storage.tokens.load(account)
        people = {each.key: each.manager for each in settings.settings.employees} if settings else None
        return Decided(
            parts=office.parts,
            secrets=office.secrets,
            people=people,
            is_connected=tokens is not None,
        )

    async def history_fits(self) -> bool:
        """Whether the newest change that is kept made the office's revision."""
        account = self.place.account
        changes = await self._storage.offices.changes(account, limit=1)
        return (changes[0].revision if changes else 0) == (await self._storage.offices.get(account)).revision
