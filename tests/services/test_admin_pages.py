"""The administrator's pages: who gets in, what they show, and that no caller can run code in them."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from integration.domain.calls.call import Via
from integration.domain.calls.events import HangUpPressed
from integration.domain.calls.ownership import Ownership
from integration.domain.connections.link import Link, LinkPhase
from integration.domain.connections.state import FailedChange, StateReason, why
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import AccountId, Extension, PbxId, Timestamp
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.domain.settings import Employee, PhoneType
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import Rejected, Unavailable
from integration.ports.pbx import PbxEmployee
from integration.ports.stores import OutboxState
from integration.process.config import Config
from integration.process.office_edits import OfficeEdits
from integration.process.setup_address import administrators_of
from integration.services.accounts import Account
from integration.services.click import Refused
from integration.services.cluster.live_calls import LiveCalls
from integration.services.passwords import PasswordDesk
from integration.services.phone_book import PhoneBookMirror
from integration.services.routing import Routing
from integration.storage import open_coordination
from integration.storage.sql.schema import admin_sessions, settings_changes
from integration.testing import FakePbx
from integration.texts import LANGUAGES
from integration.texts.connections import STATUSES, state_sentence
from integration.texts.pages import texts
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.calls import CallPages
from integration.web.pages.changes import ChangePages
from integration.web.pages.delivery import DeliveryPages
from integration.web.pages.overview import OverviewPages
from integration.web.pages.people import PeoplePages
from integration.web.pages.session import AdminSessions, local_path
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.pages.what_if import WhatIfPages
from integration.web.server import create_web_app
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    PBX,
    SOMEBODY,
    World,
    answered_call,
    call,
    ended,
    missed_call,
    offered,
    started,
    unanswered,
)

PASSWORD = "a secret of the office"
Client = TestClient[web.Request, web.Application]


@dataclass
class Office:
    world: World
    client: Client
    doubted: list[AccountId]  # accounts whose phone book is to be reloaded
    asked_at: list[str]  # the PBXs whose routes were asked for

    async def page(self, path: str) -> str:
        async with self.client.get(path) as answer:
            assert answer.status == 200, path
            return await answer.text()

    async def send(self, path: str, **form: str) -> str:
        """Post a form like a browser. Returns the page after redirects."""
        async with self.client.post(path, data=form, headers={"Origin": str(self.client.make_url("/").origin())}) as it:
            assert it.status == 200, path
            return await it.text()


def _sessions(world: World, password: str, addresses: ClientAddresses | None = None) -> AdminSessions:
    """Sessions as each process creates them."""
    passwords = PasswordDesk()
    return AdminSessions(
        password,
        "http://calls.test",
        store=world.storage.admin_sessions,
        administrators=administrators_of(world.storage, world.clock, passwords),
        passwords=passwords,
        brake=SignInBrake(world.coordination, open_coordination(None)),
        addresses=addresses or ClientAddresses(),
        clock=world.clock,
    )


@pytest_asyncio.fixture
async def office(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    """With the parameter "proxy" the loopback is a trusted proxy."""
    trusted = [ip_network("127.0.0.1")] if getattr(request, "param", None) == "proxy" else []
    sessions = _sessions(world, PASSWORD, ClientAddresses(trusted))
    routing = Routing(
        account=ACME,
        pbx=PBX,
        settings=lambda: world.account.settings,
        book=world.storage.phone_book,
        routes=world.storage.routes,
        clock=world.clock,
    )

    async def ask(_: Account, question: RouteQuestion, pbx: str) -> RouteDecision:
        asked_at.append(pbx)
        return await routing.consider(question)

    async def no_webhooks(_: Account) -> bool:
        return False

    doubted: list[AccountId] = []
    asked_at: list[str] = []
    storage = world.storage
    shell = Shell(world.accounts, storage.outbox, sessions)
    sections = (
        shell,
        SignInPages(shell, sessions),
        OverviewPages(
            shell,
            accounts=world.accounts,
            states=world.states,
            clock=world.clock,
            live_calls=LiveCalls({ACME: {PBX: world.tracking}}, storage.calls),
            calls=storage.calls,
            outbox=storage.outbox,
            phone_book=storage.phone_book,
            mirror=PhoneBookMirror(storage.phone_book, world.clock, no_webhooks),
            read_anew=doubted.append,
            connect_urls={ACME: "/admin/acme/connect"},
            held_consents=lambda _: [],
        ),
        CallPages(
            shell,
            calls=storage.calls,
            outbox=storage.outbox,
            phone_book=storage.phone_book,
            routes=storage.routes,
        ),
        DeliveryPages(shell, outbox=storage.outbox, clock=world.clock, wake=lambda: None),
        PeoplePages(shell, world.accounts),
        ChangePages(shell, world.accounts, OfficeEdits(storage.offices, storage.settings, Config, lambda: None)),
        WhatIfPages(shell, ask),
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
    async with TestClient(TestServer(app)) as client:
        made = Office(world, client, doubted, asked_at)
        yield made


@pytest_asyncio.fixture
async def signed_in(office: Office) -> Office:
    assert "acme" in await office.send("/admin/login", password=PASSWORD)
    return office


async def test_without_the_password_nothing_is_shown(office: Office) -> None:
    for path in ("/admin", "/admin/acme", "/admin/acme/calls", "/admin/acme/delivery"):
        assert 'type="password"' in await office.page(path)
    assert "Wrong password." in await office.send("/admin/login?lang=en", password="wrong")


async def test_guessing_is_slowed_down(office: Office) -> None:
    for _ in range(5):
        await office.send("/admin/login", password="wrong")
    async with office.client.post("/admin/login", data={"password": PASSWORD}) as answer:
        assert answer.status == 429


async def test_attempts_that_come_together_are_counted_before_any_is_compared(office: Office) -> None:
    async def attempt() -> int:
        async with office.client.post("/admin/login", data={"password": "wrong"}) as answer:
            return answer.status

    assert sorted(await asyncio.gather(*(attempt() for _ in range(12)))) == [200] * 5 + [429] * 7


async def test_who_knows_the_password_is_not_slowed_down(office: Office) -> None:
    for _ in range(8):
        await office.send("/admin/login", password=PASSWORD)


@pytest.mark.parametrize("office", ["direct", "proxy"], indirect=True)
async def test_the_forwarded_address_counts_only_behind_a_trusted_proxy(
    office: Office, request: pytest.FixtureRequest
) -> None:
    statuses = []
    for n in range(8):
        forwarded = {"X-Forwarded-For": f"198.51.100.{n}"}
        async with office.client.post("/admin/login", data={"password": "wrong"}, headers=forwarded) as answer:
            statuses.append(answer.status)
    is_trusted = request.node.callspec.params["office"] == "proxy"
    assert statuses == ([200] * 8 if is_trusted else [200] * 5 + [429] * 3)


async def test_a_session_is_known_to_every_process_and_after_a_restart(signed_in: Office) -> None:
    """Nothing of it is in the process: another one with the same database lets the browser in."""
    world = signed_in.world
    another = _sessions(world, PASSWORD)
    [cookie] = [c for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={cookie.value}"})
    assert await another.is_signed_in(request)
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={cookie.value}"})
    assert not await _sessions(world, "another password now").is_signed_in(request), "a changed password ends it"


async def test_a_session_ends_with_its_time(signed_in: Office) -> None:
    signed_in.world.clock.advance(12 * 3600 - 1)
    assert 'type="password"' not in await signed_in.page("/admin/acme")
    signed_in.world.clock.advance(2)
    assert 'type="password"' in await signed_in.page("/admin/acme")


async def test_the_database_holds_no_session_that_could_be_used(signed_in: Office) -> None:
    [cookie] = [c for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    rows = await signed_in.world.storage.database.read(lambda c: c.execute(admin_sessions.select()).all())
    assert len(rows) == 1
    assert cookie.value not in str(rows)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "http://calls.test"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),  # a script: no page can make its user sign in
    ],
)
async def test_another_sites_form_signs_nobody_in(office: Office, headers: dict[str, str], status: int) -> None:
    form = {"password": PASSWORD}
    async with office.client.post("/admin/login", data=form, headers=headers, allow_redirects=False) as answer:
        assert answer.status == status


async def test_another_sites_form_changes_nothing(signed_in: Office) -> None:
    path = "/admin/acme/enabled"
    for origin in ("https://evil.example", ""):
        async with signed_in.client.post(path, data={}, headers={"Origin": origin} if origin else {}) as answer:
            assert answer.status == 403
    assert signed_in.world.account.settings.enabled


async def test_the_phone_book_is_read_anew_on_demand(signed_in: Office) -> None:
    html = await signed_in.send("/admin/acme/phone-book")
    assert signed_in.doubted == [ACME]
    assert any(texts(lang)["reading_anew"] in html for lang in LANGUAGES)


@pytest.mark.parametrize(
    "path", ["", "/calls", "/delivery", "/people", "/changes", "/route", "/route?number=89161234567&line=1"]
)
@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_in_every_language(signed_in: Office, path: str, lang: str) -> None:
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    mark = "&" if "?" in path else "?"
    html = await signed_in.page(f"/admin/acme{path}{mark}lang={lang}")
    assert f'<html lang="{lang}">' in html
    assert not re.search(r"<p[ >](?:(?!</p>).)*<form", html, re.S), "a browser ends the paragraph there"


async def test_a_call_with_its_reasons(signed_in: Office) -> None:
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    await signed_in.world.deliver_with_pauses()
    html = await signed_in.page("/admin/acme/calls/acme-pbx:1.0?lang=en")
    assert "Анна Орлова" in html
    assert "https://crm.example/" in html
    async with signed_in.client.get("/admin/acme/calls/nothing") as answer:
        assert answer.status == 404


async def test_names_are_shown_as_text(signed_in: Office) -> None:
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    html = await signed_in.page("/admin/acme/calls")
    assert "Иван &lt;b&gt;Петров&lt;/b&gt;" in html
    assert "<b>Петров" not in html


async def test_the_search_finds_any_spelling(signed_in: Office) -> None:
    now = signed_in.world.clock.now()
    await signed_in.world.emit(*answered_call(now), *missed_call(now, "79990001122", "2.0"))
    html = await signed_in.page("/admin/acme/calls?number=8 (916) 123-45-67")
    assert "+7 916 123-45-67" in html
    assert "+7 999 000-11-22" not in html
    assert 'class="empty"' in await signed_in.page("/admin/acme/calls?number=nonsense")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_search_without_a_match_does_not_say_that_there_are_no_calls(signed_in: Office, lang: str) -> None:
    words = texts(lang)
    assert words["no_calls"] in await signed_in.page(f"/admin/acme/calls?lang={lang}")
    await signed_in.world.emit(*answered_call(signed_in.world.clock.now()))
    for query, said in (("number=%2B79990001122", "no_calls_found"), ("before=1", "no_older_calls")):
        html = await signed_in.page(f"/admin/acme/calls?lang={lang}&{query}")
        assert words[said] in html
        assert words["no_calls"] not in html


async def test_each_empty_list_of_deliveries_says_what_is_not_there(signed_in: Office) -> None:
    words = texts("en")
    html = await signed_in.page("/admin/acme/delivery?lang=en")
    assert words["none_dead"] in html
    assert words["none_waiting"] in html
    await signed_in.world.emit(*missed_call(signed_in.world.clock.now()))
    html = await signed_in.page("/admin/acme/delivery?lang=en")
    assert words["none_dead"] in html
    assert words["none_waiting"] not in html


async def test_a_dead_letter_is_discarded_taken_back_and_delivered(signed_in: Office) -> None:
    world = signed_in.world
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [Rejected("400 <script>alert(1)</script>")]
    await world.deliver()
    html = await signed_in.page("/admin/acme/delivery?lang=en")
    assert "400 &lt;script&gt;" in html
    [dead] = await world.storage.outbox.listing(ACME, [OutboxState.DEAD])
    assert "Undo" in await signed_in.send(f"/admin/acme/delivery/{dead.id}/discard")
    assert await world.in_state(OutboxState.DISCARDED) == ["log_call"]
    await signed_in.send(f"/admin/acme/delivery/{dead.id}/retry")
    await world.deliver()
    assert world.crm.logged("acme-pbx:1.0") == 1
    assert "This entry has already changed." in await signed_in.send(f"/admin/acme/delivery/{dead.id}/discard")


async def test_mapping_a_manager(signed_in: Office) -> None:
    world = signed_in.world
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "103")]
    await signed_in.send(
        "/admin/acme/people", **{"extension.610077": "101", "extension.610078": "103", "type.610078": "web"}
    )
    mapped = {e.extension: e.manager for e in world.account.settings.employees}
    assert mapped[Extension("103")] == BORIS
    assert mapped[Extension("102")] is None
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.employees == world.account.settings.employees


async def test_an_extension_twice_is_told_and_not_stored(signed_in: Office) -> None:
    before = signed_in.world.account.settings.employees
    html = await signed_in.send("/admin/acme/people?lang=en", **{"extension.610077": "101", "extension.610078": "101"})
    assert "Extension 101 is assigned twice. Nothing was saved." in html
    assert signed_in.world.account.settings.employees == before


async def test_what_no_document_may_hold_is_said_beside_its_row_and_stays_typed(signed_in: Office) -> None:
    """By the model that reads files and REST, in the viewer's language."""
    world = signed_in.world
    before = world.account.settings.employees
    form = {"extension.610077": "1" * 41, "extension.610078": "nowhere/102", "type.610078": "fax"}
    for language, sentence in (
        ("en", "Write an extension, 1 to 40 characters in one line."),
        ("ru", "Напишите внутренний номер: от 1 до 40 знаков в одну строку."),
        ("uk", "Напишіть внутрішній номер: від 1 до 40 знаків в один рядок."),
    ):
        page = await signed_in.send(f"/admin/acme/people?lang={language}", **{**form, "type.610078": "web"})
        row = page[page.index('name="extension.610077"') : page.index('name="extension.610078"')]
        assert sentence in row
        assert "nowhere" in page[page.index('name="type.610078"') :]
        assert re.findall(r'<option value="([^"]*)" selected>', page) == ["1" * 41, "sip", "nowhere/102", "web"]
    page = html.unescape(await signed_in.send("/admin/acme/people?lang=en", **form))
    assert '"fax" is not one of sip, web.' in page[page.index('name="extension.610078"') :]
    assert "<option selected>fax</option>" in page
    assert world.account.settings.employees == before


async def test_people_on_a_pbx_that_the_account_has_left_do_not_hold_up_the_page(signed_in: Office) -> None:
    world = signed_in.world
    left = Employee(extension=Extension("901"), pbx=PbxId("gone"), manager=BORIS)
    people = (world.account.settings.employees[0], left)
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    form = {"extension.610077": "102", "extension.610078": "gone/901"}
    await signed_in.send("/admin/acme/people", **form)
    assert left in world.account.settings.employees
    assert {each.key: each.manager for each in world.account.settings.employees} == {
        "101": None, "102": ANNA, "gone/901": BORIS,
    }  # fmt: skip


async def test_of_two_administrators_the_second_is_told_and_nothing_is_lost(signed_in: Office) -> None:
    """Who was first, when and what; what the second chose stays on the screen, beside what the first has stored."""
    world = signed_in.world
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "103")]
    people = world.account.settings.employees
    shown = str(world.account.revision)
    mapped = (replace(people[0], phone_type=PhoneType.WEB), people[1])
    await world.accounts.set_employees(world.account, mapped, who=SOMEBODY, shown=int(shown))
    form = {"extension.610077": "101", "extension.610078": "103"}
    html = await signed_in.send("/admin/acme/people?lang=en", shown=shown, **form)
    assert "Somebody has changed these settings." in html
    assert "Administrator 3fa2c1 from 10.0.0.5: 101 — phone: Sip → Web" in html
    assert world.account.settings.employees == mapped
    assert _chosen(html) == ["101", "web", "103", "sip"]
    again = str(world.account.revision)
    assert f'name="shown" value="{again}"' in html  # saving what is shown now works, and loses nothing
    await signed_in.send("/admin/acme/people", shown=again, **form, **{"type.610077": "web"})
    stored = {e.extension: (e.manager, e.phone_type) for e in world.account.settings.employees}
    assert stored == {"101": (ANNA, PhoneType.WEB), "102": (None, PhoneType.SIP), "103": (BORIS, PhoneType.SIP)}


def _chosen(html: str) -> list[str]:
    return re.findall(r'<option value="(\w+)" selected>', html)


async def test_who_chose_the_extension_that_another_was_given_meanwhile_is_told(signed_in: Office) -> None:
    world = signed_in.world
    shown = str(world.account.revision)
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "103")]
    [anna, boris] = world.account.settings.employees
    moved = (anna, replace(boris, manager=None), replace(boris, extension=Extension("103")))
    await world.accounts.set_employees(world.account, moved, who=SOMEBODY)
    form = {"extension.610077": "103", "extension.610078": "102"}  # Anna to 103; Boris as he was
    html = await signed_in.send("/admin/acme/people?lang=en", shown=shown, **form)
    assert "Administrator 3fa2c1 from 10.0.0.5: 102 — manager: Борис Климов → none" in html
    assert "Extension 103 is assigned twice. Nothing was saved." in html
    assert _chosen(html)[::2] == ["103", "103"]
    assert world.account.settings.employees == moved


@pytest.mark.parametrize("shown", ["0" * 32, "-1", "9" * 30, "٣", "x"])
async def test_a_page_of_an_older_release_is_stale_once_anything_has_changed(signed_in: Office, shown: str) -> None:
    before = signed_in.world.account.settings.employees
    html = await signed_in.send("/admin/acme/people?lang=en", shown=shown, **{"extension.610077": "101"})
    assert "Somebody has changed these settings." in html
    assert signed_in.world.account.settings.employees == before


async def test_saving_says_so_and_can_be_undone_and_that_too(signed_in: Office) -> None:
    world = signed_in.world
    before = world.account.settings.employees
    form = {"extension.610077": "101", "extension.610078": ""}
    await signed_in.page("/admin/acme?lang=en")
    html = await signed_in.send("/admin/acme/people", **form)
    after = world.account.settings.employees
    for text, people in (("Saved.", before), ("The change was undone.", after), ("The change was undone.", before)):
        assert text in html
        [undo] = re.findall(r'<div class="message "[^<]*<form[^>]*action="(/admin/acme/changes/\d+/undo)"', html)
        html = await signed_in.send(undo)
        assert "<h1>Step 1" in html  # back on the page of people
        assert world.account.settings.employees == people
    html = await signed_in.send("/admin/acme/people?lang=en", **{**form, "extension.610078": "102"})
    assert "Saved." in html
    assert "/undo" not in html  # nothing was different


async def test_the_history_says_who_when_and_what(signed_in: Office) -> None:
    world = signed_in.world
    people = world.account.settings.employees
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert "102 — extension added; manager: none → Борис Климов" in html
    hostile = replace(people[0], name="<script>alert(1)</script>", manager=None)
    await world.accounts.set_employees(world.account, (hostile, people[1]), who=SOMEBODY)
    world.clock.advance(60)
    await signed_in.send("/admin/acme/enabled", enabled="")
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert "<script>" not in html
    assert "101 &lt;script&gt;alert(1)&lt;/script&gt; — name: none → &lt;script&gt;" in html
    assert "manager: Анна Орлова → none" in html
    assert "Integration: on → off" in html
    assert "15.11.2023 01:14:20 MSK" in html
    assert html.index("You, from 127.0.0.1") < html.index("Administrator 3fa2c1 from 10.0.0.5")


async def test_an_undo_in_the_history_and_why_one_is_refused(signed_in: Office) -> None:
    world = signed_in.world
    [anna, boris] = world.account.settings.employees
    first = await world.accounts.set_employees(world.account, (replace(anna, manager=None), boris), who=SOMEBODY)
    assert first is not None
    await world.accounts.set_employees(world.account, (replace(anna, mobile="1"), boris), who=SOMEBODY)
    undo = f"/admin/acme/changes/{first.revision}/undo"
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert undo not in html
    html = await signed_in.send(undo, back="changes")
    assert "This cannot be undone: the same settings have changed again since." in html
    assert "Administrator 3fa2c1 from 10.0.0.5: 101 — manager: none → Анна Орлова; mobile: none → 1" in html
    html = await signed_in.send(f"/admin/acme/changes/{first.revision + 1}/undo", back="changes")
    assert "The change was undone." in html
    assert world.account.settings.employees == (replace(anna, manager=None), boris)
    assert "Undoes the change: 15.11.2023 01:13:20 MSK" in html
    html = await signed_in.send(f"/admin/acme/changes/{first.revision + 1}/undo", back="changes")
    assert "This change has been undone already." in html
    assert "This change is not in the history any more." in await signed_in.send("/admin/acme/changes/999999999/undo")
    world.account.named_in_file = frozenset({Extension("101")})
    assert "Extension 101 is set in the configuration file" in await signed_in.send(undo)


async def test_changes_of_the_office_stand_among_those_of_the_account(signed_in: Office) -> None:
    """Whoever made them: a command, REST. Newest first, and taken back from here too."""
    world = signed_in.world
    offices = world.storage.offices
    typed = Author(kind=AuthorKind.COMMAND, command="dozvon apply", user="olga")
    document = {
        "id": "acme", "amocrm": {"client_id": "1"}, "asterisk": {"host": "192.0.2.1", "username": "dozvon"},
        "pbx_id": "acme-pbx", "crm": "amocrm", "pbx": "asterisk",
    }  # fmt: skip
    secrets = {"account/acme amocrm.client_secret": "k", "account/acme asterisk.secret": "geheim"}
    await offices.change(ACME, {"account/acme": document}, secrets, who=typed, expected=0)
    world.clock.advance(60)
    await signed_in.send("/admin/acme/people", **{"extension.610077": "105"})
    world.clock.advance(60)
    changed = {**document, "asterisk": {"host": "192.0.2.9 <b>", "username": "dozvon"}}
    await offices.change(ACME, {"account/acme": changed}, {}, who=SOMEBODY, expected=1)
    await offices.change(ACME, {}, {"account/acme asterisk.secret": "new"}, who=SOMEBODY, expected=2)
    for language, words in (
        ("en", ["The command dozvon apply, user: olga", "Account acme — added", "Only secrets were changed"]),
        ("ru", ["Команда dozvon apply, пользователь: olga", "Аккаунт acme — добавлен", "Изменены только секреты"]),
        ("uk", ["Команда dozvon apply, користувач: olga", "Акаунт acme — додано", "Змінено лише секрети"]),
    ):
        page = await signed_in.page(f"/admin/acme/changes?lang={language}")
        assert all(word in page for word in words), language
        assert "geheim" not in page
    page = html.unescape(await signed_in.page("/admin/acme/changes?lang=en"))
    assert 'asterisk.host: "192.0.2.1" → "192.0.2.9 <b>"' in page
    places = [page.index(word) for word in ("Only secrets", "asterisk.host", "extension added", "Account acme — added")]
    assert places == sorted(places), "newest first"
    assert re.findall(r'action="/admin/acme/changes/(office/\d+)/undo"', page) == ["office/2"]

    said = await signed_in.send("/admin/acme/changes/office/3/undo?lang=en")
    assert "only secrets were changed" in said
    said = await signed_in.send("/admin/acme/changes/office/2/undo?lang=en")
    assert (await offices.get(ACME)).parts["account/acme"] == document
    assert "Undone" in said or "undone" in said
    assert "is undone already" in await signed_in.send("/admin/acme/changes/office/2/undo?lang=en")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_an_empty_history_says_that_nobody_has_changed_anything(signed_in: Office, lang: str) -> None:
    world = signed_in.world
    await world.storage.database.write(lambda c: c.execute(settings_changes.delete()))
    assert texts(lang)["no_changes"] in await signed_in.page(f"/admin/acme/changes?lang={lang}")


async def test_two_browsers_behind_one_address_are_two_administrators(signed_in: Office) -> None:
    await signed_in.send("/admin/acme/enabled?lang=en", enabled="")
    signed_in.client.session.cookie_jar.clear()
    await signed_in.send("/admin/login", password=PASSWORD)
    html = await signed_in.page("/admin/acme/changes?lang=en")
    assert re.search(r"The configuration file’s password, session [0-9a-f]{6} from 127\.0\.0\.1", html)
    assert "You, from" not in html


async def test_the_page_says_that_the_configuration_file_wins(signed_in: Office) -> None:
    world = signed_in.world
    world.account.named_in_file = frozenset({Extension("101")})
    before = world.account.settings.employees
    assert "from the configuration file" in await signed_in.page("/admin/acme/people?lang=en")
    html = await signed_in.send("/admin/acme/people?lang=en", **{"extension.610077": "", "extension.610078": "102"})
    assert "Extension 101 is set in the configuration file, and the file wins over this page." in html
    assert world.account.settings.employees == before
    await signed_in.send("/admin/acme/people", **{"extension.610077": "101", "extension.610078": ""})
    assert {e.extension: e.manager for e in world.account.settings.employees} == {"101": ANNA, "102": None}


async def test_the_integration_is_switched_off_and_on(signed_in: Office) -> None:
    await signed_in.send("/admin/acme/enabled", enabled="")
    assert not signed_in.world.account.settings.enabled
    await signed_in.send("/admin/acme/enabled", enabled="1")
    assert signed_in.world.account.settings.enabled


async def test_the_second_who_switches_is_told(signed_in: Office) -> None:
    world = signed_in.world
    shown = str(world.account.revision)
    await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
    await world.accounts.set_enabled(world.account, enabled=True, who=SOMEBODY)
    html = await signed_in.send("/admin/acme/enabled?lang=en", enabled="", shown=shown)
    assert "Somebody has changed the switch. Nothing was saved" in html
    assert "Administrator 3fa2c1 from 10.0.0.5: Integration: off → on" in html
    assert "The integration is on" in html
    html = await signed_in.send("/admin/acme/enabled?lang=en", enabled="", shown=str(world.account.revision))
    assert "The integration is off: calls take" in html
    [undo] = re.findall(r'action="(/admin/acme/changes/\d+/undo)"', html)
    assert "The change was undone." in await signed_in.send(undo)
    assert world.account.settings.enabled


async def test_signing_out_ends_the_session_itself(signed_in: Office) -> None:
    """A copied cookie stops working too; another browser stays signed in."""
    [mine] = [c.value for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    signed_in.client.session.cookie_jar.clear()
    await signed_in.send("/admin/login", password=PASSWORD)
    await signed_in.send("/admin/logout")
    assert 'type="password"' in await signed_in.page("/admin/acme")
    sessions = _sessions(signed_in.world, PASSWORD)
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={mine}"})
    assert await sessions.is_signed_in(request)


async def test_signing_out_everywhere_ends_all(signed_in: Office) -> None:
    [mine] = [c.value for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    signed_in.client.session.cookie_jar.clear()
    await signed_in.send("/admin/login", password=PASSWORD)
    await signed_in.send("/admin/logout", everywhere="1")
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={mine}"})
    assert not await _sessions(signed_in.world, PASSWORD).is_signed_in(request)


@pytest.mark.parametrize(
    ("wish", "goal"),
    [
        ("/admin/acme", "/admin/acme"),
        ("https://evil.example", "/admin"),
        ("//evil", "/admin"),
        ("/admin\\evil", "/admin"),
        ("/admin@evil.example", "/admin"),
        ("/admin/acme\r\nSet-Cookie: x=y", "/admin"),
        ("/admin?lang=en", "/admin?lang=en"),
    ],
)
def test_after_signing_in_only_our_own_pages(wish: str, goal: str) -> None:
    assert local_path(wish) == goal


def test_no_language_lacks_a_text() -> None:
    for language in LANGUAGES:
        empty = [key for key, text in texts(language).items() if not text.strip()]
        assert empty == []


async def test_the_overview_claims_nothing_of_a_crm_that_was_not_asked(signed_in: Office) -> None:
    assert "Ещё не опрошена" not in await signed_in.page("/admin/acme")
    signed_in.world.account.crm_was_asked = False
    assert "Ещё не опрошена" in await signed_in.page("/admin/acme")


async def test_the_calls_page_says_who_pressed_for_its_end(signed_in: Office) -> None:
    now = signed_in.world.clock.now()
    declined = HangUpPressed(call=call(), at=Timestamp(now + 2.5), extension="101", own_leg=True)
    hung_up = HangUpPressed(call=call(), at=Timestamp(now + 9), extension="102", own_leg=False)
    await signed_in.world.emit(started(now), offered(now, "101"), declined, hung_up, ended(now + 9))
    page = await signed_in.page(f"/admin/acme/calls/{call()}?lang=ru")
    for words in (
        "<dt>Отклонено в карточке</dt><dd>Анна Орлова",
        "<dt>Завершено в карточке</dt><dd>Борис Климов",
        "+2.5",
    ):
        assert words in page
    assert "HangUpPressed" in page  # also in the timeline


@pytest.mark.parametrize("lang", ["ru", "uk", "en"])
async def test_the_overview_says_what_is_wrong_with_the_crm_and_offers_the_button_where_it_helps(
    signed_in: Office, lang: str
) -> None:
    world = signed_in.world
    crm = world.crm
    said = set()
    for trouble in CrmTrouble:
        crm.condition = CrmCondition(trouble=trouble, detail="amoCRM <said> so", until=1_700_000_000.0)
        page = await signed_in.page(f"/admin/acme?lang={lang}")
        sentence = state_sentence(world.states.crm(ACME), lang)
        said.add(sentence)
        assert sentence in html.unescape(page)
        assert "amoCRM &lt;said&gt; so" in page
        assert ("/admin/acme/connect" in page) is trouble.is_for_consent
    assert len(said) == len(CrmTrouble)
    assert not CrmTrouble.UNPAID.is_for_consent
    crm.condition = CrmCondition()
    assert STATUSES["ready"][LANGUAGES.index(lang)] in html.unescape(await signed_in.page(f"/admin/acme?lang={lang}"))


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "ru",
            [
                "Вход в АТС отклонён: неверное имя или пароль,",
                "Пользователь: dozvon.",
                "Следующая попытка: через 42 с, в 01:14:02 MSK",
            ],
        ),
        (
            "uk",
            [
                "Вхід до АТС відхилено: неправильне ім’я чи пароль,",
                "Користувач: dozvon.",
                "Наступна спроба: через 42 с, о 01:14:02 MSK",
            ],
        ),
        (
            "en",
            [
                "The PBX refuses the login: wrong user or password,",
                "User: dozvon.",
                "Next try: in 42 s, at 01:14:02 MSK",
            ],
        ),
    ],
)
async def test_the_overview_says_why_a_pbx_is_away_and_when_it_is_tried_again(
    signed_in: Office, lang: str, said: list[str]
) -> None:
    world = signed_in.world
    now = world.clock.now()
    fault = why(StateReason.LOGIN_REFUSED, user="dozvon")
    world.pbx.away = Link(
        phase=LinkPhase.WAITING, fault=fault, detail="<refused>", next_try=Timestamp(now + 42), since=now
    )
    page = html.unescape(await signed_in.page(f"/admin/acme?lang={lang}"))
    assert all(sentence in page for sentence in said)
    assert texts(lang)["since_when"].format(when="15.11.2023 01:13:20 MSK") in page
    assert "&lt;refused&gt;" in await signed_in.page(f"/admin/acme?lang={lang}")
    world.clock.advance(43)  # a try is under way
    assert said[-1].split(":")[0] not in await signed_in.page(f"/admin/acme?lang={lang}")


async def test_an_account_that_could_not_be_started_is_on_the_first_page(signed_in: Office) -> None:
    world = signed_in.world
    assert "not running" not in (await signed_in.page("/admin?lang=en")).lower(), "one account: its own page"
    failed = FailedChange(detail="the driver is missing", since=world.clock.now())
    world.failures.failed_crms[AccountId("south")] = failed
    world.failures.failed_pbxs[PbxId("branch")] = failed
    page = await signed_in.page("/admin?lang=en")
    assert page.count("the driver is missing") == 2
    assert "/admin/acme" in page
    assert "/admin/south" not in page
    assert "branch" in page


async def test_of_a_pbx_that_lists_no_extensions_the_mapped_ones_are_known(signed_in: Office) -> None:
    pbx = signed_in.world.pbx
    pbx.abilities = replace(pbx.abilities, lists_extensions=False)
    pbx.fail_next.append(Unavailable("nobody should have asked"))
    page = await signed_in.page("/admin/acme/people?lang=en")
    assert ">101" in page
    assert texts("en")["pbx_silent"].split("{")[0] not in page
    assert len(pbx.fail_next) == 1


async def test_times_are_the_offices_and_name_their_zone(signed_in: Office) -> None:
    world = signed_in.world
    await world.emit(*answered_call(world.clock.now()))
    begun = datetime.fromtimestamp(world.clock.now(), UTC)
    for zone, hours, name in (("Asia/Tashkent", 5, "UTC+05"), ("Europe/Moscow", 3, "MSK"), ("UTC", 0, "UTC")):
        world.account.settings = replace(world.account.settings, time_zone=zone)
        said = f"{begun + timedelta(hours=hours):%d.%m.%Y %H:%M:%S} {name}"
        for path in ("/admin/acme", "/admin/acme/calls", "/admin/acme/calls/acme-pbx:1.0", "/admin/acme/delivery"):
            if path.endswith("delivery"):
                assert name in await signed_in.page(path)
            else:
                assert said in await signed_in.page(path)


async def test_a_call_that_is_not_for_the_crm_says_so_and_not_that_all_is_delivered(signed_in: Office) -> None:
    world = signed_in.world
    world.account.settings = replace(world.account.settings, enabled=False)
    await world.emit(*missed_call(world.clock.now()))
    page = await signed_in.page("/admin/acme/calls/acme-pbx:1.0?lang=en")
    words = texts("en")
    assert page.count(words["never_logged"]) == 2
    assert words["none_waiting"] not in page
    assert words["not_logged_yet"] not in page


async def test_what_the_call_page_says_of_the_crm(signed_in: Office) -> None:
    """From the ringing to the logged call, and after delivery was given up."""
    world, words = signed_in.world, texts("en")
    now = world.clock.now()

    async def says(key: str, uniqueid: str = "1.0") -> bool:
        return words[key] in await signed_in.page(f"/admin/acme/calls/acme-pbx:{uniqueid}?lang=en")

    await world.emit(started(now), offered(now, "101"))
    assert await says("logged_after_the_end")
    await world.emit(unanswered(now + 10, "101"), ended(now + 10))
    assert await says("not_logged_yet")
    await world.deliver_with_pauses()
    assert not await says("not_logged_yet")
    await world.emit(*missed_call(world.clock.now(), uniqueid="2.0"))
    world.crm.fail_before = [Rejected("no")]
    await world.deliver()
    assert await says("not_logged_at_all", "2.0")


async def test_a_missed_call_of_a_queue_is_nobodys(signed_in: Office) -> None:
    world = signed_in.world
    now = world.clock.now()
    legs = [
        replace(offered(now + n, extension), via=Via.QUEUE, queue="sales") for n, extension in enumerate(("101", "102"))
    ]
    await world.emit(started(now), *legs, *(unanswered(now + 10, e) for e in ("101", "102")), ended(now + 10))
    page = await signed_in.page("/admin/acme/calls")
    assert "<bdi>—</bdi>" in page
    assert "Анна Орлова" not in page
    assert "Борис Климов" not in page


async def test_a_missed_call_of_one_person_is_that_persons(signed_in: Office) -> None:
    await signed_in.world.emit(*missed_call(signed_in.world.clock.now()))
    assert "<bdi>Анна Орлова</bdi>" in await signed_in.page("/admin/acme/calls")


# ---- several PBXs ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def branched(signed_in: Office) -> Office:
    """The office has a branch, where 101 is Boris."""
    world = signed_in.world
    branch = FakePbx(id=PbxId("branch"))
    for pbx, names in ((world.pbx, ("Anna", "Sales")), (branch, ("Boris", "Store"))):
        pbx.extensions = [PbxEmployee(extension=str(101 + number), name=name) for number, name in enumerate(names)]
    world.account.set_pbxs([world.pbx, branch])
    people = (
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("101"), pbx=branch.id, manager=BORIS),
    )
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    return signed_in


def _choices(page: str, manager: str) -> dict[str, str]:
    """What can be chosen for a manager on the page of people: key -> text; and "" -> the chosen key."""
    select = page.split(f'name="extension.{manager}"')[1].split("</select>")[0]
    options = re.findall(r'<option value="([^"]*)" (selected)?>([^<]*)', select)
    return {key: html.unescape(text) for key, _, text in options} | {"": next(k for k, is_it, _ in options if is_it)}


async def test_each_extension_is_named_with_its_pbx_where_there_are_several(branched: Office) -> None:
    page = await branched.page("/admin/acme/people?lang=ru")
    assert _choices(page, BORIS) == {
        "101": "101 · acme-pbx — Anna", "102": "102 · acme-pbx — Sales",
        "branch/101": "101 · branch — Boris", "branch/102": "102 · branch — Store", "": "branch/101",
    }  # fmt: skip
    assert _choices(page, ANNA)[""] == "101"
    twice = {"extension.610077": "branch/102", "extension.610078": "branch/102"}
    assert "Номер 102 · branch назначен дважды." in await branched.send("/admin/acme/people?lang=ru", **twice)


async def test_a_pbx_that_is_silent_is_named_where_there_are_several(branched: Office) -> None:
    world = branched.world
    world.pbx.fail_next = [Unavailable("no link")] * 2
    assert "АТС acme-pbx не на связи" in await branched.page("/admin/acme/people?lang=ru")
    world.account.set_pbxs([world.pbx])
    assert "АТС не на связи" in await branched.page("/admin/acme/people?lang=ru")


async def test_a_person_with_a_phone_on_each_pbx_keeps_both(branched: Office) -> None:
    """The page shows the first; what is not changed on it stays."""
    world = branched.world
    people = (
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("101"), pbx=PbxId("branch"), manager=ANNA),
    )
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    page = await branched.page("/admin/acme/people?lang=ru")
    assert _choices(page, ANNA)[""] == "101"
    assert "ещё: 101 · branch" in page
    assert texts("ru")["note_doubled"] not in page
    await branched.send("/admin/acme/people", **{"extension.610077": "101", "extension.610078": "102"})
    managers = {each.key: each.manager for each in world.account.settings.employees}
    assert managers == {"101": ANNA, "102": BORIS, "branch/101": ANNA}
    await branched.send("/admin/acme/people", **{"extension.610077": "branch/102", "extension.610078": "102"})
    managers = {each.key: each.manager for each in world.account.settings.employees}
    assert managers == {"101": None, "102": BORIS, "branch/101": None, "branch/102": ANNA}


async def test_an_error_does_not_stand_beside_what_was_said_before(branched: Office) -> None:
    """The form goes to its own address, not to that of the page that said "saved"."""
    page = await branched.send("/admin/acme/people", **{"extension.610077": "101", "extension.610078": "102"})
    assert '<form method="post" action="/admin/acme/people"' in page


async def test_a_route_is_asked_for_one_of_several_pbxs(branched: Office) -> None:
    page = await branched.page("/admin/acme/route?number=89161234567&line=1&pbx=branch")
    assert "<option selected>branch</option>" in page
    assert branched.asked_at == ["branch"]
    branched.world.account.set_pbxs([branched.world.pbx])
    assert 'name="pbx"' not in await branched.page("/admin/acme/route?number=89161234567&line=1")


async def test_the_pages_show_no_call_of_another_account_on_the_same_pbx(branched: Office) -> None:
    world = branched.world
    world.tracking.ownership = lambda _: Ownership(shows=False, writes=False)
    await world.emit(*answered_call(world.clock.now()))
    assert await world.storage.calls.get(ACME, call()) is not None
    async with branched.client.get("/admin/acme/calls/acme-pbx:1.0") as answer:
        assert answer.status == 404
    assert "acme-pbx%3A1.0" not in await branched.page("/admin/acme/calls")
    with pytest.raises(Refused) as caught:
        await world.clicks.create_contact(world.account, ANNA, call_id=call(), name="Foreign")
    assert caught.value.code == "call_unknown"


async def test_the_page_of_a_call_and_the_overview_name_the_pbx(branched: Office) -> None:
    await branched.world.emit(*answered_call(branched.world.clock.now()))
    assert "<dt>АТС</dt><dd>acme-pbx</dd>" in await branched.page("/admin/acme/calls/acme-pbx:1.0?lang=ru")
    page = await branched.page("/admin/acme?lang=ru")
    assert "<strong>branch</strong> · Ещё не подключено." in page
