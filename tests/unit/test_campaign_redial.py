"""What follows an attempt: when a number is due again, when it is struck out, when an entry is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.campaigns.model import (
    AttemptRules,
    EntryState,
    Outcome,
    RedialRule,
    Try,
)
from integration.domain.campaigns.redial import after, redial_at
from integration.domain.ids import CampaignId, EntryId, Timestamp
from tests.unit.campaign_scene import MOSCOW, NOON, NUMBER, at, campaign, entry

SECOND = "+74950000002"
HOUR, DAY = 3600.0, 86_400.0
TAKEN = replace(entry(), state=EntryState.TAKEN)
TWO = replace(entry((NUMBER, SECOND)), state=EntryState.TAKEN)


def tries(*outcomes: Outcome, number: str = NUMBER, apart: float = DAY) -> list[Try]:
    """The last one at noon."""
    first = NOON - apart * (len(outcomes) - 1)
    return [
        Try(campaign=CampaignId("autumn"), entry=EntryId(1), number=number, at=Timestamp(first + n * apart), outcome=o)
        for n, o in enumerate(outcomes)
    ]


@pytest.mark.parametrize("outcome", [Outcome.TALKED, Outcome.PLAYED])
def test_who_was_reached_is_done(outcome: Outcome) -> None:
    assert after(campaign(), TAKEN, tries(outcome)).state is EntryState.REACHED


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [
        (Outcome.BUSY, 7 * 60),
        (Outcome.UNREACHABLE, 90 * 60),
        (Outcome.CANCELLED, 10 * 60),
        (Outcome.NO_ANSWER, 5 * HOUR),  # at noon: not before the evening, which begins at five
        (Outcome.REFUSED, 12 * HOUR),  # from midnight on
        (Outcome.ABANDONED, 10 * 60),
        (Outcome.TRUNK_FAILED, 30),
        (Outcome.NOT_DIALLED, 30),
        (Outcome.EMPLOYEE_FAILED, 0),
    ],
)
def test_each_outcome_has_its_time(outcome: Outcome, seconds: float) -> None:
    done = after(campaign(), TAKEN, tries(outcome))
    assert done.state is EntryState.OPEN
    assert done.due_at == NOON + seconds
    assert not done.numbers[0].struck


def test_a_failed_number_is_followed_by_the_next_one_after_three_seconds() -> None:
    assert after(campaign(), TWO, tries(Outcome.NO_ANSWER)).due_at == NOON + 3


@pytest.mark.parametrize(
    ("outcomes", "is_struck"),
    [
        ([Outcome.BUSY] * 3, False),
        ([Outcome.BUSY] * 4, True),
        ([Outcome.REFUSED], False),
        ([Outcome.REFUSED] * 2, True),
        ([Outcome.FAX], True),
        ([Outcome.NO_SUCH_NUMBER], False),
        ([Outcome.NO_SUCH_NUMBER] * 2, True),
        ([Outcome.TRUNK_FAILED] * 20, False),
        ([Outcome.BUSY, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.BUSY], True),  # five attempts
    ],
)
def test_a_number_is_struck_out_when_its_tries_are_used_up(outcomes: list[Outcome], is_struck: bool) -> None:
    done = after(campaign(), TAKEN, tries(*outcomes))
    assert done.numbers[0].struck is is_struck
    assert done.state is (EntryState.NOT_REACHED if is_struck else EntryState.OPEN)
    both = after(campaign(), TWO, tries(*outcomes))
    assert (both.numbers[0].struck, both.numbers[1].struck) == (is_struck, False)
    assert both.state is EntryState.OPEN


def test_no_such_number_is_believed_only_when_another_day_says_the_same() -> None:
    same_day = after(campaign(), TAKEN, tries(Outcome.NO_SUCH_NUMBER, Outcome.NO_SUCH_NUMBER, apart=HOUR))
    assert not same_day.numbers[0].struck


def test_a_contact_whose_attempts_are_used_up_is_not_reached() -> None:
    rules = AttemptRules(per_contact=2)
    used = [*tries(Outcome.BUSY), *tries(Outcome.BUSY, number=SECOND)]
    assert after(campaign(attempts=rules), TWO, used).state is EntryState.NOT_REACHED


def test_a_number_that_was_struck_stays_struck() -> None:
    struck = replace(TWO, numbers=(replace(TWO.numbers[0], struck=True), TWO.numbers[1]))
    done = after(campaign(), struck, tries(Outcome.BUSY, number=SECOND))
    assert [number.struck for number in done.numbers] == [True, False]


@pytest.mark.parametrize(
    ("tried", "due"),
    [
        ("2026-11-30T09:30", "2026-11-30T12:00"),  # morning, then afternoon
        ("2026-11-30T11:00", "2026-11-30T13:00"),  # two hours later is another part already
        ("2026-11-30T13:00", "2026-11-30T17:00"),
        ("2026-11-30T19:00", "2026-12-01T00:00"),  # the window decides when that morning begins
    ],
)
def test_another_part_of_the_day_is_the_client_s(tried: str, due: str) -> None:
    rule = RedialRule(after_seconds=7200, other_part_of_day=True)
    assert redial_at(rule, at(tried), MOSCOW) == at(due)


def test_never_again_has_no_time() -> None:
    assert redial_at(RedialRule(), NOON, MOSCOW) is None


def test_a_promise_stands_when_our_own_side_failed() -> None:
    promised = replace(TAKEN, agreed_with="101", due_at=Timestamp(NOON - 5))
    assert after(campaign(), promised, tries(Outcome.EMPLOYEE_FAILED)).due_at == NOON - 5
