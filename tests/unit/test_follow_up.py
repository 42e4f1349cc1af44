"""What should be done after each step of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.call import Call, Direction, Disposition, Leg, LegKind
from integration.domain.follow_up import follow_up, ringing_extensions
from integration.domain.ids import AccountId, CallId, Extension, LegId, ManagerId, PbxId, Timestamp
from integration.domain.intents import IntentKind
from integration.domain.settings import AccountSettings, CardMoment, Employee, LineSettings
from integration.domain.tracking import Change

NOW = Timestamp(1_760_000_010.0)
SETTINGS = AccountSettings(
    account=AccountId("acme"),
    employees=(Employee(extension=Extension("101"), manager=ManagerId("7")),),
)


def leg(target: str) -> Leg:
    return Leg(id=LegId(target), target=target, kind=LegKind.EXTENSION, via="direct", offered_at=NOW)


RINGING = Call(
    id=CallId("pbx:1.0"),
    account=AccountId("acme"),
    pbx=PbxId("pbx"),
    uniqueid="1.0",
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
