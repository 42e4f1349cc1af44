"""A supervisor puts what they have ticked in the CRM's lists into a campaign, in a real Chromium. The demonstration is
around it: the sandbox amoCRM, which shows a widget's item only where its manifest says so, and our process."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, async_playwright, expect

from integration.demo import Addresses, Demo, free_ports
from tests.e2e.crm_page import PATIENCE_MS
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.lab.ports import free_port
from tests.page_checks import violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RESULTS = Path("test-results/lists")
ANNA, DMITRY = 610077, 610081  # a manager; the CRM's administrator


@dataclass
class Crm:
    at: Addresses
    browser: BrowserContext
    account: str = ""
    problems: list[str] = field(default_factory=list)

    async def page(self, path: str, user: int) -> Page:
        page = await self.browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        await page.goto(self.at.crm + path)
        if not self.account:
            cookies = await self.browser.cookies(self.at.crm)
            self.account = next(each["value"] for each in cookies if each["name"] == "crm_user").split(":")[0]
        await self.browser.add_cookies([{"name": "crm_user", "value": f"{self.account}:{user}", "url": self.at.crm}])
        await page.goto(self.at.crm + path)
        return page


@pytest_asyncio.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Crm]:
    ports = {name: free_port() for name in free_ports(usual=False)}
    async with Demo(tmp_path / "demo", ports=ports) as at, async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS)
        made = Crm(at, await chromium.new_context(viewport={"width": 1280, "height": 850}))
        yield made
        await chromium.close()
        assert made.problems == []


async def tick(page: Page, count: int) -> None:
    """Tick the first rows, and press our item in the "More" menu."""
    boxes = page.locator("[data-check]")
    for index in range(count):
        await boxes.nth(index).check()
    await page.click("[data-action=more]")
    await page.click("[data-widget-action]")


def ours(page: Page) -> Locator:
    return page.locator(".dozvon-widget").get_by_role("region", name=re.compile("Выбрано в списке"))


async def test_ticked_contacts_and_deals_go_into_a_campaign_that_is_made_on_the_way(crm: Crm) -> None:
    page = await crm.page("/contacts/list/", DMITRY)
    await tick(page, 3)
    choice = ours(page)
    await expect(choice.get_by_text("Выбрано в списке: 3")).to_be_visible()
    await choice.get_by_role("button", name="Добавить в список").click()
    await expect(choice.get_by_text("Введите название")).to_be_visible()
    await choice.get_by_label("Название нового обзвона").fill("Весна <b>")
    assert [each for each in await violations(page) if "dozvon" in each] == []
    await page.screenshot(path=RESULTS / "amocrm-choice.png")
    await choice.get_by_role("button", name="Добавить в список").click()
    await expect(choice.get_by_text(re.compile(r"Добавлено: [1-3]"))).to_be_visible(timeout=PATIENCE_MS)
    await page.screenshot(path=RESULTS / "amocrm-added.png")
    await page.keyboard.press("Escape")
    await expect(choice).to_be_hidden()

    await page.goto(crm.at.crm + "/leads/list/")
    await tick(page, 4)
    await expect(choice.get_by_label("Обзвон", exact=True)).to_contain_text("Весна <b> (не запускался)")
    await choice.get_by_role("button", name="Добавить в список").click()
    await expect(choice.get_by_text(re.compile(r"Добавлено: \d"))).to_be_visible(timeout=PATIENCE_MS)

    await page.goto(crm.at.crm + "/contacts/list/")
    await tick(page, 3)
    await choice.get_by_role("button", name="Добавить в список").click()
    await expect(choice.get_by_text("Добавлено: 0")).to_be_visible(timeout=PATIENCE_MS)
    await expect(choice.get_by_text(re.compile(r"Уже были в списке: [1-3]"))).to_be_visible()


async def test_the_only_one_that_is_ticked_can_be_called_by_keyboard(crm: Crm) -> None:
    page = await crm.page("/contacts/list/", DMITRY)
    await tick(page, 1)
    await expect(ours(page).get_by_role("button", name="Позвонить")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(ours(page)).to_be_hidden()
    await expect(page.locator(".dozvon-widget .notice").first).to_be_visible()


async def test_a_manager_without_campaigns_has_a_list_of_their_own(crm: Crm) -> None:
    page = await crm.page("/contacts/list/", ANNA)
    await tick(page, 3)
    await ours(page).get_by_role("button", name="Добавить в список").click()
    await expect(ours(page).get_by_text(re.compile(r"Добавлено: [1-3]"))).to_be_visible(timeout=PATIENCE_MS)
    panel = page.locator(".dozvon-list").get_by_role("region", name="Обзвон")
    await expect(panel.get_by_role("button", name="Начать обзвон")).to_be_visible(timeout=PATIENCE_MS)
    await page.keyboard.press("Escape")
    assert [each for each in await violations(page) if "dozvon" in each] == []
    await page.screenshot(path=RESULTS / "own-list.png")
    await page.set_viewport_size({"width": 375, "height": 740})
    await page.screenshot(path=RESULTS / "own-list-375.png")
    assert [each for each in await violations(page) if "dozvon" in each] == []
    await panel.get_by_role("button", name="Очистить список и закрыть").first.click()
    await panel.locator(".confirm .danger").click()
    await expect(panel).to_be_hidden(timeout=PATIENCE_MS)
