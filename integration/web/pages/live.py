"""The stream (server-sent events) by which a page learns that it is out of date; the page then reads itself again.

A page is read before its stream opens. So the stream's address says how old the page is (`?age=`, seconds since its
reading began), and a stream begins with `changed` if something has changed since: nothing falls between the two.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.connections.state import ConnectionState
from integration.ports.clock import Clock
from integration.services.accounts import Account
from integration.services.connection_states import ConnectionStates
from integration.services.page_news import PageNews, Watch
from integration.services.phone_book import PhoneBookMirror
from integration.web.pages.shell import Shell
from integration.web.permissions import needs

_LOOK_EVERY_SECONDS = 1.0  # at what this process has in memory: states of connections, progress of an import
_BEAT_EVERY_SECONDS = 15.0  # a comment, so that proxies keep the stream, and its end is noticed
_SESSION_EVERY_SECONDS = 15.0
_WRITE_SECONDS = 10.0  # a browser that does not read loses the stream
MOST_OF_SESSION = 12  # tabs that are looked at: hidden ones have no stream
MOST_OF_PROCESS = 500
_OLDEST_PAGE_SECONDS = 24 * 3600.0

StillLetIn = Callable[[web.Request], Awaitable[bool]]


class LivePages:
    """`still_let_in` asks the database again, whatever is known of the request."""

    def __init__(
        self,
        shell: Shell,
        news: PageNews,
        states: ConnectionStates,
        mirror: PhoneBookMirror,
        still_let_in: StillLetIn,
        clock: Clock,
        *,
        session_every_seconds: float = _SESSION_EVERY_SECONDS,
    ) -> None:
        self._shell = shell
        self._news = news
        self._states = states
        self._mirror = mirror
        self._still_let_in = still_let_in
        self._clock = clock
        self._session_every_seconds = session_every_seconds
        self._open: Counter[str] = Counter()  # by session

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*needs(Permission.SEE_CALLS, web.get("/admin/{account}/live", self.live, allow_head=False))]

    async def live(self, request: web.Request) -> web.StreamResponse:
        account = self._shell.account(request)
        session = self._shell.who(request).session
        if self._open[session] >= MOST_OF_SESSION or self._news.count >= MOST_OF_PROCESS:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "30"})
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        watch = self._news.join(account.id)
        self._open[session] += 1
        try:
            await response.prepare(request)
            # The browser is gone, or does not read, or the server ends: it opens another stream.
            with suppress(ConnectionError, TimeoutError):
                await _send(response, ": open\n\n")
                if self._is_out_of_date(account, age_of_page(request.query.get("age", ""))):
                    watch.changed.set()
                await self._stream(request, response, account, watch)
        finally:
            self._news.leave(watch)
            self._open[session] -= 1
            if self._open[session] <= 0:
                del self._open[session]
        return response

    async def _stream(self, request: web.Request, response: web.StreamResponse, account: Account, watch: Watch) -> None:
        loop = asyncio.get_running_loop()
        seen = self._in_memory(account)
        beat_at = asked_at = loop.time()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(watch.changed.wait(), _LOOK_EVERY_SECONDS)
            now, is_news = loop.time(), watch.changed.is_set()
            watch.changed.clear()
            if watch.is_over:
                return
            if now - asked_at >= self._session_every_seconds:
                asked_at = now
                if not await self._still_let_in(request):
                    await _send(response, "event: over\ndata:\n\n")
                    return
            shown = self._in_memory(account)
            if is_news or shown != seen:
                seen, beat_at = shown, now
                await _send(response, "event: changed\ndata:\n\n")
            elif now - beat_at >= _BEAT_EVERY_SECONDS:
                beat_at = now
                await _send(response, ": still here\n\n")

    def _is_out_of_date(self, account: Account, age_seconds: float) -> bool:
        """What `_in_memory` shows may have changed, or news may have come, since the page was read."""
        states = (self._states.crm(account.id), *(self._states.pbx(pbx) for pbx in account.pbxs))
        moments = (self._mirror.state(account.id).settled_at, *(state.since for state in states))
        read_at = self._clock.now() - age_seconds
        if any(moment is not None and moment > read_at for moment in moments):
            return True
        return self._news.may_have_missed(account.id, age_seconds)

    def _in_memory(self, account: Account) -> tuple[Any, ...]:
        """What the pages show and nobody tells of; costs no query."""
        mirror = self._mirror.state(account.id)
        return (
            _shown(self._states.crm(account.id)),
            tuple(_shown(self._states.pbx(pbx)) for pbx in account.pbxs),
            account.revision,
            mirror.is_importing,
            mirror.persons_read,
            mirror.problem,
        )


def _shown(state: ConnectionState) -> tuple[Any, ...]:
    """Without the moment of the next try, which the page shows as it was when it was read."""
    return state.status, state.reason.code if state.reason else None, state.detail, state.since


def age_of_page(said: str) -> float:
    """Seconds since the reading of the page began, as its browser says; 0 for what is no time."""
    try:
        age = float(said)
    except ValueError:
        return 0.0
    return min(age, _OLDEST_PAGE_SECONDS) if age > 0 else 0.0


async def _send(response: web.StreamResponse, text: str) -> None:
    """Raises: ConnectionError, TimeoutError."""
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(text.encode())
