"""A supervisor at REST and the pages while processes are killed: asks again until Dozvon has answered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from tests.e2e.consent import sign_in

_PATIENCE_SECONDS = 120.0
_AGAIN_SECONDS = 0.3
_ANSWER_SECONDS = 10.0  # a process that was stopped has the connection, and never answers


class Supervisor:
    """What is asked must be the same when it is asked twice: nobody knows whether a lost answer was a refusal."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def read(self, path: str) -> Any:
        """The JSON at an address. Raises: TimeoutError."""
        _, said = await self._answered("GET", path)
        return said

    async def ask(self, method: str, path: str, body: Mapping[str, Any], *, seen: str = "") -> tuple[int, Any]:
        """The status below 500 and the JSON. `seen`: the revision that is changed. Raises: TimeoutError."""
        return await self._answered(method, path, json=body, headers={"If-Match": seen} if seen else {})

    async def send(self, path: str, form: Mapping[str, str]) -> None:
        """A page's form. Raises: TimeoutError."""
        await self._answered("POST", path, data=form, is_json=False)

    async def _answered(
        self, method: str, path: str, *, headers: Mapping[str, str] = {}, is_json: bool = True, **body: Any
    ) -> tuple[int, Any]:
        until = time.monotonic() + _PATIENCE_SECONDS
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        own = {"Origin": self._url, **headers}
        last = "nothing was answered"
        while time.monotonic() < until:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                asked = self._session.request(method, f"{self._url}{path}", headers=own, timeout=timeout, **body)
                async with asked as answer:
                    if answer.status < 500:
                        return answer.status, await answer.json() if is_json else await answer.text()
                    last = f"{answer.status}: {(await answer.text())[:300]}"
            await asyncio.sleep(_AGAIN_SECONDS)
        raise TimeoutError(f"{method} {path}: {last}")


@contextlib.asynccontextmanager
async def supervisor(url: str, password: str) -> AsyncIterator[Supervisor]:
    """Signed in at the Dozvon at `url`."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                await sign_in(session, url, password)
                break
            except (aiohttp.ClientError, TimeoutError, AssertionError):
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)
        yield Supervisor(session, url)
