"""The sandbox Bitrix24 for tests: a portal and its OAuth server on the loopback, its records, and failures to order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import aiohttp
from aiohttp import web

from connectors.bitrix24.sandbox import (
    SANDBOX,
    Sandbox,
    SandboxSettings,
    create_oauth_server,
    create_sandbox,
    seed_portal,
)
from connectors.bitrix24.sandbox.crm_kinds import CONTACT, KINDS
from connectors.bitrix24.sandbox.portal import Author, Live, Portal
from connectors.bitrix24.sandbox.preinstall import preinstall
from connectors.bitrix24.sandbox.sandbox import Fault
from tests.lab.waiting import PATIENCE_SECONDS, until

ADMIN, ANNA, BORIS, VERA = 1, 14, 15, 16
PEOPLE = {"101": ANNA, "102": BORIS, "103": VERA}
IVAN = "79161234567"  # a client of Anna's, with one open deal

Row = dict[str, Any]

_TABLE = """\
crm = "bitrix24"

[account.bitrix24]
client_id = "{client_id}"
client_secret = "{client_secret}"
oauth_url = "{oauth_url}"
api_script_url = "{script_url}"
events = "address"
request_seconds = 5.0
"""


def employees() -> str:
    """PEOPLE as a table of Dozvon's configuration."""
    return "[account.employee]\n" + "".join(f'{extension} = "{user}"\n' for extension, user in PEOPLE.items())


class PortalSite:
    """
    Open with `start()`, close with `stop()`.

    Args:
        install_url: where Dozvon takes the application's installation.
        has_pages: whether the application has pages in the portal: its own, tabs, and our card in the portal's.
    """

    def __init__(self, port: int, oauth_port: int, install_url: str, *, has_pages: bool = False) -> None:
        self.port, self.oauth_port = port, oauth_port
        self.url = f"http://127.0.0.1:{port}"
        self._page = install_url if has_pages else ""
        settings = SandboxSettings(port=port, oauth_port=oauth_port, install_url=install_url, is_api_only=not has_pages)
        self._sandbox = Sandbox(settings)
        self._sandbox.populate = seed_portal
        self._sandbox.reset()
        self._app = create_sandbox(settings, self._sandbox)
        assert self._app[SANDBOX] is self._sandbox
        self._runners: list[web.AppRunner] = []
        self._site: web.TCPSite | None = None
        self.cards: set[tuple[str, int]] = set()  # open ones: the call and the user
        tell = self._sandbox.tell_pages

        def told(message: dict[str, Any]) -> None:
            self._follow_cards(message)
            tell(message)

        self._sandbox.tell_pages = told  # type: ignore[method-assign]

    def _follow_cards(self, message: dict[str, Any]) -> None:
        if message["kind"] not in ("call_card", "call_card_hidden"):
            return
        cards = {(message["call"], user) for user in message["users"]}
        self.cards = self.cards | cards if message["kind"] == "call_card" else self.cards - cards

    def add_contact(self, name: str, *phones: str, owner: int = ANNA) -> int:
        """One contact more. Returns its id."""
        multi = [{"TYPE_ID": "PHONE", "VALUE_TYPE": "MOBILE", "VALUE": phone} for phone in phones]
        values = {"NAME": name, "ASSIGNED_BY_ID": owner, "FM": multi}
        return int(self.portal.create(KINDS[CONTACT], values, Author(user_id=owner))["ID"])

    async def start(self) -> None:
        for app in (self._app, create_oauth_server(self._sandbox)):
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            self._runners.append(runner)
        await web.TCPSite(self._runners[1], "127.0.0.1", self.oauth_port).start()
        await self.back()

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def away(self) -> None:
        """The portal cannot be reached: no new connections, and the open ones are cut at their next request."""
        assert self._site is not None
        await self._site.stop()
        self._sandbox.faults.append(Fault(kind="drop", count=-1, path_prefix="/"))

    async def back(self) -> None:
        self.heal()
        self._site = web.TCPSite(self._runners[0], "127.0.0.1", self.port)
        await self._site.start()

    async def install(self, session: aiohttp.ClientSession) -> None:
        """The portal's administrator adds the application, and chooses it for clicks."""
        if self._page:
            await preinstall(self._app, page=self._page, line="", session=session)
        else:
            async with session.post(f"{self.url}/_sandbox/install/add", json={}) as answer:
                assert answer.status == 200, await answer.text()
        self.portal.outgoing_line = (self._sandbox.settings.client_id, "")

    def table(self) -> str:
        """The configuration that connects an account of Dozvon to this portal."""
        keys = self._sandbox.settings
        oauth_url = f"http://127.0.0.1:{self.oauth_port}"
        script_url = f"{self.url}/api/v1/"
        return _TABLE.format(
            client_id=keys.client_id, client_secret=keys.client_secret, oauth_url=oauth_url, script_url=script_url
        )

    @property
    def has_placements(self) -> bool:
        """Whether our pages are in the portal's."""
        return any(each.placements for each in self._sandbox.installs.values())

    @property
    def portal(self) -> Portal:
        return next(iter(self._sandbox.portals.values()))

    # ---- records ---------------------------------------------------------------------------------------------------

    @property
    def finished(self) -> list[Row]:
        return self.portal.statistics

    @property
    def live(self) -> list[Live]:
        return list(self.portal.live.values())

    def counts(self) -> Counter[str]:
        """How often the portal has each finished call of ours, by our key."""
        return Counter(str(row["EXTERNAL_CALL_ID"]) for row in self.finished if row["EXTERNAL_CALL_ID"])

    def requests(self, method: str) -> int:
        return sum(n for name, n in self._sandbox.traffic.by_method.items() if name.lower() == method.lower())

    async def has_card(self, user: int, *, timeout_seconds: float = PATIENCE_SECONDS) -> Live:
        """Wait until this user's card is open; return its call."""
        await until(lambda: any(each == user for _, each in self.cards), timeout_seconds=timeout_seconds)
        id_ = next(id_ for id_, each in self.cards if each == user)
        return self.portal.live[id_]

    async def has_finished(
        self, count: int = 1, *, recorded: bool = False, timeout_seconds: float = PATIENCE_SECONDS
    ) -> Row:
        """Wait for this many finished calls; return the newest."""

        def is_so() -> bool:
            rows = self.finished
            return len(rows) >= count and (not recorded or bool(rows[-1]["RECORD_FILE_ID"]))

        try:
            await until(is_so, timeout_seconds=timeout_seconds)
        except TimeoutError:
            raise TimeoutError(f"finished: {self.finished}, live: {self.live}") from None
        return self.finished[-1]

    async def click(self, session: aiohttp.ClientSession, number: str, *, user: int = ANNA) -> str:
        """This user clicks a number on the portal's page. Returns the portal's id of the call."""
        member = self.portal.member_id
        page = {"Cookie": f"b24_user={member}:{user}", "Origin": self.url}
        async with session.post(f"{self.url}/page/click", json={"number": number}, headers=page) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["call"])

    # ---- failures --------------------------------------------------------------------------------------------------

    def fail(
        self,
        kind: str,
        *,
        count: int = 1,
        status: int = 500,
        code: str = "INTERNAL_SERVER_ERROR",
        seconds: float = 0.2,
        method: str = "",
    ) -> None:
        """Order a failure, like `/_sandbox/faults`; `count` below 0: until `heal()`."""
        fault = Fault(kind=kind, status=status, code=code, count=count, method=method, seconds=seconds)
        self._sandbox.faults.append(fault)

    def heal(self) -> None:
        self._sandbox.faults.clear()
