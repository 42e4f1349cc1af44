"""Sends the requests of one account: adds the token, repeats reads, and turns each status into one of our errors.

Paths, bodies and the meaning of an answer do not belong here. `tokens.py` gets the tokens.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import structlog
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from connectors.amocrm.api.pacing import Blocked, Slot
from connectors.amocrm.api.sending import Sender
from connectors.amocrm.api.tokens import NotConnected
from connectors.amocrm.api.wire import ENTITY_NOT_FOUND, Answer, Query, problem_code, problem_text
from connectors.amocrm.settings import AmocrmSettings
from integration.connecting.standing import Standing
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import CrmTrouble
from integration.errors import (
    AuthFailed,
    DozvonError,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    Rejected,
    Unavailable,
    Unpaid,
)
from integration.ports.clock import Clock
from integration.ports.stores import Tokens

_log = structlog.get_logger()

# How often a read is sent in all. A person waits for a card; nobody waits for an import.
_ATTEMPTS = {Priority.CARD: 2, Priority.LOG: 3, Priority.IMPORT: 6}
_LONGEST_WAIT_SECONDS = 8.0
_REDIRECTS = 3
_UNPAID = "The amoCRM subscription has ended (402)"
_UNPAID_SECONDS = 30.0  # until a write may try again: the subscription may be renewed at any time
_ADDRESS_SECONDS = 300.0  # after an address was confirmed, a 404 does not lead to another check for this time


class TokenSource(Protocol):
    """Gives the token and the address of a request: `tokens.AccountTokens` or `tokens.LongLivedToken`."""

    async def stored(self) -> Tokens: ...

    async def current(self) -> Tokens: ...

    def at_hand(self) -> Tokens | None:
        """The pair that `current` would return without a request; None if it needs one."""

    async def renewed(self, access: str) -> Tokens:
        """A pair other than the refused one. Raises: AuthFailed if there is none."""


class Transport:
    """Sends every request to an account's API, and keeps `standing` up to date with what the answers show."""

    def __init__(
        self, settings: AmocrmSettings, sender: Sender, tokens: TokenSource, standing: Standing, clock: Clock
    ) -> None:
        self._settings = settings
        self._sender = sender
        self._tokens = tokens
        self._standing = standing
        self._clock = clock
        self.clock_ahead = 0.0  # seconds by which amoCRM's clock was ahead of ours in its last answer
        self._address_confirmed_at = float("-inf")
        self.base_url = settings.account_url.rstrip("/")

    async def request(self, method: str, path: str, *, priority: Priority, query: Query = (), body: Any = None) -> Any:
        """
        Send a request and return its JSON, None for 204 and for a 202 without JSON.

        A read is repeated a few times with backoff; a write never, except after a 401, when it was not carried out.

        Args:
            path: after the host, for example `/api/v4/contacts`.

        Raises:
            Unavailable: try again later; `Blocked` after a blanket 403, `Unpaid` when the subscription has ended.
            RateLimited: 429, after the account's slots were paused.
            OutcomeUnknown: a write that may have been carried out.
            AuthFailed: no (more) consent.
            NotFound, Rejected: 404, and 400 or 403 with amoCRM's words.
            ProtocolError: an undocumented answer.
        """
        try:
            if method != "GET":
                return await self._once(method, path, priority, query, body)
            return await self._read(path, priority, query)
        except Unavailable as exc:
            if type(exc) in (Unavailable, OutcomeUnknown):  # the others are answers; `standing` has them already
                self._standing.away(str(exc))
            raise

    async def _read(self, path: str, priority: Priority, query: Query) -> Any:
        retrying = AsyncRetrying(
            retry=retry_if_exception(
                lambda exc: isinstance(exc, Unavailable) and not isinstance(exc, Blocked | Unpaid)
            ),
            stop=stop_after_attempt(_ATTEMPTS[priority]),
            wait=wait_random_exponential(multiplier=self._settings.retry_seconds, max=_LONGEST_WAIT_SECONDS),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await self._once("GET", path, priority, query, None)
        raise AssertionError  # reraise=True: the loop returns or raises

    async def _once(self, method: str, path: str, priority: Priority, query: Query, body: Any) -> Any:
        if method != "GET" and not self._standing.may_write():
            raise Unpaid(_UNPAID, retry_after_seconds=_UNPAID_SECONDS)
        tokens, answer = await self._send(method, path, priority, query, body)
        if answer.status == 401 or (answer.status == 404 and await self._is_elsewhere(priority)):
            await self._authorised(self._tokens.renewed(tokens.access))
            _, answer = await self._send(method, path, priority, query, body)
            if answer.status == 401:
                refusal = "amoCRM refuses even a fresh token (401): allow the integration again"
                self._standing.not_allowed(CrmTrouble.NEEDS_CONSENT, refusal)
                raise AuthFailed(refusal)
        return self._judged(answer, method, path)

    async def identified(self) -> Tokens:
        """The stored pair. Raises: AuthFailed if there is none or consent is needed."""
        return await self._authorised(self._tokens.stored())

    async def _authorised(self, getting: Awaitable[Tokens]) -> Tokens:
        try:
            tokens = await getting
        except AuthFailed as exc:
            trouble = CrmTrouble.NOT_CONNECTED if isinstance(exc, NotConnected) else CrmTrouble.NEEDS_CONSENT
            self._standing.not_allowed(trouble, str(exc))
            raise
        self.base_url = tokens.base_url
        return tokens

    async def _send(self, method: str, path: str, priority: Priority, query: Query, body: Any) -> tuple[Tokens, Answer]:
        redirect = ""
        for _ in range(_REDIRECTS):
            tokens, slot = await self._ready(priority)
            url = redirect or tokens.base_url + path
            answer = await self._exchange(slot, tokens, method, url, () if redirect else query, body)
            if answer.status not in (301, 302, 303, 307, 308):
                return tokens, answer
            redirect = self._followed(method, url, answer)
        raise ProtocolError("amoCRM redirects in a circle")

    async def _ready(self, priority: Priority) -> tuple[Tokens, Slot]:
        """
        A pair of tokens and a slot. The pair comes first: a refresh needs slots itself, and would wait for slots that
        requests hold. The pair is read again after the wait for the slot: another task may have refreshed it.
        """
        while True:
            await self._authorised(self._tokens.current())
            slot = await self._sender.slot(priority)
            tokens = self._tokens.at_hand()
            if tokens is not None:
                self.base_url = tokens.base_url
                return tokens, slot
            self._sender.give_back(slot)  # the pair expired or was withdrawn while we waited

    async def _exchange(self, slot: Slot, tokens: Tokens, method: str, url: str, query: Query, body: Any) -> Answer:
        started = time.monotonic()
        try:
            answer = await self._sender.send(
                slot,
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
        if answer.status < 500:
            self._standing.answered()
        if answer.sent_at is not None:
            self.clock_ahead = answer.sent_at - self._clock.now()
        _log.debug(
            "amoCRM answered",
            method=method,
            path=urlsplit(url).path,  # without the query, which has clients' numbers
            status=answer.status,
            request_id=answer.request_id,
            seconds=round(time.monotonic() - started, 3),
        )
        return answer

    def _followed(self, method: str, url: str, answer: Answer) -> str:
        """The target of a redirect. Only for a read, and only on the same host, because our token is sent to it."""
        target = urljoin(url, answer.location)
        here, there = urlsplit(url), urlsplit(target)
        if method != "GET" or not answer.location or (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ProtocolError(f"amoCRM redirects ({answer.status}) to another host; not followed")
        return target

    async def _is_elsewhere(self, priority: Priority) -> bool:
        """
        Whether a 404 means that the account is no longer at this address: then even `/account` is not found. Without
        this check every contact of a moved account would look deleted.
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
            self._standing.passed(is_read=method == "GET")
            return answer.body
        error = self._error(answer, method)
        _log.info(
            "amoCRM refused",
            method=method,
            path=path,
            status=answer.status,
            request_id=answer.request_id,
            error=type(error).__name__,
        )
        raise error

    def _error(self, answer: Answer, method: str) -> DozvonError:
        text = problem_text(answer.body)
        match answer.status:
            case 400 | 409 | 413 | 422:
                code = problem_code(answer.body) or str(answer.status)
                kind = NotFound if code == ENTITY_NOT_FOUND else Rejected
                return kind(text or f"amoCRM refuses the request ({answer.status})", code=code)
            case 402:
                self._standing.unpaid(_UNPAID, by_read=method == "GET")
                return Unpaid(_UNPAID, retry_after_seconds=_UNPAID_SECONDS)
            case 403:
                return Rejected(text or "The token's owner may not do this in amoCRM (403)", code="403")
            case 404 | 410:
                return NotFound(text or "amoCRM does not have it (any more)", code=str(answer.status))
            case status if status >= 500:
                if method == "GET":
                    return Unavailable(f"amoCRM is out of order ({status})")
                return OutcomeUnknown(f"amoCRM is out of order ({status}); the request may have been carried out")
            case status:
                return ProtocolError(f"amoCRM answered with an unexpected status {status}")
