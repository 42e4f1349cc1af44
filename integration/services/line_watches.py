"""Waits for a call on the PBXs of an office, so that an administrator sees which line it comes through.

What was seen is in the office's row, so every process shows it, and a watch goes on when the process that listened was
killed: with the next look at the page.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from uuid import uuid4

from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.domain.line_watch import LineWatch, PbxSilence, SeenLine, WatchEnd
from integration.errors import DozvonError
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.pbx_setup import PbxSetup, SeenCall
from integration.ports.setups import SetupState, SetupStore
from integration.services.carried_work import CarriedWork
from integration.services.ending import ended

WATCH_SECONDS = 300.0
_LOOK_EVERY_SECONDS = 1.0  # whether another process has stopped it
_LISTENS_SECONDS = 5.0  # for which a start waits for the PBXs: "call now" must not be said before a call would be seen

Trials = Callable[[AccountId], Awaitable[Mapping[PbxId, PbxSetup]]]
"""The questions to each PBX of an office. Raises: DozvonError."""


class LineWatches:
    def __init__(
        self,
        store: SetupStore,
        coordination: Coordination,
        clock: Clock,
        trials: Trials,
        tell: Callable[[AccountId], None],
        *,
        look_every_seconds: float = _LOOK_EVERY_SECONDS,
    ) -> None:
        """`tell`: the office's pages are out of date."""
        self._store = store
        self._work = CarriedWork(coordination, "line-watch")
        self._clock = clock
        self._trials = trials
        self._tell = tell
        self._look_every_seconds = look_every_seconds

    async def start(self, office: AccountId) -> None:
        """A new watch, in place of an older one; returns when it would see a call. Raises: Unavailable."""
        watch = LineWatch(id=uuid4().hex, until=Timestamp(self._clock.now() + WATCH_SECONDS))
        await self._store.change(office, lambda state: replace(state, watch=watch))
        listen = asyncio.Event()
        await self._work.begin(watch.id, lambda: self._run(office, watch, listen))
        with contextlib.suppress(TimeoutError):  # what a silent PBX lacks is shown when that is known
            async with asyncio.timeout(_LISTENS_SECONDS):
                await listen.wait()
        self._tell(office)

    async def stop(self, office: AccountId) -> None:
        """Raises: Unavailable."""
        state = await self._changed(office, None, lambda now: now.ended(WatchEnd.STOPPED))
        if state is not None and state.watch is not None:
            await self._work.end(state.watch.id)

    async def go_on(self, office: AccountId, watch: LineWatch | None) -> None:
        """Listen again, if the process that did was killed. Raises: Unavailable."""
        if watch is not None and self.is_live(watch):
            await self._work.carry_on(watch.id, lambda: self._run(office, watch))

    @property
    def count(self) -> int:
        """Watches for which this process listens."""
        return self._work.count

    def is_live(self, watch: LineWatch | None) -> bool:
        return watch is not None and watch.is_live(self._clock.now())

    async def close(self) -> None:
        """The watches stay in the database: another process, or this one after its start, goes on."""
        await self._work.close()

    async def _run(self, office: AccountId, watch: LineWatch, listen: asyncio.Event | None = None) -> None:
        """`listen` is set when all PBXs would show a call, or it is known that they will not."""
        listen = listen or asyncio.Event()
        listeners: dict[PbxId, asyncio.Task[bool]] = {}
        why = WatchEnd.OVER
        try:
            trials = await self._trials(office)
            away = set(trials)

            def is_known(pbx: PbxId, _: object = None) -> None:
                away.discard(pbx)
                if not away:
                    listen.set()

            for pbx, trial in trials.items():
                listens = partial(is_known, pbx)
                listeners[pbx] = asyncio.create_task(self._follow(office, watch, pbx, trial, listens))
                listeners[pbx].add_done_callback(listens)
            while await self._is_wanted(office, watch):
                if all(each.done() and not each.result() for each in listeners.values()):
                    why = WatchEnd.FAILED
                    break
                await asyncio.sleep(self._look_every_seconds)
            await self._changed(office, watch, lambda now: now.ended(why))
        finally:
            listen.set()
            await ended(listeners.values())

    async def _is_wanted(self, office: AccountId, watch: LineWatch) -> bool:
        """Another process may have stopped it, or begun another one."""
        state = await self._store.get(office)
        stored = state.watch if state is not None else None
        return stored is not None and stored.id == watch.id and self.is_live(stored)

    async def _follow(
        self, office: AccountId, watch: LineWatch, pbx: PbxId, trial: PbxSetup, listens: Callable[[], None]
    ) -> bool:
        """Until the watch's time is over. False: the PBX shows no calls."""
        try:
            async for call in trial.watch_calls(watch.until - self._clock.now(), listens=listens):
                await self._changed(office, watch, partial(LineWatch.with_call, call=_seen(pbx, call)))
        except DozvonError as exc:
            silence = PbxSilence(reason=exc.fault, detail=str(exc))
            await self._changed(office, watch, lambda now: now.with_silence(pbx, silence))
            return False
        return True

    async def _changed(
        self, office: AccountId, watch: LineWatch | None, change: Callable[[LineWatch], LineWatch]
    ) -> SetupState | None:
        """Change the stored watch, if it is still this one; `watch` None: whichever it is."""

        def changed(state: SetupState) -> SetupState:
            if state.watch is None or (watch is not None and state.watch.id != watch.id):
                return state
            return replace(state, watch=change(state.watch))

        found = await self._store.change(office, changed)
        self._tell(office)
        return found


def _seen(pbx: PbxId, call: SeenCall) -> SeenLine:
    return SeenLine(
        pbx=pbx, trunk=call.trunk, line=call.line, from_outside=call.from_outside, caller=call.caller, at=call.at
    )
