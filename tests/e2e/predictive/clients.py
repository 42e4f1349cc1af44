"""The carrier's clients with their moods, and employees whose phones answer by themselves. Both keep their own log."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.lab.office import Office
from tests.lab.sip_call import SipCall, State

EMPLOYEES = ("101", "102", "103", "104", "105")

_GREETING = (2.0, 0.2, 2.0, 0.2, 1.5)  # of a machine: it speaks on and on
_MACHINE_IS_HEARD_SECONDS = 1.5  # so long an employee listens to one


class Mood(StrEnum):
    TALKS = "talks"  # picks up, waits for somebody, talks and hangs up
    BUSY = "busy"
    RINGS_OUT = "rings out"
    MACHINE = "machine"


_SHARES = {Mood.TALKS: 0.6, Mood.BUSY: 0.14, Mood.RINGS_OUT: 0.12, Mood.MACHINE: 0.14}


@dataclass(frozen=True, slots=True)
class Client:
    """`number`: digits. `rings`, `talks`: seconds."""

    number: str
    mood: Mood
    rings: float
    talks: float


def made_up(count: int, *, seed: int) -> list[Client]:
    """So many clients of all moods in a random order; the same for the same arguments."""
    chance = random.Random(seed)
    moods = [mood for mood, share in _SHARES.items() for _ in range(round(share * count))]
    moods = [*moods, *[Mood.TALKS] * count][:count]
    chance.shuffle(moods)
    return [
        Client(f"7916{3_000_000 + 7 * place}", mood, chance.uniform(0.5, 2.5), chance.uniform(3.2, 5.0))
        for place, mood in enumerate(moods)
    ]


class Stage:
    """
    Attributes:
        rang: every call that reached the carrier, the oldest first.
        taken: every call that reached an employee's phone.
        heard: numbers of clients who heard the voice of the employee who took them.
    """

    def __init__(self, office: Office, clients: Sequence[Client]) -> None:
        self.clients = {client.number: client for client in clients}
        self.rang: list[SipCall] = []
        self.taken: list[SipCall] = []
        self.heard: set[str] = set()
        self._joined: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._answered: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        office.carrier.does(self._client)
        for extension in EMPLOYEES:
            office.phone(extension).does(self._employee)

    def talk_of(self, call: SipCall) -> SipCall | None:
        """The call at the phone of the employee who got this client; None: nobody did."""
        if "answer" not in call.at:
            return None
        return next((each for each in self._rung_for(call) if "answer" in each.at), None)

    def is_rung_first(self, call: SipCall) -> bool:
        """Whether this client's phone rang before an employee's did."""
        return all(each.at["start"] > call.at["start"] for each in self._rung_for(call))

    def _rung_for(self, call: SipCall) -> list[SipCall]:
        return [each for each in self.taken if each.other.endswith(call.called[-10:])]

    async def _client(self, call: SipCall) -> None:
        self.rang.append(call)
        client = self.clients[call.called]
        if client.mood is Mood.BUSY:
            call.reject()
            return
        call.ring()
        if client.mood is Mood.RINGS_OUT:
            return
        await asyncio.sleep(client.rings)
        if client.mood is Mood.MACHINE:
            call.media.say(*_GREETING)
        await call.answer()
        if call.state is State.UP:
            self._answered[client.number].set()
            if client.mood is Mood.TALKS:
                await self._talk(call, client)

    async def _talk(self, call: SipCall, client: Client) -> None:
        """Until the talk is over, or the PBX lets the client go."""
        joined = asyncio.create_task(self._joined[client.number].wait())
        left = asyncio.create_task(call.ended.wait())
        await asyncio.wait({joined, left}, return_when=asyncio.FIRST_COMPLETED)
        if joined.done():
            await asyncio.wait({left}, timeout=client.talks)
            employee = self.talk_of(call)
            if employee is not None and call.media.hears(employee.phone.tone):
                self.heard.add(client.number)
        for each in (joined, left):
            each.cancel()
        await call.hang_up()

    async def _employee(self, call: SipCall) -> None:
        self.taken.append(call)
        await asyncio.sleep(0.1)
        await call.answer()
        if call.state is not State.UP:
            return
        number = f"7{call.other[-10:]}"
        self._joined[number].set()
        client = self.clients.get(number)
        if client is not None and client.mood is Mood.MACHINE:
            await self._answered[number].wait()
            await asyncio.sleep(_MACHINE_IS_HEARD_SECONDS)
            await call.hang_up()
