"""How a leg ended: collects what is known about the leg and the channel that dialled it; `causes.py` decides."""

from __future__ import annotations

from integration.domain.calls.call import LegKind, LegResult
from pbx_adapter.asterisk.tracker.causes import leg_result
from pbx_adapter.asterisk.tracker.live import Channel, LiveLeg
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS


def result_of(leg: LiveLeg) -> LegResult:
    """The result of a leg, or the result it would have if it ended now."""
    if leg.result is not None:
        return leg.result
    if leg.answered_at is not None:
        return LegResult.ANSWERED
    rang_out = leg.rang_out or _was_rung_out_by_the_pbx(leg)
    rang_out = rang_out or any(door.dial_status == "NOANSWER" or _rang_out(leg, door) for door in leg.doors)
    return leg_result(
        dial_status=leg.dial_status,
        cause=leg.cause,
        refused=leg.refused,
        forwarded=leg.forwarded,
        picked_up=leg.picked_up,
        off_hook=leg.off_hook_at is not None,
        asker_left=_asker_left(leg),
        rang_out=rang_out,
        external=leg.kind is LegKind.EXTERNAL,
        inherited=_has_inherited_cause(leg),
    )


def _was_rung_out_by_the_pbx(leg: LiveLeg) -> bool:
    """
    Whether the timeout of the Originate ended the ringing.

    No caller waits who could give up. Only two other things end the ringing: the phone refuses (HangupRequest), or
    somebody makes the PBX hang up the channel (SoftHangupRequest).

    Behind a Local pair the dialplan may ring several phones, so the DialEnds decide. A client who is called back is
    rung alone.
    """
    if not leg.originated or leg.refused or (leg.doors and not leg.home.current.client_first):
        return False
    return not any(channel.let_go for channel in leg.channels.values())


def _has_inherited_cause(leg: LiveLeg) -> bool:
    """Whether the cause may come from another leg of the same channel: this leg was not refused, that one was."""
    if leg.refused or leg.source is None or leg.cause is None or leg.stopped_at is None:
        return False
    stopped_at = leg.stopped_at
    return any(
        other is not leg
        and other.source is leg.source
        and other.cause == leg.cause
        and other.stopped_at is not None
        and other.stopped_at < stopped_at
        for other in leg.home.legs
    )


def _asker_left(leg: LiveLeg) -> bool:
    """Whether the leg stopped because the channel that it was dialled for had left."""
    asker, stopped_at = leg.asker, leg.stopped_at
    if asker is None or stopped_at is None:
        return False
    if asker.left_at is None:
        return asker.gone_at is not None and asker.gone_at < stopped_at
    own = [channel.left_at for channel in leg.channels.values() if channel.left_at is not None]
    return asker.left_at <= stopped_at + SETTLE_SECONDS and asker.left_at <= min(own, default=asker.left_at)


def _rang_out(leg: LiveLeg, door: Channel) -> bool:
    """
    Whether the phone behind this door of FollowMe() rang out, although it looks cancelled.

    FollowMe() hangs up its doors after their timeout without a DialEnd, or has sent CANCEL before, when another phone
    was picked up and then declined. If nobody took the call and the client is still there, the phone rang out.
    """
    asker, stopped_at = leg.asker, leg.stopped_at
    if door.gone_at is None or asker is None or stopped_at is None or abs(door.dial_ended_at - stopped_at) < 1.0:
        return False
    return asker.left_at is None and asker.bridge is None and (asker.gone_at is None or asker.gone_at >= stopped_at)
