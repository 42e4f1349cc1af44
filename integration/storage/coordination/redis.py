"""Short-lived state that processes share, in Redis: tickets, "once" and fan-out.

All of it may be lost: flushing or restarting Redis only costs time. While Redis is away subscribers keep trying to
connect, and the other methods raise `Unavailable`.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import textwrap
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as ConnectingTookTooLong

from integration.domain.rates import LeakyBucket
from integration.errors import ConfigError, StorageUnavailable
from integration.ports.coordination import Pace, Turn
from integration.storage.coordination import buckets, turns
from integration.storage.coordination.memory import TICKET_BYTES

log = structlog.get_logger()

_PREFIX = "dozvon:"
_ANSWER_SECONDS = 2.0  # Redis answers within a millisecond, but a busy process may read the answer a second late
_SILENT_SECONDS = 3.0  # after no answer, nobody asks for this long; otherwise each caller would wait in turn
_PING_SECONDS = 5.0  # finds a subscriber's connection that died silently
_IDLE_SECONDS = 15.0  # a connection unused for longer is tested before use
_ASKED = "still there?"  # our own text, because redis-py hides the answers to its own pings
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0

_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class RedisCoordination:
    """Implements `ports.Coordination`. Connects at the first use."""

    def __init__(self, url: str) -> None:
        """Raises: ConfigError if this is not an address of Redis."""
        try:
            self._redis: Redis = Redis.from_url(
                url,
                decode_responses=True,
                # No timeout of redis-py: it uses `asyncio.wait_for`, which in Python 3.11 loses a cancellation that
                # comes together with the result (cpython issue 86296), so a cancelled task would go on.
                socket_timeout=None,
                socket_connect_timeout=_ANSWER_SECONDS,
                health_check_interval=_IDLE_SECONDS,
                # After a restart of Redis each connection fails once. No retry after a timeout: it was long enough.
                retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 3, supported_errors=(ConnectionLost,)),
            )
        except ValueError as exc:
            raise ConfigError("The Redis address cannot be read. Write redis://host:6379/0.") from exc
        self.problem: str | None = None
        self._silent_until = 0.0  # on the loop's clock
        self._count = self._redis.register_script(_COUNT)
        self._take_turn = self._redis.register_script(turns.TAKE)  # redis-py sends it again after a flush
        self._end_turn = self._redis.register_script(turns.END)
        self._put_off_turns = self._redis.register_script(turns.PUT_OFF)
        self._pour = self._redis.register_script(buckets.POUR)
        self._overflow = self._redis.register_script(buckets.OVERFLOW)

    async def issue_ticket(self, payload: dict[str, Any], *, ttl_seconds: float) -> str:
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        async with self._answering():
            await self._redis.set(_ticket_key(ticket), json.dumps(payload), px=_milliseconds(ttl_seconds))
        return ticket

    async def take_ticket(self, ticket: str) -> dict[str, Any] | None:
        if not ticket.isascii():  # comes from outside; lone surrogates cannot be sent
            return None
        async with self._answering():
            text = await self._redis.getdel(_ticket_key(ticket))
        if text is None:
            return None
        payload: dict[str, Any] = json.loads(text)
        return payload

    async def once(self, key: str, *, ttl_seconds: float) -> bool:
        async with self._answering():
            return bool(await self._redis.set(f"{_PREFIX}once:{key}", "1", nx=True, px=_milliseconds(ttl_seconds)))

    async def mark(self, key: str, *, ttl_seconds: float) -> None:
        async with self._answering():
            await self._redis.set(f"{_PREFIX}mark:{key}", "1", px=_milliseconds(ttl_seconds))

    async def is_marked(self, key: str) -> bool:
        async with self._answering():
            return bool(await self._redis.exists(f"{_PREFIX}mark:{key}"))

    async def count(self, key: str, *, ttl_seconds: float) -> int:
        async with self._answering():
            return int(await self._count(keys=[_count_key(key)], args=[_milliseconds(ttl_seconds)]))

    async def forget_count(self, key: str) -> None:
        async with self._answering():
            await self._redis.delete(_count_key(key))

    async def take_turn(self, queue: str, pace: Pace) -> Turn:
        turn = uuid.uuid4().hex
        arguments: list[float | str] = [
            1000 / pace.per_second,
            pace.most,
            _milliseconds(pace.window_seconds),
            turn,
            _milliseconds(turns.LOST_SECONDS),
            _milliseconds(turns.LOOK_AGAIN_SECONDS),
            _milliseconds(turns.KEPT_SECONDS),
        ]
        async with self._answering():
            wait = int(await self._take_turn(keys=[_turns_key(queue)], args=arguments))
        return Turn(None, wait / 1000) if wait else Turn(turn)

    async def end_turn(self, queue: str, turn: str) -> None:
        async with self._answering():
            await self._end_turn(keys=[_turns_key(queue)], args=[turn])

    async def put_off_turns(self, queue: str, seconds: float) -> None:
        arguments = [_milliseconds(seconds), _milliseconds(turns.KEPT_SECONDS)]
        async with self._answering():
            await self._put_off_turns(keys=[_turns_key(queue)], args=arguments)

    async def pour(self, name: str, bucket: LeakyBucket, *, share: float) -> float:
        arguments = [bucket.holds, bucket.per_second / 1000, bucket.room(share), _milliseconds(buckets.KEPT_SECONDS)]
        async with self._answering():
            return int(await self._pour(keys=[_bucket_key(name)], args=arguments)) / 1000

    async def overflow(self, name: str, bucket: LeakyBucket, *, pause_seconds: float) -> None:
        arguments = [bucket.holds, _milliseconds(pause_seconds), _milliseconds(buckets.KEPT_SECONDS)]
        async with self._answering():
            await self._overflow(keys=[_bucket_key(name)], args=arguments)

    async def publish(self, channel: str, *messages: dict[str, Any]) -> None:
        async with self._answering():
            if len(messages) == 1:
                await self._redis.publish(_PREFIX + channel, json.dumps(messages[0]))
                return
            sending = self._redis.pipeline(transaction=False)
            for message in messages:
                sending.publish(_PREFIX + channel, json.dumps(message))
            await sending.execute()

    async def subscribe(self, channel: str) -> AsyncIterator[dict[str, Any]]:
        """Ends only when the reader stops. Messages published while Redis is away are lost."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with aclosing(self._messages(channel)) as messages:
                    async for message in messages:
                        if pause > _FIRST_PAUSE_SECONDS:
                            log.info("Redis is back", channel=channel)
                        pause = _FIRST_PAUSE_SECONDS
                        if message is not None:
                            yield message
            except (RedisError, OSError) as exc:
                if pause == _FIRST_PAUSE_SECONDS:
                    log.warning("Redis is away", channel=channel, error=_words(exc))
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """
        Wraps each request. Raises: Unavailable, for a while at once after Redis did not answer; then one request tries
        before the others.
        """
        loop = asyncio.get_running_loop()
        if loop.time() < self._silent_until:
            raise StorageUnavailable("Redis did not answer a moment ago.")
        if self._silent_until:
            self._silent_until = loop.time() + _ANSWER_SECONDS
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                yield
        except (TimeoutError, ConnectingTookTooLong) as exc:
            self._silent_until = loop.time() + _SILENT_SECONDS
            self.problem = "Redis does not answer."
            raise StorageUnavailable(self.problem) from exc
        except (RedisError, OSError) as exc:
            self._silent_until = 0.0
            self.problem = f"Redis cannot be used: {_words(exc)}."
            raise StorageUnavailable(self.problem) from exc
        self._silent_until, self.problem = 0.0, None

    async def _messages(self, channel: str) -> AsyncGenerator[dict[str, Any] | None, None]:
        """Messages of one connection; None for a sign of life. Ends by raising."""
        async with self._redis.pubsub() as pubsub:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await pubsub.subscribe(_PREFIX + channel)
            is_asked = False
            while True:
                async with asyncio.timeout(_PING_SECONDS + _ANSWER_SECONDS):  # connects again if necessary
                    got = await pubsub.get_message(timeout=_ANSWER_SECONDS if is_asked else _PING_SECONDS)
                if got is None:
                    if is_asked:
                        raise ConnectionLost("silent")
                    is_asked = True
                    async with asyncio.timeout(_ANSWER_SECONDS):
                        await pubsub.ping(_ASKED)
                    continue
                is_asked = False
                if got["type"] != "message":
                    yield None
                elif (message := _read(got["data"], channel)) is not None:
                    yield message


def _words(exc: Exception) -> str:
    """The error, cut to 200 characters: Redis explains at length what to do (missing password, protected mode)."""
    return textwrap.shorten(str(exc) or type(exc).__name__, 200, placeholder=" …").rstrip(".")


def _read(text: str, channel: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if isinstance(message, dict):
        return message
    log.warning("unreadable message on our Redis channel", channel=channel)
    return None


def _ticket_key(ticket: str) -> str:
    return f"{_PREFIX}ticket:{ticket}"


def _count_key(key: str) -> str:
    return f"{_PREFIX}count:{key}"


def _bucket_key(name: str) -> str:
    return f"{_PREFIX}bucket:{name}"


def _turns_key(queue: str) -> str:
    return f"{_PREFIX}turns:{queue}"


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
