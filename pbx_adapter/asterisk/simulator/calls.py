"""The office's dialplan as scripts: from the trunk, from a phone, by AMI Originate, and Dozvon's include.

Each script is a task with one `Run`, and ends when the call's last channel ends.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from pbx_adapter.asterisk.simulator.agi import AgiStatus, ask
from pbx_adapter.asterisk.simulator.configuration import DialplanFiles
from pbx_adapter.asterisk.simulator.dialling import (
    USER_BUSY,
    CallOver,
    Dialler,
    DialStatus,
    SentAway,
    Target,
    refusal_status,
)
from pbx_adapter.asterisk.simulator.office import QueueStep, RingStep, SimulatorSettings
from pbx_adapter.asterisk.simulator.queueing import Alert, QueueApp
from pbx_adapter.asterisk.simulator.receiving import Reception
from pbx_adapter.asterisk.simulator.recording import RecordingFolder
from pbx_adapter.asterisk.simulator.switch import BUSY, DOWN, RINGING, UP, Channel, Headers, Run, Said, Signal

Part = Coroutine[Any, Any, None]
Script = Callable[[], Part]
_OUTSIDE = re.compile(r"[78]\d{10}")
_MAX_STEPS = 20  # in a plan; more must be a loop
_REASONS = {DialStatus.ANSWER: "4", DialStatus.NOANSWER: "3"}  # Reason of OriginateResponse; 0 for all others


class Dialplan:
    """Plays calls on the dialler's switch. `report` sends events that belong to no channel."""

    def __init__(
        self,
        settings: SimulatorSettings,
        files: DialplanFiles,
        dialler: Dialler,
        recordings: RecordingFolder,
        *,
        alert: Alert,
    ) -> None:
        self._settings = settings
        self._files = files
        self._dialler = dialler
        self._switch = dialler.switch
        self._recordings = recordings
        self._alert = alert
        self.queues = QueueApp(dialler)
        self.reception = Reception(dialler, dial_out=self._dialled, follow=self._play, speed=settings.speed)

    # ---- ways in ---------------------------------------------------------------------------------------------------

    async def from_trunk(self, run: Run, channel: Channel, did: str) -> None:
        """Play the call of a client to the line `did`. `channel` is already announced."""
        switch = self._switch
        channel.dnid = did
        switch.variable(channel, "SIPDOMAIN", "127.0.0.1")
        name = f"in-{did}-{channel.caller}-{channel.uniqueid}.wav"
        switch.step(channel, "from-trunk", did, 1, "NoOp", f"inbound {channel.caller} -> {did}")
        switch.step(channel, "from-trunk", did, 2, "Set", f"__DID={did}")
        switch.variable(channel, "__DID", did)
        self._record(run, channel, name, 3)
        priority = 6
        if self._files.agi:
            switch.step(channel, "from-trunk", did, 6, "Gosub", f"dozvon-inbound,s,1({did})")
            if not await self._play(run, channel, lambda: self._dozvon(run, channel, did)):
                return
            priority = 7
        switch.step(channel, "from-trunk", did, priority, "Goto", f"did,{did[-2:]},1")
        await self._play(run, channel, lambda: self._own_route(run, channel, did))

    async def from_phone(self, run: Run, channel: Channel, number: str) -> None:
        channel.dnid = number
        self._switch.variable(channel, "SIPDOMAIN", "127.0.0.1")
        await self._play(run, channel, lambda: self._dialled(run, channel, number))

    async def originate(self, run: Run, request: dict[str, str], variables: dict[str, str]) -> DialStatus:
        """AMI Originate: ring a phone, then dial Exten in Context, or, with an Application, hang up after it. `request`
        has the headers of the action."""
        switch, extension = self._switch, request["Channel"].partition("/")[2]
        phone = self._dialler.office.phone(extension)
        busy = self._dialler.is_busy(extension)
        if phone is None:
            self._originate_response(request, None, DialStatus.CHANUNAVAIL)
            return DialStatus.CHANUNAVAIL
        channel = switch.create(
            run,
            extension,
            state=DOWN,
            uniqueid=request.get("ChannelId", ""),
            caller=extension,
            caller_name=phone.name,
            context="internal",
            exten="s",
        )
        switch.step(channel, "internal", "s", 1, "AppDial2", "(Outgoing Line)")
        for name, value in reversed(variables.items()):  # Asterisk sets the last one first
            match name:
                case "CONNECTEDLINE(num)":
                    switch.connected_line(channel, value, channel.connected_name)
                case "CONNECTEDLINE(name)":
                    switch.connected_line(channel, channel.connected, value)
                case _ if not name.endswith(")"):
                    switch.variable(channel, name, value)
        if caller_id := re.fullmatch(r"(.*?)\s*<(.*)>", request.get("CallerID", "")):
            switch.caller_id(channel, caller_id[2], caller_id[1])
            switch.connected_line(channel, caller_id[2], caller_id[1])
        switch.pair("DialBegin", None, channel, ("DialString", extension))
        status = await self._agent(run, channel, busy=busy, seconds=float(request.get("Timeout", "30000")) / 1000)
        if status is DialStatus.ANSWER:
            channel.context, channel.exten = request.get("Context", ""), request.get("Exten", "")
        self._originate_response(request, channel, status)
        if status is DialStatus.ANSWER and "Application" in request:
            self._dialler.end(channel)
        elif status is DialStatus.ANSWER:
            await self._play(run, channel, lambda: self._dialled(run, channel, channel.exten))
        return status

    async def _agent(self, run: Run, channel: Channel, *, busy: bool, seconds: float) -> DialStatus:
        """Ring the phone of the employee who clicked. No source channel; without an answer there is no DialEnd."""
        switch = self._switch
        await self._dialler.pause(0.05)
        if not busy:
            switch.state(channel, RINGING)
            switch.device(channel.endpoint)
            switch.pair("DialState", None, channel, ("DialStatus", "RINGING"))
            self._alert(channel, Target(channel.endpoint))
            signal = await self._dialler.wait(run, seconds)
        else:
            signal = Signal(Said.REJECT, channel, cause=USER_BUSY, tech_cause="486")
        if signal is None:
            self._dialler.cdr(channel, None, "NO ANSWER")
            self._dialler.gone(channel, 19)
            return DialStatus.NOANSWER
        if signal.said is Said.ANSWER:
            switch.state(channel, UP)
            switch.pair("DialEnd", None, channel, ("DialStatus", "ANSWER"))
            switch.device(channel.endpoint)
            return DialStatus.ANSWER
        switch.refuse(signal)
        status = refusal_status(signal.cause)
        switch.pair("DialEnd", None, channel, ("DialStatus", status))
        self._dialler.cdr(channel, None, "BUSY" if status is DialStatus.BUSY else "NO ANSWER")
        self._dialler.gone(channel, signal.cause, signal.tech_cause)
        return DialStatus.CHANUNAVAIL

    def _originate_response(self, request: dict[str, str], channel: Channel | None, status: DialStatus) -> None:
        answered = status is DialStatus.ANSWER
        match = re.fullmatch(r"(.*?)\s*<(.*)>", request.get("CallerID", ""))
        headers: Headers = [
            ("ActionID", request.get("ActionID", "")),
            ("Response", "Success" if answered else "Failure"),
            ("Channel", channel.name if channel and answered else request["Channel"]),
            ("Context", request.get("Context", "")),
            ("Exten", request.get("Exten", "")),
            ("Reason", _REASONS.get(status, "0")),
            ("Uniqueid", channel.uniqueid if channel else request.get("ChannelId", "<unknown>")),
            ("CallerIDNum", match[2] if match else "<unknown>"),
            ("CallerIDName", match[1] if match else "<unknown>"),
        ]
        self._switch.emit("OriginateResponse", headers)

    # ---- the office's own routes -----------------------------------------------------------------------------------

    async def _play(self, run: Run, caller: Channel, script: Script) -> bool:
        """Run a part of the dialplan, and follow the call where it is sent. Returns False if the call is over."""
        while True:
            try:
                await script()
                return not caller.is_gone
            except CallOver:
                self._close(run)
                return False
            except SentAway as sent:
                caller = sent.channel
                caller.context, caller.exten, caller.priority = sent.context, sent.extension, 1
                script = _later(self._extension, run, caller, sent.extension)

    async def _own_route(self, run: Run, channel: Channel, did: str) -> None:
        line = self._dialler.office.line(did)
        context, exten, priority = "did", did[-2:], 1
        status = DialStatus.CHANUNAVAIL
        for step in line.steps if line else ():
            if isinstance(step, RingStep):
                ring = "&".join(f"PJSIP/{e}" for e in step.extensions)
                self._switch.step(channel, context, exten, priority, "Dial", f"{ring},{step.seconds:g},tTkK")
                priority += 1
                status = await self._dial_and_talk(run, channel, [Target(e) for e in step.extensions], step.seconds)
            else:
                self._switch.step(channel, context, exten, priority, "Answer")
                self._switch.state(channel, UP)
                self._switch.device(channel.endpoint)
                await self._queue(run, channel, step, (context, exten, priority + 1))
                priority += 2
        await self._result(run, channel, (context, exten, priority), status)

    async def _queue(self, run: Run, channel: Channel, step: QueueStep, place: tuple[str, str, int]) -> None:
        queue = self._dialler.office.queue(step.queue)
        if queue is None:
            return
        self._switch.step(channel, *place, "Queue", f"{queue.name},tThH")
        await self.queues.run(run, channel, queue, self._alert)

    async def _dial_and_talk(self, run: Run, channel: Channel, targets: list[Target], seconds: float) -> DialStatus:
        """Dial, and play the conversation. Returns only if nobody answered."""
        status, answered = await self._dialler.dial(run, channel, targets, seconds)
        if answered:
            await self._dialler.talk(run, channel, answered)
        return status

    async def _result(self, run: Run, channel: Channel, place: tuple[str, str, int], status: DialStatus) -> None:
        """Let the caller hear the result, then hang up."""
        switch = self._switch
        switch.step(channel, *place, "Goto", f"result,s-{status},1")
        if status is DialStatus.BUSY:
            switch.step(channel, "result", "s-BUSY", 1, "Busy", "1")
            if channel.state == UP:
                await self._dialler.pause(1.0)  # of the tone; a caller without an answered channel gets 486 at once
            elif channel.half is None:
                switch.state(channel, BUSY)
                switch.request("HangupRequest", channel, USER_BUSY, "486")
            else:
                switch.request("HangupRequest", channel, 0)
                switch.state(channel, BUSY)
            self._dialler.end(channel, USER_BUSY, "486" if channel.half is None else "")
        else:
            cause = 20 if status is DialStatus.CHANUNAVAIL else channel.hangup_cause
            switch.step(channel, "result", f"s-{status}", 1, "Hangup", str(cause))
            self._dialler.end(channel, cause or 16)
        raise CallOver

    async def _dialled(self, run: Run, channel: Channel, number: str) -> None:
        """Play a call to `number` in the phones' context, dialled by a phone or a click."""
        if not _OUTSIDE.fullmatch(number):
            self._switch.step(channel, "internal", number, 1, "Goto", f"ext,{number},1")
            await self._extension(run, channel, number)
            return
        outside = "7" + number[1:]
        switch = self._switch
        switch.step(channel, "internal", number, 1, "Goto", f"outbound,{outside},1")
        switch.step(channel, "outbound", outside, 1, "NoOp", f"outbound {channel.caller} -> {outside}")
        self._record(run, channel, f"out-{outside}-{channel.caller}-{channel.uniqueid}.wav", 2)
        company = self._dialler.office.company_number
        switch.step(channel, "outbound", outside, 5, "Set", f"CALLERID(num)={company}")
        switch.caller_id(channel, company, channel.caller_name)
        switch.step(channel, "outbound", outside, 6, "Dial", f"PJSIP/{outside}@trunk,20,tTkK")
        status = await self._dial_and_talk(run, channel, [Target("trunk", outside)], 20.0)
        await self._result(run, channel, ("outbound", outside, 7), status)

    async def _extension(self, run: Run, channel: Channel, extension: str) -> None:
        switch = self._switch
        queue = self._dialler.office.queue(extension)
        if queue:
            await self._queue(run, channel, QueueStep(queue.name), ("internal", extension, 1))
        if _OUTSIDE.fullmatch(extension):
            await self._dialled(run, channel, extension)
        if self._dialler.office.phone(extension) is None:
            self._dialler.end(channel, 1)
            raise CallOver
        switch.step(channel, "ext", extension, 1, "Set", "FWD=")
        switch.variable(channel, "FWD", "")
        switch.step(channel, "ext", extension, 2, "GotoIf", "0?fwd")
        switch.step(channel, "ext", extension, 3, "Dial", f"PJSIP/{extension},15,tTkK")
        status = await self._dial_and_talk(run, channel, [Target(extension)], 15.0)
        await self._result(run, channel, ("ext", extension, 4), status)

    # ---- Dozvon's include ------------------------------------------------------------------------------------------

    async def _dozvon(self, run: Run, channel: Channel, did: str) -> None:
        """`dozvon-inbound` of extensions_dozvon.conf: ask, act, ask again. Returns if the office's route goes on."""
        switch = self._switch
        for name, value in (("DOZVON_DID", did), ("DOZVON_PLAN", ""), ("DOZVON_RESULT", "")):
            switch.variable(channel, name, value)
        for number in range(1, _MAX_STEPS):
            switch.variable(channel, "DOZVON_STEP", str(number))
            if not await self._ask(channel, did, number):
                break
            target = channel.variables.get("DOZVON_TARGET", "")
            match channel.variables.get("DOZVON_DO"):
                case "notice":
                    sound = channel.variables.get("DOZVON_SOUND", "")
                    switch.step(channel, "dozvon-inbound", "s", 30, "Playback", f"{sound},noanswer")
                    await self._dialler.pause(2.0)
                case "ring" | "mobile" as kind:
                    await self._ring_for_dozvon(run, channel, kind, target)
                case "group" if self._dialler.office.queue(target) or self._dialler.office.phone(target):
                    switch.variable(channel, "DOZVON_RESULT", "group")
                    raise SentAway(channel, "internal", target)
                case "continue" | "group" | "voicemail":  # no mailboxes here: as if TryExec failed
                    switch.variable(channel, "DOZVON_RESULT", "continue")
                    return
                case _:
                    break
        switch.variable(channel, "DOZVON_RESULT", "failed")

    async def _ask(self, channel: Channel, did: str, number: int) -> bool:
        """Ask once. Returns False if nothing listens or no answer comes in time."""
        switch = self._switch
        switch.variable(channel, "DOZVON_DO", "")
        switch.variable(channel, "DOZVON_TARGET", "")
        address = self._files.agi or ""
        args = (did, str(number), channel.variables.get("DOZVON_PLAN", ""), channel.linkedid)
        switch.step(channel, "dozvon-inbound", "s", 19, "AGI", ",".join((address, *args)))
        try:
            async with asyncio.timeout(self._settings.agi_patience):
                status = await ask(address, channel, args, lambda k, v: switch.variable(channel, k, v))
        except TimeoutError:
            return False
        switch.variable(channel, "AGISTATUS", status)
        return status is AgiStatus.SUCCESS

    async def _ring_for_dozvon(self, run: Run, channel: Channel, kind: str, target: str) -> None:
        seconds = channel.variables.get("DOZVON_SECONDS", "")
        wait = float(seconds) if seconds.isdigit() else 60.0
        whom = Target("trunk", target.lstrip("+")) if kind == "mobile" else Target(target)
        self._switch.step(channel, "dozvon-inbound", "s", 32, "Dial", f"PJSIP/{whom.dial_string},{seconds},tk")
        if kind == "ring" and self._dialler.office.phone(target) is None:
            self._switch.variable(channel, "DIALSTATUS", DialStatus.CHANUNAVAIL)
            return
        await self._dial_and_talk(run, channel, [whom], wait)

    # ---- recording -------------------------------------------------------------------------------------------------

    def _record(self, run: Run, channel: Channel, name: str, priority: int) -> None:
        """Set REC and CDR(userfield), and start MixMonitor(...,b), as the office's dialplan does."""
        switch, context, exten = self._switch, channel.context, channel.exten
        switch.step(channel, context, exten, priority, "Set", f"REC={name}")
        switch.variable(channel, "REC", name)
        switch.step(channel, context, exten, priority + 1, "Set", f"CDR(userfield)={name}")
        switch.step(channel, context, exten, priority + 2, "MixMonitor", f"{name},b")
        switch.variable(channel, "MIXMONITOR_FILENAME", self._recordings.name_in_events(name))
        switch.emit("MixMonitorStart", channel.headers())
        run.recording = name

    def _close(self, run: Run) -> None:
        """After the call: write the recording, if anybody spoke. It is as long as the talk was."""
        if run.recording and run.talked > 0:
            self._recordings.write(run.recording, run.talked / self._settings.speed)


def _later(method: Callable[[Run, Channel, str], Part], run: Run, channel: Channel, extension: str) -> Script:
    return lambda: method(run, channel, extension)
