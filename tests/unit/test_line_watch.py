"""What is remembered while somebody waits for a call: each way once, calls from outside before others."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.ids import PbxId, Timestamp
from integration.domain.line_watch import MOST_SEEN, LineWatch, SeenLine, WatchEnd

WATCH = LineWatch(id="w", until=Timestamp(100.0))
CALL = SeenLine(
    pbx=PbxId("main"), trunk="trunk", line="74950000001", from_outside=True, caller="79161234567", at=Timestamp(1.0)
)


def test_calls_of_one_way_are_one_row_with_the_last_caller() -> None:
    watch = WATCH.with_call(CALL).with_call(replace(CALL, caller="79030000000", at=Timestamp(2.0)))
    assert [(each.count, each.caller, each.at) for each in watch.seen] == [(2, "79030000000", 2.0)]


def test_another_number_trunk_or_pbx_is_another_row() -> None:
    watch = WATCH
    for changed in (CALL, replace(CALL, line="2"), replace(CALL, trunk="b"), replace(CALL, pbx=PbxId("branch"))):
        watch = watch.with_call(changed)
    assert len(watch.seen) == 4


def test_the_first_end_counts_and_time_ends_it_too() -> None:
    stopped = WATCH.ended(WatchEnd.STOPPED).ended(WatchEnd.FAILED)
    assert (stopped.end, stopped.is_live(Timestamp(1.0))) == (WatchEnd.STOPPED, False)
    assert [WATCH.is_live(Timestamp(at)) for at in (99.0, 100.0)] == [True, False]


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=120))
def test_a_busy_office_pushes_no_call_from_outside_out(calls: list[tuple[int, bool]]) -> None:
    watch, outside = WATCH, set[str]()
    for at, (number, from_outside) in enumerate(calls):
        call = replace(CALL, line=str(number), from_outside=from_outside, at=Timestamp(float(at)))
        watch = watch.with_call(call)
        if from_outside:
            outside.add(call.line)
    assert len(watch.seen) <= MOST_SEEN
    kept = {each.line for each in watch.seen if each.from_outside}
    assert len(kept) == min(len(outside), MOST_SEEN)
    assert [each.at for each in watch.seen] == sorted((each.at for each in watch.seen), reverse=True)
