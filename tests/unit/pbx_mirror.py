"""The answers to `CoreShowChannels` and `Status` at any moment of a recorded stream, derived from the stream."""

from __future__ import annotations

from collections.abc import Iterator

from pbx_adapter.asterisk.ami.protocol import Frame

_SAID_WITH_EACH_EVENT = (
    "Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
    "ConnectedLineName", "Context", "Exten", "Linkedid",
)  # fmt: skip
_WAITING = ("Park", "ParkedCall")


class PbxMirror:
    """Feed it every event of a stream, in order; it knows the channels as the PBX does."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, str]] = {}
        self._variables: dict[str, dict[str, str]] = {}
        self._made_at: dict[str, float] = {}
        self._bridges: dict[str, dict[str, str]] = {}

    def take(self, frame: Frame, at: float) -> None:
        said = {name: value for name, value in frame.items() if isinstance(value, str)}
        event = said.get("Event", "")
        if event == "Newchannel":
            uid = said["Uniqueid"]
            self._rows[uid] = {"Uniqueid": uid, "DNID": said.get("Exten", ""), "BridgeId": ""}
            self._variables[uid], self._made_at[uid] = {}, at
        for prefix in ("", "Dest") if event != "OriginateResponse" else ():  # it only repeats the request
            row = self._rows.get(said.get(prefix + "Uniqueid", ""))
            if row is not None:
                row.update({key: said[prefix + key] for key in _SAID_WITH_EACH_EVENT if prefix + key in said})
        row = self._rows.get(said.get("Uniqueid", ""))
        if event == "DialBegin" and (dialled := self._rows.get(said.get("DestUniqueid", ""))) is not None:
            dialled |= {"Application": "AppDial" if "Channel" in said else "AppDial2", "Data": "(Outgoing Line)"}
        if row is None:
            return
        match event:
            case "Newexten":
                row |= {"Application": said.get("Application", ""), "Data": said.get("AppData", "")}
            case "VarSet":
                self._variables[row["Uniqueid"]][said["Variable"].lstrip("_")] = said.get("Value", "")
            case "BridgeEnter":
                row["BridgeId"] = said["BridgeUniqueid"]
                self._bridges[said["BridgeUniqueid"]] = said
            case "BridgeLeave" if row["BridgeId"] == said["BridgeUniqueid"]:
                row["BridgeId"] = ""
            case "Hangup":
                del self._rows[row["Uniqueid"]]

    @property
    def uniqueids(self) -> frozenset[str]:
        """Of the live channels."""
        return frozenset(self._rows)

    def any_is_up_with(self, uid: str) -> bool:
        """Whether a channel of this one's Linkedid is up."""
        linkedid = self._rows[uid].get("Linkedid")
        return any(row.get("Linkedid") == linkedid and row.get("ChannelState") == "6" for row in self._rows.values())

    def answers(self, at: float) -> Iterator[Frame]:
        """The present answers to all questions after a login."""
        for row in self._rows.values():
            seconds = int(at - self._made_at[row["Uniqueid"]])
            age = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            yield {**row, "Event": "CoreShowChannel", "ApplicationData": row.get("Data", ""), "Duration": age}
        yield {"Event": "CoreShowChannelsComplete"}
        for uid, row in self._rows.items():
            variables = [f"{name}={value}" for name, value in self._variables[uid].items()]
            seconds = int(at - self._made_at[uid])
            yield {**row, "Event": "Status", "BridgeID": row["BridgeId"], "Seconds": str(seconds),
                   "Variable": variables}  # fmt: skip
        yield {"Event": "StatusComplete"}
        for id_ in {row["BridgeId"] for row in self._rows.values()} - {""}:
            yield {**self._bridges[id_], "Event": "BridgeInfoComplete"}
