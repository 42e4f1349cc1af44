"""The simplest stories: an incoming call, a queue after a busy phone, a click."""

from __future__ import annotations

import asyncio

from pbx_adapter.asterisk.ami.commands import originate
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


async def _click(office: Office, ami: AmiRecorder, *, channel: str = "PJSIP/{extension}") -> None:
    """A click like Dozvon's: the phone shows the client, and the client's leg shows the employee."""
    action = originate(
        request_id="click-1",
        extension="101",
        number=CLIENT,
        channel_template=channel,
        context="as-is",
        timeout_seconds=3.0,
        crm_call_id="1001",
        has_caller_id=True,
    )
    said: dict[str, str | list[str]] = {}
    for name, value in action.headers:
        known = said.get(name)
        said[name] = value if known is None else [*([known] if isinstance(known, str) else known), value]
    await ami.action("Originate", {"ActionID": "dozvon-click-1", **said})


async def click_own_number_answered(office: Office, ami: AmiRecorder) -> None:
    """A click of Dozvon's: 101's phone rings 1 s, then the client's 1 s; the client hangs up after 3 s."""
    office.phone("101").answers(after_seconds=1)
    office.carrier.answers(after_seconds=1)
    await _click(office, ami)
    client = await office.carrier.incoming()
    assert client.other == "101", "the carrier sees the employee"
    await client.answered()
    await asyncio.sleep(3)
    await client.hang_up()


async def click_own_number_client_busy(office: Office, ami: AmiRecorder) -> None:
    """The same, and the client is busy."""
    office.phone("101").answers(after_seconds=1)
    office.carrier.rejects(486)
    await _click(office, ami)
    await office.carrier.incoming()
    await asyncio.sleep(1)


async def click_own_number_agent_noanswer(office: Office, ami: AmiRecorder) -> None:
    """101's phone rings for 3 s without an answer; the client is never dialled."""
    office.phone("101").rings()
    await _click(office, ami)
    phone = await office.phone("101").incoming()
    assert phone.other == CLIENT, "the phone shows the client"
    await phone.over()


async def click_own_number_agent_declined(office: Office, ami: AmiRecorder) -> None:
    """101 declines (603) after 1 s; the client is never dialled."""
    office.phone("101").rejects(603, after_seconds=1)
    await _click(office, ami)
    await (await office.phone("101").incoming()).over()


async def group_all_decline(office: Office, ami: AmiRecorder) -> None:
    """A ring group: 102 is busy (486) after 1 s, 101 declines (603) after 2 s, 103 after 3 s."""
    office.phone("102").rejects(486, after_seconds=1)
    office.phone("101").rejects(603, after_seconds=2)
    office.phone("103").rejects(603, after_seconds=3)
    client = await office.inbound(CLIENT, did(10))
    await client.over()


async def click_own_number_through_local(office: Office, ami: AmiRecorder) -> None:
    """The dialplan rings the employee, as FreePBX needs it."""
    office.phone("101").answers(after_seconds=1)
    office.carrier.answers(after_seconds=1)
    await _click(office, ami, channel="Local/{extension}@click-agent")
    client = await office.carrier.incoming()
    assert client.other == "101"
    await client.answered()
    await asyncio.sleep(3)
    await client.hang_up()


SCENARIOS = (
    inbound_answered,
    busy_phone_then_queue,
    click_to_call_answered,
    click_own_number_answered,
    click_own_number_client_busy,
    click_own_number_agent_noanswer,
    click_own_number_agent_declined,
    group_all_decline,
    click_own_number_through_local,
)
