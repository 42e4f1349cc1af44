"""Queues (app_queue): which queue a caller waits in. The first queue of a call is the queue of the call.

When an employee consults a queue, the client's call does not take over that queue: its legs become consultations. If a
client waits in a second queue later, the call keeps the first.
"""

from __future__ import annotations

from integration.domain.calls.events import CallDescribed
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import begin_call
from pbx_adapter.asterisk.tracker.legs import give_up
from pbx_adapter.asterisk.tracker.live import Channel
from pbx_adapter.asterisk.tracker.office import present
from pbx_adapter.asterisk.tracker.switchboard import Switchboard


def on_queue_join(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is None:
        return
    call = channel.call
    begin_call(board, call, at)
    is_first = not call.queue
    wait_in(channel, present(frame.get("Queue")))
    if is_first and call.queue:
        board.tell(CallDescribed(call=call.id, at=at, queue=call.queue))


def wait_in(channel: Channel, queue: str) -> None:
    channel.queue = queue
    if not channel.call.over:
        channel.call.queue = channel.call.queue or queue


def on_queue_entry(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """A row of a snapshot: the channel waits in this queue. Reports nothing."""
    channel = board.channels.get(present(frame.get("Uniqueid")))
    if channel is not None:
        channel.queue = present(frame.get("Queue"))


def on_queue_leave(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channels.get(present(frame.get("Uniqueid")))
    if channel is not None:
        channel.queue = ""


def on_queue_abandon(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """The caller hung up while waiting; QueueCallerLeave comes as well."""
    channel = board.find(present(frame.get("Uniqueid")))
    if channel is not None:
        give_up(channel, at)
