"""Every route of a whole process declares what it needs, and no role gets past it. And nothing hostile is stored."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row

from integration.domain.access import PERMISSIONS, Permission
from integration.domain.administrators import Administrator, AdministratorId, Role, clean_login, clean_name
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, CampaignId, Timestamp
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.administrators import Credentials, Session
from integration.ports.stores import SavedStep
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.services.administrators import digest
from integration.storage.sql.schema.people import admin_invitations, administrators
from integration.web import permissions
from integration.web.permissions import Need, need_of
from tests.contract.calls import a_call, an_intent
from tests.databases import with_tables
from tests.lab.ports import free_port

ACME = AccountId("acme")
PASSWORD = "a password of the file"
OWNERS = "кофе трамвай окно"
HOLES = {
    "account": ACME, "office": ACME, "kind": "account", "id": ACME, "item": "1", "call": "1", "crm": "amocrm",
    "tail": "x", "revision": "1", "consent": "x", "anything": "x", "administrator": "f" * 32, "invitation": "f" * 32,
    "session": "f" * 64, "key": "f" * 32, "name": "admin.css", "step": "office",
    "campaign": "x", "entry": "1", "file": "f" * 32, "number": "1", "what": "message", "sound": "f" * 24,
}  # fmt: skip


@dataclass
class Running:
    dozvon: Dozvon

    def routes(self) -> list[tuple[str, str, web.AbstractRoute]]:
        """Method, path without holes, route."""
        found = []
        for route in self.dozvon.web.server.app.router.routes():
            assert route.resource is not None
            path = re.sub(r"\{(\w+)\}", lambda hole: HOLES.get(hole[1], "x"), route.resource.canonical)
            found.append((route.method, path, route))
        return found

    async def signed_in(self, number: int, role: Role, *, offices: frozenset[AccountId] | None = None) -> str:
        """The cookie of a new administrator."""
        storage, now = self.dozvon.core.storage, self.dozvon.core.clock.now()
        person = Administrator(
            id=AdministratorId(f"{number:032x}"), name=f"N{number}", login=f"login{number}", role=role, language="en",
            created_at=now, offices=offices,
        )  # fmt: skip
        await storage.setup_codes.put("c", holder="", now=now, until=Timestamp(now + 60))
        made = Credentials(administrator=person, hash="$argon2id$", mark="mark")
        await storage.setup_codes.make_owner("c", made, now=now)
        return await self.session(number, made)

    async def session(self, number: int, made: Credentials) -> str:
        token, now = f"{number:043}", self.dozvon.core.clock.now()
        session = Session(
            id=digest(token), administrator=made.administrator.id, begun_at=now, used_at=now,
            until=Timestamp(now + 3600), browser="", address="127.0.0.1",
        )  # fmt: skip
        await self.dozvon.core.storage.admin_sessions.begin(session, mark=made.mark, now=now)
        return token

    async def read(self, path: str, token: str) -> tuple[int, str]:
        headers = {"Cookie": f"dozvon_admin={token}"}
        async with aiohttp.ClientSession() as http, http.get(self.dozvon.url + path, headers=headers) as answer:
            return answer.status, await answer.text()

    async def need(self, method: str, path: str) -> Need:
        """Of the route that this request would take."""
        found = await self.dozvon.web.server.app.router.resolve(make_mocked_request(method, path))
        assert isinstance(found, web.UrlMappingMatchInfo), (method, path)
        need = need_of(found.route)
        assert need is not None
        return need

    async def ask(
        self, method: str, path: str, token: str = "", *, form: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and place of a redirect."""
        headers = {"Origin": self.dozvon.url}
        if token:
            headers["Cookie"] = f"dozvon_admin={token}"
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                method, self.dozvon.url + path, headers=headers, data=form or {}, allow_redirects=False
            ) as answer,
        ):
            if answer.content_type != "text/event-stream":  # which has no end
                await answer.read()
            return answer.status, answer.headers.get("Location", "")


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    account: dict[str, Any] = {
        "id": ACME,
        "amocrm": {"client_id": "1", "client_secret": "s" * 40, "account_hosts": "x", "request_seconds": 1},
        "asterisk": {
            "host": "127.0.0.1", "port": free_port(), "username": "x", "secret": "x",
            "fastagi": {"host": "127.0.0.1", "port": 0},
        },
    }  # fmt: skip
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    server["trusted_proxies"] = "127.0.0.1"
    dozvon = Dozvon(parse({"server": server, "account": [account]}))
    await dozvon.start()
    try:
        yield Running(dozvon)
    finally:
        await dozvon.stop()


async def test_every_route_declares_what_it_needs(running: Running) -> None:
    undeclared = [f"{method} {path}" for method, path, route in running.routes() if need_of(route) is None]
    assert undeclared == []
    needs = [(path, need) for _, path, route in running.routes() if (need := need_of(route)) is not None]
    assert all(need.permission or need.why for _, need in needs)
    open_below_admin = {path for path, need in needs if path.startswith("/admin") and need.permission is None}
    assert open_below_admin == {"/admin/login", "/admin/static/admin.css"}
    assert {need.permission for _, need in needs} >= set(Permission) - {Permission.ADD_OFFICE}


async def test_a_route_that_declares_nothing_is_closed(running: Running) -> None:
    """Also to who is signed in: a forgotten declaration is noticed, and lets nobody in."""
    [route] = [route for method, path, route in running.routes() if (method, path) == ("GET", "/admin")]
    declared = permissions._needs.pop(route)
    owner = await running.signed_in(1, Role.OWNER)
    assert (await running.ask("GET", "/admin", owner))[0] == 403
    assert (await running.ask("GET", "/admin"))[0] == 403
    permissions._needs[route] = declared
    assert (await running.ask("GET", "/admin", owner))[0] == 303


async def test_no_role_gets_past_any_route_that_is_not_its_own(running: Running) -> None:
    elsewhere = frozenset({AccountId("other")})
    people = {role: await running.signed_in(number, role) for number, role in enumerate(Role, start=1)}
    away = await running.signed_in(8, Role.OWNER, offices=elsewhere)
    storage = running.dozvon.core.storage
    tried = 0
    for method, path, route in running.routes():
        need = need_of(route)
        assert need is not None
        if need.permission is None:
            continue
        is_api = path.startswith("/api/")
        status, place = await running.ask(method, path)
        if is_api:
            assert status == 401, path
        else:
            assert (status, place.partition("?")[0]) == (303, "/admin/login") or status == 403, (method, path, status)
        for role, token in people.items():
            status, place = await running.ask(method, path, token)
            is_refused = status in (401, 403) or place.startswith("/admin/login?")
            if path == "/admin/logout":
                found = await storage.administrators.credentials(f"login{list(Role).index(role) + 1}")
                assert found is not None
                people[role] = await running.session(list(Role).index(role) + 1, found)
            assert is_refused is (need.permission not in PERMISSIONS[role]), (method, path, role, status, place)
            tried += 1
        if ACME in path:
            assert (await running.ask(method, path, away))[0] == 404, path
    assert tried > 60


async def test_the_first_page_lists_only_what_one_may_see(running: Running) -> None:
    away = await running.signed_in(8, Role.OWNER, offices=frozenset({AccountId("other")}))
    status, place = await running.ask("GET", "/admin", away)
    assert (status, place) == (303, "/admin/setup"), "as if there were none yet"
    owner = await running.signed_in(1, Role.OWNER)
    assert await running.ask("GET", "/admin", owner) == (303, "/admin/acme")
    supervisor = await running.signed_in(2, Role.SUPERVISOR)
    assert await running.ask("GET", "/admin", supervisor) == (303, "/admin/acme/campaigns")
    _, page = await running.read("/admin/acme/campaigns", supervisor)
    assert '/admin/acme/calls"' in page
    assert not any(f'/admin/acme/{section}"' in page for section in ("people", "delivery", "changes", "keys"))


async def test_a_supervisor_is_offered_nothing_that_would_be_refused(running: Running) -> None:
    """No link, form or picture of their pages, also where a delivery has failed and the integration is off."""
    core = running.dozvon.core
    account = core.accounts.get(ACME)
    assert account is not None
    call = a_call(account=ACME)
    await core.storage.calls.save([SavedStep(call=call, intents=(an_intent(call),))])
    [item] = await core.storage.outbox.claim(ACME, now=core.clock.now(), lease_seconds=60, limit=1)
    await core.storage.outbox.dead(item, error="refused")
    await core.accounts.set_enabled(account, enabled=False, who=Author(kind=AuthorKind.PROGRAM))
    await core.storage.campaigns.make(ACME, CampaignId("spring"), CampaignPlan(name="Весна"), by="Ольга")
    supervisor = await running.signed_in(2, Role.SUPERVISOR)
    to_read, seen = ["/admin", f"/admin/acme/calls/{call.id}"], dict[tuple[str, str], str]()
    while to_read:
        page = to_read.pop()
        status, html = await running.read(page, supervisor)
        assert status == 200, (page, seen.get(("GET", page)))
        for name, path in re.findall(r'<[^>]*? (href|src|action|formaction)="(/[^"?#]*)', html):
            method = "POST" if "action" in name else "GET"
            if (method, path) in seen:
                continue
            seen[method, path] = page
            need = await running.need(method, path)
            assert need.permission in (None, *PERMISSIONS[Role.SUPERVISOR]), (method, path, page)
            if method == "GET" and need.permission is not None and not path.endswith(".csv"):
                to_read.append(path)
    assert {"/admin/acme/campaigns/spring", "/admin/acme/campaigns/spring/rules"} <= {path for _, path in seen}
    assert len(seen) > 25


async def test_another_sites_form_is_refused_by_every_route_that_takes_one(running: Running) -> None:
    owner = await running.signed_in(1, Role.OWNER)
    async with aiohttp.ClientSession() as http:
        for method, path, route in running.routes():
            need = need_of(route)
            assert need is not None
            if method in ("GET", "HEAD", "OPTIONS", "*") or not need.is_own_form:
                continue
            headers = {"Cookie": f"dozvon_admin={owner}", "Origin": "https://evil.example"}
            async with http.request(method, running.dozvon.url + path, headers=headers) as answer:
                assert answer.status == 403, (method, path)


# ---- hostile forms

_PATHS = (
    "/setup", "/invitation", "/admin/login", "/admin/administrators/invitations", "/admin/administrators/me/profile",
    "/admin/administrators/me/password", "/admin/administrators/{one}/role", "/admin/administrators/{one}/active",
    "/admin/administrators/invitations/{one}/renew", "/admin/administrators/invitations/{one}/revoke",
)  # fmt: skip
_ODD = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="\0\u202e\u200b\u2028\n\r\t\x7f\ufdfaa<>'\"%", max_size=60),
    st.sampled_from(["", "owner", "administrator", "uk", "1", "olga", "login1", "x" * 5000, "кофе трамвай окно 2"]),
)
_ATTEMPTS = itertools.count()
_FIELDS = ("name", "login", "password", "present", "role", "active", "confirmed", "language", "who", "next", "code")


@example(
    path="/admin/administrators/invitations", form={"name": "\u202eN", "login": "\u202el", "role": "owner"}, code=True
)
@example(path="/setup", form={"name": "N\0", "login": "l\ud800", "password": OWNERS}, code=True)
@given(
    path=st.sampled_from(_PATHS),
    form=st.dictionaries(st.sampled_from(_FIELDS), _ODD, max_size=8),
    code=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_a_form_holds_nothing_breaks_and_nothing_odd_is_stored(
    running: Running, path: str, form: dict[str, str], code: bool
) -> None:
    core = running.dozvon.core
    if not await core.storage.administrators.have_any():
        await running.signed_in(1, Role.OWNER)
    found = await core.storage.administrators.credentials_of(AdministratorId(f"{1:032x}"))
    assert found is not None
    attempt = next(_ATTEMPTS)
    token = await running.session(1000 + attempt, found)
    cookies = {"dozvon_admin": token}
    if code:
        cookies["dozvon_setup"] = await core.administrators.issue_setup_code("")
    kept = {each.id: each for each in await core.storage.administrators.all()}
    headers = {
        "Origin": running.dozvon.url,
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-Forwarded-For": f"198.51.{100 + attempt // 250}.{1 + attempt % 250}",  # or the brake would answer most
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = "&".join(f"{name}={_quoted(value)}" for name, value in form.items())
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            running.dozvon.url + path.replace("{one}", f"{1:032x}"), data=body, headers=headers, allow_redirects=False
        ) as answer,
    ):
        text = await answer.text()
        assert answer.status < 500, text
        assert "Traceback" not in text
    await _assert_clean(running)
    after = {each.id: each for each in await core.storage.administrators.all()}
    assert any(each.is_active_owner for each in after.values())
    if path not in ("/setup", "/invitation"):
        assert after.keys() == kept.keys(), "only a code makes an administrator"
    if not code and path == "/setup":
        assert after == {key: replace(each, seen_at=after[key].seen_at) for key, each in kept.items()}


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


async def _assert_clean(running: Running) -> None:
    """What is stored is what the rules for names and logins let through."""

    def work(connection: Connection) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
        found = [connection.execute(table.select()).all() for table in (administrators, admin_invitations)]
        return found[0], found[1]

    people, invited = await running.dozvon.core.storage.database.read(work)
    for row in (*people, *invited):
        assert clean_name(row.name) == row.name
        assert clean_login(row.login) == row.login
        assert row.role in set(Role)
    for row in people:
        assert row.hash.startswith("$argon2id$")
        assert row.language in ("ru", "uk", "en")


async def test_a_real_password_of_the_file_signs_in_beside_the_people(running: Running) -> None:
    await running.signed_in(1, Role.OWNER)
    assert (await running.ask("POST", "/admin/login", form={"password": PASSWORD}))[0] == 303
    assert (await running.ask("POST", "/admin/login", form={"login": "login1", "password": PASSWORD}))[0] == 200
