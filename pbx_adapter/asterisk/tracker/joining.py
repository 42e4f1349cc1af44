"""Joins two calls into one: after a consultation that became a transfer, a pickup, or when a parked call is fetched.

Each call from a phone begins separately, with its own Linkedid. It is part of another call if their channels share a
bridge, or if an event says so. The call with the client continues.

Two calls with a client each stay separate, even if their clients or employees are connected: each client gets a record.
An outgoing call has a client once it is answered; before that it is a consultation.
"""

from __future__ import annotations

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallMerged
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.tracker.beginning import begin_call
from pbx_adapter.asterisk.tracker.facts import change_client
from pbx_adapter.asterisk.tracker.holding import bring_holders
from pbx_adapter.asterisk.tracker.legs import bring_leg
from pbx_adapter.asterisk.tracker.live import LiveCall
from pbx_adapter.asterisk.tracker.mixmonitor import bring_recordings
from pbx_adapter.asterisk.tracker.office import PartyKind
from pbx_adapter.asterisk.tracker.switchboard import Switchboard


def join(board: Switchboard, one: LiveCall, other: LiveCall, at: Timestamp) -> LiveCall:
    """
    Join two calls.

    Returns:
        The call that continues; `one` if the calls were joined before or stay separate.
    """
    one, other = one.current, other.current
    if one is other or (_has_talked_to_client(one) and _has_talked_to_client(other)):
        return one
    into = min(one, other, key=_precedence)
    part = other if into is one else one
    if into.over or part.over:
        return into
    begin_call(board, into, at)
    part.merged_into = into
    if board.talking.get(part.responsible) is part:
        board.talking[part.responsible] = into
    board.move_channels(part, into)
    bring_holders(into, part)
    bring_recordings(into, part)
    if part.announced:
        board.tell(CallMerged(call=part.id, at=at, into=into.id))
    for leg in part.legs:
        bring_leg(board, into, leg)
    if into.client is None:
        change_client(into, part.client)
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
