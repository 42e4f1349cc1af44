"""Events that come late, twice or with moments that cannot be: a call keeps what it knew and no time is impossible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

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
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.calls.events import (
    CallDescribed,
    CallEvent,
    CallMerged,
    CallStarted,
    ClientConnected,
    ClientReleased,
    HangUpPressed,
    HoldEnded,
    HoldStarted,
    LegAnswered,
    LegOffered,
    LegRinging,
    RecordingStarted,
    TransferEnded,
    TransferStarted,
)
from integration.domain.calls.tracking import MOST_HEARD, Change
from integration.domain.ids import LegId
from tests.unit.test_tracking import (
    ID,
    IN,
    INSIDE,
    OTHER,
    OUT,
    A,
    B,
    connected,
    ended,
    leg_ended,
    offered,
    started,
    step,
    t,
    told,
)


def rings(at: float) -> LegRinging:
    return LegRinging(call=ID, at=t(at), leg=A)


def answers(at: float) -> LegAnswered:
    return LegAnswered(call=ID, at=t(at), leg=A)


def released(at: float) -> ClientReleased:
    return ClientReleased(call=ID, at=t(at))


def hold(at: float) -> HoldStarted:
    return HoldStarted(call=ID, at=t(at))


def unhold(at: float) -> HoldEnded:
    return HoldEnded(call=ID, at=t(at))


def transfer(
    at: float, from_: str = "101", to: str = "102", kind: TransferKind = TransferKind.BLIND
) -> TransferStarted:
    return TransferStarted(call=ID, at=t(at), kind=kind, from_=from_, to=to)


def transferred(at: float, result: TransferResult = TransferResult.ANSWERED, to: str | None = None) -> TransferEnded:
    return TransferEnded(call=ID, at=t(at), result=result, to=to)


def merged(at: float) -> CallMerged:
    return CallMerged(call=ID, at=t(at), into=OTHER)


# ---- moments ---------------------------------------------------------------------------------------------------------

BEGUN = started(at=100)
"""The calls of this part begin at 100, their leg is offered at 101."""

MOMENTS: dict[str, tuple[list[CallEvent], Callable[[Call], float | None], float]] = {
    "no offer before the call": ([offered(at=90)], lambda call: call.legs[0].offered_at, 100),
    "an offer later than that stands": ([offered(at=104)], lambda call: call.legs[0].offered_at, 104),
    "no ringing before the offer": ([offered(at=101), rings(95)], lambda call: call.legs[0].ringing_at, 101),
    "ringing later than that stands": ([offered(at=101), rings(102)], lambda call: call.legs[0].ringing_at, 102),
    "no answer before the offer": ([offered(at=101), answers(95)], lambda call: call.legs[0].answered_at, 101),
    "an answer later than that stands": ([offered(at=101), answers(105)], lambda call: call.legs[0].answered_at, 105),
    "no end of a leg before its offer": (
        [offered(at=101), leg_ended(LegResult.BUSY, at=95)],
        lambda call: call.legs[0].ended_at,
        101,
    ),
    "no end of a leg before its answer": (
        [offered(at=101), answers(105), leg_ended(LegResult.ANSWERED, at=103)],
        lambda call: call.legs[0].ended_at,
        105,
    ),
    "no answer of the call before its start": ([connected(at=90)], lambda call: call.answered_at, 100),
    "no talk before its start": ([connected(at=90), ended(at=110)], lambda call: call.talked_seconds, 10),
    "no hold before the talk": (
        [connected(at=103), hold(101), unhold(106), ended(at=110)],
        lambda call: call.held_seconds,
        3,
    ),
    "no hold shorter than nothing": (
        [connected(at=103), hold(106), unhold(104), ended(at=110)],
        lambda call: call.held_seconds,
        0,
    ),
    "no talk shorter than nothing": (
        [connected(at=103), released(101), ended(at=110)],
        lambda call: call.talked_seconds,
        0,
    ),
    "no hold longer than the talk that it is part of": (
        [connected(at=103), hold(104), unhold(120), released(106), ended(at=130)],
        lambda call: call.held_seconds,
        3,
    ),
    "no talk longer than from the answer to the end": (
        [connected(at=103), released(109), connected("102", 106), ended(at=110)],
        lambda call: call.talked_seconds,
        7,
    ),
    "no hold longer than such a talk": (
        [connected(at=103), hold(103), released(109), connected("102", 106), hold(106), ended(at=110)],
        lambda call: call.held_seconds,
        7,
    ),
    "no end before the answer": ([connected(at=103), ended(at=102)], lambda call: call.ended_at, 103),
    "no end before the start": ([ended(at=90)], lambda call: call.ended_at, 100),
    "no end of a joined call before its start": ([merged(90)], lambda call: call.ended_at, 100),
    "no leg cut off by the end before its offer": (
        [offered(at=108), ended(at=105)],
        lambda call: call.legs[0].ended_at,
        108,
    ),
    "no leg cut off by the end before its answer": (
        [offered(at=101), answers(108), ended(at=105)],
        lambda call: call.legs[0].ended_at,
        108,
    ),
    "an open leg ends with the call": ([offered(at=101), ended(at=105)], lambda call: call.legs[0].ended_at, 105),
    "a leg that is over keeps its end": (
        [offered(at=101), leg_ended(LegResult.BUSY, at=102), ended(at=105)],
        lambda call: call.legs[0].ended_at,
        102,
    ),
    "no transfer before the call": ([transfer(90)], lambda call: call.transfers[0].at, 100),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_no_moment_is_before_what_it_is_part_of_and_no_time_too_long(name: str) -> None:
    events, moment, expected = MOMENTS[name]
    assert moment(told(BEGUN, *events)) == expected


# ---- late and repeated -----------------------------------------------------------------------------------------------


def leg_of(*events: CallEvent) -> Leg:
    return told(started(), offered(), *events).legs[0]


def test_a_phone_that_is_over_neither_rings_nor_answers_late() -> None:
    busy = leg_of(leg_ended(LegResult.BUSY))
    assert leg_of(leg_ended(LegResult.BUSY), rings(5)) == busy
    assert leg_of(leg_ended(LegResult.BUSY), answers(5)) == busy


def test_the_first_ringing_and_the_first_answer_and_the_first_end_stand() -> None:
    leg = leg_of(rings(2), rings(3), answers(4), answers(5), leg_ended(LegResult.ANSWERED, at=6))
    assert (leg.ringing_at, leg.answered_at, leg.ended_at) == (t(2), t(4), t(6))
    assert leg_of(leg_ended(LegResult.NOANSWER, at=4), leg_ended(LegResult.NOANSWER, at=9)).ended_at == t(4)


def test_only_the_first_end_of_a_leg_is_news() -> None:
    call = told(started(), offered(), leg_ended(LegResult.NOANSWER, at=4))
    assert step(call, leg_ended(LegResult.NOANSWER, at=9))[1] == set()


@pytest.mark.parametrize("event", [rings(2), answers(2), leg_ended(LegResult.BUSY)])
def test_word_of_a_leg_that_was_never_offered_changes_nothing(event: CallEvent) -> None:
    call, changes = step(told(started()), event)
    assert call is not None
    assert (call.legs, changes) == ((), set())


@pytest.mark.parametrize("event", [rings(2), answers(2), leg_ended(LegResult.BUSY)])
def test_word_of_a_leg_before_its_offer_counts_when_it_is_repeated_after_it(event: CallEvent) -> None:
    assert told(started(), event, offered(), event) == told(started(), offered(), event)


@pytest.mark.parametrize(("via", "queue"), [(Via.FORWARD, None), (Via.QUEUE, "sales")])
def test_an_offer_that_is_told_again_corrects_its_way_only(via: Via, queue: str | None) -> None:
    again = LegOffered(call=ID, at=t(5), leg=A, target="109", kind=LegKind.EXTERNAL, via=via, queue=queue)
    call, changes = step(told(started(), offered()), again)
    assert call is not None
    assert changes == set()
    assert [(leg.target, leg.kind, leg.via, leg.queue, leg.offered_at) for leg in call.legs] == [
        ("101", LegKind.EXTENSION, via, queue, t(1))
    ]


@pytest.mark.parametrize(
    "event",
    [
        offered(),
        rings(2),
        answers(3),
        leg_ended(LegResult.BUSY),
        connected(),
        hold(4),
        transfer(5),
        RecordingStarted(call=ID, at=t(3), file="a.wav"),
        HangUpPressed(call=ID, at=t(3), extension="101", own_leg=True),
        CallDescribed(call=ID, at=t(3), queue="sales"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_too_old_to_be_remembered_is_known_by_what_it_left(event: CallEvent) -> None:
    needed = [connected("109", 1)] if isinstance(event, HoldStarted) else []
    once = told(started(), *([] if isinstance(event, LegOffered) else [offered()]), *needed, event)
    again, changes = step(replace(once, heard=()), event)
    assert again is not None
    assert replace(again, heard=once.heard) == once
    assert changes == set()


def test_only_the_newest_events_are_remembered() -> None:
    call = told(started(), connected(at=0), *(each for n in range(MOST_HEARD) for each in (hold(n), unhold(n + 0.5))))
    assert len(call.heard) == MOST_HEARD
    assert step(call, unhold(MOST_HEARD - 0.5)) == (call, set())
    assert step(call, hold(0))[1] == {Change.HELD}


def test_hold_is_news_once() -> None:
    call = told(started(), connected(), hold(4))
    assert step(call, hold(5))[1] == set()
    assert told(started(), connected(), hold(4), hold(5), ended(at=10)).held_seconds == 6
    assert step(told(started(), connected()), unhold(5))[1] == set()


def test_word_that_the_client_was_released_whom_nobody_had_is_nothing() -> None:
    call = told(started(), connected(at=3), released(5), released(8), ended())
    assert call.talked_seconds == 2
    assert told(started(), released(5), ended()).talked_seconds == 0


def test_who_already_has_the_client_is_not_handed_over_to() -> None:
    talking = told(started(), connected(at=3))
    again, changes = step(talking, connected(at=6))
    assert changes == set()
    assert again is not None
    assert again.talk_since == t(3)
    nobody, changes = step(talking, ClientConnected(call=ID, at=t(6), person="", answered_by=""))
    assert nobody is not None
    assert (nobody.final_responsible, changes) == ("101", set())


def test_the_answer_is_the_first_connection_also_after_a_pause() -> None:
    call = told(started(), connected(at=3), released(5), connected("102", 7))
    assert (call.answered_at, call.answered_by, call.talk_since) == (t(3), "101", t(7))


# ---- transfers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "count"),
    [
        (transfer(5, to="109"), 1),  # the same one: its target became known
        (transfer(6), 2),
        (transfer(5, from_="102"), 2),
        (transfer(5, kind=TransferKind.ATTENDED), 2),
    ],
    ids=["told again", "later", "by another", "of another kind"],
)
def test_a_transfer_is_known_by_its_kind_its_moment_and_who_began_it(second: TransferStarted, count: int) -> None:
    assert len(told(started(), transfer(5), second).transfers) == count


def test_a_transfer_that_was_dated_before_the_call_is_told_again() -> None:
    assert len(told(BEGUN, transfer(90), transfer(95)).transfers) == 1


def results(*events: CallEvent) -> list[tuple[str, TransferResult | None]]:
    return [(transfer.to, transfer.result) for transfer in told(started(at=2), *events).transfers]


ANSWERED, FAILED = TransferResult.ANSWERED, TransferResult.FAILED


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([transfer(5), transferred(7)], [("102", ANSWERED)]),
        ([transfer(5), transferred(5)], [("102", ANSWERED)]),
        ([transfer(5), transferred(4)], [("102", None)]),  # it had not begun by then
        ([transfer(1), transferred(1)], [("102", ANSWERED)]),  # both are dated by the call's start
        ([transfer(5), transferred(7, to="109")], [("109", ANSWERED)]),
        ([transfer(5), transferred(7), transferred(8, FAILED)], [("102", ANSWERED)]),  # a result once given stands
        ([transfer(5), transfer(8, "102", "103"), transferred(6)], [("102", ANSWERED), ("103", None)]),
        ([transfer(5), transfer(8, "102", "103"), transferred(9)], [("102", None), ("103", ANSWERED)]),
        (
            [transfer(5), transfer(8, "102", "103"), transferred(9), transferred(10, FAILED)],
            [("102", FAILED), ("103", ANSWERED)],
        ),
    ],
)
def test_a_result_is_the_newest_open_transfers_that_had_begun(
    events: list[CallEvent], expected: list[tuple[str, TransferResult | None]]
) -> None:
    assert results(*events) == expected


@pytest.mark.parametrize(
    ("kind", "result"),
    [(TransferKind.BLIND, TransferResult.NOANSWER), (TransferKind.ATTENDED, None), (TransferKind.PARK, None)],
)
def test_at_the_end_only_a_blind_transfer_that_nobody_took_rang_in_vain(
    kind: TransferKind, result: TransferResult | None
) -> None:
    assert results(transfer(5, kind=kind), ended()) == [("102", result)]
    assert results(transfer(5, kind=kind), transferred(6, FAILED), ended()) == [("102", FAILED)]


# ---- after the end ---------------------------------------------------------------------------------------------------


def described(**what: object) -> CallDescribed:
    return CallDescribed(call=ID, at=t(12), **what)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ({"direction": OUT}, {Change.CORRECTED}),
        ({"caller": "7999"}, {Change.CORRECTED}),
        ({"called": "7999"}, {Change.CORRECTED}),
        ({"caller": "7916"}, set()),  # it was known
        ({"queue": "sales"}, set()),
        ({"consultation": True}, set()),
    ],
)
def test_only_another_direction_or_number_corrects_an_ended_call(what: dict[str, object], changes: set[Change]) -> None:
    assert step(told(started(), ended()), described(**what))[1] == changes


def test_the_result_is_decided_again_when_the_direction_was_another() -> None:
    over = told(started(), offered(), leg_ended(LegResult.BUSY), ended(HangupBy.CALLEE))
    assert over.disposition is Disposition.MISSED
    assert step(over, described(direction=OUT))[0].disposition is Disposition.BUSY  # type: ignore[union-attr]
    assert step(over, described(caller="7999"))[0].disposition is Disposition.MISSED  # type: ignore[union-attr]


def test_a_joined_call_gets_no_result_from_its_direction() -> None:
    after, _ = step(told(started(INSIDE), merged(8)), described(direction=IN))
    assert after is not None
    assert (after.direction, after.disposition) == (IN, None)


def test_a_recording_that_becomes_known_late_is_news_once() -> None:
    def recording(at: float) -> RecordingStarted:
        return RecordingStarted(call=ID, at=t(at), file="a.wav")

    assert step(told(started(), ended()), recording(3))[1] == {Change.CORRECTED}
    assert step(told(started(), recording(3), ended()), recording(4))[1] == set()


def test_who_pressed_hang_up_may_become_known_late() -> None:
    call, _ = step(told(started(), ended()), HangUpPressed(call=ID, at=t(9), extension="101", own_leg=False))
    assert call is not None
    assert [press.extension for press in call.presses] == ["101"]


# ---- the result of a click -------------------------------------------------------------------------------------------


def click(*events: CallEvent, by: HangupBy) -> Disposition | None:
    begun = CallStarted(
        call=ID, at=t(0), native_id="1.0", direction=OUT, caller="101", called="7916", origin=Origin(kind="click")
    )
    own = LegOffered(call=ID, at=t(1), leg=A, target="101", kind=LegKind.EXTENSION, via=Via.CLICK)
    return told(begun, own, *events, ended(by)).disposition


CLIENT_LEG = LegOffered(call=ID, at=t(4), leg=B, target="7916", kind=LegKind.EXTERNAL, via=Via.DIRECT)


@pytest.mark.parametrize(
    ("events", "by", "disposition"),
    [
        # the employee's own phone: whatever it said and whoever left, the client was never dialled
        ([leg_ended(LegResult.BUSY)], HangupBy.CALLER, Disposition.FAILED),
        ([leg_ended(LegResult.NOANSWER)], HangupBy.SYSTEM, Disposition.FAILED),
        # ended in the card while it rang
        ([leg_ended(LegResult.CANCELLED)], HangupBy.CALLER, Disposition.CANCELLED),
        ([leg_ended(LegResult.CANCELLED)], HangupBy.SYSTEM, Disposition.FAILED),
        # the employee took it: the client's leg decides, as of a call from a phone
        ([answers(3), CLIENT_LEG, leg_ended(LegResult.BUSY, B, 6)], HangupBy.CALLEE, Disposition.BUSY),
        ([answers(3), CLIENT_LEG, leg_ended(LegResult.CANCELLED, B, 6)], HangupBy.CALLER, Disposition.CANCELLED),
    ],
)
def test_a_click_fails_where_the_employees_own_phone_was_not_taken(
    events: list[CallEvent], by: HangupBy, disposition: Disposition
) -> None:
    assert click(*events, by=by) is disposition


def test_a_leg_that_went_on_elsewhere_does_not_decide_the_result() -> None:
    both = [offered(), leg_ended(LegResult.BUSY), offered(B, at=5), leg_ended(LegResult.FORWARDED, B, 6)]
    assert told(started(Direction.OUTBOUND), *both, ended(HangupBy.CALLEE)).disposition is Disposition.BUSY


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_legs_are_in_the_order_of_their_offers_however_they_become_known(order: tuple[int, ...]) -> None:
    """Those of one moment by target; of one target as they came."""
    known = [(1.0, "102"), (5.0, "101"), (5.0, "103"), (9.0, "100")]
    offers = [offered(LegId(str(place)), known[place][1], known[place][0]) for place in order]
    call = told(started(), *offers)
    assert [leg.id for leg in call.legs] == ["0", "1", "2", "3"]


def test_offers_of_one_moment_to_one_target_keep_their_order() -> None:
    offers = [offered(LegId(n), "101", 5) for n in ("z", "y", "x")]
    assert [leg.id for leg in told(started(), *offers).legs] == ["z", "y", "x"]


def test_a_call_remembers_its_newest_thousand_events_in_twelve_letters_each() -> None:
    """What is remembered is stored with the call at every step."""
    call = told(started(), *(HangUpPressed(call=ID, extension="101", at=t(n), own_leg=True) for n in range(1100)))
    assert MOST_HEARD == 1000
    assert len(call.heard) == 1000
    assert {len(mark) for mark in call.heard} == {12}
    assert step(call, HangUpPressed(call=ID, extension="101", at=t(100), own_leg=True))[0] is call
