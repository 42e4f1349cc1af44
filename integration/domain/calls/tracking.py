"""Applying events to calls: `advance()`. Adapters interpret a PBX's frames.

Theory of operation
-------------------

An adapter reports what happened to one business call as events of `events.py`. `advance()` takes a call and one event,
and returns the new call and the set of changes that other parts react to. It uses neither the PBX nor a clock: the time
is the event's `at`.

A call has three states, and answers two questions at any time:

    none --CallStarted--> live --CallEnded--> over
                           \\---CallMerged---> over, not logged separately

- Who has the client? `ClientConnected` opens a period of talk (the first one answers the call), `ClientReleased` and
  the end close it. While one is open, `HoldStarted` and `HoldEnded` mark the part of it spent on hold.
- Who was rung? Each `LegOffered` opens a leg; it is answered or ended once, and its result never changes. The legs
  are kept in the order of their offers (those of one moment by target), which is not always the order in which they
  become known.

Streams repeat events, so a call remembers those it has applied (`Call.heard`): a repeated event, at once or much later,
returns the same `Call` object and no changes.

Events also come late, so times are clamped: nothing begins before the call or before what it is part of, and
no time is negative or longer than the call. After the end only facts that describe the call are still taken
(`CallDescribed`, `RecordingStarted`, `HangUpPressed`); nothing can reopen it, and the result is decided again when the
direction changes. An event for a call without a start is dropped, because it has no direction and no number, and so is
one for a leg without an offer. Such an event has not been applied: repeated after the start or the offer, it counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from integration.domain.calls.call import (
    Call,
    ChosenClient,
    Direction,
    Disposition,
    Failure,
    HangupBy,
    Leg,
    LegKind,
    LegResult,
    Press,
    Transfer,
    TransferKind,
    TransferResult,
)
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
    HangUpPressed,
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
from integration.domain.calls.received import Received
from integration.domain.copying import changed
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, LegId, PbxId, Timestamp


class Change(StrEnum):
    """What other parts react to after a step; several may come at once."""

    STARTED = "started"
    RINGING = "ringing"  # an extension was offered the call
    ANSWERED = "answered"  # the client and a person connected for the first time
    HANDED_OVER = "handed_over"  # another person has the client now
    HELD = "held"  # hold began or ended
    RECEIVED = "received"  # a client who answered before an employee was on the line: waits, pressed a key, ...
    CHOSEN = "chosen"  # an employee said which of several persons is calling
    LEG_ENDED = "leg_ended"
    ENDED = "ended"
    CORRECTED = "corrected"  # an ended call: its direction, numbers or recordings are others than was known at its end
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Transition:
    call: Call | None  # None: the call is unknown and the event cannot start it
    changes: frozenset[Change]


NOTHING: frozenset[Change] = frozenset()

MOST_HEARD = 1000
"""Events that a call remembers, the newest. An ordinary call has 20; one that rings a queue of ten for half an hour has
2,000, but an older event of a leg is known by its leg."""


def advance(call: Call | None, event: CallEvent, *, account: AccountId, pbx: PbxId) -> Transition:
    """
    Apply one event to one call.

    Args:
        call: its state so far; None for its first event.

    Returns:
        The new state and what changed. A repeated or late event changes nothing: `call` is the same object and
        `changes` is empty. A step may also change the call without anything for others to know (an empty `changes`
        with another object): save whenever the object differs. Never raises.
    """
    if call is None:
        if isinstance(event, CallStarted):
            return Transition(_begin(event, account, pbx), frozenset({Change.STARTED}))
        return Transition(None, NOTHING)
    step = (_STEPS if call.ended_at is None else _STEPS_AFTER_THE_END).get(type(event))
    if step is None or event.call != call.id:
        return Transition(call, NOTHING)
    if type(event) in _KNOWN_BY_THEIR_LEG:
        after, *changes = step(call, event)
        return Transition(after, frozenset(changes))
    mark = _mark(event)
    if mark in call.heard:
        return Transition(call, NOTHING)
    after, *changes = step(call, event)
    return Transition(changed(after, heard=(*after.heard, mark)[-MOST_HEARD:]), frozenset(changes))


# What these change can be read from the call, whenever they are repeated: they need not be remembered.
_KNOWN_BY_THEIR_LEG = frozenset({LegRinging, LegAnswered, LegEnded, RecordingStarted, CallMerged, CallEnded})


def _mark(event: CallEvent) -> str:
    """Equal for equal events only: 48 bits of a hash over all fields of the event."""
    return hashlib.blake2b(repr(event).encode(), digest_size=6).hexdigest()


def _begin(event: CallStarted, account: AccountId, pbx: PbxId) -> Call:
    return Call(
        id=event.call,
        account=account,
        pbx=pbx,
        native_id=event.native_id,
        direction=event.direction,
        caller=event.caller,
        called=event.called,
        caller_name=event.caller_name,
        started_at=event.at,
        origin=event.origin,
        seen_from_start=event.seen_from_start,
    )


# Every step takes the call and its event of one kind, and returns the new call followed by the changes, if any.
_Step = tuple[Call, *tuple[Change, ...]]


def _described(call: Call, event: CallDescribed) -> _Step:
    news = {
        name: value
        for name in _DESCRIBABLE
        if (value := getattr(event, name)) is not None and value != getattr(call, name)
    }
    return (changed(call, **news) if news else call,)


_DESCRIBABLE = ("direction", "caller", "called", "caller_name", "origin", "queue", "consultation", "seen_from_start")


def _described_late(call: Call, event: CallDescribed) -> _Step:
    """The call is over: what followed from the direction at its end is decided again."""
    after = _described(call, event)[0]
    if after.direction is not call.direction and after.disposition is not None and after.hangup_by is not None:
        after = changed(after, disposition=_disposition(after, after.hangup_by))
    told_before, told_now = ((it.direction, it.caller, it.called) for it in (call, after))
    return (after,) if told_now == told_before else (after, Change.CORRECTED)


def _leg_offered(call: Call, event: LegOffered) -> _Step:
    known = _leg(call, event.leg)
    if known is not None:
        # Repeated with a better `via`; the target stays.
        better = changed(known, via=event.via, queue=event.queue)
        return (call if better == known else _with_leg(call, better),)
    at = max(event.at, call.started_at)
    leg = Leg(id=event.leg, target=event.target, kind=event.kind, via=event.via, queue=event.queue, offered_at=at)
    place = len(call.legs)
    while place and (call.legs[place - 1].offered_at, call.legs[place - 1].target) > (at, event.target):
        place -= 1
    call = changed(call, legs=(*call.legs[:place], leg, *call.legs[place:]))
    return (call, Change.RINGING) if event.kind is LegKind.EXTENSION else (call,)


def _leg_ringing(call: Call, event: LegRinging) -> _Step:
    leg = _leg(call, event.leg)
    if leg is None or leg.ringing_at is not None or leg.result is not None:
        return (call,)
    return (_with_leg(call, changed(leg, ringing_at=max(event.at, leg.offered_at))),)


def _leg_answered(call: Call, event: LegAnswered) -> _Step:
    leg = _leg(call, event.leg)
    if leg is None or leg.result is not None:
        return (call,)
    at = max(event.at, leg.offered_at)
    return (_with_leg(call, changed(leg, answered_at=at, result=LegResult.ANSWERED)),)


def _leg_ended(call: Call, event: LegEnded) -> _Step:
    leg = _leg(call, event.leg)
    if leg is None or leg.ended_at is not None:
        return (call,)
    at = max(event.at, leg.answered_at or leg.offered_at)
    ended = changed(leg, ended_at=at, result=leg.result or event.result, cause=event.cause)
    return _with_leg(call, ended), Change.LEG_ENDED


def _connected(call: Call, event: ClientConnected) -> _Step:
    changes = []
    news: dict[str, Any] = {}
    at = max(event.at, call.started_at)
    if call.answered_at is None:
        news |= {"answered_at": at, "answered_by": event.answered_by, "answer_inferred": event.inferred}
        changes.append(Change.ANSWERED)
    if call.talk_since is None:
        news["talk_since"] = at
    if event.person and event.person != call.final_responsible:
        news["final_responsible"] = event.person
        if not changes:
            changes.append(Change.HANDED_OVER)
    return (changed(call, **news) if news else call, *changes)


def _released(call: Call, event: ClientReleased) -> _Step:
    if call.talk_since is None:
        return (call,)
    return (_close_talk(call, event.at),)


def _hold_started(call: Call, event: HoldStarted) -> _Step:
    if call.talk_since is None or call.hold_since is not None:
        return (call,)
    return changed(call, hold_since=max(event.at, call.talk_since)), Change.HELD


def _hold_ended(call: Call, event: HoldEnded) -> _Step:
    if call.hold_since is None:
        return (call,)
    return _close_hold(call, event.at), Change.HELD


def _transfer_started(call: Call, event: TransferStarted) -> _Step:
    transfer = Transfer(
        kind=event.kind,
        from_=event.from_,
        to=event.to,
        at=max(event.at, call.started_at),
        consultation_native_id=event.consultation_native_id,
        consultation_seconds=event.consultation_seconds,
    )
    if any((known.kind, known.from_, known.at) == (event.kind, event.from_, transfer.at) for known in call.transfers):
        return (call,)
    return (changed(call, transfers=(*call.transfers, transfer)),)


def _transfer_ended(call: Call, event: TransferEnded) -> _Step:
    """The newest open transfer that had begun by then: an older one's end may arrive after the next has begun."""
    for place in range(len(call.transfers) - 1, -1, -1):
        transfer = call.transfers[place]
        if transfer.result is None and transfer.at <= max(event.at, call.started_at):
            closed = changed(transfer, result=event.result, to=event.to or transfer.to)
            return (changed(call, transfers=(*call.transfers[:place], closed, *call.transfers[place + 1 :])),)
    return (call,)


def _recording_started(call: Call, event: RecordingStarted) -> _Step:
    if event.file in call.recordings:
        return (call,)
    return (changed(call, recordings=(*call.recordings, event.file)),)


def _recording_started_late(call: Call, event: RecordingStarted) -> _Step:
    after = _recording_started(call, event)[0]
    return (after,) if after is call else (after, Change.CORRECTED)


def _hang_up_pressed(call: Call, event: HangUpPressed) -> _Step:
    press = Press(extension=event.extension, at=event.at, own_leg=event.own_leg)
    return (call if press in call.presses else changed(call, presses=(*call.presses, press)),)


def _client_chosen(call: Call, event: ClientChosen) -> _Step:
    person = EntityRef(event.kind, event.person)
    if call.chosen is not None and call.chosen.person == person:
        return (call,)
    return changed(call, chosen=ChosenClient(person=person, by=event.extension, at=event.at)), Change.CHOSEN


def _client_waiting(call: Call, event: ClientWaiting) -> _Step:
    known = call.received
    since = known.waits_since if known is not None else None
    return _receive(call, waits_since=max(event.at, call.started_at) if since is None else since)


def _answerer_judged(call: Call, event: AnswererJudged) -> _Step:
    return _receive(call, answerer=event.answerer, answerer_cause=event.cause)


def _message_started(call: Call, event: MessageStarted) -> _Step:
    known = call.received
    since = known.message_at if known is not None else None
    return _receive(call, message_at=max(event.at, call.started_at) if since is None else since)


def _message_played(call: Call, event: MessagePlayed) -> _Step:
    return _receive(call, left_message=True) if event.on_machine else _receive(call, message_whole=True)


MOST_KEYS = 32


def _key_pressed(call: Call, event: KeyPressed) -> _Step:
    known = call.received.keys if call.received is not None else ""
    return _receive(call, keys=(known + event.key)[:MOST_KEYS])


def _client_turned_away(call: Call, event: ClientTurnedAway) -> _Step:
    return _receive(call, turned_away_at=max(event.at, call.started_at))


def _receive(call: Call, **news: Any) -> _Step:
    """Also where nothing is new: a client who waits again is a moment to hand them over."""
    return changed(call, received=changed(call.received or Received(), **news)), Change.RECEIVED


def _merged(call: Call, event: CallMerged) -> _Step:
    return changed(_close(call, event.at), merged_into=event.into), Change.MERGED


def _ended(call: Call, event: CallEnded) -> _Step:
    call = _close(call, event.at)
    call = changed(
        call,
        disposition=_disposition(call, event.hangup_by),
        hangup_by=event.hangup_by,
        hangup_cause=event.cause,
        end_inferred=event.inferred,
    )
    return call, Change.ENDED


_STEPS: dict[type[CallEvent], Callable[[Call, Any], _Step]] = {
    CallDescribed: _described,
    LegOffered: _leg_offered,
    LegRinging: _leg_ringing,
    LegAnswered: _leg_answered,
    LegEnded: _leg_ended,
    ClientConnected: _connected,
    ClientReleased: _released,
    HoldStarted: _hold_started,
    HoldEnded: _hold_ended,
    TransferStarted: _transfer_started,
    TransferEnded: _transfer_ended,
    RecordingStarted: _recording_started,
    HangUpPressed: _hang_up_pressed,
    ClientChosen: _client_chosen,
    ClientWaiting: _client_waiting,
    AnswererJudged: _answerer_judged,
    MessageStarted: _message_started,
    MessagePlayed: _message_played,
    KeyPressed: _key_pressed,
    ClientTurnedAway: _client_turned_away,
    CallMerged: _merged,
    CallEnded: _ended,
}
_STEPS_AFTER_THE_END: dict[type[CallEvent], Callable[[Call, Any], _Step]] = {
    CallDescribed: _described_late,
    RecordingStarted: _recording_started_late,
    HangUpPressed: _hang_up_pressed,
}


def _leg(call: Call, leg: LegId) -> Leg | None:
    for known in call.legs:
        if known.id == leg:
            return known
    return None


def _with_leg(call: Call, leg: Leg) -> Call:
    return changed(call, legs=tuple(leg if known.id == leg.id else known for known in call.legs))


def _close_talk(call: Call, at: Timestamp) -> Call:
    if call.hold_since is not None:
        call = _close_hold(call, at)
    if call.talk_since is None:
        return call
    talked = call.talked_seconds + max(0.0, at - call.talk_since)
    return changed(call, talked_seconds=talked, held_seconds=min(call.held_seconds, talked), talk_since=None)


def _close_hold(call: Call, at: Timestamp) -> Call:
    since = at if call.hold_since is None else call.hold_since
    return changed(call, held_seconds=call.held_seconds + max(0.0, at - since), hold_since=None)


def _close(call: Call, at: Timestamp) -> Call:
    """Close everything that is open at the call's end; no part of an ended call may look live."""
    at = max(at, call.started_at if call.answered_at is None else call.answered_at)
    call = _close_talk(call, at)
    # A hand-over reported with an earlier time may overlap with the talk before it.
    longest = 0.0 if call.answered_at is None else at - call.answered_at
    talked = min(call.talked_seconds, longest)
    legs = tuple(leg if leg.ended_at is not None else _cut_off(leg, at) for leg in call.legs)
    transfers = tuple(
        # A blind transfer that nobody took by the end rang in vain; a parked client who left has no result.
        changed(transfer, result=TransferResult.NOANSWER)
        if transfer.result is None and transfer.kind is TransferKind.BLIND
        else transfer
        for transfer in call.transfers
    )
    return changed(
        call,
        talked_seconds=talked,
        held_seconds=min(call.held_seconds, talked),
        legs=legs,
        transfers=transfers,
        ended_at=at,
    )


def _cut_off(leg: Leg, at: Timestamp) -> Leg:
    at = max(at, leg.answered_at or leg.offered_at)
    return changed(leg, ended_at=at, result=leg.result or LegResult.CANCELLED)


_BY_LAST_LEG = {
    LegResult.BUSY: Disposition.BUSY,
    LegResult.REJECTED: Disposition.BUSY,
    LegResult.NOANSWER: Disposition.NOANSWER,
    LegResult.CANCELLED: Disposition.NOANSWER,
    LegResult.FAILED: Disposition.FAILED,
    LegResult.UNAVAILABLE: Disposition.FAILED,
}


def _disposition(call: Call, hangup_by: HangupBy) -> Disposition:
    """The result of a call at its end. Source: the recorded traces' README, "disposition"."""
    if call.answered_at is not None:
        return Disposition.ANSWERED
    if call.direction is Direction.INBOUND:
        return Disposition.MISSED
    if call.failure not in (None, Failure.AGENT_CANCELLED):
        return Disposition.FAILED  # a click whose employee did not take it: whatever the employee's phone said
    if hangup_by is HangupBy.CALLER:
        return Disposition.CANCELLED
    if call.failure is not None:
        return Disposition.FAILED
    decided = [leg.result for leg in call.legs if leg.result in _BY_LAST_LEG]
    return _BY_LAST_LEG[decided[-1]] if decided else Disposition.FAILED


def recording_name(file: str) -> str:
    """The bare name of a recording file, whatever folders the PBX put before it."""
    return file.replace("\\", "/").rsplit("/", 1)[-1]
