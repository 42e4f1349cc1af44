"""What only a CRM has that follows calls while they last: whose card is open when, its own clicks, kills in between.

The end-to-end list that all CRMs share is in `test_calls_in_the_crm.py`, `test_card_and_phones.py`, `test_notes.py`.
"""

from __future__ import annotations

import time

import pytest

from tests.e2e.portal_house import PortalHouse
from tests.e2e.portal_site import ANNA, IVAN, VERA
from tests.lab.office import Office, did
from tests.lab.waiting import until

pytestmark = pytest.mark.lab


@pytest.fixture
def crm() -> str:
    return "bitrix24"


async def recorded(office: Office) -> None:
    """Two seconds of the conversation are on the PBX's disk."""
    monitor = office.asterisk.monitor
    await until(lambda: any(file.stat().st_size > 32_000 for file in monitor.glob("*.wav")))


async def test_nobody_answers(house: PortalHouse) -> None:
    """The card goes from the responsible to those whom the office's route rings; a missed call is 304, with a task."""
    office = house.office
    client = await office.inbound(IVAN, did(21))
    rang = await office.phone("101").incoming()
    live = await house.crm.has_card(ANNA)
    await rang.over()
    await (await office.phone("103").incoming()).ringing.wait()
    assert (await house.crm.has_card(VERA)).id == live.id
    await client.hang_up()
    row = await house.crm.has_finished()
    assert (row["CALL_FAILED_CODE"], row["CALL_DURATION"], row["PORTAL_USER_ID"]) == ("304", 0, ANNA)
    await house.settled()


async def test_a_click_on_the_portals_page(house: PortalHouse) -> None:
    """Anna's phone rings, then the client's; the portal's own call is finished, and no second one is registered."""
    office = house.office
    id_ = await house.crm.click(house.session, "8 (916) 123-45-67")
    agent = await office.phone("101").incoming()
    assert not office.carrier.was_called
    await agent.answer()
    client = await office.carrier.incoming()
    assert client.called.lstrip("+")[-10:] == IVAN[-10:]
    await client.answer()
    await recorded(office)
    await agent.hang_up()
    row = await house.crm.has_finished(recorded=True)
    assert (row["CALL_ID"], row["CALL_FAILED_CODE"], row["CALL_TYPE"]) == (id_, "200", 1)
    await house.dozvon.settled()
    assert (house.crm.live, house.crm.cards) == ([], set())
    assert house.crm.requests("telephony.externalCall.register") == 0


async def test_a_click_that_the_phone_declines(house: PortalHouse) -> None:
    id_ = await house.crm.click(house.session, "8 (916) 123-45-67")
    (await house.office.phone("101").incoming()).reject(486)
    row = await house.crm.has_finished()
    assert (row["CALL_ID"], row["CALL_DURATION"], row["CALL_FAILED_CODE"]) == (id_, 0, "603-S")
    await house.dozvon.settled()
    assert (house.crm.live, house.crm.cards, house.office.carrier.was_called) == ([], set(), False)


@pytest.mark.parametrize("fault", ["none", "timeout_after_store", "drop"])
async def test_killed_during_the_talk(house: PortalHouse, fault: str) -> None:
    """A new process goes on with the registered call, whatever answers are lost, that of the registration among them:
    the portal then recognises the second one."""
    office = house.office
    client = await office.inbound(IVAN, did(21))
    rang = await office.phone("101").incoming()
    live = await house.crm.has_card(ANNA)
    await rang.answer()
    await client.answered()
    house.dozvon.kill()
    if fault != "none":
        house.crm.fail(fault, count=2)
    await recorded(office)
    house.dozvon.launch()
    await house.dozvon.health(timeout_seconds=60.0, pbx="connected", crm="connected")
    await client.hang_up()
    row = await house.crm.has_finished(recorded=True)
    assert (row["CALL_FAILED_CODE"], row["CALL_ID"]) == ("200", live.id)
    await house.settled()


async def test_a_call_while_the_portal_was_away(house: PortalHouse) -> None:
    """It is written afterwards with its true start, and nobody's card opens."""
    office = house.office
    office.phone("101").answers(after_seconds=0.2)
    await house.crm.away()
    client = await office.inbound(IVAN, did(21))
    await client.answered()
    began = time.time()
    await client.hang_up()
    await house.crm.back()
    row = await house.crm.has_finished()
    assert (row["CALL_FAILED_CODE"], row["PORTAL_USER_ID"]) == ("200", ANNA)
    assert 0 <= began - row["CALL_START_DATE"] < 30
    await house.settled()
