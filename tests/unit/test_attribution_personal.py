"""
Who was called personally in a call that nobody answered: by which ways, and which phones ring together.

Also which calls count as answered, and what a reason says besides its code.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.attribution import Attribution, attribute
from integration.domain.calls.call import Direction, Disposition
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.reasons import ReasonCode
from integration.domain.settings import LineSettings
from tests.unit.test_attribution import (
    ADMIN,
    CHIEF,
    DID,
    OLGA,
    OUTSIDE,
    OWNED,
    OWNERLESS,
    PAVEL,
    QUEUE,
    SETTINGS,
    answered,
    call,
    leg,
)


def responsible(*legs: object) -> ManagerId | None:
    return attribute(call(legs=legs), SETTINGS, [], []).responsible


@pytest.mark.parametrize("via", ["direct", "transfer", "forward", "fallback", "consultation", "parking-return"])
def test_a_call_to_one_employee_is_theirs(via: str) -> None:
    assert responsible(leg("102", via=via)) == PAVEL


@pytest.mark.parametrize("via", ["queue", "pickup", "parking", "click"])
def test_a_call_that_came_another_way_was_to_nobody_in_person(via: str) -> None:
    assert responsible(leg("102", via=via)) == CHIEF  # the line's manager for missed calls


@pytest.mark.parametrize(("apart", "whose"), [(0.0, CHIEF), (0.5, CHIEF), (0.99, CHIEF), (1.0, PAVEL), (20.0, PAVEL)])
def test_phones_that_begin_to_ring_within_a_second_ring_together(apart: float, whose: ManagerId) -> None:
    assert responsible(leg("101", at=1.0), leg("102", at=1.0 + apart)) == whose


def test_phones_of_one_employee_ring_for_one_person() -> None:
    assert responsible(leg("101", at=1.0), leg("101", at=1.2)) == OLGA


def test_a_call_that_was_passed_on_at_once_was_to_each_in_person() -> None:
    """A leg that came another way is a separate offer, however soon it follows."""
    assert responsible(leg("101", at=1.0), leg("102", via="forward", at=1.1)) == PAVEL


def test_of_several_in_a_row_the_last_one() -> None:
    assert responsible(leg("102", at=1.0), leg("101", at=20.0)) == OLGA
    assert responsible(leg("101", at=1.0), leg("102", via="fallback", at=20.0)) == PAVEL


def details(decided: Attribution, code: ReasonCode) -> dict[str, str]:
    [reason] = [each for each in decided.reasons if each.code == code]
    return dict(reason.detail)


@pytest.mark.parametrize(
    ("disposition", "answered_by", "codes"),
    [
        (Disposition.ANSWERED, "102", "answered_by responsible_of_extension"),
        (Disposition.ANSWERED, None, "responsible_of_person"),  # the answer fell into a gap of the link
        (Disposition.MISSED, "102", "rang_at_nobody responsible_of_person"),
        (Disposition.MISSED, None, "rang_at_nobody responsible_of_person"),
        (None, "102", "answered_by responsible_of_extension"),  # the call goes on
        (None, None, "rang_at_nobody responsible_of_person"),
    ],
)
def test_a_call_is_answered_when_its_result_says_so_and_while_it_goes_on_when_somebody_has_it(
    disposition: Disposition | None, answered_by: str | None, codes: str
) -> None:
    ended_at = Timestamp(60.0) if disposition else None
    decided = attribute(
        call(disposition=disposition, ended_at=ended_at, answered_by=answered_by), SETTINGS, (OWNED,), ()
    )
    assert " ".join(reason.code for reason in decided.reasons) == "target_person " + codes


def test_nobody_is_responsible_for_missed_calls_because_of_an_outgoing_one() -> None:
    """The line's manager for missed calls of unknown callers is not that of calls which employees make."""
    nobodys = call(Direction.OUTBOUND, caller="103", disposition=Disposition.NOANSWER)
    settings = replace(SETTINGS, default_line=LineSettings(missed_responsible=CHIEF))
    assert attribute(nobodys, settings, (), ()).responsible == ADMIN
    assert attribute(call(), settings, (), ()).responsible == CHIEF


def test_a_reason_names_the_line_and_the_group() -> None:
    missed = attribute(call(legs=QUEUE, queue="sales"), SETTINGS, (), ())
    assert details(missed, ReasonCode.MISSED_RESPONSIBLE) == {"manager": CHIEF, "line": DID}
    assert details(missed, ReasonCode.RANG_AT_GROUP) == {"group": "sales"}
    dismissed = replace(SETTINGS, active_managers=frozenset({OUTSIDE}))
    instead = attribute(answered("102"), dismissed, (OWNERLESS,), ())
    reasons = [dict(each.detail) for each in instead.reasons if each.code == ReasonCode.LINE_RESPONSIBLE]
    assert reasons == [{"manager": CHIEF, "line": DID}, {"manager": OUTSIDE, "line": DID}]


def test_of_hostile_digits_only_the_beginning_is_told() -> None:
    decided = attribute(call(caller="9" * 75), SETTINGS, (), ())
    assert details(decided, ReasonCode.CALLER_BARE_DIGITS) == {"number": "9" * 40}
