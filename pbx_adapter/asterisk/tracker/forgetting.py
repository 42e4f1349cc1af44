"""Finds channels whose end was lost: a lost Hangup must not leave a call open forever.

Events can be lost: Asterisk drops events for a manager whose connection stalls, and a filter or a missing right may
keep some back. So we ask the PBX about channels that have been silent for long, one by one, and end those that it does
not know. Silence alone ends nothing: a talk may have no event for hours.

Only channels of which we know nothing but the name (`half_seen`) are dropped without asking, if there are too many of
them, or if we may not ask the PBX.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.tracker.ending import end_unseen, hang_up
from pbx_adapter.asterisk.tracker.live import Channel
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

MOST_HALF_SEEN = 10_000
"""At most this many channels of which only the name is known; the longest silent ones are dropped first. A PBX has
hundreds of channels, and lists them all after a login."""

UNASKED_SECONDS = 4 * 3600.0
"""How long a channel that was only named is kept where the PBX may not be asked."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A channel to ask about, by the name that AMI's `Status` takes; `uid` distinguishes it from a later namesake."""

    uid: str
    name: str


def silent(board: Switchboard, now: Timestamp, *, after: float, half_seen_after: float) -> list[Silent]:
    """
    Channels to ask about now. Each is returned again only after the same time of silence.

    Args:
        after, half_seen_after: seconds; of a channel, and of one that was only named.
    """
    found = []
    for channel in board.channels.values():
        patience = half_seen_after if channel.half_seen else after
        if now - max(channel.last_seen, channel.confirmed_at, channel.asked_at) >= patience:
            channel.asked_at = now
            found.append(Silent(channel.uid, channel.name))
    return found


def confirm(board: Switchboard, uid: str, at: Timestamp) -> None:
    """The PBX knows this channel."""
    channel = board.channels.get(uid)
    if channel is not None:
        channel.confirmed_at = at


def gone(board: Switchboard, uid: str, at: Timestamp) -> None:
    """
    The PBX does not know this channel any more. Infer its end, in the middle of the time since it was last known. The
    PBX's own records, if configured, later correct it.
    """
    channel = board.channels.get(uid)
    if channel is None or channel.last_seen >= at:
        return
    known_at = max(channel.last_seen, channel.confirmed_at)
    _end(board, channel, Timestamp((known_at + at) / 2))


def bound(board: Switchboard, now: Timestamp) -> None:
    """Drop surplus entries, and names that are too old. Looks at the first entries only."""
    while board.half_seen:
        uid, channel = next(iter(board.half_seen.items()))
        is_known_or_gone = not channel.half_seen or board.channels.get(uid) is not channel
        is_too_old = now - max(channel.last_seen, channel.confirmed_at) >= UNASKED_SECONDS
        if not (is_known_or_gone or is_too_old or len(board.half_seen) > MOST_HALF_SEEN):
            break
        del board.half_seen[uid]
        if not is_known_or_gone:
            _end(board, channel, channel.last_seen)


def _end(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    call = channel.call
    if not call.announced and channel.half_seen:
        board.drop(channel)  # it was never reported and need not be
        return
    hang_up(board, channel, {}, at)
    end_unseen(board, call, at)
