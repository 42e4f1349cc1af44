"""Builds AMI streams by hand: a story of channels, dials and bridges, as an Asterisk reports it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.domain.calls.events import CallEvent
from integration.domain.calls.truth import call_truth
from integration.domain.ids import PbxId, Timestamp
from pbx_adapter.asterisk.replay import Line, replay
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.tracker import Tracker

STEP = 0.001
"""Seconds between two immediate events."""


@dataclass(eq=False)
class Channel:
    name: str
    uid: str
    linkedid: str
    number: str
    context: str
    exten: str
    state: str
    bridge: str = ""

    def headers(self, prefix: str = "") -> dict[str, str]:
        said = {
            "Channel": self.name, "ChannelState": self.state, "CallerIDNum": self.number or "<unknown>",
            "CallerIDName": "<unknown>", "Context": self.context, "Exten": self.exten, "Uniqueid": self.uid,
            "Linkedid": self.linkedid,
        }  # fmt: skip
        return {prefix + key: value for key, value in said.items()}


@dataclass
class Story:
    """Each method adds one event of the PBX, unless its docstring says otherwise, and moves time by `STEP`."""

    now: float = 1.0
    lines: list[Line] = field(default_factory=lambda: [(Timestamp(0.0), "link", "up")])
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    def say(self, event: str, *parts: dict[str, str], **headers: str) -> None:
        frame: dict[str, Any] = {"Event": event}
        for part in parts:
            frame |= part
        self.lines.append((Timestamp(self.now), "event", frame | headers))
        self.now = round(self.now + STEP, 6)

    def action(self, **headers: str) -> None:
        frame: dict[str, Any] = dict(headers)
        self.lines.append((Timestamp(self.now), "action", frame))
        self.now = round(self.now + STEP, 6)

    def wait(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 6)

    def channel(
        self, name: str, number: str = "", *, context: str = "internal", exten: str = "s", state: str = "0",
        of: Channel | None = None,
    ) -> Channel:  # fmt: skip
        """A channel, and its Newchannel. `of`: the channel that creates it; without it the channel begins a call."""
        uid = f"1796000001.{self._numbers()}"
        made = Channel(name, uid, of.linkedid if of else uid, number, context, exten, state)
        self.say("Newchannel", made.headers())
        return made

    def client(self, number: str = "79160000001", did: str = "74950000001") -> Channel:
        return self.channel(f"PJSIP/trunk-{self._hex()}", number, context="from-trunk", exten=did, state="4")

    def phone(self, extension: str, dials: str) -> Channel:
        """An employee's phone that begins a call."""
        return self.channel(f"PJSIP/{extension}-{self._hex()}", extension, exten=dials, state="4")

    def rung(self, extension: str, by: Channel) -> Channel:
        """A phone that is dialled and rings: four events."""
        made = self.channel(f"PJSIP/{extension}-{self._hex()}", extension, of=by)
        self.dial(by, made, extension)
        self.ring(made)
        return made

    def trunk(self, number: str, by: Channel) -> Channel:
        """A trunk's channel that is dialled and rings."""
        made = self.channel(f"PJSIP/trunk-{self._hex()}", number, context="from-trunk", of=by)
        self.dial(by, made, f"{number}@trunk")
        self.ring(made)
        return made

    def local(self, exten: str, context: str = "from-internal", by: Channel | None = None) -> tuple[Channel, Channel]:
        """Both halves of a Local pair: three events."""
        name = f"Local/{exten}@{context}-{self._hex()}"
        one = self.channel(f"{name};1", context=context, exten=exten, of=by)
        two = self.channel(f"{name};2", context=context, exten=exten, state="4", of=one)
        self.say("LocalBridge", one.headers("LocalOne"), two.headers("LocalTwo"))
        return one, two

    def dial(self, source: Channel | None, dest: Channel, string: str) -> None:
        self.say("DialBegin", source.headers() if source else {}, dest.headers("Dest"), DialString=string)

    def ring(self, channel: Channel) -> None:
        channel.state = "5"
        self.say("Newstate", channel.headers())

    def end_dial(self, source: Channel | None, dest: Channel, status: str) -> None:
        self.say("DialEnd", source.headers() if source else {}, dest.headers("Dest"), DialStatus=status)

    def answer(self, source: Channel | None, dest: Channel) -> None:
        """The dialled channel answers, and with it the dialling one: two or three events."""
        dest.state = "6"
        self.say("Newstate", dest.headers())
        self.end_dial(source, dest, "ANSWER")
        if source is not None and source.state != "6":
            source.state = "6"
            self.say("Newstate", source.headers())

    def bridge(self, name: str, *channels: Channel) -> None:
        for channel in channels:
            channel.bridge = name
            self.say("BridgeEnter", channel.headers(), BridgeUniqueid=name, BridgeTechnology="simple_bridge")

    def unbridge(self, *channels: Channel) -> None:
        for channel in channels:
            name, channel.bridge = channel.bridge, ""
            self.say("BridgeLeave", channel.headers(), BridgeUniqueid=name, BridgeTechnology="simple_bridge")

    def talk(self, name: str, source: Channel, dest: Channel) -> None:
        """Answer, and join both in a bridge."""
        self.answer(source, dest)
        self.bridge(name, dest, source)

    def leaves(self, channel: Channel, cause: str = "16") -> None:
        """HangupRequest: its far end hangs up."""
        self.say("HangupRequest", channel.headers(), Cause=cause)

    def hangup(self, *channels: Channel, cause: str = "16") -> None:
        """Leave the bridges, and end."""
        self.unbridge(*(channel for channel in channels if channel.bridge))
        for channel in channels:
            self.say("Hangup", channel.headers(), Cause=cause)

    def attended(
        self, first: Channel, second: Channel, transferee: Channel | None, target: Channel | None, app: str = ""
    ) -> None:
        """AttendedTransfer by REFER with Replaces."""
        where = {"DestType": "App", "DestApp": app} if app else {"DestType": "Bridge"}
        self.say(
            "AttendedTransfer",
            {"Result": "Success"} | where,
            first.headers("OrigTransferer"),
            second.headers("SecondTransferer"),
            transferee.headers("Transferee") if transferee else {},
            target.headers("TransferTarget") if target else {},
        )

    def calls(self, office: OfficeShape | None = None) -> list[dict[str, Any]]:
        """What `dozvon replay` prints of it."""
        return told(self.lines, office)

    def call(self) -> dict[str, Any]:
        (only,) = self.calls()
        return only

    def _hex(self) -> str:
        return f"{self._numbers():08x}"


def told(lines: Sequence[Line], office: OfficeShape | None = None) -> list[dict[str, Any]]:
    return [call_truth(call) for call in replay(lines, office)]


def events(lines: Sequence[Line], office: OfficeShape | None = None) -> list[CallEvent]:
    """All that the tracker tells, one after the other, until two seconds after the last line."""
    tracker, heard = Tracker(PbxId("pbx"), office), list[CallEvent]()
    for at, kind, said in lines:
        if isinstance(said, str):
            heard += tracker.link_up(at) if said == "up" else tracker.link_lost(at)
        elif kind == "action":
            tracker.sent(said)
        else:
            heard += tracker.feed(said, at)
    return heard + tracker.tick(Timestamp(lines[-1][0] + 2.0))


def legs(call: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(leg["target"], leg["via"], leg["result"]) for leg in call["legs"]]
