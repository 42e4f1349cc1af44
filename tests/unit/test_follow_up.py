"""What should be done after each step of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.call import Call, Direction, Disposition, Failure, Leg, LegKind, LegResult, Origin, Via
from integration.domain.calls.follow_up import follow_up, ringing_extensions
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.tracking import Change
from integration.domain.ids import AccountId, CallId, Extension, LegId, ManagerId, PbxId, Timestamp
from integration.domain.settings import AccountSettings, CardMoment, Employee, LineSettings

NOW = Timestamp(1_760_000_010.0)
SETTINGS = AccountSettings(
    account=AccountId("acme"),
    employees=(Employee(extension=Extension("101"), manager=ManagerId("7")),),
)


def leg(target: str) -> Leg:
    return Leg(id=LegId(target), target=target, kind=LegKind.EXTENSION, via=Via.DIRECT, offered_at=NOW)


RINGING = Call(
    id=CallId("pbx:1.0"),
    account=AccountId("acme"),
    pbx=PbxId("pbx"),
    native_id="1.0",
    direction=Direction.INBOUND,
    caller="79161234567",
    called="74950000001",
    started_at=Timestamp(NOW - 3),
    legs=(leg("101"), leg("102")),
)
MISSED = replace(RINGING, ended_at=NOW, disposition=Disposition.MISSED)
ANSWERED = replace(RINGING, ended_at=NOW, answered_at=NOW, disposition=Disposition.ANSWERED, recordings=("a.wav",))
RANG = frozenset({Change.RINGING})
ENDED = frozenset({Change.ENDED})


def kinds(call: Call, changes: frozenset[Change], settings: AccountSettings = SETTINGS) -> list[str]:
    return [intent.key for intent in follow_up(call, changes, settings, NOW)]


def line(settings: LineSettings) -> AccountSettings:
    return replace(SETTINGS, default_line=settings)


def test_each_ringing_phone_is_told_of_once() -> None:
    assert kinds(RINGING, RANG) == ["notify_crm:101", "notify_crm:102"]


def test_a_popup_is_worthless_after_three_seconds() -> None:
    [first, _] = follow_up(RINGING, RANG, SETTINGS, NOW)
    assert first.expires_at == NOW + 3


def test_an_answered_call_is_fetched_then_logged() -> None:
    assert kinds(ANSWERED, ENDED) == [IntentKind.FETCH_RECORDING, IntentKind.LOG_CALL]


def test_a_missed_call_is_logged_then_followed_by_a_task() -> None:
    assert kinds(MISSED, ENDED) == [IntentKind.LOG_CALL, IntentKind.CREATE_TASK]


@pytest.mark.parametrize(
    ("call", "changes", "settings", "why"),
    [
        (MISSED, ENDED, line(LineSettings(process=False)), "the line is not processed"),
        (MISSED, ENDED, replace(SETTINGS, enabled=False), "the integration is switched off"),
        (replace(MISSED, caller="anonymous"), ENDED, SETTINGS, "there is no number to log it under"),
        (replace(MISSED, direction=Direction.INTERNAL, caller="101"), ENDED, SETTINGS, "colleagues are no clients"),
        (replace(MISSED, merged_into=CallId("pbx:0.9")), ENDED, SETTINGS, "it is part of another call"),
        (RINGING, RANG, line(LineSettings(card=CardMoment.NEVER)), "no card on this line"),
        (RINGING, RANG, line(LineSettings(card=CardMoment.ANSWER)), "the card comes at the answer"),
        (replace(RINGING, direction=Direction.OUTBOUND), RANG, SETTINGS, "who calls needs no popup"),
        (RINGING, frozenset({Change.HELD}), SETTINGS, "nothing follows from a hold"),
    ],
)
def test_nothing_follows(call: Call, changes: frozenset[Change], settings: AccountSettings, why: str) -> None:
    assert kinds(call, changes, settings) == [], why


def test_no_task_where_the_line_wants_none() -> None:
    assert kinds(MISSED, ENDED, line(LineSettings(missed_task=False))) == [IntentKind.LOG_CALL]


def test_the_card_at_the_answer_is_for_who_answered() -> None:
    talking = replace(RINGING, answered_at=NOW, answered_by="102")
    settings = line(LineSettings(card=CardMoment.ANSWER))
    assert kinds(talking, frozenset({Change.ANSWERED}), settings) == ["notify_crm:102"]


def test_a_phone_that_answered_does_not_ring() -> None:
    assert ringing_extensions(replace(RINGING, legs=(replace(leg("101"), answered_at=NOW), leg("102")))) == ("102",)


CLICK = replace(
    RINGING,
    direction=Direction.OUTBOUND,
    caller="101",
    called="79161234567",
    origin=Origin(kind="click"),
    legs=(replace(leg("101"), via=Via.CLICK),),
    ended_at=NOW,
)


def click_leg(result: LegResult) -> Leg:
    return replace(leg("101"), via=Via.CLICK, result=result, answered_at=NOW if result is LegResult.ANSWERED else None)


@pytest.mark.parametrize(
    ("result", "failure"),
    [
        (LegResult.NOANSWER, Failure.AGENT_NOANSWER),
        (LegResult.BUSY, Failure.AGENT_BUSY),
        (LegResult.REJECTED, Failure.AGENT_REJECTED),
        (LegResult.CANCELLED, Failure.AGENT_CANCELLED),
        (LegResult.UNAVAILABLE, Failure.AGENT_UNAVAILABLE),
        (LegResult.FAILED, Failure.AGENT_FAILED),
    ],
)
def test_a_click_that_never_dialled_the_client_is_not_in_the_clients_feed(result: LegResult, failure: Failure) -> None:
    click = replace(CLICK, legs=(click_leg(result),), disposition=Disposition.FAILED)
    recovered = replace(click, seen_from_start=False, recovered=True)
    assert (click.failure, kinds(click, ENDED)) == (failure, [])
    assert (recovered.failure, kinds(recovered, ENDED)) == (failure, [])


@pytest.mark.parametrize(
    "call",
    [
        replace(CLICK, origin=None),
        replace(CLICK, ended_at=None),
        replace(CLICK, end_inferred=True),
        replace(CLICK, seen_from_start=False, legs=()),
        replace(CLICK, legs=(click_leg(LegResult.ANSWERED),)),
        replace(CLICK, legs=(click_leg(LegResult.NOANSWER), replace(leg("7916"), kind=LegKind.EXTERNAL))),
        replace(CLICK, answered_at=NOW),
    ],
    ids=["no click", "live", "end in a gap", "found later", "picked up", "client dialled", "answered"],
)
def test_only_a_click_that_is_known_whole_is_known_not_to_have_dialled(call: Call) -> None:
    assert call.failure is None


def test_a_phone_that_sends_the_click_on_is_still_the_employees() -> None:
    forwarded = replace(leg("79031112233"), kind=LegKind.EXTERNAL, via=Via.FORWARD, result=LegResult.BUSY)
    click = replace(CLICK, legs=(click_leg(LegResult.FORWARDED), forwarded))
    assert click.failure is Failure.AGENT_BUSY
