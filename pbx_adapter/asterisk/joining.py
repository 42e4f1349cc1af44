"""Joining two calls into one: a consultation that was transferred, a pickup, a parked call fetched.

Every phone's own call begins as its own call, with its own Linkedid. It turns out to be part of another when their
channels share a bridge, or when an event says so. The call that has the client survives.

Two calls that each have their own client stay two, whoever brings the clients or their employees together: each
client gets a record. A call to the outside becomes one of these with its answer: before it, it is a consultation.
"""

from __future__ import annotations

from integration.domain.call import Direction, Via
from integration.domain.events import CallMerged, LegAnswered, LegEnded, LegRinging
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.beginning import begin_call
from pbx_adapter.asterisk.legs import tell_offer
from pbx_adapter.asterisk.live import LiveCall, LiveLeg
from pbx_adapter.asterisk.office import PartyKind
from pbx_adapter.asterisk.results import result_of
from pbx_adapter.asterisk.switchboard import Switchboard


def join(board: Switchboard, one: LiveCall, other: LiveCall, at: Timestamp) -> LiveCall:
    """
    Make one call of two.

    Returns:
        The call that goes on; `one` when they are one already, or stay two.
    """
    one, other = one.current, other.current
    if one is other or (_has_talked_to_client(one) and _has_talked_to_client(other)):
        return one
    into, part = sorted((one, other), key=_precedence)
    if into.over or part.over:
        return into
    begin_call(board, into, at)
    part.merged_into = into
    if board.talking.get(part.responsible) is part:
        board.talking[part.responsible] = into
    for channel in part.channels.values():
        channel.call = into
    into.channels.update(part.channels)
    part.channels = {}
    for uid in part.holders:
        if uid in into.channels:
            into.holders[uid] = into.channels[uid]
    part.holders = {}
    into.recordings += [recording for recording in part.recordings if not recording.told]
    if part.announced:
        board.tell(CallMerged(call=part.id, at=at, into=into.id))
    for leg in part.legs:
        _bring(board, into, leg)
    if into.client is None:
        into.client = part.client
    into.queue = into.queue or part.queue
    board.bury_call(part, at)
    board.settle_later(into, at)
    return into


def _has_talked_to_client(call: LiveCall) -> bool:
    client = call.client
    if client is None or client.party.kind is not PartyKind.EXTERNAL or call.direction is Direction.INTERNAL:
        return False
    return call.direction is Direction.INBOUND or call.was_connected


def _precedence(call: LiveCall) -> tuple[bool, float, str]:
    """Prefer the call with an outside client, then the older one."""
    return (call.direction in (None, Direction.INTERNAL), call.started_at, call.uid)


def _bring(board: Switchboard, into: LiveCall, leg: LiveLeg) -> None:
    """A leg of the other call becomes a consultation of this one, with its own times."""
    leg.via = Via.CONSULTATION
    into.legs.append(leg)
    tell_offer(board, into, leg)
    if leg.ringing_at is not None:
        board.tell(LegRinging(call=into.id, at=leg.ringing_at, leg=leg.id))
    if leg.answered_at is not None:
        board.tell(LegAnswered(call=into.id, at=leg.answered_at, leg=leg.id))
    if leg.decided and leg.stopped_at is not None:
        result = result_of(leg)
        board.tell(LegEnded(call=into.id, at=leg.stopped_at, leg=leg.id, result=result, cause=leg.cause))
