"""Two CRM accounts on one real Asterisk, and a second Asterisk where a test wants one: Dozvon between all of them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from integration.services.passwords import hashed
from tests.databases import with_tables
from tests.e2e.consent import consent
from tests.e2e.crm_site import ANNA, BORIS, DMITRY, GRIGORY, VERA, CrmSite, Note
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.house import MIRRORED, asterisk_keys, played
from tests.lab.office import Office, did
from tests.lab.ports import free_port
from tests.lab.waiting import until

SALES_LINE, SERVICE_LINE = did(21), did(22)
_PASSWORD = "two of the lab"
_HASH = hashed(_PASSWORD)

# The same CRM user ids are other people's phones in the other account; both know the phone 103.
SALES_PEOPLE = {"101": ANNA, "103": VERA}
SERVICE_PEOPLE = {"102": ANNA, "103": BORIS, "104": GRIGORY}

_CONFIG = """\
[server]
listen = "127.0.0.1:{port}"
public_url = "{url}"
data_dir = "{data}"
admin_password = '{password}'

[[account]]
id = "sales"
office = "acme"
pbx_id = "office"
default_responsible = "{default_responsible}"
{sales_pbxs}
{sales_crm}
[account.asterisk]
{office}
[account.line.default]
responsible_seconds = 2
{sales_lines}
[account.employee]
{sales_people}

{branch}
[[account]]
id = "service"
office = "acme"
pbxs = ["office"]
default_responsible = "{default_responsible}"

{service_crm}
[account.line.default]
responsible_seconds = 2
{service_lines}
[account.employee]
{service_people}
"""

_RECORDS = """\
records = {{ kind = "csv", cdr = "{logs}/cdr-custom/dozvon.csv", cel = "{logs}/cel-custom/dozvon.csv" }}
"""

_BRANCH = """\
[[pbx]]
id = "branch"
office = "acme"
[pbx.asterisk]
{keys}"""


class TwoCrms:
    """
    Attributes:
        sales, service: the CRMs; `sales` has the PBX `office`, and `branch` where there is one, `service` uses the
            first.
    """

    def __init__(
        self, office: Office, folder: Path, session: aiohttp.ClientSession, *, branch: Office | None = None
    ) -> None:
        self.office, self.branch, self.folder, self.session = office, branch, folder, session
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.sales = CrmSite(free_port(), f"{self.url}/oauth/amocrm/sales")
        self.service = CrmSite(free_port(), f"{self.url}/oauth/amocrm/service")
        with_tables(folder / "data")
        self.config = folder / "dozvon.toml"
        self.dozvon = DozvonProcess(self.config, self.url, session)
        self._port = port
        self._talks: Counter[Path] = Counter()
        self.configure()

    @property
    def crms(self) -> tuple[CrmSite, CrmSite]:
        return self.sales, self.service

    def configure(
        self,
        *,
        named: bool = True,
        sales_people: dict[str, int] | None = None,
        without_service: bool = False,
        records: bool = False,
    ) -> None:
        """
        Args:
            named: each account names its own line; else both take all lines.
            without_service: the account `service` is not there yet.
            records: the office's Asterisk says where it writes down its calls.
        """
        lines = {
            "sales_lines": f'[account.line."{SALES_LINE}"]\nprocess = true\n' if named else "",
            "service_lines": f'[account.line."{SERVICE_LINE}"]\nprocess = true\n' if named else "",
        }
        branch = "" if self.branch is None else _BRANCH.format(keys=asterisk_keys(self.branch))
        written_down = _RECORDS.format(logs=self.office.asterisk.logs) if records else ""
        text = _CONFIG.format(
            port=self._port, url=self.url, data=self.folder / "data", password=_HASH,
            default_responsible=DMITRY, office=asterisk_keys(self.office) + written_down, branch=branch,
            sales_crm=self.sales.table(), service_crm=self.service.table(),
            sales_pbxs="" if self.branch is None else 'pbxs = ["branch"]',
            sales_people=_people(sales_people or SALES_PEOPLE), service_people=_people(SERVICE_PEOPLE), **lines,
        )  # fmt: skip
        if without_service:
            text = text[: text.rindex("[[account]]")]
        self.config.touch(0o600)
        self.config.write_text(text)

    async def move_in(self, *crms: CrmSite) -> None:
        """Start Dozvon, connect its PBXs and these CRMs (both), and wait until it knows their clients."""
        await self.dozvon.start(pbx="connected")
        for crm in crms or self.crms:
            await self.consent(crm)
        await self.dozvon.health(pbx="connected", crm="connected")
        await self.dozvon.says(MIRRORED, times=len(crms or self.crms))

    async def consent(self, crm: CrmSite) -> None:
        await consent(self.url, crm, "sales" if crm is self.sales else "service", _PASSWORD)

    async def reload(self) -> None:
        """Have the configuration read again."""
        os.kill(self.dozvon.pid, signal.SIGHUP)
        await self.dozvon.says("the configuration was reloaded")
        await self.dozvon.health(pbx="connected")

    async def restart(self) -> None:
        await self.dozvon.start(pbx="connected", crm="connected")

    async def recorded(self, office: Office | None = None) -> None:
        """A second of one conversation more than at the last time is on the PBX's disk."""
        files = (office or self.office).asterisk.monitor
        self._talks[files] += 1
        await until(lambda: sum(each.stat().st_size > 16_000 for each in files.glob("*.wav")) >= self._talks[files])

    async def hold(self, *, sales: int = 0, service: int = 0, recorded: bool = True) -> tuple[list[Note], list[Note]]:
        """
        Wait until each CRM has this many calls, each once, and nothing waits to be delivered.

        Returns:
            The calls of each: notes, then the metadata of entries in Unsorted.
        """
        for crm, calls in zip(self.crms, (sales, service), strict=True):
            try:
                await crm.has_calls(calls)
            except TimeoutError:
                raise AssertionError(f"{self.told()}, {await self.dozvon.health()}") from None
        await self.dozvon.settled()
        for crm, calls in zip(self.crms, (sales, service), strict=True):
            assert list(crm.counts().values()) == [1] * calls, self.told()
        found = self.told()
        links = [_params(call).get("link") or f"none in {call}" for call in (*found[0], *found[1])] if recorded else []
        assert len(set(links)) == len(links)  # each account keeps its own copy
        for link in links:
            assert len(await played(self.session, self.url, link)) > 1000
        return found

    def told(self) -> tuple[list[Note], list[Note]]:
        """What each CRM has."""
        sales, service = ([*crm.call_notes(), *(each["metadata"] for each in crm.unsorted())] for crm in self.crms)
        return sales, service


def _params(call: Note) -> dict[str, Any]:
    found: dict[str, Any] = call.get("params", call)
    return found


def _people(people: dict[str, int]) -> str:
    return "".join(f'"{extension}" = "{manager}"\n' for extension, manager in people.items())


@contextlib.asynccontextmanager
async def open_two_crms(office: Office, folder: Path, *, branch: Office | None = None) -> AsyncIterator[TwoCrms]:
    """The CRMs run; Dozvon is only configured. Everything ends with the block."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        place = TwoCrms(office, folder, session, branch=branch)
        for crm in place.crms:
            await crm.start()
        try:
            yield place
        finally:
            place.dozvon.kill()
            place.dozvon.print_log()  # pytest shows it if the test fails
            for crm in place.crms:
                await crm.stop()
