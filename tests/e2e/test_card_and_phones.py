"""The card in a real Chromium and the phones of a real Asterisk: a press stops what it says, and nothing else."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import expect

from tests.e2e.consent import sign_in
from tests.e2e.crm_page import PATIENCE_MS, CrmPage
from tests.e2e.crm_site import IVAN
from tests.e2e.house import PASSWORD, House
from tests.lab.office import did
from tests.lab.waiting import until_told

pytestmark = [pytest.mark.lab, pytest.mark.browser]
RING_GROUP = did(10)


async def test_declining_leaves_the_colleagues_phones_ringing(house: House, anna: CrmPage) -> None:
    """The client stays connected, Boris talks to them, and the call's page shows who pressed."""
    office = house.office
    for extension in ("101", "102", "103"):
        office.phone(extension).rings()
    client = await office.inbound(IVAN, RING_GROUP)
    at_anna, at_boris = await office.phone("101").incoming(), await office.phone("102").incoming()
    await anna.card.get_by_role("button", name="Отклонить").click(timeout=PATIENCE_MS)
    await at_anna.over()
    await expect(anna.card.get_by_text("Вы отклонили звонок")).to_be_visible(timeout=PATIENCE_MS)
    await at_boris.answer()
    await client.answered()
    await client.hang_up()
    await house.in_the_crm_once(recorded=False)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as admin:
        await sign_in(admin, house.url, PASSWORD)
        async with admin.get(f"{house.url}/admin/house/calls?lang=ru") as answer:
            [path] = set(re.findall(r'href="(/admin/house/calls/[^"?]+)"', await answer.text()))
        async with admin.get(f"{house.url}{path}") as answer:
            page = await answer.text()
    assert re.search(r"Отклонено в карточке</dt><dd>Анна Орлова", page)


async def test_the_talk_is_ended_by_the_card(house: House, anna: CrmPage) -> None:
    house.office.phone("101").answers()
    client = await house.office.inbound(IVAN, did(1))
    await client.answered()
    await anna.card.get_by_role("button", name="Завершить").click(timeout=PATIENCE_MS)
    await client.over()
    await expect(anna.card.get_by_text("Разговор завершён")).to_be_visible(timeout=PATIENCE_MS)


async def test_a_call_that_nobody_took_is_said_to_whoever_was_rung(house: House, anna: CrmPage) -> None:
    office = house.office
    office.phone("101").rings()
    client = await office.inbound("79995550011", did(1))
    await anna.card.get_by_role("button", name="Создать контакт").click(timeout=PATIENCE_MS)
    await anna.page.keyboard.type("Нов")
    await client.hang_up()
    await expect(anna.card.get_by_text("Пропущенный звонок", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    await expect(anna.card.get_by_role("textbox")).to_have_value("Нов")
    await anna.page.keyboard.type("ый клиент")
    await anna.page.keyboard.press("Enter")
    await expect(anna.card.get_by_text("Контакт создан")).to_be_visible(timeout=PATIENCE_MS)


async def test_who_answered_instead_is_said(house: House, anna: CrmPage) -> None:
    office = house.office
    office.phone("101").rings()
    office.phone("103").rings()
    client = await office.inbound(IVAN, RING_GROUP)
    at_boris = await office.phone("102").incoming()
    await expect(anna.card.get_by_text("Входящий звонок", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    await at_boris.answer()
    await client.answered()
    await expect(anna.card.locator(".state")).to_have_text(re.compile("Ответил коллега: Борис"), timeout=PATIENCE_MS)
    said = await anna.page.locator(".dozvon-widget [aria-live=assertive]").text_content()
    assert "Разговор" not in (said or "")
    await client.hang_up()


async def test_a_transfer_to_me_says_by_whom(house: House, anna: CrmPage) -> None:
    """Declining it stops only my phone."""
    office = house.office
    office.phone("101").rings()
    office.phone("102").answers()
    client = await office.inbound(IVAN, did(6))  # 102
    await client.answered()
    at_boris = await office.phone("102").incoming()

    async def they_talk() -> bool:
        return " 2 basic " in await office.asterisk.cli("bridge show all")

    await until_told(they_talk)  # a transfer that overtakes the answer transfers nobody
    await at_boris.blind_transfer("101")
    await office.phone("101").incoming()
    await expect(anna.card.locator(".came")).to_have_text(re.compile("Перевод от: Борис"), timeout=PATIENCE_MS)
    await expect(anna.card.get_by_text("Входящий звонок", exact=True)).to_be_visible()
    await expect(anna.card.locator(".timer")).to_have_text(re.compile("^0:0"))
    await client.hang_up()


async def test_a_click_that_the_manager_did_not_take_calls_nobody_and_leaves_nothing_in_the_feed(
    house: House, anna: CrmPage
) -> None:
    office = house.office
    office.phone("101").rejects(486, after_seconds=0.3)
    await anna.go("/contacts/list/?query=Петров")
    await anna.page.get_by_role("link", name="Иван Петров").first.click()
    await anna.connected()
    await anna.press_number("123-45-67")
    await office.phone("101").incoming()
    await expect(anna.card.locator(".state")).to_have_text(
        re.compile("Ваш телефон занят: клиенту не звонили"), timeout=PATIENCE_MS
    )
    await house.dozvon.settled()
    assert not office.carrier.was_called
    assert house.crm.call_notes() == []
    assert house.crm.unsorted() == []
