"""Declining a call in the card, on a real Asterisk with real SIP phones: only my leg ends."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import Call, LegResult, Press
from integration.domain.ids import CallId
from integration.errors import NotFound
from integration.ports.pbx import ClickToCall
from tests.adapters.asterisk_kit import Listener
from tests.e2e.test_asterisk_adapter import CLIENT, on_lab
from tests.lab.fixtures import OpenOffice
from tests.lab.office import Office, did

pytestmark = pytest.mark.lab
both = pytest.mark.parametrize("major", [22, 16])
RING_GROUP, QUEUE, QUEUE_OF_LOCALS = did(10), did(2), did(9)


async def ringing(listener: Listener, *extensions: str) -> Call:
    """Wait until the call rings at all of these."""

    def is_so() -> bool:
        rings = {leg.target for c in listener.records for leg in c.legs if leg.ringing_at and leg.result is None}
        return rings >= set(extensions)

    await listener.until(is_so)
    return listener.records[-1]


async def result_at(listener: Listener, call: CallId, extension: str) -> LegResult | None:
    """Wait for the end of the leg at this extension; return its result."""

    def results() -> list[LegResult | None]:
        return [leg.result for leg in listener.calls[call].legs if leg.target == extension and leg.ended_at]

    await listener.until(results)
    return results()[0]


def open_legs(call: Call) -> set[str]:
    return {leg.target for leg in call.legs if leg.result is None}


@both
@pytest.mark.parametrize("line", [RING_GROUP, QUEUE])
async def test_one_of_a_group_declines_and_the_others_ring_on(open_office: OpenOffice, major: int, line: str) -> None:
    """The client stays connected, the leg looks as if declined on the phone, and we know who pressed."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        for extension in ("101", "102", "103"):
            office.phone(extension).rings()
        client = await office.inbound(CLIENT, line)
        call = await ringing(listener, "101", "102", "103")
        await pbx.reject(call.id, "101")
        assert await result_at(listener, call.id, "101") is LegResult.REJECTED
        assert open_legs(listener.calls[call.id]) == {"102", "103"}
        press = listener.calls[call.id].presses[0]
        assert press == Press(extension="101", at=press.at, own_leg=True)
        await (await office.phone("102").incoming()).answer()
        await client.answered()
        await listener.until(lambda: listener.calls[call.id].answered_by == "102")
        await client.hang_up()
        await listener.ended()


async def test_a_member_of_a_queue_behind_local_channels(office: Office) -> None:
    async with on_lab(office) as (pbx, listener):
        office.phone("101").rings()
        office.phone("102").answers(after_seconds=1.0)
        client = await office.inbound(CLIENT, QUEUE_OF_LOCALS)
        call = await ringing(listener, "101")
        await pbx.reject(call.id, "101")
        assert await result_at(listener, call.id, "101") is LegResult.REJECTED
        await listener.until(lambda: listener.calls[call.id].answered_by == "102")
        await client.hang_up()
        await listener.ended()


@both
async def test_where_only_one_phone_rings_the_dialplan_goes_on_as_after_a_declined_one(
    open_office: OpenOffice, major: int
) -> None:
    """..06 has voicemail behind 102: it answers the client, who is not hung up."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("102").rings()
        client = await office.inbound(CLIENT, did(6))
        call = await ringing(listener, "102")
        await pbx.reject(call.id, "102")
        assert await result_at(listener, call.id, "102") is LegResult.REJECTED
        await client.answered()
        assert listener.calls[call.id].is_live
        await client.hang_up()
        await listener.ended()


async def test_every_device_of_the_extension_stops(office: Office) -> None:
    desk, mobile = office.phone("103"), await office.add_phone("103", name="103-mobile")
    async with on_lab(office) as (pbx, listener):
        desk.rings()
        mobile.rings()
        client = await office.inbound(CLIENT, did(13))
        at_desk, at_mobile = await desk.incoming(), await mobile.incoming()
        call = await ringing(listener, "103")
        await pbx.reject(call.id, "103")
        for device in (at_desk, at_mobile):
            await device.over()
        assert await result_at(listener, call.id, "103") is LegResult.REJECTED
        await client.over()
        await listener.ended()


@both
async def test_a_talk_is_never_ended_by_declining(open_office: OpenOffice, major: int) -> None:
    """The call was answered meanwhile, on this phone or another: declining is refused, and the talk continues."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        for extension in ("102", "103"):
            office.phone(extension).rings()
        office.phone("101").answers(after_seconds=0.2)
        client = await office.inbound(CLIENT, RING_GROUP)
        await client.answered()
        await listener.until(lambda: listener.records[-1].answered_by == "101")
        call = listener.records[-1]
        for extension in ("101", "102", "104"):
            with pytest.raises(NotFound):
                await pbx.reject(call.id, extension)
        assert listener.calls[call.id].presses == ()
        await pbx.hang_up(call.id, by="101")
        await client.over()
        (call,) = await listener.ended()
        assert [(press.extension, press.own_leg) for press in call.presses] == [("101", False)]


async def test_a_call_that_a_colleague_picked_up_is_not_declined_any_more(office: Office) -> None:
    async with on_lab(office) as (pbx, listener):
        office.phone("101").rings()
        client = await office.inbound(CLIENT, did(1))
        call = await ringing(listener, "101")
        colleague = await office.phone("102").call("**101")
        await client.answered()
        assert await result_at(listener, call.id, "101") is LegResult.PICKED_UP_ELSEWHERE
        for extension in ("101", "102"):
            with pytest.raises(NotFound):
                await pbx.reject(call.id, extension)
        await colleague.answered()
        assert listener.calls[call.id].is_live
        await client.hang_up()
        await listener.ended()


@both
async def test_a_transfer_that_rings_at_me_is_declined_for_me_alone(open_office: OpenOffice, major: int) -> None:
    """The client goes where the dialplan sends declined calls; here the call ends."""
    office = await open_office(major)
    async with on_lab(office) as (pbx, listener):
        office.phone("101").answers()
        office.phone("102").rings()
        client = await office.inbound(CLIENT, did(1))
        await client.answered()
        talk = await office.phone("101").incoming()
        await listener.until(lambda: listener.records[-1].answered_at)
        await talk.blind_transfer("102")
        call = await ringing(listener, "102")
        with pytest.raises(NotFound):
            await pbx.reject(call.id, "101")  # the transferer has no phone in it any more
        await pbx.reject(call.id, "102")
        assert await result_at(listener, call.id, "102") is LegResult.REJECTED
        await client.over()
        await listener.ended()


async def test_somebody_elses_call_and_a_call_that_is_over_are_left_alone(office: Office) -> None:
    """Two calls ring at once: only the named one stops."""
    async with on_lab(office) as (pbx, listener):
        office.phone("101").rings()
        office.phone("102").rings()
        first = await office.inbound(CLIENT, did(1))
        one = await ringing(listener, "101")
        await office.inbound("79169990000", RING_GROUP)
        await listener.until(lambda: len(listener.records) == 2)
        other = next(call for call in listener.records if call.id != one.id)
        await listener.until(lambda: "102" in open_legs(listener.calls[other.id]))
        await pbx.reject(other.id, "102")
        assert await result_at(listener, other.id, "102") is LegResult.REJECTED
        assert open_legs(listener.calls[one.id]) == {"101"}
        await first.hang_up()
        await listener.until(lambda: not listener.calls[one.id].is_live)
        with pytest.raises(NotFound):
            await pbx.reject(one.id, "101")


async def test_my_own_phone_that_rings_for_a_click_can_be_declined(office: Office) -> None:
    async with on_lab(office) as (pbx, listener):
        office.phone("101").rings()
        call_id = await pbx.click_to_call(ClickToCall(request_id="r-9", extension="101", number="79161112233"))
        await ringing(listener, "101")
        await pbx.reject(call_id, "101")
        (call,) = await listener.ended()
        assert call.answered_at is None
        assert not office.carrier.was_called
