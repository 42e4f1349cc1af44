"""What a card wants to know of its client, read with a deadline: a database that hangs holds up no events of a PBX.

What is not there in time is read in the background, until it is there; what a card looks like is `card.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from integration.domain.ids import AccountId, CallId
from integration.errors import DozvonError
from integration.services.ending import ended

log = structlog.get_logger()

Card = tuple[AccountId, CallId]

Read = TypeVar("Read")

_WAIT_SECONDS = 1.0  # for what is read in milliseconds
_AGAIN_SECONDS = 2.0  # after a refusal
_WORTH_SECONDS = 120.0  # later nobody needs it


class LateReads:
    """One of a process: while any read is late, the next ones are not waited for."""

    def __init__(self) -> None:
        self._late: dict[Card, asyncio.Task[None]] = {}

    async def in_time(
        self, card: Card, read: Callable[[], Coroutine[Any, Any, Read]], then: Callable[[Read | None], Awaitable[None]]
    ) -> Read | None:
        """
        What `read` gives, or None when it fails or takes too long: then it goes on in the background, and `then` gets
        what it gave when it has succeeded once, None when it is given up. A card whose read is late already
        gets None at once.
        """
        if card in self._late:
            return None
        reading = asyncio.create_task(read())
        try:
            await asyncio.wait({reading}, timeout=0.0 if self._late else _WAIT_SECONDS)
        except asyncio.CancelledError:
            await ended([reading])
            raise
        if reading.done() and not isinstance(reading.exception(), DozvonError):
            return reading.result()
        if card in self._late:  # another reader of this card was as late
            await ended([reading])
            return None
        log.warning("cards are shown without their client: the database does not answer", call_id=card[1])
        self._late[card] = asyncio.create_task(self._go_on(card, reading, read, then))
        return None

    async def _go_on(
        self,
        card: Card,
        reading: asyncio.Task[Read],
        read: Callable[[], Coroutine[Any, Any, Read]],
        then: Callable[[Read | None], Awaitable[None]],
    ) -> None:
        result: Read | None = None
        try:
            async with asyncio.timeout(_WORTH_SECONDS):
                while True:
                    try:
                        result = await reading
                        break
                    except DozvonError:
                        await asyncio.sleep(_AGAIN_SECONDS)
                        reading = asyncio.create_task(read())
        except TimeoutError:
            log.warning("a card stays without its client", call_id=card[1])
        finally:
            del self._late[card]
        await then(result)

    async def close(self) -> None:
        await ended(list(self._late.values()))
