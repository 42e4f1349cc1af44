"""Keeps the connection up: waits and connects again after a lost link, and logs why it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import structlog

from integration.errors import AuthFailed, DozvonError
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing

log = structlog.get_logger()


async def keep_connected(
    connect: Callable[[], contextlib.AbstractAsyncContextManager[AmiSession]],
    serve: Callable[[AmiSession], Awaitable[None]],
    on_down: Callable[[str], Awaitable[None]],
    *,
    timing: Timing,
    counters: AmiCounters,
) -> None:
    """
    Connect, `serve` the session until it is lost, wait, and repeat, until cancelled.

    The waits grow, vary by a quarter, and start again from the shortest after a session whose `serve` cleared
    `is_asking`. `on_down` is called once for each loss and once for each new reason why a connection fails.
    """
    attempt, told = 0, ""
    while True:
        wait = timing.backoff[min(attempt, len(timing.backoff) - 1)]
        session: AmiSession | None = None
        try:
            async with connect() as session:
                await serve(session)
            reason = session.reason
        except AuthFailed as exc:
            wait, reason = timing.auth_retry, str(exc)
        except DozvonError as exc:
            reason = str(exc)
        if session is not None and not session.is_asking:
            attempt, told, wait = 0, "", timing.backoff[0]
        attempt += 1
        counters.reconnects += 1
        if reason != told:
            told = reason
            log.warning("no link to the PBX", reason=reason)
            await on_down(reason)
        await asyncio.sleep(wait * random.uniform(0.75, 1.25))
