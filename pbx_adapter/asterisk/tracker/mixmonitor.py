"""Recordings by MixMonitor. Each is reported once it has sound; `recordings.py` fetches the files."""

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

    MixMonitorStart has no file name; the variable that MixMonitor sets has it. With option `b`, which is common,
    nothing is written until the channel is bridged, and an unanswered call leaves no file.
    """
    if all(known.file != file for known in channel.call.recordings):
        channel.recording = Recording(file)
        channel.call.recordings.append(channel.recording)
    if channel.bridge is not None and channel.bridge.kind is not BridgeKind.WAITING:
        keep_recording(board, channel, at)


def keep_recording(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """The channel was bridged: its recording has sound from this moment."""
    people = people_with(channel)
    if people and all(person.left_at is not None for person in people):
        return  # the other phone has already hung up: no sound
    if channel.recording is not None:
        channel.recording.heard_at, channel.recording = at, None
        board.settle_later(channel.call, at)


def tell_recordings(board: Switchboard, call: LiveCall) -> None:
    """Report recordings that have sound, in the order of their start; several may get sound at the same moment."""
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
    """Move the recordings that were not reported yet to the call that `part` is joined to."""
    into.recordings += [recording for recording in part.recordings if not recording.told]
