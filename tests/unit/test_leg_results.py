"""How an offer of a call ended: which of the PBX's signs counts before which, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from integration.domain.calls.call import LegKind, LegResult, Via
from integration.domain.ids import CallId, LegId, Timestamp
from pbx_adapter.asterisk.tracker.causes import leg_result, number_or_none
from pbx_adapter.asterisk.tracker.live import Bridge, Channel, LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.office import Party, PartyKind
from pbx_adapter.asterisk.tracker.results import result_of

STOPPED = 20.0


def t(at: float) -> Timestamp:
    return Timestamp(at)


# -- one leg by its own signs -----------------------------------------------------


@pytest.mark.parametrize(
    ("causes", "result"),
    [
        ((17,), LegResult.BUSY),
        ((21,), LegResult.REJECTED),
        ((23,), LegResult.FORWARDED),
        ((26,), LegResult.CANCELLED),
        ((3, 20), LegResult.UNAVAILABLE),
        ((1, 2, 27, 28, 34, 38, 41, 42, 44, 58, 88), LegResult.FAILED),
    ],
)
def test_a_cause_of_q850_that_is_sure_counts_before_what_the_dial_says(
    causes: tuple[int, ...], result: LegResult
) -> None:
    for cause in causes:
        for status in ("", "BUSY", "CONGESTION", "CHANUNAVAIL"):
            assert leg_result(dial_status=status, cause=cause) is result, (cause, status)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("BUSY", LegResult.BUSY),
        ("NOANSWER", LegResult.NOANSWER),
        ("CANCEL", LegResult.CANCELLED),
        ("CONGESTION", LegResult.FAILED),
        ("CHANUNAVAIL", LegResult.UNAVAILABLE),
        ("ABORT", LegResult.CANCELLED),
        ("DONTCALL", LegResult.REJECTED),
        ("TORTURE", LegResult.REJECTED),
        ("INVALIDARGS", LegResult.FAILED),
        ("WHATEVER COMES NEXT", LegResult.FAILED),
        ("", LegResult.CANCELLED),
    ],
)
def test_without_a_sure_cause_the_dial_decides(status: str, result: LegResult) -> None:
    for cause in (None, 0, 16, 18, 19, 127):
        assert leg_result(dial_status=status, cause=cause) is result, cause


@pytest.mark.parametrize(
    ("signs", "result"),
    [
        # Somebody else took it, or the phone sent it on: whatever else was said.
        ({"dial_status": "NOANSWER", "cause": 17, "picked_up": True, "forwarded": True}, LegResult.PICKED_UP_ELSEWHERE),
        ({"dial_status": "BUSY", "cause": 21, "forwarded": True, "off_hook": True}, LegResult.FORWARDED),
        # Picked up, and never got the call: it declined, unless the one who called had left.
        ({"dial_status": "NOANSWER", "cause": 16, "off_hook": True}, LegResult.REJECTED),
        ({"dial_status": "BUSY", "cause": 17, "off_hook": True}, LegResult.REJECTED),
        ({"dial_status": "NOANSWER", "cause": 16, "off_hook": True, "asker_left": True}, LegResult.CANCELLED),
        ({"dial_status": "CANCEL", "cause": 16, "off_hook": True}, LegResult.CANCELLED),
        # The one who called gave up: the phone's own cause comes too late.
        ({"dial_status": "CANCEL", "cause": 17}, LegResult.CANCELLED),
        # A Local pair's dial rang out: to the leg behind it that looks cancelled.
        ({"dial_status": "CANCEL", "cause": 16, "rang_out": True}, LegResult.NOANSWER),
        ({"dial_status": "", "cause": None, "rang_out": True}, LegResult.NOANSWER),
        ({"dial_status": "CANCEL", "cause": 17, "rang_out": True}, LegResult.BUSY),
        ({"dial_status": "CONGESTION", "cause": 16, "rang_out": True}, LegResult.FAILED),
        # "Answered elsewhere" is said of those who rang out as well.
        ({"dial_status": "NOANSWER", "cause": 26}, LegResult.NOANSWER),
        # Asterisk 22 gives a channel the cause of an earlier leg.
        ({"dial_status": "NOANSWER", "cause": 17, "inherited": True}, LegResult.NOANSWER),
        ({"dial_status": "", "cause": 21, "inherited": True}, LegResult.CANCELLED),
        # 480, as of "do not disturb".
        ({"dial_status": "NOANSWER", "cause": 19, "refused": True}, LegResult.UNAVAILABLE),
        ({"dial_status": "CANCEL", "cause": 19, "refused": True}, LegResult.CANCELLED),
        ({"dial_status": "NOANSWER", "cause": 17, "refused": True}, LegResult.BUSY),
        # Outside nothing is unavailable, the attempt failed.
        ({"dial_status": "CHANUNAVAIL", "cause": 20, "external": True}, LegResult.FAILED),
        ({"dial_status": "NOANSWER", "cause": 19, "refused": True, "external": True}, LegResult.FAILED),
        ({"dial_status": "BUSY", "cause": 17, "external": True}, LegResult.BUSY),
    ],
)
def test_which_sign_counts_before_which(signs: dict[str, Any], result: LegResult) -> None:
    assert leg_result(**signs) is result


@pytest.mark.parametrize(
    ("text", "number"), [("17", 17), ("0", 0), ("", None), ("x", None), (None, None), (["1"], None), ("-1", None)]
)
def test_a_cause_is_a_number_or_unknown(text: object, number: int | None) -> None:
    assert number_or_none(text) == number


# -- by the channels around it ----------------------------------------------------

CALL_ID = CallId("pbx:1.0")


def a_call(**fields: Any) -> LiveCall:
    return LiveCall("1.0", CALL_ID, t(0), **fields)


def a_channel(call: LiveCall, uid: str = "1.1", kind: PartyKind = PartyKind.EXTERNAL, **fields: Any) -> Channel:
    return Channel(uid, f"PJSIP/trunk-{uid}", Party(kind, "7916"), "1.0", t(0), call, **fields)


def a_leg(call: LiveCall, uid: str = "leg", **fields: Any) -> LiveLeg:
    signs: dict[str, Any] = {"kind": LegKind.EXTENSION, "stopped_at": t(STOPPED), **fields}
    leg = LiveLeg(LegId(uid), "101", signs.pop("kind"), Via.DIRECT, t(1), call, **signs)
    call.legs.append(leg)
    return leg


def test_a_result_that_was_decided_stays() -> None:
    assert result_of(a_leg(a_call(), result=LegResult.BUSY, answered_at=t(2))) is LegResult.BUSY
    assert result_of(a_leg(a_call(), answered_at=t(2), dial_status="BUSY", cause=17)) is LegResult.ANSWERED


@pytest.mark.parametrize(
    ("asker", "own_left_at", "result"),
    [
        (None, None, LegResult.REJECTED),
        ({}, None, LegResult.REJECTED),
        # The caller hung up: before the phone stopped, or within what events may be out of order.
        ({"left_at": t(STOPPED - 5)}, None, LegResult.CANCELLED),
        ({"left_at": t(STOPPED + 0.2)}, None, LegResult.CANCELLED),
        ({"left_at": t(STOPPED + 0.25)}, None, LegResult.CANCELLED),
        ({"left_at": t(STOPPED + 1)}, None, LegResult.REJECTED),
        # The phone was put down first.
        ({"left_at": t(STOPPED)}, t(STOPPED - 1), LegResult.REJECTED),
        ({"left_at": t(STOPPED)}, t(STOPPED), LegResult.CANCELLED),
        # No HangupRequest of the caller was heard: it was gone before.
        ({"gone_at": t(STOPPED - 0.1)}, None, LegResult.CANCELLED),
        ({"gone_at": t(STOPPED)}, None, LegResult.REJECTED),
    ],
)
def test_a_phone_that_was_picked_up_without_getting_the_call_declined_unless_its_caller_had_left(
    asker: dict[str, Any] | None, own_left_at: Timestamp | None, result: LegResult
) -> None:
    call = a_call()
    phone = a_channel(call, "1.9", PartyKind.EXTENSION, left_at=own_left_at)
    leg = a_leg(call, off_hook_at=t(10), dial_status="NOANSWER", cause=16, channels={phone.uid: phone})
    leg.asker = None if asker is None else a_channel(call, **asker)
    assert result_of(leg) is result


def test_the_first_device_of_an_extension_to_be_put_down_counts() -> None:
    call = a_call()
    devices = {uid: a_channel(call, uid, PartyKind.EXTENSION, left_at=t(at)) for uid, at in (("1.8", 19), ("1.9", 21))}
    leg = a_leg(call, off_hook_at=t(10), dial_status="NOANSWER", cause=16, channels=devices)
    leg.asker = a_channel(call, left_at=t(STOPPED))
    assert result_of(leg) is LegResult.REJECTED


@pytest.mark.parametrize(
    ("kind", "result"), [(LegKind.EXTENSION, LegResult.UNAVAILABLE), (LegKind.EXTERNAL, LegResult.FAILED)]
)
def test_only_a_phone_of_the_office_is_unavailable(kind: LegKind, result: LegResult) -> None:
    assert result_of(a_leg(a_call(), kind=kind, dial_status="CHANUNAVAIL", cause=20)) is result


def test_a_phone_that_still_rings_is_not_cancelled_by_a_caller_who_left() -> None:
    call = a_call()
    leg = a_leg(call, off_hook_at=t(10), dial_status="NOANSWER", cause=16, stopped_at=None)
    leg.asker = a_channel(call, left_at=t(5))
    assert result_of(leg) is LegResult.REJECTED


@pytest.mark.parametrize(
    ("door", "asker", "result"),
    [
        ({"dial_status": "NOANSWER"}, {}, LegResult.NOANSWER),
        ({"dial_status": "BUSY"}, {}, LegResult.CANCELLED),
        # FollowMe() takes its doors down without a word, or long after it said CANCEL; the client still waits.
        ({"gone_at": t(STOPPED)}, {}, LegResult.NOANSWER),
        ({"gone_at": t(STOPPED), "dial_ended_at": t(STOPPED - 1)}, {}, LegResult.NOANSWER),
        ({"gone_at": t(STOPPED), "dial_ended_at": t(STOPPED + 1)}, {}, LegResult.NOANSWER),
        ({"gone_at": t(STOPPED), "dial_ended_at": t(STOPPED - 0.9)}, {}, LegResult.CANCELLED),
        ({"gone_at": None}, {}, LegResult.CANCELLED),
        # Somebody else was taken, or the client left.
        ({"gone_at": t(STOPPED)}, {"bridge": Bridge("b")}, LegResult.CANCELLED),
        ({"gone_at": t(STOPPED)}, {"left_at": t(STOPPED)}, LegResult.CANCELLED),
        ({"gone_at": t(STOPPED)}, {"gone_at": t(STOPPED - 1)}, LegResult.CANCELLED),
        ({"gone_at": t(STOPPED)}, {"gone_at": t(STOPPED)}, LegResult.NOANSWER),
        ({"gone_at": t(STOPPED)}, None, LegResult.CANCELLED),
    ],
)
def test_a_leg_behind_a_local_pair_rang_out_when_the_dial_of_the_pair_did(
    door: dict[str, Any], asker: dict[str, Any] | None, result: LegResult
) -> None:
    call = a_call()
    leg = a_leg(call, dial_status="CANCEL", cause=16, doors=(a_channel(call, "1.5", PartyKind.LOCAL, **door),))
    leg.asker = None if asker is None else a_channel(call, **asker)
    assert result_of(leg) is result


@pytest.mark.parametrize("kind", [LegKind.EXTENSION, LegKind.EXTERNAL])
@pytest.mark.parametrize("status", ["", "CANCEL"])
@pytest.mark.parametrize(
    ("leg_says", "channel_says", "result"),
    [
        ({"originated": True}, {}, LegResult.NOANSWER),
        ({"originated": True, "refused": True}, {}, LegResult.CANCELLED),
        # Somebody has the PBX take it down: SoftHangupRequest.
        ({"originated": True}, {"let_go": True}, LegResult.CANCELLED),
        ({"originated": False}, {}, LegResult.CANCELLED),
    ],
)
def test_only_its_own_time_ends_the_ringing_of_an_originate(
    kind: LegKind, status: str, leg_says: dict[str, Any], channel_says: dict[str, Any], result: LegResult
) -> None:
    call = a_call()
    rung = a_channel(call, "1.9", **channel_says)
    leg = a_leg(call, kind=kind, dial_status=status, channels={rung.uid: rung}, **leg_says)
    assert result_of(leg) is result


@pytest.mark.parametrize(("client_first", "result"), [(True, LegResult.NOANSWER), (False, LegResult.CANCELLED)])
def test_behind_a_local_pair_the_dialplan_may_ring_several_phones_and_cancel_one(
    client_first: bool, result: LegResult
) -> None:
    call = a_call(client_first=client_first)
    door = a_channel(call, "1.5", PartyKind.LOCAL)
    assert result_of(a_leg(call, originated=True, dial_status="CANCEL", doors=(door,))) is result


@pytest.mark.parametrize(
    ("other", "own", "result"),
    [
        ({}, {}, LegResult.NOANSWER),
        ({}, {"refused": True}, LegResult.BUSY),
        ({"cause": 16}, {}, LegResult.BUSY),
        ({"stopped_at": t(STOPPED)}, {}, LegResult.BUSY),
        ({"stopped_at": None}, {}, LegResult.BUSY),
        ({"source": None}, {}, LegResult.BUSY),
        ({}, {"stopped_at": None}, LegResult.BUSY),
    ],
)
def test_a_cause_that_an_earlier_leg_of_the_same_dial_had_is_not_this_ones(
    other: dict[str, Any], own: dict[str, Any], result: LegResult
) -> None:
    call = a_call()
    source = a_channel(call)
    busy: dict[str, Any] = {"source": source, "cause": 17, "stopped_at": t(STOPPED - 3), "refused": True}
    rang: dict[str, Any] = {"source": source, "cause": 17, "dial_status": "NOANSWER"}
    a_leg(call, "busy", **(busy | other))
    leg = a_leg(call, **(rang | own))
    assert result_of(leg) is result


def test_a_leg_that_nobody_dialled_inherits_no_cause() -> None:
    call = a_call()
    a_leg(call, "busy", cause=17, stopped_at=t(STOPPED - 3), refused=True)
    assert result_of(a_leg(call, cause=17, dial_status="NOANSWER")) is LegResult.BUSY
