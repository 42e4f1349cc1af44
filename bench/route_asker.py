"""The asking process of `bench/route.py`: it plays Asterisk, and contains as little as possible.

`python -m bench.route_asker PORT CONTACTS SECONDS` prints a JSON object, for each of both paths: `rounds_ms` (the times
of each round), `late_ms`, `wrong`, `seconds`. It uses only the standard library: with Dozvon imported, a full garbage
collection stopped this process for 0.1 s, which counted as the slowest answers.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

QUESTIONS_PER_SECOND = 200
DECIDED, EMPTY = "office", "empty"  # paths of the questions; the second is answered without a look-up
MANAGERS = 200
SHARED = 50  # every fiftieth number belongs to two contacts
_KNOWN = 0.8  # of the callers
_ROUNDS = 10  # both paths take turns, so that other work on the machine disturbs both
_EMPTY_SHARE = 0.5  # of the seconds
_WARM_UP = 20  # the first questions fill caches, like the first calls of a day
_PATIENCE_SECONDS = 10.0


def number_of(n: int) -> str:
    return f"+79{n:09d}"


def manager_of(n: int) -> int:
    return n % MANAGERS


def right_extension(n: int | None) -> str | None:
    """The extension that must ring for caller `n`; None: no extension."""
    if n is None or n % SHARED == 1:  # that number was typed into the contact before instead
        return None
    return str(1000 + manager_of(n + 1 if n % 10 == 0 else n))


@dataclass(slots=True)
class _Asked:
    """`late_ms`: how late a question was sent, because of this process or the machine."""

    rounds_ms: list[list[float]] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {"rounds_ms": self.rounds_ms, "late_ms": self.late_ms, "wrong": self.wrong, "seconds": self.seconds}


class _Question(asyncio.Protocol):
    def __init__(self, head: bytes, answer: asyncio.Future[bytes]) -> None:
        self._head = head
        self._answer = answer
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"\n") and not self._answer.done():
            self._answer.set_result(self._received)
            self._transport.write(b"200 result=1\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(ConnectionResetError("closed without an answer"))


async def _ask(port: int, path: str, caller: int | None, asked: _Asked, times_ms: list[float]) -> None:
    """Send one question in Asterisk's form, and check whether the plan names the right extension."""
    number = number_of(caller)[1:] if caller is not None else f"7495{random.randrange(10**7):07d}"
    head = (
        f"agi_network: yes\nagi_network_script: {path}\nagi_request: agi://127.0.0.1:{port}/{path}\n"
        f"agi_channel: PJSIP/trunk-00000001\nagi_language: ru\nagi_type: PJSIP\nagi_uniqueid: {time.time():.6f}\n"
        f"agi_version: 22.10.1\nagi_callerid: {number}\nagi_calleridname: unknown\nagi_dnid: 74950000001\n"
        "agi_context: dozvon-inbound\nagi_extension: s\nagi_priority: 19\nagi_enhanced: 0.0\n"
        "agi_arg_1: 74950000001\nagi_arg_2: 1\nagi_arg_3: \nagi_arg_4: \n\n"
    )
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    command = b""
    began = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await loop.create_connection(lambda: _Question(head.encode(), answer), "127.0.0.1", port)
            command = await answer
    except OSError:  # refused, or without an answer: counts as a wrong answer
        answer.cancel()
    times_ms.append((time.perf_counter() - began) * 1000)
    right = right_extension(caller) if path == DECIDED else None
    asked.wrong += (f"~ring:{right}:" if right else '"1~continue:::,').encode() not in command


async def _ask_for(seconds: float, port: int, path: str, contacts: int, asked: _Asked, chance: random.Random) -> None:
    """Send questions at fixed moments: a slow answer does not slow down the load."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    tasks = []
    times_ms: list[float] = []
    for place in range(max(1, int(seconds * QUESTIONS_PER_SECOND))):
        caller = chance.randrange(contacts) if chance.random() < _KNOWN else None
        moment = began + place / QUESTIONS_PER_SECOND
        await asyncio.sleep(moment - loop.time())
        asked.late_ms.append((loop.time() - moment) * 1000)
        tasks.append(asyncio.create_task(_ask(port, path, caller, asked, times_ms)))
    await asyncio.gather(*tasks)
    asked.rounds_ms.append(times_ms)
    asked.seconds += loop.time() - began


async def _ask_all(port: int, contacts: int, seconds: float) -> dict[str, Any]:
    chance = random.Random(20)
    for path in (DECIDED, EMPTY):
        for _ in range(_WARM_UP):
            await _ask(port, path, 0, _Asked(), [])
    gc.collect()
    gc.disable()
    decided, empty = _Asked(), _Asked()
    for _ in range(_ROUNDS):
        await _ask_for(seconds / _ROUNDS, port, DECIDED, contacts, decided, chance)
        await _ask_for(seconds / _ROUNDS * _EMPTY_SHARE, port, EMPTY, contacts, empty, chance)
    return {DECIDED: decided.as_json(), EMPTY: empty.as_json()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_ask_all(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))
