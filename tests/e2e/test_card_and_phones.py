"""The card in a real Chromium and the phones of a real Asterisk: a press stops what it says, and nothing else.

The same with each CRM: amoCRM's page has the card on it, a portal of Bitrix24 in its own card of the call.
"""

from __future__ import annotations

import re

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.consent import sign_in
from tests.e2e.crm_page import PATIENCE_MS, PersonPage
from tests.e2e.house import CRMS, PASSWORD, Client, CrmHouse
from tests.lab.office import did
from tests.lab.waiting import until_told

pytestmark = [pytest.mark.lab, pytest.mark.browser]
RING_GROUP = did(10)
IVAN = "79161234567"


@pytest.fixture(params=CRMS)
def crm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_declining_leaves_the_colleagues_phones_ringing(house: CrmHouse, anna: PersonPage) -> None:
    """The client stays connected, Boris talks to them, and the call's page shows who pressed."""
    office = house.office
    for extension in ("101", "102", "103"):
        office.phone(extension).rings()
    client = await office.inbound(IVAN, RING_GROUP)
    at_anna, at_boris = await office.phone("101").incoming(), await office.phone("102").incoming()
    await anna.card.get_by_role("button", name="Отклонить").click(timeout=PATIENCE_MS)
    await at_anna.over()
    await anna.card_ends("Вы отклонили звонок")
    await at_boris.answer()
    await client.answered()
    await client.hang_up()
    call = await house.call_once(recorded=False)
    assert call.manager == house.people.boris
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as admin:
        await sign_in(admin, house.url, PASSWORD)
        async with admin.get(f"{house.url}/admin/house/calls?lang=ru") as answer:
            [path] = set(re.findall(r'href="(/admin/house/calls/[^"?]+)"', await answer.text()))
        async with admin.get(f"{house.url}{path}") as answer:
            page = await answer.text()
    assert re.search(r"Отклонено в карточке</dt><dd>Анна Орлова", page)


async def test_the_talk_is_ended_by_the_card(house: CrmHouse, anna: PersonPage) -> None:
    house.office.phone("101").answers()
    client = await house.office.inbound(IVAN, did(1))
    await client.answered()
    await anna.card.get_by_role("button", name="Завершить").click(timeout=PATIENCE_MS)
    await client.over()
    await anna.card_ends("Разговор завершён")


@pytest.fixture
def by_hand(unlit_house: CrmHouse) -> None:
    """Clients are made by hand: the card offers it, and nothing is made of a stranger before."""
    unlit_house.configure(line='new_client = "by_hand"\n')


async def test_a_call_that_nobody_took_is_said_to_whoever_was_rung(
    by_hand: None, house: CrmHouse, anna: PersonPage
) -> None:
    """Who is typing keeps the card, in a portal too, which closes its own."""
    office = house.office
    office.phone("101").rings()
    client = await office.inbound("79995550011", did(1))
    await anna.card.get_by_role("button", name="Создать контакт").click(timeout=PATIENCE_MS)
    await anna.page.keyboard.type("Нов")
    await client.hang_up()
    await expect(anna.card.get_by_text("Пропущенный звонок", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    name = anna.card.get_by_role("textbox", name="Имя контакта")
    await expect(name).to_have_value("Нов")
    await anna.page.keyboard.type("ый клиент")
    await anna.page.keyboard.press("Enter")
    await expect(anna.card.get_by_text("Контакт создан")).to_be_visible(timeout=PATIENCE_MS)
    assert house.contact_named("Новый клиент")[1] == house.people.anna


async def test_who_answered_instead_is_said(house: CrmHouse, anna: PersonPage) -> None:
    office = house.office
    office.phone("101").rings()
    office.phone("103").rings()
    client = await office.inbound(IVAN, RING_GROUP)
    at_boris = await office.phone("102").incoming()
    await expect(anna.card.get_by_text("Входящий звонок", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    await at_boris.answer()
    await client.answered()
    await anna.card_ends("Ответил коллега: Борис")
    assert not any("Разговор" in said for said in await anna.announced())
    await client.hang_up()


async def test_a_transfer_to_me_says_by_whom(house: CrmHouse, anna: PersonPage) -> None:
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
    house: CrmHouse, anna: PersonPage
) -> None:
    office = house.office
    office.phone("101").rejects(486, after_seconds=0.3)
    await anna.click_number("Иван Петров", "123-45-67")
    await office.phone("101").incoming()
    await anna.card_ends("Ваш телефон занят: клиенту не звонили")
    await house.rang_nobody()
    assert not office.carrier.was_called


@pytest_asyncio.fixture
async def svetlana(unlit_house: CrmHouse) -> Client:
    """A contact of Boris's with Ivan's number and her own task. Dozvon reads her when it starts."""
    return unlit_house.add_contact("Светлана", unlit_house.people.boris, IVAN, task="Отправить договор")


async def test_the_chosen_client_gets_the_call_and_the_deal(
    svetlana: Client, house: CrmHouse, anna: PersonPage
) -> None:
    """A portal has bound the call to its client by then: only the deal goes to the chosen one."""
    house.office.phone("101").answers()
    client = await house.office.inbound(IVAN, did(1))
    await client.answered()
    await expect(anna.card.get_by_role("link", name="Иван Петров")).to_be_visible(timeout=PATIENCE_MS)
    await anna.card.get_by_role("button", name="Карточек CRM с этим номером: 2").click()
    await anna.card.get_by_role("button", name="Светлана").click()
    await expect(anna.card.get_by_role("link", name="Светлана")).to_be_visible(timeout=PATIENCE_MS)
    await expect(anna.card.get_by_text("Отправить договор")).to_be_visible(timeout=PATIENCE_MS)
    await anna.card.get_by_role("button", name="Создать сделку").click()
    await anna.page.keyboard.type("Окна на дачу")
    await anna.page.keyboard.press("Enter")
    await expect(anna.card.get_by_text("Сделка создана")).to_be_visible(timeout=PATIENCE_MS)
    await client.hang_up()
    call = await house.call_once(recorded=False)
    assert call.client == (svetlana if house.moves_calls else house.contact_named("Иван Петров")[0])
    assert house.deals(svetlana) == [("Окна на дачу", house.people.anna)]
