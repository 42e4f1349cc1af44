"""A manager calls a list of clients from the panel in amoCRM's page: what `own_list_calls.py` says."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import BrowserContext, expect

from tests.e2e.crm_page import PATIENCE_MS, CrmPage
from tests.e2e.house import Client, House
from tests.e2e.own_list_calls import Carrier, all_are_called, number_of, twelve_clients
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.browser]


@pytest.fixture
def clients(unlit_house: House) -> list[Client]:
    """Dozvon reads them when it starts."""
    return twelve_clients(unlit_house)


@pytest.mark.timeout(420)  # the timers are S4's: 12 clients take three minutes
async def test_twelve_clients_are_called_by_the_panel_alone(clients: list[Client], house: House, anna: CrmPage) -> None:
    await all_are_called(house, anna, clients)


async def test_the_list_is_the_same_in_every_tab_and_after_a_restart_and_is_dialled_once(
    clients: list[Client], house: House, anna: CrmPage, browser: BrowserContext
) -> None:
    carrier = Carrier(house)
    carrier.works()
    house.office.phone("101").answers(after_seconds=0.1)
    await anna.lists(clients[1:4])
    page = await browser.new_page()
    await page.goto(f"{house.crm.url}/leads/list/")
    second = page.locator(".dozvon-list section.list")
    await expect(second.locator("li.client")).to_have_count(3, timeout=PATIENCE_MS)
    await second.get_by_role("button", name="Пропустить клиента").click()
    await expect(anna.panel.locator("li.client.skipped")).to_have_count(1, timeout=PATIENCE_MS)
    house.dozvon.kill()
    await house.restart()
    await anna.connected()
    await expect(anna.panel.locator("li.client.skipped")).to_have_count(1, timeout=PATIENCE_MS)
    # Pressed in both tabs at once. The elements are found before: the first press hides the other tab's button.
    buttons = [
        await tab.get_by_role("button", name="Начать обзвон").element_handle(timeout=PATIENCE_MS)
        for tab in (anna.panel, second)
    ]
    await asyncio.gather(*(button.evaluate("button => button.click()") for button in buttons))
    await until(lambda: len(carrier.dialled) == 2, timeout_seconds=40)  # both numbers of the client who is next
    await expect(anna.panel.locator("li.client.not_reached")).to_have_count(1, timeout=PATIENCE_MS)
    await second.get_by_role("button", name="Остановить таймер").click()
    await expect(anna.panel.get_by_role("button", name="Запустить таймер")).to_be_visible(timeout=PATIENCE_MS)
    assert carrier.dialled == [number_of(2, 0), number_of(2, 1)]
