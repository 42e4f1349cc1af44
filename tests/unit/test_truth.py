"""The form in which `dozvon replay` prints a call: what is always there, and what only where it says something."""

from __future__ import annotations

import json
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
    Transfer,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.calls.truth import call_truth
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

BLANK = Call(
    id=CallId("p:1"),
    account=AccountId("a"),
    pbx=PbxId("p"),
    native_id="1",
    direction=Direction.INBOUND,
    caller="79161234567",
    called="74950000001",
    started_at=Timestamp(10.04),
)
ANSWERED = replace(
    BLANK,
    answered_at=Timestamp(13.26),
    answered_by="101",
    final_responsible="102",
    ended_at=Timestamp(60.0),
    disposition=Disposition.ANSWERED,
    talked_seconds=46.74,
    hangup_by=HangupBy.CALLER,
    recordings=("/var/spool/asterisk/monitor/in.wav", "second.wav"),
)
MISSED = replace(BLANK, ended_at=Timestamp(30.0), disposition=Disposition.MISSED)


def leg(**more: Any) -> Leg:
    fields: dict[str, Any] = {
        "id": LegId("1"), "target": "101", "kind": LegKind.EXTENSION, "via": Via.DIRECT, "offered_at": Timestamp(11.0)
    }  # fmt: skip
    return Leg(**fields | more)


def test_a_call_that_has_just_begun_has_all_fields_and_nothing_in_them() -> None:
    assert call_truth(BLANK) == {
        "uniqueid": "1",
        "direction": "inbound",
        "caller": "79161234567",
        "called": "74950000001",
        "disposition": None,
        "answered_by": None,
        "started": 10.0,
        "answered": None,
        "ended": None,
        "wait_seconds": None,
        "talk_seconds": 0.0,
        "final_responsible": None,
        "legs": [],
        "transfers": [],
        "recording": None,
        "hangup_by": None,
    }


def test_a_call_that_was_answered() -> None:
    told = call_truth(ANSWERED)
    assert told == call_truth(BLANK) | {
        "disposition": "answered",
        "answered_by": "101",
        "answered": 13.3,
        "ended": 60.0,
        "wait_seconds": 3.2,
        "talk_seconds": 46.7,
        "final_responsible": "102",
        "recording": "in.wav",
        "hangup_by": "caller",
    }
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    ("call", "waited"),
    [
        (BLANK, None),
        (MISSED, 20.0),
        (replace(BLANK, answered_at=Timestamp(13.0)), 3.0),
        (replace(BLANK, started_at=Timestamp(0.0), answered_at=Timestamp(0.0), ended_at=Timestamp(9.0)), 0.0),
    ],
    ids=["rings", "missed", "talks", "answered in the first moment"],
)
def test_a_client_waits_for_an_answer_or_for_the_end(call: Call, waited: float | None) -> None:
    assert call_truth(call)["wait_seconds"] == waited


CLICK = Origin(kind="click", request_id="a", crm_call_id="c")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (replace(ANSWERED, held_seconds=2.26), {"hold_seconds": 2.3}),
        (replace(ANSWERED, queue="sales"), {"queue": "sales"}),
        (replace(ANSWERED, origin=CLICK), {"origin": {"kind": "click", "action_id": "a", "crm_call_id": "c"}}),
        (replace(ANSWERED, seen_from_start=False), {"seen_from_start": False}),
        (replace(ANSWERED, consultation=True), {"consultation": True}),
        (replace(ANSWERED, end_inferred=True), {"end_inferred": True}),
        (replace(ANSWERED, answer_inferred=True), {"answer_inferred": True}),
        (replace(ANSWERED, recovered=True), {"recovered": True}),
    ],
)
def test_what_is_seldom_is_there_only_where_it_says_something(call: Call, said: dict[str, Any]) -> None:
    assert call_truth(call) == call_truth(ANSWERED) | said


def test_a_click_of_another_program_has_no_ids_to_show() -> None:
    assert call_truth(replace(ANSWERED, origin=Origin(kind="click"))) == call_truth(ANSWERED)


def test_a_click_that_never_dialled_the_client_says_why() -> None:
    agent = leg(via=Via.CLICK, result=LegResult.BUSY, ended_at=Timestamp(12.0))
    clicked = replace(MISSED, direction=Direction.OUTBOUND, disposition=Disposition.FAILED, origin=CLICK, legs=(agent,))
    assert call_truth(clicked)["failure"] == "agent_busy"


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        (leg(), {}),  # it rings
        (leg(answered_at=Timestamp(14.0)), {}),
        (leg(answered_at=Timestamp(14.0), ended_at=Timestamp(60.0), result=LegResult.ANSWERED), {"ring_seconds": 3.0}),
        (leg(ended_at=Timestamp(21.0), result=LegResult.NOANSWER), {"ring_seconds": 10.0}),
        (leg(ended_at=Timestamp(21.0), result=LegResult.NOANSWER, kind=LegKind.EXTERNAL), {"ring_seconds": 10.0}),
        # taken, not offered: it never rang
        (leg(answered_at=Timestamp(14.0), result=LegResult.ANSWERED, via=Via.PICKUP), {}),
        (leg(answered_at=Timestamp(14.0), result=LegResult.ANSWERED, via=Via.PARKING), {}),
        (leg(answered_at=Timestamp(14.0), result=LegResult.ANSWERED, kind=LegKind.CONFERENCE), {}),
    ],
)
def test_a_phone_rings_until_it_is_answered_or_given_up(offered: Leg, said: dict[str, Any]) -> None:
    [told] = call_truth(replace(BLANK, legs=(offered,)))["legs"]
    result = offered.result.value if offered.result else None
    assert told == {
        "target": "101", "kind": offered.kind.value, "via": offered.via.value, "result": result
    } | said  # fmt: skip


def test_a_queue_is_named_in_the_way_of_its_legs() -> None:
    [told] = call_truth(replace(BLANK, legs=(leg(via=Via.QUEUE, queue="sales"),)))["legs"]
    assert told["via"] == "queue:sales"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, {"result": None}),
        ({"result": TransferResult.ANSWERED}, {"result": "answered"}),
        ({"consultation_native_id": "2"}, {"result": None, "consultation_uniqueid": "2"}),
        ({"consultation_seconds": 0.04}, {"result": None, "consultation_seconds": 0.0}),
        ({"consultation_seconds": 7.77}, {"result": None, "consultation_seconds": 7.8}),
    ],
)
def test_a_transfer_and_its_consultation(more: dict[str, Any], said: dict[str, Any]) -> None:
    handed_over = Transfer(kind=TransferKind.ATTENDED, from_="101", to="102", at=Timestamp(20.0), **more)
    [told] = call_truth(replace(ANSWERED, transfers=(handed_over,)))["transfers"]
    assert told == {"kind": "attended", "from": "101", "to": "102", "at": 20.0} | said
