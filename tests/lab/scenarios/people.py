"""The people of the scenarios, and steps that several scenarios share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office, did
from tests.lab.phone import Phone
from tests.lab.sip_call import SipCall

CLIENT = "79161234567"
OTHER_CLIENT = "79167654321"


@asynccontextmanager
async def another_program(office: Office) -> AsyncIterator[AmiRecorder]:
    """A separate AMI client, whose actions are not in the recording; it stays until the story ends."""
    async with AmiRecorder(office.asterisk.ports.ami, clock=office.clock) as program:
        yield program


async def talk(client: SipCall, seconds: float = 3) -> None:
    """Somebody answers the client, who talks and hangs up."""
    await client.answered()
    await asyncio.sleep(seconds)
    await client.hang_up()


async def inbound_talk(office: Office, extension: str, last_two: int) -> None:
    """A client calls; the extension rings 2 s and answers; the client hangs up after 3 s."""
    office.phone(extension).answers(after_seconds=2)
    await talk(await office.inbound(CLIENT, did(last_two)))


async def picked_up_and_pressed(phone: Phone, key: str, *, after_seconds: float = 2) -> SipCall:
    """Pick up the next call at the phone, and press a key after this time. Returns the call."""
    call = await phone.incoming(timeout_seconds=30)
    await call.answered()
    await asyncio.sleep(after_seconds)
    if key:
        await call.dial_digits(key)
    return call
