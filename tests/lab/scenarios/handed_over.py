"""Consultations by the transfer's target, ringing groups, calls of another program, a mobile that rings first."""

from __future__ import annotations

import asyncio

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office, did
from tests.lab.scenarios.people import CLIENT


async def attended_to_a_caller(office: Office, ami: AmiRecorder) -> None:
    """101 has a client; 103 calls 101, who answers after 2 s and joins the two after 3 s; they talk 4 s."""
    office.phone("101").answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(1))
    phone = await office.phone("101").incoming()
    await client.answered()
    await asyncio.sleep(2)
    colleague = await office.phone("103").call("101")
    second = await office.phone("101").incoming()
    await colleague.answered()
    await asyncio.sleep(3)
    await phone.attended_transfer(second)
    await asyncio.sleep(4)
    await client.hang_up()
    await colleague.over()


async def attended_internal_by_caller(office: Office, ami: AmiRecorder) -> None:
    """101 calls 102 (answered after 2 s), 3 s later 103 (1 s), and joins the two after 2 s; 103 hangs up after 4 s."""
    office.phone("102").answers(after_seconds=2)
    office.phone("103").answers(after_seconds=1)
    first = await office.phone("101").call("102")
    await first.answered()
    await asyncio.sleep(3)
    second = await office.phone("101").call("103")
    await second.answered()
    third = await office.phone("103").incoming()
    await asyncio.sleep(2)
    await first.attended_transfer(second)
    await asyncio.sleep(4)
    await third.hang_up()
    await asyncio.sleep(1)


async def blond_to_group(office: Office, ami: AmiRecorder) -> None:
    """101 has a client, calls the group 600, hands over after 2 s while 102 and 103 ring; 102 answers 2 s later."""
    office.phone("101").answers(after_seconds=1)
    office.phone("102").answers(after_seconds=4)
    client = await office.inbound(CLIENT, did(1))
    phone = await office.phone("101").incoming()
    await client.answered()
    await asyncio.sleep(2)
    second = await office.phone("101").call("600")
    await office.phone("102").incoming()
    await asyncio.sleep(2)
    await phone.attended_transfer(second)
    await asyncio.sleep(6)
    await client.hang_up()
    await asyncio.sleep(1)


async def cancelled_after_busy_phone(office: Office, ami: AmiRecorder) -> None:
    """Of a group of three 101 is busy; 102 and 103 ring until the client gives up after 4 s."""
    office.phone("101").rejects(486)
    office.phone("102").rings()
    office.phone("103").rings()
    client = await office.inbound(CLIENT, did(10))
    await office.phone("102").incoming()
    await asyncio.sleep(4)
    await client.hang_up()


async def click_between_colleagues(office: Office, ami: AmiRecorder) -> None:
    """Another program rings 101 through Local/101@click-agent for 2 s, then 102 for 1 s; 102 hangs up after 4 s."""
    office.phone("101").answers(after_seconds=2)
    office.phone("102").answers(after_seconds=1)
    click = {"Channel": "Local/101@click-agent", "Context": "internal", "Exten": "102", "Priority": "1",
             "CallerID": "102", "Timeout": "15000", "Async": "true"}  # fmt: skip
    async with AmiRecorder(office.asterisk.ports.ami, clock=office.clock) as other:
        await other.action("Originate", click)
        colleague = await office.phone("102").incoming()
        await colleague.answered()
        await asyncio.sleep(4)
        await colleague.hang_up()
        await asyncio.sleep(1)


async def mobile_first(office: Office, ami: AmiRecorder) -> None:
    """A line leads straight to a mobile through a Local pair: it rings 2 s; the client hangs up after 4 s."""
    office.carrier.answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(14))
    await client.answered()
    await asyncio.sleep(4)
    await client.hang_up()


SCENARIOS = (
    attended_to_a_caller,
    attended_internal_by_caller,
    blond_to_group,
    cancelled_after_busy_phone,
    click_between_colleagues,
    mobile_first,
)
