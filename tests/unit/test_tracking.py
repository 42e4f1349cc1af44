"""`advance()` as a table: what each event does to a call, and that nothing it should not touch is touched."""

from __future__ import annotations

import pytest

from integration.domain.calls.call import (
    Call,
    Direction,
    Disposition,
    HangupBy,
    LegKind,
    LegResult,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.calls.events import (
    CallDescribed,
    CallEnded,
    CallEvent,
    CallMerged,
    CallStarted,
    ClientChosen,
    ClientConnected,
    ClientReleased,
    HoldEnded,
    HoldStarted,
    LegAnswered,
    LegEnded,
    LegOffered,
    LegRinging,
    RecordingStarted,
    TransferEnded,
    TransferStarted,
)
from integration.domain.calls.tracking import Change, advance, recording_name
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

ID, OTHER = CallId("pbx:1.0"), CallId("pbx:2.0")
A, B = LegId("1.1"), LegId("1.2")
IN, OUT, INSIDE = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL


def t(seconds: float) -> Timestamp:
    return Timestamp(seconds)


def started(direction: Direction = IN, at: float = 0.0) -> CallStarted:
    return CallStarted(call=ID, at=t(at), native_id="1.0", direction=direction, caller="7916", called="7495")


def offered(leg: LegId = A, target: str = "101", at: float = 1.0, kind: LegKind = LegKind.EXTENSION) -> LegOffered:
    return LegOffered(call=ID, at=t(at), leg=leg, target=target, kind=kind, via=Via.DIRECT)


def connected(person: str = "101", at: float = 3.0) -> ClientConnected:
    return ClientConnected(call=ID, at=t(at), person=person, answered_by=person)


def leg_ended(result: LegResult, leg: LegId = A, at: float = 4.0) -> LegEnded:
    return LegEnded(call=ID, at=t(at), leg=leg, result=result)


def chosen(person: str, at: float = 5.0, by: str = "101") -> ClientChosen:
    return ClientChosen(call=ID, at=t(at), extension=by, kind=EntityKind.CONTACT, person=person, name="Maria")


def ended(by: HangupBy = HangupBy.CALLER, at: float = 10.0) -> CallEnded:
    return CallEnded(call=ID, at=t(at), hangup_by=by)


def step(call: Call | None, event: CallEvent) -> tuple[Call | None, set[Change]]:
    transition = advance(call, event, account=AccountId("office"), pbx=PbxId("pbx"))
    return transition.call, set(transition.changes)


def told(*events: CallEvent) -> Call:
    call: Call | None = None
    for event in events:
        call, _ = step(call, event)
    assert call is not None
    return call


@pytest.mark.parametrize(
    ("before", "event", "changes"),
    [
        ([], started(), {Change.STARTED}),
        ([started()], offered(), {Change.RINGING}),
        ([started()], offered(kind=LegKind.EXTERNAL), set()),  # only an employee's ringing concerns anybody
        ([started(), offered()], LegRinging(call=ID, at=t(2), leg=A), set()),
        ([started(), offered()], LegAnswered(call=ID, at=t(3), leg=A), set()),
        ([started(), offered()], leg_ended(LegResult.BUSY), {Change.LEG_ENDED}),
        ([started()], connected(), {Change.ANSWERED}),
        ([started(), connected()], connected("102", 5), {Change.HANDED_OVER}),
        ([started(), connected()], ClientReleased(call=ID, at=t(5)), set()),
        ([started(), connected()], HoldStarted(call=ID, at=t(5)), {Change.HELD}),
        ([started(), connected(), HoldStarted(call=ID, at=t(5))], HoldEnded(call=ID, at=t(6)), {Change.HELD}),
        ([started()], chosen("56"), {Change.CHOSEN}),
        ([started(), chosen("55", 2)], chosen("56"), {Change.CHOSEN}),
        ([started()], RecordingStarted(call=ID, at=t(3), file="/a/b.wav"), set()),
        ([started()], CallDescribed(call=ID, at=t(3), queue="sales"), set()),
        ([started()], CallMerged(call=ID, at=t(3), into=OTHER), {Change.MERGED}),
        ([started()], ended(), {Change.ENDED}),
    ],
)
def test_each_event_changes_the_call_once(before: list[CallEvent], event: CallEvent, changes: set[Change]) -> None:
    call, first = step(told(*before) if before else None, event)
    assert first == changes
    again, second = step(call, event)
    assert again is call, "a repeated event gives the same object"
    assert second == set()


@pytest.mark.parametrize(
    ("direction", "events", "by", "disposition"),
    [
        (IN, [connected()], HangupBy.CALLER, Disposition.ANSWERED),
        (IN, [], HangupBy.CALLER, Disposition.MISSED),
        (IN, [offered(), leg_ended(LegResult.BUSY)], HangupBy.SYSTEM, Disposition.MISSED),
        (OUT, [offered()], HangupBy.CALLER, Disposition.CANCELLED),
        (OUT, [offered(), leg_ended(LegResult.BUSY)], HangupBy.CALLEE, Disposition.BUSY),
        (OUT, [offered(), leg_ended(LegResult.REJECTED)], HangupBy.CALLEE, Disposition.BUSY),
        (OUT, [offered(), leg_ended(LegResult.NOANSWER)], HangupBy.SYSTEM, Disposition.NOANSWER),
        (OUT, [offered(), leg_ended(LegResult.FAILED)], HangupBy.CALLEE, Disposition.FAILED),
        (INSIDE, [offered(), leg_ended(LegResult.UNAVAILABLE)], HangupBy.SYSTEM, Disposition.FAILED),
        # the last leg decides: the first trunk failed, the number behind the second one was busy
        (
            OUT,
            [offered(), leg_ended(LegResult.FAILED), offered(B, at=5), leg_ended(LegResult.BUSY, B, 6)],
            HangupBy.CALLEE,
            Disposition.BUSY,
        ),
        (OUT, [], HangupBy.SYSTEM, Disposition.FAILED),  # nothing could be dialled
    ],
)
def test_the_disposition_is_decided_at_the_end(
    direction: Direction, events: list[CallEvent], by: HangupBy, disposition: Disposition
) -> None:
    call = told(started(direction), *events, ended(by))
    assert call.disposition is disposition
    assert call.hangup_by is by


def test_talk_is_the_sum_of_the_times_in_somebodys_hands() -> None:
    call = told(
        started(), connected(at=3), ClientReleased(call=ID, at=t(7)), connected("102", 9), ended(at=14)
    )  # fmt: skip
    assert call.talked_seconds == (7 - 3) + (14 - 9)
    assert call.final_responsible == "102"
    assert call.answered_by == "101"


def test_hold_counts_only_while_somebody_has_the_client_and_ends_with_it() -> None:
    early = told(started(), HoldStarted(call=ID, at=t(1)), ended())
    assert early.held_seconds == 0
    call = told(started(), connected(at=3), HoldStarted(call=ID, at=t(4)), ClientReleased(call=ID, at=t(6)), ended())
    assert call.held_seconds == 6 - 4
    assert call.hold_since is None


def test_legs_are_in_the_order_of_their_offers_and_those_of_one_moment_by_target() -> None:
    late = offered(LegId("1.9"), "109", at=0.5)
    call = told(started(), offered(B, "102", 2), offered(A, "101", 2), late)
    assert [leg.target for leg in call.legs] == ["109", "101", "102"]


def test_a_result_once_given_stands() -> None:
    call = told(started(), offered(), leg_ended(LegResult.NOANSWER), leg_ended(LegResult.CANCELLED, at=5))
    assert call.legs[0].result is LegResult.NOANSWER
    call = told(started(), offered(), LegAnswered(call=ID, at=t(3), leg=A), leg_ended(LegResult.CANCELLED))
    assert call.legs[0].result is LegResult.ANSWERED
    assert call.legs[0].ended_at == t(4)


def test_the_end_closes_what_is_open() -> None:
    blind = TransferStarted(call=ID, at=t(5), kind=TransferKind.BLIND, from_="101", to="102")
    call = told(started(), offered(), connected(), blind, offered(B, "102", 5), ended(HangupBy.SYSTEM))
    assert [leg.result for leg in call.legs] == [LegResult.CANCELLED, LegResult.CANCELLED]
    assert [transfer.result for transfer in call.transfers] == [TransferResult.NOANSWER]
    assert call.talk_since is None


def test_the_newest_open_transfer_is_the_one_that_ends() -> None:
    first = TransferStarted(call=ID, at=t(5), kind=TransferKind.BLIND, from_="101", to="102")
    second = TransferStarted(call=ID, at=t(7), kind=TransferKind.PARK, from_="102", to="701")
    fetched = TransferEnded(call=ID, at=t(9), result=TransferResult.COMPLETED, to="103")
    call = told(started(), first, second, fetched)
    assert [(transfer.to, transfer.result) for transfer in call.transfers] == [
        ("102", None),
        ("103", TransferResult.COMPLETED),
    ]


@pytest.mark.parametrize(
    "event",
    [offered(), connected(), leg_ended(LegResult.BUSY), ClientReleased(call=ID, at=t(11)), started(), ended(at=12)],
    ids=lambda event: type(event).__name__,
)
def test_nothing_reopens_an_ended_call(event: CallEvent) -> None:
    call = told(started(), ended())
    assert step(call, event) == (call, set())


def test_late_facts_are_still_taken() -> None:
    call = told(started(), ended(), RecordingStarted(call=ID, at=t(3), file="a.wav"))
    assert call.recordings == ("a.wav",)
    assert told(started(), ended(), CallDescribed(call=ID, at=t(11), caller="7999")).caller == "7999"


def test_an_event_of_an_unknown_call_begins_nothing() -> None:
    assert step(None, connected()) == (None, set())


def test_an_event_of_another_call_is_not_taken() -> None:
    call = told(started())
    assert step(call, CallEnded(call=OTHER, at=t(3), hangup_by=HangupBy.CALLER)) == (call, set())


def test_a_joined_call_is_over_and_says_where_it_went() -> None:
    call = told(started(INSIDE), connected(), CallMerged(call=ID, at=t(8), into=OTHER))
    assert call.merged_into == OTHER
    assert call.ended_at == t(8)
    assert call.disposition is None


@pytest.mark.parametrize(
    ("file", "name"),
    [("/var/spool/monitor/2026/11/22/q-600.wav", "q-600.wav"), ("a.wav", "a.wav"), ("C:\\rec\\a.wav", "a.wav")],
)
def test_a_recording_is_named_without_its_folders(file: str, name: str) -> None:
    assert recording_name(file) == name


def test_the_last_choice_of_the_client_counts_and_after_the_end_none() -> None:
    call = told(started(), chosen("55", 2), chosen("56", 3, by="102"))
    assert call.chosen is not None
    assert (call.chosen.person, call.chosen.by) == (EntityRef(EntityKind.CONTACT, "56"), "102")
    over = told(started(), chosen("55", 2), ended())
    after, changes = step(over, chosen("56", 40))
    assert (after, changes) == (over, set())
