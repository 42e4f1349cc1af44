"""Asks the portal for the events that it keeps for us, for a server that the portal cannot reach.

The portal keeps the last state of each object until we clear it. Events are reserved (`clear=0`), processed, and only
then cleared: a kill anywhere between loses nothing, but may bring an event twice. What a killed process had reserved is
found in the list by its process id. Where the plan has no reservation, the list is only looked at, and what was
processed is then removed by the ids of its messages. Source: b24-rest-docs, "Offline events".
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.webhooks import Event
from integration.domain.calls.intents import Priority
from integration.domain.ids import AccountId
from integration.errors import AuthFailed, DozvonError, Rejected

_log = structlog.get_logger()

EVERY_SECONDS = 2.0  # of the portal's two requests a second one in four; a click waits a second on average
EVERY_SECONDS_BESIDE_POSTS = 60.0  # where clicks are posted: only a lost one is found here, and its card closed
FIRST_SECONDS_BESIDE_POSTS = 15.0  # after a start the phone book needs the portal's requests more
_FAILED_PAUSE_SECONDS = 10.0
_AT_ONCE = 50

Process = Callable[[Sequence[Event]], Awaitable[None]]


class OfflineEvents:
    """
    The kept events of one portal. One process at a time uses it.

    Args:
        is_on: whether events are fetched now; what is not bound to be kept never arrives.
    """

    def __init__(
        self,
        account: AccountId,
        transport: Transport,
        *,
        is_on: Callable[[], bool],
        every_seconds: float = EVERY_SECONDS,
        first_seconds: float = 0.0,
    ) -> None:
        self._account = account
        self._transport = transport
        self._is_on = is_on
        self._every_seconds = every_seconds
        self._first_seconds = first_seconds
        self._can_reserve: bool | None = None  # None: not asked yet
        self._has_left = True  # a process before us, or a request without an answer, may have reserved something
        self._is_failing = False

    async def run(self, process: Process) -> None:
        """Until cancelled. Logs a failure once, and goes on."""
        await asyncio.sleep(self._first_seconds)
        while True:
            pause = self._every_seconds
            try:
                if self._is_on() and await self.fetch(process) == _AT_ONCE:
                    pause = 0.0
                self._is_failing = False
            except DozvonError as exc:
                if not self._is_failing:
                    _log.warning("kept events not fetched", account_id=self._account, error=type(exc).__name__)
                self._is_failing = True
                pause = max(_FAILED_PAUSE_SECONDS, self._every_seconds)
            await asyncio.sleep(pause)

    async def fetch(self, process: Process) -> int:
        """
        Fetch and process the next events.

        Returns:
            How many there were; 50: there may be more.

        Raises:
            DozvonError: what the portal or `process` raised. Nothing was cleared.
        """
        if self._can_reserve is None:
            self._can_reserve = await self._asked_for_reservation()
        if not self._can_reserve:
            return await self._look_and_remove(process)
        if self._has_left:
            for left in await self._left():
                await self._work(await self._get({"process_id": left}), process, left)
        self._has_left = True  # until what is reserved now is cleared
        found = await self._get({})
        count = await self._work(found, process, str(found.get("process_id") or ""))
        self._has_left = False
        return count

    async def _work(self, found: Mapping[str, Any], process: Process, process_id: str) -> int:
        rows = _rows(found.get("events"))
        if rows:
            await process([event_of(each) for each in rows])
            await self._call("event.offline.clear", {"process_id": process_id})
        return len(rows)

    async def _look_and_remove(self, process: Process) -> int:
        order = {"ID": "ASC"}
        answer = await self._transport.call(
            "event.offline.list", {"order": order, "start": -1}, priority=Priority.CARD, reads=True
        )
        rows = _rows(answer.get("result"))[:_AT_ONCE]
        if rows:
            await process([event_of(each) for each in rows])
            seen = [str(each.get("MESSAGE_ID")) for each in rows]
            await self._call("event.offline.get", {"filter": {"@MESSAGE_ID": seen}, "clear": 1})
        return len(rows)

    async def _left(self) -> list[str]:
        """The process ids under which events are reserved."""
        answer = await self._transport.call(
            "event.offline.list", {"filter": {"!PROCESS_ID": ""}}, priority=Priority.CARD, reads=True
        )
        found = {str(each.get("PROCESS_ID") or "") for each in _rows(answer.get("result"))}
        return sorted(found - {""})

    async def _get(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        result = await self._call("event.offline.get", {"clear": 0, "limit": _AT_ONCE, **parameters})
        return result if isinstance(result, dict) else {}

    async def _asked_for_reservation(self) -> bool:
        try:
            result = await self._call("feature.get", {"CODE": "rest_offline_extended"})
        except AuthFailed:
            raise
        except Rejected:
            return False
        return isinstance(result, dict) and str(result.get("value")).upper() == "Y"

    async def _call(self, method: str, parameters: Mapping[str, Any]) -> Any:
        return (await self._transport.call(method, parameters, priority=Priority.CARD)).get("result")


def event_of(row: Mapping[str, Any]) -> Event:
    """A kept event as one that was posted; it comes from the portal's own answer, so it needs no proof."""
    data = row.get("EVENT_DATA")
    return Event(
        name=str(row.get("EVENT_NAME", "")).upper(),
        data=data if isinstance(data, dict) else {},
        at=_moment(row.get("TIMESTAMP_X")),
    )


def _rows(found: Any) -> list[Mapping[str, Any]]:
    rows = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [each for each in rows if isinstance(each, dict)]


def _moment(value: Any) -> float:
    """Unix seconds of an ISO time; 0: there is none."""
    try:
        found = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return 0.0
    return found.timestamp() if found.tzinfo is not None else 0.0
