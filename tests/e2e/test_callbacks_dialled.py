"""A missed call that Dozvon calls back by itself, on a real Asterisk: the employee's phone first, until they talk."""

from __future__ import annotations

import pytest

from tests.e2e.admin import administrator
from tests.e2e.crm_site import IVAN
from tests.e2e.house import PASSWORD, CrmHouse, House
from tests.e2e.test_campaign_dialled import Carrier, journal, until_page
from tests.lab.office import did
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab]

LIST = "/admin/house/campaigns/callbacks?lang=ru"


@pytest.fixture
def calling_back(unlit_house: CrmHouse) -> None:
    """All lines call back a minute after a missed call, at any hour."""
    unlit_house.configure(
        line="repeat_calls = true\nrepeat_times = 2\nrepeat_interval_seconds = 60\n"
        'repeat_hours = "00:00-24:00"\nrepeat_weekend_hours = "00:00-24:00"\n'
    )


class BusyAtFirst(Carrier):
    """Ivan's phone is busy when it is called first; later he answers and talks."""

    async def __call__(self, call: SipCall) -> None:
        if not self.rang[call.called]:
            self.rang[call.called] += 1
            call.reject(486, "Busy Here")
            return
        await super().__call__(call)


@pytest.mark.timeout(400)  # two intervals, of the least length that the settings allow
async def test_a_missed_call_is_repeated_until_the_client_is_reached_though_dozvon_is_killed(
    calling_back: None, house: House
) -> None:
    """Killed while the client waits: the other process calls. Busy at first, Ivan talks at the second call."""
    carrier = BusyAtFirst()
    house.office.carrier.does(carrier)
    client = await house.office.inbound(IVAN, did(21))
    await (await house.office.phone("101").incoming()).ringing.wait()
    await client.hang_up()
    missed = await house.call_once(recorded=False)
    assert missed.client is not None
    async with administrator(house.url, PASSWORD) as person:
        page = await until_page(person, LIST, lambda page: "Пропущенный звонок" in page)
        assert "Следующий звонок в" in page
        assert "0 из 2" in page
    house.dozvon.kill()
    house.office.phone("101").answers(after_seconds=0.2)
    await house.restart()
    await until(lambda: carrier.rang[IVAN] == 1, timeout_seconds=120)
    await until(lambda: [each[2] for each in journal(house)] == ["busy"], timeout_seconds=30)
    async with administrator(house.url, PASSWORD) as person:
        await until_page(person, LIST, lambda page: "1 из 2" in page)
        await until(lambda: carrier.rang[IVAN] == 2, timeout_seconds=120)
        page = await until_page(person, LIST, lambda page: "поговорили" in page, timeout_seconds=60)
        assert "Никто не ждёт перезвона." in page
    assert journal(house) == [(IVAN, "101", "busy"), (IVAN, "101", "talked")]
    await house.dozvon.settled(timeout_seconds=60)
    tasks = [task for task in house.crm.tasks(missed.client[1]) if task["text"].startswith("Перезвонить: пропущ")]
    assert [task["is_completed"] for task in tasks] == [True], "the talk has completed the one task to call back"
