"""`app_queue` with strategy ringall: callers wait, members ring, one answers or the caller gives up."""

from __future__ import annotations

from collections.abc import Callable

from pbx_adapter.asterisk.simulator.dialling import CallOver, Dialler, Member, SentAway, Target
from pbx_adapter.asterisk.simulator.office import Queue
from pbx_adapter.asterisk.simulator.switch import RINGING, UP, Channel, Run, Said, Signal

Alert = Callable[[Channel, Target], None]
_ALERT_SECONDS = 0.055
_WAIT = "ANSWEREDTIME ANSWEREDTIME_MS DIALEDTIME DIALEDTIME_MS QUEUEWAIT QUEUEWAIT_MS"


class QueueApp:
    """Plays `Queue(name)` for callers. `waiting`: the callers in each queue, in order."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        self._switch = dialler.switch
        self.waiting: dict[str, list[tuple[Channel, float]]] = {}

    async def run(self, run: Run, caller: Channel, queue: Queue, alert: Alert) -> None:
        """
        Wait in the queue and talk.

        Raises:
            CallOver: the call has ended, answered or not. SentAway: it continues elsewhere.
        """
        switch = self._switch
        switch.variables(caller, _WAIT)
        line = self.waiting.setdefault(queue.name, [])
        joined = switch.now()
        line.append((caller, joined))
        run.queue = queue.name
        self._join(caller, queue, len(line))
        try:
            while True:
                answered = await self._round(run, caller, queue, alert, joined)
                if answered:
                    break
        finally:
            run.queue = ""
            line[:] = [entry for entry in line if entry[0] is not caller]
        hold = int(switch.now() - joined)
        phone = self._dialler.office.phone(answered.endpoint)
        member = Member(queue.name, f"PJSIP/{answered.endpoint}", phone.name if phone else "", hold)
        self._hand_over(caller, answered, member, len(line), joined)
        await self._dialler.talk(run, caller, answered, member)

    def _join(self, caller: Channel, queue: Queue, position: int) -> None:
        switch = self._switch
        if position == 1:
            switch.emit("DeviceStateChange", [("Device", f"Queue:{queue.name}"), ("State", "RINGING")])
        extra = [("Queue", queue.name), ("Position", str(position)), ("Count", str(position))]
        switch.emit("QueueCallerJoin", [*caller.headers(), *extra])
        switch.emit("MusicOnHoldStart", [*caller.headers(), ("Class", "default")])

    async def _round(self, run: Run, caller: Channel, queue: Queue, alert: Alert, joined: float) -> Channel | None:
        """Ring every free member once. Returns the channel that answered."""
        switch = self._switch
        free = [e for e in queue.members if not self._dialler.is_busy(e)]
        legs = [self._call(run, caller, queue, extension) for extension in free]
        began = switch.now()
        await self._dialler.pause(_ALERT_SECONDS)
        for leg in legs:
            self._ring(caller, leg)
            alert(leg, Target(leg.endpoint))
        while legs:
            signal = await self._dialler.wait(run, queue.timeout - (switch.now() - began))
            if signal is None:
                break
            if signal.channel is caller:
                self._leave(caller, queue, legs, signal, joined)
            elif signal.channel in legs and signal.said is Said.ANSWER:
                self._answered(caller, signal.channel, legs)
                return signal.channel
            elif signal.channel in legs and signal.said in (Said.REJECT, Said.HANG_UP, Said.AMI_HANG_UP):
                switch.refuse(signal)
                self._no_answer(caller, queue, signal.channel, began)
                switch.hang_up(signal.channel, signal.cause, signal.tech_cause)
                legs.remove(signal.channel)
        for leg in legs:
            self._no_answer(caller, queue, leg, began)
            switch.pair("DialEnd", caller, leg, ("DialStatus", "CANCEL"))
            switch.hang_up(leg, 0)
        signal = await self._dialler.wait(run, queue.retry)
        if signal and signal.channel is caller:
            self._leave(caller, queue, [], signal, joined)
        return None

    def _call(self, run: Run, caller: Channel, queue: Queue, extension: str) -> Channel:
        switch = self._switch
        leg = self._dialler.leg(run, caller, Target(extension))
        for name, value in caller.inherited.items():
            switch.variable(leg, name, value)
        switch.variable(leg, "DIALEDPEERNUMBER", extension)
        before = leg.headers("Dest")
        leg.connected, leg.connected_name, leg.exten = caller.caller, caller.caller_name, caller.exten
        switch.pair(
            "AgentCalled",
            caller,
            leg,
            ("Queue", queue.name),
            ("Interface", f"PJSIP/{extension}"),
            ("MemberName", leg.caller_name),
        )
        # The queue announces the dial with the channel as it was created.
        switch.emit("DialBegin", [*caller.headers(), *before, ("DialString", f"PJSIP/{extension}")])
        return leg

    def _ring(self, caller: Channel, leg: Channel) -> None:
        switch = self._switch
        switch.state(leg, RINGING)
        switch.step(leg, leg.context, leg.exten, 1, "AppQueue", "(Outgoing Line)")
        switch.connected_line(leg, caller.caller, caller.caller_name)
        switch.device(leg.endpoint)
        switch.pair("DialState", caller, leg, ("DialStatus", "RINGING"))

    def _answered(self, caller: Channel, leg: Channel, legs: list[Channel]) -> None:
        switch = self._switch
        others = [other for other in legs if other is not leg]
        switch.state(leg, UP)
        switch.device(leg.endpoint)
        switch.pair("DialEnd", caller, leg, ("DialStatus", "ANSWER"))
        for other in others:
            switch.pair("DialEnd", caller, other, ("DialStatus", "CANCEL"))
        switch.connected_line(caller, leg.caller, leg.caller_name)
        for other in others:  # sent twice, as the real queue does
            switch.pair("DialEnd", caller, other, ("DialStatus", "CANCEL"))
            self._dialler.cdr(caller, other, "NO ANSWER")
            switch.hang_up(other, 26)

    def _no_answer(self, caller: Channel, queue: Queue, leg: Channel, began: float) -> None:
        """Report a phone that did not answer, is busy or declined: the real queue reports all three alike."""
        switch = self._switch
        switch.pair("DialEnd", caller, leg, ("DialStatus", "NOANSWER"))
        switch.pair(
            "AgentRingNoAnswer",
            caller,
            leg,
            ("Queue", queue.name),
            ("Interface", f"PJSIP/{leg.endpoint}"),
            ("MemberName", leg.caller_name),
            ("RingTime", str(int((switch.now() - began) * 1000))),
        )

    def _hand_over(self, caller: Channel, leg: Channel, member: Member, left: int, joined: float) -> None:
        switch = self._switch
        switch.emit("MusicOnHoldStop", caller.headers())
        if left == 0:
            switch.emit("DeviceStateChange", [("Device", f"Queue:{member.queue}"), ("State", "NOT_INUSE")])
        extra = [("Queue", member.queue), ("Position", "1"), ("Count", str(left))]
        switch.emit("QueueCallerLeave", [*caller.headers(), *extra])
        switch.variable(caller, "QUEUEPOSITION", "1")
        switch.variable(caller, "QUEUEWAIT", str(member.hold_seconds))
        switch.variable(caller, "QUEUEWAIT_MS", str(int((switch.now() - joined) * 1000)))
        switch.pair(
            "AgentConnect",
            caller,
            leg,
            ("Queue", member.queue),
            ("Interface", member.interface),
            ("MemberName", member.name),
            ("HoldTime", str(member.hold_seconds)),
            ("RingTime", str(member.hold_seconds)),
        )

    def _leave(self, caller: Channel, queue: Queue, legs: list[Channel], signal: Signal, joined: float) -> None:
        """The caller gives up, or AMI redirects them. Raises: CallOver, SentAway."""
        if signal.said not in (Said.HANG_UP, Said.AMI_HANG_UP, Said.AMI_REDIRECT):
            return
        switch = self._switch
        waited = switch.now() - joined
        if signal.said is Said.HANG_UP:
            switch.request("HangupRequest", caller, None)
        switch.emit("MusicOnHoldStop", caller.headers())
        for _ in range(2):  # twice, as the real queue does
            for leg in legs:
                switch.pair("DialEnd", caller, leg, ("DialStatus", "CANCEL"))
        switch.variable(caller, "QUEUEWAIT", str(int(waited)))
        switch.variable(caller, "QUEUEWAIT_MS", str(int(waited * 1000)))
        for name, seconds in (("DIALEDTIME", waited), ("ANSWEREDTIME", 0.0)):
            switch.variable(caller, name, str(int(seconds)))
            switch.variable(caller, f"{name}_MS", str(int(seconds * 1000)))
        switch.variable(caller, "ABANDONED", "TRUE")
        extra = [("Queue", queue.name), ("Position", "1"), ("OriginalPosition", "1"), ("HoldTime", str(int(waited)))]
        switch.emit("QueueCallerAbandon", [*caller.headers(), *extra])
        extra = [("Queue", queue.name), ("Position", "1"), ("Count", "0")]
        switch.emit("QueueCallerLeave", [*caller.headers(), *extra])
        switch.variable(caller, "QUEUEPOSITION", "1")
        for leg in legs:
            self._dialler.cdr(caller, leg, "NO ANSWER")
            switch.hang_up(leg, 0)
        if signal.said is Said.AMI_REDIRECT:
            raise SentAway(caller, signal.context, signal.extension)
        self._dialler.end(caller, 0)
        raise CallOver
