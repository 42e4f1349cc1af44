"""The whole simulated PBX: an AMI port, a dialplan, and methods for people who use the phones."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Coroutine
from typing import Any

import structlog

from pbx_adapter.asterisk.simulator import answers
from pbx_adapter.asterisk.simulator.agi import ask
from pbx_adapter.asterisk.simulator.ami import AmiServer, Answer, Request, error, header, success
from pbx_adapter.asterisk.simulator.calls import Dialplan
from pbx_adapter.asterisk.simulator.configuration import DialplanFiles
from pbx_adapter.asterisk.simulator.dialling import Dialler, Target
from pbx_adapter.asterisk.simulator.office import SimulatorSettings
from pbx_adapter.asterisk.simulator.recording import RecordingFolder
from pbx_adapter.asterisk.simulator.records import WrittenRecords
from pbx_adapter.asterisk.simulator.switch import (
    DOWN,
    RING,
    RINGING,
    UP,
    Channel,
    Headers,
    Run,
    Said,
    Signal,
    Sink,
    Switch,
)

log = structlog.get_logger()


class Simulator:
    """
    An office that speaks AMI and FastAGI as Asterisk 22 does.

    Call `start` first and `stop` last. Methods named after what people do (`inbound`, `answer`, ...) return at once,
    and the events follow. Methods about a phone or client raise LookupError if there is nothing to do.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.office = settings.office
        self.rng = random.Random(settings.seed)
        self.answers_after: dict[str, float] = {}  # phones that answer by themselves, after these seconds
        self.talks_for: dict[str, float] = {}  # and hang up after these
        self.witnesses: list[Sink] = []  # get every event, also without an AMI client
        self._epoch = time.time()
        self._started = time.monotonic()
        self._booted_at = self._epoch
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.recordings = RecordingFolder(settings.spool, settings.pbx_spool)
        self.records: WrittenRecords | None = None
        if settings.logs is not None:
            self.records = WrittenRecords(settings.logs, lambda: self.dated(self.now()))
            self.witnesses.append(self.records.witness)
        self.ami = AmiServer(settings.users, settings.version, lambda: self._booted_at, self.handle_action)
        self.files = DialplanFiles(settings.agi)
        self._build()

    def _build(self) -> None:
        """Build a PBX without calls, as after its start."""
        self.switch = Switch(self.now, self.dated, self._event, self.rng)
        if self.records is not None:
            self.records.restarted()
        dialler = Dialler(self.switch, self.office, speed=self.settings.speed, alert=self._alert)
        self.dialplan = Dialplan(self.settings, self.files, dialler, self.recordings, alert=self._alert)

    def now(self) -> float:
        """The office's time, Unix seconds; runs `speed` times faster than the wall clock."""
        return self._epoch + (time.monotonic() - self._started) * self.settings.speed

    def dated(self, at: float) -> float:
        """Convert a moment of the office's time to the wall clock."""
        return self._epoch + (at - self._epoch) / self.settings.speed

    # ---- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen on the loopback. Raises: OSError if the port is taken."""
        self.settings.spool.mkdir(parents=True, exist_ok=True)
        await self.ami.start(self.settings.ami_port, self._tls())

    def _tls(self) -> ssl.SSLContext | None:
        if self.settings.ssl_cert is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.settings.ssl_cert)
        return context

    async def stop(self) -> None:
        """Stop like `core stop now`: every channel ends, then comes Shutdown."""
        for channel in list(self.switch.channels.values()):
            self.switch.part(channel)
            self.switch.hang_up(channel, 16)
        self.switch.emit("Shutdown", [("Shutdown", "Cleanly"), ("Restart", "False")], "system")
        await self._drop_calls()
        await self.ami.close()
        await self.recordings.settle()

    async def crash(self) -> None:
        """Crash (kill -9): no event is sent. `boot` starts it again, without calls."""
        await self.ami.close()
        await self._drop_calls()

    async def boot(self) -> None:
        """Start again on the same port."""
        self._booted_at = time.time()
        self._build()
        await self.ami.start(self.settings.ami_port, self._tls())

    async def _drop_calls(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until no call is left and all recordings are written."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self.recordings.settle()

    @property
    def live_calls(self) -> int:
        return len(self._tasks)

    def _spawn(self, script: Coroutine[Any, Any, object]) -> None:
        async def play() -> None:
            try:
                await script
            except Exception:
                log.exception("a simulated call failed")

        task = asyncio.get_running_loop().create_task(play())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, seconds: float, what: Said, channel: Channel) -> None:
        """Run an action after `seconds` of the office's time."""

        def do() -> None:
            self._timers.discard(timer)
            if not channel.is_gone:
                cause, tech = (17, "486") if what is Said.REJECT else (16, "")
                channel.run.signals.put_nowait(Signal(what, channel, cause=cause, tech_cause=tech))

        timer = asyncio.get_running_loop().call_later(seconds / self.settings.speed, do)
        self._timers.add(timer)

    def _event(self, name: str, group: str, headers: Headers) -> None:
        for witness in self.witnesses:
            witness(name, group, headers)
        self.ami.event(name, group, headers)

    def _alert(self, leg: Channel, target: Target) -> None:
        """A phone rings: let its owner react."""
        if target.number:
            client = self.office.client(target.number)
            if client.is_busy:
                self.later(2.0, Said.REJECT, leg)
            elif client.answers_after is not None:
                self.later(client.answers_after, Said.ANSWER, leg)
                if client.talks_for is not None:
                    self.later(client.answers_after + client.talks_for, Said.HANG_UP, leg)
        elif (after := self.answers_after.get(target.endpoint)) is not None:
            self.later(after, Said.ANSWER, leg)
            if (talk := self.talks_for.get(target.endpoint)) is not None:
                self.later(after + talk, Said.HANG_UP, leg)

    # ---- what people do --------------------------------------------------------------------------------------------

    def inbound(self, number: str, did: str, name: str = "") -> str:
        """A client calls a line. Returns the Uniqueid of the call's first channel."""
        run = Run()
        channel = self.switch.create(
            run, "trunk", state=RING, caller=number, caller_name=name, context="from-trunk", exten=did
        )
        self._spawn(self.dialplan.from_trunk(run, channel, did))
        return channel.uniqueid

    def call_from(self, extension: str, number: str) -> str:
        """An employee dials a number or a colleague. Returns the Uniqueid of the call's first channel."""
        phone = self.office.phone(extension)
        if phone is None or self._channels(extension):
            raise LookupError(f"phone {extension} cannot dial now")
        run = Run()
        channel = self.switch.create(
            run, extension, state=RING, caller=extension, caller_name=phone.name, context="internal", exten=number
        )
        self._spawn(self.dialplan.from_phone(run, channel, number))
        return channel.uniqueid

    def answer(self, extension: str) -> None:
        self._say(Said.ANSWER, self._channels(extension, RINGING))

    def reject(self, extension: str, *, busy: bool = True) -> None:
        """Press "busy" (486) or "decline" (603)."""
        self._refuse(self._channels(extension, RINGING), busy)

    def hangup(self, extension: str) -> None:
        """Hang up, or decline a ringing call."""
        channels = self._channels(extension)
        if channels and channels[0].state == RINGING:
            self.reject(extension, busy=False)
        else:
            self._say(Said.HANG_UP, channels)

    def hold(self, extension: str, *, on: bool) -> None:
        self._say(Said.HOLD if on else Said.UNHOLD, self._channels(extension, UP))

    def transfer(self, extension: str, to: str) -> None:
        """A blind transfer by REFER."""
        if self.office.phone(to) is None and self.office.queue(to) is None:
            raise LookupError(f"nobody has the extension {to}")
        self._say(Said.TRANSFER, self._channels(extension, UP), context="internal", extension=to)

    def client_hangup(self, number: str) -> None:
        self._say(Said.HANG_UP, self._outside(number))

    def client_answer(self, number: str) -> None:
        self._say(Said.ANSWER, [c for c in self._outside(number) if c.state == RINGING])

    def client_reject(self, number: str, *, busy: bool = True) -> None:
        """The same at a client's phone, or by their carrier."""
        self._refuse([c for c in self._outside(number) if c.state == RINGING], busy)

    def is_free(self, extension: str) -> bool:
        return not self._channels(extension)

    def _channels(self, endpoint: str, *states: int) -> list[Channel]:
        return [
            c for c in self.switch.channels.values() if c.endpoint == endpoint and (not states or c.state in states)
        ]

    def _outside(self, number: str) -> list[Channel]:
        return [c for c in self._channels("trunk") if c.caller == number]

    def _refuse(self, channels: list[Channel], busy: bool) -> None:
        cause, tech = (17, "486") if busy else (21, "603")
        self._say(Said.REJECT, channels, cause=cause, tech_cause=tech)

    def _say(self, said: Said, channels: list[Channel], **values: Any) -> None:
        if not channels:
            raise LookupError("there is no such call now")
        channel = channels[0]
        channel.run.signals.put_nowait(Signal(said, channel, **values))

    def state(self) -> dict[str, Any]:
        """The data for the demonstration page."""
        phones = []
        for phone in self.office.phones:
            channels = self._channels(phone.extension)
            channel = channels[0] if channels else None
            state = "idle"
            if channel is not None and channel.state != DOWN:  # DOWN: dialled, but the phone does not ring yet
                state = "ringing" if channel.state == RINGING else "talking"
            phones.append(
                {
                    "extension": phone.extension,
                    "name": phone.name,
                    "state": state,
                    "peer": (channel.connected or channel.exten) if channel and state != "idle" else None,
                }
            )
        return {
            "phones": phones,
            "clients": [
                {"number": c.number, "name": c.name, "in_call": bool(self._outside(c.number))}
                for c in self.office.clients
            ],
            "lines": [line.did for line in self.office.lines],
            "calls": self.live_calls,
        }

    # ---- AMI actions -----------------------------------------------------------------------------------------------

    async def handle_action(self, action: str, request: Request) -> Answer:
        """Execute an AMI action. The user's rights are already checked."""
        switch = self.switch
        match action:
            case "CoreShowChannels":
                return answers.core_show_channels(switch)
            case "Status":
                return answers.status(switch, request)
            case "BridgeList":
                return answers.bridge_list(switch)
            case "BridgeInfo":
                return answers.bridge_info(switch, request)
            case "QueueStatus":
                return answers.queue_status(switch, self.office, self.dialplan.queues.waiting, request)
            case "PJSIPShowEndpoints":
                return answers.endpoints(switch, self.office)
            case "PJSIPShowEndpoint":
                return answers.endpoint(self.office, request)
            case "ShowDialPlan":
                return answers.dialplan(self.files.contexts, request)
            case "CoreStatus":
                return answers.core_status(self._booted_at, self.live_calls)
            case "Originate":
                return self._originate(request)
            case "Hangup" | "PlayDTMF" | "Redirect" | "BlindTransfer":
                return self._on_channel(action, request)
        return self._about_setup(action, request)

    def _about_setup(self, action: str, request: Request) -> Answer:
        match action:
            case "CoreSettings":
                return answers.core_settings(self.settings.version)
            case "PJSIPShowRegistrationsOutbound":
                return answers.registrations()
            case "VoicemailUsersList":
                return answers.mailboxes(self.office)
            case "Getvar":
                return answers.variable({"ASTSPOOLDIR": str(self.settings.spool.parent)}, request)
            case "Setvar":
                told = [
                    ("Channel", "none"),
                    ("Variable", header(request, "Variable")),
                    ("Value", header(request, "Value")),
                ]
                self.switch.emit("VarSet", told, "dialplan")
                return success("Variable Set")
            case "GetConfig":
                return self.files.get(request)
            case "CreateConfig":
                return self.files.create(request)
            case "UpdateConfig":
                return self.files.update(request)
            case "Reload":
                return self.files.reload()
        return error(f"Invalid/unknown command: {action}")

    def _on_channel(self, action: str, request: Request) -> Answer:
        """Hangup, PlayDTMF, Redirect and BlindTransfer."""
        name = header(request, "Channel")
        channel = self._named(name)
        if action == "Hangup":
            if channel is None:
                return error("No such channel")
            cause = header(request, "Cause")
            channel.run.signals.put_nowait(
                Signal(Said.AMI_HANG_UP, channel, cause=int(cause) if cause.isdigit() else 16)
            )
            return success("Channel Hungup")
        if action == "PlayDTMF":
            if channel is None:
                return error("Channel not found")
            digit = header(request, "Digit")
            self.switch.emit("DTMFBegin", [*channel.headers(), ("Digit", digit), ("Direction", "Sent")])
            self.switch.emit("DTMFEnd", [*channel.headers(), ("Digit", digit), ("Direction", "Sent")])
            return success("DTMF successfully queued")
        if channel is None:
            return error(f"Channel does not exist: {name}")
        context, extension = header(request, "Context"), header(request, "Exten")
        said = Said.TRANSFER if action == "BlindTransfer" else Said.AMI_REDIRECT
        channel.run.signals.put_nowait(Signal(said, channel, context, extension))
        return success("Transfer succeeded" if action == "BlindTransfer" else "Redirect successful")

    def _named(self, name: str) -> Channel | None:
        """By its name or its Uniqueid, as Asterisk's `ast_channel_get_by_name` finds it."""
        channels = self.switch.channels
        return channels.get(name) or next((each for each in channels.values() if each.uniqueid == name), None)

    def _originate(self, request: Request) -> Answer:
        headers = {k: v for k, v in request if k != "Variable"}
        if not headers.get("Channel"):
            return error("Channel not specified")
        pairs = [v for k, v in request if k == "Variable" for v in v.split(",")]
        variables = {k: v for k, _, v in (p.partition("=") for p in pairs)}
        unique = headers.get("ChannelId", "")
        if headers["Channel"].startswith("Local/s@dozvon-doctor"):
            self._spawn(self._doctor(unique))
        elif any(c.uniqueid == unique for c in self.switch.channels.values()):
            pass  # Asterisk makes no second channel with this id
        elif headers["Channel"].startswith("Local/"):
            self._spawn(self.dialplan.reception.originate(headers, variables))
        else:
            self._spawn(self.dialplan.originate(Run(), headers, variables))
        return success("Originate successfully queued")

    async def _doctor(self, unique: str) -> None:
        """`dozvon-doctor` of the include: ask Dozvon's FastAGI, and send the result as a UserEvent."""
        switch = self.switch
        name = f"Local/s@dozvon-doctor-{unique[-8:]};2"
        channel = switch.create(
            Run(), "", state=UP, name=name, uniqueid=f"{unique}-2", linkedid=unique, context="dozvon-doctor", exten="s"
        )
        switch.variable(channel, "DOZVON_DO", "")
        status, address = "FAILURE", self.files.agi or ""
        try:
            async with asyncio.timeout(self.settings.agi_patience):
                if address:
                    args = ("doctor", "2", "", unique)
                    status = await ask(address, channel, args, lambda k, v: switch.variable(channel, k, v))
        except TimeoutError:
            status = "SILENT"
        answer = channel.variables["DOZVON_DO"]
        told = [("AgiStatus", status), ("Answer", answer), ("Address", address)]
        switch.emit("UserEvent", [("UserEvent", "DozvonDoctor"), *channel.headers(), *told], "user")
        switch.hang_up(channel)
