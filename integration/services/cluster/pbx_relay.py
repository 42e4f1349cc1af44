"""Passes commands to a PBX from any process: the process linked to it executes them, the others ask that one.

`leadership.py` decides which process is linked; `click.py` checks permissions.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import structlog

from integration.domain.calls.call import Call
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.connections.abilities import PbxAbilities
from integration.domain.connections.link import Link, LinkPhase
from integration.domain.ids import CallId, PbxId
from integration.errors import AuthFailed, DozvonError, NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.findings import Finding
from integration.ports.pbx import CampaignCall, ClickToCall, DialSample, Pbx, PbxEmployee, PbxListener
from integration.services.cluster.pbx_messages import as_message, campaign_call
from integration.services.cluster.peers import Peers

log = structlog.get_logger()

_CHANNEL = "pbx"
_ANSWER_SECONDS = 6.0
_STALE_SECONDS = 10.0  # a process that was paused must not dial old requests; clocks may differ a little
_MOST_AT_ONCE = 200
_ERRORS: dict[str, type[DozvonError]] = {
    each.__name__: each for each in (Unavailable, OutcomeUnknown, Rejected, NotFound, AuthFailed)
}

Command = Callable[[Pbx, dict[str, Any]], Awaitable[Any]]
Addition = Callable[[PbxId, dict[str, Any]], Awaitable[Any]]
"""What is not for the PBX itself but for the process that follows it: something that a manager adds to a call."""


async def _click(pbx: Pbx, asked: dict[str, Any]) -> Any:
    return await pbx.click_to_call(ClickToCall(**asked))


async def _dial(pbx: Pbx, asked: dict[str, Any]) -> Any:
    return await pbx.dial(campaign_call(asked))


async def _hand_over(pbx: Pbx, asked: dict[str, Any]) -> Any:
    how = {"ring_seconds": asked["ring_seconds"], "answers_itself": asked["answers_itself"]}
    await pbx.hand_over(CallId(asked["call"]), asked["extension"], **how)


async def _hang_up(pbx: Pbx, asked: dict[str, Any]) -> Any:
    await pbx.hang_up(CallId(asked["call"]), by=asked.get("by"))


async def _reject(pbx: Pbx, asked: dict[str, Any]) -> Any:
    await pbx.reject(CallId(asked["call"]), asked["extension"])


async def _send_tones(pbx: Pbx, asked: dict[str, Any]) -> Any:
    await pbx.send_tones(CallId(asked["call"]), asked["digits"])


async def _redirect(pbx: Pbx, asked: dict[str, Any]) -> Any:
    await pbx.redirect(CallId(asked["call"]), asked["extension"])


async def _hold(pbx: Pbx, asked: dict[str, Any]) -> Any:
    await pbx.hold(CallId(asked["call"]), on=asked["on"])


async def _employees(pbx: Pbx, _: dict[str, Any]) -> Any:
    """For a process of the previous release, which knows these fields only."""
    known = ("extension", "name", "is_registered")
    return [{key: getattr(each, key) for key in known} for each in await pbx.employees()]


async def _people(pbx: Pbx, _: dict[str, Any]) -> Any:
    return [asdict(each) for each in await pbx.employees()]


_COMMANDS: Mapping[str, Command] = {
    "click_to_call": _click,
    "dial": _dial,
    "hand_over": _hand_over,
    "hang_up": _hang_up,
    "reject": _reject,
    "send_tones": _send_tones,
    "redirect": _redirect,
    "hold": _hold,
    "employees": _employees,
    "people": _people,
}


class PbxRelay:
    """One for each process: `run` it, and give it the PBXs that this process may be linked to."""

    def __init__(self, coordination: Coordination, process: str, peers: Peers, clock: Clock) -> None:
        self._coordination = coordination
        self._process = process
        self.peers = peers
        self._clock = clock
        self._own: dict[str, Pbx] = {}
        self.additions: dict[str, Addition] = {}
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    def relayed(self, pbx: Pbx) -> RelayedPbx:
        """The same PBX, by this process's link or by another's."""
        self._own[pbx.id] = pbx
        return RelayedPbx(pbx, self)

    async def ask(self, pbx: PbxId, command: str, asked: dict[str, Any]) -> Any:
        """
        Run the command on the process linked to the PBX.

        Raises:
            Unavailable: no process is linked, or the processes cannot reach each other.
            OutcomeUnknown: no answer came.
            Whatever the PBX's own method raises.
        """
        if not self.peers.is_linked(pbx):
            raise Unavailable("no process is linked to the PBX now", retry_after_seconds=1.0)
        question = uuid.uuid4().hex
        answered = self._asked[question] = asyncio.get_running_loop().create_future()
        try:
            await self._coordination.publish(
                _CHANNEL,
                {
                    "question": question,
                    "from": self._process,
                    "pbx": pbx,
                    "command": command,
                    "asked": asked,
                    "at": self._clock.now(),
                },
            )
            async with asyncio.timeout(_ANSWER_SECONDS):
                return _result(await answered)
        except TimeoutError as exc:
            raise OutcomeUnknown("the process that is linked to the PBX did not answer") from exc
        finally:
            del self._asked[question]

    async def run(self) -> None:
        """Run other processes' commands and receive answers to ours; until cancelled."""
        async for message in self._coordination.subscribe(_CHANNEL):
            if message.get("to") == self._process:
                waiting = self._asked.get(str(message.get("question")))
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            elif "command" in message:
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        pbx = self._own.get(str(message.get("pbx")))
        if pbx is None or not pbx.is_connected or len(self._answering) >= _MOST_AT_ONCE:
            return
        at = message.get("at")
        if not isinstance(at, int | float) or abs(self._clock.now() - at) > _STALE_SECONDS:
            log.warning("a command to the PBX came too late and was not run", pbx=pbx.id)
            return
        task = asyncio.create_task(self._carry_out(pbx, message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _carry_out(self, pbx: Pbx, message: dict[str, Any]) -> None:
        answer = {"question": message.get("question"), "to": message.get("from")}
        try:
            name, asked = str(message["command"]), dict(message["asked"])
            if name in self.additions:
                answer["result"] = await self.additions[name](pbx.id, asked)
            else:
                answer["result"] = await _COMMANDS[name](pbx, asked)
        except DozvonError as exc:
            answer["error"] = {"kind": type(exc).__name__, "text": str(exc), "code": getattr(exc, "code", "")}
        except (KeyError, TypeError, ValueError):
            log.exception("unknown command to the PBX")
            answer["error"] = {"kind": "Rejected", "text": "no such command", "code": "bad_command"}
        try:
            await self._coordination.publish(_CHANNEL, answer)
        except DozvonError as exc:
            log.warning("the answer to a command did not reach the process that asked", error=str(exc))


class RelayedPbx:
    """Implements `ports.Pbx` over our own link or another process's."""

    def __init__(self, own: Pbx, relay: PbxRelay) -> None:
        self._own = own
        self._relay = relay

    @property
    def id(self) -> PbxId:
        return self._own.id

    @property
    def abilities(self) -> PbxAbilities:
        return self._own.abilities

    @property
    def is_connected(self) -> bool:
        return self._own.is_connected or self._relay.peers.is_linked(self.id)

    @property
    def link(self) -> Link:
        own = self._own.link
        return own if own.phase is not LinkPhase.IDLE else self._relay.peers.link(self.id)

    async def run(self, listener: PbxListener) -> None:
        await self._own.run(listener)

    async def click_to_call(self, request: ClickToCall) -> CallId:
        if self._own.is_connected:
            return await self._own.click_to_call(request)
        return CallId(str(await self._relay.ask(self.id, "click_to_call", asdict(request))))

    async def dial(self, request: CampaignCall) -> CallId:
        if request.reception is not None and not self.abilities.receives:
            raise Rejected("this kind of PBX cannot let a client wait", code="cannot_receive")
        if self._own.is_connected:
            return await self._own.dial(request)
        return CallId(str(await self._relay.ask(self.id, "dial", as_message(request))))

    async def hand_over(self, call: CallId, extension: str, *, ring_seconds: int, answers_itself: bool = False) -> None:
        if self._own.is_connected:
            await self._own.hand_over(call, extension, ring_seconds=ring_seconds, answers_itself=answers_itself)
        else:
            how = {"ring_seconds": ring_seconds, "answers_itself": answers_itself}
            await self._relay.ask(self.id, "hand_over", {"call": call, "extension": extension, **how})

    async def place_sound(self, wav: bytes) -> str:
        return await self._own.place_sound(wav)

    def call_of(self, attempt: str) -> CallId:
        return self._own.call_of(attempt)

    async def hang_up(self, call: CallId, *, by: str | None = None) -> None:
        if self._own.is_connected:
            await self._own.hang_up(call, by=by)
        else:
            await self._relay.ask(self.id, "hang_up", {"call": call, "by": by})

    async def reject(self, call: CallId, extension: str) -> None:
        if self._own.is_connected:
            await self._own.reject(call, extension)
        else:
            await self._relay.ask(self.id, "reject", {"call": call, "extension": extension})

    async def send_tones(self, call: CallId, digits: str) -> None:
        if self._own.is_connected:
            await self._own.send_tones(call, digits)
        else:
            await self._relay.ask(self.id, "send_tones", {"call": call, "digits": digits})

    async def redirect(self, call: CallId, extension: str) -> None:
        if self._own.is_connected:
            await self._own.redirect(call, extension)
        else:
            await self._relay.ask(self.id, "redirect", {"call": call, "extension": extension})

    async def hold(self, call: CallId, *, on: bool) -> None:
        if self._own.is_connected:
            await self._own.hold(call, on=on)
        else:
            await self._relay.ask(self.id, "hold", {"call": call, "on": on})

    async def employees(self) -> list[PbxEmployee]:
        if self._own.is_connected:
            return await self._own.employees()
        try:
            found = await self._relay.ask(self.id, "people", {})
        except Rejected as exc:
            if exc.code != "bad_command":
                raise
            found = await self._relay.ask(self.id, "employees", {})  # a process of the previous release
        return [PbxEmployee(**{**each, "devices": tuple(each.get("devices", ()))}) for each in found]

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        return self._own.recording(file, call)

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        return await self._own.diagnose(samples, needs)


def _result(answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    kind, text = _ERRORS.get(str(error.get("kind")), Unavailable), str(error.get("text"))
    if issubclass(kind, Rejected):
        raise kind(text, code=str(error.get("code", "")))
    raise kind(text)
