"""Fixtures of the end-to-end tests: a house, and a browser for its people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.e2e.crm_page import CrmPage, chromium, open_page
from tests.e2e.crm_site import ANNA
from tests.e2e.house import House, open_house
from tests.lab.office import Office


@pytest_asyncio.fixture
async def empty_house(office: Office, tmp_path: Path) -> AsyncIterator[House]:
    """Asterisk and the CRM run; Dozvon is configured but not started."""
    async with open_house(office, tmp_path) as house:
        yield house


@pytest_asyncio.fixture
async def unlit_house(asterisk22: Path, tmp_path: Path) -> AsyncIterator[House]:
    """The CRM runs, Asterisk does not: for Dozvon's work before it connects to its PBX."""
    office = Office(asterisk22)
    async with open_house(office, tmp_path) as house:
        yield house
    await office.close()


@pytest_asyncio.fixture
async def house(unlit_house: House) -> AsyncIterator[House]:
    """Start Dozvon, connect both sides, and wait until it knows the CRM's clients."""
    unlit_house.dozvon.launch()  # starts in parallel with Asterisk
    async with unlit_house.office:
        await unlit_house.move_in()
        yield unlit_house


@pytest_asyncio.fixture
async def browser(chromium_path: Path) -> AsyncIterator[BrowserContext]:
    """A Chromium for this test; each person needs a separate context (`browser.browser`)."""
    async with chromium(chromium_path) as context:
        yield context


@pytest_asyncio.fixture
async def anna(house: House, browser: BrowserContext) -> AsyncIterator[CrmPage]:
    """Anna (101) works in the list of contacts. No text of callers may run in her page."""
    await house.install_widget()
    page = await open_page(browser, house, ANNA, "/contacts/list/")
    yield page
    assert page.problems == []
