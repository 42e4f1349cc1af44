"""Follows dials: a dial of a phone or a trunk is a leg, a dial of a Local channel is a doorway.

An unregistered phone leaves no channel and no DialBegin. Its leg is made from the arguments of the dialplan's Dial.
"""

from __future__ import annotations

from integration.domain.calls.call import LegKind
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import learn_exten, mark_originated
from pbx_adapter.asterisk.tracker.facts import change_called
from pbx_adapter.asterisk.tracker.legs import fail_leg, offer_leg, on_leg_channel_gone
from pbx_adapter.asterisk.tracker.live import Channel
from pbx_adapter.asterisk.tracker.names import PORTS, dialled_number, endpoint_of
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.switchboard import Switchboard
from pbx_adapter.asterisk.tracker.ways import SHORTEST_SURE_EXTEN


def on_dial_begin(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    source = board.channel(frame, "", at)
    # A phone that refuses at once may have hung up before the event of its dial.
    dest = board.dead.get(present(frame.get("DestUniqueid"))) or board.channel(frame, "Dest", at)
    if dest is None or dest.leg is not None or dest.dialled_by is not None:
        return
    if source is None:
        if present(frame.get("Uniqueid")):
            return  # a late event of a channel that has hung up
        mark_originated(board, dest, frame)
    else:
        dest.dialled_by = source
        source.dial_made_legs = True
        source.dial_fan_out += 1
        dest.wanted_in = present(frame.get("Exten"))
        learn_exten(source, dest.wanted_in)
    board.date(dest, at)
    if dest.party.kind is PartyKind.LOCAL:
        _enter_doorway(source, dest, frame)
        return
    if dest.party.kind is PartyKind.NOBODY:
        return
    number = dialled_number(present(frame.get("DialString")), endpoint_of(dest.name)[0])
    external = dest.party.kind is PartyKind.EXTERNAL
    target = (number or present(frame.get("DestCallerIDNum"))) if external else dest.party.number
    kind = LegKind.EXTERNAL if external else LegKind.EXTENSION
    if source is not None:
        _see_who_is_shown(source, target, present(frame.get("CallerIDNum")))
    offer_leg(board, dest.call, target, kind, at, source, dest)
    if dest.gone_at is not None:
        on_leg_channel_gone(board, dest, dest.gone_at)


def _see_who_is_shown(source: Channel, target: str, number: str) -> None:
    """The phone of a click through `Local/101@...` shows the called party, if the Originate names it."""
    call = source.call
    if call.originated and source.peer is call.root and not call.called and number != target:
        change_called(call, number)


def _enter_doorway(source: Channel | None, dest: Channel, frame: Frame) -> None:
    """Enter a Local channel. It may replace a phone that answered 302, and lead to the number that the phone named."""
    if source is None:
        return
    number = dialled_number(present(frame.get("DialString")))
    for leg in reversed(source.call.legs):
        if leg.source is source and leg.forwarded and leg.forwarded_to in ("", number):
            dest.forward_of, leg.forwarded_to = leg, number
            return


def on_dial_text(board: Switchboard, channel: Channel, text: str) -> None:
    """Read the dialled parties from the Newexten of a Dial, before any of their channels exists."""
    channel.dial = text
    _begin_dial(channel)


def _begin_dial(channel: Channel) -> None:
    """Note how many parties a Dial calls at once, before the second one appears."""
    channel.dial_made_legs, channel.dial_fan_out = False, int("&" in channel.dial.partition(",")[0])


def on_dial_status(board: Switchboard, channel: Channel, status: str, exten: str, at: Timestamp) -> None:
    """VarSet DIALSTATUS: empty when a Dial begins; a failure without any leg means that no party could be dialled."""
    if not status:
        _begin_dial(channel)
        return
    if channel.dial_made_legs or status not in ("CHANUNAVAIL", "CONGESTION", "BUSY"):
        return
    channel.dial_made_legs = True
    wanted = channel.dial.partition(",")[0]
    # If the PBX's event filter drops Newexten, only the exten names the called party; `01` is more likely a label.
    for text in wanted.split("&") if wanted else [exten] * (len(exten) >= SHORTEST_SURE_EXTEN):
        number = _unreachable(board, text, exten)
        external = board.office.as_extension(number) is None
        leg = offer_leg(
            board, channel.call, number, LegKind.EXTERNAL if external else LegKind.EXTENSION, at, channel, None
        ) if number else None  # fmt: skip
        if leg is not None:
            fail_leg(board, leg, status, at)
    channel.dial = ""


def _unreachable(board: Switchboard, dialled: str, exten: str) -> str:
    """The extension that a Dial argument was meant to ring; empty if it is a doorway or names no phone."""
    tech, endpoint = endpoint_of(dialled)
    if tech == "Local":
        return ""
    if tech in PORTS:  # `DAHDI/12` is a wire; the phone on it is known by the exten that led there
        return dialled_number(dialled, tech) or (exten if board.office.as_extension(exten) else "")
    return dialled_number(dialled) or endpoint


def find_dial(channel: Channel, text: str) -> None:
    """Take the arguments of a channel's Dial from a snapshot."""
    channel.dial = text


def explain_dial(channel: Channel) -> None:
    """A leg of this channel's Dial was found, so DIALSTATUS is about that leg."""
    channel.dial_made_legs = True
