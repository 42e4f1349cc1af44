"""The end of a call: when its last party left, who hung up, and what closes with it."""

from __future__ import annotations

from integration.domain.calls.call import Direction, HangupBy, LegKind, LegResult, Via
from integration.domain.calls.events import CallDescribed, CallEnded
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import begin_call, is_no_call
from pbx_adapter.asterisk.tracker.causes import number_or_none
from pbx_adapter.asterisk.tracker.conversation import leave, left_at, release, release_if_lost, stop_talking
from pbx_adapter.asterisk.tracker.facts import set_origin
from pbx_adapter.asterisk.tracker.handovers import abort_blond, abort_consultation, fail_blind, settle_transfers
from pbx_adapter.asterisk.tracker.holding import stop_holding
from pbx_adapter.asterisk.tracker.legs import end_leg, on_leg_channel_gone, settle_legs, settle_ways
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.mixmonitor import tell_recordings
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.results import result_of
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS, Switchboard

LEFT_SECONDS = 1.0
"""How long to wait for the Hangup of a channel after its far end has left."""

_BUSY = "7"
"""State of a channel for which the dialplan ran Busy(); a hangup after that does not mean that its far end left."""

_UP = "6"

_LEFT_BY_ITSELF = frozenset({"", "0", "16", "127"})
"""Causes of a HangupRequest that prove that the far end left; see `_was_refused`."""


def on_hangup_request(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is None:
        return
    board.hears_requests = True
    leg = channel.leg
    if leg is not None and leg.answered_at is None and leg.dial_status != "CANCEL":
        leg.refused = True
    if channel.left_at is None and not _was_refused(channel, frame):
        channel.left_at = at
        board.settle_later(channel.call, at)


def on_soft_hangup_request(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """The PBX ends a channel: by its own decision, or after the far end left (then the channel is in no bridge)."""
    channel = board.channel(frame, "", at)
    if channel is not None and channel.left_first_at is None and channel.gave_up_at is None:
        channel.let_go = True


def _was_refused(channel: Channel, frame: Frame) -> bool:
    """
    Whether a HangupRequest is a refusal, not a hangup of the far end: by a dialled phone, or of the caller by the PBX.

    The cause alone does not show it: a caller who gives up while a group rings has the cause of a busy phone in it.
    """
    if frame.get("ChannelState") == _BUSY:
        return True
    if present(frame.get("Cause")) in _LEFT_BY_ITSELF:
        return False
    if channel.dialled_by is not None or channel.leg is not None or channel.party.kind is PartyKind.LOCAL:
        return True
    waits = channel.queue or any(_is_ringing(leg) for leg in channel.call.legs)
    return frame.get("ChannelState") != _UP and not waits


def _is_ringing(leg: LiveLeg) -> bool:
    return leg.answered_at is None and leg.stopped_at is None and not leg.decided


def on_hangup(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is not None:
        hang_up(board, channel, frame, at)


def hang_up(board: Switchboard, channel: Channel, frame: Frame, at: Timestamp) -> None:
    """Remove a channel, after an event or its absence from a snapshot."""
    call = channel.call
    channel.cause = number_or_none(frame.get("Cause"))
    board.bury_channel(channel, at)
    leave(board, channel, at)
    stop_holding(board, channel, at)
    on_leg_channel_gone(board, channel, at)
    if channel.party.kind is not PartyKind.LOCAL or not call.last_gone_at:
        call.last_gone_at = at
    if channel is call.client:
        call.cause = channel.cause
    board.settle_later(call, at)


def settle(board: Switchboard, call: LiveCall, now: Timestamp) -> None:
    """Make decisions that had to wait for events out of order."""
    if call.over or call.merged_into is not None:
        return
    settle_ways(board, call, now)
    waiting = settle_legs(board, call, now)
    tell_recordings(board, call)
    release_if_lost(board, call, now)
    settle_transfers(board, call, now)
    if not call.announced and _is_worth_telling(call):
        begin_call(board, call, now)
    ended_at = _ended_at(call)
    patience = SETTLE_SECONDS if not call.channels or call.client_is_gone else LEFT_SECONDS
    if ended_at is not None and now - ended_at >= patience * 0.99:
        finish(board, call, ended_at)
    elif waiting or ended_at is not None or call.lost_at is not None:
        board.settle_later(call, now)


def _is_worth_telling(call: LiveCall) -> bool:
    """False for what a snapshot still has to explain, a command to the PBX, and a Local pair that has rung nobody."""
    if call.unclear or call.root is None or is_no_call(call):
        return False
    return call.root.party.kind is not PartyKind.LOCAL or bool(call.legs)


def _ended_at(call: LiveCall) -> Timestamp | None:
    """
    When the call ended; None while it continues.

    It ends when the client leaves, even if others go on talking. A far end that asked to hang up has left, even if the
    Hangup of its channel comes seconds later (voicemail stores the message first).
    """
    client = call.client
    its_leaving_counts = call.direction is Direction.INBOUND or (
        call.direction is Direction.OUTBOUND and call.was_connected
    )
    if client is not None and its_leaving_counts and (client.left_at is not None or client.is_gone):
        return client.left_at if client.left_at is not None else client.gone_at
    left_at = call.last_gone_at
    for channel in call.channels.values():
        if channel.party.kind is PartyKind.NOBODY:
            continue
        if channel.left_at is None:
            return None
        left_at = channel.left_at if left_at is None else max(left_at, channel.left_at)
    return call.started_at if left_at is None else left_at


def finish(board: Switchboard, call: LiveCall, at: Timestamp, *, inferred: bool = False) -> None:
    """
    Report the end of a call and of everything in it.

    If only a part of a call was seen, or an incomplete snapshot of it, we do not know who answered and where the
    recording is. Neither do we if a talk may have been over before the call was found, and nobody took it after that.
    Then its end counts as inferred, so that the PBX's own records are compared.
    """
    if call.over:
        return
    if not call.announced and is_no_call(call):
        _let_go(board, call, at)
        return
    begin_call(board, call, at)
    hangup_by = HangupBy.SYSTEM if inferred else _hangup_by(board, call)
    release(board, call)
    tell_recordings(board, call)
    for leg in call.legs:
        end_leg(board, leg, leg.stopped_at or at)
    fail_blind(board, call)
    abort_blond(board, call)
    abort_consultation(board, call)
    if call.originated and not call.client_first and call.direction is Direction.OUTBOUND:
        set_origin(board, call)  # a click, even if another program originated it and nothing else shows that
    if call.consults_for and call.direction is Direction.INTERNAL:
        board.tell(CallDescribed(call=call.id, at=at, consultation=True))
    is_overheard = not (call.seen_from_start or call.explained)
    talk_may_be_missing = call.may_have_talked and not call.was_connected and call.direction is not Direction.INTERNAL
    inferred = inferred or is_overheard or talk_may_be_missing
    board.tell(CallEnded(call=call.id, at=at, hangup_by=hangup_by, cause=call.cause, inferred=inferred))
    _let_go(board, call, at)


def _let_go(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    board.close_call(call, at)
    if call.originated:
        board.forget_originate(call)
    stop_talking(board, call)


_REFUSED_OUTSIDE = frozenset({LegResult.BUSY, LegResult.REJECTED, LegResult.FAILED})


def _hangup_by(board: Switchboard, call: LiveCall) -> HangupBy:
    """
    Who ended the call, by the call's own caller and callee.

    `system` if the PBX ended the client's channel: nobody answered, or an employee's phone refused.
    """
    client, person = call.client, call.hands
    client_side, office_side = HangupBy.CALLER, HangupBy.CALLEE
    if call.direction is Direction.OUTBOUND:
        client_side, office_side = office_side, client_side
    if person is not None and call.blind is None:
        # They were talking: the first who left ended it.
        left = [(moment, name) for side, name in ((client, client_side), (person, office_side))
                if side is not None and (moment := left_at(board, side)) is not None]  # fmt: skip
        return min(left)[1] if left else HangupBy.SYSTEM
    if call.was_connected or call.direction is Direction.INBOUND:
        client_left = left_at(board, client) if client is not None else None
        last = call.released_by if call.blind is None else None
        if client_left is not None and not _left_just_before(board, last, client_left):
            return client_side
        return office_side if last is not None else HangupBy.SYSTEM
    return _callback_hangup_by(board, call) if call.client_first else _unanswered_hangup_by(board, call)


def _left_just_before(board: Switchboard, person: Channel | None, client_left: Timestamp) -> bool:
    """Whether the person hung up just before the client, in the moment before the PBX ended the client's channel."""
    left = left_at(board, person) if person is not None else None
    return left is not None and 0 <= client_left - left < LEFT_SECONDS


def _callback_hangup_by(board: Switchboard, call: LiveCall) -> HangupBy:
    """For a call that rang the client first and reached nobody: the client refused or left, or the PBX gave up."""
    last, client = call.legs[-1] if call.legs else None, call.client
    left = left_at(board, client) if client is not None else None
    if last is None:  # everything that rang fell into a gap of the link
        return HangupBy.SYSTEM
    if last.originated and last.answered_at is None:
        return HangupBy.CALLEE if result_of(last) in _REFUSED_OUTSIDE else HangupBy.SYSTEM
    if left is None:
        return HangupBy.SYSTEM
    return HangupBy.CALLEE if _rang_until(last, left) else HangupBy.SYSTEM


def _rang_until(leg: LiveLeg, left: Timestamp) -> bool:
    """Whether the leg rang until somebody on the other side left, and not until its own end before that."""
    return leg.stopped_at is None or left <= leg.stopped_at or result_of(leg) is LegResult.CANCELLED


def _unanswered_hangup_by(board: Switchboard, call: LiveCall) -> HangupBy:
    """For a call that a phone or a click began and nobody took: a refusal counts more than the hangup after it."""
    caller_left = [
        left
        for channel in (call.root, call.client)
        if channel is not None and not _is_outside_leg(channel) and (left := left_at(board, channel)) is not None
    ]
    agent_left = [
        channel.left_at
        for leg in call.legs
        if leg.via is Via.CLICK
        for channel in leg.channels.values()
        if channel.left_at is not None and leg.answered_at is not None
    ]
    left = min(caller_left + agent_left, default=None)
    last = call.legs[-1] if call.legs else None
    if last is None:
        return HangupBy.CALLER if left is not None else HangupBy.SYSTEM
    if left is not None and _rang_until(last, left):
        return HangupBy.CALLER
    if last.kind is LegKind.EXTERNAL and result_of(last) in _REFUSED_OUTSIDE:
        return HangupBy.CALLEE
    return HangupBy.SYSTEM


def _is_outside_leg(channel: Channel) -> bool:
    """The channel to a number that was dialled: its leaving while it rings is a refusal."""
    return channel.leg is not None and channel.leg.kind is LegKind.EXTERNAL


def end_unseen(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """End a call without an end event, if it is over now that some of its channels are gone. A call that was never
    reported is only forgotten."""
    if call.over or call.merged_into is not None or (call.channels and _ended_at(call) is None):
        return
    if call.announced:
        finish(board, call, at, inferred=True)
    else:
        _let_go(board, call, at)
