"""`Tracker` turns AMI frames into neutral call events. No socket, no clock, no storage.

Theory of operation
-------------------

The tracker keeps a mirror of the PBX (`live.py`, `switchboard.py`): live channels, their bridges, and the business
calls they belong to. Channels belong together by their Linkedid, and calls become one when their channels share a
bridge (`joining.py`). Every frame changes the mirror; its meaning for the call is concluded from the mirror's new
state, not from the order of frames:

    starts are reported at once, ends after `SETTLE_SECONDS`.

Between channels Asterisk's events come in any order within about 100 ms, so the absence of something (nobody with the
client, no channel left, a leg that stopped ringing) is first noted with its time and reported later with that time.
`tick()` advances the time when no frame arrives.

    beginning.py     direction, numbers, clicks          facts.py         what is known of a call as a whole
    callbacks.py     Originates that ring the client first
    dials.py         what is dialled                     legs.py          who was offered the call
    ways.py          how the call came to them           results.py       how these offers ended
    queues.py        who waits in which queue
    conversation.py  who has the client                  bridges.py       who hears whom
    holding.py       who holds                           mixmonitor.py    recordings
    receiving.py     what a campaign's client meets
    transfers.py     blind, attended, pickup, parking    handovers.py     transfers that are open
    ending.py        when it is over and who ended it    resync.py        snapshots and gaps of the link
    found.py         what a channel of a snapshot tells  forgetting.py    what was silent for long

Each field of `LiveCall` is written by one module (`tests/unit/test_one_writer.py`).

The cost of a frame depends on the channels of one call, not on the number of calls.
"""

from __future__ import annotations

from collections.abc import Callable

from integration.domain.calls.call import LegKind
from integration.domain.calls.events import CallEvent
from integration.domain.ids import CallId, PbxId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame, Wanted
from pbx_adapter.asterisk.tracker import (
    beginning,
    conversation,
    dials,
    ending,
    facts,
    forgetting,
    holding,
    legs,
    mixmonitor,
    queues,
    receiving,
    resync,
    transfers,
)
from pbx_adapter.asterisk.tracker.forgetting import Silent
from pbx_adapter.asterisk.tracker.live import Channel, LiveCall
from pbx_adapter.asterisk.tracker.office import OfficeShape, present
from pbx_adapter.asterisk.tracker.switchboard import Switchboard

_Handler = Callable[[Switchboard, Frame, Timestamp], None]


class Tracker:
    """Follows every call of one PBX. Feed it all AMI frames, in order, with their arrival times."""

    def __init__(self, pbx: PbxId, office: OfficeShape | None = None) -> None:
        self._board = Switchboard(pbx, office or OfficeShape())
        self._board.number_learned = lambda channel: beginning.on_number(self._board, channel)
        self._resync = resync.Resync(self._board)

    @property
    def wanted(self) -> Wanted:
        """The frames that a `FrameReader` must pass to this tracker."""
        return wanted(self._board.office)

    def feed(self, frame: Frame, at: Timestamp) -> list[CallEvent]:
        """
        Take one frame: an event, or the response to an action.

        Args:
            at: when it came; never earlier than the last one.

        Returns:
            The call events, in order; usually none. Never raises, whatever a PBX sends.
        """
        board = self._board
        board.settle_due(at, self._settle)
        if self._resync.is_waiting:
            self._resync.tick(at)
        handler = _HANDLERS.get(str(frame.get("Event")))
        if handler is not None:
            handler(board, frame, at)
        else:
            self._resync.feed(frame, at)
        if len(board.half_seen) > forgetting.MOST_HALF_SEEN:
            forgetting.bound(board, at)
        return self._taken()

    @property
    def is_waiting(self) -> bool:
        """Whether a decision is due without a further frame: then call `tick` in time."""
        return self._board.is_settling or self._resync.is_waiting

    def tick(self, now: Timestamp) -> list[CallEvent]:
        """Advance the time without a frame. Call it a few times a second while `is_waiting`, otherwise now and then."""
        self._board.settle_due(now, self._settle)
        self._resync.tick(now)
        forgetting.bound(self._board, now)
        return self._taken()

    def silent(self, now: Timestamp, *, after: float, half_seen_after: float) -> list[Silent]:
        """Channels to ask the PBX about: a lost Hangup would leave their calls open forever. Pass the answers to
        `confirm` or `gone`."""
        return forgetting.silent(self._board, now, after=after, half_seen_after=half_seen_after)

    def confirm(self, uid: str, at: Timestamp) -> None:
        """The PBX has this channel."""
        forgetting.confirm(self._board, uid, at)

    def gone(self, uid: str, at: Timestamp) -> list[CallEvent]:
        """The PBX has no such channel."""
        self._board.settle_due(at, self._settle)
        forgetting.gone(self._board, uid, at)
        return self._taken()

    def client_waits(self, uid: str) -> bool:
        """Whether a campaign's client on this channel waits for an employee."""
        return receiving.waits(self._board, uid)

    def sent(self, action: Frame) -> None:
        """Note our own Originate before it is sent, so that its call is recognised as a click."""
        if str(action.get("Action")).lower() == "originate":
            self._board.remember_originate(action)

    def link_lost(self, at: Timestamp) -> list[CallEvent]:
        """The connection is lost: the state is unknown until the next snapshot."""
        self._board.settle_due(at, self._settle)
        self._resync.link_lost(at)
        return self._taken()

    def link_up(self, at: Timestamp) -> list[CallEvent]:
        """The connection is back: ask for `CoreShowChannels`, `Status` and `BridgeList`, and feed the answers."""
        self._resync.link_up(at)
        return self._taken()

    def calls_on_the_pbx(self) -> frozenset[CallId]:
        """
        All calls on the PBX, also those not reported yet (seen a moment ago, or in a list whose `Status` has not
        arrived). All other calls have ended.
        """
        calls = self._board.calls.values()
        return frozenset(call.id for call in calls if call.channels and not call.over and call.merged_into is None)

    def _settle(self, call: LiveCall, now: Timestamp) -> None:
        ending.settle(self._board, call, now)

    def _taken(self) -> list[CallEvent]:
        told = self._board.out
        if told:
            self._board.out = []
        return told


def _on_varset(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    name = present(frame.get("Variable")).lstrip("_")
    channel = board.channel(frame, "", at)
    if channel is None:
        return
    value = present(frame.get("Value"))
    if name == "MIXMONITOR_FILENAME":
        if value:
            mixmonitor.on_recording_name(board, channel, value, at)
    elif name == "DIALSTATUS":
        dials.on_dial_status(board, channel, value, channel.ext_to_call or present(frame.get("Exten")), at)
    elif name == receiving.VARIABLE:
        receiving.on_story(board, channel, value, at)
    elif name == "EXTTOCALL":
        channel.ext_to_call = value
    elif value and (name == board.office.crm_variable or name in board.office.did_variables):
        beginning.on_variable(board, channel, name, value)


def _on_newexten(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.channel(frame, "", at)
    if channel is not None and frame.get("Application") == "Dial":
        dials.on_dial_text(board, channel, present(frame.get("AppData")))


def _on_local_bridge(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    one, two = board.channel(frame, "LocalOne", at), board.channel(frame, "LocalTwo", at)
    if one is not None and two is not None:
        board.pair(one, two)


def _on_agent_connect(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    # The event names the member whose phone rang; the person who picked up is the destination channel.
    dest = board.channels.get(present(frame.get("DestUniqueid")))
    if dest is not None and dest.leg is not None and dest.leg.kind is LegKind.EXTENSION:
        legs.answer_leg(board, dest.leg, at)


def _on_originate_response(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    channel = board.find(present(frame.get("Uniqueid"))) or _waiting_agent(board, frame)
    if channel is None:
        if frame.get("Response") == "Failure":
            beginning.never_rang(board, frame, at)
        return
    call = channel.call
    action_id = present(frame.get("ActionID"))
    if action_id and call.originated and not call.client_first:
        facts.set_origin(board, call, action_id=action_id)
    if call.originated and call.announced:
        facts.lead_to(call, present(frame.get("Exten")), is_sure=True)
        beginning.describe_again(board, call, at)
    if frame.get("Response") == "Failure" and frame.get("Reason") == "3":
        for leg in call.legs:
            leg.rang_out = leg.rang_out or leg.answered_at is None


def _waiting_agent(board: Switchboard, frame: Frame) -> Channel | None:
    """The channel of the click that rings the phone: a failure without ChannelId names only the phone."""
    if present(frame.get("Uniqueid")):
        return None
    call = board.clicks.get(present(frame.get("Channel")).removesuffix("/n"))
    return call.root if call is not None and not call.over else None


def _on_shutdown(board: Switchboard, frame: Frame, at: Timestamp) -> None:
    resync.end_everything(board, at, inferred=False)


_HANDLERS: dict[str, _Handler] = {
    "Newchannel": beginning.on_newchannel,
    "NewCallerid": beginning.on_new_callerid,
    "Newstate": legs.on_newstate,
    "DialBegin": dials.on_dial_begin,
    "DialState": legs.on_dial_state,
    "DialEnd": legs.on_dial_end,
    "BridgeEnter": conversation.on_bridge_enter,
    "BridgeLeave": conversation.on_bridge_leave,
    "ChanSpyStart": conversation.on_spy_start,
    "ChanSpyStop": conversation.on_spy_stop,
    "Hold": holding.on_hold,
    "Unhold": holding.on_unhold,
    "HangupRequest": ending.on_hangup_request,
    "SoftHangupRequest": ending.on_soft_hangup_request,
    "Hangup": ending.on_hangup,
    "BlindTransfer": transfers.on_blind_transfer,
    "AttendedTransfer": transfers.on_attended_transfer,
    "Pickup": transfers.on_pickup,
    "ParkedCall": transfers.on_parked,
    "UnParkedCall": transfers.on_unparked,
    "ParkedCallTimeOut": transfers.on_parking_timeout,
    "LocalBridge": _on_local_bridge,
    "MixMonitorStop": mixmonitor.on_mixmonitor_stop,
    "OriginateResponse": _on_originate_response,
    "QueueCallerJoin": queues.on_queue_join,
    "QueueCallerLeave": queues.on_queue_leave,
    "QueueCallerAbandon": queues.on_queue_abandon,
    "AgentConnect": _on_agent_connect,
    "VarSet": _on_varset,
    "Newexten": _on_newexten,
    "Shutdown": _on_shutdown,
}


def wanted(office: OfficeShape) -> Wanted:
    """The events that the tracker needs: about one in five of a busy PBX."""
    names = (set(_HANDLERS) | set(resync.EVENTS)) - {"VarSet", "Newexten"}
    own = {"MIXMONITOR_FILENAME", "DIALSTATUS", "EXTTOCALL", receiving.VARIABLE}
    variables = {*own, office.crm_variable, *office.did_variables}
    return Wanted(frozenset(name.encode() for name in names), frozenset(name.encode() for name in variables))
