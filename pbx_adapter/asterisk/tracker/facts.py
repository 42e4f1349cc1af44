"""What is known of a call as a whole: who called whom, which channel is the client's, what asked for it.

Only this module writes these fields; `beginning.py` and `callbacks.py` work out what they are. A change is told here.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.calls.call import Direction, Origin
from integration.domain.calls.events import CallDescribed, CallStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall
from pbx_adapter.asterisk.tracker.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Facts:
    direction: Direction
    caller: str
    called: str
    client: Channel | None


def announce(board: Switchboard, call: LiveCall, facts: Facts) -> None:
    """Report that a call began, or correct its facts."""
    if call.over:
        return
    direction, caller, called = facts.direction, facts.caller, facts.called
    if not call.announced:
        call.announced = True
        board.tell(
            CallStarted(
                call=call.id,
                at=call.started_at,
                native_id=call.uid,
                direction=direction,
                caller=caller,
                called=called,
                caller_name=call.caller_name or None,
                origin=call.origin,
                seen_from_start=call.seen_from_start,
            )
        )
    elif (direction, caller, called) != (call.direction, call.caller, call.called):
        at = board.channels_time(call)
        board.tell(CallDescribed(call=call.id, at=at, direction=direction, caller=caller, called=called))
    call.direction, call.caller, call.called, call.client = direction, caller, called, facts.client


def see_from_start(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """Its first channel was seen to be made, if only after another event had named the call."""
    call.seen_from_start = True
    if call.announced and not call.over:
        board.tell(CallDescribed(call=call.id, at=at, seen_from_start=True))


def set_root(call: LiveCall, channel: Channel) -> None:
    """The channel that the call began with."""
    call.root = channel


def name_caller(board: Switchboard, call: LiveCall, name: str, at: Timestamp) -> None:
    call.caller_name = name
    if name and call.announced and not call.over:
        board.tell(CallDescribed(call=call.id, at=at, caller_name=name))


def set_origin(board: Switchboard, call: LiveCall, *, action_id: str = "", crm_call_id: str = "") -> None:
    """Note who asked for a call; each half may become known without the other."""
    old = call.origin or Origin(kind="click")
    new = Origin(kind="click", request_id=old.request_id or action_id or None,
                 crm_call_id=old.crm_call_id or crm_call_id or None)  # fmt: skip
    if new == call.origin:
        return
    call.origin = new
    if call.announced and not call.over:
        board.tell(CallDescribed(call=call.id, at=board.channels_time(call), origin=new))


# -- the two sides ----------------------------------------------------------------


def come_in(call: LiveCall, client: Channel) -> None:
    """The call came from outside, on this channel."""
    call.client, call.direction = client, Direction.INBOUND


def forget_sides(call: LiveCall) -> None:
    """What was thought of direction and client was wrong: they are worked out again."""
    call.client, call.direction = None, None


def forget_guess(call: LiveCall) -> None:
    """The first channel has been found: what was thought of the call without it does not count."""
    forget_sides(call)
    call.caller = call.called = ""


def change_client(call: LiveCall, client: Channel | None) -> None:
    """Another channel is the client's: one just dialled, or who stays in an internal call that its caller leaves."""
    call.client = client


def change_called(call: LiveCall, number: str) -> None:
    """The called party, as a variable, a phone's display or a snapshot shows it before the call is told."""
    call.called = number


# -- Originates -------------------------------------------------------------------


def become_originated(channel: Channel) -> None:
    """The PBX itself made this channel, with an Originate."""
    channel.originated = True


def originate(call: LiveCall) -> None:
    """The PBX itself began the call, with an Originate: who is who is worked out from its legs."""
    call.originated = True
    forget_sides(call)


def become_callback(call: LiveCall) -> None:
    """The Originate rings the client first; the name so far is the one that the client was shown."""
    call.client_first, call.caller_name = True, ""


def lead_to(call: LiveCall, exten: str, *, is_sure: bool = False) -> None:
    """The exten that the Originate leads whoever answers to; the first that becomes known, unless this one is sure."""
    if exten and (is_sure or not call.made_for):
        call.made_for = exten


def take_callback(call: LiveCall, extension: str) -> None:
    """The extension that took a callback; who has it later does not change that."""
    call.taken_by = call.taken_by or extension


# -- consultations ----------------------------------------------------------------


def consult_for(call: LiveCall, extension: str) -> None:
    """The call is made by an extension whose other call holds a client: a consultation, unless it is joined to that."""
    call.consults_for = extension


def become_meeting(call: LiveCall) -> None:
    """The call leads into a conference room: whoever else is there, that is no consultation."""
    call.consults_for = ""
