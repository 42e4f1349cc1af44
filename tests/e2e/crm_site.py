"""The sandbox amoCRM for tests: serves it on the loopback, reads its records, and orders failures."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

from aiohttp import web

from connectors.amocrm.sandbox import SANDBOX, SandboxSettings, create_sandbox
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.fields import phone_field
from connectors.amocrm.sandbox.oauth import uninstall
from connectors.amocrm.sandbox.sandbox import Fault
from tests.lab.waiting import PATIENCE_SECONDS, until

ANNA, BORIS, VERA, GRIGORY, DMITRY = 610077, 610078, 610079, 610080, 610081  # Dmitry administers
PEOPLE = {"101": ANNA, "102": BORIS, "103": VERA, "104": GRIGORY}
IVAN = "79161234567"  # a client of Anna's, with one open deal; works for COMPANY
COMPANY = "ООО «Вектор»"
MARIA = "79261112233"  # a client of Boris's, without a deal

Note = dict[str, Any]

_TABLE = """\
[account.amocrm]
client_id = "{client_id}"
client_secret = "{client_secret}"
oauth_url = "{url}/oauth"
account_hosts = '{host}'
api_host = "{host}"
request_seconds = 3
"""


def employees() -> str:
    """PEOPLE as a table of Dozvon's configuration."""
    return "[account.employee]\n" + "".join(f'{extension} = "{manager}"\n' for extension, manager in PEOPLE.items())


class CrmSite:
    """
    Open with `start()`, close with `stop()`.

    Args:
        redirect_uri: the integration's address.
        disconnect_url: what the CRM calls when its administrator switches the integration off; empty: nothing.
    """

    def __init__(self, port: int, redirect_uri: str, disconnect_url: str = "") -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        # As in reality, no other CRM has an integration with this id: accounts that share an id share the integration.
        self._settings = SandboxSettings(
            port=port, redirect_uri=redirect_uri, disconnect_url=disconnect_url, client_id=str(uuid4())
        )
        self.client_id, self.client_secret = self._settings.client_id, self._settings.client_secret
        self._app = create_sandbox(self._settings)
        self._sandbox = self._app[SANDBOX]
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._employ("Иван Петров", COMPANY)

    def _employ(self, name: str, company: str) -> None:
        account = self.account
        found = next(each for each in account.companies.own() if each["name"] == company)
        account.update("contacts", self.contact(name), {"company_id": found["id"]}, ANNA)

    def add_contact(self, name: str, *phones: str, owner: int = ANNA) -> int:
        """One contact more. Returns its id."""
        account = self.account
        found, errors = account.check_fields("contacts", [phone_field(*phones)], None)
        assert not errors, errors
        return int(account.create("contacts", {"name": name, "custom_fields_values": found}, owner)["id"])

    async def start(self) -> None:
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self.back()

    async def away(self) -> None:
        """The CRM cannot be reached: no new connections, and the open ones are cut at their next request."""
        assert self._site is not None
        await self._site.stop()
        self._sandbox.faults.append(Fault(kind="drop", count=-1, path_prefix="/"))

    async def back(self) -> None:
        """The CRM can be reached (again)."""
        assert self._runner is not None
        self.heal()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await self._site.start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def account(self) -> Account:
        return next(iter(self._sandbox.accounts.values()))

    def table(self) -> str:
        """The configuration table that connects an account of Dozvon to this CRM."""
        return _TABLE.format(client_id=self.client_id, client_secret=self.client_secret, url=self.url, host=self.host)

    # ---- records ---------------------------------------------------------------------------------------------------

    def contact(self, name: str) -> dict[str, Any]:
        """The visible contact with this name. Raises: LookupError unless there is exactly one."""
        found = [each for each in self.account.contacts.own() if each["name"] == name and not each["hidden"]]
        if len(found) != 1:
            raise LookupError(f"{len(found)} contacts are named {name!r}")
        return found[0]

    def call_notes(self) -> list[Note]:
        """Every call in every feed."""
        return [note for note in self.account.notes.values() if note["note_type"] in ("call_in", "call_out")]

    def unsorted(self) -> list[dict[str, Any]]:
        return list(self.account.unsorted.values())

    def tasks(self, entity_id: int) -> list[dict[str, Any]]:
        return [task for task in self.account.tasks.values() if task["entity_id"] == entity_id]

    def asked(self, prefix: str) -> int:
        """How many requests there were for paths that begin so."""
        return sum(
            times for path, times in self._sandbox.traffic.by_path.items() if path.partition(" ")[2].startswith(prefix)
        )

    def counts(self) -> Counter[str]:
        """How often the CRM has each call, in any place, by its `uniq`."""
        notes = [note["params"]["uniq"] for note in self.call_notes()]
        return Counter([*notes, *(entry["metadata"]["uniq"] for entry in self.unsorted())])

    async def has_calls(self, count: int = 1, *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for this many calls, in any place."""
        await until(lambda: len(self.counts()) >= count, timeout_seconds=timeout_seconds)

    async def logged(self, count: int = 1, *, timeout_seconds: float = PATIENCE_SECONDS) -> Note:
        """Wait for this many calls in feeds; return the newest."""
        try:
            await until(lambda: len(self.call_notes()) >= count, timeout_seconds=timeout_seconds)
        except TimeoutError:
            raise TimeoutError(f"calls in the CRM: {self.call_notes()}, Unsorted: {self.unsorted()}") from None
        return self.call_notes()[-1]

    async def in_unsorted(self, *, timeout_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the first entry of Unsorted."""
        try:
            await until(lambda: bool(self.unsorted()), timeout_seconds=timeout_seconds)
        except TimeoutError:
            raise TimeoutError(f"nothing in Unsorted; calls in the CRM: {self.call_notes()}") from None
        return self.unsorted()[0]

    async def popped_up(self) -> None:
        """Wait until a user was notified of a call."""
        await until(lambda: bool(self.account.popups))

    # ---- failures --------------------------------------------------------------------------------------------------

    def fail(
        self, kind: str, *, count: int = 1, status: int = 500, seconds: float = 0.2, path: str = "/api/v4/"
    ) -> None:
        """Order a failure of writes, like `/_sandbox/faults`; `count` below 0: until `heal()`."""
        fault = Fault(kind=kind, status=status, count=count, path_prefix=path, method="POST", seconds=seconds)
        self._sandbox.faults.append(fault)

    def heal(self) -> None:
        self._sandbox.faults.clear()

    async def disconnect(self) -> None:
        """The CRM's administrator switches the integration off: its tokens end, and Dozvon is called."""
        await uninstall(self._app, self.account, self._sandbox.integrations[self.client_id])

    def expire_access(self) -> None:
        """Make the access token invalid, though it is not expired by its holders' clocks."""
        for grant in self._sandbox.grants.values():
            grant.access_until = 0.0

    @property
    def webhook(self) -> str:
        """The webhook address that Dozvon has subscribed."""
        [hook] = self._sandbox.hooks[self.account.id]
        return str(hook.destination)

    async def met_a_fault(self) -> None:
        """Wait until a request has met the last ordered failure."""
        await until(lambda: not self._sandbox.faults)
