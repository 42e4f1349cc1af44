"""Observers are told of steps that came together once for each call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.together import told_together
from integration.domain.calls.tracking import Change
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp

_RINGING, _ANSWERED = frozenset({Change.STARTED, Change.RINGING}), frozenset({Change.ANSWERED})
_LEG_ENDED, _ENDED = frozenset({Change.LEG_ENDED}), frozenset({Change.ENDED})


def _state(call: str, number: int) -> Call:
    """The state of a call after its step of this number."""
    return Call(
        id=CallId(call),
        account=AccountId("acme"),
        pbx=PbxId("office"),
        direction=Direction.INBOUND,
        native_id=call,
        caller="+74951234567",
        called="+74957654321",
        started_at=Timestamp(number),
    )


def test_a_group_that_rings_is_told_once() -> None:
    steps = [(_state("a", 1), _RINGING), (_state("b", 2), _RINGING), (_state("a", 3), frozenset({Change.RINGING}))]
    assert told_together(steps) == [(_state("a", 3), _RINGING), (_state("b", 2), _RINGING)]


def test_a_call_that_is_missed_at_once_is_first_seen_ringing() -> None:
    steps = [(_state("a", 1), _RINGING), (_state("a", 2), _LEG_ENDED), (_state("a", 3), _ENDED)]
    assert told_together(steps) == [(_state("a", 1), _RINGING), (_state("a", 3), _LEG_ENDED | _ENDED)]


@pytest.mark.parametrize("beginning", [Change.STARTED, Change.RINGING])
def test_a_call_that_is_answered_at_once_is_first_seen_ringing(beginning: Change) -> None:
    steps = [(_state("a", 1), frozenset({beginning})), (_state("a", 2), _ANSWERED)]
    assert told_together(steps) == steps


@pytest.mark.parametrize("beginning", [Change.STARTED, Change.RINGING, Change.ANSWERED, Change.HANDED_OVER])
@pytest.mark.parametrize("end", [Change.ENDED, Change.HANDED_OVER])
def test_nobody_sees_only_the_end_of_a_call_of_theirs(beginning: Change, end: Change) -> None:
    """A caller whose call fails at once, an employee whose client hangs up or is passed on at once."""
    steps = [(_state("a", 1), frozenset({beginning})), (_state("a", 2), frozenset({end}))]
    assert told_together(steps) == steps


def test_an_answer_and_the_other_phones_that_fall_silent_are_told_together() -> None:
    steps = [(_state("a", 1), _ANSWERED), (_state("a", 2), _LEG_ENDED), (_state("a", 3), _LEG_ENDED)]
    assert told_together(steps) == [(_state("a", 3), _ANSWERED | _LEG_ENDED)]


_steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.frozensets(st.sampled_from(list(Change)), min_size=1, max_size=3)), max_size=20
)


@given(_steps)
def test_nothing_is_left_out_and_the_last_word_is_how_it_is_now(steps: list[tuple[str, frozenset[Change]]]) -> None:
    seen = [(_state(call, number), changes) for number, (call, changes) in enumerate(steps)]
    told = told_together(seen)
    for name in "abc":
        of_call = [(call, changes) for call, changes in seen if call.id == name]
        said = [(call, changes) for call, changes in told if call.id == name]
        assert [call for call, _ in said[-1:]] == [call for call, _ in of_call[-1:]]
        assert frozenset().union(*(changes for _, changes in said)) == frozenset().union(*(c for _, c in of_call))
        assert [call.started_at for call, _ in said] == sorted(call.started_at for call, _ in said)
