"""The office of the fault tests, and its seeded traffic: all kinds of calls, at a steady rate.

`ledger.py` records the calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pbx_adapter.asterisk.simulator import Simulator, SimulatorSettings
from pbx_adapter.asterisk.simulator.ami import Answer, Request, header
from pbx_adapter.asterisk.simulator.office import Client, Line, Office, Phone, Queue, QueueStep, RingStep
from pbx_adapter.asterisk.simulator.switch import UP, Channel, Said
from tests.faults.campaign import MEMBERS_AHEAD
from tests.faults.ledger import Ledger

NORMAL = ("79161234567", "79261112233", "74955550142", "79037654321", "74955550100")
"""Clients in the CRM (its DEMO_CLIENTS)."""
BUSY, SILENT = "79165550177", "79165550188"  # also in the CRM; they never answer
KNOWN = frozenset((*NORMAL, BUSY, SILENT))
EXTENSIONS = tuple(str(number) for number in range(101, 121))
_QUEUED, _COMPANY = "74950000900", "74950000999"

MIX: dict[str, int] = {
    "answered": 26, "missed": 10, "phone busy": 5, "abandoned": 9, "queue": 12, "queue left": 5, "transferred": 8,
    "outgoing": 11, "outgoing busy": 2, "outgoing unanswered": 2, "click": 5, "short": 5,
}  # fmt: skip
"""Kinds of calls with their percentages."""

_PATIENCE_SECONDS = 45.0  # of office time: roughly the longest call

OFFICE = Office(
    phones=tuple(Phone(extension, f"Phone {extension}") for extension in sorted({*EXTENSIONS, *MEMBERS_AHEAD})),
    clients=(Client(BUSY, "", is_busy=True), Client(SILENT, "", answers_after=None)),
    queues=(Queue("sales", EXTENSIONS[:6], "200", timeout=8.0),),
    lines=(
        Line(_QUEUED, (QueueStep("sales"),)),
        *(Line(f"74950000{extension}", (RingStep((extension,), 12.0),)) for extension in EXTENSIONS),
    ),
    company_number=_COMPANY,
)

Click = Callable[[str], Awaitable[None]]
"""Presses the number on the CRM's page, as Anna."""


class WatchedOffice(Simulator):
    """
    A simulated office with a ledger.

    Attributes:
        asked: how often clients have asked it for something.
        originated: how often each channel was ordered by AMI.
        unanswered: so many of the next orders are carried out, and the connection ends before their answer.
    """

    def __init__(self, pbx: str, settings: SimulatorSettings) -> None:
        super().__init__(settings)
        self.is_up = True
        self.asked = self.unanswered = 0
        self.originated: Counter[str] = Counter()
        self.begun_by_crm: dict[str, str] = {}  # the CRM's id of a live call -> the channel that a click rings first
        self.ledger = Ledger(pbx, lambda: self.ami.is_heard)
        self.witnesses.append(self.ledger.witness)

    async def handle_action(self, action: str, request: Request) -> Answer:
        self.asked += 1
        if action == "Originate":
            self.originated[header(request, "ChannelId")] += 1
            self._note_click(request)
        answer = await super().handle_action(action, request)
        if action == "Originate" and self.unanswered:
            self.unanswered -= 1
            self.ledger.disrupted()
            raise ConnectionResetError("the answer is lost")
        if action == "CoreShowChannels" and not self.ami.is_frozen:
            self.ledger.listed()
        return answer

    def _note_click(self, request: Request) -> None:
        given = dict(value.partition("=")[::2] for name, value in request if name == "Variable")
        _, is_live, id_ = given.get("__CRM_CALL_ID", "").partition(".call_")
        if is_live:
            self.begun_by_crm[id_] = next(value for name, value in request if name == "ChannelId")

    async def crash(self) -> None:
        self.is_up = False  # nobody can call while the PBX is down
        await super().crash()
        self.ledger.crashed()

    async def boot(self) -> None:
        await super().boot()
        self.is_up = True

    async def cut(self) -> None:
        """Break all AMI connections."""
        self.ledger.disrupted()
        await self.ami.cut()

    async def freeze(self, seconds: float) -> None:
        """Send nothing on AMI for this long, then break the connections."""
        self.ledger.disrupted()
        self.ami.is_frozen = True
        try:
            await asyncio.sleep(seconds)
        finally:
            self.ami.is_frozen = False
            await self.ami.cut()


def open_office(
    pbx: str, spool: Path, logs: Path, agi: str, clients: Sequence[Client], *, seed: int, speed: float
) -> WatchedOffice:
    """`clients`: of a campaign, besides the others. The phones that only it has are answered at once."""
    office = replace(OFFICE, clients=(*OFFICE.clients, *clients))
    settings = SimulatorSettings(office=office, agi=agi, spool=spool, logs=logs, seed=seed, speed=speed)
    watched = WatchedOffice(pbx, settings)
    watched.answers_after |= dict.fromkeys(set(MEMBERS_AHEAD) - set(EXTENSIONS), 1.0)
    return watched


class Traffic:
    """
    Calls of all kinds, one after the other; `begun` counts them by kind.

    Args:
        per_second: of the wall clock, on average.
        strangers: how many different unknown numbers call.
    """

    def __init__(self, office: WatchedOffice, click: Click, *, seed: int, per_second: float, strangers: int) -> None:
        self._office, self._click = office, click
        self._rng = random.Random(f"traffic {seed}")
        self._per_second = per_second
        self._strangers = [f"7999{number:07d}" for number in range(strangers)]
        self._doing: set[asyncio.Task[None]] = set()
        self.begun: Counter[str] = Counter()

    async def run(self, calls: int, on_call: Callable[[int], None]) -> None:
        """Make this many calls; `on_call` gets the number of each. Returns when the last one has begun."""
        kinds, weights = list(MIX), list(MIX.values())
        for number in range(calls):
            await asyncio.sleep(self._rng.expovariate(self._per_second))
            on_call(number)
            kind = self._rng.choices(kinds, weights)[0]
            task = asyncio.create_task(self._begin(kind))
            self._doing.add(task)
            task.add_done_callback(self._doing.discard)

    async def settle(self) -> None:
        """Wait until the office's people have nothing left to do."""
        await asyncio.gather(*self._doing)

    async def _begin(self, kind: str) -> None:
        rng, office = self._rng, self._office
        client = rng.choice(NORMAL) if rng.random() < 0.6 else rng.choice(self._strangers)
        free = [extension for extension in EXTENSIONS if office.is_free(extension)]
        if not free or not office.is_up:
            return
        self.begun[kind] += 1
        extension = rng.choice(free)
        talk = rng.uniform(0.5, 1.5) if kind == "short" else rng.uniform(4.0, 14.0)
        match kind:
            case "outgoing" | "outgoing busy" | "outgoing unanswered":
                self._dial(extension, {"outgoing": client, "outgoing busy": BUSY}.get(kind, SILENT), talk)
            case "click":
                self._behave(("101",), rng.uniform(1.0, 3.0), talk)
                await self._click(client)
            case "queue" | "queue left":
                answers = rng.uniform(1.0, 6.0) if kind == "queue" else None
                self._behave(EXTENSIONS[:6], answers, talk)
                self._ring(client, _QUEUED, _PATIENCE_SECONDS if answers else rng.uniform(3.0, 15.0))
            case _:
                await self._incoming(kind, client, extension, talk)

    async def _incoming(self, kind: str, client: str, extension: str, talk: float) -> None:
        rng = self._rng
        answers = rng.uniform(1.0, 5.0) if kind in ("answered", "transferred", "short") else None
        self._behave((extension,), answers, talk)
        patience = rng.uniform(1.0, 8.0) if kind == "abandoned" else _PATIENCE_SECONDS
        caller = self._ring(client, f"74950000{extension}", patience)
        if kind == "phone busy":
            await self._when(lambda: self._press_busy(extension))
        elif kind == "transferred":
            await self._when(lambda: self._transfer(caller))

    def _behave(self, extensions: tuple[str, ...], answers: float | None, talk: float) -> None:
        """Set what these phones' owners do at the next ring."""
        for extension in extensions:
            self._office.talks_for[extension] = talk
            if answers is None:
                self._office.answers_after.pop(extension, None)
            else:
                self._office.answers_after[extension] = answers

    def _ring(self, client: str, did: str, patience: float) -> Channel:
        uniqueid = self._office.inbound(client, did)
        channel = next(each for each in self._office.switch.channels.values() if each.uniqueid == uniqueid)
        self._office.later(patience, Said.HANG_UP, channel)
        return channel

    def _dial(self, extension: str, number: str, talk: float) -> None:
        uniqueid = self._office.call_from(extension, number)
        channel = next(each for each in self._office.switch.channels.values() if each.uniqueid == uniqueid)
        self._office.later(4.0 + talk, Said.HANG_UP, channel)

    async def _when(self, possible: Callable[[], bool]) -> None:
        """Do it as soon as possible, or not at all if it never is."""
        for _ in range(40):
            await asyncio.sleep(0.5 / self._office.settings.speed)
            if possible():
                return

    def _press_busy(self, extension: str) -> bool:
        with contextlib.suppress(LookupError):
            self._office.reject(extension)
            return True
        return False

    def _transfer(self, caller: Channel) -> bool:
        """The employee who talks with this caller transfers them to a free colleague."""
        with_them = [each for each in caller.run.channels if each.endpoint in EXTENSIONS and each.state == UP]
        free = [each for each in EXTENSIONS if self._office.is_free(each)]
        if caller.is_gone or caller.bridge is None or not with_them or not free:
            return caller.is_gone
        colleague = self._rng.choice(free)
        self._behave((colleague,), 1.0, self._rng.uniform(3.0, 8.0))
        self._office.transfer(with_them[0].endpoint, colleague)
        return True
