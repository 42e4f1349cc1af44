"""An attempt from the journal's first word to its outcome; killed at any moment, nobody is dialled twice or lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction
from integration.domain.campaigns.attempts import LookAgain, as_dialled, begun, ended, left_behind, with_call
from integration.domain.campaigns.decide import Dial
from integration.domain.campaigns.model import Attempt, AttemptState, Entry, EntryState, Mode, Outcome, Try
from integration.domain.campaigns.outcomes import Came
from integration.domain.ids import AccountId, AttemptId, CallId, CampaignId, EntryId, PbxId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from tests.unit.campaign_scene import MOSCOW, NOON, NUMBER, campaign, entry

DIAL = Dial(entry=EntryId(1), number=NUMBER, line="pbx/1", zones=(MOSCOW,), employee="102")
TAKEN = replace(entry(), state=EntryState.TAKEN)
CALL = CallId("pbx:dozvon-attempt-1")


def written() -> Attempt:
    return begun(campaign(), DIAL, attempt=AttemptId("attempt-1"), fence=7, now=NOON)


def live() -> Call:
    return Call(
        id=CALL, account=AccountId("acme"), pbx=PbxId("pbx"), native_id="dozvon-attempt-1",
        direction=Direction.OUTBOUND, caller="102", called=NUMBER, started_at=NOON,
    )  # fmt: skip


def test_what_is_written_says_whom_for_whom_by_which_line_and_zone() -> None:
    attempt = written()
    assert (attempt.number, attempt.employee, attempt.line, attempt.zone) == (NUMBER, "102", "pbx/1", MOSCOW)
    assert (attempt.fence, attempt.mode, attempt.state) == (7, Mode.PROGRESSIVE, AttemptState.WRITTEN)
    assert (attempt.sent_at, attempt.outcome, attempt.call) == (None, None, None)


def test_the_tenth_attempt_is_built_like_the_first() -> None:
    tenth = begun(campaign(), DIAL, attempt=AttemptId("attempt-9"), fence=7, now=NOON)
    assert replace(tenth, id=AttemptId("attempt-1")) == written()


@pytest.mark.parametrize(
    ("shown", "caller"),
    [
        ({"caller": NUMBER, "called": "s"}, ""),
        ({"caller": "102", "called": "74950000777"}, "102"),
        ({"caller": "", "called": ""}, ""),
        ({"direction": Direction.INBOUND, "caller": NUMBER.removeprefix("+"), "called": "s"}, ""),
        ({"direction": Direction.INBOUND, "caller": NUMBER, "called": "s", "final_responsible": "102"}, "102"),
        ({"direction": Direction.INTERNAL, "caller": "102", "called": "101"}, ""),
    ],
)
def test_a_call_that_was_seen_from_its_middle_has_the_client_of_its_attempt(shown: dict[str, Any], caller: str) -> None:
    seen = as_dialled(replace(live(), **shown), written(), DEFAULT_NUMBERING)
    assert (seen.direction, seen.caller, seen.called) == (Direction.OUTBOUND, caller, NUMBER)


@pytest.mark.parametrize("called", [NUMBER, NUMBER.removeprefix("+"), "8" + NUMBER.removeprefix("+7")])
def test_a_call_that_shows_its_client_stays_as_the_pbx_shows_it(called: str) -> None:
    seen = replace(live(), called=called)
    assert as_dialled(seen, written(), DEFAULT_NUMBERING) is seen


def test_an_outcome_ends_the_attempt_and_moves_the_entry() -> None:
    came = Came(outcome=Outcome.BUSY, cause=17)
    attempt, moved = ended(campaign(), with_call(written(), CALL, NOON), TAKEN, (), came, Timestamp(NOON + 9))
    assert (attempt.state, attempt.outcome, attempt.cause, attempt.ended_at) == (
        AttemptState.ENDED, Outcome.BUSY, 17, NOON + 9,
    )  # fmt: skip
    assert (moved.state, moved.due_at) == (EntryState.OPEN, NOON + 420)


def test_its_own_open_row_among_the_tries_is_not_counted_twice() -> None:
    own = Try(campaign=CampaignId("autumn"), entry=EntryId(1), number=NUMBER, at=NOON)
    earlier = [replace(own, at=Timestamp(NOON - day * 86_400), outcome=Outcome.BUSY) for day in (2, 1)]

    def struck(count: int) -> Entry:
        return ended(campaign(), written(), TAKEN, [*earlier[:count], own], Came(outcome=Outcome.BUSY), NOON)[1]

    assert not struck(2).numbers[0].struck, "the third time busy"


@pytest.mark.parametrize("seconds", [0, 1, 3600])
def test_what_was_only_written_never_reached_the_pbx(seconds: int) -> None:
    came = left_behind(written(), None, ring_seconds=25, now=Timestamp(NOON + seconds))
    assert came == Came(outcome=Outcome.NOT_DIALLED)
    assert isinstance(came, Came)
    _, back = ended(campaign(), written(), TAKEN, (), came, Timestamp(NOON + seconds))
    assert back.state is EntryState.OPEN
    assert back.due_at == NOON + 30


def test_what_was_sent_and_is_seen_nowhere_is_waited_for_then_unknown_and_never_sent_again() -> None:
    sent = with_call(written(), CALL, NOON)
    assert left_behind(sent, None, ring_seconds=25, now=Timestamp(NOON + 84)) == LookAgain(at=Timestamp(NOON + 85))
    came = left_behind(sent, None, ring_seconds=25, now=Timestamp(NOON + 85))
    assert came == Came(outcome=Outcome.UNKNOWN)
    assert isinstance(came, Came)
    _, back = ended(campaign(), sent, TAKEN, (), came, Timestamp(NOON + 85))
    assert back.due_at is not None
    assert back.due_at >= NOON + 7200, "it may have rung: the client is left in peace"


def test_a_call_that_goes_on_is_left_alone_and_one_that_ended_has_its_outcome() -> None:
    sent = with_call(written(), CALL, NOON)
    assert left_behind(sent, live(), ring_seconds=25, now=Timestamp(NOON + 900)) == LookAgain()
    over = replace(live(), ended_at=Timestamp(NOON + 5))
    assert left_behind(sent, over, ring_seconds=25, now=Timestamp(NOON + 9)) == Came(outcome=Outcome.TRUNK_FAILED)


def test_the_pbx_knows_better_than_the_journal() -> None:
    """Killed between the order to the PBX and the journal's word about it: the call is there."""
    assert left_behind(written(), live(), ring_seconds=25, now=NOON) == LookAgain()
