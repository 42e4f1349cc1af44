"""Queues (app_queue): which one a caller waits in, and the first one of a call, which is the call's.

A queue that an employee consults is not the client's: joining calls leaves it behind, and the legs that it rang are
consultations. A client who waits in a queue later waits in the first one.
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
    """A row of a snapshot: the queue itself is not told again."""
    channel = board.channels.get(present(frame.get("Uniqueid")))
    if channel is not None:
        channel.queue = present(frame.get("Queue"))


def on_queue_leave(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channels.get(present(frame.get("Uniqueid")))
    if channel is not None:
        channel.queue = ""


def on_queue_abandon(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """The caller hung up while it waited; QueueCallerLeave comes as well."""
    channel = board.find(present(frame.get("Uniqueid")))
    if channel is not None:
        give_up(channel, at)
