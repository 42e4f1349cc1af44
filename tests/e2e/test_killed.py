"""Dozvon is killed, or the CRM fails: the call is in the CRM exactly once all the same, with its recording."""

from __future__ import annotations

import pytest

from tests.e2e.crm_site import ANNA, IVAN
from tests.e2e.house import House
from tests.lab.office import did
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
STRANGER = "79991112233"


async def talking(house: House, caller: str = IVAN) -> tuple[SipCall, SipCall]:
    """A client talks with Anna; both sides are heard in the recording."""
    house.office.phone("101").answers()
    client = await house.office.inbound(caller, did(21))
    manager = await house.office.phone("101").incoming()
    await client.answered()
    return client, manager


async def recorded(house: House) -> None:
    """A second of the conversation is on the PBX's disk."""
    monitor = house.office.asterisk.monitor
    await until(lambda: any(file.stat().st_size > 16_000 for file in monitor.glob("*.wav")), timeout_seconds=10)


# ---- kill -9 ---------------------------------------------------------------------------------------------------------


async def test_killed_while_it_rings(house: House) -> None:
    """The manager answers while Dozvon is not there."""
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
    """Nobody answered, nobody watched the end: a missed call of Anna's, and a task."""
    client = await house.office.inbound(IVAN, did(21))
    await (await house.office.phone("101").incoming()).ringing.wait()
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


@pytest.mark.parametrize("caller", [IVAN, STRANGER], ids=["known", "stranger"])
async def test_killed_just_after_the_hangup(house: House, caller: str) -> None:
    client, _ = await talking(house, caller)
    await recorded(house)
    await client.hang_up()
    house.dozvon.kill()
    await house.restart()
    await house.in_the_crm_once()


@pytest.mark.parametrize("caller", [IVAN, STRANGER], ids=["known", "stranger"])
@pytest.mark.parametrize("moment", ["before it is stored", "after it is stored"])
async def test_killed_while_the_call_is_being_delivered(house: House, moment: str, caller: str) -> None:
    """The request is at the CRM and its answer has not come; it is found, or written, by the next process."""
    client, _ = await talking(house, caller)
    await recorded(house)
    kind, seconds = ("slow", 1.0) if moment == "before it is stored" else ("timeout_after_store", 60.0)
    house.crm.fail(kind, seconds=seconds)
    await client.hang_up()
    await house.crm.met_a_fault()
    if moment == "after it is stored":
        await house.crm.has_a_call()
    house.dozvon.kill()
    await house.restart()
    await house.in_the_crm_once()


# ---- the CRM fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [IVAN, STRANGER], ids=["known", "stranger"])
@pytest.mark.parametrize(
    ("kind", "status", "count"),
    [("status", 401, 1), ("status", 429, 2), ("status", 500, 2), ("timeout_after_store", 0, 2), ("drop", 0, 1)],
    ids=["401", "429", "500", "timeout-after-storing", "cut"],
)
async def test_the_crm_fails_while_the_call_is_delivered(
    house: House, kind: str, status: int, count: int, caller: str
) -> None:
    client, _ = await talking(house, caller)
    await recorded(house)
    house.crm.fail(kind, status=status, count=count)
    await client.hang_up()
    await house.in_the_crm_once()
    assert house.dozvon.is_alive


async def test_the_crm_fails_and_dozvon_is_killed(house: House) -> None:
    """The call is stored, its answer is lost, the next process meets a CRM that fails, and then one that does not."""
    client, _ = await talking(house)
    await recorded(house)
    house.crm.fail("timeout_after_store")
    await client.hang_up()
    await house.crm.has_a_call()
    house.dozvon.kill()
    house.crm.fail("status", status=500, count=2)
    await house.restart()
    await house.in_the_crm_once()
