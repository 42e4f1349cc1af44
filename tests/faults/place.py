"""An account of the stand: a simulated office, a sandbox CRM, and its part of the configuration."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp

from integration.domain.campaigns.own_list import MOST_CLIENTS
from integration.domain.ids import AccountId, PbxId
from pbx_adapter.asterisk.simulator.records import CDR_FILE, CEL_FILE
from tests.e2e.crm_site import ANNA, BORIS, DMITRY, GRIGORY, VERA, CrmSite
from tests.faults.campaign import MEMBERS_AHEAD, CampaignOf, phones_of, somebody
from tests.faults.crm_sides import AmocrmSide, CrmSide, PortalSide
from tests.faults.office import EXTENSIONS, KNOWN, Traffic, WatchedOffice, open_office
from tests.faults.own_list import OwnListOf
from tests.faults.shape import Shape

_CLICK_SECONDS = 5.0
_OF_OWN_LISTS = ("7996", "7995")

_MANAGERS = (ANNA, BORIS, VERA, GRIGORY, DMITRY)

_SECTION = """
[[account]]
id = "{account}"
pbx_id = "{pbx}"
default_responsible = "{default_responsible}"

{crm}
[account.asterisk]
host = "127.0.0.1"
port = {ami_port}
username = "dozvon"
secret = "dozvon-secret"
trunks = ["trunk"]
originate_context = "internal"
recordings = {{ path = "{spool}", pbx_path = "{spool}" }}
fastagi = {{ host = "127.0.0.1", port = {agi_port} }}
sounds = {{ path = "{spool}", pbx_path = "{spool}" }}

[account.asterisk.records]
kind = "csv"
cdr = "{cdr}"
cel = "{cel}"
late_seconds = 8  # this office writes its records at once

[account.line.default]
card = "{card}"
responsible_seconds = 5

{employees}"""


class Place:
    """
    Args:
        url: Dozvon's.
        agi_port: Dozvon's, for all accounts and processes.
        session: for people's actions on the CRM's pages.
    """

    def __init__(
        self, number: int, folder: Path, url: str, agi_port: int, shape: Shape, session: aiohttp.ClientSession
    ) -> None:
        self.account, self.pbx = AccountId(f"account{number}"), PbxId(f"office{number}")
        self.spool = folder / f"spool{number}"
        self.arrived: dict[str, float] = {}  # when each call was first seen in the CRM, by its key
        self._logs = folder / f"asterisk{number}"
        self._url, self._agi_port, self._shape, self._session = url, agi_port, shape, session
        self._seed = shape.seed * 1000 + number
        agi = f"agi://127.0.0.1:{agi_port}/{self.pbx}"
        has_campaign = not shape.changing or number in (1, shape.accounts)
        listed = [somebody(index) for index in range(shape.listed if has_campaign else 0)]
        selected_there = 0 if shape.changing else min(shape.listed, MOST_CLIENTS)
        of_manager = [somebody(index, prefixes=_OF_OWN_LISTS) for index in range(selected_there)]
        phones = [phone for client in (*listed, *of_manager) for phone in phones_of(client)]
        self.office: WatchedOffice = open_office(
            self.pbx, self.spool, self._logs, agi, phones, seed=self._seed, speed=shape.speed
        )
        is_portal = number > shape.accounts - shape.portals
        self.side: CrmSide = (PortalSide if is_portal else AmocrmSide)(self.account, url)
        for client in listed:
            self.side.add_contact(client.name, client.numbers)
        self.pressed: set[str] = set()  # numbers that were clicked
        selected = [(client, self.side.add_contact(client.name, client.numbers)) for client in of_manager]
        is_there = bool(selected) and isinstance(self.side, AmocrmSide)
        self.own_list = OwnListOf(self.account, self.crm, selected) if is_there else None
        is_ahead = number <= shape.ahead
        self.campaign = CampaignOf(self.account, listed, self._seed, is_ahead) if listed else None
        self.known = KNOWN | frozenset(phone.number for phone in phones)  # numbers of the CRM's clients

    @property
    def crm(self) -> CrmSite:
        """The sandbox amoCRM, for what only this CRM has."""
        assert isinstance(self.side, AmocrmSide)
        return self.side.site

    async def start(self) -> None:
        await self.office.start()
        await self.side.start()

    async def stop(self) -> None:
        await self.office.stop()
        await self.side.stop()

    async def connect(self, password: str) -> None:
        """What the CRM's administrator does once."""
        await self.side.connect(self._url, password, self._session)

    def section(self) -> str:
        """Its part of Dozvon's configuration."""
        is_shown = self._shape.changing
        values = {
            # Else no popups: their requests would take half of amoCRM's rate, and they are worthless after seconds.
            "card": "ringing" if is_shown or isinstance(self.side, PortalSide) else "never",
            "account": self.account, "pbx": self.pbx, "agi_port": self._agi_port,
            "default_responsible": self.side.default_responsible,
            "crm": self.side.table(), "ami_port": self.office.ami.port, "spool": self.spool,
            "employees": _everybody() if is_shown else self.side.employees() + _of_the_campaign(),
            "cdr": self._logs / CDR_FILE, "cel": self._logs / CEL_FILE,
        }  # fmt: skip
        return _SECTION.format(**values)

    def traffic(self, *, strangers: int) -> Traffic:
        """Its share of the calls."""
        rate = self._shape.per_second / self._shape.accounts
        return Traffic(self.office, self._click, seed=self._seed, per_second=rate, strangers=strangers)

    def look(self) -> None:
        """Record which calls have arrived in the CRM."""
        for key in self.side.counts(self.clicked):
            self.arrived.setdefault(key, time.time())

    async def _click(self, number: str) -> None:
        """Anna presses a number in the CRM; while Dozvon is away there is no answer and no call."""
        self.pressed.add(number)
        timeout = aiohttp.ClientTimeout(total=_CLICK_SECONDS)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, LookupError, AssertionError):
            await self.side.click(self._url, number, self._session, timeout)

    def campaign_calls(self) -> int:
        """How many of its campaign's clients ring or talk at the moment."""
        listed = self.campaign.numbers if self.campaign is not None else frozenset()
        return sum(
            call.direction == "outbound" and not listed.isdisjoint(call.rang) for call in self.office.ledger.live
        )

    @property
    def clicked(self) -> dict[str, str]:
        """The keys of calls that the CRM has begun itself, by the CRM's id."""
        return {id_: f"{self.pbx}:{channel}" for id_, channel in self.office.begun_by_crm.items()}


def managers() -> dict[str, int]:
    """Whose phone each extension is, where all have a manager."""
    return {extension: _MANAGERS[place % len(_MANAGERS)] for place, extension in enumerate(EXTENSIONS)}


def _of_the_campaign(extensions: Iterable[str] = MEMBERS_AHEAD) -> str:
    return "".join(f'{extension} = {{ name = "Campaign {extension}" }}\n' for extension in extensions)


def _everybody() -> str:
    """All phones, in an office whose cards are measured or which changes."""
    known = "".join(f'{key} = "{manager}"\n' for key, manager in managers().items())
    return "[account.employee]\n" + known + _of_the_campaign(sorted(set(MEMBERS_AHEAD) - set(EXTENSIONS)))


def boris_and_one_of_the_campaign(extension: str) -> str:
    """Nobody else; Boris with this phone."""
    return f'\n{extension} = "{BORIS}"\n' + _of_the_campaign(("121",))
