"""A manager calls a list of clients from the panel in the CRM's page: real Chromium, sandbox amoCRM, real Asterisk.

What the panel does is S4's ("Обзвон по контактам и сделкам"): the order of the cards, three seconds before the next
number of a client, ten before the next client, numbers that failed struck out, and an entry in the CRM for every call.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from playwright.async_api import BrowserContext, Locator, expect

from tests.e2e.crm_page import PATIENCE_MS, CrmPage
from tests.e2e.crm_site import ANNA
from tests.e2e.house import House
from tests.e2e.widget_page import widget_headers
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.browser]

BUSY, UNREACHABLE, NO_SUCH = 486, 480, 404
TALKS = None
# Twelve clients: what the carrier says to each of their numbers, in the order of the card.
CARDS: tuple[tuple[int | None, ...], ...] = (
    (BUSY, TALKS),
    (TALKS,),
    (UNREACHABLE, BUSY),
    (NO_SUCH, UNREACHABLE, TALKS),
    (TALKS, BUSY),
    (BUSY,),
    (TALKS,),
    (UNREACHABLE, TALKS),
    (TALKS,),
    (BUSY, BUSY),
    (TALKS,),
    (TALKS,),
)


def number_of(client: int, place: int) -> str:
    return f"7916200{client:02}{place:02}"


@dataclass
class Carrier:
    """What clients' phones do, and when each was dialled."""

    house: House
    dialled: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    def works(self) -> None:
        async def takes(call: SipCall) -> None:
            self.dialled.append(call.called)
            self.at.append(self.house.office.clock())
            client, place = int(call.called[-4:-2]), int(call.called[-2:])
            code = CARDS[client][place]
            if code is not None:
                call.reject(code, "No")
                return
            await call.answer()

        self.house.office.carrier.does(takes)


@pytest.fixture
def clients(unlit_house: House) -> list[int]:
    """Twelve contacts of Anna's. Dozvon reads them when it starts."""
    account, made = unlit_house.crm.account, []
    for client, codes in enumerate(CARDS):
        values = [
            {"value": f"+{number_of(client, place)}", "enum_id": 101, "enum_code": "WORK"}
            for place in range(len(codes))
        ]
        phone = {"field_id": 71, "field_name": "Телефон", "field_code": "PHONE", "values": values}
        contact = account.create("contacts", {"name": f"Клиент {client:02}", "custom_fields_values": [phone]}, ANNA)
        made.append(int(contact["id"]))
    return made


async def selects(house: House, clients: list[int]) -> dict[str, object]:
    body = {"entities": [{"kind": "contact", "id": str(each)} for each in clients]}
    address = f"{house.url}/api/widget/own-list/entries"
    async with house.session.post(address, json=body, headers=widget_headers(house.crm, ANNA)) as answer:
        assert answer.status == 201, await answer.text()
        said: dict[str, object] = await answer.json()
        return said


def panel(page: CrmPage) -> Locator:
    return page.page.locator(".dozvon-list section.list")


@pytest.mark.timeout(420)  # the timers are S4's: 12 clients take three minutes
async def test_twelve_clients_are_called_by_the_panel_alone(clients: list[int], house: House, anna: CrmPage) -> None:
    carrier = Carrier(house)
    carrier.works()
    office = house.office
    office.phone("101").answers(after_seconds=0.1)
    assert await selects(house, clients) == {"added": 12, "left_out": {}}
    await expect(panel(anna).locator("li.client")).to_have_count(12, timeout=PATIENCE_MS)
    await panel(anna).get_by_role("button", name="Начать обзвон").click()
    wanted = [
        number_of(client, place)
        for client, codes in enumerate(CARDS)
        for place in range(len(codes))
        if TALKS not in codes[:place]
    ]
    for talk in range(sum(TALKS in codes for codes in CARDS)):  # each talk is short, and ended by the manager
        await expect(panel(anna).locator(".bar .now")).to_contain_text("Разговор", timeout=60_000)
        if talk == 0:
            await expect(anna.card.get_by_label("Заметка к звонку")).to_be_hidden()
            await panel(anna).get_by_label("Заметка к звонку").fill("Просит счёт")
        await anna.card.get_by_role("button", name="Завершить").click(timeout=PATIENCE_MS)
        await expect(panel(anna).locator(".bar .now")).not_to_contain_text("Разговор", timeout=PATIENCE_MS)
    await expect(panel(anna).locator(".bar .now")).to_contain_text("Обзвон закончен", timeout=60_000)
    await anna.picture("own-list-finished")
    assert carrier.dialled == wanted
    struck = await panel(anna).locator("s").all_text_contents()
    assert len(struck) == sum(code is not None for codes in CARDS for code in codes[: _tried(codes)])
    await expect(panel(anna).locator("li.client.reached")).to_have_count(9)
    await expect(panel(anna).locator("li.client.not_reached")).to_have_count(3)
    check_timers(carrier, wanted)
    await house.each_in_the_crm_once(len(wanted), recorded=False)
    called = sorted(note["params"]["phone"].removeprefix("+") for note in house.crm.call_notes())
    assert called == sorted(wanted)
    written = [note for note in house.crm.account.notes.values() if "Просит счёт" in str(note["params"].get("text"))]
    assert [note["entity_id"] for note in written] == [clients[0]], "what was written in the panel"
    at = {int(note["entity_id"]) for note in house.crm.call_notes()}
    assert at == set(clients), "each call in its client's feed"


def _tried(codes: tuple[int | None, ...]) -> int:
    return codes.index(TALKS) + 1 if TALKS in codes else len(codes)


def check_timers(carrier: Carrier, wanted: list[str]) -> None:
    """Between the numbers of one client 3 seconds pass and a moment, between clients 10."""
    for before, after, begun, earlier in zip(wanted, wanted[1:], carrier.at[1:], carrier.at, strict=False):
        gap = begun - earlier
        if before[-4:-2] == after[-4:-2]:
            assert 2.9 < gap < 6.0, (before, after, gap)
        else:
            assert gap > 9.9, (before, after, gap)


async def test_the_list_is_the_same_in_every_tab_and_after_a_restart_and_is_dialled_once(
    clients: list[int], house: House, anna: CrmPage, browser: BrowserContext
) -> None:
    carrier = Carrier(house)
    carrier.works()
    house.office.phone("101").answers(after_seconds=0.1)
    await selects(house, clients[1:4])
    page = await browser.new_page()
    await page.goto(f"{house.crm.url}/leads/list/")
    second = page.locator(".dozvon-list section.list")
    await expect(second.locator("li.client")).to_have_count(3, timeout=PATIENCE_MS)
    await second.get_by_role("button", name="Пропустить клиента").click()
    await expect(panel(anna).locator("li.client.skipped")).to_have_count(1, timeout=PATIENCE_MS)
    house.dozvon.kill()
    await house.restart()
    await anna.connected()
    await expect(panel(anna).locator("li.client.skipped")).to_have_count(1, timeout=PATIENCE_MS)
    # Pressed in both tabs at once. The elements are found before: the first press hides the other tab's button.
    buttons = [
        await tab.get_by_role("button", name="Начать обзвон").element_handle(timeout=PATIENCE_MS)
        for tab in (panel(anna), second)
    ]
    await asyncio.gather(*(button.evaluate("button => button.click()") for button in buttons))
    await until(lambda: len(carrier.dialled) == 2, timeout_seconds=40)  # both numbers of the client who is next
    await expect(panel(anna).locator("li.client.not_reached")).to_have_count(1, timeout=PATIENCE_MS)
    await second.get_by_role("button", name="Остановить таймер").click()
    await expect(panel(anna).get_by_role("button", name="Запустить таймер")).to_be_visible(timeout=PATIENCE_MS)
    assert carrier.dialled == [number_of(2, 0), number_of(2, 1)]
