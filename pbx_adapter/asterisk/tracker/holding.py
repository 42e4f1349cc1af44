"""Hold: who of a call holds the other. The call is on hold while anybody does."""

from __future__ import annotations

from integration.domain.calls.events import HoldEnded, HoldStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall
from pbx_adapter.asterisk.tracker.switchboard import Switchboard


def on_hold(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is None or channel.call.over:
        return
    call = channel.call
    if not call.holders:
        board.tell(HoldStarted(call=call.id, at=at))
    call.holders[channel.uid] = channel


def on_unhold(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is not None:
        stop_holding(board, channel, at)


def stop_holding(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """A transfer by REFER puts out an Unhold of somebody who never held: that is nothing."""
    call = channel.call
    if call.holders.pop(channel.uid, None) is not None and not call.holders:
        board.tell(HoldEnded(call=call.id, at=at))


def bring_holders(into: LiveCall, part: LiveCall) -> None:
    """Who holds in a call goes on holding in the one that it is joined to."""
    for uid in part.holders:
        if uid in into.channels:
            into.holders[uid] = into.channels[uid]
    part.holders.clear()
