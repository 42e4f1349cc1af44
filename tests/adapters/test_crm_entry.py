"""Signing in from inside the CRM, and the widget's key: as an administrator uses it, and as an attacker tries it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import jwt
import pytest
import pytest_asyncio
from yarl import URL

from integration.domain.administrators import Administrator, Role
from integration.domain.ids import ManagerId
from integration.process.process import Dozvon
from integration.services.accounts import Account
from integration.services.administrators import NewPerson
from tests.adapters.amocrm_kit import CLIENT_ID, CRM_ACCOUNT, SECRET
from tests.adapters.test_consents import ADMIN, OFFICE, PASSWORD, PUBLIC_URL, Place, running

OLGAS = "кофе трамвай окно"


@dataclass
class Browser:
    """With its own cookies."""

    place: Stage
    http: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Status, text, and where it is after redirects."""
        url = self.place.dozvon.url + path
        own = {"Accept-Language": "en", **headers}
        async with self.http.get(url, headers=own) as answer:
            return answer.status, await answer.text(), answer.url.path

    async def press(self, path: str, *, origin: str | None = None, **form: str) -> tuple[int, str, str]:
        headers = {"Origin": origin or self.place.dozvon.url, "Accept-Language": "en"}
        async with self.http.post(self.place.dozvon.url + path, data=form, headers=headers) as answer:
            return answer.status, await answer.text(), answer.url.path

    async def sign_in(self) -> None:
        await self.press("/admin/login", login="olga", password=OLGAS)

    async def is_in(self) -> bool:
        return (await self.get("/admin/office"))[2] == "/admin/office"

    @property
    def session(self) -> str:
        found = self.http.cookie_jar.filter_cookies(URL(self.place.dozvon.url)).get("dozvon_admin")
        return "" if found is None else found.value


@dataclass
class Stage:
    """A connected account, and Olga, who is an owner."""

    whole: Place
    opened: list[aiohttp.ClientSession] = field(default_factory=list)

    @property
    def dozvon(self) -> Dozvon:
        return self.whole.dozvon

    def browser(self) -> Browser:
        made = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.opened.append(made)
        return Browser(self, made)

    def token(self, *, key: str = SECRET, user: str = ADMIN, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": f"http://{self.whole.crm}", "aud": PUBLIC_URL, "jti": str(uuid4()), "iat": now, "nbf": now,
            "exp": now + 1800, "account_id": CRM_ACCOUNT, "user_id": int(user), "subdomain": "romashka",
            "client_uuid": CLIENT_ID, "is_admin": True, **changes,
        }  # fmt: skip
        return jwt.encode(claims, key, algorithm="HS256")

    async def send(self, path: str, token: str, body: Any = None, *, origin: str = "") -> tuple[int, dict[str, Any]]:
        """What the widget sends."""
        headers = {"X-Auth-Token": token, "Origin": origin or f"http://{self.whole.crm}"}
        async with self.whole.http.post(self.dozvon.url + path, json=body or {}, headers=headers) as answer:
            return answer.status, json.loads(await answer.text())

    async def address(self, **token: Any) -> str:
        """The path that the widget opens."""
        status, said = await self.send("/api/widget/pages", self.token(**token))
        assert status == 201, said
        assert said["url"].startswith(f"{PUBLIC_URL}/from-crm?ticket=")
        return str(said["url"]).removeprefix(PUBLIC_URL)

    @property
    def account(self) -> Account:
        return self.dozvon.members[OFFICE].account

    async def olga(self) -> Administrator:
        found = await self.dozvon.core.storage.administrators.credentials("olga")
        assert found is not None
        return found.administrator

    def allow_crm_administrators(self) -> None:
        self.account.settings = replace(self.account.settings, crm_administrators=True)

    def degrade(self, manager: ManagerId = ADMIN) -> None:
        """The CRM says that they are no administrator any more."""
        self.account.managers[manager] = replace(self.account.managers[manager], is_admin=False)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with running(tmp_path, OFFICE) as whole:
        administrators = whole.dozvon.core.administrators
        code = await administrators.issue_setup_code("")
        person = NewPerson(name="Olga", login="olga", password=OLGAS, language="en")
        await administrators.set_up(code, person)
        await whole.sign_in()
        state = await whole.state(OFFICE)
        await whole.call_back(account=OFFICE, state=state)
        whole.http.cookie_jar.clear()
        made = Stage(whole)
        yield made
        for each in made.opened:
            await each.close()


async def tied(stage: Stage) -> Browser:
    """Olga has tied her CRM user, in a browser that is signed in by her password."""
    browser = stage.browser()
    await browser.sign_in()
    _, page, _ = await browser.get(await stage.address())
    assert "Tie to the login: olga" in page
    _, page, where = await browser.press("/from-crm", do="tie", present=OLGAS)
    assert where == "/admin/office", page
    return browser


# ---- as an administrator uses it


async def test_a_tied_administrator_opens_the_pages_from_the_crm_by_one_press(stage: Stage) -> None:
    await tied(stage)
    other = stage.browser()
    address = await stage.address()
    _, page, where = await other.get(address)
    assert where == "/from-crm", "the ticket stays in no history"
    assert "Sign in as Olga" in page
    assert not await other.is_in(), "a link alone signs nobody in"
    await other.get(address)
    status, _, where = await other.press("/from-crm", do="enter")
    assert status == 403, "opening the link once more has used it up"
    await other.get(await stage.address())
    _, _, where = await other.press("/from-crm", do="enter")
    assert where == "/admin/office"
    assert await other.is_in()


async def test_who_is_signed_in_as_the_same_goes_on_without_a_press(stage: Stage) -> None:
    browser = await tied(stage)
    _, _, where = await browser.get(await stage.address())
    assert where == "/admin/office"


async def test_a_session_from_the_crm_is_for_its_office_and_changes_no_password(stage: Stage) -> None:
    await tied(stage)
    browser = stage.browser()
    await browser.get(await stage.address())
    await browser.press("/from-crm", do="enter")
    assert (await browser.get("/admin/administrators"))[0] == 403, "she is an owner, by her password"
    assert (await browser.get("/admin/setup/new"))[0] == 403
    status, _, _ = await browser.press(
        "/admin/administrators/me/password", present=OLGAS, password="another long password"
    )
    assert status == 403
    assert (await browser.press("/admin/administrators/me/profile", name="Eve", language="en"))[0] == 403
    assert (await stage.olga()).name == "Olga"


async def test_the_session_ends_with_the_crms_word_with_the_tie_and_with_the_access(stage: Stage) -> None:
    first = await tied(stage)
    browser = stage.browser()

    async def enter() -> None:
        await browser.get(await stage.address())
        await browser.press("/from-crm", do="enter")
        assert await browser.is_in()

    await enter()
    kept = dict(stage.account.managers)
    stage.degrade()
    assert not await browser.is_in()
    assert await first.is_in(), "her own session needs no word of the CRM"
    stage.account.managers.update(kept)
    assert await browser.is_in()
    _, page, _ = await first.get("/admin/administrators/me")
    manager = re.search(r'name="manager" value="(\d+)"', page)
    assert manager is not None
    await first.press("/admin/administrators/me/crm/untie", account=OFFICE, manager=manager[1])
    assert not await browser.is_in()


async def test_without_a_tie_nobody_enters_but_where_the_owner_allows_it(stage: Stage) -> None:
    browser = stage.browser()
    _, page, _ = await browser.get(await stage.address())
    assert "not tied to an administrator" in page
    assert "Sign in as" not in page
    status, _, _ = await browser.press("/from-crm", do="enter")
    assert status == 403
    assert not await browser.is_in()

    stage.allow_crm_administrators()
    for _ in range(2):  # the second time they are known
        browser = stage.browser()
        await browser.get(await stage.address())
        _, _, where = await browser.press("/from-crm", do="enter")
        assert where == "/admin/office"
    people = await stage.dozvon.core.storage.administrators.all()
    [made] = [each for each in people if not each.has_password]
    assert (made.role, made.offices) == (Role.ADMINISTRATOR, frozenset({OFFICE}))
    for guess in ("", "-", "of nobody"):
        stranger = stage.browser()
        await stranger.press("/admin/login", login=made.login, password=guess)
        assert not await stranger.is_in(), guess
    stage.account.settings = replace(stage.account.settings, crm_administrators=False)
    assert not await browser.is_in(), "the owner has taken it back"
    await browser.get(await stage.address())
    assert (await browser.press("/from-crm", do="enter"))[0] == 403


async def test_one_who_was_switched_off_does_not_come_back_by_the_crm(stage: Stage) -> None:
    stage.allow_crm_administrators()
    browser = stage.browser()
    await browser.get(await stage.address())
    await browser.press("/from-crm", do="enter")
    store = stage.dozvon.core.storage.administrators
    [made] = [each for each in await store.all() if not each.has_password]
    await store.set_active(made.id, is_active=False)
    assert not await browser.is_in()
    status, page, _ = await stage.browser().get(await stage.address())
    assert (status, "switched off" in page) == (403, True)
    assert len(await store.all()) == 2, "and nobody is made in their place"


# ---- as an attacker


async def test_only_an_administrator_of_the_crm_gets_a_ticket(stage: Stage) -> None:
    manager = next(key for key, each in stage.account.managers.items() if not each.is_admin)
    status, said = await stage.send("/api/widget/pages", stage.token(user=manager))
    assert (status, said["error"]["code"]) == (403, "crm_no_admin"), "whatever the token claims: the list is newer"
    stage.degrade()
    assert (await stage.send("/api/widget/pages", stage.token()))[0] == 403


async def test_where_the_list_does_not_name_administrators_the_crms_proof_does(stage: Stage) -> None:
    people = stage.account.managers
    people[ManagerId(ADMIN)] = replace(people[ManagerId(ADMIN)], is_admin=None)
    assert (await stage.send("/api/widget/pages", stage.token()))[0] == 201
    said = (await stage.send("/api/widget/pages", stage.token(is_admin=False)))[1]
    assert said["error"]["code"] == "crm_no_admin"
    people[ManagerId(ADMIN)] = replace(people[ManagerId(ADMIN)], is_active=False)
    assert (await stage.send("/api/widget/pages", stage.token()))[0] == 403


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"key": "another secret of an integration"}, 401),
        ({"exp": 1}, 401),
        ({"account_id": 1}, 401),
        ({"client_uuid": "another"}, 401),
        ({"jti": ""}, 409),
    ],
)
async def test_a_token_that_is_not_the_crms_gives_no_ticket(stage: Stage, changes: dict[str, Any], status: int) -> None:
    assert (await stage.send("/api/widget/pages", stage.token(**changes)))[0] == status


async def test_a_page_of_another_origin_gets_no_ticket(stage: Stage) -> None:
    status, _ = await stage.send("/api/widget/pages", stage.token(), origin="https://evil.example")
    assert status == 403


async def test_a_token_gives_one_ticket_and_a_ticket_one_page(stage: Stage) -> None:
    await tied(stage)
    token = stage.token()
    assert (await stage.send("/api/widget/pages", token))[0] == 201
    status, said = await stage.send("/api/widget/pages", token)
    assert (status, said["error"]["code"]) == (409, "crm_token_used")
    address = await stage.address()
    victim, thief = stage.browser(), stage.browser()
    await victim.get(address)
    status, page, _ = await thief.get(address)
    assert (status, "Olga" in page) == (403, False)
    await victim.press("/from-crm", do="enter")
    assert await victim.is_in()
    assert not await thief.is_in()


async def test_a_ticket_of_another_kind_opens_nothing(stage: Stage) -> None:
    """Tickets of the WebSocket, of consents and of messages are in the same store."""
    ticket = await stage.dozvon.core.coordination.issue_ticket({"account": OFFICE, "manager": ADMIN}, ttl_seconds=60)
    browser = stage.browser()
    status, _, _ = await browser.get(f"/from-crm?ticket={ticket}")
    assert status == 403
    address = await stage.address()
    _, ticket = address.split("=")
    headers = {"Origin": f"http://{stage.whole.crm}", "Upgrade": "websocket", "Connection": "Upgrade"}
    url = f"{stage.dozvon.url}/api/widget/ws?ticket={ticket}"
    async with stage.whole.http.get(url, headers=headers) as answer:
        assert answer.status >= 400, "and the other way round"


async def test_a_link_from_a_stranger_does_not_change_who_is_signed_in(stage: Stage) -> None:
    """Login CSRF: Eve, another administrator of the CRM, sends Olga her own link."""
    stage.allow_crm_administrators()
    browser = stage.browser()
    await browser.sign_in()
    before = browser.session
    _, page, _ = await browser.get(await stage.address(), **{"Sec-Fetch-Site": "cross-site"})
    assert "Another session is open in this browser: Olga" in page
    assert browser.session == before
    status, _, _ = await browser.press("/from-crm", origin="https://evil.example", do="enter")
    assert status == 403, "nor does a form of another site"
    assert browser.session == before


async def test_a_tie_needs_the_password_and_not_a_press_alone(stage: Stage) -> None:
    browser = stage.browser()
    await browser.sign_in()
    await browser.get(await stage.address())
    for present in ("", "wrong password"):
        _, page, _ = await browser.press("/from-crm", do="tie", present=present)
        assert "Wrong present password" in page
    assert await stage.dozvon.core.storage.crm_ties.of((await stage.olga()).id) == []
    statuses = [(await browser.press("/from-crm", do="tie", present="guess"))[0] for _ in range(6)]
    assert 429 in statuses, "guesses are slowed down as at the sign-in"


async def test_a_tie_by_the_files_password_is_nobodys(stage: Stage) -> None:
    browser = stage.browser()
    await browser.press("/admin/login", password=PASSWORD)
    _, page, _ = await browser.get(await stage.address())
    assert "cannot be tied" in page
    assert (await browser.press("/from-crm", do="tie", present=PASSWORD))[0] == 403


async def test_a_session_that_was_set_beforehand_is_worth_nothing(stage: Stage) -> None:
    """Fixation."""
    await tied(stage)
    browser = stage.browser()
    fixed = "f" * 43
    browser.http.cookie_jar.update_cookies({"dozvon_admin": fixed}, URL(stage.dozvon.url))
    await browser.get(await stage.address())
    await browser.press("/from-crm", do="enter")
    assert await browser.is_in()
    assert browser.session != fixed


async def test_no_page_can_frame_ours_or_read_the_ticket(stage: Stage) -> None:
    """Clickjacking: the press that signs in is made on its own page."""
    browser = stage.browser()
    address = await stage.address()
    url = stage.dozvon.url + address
    async with browser.http.get(url, allow_redirects=False) as answer:
        assert answer.status == 303
        assert "ticket" not in answer.headers["Location"]
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    async with browser.http.get(stage.dozvon.url + "/from-crm") as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers


# ---- the widget's key


async def a_key(stage: Stage, *, access: str = "write") -> str:
    browser = stage.browser()
    await browser.sign_in()
    _, page, _ = await browser.press("/admin/office/keys", name="Widget", access=access, days="none")
    found = re.search(r">(dzv_[0-9A-Za-z]{46})</pre>", page)
    assert found is not None
    return found[1]


async def test_a_key_in_the_settings_window_says_that_the_crm_is_connected(stage: Stage) -> None:
    status, said = await stage.send("/api/widget/key", stage.token(), {"key": await a_key(stage)})
    assert (status, said) == (200, {"key": "Widget", "office": "office", "finding": "connected", "url": None})


async def test_a_key_in_the_window_of_an_account_that_we_do_not_know_says_why(stage: Stage) -> None:
    key = await a_key(stage, access="read")
    status, said = await stage.send(
        "/api/widget/key", stage.token(key="another secret of an integration"), {"key": key}
    )
    assert (status, said["finding"]) == (200, "not_recognised")
    assert said["url"] == f"{PUBLIC_URL}/admin/setup/office/crm"


@pytest.mark.parametrize("body", [{}, {"key": 1}, {"key": "\0"}, {"key": "x" * 5000}])
async def test_what_is_no_key_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    assert (await stage.send("/api/widget/key", stage.token(), body))[0] in (400, 401)


async def test_a_wrong_key_is_refused_with_its_reason(stage: Stage) -> None:
    key = await a_key(stage)
    for sent, reason in (("dzv_x", "no_key"), (key[:-1] + ("a" if key[-1] != "a" else "b"), "key_mistyped")):
        status, said = await stage.send("/api/widget/key", stage.token(), {"key": sent})
        assert (status, said["error"]["code"]) == (401, reason)
    status, _ = await stage.send("/api/widget/key", stage.token(), {"key": key}, origin="https://evil.example")
    assert status == 403


async def test_a_key_connects_the_account_whose_consent_waits(tmp_path: Path) -> None:
    """Installed from the CRM's side: nobody had pressed our button. The key is an administrator’s word."""
    async with running(tmp_path, OFFICE) as whole:
        stage = Stage(whole)
        await whole.sign_in()
        headers = {"Origin": whole.dozvon.config.public_url, "Accept-Language": "en"}
        keys = {}
        for access in ("read", "write"):
            form = {"name": access, "access": access, "days": "none"}
            url = f"{whole.dozvon.url}/admin/office/keys"
            async with whole.http.post(url, data=form, headers=headers) as answer:
                found = re.search(r">(dzv_[0-9A-Za-z]{46})</pre>", await answer.text())
                assert found is not None
                keys[access] = found[1]
        status, said = await stage.send("/api/widget/key", stage.token(), {"key": keys["write"]})
        assert (status, said["finding"]) == (200, "no_consent")
        assert said["url"] == f"{PUBLIC_URL}/admin/office/connect"
        await whole.call_back(account=OFFICE, from_widget="1")
        status, said = await stage.send("/api/widget/key", stage.token(), {"key": keys["read"]})
        assert said["finding"] == "no_consent", "a key that may only read connects nothing"
        assert whole.connected(OFFICE) is None
        status, said = await stage.send("/api/widget/key", stage.token(), {"key": keys["write"]})
        assert (status, said["finding"]) == (200, "connected")
        assert whole.connected(OFFICE) == str(CRM_ACCOUNT)
