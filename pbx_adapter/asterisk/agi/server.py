"""The FastAGI server: the dialplan asks for the next step of a call, and gets an answer within a deadline.

It does not decide: the first question of a call goes to a `RouteAnswerer`, whose plan is stored on the channel. Later
questions are answered from that plan, so a restarted Dozvon continues where it stopped. `extensions_dozvon.conf` in
`dialplan/` has the PBX's side.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from integration.domain.reasons import ReasonCode, because
from integration.domain.routing.route import Step, StepKind, reserve
from integration.errors import ProtocolError
from integration.ports.pbx import RouteAnswerer
from pbx_adapter.asterisk.agi.accepting import Listener
from pbx_adapter.asterisk.agi.addresses import MayAsk
from pbx_adapter.asterisk.agi.protocol import (
    MAX_HEAD_BYTES,
    AgiQuestion,
    decode_plan,
    encode_plan,
    parse_head,
    parse_reply,
    set_variables,
)
from pbx_adapter.asterisk.ami.characters import decoded

log = structlog.get_logger()

_RESERVE = Step(kind=StepKind.RESERVE)
_CONTINUE = Step(kind=StepKind.CONTINUE)
_MOST_STRANGERS = 200  # refused addresses remembered, so that each is logged once
_LINGER_SECONDS = 1.0  # for the last bytes to leave


@dataclass(slots=True)
class FastAgiCounters:
    """What the server did since its start; for metrics."""

    answered: int = 0
    late: int = 0  # the answerer took longer than the deadline
    refused: int = 0  # a forbidden address, an unknown path, or too many at once
    broken: int = 0  # the PBX disconnected, or what it sent was not AGI


@dataclass(frozen=True, slots=True)
class AgiDoor:
    """
    One PBX that may ask.

    Attributes:
        paths: PATH of the addresses at which it asks (agi://host:port/PATH); other paths get no answer.
        may_ask: the peers that get answers; others must not learn who is responsible for a caller.
    """

    paths: frozenset[str]
    answerer: RouteAnswerer
    may_ask: MayAsk


class FastAgiServer:
    """
    Answers the questions of one or several PBXs.

    `doors` may be replaced while it runs; the next question uses the new ones.

    A peer that no door allows is disconnected before it can send anything. Peers that connect and send nothing do not
    block others: when there are `max_sessions`, the oldest silent one is dropped.

    Args:
        deadline_seconds: when it is over, the answer is the reserve number, even if the answerer still works. Must be
            below the dialplan's DOZVON_PATIENCE.
        head_seconds: how long a connection may take to send its question.
        max_sessions: more at once are refused, and their calls take the office's own route.
        max_of_address: the same for the connections of one peer.
        reuse_port: other processes may listen at the same address; the system distributes the connections.
    """

    def __init__(
        self,
        doors: Iterable[AgiDoor],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        deadline_seconds: float = 1.5,
        head_seconds: float = 1.0,
        max_sessions: int = 500,
        max_of_address: int = 400,
        reuse_port: bool = False,
    ) -> None:
        self.doors = tuple(doors)
        self._deadline_seconds = deadline_seconds
        self._head_seconds = head_seconds
        self._max_sessions = max_sessions
        self._max_of_address = max_of_address
        self._listener = Listener(host, port, self._arrived, reuse_port=reuse_port)
        self._sessions: dict[asyncio.Task[None], str] = {}  # with their peers
        self._of_address: Counter[str] = Counter()
        self._silent: dict[asyncio.Task[None], None] = {}  # sessions that did not ask yet, the oldest first
        self._strangers: dict[str, None] = {}  # refused peers that are already in the log, the oldest first
        self.counters = FastAgiCounters()

    @property
    def port(self) -> int:
        """The port it listens on; chosen by the system if 0 was requested."""
        return self._listener.port

    async def start(self) -> None:
        """Raises: OSError if the address cannot be used."""
        await self._listener.start()

    async def close(self, *, grace_seconds: float = 2.0) -> None:
        """Accept no more questions, finish the running ones, then drop the rest."""
        self._listener.close()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=grace_seconds)
        left = list(self._sessions)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # ---- coming in -------------------------------------------------------------------------------------------------

    def _arrived(self, connection: socket.socket, peer: str) -> None:
        """Start a session for an accepted connection if there is room for one."""
        if not self._has_room(peer):
            self.counters.refused += 1
            connection.close()
            self._listener.restock()
            return
        task = asyncio.create_task(self._session(connection, peer))
        self._sessions[task] = peer
        self._silent[task] = None
        self._of_address[peer] += 1

        def over(task: asyncio.Task[None]) -> None:
            self._leave(task)
            connection.close()  # a task that was cancelled before its first step has not closed it
            self._listener.restock()

        task.add_done_callback(over)

    def _has_room(self, peer: str) -> bool:
        own = self._of_address[peer]
        if own < self._max_of_address and len(self._sessions) < self._max_sessions:
            return True
        for task in self._silent:
            if own < self._max_of_address or self._sessions[task] == peer:
                task.cancel()
                self._leave(task)
                self.counters.refused += 1
                return True
        return False

    def _leave(self, task: asyncio.Task[None]) -> None:
        self._silent.pop(task, None)
        peer = self._sessions.pop(task, None)
        if peer is not None:
            self._of_address[peer] -= 1
            if not self._of_address[peer]:
                del self._of_address[peer]

    async def _session(self, connection: socket.socket, peer: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        doors = [door for door in self.doors if await door.may_ask.allows(peer)]
        if not doors:
            self._turn_away(peer)
            return
        reader, writer = await asyncio.open_connection(sock=connection, limit=MAX_HEAD_BYTES)
        try:
            await self._serve(task, doors, reader, writer)
        finally:
            writer.close()
            await _until_sent(writer)

    def _turn_away(self, peer: str) -> None:
        self.counters.refused += 1
        if peer in self._strangers:
            return
        self._strangers[peer] = None
        if len(self._strangers) > _MOST_STRANGERS:
            del self._strangers[next(iter(self._strangers))]
        log.warning("request from a forbidden address refused; if it is the PBX's, add it to fastagi.allow",
                    address=peer)  # fmt: skip

    # ---- answering -------------------------------------------------------------------------------------------------

    async def _serve(
        self,
        task: asyncio.Task[None],
        doors: Sequence[AgiDoor],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            async with asyncio.timeout(self._head_seconds):
                question = parse_head((await _read(reader, b"\n\n")).rstrip("\n"))
            self._silent.pop(task, None)
            door = next((door for door in doors if question.script in door.paths), None)
            if door is None:
                self.counters.refused += 1
                log.warning("an AGI question at a path that belongs to no PBX")
                return
            plan, step = await self._next(question, door.answerer)
            async with asyncio.timeout(self._deadline_seconds):
                await _tell(reader, writer, plan, step)
            self.counters.answered += 1
        except (ProtocolError, ValueError) as exc:
            self.counters.broken += 1
            log.warning("an AGI session was broken off", reason=str(exc))
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            # The caller hung up, or the PBX is busy; its dialplan continues without an answer.
            self.counters.broken += 1
        except Exception:
            # One question must not end the server. The dialplan sees no answer and takes the reserve.
            self.counters.broken += 1
            log.exception("an AGI session failed")

    async def _next(self, question: AgiQuestion, answerer: RouteAnswerer) -> tuple[str | None, Step]:
        """The plan to store on the channel (None: it has one), and the step to take now."""
        if question.step > 1:
            steps = decode_plan(question.plan)
            if steps is None:
                return None, _RESERVE
            return None, steps[question.step - 1] if question.step <= len(steps) else _CONTINUE
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                decision = await answerer.route(question.route, question.uniqueid)
        except TimeoutError:
            self.counters.late += 1
            log.warning("no route within the deadline", seconds=round(time.monotonic() - began, 3))
            decision = reserve(None, because(ReasonCode.TOO_SLOW, seconds=self._deadline_seconds))
        return encode_plan(decision.steps), decision.steps[0] if decision.steps else _CONTINUE


async def _until_sent(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            await writer.wait_closed()
    writer.transport.abort()


async def _read(reader: asyncio.StreamReader, end: bytes) -> str:
    """Read text up to `end`. Raises: ProtocolError if it is longer than anything that Asterisk sends."""
    try:
        said = await reader.readuntil(end)
        return "\n".join(decoded(line) for line in said.split(b"\n"))
    except asyncio.LimitOverrunError as exc:
        raise ProtocolError("an AGI head or line is too long") from exc


async def _tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: str | None, step: Step) -> None:
    """Set the variables that the dialplan reads. DOZVON_DO comes last, so that an interrupted answer has no effect."""
    variables = {
        "DOZVON_TARGET": step.target or "",
        "DOZVON_SECONDS": "" if step.seconds is None else str(step.seconds),
        "DOZVON_SOUND": step.sound or "",
        "DOZVON_DO": step.kind.value,
    }
    writer.write(set_variables(variables if plan is None else {"DOZVON_PLAN": plan} | variables))
    await writer.drain()
    await _until_done(reader)


async def _until_done(reader: asyncio.StreamReader) -> None:
    """Read the reply to one command. Raises: ProtocolError when the PBX refused it."""
    while True:
        line = (await _read(reader, b"\n")).strip()
        if line == "HANGUP":  # sent once between replies after the caller hung up; the reply still comes
            continue
        reply = parse_reply(line)
        match reply.code:
            case 100:  # "trying": the reply itself follows
                continue
            case 200 | 511:  # done; or not permitted on a dead channel: the caller hung up and needs no answer
                return
            case _:
                raise ProtocolError(f"the PBX refused an AGI command with {reply.code}")
