"""What the tests of the Asterisk adapter share: a listener that keeps calls, and a running adapter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import aiohttp

from integration.domain.calls.call import Call
from integration.domain.calls.events import CallEvent
from integration.domain.calls.tracking import advance
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp
from pbx_adapter.asterisk import AsteriskPbx
from pbx_adapter.asterisk.ami.client import Timing
from pbx_adapter.asterisk.settings import AsteriskSettings
from tests.lab.asterisk import AGI_PATH
from tests.lab.waiting import PATIENCE_SECONDS

QUICK = Timing(
    connect=2.0, answer=2.0, boot=5.0, boot_unseen=0.3, ping_every=0.2, ping_answer=0.3, backoff=(0.05,), auth_retry=0.3
)


class Listener:
    """A `PbxListener` that folds events into calls, like the tracking service."""

    def __init__(self) -> None:
        self.calls: dict[CallId, Call] = {}
        self.events: list[CallEvent] = []
        self.resyncs: list[frozenset[CallId]] = []
        self.links: list[tuple[bool, str]] = []
        self.before_events: Callable[[], None] = lambda: None
        self._changed = asyncio.Condition()

    async def on_events(self, events: Sequence[CallEvent]) -> None:
        self.before_events()
        for event in events:
            self.events.append(event)
            after = advance(self.calls.get(event.call), event, account=AccountId("test"), pbx=PbxId("office")).call
            if after is not None:
                self.calls[event.call] = after
        await self._tell()

    async def on_resync(self, live: frozenset[CallId], at: Timestamp) -> None:
        self.resyncs.append(live)
        await self._tell()

    async def on_link(self, is_up: bool, reason: str) -> None:
        self.links.append((is_up, reason))
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], object], *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the events make `condition()` true. Raises: TimeoutError, with the events."""
        try:
            async with asyncio.timeout(timeout_seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            heard = f"{len(self.events)} events, {len(self.resyncs)} logins, losses of the link: {self.links}"
            raise TimeoutError(f"not within {timeout_seconds} s; heard {heard}") from None

    @property
    def records(self) -> list[Call]:
        """Calls that get their own record, in order of their start."""
        return sorted((c for c in self.calls.values() if c.merged_into is None), key=lambda c: c.started_at)

    async def ended(self, count: int = 1, *, timeout_seconds: float = PATIENCE_SECONDS) -> list[Call]:
        """Wait until this many calls have ended; returns all records."""
        await self.until(lambda: sum(not c.is_live for c in self.records) >= count, timeout_seconds=timeout_seconds)
        return self.records


def settings_for(port: int, **values: object) -> AsteriskSettings:
    table: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "username": "dozvon",
        "secret": "dozvon-secret",
        "originate_context": "internal",
        "fastagi": {"path": AGI_PATH},
        **values,
    }
    return AsteriskSettings.from_config("office", table)


@contextlib.asynccontextmanager
async def linked(
    settings: AsteriskSettings, *, timing: Timing = QUICK, ready: bool = True
) -> AsyncIterator[tuple[AsteriskPbx, Listener]]:
    """A running adapter; with `ready`, after its first resynchronisation."""
    listener = Listener()
    async with aiohttp.ClientSession() as session:
        pbx = AsteriskPbx(settings, session=session, timing=timing)
        task = asyncio.create_task(pbx.run(listener))
        try:
            if ready:
                await listener.until(lambda: listener.resyncs)
            yield pbx, listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
