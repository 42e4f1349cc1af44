"""A preview campaign in the pages of both CRMs on a real Asterisk: the manager sees the client first, and only a press
dials."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.admin import administrator
from tests.e2e.crm_page import PATIENCE_MS, PersonPage
from tests.e2e.house import PASSWORD, CrmHouse, House
from tests.e2e.portal_page import PortalPage
from tests.e2e.test_campaign_dialled import BUSY, LIST, Carrier, campaign_of, journal, until_page
from tests.lab.waiting import until

SAID = {"script": "Добрый день!\nУдобно говорить?", "preview_seconds": "600"}

pytestmark = [pytest.mark.lab, pytest.mark.browser]


async def card_of(person: PersonPage) -> Locator:
    """Where the client is shown: in Bitrix24 on Dozvon's page."""
    if isinstance(person, PortalPage):
        await person.opens_panel()
        return person.page.frame_locator("main iframe").locator(".dozvon-widget")
    return person.page.locator(".dozvon-widget")


async def calls(preview: Locator) -> None:
    """Press "Call" until the client is called: for some seconds after a death no process dials, and a press says so."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await preview.is_visible():
            await preview.get_by_role("button", name="Позвонить").click(timeout=PATIENCE_MS)
            with suppress(AssertionError):
                await expect(preview).to_be_hidden(timeout=4_000)


@pytest.mark.parametrize("crm", ["amocrm", "bitrix24"])
async def test_the_manager_sees_each_client_first_and_only_call_dials(house: CrmHouse, anna: PersonPage) -> None:
    carrier, dialled = Carrier(), cast(House, house)
    house.office.carrier.does(carrier)
    house.office.phone("101").answers(after_seconds=0.1)
    card = await card_of(anna)
    preview = card.locator(".preview")
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST, **{"mode": "preview", "employee.102": "", **SAID})
        await person.send(f"{path}/state", {"state": "running"})
        await expect(preview).to_contain_text("Иван", timeout=PATIENCE_MS)
        await expect(preview).to_contain_text("Весна")
        await expect(preview).to_contain_text("Удобно говорить?")
        await anna.picture(f"preview-campaign-{type(house).__name__}")
        await until_page(person, f"{path}?lang=ru", lambda page: "решают, звонить ли: 1" in page)
        await preview.get_by_role("button", name="Пропустить").click(timeout=PATIENCE_MS)
        await expect(preview).to_contain_text("Борис", timeout=PATIENCE_MS)
        assert (journal(dialled), sum(carrier.rang.values())) == ([], 0)
        house.dozvon.kill()
        await house.restart()
        await anna.connected()
        await expect(preview).to_contain_text("Борис", timeout=PATIENCE_MS)
        await calls(preview)
        await until(lambda: [each[2] for each in journal(dialled)] == ["busy"], timeout_seconds=40)
        assert [(number, employee) for number, employee, _ in journal(dialled)] == [(BUSY, "101")]
        await expect(card.locator(".call .name")).to_have_text("Борис", timeout=PATIENCE_MS)
        await expect(preview).to_contain_text("Вера", timeout=PATIENCE_MS)
        await person.send(f"{path}/state", {"state": "paused", "confirmed": "1"})
        await expect(preview).to_be_hidden(timeout=PATIENCE_MS)
    assert carrier.rang == {BUSY: 1}


@pytest.mark.parametrize("crm", ["amocrm", "bitrix24"])
async def test_while_they_talk_the_card_says_what_to_say_in_a_mode_without_preview(
    house: CrmHouse, anna: PersonPage
) -> None:
    carrier = Carrier()
    carrier.listens = True
    house.office.carrier.does(carrier)
    house.office.phone("101").answers(after_seconds=0.1)
    card = await card_of(anna)
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST, **{"employee.102": "", **SAID})
        await person.send(f"{path}/state", {"state": "running"})
        call = card.locator(".call").first
        await expect(call).to_contain_text("Разговор", timeout=PATIENCE_MS)
        await expect(call.locator(".sub").last).to_have_text("Обзвон: Весна")
        await expect(call.locator(".script p")).to_have_text(SAID["script"])
        await expect(call.locator(".script p")).to_be_in_viewport()
        await anna.picture(f"campaign-script-{type(house).__name__}")
        await person.send(f"{path}/state", {"state": "stopped", "confirmed": "1"})
        await call.get_by_role("button", name="Завершить").click(timeout=PATIENCE_MS)
        await expect(call).to_contain_text("Итог", timeout=PATIENCE_MS)
        await expect(call.locator(".script")).to_have_count(0)
