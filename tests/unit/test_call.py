"""What a call says of itself: its client, its line, and why a click never dialled the client."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, Failure, Leg, LegKind, LegResult, Origin, Via
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp

CLIENT, DID = "79161234567", "74950000001"
CLICK = Origin(kind="click", request_id="a")


def leg(via: Via = Via.CLICK, result: LegResult | None = None, *, answered: float | None = None) -> Leg:
    at = Timestamp(answered) if answered is not None else None
    return Leg(
        id=LegId(f"{via}{result}"), target="101", kind=LegKind.EXTENSION, via=via,
        offered_at=Timestamp(1.0), answered_at=at, result=result,
    )  # fmt: skip


def clicked(*legs: Leg, **more: Any) -> Call:
    """A click that has ended, and nobody was reached."""
    made = Call(
        id=CallId("p:1"),
        account=AccountId("a"),
        pbx=PbxId("p"),
        native_id="1",
        direction=Direction.OUTBOUND,
        caller="101",
        called=CLIENT,
        started_at=Timestamp(0.0),
        ended_at=Timestamp(30.0),
        origin=CLICK,
        legs=legs,
    )
    return replace(made, **more)


@pytest.mark.parametrize(
    ("direction", "caller", "called", "client", "line"),
    [
        (Direction.INBOUND, CLIENT, DID, CLIENT, DID),
        (Direction.OUTBOUND, "101", CLIENT, CLIENT, None),
        (Direction.INTERNAL, "101", "102", None, None),
    ],
)
def test_a_calls_client_is_outside_and_only_a_call_from_there_comes_to_a_line(
    direction: Direction, caller: str, called: str, client: str | None, line: str | None
) -> None:
    call = clicked(direction=direction, caller=caller, called=called)
    assert (call.client_number, call.line) == (client, line)


@pytest.mark.parametrize(
    ("call", "failure"),
    [
        (clicked(leg(result=LegResult.NOANSWER)), Failure.AGENT_NOANSWER),
        (clicked(leg(result=LegResult.BUSY)), Failure.AGENT_BUSY),
        (clicked(leg(result=LegResult.REJECTED)), Failure.AGENT_REJECTED),
        (clicked(leg(result=LegResult.CANCELLED)), Failure.AGENT_CANCELLED),
        (clicked(leg(result=LegResult.UNAVAILABLE)), Failure.AGENT_UNAVAILABLE),
        (clicked(leg(result=LegResult.FAILED)), Failure.AGENT_FAILED),
        (clicked(), Failure.AGENT_FAILED),
        (clicked(leg()), Failure.AGENT_FAILED),
        # the phone forwards the call: the result there counts
        (clicked(leg(result=LegResult.FORWARDED), leg(Via.FORWARD, LegResult.NOANSWER)), Failure.AGENT_NOANSWER),
        (clicked(leg(result=LegResult.BUSY), leg(Via.FORWARD, LegResult.NOANSWER)), Failure.AGENT_NOANSWER),
        # a queue is rung in place of a phone
        (clicked(leg(Via.QUEUE, LegResult.NOANSWER), leg(Via.QUEUE, LegResult.BUSY)), Failure.AGENT_BUSY),
        # found in its middle, but the employee's phone was seen
        (clicked(leg(result=LegResult.BUSY), seen_from_start=False), Failure.AGENT_BUSY),
        # another program made it, without an id of ours or the CRM's
        (clicked(leg(result=LegResult.NOANSWER), origin=Origin(kind="click")), Failure.AGENT_NOANSWER),
        # only the PBX's own records have it, or its end
        (clicked(leg(result=LegResult.BUSY), seen_from_start=False, recovered=True), Failure.AGENT_BUSY),
        (clicked(leg(result=LegResult.NOANSWER), recovered=True), Failure.AGENT_NOANSWER),
    ],
)
def test_a_click_that_the_employees_phone_did_not_take_says_what_the_phone_did(call: Call, failure: Failure) -> None:
    assert call.failure is failure


AGENT = leg(result=LegResult.BUSY)


@pytest.mark.parametrize(
    "call",
    [
        clicked(AGENT, origin=None),
        clicked(AGENT, origin=Origin(kind="callback", request_id="a")),
        clicked(AGENT, ended_at=None),
        clicked(AGENT, answered_at=Timestamp(5.0)),
        clicked(AGENT, leg(Via.DIRECT, LegResult.BUSY)),
        clicked(leg(answered=2.0)),
        clicked(leg(result=LegResult.ANSWERED, answered=2.0), leg(Via.DIRECT, LegResult.NOANSWER)),
        clicked(AGENT, end_inferred=True),
        clicked(leg(answered=2.0), recovered=True),
        clicked(seen_from_start=False),
    ],
    ids=[
        "dialled at the phone",
        "asked for by a form",
        "it goes on",
        "the client has answered",
        "the client was dialled",
        "the employee has answered",
        "the client did not answer",
        "nobody saw the end",
        "the records show that the employee answered",
        "nobody saw the employee's phone",
    ],
)
def test_no_failure_is_told_of_a_call_in_which_the_client_may_have_been_dialled(call: Call) -> None:
    assert call.failure is None
