"""Calls for which the PBX rings the client first: a callback ordered on a site, a dialler, a call file.

An Originate rings the client, and whoever answers is led into the dialplan like a caller: to an extension, a queue, a
menu. For the business it is an outgoing call to that client. Its employee is whoever takes it first; before that, and
when nobody does, the extension that it was made for.

Clicks ring the employee first; they are `beginning.py`'s.
"""

from __future__ import annotations

from integration.domain.call import Direction, LegKind
from pbx_adapter.asterisk.live import LiveCall, LiveLeg
from pbx_adapter.asterisk.names import dialled_number, endpoint_of
from pbx_adapter.asterisk.office import PartyKind, present
from pbx_adapter.asterisk.switchboard import Switchboard


def notice(board: Switchboard, call: LiveCall, leg: LiveLeg) -> None:
    """
    Find out from the first leg of an Originate which party it rings first.

    Behind `Local/101@...` it is the employee 101 even where the phone is a mobile; behind `Local/7916...@...` or
    `Local/s@...` it is whoever is dialled there.
    """
    root = call.root
    if not call.originated or root is None or call.legs[:1] not in ([], [leg]) or leg.kind is not LegKind.EXTERNAL:
        return
    door = endpoint_of(root.name)[1].partition("@")[0]
    if root.party.kind is PartyKind.LOCAL and board.office.as_extension(door) is not None:
        return
    call.client_first = True
    call.caller_name = ""  # it is the name that the client was shown


def describe_callback(board: Switchboard, call: LiveCall) -> tuple[Direction, str, str]:
    """Direction, the employee (empty while there is none to name), and the number as it was sent to the carrier."""
    client = next((leg for leg in call.legs if leg.originated), None)
    door = endpoint_of(call.root.name)[1] if call.root is not None else ""
    return Direction.OUTBOUND, _employee(board, call), client.target if client else dialled_number(door)


def _employee(board: Switchboard, call: LiveCall) -> str:
    action = board.originate_of(call) or {}
    for exten in (call.taken_by, present(action.get("Exten")), call.made_for):
        extension = board.office.as_extension(exten)
        if extension is not None:
            return extension
    rung = {leg.target for leg in call.legs if leg.kind is LegKind.EXTENSION}
    return rung.pop() if len(rung) == 1 else ""
