"""What came of an attempt, by the legs of its call. The causes are those that the lab's Asterisk reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import (
    Call,
    Direction,
    Disposition,
    HangupBy,
    Leg,
    LegKind,
    LegResult,
    Origin,
    Via,
)
from integration.domain.calls.received import Answerer, Received
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.outcomes import Came, outcome_of
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

T0 = 1000.0


def leg(target: str = "79161112233", **changes: Any) -> Leg:
    kind = LegKind.EXTERNAL if len(target) > 5 else LegKind.EXTENSION
    values: dict[str, Any] = {"id": LegId(target), "target": target, "kind": kind, "via": Via.DIRECT}
    return Leg(**{**values, "offered_at": Timestamp(T0), **changes})


def call(*legs: Leg, **changes: Any) -> Call:
    values: dict[str, Any] = {
        "id": CallId("pbx:dozvon-a"), "account": AccountId("acme"), "pbx": PbxId("pbx"), "native_id": "dozvon-a",
        "direction": Direction.OUTBOUND, "caller": "102", "called": "79161112233", "started_at": Timestamp(T0),
        "ended_at": Timestamp(T0 + 60), "disposition": Disposition.FAILED,
    }  # fmt: skip
    return Call(legs=legs, **{**values, **changes})


@pytest.mark.parametrize(
    ("result", "cause", "rang", "wanted"),
    [
        (LegResult.BUSY, 17, False, Outcome.BUSY),  # 486
        (LegResult.REJECTED, 21, True, Outcome.REFUSED),  # 603
        (LegResult.FAILED, 19, False, Outcome.UNREACHABLE),  # 480 without a ring
        (LegResult.FAILED, 19, True, Outcome.NO_ANSWER),  # 480 after it
        (LegResult.NOANSWER, 19, True, Outcome.NO_ANSWER),  # our ring time
        (LegResult.FAILED, 18, False, Outcome.UNREACHABLE),  # 408
        (LegResult.FAILED, 1, False, Outcome.NO_SUCH_NUMBER),  # 404
        (LegResult.FAILED, 28, False, Outcome.NO_SUCH_NUMBER),  # 484
        (LegResult.FAILED, 34, False, Outcome.TRUNK_FAILED),  # 503
        (LegResult.FAILED, 57, False, Outcome.FORBIDDEN),
        (LegResult.CANCELLED, None, True, Outcome.CANCELLED),
        (None, None, True, Outcome.NO_ANSWER),
    ],
)
def test_an_unanswered_call_by_its_cause(
    result: LegResult | None, cause: int | None, rang: bool, wanted: Outcome
) -> None:
    client = leg(result=result, cause=cause, ringing_at=Timestamp(T0 + 1) if rang else None)
    came = outcome_of(call(client))
    assert (came.outcome, came.cause, came.answered_at) == (wanted, cause, None)


@pytest.mark.parametrize(("rang", "wanted"), [(24.0, Outcome.CANCELLED), (25.0, Outcome.NO_ANSWER)])
def test_a_call_that_we_end_after_its_ring_time_was_not_answered(rang: float, wanted: Outcome) -> None:
    client = leg(result=LegResult.CANCELLED, ringing_at=Timestamp(T0 + 1), ended_at=Timestamp(T0 + rang))
    assert outcome_of(call(client), ring_seconds=25).outcome is wanted


@pytest.mark.parametrize(
    ("employee_after", "ended_after", "by", "wanted"),
    [
        (0.5, 60.0, HangupBy.CALLEE, Outcome.TALKED),
        (0.5, 2.0, HangupBy.CALLEE, Outcome.SILENT),
        (2.5, 60.0, HangupBy.CALLEE, Outcome.ABANDONED),  # came too late
        (None, 1.0, HangupBy.CALLEE, Outcome.CLIENT_LEFT),
        (None, 5.0, HangupBy.CALLEE, Outcome.ABANDONED),
        (None, 1.0, HangupBy.SYSTEM, Outcome.ABANDONED),  # we ended it
    ],
)
def test_an_answered_client_by_who_came_and_when(
    employee_after: float | None, ended_after: float, by: HangupBy, wanted: Outcome
) -> None:
    legs = [leg(answered_at=Timestamp(T0 + 10), result=LegResult.ANSWERED)]
    if employee_after is not None:
        legs.append(leg("102", answered_at=Timestamp(T0 + 10 + employee_after)))
    came = outcome_of(call(*legs, ended_at=Timestamp(T0 + 10 + ended_after), hangup_by=by))
    assert came.outcome is wanted
    assert came.answered_at == T0 + 10
    assert came.connected_at == (None if employee_after is None else T0 + 10 + employee_after)


@pytest.mark.parametrize(
    ("met", "employee_after", "ended_after", "wanted"),
    [
        (Received(answerer=Answerer.MACHINE), None, 4.0, Outcome.MACHINE),
        (Received(answerer=Answerer.MACHINE, left_message=True), None, 30.0, Outcome.MACHINE),
        # The office lets machines through: then what followed counts.
        (Received(answerer=Answerer.MACHINE, waits_since=Timestamp(T0 + 13)), None, 9.0, Outcome.ABANDONED),
        (Received(answerer=Answerer.NOT_SURE, waits_since=Timestamp(T0 + 10)), 1.5, 60.0, Outcome.TALKED),
        (Received(waits_since=Timestamp(T0 + 10)), None, 1.0, Outcome.CLIENT_LEFT),
        (Received(waits_since=Timestamp(T0 + 10), turned_away_at=Timestamp(T0 + 11)), None, 1.5, Outcome.ABANDONED),
        (Received(message_at=Timestamp(T0 + 10)), None, 2.0, Outcome.SILENT),
        (Received(message_at=Timestamp(T0 + 10)), None, 4.0, Outcome.PLAYED),
        (Received(message_at=Timestamp(T0 + 10), message_whole=True), None, 2.5, Outcome.PLAYED),
        (Received(message_at=Timestamp(T0 + 10), keys="9"), None, 2.0, Outcome.PLAYED),
        (Received(message_at=Timestamp(T0 + 10), keys="1"), 12.0, 60.0, Outcome.TALKED),
        (
            Received(message_at=Timestamp(T0 + 10), keys="1", turned_away_at=Timestamp(T0 + 30)),
            None,
            25.0,
            Outcome.ABANDONED,
        ),
    ],
)
def test_an_answered_client_by_what_they_met(
    met: Received, employee_after: float | None, ended_after: float, wanted: Outcome
) -> None:
    legs = [leg(answered_at=Timestamp(T0 + 10), result=LegResult.ANSWERED)]
    if employee_after is not None:
        legs.append(leg("102", answered_at=Timestamp(T0 + 10 + employee_after)))
    ended = call(*legs, ended_at=Timestamp(T0 + 10 + ended_after), hangup_by=HangupBy.CALLEE, received=met)
    assert outcome_of(ended).outcome is wanted


def test_with_the_employee_first_an_answer_is_a_talk_at_once() -> None:
    client, click = leg(answered_at=Timestamp(T0 + 10)), Origin(kind="click")
    for seen in (
        call(leg("102", via=Via.CLICK, answered_at=Timestamp(T0 + 3)), client, origin=click),
        call(leg("102", via=Via.CLICK), client, origin=click),
        call(client, origin=click, seen_from_start=False),
    ):
        came = outcome_of(seen)
        assert (came.outcome, came.connected_at) == (Outcome.TALKED, T0 + 10)


def test_with_the_client_first_an_answer_that_no_employee_takes_is_no_talk() -> None:
    """Attempts of both forms have an origin of ours."""
    legs = leg(answered_at=Timestamp(T0 + 10)), leg("102", result=LegResult.NOANSWER)
    came = outcome_of(call(*legs, origin=Origin(kind="click", request_id="dozvon-a"), hangup_by=HangupBy.SYSTEM))
    assert (came.outcome, came.connected_at) == (Outcome.ABANDONED, None)


def test_the_attempt_knows_whose_phone_rang_first() -> None:
    """After a login in the middle of it nothing of the employee's leg may be known."""
    seen = call(leg(answered_at=Timestamp(T0 + 10)), ended_at=Timestamp(T0 + 12), origin=Origin(kind="click"))
    cut = replace(seen, hangup_by=HangupBy.SYSTEM, end_inferred=True)
    assert outcome_of(cut, employee_first=True) == Came(
        outcome=Outcome.SILENT, answered_at=Timestamp(T0 + 10), connected_at=Timestamp(T0 + 10)
    )
    assert outcome_of(cut, employee_first=False).outcome is Outcome.ABANDONED


@pytest.mark.parametrize("legs", [(), (leg("120", result=LegResult.CANCELLED),)])
def test_who_waits_has_answered_though_their_leg_was_not_seen(legs: tuple[Leg, ...]) -> None:
    met = Received(waits_since=Timestamp(T0 + 10))
    seen = call(*legs, ended_at=Timestamp(T0 + 12.2), hangup_by=HangupBy.SYSTEM, end_inferred=True, received=met)
    came = outcome_of(seen, had_gap=True, employee_first=False)
    assert (came.outcome, came.answered_at) == (Outcome.ABANDONED, T0 + 10)


def test_an_employee_who_does_not_answer_uses_up_nothing_of_the_client() -> None:
    own = leg("102", via=Via.CLICK, result=LegResult.NOANSWER)
    failed = call(own, origin=Origin(kind="click"))
    assert outcome_of(failed).outcome is Outcome.EMPLOYEE_FAILED
    assert outcome_of(failed, employee_first=False, had_gap=True).outcome is Outcome.UNKNOWN


def test_of_several_trunks_the_last_one_decides() -> None:
    first, second = leg(result=LegResult.FAILED, cause=34), leg(result=LegResult.BUSY, cause=17)
    assert outcome_of(call(first, second)).outcome is Outcome.BUSY


def test_what_nobody_saw_is_unknown_and_no_leg_at_all_is_the_line() -> None:
    assert outcome_of(call(leg(), end_inferred=True)).outcome is Outcome.UNKNOWN
    assert outcome_of(call(end_inferred=True)).outcome is Outcome.UNKNOWN
    assert outcome_of(call()).outcome is Outcome.TRUNK_FAILED


def test_without_a_leg_to_the_client_a_call_that_was_not_seen_whole_is_unknown() -> None:
    """The client may have rung while nobody looked: a failure of the line would call them again at once."""
    for unseen in ({"seen_from_start": False}, {"recovered": True}):
        assert outcome_of(call(**unseen)).outcome is Outcome.UNKNOWN, unseen
    assert outcome_of(call(), had_gap=True).outcome is Outcome.UNKNOWN
    assert outcome_of(call(leg(result=LegResult.BUSY, cause=17)), had_gap=True).outcome is Outcome.BUSY
