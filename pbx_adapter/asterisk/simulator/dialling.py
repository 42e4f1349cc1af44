"""Dial and the conversation after it, with the same events as Asterisk 22.

`queueing.py` has the queue application; `calls.py` decides which of them a call uses.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pbx_adapter.asterisk.simulator.office import Office
from pbx_adapter.asterisk.simulator.switch import DOWN, RINGING, UP, Channel, Headers, Run, Said, Signal, Switch

_ALERT_SECONDS = 0.05  # from the INVITE to the phone's 180, measured in a real office
_DIAL_TIMES = "ANSWEREDTIME ANSWEREDTIME_MS DIALEDTIME DIALEDTIME_MS RINGTIME RINGTIME_MS PROGRESSTIME PROGRESSTIME_MS"


class DialStatus(StrEnum):
    ANSWER = "ANSWER"
    NOANSWER = "NOANSWER"
    BUSY = "BUSY"
    CHANUNAVAIL = "CHANUNAVAIL"


USER_BUSY = 17  # the one cause (a phone's 486) that Asterisk calls busy


def refusal_status(cause: int) -> DialStatus:
    """The DialEnd status of a phone that ended its own ringing: a decline (603, cause 21) counts as no answer."""
    return DialStatus.BUSY if cause == USER_BUSY else DialStatus.NOANSWER


class CallOver(Exception):
    """The caller's channel has ended: the script stops."""


@dataclass(eq=False)
class SentAway(Exception):
    """`channel` continues elsewhere in the dialplan, after a transfer or AMI's Redirect."""

    channel: Channel
    context: str
    extension: str


@dataclass(frozen=True, slots=True)
class Target:
    """A destination of Dial: an employee's endpoint, or a number through the trunk."""

    endpoint: str
    number: str = ""

    @property
    def dial_string(self) -> str:
        return f"{self.number}@{self.endpoint}" if self.number else self.endpoint


@dataclass(frozen=True, slots=True)
class Member:
    """The queue member who took the call, for AgentComplete."""

    queue: str
    interface: str
    name: str
    hold_seconds: int


class Dialler:
    """Dials for all calls. `alert` is called for every phone that starts to ring, so that its owner can react."""

    def __init__(
        self, switch: Switch, office: Office, *, speed: float, alert: Callable[[Channel, Target], None]
    ) -> None:
        self.switch = switch
        self.office = office
        self._speed = speed
        self._alert = alert

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)

    async def wait(self, run: Run, seconds: float | None) -> Signal | None:
        """The next signal of this call; None after the time is over."""
        try:
            async with asyncio.timeout(None if seconds is None else max(seconds, 0) / self._speed):
                while True:
                    signal = await run.signals.get()
                    if not signal.channel.is_gone:
                        return signal
        except TimeoutError:
            return None

    # ---- ringing ---------------------------------------------------------------------------------------------------

    def leg(self, run: Run, caller: Channel, target: Target) -> Channel:
        """Create the outgoing channel of a target, with the variables that a dialled channel inherits."""
        if target.number:
            return self.switch.create(run, target.endpoint, state=DOWN, parent=caller, context="from-trunk", exten="s")
        phone = self.office.phone(target.endpoint)
        return self.switch.create(
            run,
            target.endpoint,
            state=DOWN,
            parent=caller,
            context="internal",
            exten="s",
            caller=target.endpoint,
            caller_name=phone.name if phone else "",
        )

    def _create(self, run: Run, caller: Channel, target: Target) -> Channel:
        switch = self.switch
        leg = self.leg(run, caller, target)
        switch.variable(leg, "DIALEDPEERNUMBER", target.dial_string)
        for name, value in caller.inherited.items():
            switch.variable(leg, name, value)
        leg.exten = caller.exten
        leg.connected, leg.connected_name = caller.caller, caller.caller_name
        if target.number:
            leg.caller, leg.caller_name = target.number, caller.connected_name
        switch.step(leg, leg.context, leg.exten, 1, "AppDial", "(Outgoing Line)")
        if target.number:
            switch.caller_id(leg, leg.caller, leg.caller_name)
        switch.connected_line(leg, caller.caller, caller.caller_name)
        return leg

    def _begin(self, run: Run, caller: Channel, targets: Sequence[Target]) -> dict[Channel, Target]:
        """Create all channels before the first rings. With only one target the caller sees its name."""
        switch = self.switch
        legs = {self._create(run, caller, target): target for target in targets}
        for leg, target in legs.items():
            switch.pair("DialBegin", caller, leg, ("DialString", target.dial_string))
            named = caller.connected, caller.connected_name
            if len(legs) == 1 and named != (leg.caller, leg.caller_name):
                switch.connected_line(caller, leg.caller, leg.caller_name)
            if caller.half is not None and target.number:
                switch.connected_line(leg, caller.half.connected, caller.half.connected_name)
        return legs

    def is_busy(self, endpoint: str) -> bool:
        return any(c.endpoint == endpoint for c in self.switch.channels.values())

    async def dial(
        self, run: Run, caller: Channel, targets: Sequence[Target], seconds: float
    ) -> tuple[DialStatus, Channel | None]:
        """
        Ring all targets until the first answers.

        Returns:
            The status, and the channel that answered.

        Raises:
            CallOver: the caller hung up. SentAway: AMI moved the caller elsewhere.
        """
        switch = self.switch
        switch.variables(caller, f"DIALSTATUS DIALEDPEERNUMBER DIALEDPEERNAME {_DIAL_TIMES}")
        # Before the legs exist: a phone in a call answers 486 (this office has no call waiting).
        busy = {t for t in targets if not t.number and self.is_busy(t.endpoint)}
        legs = self._begin(run, caller, targets)
        began = switch.now()
        await self.pause(_ALERT_SECONDS)
        for leg, target in legs.items():
            if target in busy:
                run.signals.put_nowait(Signal(Said.REJECT, leg, cause=17, tech_cause="486"))
            else:
                self._ring(caller, leg, target)
        refusals: set[DialStatus] = set()
        while legs:
            signal = await self.wait(run, seconds - (switch.now() - began))
            if signal is None:
                break
            if signal.channel is caller and signal.said in (Said.HANG_UP, Said.AMI_HANG_UP, Said.AMI_REDIRECT):
                self._abandon(caller, list(legs), signal)
            if signal.channel not in legs:
                continue
            if signal.said is Said.ANSWER:
                self._answered(caller, signal.channel, legs)
                return DialStatus.ANSWER, signal.channel
            if signal.said in (Said.REJECT, Said.HANG_UP, Said.AMI_HANG_UP):
                del legs[signal.channel]
                refusals.add(self._refused(caller, signal))
        if legs or not refusals:
            self._rang_out(caller, legs)
            return DialStatus.NOANSWER, None
        status = DialStatus.BUSY if DialStatus.BUSY in refusals else DialStatus.CHANUNAVAIL
        switch.variable(caller, "DIALSTATUS", status)
        return status, None

    def _ring(self, caller: Channel, leg: Channel, target: Target) -> None:
        switch = self.switch
        switch.state(leg, RINGING)
        switch.device(leg.endpoint)
        if not caller.variables.get("RINGTIME"):  # the first of a group
            switch.variable(caller, "RINGTIME", "0")
            switch.variable(caller, "RINGTIME_MS", "53")
        switch.pair("DialState", caller, leg, ("DialStatus", "RINGING"))
        switch.device(caller.endpoint)
        switch.tell_half(caller, Said.RING)
        self._alert(leg, target)

    def _answered(self, caller: Channel, leg: Channel, legs: dict[Channel, Target]) -> None:
        switch = self.switch
        switch.state(leg, UP)
        switch.device(leg.endpoint)
        switch.variable(caller, "DIALSTATUS", DialStatus.ANSWER)
        switch.variable(caller, "DIALEDPEERNAME", leg.name)
        switch.variable(caller, "DIALEDPEERNUMBER", legs[leg].dial_string)
        leg.exten = ""
        switch.pair("DialEnd", caller, leg, ("DialStatus", DialStatus.ANSWER))
        for other in legs:
            if other is not leg:
                switch.pair("DialEnd", caller, other, ("DialStatus", "CANCEL"))
                switch.hang_up(other, 26)
        switch.state(caller, UP)

    def _refused(self, caller: Channel, signal: Signal) -> DialStatus:
        """One of the phones ended its ringing, as those of `refusal_status` do. Returns its part in DIALSTATUS."""
        switch, leg = self.switch, signal.channel
        switch.refuse(signal)
        status = refusal_status(signal.cause)
        switch.pair("DialEnd", caller, leg, ("DialStatus", status))
        caller.hangup_cause = signal.cause
        self.cdr(caller, leg, "BUSY" if status is DialStatus.BUSY else "NO ANSWER")
        switch.hang_up(leg, signal.cause, signal.tech_cause)
        return status

    def _rang_out(self, caller: Channel, legs: dict[Channel, Target]) -> None:
        for leg in legs:
            self.switch.pair("DialEnd", caller, leg, ("DialStatus", DialStatus.NOANSWER))
        if legs:
            self.switch.variable(caller, "DIALSTATUS", DialStatus.NOANSWER)
        for leg in list(legs):
            self.cdr(caller, leg, "NO ANSWER")
            self.switch.hang_up(leg, 0)

    def _abandon(self, caller: Channel, legs: list[Channel], signal: Signal) -> None:
        """The caller left while phones rang. Raises: CallOver, SentAway."""
        switch = self.switch
        sip_cancel = caller.state != UP and caller.half is None  # a CANCEL; a channel that is up ends with a BYE
        if signal.said is Said.HANG_UP:
            cause = signal.cause if caller.half is not None else 127 if sip_cancel else 16
            switch.request("HangupRequest", caller, cause, "487" if sip_cancel else "")
        for leg in legs:
            switch.pair("DialEnd", caller, leg, ("DialStatus", "CANCEL"))
        switch.variable(caller, "DIALSTATUS", "CANCEL")
        for leg in legs:
            self.cdr(caller, leg, "NO ANSWER")
            ends = signal.cause if caller.half is not None else 127 if sip_cancel else 0
            switch.hang_up(leg, ends, "500" if sip_cancel else "")
        if signal.said is Said.AMI_REDIRECT:
            raise SentAway(caller, signal.context, signal.extension)
        if caller.half is not None:
            self.end(caller, signal.cause)
        elif sip_cancel and signal.said is Said.HANG_UP:
            self.end(caller, 127, "487")
        else:
            self.end(caller, 0 if signal.said is Said.HANG_UP else 16)
        raise CallOver

    # ---- talking ---------------------------------------------------------------------------------------------------

    async def talk(self, run: Run, caller: Channel, callee: Channel, member: Member | None = None) -> None:
        """
        Play the conversation until it ends.

        Raises:
            CallOver: both channels have ended. SentAway: one continues elsewhere, the other has ended.
        """
        switch = self.switch
        began = switch.now()
        if member is None:
            switch.step(callee, callee.context, callee.exten, 1, "AppDial", "(Outgoing Line)")
        switch.join(callee, caller)
        held: Channel | None = None
        try:
            while True:
                signal = await self.wait(run, None)
                if signal is None or signal.channel not in (caller, callee):
                    continue
                peer = callee if signal.channel is caller else caller
                if signal.said is Said.HOLD and held is None:
                    held = self._hold(signal.channel, peer)
                elif signal.said is Said.UNHOLD and held is not None:
                    switch.emit("Unhold", signal.channel.headers())
                    switch.bridge_variables(callee, caller)
                    switch.emit("MusicOnHoldStop", held.headers())
                    held = None
                elif signal.said is Said.TRANSFER:
                    self._transfer(signal, peer, caller, callee, member, began)
                elif signal.said is Said.AMI_REDIRECT:
                    self._redirect(signal, peer)
                elif signal.said in (Said.HANG_UP, Said.AMI_HANG_UP):
                    self._finish(signal, caller, callee, member, began)
        finally:
            run.talked += switch.now() - began

    def _hold(self, who: Channel, peer: Channel) -> Channel:
        self.switch.bridge_variables(peer, who)
        self.switch.emit("Hold", [*who.headers(), ("MusicClass", "default")])
        self.switch.emit("MusicOnHoldStart", [*peer.headers(), ("Class", "default")])
        return peer

    def _unbridged(self, *channels: Channel) -> None:
        for channel in channels:
            self.switch.variable(channel, "BRIDGEPEER", "")
            if channel.variables.get("BRIDGEPVTCALLID"):
                self.switch.variable(channel, "BRIDGEPVTCALLID", "")

    def _finish(self, signal: Signal, caller: Channel, callee: Channel, member: Member | None, began: float) -> None:
        switch = self.switch
        first, second = (caller, callee) if signal.channel is caller else (callee, caller)
        switch.request("HangupRequest" if signal.said is Said.HANG_UP else "SoftHangupRequest", first, 16)
        if member:
            self._complete(caller, callee, member, "caller" if first is caller else "agent", began)
        self._unbridged(first, second)
        self.cdr(caller, callee, "ANSWERED")
        switch.part(first)
        if first is caller:
            self._times(caller, member, began)
            switch.request("SoftHangupRequest", caller)
            switch.part(callee)
            self.gone(caller, 16)
            switch.hang_up(callee, 16)
        else:
            switch.hang_up(callee, 16)
            switch.part(caller)
            self._times(caller, member, began)
            switch.request("SoftHangupRequest", caller)
            self.gone(caller, 16)
        raise CallOver

    def _times(self, caller: Channel, member: Member | None, began: float) -> None:
        talked, whole = self.switch.now() - began, self.switch.now() - caller.created
        for name, value in (("ANSWEREDTIME", talked), ("DIALEDTIME", whole)):
            self.switch.variable(caller, name, str(int(value)))
            self.switch.variable(caller, f"{name}_MS", str(int(value * 1000)))
        if member is None:
            self.switch.variable(caller, "DIALSTATUS", DialStatus.ANSWER)

    def _complete(self, caller: Channel, callee: Channel, member: Member, reason: str, began: float) -> None:
        self.switch.pair(
            "AgentComplete",
            caller,
            callee,
            ("Queue", member.queue),
            ("Interface", member.interface),
            ("MemberName", member.name),
            ("HoldTime", str(member.hold_seconds)),
            ("TalkTime", str(int(self.switch.now() - began))),
            ("Reason", reason),
        )

    def _transfer(
        self, signal: Signal, peer: Channel, caller: Channel, callee: Channel, member: Member | None, began: float
    ) -> None:
        """A blind transfer by REFER: the transferer's channel ends, the other one continues in the dialplan."""
        switch, who = self.switch, signal.channel
        switch.emit("Unhold", who.headers())  # sent even if nobody was on hold
        switch.variable(peer, "BLINDTRANSFER", who.name)
        switch.variable(who, "BLINDTRANSFER", peer.name)
        switch.variable(peer, "SIPTRANSFER", "yes")
        self._unbridged(who)
        bridge = who.bridge
        switch.emit(
            "BlindTransfer",
            [
                ("Result", "Success"),
                *who.headers("Transferer"),
                *peer.headers("Transferee"),
                *(bridge.headers() if bridge else []),
                ("IsExternal", "Yes"),
                ("Context", signal.context),
                ("Extension", signal.extension),
            ],
        )
        if member:
            self._complete(caller, callee, member, "transfer", began)
        switch.part(who)
        self._unbridged(peer)
        # The channel gets its new place while it is still in the old application.
        switch.step(peer, signal.context, signal.extension, 1, peer.application, peer.data)
        switch.part(peer)
        if peer is caller:
            switch.variable(peer, "DIALSTATUS", DialStatus.ANSWER)
        self.cdr(caller, callee, "ANSWERED")
        switch.hang_up(who, 16)
        raise SentAway(peer, signal.context, signal.extension)

    def _redirect(self, signal: Signal, peer: Channel) -> None:
        """AMI's Redirect takes one channel out of the bridge; the other one ends."""
        switch, moved = self.switch, signal.channel
        self._unbridged(moved, peer)
        switch.step(moved, signal.context, signal.extension, 1, moved.application, moved.data)
        switch.part(moved)
        switch.part(peer)
        switch.hang_up(peer, 16)
        raise SentAway(moved, signal.context, signal.extension)

    # ---- the end ---------------------------------------------------------------------------------------------------

    def cdr(self, source: Channel, dest: Channel | None, disposition: str) -> None:
        """Keep a record of this pair. Records are written when the call's last channel ends."""
        dated = self.switch.dated
        began, now = dated(source.created), dated(self.switch.now())
        answered = dated(source.answered_at) if source.answered_at else None
        source.run.cdrs.append(
            [
                ("AccountCode", ""),
                ("Source", source.caller),
                ("Destination", source.exten),
                ("DestinationContext", source.context),
                ("CallerID", f'"{source.caller_name}" <{source.caller}>'),
                ("Channel", source.name),
                ("DestinationChannel", dest.name if dest else ""),
                ("LastApplication", source.application),
                ("LastData", source.data),
                ("StartTime", _stamp(began)),
                ("AnswerTime", _stamp(answered) if answered else ""),
                ("EndTime", _stamp(now)),
                ("Duration", str(int(now - began))),
                ("BillableSeconds", str(int(now - answered) if answered else 0)),
                ("Disposition", disposition),
                ("AMAFlags", "DOCUMENTATION"),
                ("UniqueID", source.uniqueid),
                ("UserField", source.run.recording or ""),
                ("LinkedID", source.linkedid),
            ]
        )

    def end(self, caller: Channel, cause: int = 16, tech_cause: str = "") -> None:
        """The PBX hangs up on the caller."""
        if caller.is_gone:
            return
        self.switch.request("SoftHangupRequest", caller, 16, tech_cause)
        if not caller.run.cdrs:
            self.cdr(caller, None, "NO ANSWER" if caller.answered_at is None else "ANSWERED")
        self.gone(caller, cause, tech_cause)

    def gone(self, caller: Channel, cause: int, tech_cause: str = "") -> None:
        self.switch.hang_up(caller, cause, tech_cause)
        records: list[Headers] = caller.run.cdrs
        for record in records:
            self.switch.emit("Cdr", record, "cdr")
        records.clear()


def _stamp(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
