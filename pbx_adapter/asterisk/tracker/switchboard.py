"""The tracker's table of live channels and calls: finds them, passes events on, and remembers what to settle.

The rules of telephony do not belong here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from integration.domain.calls.events import CallEvent
from integration.domain.ids import PbxId, Timestamp, call_id
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.tracker.live import Bridge, BridgeKind, Channel, LiveCall
from pbx_adapter.asterisk.tracker.names import PORTS, endpoint_of
from pbx_adapter.asterisk.tracker.office import OfficeShape, Party, PartyKind, present

SETTLE_SECONDS = 0.25
"""Events of different channels come in any order within about 100 ms (measured); an end is accepted after this time."""

GRACE_SECONDS = 10.0
"""How long ended channels are remembered, so that a late or repeated event does not bring them back."""

REMEMBERED_CALLS = 10_000
"""Number of ended calls remembered. Events of a call whose end was inferred (half seen, a lost link) may arrive much
later; it must not begin a second time."""

REMEMBERED_ORIGINATES = 1000
"""Our actions kept until their calls are over; a limit in case OriginateResponses never come."""


MOST_PHONES = 100_000
"""Extensions kept; a limit in case a stream always names new ones."""


class Switchboard:
    def __init__(self, pbx: PbxId, office: OfficeShape) -> None:
        self.pbx = pbx
        self.office = office
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self.calls: dict[str, LiveCall] = {}  # by the Uniqueid of their first channel
        self.by_linkedid: dict[str, LiveCall] = {}
        self.originates: dict[str, Frame] = {}  # ours, by ChannelId, otherwise by what they ring
        self.clicks: dict[str, LiveCall] = {}  # the newest originated call that rings a phone, by `PJSIP/101`
        self.phones: set[str] = set()  # extensions whose phone was seen
        self.talking: dict[str, LiveCall] = {}  # the call in which an extension has the client
        self.half_seen: dict[str, Channel] = {}  # the longest silent first; some are known or gone by now
        self.dead: dict[str, Channel] = {}
        self.finished: dict[str, None] = {}  # ended calls, oldest first
        self.gap: tuple[Timestamp, Timestamp] | None = None  # the time without a link, while a snapshot is processed
        self.hears_requests = False  # HangupRequests arrive: an AMI user's filter may drop them
        self.out: list[CallEvent] = []
        self._settling: deque[tuple[Timestamp, LiveCall]] = deque()
        self._burials: deque[tuple[Timestamp, Channel | LiveCall]] = deque()
        self.number_learned: Callable[[Channel], None] = lambda channel: None

    # -- finding ---------------------------------------------------------------

    def find(self, uid: str) -> Channel | None:
        """A channel that is live or ended a moment ago."""
        return self.channels.get(uid) or self.dead.get(uid)

    def channel(self, frame: Frame, prefix: str, at: Timestamp) -> Channel | None:
        """
        The live channel that a frame names; a new entry if it is unknown, because streams start in the middle.

        Args:
            prefix: of the header names: empty, `Dest`, `Transferee`...

        Returns:
            None if the frame names no channel, or one that has already hung up.
        """
        uid = present(frame.get(prefix + "Uniqueid"))
        known = self.channels.get(uid)
        if known is not None:
            known.last_seen = at
            if known.half_seen:
                self.half_seen.pop(uid, None)
                self.half_seen[uid] = known  # to the end of the queue
            if known.number_is_open:
                self.learn_number(known, present(frame.get(prefix + "CallerIDNum")))
            return known
        name = present(frame.get(prefix + "Channel"))
        if not uid or not name or uid in self.dead:
            return None
        channel = self.adopt(frame, prefix, at)
        channel.half_seen = True
        self.half_seen[uid] = channel
        return channel

    def adopt(self, frame: Frame, prefix: str, at: Timestamp) -> Channel:
        """Add a new channel to the table and to its call. A call that begins this way was not seen from its start."""
        uid, name = present(frame.get(prefix + "Uniqueid")), present(frame.get(prefix + "Channel"))
        context = present(frame.get(prefix + "Context"))
        number = present(frame.get(prefix + "CallerIDNum"))
        linkedid = present(frame.get(prefix + "Linkedid")) or uid
        call = self.by_linkedid.get(linkedid)
        if call is None:
            call = LiveCall(linkedid, call_id(self.pbx, linkedid), at, seen_from_start=False)
            self.calls[linkedid] = self.by_linkedid[linkedid] = call
            if linkedid in self.finished:
                self.close_call(call, at)
        call = call.current
        channel = Channel(
            uid,
            name,
            self.office.party(name, context, number),
            linkedid,
            at,
            call,
            context=context,
            exten=present(frame.get(prefix + "Exten")),
            last_seen=at,
        )
        channel.number_is_open = channel.party.kind is PartyKind.EXTERNAL and not _has_digit(channel.party.number)
        self.channels[uid] = channel
        call.channels[uid] = channel
        if channel.party.kind is PartyKind.EXTENSION and len(self.phones) < MOST_PHONES:
            self.phones.add(channel.party.number)
        self._pair(channel)
        return channel

    @staticmethod
    def know(channel: Channel) -> None:
        """Note that an event has shown the channel's creation and what it does."""
        channel.half_seen = False

    @staticmethod
    def date(channel: Channel, born_at: Timestamp) -> None:
        """Set when the channel was created or dialled, if that is not when it was first named."""
        channel.born_at = born_at

    def learn_number(self, channel: Channel, number: str) -> None:
        """Set the number of a channel that had none; a port may turn out to be an employee's phone."""
        if not channel.number_is_open or not _has_digit(number):
            return
        channel.number_is_open = False
        party = self.office.party(channel.name, channel.context, number)
        if party.kind is PartyKind.EXTERNAL or channel.uid == channel.linkedid or endpoint_of(channel.name)[0] in PORTS:
            channel.party = party
        else:
            channel.party = Party(PartyKind.EXTERNAL, number)
        self.number_learned(channel)

    def _pair(self, channel: Channel) -> None:
        """Pair the halves of a Local pair by their names, which differ in the last digit. LocalBridge comes later."""
        if channel.party.kind is not PartyKind.LOCAL:
            return
        stem = channel.name[:-1]
        for other in channel.call.channels.values():
            if other is not channel and other.peer is None and other.name[:-1] == stem:
                self.pair(channel, other)
                return

    @staticmethod
    def pair(one: Channel, two: Channel) -> None:
        one.peer, two.peer = two, one

    def bridge(self, frame: Frame, prefix: str = "") -> Bridge | None:
        """The bridge that a frame names; a new entry if it is unknown."""
        id_ = present(frame.get(prefix + "BridgeUniqueid"))
        if not id_:
            return None
        bridge = self.bridges.get(id_)
        if bridge is None:
            bridge = self.bridges[id_] = Bridge(id_)
        if frame.get(prefix + "BridgeTechnology") == "holding_bridge":
            bridge.kind = BridgeKind.WAITING
        elif frame.get(prefix + "BridgeCreator") == "ConfBridge":
            bridge.kind, bridge.room = BridgeKind.CONFERENCE, present(frame.get(prefix + "BridgeName"))
        return bridge

    # -- telling ---------------------------------------------------------------

    def tell(self, event: CallEvent) -> None:
        self.out.append(event)

    @staticmethod
    def channels_time(call: LiveCall) -> Timestamp:
        """When the last event of the call came."""
        return max((channel.last_seen for channel in call.channels.values()), default=call.started_at)

    # -- ending ----------------------------------------------------------------

    def settle_later(self, call: LiveCall, at: Timestamp) -> None:
        """Look at this call again after `SETTLE_SECONDS`, when events out of order have arrived."""
        if not call.settling:
            call.settling = True
            self._settling.append((Timestamp(at + SETTLE_SECONDS), call))

    @property
    def is_settling(self) -> bool:
        return bool(self._settling)

    def settle_due(self, now: Timestamp, settle: Callable[[LiveCall, Timestamp], None]) -> None:
        """Settle what is due and drop expired entries."""
        while self._settling and self._settling[0][0] <= now:
            due, call = self._settling.popleft()
            call.settling = False
            settle(call, due)
        while self._burials and self._burials[0][0] <= now:
            _, gone = self._burials.popleft()
            if isinstance(gone, Channel):
                self.dead.pop(gone.uid, None)
            elif gone.channels:
                # One of its channels is still live (a parker who hears the slot number): check again later.
                self._burials.append((Timestamp(now + GRACE_SECONDS), gone))
            else:
                self._forget(gone)

    def bury_channel(self, channel: Channel, at: Timestamp) -> None:
        """Remove a channel that hung up from the table; it is remembered for a while."""
        channel.gone_at = at
        self.channels.pop(channel.uid, None)
        self.dead[channel.uid] = channel
        channel.call.channels.pop(channel.uid, None)
        self._burials.append((Timestamp(at + GRACE_SECONDS), channel))

    def move_channels(self, part: LiveCall, into: LiveCall) -> None:
        """Move the channels of `part`: the two calls are one from now on."""
        for channel in part.channels.values():
            channel.call = into
        into.channels.update(part.channels)
        part.channels = {}

    def drop(self, channel: Channel) -> None:
        """Remove a channel as if it had never been named; with a call's last channel, also the call."""
        self.channels.pop(channel.uid, None)
        self.leave_bridge(channel)
        call = channel.call
        call.channels.pop(channel.uid, None)
        if not call.channels:
            call.over = True
            self._forget(call)

    def close_call(self, call: LiveCall, at: Timestamp) -> None:
        """The call is over: report nothing more about it."""
        call.over = True
        self.bury_call(call, at)

    def bury_call(self, call: LiveCall, at: Timestamp) -> None:
        """Forget an ended call after its last channel has had time to end."""
        self.finished[call.uid] = None
        if len(self.finished) > REMEMBERED_CALLS:
            del self.finished[next(iter(self.finished))]
        self._burials.append((Timestamp(at + GRACE_SECONDS), call))

    def _forget(self, call: LiveCall) -> None:
        self.calls.pop(call.uid, None)
        self.by_linkedid.pop(call.uid, None)
        for key in call.click_keys:
            if self.clicks.get(key) is call:
                del self.clicks[key]

    def enter_bridge(self, channel: Channel, bridge: Bridge) -> None:
        """Put a channel into a bridge, and remove it from its former one."""
        if channel.bridge is not None:
            self.leave_bridge(channel)
        channel.bridge = bridge
        bridge.members[channel.uid] = channel

    def leave_bridge(self, channel: Channel) -> Bridge | None:
        """Take a channel out of its bridge; an empty bridge is forgotten."""
        bridge, channel.bridge = channel.bridge, None
        if bridge is None:
            return None
        bridge.members.pop(channel.uid, None)
        if not bridge.members:
            self.bridges.pop(bridge.id, None)
        return bridge

    def remember_originate(self, action: Frame) -> None:
        """Keep our Originate: the call that it starts is a click."""
        key = present(action.get("ChannelId")) or present(action.get("Channel")).removesuffix("/n")
        if key:
            self.originates[key] = action
            while len(self.originates) > REMEMBERED_ORIGINATES:
                del self.originates[next(iter(self.originates))]

    def note_click(self, call: LiveCall, channel: Channel, dial_string: str) -> None:
        """An Originate rings this channel: `PJSIP/101`, or `PJSIP/79161234567@trunk` on the channel `PJSIP/trunk-1`."""
        name = "/".join(endpoint_of(channel.name))
        dialled = f"{endpoint_of(channel.name)[0]}/{dial_string.removesuffix('/n')}" if dial_string else name
        call.click_keys = (name,) if dialled == name else (dialled, name)
        for key in call.click_keys:
            self.clicks[key] = call

    def forget_originate(self, call: LiveCall, phone: str = "") -> None:
        """Its call is over. `phone`: what it was to ring, where no channel came of it."""
        for key in (*self._originate_keys(call), phone):
            self.originates.pop(key, None)

    def originate_of(self, call: LiveCall) -> Frame | None:
        """Our action that started a call: by its ChannelId, otherwise by what it rings."""
        keys = self._originate_keys(call)
        return next((self.originates[key] for key in keys if key in self.originates), None)

    @staticmethod
    def _originate_keys(call: LiveCall) -> tuple[str, ...]:
        root = ("/".join(endpoint_of(call.root.name)),) if call.root is not None else ()
        return (call.uid, *(call.click_keys or root))


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)
