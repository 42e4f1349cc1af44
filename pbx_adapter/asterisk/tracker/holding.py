"""Hold: which channels of a call have put it on hold. The call is on hold while at least one has."""

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
    """End the hold of this channel. Ignores an Unhold without a Hold, which a transfer by REFER causes."""
    call = channel.call
    if call.holders.pop(channel.uid, None) is not None and not call.holders:
        board.tell(HoldEnded(call=call.id, at=at))


def bring_holders(into: LiveCall, part: LiveCall) -> None:
    """Channels that hold continue to hold when their call is joined to another."""
    for uid in part.holders:
        if uid in into.channels:
            into.holders[uid] = into.channels[uid]
