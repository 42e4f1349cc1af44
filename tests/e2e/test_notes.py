"""A manager's note and result, typed in a real Chromium during a call on a real Asterisk, are in the client's feed."""

from __future__ import annotations

import re

import aiohttp
import pytest
from playwright.async_api import expect

from tests.e2e.consent import sign_in
from tests.e2e.crm_page import PATIENCE_MS, PersonPage
from tests.e2e.house import CRMS, PASSWORD, CrmHouse
from tests.lab.office import did
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab, pytest.mark.browser]
IVAN = "79161234567"


@pytest.fixture(params=CRMS)
def crm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_a_note_typed_during_the_talk_and_the_result_after_it_are_in_the_clients_feed_once(
    house: CrmHouse, anna: PersonPage
) -> None:
    """The page is reloaded during the talk, and Dozvon is killed after the result was given."""
    house.office.phone("101").answers()
    client = await house.office.inbound(IVAN, did(1))
    await client.answered()
    field = anna.card.get_by_label("Заметка к звонку")
    await field.click(timeout=PATIENCE_MS)
    await anna.page.keyboard.type("Просит счёт <b>сегодня</b>")
    await expect(anna.card.get_by_text("Сохранено", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    if await anna.reload():
        await expect(field).to_have_value("Просит счёт <b>сегодня</b>", timeout=PATIENCE_MS)
    await field.focus()
    await anna.page.keyboard.press("End")
    await anna.page.keyboard.type(", на двух листах")
    await client.hang_up()
    await anna.card.get_by_role("button", name="Заинтересован", exact=True).click(timeout=PATIENCE_MS)
    await anna.card.get_by_role("button", name="Запланировать задачу").click()
    await anna.page.keyboard.type("Отправить счёт")
    await anna.card.get_by_role("button", name="Завтра, 10:00").click()
    await anna.card.get_by_role("button", name="Сохранить итог").click()
    await expect(anna.card.get_by_text("Итог сохранён")).to_be_visible(timeout=PATIENCE_MS)
    house.dozvon.kill()
    await house.restart()
    call = await house.call_once(recorded=False)
    where = call.client
    assert where is not None
    await until(lambda: any("Просит счёт" in text for text, _ in house.texts(where)), timeout_seconds=60)
    await house.dozvon.settled()
    [(text, author)] = [each for each in house.texts(where) if "Просит счёт" in each[0]]
    assert text.endswith("Итог: Заинтересован\nПросит счёт <b>сегодня</b>, на двух листах")
    assert author in (None, house.people.anna)
    [task] = [task for task in house.tasks(where) if task.text.startswith("Отправить счёт (")]
    assert task.responsible == house.people.anna

    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as admin:
        await sign_in(admin, house.url, PASSWORD)
        async with admin.get(f"{house.url}/admin/house/calls?lang=ru") as answer:
            [path] = set(re.findall(r'href="(/admin/house/calls/[^"?]+)"', await answer.text()))
        async with admin.get(f"{house.url}{path}") as answer:
            page = await answer.text()
    assert "Просит счёт &lt;b&gt;сегодня&lt;/b&gt;, на двух листах" in page
    assert page.count("Записано в CRM") == 2
    assert "Анна Орлова" in page
