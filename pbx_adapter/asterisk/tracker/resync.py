"""Snapshots: finds the calls that are on the PBX when a connection begins or comes back in the middle of calls.

Theory of operation
-------------------

A lost link proves nothing about calls. When the link is back, the first question is whether the PBX was restarted: a
`FullyBooted` with an Uptime shorter than the gap, or a `CoreStatus` with another start time, means that every old call
is over. Then `CoreShowChannels` and `Status` list the live channels, with the bridge of each. When a list is complete:

- a known channel that is not listed, and had no event since the gap, hung up in the gap: its call ends, *inferred*, at
  a moment in the gap;
- a known channel that is listed is put into its listed bridge; if that connects the client with somebody, the answer is
  inferred;
- an unknown channel that is listed is adopted. Such a call was not seen from its start; `Status` has the number that
  was dialled first (DNID), the variables, and in `CDR(start)` and `CDR(answer)` the time from start to answer.

Events continue to arrive on the same connection while the lists are requested. A channel that hung up meanwhile is in
`dead` and stays there; one that was created meanwhile has had an event, so it does not count as missing from the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from integration.domain.calls.call import TransferKind, TransferResult, Via
from integration.domain.calls.events import TransferEnded, TransferStarted
from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.beginning import begin_call, describe, enter_as_root
from pbx_adapter.asterisk.tracker.conversation import enter, leave, look
from pbx_adapter.asterisk.tracker.dials import find_dial
from pbx_adapter.asterisk.tracker.ending import finish, hang_up
from pbx_adapter.asterisk.tracker.facts import announce, forget_guess
from pbx_adapter.asterisk.tracker.found import become_leg, may_be_leg, note_originate, take_facts, take_story, uid_of
from pbx_adapter.asterisk.tracker.live import Bridge, BridgeKind, Channel, LiveCall
from pbx_adapter.asterisk.tracker.office import present
from pbx_adapter.asterisk.tracker.queues import on_queue_entry, wait_in
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

EVENTS = frozenset({
    "FullyBooted", "CoreShowChannel", "CoreShowChannelsComplete", "Status", "StatusComplete", "BridgeListItem",
    "BridgeInfoComplete", "QueueEntry",
})  # fmt: skip

_ROWS = {"CoreShowChannel": "CoreShowChannelsComplete", "Status": "StatusComplete"}


CLEAR_UP_SECONDS = 1.0
"""How long a channel list waits for the Status that explains it; then its calls are reported with the known facts."""


@dataclass(frozen=True, slots=True)
class _Unclear:
    """A call with channels from a list, until `Status` explains them; and what was known before the list."""

    call: LiveCall
    hands: Channel | None
    moment: Timestamp
    gap: tuple[Timestamp, Timestamp] | None


class Resync:
    """Collects the rows of a snapshot and applies them when they are complete."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._lost_at: Timestamp | None = None
        self._up_at: Timestamp | None = None
        self._started: str | None = None  # start time of the PBX, as CoreStatus writes it
        self._rows: dict[str, list[Frame]] = {}
        self._unclear: list[_Unclear] = []
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
        """Report the calls of a channel list when no Status follows it."""
        if self._unclear and now >= self._clear_up_at:
            self._clear_up(now)

    def feed(self, frame: Frame, at: Timestamp) -> None:
        """Process a frame that is not a call event: a row of a list, its end, or the PBX's start time."""
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
            on_queue_entry(self._board, frame, at)
        elif "CoreStartupDate" in frame:
            self._on_core_status(frame, at)

    # -- the same PBX? -----------------------------------------------------------

    def _on_fully_booted(self, frame: Frame, at: Timestamp) -> None:
        uptime = present(frame.get("Uptime"))
        # Uptime is cut to whole seconds: the PBX may be a second older. CoreStatus shows restarts that this misses.
        if self._lost_at is not None and uptime.isdecimal() and at - int(uptime) - 1.0 > self._lost_at:
            self._all_over(at)

    def _on_core_status(self, frame: Frame, at: Timestamp) -> None:
        started = f"{frame.get('CoreStartupDate')} {frame.get('CoreStartupTime')}"
        if self._started is not None and self._started != started:
            self._all_over(at)
        self._started = started

    def _all_over(self, at: Timestamp) -> None:
        lost_at = self._lost_at
        if lost_at is None:  # FullyBooted has shown the restart before: calls since the link came up are new
            lost_at = self._up_at if self._up_at is not None else at
        end_everything(self._board, self._in_gap(lost_at, at), inferred=True, seen_before=lost_at)
        self._lost_at = None

    @staticmethod
    def _in_gap(lost_at: Timestamp, up_at: Timestamp) -> Timestamp:
        """The moment assumed for what happened in the gap: its middle, which is wrong by at most half the gap."""
        return Timestamp((lost_at + up_at) / 2)

    # -- rows ----------------------------------------------------------------------

    def _work_in(self, rows: list[Frame], event: str, at: Timestamp) -> None:
        board = self._board
        lost_at, up_at = self._lost_at, self._up_at if self._up_at is not None else at
        moment = at
        if lost_at is not None:
            board.gap, moment = (lost_at, up_at), self._in_gap(lost_at, up_at)
        before = {call: call.hands for call in board.calls.values() if not call.over}
        self._hang_up_missing({uid_of(row) for row in rows}, moment, up_at)
        for row in _roots_first(rows):
            channel = self._adopt(row, at)
            if channel is not None and not channel.call.unclear:
                channel.call.unclear = True
                self._unclear.append(_Unclear(channel.call, before.get(channel.call), moment, board.gap))
        for row in rows:
            self._place(row, moment)
        for call in {id(channel.call): channel.call for channel in board.channels.values()}.values():
            self._explain(call, before.get(call), moment)
        board.gap = None
        if event == "StatusComplete":
            for row in rows:
                take_facts(board, row, at, is_after_gap=lost_at is not None)
            self._clear_up(at)
            for row in rows:
                take_story(board, row, at)
            self._lost_at = None
        else:
            self._clear_up_at = Timestamp(at + CLEAR_UP_SECONDS)

    def _clear_up(self, at: Timestamp) -> None:
        """Report the calls of a snapshot, or their changes."""
        unclear, self._unclear = self._unclear, []
        board = self._board
        for each in {id(each.call.current): each for each in reversed(unclear)}.values():
            call = each.call.current
            call.unclear = False
            board.gap, moment = (each.gap, each.moment) if call.announced else (None, at)
            for channel in sorted(call.channels.values(), key=lambda channel: _made(channel.uid)):
                become_leg(board, channel, moment)
            begin_call(board, call, moment)
            self._explain(call, each.hands, moment)
        board.gap = None

    def _explain(self, call: LiveCall, before: Channel | None, moment: Timestamp) -> None:
        _recompute(self._board, call, moment)
        if self._board.gap is not None:
            _infer_transfer(self._board, call, before, moment)

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

    def _adopt(self, row: Frame, at: Timestamp) -> Channel | None:
        """
        Add a channel that was unknown, or that only events of other channels had named.

        Returns:
            The channel, if something new about it has to be reported.
        """
        board, uid = self._board, uid_of(row)
        channel = board.channels.get(uid)
        if not uid or uid in board.dead:
            return None
        if channel is not None:
            board.learn_number(channel, present(row.get("CallerIDNum")))
        application, data = present(row.get("Application")), present(row.get("ApplicationData") or row.get("Data"))
        if channel is not None and not channel.half_seen:
            if application == "Dial":
                find_dial(channel, data)
            return channel if note_originate(channel, row) or may_be_leg(channel) else None
        channel = channel or board.adopt(row, "", at)
        board.know(channel)
        board.date(channel, Timestamp(at - _age(row)))
        call = channel.call
        call.started_at = min(call.started_at, channel.born_at)
        if not application.startswith("AppDial"):
            find_dial(channel, channel.dial or data)
        if application == "Queue":
            wait_in(channel, channel.dial.partition(",")[0])
        if channel.uid == call.uid and application not in ("AppDial", "AppDial2"):
            self._enter_as_root(channel, row, at)
        note_originate(channel, row)
        return channel

    def _enter_as_root(self, channel: Channel, row: Frame, at: Timestamp) -> None:
        """The first channel of a call. If the call was reported before, its facts were a guess."""
        board, call = self._board, channel.call
        was_guessed = call.announced and call.root is None
        if was_guessed:
            forget_guess(call)
        enter_as_root(board, channel, {**row, "ChannelState": "4"}, at)
        if was_guessed:
            announce(board, call, describe(board, call))

    def _place(self, row: Frame, at: Timestamp) -> None:
        board = self._board
        channel = board.channels.get(uid_of(row))
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
        elif present(row.get("Application")) == "ConfBridge":
            bridge.kind = BridgeKind.CONFERENCE
            bridge.room = present(row.get("ApplicationData") or row.get("Data")).partition(",")[0]
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


def _roots_first(rows: list[Frame]) -> list[Frame]:
    """The first channel of each call before its others, and those in the order in which they were made."""
    return sorted(rows, key=lambda row: (row.get("Uniqueid") != row.get("Linkedid"), _made(uid_of(row))))


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


def _recompute(board: Switchboard, call: LiveCall, at: Timestamp) -> None:
    """Find out who has the client now."""
    if call.answered_after is not None and not call.was_connected:
        at = Timestamp(min(at, call.started_at + call.answered_after))
    look(board, call, at)


def _infer_transfer(board: Switchboard, call: LiveCall, before: Channel | None, at: Timestamp) -> None:
    """Report a transfer in the gap: another person has the client than before it."""
    after = call.hands
    if before is None or after is None or after is before or after.leg is None or after.leg.via is not Via.TRANSFER:
        return
    board.tell(
        TransferStarted(call=call.id, at=at, kind=TransferKind.BLIND, from_=before.party.number, to=after.party.number)
    )
    board.tell(TransferEnded(call=call.id, at=at, result=TransferResult.ANSWERED))


def end_everything(board: Switchboard, at: Timestamp, *, inferred: bool, seen_before: Timestamp | None = None) -> None:
    """The PBX stopped or was restarted: every earlier call is over."""
    for channel in list(board.channels.values()):
        if seen_before is None or channel.last_seen <= seen_before:
            hang_up(board, channel, {}, at)
    for call in list(board.calls.values()):
        if not call.over and call.merged_into is None and not call.channels:
            finish(board, call, call.last_gone_at or at, inferred=inferred)
