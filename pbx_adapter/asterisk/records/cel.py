"""CEL to calls: feeds channel events to the tracker in the form of AMI events, so both give the same call.

Theory of operation
-------------------

CEL has the channels, the bridges and the transfers of AMI, with the same ids. This module infers what CEL lacks:

- which channel dialled: the newest Dial or Queue with the same Linkedid that ran when the dialled channel was created;
  one that names its endpoint comes first (`cel.conf`: `apps = dial,queue`; without it, the call's first channel);
- how a dial ended: answered, if the dialled channel has an ANSWER; busy, by its hangup cause; cancelled, if the
  dialling channel hung up at the same moment or another phone answered; otherwise it rang out;
- that a channel was originated (a click): it has a row in AppDial2, whose number is the client's;
- which side hung up first: `hangupsource`;
- what a campaign's client met: the extension of `dozvon-campaign` in which the client's channel is.

CEL has no ringing, hold or recordings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.calls.tracking import advance
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.records.crashes import CRASH
from pbx_adapter.asterisk.records.rows import CelRow
from pbx_adapter.asterisk.tracker import receiving
from pbx_adapter.asterisk.tracker.names import endpoint_of
from pbx_adapter.asterisk.tracker.office import OfficeShape
from pbx_adapter.asterisk.tracker.tracker import Tracker

_TOGETHER_SECONDS = 0.25  # rows within this time belong to one event
_SILENCE_SECONDS = 60.0  # after the last row; longer than any timeout of the tracker
_RANK = {
    name: place
    for place, name in enumerate(
        ("CHAN_START", "APP_START", "FORWARD", "PICKUP", "ANSWER", "BLINDTRANSFER", "ATTENDEDTRANSFER", "BRIDGE_ENTER",
         "PARK_START", "PARK_END", "LOCAL_OPTIMIZE", "BRIDGE_EXIT", "APP_END", "HANGUP", "CHAN_END", "LINKEDID_END")
    )
}  # fmt: skip

_CAMPAIGN = "dozvon-campaign"
_STORIES: Mapping[str, tuple[str, ...]] = {
    "wait": (receiving.WAITS,),
    "away": (receiving.WAITS, "away"),
    "message": ("playing",),
    "bye": ("playing", "played"),
    "leave": ("judged:MACHINE:", "left"),
}
"""The words of our dialplan that an extension of `dozvon-campaign` stands for."""

_REPLAY = PbxId("records")
_ACCOUNT = AccountId("records")


def calls_of(rows: Iterable[CelRow], office: OfficeShape) -> list[Call]:
    """
    Read calls from the rows. Rows may come in any order, twice, or be missing.

    Returns:
        Every call that was seen from its start, by start. A call that was live at the last row has no end; a call that
        was joined to another has `merged_into`. Never raises.
    """
    tracker = Tracker(_REPLAY, office)
    calls: dict[CallId, Call] = {}
    now = Timestamp(0.0)

    def fold(told: Iterable[CallEvent]) -> None:
        for event in told:
            after = advance(calls.get(event.call), event, account=_ACCOUNT, pbx=_REPLAY).call
            if after is not None:
                calls[after.id] = after

    for at, frame in frames(in_order(rows)):
        now = max(now, at)
        fold(tracker.tick(now))
        fold(tracker.feed(frame, now))
    fold(tracker.tick(Timestamp(now + _SILENCE_SECONDS)))
    kept = (call for call in calls.values() if call.seen_from_start)
    return sorted(kept, key=lambda call: (call.started_at, call.native_id))


def in_order(rows: Iterable[CelRow]) -> list[CelRow]:
    """
    Each row once, in the order of events.

    Moments with fractions of a second give the order, and the kind of event decides between equal ones. Rows with whole
    seconds keep the order in which they were written.
    """
    once = list({_identity(row): row for row in rows}.values())
    if any(row.at % 1 for row in once):
        return sorted(once, key=lambda row: (row.at, _RANK.get(row.event, 99), row.uniqueid, row.channel))
    return sorted(once, key=lambda row: (row.at, row.sequence))


def _identity(row: CelRow) -> tuple[object, ...]:
    return (row.event, row.at, row.uniqueid, row.channel, row.app, row.exten, tuple(sorted(row.extra.items())),
            0 if row.at % 1 else row.sequence)  # fmt: skip


@dataclass(slots=True)
class _Channel:
    uid: str
    name: str
    linkedid: str
    exten: str = ""
    dialled_by: str = ""  # a uid
    answered_at: Timestamp | None = None
    app: str = ""  # Dial or Queue while it runs
    appdata: str = ""
    app_since: int = 0  # the larger the later


@dataclass(slots=True)
class _Office:
    """The state before the first frame, and the state while frames are fed."""

    ended_at: dict[str, Timestamp] = field(default_factory=dict)  # uid -> HANGUP
    left_at: dict[str, Timestamp] = field(default_factory=dict)  # name of a `hangupsource` -> when it left
    cause: dict[str, str] = field(default_factory=dict)  # by name
    originated: dict[str, CelRow] = field(default_factory=dict)  # uid -> its first row in AppDial2
    answers: dict[str, list[Timestamp]] = field(default_factory=lambda: defaultdict(list))  # by linkedid, of phones
    stories: dict[str, list[str]] = field(default_factory=dict)  # by uid, of a campaign's clients
    channels: dict[str, _Channel] = field(default_factory=dict)
    by_linkedid: dict[str, list[_Channel]] = field(default_factory=lambda: defaultdict(list))
    apps: int = 0


def frames(rows: Sequence[CelRow]) -> list[tuple[Timestamp, Frame]]:
    """Translate ordered rows into AMI events, each with its moment."""
    office = _look_ahead(rows)
    told: list[tuple[Timestamp, Frame]] = []
    asked: set[str] = set()
    # Before the first crashed channel ends: their order does not say which side hung up.
    died = [row for row in rows if row.extra.get("hangupsource") == CRASH]
    for row in rows:
        if died and row is died[0]:
            told += [(row.at, {"Event": "SoftHangupRequest", **_who(each)}) for each in died]
        left_at = office.left_at.get(row.channel)
        if left_at is not None and row.at >= left_at and row.channel not in asked:
            asked.add(row.channel)
            told.append((row.at, {"Event": "HangupRequest", **_who(row), "Cause": office.cause.get(row.channel, "")}))
        told += [(row.at, frame) for frame in (*_story(row, office), *_frames_of(row, office))]
    return told


def _look_ahead(rows: Sequence[CelRow]) -> _Office:
    office = _Office()
    sources: dict[str, Timestamp] = {}
    last_bridged: dict[str, Timestamp] = {}
    for row in rows:
        if row.app == "AppDial2":
            office.originated.setdefault(row.uniqueid, row)
        if row.event == "HANGUP":
            office.ended_at[row.uniqueid] = row.at
            office.cause[row.channel] = row.extra.get("hangupcause", "")
            source = row.extra.get("hangupsource", "")
            if source and source != CRASH:
                sources.setdefault(source, row.at)
        elif row.event == "ANSWER" and row.app in ("AppDial", "AppQueue"):
            office.answers[row.linkedid].append(row.at)
        elif row.event == "BRIDGE_EXIT":
            last_bridged[row.channel] = row.at
    for name, at in sources.items():
        bridged = last_bridged.get(name, at)
        office.left_at[name] = bridged if at - 1.0 <= bridged < at else at
    return office


def _frames_of(row: CelRow, office: _Office) -> list[Frame]:
    match row.event:
        case "CHAN_START":
            return _started(row, office)
        case "APP_START" | "APP_END":
            return _app(row, office)
        case "ANSWER":
            channel = office.channels.get(row.uniqueid)
            if channel is None or not (channel.dialled_by or row.uniqueid in office.originated):
                return []
            channel.answered_at = row.at
            return [{"Event": "DialEnd", **_who(row, "Dest"), "DialStatus": "ANSWER"}]
        case "BRIDGE_ENTER" | "BRIDGE_EXIT":
            return [_bridge(row)]
        case "HANGUP":
            return _hung_up(row, office)
        case "FORWARD":
            return [{"Event": "DialEnd", **_who(row, "Dest"), "DialStatus": "CANCEL",
                     "Forward": row.extra.get("forward", "1")}]  # fmt: skip
        case _:
            return _handed_over(row, office)


def _story(row: CelRow, office: _Office) -> list[Frame]:
    """What a campaign's client met, as far as it is new."""
    if row.context != _CAMPAIGN:
        return []
    words = _STORIES.get("wait" if row.exten.startswith("to") else row.exten, ())
    known = office.stories.setdefault(row.uniqueid, [])
    fresh = [word for word in words if word not in known]
    if not fresh:
        return []
    known += fresh
    return [{"Event": "VarSet", **_who(row), "Variable": receiving.VARIABLE, "Value": " ".join(known)}]


def _who(row: CelRow, prefix: str = "") -> Frame:
    return {
        f"{prefix}Channel": row.channel,
        f"{prefix}Uniqueid": row.uniqueid,
        f"{prefix}Linkedid": row.linkedid,
        f"{prefix}CallerIDNum": row.number,
        f"{prefix}CallerIDName": row.name,
        f"{prefix}Exten": row.exten,
        f"{prefix}Context": row.context,
    }


def _started(row: CelRow, office: _Office) -> list[Frame]:
    channel = _Channel(row.uniqueid, row.channel, row.linkedid, row.exten)
    is_root = row.uniqueid == row.linkedid
    if is_root and (shown := office.originated.get(row.uniqueid)) is not None:
        office.channels[row.uniqueid] = channel
        office.by_linkedid[row.linkedid].append(channel)
        return [
            {"Event": "Newchannel", **_who(row), "ChannelState": "0"},
            {"Event": "NewCallerid", **_who(shown), "ChannelState": "0"},
            {"Event": "DialBegin", **_who(shown, "Dest"), "DialString": endpoint_of(row.channel)[1]},
        ]
    # A channel that the PBX creates to ring a phone starts in the extension s; a caller's channel has a number.
    is_made = row.exten in ("", "s") and not is_root
    born: Frame = {"Event": "Newchannel", **_who(row), "ChannelState": "0" if is_made else "4"}
    told = [born]
    dialler, dial_string = (None, "") if row.channel.endswith(";2") else _dialler(row, office)
    if dialler is not None:
        channel.dialled_by = dialler.uid
        told.append(
            {
                "Event": "DialBegin",
                "Channel": dialler.name,
                "Uniqueid": dialler.uid,
                "Linkedid": dialler.linkedid,
                "Exten": dialler.exten,
                **_who(row, "Dest"),
                "DialString": dial_string,
            }
        )
    office.channels[row.uniqueid] = channel
    office.by_linkedid[row.linkedid].append(channel)
    return told


def _dialler(row: CelRow, office: _Office) -> tuple[_Channel | None, str]:
    """The channel whose Dial or Queue probably created this one, and its dial string."""
    if row.uniqueid == row.linkedid:
        return None, ""
    family = [c for c in office.by_linkedid.get(row.linkedid, ()) if c.uid in office.channels]
    tech, endpoint = endpoint_of(row.channel)
    running = sorted((c for c in family if c.app), key=lambda c: c.app_since, reverse=True)
    for channel in running:
        for part in channel.appdata.partition(",")[0].split("&") if channel.app == "DIAL" else ():
            if part.startswith(f"{tech}/") and endpoint in part:
                return channel, part.removeprefix(f"{tech}/")
    if running:
        return running[0], ""
    root = office.channels.get(row.linkedid)
    return root, ""


def _app(row: CelRow, office: _Office) -> list[Frame]:
    channel = office.channels.get(row.uniqueid)
    if channel is None or row.app.upper() not in ("DIAL", "QUEUE"):
        return []
    channel.exten = row.exten
    if row.event == "APP_START":
        office.apps += 1
        channel.app, channel.appdata, channel.app_since = row.app.upper(), row.appdata, office.apps
    else:
        channel.app = ""
    if row.app.upper() == "QUEUE":
        queue = row.appdata.partition(",")[0]
        kind = "QueueCallerJoin" if row.event == "APP_START" else "QueueCallerLeave"
        return [{"Event": kind, **_who(row), "Queue": queue}]
    return []


def _bridge(row: CelRow) -> Frame:
    frame: Frame = {
        "Event": "BridgeEnter" if row.event == "BRIDGE_ENTER" else "BridgeLeave",
        **_who(row),
        "BridgeUniqueid": row.extra.get("bridge_id", ""),
        "BridgeTechnology": row.extra.get("bridge_technology", ""),
    }
    if row.app.lower() == "confbridge":
        frame |= {"BridgeCreator": "ConfBridge", "BridgeName": row.appdata.partition(",")[0]}
    return frame


def _hung_up(row: CelRow, office: _Office) -> list[Frame]:
    channel = office.channels.get(row.uniqueid)
    told: list[Frame] = []
    is_dialled = channel is not None and (channel.dialled_by or channel.uid in office.originated)
    if channel is not None and is_dialled and channel.answered_at is None:
        told.append({"Event": "DialEnd", **_who(row, "Dest"), "DialStatus": _dial_status(row, channel, office)})
    told.append({"Event": "Hangup", **_who(row), "Cause": row.extra.get("hangupcause", "")})
    office.channels.pop(row.uniqueid, None)
    return told


def _dial_status(row: CelRow, channel: _Channel, office: _Office) -> str:
    """CANCEL if the dialling channel left at the same moment or another phone answered; NOANSWER if it rang out."""
    cause = row.extra.get("hangupcause", "")
    if cause in ("17", "21"):
        return "BUSY"
    dialler_left = office.ended_at.get(channel.dialled_by)
    left_with_it = dialler_left is not None and abs(dialler_left - row.at) < _TOGETHER_SECONDS
    taken = any(abs(at - row.at) < _TOGETHER_SECONDS for at in office.answers.get(row.linkedid, ()))
    return "CANCEL" if left_with_it or taken else "NOANSWER"


def _handed_over(row: CelRow, office: _Office) -> list[Frame]:
    """Transfers, pickups and parking."""
    extra = row.extra
    match row.event:
        case "BLINDTRANSFER":
            return [{"Event": "BlindTransfer", "Result": "Success", "Extension": extra.get("extension", ""),
                     "BridgeUniqueid": extra.get("bridge_id", ""), **_who(row, "Transferer"),
                     **_named(office, "Transferee", extra.get("transferee_channel_uniqueid", ""))}]  # fmt: skip
        case "ATTENDEDTRANSFER":
            second = extra.get("channel2_uniqueid", "") or row.uniqueid
            target = extra.get("transfer_target_channel_uniqueid", "")
            return [{"Event": "AttendedTransfer", "Result": "Success", **_who(row, "OrigTransferer"),
                     **_named(office, "SecondTransferer", second),
                     **_named(office, "TransferTarget", target)}]  # fmt: skip
        case "PICKUP":
            return [{"Event": "Pickup", **_named(office, "", extra.get("pickup_channel_uniqueid", "")),
                     **_who(row, "Target")}]  # fmt: skip
        case "PARK_START":
            return [{"Event": "ParkedCall", **_who(row, "Parkee"), "ParkingSpace": "",
                     "ParkerDialString": extra.get("parker_dial_string", "")}]  # fmt: skip
        case "PARK_END":
            if extra.get("reason") == "ParkedCallTimeOut":
                return [{"Event": "ParkedCallTimeOut", **_who(row, "Parkee")}]
            retriever = next((c.uid for c in office.channels.values() if c.name == extra.get("retriever")), "")
            return [{"Event": "UnParkedCall", **_who(row, "Parkee"), **_named(office, "Retriever", retriever)}]
        case _:
            return []


def _named(office: _Office, prefix: str, uid: str) -> Frame:
    channel = office.channels.get(uid)
    if channel is None:
        return {f"{prefix}Uniqueid": uid}
    return {f"{prefix}Uniqueid": uid, f"{prefix}Channel": channel.name, f"{prefix}Linkedid": channel.linkedid}
