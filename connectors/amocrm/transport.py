"""Requests of one account: token, pace, repeats, and each status turned into the error that says what to do next.

Paths, bodies and what an answer means do not belong here, nor does getting tokens (`tokens.py`).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from connectors.amocrm.pacing import Blocked, Breaker, Pacer, SharedPacer
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.wire import ENTITY_NOT_FOUND, Answer, Query, exchange, problem_code, problem_text
from integration.domain.intents import Priority
from integration.errors import (
    AuthFailed,
    DozvonError,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Rejected,
    Unavailable,
)
from integration.ports import RateBudget, Tokens

_log = structlog.get_logger()

# How often a read is sent in all: a card is awaited by a person, an import by nobody.
_ATTEMPTS = {Priority.CARD: 2, Priority.LOG: 3, Priority.IMPORT: 6}
_LONGEST_WAIT_SECONDS = 8.0
_REDIRECTS = 3
_UNPAID_SECONDS = 600.0  # after a 402 writes are not sent for so long; the subscription may be renewed at any time
_ADDRESS_SECONDS = 300.0  # how long a confirmed address is believed when a 404 comes


class TokenSource(Protocol):
    """Where a request's token and address come from; `tokens.AccountTokens` and `tokens.LongLivedToken` are."""

    async def current(self) -> Tokens: ...

    async def renewed(self, access: str) -> Tokens:
        """A pair other than the one that was refused; raises AuthFailed when there is none to be had."""


class AccountState(StrEnum):
    """What the connector last learned about the account."""

    OK = "ok"
    NEEDS_CONSENT = "needs_consent"
    UNPAID = "unpaid"
    BLOCKED = "blocked"


class Transport:
    """The only way to an account's API. `state` is for the administrator's page."""

    def __init__(
        self,
        settings: AmocrmSettings,
        session: aiohttp.ClientSession,
        tokens: TokenSource,
        budget: RateBudget | None = None,
    ) -> None:
        """`budget`: of all processes together; None where there is only this one."""
        self._settings = settings
        self._session = session
        self._tokens = tokens
        rate = settings.requests_per_second
        self._pacer = Pacer(rate) if budget is None else SharedPacer(rate, budget)
        self._breaker = Breaker(settings.block_seconds)
        self._unpaid_until = 0.0
        self._address_confirmed_at = float("-inf")
        self.state = AccountState.OK
        self.base_url = settings.account_url.rstrip("/")

    async def request(self, method: str, path: str, *, priority: Priority, query: Query = (), body: Any = None) -> Any:
        """
        Send a request and return its JSON, None for 204 and for a 202 without JSON.

        A read is repeated a few times with backoff; a write never, except after a 401, which was not carried out.

        Args:
            path: from the host on, `/api/v4/contacts`.

        Raises:
            Unavailable: try again later; `Blocked` after a blanket 403.
            RateLimited: 429, after the account's slots were paused.
            OutcomeUnknown: a write that may have been carried out.
            AuthFailed: no (more) consent, or the subscription ended.
            NotFound, Rejected: 404, and 400 or 403 with amoCRM's words.
            ProtocolError: an answer that is none of the documented ones.
        """
        if method != "GET":
            return await self._once(method, path, priority, query, body)
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda exc: isinstance(exc, Unavailable) and not isinstance(exc, Blocked)),
            stop=stop_after_attempt(_ATTEMPTS[priority]),
            wait=wait_random_exponential(multiplier=self._settings.retry_seconds, max=_LONGEST_WAIT_SECONDS),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._once(method, path, priority, query, None)
        raise AssertionError  # reraise=True: the loop returns or raises

    async def count_request(self) -> None:
        """Take the slot of a request that went another way; those that follow keep their distance from it."""
        slot = await self._pacer.slot(Priority.CARD)
        self._pacer.answered(slot)
        self._pacer.accepted(slot)

    async def close(self) -> None:
        await self._pacer.close()

    async def _once(self, method: str, path: str, priority: Priority, query: Query, body: Any) -> Any:
        if method != "GET" and time.monotonic() < self._unpaid_until:
            raise AuthFailed("The amoCRM subscription has ended (402)")
        tokens, answer = await self._send(method, path, priority, query, body)
        if answer.status == 401 or (answer.status == 404 and await self._is_elsewhere(priority)):
            await self._authorised(self._tokens.renewed(tokens.access))
            _, answer = await self._send(method, path, priority, query, body)
            if answer.status == 401:
                self.state = AccountState.NEEDS_CONSENT
                raise AuthFailed("amoCRM refuses even a fresh token (401): allow the integration again")
        return self._judged(answer, method, path)

    async def _authorised(self, getting: Awaitable[Tokens]) -> Tokens:
        try:
            tokens = await getting
        except AuthFailed:
            self.state = AccountState.NEEDS_CONSENT
            raise
        self.base_url = tokens.base_url
        return tokens

    async def _send(self, method: str, path: str, priority: Priority, query: Query, body: Any) -> tuple[Tokens, Answer]:
        redirect = ""
        for _ in range(_REDIRECTS):
            self._breaker.check()
            slot = await self._pacer.slot(priority)
            try:
                self._breaker.check()
                # After the slot: who waited while another refreshed does not spend the old token.
                tokens = await self._authorised(self._tokens.current())
                url = redirect or tokens.base_url + path
                answer = await self._exchange(tokens, method, url, () if redirect else query, body)
            finally:
                self._pacer.answered(slot)
            if answer.status == 429:
                wait = self._pacer.refused(slot)
                _log.warning("amoCRM asks to slow down", pause_seconds=round(wait, 1), request_id=answer.request_id)
                raise RateLimited("amoCRM asks to slow down (429)", retry_after_seconds=wait)
            self._pacer.accepted(slot)
            if answer.status not in (301, 302, 303, 307, 308):
                return tokens, answer
            redirect = self._followed(method, url, answer)
        raise ProtocolError("amoCRM redirects in a circle")

    async def _exchange(self, tokens: Tokens, method: str, url: str, query: Query, body: Any) -> Answer:
        started = time.monotonic()
        try:
            answer = await exchange(
                self._session,
                method,
                url,
                headers={"Authorization": f"Bearer {tokens.access}"},
                timeout_seconds=self._settings.request_seconds,
                query=query,
                body=body,
            )
        except OutcomeUnknown as exc:
            if method == "GET":
                raise Unavailable(str(exc)) from exc
            raise
        _log.debug(
            "amoCRM answered",
            method=method,
            path=urlsplit(url).path,  # without the query, which holds numbers
            status=answer.status,
            request_id=answer.request_id,
            seconds=round(time.monotonic() - started, 3),
        )
        return answer

    def _followed(self, method: str, url: str, answer: Answer) -> str:
        """Where a redirect leads: on the same host and for a read only, because our token goes with it."""
        target = urljoin(url, answer.location)
        here, there = urlsplit(url), urlsplit(target)
        if method != "GET" or not answer.location or (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ProtocolError(f"amoCRM redirects ({answer.status}) to another host; not followed")
        return target

    async def _is_elsewhere(self, priority: Priority) -> bool:
        """
        True when a 404 means that the account is no longer at this address: then even `/account` is not found.
        Otherwise every contact of a moved account would look deleted.
        """
        if time.monotonic() - self._address_confirmed_at < _ADDRESS_SECONDS:
            return False
        _, answer = await self._send("GET", "/api/v4/account", priority, (), None)
        if answer.status == 200:
            self._address_confirmed_at = time.monotonic()
        return answer.status in (401, 404)

    def _judged(self, answer: Answer, method: str, path: str) -> Any:
        if answer.status in (200, 201) and not answer.is_json:
            # A maintenance page must not look like an empty list.
            error: DozvonError = ProtocolError("amoCRM's answer is no JSON")
            if method != "GET":
                error = OutcomeUnknown("amoCRM's answer is no JSON; the request may have been carried out")
            raise error
        if 200 <= answer.status < 300:
            self._breaker.passed()
            self.state = AccountState.OK
            self._unpaid_until = 0.0
            return answer.body
        error = self._error(answer, method, path)
        _log.info(
            "amoCRM refused",
            method=method,
            path=path,
            status=answer.status,
            request_id=answer.request_id,
            error=type(error).__name__,
        )
        raise error

    def _error(self, answer: Answer, method: str, path: str) -> DozvonError:
        text = problem_text(answer.body)
        match answer.status:
            case 400 | 409 | 413 | 422:
                code = problem_code(answer.body) or str(answer.status)
                kind = NotFound if code == ENTITY_NOT_FOUND else Rejected
                return kind(text or f"amoCRM refuses the request ({answer.status})", code=code)
            case 402:
                self.state = AccountState.UNPAID
                self._unpaid_until = time.monotonic() + _UNPAID_SECONDS
                return AuthFailed("The amoCRM subscription has ended (402)")
            case 403:
                return self._forbidden(answer, path, text)
            case 404 | 410:
                return NotFound(text or "amoCRM does not have it (any more)", code=str(answer.status))
            case status if status >= 500:
                if method == "GET":
                    return Unavailable(f"amoCRM is out of order ({status})")
                return OutcomeUnknown(f"amoCRM is out of order ({status}); the request may have been carried out")
            case status:
                return ProtocolError(f"amoCRM answered with an unexpected status {status}")

    def _forbidden(self, answer: Answer, path: str, text: str) -> DozvonError:
        if self._breaker.forbidden(path, is_blanket=not answer.is_problem):
            self.state = AccountState.BLOCKED
            pause = self._breaker.remaining_seconds
            _log.error("amoCRM has blocked the integration", pause_seconds=round(pause), request_id=answer.request_id)
            return Blocked("amoCRM has blocked this integration (403)", retry_after_seconds=pause)
        return Rejected(text or "The token's owner may not do this in amoCRM (403)", code="403")
