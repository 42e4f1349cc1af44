"""The sandbox's page in a real browser: widgets run as documented, people work, and the page follows every change."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from playwright.async_api import Page, Request, Route, async_playwright, expect

from connectors.amocrm.sandbox.page_views import TEXTS
from connectors.amocrm.sandbox.tables import Table
from tests.adapters.amocrm_sandbox_kit import (
    ADMIN,
    ANNA,
    OFFICE,
    Crm,
    Receiver,
    eventually,
    packed,
    receiving,
    running_sandbox,
    widget_files,
)
from tests.lab.fixtures import CHROMIUM_ARGUMENTS

pytestmark = pytest.mark.browser


@dataclass
class Desk:
    """One person's browser on the CRM."""

    crm: Crm
    page: Page
    problems: list[str]
    archive: Path

    async def open(self, path: str, user: int = ADMIN) -> None:
        await self.page.context.add_cookies([{"name": "crm_user", "value": f"{OFFICE}:{user}", "url": self.crm.base}])
        await self.page.goto(self.crm.base + path)

    async def install(self) -> None:
        """Upload, consent, install: as an administrator does it."""
        await self.open("/settings/widgets/")
        async with self.page.expect_event("load"):  # a press before it would find no handler yet
            await self.page.set_input_files("[data-upload]", str(self.archive))
        await self.page.click("[data-widget]")
        await self.page.check("[data-consent]")
        await self.page.click(".js-widget-save")
        await self.page.wait_for_selector(".js-widget-uninstall")

    async def seen(self) -> list[str]:
        return list(await self.page.evaluate("window.seen"))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    chromium = shutil.which("chromium")
    archive = tmp_path / "widget.zip"
    archive.write_bytes(packed(widget_files()))
    async with running_sandbox(requests_per_second=1000) as crm, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(10_000)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield Desk(crm, page, problems, archive)
        await browser.close()
        assert problems == []


async def test_a_widget_is_installed_configured_and_switched_off(desk: Desk) -> None:
    await desk.install()
    assert await desk.seen() == ["render", "init", "bind_actions"]
    window = desk.page.locator(".modal")
    await expect(window.get_by_text("own settings")).to_be_visible()
    await window.locator("input[name=line]").fill("7")
    await window.locator("[data-consent]").check()
    await window.locator(".js-widget-save").click()
    await expect(window).to_have_count(0)
    assert (await desk.seen())[-1] == "onSave Y 7"
    (install,) = desk.crm.office.installs.values()
    assert (install.is_active, install.fields) == (True, {"line": "7"})
    await desk.page.click("[data-widget]")
    await desk.page.check("[data-consent]")
    await desk.page.click(".js-widget-uninstall")
    await expect(desk.page.locator(".modal")).to_have_count(0)
    assert (await desk.seen())[-2:] == ["onSave N 7", "destroy"]
    assert not install.is_active


async def test_an_archive_with_faults_is_refused_with_their_names(desk: Desk) -> None:
    files = widget_files()
    del files["images/logo_main.png"]
    desk.archive.write_bytes(packed(files))
    await desk.open("/settings/widgets/")
    await desk.page.set_input_files("[data-upload]", str(desk.archive))
    await expect(desk.page.locator("[data-upload-problems]")).to_contain_text("images/logo_main.png (400x272)")


async def test_a_number_offers_the_widgets_action_and_the_card_is_known(desk: Desk) -> None:
    await desk.install()
    await desk.open("/contacts/detail/9001", ANNA)
    await desk.page.click(".card__fields .phone")
    action = desk.page.locator("[data-call-action]")
    await expect(action).to_have_text("Позвонить пробно")
    await action.click()
    assert (await desk.seen())[-1] == "phone +7 (916) 123-45-67 9001"
    facts = await desk.page.evaluate(
        "({user: APP.constant('user').id, manager: APP.constant('managers')[610082].active, area: APP.getWidgetsArea(),"
        " card: APP.isCard(), entity: APP.getBaseEntity(), lang: APP.lang_id, subdomain: pilot.system().subdomain,"
        " text: pilot.i18n('settings').line, version: pilot.get_version(), status: pilot.get_install_status()})"
    )
    assert facts == {
        "user": ANNA,
        "manager": False,
        "area": "ccard",
        "card": True,
        "entity": "contacts",
        "lang": "ru",
        "subdomain": "romashka",
        "text": "Линия",
        "version": "1.0.0",
        "status": "installed",
    }


async def test_ticked_rows_reach_the_widget_through_the_more_menu(desk: Desk) -> None:
    await desk.install()
    await desk.open("/contacts/list/")
    boxes = desk.page.locator("[data-check]")
    await boxes.nth(0).check()
    await boxes.nth(1).check()
    await desk.page.click("[data-action=more]")
    await desk.page.click("[data-widget-action]")
    chosen = json.loads((await desk.seen())[-1])
    assert chosen["count_selected"] == 2
    first = chosen["selected"][0]
    assert (first["type"], first["phones"]) == ("contact", ["+7 916 555-01-88"])


async def test_an_init_once_widget_survives_going_to_another_page(desk: Desk) -> None:
    await desk.install()
    await desk.open("/contacts/list/")
    await desk.page.wait_for_function("window.seen && window.seen.length === 3")
    await desk.page.click("text=Иван Петров")
    await expect(desk.page.locator("h1")).to_have_text("Иван Петров")
    assert await desk.page.evaluate("APP.data.current_card.id") == 9001
    assert await desk.seen() == ["render", "init", "bind_actions"]
    await desk.page.go_back()
    await expect(desk.page.locator("[data-check]").first).to_be_visible()


async def test_authorised_requests_carry_the_one_time_token_of_the_person(desk: Desk) -> None:
    await desk.install()
    await desk.open("/contacts/list/", ANNA)
    await desk.page.wait_for_function("window.pilot")
    sent: list[Request] = []

    async def backend(route: Route) -> None:
        sent.append(route.request)
        await route.fulfill(json={"ok": 1})

    await desk.page.route("**/backend", backend)
    answer = await desk.page.evaluate("pilot.$authorizedAjax({url: '/backend', method: 'POST'}).then((data) => data)")
    assert answer == {"ok": 1}
    token = (await sent[0].all_headers())["x-auth-token"]
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    claims = jwt.decode(token, desk.crm.sandbox.settings.client_secret, algorithms=["HS256"], options=options)
    assert (claims["user_id"], claims["account_id"]) == (ANNA, OFFICE)


async def test_crm_post_goes_through_the_crm_as_a_form(desk: Desk) -> None:
    receiver = Receiver()
    async with receiving(receiver) as url:
        await desk.install()
        await desk.page.evaluate("url => pilot.crm_post(url, {a: {b: 1}}, () => {}, 'text')", url)
        await receiver.wait(lambda: bool(receiver.bodies))
        assert receiver.bodies == [{"a[b]": "1"}]


async def test_the_feed_shows_a_call_as_soon_as_it_is_logged(desk: Desk) -> None:
    await desk.open("/contacts/detail/9001", ANNA)
    await expect(desk.page.locator(".event--call")).to_have_count(0)
    link = "https://rec.test/1.mp3"
    params = {"duration": 73, "source": "Dozvon", "phone": "+79161234567", "link": link, "call_status": 4}
    note = {"note_type": "call_in", "created_by": ANNA, "params": params}
    await desk.crm.ok("POST", "/api/v4/contacts/9001/notes", [note])
    event = desk.page.locator(".event--call").first
    await expect(event).to_contain_text("Входящий звонок")
    await expect(event).to_contain_text("1:13")
    await expect(event).to_contain_text("Анна Орлова")
    await expect(event.locator("audio")).to_have_attribute("src", link)


async def test_hostile_names_and_links_stay_text(desk: Desk) -> None:
    name = '<img src=x onerror="window.hacked=1"> \' "'
    id_ = await desk.crm.contact(name, "+79160001122<script>window.hacked=1</script>")
    note = {"note_type": "call_in", "params": {"duration": 1, "source": name, "link": "javascript:window.hacked=1"}}
    await desk.crm.ok("POST", f"/api/v4/contacts/{id_}/notes", [note])
    for path in ("/contacts/list/", f"/contacts/detail/{id_}"):
        await desk.open(path)
        await expect(desk.page.get_by_text("onerror").first).to_be_visible()
    await desk.page.click(".card__fields .phone")
    assert await desk.page.locator("audio").count() == 0
    assert await desk.page.evaluate("window.hacked") is None


async def stranger_called(desk: Desk) -> None:
    """The CRM gets an incoming lead."""
    metadata = {"phone": "+79995550011", "called_at": 1_790_000_000, "duration": 0, "service_code": "x", "uniq": "u"}
    field = {"field_code": "PHONE", "values": [{"value": "+79995550011"}]}
    item = {
        "source_name": "Dozvon",
        "source_uid": "y",
        "metadata": {**metadata, "is_call_event_needed": True},
        "_embedded": {"contacts": [{"name": "Незнакомец", "custom_fields_values": [field]}]},
    }
    await desk.crm.ok("POST", "/api/v4/leads/unsorted/sip", [item])


async def test_an_incoming_lead_is_accepted_on_the_page(desk: Desk) -> None:
    await desk.open("/leads/unsorted/", ANNA)
    await stranger_called(desk)
    await desk.page.click("[data-settle=accept]")
    await expect(desk.page.locator(".event--missed")).to_contain_text("Пропущенный звонок")
    await expect(desk.page.locator(".linked")).to_contain_text("Незнакомец")
    assert desk.crm.office.unsorted == {}


async def test_what_changes_before_the_page_listens_is_shown_when_it_does(desk: Desk) -> None:
    may_listen = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_listen.wait()
        await route.continue_()

    await desk.page.route("**/page/stream", hold)
    await desk.open("/leads/unsorted/", ANNA)
    await stranger_called(desk)
    may_listen.set()
    await expect(desk.page.locator("[data-settle=accept]")).to_be_visible()


async def test_a_popup_reaches_the_listed_user_only(desk: Desk) -> None:
    await desk.open("/leads/", ANNA)
    await eventually(lambda: bool(desk.crm.sandbox.watchers))
    for users in ([ADMIN], [ANNA]):
        event = {"type": "phone_call", "phone_number": "+79161234567", "users": users}
        await desk.crm.ok("POST", "/api/v2/events", {"add": [event]})
    toast = desk.page.locator(".toast--call")
    await expect(toast).to_contain_text("Кухонный гарнитур для Петрова")
    assert await toast.count() == 1
    await toast.locator("a").click()
    await expect(desk.page.locator("h1")).to_have_text("Кухонный гарнитур для Петрова")


async def test_the_page_speaks_three_languages(desk: Desk) -> None:
    for lang, word in (("en", "Incoming leads"), ("uk", "Нерозібране"), ("ru", "Неразобранное")):
        await desk.open(f"/leads/?lang={lang}")
        await expect(desk.page.locator(".nav")).to_contain_text(word)
        assert await desk.page.evaluate("APP.lang_id") == lang


async def test_the_first_page_opens_in_the_language_of_its_address(tmp_path: Path) -> None:
    async with running_sandbox(vendor_path=tmp_path) as crm:
        assert 'lang="en"' in (await crm.call("GET", "/?lang=en")).body


async def test_an_empty_list_says_whether_anything_was_searched_for(desk: Desk) -> None:
    for lang in TEXTS:
        for path, kind in (
            ("/leads/list/", "leads"),
            ("/contacts/list/", "contacts"),
            ("/contacts/list/companies/", "companies"),
        ):
            words = TEXTS[lang]
            await desk.open(f"{path}?lang={lang}&query=nobody-has-this-name")
            await expect(desk.page.locator("td.empty")).to_have_text(words["empty_search"])
            kept = getattr(desk.crm.office, kind)
            setattr(desk.crm.office, kind, Table())
            await desk.open(f"{path}?lang={lang}")
            await expect(desk.page.locator("td.empty")).to_have_text(words[f"empty_{kind}"])
            setattr(desk.crm.office, kind, kept)


async def test_without_the_npm_packages_the_page_says_what_to_do(tmp_path: Path) -> None:
    async with running_sandbox(vendor_path=tmp_path) as crm:
        page = (await crm.call("GET", "/leads/")).body
        assert "/vendor/require.js" not in page
        assert (await crm.call("GET", "/vendor/require.js")).status == 404


def test_the_texts_have_the_same_keys_in_every_language() -> None:
    assert set(TEXTS["ru"]) == set(TEXTS["uk"]) == set(TEXTS["en"])
