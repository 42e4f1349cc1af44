"""Fixtures of the tests that show the shipped widget to a real Chromium, with the stage as CRM and backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

from tests.e2e.widget_stage import Stage, stage
from tests.lab.fixtures import CHROMIUM_ARGUMENTS


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


@pytest.fixture
async def browser(chromium_path: Path) -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        yield await chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        await chromium.close()


async def opened(browser: BrowserContext, crm: Stage, language: str = "ru") -> Page:
    """The CRM's page in front, with the widget connected."""
    page = await browser.new_page()
    await page.goto(f"{crm.page}?lang={language}")
    await page.wait_for_function("window.ready === true")
    await page.bring_to_front()
    await crm.until("a socket", lambda: crm.open_sockets)
    return page
