"""How a call begins: its direction, its two numbers, and whether a click of ours asked for it.

A client's call is reported at once. A call from a phone is reported when its kind is clear: `*8` joins somebody else's
call a millisecond later, and the number sent to the carrier is only known when the trunk is dialled.
"""

from __future__ import annotations

from integration.domain.calls.call import Direction, HangupBy, LegKind, LegResult, Via
from integration.domain.calls.events import CallEnded, LegEnded, LegOffered
from integration.domain.ids import LegId, Timestamp, call_id
from integration.domain.people.names import without_direction
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.callbacks import describe_callback, rings_client_first
from pbx_adapter.asterisk.tracker.facts import (
    Facts,
    announce,
    become_callback,
    become_originated,
    change_called,
    come_in,
    consult_for,
    forget_sides,
    name_caller,
    originate,
    see_from_start,
    set_origin,
    set_root,
)
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.names import dialled_number, endpoint_of
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.switchboard import SETTLE_SECONDS, Switchboard

NOT_A_DID = frozenset({"", "s", "i", "t", "h"})
"""Extens of the dialplan itself, at which a trunk without a DID enters."""


_DOWN = "0"
"""State of a channel that the PBX creates. A call from outside or from a phone begins ringing, or up."""

LONGEST_EXTENSION = 6
"""Digits; a longer number dialled by a phone counts as an outside number until its leg shows otherwise."""


def on_newchannel(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    uid = present(frame.get("Uniqueid"))
    if not uid or uid in board.dead:
        return
    channel = board.channels.get(uid)
    if channel is None:
        channel = board.adopt(frame, "", at)
    elif not channel.call.announced:
        # An event of another channel came first and named it; the values at its creation count.
        channel.exten, channel.context = present(frame.get("Exten")), present(frame.get("Context"))
    call = channel.call
    is_young = not call.announced or at - call.started_at < SETTLE_SECONDS
    if uid == call.uid and not call.seen_from_start and is_young:
        see_from_start(board, call, at)
    board.know(channel)
    enter_as_root(board, channel, frame, at)


def enter_as_root(board: Switchboard, channel: Channel, frame: Frame, at: Timestamp) -> None:
    """Start a call with its first channel, which decides its kind."""
    call = channel.call
    if channel.uid != call.uid or call.root is not None:
        return
    set_root(call, channel)
    name_caller(board, call, without_direction(present(frame.get("CallerIDName"))), at)
    board.settle_later(call, at)
    if frame.get("ChannelState") == _DOWN and channel.party.kind is not PartyKind.NOBODY:
        become_click(board, channel)  # no source channel; the DialBegin that shows this may come after the phone's
    other = board.talking.get(channel.party.number) if channel.party.kind is PartyKind.EXTENSION else None
    if other is not None and not other.over and other.direction is not Direction.INTERNAL:
        consult_for(call, channel.party.number)
    if channel.party.kind is not PartyKind.EXTERNAL or call.originated:
        return
    come_in(call, channel)
    if channel.exten not in NOT_A_DID and call.seen_from_start:
        begin_call(board, call, at)


def on_new_callerid(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """
    The caller's number, if the channel was created before the number arrived (analogue lines, GSM gateways).

    A dialplan sets callers' names and numbers too, but then the channel had a number before.
    """
    known = board.channels.get(present(frame.get("Uniqueid")))
    was_open = known is not None and known.number_is_open
    channel = board.channel(frame, "", at)
    if channel is None or not was_open or channel.number_is_open:
        return
    call, name = channel.call, without_direction(present(frame.get("CallerIDName")))
    if channel is call.root and not call.caller_name and name and name != channel.party.number:
        name_caller(board, call, name, at)


def on_number(board: Switchboard, channel: Channel) -> None:
    """A channel's number became known after the channel: correct what was concluded without it."""
    call = channel.call
    if channel is not call.root:
        return
    if channel.party.kind is PartyKind.EXTENSION and call.client is channel:
        forget_sides(call)  # an employee's phone, not a line to the outside
    if call.announced:
        announce(board, call, describe(board, call))


def learn_exten(channel: Channel, exten: str) -> None:
    """Take the number dialled by an analogue phone: its channel is created earlier, when the receiver is lifted."""
    if channel.party.kind is PartyKind.EXTENSION and channel.exten in NOT_A_DID and exten not in NOT_A_DID:
        change_exten(channel, exten)


def change_exten(channel: Channel, exten: str) -> None:
    channel.exten = exten


def begin_call(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """Report the start of this call once. It is always the first event of a call."""
    if not call.announced and not call.over and call.merged_into is None:
        announce(board, call, describe(board, call))


def describe_again(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """A leg was offered: correct direction and numbers, which it may show more exactly."""
    if call.direction is not Direction.INBOUND:
        announce(board, call, describe(board, call))


def is_no_call(call: LiveCall) -> bool:
    """
    Whether this is not a call: `*8` and similar codes, a command to the PBX, a helper channel of Asterisk's own, or a
    lifted receiver without a number (an analogue phone then has a channel already). It becomes a call if something
    follows.
    """
    root = call.root
    if root is None or call.originated or call.legs or call.spies_on:
        return False
    if root.party.kind is PartyKind.NOBODY:
        return True
    return root.exten[:1] in ("*", "#") or (root.party.kind is PartyKind.EXTENSION and root.exten in NOT_A_DID)


def describe(board: Switchboard, call: LiveCall) -> Facts:
    """Work out direction, numbers and client from the first channel and the legs so far."""
    root = call.root or next(iter(call.channels.values()), None)
    if root is None:
        return Facts(call.direction or Direction.INTERNAL, call.caller, call.called, call.client)
    if call.direction is Direction.INBOUND:
        called = call.called or _did(root)
        return Facts(Direction.INBOUND, root.party.number or call.caller, called, call.client)
    if root.party.kind is PartyKind.EXTERNAL and not call.originated:
        # Conclusions from before the client's channel was seen (the stream began with the employee's) are void.
        return Facts(Direction.INBOUND, root.party.number, _did(root) or call.called, root)
    if call.originated:
        return describe_callback(board, call) if call.client_first else _describe_click(board, call, root)
    caller, wanted = root.party.number or call.caller, root.exten
    inside = board.office.as_extension(wanted) is not None
    outside = next((leg for leg in call.legs if leg.kind is LegKind.EXTERNAL and leg.via is Via.DIRECT), None)
    if outside is not None and (not inside or outside is call.legs[0]):
        return Facts(Direction.OUTBOUND, caller, outside.target, call.client)
    if not inside and len(dialled_number(wanted)) > LONGEST_EXTENSION:
        return Facts(Direction.OUTBOUND, caller, wanted, call.client)
    # A call that looked outgoing until the dial before its Local pair was heard of has no client outside.
    client = None if call.direction is Direction.OUTBOUND else call.client
    return Facts(Direction.INTERNAL, caller, wanted, client or root)


def _did(root: Channel) -> str:
    return "" if root.exten in NOT_A_DID else root.exten


def _describe_click(board: Switchboard, call: LiveCall, root: Channel) -> Facts:
    """Describe a call that rings the employee first: the caller is who took it, or the first who was rung."""
    agents = [leg for leg in call.legs if leg.kind is LegKind.EXTENSION and _is_agents(leg)]
    first = next((leg for leg in agents if leg.via is Via.CLICK), None)
    agent = next((leg for leg in agents if leg.answered_at is not None), first)
    client = next((leg for leg in call.legs if leg.via is Via.DIRECT and leg.kind is LegKind.EXTERNAL), None)
    action = board.originate_of(call) or {}
    door = board.office.extension_of(root.name) or endpoint_of(root.name)[1].partition("@")[0]
    caller = agent.target if agent else root.party.number or door
    # The employee's side may have more legs: members of a queue that is rung first, a phone that forwards.
    others = (leg for leg in call.legs if leg.via is not Via.CLICK and not leg.originated)
    colleague = next((leg.target for leg in others if leg.kind is LegKind.EXTENSION), "")
    called = client.target if client else present(action.get("Exten")) or call.made_for or colleague or call.called
    if called == caller:
        called = ""  # the phone shows its own number: the Originate leads to an application
    if call.spies_on:
        called = called or call.spies_on
    elif board.office.as_extension(called) is None:
        return Facts(Direction.OUTBOUND, caller, called, call.client)
    own = call.client
    if agent is not None and (own is None or own.party.kind is PartyKind.LOCAL):
        own = next(iter(agent.channels.values()), None)
    return Facts(Direction.INTERNAL, caller, called, own)


def _is_agents(leg: LiveLeg) -> bool:
    """Whether the leg is an employee's, and not one to which the phone forwards: the call stays that employee's."""
    return leg.via is Via.CLICK or (leg.originated and leg.via is Via.QUEUE)


def see_whom_it_rings(board: Switchboard, call: LiveCall, leg: LiveLeg) -> None:
    """The first leg of an Originate shows whether it rings the client first, or the employee."""
    if rings_client_first(board, call, leg):
        become_callback(call)


def mark_originated_found(channel: Channel, shown: str) -> None:
    """A snapshot shows a channel that an Originate made; its phone shows `shown`, the `CallerID:` of the Originate."""
    call = channel.call
    become_originated(channel)
    originate(call)
    set_root(call, channel)
    change_called(call, call.called or shown)


def mark_originated(board: Switchboard, channel: Channel, frame: Frame) -> None:
    """A DialBegin without a source is an Originate."""
    call = channel.call
    if call.root is None and channel.uid == call.uid:
        set_root(call, channel)  # the stream begins between this channel's creation and its dial
    if channel is call.root and not call.announced:
        see_from_start(board, call, channel.last_seen)  # even if its Newchannel comes later
        change_called(call, call.called or _shown_to(channel, frame))
    become_click(board, channel)
    if channel is call.root and not call.over:
        board.note_click(call, channel, present(frame.get("DialString")))
        _origin_from(board, call, board.originate_of(call) or {})


def become_click(board: Switchboard, channel: Channel) -> None:
    """
    Mark a channel as made by an Originate. One of ours is a click and has the CRM's id.

    Events of the phone behind a Local pair may come first, so the call may have been reported as another kind.
    """
    call = channel.call
    become_originated(channel)
    if channel is not call.root or call.originated or call.over:
        return
    originate(call)
    board.note_click(call, channel, "")
    _origin_from(board, call, board.originate_of(call) or {})
    if call.announced:
        announce(board, call, describe(board, call))


def _shown_to(channel: Channel, frame: Frame) -> str:
    """
    The number that the agent's phone shows while it rings, with which it will be connected. Empty if not given.

    Our Originate sets it as the connected line. The `CallerID:` in other programs' Originates also makes it the number
    of the agent's own channel, which otherwise is the agent's number.
    """
    door = endpoint_of(channel.name)[1].partition("@")[0]
    shown = [present(frame.get(key)) for key in ("DestConnectedLineNum", "DestCallerIDNum")]
    return next((number for number in shown if number and number not in (channel.party.number, door)), "")


def never_rang(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    """Report the call of an Originate to an unregistered phone: it makes no channel, and this answer is all."""
    uid = present(frame.get("Uniqueid")) or present(frame.get("ActionID"))
    if not uid or uid in board.by_linkedid or frame.get("Reason") in _RANG:
        return
    phone = present(frame.get("Channel")).removesuffix("/n")
    name = endpoint_of(phone)[1].partition("@")[0]
    client_first = len(dialled_number(name)) > LONGEST_EXTENSION
    call = LiveCall(uid, call_id(board.pbx, uid), at)
    board.calls[uid] = board.by_linkedid[uid] = call
    rung = board.office.extension_of(phone) or name
    exten = present(frame.get("Exten"))
    action = board.originates.get(uid) or board.originates.get(phone) or {}
    if client_first:
        facts = Facts(Direction.OUTBOUND, board.office.as_extension(exten) or "", dialled_number(name), None)
        kind, via, result = LegKind.EXTERNAL, Via.DIRECT, LegResult.FAILED
    else:
        called = exten or present(frame.get("CallerIDNum"))
        inside = board.office.as_extension(called) is not None
        facts = Facts(Direction.INTERNAL if inside else Direction.OUTBOUND, rung, called, None)
        kind, via, result = LegKind.EXTENSION, Via.CLICK, LegResult.UNAVAILABLE
        set_origin(board, call, action_id=present(frame.get("ActionID")))
    _origin_from(board, call, action)
    announce(board, call, facts)
    leg = LegId(f"{uid}:{rung}")
    board.tell(LegOffered(call=call.id, at=at, leg=leg, target=rung, kind=kind, via=via))
    board.tell(LegEnded(call=call.id, at=at, leg=leg, result=result))
    board.tell(CallEnded(call=call.id, at=at, hangup_by=HangupBy.SYSTEM))
    board.forget_originate(call, phone)
    board.close_call(call, at)


_RANG = frozenset({"1", "3", "4", "5"})
"""Reasons of an OriginateResponse after something rang: hung up, rang out, answered, busy. The call is known already,
or was not seen from its start."""


def _origin_from(board: Switchboard, call: LiveCall, action: Frame) -> None:
    variables = action.get("Variable", [])
    for text in variables if isinstance(variables, list) else variables.split(","):
        name, _, value = text.partition("=")
        if name.lstrip("_") == board.office.crm_variable and value:
            set_origin(board, call, crm_call_id=value)
    if action:
        set_origin(board, call, action_id=present(action.get("ActionID")))


def on_variable(board: Switchboard, channel: Channel, name: str, value: str) -> None:
    """Handle a channel variable that concerns the whole call."""
    call = channel.call
    if name == board.office.crm_variable:
        set_origin(board, call, crm_call_id=value)
    elif call.direction is Direction.INBOUND and not call.announced:
        change_called(call, value)
        begin_call(board, call, channel.last_seen)
