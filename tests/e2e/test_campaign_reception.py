"""A campaign's client who has answered before an employee is on the line: a real Asterisk, real SIP phones."""

from __future__ import annotations

import array
import asyncio
import contextlib
import io
import math
import time
import wave
from collections import Counter
from dataclasses import replace

import pytest

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.events import ClientWaiting
from integration.domain.calls.received import Answerer, Received
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.needs import CampaignNeeds
from integration.domain.campaigns.outcomes import outcome_of
from integration.domain.campaigns.reception import (
    Key,
    KeyMeaning,
    MachineAction,
    MachineCheck,
    Reception,
    VoiceMessage,
)
from integration.domain.ids import CallId
from integration.errors import NotFound, Rejected
from integration.ports.pbx import CampaignCall, FirstLeg
from pbx_adapter.asterisk import AsteriskPbx
from tests.adapters.asterisk_kit import Listener
from tests.e2e.test_asterisk_adapter import both, on_lab
from tests.lab.fixtures import OpenOffice
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = pytest.mark.lab
CLIENT, COMPANY = "79161112233", "74950000777"
AS_IS = {"originate_context": "as-is"}  # a dialplan that shows the carrier who calls
ANNOUNCEMENT_TONE, MESSAGE_TONE = 1200, 1600
HELLO = (0.4,)  # a word, then silence
MACHINE = (2.0, 0.2, 2.0, 0.2, 1.5)  # speaks on and on


def tone(hertz: int, seconds: float) -> bytes:
    samples = array.array("h", (int(8000 * math.sin(math.tau * hertz * i / 8000)) for i in range(int(8000 * seconds))))
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples.tobytes())
    return target.getvalue()


def attempt(reception: Reception, name: str = "attempt-1") -> CampaignCall:
    return CampaignCall(
        attempt=name,
        number=f"+{CLIENT}",
        extension="",
        first=FirstLeg.CLIENT,
        ring_seconds=25,
        caller_id=COMPANY,
        reception=reception,
    )


def received(listener: Listener, call: CallId) -> Received:
    known = listener.calls.get(call)
    return (known.received if known is not None else None) or Received()


def waits_of(listener: Listener) -> int:
    return sum(isinstance(event, ClientWaiting) for event in listener.events)


@both
async def test_a_waiting_client_is_handed_to_an_employee_within_two_seconds(
    open_office: OpenOffice, major: int
) -> None:
    """Nobody's phone rings before; the employee sees the client, whose phone saw the campaign's number."""
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.phone("102").answers()
        office.carrier.answers(after_seconds=0.2)
        call = await pbx.dial(attempt(Reception(wait_seconds=5)))
        client = await office.carrier.incoming()
        assert (client.other, client.called) == (COMPANY, CLIENT)
        await listener.until(lambda: received(listener, call).waits_since)
        assert not office.phone("102").was_called
        await pbx.hand_over(call, "102", ring_seconds=10, answers_itself=True)
        employee = await office.phone("102").incoming()
        assert employee.other == CLIENT
        assert employee.header("Call-Info") == "<sip:dozvon>;answer-after=0"
        assert "alert-autoanswer" in employee.header("Alert-Info")
        await listener.until(lambda: listener.calls[call].answered_at)
        await until(lambda: employee.media.hears(office.carrier.tone) and client.media.hears(office.phone("102").tone))
        with pytest.raises(NotFound):
            await pbx.hand_over(call, "103", ring_seconds=10)
        await asyncio.sleep(3.2)  # the talk itself: shorter ones count as silent
        await client.hang_up()
        (ended,) = await listener.ended()
        assert (ended.direction, ended.caller, ended.called) == (Direction.OUTBOUND, "102", CLIENT)
        assert (ended.disposition, ended.final_responsible) == (Disposition.ANSWERED, "102")
        came = outcome_of(ended)
        assert came.outcome is Outcome.TALKED
        assert came.answered_at is not None
        assert came.connected_at is not None
        assert came.connected_at - came.answered_at < 2.0


@both
async def test_a_client_whom_nobody_takes_hears_why_and_is_released(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.answers()
        announcement = await pbx.place_sound(tone(ANNOUNCEMENT_TONE, 1.5))
        assert await pbx.place_sound(tone(ANNOUNCEMENT_TONE, 1.5)) == announcement
        began = time.monotonic()
        await pbx.dial(attempt(Reception(wait_seconds=2, announcement=announcement)))
        client = await office.carrier.incoming()
        await until(lambda: client.media.hears(ANNOUNCEMENT_TONE))
        assert time.monotonic() - began > 1.0, "first the client waits for an employee"
        (ended,) = await listener.ended()
        assert ended.received is not None
        assert ended.received.turned_away_at is not None
        assert outcome_of(ended).outcome is Outcome.ABANDONED
        with pytest.raises(NotFound):
            await pbx.hand_over(ended.id, "102", ring_seconds=10)


@both
@pytest.mark.parametrize("why", ["a phone that nobody takes", "a hand-over at the last moment"])
async def test_nobody_waits_longer_for_an_employee_s_phone_than_for_an_employee(
    open_office: OpenOffice, major: int, why: str
) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        if why == "a phone that nobody takes":
            office.phone("102").rings()
        else:
            office.phone("102").answers()
        office.carrier.answers()
        announcement = await pbx.place_sound(tone(ANNOUNCEMENT_TONE, 3.0))
        call = await pbx.dial(attempt(Reception(wait_seconds=2, announcement=announcement)))
        client = await office.carrier.incoming()
        await listener.until(lambda: received(listener, call).waits_since)
        await asyncio.sleep(0.2 if why == "a phone that nobody takes" else 1.85)
        with contextlib.suppress(NotFound):  # told so a moment ago
            await pbx.hand_over(call, "102", ring_seconds=10, answers_itself=True)
        await listener.until(lambda: received(listener, call).turned_away_at, timeout_seconds=8.0)
        await until(lambda: client.media.hears(ANNOUNCEMENT_TONE))
        (ended,) = await listener.ended()
        assert (outcome_of(ended).outcome, ended.answered_at) == (Outcome.ABANDONED, None)


@both
async def test_the_next_employee_gets_the_client_if_the_first_one_s_phone_declines(
    open_office: OpenOffice, major: int
) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.phone("101").rejects(486)
        office.phone("102").answers()
        office.carrier.answers()
        call = await pbx.dial(attempt(Reception(wait_seconds=8)))
        await listener.until(lambda: waits_of(listener) == 1)
        await pbx.hand_over(call, "101", ring_seconds=10)
        await listener.until(lambda: waits_of(listener) == 2)
        await pbx.hand_over(call, "102", ring_seconds=10)
        await listener.until(lambda: listener.calls[call].answered_at)
        await pbx.hang_up(call)
        (ended,) = await listener.ended()
        assert ended.final_responsible == "102"


@both
@pytest.mark.parametrize(
    ("dial", "target"),
    [("Local/%@internal/n", "102"), ("Local/%@internal/n", "600"), ("Local/%@internal/n", "200")],
    ids=["through a Local channel", "a ring group", "a queue"],
)
async def test_a_client_is_handed_over_as_the_office_dials(
    open_office: OpenOffice, major: int, dial: str, target: str
) -> None:
    """FreePBX rings phones through Local channels; a group and a queue are extensions too. It is one call all the time,
    of the employee who took it."""
    office = await open_office(major)
    await office.asterisk.cli(f"dialplan set global DOZVON_DIAL {dial}")
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.phone("102").answers(after_seconds=0.2)
        office.carrier.answers()
        call = await pbx.dial(attempt(Reception(wait_seconds=5)))
        client = await office.carrier.incoming()
        await listener.until(lambda: received(listener, call).waits_since)
        await pbx.hand_over(call, target, ring_seconds=15)
        await listener.until(lambda: listener.calls[call].answered_at)
        employee = await office.phone("102").incoming()
        await until(lambda: employee.media.hears(office.carrier.tone) and client.media.hears(office.phone("102").tone))
        await asyncio.sleep(3.2)
        await client.hang_up()
        (ended,) = await listener.ended()
        assert (_people(ended), ended.final_responsible) == (("102", CLIENT), "102")
        assert (ended.direction, outcome_of(ended).outcome) == (Direction.OUTBOUND, Outcome.TALKED)


@both
async def test_a_client_who_leaves_before_two_seconds_is_not_abandoned(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.answers()
        call = await pbx.dial(attempt(Reception(wait_seconds=10)))
        client = await office.carrier.incoming()
        await listener.until(lambda: received(listener, call).waits_since)
        await client.hang_up()
        (ended,) = await listener.ended()
        assert outcome_of(ended).outcome is Outcome.CLIENT_LEFT


@both
@pytest.mark.parametrize(
    ("says", "wanted"), [(HELLO, Answerer.PERSON), (MACHINE, Answerer.MACHINE)], ids=["person", "machine"]
)
async def test_who_answers_is_judged_by_the_first_words(
    open_office: OpenOffice, major: int, says: tuple[float, ...], wanted: Answerer
) -> None:
    """A person waits for an employee; a machine is hung up on."""
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.answers(saying=says)
        call = await pbx.dial(attempt(Reception(wait_seconds=1, check=MachineCheck())))
        (ended,) = await listener.ended(timeout_seconds=15.0)
        met = received(listener, call)
        assert (met.answerer, bool(met.answerer_cause)) == (wanted, True)
        is_machine = wanted is Answerer.MACHINE
        assert (met.waits_since is None) is is_machine
        assert outcome_of(ended).outcome is (Outcome.MACHINE if is_machine else Outcome.ABANDONED)


@both
async def test_a_message_is_left_when_the_machine_has_said_its_own(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.answers(saying=MACHINE)
        message = await pbx.place_sound(tone(MESSAGE_TONE, 2.0))
        check = MachineCheck(then=MachineAction.LEAVE_MESSAGE, message=message)
        call = await pbx.dial(attempt(Reception(check=check)))
        client = await office.carrier.incoming()
        await until(lambda: client.media.hears(MESSAGE_TONE), timeout_seconds=20.0)
        (ended,) = await listener.ended(timeout_seconds=20.0)
        assert received(listener, call).left_message
        assert outcome_of(ended).outcome is Outcome.MACHINE


def voice(sound: str, **changes: object) -> Reception:
    keys = (
        Key(key="1", meaning=KeyMeaning.HAND_OVER, extension="102"),
        Key(key="2", meaning=KeyMeaning.REPEAT),
        Key(key="9", meaning=KeyMeaning.DO_NOT_CALL),
    )
    return Reception(message=VoiceMessage(**{"sound": sound, "keys": keys, "key_seconds": 2, **changes}))  # type: ignore[arg-type]


@both
async def test_a_key_in_a_message_leads_to_an_employee(open_office: OpenOffice, major: int) -> None:
    """Pressed while the message plays; the key to repeat before it plays the message again."""
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.answers(saying=HELLO)
        office.phone("102").answers()
        call = await pbx.dial(attempt(voice(await pbx.place_sound(tone(MESSAGE_TONE, 4.0)))))
        client = await office.carrier.incoming()
        await until(lambda: client.media.hears(MESSAGE_TONE))
        await client.dial_digits("2")
        await listener.until(lambda: received(listener, call).keys == "2")
        client.media.forget()
        await until(lambda: client.media.hears(MESSAGE_TONE))
        await client.dial_digits("1")
        await office.phone("102").incoming()
        await listener.until(lambda: listener.calls[call].answered_at)
        await asyncio.sleep(3.2)
        await client.hang_up()
        (ended,) = await listener.ended()
        assert received(listener, call).keys == "21"
        assert outcome_of(ended).outcome is Outcome.TALKED


@both
@pytest.mark.parametrize(("pressed", "is_whole"), [("", True), ("9", False), ("5*", True)])
async def test_a_message_that_is_heard(open_office: OpenOffice, major: int, pressed: str, is_whole: bool) -> None:
    """To its end, or until the client asks for no more calls; other keys do nothing."""
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.answers(saying=HELLO)
        rounds = 1 + len(pressed.removesuffix("9"))
        reception = voice(await pbx.place_sound(tone(MESSAGE_TONE, 1.5)), rounds=rounds)
        call = await pbx.dial(attempt(reception))
        client = await office.carrier.incoming()
        for key in pressed:
            client.media.forget()
            await until(lambda: client.media.hears(MESSAGE_TONE))
            await client.dial_digits(key)
        (ended,) = await listener.ended(timeout_seconds=20.0)
        met = received(listener, call)
        assert (met.message_whole, met.keys) == (is_whole, pressed.removesuffix("*"))
        assert outcome_of(ended).outcome is Outcome.PLAYED


@both
async def test_what_a_client_met_while_the_link_was_lost_is_told_once(open_office: OpenOffice, major: int) -> None:
    """A Dozvon that starts anew finds the waiting client, and may hand them over."""
    office = await open_office(major)
    office.carrier.answers()
    office.phone("102").answers()
    async with on_lab(office, **AS_IS) as (pbx, listener):
        call = await pbx.dial(attempt(Reception(wait_seconds=30)))
        await listener.until(lambda: received(listener, call).waits_since)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        await listener.until(lambda: received(listener, call).waits_since)
        assert waits_of(listener) == 1
        await pbx.hand_over(call, "102", ring_seconds=10)
        await listener.until(lambda: listener.calls[call].answered_at)
        await pbx.hang_up(call)
        (ended,) = await listener.ended()
        assert _people(ended) == ("102", CLIENT)


@both
async def test_after_a_restart_it_is_known_when_the_client_has_answered(open_office: OpenOffice, major: int) -> None:
    """Who rang for three seconds, answered, and gets somebody half a second later is not abandoned."""
    office = await open_office(major)
    office.carrier.rings()
    office.phone("102").answers()
    async with on_lab(office, **AS_IS) as (pbx, listener):
        call = await pbx.dial(attempt(Reception(wait_seconds=30)))
        client = await office.carrier.incoming()
        await listener.until(lambda: call in listener.calls and listener.calls[call].legs)
    await asyncio.sleep(2.5)
    await client.answer()
    await asyncio.sleep(0.3)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        await listener.until(lambda: received(listener, call).waits_since)
        await pbx.hand_over(call, "102", ring_seconds=10, answers_itself=True)
        await listener.until(lambda: listener.calls[call].answered_at)
        waited = office.clock() - client.at["answer"]
        await pbx.hang_up(call)
        (ended,) = await listener.ended()
        came = outcome_of(ended)
        assert came.answered_at is not None
        assert came.connected_at is not None
        assert came.connected_at - came.answered_at == pytest.approx(waited, abs=0.3)


@both
async def test_a_client_who_still_rings_after_a_restart_is_the_client_and_no_employee(
    open_office: OpenOffice, major: int
) -> None:
    """Taken for an employee's phone, a client who did not answer would be dialled once more at once."""
    office = await open_office(major)
    office.carrier.rings()
    async with on_lab(office, **AS_IS) as (pbx, listener):
        call = await pbx.dial(attempt(Reception(wait_seconds=30)))
        await (await office.carrier.incoming()).ringing.wait()
        await listener.until(lambda: call in listener.calls and listener.calls[call].legs)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        await listener.until(lambda: call in listener.calls and listener.calls[call].legs)
        await pbx.hang_up(call)
        (ended,) = await listener.ended()
        assert (ended.direction, ended.failure, _people(ended)) == (Direction.OUTBOUND, None, ("", CLIENT))
        assert outcome_of(ended, ring_seconds=0).outcome is Outcome.NO_ANSWER


@both
async def test_who_rang_during_a_restart_answers_and_gets_nobody_is_abandoned(
    open_office: OpenOffice, major: int
) -> None:
    """Taken for one who declined, the client would be counted nowhere, and nobody would call them back."""
    office = await open_office(major)
    office.carrier.rings()
    async with on_lab(office, **AS_IS) as (pbx, listener):
        call = await pbx.dial(attempt(Reception(wait_seconds=1)))
        client = await office.carrier.incoming()
        await client.ringing.wait()
        await listener.until(lambda: call in listener.calls and listener.calls[call].legs)
    async with on_lab(office, **AS_IS) as (_, listener):
        await listener.until(lambda: call in listener.calls and listener.calls[call].legs)
        await client.answer()
        (ended,) = await listener.ended()
        assert outcome_of(ended).outcome is Outcome.ABANDONED
        assert _people(ended) == ("", CLIENT)


def _people(call: Call) -> tuple[str, str]:
    return call.caller, call.called


async def test_only_a_client_who_is_rung_first_and_waits_is_received(open_office: OpenOffice) -> None:
    office = await open_office(22)
    async with on_lab(office, **AS_IS) as (pbx, _):
        with pytest.raises(Rejected) as refused:
            await pbx.dial(replace(attempt(Reception()), first=FirstLeg.EMPLOYEE, extension="102"))
        assert refused.value.code == "bad_reception"
        for call in ("office:dozvon-never-dialled", "office:1796000001.5", "other-pbx:dozvon-attempt-1"):
            with pytest.raises(NotFound):
                await pbx.hand_over(CallId(call), "102", ring_seconds=5)
        assert not office.carrier.was_called
        assert not office.phone("102").was_called


async def test_an_older_include_on_the_pbx_is_refused_before_anybody_rings(open_office: OpenOffice) -> None:
    office = await open_office(22, fastagi_port=None)
    async with on_lab(office, **AS_IS) as (pbx, _):
        with pytest.raises(Rejected) as refused:
            await pbx.dial(attempt(Reception()))
        assert refused.value.code == "no_campaign_context"
        assert not office.carrier.was_called


PEOPLE, NOBODY_FREE, BUSY, RING_OUT, MACHINES = 4, 2, 3, 3, 2
WANTED = {
    Outcome.TALKED: PEOPLE,
    Outcome.ABANDONED: NOBODY_FREE,
    Outcome.BUSY: BUSY,
    Outcome.NO_ANSWER: RING_OUT,
    Outcome.MACHINE: MACHINES,
}


async def behaves(call: SipCall) -> None:
    """A client, by the last digit of the number: 5 busy, 6 does not answer, 7 is a machine, others pick up."""
    match call.called[-1]:
        case "5":
            call.reject()
        case "6":
            call.ring()
        case "7":
            call.media.say(*MACHINE)
            await call.answer()
        case _:
            call.ring()
            await asyncio.sleep(0.2)
            await call.answer()


@both
async def test_a_burst_of_clients_of_every_kind_has_each_its_own_result(open_office: OpenOffice, major: int) -> None:
    """All at once: four employees get the first four who wait, within two seconds; the next two hear that nobody is
    free; the carrier's busy ones, silent ones and machines are told apart."""
    office = await open_office(major)
    async with on_lab(office, **AS_IS) as (pbx, listener):
        office.carrier.does(behaves)
        for extension in ("101", "102", "103", "104"):
            office.phone(extension).answers()
        sorry = await pbx.place_sound(tone(ANNOUNCEMENT_TONE, 1.0))
        kinds = "0" * (PEOPLE + NOBODY_FREE) + "5" * BUSY + "6" * RING_OUT + "7" * MACHINES
        clients = [f"79161112{place:02}{kind}" for place, kind in enumerate(kinds)]

        def of(place: int, number: str) -> CampaignCall:
            check = MachineCheck() if number[-1] == "7" else None
            reception = Reception(wait_seconds=4, announcement=sorry, check=check)
            # A carrier on a busy machine answers late.
            return replace(attempt(reception, f"burst-{place}"), number=number, ring_seconds=12)

        calls = await asyncio.gather(*(pbx.dial(of(place, number)) for place, number in enumerate(clients)))
        free, handed = ["101", "102", "103", "104"], set[CallId]()

        def waiting() -> list[CallId]:
            return [call for call in calls if call not in handed and received(listener, call).waits_since]

        while free:
            await listener.until(waiting)
            for call in waiting()[: len(free)]:
                handed.add(call)
                await pbx.hand_over(call, free.pop(0), ring_seconds=5, answers_itself=True)
        await listener.until(lambda: all(listener.calls[call].answered_at for call in handed))
        await asyncio.sleep(3.2)
        await asyncio.gather(*(pbx.hang_up(call) for call in handed))
        ended = await listener.ended(len(clients), timeout_seconds=30.0)
        assert Counter(outcome_of(call).outcome for call in ended) == WANTED
        assert {call.final_responsible for call in ended if call.id in handed} == {"101", "102", "103", "104"}
        assert sorted(call.called for call in ended) == sorted(clients)


@both
async def test_the_doctor_says_what_campaigns_lack(open_office: OpenOffice, major: int) -> None:
    office = await open_office(major)
    async with on_lab(office) as (pbx, _):
        assert await campaign_findings(pbx) == ["campaigns_ready"]
        await office.asterisk.cli("module unload app_amd.so")
        assert await campaign_findings(pbx) == ["no_amd"]
    missing = {"path": f"{office.asterisk.sounds}/missing"}
    async with on_lab(office, sounds=missing) as (pbx, _):
        assert await campaign_findings(pbx) == ["no_amd", "sounds_closed"]
    async with on_lab(office, sounds={}) as (pbx, _):
        assert await campaign_findings(pbx) == ["no_amd", "no_sounds"]


EVERYTHING = CampaignNeeds(sounds=True, machines=True)


async def campaign_findings(pbx: AsteriskPbx) -> list[str]:
    return [found.says.code for found in await pbx.diagnose(needs=EVERYTHING) if found.check == "campaigns"]
