"""A campaign's call whose client rings first: `Local/NUMBER@CONTEXT/n`, and our include that receives the client.

The two halves of a Local channel run at the same time, as in Asterisk: one dials through the office's own routes, the
other one is the client for the dialplan. `[dozvon-campaign]` is not imitated: its lines are executed (`language.py`).

What Dozvon has to answer in time runs by the wall clock at any speed of the office, as FastAGI's patience does: how
long the client waits, and how long an employee's phone rings for them. Sounds take the office's time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pbx_adapter.asterisk.simulator.dialling import CallOver, Dialler, DialStatus, SentAway, Target
from pbx_adapter.asterisk.simulator.language import Context, Functions, Place, Values, is_true
from pbx_adapter.asterisk.simulator.switch import DOWN, OUTGOING, RING, RINGING, UP, Channel, Headers, Run, Said, Signal

CONTEXT = "dozvon-campaign"
_INCLUDE = Path(__file__).resolve().parent.parent / "dialplan" / "extensions_dozvon.conf"
_GLOBALS = {"DOZVON_CONTEXT": "internal", "DOZVON_DIAL": "PJSIP/%"}  # as the laboratory's office has them
_SOUND_SECONDS = 3.0  # of the office, of every sound
_THINKS_SECONDS = 1.0  # of the office, before a client presses a key
_PERSON_SAYS, _MACHINE_SAYS = ("HUMAN", "HUMAN-600-600", 1.0), ("MACHINE", "LONGGREETING-2600-2600", 2.8)
_ANSWERED = "4"
_REASONS = {DialStatus.NOANSWER: "3", DialStatus.BUSY: "5"}  # Reason of OriginateResponse; 0 for all others

Part = Coroutine[Any, Any, None]
Dial = Callable[[Run, Channel, str], Part]
Follow = Callable[[Run, Channel, Callable[[], Part]], Coroutine[Any, Any, bool]]


class Reception:
    """
    Plays campaigns' calls with the client first.

    Args:
        dial_out: the office's own dialplan for a channel that dials a number.
        follow: runs a part of the dialplan and everything after it, wherever the call is sent.
        speed: seconds of the office per second.
    """

    def __init__(self, dialler: Dialler, *, dial_out: Dial, follow: Follow, speed: float) -> None:
        self._dialler, self._switch = dialler, dialler.switch
        self._dial_out, self._follow, self._speed = dial_out, follow, speed
        self._include = Context(_INCLUDE.read_text(encoding="utf-8"), CONTEXT)
        self._begun = 0
        self._hear_music: set[Channel] = set()

    async def originate(self, request: dict[str, str], variables: dict[str, str]) -> None:
        """AMI Originate with a Local channel. `request` has the headers of the action."""
        number, _, context = request["Channel"].removeprefix("Local/").removesuffix("/n").partition("@")
        client, outgoing = self._halves(request, variables, number, context)
        async with asyncio.TaskGroup() as halves:
            dialling = outgoing.run
            halves.create_task(self._follow(dialling, outgoing, lambda: self._dial_out(dialling, outgoing, number)))
            status = await self._until_answered(client, request)
            if status is DialStatus.ANSWER:
                client.context, client.exten = request.get("Context", ""), request.get("Exten", "")
                await self._follow(client.run, client, lambda: self._enters(client))

    def _enters(self, client: Channel) -> Part:
        if client.context == CONTEXT:
            return self._received(client)
        return self._dial_out(client.run, client, client.exten)

    # ---- the Local channel -----------------------------------------------------------------------------------------

    def _halves(
        self, request: dict[str, str], variables: dict[str, str], number: str, context: str
    ) -> tuple[Channel, Channel]:
        switch = self._switch
        name = f"Local/{number}@{context}-{self._begun:08x}"
        self._begun += 1
        client = switch.create(
            Run(),
            "",
            state=DOWN,
            name=f"{name};1",
            uniqueid=request.get("ChannelId", ""),
            context=context,
            exten=number,
        )
        outgoing = switch.create(
            Run(), "", state=RING, name=name + OUTGOING, uniqueid=request.get("OtherChannelId", ""),
            linkedid=client.linkedid, context=context, exten=number,
        )  # fmt: skip
        client.half, outgoing.half = outgoing, client
        switch.step(client, context, number, 1, "AppDial2", "(Outgoing Line)")
        for given, value in reversed(variables.items()):  # Asterisk sets the last one first
            self._given(client, given, value)
        for given, value in variables.items():
            if not given.endswith(")"):
                switch.variable(outgoing, given, value)
        outgoing.connected, outgoing.connected_name = client.caller, client.caller_name
        switch.caller_id(outgoing, client.connected, client.connected_name)
        switch.connected_line(outgoing, client.caller, client.caller_name)
        place = [("Context", context), ("Exten", number), ("LocalOptimization", "No")]
        switch.emit("LocalBridge", [*client.headers("LocalOne"), *outgoing.headers("LocalTwo"), *place])
        switch.pair("DialBegin", None, client, ("DialString", request["Channel"].removeprefix("Local/")))
        return client, outgoing

    def _given(self, client: Channel, name: str, value: str) -> None:
        switch = self._switch
        match name:
            case "CALLERID(num)":
                switch.caller_id(client, value, client.caller_name)
            case "CALLERID(name)":
                switch.caller_id(client, client.caller, value)
            case "CONNECTEDLINE(num)":
                switch.connected_line(client, value, client.connected_name)
            case _ if not name.endswith(")"):
                switch.variable(client, name, value)

    async def _until_answered(self, client: Channel, request: dict[str, str]) -> DialStatus:
        """Follow the other half until somebody behind it answers, or nobody does."""
        switch, patience = self._switch, float(request.get("Timeout", "30000")) / 1000
        began = switch.now()
        while True:
            signal = await self._dialler.wait(client.run, patience - (switch.now() - began))
            match signal.said if signal is not None else None:
                case Said.RING:
                    switch.state(client, RINGING)
                    switch.pair("DialState", None, client, ("DialStatus", "RINGING"))
                case Said.ANSWER:
                    self._respond(request, client, DialStatus.ANSWER)
                    switch.state(client, UP)
                    switch.pair("DialEnd", None, client, ("DialStatus", DialStatus.ANSWER))
                    return DialStatus.ANSWER
                case None | Said.BUSY | Said.HANG_UP | Said.AMI_HANG_UP:
                    return self._failed(request, client, signal)

    def _failed(self, request: dict[str, str], client: Channel, signal: Signal | None) -> DialStatus:
        """Nobody answered in time, the client is busy or declined, or AMI has ended it."""
        switch = self._switch
        said, cause = (None, 19) if signal is None else (signal.said, signal.cause)
        status = {None: DialStatus.NOANSWER, Said.BUSY: DialStatus.BUSY}.get(said, DialStatus.CHANUNAVAIL)
        self._respond(request, None, status)
        if said is Said.HANG_UP:
            switch.request("HangupRequest", client, cause)
        if said is not None:
            ended = DialStatus.NOANSWER if said is Said.AMI_HANG_UP else status
            switch.pair("DialEnd", None, client, ("DialStatus", ended))
        self._dialler.cdr(client, None, "BUSY" if said is Said.BUSY else "NO ANSWER")
        self._dialler.gone(client, 0 if said is Said.BUSY else cause)
        return status

    def _respond(self, request: dict[str, str], client: Channel | None, status: DialStatus) -> None:
        headers: Headers = [
            ("ActionID", request.get("ActionID", "")),
            ("Response", "Success" if client is not None else "Failure"),
            ("Channel", client.name if client is not None else request["Channel"]),
            ("Context", request.get("Context", "")),
            ("Exten", request.get("Exten", "")),
            ("Reason", _ANSWERED if client is not None else _REASONS.get(status, "0")),
            ("Uniqueid", request.get("ChannelId", "")),
            ("CallerIDNum", "<unknown>"),
            ("CallerIDName", "<unknown>"),
        ]
        self._switch.emit("OriginateResponse", headers)

    # ---- our include -----------------------------------------------------------------------------------------------

    async def _received(self, client: Channel) -> None:
        """
        Execute `[dozvon-campaign]` for a client who has answered.

        Raises: CallOver: the call has ended. SentAway: it continues outside of this context.
        """
        place = client.exten, 1
        while True:
            try:
                await self._executed(client, place)
            except SentAway as sent:
                if sent.channel is not client or sent.context != CONTEXT:
                    raise
                place = sent.extension, 1

    async def _executed(self, client: Channel, place: Place) -> None:
        values = Values(lambda name: self._variable(client, name), self._functions())
        while (line := self._include.line(place)) is not None:
            client.exten = place[0]
            data = values.replaced(line.data)
            self._switch.step(client, CONTEXT, *place, line.application, data)
            target = await self._apply(client, line.application, data)
            place = (place[0], place[1] + 1) if target is None else self._include.leads_to(target, place[0])
        self._dialler.end(client)
        raise CallOver

    async def _apply(self, client: Channel, application: str, data: str) -> str | None:
        """Run an application. Returns where it leads, if not to the next line."""
        match application:
            case "Goto":
                return data
            case "GotoIf":
                condition, _, targets = data.partition("?")
                yes, _, no = targets.partition(":")
                return (yes if is_true(condition) else no) or None
            case "ExecIf":
                condition, _, call = data.partition("?")
                if is_true(condition):
                    name, _, inside = call.partition("(")
                    return await self._apply(client, name, inside.removesuffix(")"))
            case "TryExec":
                name, _, inside = data.partition("(")
                await self._apply(client, name, inside.removesuffix(")"))
                self._switch.variable(client, "TRYSTATUS", "SUCCESS")
            case "Set":
                self._switch.variable(client, *data.split("=", 1))
            case "Dial":
                await self._dial(client, data)
            case "Hangup":
                if client.run.cdrs:  # of a phone that was rung in vain; what came after it has a record of its own
                    self._dialler.cdr(client, None, "ANSWERED")
                self._dialler.end(client)
                raise CallOver
            case _:
                await self._listen(client, application, data)
        return None

    async def _listen(self, client: Channel, application: str, data: str) -> None:
        """Applications in which the client waits, hears something or is heard."""
        switch, own = self._switch, self._dialler.office.client(client.caller)
        match application:
            case "Wait":
                await self._pass(client, float(data) * self._speed)
            case "StartMusicOnHold":
                switch.emit("MusicOnHoldStart", [*client.headers(), ("Class", data)])
                self._hear_music.add(client)
            case "StopMusicOnHold":
                self._silence(client)
            case "Playback":
                await self._pass(client, _SOUND_SECONDS)
                switch.variable(client, "PLAYBACKSTATUS", "SUCCESS")
            case "WaitForSilence":
                await self._pass(client, 1.5)
            case "AMD":
                status, cause, seconds = _MACHINE_SAYS if own.is_machine else _PERSON_SAYS
                await self._pass(client, seconds)
                switch.variable(client, "AMDSTATUS", status)
                switch.variable(client, "AMDCAUSE", cause)
            case "Read":
                await self._read(client, data)

    async def _dial(self, client: Channel, data: str) -> None:
        whom, seconds, _ = data.split(",", 2)
        extension = whom.removeprefix("PJSIP/")
        if self._dialler.office.phone(extension) is None:
            self._switch.variable(client, "DIALSTATUS", DialStatus.CHANUNAVAIL)
            return
        patience = float(seconds) * self._speed
        _, answered = await self._dialler.dial(client.run, client, [Target(extension)], patience)
        if answered is not None:
            await self._dialler.talk(client.run, client, answered)

    async def _read(self, client: Channel, data: str) -> None:
        """A message that a key interrupts, and some seconds after it."""
        into, _, _, _, _, seconds = data.split(",")
        switch = self._switch
        switch.variable(client, "READSTATUS", "ERROR")
        pressed_before = client.variables.get("DOZVON_RECEIVED", "").count("key:")
        key = self._dialler.office.client(client.caller).presses[pressed_before : pressed_before + 1]
        await self._pass(client, _THINKS_SECONDS if key else _SOUND_SECONDS + float(seconds))
        if key:
            for event in ("DTMFBegin", "DTMFEnd"):
                switch.emit(event, [*client.headers(), ("Digit", key), ("Direction", "Received")])
        switch.variable(client, into, key)
        switch.variable(client, "READSTATUS", "OK" if key else "TIMEOUT")

    async def _pass(self, client: Channel, seconds: float) -> None:
        """
        Let so many seconds of the office pass.

        Raises: CallOver: the client has left. SentAway: AMI moved them.
        """
        until = self._switch.now() + seconds
        while (signal := await self._dialler.wait(client.run, until - self._switch.now())) is not None:
            if signal.channel is not client:
                continue
            match signal.said:
                case Said.AMI_REDIRECT:
                    self._silence(client)
                    raise SentAway(client, signal.context, signal.extension)
                case Said.HANG_UP | Said.AMI_HANG_UP:
                    self._silence(client)
                    if signal.said is Said.HANG_UP:
                        self._switch.request("HangupRequest", client, signal.cause)
                    self._dialler.end(client, signal.cause)
                    raise CallOver

    def _silence(self, client: Channel) -> None:
        if client in self._hear_music:
            self._switch.emit("MusicOnHoldStop", client.headers())
            self._hear_music.discard(client)

    # ---- values ----------------------------------------------------------------------------------------------------

    def _variable(self, client: Channel, name: str) -> str:
        match name:
            case "EXTEN":
                return client.exten
            case "EPOCH":
                return str(int(time.time()))
        own = client.variables
        return own.get(name) or own.get(f"__{name}") or _GLOBALS.get(name, "")

    def _functions(self) -> Functions:
        return {"DIALPLAN_EXISTS": lambda _: "0", "STRFTIME": lambda _: str(int(time.time() * 1000))}
