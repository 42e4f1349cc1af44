"""Snapshots: what the PBX says is there, after a connection that began or came back in the middle of calls.

Theory of operation
-------------------

When the link is lost nothing is concluded. When it is back, the first question is whether the PBX is still the same: a
`FullyBooted` whose Uptime is shorter than the gap, or a `CoreStatus` with another start, means that every old call is
over. Then `CoreShowChannels` and `Status` say which channels live; both name each channel's bridge. When such a list is
complete:

- a channel that was known, was not heard of since, and is not listed hung up in the gap: its call ends, *inferred*, at
  a moment in the gap;
- a listed channel that was known is put into the bridge it is said to be in; if the client has got somebody, the answer
  is inferred;
- a listed channel that was not known is adopted. Calls found so were not seen from the start; `Status` tells the number
  first dialled (DNID), the variables, and by `CDR(start)` and `CDR(answer)` the time from start to answer.

Events flow while the lists are asked for, on the same connection: a channel that hung up meanwhile is among the dead
and stays there, and one that was made meanwhile has been heard of and is not missed.
"""

from __future__ import annotations

import re
from datetime import datetime

from integration.domain.call import Direction, LegKind, TransferKind, TransferResult
from integration.domain.events import TransferEnded, TransferStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.beginning import begin_call, describe, enter_as_root, set_origin
from pbx_adapter.asterisk.conversation import enter, leave, look, on_recording_name
from pbx_adapter.asterisk.ending import finish, hang_up
from pbx_adapter.asterisk.legs import answer_leg, offer_leg, ring_leg
from pbx_adapter.asterisk.live import Bridge, BridgeKind, Channel, LiveCall
from pbx_adapter.asterisk.office import PartyKind, dialled_number, endpoint_of, present
from pbx_adapter.asterisk.protocol import Frame
from pbx_adapter.asterisk.switchboard import Switchboard

EVENTS = frozenset({
    "FullyBooted", "CoreShowChannel", "CoreShowChannelsComplete", "Status", "StatusComplete", "BridgeListItem",
    "BridgeInfoComplete", "QueueEntry",
})  # fmt: skip

_ROWS = {"CoreShowChannel": "CoreShowChannelsComplete", "Status": "StatusComplete"}


CLEAR_UP_SECONDS = 1.0
"""How long a channel list waits for the Status that explains it; then its calls are told with what is known."""


class Resync:
    """Collects the rows of a snapshot and works them in when they are complete."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._lost_at: Timestamp | None = None
        self._up_at: Timestamp | None = None
        self._started: str | None = None  # when the PBX says it started
        self._rows: dict[str, list[Frame]] = {}
        self._unclear: list[LiveCall] = []
        self._clear_up_at = Timestamp(0.0)

    @property
    def is_waiting(self) -> bool:
        """Whether calls of a channel list wait for their Status."""
        return bool(self._unclear)

    def link_lost(self, at: Timestamp) -> None:
        self._rows.clear()
        if self._lost_at is None:
            self._lost_at = at

    def link_up(self, at: Timestamp) -> None:
        self._rows.clear()
        self._up_at = at

    def tick(self, now: Timestamp) -> None:
        """Tell what a channel list showed when no Status follows it."""
        if self._unclear and now >= self._clear_up_at:
            self._clear_up(now)

    def feed(self, frame: Frame, at: Timestamp) -> None:
        """Take a frame that is no event of a call: a row of a list, its end, or word of the PBX's own start."""
        event = str(frame.get("Event"))
        if event in _ROWS:
            self._rows.setdefault(_ROWS[event], []).append(frame)
        elif event in _ROWS.values():
            self._work_in(self._rows.pop(event, []), event, at)
        elif event == "FullyBooted":
            self._on_fully_booted(frame, at)
        elif event in ("BridgeListItem", "BridgeInfoComplete"):
            self._on_bridge(frame, at)
        elif event == "QueueEntry":
            self._on_queue_entry(frame, at)
        elif "CoreStartupDate" in frame:
            self._on_core_status(frame, at)

    # -- the same PBX? -----------------------------------------------------------

    def _on_fully_booted(self, frame: Frame, at: Timestamp) -> None:
        uptime = present(frame.get("Uptime"))
        # Whole seconds, cut off: the PBX is up to a second older than it says. CoreStatus tells the rest.
        if self._lost_at is not None and uptime.isdecimal() and at - int(uptime) - 1.0 > self._lost_at:
            self._all_over(at)

    def _on_core_status(self, frame: Frame, at: Timestamp) -> None:
        started = f"{frame.get('CoreStartupDate')} {frame.get('CoreStartupTime')}"
        if self._started is not None and self._started != started:
            self._all_over(at)
        self._started = started

    def _all_over(self, at: Timestamp) -> None:
        lost_at = self._lost_at
        if lost_at is None:  # FullyBooted has said it before: calls that have begun since the link came up are new ones
            lost_at = self._up_at if self._up_at is not None else at
        end_everything(self._board, self._in_gap(lost_at, at), inferred=True, seen_before=lost_at)
        self._lost_at = None

    @staticmethod
    def _in_gap(lost_at: Timestamp, up_at: Timestamp) -> Timestamp:
        """A moment in the gap for what happened in it; the middle is wrong by half of it at most."""
        return Timestamp((lost_at + up_at) / 2)

    # -- rows ----------------------------------------------------------------------

    def _work_in(self, rows: list[Frame], event: str, at: Timestamp) -> None:
        board = self._board
        lost_at, up_at = self._lost_at, self._up_at if self._up_at is not None else at
        moment = at
        if lost_at is not None:
            board.gap, moment = (lost_at, up_at), self._in_gap(lost_at, up_at)
        before = {call: call.hands for call in board.calls.values() if not call.over}
        self._hang_up_missing({_uid(row) for row in rows}, moment, up_at)
        for row in _roots_first(rows):
            self._adopt(row, at)
        for row in rows:
            self._place(row, moment)
        for row in rows:
            channel = board.channels.get(_uid(row))
            if channel is not None and channel.call.announced:
                _become_leg(board, channel, moment)
        if event == "StatusComplete":
            for row in rows:
                _take_facts(board, row, at)
            self._clear_up(at)
            self._lost_at = None
        else:
            self._clear_up_at = Timestamp(at + CLEAR_UP_SECONDS)
        for call in {id(channel.call): channel.call for channel in board.channels.values()}.values():
            _recompute(board, call, moment)
            if lost_at is not None:
                _infer_transfer(board, call, before.get(call), moment)
        board.gap = None

    def _clear_up(self, at: Timestamp) -> None:
        """Tell of the calls that a snapshot showed."""
        unclear, self._unclear = self._unclear, []
        for call in {id(call.current): call.current for call in unclear}.values():
            call.unclear = False
            for channel in sorted(call.channels.values(), key=lambda channel: _made(channel.uid)):
                _become_leg(self._board, channel, at)
            begin_call(self._board, call, at)
            _recompute(self._board, call, at)

    def _hang_up_missing(self, listed: set[str], moment: Timestamp, up_at: Timestamp) -> None:
        board = self._board
        touched: dict[int, LiveCall] = {}
        for channel in list(board.channels.values()):
            if channel.uid not in listed and channel.last_seen < up_at:
                touched[id(channel.call)] = channel.call
                hang_up(board, channel, {}, moment)
        for call in touched.values():
            if not call.channels and not call.over:
                finish(board, call, moment, inferred=True)

    def _adopt(self, row: Frame, at: Timestamp) -> None:
        """Enter a channel that was not known, or of which an event in passing said only that it exists."""
        board, uid = self._board, _uid(row)
        channel = board.channels.get(uid)
        if not uid or uid in board.dead or (channel is not None and not channel.half_seen):
            return
        channel = channel or board.adopt(row, "", at)
        channel.half_seen = False
        channel.born_at = Timestamp(at - _age(row))
        call = channel.call
        call.started_at = min(call.started_at, channel.born_at)
        application = present(row.get("Application"))
        if not application.startswith("AppDial"):
            channel.dial = channel.dial or present(row.get("ApplicationData")) or present(row.get("Data"))
        if application == "Queue":
            channel.queue = channel.dial.partition(",")[0]
            call.queue = call.queue or channel.queue
        if channel.uid == call.uid and application not in ("AppDial", "AppDial2"):
            self._enter_as_root(channel, row, at)
        is_root = channel is call.root or channel.uid == call.uid
        if application == "AppDial2" or (is_root and channel.party.kind is PartyKind.LOCAL):
            # Nobody's channel dialled it. The agent's phone shows the client: the `CallerID:` of the Originate.
            channel.originated = call.originated = True
            call.root, call.called = channel, call.called or present(row.get("ConnectedLineNum"))
        if not call.announced and not call.unclear:
            call.unclear = True
            self._unclear.append(call)

    def _enter_as_root(self, channel: Channel, row: Frame, at: Timestamp) -> None:
        """The first channel of a call; if the call was told of before it was known, what was said of it was a guess."""
        board, call = self._board, channel.call
        was_guessed = call.announced and call.root is None
        if was_guessed:
            call.direction, call.client, call.caller, call.called = None, None, "", ""
        enter_as_root(board, channel, {**row, "ChannelState": "4"}, at)
        if was_guessed:
            board.announce(call, *describe(board, call))

    def _place(self, row: Frame, at: Timestamp) -> None:
        board = self._board
        channel = board.channels.get(_uid(row))
        if channel is None:
            return
        id_ = present(row.get("BridgeId")) or present(row.get("BridgeID"))
        if not id_:
            if channel.bridge is not None and board.gap is not None and channel.bridged_at < board.gap[0]:
                leave(board, channel, at)
            return
        bridge = board.bridges.setdefault(id_, Bridge(id_))
        if present(row.get("Application")) in ("Park", "ParkedCall"):
            bridge.kind = BridgeKind.WAITING
        enter(board, channel, bridge, at)

    def _on_bridge(self, frame: Frame, at: Timestamp) -> None:
        bridge = self._board.bridges.get(present(frame.get("BridgeUniqueid")))
        if bridge is None:
            return
        before = bridge.kind
        self._board.bridge(frame)
        if bridge.kind is not before:
            for member in list(bridge.members.values()):
                look(self._board, member.call, at)

    def _on_queue_entry(self, frame: Frame, at: Timestamp) -> None:
        channel = self._board.channels.get(_uid(frame))
        if channel is not None:
            channel.queue = present(frame.get("Queue"))


def _uid(row: Frame) -> str:
    return present(row.get("Uniqueid"))


def _roots_first(rows: list[Frame]) -> list[Frame]:
    """The first channel of each call before its others, and those in the order in which they were made."""
    return sorted(rows, key=lambda row: (row.get("Uniqueid") != row.get("Linkedid"), _made(_uid(row))))


def _made(uid: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d{1,18}", uid)[-2:])


def _age(row: Frame) -> float:
    """`Seconds` of Status, or `Duration` (H:MM:SS) of CoreShowChannels."""
    seconds = present(row.get("Seconds"))
    if seconds.isdecimal():
        return float(seconds)
    total = 0.0
    for part in present(row.get("Duration")).split(":"):
        total = total * 60 + (int(part) if part.isdecimal() else 0)
    return total


def _become_leg(board: Switchboard, channel: Channel, at: Timestamp) -> None:
    """A channel found in the middle of a call that was dialled by it: who was offered the call, and how far it got."""
    call = channel.call
    if channel.leg is not None or channel.party.kind in (PartyKind.LOCAL, PartyKind.NOBODY):
        return
    if channel is call.root and not channel.originated:
        return
    if not channel.originated and channel.uid == channel.linkedid:
        return
    source = call.root
    external = channel.party.kind is PartyKind.EXTERNAL
    dial = channel.dial or (source.dial if source is not None else "")
    number = dialled_number(dial.partition(",")[0]) if external else ""
    target = (number or channel.party.number) if external else channel.party.number
    kind = LegKind.EXTERNAL if external else LegKind.EXTENSION
    in_queue = source is not None and call.queue
    via = (
        "click"
        if channel.originated or _is_behind_door(channel, source)
        else f"queue:{call.queue}"
        if in_queue
        else "direct"
    )
    if call.was_connected:
        via = "transfer"  # somebody had the client before the gap, and this one came in it
    leg = offer_leg(board, call, target, kind, channel.born_at, None, channel, via)
    if leg is None:
        return
    if source is not None:
        source.dial_made_legs = True  # what DIALSTATUS says is said of it
    if channel.bridge is None:
        ring_leg(board, leg, at)
    else:
        found_at = at if call.was_connected else min(at, call.started_at + (call.answered_after or 0.0))
        answer_leg(board, leg, Timestamp(max(found_at, leg.offered_at)))


def _is_behind_door(channel: Channel, root: Channel | None) -> bool:
    """`Local/101@...` was originated, and this is the phone of 101."""
    if root is None or not root.originated or root.party.kind is not PartyKind.LOCAL:
        return False
    return endpoint_of(root.name)[1].partition("@")[0] == channel.party.number


def _take_facts(board: Switchboard, row: Frame, at: Timestamp) -> None:
    """What only Status knows of a call that was not seen from its start."""
    channel = board.channels.get(_uid(row))
    if channel is None:
        return
    call = channel.call
    said = row.get("Variable", [])
    variables = dict(text.partition("=")[::2] for text in (said if isinstance(said, list) else [said]))
    if present(row.get("Application")) == "AppDial":
        channel.dial = channel.dial or present(variables.get("DIALEDPEERNUMBER"))
    crm_id = present(variables.get(board.office.crm_variable))
    if crm_id:
        set_origin(board, call, crm_call_id=crm_id)
    file = present(variables.get("MIXMONITOR_FILENAME"))
    # An event that came before the list may have named the first channel already; then it was entered as no root.
    is_first = channel is call.root or (call.root is None and channel.uid == call.uid)
    if file and is_first:
        on_recording_name(board, channel, file, at)
    if not is_first or (call.announced and call.seen_from_start):
        return
    dids = [present(variables.get(name)) for name in board.office.did_variables]
    number = next((did for did in dids if did), "") or present(row.get("DNID"))
    if call.announced:  # by an event that came before this answer; the DID was a guess by where the call is now
        if number and call.direction is Direction.INBOUND:
            board.announce(call, call.direction, call.caller, number)
        return
    if number and call.direction is Direction.INBOUND:
        call.called = number
    elif number:
        channel.exten = number
    answered = _seconds_to_answer(variables)
    if answered is not None:
        call.answered_after = answered


def _seconds_to_answer(variables: dict[str, str]) -> float | None:
    """From the PBX's own record; in its own time zone, so only the difference can be used."""
    try:
        start = datetime.fromisoformat(variables.get("CDR(start)", ""))
        answer = datetime.fromisoformat(variables.get("CDR(answer)", ""))
    except ValueError:
        return None
    return max(0.0, (answer - start).total_seconds())


def _recompute(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """See who has the client now."""
    if call.answered_after is not None and not call.was_connected:
        at = Timestamp(min(at, call.started_at + call.answered_after))
    look(board, call, at)


def _infer_transfer(board: Switchboard, call: LiveCall, before: Channel | None, at: Timestamp) -> None:
    """Somebody else has the client than before the gap: that was a transfer which nobody saw."""
    after = call.hands
    if before is None or after is None or after is before or after.leg is None or after.leg.via != "transfer":
        return
    board.tell(
        TransferStarted(call=call.id, at=at, kind=TransferKind.BLIND, from_=before.party.number, to=after.party.number)
    )
    board.tell(TransferEnded(call=call.id, at=at, result=TransferResult.ANSWERED))


def end_everything(board: Switchboard, at: Timestamp, *, inferred: bool, seen_before: Timestamp | None = None) -> None:
    """The PBX stopped or is another one than before: every call of the old one is over."""
    for channel in list(board.channels.values()):
        if seen_before is None or channel.last_seen <= seen_before:
            hang_up(board, channel, {}, at)
    for call in list(board.calls.values()):
        if not call.over and call.merged_into is None and not call.channels:
            finish(board, call, call.last_gone_at or at, inferred=inferred)
