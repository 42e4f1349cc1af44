"""A house for one test: a real Asterisk with phones, a sandbox CRM, and Dozvon as a process between them.

`CrmHouse` has the words of the end-to-end list, which is the same for every CRM; `portal_house.py` is its other house.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp

from connectors.amocrm.sandbox.api_work import new_task
from integration.services.passwords import hashed
from tests.databases import with_tables
from tests.e2e.consent import consent
from tests.e2e.crm_site import ANNA, BORIS, COMPANY, DMITRY, VERA, CrmSite, Note, employees
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.portal_site import PortalSite
from tests.lab.asterisk import AGI_PATH, DOZVON_USER, AmiUser
from tests.lab.office import Office
from tests.lab.ports import free_port
from widgets.pack import build_amocrm

PASSWORD = "house of the lab"
CRMS = ("amocrm", "bitrix24")  # of the end-to-end list
MIRRORED = "phone book compared with the CRM"

_HASH = hashed(PASSWORD)
_BUSY = 7  # `call_status` of amoCRM

_ASTERISK = """\
host = "127.0.0.1"
port = {ami_port}
username = "{ami.name}"
secret = "{ami.secret}"
trunks = ["trunk"]
originate_context = "internal"
recordings = {{ path = "{recordings}", pbx_path = "{pbx_recordings}" }}
sounds = {{ path = "{sounds}", pbx_path = "{pbx_sounds}" }}
fastagi = {{ host = "127.0.0.1", port = {agi_port}, path = "{agi_path}" }}
"""

_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
public_url = "{url}"
data_dir = "{data}"
admin_password = '{password}'

[[account]]
id = "house"
pbx_id = "office"
default_responsible = "{default_responsible}"

{crm}
[account.asterisk]
{asterisk}
[account.line.default]
responsible_seconds = 2
{line}
{employees}"""


def asterisk_keys(office: Office, *, ami: AmiUser = DOZVON_USER, **changes: Any) -> str:
    """The configuration that connects Dozvon to the office's Asterisk, below the table's name."""
    asterisk = office.asterisk
    values = {
        "ami_port": asterisk.ports.ami, "ami": ami, "recordings": asterisk.monitor,
        "pbx_recordings": f"{asterisk.base}/spool/monitor", "sounds": asterisk.sounds,
        "pbx_sounds": f"{asterisk.base}/sounds", "agi_port": office.fastagi_port, "agi_path": AGI_PATH,
    }  # fmt: skip
    return _ASTERISK.format(**values | changes)


async def played(session: aiohttp.ClientSession, url: str, link: str) -> bytes:
    """The recording at the address in a CRM, from the Dozvon at `url`."""
    assert link.startswith(f"{url}/r/")
    async with session.get(link) as answer:
        assert (answer.status, answer.content_type) == (200, "audio/mpeg")
        return await answer.read()


@dataclass(frozen=True, slots=True)
class People:
    """Users of the CRM with a phone: 101, 102, 103. `administrator`: gets what nobody has."""

    anna: int
    boris: int
    vera: int
    administrator: int


Client = tuple[str, int]
"""Kind (`contact`, `lead`, ...) and id."""


@dataclass(frozen=True, slots=True)
class CallInCrm:
    """A call as the CRM has it. `client`: None: nobody's. `why_not`: of one that was not answered."""

    direction: Literal["in", "out"]
    number: str  # digits
    manager: int
    seconds: int
    client: Client | None
    why_not: Literal["", "missed", "busy", "failed"] = ""


@dataclass(frozen=True, slots=True)
class TaskInCrm:
    text: str
    responsible: int
    due_at: float


class CrmHouse(ABC):
    """
    A house with any CRM: what the end-to-end list asks of it. `dozvon` is configured but not started; `move_in` starts
    and connects it.

    Attributes:
        folder: has the configuration, the log and, in `data`, Dozvon's data.
        people: who works there; Ivan Petrov is a client of Anna's with a company and an open deal.
        company, deal, stage: Ivan's, as the card names them.
        moves_calls: whether a call goes to the client whom a manager has chosen or made in the card.
    """

    people: People
    company: str
    deal: str
    stage: str
    moves_calls: bool

    def __init__(self, office: Office, folder: Path, session: aiohttp.ClientSession) -> None:
        self.office, self.folder, self.session = office, folder, session
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "dozvon.toml"
        with_tables(folder / "data")
        self.dozvon = DozvonProcess(self.config, self.url, session)

    @property
    @abstractmethod
    def crm(self) -> CrmSite | PortalSite: ...

    @property
    @abstractmethod
    def _employees(self) -> str: ...

    def configure(self, *, ami: AmiUser = DOZVON_USER, **changes: Any) -> None:
        """Write the configuration; `changes` replace single values of it (`recordings`, `data`, `line`, ...)."""
        values: dict[str, Any] = {
            "port": self.port, "url": self.url, "data": self.folder / "data", "password": _HASH,
            "crm": self.crm.table(), "employees": self._employees, "line": "",
            "default_responsible": self.people.administrator,
            "asterisk": asterisk_keys(self.office, ami=ami, **changes),
        }  # fmt: skip
        self.config.touch(0o600)
        self.config.write_text(_CONFIG.format(**values | changes))

    async def move_in(self, *, disk: str = "") -> None:
        """Start Dozvon, connect both sides, and wait until it knows the CRM's clients."""
        if not self.dozvon.is_alive:
            self.dozvon.launch(disk=disk)
        await self.dozvon.health(pbx="connected")
        await self.consent()
        await self.dozvon.health(pbx="connected", crm="connected")
        await self.dozvon.says(MIRRORED)

    async def restart(self) -> None:
        """A new process on the same data, connected to both sides again."""
        await self.dozvon.start(pbx="connected", crm="connected")

    @abstractmethod
    async def consent(self) -> None:
        """The administrator's steps that connect the CRM."""

    @abstractmethod
    async def install_widget(self) -> None:
        """The administrator's steps that show our card in the CRM's pages."""

    @abstractmethod
    async def calls_once(self, count: int = 1, *, recorded: bool = True) -> list[CallInCrm]:
        """Wait until everything is delivered; check that the CRM has this many calls, each once, with recordings."""

    async def call_once(self, *, recorded: bool = True) -> CallInCrm:
        [found] = await self.calls_once(recorded=recorded)
        return found

    @abstractmethod
    async def rang_nobody(self) -> None:
        """Check what a click leaves behind for which the client was not called."""

    @abstractmethod
    def contact_named(self, name: str) -> tuple[Client, int]:
        """The contact with this name, and its responsible user. Raises: LookupError."""

    @abstractmethod
    def add_contact(self, name: str, responsible: int, *numbers: str, task: str = "") -> Client:
        """A contact with these numbers in this order, and with an open task of Anna's that is due in an hour."""

    @abstractmethod
    def rename_ivan(self, name: str, company: str) -> None: ...

    @abstractmethod
    def tasks(self, client: Client) -> list[TaskInCrm]: ...

    @abstractmethod
    def texts(self, client: Client) -> list[tuple[str, int | None]]:
        """The notes in the client's feed, the oldest first, with their author; None: the CRM has no field for one."""

    @abstractmethod
    def deals(self, contact: Client) -> list[tuple[str, int]]:
        """Name and responsible user of the contact's deals."""


class House(CrmHouse):
    """With the sandbox amoCRM."""

    people = People(ANNA, BORIS, VERA, DMITRY)
    company, deal, stage = COMPANY, "Кухонный гарнитур для Петрова", "Переговоры"
    moves_calls = True

    def __init__(self, office: Office, folder: Path, session: aiohttp.ClientSession) -> None:
        super().__init__(office, folder, session)
        self._crm = CrmSite(free_port(), f"{self.url}/oauth/amocrm/house")
        self.configure()

    @property
    def crm(self) -> CrmSite:
        return self._crm

    @property
    def _employees(self) -> str:
        return employees()

    async def consent(self) -> None:
        """The administrator's steps: sign in to Dozvon, press "connect", allow it on the CRM's page."""
        await consent(self.url, self.crm, "house", PASSWORD)

    async def install_widget(self) -> None:
        """Upload the archive that `dozvon widget build amocrm` writes, on the CRM's page of integrations."""
        archive = build_amocrm(self.folder / "widget.zip", self.url)
        form = aiohttp.FormData()
        form.add_field("archive", archive.read_bytes(), filename="widget.zip", content_type="application/zip")
        upload = self.session.post(f"{self.crm.url}/page/integrations/upload", data=form, headers=self._cookie(DMITRY))
        async with upload as answer:
            assert answer.status == 200, await answer.text()

    def _cookie(self, user: int) -> dict[str, str]:
        return {"Cookie": f"crm_user={self.crm.account.id}:{user}"}

    async def recording(self, link: str) -> bytes:
        """The recording at the address in the CRM."""
        return await played(self.session, self.url, link)

    async def in_the_crm_once(self, *, recorded: bool = True) -> dict[str, Any]:
        """
        Wait until everything is delivered; check that the CRM has exactly one call, with its recording.

        Returns:
            The call's note, or the metadata of its entry in Unsorted.
        """
        [found] = await self.each_in_the_crm_once(1, recorded=recorded)
        return found

    async def each_in_the_crm_once(self, calls: int, *, recorded: bool = True) -> list[dict[str, Any]]:
        """Like `in_the_crm_once`, for this many calls."""
        try:
            await self.crm.has_calls(calls)
        except TimeoutError:
            channels = await self.office.asterisk.cli("core show channels concise")
            raise AssertionError(f"not in the CRM: {await self.dozvon.health()}, the PBX has: {channels}") from None
        await self.dozvon.settled()
        notes, entries = self.crm.call_notes(), [entry["metadata"] for entry in self.crm.unsorted()]
        assert list(self.crm.counts().values()) == [1] * calls, (notes, entries)
        if recorded:
            for params in (*(note["params"] for note in notes), *entries):
                assert len(await self.recording(params["link"])) > 1000
        return [*notes, *entries]

    # ---- the end-to-end list

    async def calls_once(self, count: int = 1, *, recorded: bool = True) -> list[CallInCrm]:
        await self.each_in_the_crm_once(count, recorded=recorded)
        return [_call(note) for note in self.crm.call_notes()]

    async def rang_nobody(self) -> None:
        await self.dozvon.settled()
        assert self.crm.call_notes() == []
        assert self.crm.unsorted() == []

    def contact_named(self, name: str) -> tuple[Client, int]:
        found = self.crm.contact(name)
        return ("contact", int(found["id"])), int(found["responsible_user_id"])

    def add_contact(self, name: str, responsible: int, *numbers: str, task: str = "") -> Client:
        account = self.crm.account
        values = [{"value": f"+{number}", "enum_id": 101, "enum_code": "WORK"} for number in numbers]
        phone = {"field_id": 71, "field_name": "Телефон", "field_code": "PHONE", "values": values}
        made = int(account.create("contacts", {"name": name, "custom_fields_values": [phone]}, responsible)["id"])
        if task:
            due = {"text": task, "complete_till": int(time.time()) + 3600}
            new_task(account, {**due, "entity_id": made, "entity_type": "contacts"}, self.people.anna)
        return "contact", made

    def rename_ivan(self, name: str, company: str) -> None:
        account = self.crm.account
        firm = account.create("companies", {"name": company}, ANNA)
        account.update("contacts", self.crm.contact("Иван Петров"), {"name": name, "company_id": firm["id"]}, ANNA)

    def tasks(self, client: Client) -> list[TaskInCrm]:
        found = self.crm.tasks(client[1])
        return [TaskInCrm(task["text"], task["responsible_user_id"], task["complete_till"]) for task in found]

    def texts(self, client: Client) -> list[tuple[str, int | None]]:
        common = [each for each in self.crm.account.notes.values() if each["note_type"] == "common"]
        return [(each["params"]["text"], each["created_by"]) for each in common if _client(each) == client]

    def deals(self, contact: Client) -> list[tuple[str, int]]:
        found = self.crm.account.leads_of("contacts", contact[1])
        return [(deal["name"], deal["responsible_user_id"]) for deal in found]


def _client(note: Note) -> Client:
    kinds = {"contacts": "contact", "companies": "company", "leads": "deal"}
    return kinds[note["entity_type"]], int(note["entity_id"])


def _call(note: Note) -> CallInCrm:
    params = note["params"]
    seconds = int(params.get("duration") or 0)
    return CallInCrm(
        direction="out" if note["note_type"] == "call_out" else "in",
        number=str(params["phone"]).lstrip("+"),
        manager=note["created_by"],
        seconds=seconds,
        client=_client(note),
        why_not="" if seconds else "busy" if params.get("call_status") == _BUSY else "missed",
    )


@contextlib.asynccontextmanager
async def open_house(office: Office, folder: Path) -> AsyncIterator[House]:
    """The CRM runs; Dozvon is only configured. Everything ends with the block."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        house = House(office, folder, session)
        async with lived_in(house):
            yield house


@contextlib.asynccontextmanager
async def lived_in(house: CrmHouse) -> AsyncIterator[None]:
    """Its CRM runs, and Dozvon ends with the block."""
    await house.crm.start()
    try:
        yield
    finally:
        house.dozvon.kill()
        house.dozvon.print_log()  # pytest shows it if the test fails
        await house.crm.stop()
