"""The administrators' pages in Chromium: for everybody (axe), on every width, by keyboard, and while things change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from integration.domain.calls.notes import CallNote, InCrm, NextStep, concluded, note_brought, typed
from integration.domain.ids import Timestamp
from integration.errors import Rejected
from integration.ports.sightings import Sighting
from integration.texts import LANGUAGES
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.page_checks import sideways, violations
from tests.services.admin_office import PASSWORD, Office
from tests.services.conftest import ACME, ANNA, IVAN, answered_call, call, missed_call, offered, started

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
PICTURES = Path("test-results/pages")
PATIENCE_MS = 15_000
WIDTHS = (375, 768, 1280, 1920)
CALL = "/admin/acme/calls/acme-pbx:1.0"
PAGES = {
    "overview": "/admin/acme",
    "calls": "/admin/acme/calls",
    "no-match": "/admin/acme/calls?number=%2B79990009999",
    "call": CALL,
    "removal": "/admin/acme/remove",
    "call-live": "/admin/acme/calls/acme-pbx:3.0",
    "delivery": "/admin/acme/delivery",
    "people": "/admin/acme/people",
    "changes": "/admin/acme/changes",
    "route": "/admin/acme/route?number=89161234567&line=74950000001",
    "route-wrong": "/admin/acme/route?number=&line=xyz",
    "style": "/admin/style",
    "not-found": "/admin/acme/calls/nothing",
}


@pytest_asyncio.fixture
async def busy(office: Office) -> Office:
    """An office in which everything that the pages know has happened."""
    world = office.world
    now = world.clock.now()
    await world.emit(*answered_call(now - 300), *missed_call(now - 200, "79990001122", "2.0"))
    world.crm.fail_before = [Rejected("400: the field <b>is</b> missing")]
    await world.deliver()
    await world.emit(started(now, uniqueid="3.0"), offered(now, "101", uniqueid="3.0"))
    await world.storage.notes.change(ACME, call(), ANNA, a_note, lambda _: ())
    await world.storage.sightings.report(ACME, Sighting.OTHER_TELEPHONY, ["<b>Other</b> telephony"], manager=ANNA)
    return office


def a_note(empty: CallNote) -> CallNote:
    """With its result and a task; the note is in the CRM, the task is not."""
    text, step = "Ждёт <b>замер</b>\nдо зимы", NextStep(text="Отправить расчёт", due_at=Timestamp(1_700_100_000.0))
    note = typed(empty, text=text, now=Timestamp(1_700_000_000.0))
    note = concluded(
        note, text=text, result="Заинтересован", next_step=step, request="r", now=Timestamp(1_700_000_000.0)
    )
    return note_brought(note, note.revision, InCrm(id="1", at=IVAN.ref, revision=note.revision))


@pytest_asyncio.fixture
async def page(busy: Office, chromium_path: Path) -> AsyncIterator[Page]:
    """Signed in. A page must not run what callers send, and must not break its own policy."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(locale="ru-RU", base_url=str(busy.client.make_url("/")))
        page = await context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
        await sign_in(page)
        yield page
        await browser.close()
        assert problems == []


@pytest.fixture(scope="session", autouse=True)
def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


async def sign_in(page: Page) -> None:
    await page.goto("/admin/login")
    await page.locator("input[type=password]").fill(PASSWORD)
    await page.locator("main button[type=submit]").click()
    await expect(page.locator("h1")).to_contain_text("Обзор")


def is_on(office: Office) -> bool:
    return office.world.account.settings.enabled


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(page: Page, scheme: str) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for width in (375, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        for path in PAGES.values():
            await page.goto(path)
            assert await violations(page) == [], (path, width)
        await page.goto("/admin/acme")
        if width < 900:
            await page.get_by_role("button", name="Меню").click()
            assert await violations(page) == [], "the open menu"
            await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Выключить").click()
        assert await violations(page) == [], "the open question"
    await page.context.clear_cookies()
    await page.goto("/admin/login")
    assert await violations(page) == []


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_no_page_scrolls_sideways_and_each_has_its_picture(page: Page, lang: str) -> None:
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        for name, path in PAGES.items():
            await page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            assert await sideways(page) == [], (path, width)
            await page.screenshot(path=PICTURES / f"{name}-{lang}-{width}.png", full_page=True)
    await page.emulate_media(color_scheme="dark")
    for name, path in PAGES.items():
        await page.goto(path)
        await page.screenshot(path=PICTURES / f"{name}-{lang}-dark.png", full_page=True)
    await page.context.clear_cookies()
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(f"/admin/login?lang={lang}")
        assert await sideways(page) == [], ("sign-in", width)
        await page.screenshot(path=PICTURES / f"sign-in-{lang}-{width}.png", full_page=True)


async def test_the_menu_of_a_small_window_by_keyboard(page: Page) -> None:
    await page.set_viewport_size({"width": 375, "height": 800})
    await page.goto("/admin/acme/calls")
    menu = page.locator("#menu")
    await expect(menu).to_be_hidden()
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    opener = page.get_by_role("button", name="Меню")
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(menu).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    names = []
    for _ in range(8):
        await page.keyboard.press("Tab")
        names.append(await page.evaluate("document.activeElement.innerText.trim()"))
    assert names[0] == "Dozvon"
    sections = ["Обзор", "Звонки", "Обзвон", "Доставка в CRM", "Сотрудники", "История изменений"]
    assert [name.split("\n")[0] for name in names[1:7]] == sections
    assert await menu.locator("[aria-current=page]").inner_text() == "Звонки"


async def test_the_skip_link_leads_to_the_content(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto("/admin/acme/calls")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator("#number")).to_be_focused()


async def test_switching_off_asks_and_the_focus_returns_to_its_opener(page: Page, busy: Office) -> None:
    await page.goto("/admin/acme")
    opener = page.get_by_role("button", name="Выключить").first
    await opener.focus()
    await page.keyboard.press("Enter")
    question = page.locator("#switch-off")
    await expect(question).to_be_visible()
    await expect(question.get_by_role("button", name="Не сейчас")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    assert is_on(busy)
    await page.keyboard.press("Enter")
    await question.get_by_role("button", name="Выключить").click()
    for path in ("/admin/acme/calls", "/admin/acme/people"):
        await page.goto(path)
        await expect(page.locator(".banner.warn", has_text="Интеграция выключена")).to_be_visible()
    assert not is_on(busy)


async def test_a_page_changes_by_itself_and_keeps_what_is_typed(page: Page, busy: Office) -> None:
    world = busy.world
    await page.goto("/admin/acme/calls")
    field = page.locator("#number")
    await field.fill("+7 916")
    rows = page.locator("tbody tr")
    before = await rows.count()
    await page.evaluate("window.isTheSamePage = true")
    await world.emit(*missed_call(world.clock.now(), "79990003344", "9.0"))
    await expect(rows).to_have_count(before + 1, timeout=PATIENCE_MS)
    await expect(page.get_by_text("+7 999 000-33-44")).to_be_visible()
    await expect(field).to_have_value("+7 916")
    await expect(field).to_be_focused()
    assert await page.evaluate("window.isTheSamePage")


async def test_an_open_question_outlasts_a_change(page: Page, busy: Office) -> None:
    world = busy.world
    await page.goto("/admin/acme/delivery")
    await page.get_by_role("button", name="Отменить доставку").first.click()
    question = page.locator("dialog[open]")
    await expect(question).to_be_visible()
    waiting = page.get_by_role("link", name="Задача перезвонить")
    before = await waiting.count()
    await world.emit(*missed_call(world.clock.now(), "79990003344", "9.0"))
    await expect(page.locator("#main")).to_contain_text("Звонок в CRM", timeout=PATIENCE_MS)
    await page.wait_for_function(
        "before => document.querySelectorAll('tbody tr').length > before", arg=before, timeout=PATIENCE_MS
    )
    await expect(question).to_be_visible()


async def test_a_page_whose_session_has_ended_goes_to_the_sign_in(page: Page, busy: Office) -> None:
    await page.goto("/admin/acme/calls")
    await busy.world.storage.admin_sessions.end_all(None)
    await expect(page.locator("input[type=password]")).to_be_visible(timeout=PATIENCE_MS)


async def test_a_page_says_that_it_lost_dozvon_and_comes_back(page: Page, busy: Office) -> None:
    world = busy.world
    await page.goto("/admin/acme/calls")
    await page.context.set_offline(True)
    world.news.close()
    await expect(page.locator("#live-lost")).to_be_visible(timeout=PATIENCE_MS)
    await world.emit(*missed_call(world.clock.now(), "79990003344", "9.0"))
    await page.context.set_offline(False)
    await expect(page.get_by_text("+7 999 000-33-44")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator("#live-lost")).to_be_hidden(timeout=PATIENCE_MS)


async def test_a_text_is_copied_and_the_button_says_so(page: Page) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto("/admin/style?lang=en")
    button = page.locator(".copy button")
    await button.click()
    await expect(button).to_have_text("Copied")
    assert str(await page.evaluate("navigator.clipboard.readText()")).startswith("[dozvon]\nsecret")


async def test_without_the_script_everything_works(busy: Office, chromium_path: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(
            locale="ru-RU", base_url=str(busy.client.make_url("/")), java_script_enabled=False,
            viewport={"width": 375, "height": 800},
        )  # fmt: skip
        page = await context.new_page()
        await sign_in(page)
        await page.get_by_role("button", name="Меню").click()
        await page.locator("#menu").get_by_role("link", name="Сотрудники").click()
        await expect(page.locator("h1")).to_have_text("Сотрудники")
        await page.goto("/admin/acme")
        await page.get_by_role("button", name="Выключить").click()
        await expect(page.locator("h1")).to_have_text("Выключить интеграцию?")
        assert is_on(busy)
        await page.get_by_role("button", name="Выключить").click()
        await expect(page.locator(".banner.warn", has_text="Интеграция выключена")).to_be_visible()
        assert not is_on(busy)
        await browser.close()
