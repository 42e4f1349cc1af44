"""A portal's people in a real Chromium: Dozvon is installed, shows the client in the portal's call card, lists a
client's calls, dials, and opens its pages for administrators. The demonstration stands around it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Dialog, Frame, FrameLocator, Page, async_playwright, expect

from integration.demo import LINE, Addresses, Demo, free_ports
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.lab.ports import free_port
from tests.page_checks import violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PATIENCE_MS = 30_000
RESULTS = Path("test-results/bitrix24")
ANNA, ELENA = 14, 1  # a manager with extension 101, the portal's administrator
IVAN = "79161234567"


@dataclass
class Portal:
    """The demonstration with a browser, and what it may not do."""

    at: Addresses
    http: aiohttp.ClientSession
    browser: BrowserContext
    member_id: str = ""
    problems: list[str] = field(default_factory=list)

    async def page(self, path: str, user: int = ANNA, *, width: int = 1280) -> Page:
        cookie = {"name": "b24_user", "value": f"{self.member_id}:{user}", "url": self.at.portal}
        await self.browser.add_cookies([cookie])  # type: ignore[list-item]
        page = await self.browser.new_page()
        await page.set_viewport_size({"width": width, "height": 850})
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        async with page.expect_response("**/page/stream"):
            await page.goto(self.at.portal + path)
        return page

    async def office(self, path: str, **body: str) -> None:
        async with self.http.post(self.at.office + path, json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def control(self, path: str, body: dict[str, Any] | None = None) -> None:
        async with self.http.post(f"{self.at.portal}/_sandbox/{path}", json=body or {}) as answer:
            assert answer.status == 200, await answer.text()

    async def state(self) -> dict[str, Any]:
        async with self.http.get(f"{self.at.portal}/_sandbox/state") as answer:
            return dict(await answer.json())

    async def until(self, what: str, is_so: Callable[[dict[str, Any]], bool], *, office: bool = False) -> None:
        url = f"{self.at.office}/state" if office else f"{self.at.portal}/_sandbox/state"
        said: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE_MS / 1000):
                while True:
                    async with self.http.get(url) as answer:
                        said = await answer.json()
                    if is_so(said):
                        return
                    await asyncio.sleep(0.1)
        except TimeoutError as exc:
            raise TimeoutError(f"{what}: {str(said)[:1500]}") from exc

    async def phone_is(self, extension: str, state: str) -> None:
        def is_so(said: dict[str, Any]) -> bool:
            return any(each["extension"] == extension and each["state"] == state for each in said["phones"])

        await self.until(f"phone {extension} {state}", is_so, office=True)


@pytest_asyncio.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Portal]:
    ports = {name: free_port() for name in free_ports(usual=False)}
    async with (
        Demo(tmp_path / "demo", ports=ports) as at,
        aiohttp.ClientSession() as http,
        async_playwright() as driver,
    ):
        chromium = await driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS)
        made = Portal(at, http, await chromium.new_context())
        made.member_id = (await made.state())["portal"]["member_id"]
        await made.until("the placements", lambda said: any(each["placements"] for each in said["installs"]))
        yield made
        await chromium.close()
        assert made.problems == []


def inside(page: Page, place: str = "") -> FrameLocator:
    """Our page in the portal's frame."""
    return page.frame_locator(f"{place} iframe:not(.worker)")


async def frame_of(page: Page, at: Addresses) -> Frame:
    return next(each for each in page.frames if each.url.startswith(at.dozvon))


async def findings(frame: Frame) -> list[str]:
    """What axe finds in our page, and what is wider than its frame."""
    wrong = await violations(frame)
    is_wide = await frame.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*wrong, *(["wider than its frame"] if is_wide else [])]


async def picture(page: Page, name: str) -> None:
    await page.screenshot(path=RESULTS / f"{name}.png", full_page=True)


async def reloaded_with_a_question(page: Page) -> list[str]:
    """The questions of a page that is left; each is answered with yes."""
    asked: list[str] = []

    async def leaves(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", leaves)
    await page.reload()
    page.remove_listener("dialog", leaves)
    return asked


async def test_a_call_has_our_card_in_the_portals_and_waits_for_who_types(portal: Portal) -> None:
    page = await portal.page("/crm/contact/list/")
    await portal.office("/call", number=IVAN, did=LINE)
    card = inside(page, "[data-card]")
    await expect(card.get_by_role("link", name="Иван Петров")).to_be_visible(timeout=PATIENCE_MS)
    await expect(card.get_by_text("Входящий звонок", exact=True)).to_be_visible()
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "call-ringing")
    await portal.phone_is("101", "ringing")
    await portal.office("/answer/101")
    await expect(card.get_by_text("Разговор", exact=True)).to_be_visible()
    await picture(page, "call-talking")
    note = card.get_by_role("textbox")
    await note.fill("Просит счёт")
    await page.set_viewport_size({"width": 375, "height": 850})
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "call-narrow")
    await portal.office("/hangup/101")
    # The note's field has the focus: the portal was asked to leave its card open.
    await expect(page.locator("[data-card] .card__over")).to_be_visible()
    await picture(page, "call-over")
    await note.blur()
    await expect(page.locator("[data-card]")).to_have_count(0, timeout=PATIENCE_MS)
    await portal.until(
        "the note in the timeline", lambda said: any("Просит счёт" in str(each) for each in said["comments"])
    )


async def test_a_clients_tab_lists_calls_with_recordings_and_dials(portal: Portal) -> None:
    page = await portal.page("/crm/contact/list/?query=Петров")
    await portal.office("/call", number=IVAN, did=LINE)
    await portal.phone_is("101", "ringing")
    await portal.office("/answer/101")
    await portal.phone_is("101", "talking")
    await portal.office("/hangup/101")
    await portal.until("the recording", lambda said: any(row["RECORD_FILE_ID"] for row in said["statistics"]))
    await page.locator("td a").first.click()
    await page.get_by_role("tab", name="Звонки").click()
    tab = inside(page, "#pane-1")
    await expect(tab.locator("li")).to_have_count(1, timeout=PATIENCE_MS)
    await expect(tab.locator("li audio")).to_have_count(1)
    await expect(tab.locator("li")).to_contain_text("Анна Орлова")
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "tab")
    await page.set_viewport_size({"width": 375, "height": 850})
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "tab-narrow")
    loaded = await tab.locator("audio").evaluate(
        "(player) => new Promise((done) => { player.onloadedmetadata = () => done(player.duration);"
        " player.onerror = () => done(-1); player.load(); player.preload = 'auto'; })"
    )
    assert loaded > 0, "the recording plays within the page's policy"
    await tab.get_by_role("button", name="Позвонить: +7 916 123-45-67").click()
    await expect(tab.locator(".said")).to_contain_text("сначала зазвонит ваш телефон")
    await portal.phone_is("101", "ringing")


async def test_a_click_on_the_portals_page_rings_here_and_its_card_has_ours(portal: Portal) -> None:
    page = await portal.page("/crm/contact/list/?query=Петров")
    await page.locator(f"[data-call='+{IVAN}']").first.click()
    await portal.phone_is("101", "ringing")
    card = inside(page, "[data-card]")
    await expect(card.get_by_text("Исходящий звонок", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    await expect(card.get_by_role("link", name="Иван Петров")).to_be_visible()
    await card.get_by_role("button", name="Завершить").click()
    await portal.phone_is("101", "idle")
    await expect(page.locator("[data-card]")).to_have_count(0, timeout=PATIENCE_MS)


async def test_the_application_is_installed_by_its_page_and_opens_dozvon_for_administrators(portal: Portal) -> None:
    await portal.control("install/remove")
    page = await portal.page("/apps/", ELENA)
    await page.click("[data-app-action=install]")
    await page.wait_for_url("**/apps/local.*/")
    # `installFinish` of our installer reloads the portal's page, which then opens the application itself.
    panel = inside(page)
    await expect(panel.get_by_text("Подключение к Dozvon")).to_be_visible(timeout=PATIENCE_MS)
    await expect(panel.get_by_text("Сейчас звонков нет")).to_be_visible()
    state = await portal.state()
    assert state["installs"][0]["is_finished"]
    await portal.until("the placements", lambda said: len(said["installs"][0]["placements"]) == 13)
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "panel-administrator")
    async with page.context.expect_page() as opening:
        await panel.get_by_role("button", name="Открыть Dozvon").click()
    opened = await opening.value
    opened.set_default_timeout(PATIENCE_MS)
    await opened.wait_for_url(re.compile(r".*/from-crm"))
    await expect(opened.get_by_text("CRM подтвердила, что вы её администратор")).to_be_visible()
    await opened.close()
    # A second press needs another token of the page, which it gets by the portal's word.
    async with page.context.expect_page() as opening:
        await panel.get_by_role("button", name="Открыть Dozvon").click()
    await (await opening.value).wait_for_url(re.compile(r".*/from-crm"))


async def test_an_employee_sees_their_state_dials_a_number_and_goes_away(portal: Portal) -> None:
    page = await portal.page("/crm/contact/list/", width=375)
    await page.get_by_role("link", name="Dozvon", exact=True).click()
    panel = inside(page)
    await expect(panel.get_by_text("Всё работает")).to_be_visible(timeout=PATIENCE_MS)
    await expect(panel.get_by_role("button", name="Открыть Dozvon")).to_have_count(0)
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "panel-narrow")
    await panel.get_by_label("Номер телефона").fill("8 916 123-45-67")
    await panel.get_by_role("button", name="Позвонить").click()
    await portal.phone_is("101", "ringing")
    await expect(panel.get_by_text("Исходящий звонок", exact=True)).to_be_visible()
    await expect(panel.get_by_text("Сейчас звонков нет")).to_be_hidden()
    await panel.get_by_role("button", name="Завершить").click()
    await portal.phone_is("101", "idle")
    await panel.get_by_role("button", name="1 час").click()
    await expect(panel.get_by_role("button", name="Я на месте")).to_be_visible()


async def test_an_administrator_puts_a_client_of_a_list_into_a_campaign(portal: Portal) -> None:
    """By the menu of a row; then several, chosen in the portal's dialogue, because it never says what is ticked."""
    page = await portal.page("/crm/contact/list/", ELENA)
    await page.get_by_role("button", name="В обзвон: Иван Петров").click()
    ours = inside(page, ".slider")
    await ours.get_by_label("Название нового обзвона").fill("Весна", timeout=PATIENCE_MS)
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "campaign-choice")
    await ours.get_by_role("button", name="Добавить в список").click()
    await expect(ours.get_by_text("Добавлено: 1")).to_be_visible(timeout=PATIENCE_MS)
    await picture(page, "campaign-added")
    await page.locator(".slider [data-close]").click()

    await page.get_by_role("button", name="В обзвон", exact=True).click()
    await ours.get_by_role("button", name="Выбрать в CRM").click(timeout=PATIENCE_MS)
    dialogue = page.locator("dialog.choosing")
    await expect(dialogue.get_by_role("checkbox").first).to_be_visible(timeout=PATIENCE_MS)
    for box in await dialogue.get_by_role("checkbox").all():
        await box.check()
    everybody = await dialogue.get_by_role("checkbox").count()
    await dialogue.get_by_role("button").click()
    await expect(ours.get_by_text(f"Выбрано в списке: {everybody}")).to_be_visible()
    await expect(ours.get_by_label("Обзвон", exact=True)).to_contain_text("Весна (не запускался)")
    await ours.get_by_role("button", name="Добавить в список").click()
    await expect(ours.get_by_text("Уже были в списке: 1")).to_be_visible(timeout=PATIENCE_MS)
    await page.set_viewport_size({"width": 375, "height": 850})
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "campaign-added-narrow")


async def test_an_employee_calls_a_list_of_their_own_from_the_page_of_the_application(portal: Portal) -> None:
    page = await portal.page("/crm/contact/list/")
    await page.get_by_role("button", name="В обзвон: Иван Петров").click()
    ours = inside(page, ".slider")
    await ours.get_by_role("button", name="Добавить в список").click(timeout=PATIENCE_MS)
    await expect(ours.get_by_text("Добавлено: 1")).to_be_visible(timeout=PATIENCE_MS)
    assert all("403" in each for each in portal.problems), "the browser's own line: campaigns are not theirs"
    portal.problems.clear()
    await page.goto(portal.at.portal + "/crm/contact/list/")
    await page.get_by_role("link", name="Dozvon", exact=True).click()
    panel = inside(page).get_by_role("region", name="Обзвон")
    await expect(panel.get_by_text("Иван Петров").first).to_be_visible(timeout=PATIENCE_MS)
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "own-list")
    await panel.get_by_role("button", name="Начать обзвон").click()
    await portal.phone_is("101", "ringing")
    await expect(panel.locator(".bar .now")).to_contain_text("Звоним", timeout=PATIENCE_MS)
    asked = await reloaded_with_a_question(page)
    assert asked == ["beforeunload"], "nobody is called after whoever leaves"
    await expect(panel.locator(".bar .now")).to_contain_text("Звоним", timeout=PATIENCE_MS)
    await panel.get_by_role("button", name="Остановить обзвон").click()
    await portal.phone_is("101", "idle")
    await expect(panel.locator(".bar .now")).to_contain_text("Обзвон не идёт", timeout=PATIENCE_MS)
    await page.set_viewport_size({"width": 375, "height": 850})
    assert await findings(await frame_of(page, portal.at)) == []
    await picture(page, "own-list-narrow")
