"""The tracker's data about live channels, bridges, legs and calls.

Data only; the modules beside this one change it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from integration.domain.calls.call import Direction, LegKind, LegResult, Origin, Via
from integration.domain.ids import CallId, LegId, Timestamp
from pbx_adapter.asterisk.tracker.office import Party

NEVER = Timestamp(0.0)


class BridgeKind(Enum):
    TALK = "talk"
    CONFERENCE = "conference"  # joins people, but not their calls
    WAITING = "waiting"  # parking and other holding bridges: nobody hears anybody


@dataclass(slots=True, eq=False)
class Bridge:
    id: str
    kind: BridgeKind = BridgeKind.TALK
    room: str = ""
    members: dict[str, Channel] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Channel:
    uid: str
    name: str
    party: Party
    linkedid: str
    born_at: Timestamp
    call: LiveCall
    context: str = ""
    exten: str = ""
    bridge: Bridge | None = None
    bridged_at: Timestamp = NEVER
    gone_at: Timestamp | None = None
    peer: Channel | None = None  # the other half of a Local pair
    dialled_by: Channel | None = None
    wanted_in: str = ""  # the exten its dialler was in
    originated: bool = False  # dialled by an Originate: no source channel
    leg: LiveLeg | None = None
    dial_status: str = ""  # of a Local pair: how the dial of it ended
    dial_ended_at: Timestamp = NEVER
    forward_of: LiveLeg | None = None  # this Local stands for a phone that answered 302
    queue: str = ""  # it waits in this app_queue
    ext_to_call: str = ""  # FreePBX's variable for the party it is about to dial
    dial: str = ""  # arguments of its current Dial
    dial_made_legs: bool = False
    dial_fan_out: int = 0  # number of legs and Local pairs of its current Dial
    left_at: Timestamp | None = None  # its far end asked to hang up
    gave_up_at: Timestamp | None = None  # its Dial was cancelled; if it hangs up just after, its far end left then
    moved_at: Timestamp | None = None  # a blind transfer took it out of its bridge
    let_go: bool = False  # the PBX asked it to hang up
    left_first_at: Timestamp | None = None  # left its bridge, in which somebody stayed
    cause: int | None = None  # Q.850, of its Hangup
    recording: Recording | None = None  # without sound so far, because nobody was bridged
    number_is_open: bool = False  # no number yet: the line rang before the caller's number came
    last_seen: Timestamp = NEVER
    asked_at: Timestamp = NEVER  # when we last asked the PBX about it
    confirmed_at: Timestamp = NEVER  # when the PBX last confirmed it
    half_seen: bool = False  # only its name is known: no event has shown how it was made, or what it does

    @property
    def is_gone(self) -> bool:
        return self.gone_at is not None


@dataclass(slots=True, eq=False)
class Recording:
    file: str
    heard_at: Timestamp | None = None  # since when it has sound
    told: bool = False


@dataclass(slots=True, eq=False)
class LiveLeg:
    id: LegId
    target: str
    kind: LegKind
    via: Via
    offered_at: Timestamp
    home: LiveCall  # the call in which it was offered first
    queue: str | None = None  # with Via.QUEUE, its name
    source: Channel | None = None
    doors: tuple[Channel, ...] = ()  # first halves of the Local pairs through which it was reached
    originated: bool = False  # rung by an Originate, not for a caller
    way_is_sure: bool = False  # all channels on its way have had time to become known
    forwarder: str = ""  # the extension that forwarded the call to this leg
    forwarded_to: str = ""  # the number to which this phone forwarded the call, after it was dialled
    channels: dict[str, Channel] = field(default_factory=dict)  # more than one: devices of one extension
    asker: Channel | None = None  # the channel that started the dial; None for an Originate
    ringing_at: Timestamp | None = None
    off_hook_at: Timestamp | None = None  # the phone was picked up; it may still decline, or be asked whether it agrees
    answered_at: Timestamp | None = None
    stopped_at: Timestamp | None = None  # first sign of its end; decided after `SETTLE_SECONDS`
    result: LegResult | None = None  # None until decided
    dial_status: str = ""
    forwarded: bool = False
    picked_up: bool = False
    rang_out: bool = False
    refused: bool = False  # its far end refused before the answer
    cause: int | None = None

    @property
    def decided(self) -> bool:
        return self.result is not None


@dataclass(slots=True, eq=False)
class BlindTransfer:
    by: str
    to: str
    since: Timestamp
    transferer: Channel | None = None  # may share the bridge for a moment more
    guessed: bool = False  # concluded from other events; its own event may still come
    told: bool = False
    legs: list[LiveLeg] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class BlondTransfer:
    """The client was handed over while the consulted party still rang: a phone, a group, or a queue."""

    since: Timestamp
    legs: list[LiveLeg] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Consultation:
    """A consultation by feature code (`*2`): a Local pair; the consulting person is bridged with its first half."""

    door: Channel
    by: str
    to: str
    leg: LiveLeg | None = None


@dataclass(slots=True, eq=False)
class Parking:
    by: str
    since: Timestamp
    timed_out: bool = False


@dataclass(slots=True, eq=False)
class LiveCall:
    uid: str
    id: CallId
    started_at: Timestamp
    channels: dict[str, Channel] = field(default_factory=dict)
    root: Channel | None = None
    direction: Direction | None = None
    announced: bool = False
    seen_from_start: bool = True
    explained: bool = False  # not seen from its start, but the PBX's snapshot explained it completely
    may_have_talked: bool = False  # found with a channel that is up: a talk may have been over by then
    caller: str = ""
    called: str = ""
    caller_name: str = ""
    origin: Origin | None = None
    originated: bool = False
    click_keys: tuple[str, ...] = ()  # targets of its Originate, as AMI may name them
    client_first: bool = False  # its Originate rings the client before any employee
    taken_by: str = ""  # the extension that took such a call first
    made_for: str = ""  # the exten to which its Originate leads
    queue: str = ""
    consults_for: str = ""  # the extension that has the client in another call during this one
    legs: list[LiveLeg] = field(default_factory=list)
    client: Channel | None = None
    hands: Channel | None = None  # the person who has the client
    room: Bridge | None = None  # the conference room that an internal call talks to
    responsible: str = ""  # the extension of `hands`, or the one that forwarded to it
    spies_on: str = ""  # the party its caller listens to with ChanSpy()
    lost_at: Timestamp | None = None  # since when `hands` does not hear the client; not reported yet
    unclear: bool = False  # found in an incomplete snapshot: not reported yet
    was_connected: bool = False
    answered_after: float | None = None  # seconds from start to answer, by the PBX's own record
    released_by: Channel | None = None  # the person whose hangup released the client
    recordings: list[Recording] = field(default_factory=list)
    holders: dict[str, Channel] = field(default_factory=dict)
    blind: BlindTransfer | None = None
    blond: BlondTransfer | None = None
    consultation: Consultation | None = None
    parking: Parking | None = None
    last_gone_at: Timestamp | None = None
    cause: int | None = None  # Q.850, of the client's own channel
    story: list[str] = field(default_factory=list)  # what our dialplan told of a campaign's client, word by word
    story_at: Timestamp = NEVER  # of its last word
    settling: bool = False
    over: bool = False
    merged_into: LiveCall | None = None
    told: set[tuple[str, ...]] = field(default_factory=set)  # transfers already reported

    @property
    def client_is_gone(self) -> bool:
        return self.client is not None and self.client.is_gone

    @property
    def current(self) -> LiveCall:
        """This call, or the one it was joined to."""
        call = self
        while call.merged_into is not None:
            call = call.merged_into
        return call
