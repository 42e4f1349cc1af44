"""The form in which `dozvon replay` prints a call: a plain dict, with seconds since the start of the recording.

It is the form of the recorded traces' `*.expected.json`. Neither reading streams nor printing belongs here.
"""

from __future__ import annotations

from typing import Any

from integration.domain.calls.call import Call, Leg, LegKind, LegResult, Transfer, Via
from integration.domain.calls.tracking import recording_name


def call_truth(call: Call) -> dict[str, Any]:
    """
    Describe a call in the form of the traces.

    Returns:
        A JSON-ready dict. Times and durations are seconds, rounded to 0.1. `ended`, `disposition` and a leg's `result`
        are None while open. Present only where they say something: `hold_seconds`, `queue`, `origin`, `failure`,
        `consultation` (true), `seen_from_start` (false), `end_inferred`, `answer_inferred` and `recovered` (true).
    """
    end = call.ended_at
    talked = call.talked_seconds
    answered_or_ended = call.answered_at if call.answered_at is not None else end
    truth: dict[str, Any] = {
        "uniqueid": call.native_id,
        "direction": call.direction.value,
        "caller": call.caller,
        "called": call.called,
        "disposition": call.disposition.value if call.disposition else None,
        "answered_by": call.answered_by,
        "started": _tenths(call.started_at),
        "answered": _tenths(call.answered_at),
        "ended": _tenths(end),
        "wait_seconds": None if answered_or_ended is None else _tenths(answered_or_ended - call.started_at),
        "talk_seconds": _tenths(talked),
        "final_responsible": call.final_responsible,
        "legs": [_leg_truth(leg) for leg in call.legs],
        "transfers": [_transfer_truth(transfer) for transfer in call.transfers],
        "recording": recording_name(call.recordings[0]) if call.recordings else None,
        "hangup_by": call.hangup_by.value if call.hangup_by else None,
    }
    if call.held_seconds:
        truth["hold_seconds"] = _tenths(call.held_seconds)
    if call.queue:
        truth["queue"] = call.queue
    if call.origin and (call.origin.request_id or call.origin.crm_call_id):
        truth["origin"] = {
            "kind": call.origin.kind,
            "action_id": call.origin.request_id,
            "crm_call_id": call.origin.crm_call_id,
        }
    if call.failure is not None:
        truth["failure"] = call.failure.value
    if not call.seen_from_start:
        truth["seen_from_start"] = False
    for flag in ("consultation", "end_inferred", "answer_inferred", "recovered"):
        if getattr(call, flag):
            truth[flag] = True
    return truth


def _leg_truth(leg: Leg) -> dict[str, Any]:
    truth: dict[str, Any] = {
        "target": leg.target,
        "kind": leg.kind.value,
        "via": leg.way,
        "result": leg.result.value if leg.result else None,
    }
    stopped = leg.answered_at if leg.result is LegResult.ANSWERED else leg.ended_at
    # A phone that took the call actively (a pickup, a parked call, a room) never rang.
    if stopped is not None and leg.kind is not LegKind.CONFERENCE and leg.via not in (Via.PICKUP, Via.PARKING):
        truth["ring_seconds"] = _tenths(stopped - leg.offered_at)
    return truth


def _transfer_truth(transfer: Transfer) -> dict[str, Any]:
    truth: dict[str, Any] = {
        "kind": transfer.kind.value,
        "from": transfer.from_,
        "to": transfer.to,
        "result": transfer.result.value if transfer.result else None,
        "at": _tenths(transfer.at),
    }
    if transfer.consultation_native_id is not None:
        truth["consultation_uniqueid"] = transfer.consultation_native_id
    if transfer.consultation_seconds is not None:
        truth["consultation_seconds"] = _tenths(transfer.consultation_seconds)
    return truth


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
