"""Calls REST methods of one portal: paced, with a valid token, and each refusal as one of our errors.

What a method's result means does not belong here. Nothing is repeated but reads, and what was certainly not
carried out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from connectors.bitrix24.api import refusals
from connectors.bitrix24.api.learning import learn
from connectors.bitrix24.api.pacing import Pacer
from connectors.bitrix24.api.refusals import MethodResting
from connectors.bitrix24.api.tokens import PortalTokens
from connectors.bitrix24.api.wire import Answer, exchange
from connectors.bitrix24.settings import Bitrix24Settings
from integration.connecting.standing import Standing
from integration.domain.calls.intents import Priority
from integration.errors import DozvonError, NotFound, OutcomeUnknown, ProtocolError, RateLimited, Unavailable, Unpaid
from integration.ports.clock import Clock
from integration.ports.stores import Tokens

_log = structlog.get_logger()

_REST_SECONDS = 60.0  # of a method whose last good answer did not say when its time is forgotten
_REPEATS = 2  # of a read
_AWAY_AFTER = 2  # answers that fail one after the other: a single one is no state
_LONGEST_WAIT = 5.0  # seconds that a read waits by itself for what the portal asks; longer ones are the caller's matter
_REDIRECTS = (301, 302, 303, 307, 308)


class Transport:
    """
    For one portal and one event loop. `session` belongs to the caller.

    Args:
        pacer: of the portal; None: nobody else sends requests to it.

    Attributes:
        standing: the portal's condition, learned from the answers.
    """

    def __init__(
        self,
        settings: Bitrix24Settings,
        tokens: PortalTokens,
        session: aiohttp.ClientSession,
        clock: Clock,
        pacer: Pacer | None = None,
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._session = session
        self._clock = clock
        self.standing = Standing(
            blocked="Bitrix24 has blocked the requests by hand",
            slowed="Bitrix24 asks for fewer requests",
            away_after=_AWAY_AFTER,
        )
        self.clock_ahead = 0.0  # seconds by which the portal's clock is ahead of ours; 0 before its first answer
        self._pacer = pacer or Pacer(settings.bucket)
        self._reset_at: dict[str, float] = {}  # method -> `operating_reset_at` of its last good answer
        self._resting: dict[str, float] = {}  # method -> Unix seconds until which it rests

    async def call(
        self, method: str, parameters: Mapping[str, Any] | None = None, *, priority: Priority, reads: bool = False
    ) -> dict[str, Any]:
        """
        Call a method and return its envelope (`result`, `next`, `total`, `time`).

        Args:
            reads: the method changes nothing, so it is repeated while the portal is out of order for a moment, and an
                unknown outcome is only Unavailable.

        Raises:
            MethodResting: this method has used up its execution time; `retry_after_seconds` says for how long.
            RateLimited: the portal asked to slow down; the pacer pauses.
            Unavailable, Unpaid: try again later.
            OutcomeUnknown: a write that may have been carried out: look before repeating it.
            AuthFailed: an administrator has to act.
            Rejected, NotFound: refused, with the portal's words.
            ProtocolError: an undocumented answer.
        """
        try:
            envelope = await self._repeated(method, parameters or {}, priority, times=_REPEATS if reads else 0)
        except DozvonError as exc:
            learn(self.standing, exc)
            if not isinstance(exc, OutcomeUnknown):
                raise
            if reads:
                raise Unavailable(str(exc)) from exc
            raise
        self.standing.passed(is_read=False)
        return envelope

    async def upload(self, url: str, *, field: str, name: str, file: Path, priority: Priority) -> dict[str, Any]:
        """
        Send a file to an address that a method has just given for it. The address is its own permission.

        Raises:
            AuthFailed: the address has expired, or was used: ask for another one.
            NotFound: the file is gone. Others: as `call`. Sending a file again replaces it.
            ProtocolError: the address is not the portal's.
        """
        tokens = await self._tokens.current()
        if urlsplit(url)[:2] != urlsplit(tokens.base_url)[:2]:
            raise ProtocolError("Bitrix24 names another server for a file")
        await self._pacer.slot(priority)
        try:
            opened = await asyncio.to_thread(file.open, "rb")
        except OSError as exc:
            raise NotFound(f"The file cannot be read: {exc.strerror}") from exc
        with opened:
            form = aiohttp.FormData()
            form.add_field(field, opened, filename=name, content_type="audio/mpeg")
            answer = await exchange(self._session, url, timeout_seconds=self._settings.request_seconds, form=form)
        return await self._judged("upload", answer)

    async def _repeated(
        self, method: str, parameters: Mapping[str, Any], priority: Priority, *, times: int
    ) -> dict[str, Any]:
        pause = self._settings.retry_seconds
        for left in range(times, -1, -1):
            try:
                return await self._call(method, parameters, priority)
            except Unavailable as exc:
                asked = exc.retry_after_seconds or 0.0
                if not left or asked > _LONGEST_WAIT or isinstance(exc, MethodResting | Unpaid):
                    raise
                await asyncio.sleep(max(asked, pause * random.uniform(0.75, 1.25)))
                pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _call(self, method: str, parameters: Mapping[str, Any], priority: Priority) -> dict[str, Any]:
        self._check_rest(method)
        tokens = await self._tokens.current()
        answer = await self._send(tokens, method, parameters, priority)
        if refusals.code_of(answer) in refusals.EXPIRED or answer.status in _REDIRECTS:
            # The portal has moved, or the token is old: the OAuth server gives a new pair and the present address.
            tokens = await self._tokens.renewed(tokens)
            answer = await self._send(tokens, method, parameters, priority)
            if answer.status in _REDIRECTS:
                raise ProtocolError("Bitrix24 redirects, and its OAuth server names the same address")
        return await self._judged(method, answer)

    def _check_rest(self, method: str) -> None:
        left = self._resting.get(method.lower(), 0.0) - self._clock.now()
        if left > 0:
            raise MethodResting(f"Bitrix24 lets {method} rest", retry_after_seconds=left)

    async def _send(self, tokens: Tokens, method: str, parameters: Mapping[str, Any], priority: Priority) -> Answer:
        await self._pacer.slot(priority)
        url, body = f"{tokens.base_url}/rest/{method}", {**parameters, "auth": tokens.access}
        if self._settings.is_webhook:
            url, body = f"{tokens.base_url}/rest/{tokens.access}/{method}", dict(parameters)
        return await exchange(self._session, url, timeout_seconds=self._settings.request_seconds, body=body)

    async def _judged(self, method: str, answer: Answer) -> dict[str, Any]:
        if not refusals.is_error(answer) and answer.body is not None:
            self._pacer.accepted()
            self._note_time(method, answer.body.get("time"))
            return answer.body
        error = refusals.error_of(answer)
        if isinstance(error, MethodResting):
            error.retry_after_seconds = self._rest(method)
        elif isinstance(error, RateLimited):
            error.retry_after_seconds = await self._pacer.refused()
        elif type(error) is Unavailable and answer.body is None:
            # A page of the front server: whether the portal has carried the request out is not known.
            raise OutcomeUnknown(str(error)) from error
        _log.debug("Bitrix24 refused", method=method, status=answer.status, code=refusals.code_of(answer))
        raise error

    def _note_time(self, method: str, time: Any) -> None:
        found = time.get("operating_reset_at") if isinstance(time, dict) else None
        if isinstance(found, int | float):
            self._reset_at[method.lower()] = float(found)
        finished = time.get("finish") if isinstance(time, dict) else None
        if isinstance(finished, int | float):
            self.clock_ahead = float(finished) - self._clock.now()

    def _rest(self, method: str) -> float:
        """Let the method rest until its oldest time is forgotten. Returns the seconds."""
        now = self._clock.now()
        until = max(self._reset_at.get(method.lower(), 0.0), now + 1.0)
        if method.lower() not in self._reset_at:
            until = now + _REST_SECONDS
        self._resting[method.lower()] = until
        return until - now
