"""Writes the simulated PBX's own records, like Asterisk 22: CEL by cel_custom, CDR by cdr_csv.

It gets every event of the PBX. The columns are those of docs/howto/recover-missed-calls.md. After a crash there is CEL
up to the crash, and no CDR of the calls that were live. `dialling.py` decides when to write a CDR.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pbx_adapter.asterisk.simulator.switch import Headers

CEL_FILE, CDR_FILE = Path("cel-custom", "dozvon.csv"), Path("cdr-csv", "Master.csv")
_LISTED = ("Dial", "Queue")  # `apps` in cel.conf
_UP = "6"
_CDR_TEXTS = (
    "AccountCode", "Source", "Destination", "DestinationContext", "CallerID", "Channel", "DestinationChannel",
    "LastApplication", "LastData", "StartTime", "AnswerTime", "EndTime",
)  # fmt: skip


@dataclass(slots=True)
class _Channel:
    fields: Mapping[str, str]  # of the channel's latest event
    app: tuple[str, str] = ("", "")  # the application and its data
    made_for: tuple[str, str] = ("", "")  # the application of Originate; counts while the channel is in no other
    bridge: str = ""
    dial_status: str = ""
    hangup_source: str = ""


class WrittenRecords:
    """
    Appends to `CEL_FILE` and `CDR_FILE` in `folder`, and creates both at once.

    Args:
        now: returns Unix seconds of the wall clock, for the rows' moments.
    """

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._cel, self._cdr = folder / CEL_FILE, folder / CDR_FILE
        for file in (self._cel, self._cdr):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        self._now = now
        self._at = 0.0
        self._lines: list[str] = []
        self.restarted()

    def restarted(self) -> None:
        """The PBX has restarted, without channels."""
        self._channels: dict[str, _Channel] = {}
        self._sequence = 0

    def witness(self, name: str, group: str, headers: Headers) -> None:
        """Take an event of the PBX."""
        fields = dict(headers)
        if name == "Cdr":
            self._write_cdr(fields)
            return
        if name == "OriginateResponse":  # it repeats the request, and says nothing of the channel
            return
        # Later than the last row: equal moments would have no order.
        self._at = max(self._now(), self._at + 1e-6)
        if name == "BlindTransfer":
            self._transferred(fields)
        elif name == "Newchannel":
            self._channels[fields["Channel"]] = _Channel(fields)
            self._row("CHAN_START", fields["Channel"])
        elif (channel := self._channels.get(fields.get("Channel", ""))) is not None:
            self._about(name, channel, fields)
        if self._lines:
            with self._cel.open("a", encoding="utf-8") as file:
                file.writelines(self._lines)
            self._lines.clear()

    def _about(self, event: str, channel: _Channel, fields: Mapping[str, str]) -> None:
        name, was = fields["Channel"], channel.fields
        if event == "Newexten" and not channel.bridge:
            self._leave_app(name)
        channel.fields = fields
        match event:
            case "Newexten" if not channel.bridge:  # in a bridge it only gets the place where it will continue
                self._enter_app(name, (fields["Application"], fields["AppData"]))
            case "Newstate" if fields["ChannelState"] == _UP != was["ChannelState"]:
                self._row("ANSWER", name)
            case "VarSet" if fields["Variable"] == "DIALSTATUS":
                channel.dial_status = fields["Value"]
            case "MusicOnHoldStart":
                self._row("STREAM_BEGIN", name, {"class": fields["Class"]})
            case "MusicOnHoldStop":
                self._row("STREAM_END", name)
            case "BridgeEnter" | "BridgeLeave":
                self._bridged(event, name, fields)
            case "HangupRequest":
                for each in self._channels.values():
                    if each is channel or (each.bridge and each.bridge == channel.bridge):
                        each.hangup_source = name
            case "Hangup":
                self._hung_up(name, channel, int(fields["Cause"]))

    def _bridged(self, event: str, name: str, fields: Mapping[str, str]) -> None:
        id_ = fields["BridgeUniqueid"]
        peers = [other for other, each in self._channels.items() if each.bridge == id_ and other != name]
        extra = {"bridge_id": id_, "bridge_technology": fields["BridgeTechnology"]}
        has_come = event == "BridgeEnter"
        self._row("BRIDGE_ENTER" if has_come else "BRIDGE_EXIT", name, extra, peer=",".join(peers))
        self._channels[name].bridge = id_ if has_come else ""

    def _enter_app(self, name: str, app: tuple[str, str]) -> None:
        channel = self._channels[name]
        channel.app = app
        if app[0] == "AppDial2":
            channel.made_for = app
        elif app[0] in _LISTED:
            self._row("APP_START", name)

    def _leave_app(self, name: str) -> None:
        channel = self._channels[name]
        if channel.app[0] in _LISTED:
            self._row("APP_END", name)
            channel.app = channel.made_for

    def _hung_up(self, name: str, channel: _Channel, cause: int) -> None:
        self._leave_app(name)
        source, status = channel.hangup_source, channel.dial_status
        self._row("HANGUP", name, {"hangupcause": cause, "hangupsource": source, "dialstatus": status})
        self._row("CHAN_END", name)
        linkedid = channel.fields["Linkedid"]
        if not any(each.fields["Linkedid"] == linkedid for each in self._channels.values() if each is not channel):
            self._row("LINKEDID_END", name)
        del self._channels[name]

    def _transferred(self, fields: Mapping[str, str]) -> None:
        extra = {
            "extension": fields["Extension"],
            "context": fields["Context"],
            "bridge_id": fields["BridgeUniqueid"],
            "transferee_channel_name": fields["TransfereeChannel"],
            "transferee_channel_uniqueid": fields["TransfereeUniqueid"],
        }
        self._row("BLINDTRANSFER", fields["TransfererChannel"], extra)

    def _row(self, event: str, name: str, extra: Mapping[str, str | int] | None = None, *, peer: str = "") -> None:
        channel = self._channels[name]
        said = {key: "" if value == "<unknown>" else value for key, value in channel.fields.items()}
        columns = (
            event, f"{self._at:.6f}", said["CallerIDName"], said["CallerIDNum"], said["Exten"], said["Context"], name,
            *channel.app, said["Uniqueid"], said["Linkedid"], peer,
            json.dumps(extra, separators=(",", ":"), ensure_ascii=False) if extra else "",
        )  # fmt: skip
        self._lines.append(",".join(map(_quoted, columns)) + "\n")

    def _write_cdr(self, fields: Mapping[str, str]) -> None:
        """Write a row like Asterisk: numbers are not quoted, and a missing moment is an empty field."""
        columns: Sequence[str] = (
            *(_quoted(fields[key]) if fields[key] or key != "AnswerTime" else "" for key in _CDR_TEXTS),
            fields["Duration"], fields["BillableSeconds"], _quoted(fields["Disposition"]), _quoted(fields["AMAFlags"]),
            _quoted(fields["UniqueID"]), _quoted(fields["UserField"]), _quoted(""), _quoted(fields["LinkedID"]),
            str(self._sequence),
        )  # fmt: skip
        self._sequence += 1
        with self._cdr.open("a", encoding="utf-8") as file:
            file.write(",".join(columns) + "\n")


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
