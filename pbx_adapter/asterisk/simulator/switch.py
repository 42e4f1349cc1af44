"""Channels and bridges of the simulated PBX, and the AMI events for every change of them.

Field names and their order come from recorded streams of Asterisk 22. `dialling.py`, `queueing.py` and `calls.py` play
the calls.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Headers = list[tuple[str, str]]
Sink = Callable[[str, str, Headers], None]
"""Takes an event: name, privilege class, headers."""

_STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up", 7: "Busy"}
DOWN, RING, RINGING, UP, BUSY = 0, 4, 5, 6, 7
CAUSES = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    26: "Answered elsewhere",
    127: "Interworking, unspecified",
}
OUTGOING = ";2"
"""How the name of that half of a Local channel ends which dials; the other half is who is dialled, for the PBX."""
_AGENT_EVENTS = ("Queue", "Agent")


class Said(StrEnum):
    """An action on a channel, by a party or by AMI."""

    ANSWER = "answer"
    REJECT = "reject"
    HANG_UP = "hang_up"
    HOLD = "hold"
    UNHOLD = "unhold"
    TRANSFER = "transfer"  # by a REFER from the party on this channel
    AMI_HANG_UP = "ami_hang_up"
    AMI_REDIRECT = "ami_redirect"
    RING = "ring"  # the other half of a Local channel has somebody who rings
    BUSY = "busy"  # and somebody who is busy


@dataclass(frozen=True, slots=True)
class Signal:
    said: Said
    channel: Channel
    context: str = ""
    extension: str = ""
    cause: int = 16
    tech_cause: str = ""


@dataclass(slots=True, eq=False)
class Run:
    """A live call. The script that plays it reads `signals`."""

    signals: asyncio.Queue[Signal] = field(default_factory=asyncio.Queue)
    channels: list[Channel] = field(default_factory=list)
    cdrs: list[Headers] = field(default_factory=list)
    recording: str | None = None  # the file name that MixMonitor got
    talked: float = 0.0
    queue: str = ""  # the queue in which the caller waits
    task: asyncio.Task[None] | None = None


@dataclass(slots=True, eq=False)
class Bridge:
    id: str
    created: float
    channels: list[Channel] = field(default_factory=list)

    def headers(self) -> Headers:
        return [
            ("BridgeUniqueid", self.id),
            ("BridgeType", "basic"),
            ("BridgeTechnology", "simple_bridge"),
            ("BridgeCreator", "<unknown>"),
            ("BridgeName", "<unknown>"),
            ("BridgeNumChannels", str(len(self.channels))),
            ("BridgeVideoSourceMode", "none"),
        ]


@dataclass(slots=True, eq=False)
class Channel:
    name: str
    uniqueid: str
    linkedid: str
    run: Run
    endpoint: str  # 101, trunk
    state: int
    caller: str = ""
    caller_name: str = ""
    connected: str = ""
    connected_name: str = ""
    context: str = ""
    exten: str = ""
    priority: int = 1
    application: str = ""
    data: str = ""
    dnid: str = ""
    created: float = 0.0
    answered_at: float | None = None
    bridge: Bridge | None = None
    hangup_cause: int = 0  # HANGUPCAUSE: why the last party that it dialled refused
    variables: dict[str, str] = field(default_factory=dict)
    is_gone: bool = False
    half: Channel | None = None  # of a Local channel: its other half, which runs in a call's script of its own

    def headers(self, prefix: str = "") -> Headers:
        values = (
            ("Channel", self.name),
            ("ChannelState", str(self.state)),
            ("ChannelStateDesc", _STATES[self.state]),
            ("CallerIDNum", self.caller or "<unknown>"),
            ("CallerIDName", self.caller_name or "<unknown>"),
            ("ConnectedLineNum", self.connected or "<unknown>"),
            ("ConnectedLineName", self.connected_name or "<unknown>"),
            ("Language", "en"),
            ("AccountCode", ""),
            ("Context", self.context),
            ("Exten", self.exten),
            ("Priority", str(self.priority)),
            ("Uniqueid", self.uniqueid),
            ("Linkedid", self.linkedid),
        )
        return [(prefix + k, v) for k, v in values]

    @property
    def inherited(self) -> dict[str, str]:
        """Variables with two underscores, which every channel that this one dials inherits."""
        return {k: v for k, v in self.variables.items() if k.startswith("__")}


class Switch:
    """
    The PBX's channels.

    Args:
        now: returns the office's time in Unix seconds.
        dated: converts a moment of the office's time to the wall clock, for the dates in events.
    """

    def __init__(
        self, now: Callable[[], float], dated: Callable[[float], float], sink: Sink, rng: random.Random
    ) -> None:
        self.now = now
        self.dated = dated
        self.rng = rng
        self._sink = sink
        self._serial = 0
        self._names = 0
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self._devices: dict[str, str] = {}

    def emit(self, event: str, headers: Sequence[tuple[str, str]], privilege: str = "") -> None:
        group = privilege or ("agent" if event.startswith(_AGENT_EVENTS) else "call")
        self._sink(event, group, list(headers))

    # ---- channels --------------------------------------------------------------------------------------------------

    def create(
        self,
        run: Run,
        endpoint: str,
        *,
        state: int,
        context: str,
        exten: str,
        caller: str = "",
        caller_name: str = "",
        uniqueid: str = "",
        parent: Channel | None = None,
        name: str = "",
        linkedid: str = "",
    ) -> Channel:
        """Create a channel and send Newchannel. A child has its parent's Linkedid."""
        own = uniqueid or f"{int(self.dated(self.now()))}.{self._serial}"
        self._serial += 1
        if not name:
            name = f"PJSIP/{endpoint}-{self._names:08x}"
            self._names += 1
        channel = Channel(
            name=name,
            uniqueid=own,
            linkedid=parent.linkedid if parent else linkedid or own,
            run=run,
            endpoint=endpoint,
            state=state,
            caller=caller,
            caller_name=caller_name,
            context=context,
            exten=exten,
            created=self.now(),
        )
        self.channels[name] = channel
        run.channels.append(channel)
        self.emit("Newchannel", channel.headers())
        return channel

    def variable(self, channel: Channel, name: str, value: str) -> None:
        channel.variables[name] = value
        self.emit("VarSet", [*channel.headers(), ("Variable", name), ("Value", value)], "dialplan")

    def variables(self, channel: Channel, names: str, value: str = "") -> None:
        """Set several variables; spaces separate `names`."""
        for name in names.split():
            self.variable(channel, name, value)

    def step(self, channel: Channel, context: str, exten: str, priority: int, application: str, data: str = "") -> None:
        """The channel enters an application of the dialplan: send Newexten."""
        channel.context, channel.exten, channel.priority = context, exten, priority
        channel.application, channel.data = application, data
        extra = [("Extension", exten), ("Application", application), ("AppData", data)]
        self.emit("Newexten", [*channel.headers(), *extra], "dialplan")

    def state(self, channel: Channel, state: int) -> None:
        if channel.state == state:
            return
        channel.state = state
        if state == UP:
            channel.answered_at = self.now()
        self.emit("Newstate", channel.headers())
        if state in (UP, BUSY) and channel.name.endswith(OUTGOING):
            self.tell_half(channel, Said.ANSWER if state == UP else Said.BUSY)

    def tell_half(self, channel: Channel, said: Said, cause: int = 16) -> None:
        """What happens to one half of a Local channel reaches the script of the other one."""
        if channel.half is not None and not channel.half.is_gone:
            channel.half.run.signals.put_nowait(Signal(said, channel.half, cause=cause))

    def caller_id(self, channel: Channel, number: str, name: str) -> None:
        channel.caller, channel.caller_name = number, name
        extra = ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")
        self.emit("NewCallerid", [*channel.headers(), extra])

    def connected_line(self, channel: Channel, number: str, name: str) -> None:
        channel.connected, channel.connected_name = number, name
        self.emit("NewConnectedLine", channel.headers())
        if (
            channel.half is not None and not channel.half.is_gone and channel.state == UP
        ):  # whoever is behind it sees it
            self.caller_id(channel.half, number, name)
            for behind in channel.half.run.channels:
                if behind is not channel.half:
                    self.connected_line(behind, number, name)

    def pair(self, event: str, source: Channel | None, dest: Channel, *extra: tuple[str, str]) -> None:
        """Send an event with two channels (Dial..., Agent...). The first leg of a click has no source."""
        self.emit(event, [*(source.headers() if source else []), *dest.headers("Dest"), *extra])

    def refuse(self, signal: Signal) -> None:
        """End a ringing leg: by the phone (486, 603, ...) or, through AMI, by the PBX."""
        event = "SoftHangupRequest" if signal.said is Said.AMI_HANG_UP else "HangupRequest"
        self.request(event, signal.channel, signal.cause, signal.tech_cause)

    def hang_up(self, channel: Channel, cause: int = 16, tech_cause: str = "") -> None:
        """End the channel: send Hangup, and set its device free."""
        if channel.is_gone:
            return
        half = channel.half
        if half is not None and not half.is_gone and channel.name.endswith(OUTGOING) and channel.state != BUSY:
            self.variable(half, "CHANLOCALSTATUS", channel.variables.get("DIALSTATUS", ""))
        channel.is_gone = True
        self.channels.pop(channel.name, None)
        channel.run.channels.remove(channel)
        extra = [("Cause", str(cause)), ("Cause-txt", CAUSES.get(cause, "Unknown"))]
        if tech_cause:
            extra.append(("TechCause", tech_cause))
        self.emit("Hangup", [*channel.headers(), *extra])
        self.device(channel.endpoint)
        self.tell_half(channel, Said.HANG_UP, cause)

    def request(self, event: str, channel: Channel, cause: int | None = 16, tech_cause: str = "") -> None:
        """Send HangupRequest (from the far end) or SoftHangupRequest (from the PBX)."""
        extra = [("Cause", str(cause))] if cause is not None else []
        if tech_cause:
            extra.append(("TechCause", tech_cause))
        self.emit(event, [*channel.headers(), *extra])

    # ---- bridges ---------------------------------------------------------------------------------------------------

    def join(self, *channels: Channel) -> Bridge:
        """Put channels into a new bridge, in this order."""
        # From the seeded generator, so that runs are repeatable.
        bridge = Bridge(str(uuid.UUID(int=self.rng.getrandbits(128), version=4)), self.now())
        self.bridges[bridge.id] = bridge
        self.emit("BridgeCreate", bridge.headers())
        for channel in channels:
            bridge.channels.append(channel)
            channel.bridge = bridge
            self.emit("BridgeEnter", [*bridge.headers(), *channel.headers()])
        for channel in channels:
            if channel.variables.get("BLINDTRANSFER"):
                self.variable(channel, "BLINDTRANSFER", "")
        self.bridge_variables(*channels)
        return bridge

    def bridge_variables(self, *channels: Channel) -> None:
        """After every change of a bridge, tell each of its channels about the others."""
        for channel in channels:
            self.variable(channel, "BRIDGEPEER", ",".join(c.name for c in channels if c is not channel))
            if any(c.half is None for c in channels if c is not channel):  # a Local channel has no such id
                self.variable(channel, "BRIDGEPVTCALLID", str(uuid.UUID(int=self.rng.getrandbits(128), version=4)))

    def part(self, channel: Channel) -> None:
        """Take a channel out of its bridge; an empty bridge is destroyed."""
        bridge, channel.bridge = channel.bridge, None
        if bridge is None:
            return
        bridge.channels.remove(channel)
        self.emit("BridgeLeave", [*bridge.headers(), *channel.headers()])
        if not bridge.channels:
            del self.bridges[bridge.id]
            self.emit("BridgeDestroy", bridge.headers())

    # ---- devices ---------------------------------------------------------------------------------------------------

    def device_state(self, endpoint: str) -> str:
        states = [c.state for c in self.channels.values() if c.endpoint == endpoint]
        if UP in states or RING in states:
            return "INUSE"
        return "RINGING" if RINGING in states else "NOT_INUSE"

    def device(self, endpoint: str) -> None:
        """Send the event for a device whose state has changed. A Local channel has none here."""
        if not endpoint:
            return
        state = self.device_state(endpoint)
        if self._devices.get(endpoint, "NOT_INUSE") != state:
            self._devices[endpoint] = state
            self.emit("DeviceStateChange", [("Device", f"PJSIP/{endpoint}"), ("State", state)])
