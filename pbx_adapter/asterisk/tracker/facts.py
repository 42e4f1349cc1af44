"""The facts of a whole call: who called whom, which channel is the client's, which request started it.

Only this module writes these fields, and it reports changes. `beginning.py` and `callbacks.py` find the values.
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
    """Note that the creation of its first channel was seen, even if another event had named the call before."""
    call.seen_from_start = True
    if call.announced and not call.over:
        board.tell(CallDescribed(call=call.id, at=at, seen_from_start=True))


def set_root(call: LiveCall, channel: Channel) -> None:
    """Set the channel with which the call began."""
    call.root = channel


def name_caller(board: Switchboard, call: LiveCall, name: str, at: Timestamp) -> None:
    call.caller_name = name
    if name and call.announced and not call.over:
        board.tell(CallDescribed(call=call.id, at=at, caller_name=name))


def set_origin(board: Switchboard, call: LiveCall, *, action_id: str = "", crm_call_id: str = "") -> None:
    """Note which request started a call; each half may become known without the other."""
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
    """Note that the call came from outside, on this channel."""
    call.client, call.direction = client, Direction.INBOUND


def forget_sides(call: LiveCall) -> None:
    """Forget direction and client, which were wrong; they are determined again."""
    call.client, call.direction = None, None


def forget_guess(call: LiveCall) -> None:
    """Forget what was concluded without the first channel, which has now been found."""
    forget_sides(call)
    call.caller = call.called = ""


def change_client(call: LiveCall, client: Channel | None) -> None:
    """Make another channel the client's: one just dialled, or the party who stays after an internal caller leaves."""
    call.client = client


def change_called(call: LiveCall, number: str) -> None:
    """Set the called party, from a variable, a phone's display or a snapshot, before the call is reported."""
    call.called = number


# -- Originates -------------------------------------------------------------------


def become_originated(channel: Channel) -> None:
    """Note that an Originate created this channel."""
    channel.originated = True


def originate(call: LiveCall) -> None:
    """Note that an Originate began the call; its legs show who is the client."""
    call.originated = True
    forget_sides(call)


def become_callback(call: LiveCall) -> None:
    """Note that the Originate rings the client first; the name so far is the one that the client was shown."""
    call.client_first, call.caller_name = True, ""


def lead_to(call: LiveCall, exten: str, *, is_sure: bool = False) -> None:
    """Set the exten to which the Originate leads. The first known one stays, unless the new one is sure."""
    if exten and (is_sure or not call.made_for):
        call.made_for = exten


def take_callback(call: LiveCall, extension: str) -> None:
    """Set the extension that took a callback; a later transfer does not change it."""
    call.taken_by = call.taken_by or extension


# -- consultations ----------------------------------------------------------------


def consult_for(call: LiveCall, extension: str) -> None:
    """Note that the caller has a client in another call: this is a consultation, unless the calls are joined."""
    call.consults_for = extension


def become_meeting(call: LiveCall) -> None:
    """Note that the call leads into a conference room: then it is not a consultation, whoever else is there."""
    call.consults_for = ""
