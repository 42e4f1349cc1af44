"""Signing in as a person, the first owner, invitations, and the page of administrators, with the text of the pages."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from sqlalchemy import Connection

from integration.domain.administrators import Administrator, Role
from integration.errors import Unavailable
from integration.process.setup_address import administrators_of
from integration.services import passwords as hashing
from integration.services.administrators import Administrators
from integration.services.passwords import PasswordDesk
from integration.storage import open_coordination
from integration.storage.sql.schema import admin_invitations, admin_sessions, administrators, setup_codes
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.pages.administrators import AdministratorPages
from integration.web.pages.brake import SignInBrake
from integration.web.pages.flash import Flash
from integration.web.pages.invitation import InvitationPages
from integration.web.pages.people import PeoplePages
from integration.web.pages.profile import ProfilePages
from integration.web.pages.session import AdminSessions
from integration.web.pages.setup import SetupPages
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.server import create_web_app
from tests.services.conftest import ACME, World

FILE_PASSWORD = "a secret of the file"
OLGAS, PETRS = "кофе трамвай окно", "nine green bottles"
Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    path: str  # after redirects

    def says(self, key: str, lang: str = "en", **facts: object) -> bool:
        return html.escape(texts(lang)[key].format(**facts), quote=False) in self.text.replace("&#39;", "'")


class Browser:
    """With its own cookies; English."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self._name = client, name

    async def get(self, path: str) -> Answer:
        async with self.client.get(path, headers={"Accept-Language": "en", "User-Agent": self._name}) as answer:
            return Answer(answer.status, await answer.text(), answer.url.path_qs)

    async def post(self, path: str, **form: str) -> Answer:
        own = {"Origin": str(self.client.make_url("/").origin()), "Accept-Language": "en", "User-Agent": self._name}
        async with self.client.post(path, data=form, headers=own) as answer:
            return Answer(answer.status, await answer.text(), answer.url.path_qs)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.client.session.cookie_jar}

    async def sign_in(self, login: str, password: str) -> Answer:
        return await self.post("/admin/login", login=login, password=password)

    async def is_in(self) -> bool:
        return 'id="present"' in (await self.get("/admin/administrators/me")).text


@dataclass
class Place:
    world: World
    service: Administrators
    sessions: AdminSessions
    open: Callable[[str], Awaitable[Browser]]

    async def owner(self, name: str = "Ольга", login: str = "olga", password: str = OLGAS) -> Browser:
        """A browser in which a new owner was made."""
        browser = await self.open("Firefox/130.0 Windows")
        code = await self.service.issue_setup_code("")
        assert (await browser.get(f"/setup?code={code}")).status == 200
        answer = await browser.post("/setup", name=name, login=login, password=password)
        assert answer.path == "/admin/acme/people", answer.text
        return browser

    async def invited(self, owner: Browser, role: Role = Role.ADMINISTRATOR, login: str = "petr") -> Browser:
        answer = await owner.post("/admin/administrators/invitations", name="Пётр", login=login, role=role.value)
        browser = await self.open("Chrome/126.0 Linux")
        assert (await browser.get(link_in(answer))).status == 200
        answer = await browser.post("/invitation", name="Пётр", password=PETRS)
        assert answer.status in (200, 404), answer.text  # there is no first page here
        return browser

    async def person(self, login: str) -> Administrator:
        found = await self.service.store.credentials(login)
        assert found is not None
        return found.administrator


def link_in(answer: Answer) -> str:
    found = re.search(r">http://[^/<]+(/invitation\?code=[\w-]{43})</pre>", answer.text)
    assert found is not None, answer.text
    return found[1]


@pytest_asyncio.fixture
async def place(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """With the parameter None there is no password in the configuration."""
    file_password = getattr(request, "param", FILE_PASSWORD)
    passwords = PasswordDesk()
    service = administrators_of(world.storage, world.clock, passwords)
    sessions = AdminSessions(
        file_password,
        "",
        store=world.storage.admin_sessions,
        administrators=service,
        passwords=passwords,
        brake=SignInBrake(world.coordination, open_coordination(None)),
        addresses=ClientAddresses(),
        clock=world.clock,
    )
    shell = Shell(world.accounts, world.storage.outbox, sessions, Flash(world.coordination, is_secure=False))
    sections = (
        shell,
        SignInPages(shell, sessions),
        SetupPages(shell, sessions, service, go_on="/admin/acme/people"),
        InvitationPages(shell, sessions, service),
        AdministratorPages(shell, sessions, service, world.clock, public_url=None),
        ProfilePages(shell, sessions, service, world.clock),
        PeoplePages(shell, world.accounts),
    )

    async def healthy() -> dict[str, str]:
        return {"status": "ok"}

    app = create_web_app(
        routes=[route for section in sections for route in section.routes()],
        middlewares=[sessions.guard],
        health=healthy,
        metrics=Metrics(list),
        error_page=shell.error_page,
    )
    server = TestServer(app)
    opened: list[Client] = []

    async def open_browser(name: str) -> Browser:
        client: Client = TestClient(server)
        await client.start_server()
        opened.append(client)
        return Browser(client, name)

    yield Place(world, service, sessions, open_browser)
    for client in opened:
        await client.session.close()
    await server.close()


# ---- the first owner


async def test_with_the_code_an_owner_is_made_signed_in_and_goes_on(place: Place) -> None:
    browser = await place.open("Firefox/130.0")
    code = await place.service.issue_setup_code("")
    form = await browser.get(f"/setup?code={code}&lang=uk")
    assert code not in form.path, "it stays in no history"
    assert code not in form.text
    assert '<html lang="uk">' in form.text
    answer = await browser.post("/setup?lang=uk", name=" Ольга ", login="Olga@Example.com", password=OLGAS)
    assert answer.path == "/admin/acme/people"
    olga = await place.person("olga@example.com")
    assert (olga.name, olga.login, olga.role, olga.language) == ("Ольга", "Olga@Example.com", Role.OWNER, "uk")
    assert "dozvon_setup" not in browser.cookies
    again = await browser.get(f"/setup?code={code}")
    assert again.status == 403
    assert again.says("setup_code_wrong", "uk")


async def test_without_a_code_the_page_says_where_it_is(place: Place) -> None:
    browser = await place.open("x")
    for lang in LANGUAGES:
        page = await browser.get(f"/setup?lang={lang}")
        assert page.status == 200
        assert page.says("setup_where", lang)
        assert "dozvon setup-code" in page.text
        assert '"password"' not in page.text
    assert (await browser.post("/setup", name="Eve", login="eve", password=OLGAS)).status == 403
    assert not await place.service.store.have_any()


@pytest.mark.parametrize(
    "code", ["", "x", "A" * 43, "\u202e", "%00", "'; DROP TABLE setup_codes", "я" * 43, "A" * 5000]
)
async def test_a_wrong_code_opens_nothing(place: Place, code: str) -> None:
    await place.service.issue_setup_code("")
    browser = await place.open("x")
    page = await browser.get(f"/setup?code={code}")
    assert page.status in (400, 403)
    assert 'name="password"' not in page.text
    answer = await browser.post("/setup", name="Eve", login="eve", password=OLGAS)
    assert answer.status == 403
    assert not await place.service.store.have_any()


async def test_guessing_codes_is_slowed_down_and_signing_in_is_not(place: Place) -> None:
    browser = await place.open("x")
    statuses = [(await browser.get(f"/setup?code={number:043}")).status for number in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    assert (await browser.post("/admin/login", password=FILE_PASSWORD)).status in (200, 404)


async def test_a_code_ends_after_a_day(place: Place) -> None:
    code = await place.service.issue_setup_code("")
    place.world.clock.advance(24 * 3600 + 1)
    browser = await place.open("x")
    assert (await browser.get(f"/setup?code={code}")).status == 403


async def test_what_is_wrong_stands_beside_its_field_and_the_rest_stays_typed(place: Place) -> None:
    browser = await place.open("x")
    await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    page = await browser.post("/setup", name="Ольга\u202e", login="Оля <b>", password="short")
    assert page.status == 200
    assert page.says("name_invisible")
    assert page.says("password_short", shortest=10)
    assert "Оля &lt;b&gt;" in page.text
    assert "short" not in re.findall(r'value="([^"]*)"', page.text), "a password is not sent back"
    page = await browser.post("/setup", name="", login="", password=OLGAS)
    assert page.says("name_missing")
    assert page.says("login_missing")
    assert not await place.service.store.have_any()
    assert (await browser.post("/setup", name="Ольга", login="olga", password=OLGAS)).path == "/admin/acme/people"


async def test_whoever_has_the_shell_sets_a_lost_password(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    await place.service.store.set_active((await place.person("petr")).id, is_active=False)
    browser = await place.open("x")
    form = await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    assert "Пётр (petr)" in form.text
    chosen = (await place.person("petr")).id
    refused = await browser.post("/setup", who=chosen, password="short")
    assert refused.says("password_short", shortest=10)
    assert (await browser.post("/setup", who=chosen, password="new words for Petr")).path == "/admin/acme/people"
    assert (await place.person("petr")).role is Role.ADMINISTRATOR
    assert not await petr.is_in()
    assert await browser.is_in()
    assert await owner.is_in()


async def test_nobody_is_chosen_who_does_not_exist(place: Place) -> None:
    browser = await place.open("x")
    await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    for who in ("f" * 32, "'", "x" * 5000):
        assert (await browser.post("/setup", who=who, password=OLGAS)).status == 403
        await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    assert not await place.service.store.have_any()


# ---- signing in


async def test_a_person_signs_in_in_any_spelling_and_is_named_in_the_history(place: Place) -> None:
    await place.owner(login="Olga@Example.com")
    browser = await place.open("Chrome/126.0 Linux")
    assert (await browser.sign_in("  OLGA@example.com", OLGAS)).status != 429
    assert await browser.is_in()
    await browser.post("/admin/acme/people", **{"extension.610077": "105"})
    [kept, *_] = await place.world.storage.settings.changes(ACME)
    assert (kept.change.who.name, kept.change.who.administrator) == (
        "Ольга",
        (await place.person("olga@example.com")).id,
    )


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("olga", "wrong"),
        ("nobody", OLGAS),
        ("olga", ""),
        ("olga", FILE_PASSWORD),
        ("olga", OLGAS + "x" * 5000),
        ("olga\u202e", OLGAS),
        ("x" * 5000, OLGAS),
        ("", OLGAS),
        ("   ", OLGAS),
    ],
)
async def test_a_wrong_login_or_password_says_the_same(place: Place, login: str, password: str) -> None:
    await place.owner()
    browser = await place.open("x")
    answer = await browser.sign_in(login, password)
    assert answer.status == 200
    assert answer.says("wrong_login")
    assert not await browser.is_in()
    assert "dozvon_admin" not in browser.cookies


async def test_an_unknown_login_costs_a_comparison_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or its time would tell which logins there are. Counted, as a measured time depends on the machine."""
    await place.owner()
    browser = await place.open("x")
    compared: list[str] = []
    genuine = hashing.is_same

    def counted(stored: str, given: str) -> bool:
        compared.append(stored)
        return genuine(stored, given)

    monkeypatch.setattr(hashing, "is_same", counted)
    await browser.sign_in("nobody", "wrong")
    await browser.sign_in("olga", "wrong")
    await browser.sign_in("no\u202ebody", "wrong")
    assert len(compared) == 3
    costs = {stored.split("$")[3] for stored in compared}
    assert len(costs) == 1, "at the same cost"


async def test_who_may_sign_in_cannot_guess_for_others_in_between(place: Place) -> None:
    owner = await place.owner()
    await place.invited(owner)
    browser = await place.open("x")
    statuses = []
    for number in range(7):
        statuses.append((await browser.sign_in("OLGA", f"guess {number}")).status)
        await browser.sign_in("petr", PETRS)
        await browser.get("/setup?code=x")
    assert statuses == [200] * 5 + [429] * 2


async def test_many_logins_from_one_address_are_slowed_down_too(place: Place) -> None:
    browser = await place.open("x")
    statuses = [(await browser.sign_in(f"login{number}", "x")).status for number in range(31)]
    assert statuses == [200] * 30 + [429]


async def test_a_hash_of_another_cost_is_made_again_at_the_next_sign_in(place: Place) -> None:
    owner = await place.owner()
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(OLGAS)
    store = place.service.store
    stored = await store.credentials("olga")
    assert stored is not None
    await store.rehash(stored, cheap)
    browser = await place.open("x")
    await browser.sign_in("olga", "wrong")
    now = await store.credentials("olga")
    assert now is not None
    assert now.hash == cheap, "only the right password can be hashed again"
    await browser.sign_in("olga", OLGAS)
    now = await store.credentials("olga")
    assert now is not None
    assert now.hash != cheap
    assert not hashing.is_outdated(now.hash)
    assert await owner.is_in(), "no session ends by it"


async def test_a_session_that_a_stranger_has_set_is_worth_nothing_after_signing_in(place: Place) -> None:
    """Session fixation: the token is always a new one, and the former one of this browser ends."""
    await place.owner()
    browser, thief = await place.open("x"), await place.open("x")
    planted = "A" * 43
    browser.client.session.cookie_jar.update_cookies({"dozvon_admin": planted}, browser.client.make_url("/"))
    await browser.sign_in("olga", OLGAS)
    first = browser.cookies["dozvon_admin"]
    assert first != planted
    await browser.sign_in("olga", OLGAS)
    assert browser.cookies["dozvon_admin"] != first
    thief.client.session.cookie_jar.update_cookies({"dozvon_admin": first}, thief.client.make_url("/"))
    assert not await thief.is_in()
    assert await browser.is_in()


@pytest.mark.parametrize("place", [None], indirect=True)
async def test_while_nobody_can_sign_in_the_page_says_what_to_do(place: Place) -> None:
    browser = await place.open("x")
    page = await browser.get("/admin")
    assert page.says("nobody_yet")
    assert 'type="password"' not in page.text
    assert (await browser.post("/admin/login", password="")).says("nobody_yet")
    await place.owner()
    assert 'name="login"' in (await browser.get("/admin")).text


async def test_the_page_is_shown_although_the_last_use_cannot_be_stored(place: Place) -> None:
    owner = await place.owner()
    place.world.clock.advance(120)

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable("read-only")

    place.sessions.store.touch = fail  # type: ignore[method-assign]
    assert await owner.is_in()


# ---- invitations


async def test_an_invited_person_sets_a_password_and_is_in(place: Place) -> None:
    owner = await place.owner()
    answer = await owner.post("/admin/administrators/invitations", name="Пётр", login="petr", role="administrator")
    link = link_in(answer)
    browser = await place.open("Chrome/126.0 Linux")
    page = await browser.get(link)
    assert "Ольга" in page.text
    assert "code=" not in page.path
    weak = await browser.post("/invitation", name="Пётр", password="petr")
    assert weak.says("password_short", shortest=10)
    await browser.post("/invitation", name="Пётр Первый", password=PETRS)
    assert await browser.is_in()
    petr = await place.person("petr")
    assert (petr.name, petr.role) == ("Пётр Первый", Role.ADMINISTRATOR)
    for again in (await browser.get(link), await browser.post("/invitation", name="x", password=PETRS)):
        assert again.status == 403
        assert again.says("invitation_gone")


async def test_a_link_is_shown_once_and_the_database_does_not_have_it(place: Place) -> None:
    owner = await place.owner()
    code = link_in(await owner.post("/admin/administrators/invitations", name="N", login="petr")).partition("=")[2]
    assert "/invitation?code=" not in (await owner.get("/admin/administrators")).text
    await place.service.issue_setup_code("")

    def work(connection: Connection) -> str:
        tables = (admin_invitations, setup_codes, admin_sessions, administrators)
        return str([connection.execute(table.select()).all() for table in tables])

    rows = await place.world.storage.database.read(work)
    for secret in (code, owner.cookies["dozvon_admin"], OLGAS):
        assert secret not in rows


async def test_a_link_ends_by_its_time_by_a_new_one_and_by_revoking(place: Place) -> None:
    owner = await place.owner()
    first = link_in(await owner.post("/admin/administrators/invitations", name="N", login="petr"))
    [waiting] = await place.service.invitations.waiting(now=place.world.clock.now())
    second = link_in(await owner.post(f"/admin/administrators/invitations/{waiting.id}/renew"))
    browser = await place.open("x")
    assert (await browser.get(first)).status == 403
    assert (await browser.get(second)).status == 200
    place.world.clock.advance(72 * 3600 + 1)
    assert (await browser.get(second)).status == 403
    await owner.sign_in("olga", OLGAS)  # twelve hours are over
    third = link_in(await owner.post("/admin/administrators/invitations", name="N", login="petr"))
    [waiting] = await place.service.invitations.waiting(now=place.world.clock.now())
    assert (await owner.post(f"/admin/administrators/invitations/{waiting.id}/revoke")).says("invitation_revoked")
    assert (await browser.get(third)).status == 403
    for what in ("renew", "revoke"):
        gone = await owner.post(f"/admin/administrators/invitations/{waiting.id}/{what}")
        assert gone.says("invitation_already_gone")


@pytest.mark.parametrize("login", ["olga", "OLGA", " ｏｌｇａ "])
async def test_a_login_is_given_once_in_any_spelling(place: Place, login: str) -> None:
    owner = await place.owner()
    answer = await owner.post("/admin/administrators/invitations", name="N", login=login)
    assert answer.says("login_taken")
    assert not await place.service.invitations.waiting(now=place.world.clock.now())


async def test_a_role_that_no_form_offers_is_refused(place: Place) -> None:
    owner = await place.owner()
    for role in ("root", "", "OWNER", "owner\u200b"):
        answer = await owner.post("/admin/administrators/invitations", name="N", login="petr", role=role)
        assert answer.status == 400
    assert not await place.service.invitations.waiting(now=place.world.clock.now())


# ---- the page of administrators


async def test_the_owner_sees_everybody_with_their_sessions_and_ends_one(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    page = await owner.get("/admin/administrators")
    assert page.text.count("<bdi>Пётр</bdi>") == 1
    url = f"/admin/administrators/{(await place.person('petr')).id}"
    one = await owner.get(url)
    assert "Chrome 126, Linux" in one.text
    assert "127.0.0.1" in one.text
    [end] = re.findall(r'action="([^"]+/sessions/[0-9a-f]{64}/end)"', one.text)
    assert (await owner.post(end)).says("session_ended")
    assert not await petr.is_in()
    assert await owner.is_in()


async def test_switching_off_asks_first_ends_everything_and_can_be_taken_back(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    url = f"/admin/administrators/{(await place.person('petr')).id}"
    asked = await owner.post(f"{url}/active", active="")
    assert asked.says("switch_off_administrator_question", name="Пётр")
    assert await petr.is_in()
    assert (await owner.post(f"{url}/active", active="", confirmed="1")).says("administrator_off")
    assert not await petr.is_in()
    assert (await petr.sign_in("petr", PETRS)).says("wrong_login")
    assert (await owner.post(f"{url}/active", active="1")).says("administrator_on")
    assert not await petr.is_in()
    await petr.sign_in("petr", PETRS)
    assert await petr.is_in()


async def test_the_last_owner_is_neither_switched_off_nor_degraded(place: Place) -> None:
    owner = await place.owner()
    url = f"/admin/administrators/{(await place.person('olga')).id}"
    assert (await owner.post(f"{url}/active", active="", confirmed="1")).says("last_owner")
    assert (await owner.post(f"{url}/role", role="administrator")).says("degrade_question", name="Ольга")
    assert (await owner.post(f"{url}/role", role="administrator", confirmed="1")).says("last_owner")
    assert (await place.person("olga")).is_active_owner
    await place.invited(owner)
    other = f"/admin/administrators/{(await place.person('petr')).id}"
    assert (await owner.post(f"{other}/role", role="owner")).says("role_set")
    await owner.post(f"{url}/role", role="administrator", confirmed="1")
    assert (await place.person("olga")).role is Role.ADMINISTRATOR
    assert (await owner.get("/admin/administrators")).status == 403, "at once, in the session that goes on"
    assert await owner.is_in()


async def test_an_administrator_may_not_manage_administrators(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    olga = (await place.person("olga")).id
    assert (await petr.get("/admin/administrators")).status == 403
    assert (await petr.get(f"/admin/administrators/{olga}")).status == 403
    own = (await place.person("petr")).id
    for path, form in (
        ("/admin/administrators/invitations", {"name": "N", "login": "n", "role": "owner"}),
        (f"/admin/administrators/{own}/role", {"role": "owner"}),
        (f"/admin/administrators/{olga}/active", {"active": "", "confirmed": "1"}),
        (f"/admin/administrators/{olga}/sessions/end", {"confirmed": "1"}),
    ):
        assert (await petr.post(path, **form)).status == 403
    assert await owner.is_in()
    assert (await place.person("petr")).role is Role.ADMINISTRATOR
    page = (await petr.get("/admin/acme/people")).text
    assert 'href="/admin/administrators/me"' in page
    assert 'href="/admin/administrators"' not in page


async def test_the_files_password_manages_too_and_the_page_says_how_to_retire_it(place: Place) -> None:
    browser = await place.open("Firefox/130.0 Linux")
    await browser.post("/admin/login", password=FILE_PASSWORD)
    page = await browser.get("/admin/administrators")
    assert page.says("file_password_keep")
    assert (await browser.get("/admin/administrators/me")).says("signed_in_by_file")
    link = link_in(
        await browser.post("/admin/administrators/invitations", name="Ольга", login="olga", role=Role.OWNER.value)
    )
    other = await place.open("x")
    await other.get(link)
    await other.post("/invitation", name="Ольга", password=OLGAS)
    page = await other.get("/admin/administrators")
    assert page.says("file_password_retire")
    assert "Firefox 130, Linux" in page.text
    await other.post("/admin/administrators/file/sessions/end")
    assert 'id="present"' not in (await browser.get("/admin/administrators/me")).text
    assert await other.is_in()
    assert (await browser.post("/admin/administrators/me/password", present="x", password="y")).status == 403


# ---- one's own


async def test_ones_own_name_language_and_password(place: Place) -> None:
    owner = await place.owner()
    elsewhere = await place.open("x")
    await elsewhere.sign_in("olga", OLGAS)
    await owner.post("/admin/administrators/me/profile", name="Ольга Новая", language="uk")
    olga = await place.person("olga")
    assert (olga.name, olga.language) == ("Ольга Новая", "uk")
    wrong = await owner.post("/admin/administrators/me/password", present="wrong", password=PETRS)
    assert wrong.says("wrong_present_password", "uk")
    weak = await owner.post("/admin/administrators/me/password", present=OLGAS, password="olga")
    assert weak.says("password_short", "uk", shortest=10)
    assert await elsewhere.is_in()
    done = await owner.post("/admin/administrators/me/password", present=OLGAS, password=PETRS)
    assert done.says("password_changed", "uk")
    assert await owner.is_in()
    assert not await elsewhere.is_in()
    assert (await elsewhere.sign_in("olga", OLGAS)).says("wrong_login")
    await elsewhere.sign_in("olga", PETRS)
    assert await elsewhere.is_in()


async def test_the_present_password_cannot_be_guessed_with_a_stolen_session(place: Place) -> None:
    owner = await place.owner()
    path = "/admin/administrators/me/password"
    statuses = [(await owner.post(path, present=f"guess {n}", password=PETRS)).status for n in range(7)]
    assert statuses == [200] * 5 + [429] * 2


async def test_ones_other_sessions_end_and_nobody_elses(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    elsewhere = await place.open("x")
    await elsewhere.sign_in("olga", OLGAS)
    page = await petr.get("/admin/administrators/me")
    [end] = re.findall(r'action="([^"]+/sessions/[0-9a-f]{64}/end)"', page.text)
    rows = await place.world.storage.admin_sessions.live(file_mark=None, now=place.world.clock.now())
    olgas = [each.id for each in rows if each.id not in end]
    for session in olgas:
        await petr.post(f"/admin/administrators/me/sessions/{session}/end")
    assert await elsewhere.is_in(), "it is not his"
    assert (await owner.post("/admin/administrators/me/sessions/end")).says("end_others_question")
    await owner.post("/admin/administrators/me/sessions/end", confirmed="1")
    assert [await each.is_in() for each in (owner, elsewhere, petr)] == [True, False, True]
    await petr.post("/admin/logout", everywhere="1")
    assert [await each.is_in() for each in (owner, petr)] == [True, False]


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_in_every_language(place: Place, lang: str) -> None:
    owner = await place.owner()
    await place.invited(owner)
    await owner.post("/admin/administrators/invitations", name="<b>N", login="next")
    one = f"/admin/administrators/{(await place.person('petr')).id}"
    for path in ("/admin/administrators", one, "/admin/administrators/me", "/admin/login", "/setup", "/invitation"):
        page = await owner.get(f"{path}?lang={lang}")
        assert f'<html lang="{lang}">' in page.text
        assert "<b>N" not in page.text
        assert not re.search(r"<p[ >](?:(?!</p>).)*<form", page.text, re.S), "a browser ends the paragraph there"
