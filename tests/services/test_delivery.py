"""Every call that ended is in the CRM once, in the right place, whatever fails on the way."""

from __future__ import annotations

import io
import wave
from dataclasses import replace

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallEvent, CallStarted, ClientConnected
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import Timestamp
from integration.domain.settings import LogTarget
from integration.errors import AuthFailed, DozvonError, NotFound, OutcomeUnknown, RateLimited, Rejected, Unavailable
from integration.ports.stores import OutboxState
from integration.services.delivery_steps import record_key
from integration.testing import FakeCrm
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    DEAL,
    IVAN,
    STRANGER,
    World,
    answered_call,
    call,
    ended,
    missed_call,
    offered,
    started,
)


def wav(seconds: float = 1.0) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x01\x10" * int(8000 * seconds))
    return out.getvalue()


async def test_an_answered_call_of_a_known_client_is_in_the_contacts_feed_with_its_recording(world: World) -> None:
    world.pbx.files["in.wav"] = wav()
    await world.emit(*answered_call(world.clock.now()))
    await world.deliver()
    [record] = world.crm.notes[IVAN.ref]
    assert record.responsible == ANNA
    assert record.recording_url is not None
    opaque = record.recording_url.removeprefix("https://calls.test/r/").removesuffix(".mp3")
    found = await world.storage.recordings.open(opaque)
    assert found is not None
    assert found[1] > 500
    assert world.crm.logged(record_key(call())) == 1


async def test_a_missed_call_gets_the_one_it_rang_at_and_a_task(world: World) -> None:
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    [record] = world.crm.notes[IVAN.ref]
    assert (record.responsible, record.recording_url) == (ANNA, None)
    [task] = world.crm.tasks
    assert (task.responsible, task.target) == (ANNA, IVAN.ref)
    assert "+79161234567" in task.text


async def test_an_account_may_want_calls_on_the_only_open_deal(world: World) -> None:
    world.account.settings = replace(world.account.settings, log_to=LogTarget.DEAL)
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert [record.key for record in world.crm.notes[DEAL.ref]] == [record_key(call())]


async def test_a_stranger_goes_into_the_inbox_and_gets_no_task(world: World) -> None:
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    await world.deliver()
    assert [record.client.written for record in world.crm.inbox] == ["+79990001122"]
    assert world.crm.tasks == []


async def test_somebody_whom_only_the_crm_knows_is_no_stranger(world: World) -> None:
    await world.storage.phone_book.remove(ACME, [IVAN.ref])
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert world.crm.inbox == []
    assert world.crm.logged(record_key(call())) == 1


@pytest.mark.parametrize("log_to", list(LogTarget))
async def test_the_deal_of_somebody_whom_only_the_crm_knows_is_found(world: World, log_to: LogTarget) -> None:
    world.account.settings = replace(world.account.settings, log_to=log_to)
    await world.storage.phone_book.remove(ACME, [IVAN.ref, DEAL.ref])
    closed = replace(DEAL, ref=EntityRef(EntityKind.DEAL, "8"), is_open=False)
    gone = EntityRef(EntityKind.DEAL, "7")
    world.crm.add(replace(IVAN, deals=(gone, closed.ref, DEAL.ref)), closed)
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    target = DEAL.ref if log_to is LogTarget.DEAL else IVAN.ref
    assert [record.key for record in world.crm.notes[target]] == [record_key(call())]


@pytest.mark.parametrize(
    "failure",
    [
        Unavailable("503"),
        RateLimited("429", retry_after_seconds=30),
        AuthFailed("401"),
        OutcomeUnknown("timeout"),
        NotFound("the entity is gone"),
    ],
)
async def test_a_failure_before_the_write_is_tried_again(world: World, failure: DozvonError) -> None:
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [failure]
    await world.deliver_with_pauses()
    assert world.crm.logged(record_key(call())) == 1
    assert len(world.crm.tasks) == 1


async def test_an_answer_that_was_lost_after_the_write_does_not_write_twice(world: World) -> None:
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_after = [OutcomeUnknown("timeout"), OutcomeUnknown("timeout")]
    await world.deliver_with_pauses()
    assert world.crm.logged(record_key(call())) == 1
    assert len(world.crm.tasks) == 1


async def test_the_inbox_is_looked_through_before_it_is_written_again(world: World) -> None:
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    await world.deliver_with_pauses()
    assert len(world.crm.inbox) == 1


async def test_what_the_crm_refuses_is_a_dead_letter_that_a_person_can_revive(world: World) -> None:
    await world.emit(*missed_call(world.clock.now()))
    world.crm.fail_before = [Rejected("400 created_by: unknown user")]
    await world.deliver_with_pauses()
    [dead] = await world.storage.outbox.listing(ACME, [OutboxState.DEAD])
    assert (dead.key, dead.last_error) == ("log_call", "400 created_by: unknown user")
    assert await world.storage.outbox.revive(ACME, dead.id, now=world.clock.now())
    await world.deliver()
    assert world.crm.logged(record_key(call())) == 1


async def test_a_recording_that_was_never_written_does_not_hold_the_call_up(world: World) -> None:
    await world.emit(*answered_call(world.clock.now()))
    await world.deliver_with_pauses()
    [record] = world.crm.notes[IVAN.ref]
    assert record.recording_url is None


async def test_a_recording_that_cannot_be_reached_is_fetched_after_the_call_was_logged(world: World) -> None:
    world.pbx.files["in.wav"] = wav()
    await world.emit(*answered_call(world.clock.now()))
    world.pbx.fail_next = [Unavailable("the folder is not mounted")] * 12
    await world.deliver_with_pauses()
    [record] = world.crm.notes[IVAN.ref]
    assert record.recording_url is not None
    opaque = record.recording_url.removeprefix("https://calls.test/r/").removesuffix(".mp3")
    assert await world.storage.recordings.open(opaque) is not None
    assert "fetch_recording:late" in await world.in_state(OutboxState.DONE)


async def test_a_file_that_is_no_sound_is_told_and_the_call_logged(world: World) -> None:
    world.pbx.files["in.wav"] = b"RIFF but not really"
    await world.emit(*answered_call(world.clock.now()))
    await world.deliver()
    assert world.crm.notes[IVAN.ref][0].recording_url is None
    result = (await world.storage.outbox.results(ACME, call()))["fetch_recording"]
    assert "no sound" in result["missing"]


async def test_a_ringing_group_is_one_popup_for_those_without_an_open_page(world: World) -> None:
    world.page(BORIS)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"))
    await world.deliver(after=1)
    assert [managers for _, managers in world.crm.rang] == [(ANNA,)]


async def test_a_popup_that_is_late_is_dropped_without_a_dead_letter(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await world.deliver(after=10)
    assert world.crm.rang == []
    assert await world.in_state(OutboxState.EXPIRED) == ["notify_crm:101"]


async def test_nobody_is_asked_to_call_back_a_client_who_was_reached_meanwhile(world: World) -> None:
    now = world.clock.now()
    await world.emit(*missed_call(now))
    await world.emit(*answered_call(now + 20, uniqueid="2.0"))
    await world.deliver_with_pauses()
    assert world.crm.tasks == []


def outgoing_call(at: float, number: str, uniqueid: str) -> list[CallEvent]:
    return [
        CallStarted(
            call=call(uniqueid),
            at=Timestamp(at),
            native_id=uniqueid,
            direction=Direction.OUTBOUND,
            caller="101",
            called=number,
        ),
        ClientConnected(call=call(uniqueid), at=Timestamp(at + 2), person="101", answered_by=number),
        ended(at + 9, uniqueid),
    ]


async def test_a_stranger_who_was_called_and_answered_becomes_one_contact(world: World) -> None:
    now = world.clock.now()
    await world.emit(*outgoing_call(now, STRANGER, "1.0"), *outgoing_call(now + 10, STRANGER, "2.0"))
    await world.deliver()
    [contact] = [p for p in world.crm.persons.values() if "+79990001122" in p.phones]
    assert (contact.responsible, len(world.crm.notes[contact.ref])) == (ANNA, 2)


async def test_a_lost_answer_makes_no_second_contact_of_a_stranger(world: World) -> None:
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    await world.emit(*outgoing_call(world.clock.now(), STRANGER, "1.0"))
    await world.deliver_with_pauses()
    [contact] = [p for p in world.crm.persons.values() if "+79990001122" in p.phones]
    assert [record.key for record in world.crm.notes[contact.ref]] == [record_key(call())]


async def test_a_defect_of_ours_is_a_dead_letter_and_not_a_stopped_lane(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(FakeCrm, "log_call", broken)
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert await world.in_state(OutboxState.DEAD) == ["log_call"]


async def test_the_decision_is_kept_with_its_reasons(world: World) -> None:
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    result = (await world.storage.outbox.results(ACME, call()))["log_call"]
    assert result["entity"] == {"kind": EntityKind.CONTACT, "id": "55"}
    assert result["reasons"]


def test_the_key_of_a_call_is_short_ascii() -> None:
    assert record_key(call("1.0")) == "acme-pbx:1.0"
    assert len(record_key(call("x" * 200))) <= 64
    assert record_key(call("звонок")).isascii()
