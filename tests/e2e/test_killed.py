"""Dozvon is killed, or the CRM fails: still the call is in the CRM exactly once, with its recording."""

from __future__ import annotations

import pytest

from tests.e2e.crm_site import ANNA, IVAN
from tests.e2e.house import House
from tests.lab.office import did
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
STRANGER = "79991112233"


async def talking(house: House) -> tuple[SipCall, SipCall]:
    """Ivan talks with Anna."""
    house.office.phone("101").answers()
    client = await house.office.inbound(IVAN, did(21))
    manager = await house.office.phone("101").incoming()
    await client.answered()
    return client, manager


async def two_conversations(house: House) -> tuple[SipCall, SipCall]:
    """A known client talks with Anna, a stranger with Boris, both for at least a second."""
    known, _ = await talking(house)
    house.office.phone("101").rings()
    house.office.phone("102").answers()
    stranger = await house.office.inbound(STRANGER, did(21))
    await stranger.answered()
    await recorded(house, 2)
    return known, stranger


async def recorded(house: House, calls: int = 1) -> None:
    """A second of the conversations is on the PBX's disk."""
    files = house.office.asterisk.monitor
    await until(lambda: sum(f.stat().st_size > 16_000 for f in files.glob("*.wav")) >= calls)


# ---- kill -9 ---------------------------------------------------------------------------------------------------------


async def test_killed_while_it_rings(house: House) -> None:
    """The manager answers while Dozvon is away."""
    client = await house.office.inbound(IVAN, did(21))
    manager = await house.office.phone("101").incoming()
    await manager.ringing.wait()
    house.dozvon.kill()
    await manager.answer()
    await client.answered()
    await house.restart()
    await recorded(house)
    await client.hang_up()
    note = await house.in_the_crm_once()
    assert (note["note_type"], note["created_by"]) == ("call_in", ANNA)
    assert note["params"]["duration"] >= 1


async def test_killed_while_it_rings_and_the_client_leaves(house: House) -> None:
    """Nobody answered, and Dozvon did not see the end: Anna's missed call."""
    client = await house.office.inbound(IVAN, did(21))
    await (await house.office.phone("101").incoming()).ringing.wait()
    await house.crm.popped_up()  # so Dozvon has stored that it rings
    house.dozvon.kill()
    await client.hang_up()
    await house.restart()
    note = await house.in_the_crm_once(recorded=False)
    assert note["params"].get("duration", 0) == 0
    assert note["created_by"] == ANNA


@pytest.mark.parametrize("ends", ["after the restart", "while it is dead"])
async def test_killed_during_the_conversation(house: House, ends: str) -> None:
    client, _ = await talking(house)
    await recorded(house)
    house.dozvon.kill()
    if ends == "while it is dead":
        await client.hang_up()
    await house.restart()
    if ends == "after the restart":
        await client.hang_up()
    note = await house.in_the_crm_once()
    assert (note["note_type"], note["created_by"]) == ("call_in", ANNA)
    assert note["params"]["duration"] >= 1


async def test_killed_just_after_the_hangup(house: House) -> None:
    for client in await two_conversations(house):
        await client.hang_up()
    house.dozvon.kill()
    await house.restart()
    await house.each_in_the_crm_once(2)


@pytest.mark.parametrize("moment", ["before they are stored", "after they are stored"])
async def test_killed_while_calls_are_being_delivered(house: House, moment: str) -> None:
    """The CRM has the requests, but their answers are lost; the next process finds the results."""
    clients = await two_conversations(house)
    kind, seconds = ("slow", 1.0) if moment == "before they are stored" else ("timeout_after_store", 60.0)
    house.crm.fail(kind, count=2, seconds=seconds)
    for client in clients:
        await client.hang_up()
    await house.crm.met_a_fault()
    if moment == "after they are stored":
        await house.crm.has_calls(2)
    house.dozvon.kill()
    await house.restart()
    await house.each_in_the_crm_once(2)


# ---- the CRM fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "count"),
    [("status", 401, 1), ("status", 429, 3), ("status", 500, 3), ("timeout_after_store", 0, 3), ("drop", 0, 2)],
    ids=["401", "429", "500", "timeout-after-storing", "cut"],
)
async def test_the_crm_fails_while_calls_are_delivered(house: House, kind: str, status: int, count: int) -> None:
    clients = await two_conversations(house)
    house.crm.fail(kind, status=status, count=count)
    for client in clients:
        await client.hang_up()
    await house.each_in_the_crm_once(2)
    assert house.dozvon.is_alive


async def test_the_crm_fails_and_dozvon_is_killed(house: House) -> None:
    """The CRM stores the call, the answer is lost, and the next process meets a failing CRM before it recovers."""
    client, _ = await talking(house)
    await recorded(house)
    house.crm.fail("timeout_after_store")
    await client.hang_up()
    await house.crm.has_calls()
    house.dozvon.kill()
    house.crm.fail("status", status=500, count=2)
    await house.restart()
    await house.in_the_crm_once()
