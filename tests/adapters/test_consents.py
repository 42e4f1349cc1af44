"""Connecting accounts: only a consent that our administrator asked for makes a request. The sandbox is the CRM."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio
from yarl import URL

from connectors.amocrm import AmocrmConnector
from connectors.amocrm.api.oauth import disconnect_signature
from connectors.amocrm.api.pacing import Blocked
from connectors.amocrm.sandbox import Sandbox, SandboxSettings, create_sandbox, seed_office, tokens
from connectors.amocrm.sandbox.sandbox import Fault
from integration.domain.crm.entities import CrmTrouble
from integration.domain.ids import AccountId, ManagerId
from integration.errors import AuthFailed, Unpaid
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.web.consent import oauth_path
from tests.adapters.amocrm_kit import CLIENT_ID, CRM_ACCOUNT, SECRET
from tests.adapters.amocrm_sandbox_kit import serving
from tests.databases import with_tables
from tests.lab.waiting import until

OFFICE, BRANCH = AccountId("office"), AccountId("branch")
CRM_BRANCH = 31_000_001
PUBLIC_URL = "http://calls.test"
PASSWORD = "a long password of the office"
ADMIN = ManagerId("610081")


@dataclass
class Place:
    """A running Dozvon without a PBX, and the CRM to connect."""

    dozvon: Dozvon
    sandbox: Sandbox
    crm: str  # host:port
    http: aiohttp.ClientSession

    def code(self, crm_account: int = CRM_ACCOUNT) -> str:
        account = self.sandbox.accounts[crm_account]
        return tokens.issue_code(self.sandbox, self.sandbox.integrations[CLIENT_ID], account, account.admin())

    async def call_back(self, *, account: AccountId | None = None, **query: str) -> tuple[int, str, str]:
        """Follow amoCRM's redirect: status, text, and its target."""
        whole = {"code": self.code(), "referer": self.crm, "client_id": CLIENT_ID, **query}
        url = URL(self.dozvon.url + oauth_path("amocrm", account)).with_query(whole)
        async with self.http.get(url, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def sign_in(self) -> None:
        await self.press("/admin/login", password=PASSWORD, next="/admin")

    async def press(self, path: str, **form: str) -> tuple[int, str, str]:
        headers = {"Origin": self.dozvon.config.public_url}
        async with self.http.post(self.dozvon.url + path, data=form, headers=headers) as answer:
            return answer.status, await answer.text(), str(answer.url)

    async def put(self, table: dict[str, Any]) -> None:
        key = AccountId(table["id"])
        headers = {"Origin": self.dozvon.config.public_url, "If-Match": "0"}
        path = f"{self.dozvon.url}/api/offices/{key}/account/{key}"
        document = {name: value for name, value in table.items() if name != "id"}
        async with self.http.put(path, json=document, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
        await until(lambda: key in self.dozvon.members)

    async def page(self, path: str) -> str:
        async with self.http.get(self.dozvon.url + path) as answer:
            return await answer.text()

    async def state(self, account: AccountId) -> str:
        """The state in the address of the button on the account's page."""
        async with self.http.get(f"{self.dozvon.url}/admin/{account}/connect", allow_redirects=False) as answer:
            assert answer.status == 303
            return URL(answer.headers["Location"]).query["state"]

    def connected(self, account: AccountId) -> str | None:
        return self.connector(account).crm.crm_account_id

    def connector(self, account: AccountId) -> AmocrmConnector:
        connector = self.dozvon.members[account].connector
        assert isinstance(connector, AmocrmConnector)
        return connector

    @property
    def requests(self) -> int:
        return self.sandbox.traffic.total

    async def open_widget(self, *, key: str = SECRET, **changes: Any) -> int:
        now = int(time.time())
        claims = {
            "iss": f"http://{self.crm}", "aud": PUBLIC_URL, "jti": "x", "iat": now, "nbf": now,
            "exp": now + 600, "account_id": CRM_ACCOUNT, "user_id": int(ADMIN), "subdomain": "romashka",
            "client_uuid": CLIENT_ID, "is_admin": True, **changes,
        }  # fmt: skip
        headers = {"X-Auth-Token": jwt.encode(claims, key, algorithm="HS256"), "Origin": f"http://{self.crm}"}
        url = f"{self.dozvon.url}/api/widget/session"
        async with self.http.post(url, json={"protocol": 1}, headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def running(folder: Path, *accounts: AccountId, in_file: bool = True) -> AsyncIterator[Place]:
    """`in_file` False: the accounts come into the database over REST."""
    sandbox = Sandbox(SandboxSettings(client_id=CLIENT_ID, client_secret=SECRET))
    sandbox.populate = seed_office
    sandbox.reset()
    async with serving(create_sandbox(sandbox.settings, sandbox)) as crm_url:
        crm = crm_url.removeprefix("http://")
        address = oauth_path("amocrm", accounts[0] if len(accounts) == 1 else None)
        sandbox.integrations[CLIENT_ID].redirect_uri = PUBLIC_URL + address
        server = {"listen": "127.0.0.1:0", "public_url": PUBLIC_URL, "data_dir": str(with_tables(folder))}
        fastagi = {"host": "127.0.0.1", "port": 0}
        asterisk = {"host": "127.0.0.1", "port": 1, "username": "x", "secret": "x", "fastagi": fastagi}
        amocrm = {
            "client_id": CLIENT_ID, "client_secret": SECRET, "oauth_url": f"{crm_url}/oauth",
            "account_hosts": crm.replace(".", r"\."), "api_host": crm,
        }  # fmt: skip
        tables = [{"id": key, "amocrm": amocrm, "asterisk": asterisk} for key in accounts]
        whole = {"server": {**server, "admin_password": PASSWORD}, "account": tables if in_file else []}
        dozvon = Dozvon(parse(whole))
        await dozvon.start()
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                made = Place(dozvon, sandbox, crm, http)
                if not in_file:
                    await made.sign_in()
                    for table in tables:
                        await made.put(table)
                yield made
        finally:
            await dozvon.stop()


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running(tmp_path, OFFICE) as made:
        yield made


async def test_a_consent_that_began_with_our_button_connects_the_account(place: Place) -> None:
    await place.sign_in()
    state = await place.state(OFFICE)
    status, _, where = await place.call_back(account=OFFICE, state=state)
    assert (status, where) == (303, "/admin/office/people")
    assert place.connected(OFFICE) == str(CRM_ACCOUNT)
    assert place.dozvon.members[OFFICE].account.condition.trouble is None
    status, text, _ = await place.call_back(account=OFFICE, state=state)
    assert (status, "start it again" in text) == (400, True)  # a state works once


@pytest.mark.parametrize(
    "query",
    [
        {"state": "a-state-of-a-stranger"},
        {"from_widget": "1"},
        {"from_widget": "1", "code": "def502aa"},
        {"from_widget": "1", "referer": "evil.example"},
        {"from_widget": "1", "client_id": "another"},
        {"error": "<script>alert(1)</script>"},
        {},
    ],
)
@pytest.mark.parametrize("account", [None, OFFICE])
async def test_strangers_make_no_request_and_no_connection(
    place: Place, query: dict[str, str], account: AccountId | None
) -> None:
    for _ in range(3):
        status, text, _ = await place.call_back(account=account, **query)
        assert status in (200, 400)
        assert "<script" not in text
    assert place.requests == 0
    assert place.connected(OFFICE) is None


async def test_the_page_at_the_end_needs_no_script_and_has_our_policy(place: Place) -> None:
    query = f"from_widget=1&code=x&referer={place.crm}&client_id={CLIENT_ID}"
    url = f"{place.dozvon.url}{oauth_path('amocrm', OFFICE)}?{query}"
    async with place.http.get(url, headers={"Accept-Language": "uk"}) as answer:
        text = await answer.text()
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "Відкрийте сторінку Dozvon" in text
    assert "style=" not in text
    assert "<script" not in text


async def test_a_consent_of_the_marketplace_waits_for_an_administrator(place: Place) -> None:
    assert (await place.call_back(account=OFFICE, from_widget="1"))[0] == 200
    assert place.requests == 0
    [held] = place.dozvon.web.consents.waiting(OFFICE)
    path = f"/admin/office/consents/{held.id}"
    status, _, _ = await place.press(path)
    assert status == 403  # nobody is signed in
    assert place.requests == 0
    await place.sign_in()
    assert path in await place.page("/admin/office")
    _, _, where = await place.press(path)
    assert where.endswith("/admin/office/people")
    assert place.connected(OFFICE) == str(CRM_ACCOUNT)
    _, text, _ = await place.press(path)
    assert "больше не действует" in text


async def test_strangers_cannot_push_out_nor_pile_up(place: Place) -> None:
    for index in range(100):
        await place.call_back(account=OFFICE, from_widget="1", code=f"def{index}")
    assert len(place.dozvon.web.consents.waiting(OFFICE)) == 1  # one for each address of a CRM account


async def test_the_crms_signed_token_of_an_administrator_binds_its_consent(place: Place) -> None:
    assert await place.open_widget() == 401  # nothing waits
    await place.call_back(account=OFFICE, from_widget="1")
    assert await place.open_widget(key="x" * 40) == 401
    assert await place.open_widget(is_admin=False) == 401
    assert place.requests == 0
    assert await place.open_widget() == 200
    assert place.connected(OFFICE) == str(CRM_ACCOUNT)


async def test_a_token_of_one_account_binds_no_other(place: Place) -> None:
    await place.call_back(account=OFFICE, from_widget="1", code=place.code(CRM_BRANCH))
    assert await place.open_widget() == 401
    assert place.connected(OFFICE) is None


async def test_one_integration_serves_several_accounts(tmp_path: Path) -> None:
    async with running(tmp_path, OFFICE, BRANCH) as place:
        await place.sign_in()
        for key, crm_account in ((OFFICE, CRM_ACCOUNT), (BRANCH, CRM_BRANCH)):
            state = await place.state(key)
            status, text, where = await place.call_back(state=state, code=place.code(crm_account))
            assert (status, where) == (303, f"/admin/{key}/people"), text
            assert place.connected(key) == str(crm_account)
        assert place.connector(OFFICE).sender is place.connector(BRANCH).sender
        assert place.sandbox.traffic.max_rate <= 7
        assert "429" not in place.sandbox.traffic.by_status

        settings = place.connector(BRANCH).settings
        tokens.revoke(place.sandbox, CLIENT_ID, CRM_BRANCH)
        query = {"client_uuid": CLIENT_ID, "account_id": str(CRM_BRANCH)}
        signature = disconnect_signature(settings, str(CRM_BRANCH))
        url = URL(f"{place.dozvon.url}/hooks/amocrm/disconnected")
        async with place.http.get(url.with_query({**query, "signature": "0" * 64})) as answer:
            assert answer.status == 403
        async with place.http.get(url.with_query({**query, "signature": signature})) as answer:
            assert answer.status == 200
        assert (place.connected(OFFICE), place.connected(BRANCH)) == (str(CRM_ACCOUNT), None)
        assert [place.dozvon.members[key].account.settings.enabled for key in (OFFICE, BRANCH)] == [True, True]
        assert place.dozvon.members[BRANCH].account.condition.trouble is CrmTrouble.NOT_CONNECTED


async def test_what_amocrm_answers_is_shown_at_once(place: Place) -> None:
    """Without reading managers first: the first refused request shows it, the first successful one ends it."""
    await place.sign_in()
    await place.call_back(account=OFFICE, state=await place.state(OFFICE))
    crm = place.connector(OFFICE).crm

    async def shown() -> tuple[str, str]:
        async with place.http.get(f"{place.dozvon.url}/health") as answer:
            health = (await answer.json())["accounts"][OFFICE]["crm"]
        return health, await place.page("/admin/office?lang=en")

    assert (await shown())[0] == "connected"
    account = place.sandbox.accounts[CRM_ACCOUNT]
    account.subscription_ended = "all"
    with pytest.raises(Unpaid):
        await crm.account_info()
    health, page = await shown()
    assert (health, "subscription has ended" in page, "/admin/office/connect" in page) == ("unpaid", True, False)
    account.subscription_ended = ""
    assert await crm.account_info()
    assert (await shown())[0] == "connected"

    tokens.revoke(place.sandbox, CLIENT_ID, CRM_ACCOUNT)
    with pytest.raises(AuthFailed):
        await crm.account_info()
    health, page = await shown()
    assert (health, "/admin/office/connect" in page) == ("needs_consent", True)
    await place.call_back(account=OFFICE, state=await place.state(OFFICE))
    assert (await shown())[0] == "connected"

    place.sandbox.faults.append(Fault(kind="status", status=403, count=-1))
    with pytest.raises(Blocked):
        await crm.account_info()
    health, page = await shown()
    assert (health, "Next try:" in page) == ("blocked", True)


async def test_a_replayed_disconnect_call_makes_one_request(place: Place) -> None:
    await place.sign_in()
    await place.call_back(account=OFFICE, state=await place.state(OFFICE))
    signature = disconnect_signature(place.connector(OFFICE).settings, str(CRM_ACCOUNT))
    query = {"client_uuid": CLIENT_ID, "account_id": str(CRM_ACCOUNT), "signature": signature}
    before = place.sandbox.traffic.by_path.get("GET /api/v4/account", 0)
    for _ in range(5):
        async with place.http.get(URL(f"{place.dozvon.url}/hooks/amocrm/office/disconnected").with_query(query)) as it:
            assert it.status == 200
    assert place.sandbox.traffic.by_path["GET /api/v4/account"] == before + 1
    assert place.connected(OFFICE) == str(CRM_ACCOUNT)
