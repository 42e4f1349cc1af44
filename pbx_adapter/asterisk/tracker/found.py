"""Reads from a channel in a snapshot its leg, the called party and the recording file.

`resync.py` decides when to process snapshots.
"""

from __future__ import annotations

from datetime import datetime

from integration.domain.calls.call import Direction, LegKind, Via
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker import receiving
from pbx_adapter.asterisk.tracker.beginning import NOT_A_DID, change_exten, mark_originated_found
from pbx_adapter.asterisk.tracker.callbacks import leads_to_client
from pbx_adapter.asterisk.tracker.dials import explain_dial, find_dial
from pbx_adapter.asterisk.tracker.facts import Facts, announce, become_callback, change_called, set_origin
from pbx_adapter.asterisk.tracker.legs import answer_leg, mark_originated, offer_leg, ring_leg
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall
from pbx_adapter.asterisk.tracker.mixmonitor import on_recording_name
from pbx_adapter.asterisk.tracker.names import dialled_number, endpoint_of
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

ANSWERED, PBX_NOW = "CDR(answer,u)", "STRFTIME(,,%s.%3q)"
"""Variables of a channel: seconds by the PBX's clock, with fractions. Only their difference is used."""

_UP = "6"  # of `ChannelState`. Source: ast_channel_state in Asterisk's channelstate.h


def uid_of(row: Frame) -> str:
    return present(row.get("Uniqueid"))


def note_originate(channel: Channel, row: Frame) -> bool:
    """Mark an unreported call whose channel an Originate made: it has no source channel. Returns whether it did."""
    call = channel.call
    is_root = channel is call.root or (call.root is None and channel.uid == call.uid)
    is_local_root = is_root and channel.party.kind is PartyKind.LOCAL
    if call.announced or call.originated or not (is_local_root or present(row.get("Application")) == "AppDial2"):
        return False
    mark_originated_found(channel, present(row.get("ConnectedLineNum")))
    return True


def may_be_leg(channel: Channel) -> bool:
    """Whether an unknown channel dialled this one."""
    if channel.leg is not None or channel.party.kind in (PartyKind.LOCAL, PartyKind.NOBODY):
        return False
    return channel.originated or (channel is not channel.call.root and channel.uid != channel.linkedid)


def become_leg(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """Open the leg of a dialled channel that was found in the middle of its call, and report how far it got."""
    if not may_be_leg(channel):
        return
    call = channel.call
    source = call.root
    external = channel.party.kind is PartyKind.EXTERNAL
    dial = channel.dial or (source.dial if source is not None else "")
    number = dialled_number(dial.partition(",")[0]) if external else ""
    if not number and call.direction is Direction.OUTBOUND:
        number = call.called
    target = (number or channel.party.number) if external else channel.party.number
    is_client = external and not (call.announced or call.legs or call.client_first) and leads_to_client(board, call)
    if is_client:
        become_callback(call)  # the client's phone still rings
        change_called(call, target)
    kind = LegKind.EXTERNAL if external else LegKind.EXTENSION
    leg = offer_leg(board, call, target, kind, channel.born_at, None, channel, _via(channel, source))
    if leg is None:
        return
    if is_client:
        mark_originated(leg)  # or the client's answer would not be taken for one
    for dialling in (source, source.peer) if source is not None else ():  # the other half of a Local pair dials for it
        if dialling is not None:
            explain_dial(dialling)
    if channel.bridge is None:
        ring_leg(board, leg, at)
    else:
        found_at = at if call.was_connected else min(at, call.started_at + (call.answered_after or 0.0))
        answer_leg(board, leg, Timestamp(max(found_at, leg.offered_at)))


def _via(channel: Channel, root: Channel | None) -> Via:
    """How the call came to this leg, as far as the present state shows it."""
    call = channel.call
    if call.client_first and channel.party.kind is PartyKind.EXTERNAL:
        return Via.DIRECT
    if call.was_connected:
        return Via.TRANSFER  # somebody had the client before the gap; this leg began in the gap
    if channel.originated:
        return Via.DIRECT if channel.party.kind is PartyKind.EXTERNAL else Via.CLICK  # the client of a callback is rung
    if _is_behind_door(channel, root):
        return Via.CLICK
    return Via.QUEUE if root is not None and call.queue else Via.DIRECT


def _is_behind_door(channel: Channel, root: Channel | None) -> bool:
    """`Local/101@...` was originated, and this is the phone of 101."""
    if root is None or not root.originated or root.party.kind is not PartyKind.LOCAL:
        return False
    return endpoint_of(root.name)[1].partition("@")[0] == channel.party.number


def take_facts(board: Switchboard, row: Frame, at: Timestamp, *, is_after_gap: bool) -> None:
    """Facts about a call that only Status has. `is_after_gap`: the link was lost before."""
    channel = board.channels.get(uid_of(row))
    if channel is None:
        return
    call = channel.call
    call.explained = True
    if is_after_gap or not call.seen_from_start:
        call.may_have_talked |= present(row.get("ChannelState")) == _UP
    variables = _variables(row)
    if present(row.get("Application")) == "AppDial":
        find_dial(channel, channel.dial or present(variables.get("DIALEDPEERNUMBER")))
    crm_id = present(variables.get(board.office.crm_variable))
    if crm_id:
        set_origin(board, call, crm_call_id=crm_id)
    file = present(variables.get("MIXMONITOR_FILENAME"))
    # An event before the list may have named the first channel already; then it did not become the root.
    is_first = channel is call.root or (call.root is None and channel.uid == call.uid)
    dials_for_first = call.root is not None and channel.peer is call.root  # the other half of a Local pair
    if file and (is_first or dials_for_first):
        on_recording_name(board, channel, file, at)
    is_known = call.announced and call.seen_from_start
    if not is_first or is_known or _was_rung_first(call, channel, variables, at):
        return
    dids = [present(variables.get(name)) for name in board.office.did_variables]
    number = next((did for did in dids if did), "") or present(row.get("DNID"))
    number = "" if number in NOT_A_DID else number
    if call.announced:  # by an event before this answer; the DID was guessed from the call's present extension
        if number and call.direction is Direction.INBOUND:
            announce(board, call, Facts(call.direction, call.caller, number, call.client))
        return
    if number and call.direction is Direction.INBOUND:
        change_called(call, number)
    elif number or channel.exten in NOT_A_DID:
        change_exten(channel, number or present(row.get("Exten")))
    answered = _seconds_to_answer(variables)
    if answered is not None:
        call.answered_after = answered


def _was_rung_first(call: LiveCall, channel: Channel, variables: dict[str, str], at: Timestamp) -> bool:
    """A client of ours who has answered and has a story: nothing else on the PBX shows by now who was rung first. When
    they answered decides whether they have waited for too long."""
    if call.announced or not present(variables.get(receiving.VARIABLE)):
        return False
    become_callback(call)
    ago = _answered_ago(variables)
    call.answered_after = _seconds_to_answer(variables) if ago is None else max(0.0, at - ago - call.started_at)
    change_called(call, dialled_number(endpoint_of(channel.name)[1]))
    return True


def take_story(board: Switchboard, row: Frame, at: Timestamp) -> None:
    """What a campaign's client has met so far; after the calls of the snapshot are reported."""
    channel = board.channels.get(uid_of(row))
    story = present(_variables(row).get(receiving.VARIABLE))
    if channel is not None and story:
        receiving.on_story(board, channel, story, at)


def _variables(row: Frame) -> dict[str, str]:
    said = row.get("Variable", [])
    return dict(text.partition("=")[::2] for text in (said if isinstance(said, list) else [said]))


def _answered_ago(variables: dict[str, str]) -> float | None:
    """Seconds since the channel was answered; None: it is not, or the PBX does not say."""
    try:
        answered, now = float(variables.get(ANSWERED, "")), float(variables.get(PBX_NOW, ""))
    except ValueError:
        return None
    return max(0.0, now - answered) if answered > 0.0 else None


def _seconds_to_answer(variables: dict[str, str]) -> float | None:
    """From the CDR of the call. Its times are in the PBX's time zone, so only their difference is used."""
    try:
        start = datetime.fromisoformat(variables.get("CDR(start)", ""))
        answer = datetime.fromisoformat(variables.get("CDR(answer)", ""))
    except ValueError:
        return None
    return max(0.0, (answer - start).total_seconds())
