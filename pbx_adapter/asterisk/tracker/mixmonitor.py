"""Recordings that MixMonitor makes: told when there is something to hear in them. `recordings.py` fetches the files."""

from __future__ import annotations

from integration.domain.calls.events import RecordingStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import begin_call
from pbx_adapter.asterisk.tracker.bridges import people_with
from pbx_adapter.asterisk.tracker.live import BridgeKind, Channel, LiveCall, Recording
from pbx_adapter.asterisk.tracker.office import present
from pbx_adapter.asterisk.tracker.switchboard import Switchboard


def on_recording_name(board: Switchboard, channel: Channel, file: str, at: Timestamp) -> None:
    """
    Remember a recording; it is reported when it has sound.

    MixMonitorStart has no file name, so the variable that MixMonitor sets is what there is. With its option `b`, which
    offices use, nothing is written until the channel is bridged, and an unanswered call leaves no file.
    """
    if all(known.file != file for known in channel.call.recordings):
        channel.recording = Recording(file)
        channel.call.recordings.append(channel.recording)
    if channel.bridge is not None and channel.bridge.kind is not BridgeKind.WAITING:
        keep_recording(board, channel, at)


def keep_recording(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """Somebody is to be heard on it now."""
    people = people_with(channel)
    if people and all(person.left_at is not None for person in people):
        return  # bridged with a phone that had been hung up: there is nothing to hear
    if channel.recording is not None:
        channel.recording.heard_at, channel.recording = at, None
        board.settle_later(channel.call, at)


def tell_recordings(board: Switchboard, call: LiveCall) -> None:
    """Several may get sound at the same moment; report them in the order of their start."""
    for recording in call.recordings:
        if recording.heard_at is not None and not recording.told:
            recording.told = True
            begin_call(board, call, recording.heard_at)
            board.tell(RecordingStarted(call=call.id, at=recording.heard_at, file=recording.file))


def on_mixmonitor_stop(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channels.get(present(frame.get("Uniqueid")))
    if channel is not None:
        channel.recording = None


def bring_recordings(into: LiveCall, part: LiveCall) -> None:
    """Of a call that is joined to another: those that have not been told."""
    into.recordings += [recording for recording in part.recordings if not recording.told]
