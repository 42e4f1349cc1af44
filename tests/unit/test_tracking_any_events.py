"""Whatever a stream of call events does (repeats, comes late, makes no sense), a call stays true to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from integration.domain.calls.call import Call, Direction, Disposition, HangupBy, LegKind, LegResult, TransferKind, Via
from integration.domain.calls.call import TransferResult as Result
from integration.domain.calls.events import (
    AnswererJudged,
    CallDescribed,
    CallEnded,
    CallEvent,
    CallMerged,
    CallStarted,
    ClientChosen,
    ClientConnected,
    ClientReleased,
    ClientTurnedAway,
    ClientWaiting,
    HoldEnded,
    HoldStarted,
    KeyPressed,
    LegAnswered,
    LegEnded,
    LegOffered,
    LegRinging,
    MessagePlayed,
    MessageStarted,
    RecordingStarted,
    TransferEnded,
    TransferStarted,
)
from integration.domain.calls.received import Answerer
from integration.domain.calls.tracking import MOST_HEARD, Change, advance
from integration.domain.crm.entities import EntityKind
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

ID = CallId("pbx:1.0")
START = CallStarted(
    call=ID, at=Timestamp(10.0), native_id="1.0", direction=Direction.INBOUND, caller="7916", called="7495"
)
END = CallEnded(call=ID, at=Timestamp(30.0), hangup_by=HangupBy.CALLER)

# A few moments, some of them before the start and many of them equal: so do real streams look that come in one piece.
moments = st.sampled_from([0.0, 9.9, 10.0, 11.0, 12.0, 12.25, 15.0, 20.0, 29.0, 30.0, 31.0, 90.0]).map(Timestamp)
legs = st.sampled_from([LegId("1.1"), LegId("1.2"), LegId("1.3")])
people = st.sampled_from(["", "101", "102", "79160000000"])
_call = st.just(ID)


def _events() -> st.SearchStrategy[CallEvent]:
    maybe = st.none() | people
    return st.one_of(
        st.builds(
            CallDescribed,
            call=_call,
            at=moments,
            direction=st.none() | st.sampled_from(Direction),
            caller=maybe,
            called=maybe,
            queue=maybe,
        ),
        st.builds(
            LegOffered,
            call=_call,
            at=moments,
            leg=legs,
            target=people,
            kind=st.sampled_from(LegKind),
            via=st.sampled_from([Via.DIRECT, Via.TRANSFER]),
        ),
        st.builds(LegRinging, call=_call, at=moments, leg=legs),
        st.builds(LegAnswered, call=_call, at=moments, leg=legs),
        st.builds(LegEnded, call=_call, at=moments, leg=legs, result=st.sampled_from(LegResult)),
        st.builds(ClientConnected, call=_call, at=moments, person=people, answered_by=people),
        st.builds(ClientReleased, call=_call, at=moments),
        st.builds(HoldStarted, call=_call, at=moments),
        st.builds(
            ClientChosen,
            call=_call,
            at=moments,
            extension=people,
            kind=st.sampled_from(EntityKind),
            person=st.sampled_from(["5", "6"]),
            name=people,
        ),
        st.builds(HoldEnded, call=_call, at=moments),
        st.builds(ClientWaiting, call=_call, at=moments),
        st.builds(AnswererJudged, call=_call, at=moments, answerer=st.sampled_from(Answerer)),
        st.builds(MessageStarted, call=_call, at=moments),
        st.builds(MessagePlayed, call=_call, at=moments, on_machine=st.booleans()),
        st.builds(KeyPressed, call=_call, at=moments, key=st.sampled_from("19")),
        st.builds(ClientTurnedAway, call=_call, at=moments),
        st.builds(TransferStarted, call=_call, at=moments, kind=st.sampled_from(TransferKind), from_=people, to=people),
        st.builds(TransferEnded, call=_call, at=moments, result=st.sampled_from(Result), to=maybe),
        st.builds(RecordingStarted, call=_call, at=moments, file=st.sampled_from(["a.wav", "b.wav"])),
        st.builds(CallMerged, call=_call, at=moments, into=st.just(CallId("pbx:2.0"))),
        st.builds(CallEnded, call=_call, at=moments, hangup_by=st.sampled_from(HangupBy)),
    )


events = _events()
streams = st.lists(events, max_size=30)
MANY = settings(max_examples=300, deadline=None)


def told(stream: list[CallEvent], call: Call | None = None) -> tuple[Call, list[frozenset[Change]]]:
    changes = []
    for event in stream:
        step = advance(call, event, account=AccountId("office"), pbx=PbxId("pbx"))
        call = step.call
        changes.append(step.changes)
    assert call is not None
    return call, changes


def assert_true_to_itself(call: Call) -> None:
    last = call.ended_at
    if call.answered_at is not None:
        assert call.answered_at >= call.started_at
    assert call.held_seconds >= 0
    assert call.talked_seconds >= 0
    if call.talk_since is not None:
        assert call.talk_since >= call.started_at
        assert call.hold_since is None or call.hold_since >= call.talk_since
    else:
        assert call.hold_since is None
    for leg in call.legs:
        assert leg.offered_at >= call.started_at
        assert leg.ringing_at is None or leg.ringing_at >= leg.offered_at
        assert leg.answered_at is None or leg.answered_at >= leg.offered_at
        assert (leg.answered_at is not None) == (leg.result is LegResult.ANSWERED) or leg.ended_at is not None
        assert leg.ended_at is None or leg.ended_at >= (leg.answered_at or leg.offered_at)
        assert leg.ended_at is None or leg.result is not None
    assert len({leg.id for leg in call.legs}) == len(call.legs)
    assert all(transfer.at >= call.started_at for transfer in call.transfers)
    if last is None:
        assert call.disposition is None
        return
    assert last >= max(call.started_at, call.answered_at or call.started_at)
    assert call.talk_since is None
    assert call.hold_since is None
    assert call.held_seconds <= call.talked_seconds
    assert call.talked_seconds <= last - (last if call.answered_at is None else call.answered_at)
    assert all(leg.ended_at is not None for leg in call.legs)
    if call.merged_into is not None:
        assert call.disposition is None
    elif call.answered_at is not None:
        assert call.disposition is Disposition.ANSWERED
    else:
        assert (call.disposition is Disposition.MISSED) == (call.direction is Direction.INBOUND)


@MANY
@given(stream=streams)
def test_any_events_leave_a_call_that_contradicts_itself_nowhere(stream: list[CallEvent]) -> None:
    for length in range(len(stream) + 1):
        assert_true_to_itself(told([START, *stream[:length]])[0])
    assert_true_to_itself(told([START, *stream, END])[0])


def _after_their_offers(stream: Iterable[CallEvent]) -> Iterator[CallEvent]:
    """The stream without what is told of a leg before its offer: that is dropped, and counts when it is repeated."""
    offered = set()
    for event in stream:
        if isinstance(event, LegOffered):
            offered.add(event.leg)
        if not isinstance(event, LegRinging | LegAnswered | LegEnded) or event.leg in offered:
            yield event


@MANY
@given(stream=streams, repeats=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=30))
def test_events_told_again_at_any_later_time_change_nothing(
    stream: list[CallEvent], repeats: list[tuple[int, int]]
) -> None:
    """Also after the end, and where the state that the event began has been left and entered again since."""
    plain = list(_after_their_offers(dict.fromkeys([START, *stream, END])))
    repeated: list[CallEvent] = list(plain)
    for one, other in repeats:
        place = 1 + other % len(repeated)
        repeated.insert(place, repeated[one % place])
    call, changes = told(repeated)
    assert call == told(plain)[0]
    first_times = [change for place, change in enumerate(changes) if repeated[place] not in repeated[:place]]
    assert first_times == told(plain)[1]
    assert all(not change for place, change in enumerate(changes) if repeated[place] in repeated[:place])


@MANY
@given(stream=streams, late=events, after=st.lists(events, max_size=5))
def test_an_event_that_comes_after_the_end_reopens_nothing(
    stream: list[CallEvent], late: CallEvent, after: list[CallEvent]
) -> None:
    call, _ = told([START, *stream, END])
    later, (changes, *_) = told([late, *after], call)
    assert_true_to_itself(later)
    assert (later.ended_at, later.started_at, later.answered_at) == (call.ended_at, call.started_at, call.answered_at)
    assert (later.legs, later.transfers, later.talked_seconds) == (call.legs, call.transfers, call.talked_seconds)
    assert changes <= {Change.CORRECTED}


@MANY
@given(stream=st.lists(events, max_size=12).flatmap(st.permutations))
def test_any_order_of_events_leaves_a_call_that_is_true_to_itself(stream: list[CallEvent]) -> None:
    assert_true_to_itself(told([START, *stream, END])[0])


def at(seconds: float) -> Timestamp:
    return Timestamp(10.0 + seconds)


def test_a_transfers_end_that_is_told_again_closes_no_other_transfer() -> None:
    first = TransferStarted(call=ID, at=at(1), kind=TransferKind.PARK, from_="101", to="701")
    second = TransferStarted(call=ID, at=at(5), kind=TransferKind.PARK, from_="102", to="702")
    over = TransferEnded(call=ID, at=at(4), result=Result.COMPLETED)
    call, _ = told([START, first, over, second, over])
    assert [transfer.result for transfer in call.transfers] == [Result.COMPLETED, None]


def test_a_transfers_end_that_comes_late_closes_the_transfer_it_is_of() -> None:
    first = TransferStarted(call=ID, at=at(1), kind=TransferKind.BLIND, from_="101", to="102")
    second = TransferStarted(call=ID, at=at(5), kind=TransferKind.BLIND, from_="102", to="103")
    call, _ = told([START, first, second, TransferEnded(call=ID, at=at(4), result=Result.ANSWERED)])
    assert [transfer.result for transfer in call.transfers] == [Result.ANSWERED, None]


def test_a_direction_that_is_known_after_the_end_decides_the_result_again() -> None:
    call, changes = told([START, END, CallDescribed(call=ID, at=at(21), direction=Direction.OUTBOUND)])
    assert call.disposition is Disposition.CANCELLED
    assert changes[-1] == {Change.CORRECTED}


def test_a_long_call_forgets_the_oldest_of_what_it_heard_and_not_the_newest() -> None:
    stream: list[CallEvent] = [START, ClientConnected(call=ID, at=at(1), person="101", answered_by="101")]
    for second in range(2, MOST_HEARD + 2, 2):
        stream += [HoldStarted(call=ID, at=at(second)), HoldEnded(call=ID, at=at(second + 1))]
    call, _ = told(stream)
    assert len(call.heard) == MOST_HEARD
    assert told(stream[-MOST_HEARD:], call)[0] is call
