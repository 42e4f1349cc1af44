"""Keeps the connection up: waits and connects again after a lost link, and says why it was lost and when it tries."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.connections.state import StateReason, why
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason
from integration.errors import AuthFailed, DozvonError
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing

log = structlog.get_logger()


class LinkRecord:
    """What is known of the link: `now`."""

    def __init__(self) -> None:
        self.now = Link()

    def connecting(self) -> None:
        """A later try keeps the reason of the last one that failed."""
        last = self.now
        since = _moment() if last.phase is LinkPhase.IDLE else last.since
        self.now = Link(phase=LinkPhase.CONNECTING, fault=last.fault, detail=last.detail, since=since)

    def up(self, lacks: Reason | None) -> None:
        self.now = Link(phase=LinkPhase.UP, fault=lacks, since=_moment())

    def failed(self, fault: Reason | None, detail: str, *, next_try: Timestamp | None = None) -> None:
        """`next_try` None: it is not decided yet."""
        since = _moment() if self.now.phase is LinkPhase.UP else self.now.since
        fault = fault or why(StateReason.LINK_LOST)
        self.now = Link(phase=LinkPhase.WAITING, fault=fault, detail=detail, next_try=next_try, since=since)

    def ended(self) -> None:
        self.now = Link()


async def keep_connected(
    connect: Callable[[], contextlib.AbstractAsyncContextManager[AmiSession]],
    serve: Callable[[AmiSession], Awaitable[None]],
    on_down: Callable[[str], Awaitable[None]],
    *,
    timing: Timing,
    counters: AmiCounters,
    record: LinkRecord,
) -> None:
    """
    Connect, `serve` the session until it is lost, wait, and repeat, until cancelled.

    The waits grow, vary by a quarter, and start again from the shortest after a session whose `serve` cleared
    `is_asking`. `on_down` is called once for each loss and once for each new reason why a connection fails.
    """
    attempt, told = 0, ""
    while True:
        record.connecting()
        wait = timing.backoff[min(attempt, len(timing.backoff) - 1)]
        session: AmiSession | None = None
        try:
            async with connect() as session:
                await serve(session)
            reason, fault = session.reason, session.fault
        except AuthFailed as exc:
            wait, reason, fault = timing.auth_retry, str(exc), exc.fault
        except DozvonError as exc:
            reason, fault = str(exc), exc.fault or (session.fault if session is not None else None)
        if session is not None and not session.is_asking:
            attempt, told, wait = 0, "", timing.backoff[0]
        attempt += 1
        counters.reconnects += 1
        wait *= random.uniform(0.75, 1.25)
        record.failed(fault, reason, next_try=Timestamp(_moment() + wait))
        began = time.monotonic()
        if reason != told:
            told = reason
            log.warning("no link to the PBX", reason=reason)
            await on_down(reason)
        await asyncio.sleep(max(0.0, wait - (time.monotonic() - began)))


def _moment() -> Timestamp:
    return Timestamp(time.time())
