"""Several calls that meet: two clients joined, conference rooms, supervisors who listen."""

from __future__ import annotations

import asyncio

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office, did
from tests.lab.scenarios.people import CLIENT, OTHER_CLIENT, another_program
from tests.lab.sip_call import SipCall

# ---- two clients ------------------------------------------------------------------


async def _held(office: Office) -> tuple[SipCall, SipCall]:
    """A client whom 101 answered and holds: the client's side and 101's."""
    office.phone("101").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(1))
    own = await office.phone("101").incoming()
    await own.answered()
    await asyncio.sleep(2)
    await own.hold()
    return client, own


async def joined_on_second(office: Office, ami: AmiRecorder) -> None:
    """101 holds a client, takes another's call and refers that one to the first; they talk 3 s; the second hangs up."""
    client, first = await _held(office)
    other = await office.inbound(OTHER_CLIENT, did(1))
    second = await office.phone("101").incoming()
    await second.answered()
    await asyncio.sleep(2)
    await second.attended_transfer(first)
    await asyncio.sleep(3)
    await other.hang_up()
    await client.over()


async def joined_outgoing(office: Office, ami: AmiRecorder) -> None:
    """101 holds a client, calls another, joins the two after 2 s; they talk 3 s; the first hangs up."""
    office.carrier.answers(after_seconds=2)
    client, first = await _held(office)
    second = await office.phone("101").call(OTHER_CLIENT)
    await second.answered()
    other = await office.carrier.incoming()
    await asyncio.sleep(2)
    await first.attended_transfer(second)
    await asyncio.sleep(3)
    await client.hang_up()
    await other.over()


async def joined_outgoing_blond(office: Office, ami: AmiRecorder) -> None:
    """101 holds a client, calls outside and joins the two while it rings there; they talk 3 s."""
    office.carrier.answers(after_seconds=4)
    client, first = await _held(office)
    second = await office.phone("101").call(OTHER_CLIENT)
    await second.ringing.wait()
    other = await office.carrier.incoming()
    await asyncio.sleep(1)
    await first.attended_transfer(second)
    await other.answered()
    await asyncio.sleep(3)
    await other.hang_up()
    await client.over()


async def joined_by_bridge(office: Office, ami: AmiRecorder) -> None:
    """Clients talk to 101 and 102; another program bridges the clients; they talk 3 s; the first hangs up."""
    for extension in ("101", "102"):
        office.phone(extension).answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(1))
    await client.answered()
    other = await office.inbound(OTHER_CLIENT, did(6))
    await other.answered()
    await asyncio.sleep(2)
    lines = [str(event["Channel"]) for event in ami.events("Newchannel") if "/trunk" in str(event["Channel"])]
    async with another_program(office) as program:
        await program.action("Bridge", {"Channel1": lines[0], "Channel2": lines[1], "Tone": "no"})
        await asyncio.sleep(3)
    await client.hang_up()
    await asyncio.sleep(1)
    await other.hang_up()


# ---- conference rooms -------------------------------------------------------------


async def conference_employee_first(office: Office, ami: AmiRecorder) -> None:
    """101 waits in room 800; the client comes after 2 s; 101 leaves after 3 s, the client 2 s later."""
    own = await office.phone("101").call("800")
    await own.answered()
    await asyncio.sleep(2)
    client = await office.inbound(CLIENT, did(7))
    await client.answered()
    await asyncio.sleep(3)
    await own.hang_up()
    await asyncio.sleep(2)
    await client.hang_up()


async def conference_two_clients(office: Office, ami: AmiRecorder) -> None:
    """Two clients in room 800, and nobody of the office."""
    client = await office.inbound(CLIENT, did(7))
    await client.answered()
    await asyncio.sleep(1)
    other = await office.inbound(OTHER_CLIENT, did(7))
    await other.answered()
    await asyncio.sleep(3)
    await client.hang_up()
    await asyncio.sleep(1)
    await other.hang_up()


async def conference_transferred(office: Office, ami: AmiRecorder) -> None:
    """101 answers the client, refers it into room 800, dials in after 2 s; the client hangs up after 3 s."""
    office.phone("101").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(1))
    first = await office.phone("101").incoming()
    await first.answered()
    await asyncio.sleep(2)
    await first.blind_transfer("800")
    await asyncio.sleep(2)
    own = await office.phone("101").call("800")
    await own.answered()
    await asyncio.sleep(3)
    await client.hang_up()
    await asyncio.sleep(1)
    await own.hang_up()


async def _led_into_room(office: Office, **leads_to: str) -> None:
    two = await office.phone("102").call("800")
    await two.answered()
    office.phone("101").answers(after_seconds=1)
    async with another_program(office) as program:
        room = {"ActionID": "room-1", "Channel": "PJSIP/101", "Timeout": "15000", "Async": "true", **leads_to}
        await program.action("Originate", room)
        one = await office.phone("101").incoming()
        await one.answered()
        await asyncio.sleep(3)
    await one.hang_up()
    await asyncio.sleep(1)
    await two.hang_up()


async def conference_originated(office: Office, ami: AmiRecorder) -> None:
    """102 waits in room 800; another program rings 101 and leads it to 800; 101 leaves after 3 s."""
    await _led_into_room(office, Context="internal", Exten="800", Priority="1")


async def conference_application(office: Office, ami: AmiRecorder) -> None:
    """102 waits in room 800; another program rings 101 and puts it into ConfBridge; 101 leaves after 3 s."""
    await _led_into_room(office, Application="ConfBridge", Data="800")


# ---- supervisors ------------------------------------------------------------------


async def _talking(office: Office) -> SipCall:
    office.phone("101").answers(after_seconds=1)
    client = await office.inbound(CLIENT, did(1))
    await client.answered()
    await asyncio.sleep(2)
    return client


async def _listens(office: Office, code: str, seconds: float = 3) -> None:
    supervisor = await office.phone("104").call(code)
    await supervisor.answered()
    await asyncio.sleep(seconds)
    await supervisor.hang_up()
    await asyncio.sleep(1)


async def spy_barge(office: Office, ami: AmiRecorder) -> None:
    """While 101 talks to the client, 104 barges in with *9101 for 3 s."""
    client = await _talking(office)
    await _listens(office, "*9101")
    await client.hang_up()


async def spy_any_call(office: Office, ami: AmiRecorder) -> None:
    """While 101 talks to the client, 104 listens to whatever goes on (555) for 4 s."""
    client = await _talking(office)
    await _listens(office, "555", 4)
    await client.hang_up()


async def spy_outlives_the_call(office: Office, ami: AmiRecorder) -> None:
    """104 whispers to 101; the client hangs up after 2 s, 104 after 2 more."""
    client = await _talking(office)
    supervisor = await office.phone("104").call("*7101")
    await supervisor.answered()
    await asyncio.sleep(2)
    await client.hang_up()
    await asyncio.sleep(2)
    await supervisor.hang_up()


async def _led_to_spy(office: Office, originate: dict[str, str]) -> None:
    client = await _talking(office)
    office.phone("104").answers(after_seconds=1)
    async with another_program(office) as program:
        await program.action("Originate", {"ActionID": "spy-1", "Timeout": "15000", "Async": "true", **originate})
        supervisor = await office.phone("104").incoming()
        await supervisor.answered()
        await asyncio.sleep(3)
    await supervisor.hang_up()
    await asyncio.sleep(1)
    await client.hang_up()


async def spy_originated(office: Office, ami: AmiRecorder) -> None:
    """Another program rings 104, who answers after 1 s, and puts it on ChanSpy of 101 for 3 s."""
    spy = {"Channel": "PJSIP/104", "Application": "ChanSpy", "Data": "PJSIP/101,qw", "CallerID": "Spy <104>"}
    await _led_to_spy(office, spy)


async def spy_originated_exten(office: Office, ami: AmiRecorder) -> None:
    """Another program rings 104 through a Local channel and leads it to *7101 for 3 s."""
    spy = {"Channel": "Local/104@click-agent", "Context": "internal", "Exten": "*7101", "Priority": "1"}
    await _led_to_spy(office, spy)


async def spy_from_outside(office: Office, ami: AmiRecorder) -> None:
    """While 101 talks to a client, a supervisor calls in from outside and listens for 3 s."""
    client = await _talking(office)
    supervisor = await office.inbound(OTHER_CLIENT, did(47))
    await supervisor.answered()
    await asyncio.sleep(3)
    await supervisor.hang_up()
    await asyncio.sleep(1)
    await client.hang_up()


SCENARIOS = (
    joined_on_second, joined_outgoing, joined_outgoing_blond, joined_by_bridge,
    conference_employee_first, conference_two_clients, conference_transferred, conference_originated,
    conference_application,
    spy_barge, spy_any_call, spy_outlives_the_call, spy_originated, spy_originated_exten,
    spy_from_outside,
)  # fmt: skip
