"""Fixtures of the end-to-end tests: a house, and a browser for its people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.e2e.crm_page import PersonPage, chromium, open_page
from tests.e2e.house import CrmHouse, House, open_house
from tests.e2e.portal_house import PortalHouse, open_portal_house
from tests.e2e.portal_page import open_portal_page
from tests.lab.office import Office


@pytest.fixture
def crm() -> str:
    """Which CRM the house has. A module of the end-to-end list has its own fixture of this name, with all of them."""
    return "amocrm"


def house_with(crm: str, office: Office, folder: Path) -> AbstractAsyncContextManager[CrmHouse]:
    return open_portal_house(office, folder) if crm == "bitrix24" else open_house(office, folder)


@pytest_asyncio.fixture
async def empty_house(crm: str, office: Office, tmp_path: Path) -> AsyncIterator[CrmHouse]:
    """Asterisk and the CRM run; Dozvon is configured but not started."""
    async with house_with(crm, office, tmp_path) as house:
        yield house


@pytest_asyncio.fixture
async def unlit_house(crm: str, asterisk22: Path, tmp_path: Path) -> AsyncIterator[CrmHouse]:
    """The CRM runs, Asterisk does not: for Dozvon's work before it connects to its PBX."""
    office = Office(asterisk22)
    async with house_with(crm, office, tmp_path) as house:
        yield house
    await office.close()


@pytest_asyncio.fixture
async def house(unlit_house: CrmHouse) -> AsyncIterator[CrmHouse]:
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
async def anna(house: CrmHouse, browser: BrowserContext) -> AsyncIterator[PersonPage]:
    """Anna (101) works in the list of contacts. No text of callers may run in her page."""
    page = await annas_page(house, browser)
    yield page
    assert page.problems == []


async def annas_page(house: CrmHouse, browser: BrowserContext) -> PersonPage:
    await house.install_widget()
    if isinstance(house, PortalHouse):
        return await open_portal_page(browser, house, house.people.anna)
    assert isinstance(house, House)
    return await open_page(browser, house, house.people.anna, "/contacts/list/")
