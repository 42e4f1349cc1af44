"""From a start with nothing configured to two administrators, in Chromium."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.crm_page import PATIENCE_MS
from tests.e2e.first_start import begin, printed_address
from tests.page_checks import sideways, violations

pytestmark = pytest.mark.browser

OLGAS, PETRS = "кофе трамвай окно", "nine green bottles"


@pytest_asyncio.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """`dozvon run` without a file, and the one address that it prints."""
    process = begin(tmp_path / "data")
    try:
        yield await asyncio.wait_for(asyncio.to_thread(printed_address, process), 60)
    finally:
        process.kill()
        process.communicate()


async def opened(browser: Browser, problems: list[str], locale: str = "en-GB") -> Page:
    """A page in its own browser, whose errors are collected."""
    context = await browser.new_context(locale=locale)
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    return page


async def looks_right(page: Page) -> None:
    """On a telephone and a desk, light and dark: axe finds nothing, and nothing is wider than its window."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (375, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await violations(page) == [], (page.url, scheme, width)
            assert await sideways(page) == [], (page.url, width)
    await page.emulate_media(color_scheme="light")


async def test_from_nothing_to_two_administrators(address: str, browser: BrowserContext) -> None:
    """Code, owner, invitation, the second browser signs in, and its session is ended from the first."""
    problems: list[str] = []
    assert browser.browser is not None
    olga = await opened(browser.browser, problems)
    await olga.goto(address)
    await expect(olga).to_have_url(re.compile(r"/setup$"))
    await olga.get_by_role("link", name="Укр").click()
    await expect(olga.get_by_role("heading", level=1)).to_have_text("Початок роботи")
    await olga.get_by_role("link", name="Eng").click()
    await looks_right(olga)
    await olga.get_by_label("Your name").fill("Ольга")
    await olga.get_by_label("Login or e-mail").fill("olga@example.com")
    password = olga.get_by_label("New password", exact=True)
    await password.fill("short")
    await expect(olga.get_by_text("Characters still needed: 5.")).to_be_visible()
    await password.fill(OLGAS)
    await expect(olga.get_by_text("A long password")).to_be_visible()
    await olga.get_by_role("button", name="Show").click()
    await expect(password).to_have_attribute("type", "text")
    await olga.get_by_role("button", name="Continue").click()
    await expect(olga).to_have_url(re.compile(r"/admin/setup/new$"))

    await olga.get_by_role("link", name="Administrators").click()
    await olga.get_by_label("Name").fill("Пётр")
    await olga.get_by_label("Login or e-mail").fill("petr@example.com")
    await olga.get_by_role("button", name="Create the invitation").click()
    await looks_right(olga)
    link = (await olga.get_by_label("Link", exact=True).inner_text()).strip()

    petr = await opened(browser.browser, problems, "ru-RU")
    await petr.goto(link)
    await expect(petr.get_by_text("Вас приглашает Ольга")).to_be_visible()
    await looks_right(petr)
    await petr.get_by_label("Новый пароль", exact=True).fill(PETRS)
    await petr.get_by_role("button", name="Дальше").click()
    await expect(petr).to_have_url(re.compile(r"/admin/setup/new$"))
    await petr.get_by_role("button", name="Выйти", exact=True).click()
    await looks_right(petr)
    await petr.get_by_label("Логин или e-mail").fill("PETR@example.com")
    await petr.get_by_label("Пароль", exact=True).fill(PETRS)
    await petr.get_by_role("button", name="Войти").click()
    await expect(petr.get_by_role("link", name="Мой профиль")).to_be_visible()

    await olga.get_by_role("link", name="Administrators").first.click()
    await olga.get_by_role("link", name="Пётр").click()
    await looks_right(olga)
    row = olga.get_by_role("row").filter(has_text="Chrome")
    await row.get_by_role("button", name="End").click()
    await expect(olga.get_by_text("The session has ended.")).to_be_visible()
    await petr.get_by_role("link", name="Мой профиль").click()
    await expect(petr.get_by_role("heading", level=1)).to_have_text("Войти")
    await olga.reload()
    await expect(olga.get_by_role("heading", level=1)).to_have_text("Пётр")
    await olga.get_by_role("button", name="Switch access off").click()
    await expect(olga.get_by_role("dialog")).to_contain_text("Switch access off: Пётр?")
    await looks_right(olga)
    await olga.get_by_role("dialog").get_by_role("button", name="Switch access off").click()
    await expect(olga.get_by_text("Access is off, the sessions have ended.")).to_be_visible()
    await olga.goto(address.partition("/setup")[0] + "/admin/administrators/me")
    await looks_right(olga)
    assert problems == []
