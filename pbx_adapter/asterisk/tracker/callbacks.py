"""Calls for which the PBX rings the client first: a callback ordered on a website, a dialler, a call file.

An Originate rings the client. After the answer the client enters the dialplan like a caller: at an extension, a queue
or a menu. For the business it is an outgoing call to that client. Its employee is the first to answer; until somebody
answers, it is the extension that the call was made for.

Clicks ring the employee first; `beginning.py` handles them.
"""

from __future__ import annotations

from integration.domain.calls.call import Direction, LegKind
from pbx_adapter.asterisk.tracker.facts import Facts
from pbx_adapter.asterisk.tracker.live import LiveCall, LiveLeg
from pbx_adapter.asterisk.tracker.names import endpoint_of
from pbx_adapter.asterisk.tracker.office import PartyKind, present
from pbx_adapter.asterisk.tracker.switchboard import Switchboard


def rings_client_first(board: Switchboard, call: LiveCall, leg: LiveLeg) -> bool:
    """
    Whether the first leg of an Originate is the client's, and not an employee's.

    Behind `Local/101@...` it is the employee 101, even if the phone is a mobile; behind `Local/7916...@...` or
    `Local/s@...` it is the dialled party.
    """
    return call.legs[:1] in ([], [leg]) and leg.kind is LegKind.EXTERNAL and leads_to_client(board, call)


def leads_to_client(board: Switchboard, call: LiveCall) -> bool:
    """Whether what an Originate rings is not an employee's, if its first leg is outside."""
    root = call.root
    if not call.originated or root is None:
        return False
    door = endpoint_of(root.name)[1].partition("@")[0]
    return root.party.kind is not PartyKind.LOCAL or board.office.as_extension(door) is None


def describe_callback(board: Switchboard, call: LiveCall) -> Facts:
    """The employee is empty while unknown; the client's number is as it was sent to the carrier."""
    client = next((leg for leg in call.legs if leg.originated), None)
    return Facts(Direction.OUTBOUND, _employee(board, call), client.target if client else call.called, call.client)


def _employee(board: Switchboard, call: LiveCall) -> str:
    action = board.originate_of(call) or {}
    for exten in (call.taken_by, present(action.get("Exten")), call.made_for):
        extension = board.office.as_extension(exten)
        if extension is not None:
            return extension
    rung = {leg.target for leg in call.legs if leg.kind is LegKind.EXTENSION}
    return rung.pop() if len(rung) == 1 else ""
