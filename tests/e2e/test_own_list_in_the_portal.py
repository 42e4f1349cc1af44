"""A manager calls a list of clients from the panel on Dozvon's page in Bitrix24: what `own_list_calls.py` says."""

from __future__ import annotations

import pytest

from tests.e2e.house import Client
from tests.e2e.own_list_calls import all_are_called, twelve_clients
from tests.e2e.portal_house import PortalHouse
from tests.e2e.portal_page import PortalPage

pytestmark = [pytest.mark.lab, pytest.mark.browser]


@pytest.fixture
def crm() -> str:
    return "bitrix24"


@pytest.fixture
def clients(unlit_house: PortalHouse) -> list[Client]:
    """Dozvon reads them when it starts."""
    return twelve_clients(unlit_house)


@pytest.mark.timeout(420)  # the timers are S4's: 12 clients take three minutes
async def test_twelve_clients_are_called_by_the_panel_alone(
    clients: list[Client], house: PortalHouse, anna: PortalPage
) -> None:
    await all_are_called(house, anna, clients)
