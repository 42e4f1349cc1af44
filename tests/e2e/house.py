"""A house for one test: a real Asterisk with phones, the sandbox amoCRM, and Dozvon as a process between them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from integration.services.passwords import hashed
from tests.e2e.consent import consent
from tests.e2e.crm_site import DMITRY, CrmSite, employees
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.asterisk import AGI_PATH, DOZVON_USER, AmiUser
from tests.lab.office import Office
from tests.lab.ports import free_port
from widgets.pack import build_amocrm

PASSWORD = "house of the lab"
MIRRORED = "phone book compared with the CRM"

_HASH = hashed(PASSWORD)

_ASTERISK = """\
host = "127.0.0.1"
port = {ami_port}
username = "{ami.name}"
secret = "{ami.secret}"
trunks = ["trunk"]
originate_context = "internal"
recordings = {{ path = "{recordings}", pbx_path = "{pbx_recordings}" }}
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

{amocrm}
[account.asterisk]
{asterisk}
[account.line.default]
responsible_seconds = 2

{employees}"""


def asterisk_keys(office: Office, *, ami: AmiUser = DOZVON_USER, **changes: Any) -> str:
    """The configuration that connects Dozvon to the office's Asterisk, below the table's name."""
    asterisk = office.asterisk
    values = {
        "ami_port": asterisk.ports.ami, "ami": ami, "recordings": asterisk.monitor,
        "pbx_recordings": f"{asterisk.base}/spool/monitor", "agi_port": office.fastagi_port, "agi_path": AGI_PATH,
    }  # fmt: skip
    return _ASTERISK.format(**values | changes)


async def played(session: aiohttp.ClientSession, url: str, link: str) -> bytes:
    """The recording at the address in a CRM, from the Dozvon at `url`."""
    assert link.startswith(f"{url}/r/")
    async with session.get(link) as answer:
        assert (answer.status, answer.content_type) == (200, "audio/mpeg")
        return await answer.read()


class House:
    """
    `dozvon` is configured but not started. `move_in` starts and connects it; `install_widget` is for pages.

    Attributes:
        folder: has the configuration, the log and, in `data`, Dozvon's data.
    """

    def __init__(self, office: Office, folder: Path, session: aiohttp.ClientSession) -> None:
        self.office, self.folder, self.session = office, folder, session
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.crm = CrmSite(free_port(), f"{self.url}/oauth/amocrm/house")
        self.config = folder / "dozvon.toml"
        self.dozvon = DozvonProcess(self.config, self.url, session)
        self.configure()

    def configure(self, *, ami: AmiUser = DOZVON_USER, **changes: Any) -> None:
        """Write the configuration; `changes` replace single values of it (`recordings`, `data`, `port`, ...)."""
        values: dict[str, Any] = {
            "port": self.port, "url": self.url, "data": self.folder / "data", "password": _HASH,
            "amocrm": self.crm.table(), "employees": employees(),
            "default_responsible": DMITRY, "asterisk": asterisk_keys(self.office, ami=ami, **changes),
        }  # fmt: skip
        self.config.touch(0o600)
        self.config.write_text(_CONFIG.format(**values | changes))

    async def move_in(self, *, disk: str = "") -> None:
        """Start Dozvon, connect both sides, and wait until it knows the CRM's clients."""
        if not self.dozvon.is_alive:
            self.dozvon.launch(disk=disk)
        await self.dozvon.health(timeout_seconds=60.0, pbx="connected")
        await self.consent()
        await self.dozvon.health(pbx="connected", crm="connected")
        await self.dozvon.says(MIRRORED)

    async def restart(self) -> None:
        """A new process on the same data, connected to both sides again."""
        await self.dozvon.start(pbx="connected", crm="connected")

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


@contextlib.asynccontextmanager
async def open_house(office: Office, folder: Path) -> AsyncIterator[House]:
    """The CRM runs; Dozvon is only configured. Everything ends with the block."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        house = House(office, folder, session)
        await house.crm.start()
        try:
            yield house
        finally:
            house.dozvon.kill()
            house.dozvon.print_log()  # pytest shows it if the test fails
            await house.crm.stop()
