"""Calls that an employee must confirm after picking up: Dial with U() and M(), FollowMe()."""

from __future__ import annotations

import asyncio

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office, did
from tests.lab.scenarios.people import CLIENT, picked_up_and_pressed, talk
from tests.lab.sip_call import SipCall

TAKE, DECLINE, NOTHING = "1", "2", ""


async def _asked(office: Office, last_two: int, key: str, extension: str = "102") -> tuple[SipCall, SipCall]:
    """The client's call and that of the phone that was picked up after 2 s and pressed a key after 2 more."""
    for phone in (extension, "103"):
        office.phone(phone).answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(last_two))
    return client, await picked_up_and_pressed(office.phone(extension), key)


async def confirm_taken(office: Office, ami: AmiRecorder) -> None:
    """102 rings 2 s, is picked up, takes the call with 1 after 2 s; the client hangs up 3 s later."""
    client, _ = await _asked(office, 30, TAKE)
    await talk(client)


async def confirm_declined_then_next(office: Office, ami: AmiRecorder) -> None:
    """102 is picked up and declines with 2 after 2 s; 103 rings 2 s and answers; the client hangs up 3 s later."""
    client, _ = await _asked(office, 30, DECLINE)
    await talk(client)


async def confirm_silent_then_next(office: Office, ami: AmiRecorder) -> None:
    """102 is picked up and nothing is pressed for 5 s; 103 rings 2 s and answers; the client hangs up 2 s later."""
    client, _ = await _asked(office, 30, NOTHING)
    await talk(client, 2)


async def confirm_hung_up(office: Office, ami: AmiRecorder) -> None:
    """102 is picked up and hangs up while it is asked; the PBX hangs up on the client."""
    client, call = await _asked(office, 30, NOTHING)
    await call.hang_up()
    await client.over()


async def confirm_client_leaves(office: Office, ami: AmiRecorder) -> None:
    """The client hangs up while 102 is asked."""
    client, call = await _asked(office, 30, NOTHING)
    await client.hang_up()
    await call.over()


async def confirm_busy_then_next(office: Office, ami: AmiRecorder) -> None:
    """102 declines, and the subroutine says BUSY; 103 answers; the client hangs up after 2 s."""
    client, _ = await _asked(office, 31, DECLINE)
    await talk(client, 2)


async def confirm_congestion_then_next(office: Office, ami: AmiRecorder) -> None:
    """102 declines, and the subroutine says CONGESTION; 103 answers; the client hangs up after 2 s."""
    client, _ = await _asked(office, 32, DECLINE)
    await talk(client, 2)


async def confirm_abort(office: Office, ami: AmiRecorder) -> None:
    """102 declines, and the subroutine says ABORT: the PBX hangs up on the client."""
    client, _ = await _asked(office, 33, DECLINE)
    await client.over()


async def confirm_goto(office: Office, ami: AmiRecorder) -> None:
    """102 is picked up; the subroutine sends the client to 101, who answers; the client hangs up after 2 s."""
    office.phone("101").answers(after_seconds=2)
    client, _ = await _asked(office, 34, DECLINE)
    await talk(client, 2)


async def confirm_group_declined(office: Office, ami: AmiRecorder) -> None:
    """101 and 102 ring; 101 is picked up and declines; 103 rings and answers; the client hangs up after 2 s."""
    client, _ = await _asked(office, 35, DECLINE, "101")
    await talk(client, 2)


async def confirm_doors_taken(office: Office, ami: AmiRecorder) -> None:
    """101 and 102 ring behind Local channels, which ask; 101 takes the call; the client hangs up after 3 s."""
    client, _ = await _asked(office, 36, TAKE, "101")
    await talk(client)


async def confirm_doors_declined(office: Office, ami: AmiRecorder) -> None:
    """101 and 102 ring behind Local channels, which ask; 101 declines; 103 answers; the client hangs up after 3 s."""
    client, _ = await _asked(office, 36, DECLINE, "101")
    await talk(client)


async def confirm_macro_taken(office: Office, ami: AmiRecorder) -> None:
    """Asterisk 16 only: M() asks 102, who takes the call; the client hangs up after 3 s."""
    client, _ = await _asked(office, 37, TAKE)
    await talk(client)


async def confirm_macro_declined(office: Office, ami: AmiRecorder) -> None:
    """Asterisk 16 only: M() asks 102, who declines; 103 answers; the client hangs up after 3 s."""
    client, _ = await _asked(office, 37, DECLINE)
    await talk(client)


async def followme_taken(office: Office, ami: AmiRecorder) -> None:
    """FollowMe: 102 rings 2 s, is picked up, takes the call with 1; hangs up after 4 s."""
    office.phone("102").answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(38))
    call = await picked_up_and_pressed(office.phone("102"), TAKE, after_seconds=4)
    await asyncio.sleep(4)
    await call.hang_up()
    await client.over()


async def followme_declined_next_takes(office: Office, ami: AmiRecorder) -> None:
    """FollowMe: 102 declines; 103 and 104 ring, 103 takes the call; the client hangs up after 4 s."""
    for extension in ("102", "103"):
        office.phone(extension).answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(38))
    await picked_up_and_pressed(office.phone("102"), DECLINE, after_seconds=3)
    await picked_up_and_pressed(office.phone("103"), TAKE, after_seconds=3)
    await asyncio.sleep(4)
    await client.hang_up()


async def followme_nobody(office: Office, ami: AmiRecorder) -> None:
    """FollowMe: 102 rings out after 12 s, 103 and 104 after 10 s; the client is let go."""
    client = await office.inbound(CLIENT, did(38))
    await client.over(timeout_seconds=45)


async def followme_client_leaves(office: Office, ami: AmiRecorder) -> None:
    """FollowMe: 102 rings out; the client leaves while 103 and 104 ring."""
    client = await office.inbound(CLIENT, did(38))
    await office.phone("103").incoming(timeout_seconds=30)
    await asyncio.sleep(3)
    await client.hang_up()


async def followme_one_declines_other_rings_on(office: Office, ami: AmiRecorder) -> None:
    """FollowMe: 102 rings out; 103 declines while 104 rings; 104 rings out; the client is let go."""
    office.phone("103").answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(38))
    await picked_up_and_pressed(office.phone("103"), DECLINE, after_seconds=3)
    await client.over(timeout_seconds=45)


async def followme_mobile(office: Office, ami: AmiRecorder) -> None:
    """FollowMe: 102 rings out; a mobile rings 2 s, is picked up, takes the call; the client hangs up after 4 s."""
    office.carrier.answers(after_seconds=2)
    client = await office.inbound(CLIENT, did(39))
    await picked_up_and_pressed(office.carrier, TAKE, after_seconds=4)
    await asyncio.sleep(4)
    await client.hang_up()


SCENARIOS = (
    confirm_taken, confirm_declined_then_next, confirm_silent_then_next, confirm_hung_up, confirm_client_leaves,
    confirm_busy_then_next, confirm_congestion_then_next, confirm_abort, confirm_goto, confirm_group_declined,
    confirm_doors_taken, confirm_doors_declined, confirm_macro_taken, confirm_macro_declined,
    followme_taken, followme_declined_next_takes, followme_nobody, followme_client_leaves,
    followme_one_declines_other_rings_on, followme_mobile,
)  # fmt: skip
