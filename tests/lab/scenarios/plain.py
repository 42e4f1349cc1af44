"""The plainest stories: a call in, a queue after a busy phone, a click."""

from __future__ import annotations

import asyncio

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office, did
from tests.lab.scenarios.people import CLIENT


async def inbound_answered(office: Office, ami: AmiRecorder) -> None:
    """101 rings for 3 s and answers; the client hangs up after 5 s."""
    office.phone("101").answers(after_seconds=3)
    client = await office.inbound(CLIENT, did(1))
    await client.answered()
    await asyncio.sleep(5)
    await client.hang_up()


async def busy_phone_then_queue(office: Office, ami: AmiRecorder) -> None:
    """101 refuses the client at once; the sales queue rings, 102 answers after 2 s and hangs up after 4 s."""
    office.phone("101").rejects(486)
    office.phone("102").answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(4))
    seller = await office.phone("102").incoming()
    await seller.answered()
    await asyncio.sleep(4)
    await seller.hang_up()
    await client.over()


async def click_to_call_answered(office: Office, ami: AmiRecorder) -> None:
    """A click: 101's phone rings 2 s, then the client's 3 s; the client hangs up after 4 s."""
    office.phone("101").answers(after_seconds=2)
    office.carrier.answers(after_seconds=3)
    originate = {
        "ActionID": "click-1",
        "Channel": "PJSIP/101",
        "Context": "internal",
        "Exten": CLIENT,
        "Priority": "1",
        "CallerID": f"{CLIENT} <{CLIENT}>",
        "Timeout": "15000",
        "Async": "true",
        "ChannelId": "crm-1001",
        "Variable": ["__CRM_CALL_ID=1001"],
    }
    await ami.action("Originate", originate)
    client = await office.carrier.incoming()
    await client.answered()
    await asyncio.sleep(4)
    await client.hang_up()


SCENARIOS = (inbound_answered, busy_phone_then_queue, click_to_call_answered)
