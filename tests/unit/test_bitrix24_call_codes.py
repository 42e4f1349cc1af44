"""How a call's result is said to Bitrix24."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.bitrix24 import call_codes
from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, LegResult, Origin, Via
from integration.domain.ids import AccountId, CallId, LegId, ManagerId, PbxId, Timestamp
from integration.ports.live_calls import LiveCall

NOW = Timestamp(1_790_000_000.0)
OUTGOING = Call(
    id=CallId("pbx:1.0"),
    account=AccountId("acme"),
    pbx=PbxId("pbx"),
    native_id="1.0",
    direction=Direction.OUTBOUND,
    caller="101",
    called="79161234567",
    started_at=NOW,
    ended_at=Timestamp(NOW + 20),
    disposition=Disposition.FAILED,
)
INCOMING = replace(OUTGOING, direction=Direction.INBOUND, disposition=Disposition.MISSED)


def client_leg(result: LegResult | None, cause: int | None = None) -> Leg:
    return Leg(
        id=LegId("1"), target="79161234567", kind=LegKind.EXTERNAL, via=Via.DIRECT, offered_at=NOW, result=result,
        cause=cause,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "cause", "disposition", "code"),
    [
        (LegResult.BUSY, 17, Disposition.BUSY, "486"),
        (LegResult.REJECTED, 21, Disposition.BUSY, "603"),
        (LegResult.NOANSWER, 19, Disposition.NOANSWER, "480"),
        (LegResult.FAILED, 1, Disposition.FAILED, "404"),
        (LegResult.FAILED, 28, Disposition.FAILED, "404"),
        (LegResult.FAILED, 34, Disposition.FAILED, "503"),
        (LegResult.FAILED, 38, Disposition.FAILED, "503"),
        (LegResult.FAILED, None, Disposition.FAILED, "OTHER"),
        (LegResult.CANCELLED, None, Disposition.CANCELLED, "603-S"),
        (LegResult.CANCELLED, None, Disposition.NOANSWER, "480"),
    ],
)
def test_an_outgoing_call_says_why_it_failed(
    result: LegResult, cause: int | None, disposition: Disposition, code: str
) -> None:
    call = replace(OUTGOING, legs=(client_leg(result, cause),), disposition=disposition)
    assert (call_codes.status_code(call), call_codes.duration_of(call)) == (code, 0)


def test_the_cause_of_the_whole_call_counts_where_the_leg_has_none() -> None:
    assert call_codes.status_code(replace(OUTGOING, hangup_cause=1)) == "404"


@pytest.mark.parametrize("disposition", [Disposition.MISSED, Disposition.BUSY, Disposition.CANCELLED])
def test_an_unanswered_incoming_call_is_always_missed(disposition: Disposition) -> None:
    assert call_codes.status_code(replace(INCOMING, disposition=disposition)) == "304"


@pytest.mark.parametrize(("talked", "seconds"), [(0.2, 1), (59.6, 60), (0.0, 1)])
def test_an_answered_call_has_at_least_a_second(talked: float, seconds: int) -> None:
    call = replace(
        INCOMING, disposition=Disposition.ANSWERED, answered_at=NOW, answered_by="101", talked_seconds=talked
    )
    assert (call_codes.status_code(call), call_codes.duration_of(call)) == ("200", seconds)


def test_a_click_whose_employee_did_not_pick_up_was_cancelled_by_our_side() -> None:
    own = replace(client_leg(LegResult.NOANSWER), target="101", kind=LegKind.EXTENSION, via=Via.CLICK)
    assert call_codes.status_code(replace(OUTGOING, origin=Origin(kind="click"), legs=(own,))) == "603-S"


@pytest.mark.parametrize(
    ("direction", "is_callback", "type_"),
    [(Direction.INBOUND, False, 2), (Direction.OUTBOUND, False, 1), (Direction.OUTBOUND, True, 4)],
)
def test_the_type(direction: Direction, is_callback: bool, type_: int) -> None:
    live = LiveCall(
        key="pbx:1.0", number="+79161234567", direction=direction, is_callback=is_callback, started_at=NOW, line=None,
        manager=ManagerId("14"), client=None, makes_client=False,
    )  # fmt: skip
    assert call_codes.type_of(live) == type_
