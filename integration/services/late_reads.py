"""Reads a client's data for a card with a deadline: a database that hangs must not delay a PBX's events.

A late read continues in the background until it succeeds. `card.py` builds the card.
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

_WAIT_SECONDS = 1.0  # a read normally takes milliseconds
_AGAIN_SECONDS = 2.0  # after an error
_WORTH_SECONDS = 120.0  # after this nobody needs the card


class LateReads:
    """One for each process: while any read is late, it does not wait for others."""

    def __init__(self) -> None:
        self._late: dict[Card, asyncio.Task[None]] = {}

    async def in_time(
        self, card: Card, read: Callable[[], Coroutine[Any, Any, Read]], then: Callable[[Read | None], Awaitable[None]]
    ) -> Read | None:
        """
        Return the result of `read`, or None if it fails or takes too long. It then continues in the background, and
        `then` gets the result of the first success, or None after the last try. While a card's read is late, further
        calls for this card return None at once.
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
