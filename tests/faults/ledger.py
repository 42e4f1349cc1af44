"""The office's truth: every call that the simulated PBX made, and whether Dozvon could know of it.

It follows all events of the PBX, whether or not anybody listens. `verdict.py` compares it with the CRM.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pbx_adapter.asterisk.simulator.switch import OUTGOING, Headers

MARGIN_SECONDS = 1.5  # Dozvon has stored an event by then, also on a busy machine
_TRUNK, _LOCAL = "PJSIP/trunk-", "Local/"
_CLICK = "dozvon-"  # how Uniqueids of Dozvon's clicks begin
_EVERY_SECONDS = 0.1  # closer moments of a call count as one


@dataclass(slots=True, kw_only=True)
class PbxCall:
    """A call in the PBX; moments are Unix seconds of the wall clock."""

    pbx: str
    linkedid: str
    direction: str  # inbound, outbound, internal
    number: str  # the client's; empty for internal calls
    began: float
    ended: float | None = None
    talk_began: float | None = None  # the client was first connected with somebody
    rang: list[str] = field(default_factory=list)  # numbers outside that were dialled
    file: str = ""  # the file of MixMonitor
    is_crashed: bool = False  # it ended with the PBX
    is_client_first: bool = False  # an attempt that rang the client before an employee
    answered_at: float | None = None  # of the client, who was rung first
    turned_away_at: float | None = None  # the client had waited, and nobody came
    questions: int = 0  # to Dozvon about its route
    answers: int = 0  # from Dozvon; without one, the office's own route goes on
    is_followed: bool = False  # Dozvon's present connection knows of it
    told_at: list[float] = field(default_factory=list)

    @property
    def uniq(self) -> str:
        """Its key in the CRM."""
        return f"{self.pbx}:{self.linkedid}"


class Disruptions:
    """When Dozvon lost events that it had received but not stored."""

    def __init__(self) -> None:
        self._at: list[float] = []
        self._unstored: list[tuple[float, float]] = []  # while the database was away
        self._deaf: list[tuple[float, float]] = []  # while nobody read the events

    def add(self, at: float) -> None:
        bisect.insort(self._at, at)

    def add_outage(self, began: float, ended: float) -> None:
        """Events of this time were kept in memory until its end."""
        self._unstored.append((began, ended))

    def add_deafness(self, began: float, ended: float) -> None:
        """Events of this time were read later, or not at all."""
        self._deaf.append((began - MARGIN_SECONDS, ended))

    def near(self, call: PbxCall) -> list[float]:
        """Disruptions from shortly before the call until shortly after it, in seconds from its start."""
        until = (call.ended or call.began) + 5.0
        return [round(at - call.began, 2) for at in self._at if call.began - 10.0 < at < until]

    def disturbed(self, began: float, ended: float) -> bool:
        """Whether Dozvon may date events of this time late: it was dead, deaf, or without its link."""
        is_deaf = any(deaf_from < ended and began < deaf_until for deaf_from, deaf_until in self._deaf)
        return is_deaf or any(began - MARGIN_SECONDS < at < ended + MARGIN_SECONDS for at in self._at)

    def kept(self, told_at: float) -> bool:
        """Whether events of that moment were read, and stored before anything could lose them."""
        if any(began <= told_at <= ended for began, ended in self._deaf):
            return False
        safe_at = max([told_at, *(ended for began, ended in self._unstored if began - 1 <= told_at <= ended)])
        next_one = bisect.bisect_left(self._at, told_at)
        return next_one == len(self._at) or self._at[next_one] > safe_at + MARGIN_SECONDS


class Ledger:
    """Gets all events of a simulated office. `is_heard`: whether a client receives events at the moment."""

    def __init__(self, pbx: str, is_heard: Callable[[], bool]) -> None:
        self._pbx = pbx
        self.calls: dict[str, PbxCall] = {}
        self.disruptions = Disruptions()
        self._is_heard = is_heard
        self._is_linked = False  # Dozvon has asked for the calls under way on its present connection
        self._channels: dict[str, set[str]] = {}  # linkedid -> names of its live channels
        self._bridges: dict[str, set[str]] = {}  # id -> names of its channels

    @property
    def live(self) -> list[PbxCall]:
        return [self.calls[linkedid] for linkedid in self._channels]

    def witness(self, name: str, group: str, headers: Headers) -> None:
        """Take an event of the PBX."""
        fields = dict(headers)
        linkedid = fields.get("Linkedid") or fields.get("DestLinkedid") or ""
        if name == "Newchannel":
            self._new_channel(linkedid, fields)
        call = self.calls.get(linkedid)
        if call is None or linkedid not in self._channels:
            return
        if call.is_followed and self._is_heard():
            self._told(call)
        match name:
            case "VarSet":
                self._variable(call, fields)
            case "NewCallerid" if call.direction == "outbound" and not call.number and self._names_client(fields):
                call.number = fields["CallerIDNum"]
            case "DialBegin" if fields["DestChannel"].startswith(_TRUNK):
                call.rang.append(fields["DialString"].partition("@")[0])
                if call.direction == "outbound":  # until then an order shows the office's own number
                    call.number = call.rang[-1]
            case "Newexten" if fields["Application"] == "AGI":
                call.questions += 1
            case "BridgeEnter":
                self._bridged(call, fields)
            case "BridgeLeave":
                self._bridges.get(fields["BridgeUniqueid"], set()).discard(fields["Channel"])
            case "Hangup":
                self._hung_up(call, fields["Channel"])

    def _new_channel(self, linkedid: str, fields: dict[str, str]) -> None:
        channel = fields["Channel"]
        call = self.calls.get(linkedid)
        if call is None:
            from_outside = self._is_trunk(fields)
            call = self.calls[linkedid] = PbxCall(
                pbx=self._pbx,
                linkedid=linkedid,
                direction="inbound" if from_outside else "outbound" if linkedid.startswith(_CLICK) else "internal",
                number=fields["CallerIDNum"] if from_outside else "",
                began=time.time(),
                is_client_first=channel.startswith(_LOCAL),
                is_followed=self._is_linked and self._is_heard(),
            )
        elif call.direction == "internal" and self._is_trunk(fields):
            call.direction = "outbound"
        self._channels.setdefault(linkedid, set()).add(channel)

    @classmethod
    def _names_client(cls, fields: dict[str, str]) -> bool:
        """The phone that rings first for a click shows the client, too."""
        return cls._is_trunk(fields) or fields["Uniqueid"].startswith(_CLICK)

    @staticmethod
    def _is_trunk(fields: dict[str, str]) -> bool:
        return fields["Channel"].startswith(_TRUNK)

    def _variable(self, call: PbxCall, fields: dict[str, str]) -> None:
        if fields["Variable"] == "MIXMONITOR_FILENAME":
            call.file = fields["Value"]
        elif fields["Variable"] == "DOZVON_DO" and fields["Value"]:
            call.answers += 1
        elif fields["Variable"] == "DOZVON_RECEIVED":
            call.answered_at = call.answered_at or time.time()
            if fields["Value"].endswith(" away"):
                call.turned_away_at = time.time()

    def _bridged(self, call: PbxCall, fields: dict[str, str]) -> None:
        inside = self._bridges.setdefault(fields["BridgeUniqueid"], set())
        inside.add(fields["Channel"])
        has_client = any(name.startswith((_TRUNK, _LOCAL)) for name in inside)
        is_waiting = any(name.endswith(OUTGOING) for name in inside)  # a client whom the PBX keeps until somebody comes
        if call.talk_began is None and len(inside) > 1 and has_client and not is_waiting:
            call.talk_began = time.time()

    def _hung_up(self, call: PbxCall, channel: str) -> None:
        living = self._channels[call.linkedid]
        living.discard(channel)
        if not living:
            del self._channels[call.linkedid]
            call.ended = time.time()

    def _told(self, call: PbxCall) -> None:
        now = time.time()
        if not call.told_at or now - call.told_at[-1] > _EVERY_SECONDS:
            call.told_at.append(now)

    # ---- what the driver reports -----------------------------------------------------------------------------------

    def listed(self) -> None:
        """Dozvon has asked for the live calls and got the answer."""
        self._is_linked = True
        for call in self.live:
            if call.is_followed:
                self._told(call)
            else:
                call.is_followed = True
                call.told_at.append(time.time())

    def disrupted(self) -> None:
        """Dozvon's connection was lost, or its process."""
        self.disruptions.add(time.time())
        self._is_linked = False
        for call in self.live:
            call.is_followed = False

    def crashed(self) -> None:
        """The PBX died with all its calls."""
        self.disrupted()
        for call in self.live:
            call.ended = time.time()
            call.is_crashed = True
        self._channels.clear()
        self._bridges.clear()

    # ---- judging ---------------------------------------------------------------------------------------------------

    def saw_begin(self, call: PbxCall) -> bool:
        """Whether Dozvon surely saw this call's first moment."""
        return (
            bool(call.told_at) and call.told_at[0] - call.began < MARGIN_SECONDS and self.disruptions.kept(call.began)
        )

    def was_known(self, call: PbxCall) -> bool:
        """Whether Dozvon surely stored some event of this call."""
        return any(self.disruptions.kept(at) for at in call.told_at)
