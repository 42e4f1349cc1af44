"""A preview campaign in amoCRM's page on a real Asterisk: the manager sees the client first, and only a press dials."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.admin import administrator
from tests.e2e.crm_page import PATIENCE_MS, CrmPage
from tests.e2e.crm_site import IVAN
from tests.e2e.house import PASSWORD, House
from tests.e2e.test_campaign_dialled import BUSY, LIST, Carrier, campaign_of, journal, until_page
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.browser]


async def test_the_manager_sees_each_client_first_and_only_call_dials(house: House, anna: CrmPage) -> None:
    carrier = Carrier()
    house.office.carrier.does(carrier)
    house.office.phone("101").answers(after_seconds=0.1)
    preview = anna.page.locator(".dozvon-widget .preview")
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST, **{"mode": "preview", "employee.102": ""})
        await person.send(f"{path}/state", {"state": "running"})
        await expect(preview).to_contain_text("Иван", timeout=PATIENCE_MS)
        await expect(preview).to_contain_text("Весна")
        await anna.picture("preview-campaign")
        await until_page(person, f"{path}?lang=ru", lambda page: "решают, звонить ли: 1" in page)
        await preview.get_by_role("button", name="Пропустить").click(timeout=PATIENCE_MS)
        await expect(preview).to_contain_text("Борис", timeout=PATIENCE_MS)
        assert journal(house) == []
        assert sum(carrier.rang.values()) == 0
        house.dozvon.kill()
        await house.restart()
        await anna.connected()
        await expect(preview).to_contain_text("Борис", timeout=PATIENCE_MS)
        await preview.get_by_role("button", name="Позвонить").click(timeout=PATIENCE_MS)
        await until(lambda: [each[2] for each in journal(house)] == ["busy"], timeout_seconds=40)
        assert [(number, employee) for number, employee, _ in journal(house)] == [(BUSY, "101")]
        await expect(preview).to_contain_text("Вера", timeout=PATIENCE_MS)
        await person.send(f"{path}/state", {"state": "paused", "confirmed": "1"})
        await expect(preview).to_be_hidden(timeout=PATIENCE_MS)
    assert carrier.rang == {BUSY: 1}
    assert carrier.rang[IVAN] == 0
