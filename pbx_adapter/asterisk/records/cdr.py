"""CDR to calls: folds the rows with one linkedid, one row for each pair of channels, into one business call.

CDR is made for billing and holds less than CEL (docs/howto/recover-missed-calls.md compares them). A call is answered
if a row is ANSWERED and its second channel belongs to a person; a queue or voicemail that answers by itself does not
count. CDR does not say when somebody in a queue answered: it is the moment when the other phones stopped ringing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, LegResult, Origin, Via
from integration.domain.ids import LegId, Timestamp
from integration.ports.records import RecordedCall
from pbx_adapter.asterisk.records.rows import CdrRow
from pbx_adapter.asterisk.tracker.beginning import LONGEST_EXTENSION
from pbx_adapter.asterisk.tracker.names import dialled_number, endpoint_of
from pbx_adapter.asterisk.tracker.office import OfficeShape, Party, PartyKind

_TOGETHER_SECONDS = 0.25
_WHOLE_SECOND = 1.0  # Master.csv has whole seconds: one moment may be written as two
_ORIGINATED = "AppDial2"  # the application of an originated channel until it is answered
_LEG_RESULTS = {
    "ANSWERED": LegResult.ANSWERED,
    "NO ANSWER": LegResult.NOANSWER,
    "BUSY": LegResult.BUSY,
    "FAILED": LegResult.FAILED,
    "CONGESTION": LegResult.FAILED,
}
_DISPOSITIONS = {
    LegResult.NOANSWER: Disposition.NOANSWER,
    LegResult.BUSY: Disposition.BUSY,
    LegResult.FAILED: Disposition.FAILED,
}


def recorded(calls: Iterable[Call], rows: Iterable[CdrRow], office: OfficeShape) -> list[RecordedCall]:
    """
    Join both kinds of records: calls of CEL with their recordings from CDR, and calls that only CDR has.

    Args:
        calls: what `cel.calls_of` returns, with live and joined calls.

    Returns:
        Each ended call once, by start.
    """
    by_linkedid: dict[str, list[CdrRow]] = defaultdict(list)
    for row in dict.fromkeys(rows):
        by_linkedid[row.linkedid].append(row)
    followed = list(calls)
    joined: dict[str, list[str]] = defaultdict(list)
    for call in followed:
        if call.merged_into is not None:
            joined[call.merged_into].append(call.native_id)
    known = {call.native_id for call in followed}
    found = [
        _from_call(call, joined[call.id], by_linkedid)
        for call in followed
        if call.merged_into is None and call.ended_at is not None
    ]
    for linkedid, own in by_linkedid.items():
        if linkedid not in known and (folded := fold(own, office)) is not None:
            found.append(folded)
    return sorted(found, key=lambda call: (call.started_at, call.native_id))


def _from_call(call: Call, joined: Sequence[str], rows: dict[str, list[CdrRow]]) -> RecordedCall:
    files: list[str] = []
    if call.answered_at is not None:
        files = _recordings(row for uniqueid in (call.native_id, *joined) for row in rows.get(uniqueid, ()))
    return RecordedCall(
        native_id=call.native_id,
        joined=tuple(joined),
        direction=call.direction,
        caller=call.caller,
        called=call.called or next((row.did for row in rows.get(call.native_id, ()) if row.did), ""),
        caller_name=call.caller_name,
        started_at=call.started_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at if call.ended_at is not None else call.started_at,
        disposition=call.disposition or Disposition.FAILED,
        answered_by=call.answered_by,
        final_responsible=call.final_responsible,
        talked_seconds=call.talked_seconds,
        legs=call.legs,
        transfers=call.transfers,
        recordings=tuple(files),
        hangup_by=call.hangup_by,
        hangup_cause=call.hangup_cause,
        queue=call.queue,
        consultation=call.consultation,
        origin=call.origin,
        received=call.received,
    )


def fold(rows: Sequence[CdrRow], office: OfficeShape) -> RecordedCall | None:
    """One call from all rows of one linkedid; None for a feature code or an internal channel of Asterisk."""
    ordered = sorted(rows, key=lambda row: (row.start, row.sequence, row.uniqueid, row.dstchannel))
    root = next((row for row in ordered if row.uniqueid == row.linkedid), None)
    if root is None:
        return None
    caller = office.party(root.channel, root.dcontext, root.src)
    if caller.kind not in (PartyKind.EXTENSION, PartyKind.EXTERNAL):
        return None
    in_vain = root.lastapp == _ORIGINATED
    if in_vain and caller.kind is PartyKind.EXTERNAL:
        return None  # a callback that its client did not answer: CDR has neither the client's number nor the employee
    dialled = root.dst if caller.kind is PartyKind.EXTENSION else root.did
    if in_vain:
        dialled = root.src  # a click shows the client on the employee's phone
    if caller.kind is PartyKind.EXTENSION and dialled[:1] in ("*", "#") and not root.dstchannel:
        return None
    legs = [_clicked(root, caller)] if in_vain else _legs(ordered, root, office)
    direction = _direction(caller, dialled, legs)
    ended_at = Timestamp(max(row.end for row in ordered))
    answered = [leg for leg in legs if leg.result is LegResult.ANSWERED and leg.answered_at is not None]
    people = [leg for leg in answered if leg.kind is LegKind.EXTENSION] if direction is Direction.INBOUND else answered
    taken = people or answered
    outside = next((leg.target for leg in legs if leg.kind is LegKind.EXTERNAL and leg.target), "")
    called = outside or dialled if direction is Direction.OUTBOUND else dialled
    by = called if direction is Direction.OUTBOUND else (taken[0].target if taken else None)
    files = _recordings(ordered) if taken else []
    return RecordedCall(
        native_id=root.uniqueid,
        direction=direction,
        caller=caller.number or root.src,
        called=called,
        caller_name=(root.name or None) if caller.kind is PartyKind.EXTERNAL else None,
        started_at=root.start,
        answered_at=min((leg.answered_at for leg in taken if leg.answered_at is not None), default=None),
        ended_at=ended_at,
        disposition=Disposition.FAILED if in_vain else _disposition(direction, legs, is_answered=bool(taken)),
        answered_by=by if taken else None,
        final_responsible=_responsible(direction, caller, taken),
        talked_seconds=_talked(taken),
        legs=tuple(legs),
        recordings=tuple(files),
        queue=next((_queue(row) for row in ordered if _queue(row)), None),
        origin=Origin(kind="click") if in_vain else None,
    )


def _legs(rows: Sequence[CdrRow], root: CdrRow, office: OfficeShape) -> list[Leg]:
    """One leg for each person's channel. A person reached through a Local pair has two rows; the inner one counts."""
    legs: list[Leg] = []
    seen: set[str] = {root.channel}
    for row in sorted(rows, key=lambda row: (not row.channel.startswith("Local/"), row.start)):
        party = office.party(row.dstchannel, "", "") if row.dstchannel else None
        if party is None or party.kind not in (PartyKind.EXTENSION, PartyKind.EXTERNAL) or row.dstchannel in seen:
            continue
        seen.add(row.dstchannel)
        legs.append(_leg(row, party, rows))
    return sorted(legs, key=lambda leg: (leg.offered_at, leg.target))


def _leg(row: CdrRow, party: Party, rows: Sequence[CdrRow]) -> Leg:
    is_external = party.kind is PartyKind.EXTERNAL
    result = _LEG_RESULTS.get(row.disposition, LegResult.FAILED)
    queue = _queue(row) or next((_queue(other) for other in rows if _is_door(row, other)), "")
    answered_at = _answered_at(row, rows) if result is LegResult.ANSWERED else None
    return Leg(
        id=LegId(f"{row.uniqueid}:{row.dstchannel}"),
        target=_outside_number(row) if is_external else party.number,
        kind=LegKind.EXTERNAL if is_external else LegKind.EXTENSION,
        via=Via.QUEUE if queue else Via.DIRECT,
        queue=queue or None,
        offered_at=row.start,
        answered_at=answered_at,
        ended_at=row.end,
        result=result,
    )


def _clicked(root: CdrRow, caller: Party) -> Leg:
    """The phone of the employee who clicked and did not pick up; else the row describes the client's leg."""
    return Leg(
        id=LegId(f"{root.uniqueid}:{root.channel}"),
        target=caller.number,
        kind=LegKind.EXTENSION,
        via=Via.CLICK,
        offered_at=root.start,
        answered_at=None,
        ended_at=root.end,
        result=_LEG_RESULTS.get(root.disposition, LegResult.FAILED),
    )


def _is_door(row: CdrRow, other: CdrRow) -> bool:
    """Whether `other` dialled the first half of the Local pair whose second half made `row`."""
    return row.channel.endswith(";2") and other.dstchannel == row.channel[:-1] + "1"


def _answered_at(row: CdrRow, rows: Sequence[CdrRow]) -> Timestamp:
    """
    When a person answered.

    A queue answers the client itself, so its row has the moment when the phone began to ring. The other phones stop
    ringing when one is picked up, which gives the moment. If only one phone rang, the row's own moment is returned.
    """
    answer = row.answer if row.answer is not None else row.start
    if row.lastapp != "Queue" or answer - row.start > _TOGETHER_SECONDS:
        return answer
    stopped = [
        other.end
        for other in rows
        if other is not row
        and other.lastapp == "Queue"
        and other.disposition == "NO ANSWER"
        and abs(other.start - row.start) <= _WHOLE_SECOND
        and row.start < other.end < row.end
    ]
    return max(stopped, default=answer)


def _outside_number(row: CdrRow) -> str:
    """The number in the dial string: `PJSIP/79161234567@trunk,20`."""
    endpoint = endpoint_of(row.dstchannel)[1]
    for part in row.lastdata.partition(",")[0].split("&"):
        number = dialled_number(part)
        if number and endpoint in part:
            return number
    return dialled_number(row.dst)


def _queue(row: CdrRow) -> str:
    return row.lastdata.partition(",")[0] if row.lastapp == "Queue" else ""


def _direction(caller: Party, dialled: str, legs: Sequence[Leg]) -> Direction:
    if caller.kind is PartyKind.EXTERNAL:
        return Direction.INBOUND
    went_outside = bool(legs) and legs[0].kind is LegKind.EXTERNAL
    if went_outside or len(dialled_number(dialled)) > LONGEST_EXTENSION:
        return Direction.OUTBOUND
    return Direction.INTERNAL


def _disposition(direction: Direction, legs: Sequence[Leg], *, is_answered: bool) -> Disposition:
    if is_answered:
        return Disposition.ANSWERED
    if direction is Direction.INBOUND:
        return Disposition.MISSED
    last = legs[-1].result if legs else None
    return _DISPOSITIONS.get(last, Disposition.FAILED) if last is not None else Disposition.FAILED


def _responsible(direction: Direction, caller: Party, taken: Sequence[Leg]) -> str | None:
    people = [leg.target for leg in taken if leg.kind is LegKind.EXTENSION]
    if people:
        return people[-1]
    return caller.number if taken and direction is Direction.OUTBOUND else None


def _talked(taken: Sequence[Leg]) -> float:
    """Seconds in which at least one of these legs was up."""
    total, until = 0.0, 0.0
    for leg in sorted(taken, key=lambda leg: leg.answered_at or 0.0):
        begin, end = leg.answered_at or leg.offered_at, leg.ended_at or leg.offered_at
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def _recordings(rows: Iterable[CdrRow]) -> list[str]:
    ordered = sorted(rows, key=lambda row: (row.start, row.sequence))
    return list(dict.fromkeys(row.recording for row in ordered if row.recording))
