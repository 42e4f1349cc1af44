"""The FastAGI server: the dialplan asks for the next step of a call, and is answered within a deadline.

Deciding does not belong here: the first question of a call goes to a `RouteAnswerer`, whose plan is left on the
channel; later questions are answered from there, so that a Dozvon which was restarted in between goes on where the
other one stopped. What the dialplan does with an answer, and without one, is in `dialplan/extensions_dozvon.conf`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from integration.domain.reasons import ReasonCode, because
from integration.domain.routing import Step, StepKind, reserve
from integration.errors import ProtocolError
from integration.ports import RouteAnswerer
from pbx_adapter.asterisk.agi import (
    MAX_HEAD_BYTES,
    AgiQuestion,
    decode_plan,
    encode_plan,
    parse_head,
    parse_reply,
    set_variables,
)
from pbx_adapter.asterisk.characters import decoded

log = structlog.get_logger()

_RESERVE = Step(kind=StepKind.RESERVE)
_CONTINUE = Step(kind=StepKind.CONTINUE)


@dataclass(slots=True)
class FastAgiCounters:
    """What the server did since its start; for metrics."""

    answered: int = 0
    late: int = 0  # the answerer took longer than the deadline
    refused: int = 0  # too many at once, or not a question of ours
    broken: int = 0  # the PBX went away, or spoke nonsense


class FastAgiServer:
    """
    Answers the questions of one or several PBXs.

    Args:
        answerers: by the path of the address that a PBX asks at (agi://host:port/PATH). A path is also a password: an
            unknown one gets no answer, so choose one that cannot be guessed where others can reach the port.
        deadline_seconds: after it the answer is the reserve number, whatever the answerer is doing. Must be below
            the dialplan's DOZVON_PATIENCE.
        head_seconds: how long a connection may take to say what it wants.
        max_sessions: more at once are turned away, and their calls take the office's own route.
        reuse_port: other processes may listen at the same address; the system shares the questions out.
    """

    def __init__(
        self,
        answerers: Mapping[str, RouteAnswerer],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        deadline_seconds: float = 1.5,
        head_seconds: float = 1.0,
        max_sessions: int = 500,
        reuse_port: bool = False,
    ) -> None:
        self._answerers = dict(answerers)
        self._host = host
        self._port = port
        self._deadline_seconds = deadline_seconds
        self._head_seconds = head_seconds
        self._max_sessions = max_sessions
        self._reuse_port = reuse_port
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self.counters = FastAgiCounters()

    @property
    def port(self) -> int:
        """The port it listens on; the system's choice when it was asked for 0."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server and self._server.sockets else self._port

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        self._server = await asyncio.start_server(
            self._accept, self._host, self._port, limit=MAX_HEAD_BYTES, reuse_port=self._reuse_port
        )

    async def close(self, *, grace_seconds: float = 2.0) -> None:
        """Take no more questions, let those under way be answered, then drop what is left."""
        if self._server:
            self._server.close()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=grace_seconds)
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            if len(self._sessions) > self._max_sessions:
                self.counters.refused += 1
                return
            await self._serve(reader, writer)
        finally:
            self._sessions.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self._head_seconds):
                question = parse_head((await _read(reader, b"\n\n")).rstrip("\n"))
            answerer = self._answerers.get(question.script)
            if answerer is None:
                self.counters.refused += 1
                log.warning("an AGI question at a path that no PBX was given")
                return
            plan, step = await self._next(question, answerer)
            async with asyncio.timeout(self._deadline_seconds):
                await _tell(reader, writer, plan, step)
            self.counters.answered += 1
        except (ProtocolError, ValueError) as exc:
            self.counters.broken += 1
            log.warning("an AGI session was broken off", reason=str(exc))
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            # The caller hung up, or the PBX is busy; its dialplan goes on without an answer.
            self.counters.broken += 1
        except Exception:
            # One question must not end the server. The dialplan sees no answer and takes the reserve.
            self.counters.broken += 1
            log.exception("an AGI session failed")

    async def _next(self, question: AgiQuestion, answerer: RouteAnswerer) -> tuple[str | None, Step]:
        """The plan to leave on the channel (None: it has one) and the step to take now."""
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


async def _read(reader: asyncio.StreamReader, end: bytes) -> str:
    """Text up to `end`. Raises: ProtocolError when it is longer than anything that Asterisk sends."""
    try:
        said = await reader.readuntil(end)
        return "\n".join(decoded(line) for line in said.split(b"\n"))
    except asyncio.LimitOverrunError as exc:
        raise ProtocolError("an AGI head or line is too long") from exc


async def _tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, plan: str | None, step: Step) -> None:
    """Set the variables that the dialplan reads. DOZVON_DO comes last: whoever dies before it has said nothing."""
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
        if line == "HANGUP":  # said once, between replies, when the caller left; the reply still comes
            continue
        reply = parse_reply(line)
        match reply.code:
            case 100:  # "trying": the reply itself follows
                continue
            case 200 | 511:  # done; or not permitted on a dead channel: the caller has left, nobody needs it
                return
            case _:
                raise ProtocolError(f"the PBX refused an AGI command with {reply.code}")
