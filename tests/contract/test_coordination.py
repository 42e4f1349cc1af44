"""What every Coordination does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis.asyncio

from integration.domain.rates import LeakyBucket
from integration.errors import ConfigError, Unavailable
from integration.ports.coordination import Coordination, Pace
from integration.services.ending import ended
from integration.storage import open_coordination
from integration.storage.coordination import redis as redis_coordination
from integration.storage.coordination.memory import InProcessCoordination
from integration.storage.coordination.redis import RedisCoordination
from integration.storage.coordination.turns import LOST_SECONDS, TurnQueue
from tests.lab.relay import Relay

DEADLINE_SECONDS = 30.0


def _are_ports(first: InProcessCoordination, second: RedisCoordination) -> tuple[Coordination, Coordination]:
    return first, second  # read by the type checker


async def _until(condition: Callable[[], bool], act: Callable[[], Any] | None = None) -> None:
    """Wait for another process (Redis), calling `act` at each look."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        if act is not None:
            await act()
        await asyncio.sleep(0.01)


async def test_a_ticket_is_taken_once(coordination: Coordination) -> None:
    payload = {"account": "office", "n": [1, None], "name": "Ж\x00"}
    ticket = await coordination.issue_ticket(payload, ttl_seconds=60)
    assert ticket != await coordination.issue_ticket(payload, ttl_seconds=60)
    taken = await asyncio.gather(*(coordination.take_ticket(ticket) for _ in range(5)))
    assert [t for t in taken if t is not None] == [payload]


@pytest.mark.parametrize("ticket", ["", "nobody's", "x" * 10_000, "\x00", "\ud800", "Ж"])
async def test_a_made_up_ticket_is_none(coordination: Coordination, ticket: str) -> None:
    assert await coordination.take_ticket(ticket) is None


async def test_a_ticket_runs_out(coordination: Coordination) -> None:
    ticket = await coordination.issue_ticket({}, ttl_seconds=0.001)
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 0.02)
    assert await coordination.take_ticket(ticket) is None


async def test_once_is_once_within_its_time(coordination: Coordination) -> None:
    key = uuid4().hex
    answers = await asyncio.gather(*(coordination.once(key, ttl_seconds=60) for _ in range(5)))
    assert sorted(answers) == [False, False, False, False, True]
    assert await coordination.once(uuid4().hex, ttl_seconds=60)
    short = uuid4().hex
    assert await coordination.once(short, ttl_seconds=0.001)
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 0.02)
    assert await coordination.once(short, ttl_seconds=60)


async def test_a_count_is_of_all_who_count_and_runs_out(coordination: Coordination) -> None:
    key = uuid4().hex
    counts = await asyncio.gather(*(coordination.count(key, ttl_seconds=60) for _ in range(5)))
    assert sorted(counts) == [1, 2, 3, 4, 5]
    await coordination.forget_count(key)
    assert await coordination.count(key, ttl_seconds=0.001) == 1
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 0.02)
    assert await coordination.count(key, ttl_seconds=60) == 1


async def test_counting_on_does_not_put_the_end_off(coordination: Coordination) -> None:
    """Otherwise a guesser could keep an administrator out forever."""
    key = uuid4().hex
    until = time.monotonic() + 0.05
    await coordination.count(key, ttl_seconds=0.05)
    while time.monotonic() < until:
        await coordination.count(key, ttl_seconds=60)
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 0.02)
    assert await coordination.count(key, ttl_seconds=60) < 5


async def _collect(messages: AsyncIterator[dict[str, Any]], into: list[dict[str, Any]]) -> None:
    async for message in messages:
        into.append(message)


async def test_every_subscriber_of_the_channel_gets_each_message_in_order(coordination: Coordination) -> None:
    channel, heard = uuid4().hex, ([], [], [])  # type: tuple[str, tuple[list[Any], list[Any], list[Any]]]
    channels = (channel, channel, channel + "-other")
    readers = [
        asyncio.create_task(_collect(coordination.subscribe(c), h)) for c, h in zip(channels, heard, strict=True)
    ]
    await _until(lambda: all(heard[:2]), lambda: coordination.publish(channel, {"n": -1}))
    for number in range(0, 50, 5):
        await coordination.publish(channel, {"n": number, "text": "Ж"})
        await coordination.publish(channel, *({"n": number + more, "text": "Ж"} for more in range(1, 5)))
    await _until(lambda: all({"n": 49, "text": "Ж"} in h for h in heard[:2]))
    for got in heard[:2]:
        assert [message["n"] for message in got if message["n"] >= 0] == list(range(50))
    assert heard[2] == []
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    await coordination.publish(channel, {"nobody": "listens"})


async def test_a_subscriber_that_does_not_read_loses_the_oldest_only() -> None:
    coordination = InProcessCoordination()
    messages = coordination.subscribe("c")
    first = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)
    for number in range(10_002):
        await coordination.publish("c", {"n": number})
    assert (await first) == {"n": 2}
    assert (await anext(messages)) == {"n": 3}


async def test_tickets_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.storage.coordination.memory._MOST_KEPT", 10)
    coordination = InProcessCoordination()
    tickets = [await coordination.issue_ticket({}, ttl_seconds=60) for _ in range(12)]
    assert await coordination.take_ticket(tickets[0]) is None
    assert await coordination.take_ticket(tickets[11]) == {}


async def test_a_mark_holds_for_its_time(coordination: Coordination) -> None:
    key = uuid4().hex
    assert not await coordination.is_marked(key)
    await coordination.mark(key, ttl_seconds=60)
    await coordination.mark(key, ttl_seconds=60)
    assert await coordination.is_marked(key)
    short = uuid4().hex
    await coordination.mark(short, ttl_seconds=0.001)
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 0.02)
    assert not await coordination.is_marked(short)


@dataclass(frozen=True, slots=True)
class _Turn:
    """
    A turn that was granted between two moments of this process: before it was asked for, and after the answer.

    The moment itself is the queue's. A busy machine makes the span longer and no more: `latest` of a later turn less
    `earliest` of an earlier one is never shorter than the gap between them.
    """

    id: str
    earliest: float
    latest: float
    asked: int  # times


async def _turn(coordination: Coordination, queue: str, pace: Pace) -> _Turn:
    """Ask until it is our turn."""
    asked = 1
    async with asyncio.timeout(DEADLINE_SECONDS):
        earliest = time.monotonic()
        while (turn := await coordination.take_turn(queue, pace)).id is None:
            assert turn.wait_seconds > 0
            await asyncio.sleep(turn.wait_seconds)
            asked, earliest = asked + 1, time.monotonic()
    return _Turn(turn.id, earliest, time.monotonic(), asked)


async def test_turns_are_evenly_spaced_over_all_who_ask(coordination: Coordination) -> None:
    queue, pace = uuid4().hex, Pace(per_second=50, most=100, window_seconds=0.1)
    began = time.monotonic()
    turns = await asyncio.gather(*(_turn(coordination, queue, pace) for _ in range(10)))
    assert len({turn.id for turn in turns}) == 10
    first, last = min(turn.latest for turn in turns), max(turn.latest for turn in turns)
    assert first - began > 0.09  # an unknown queue: others may have sent a moment ago
    assert last - min(turn.earliest for turn in turns) > 0.15  # 9 gaps of 20 ms, of which one may be caught up


async def test_a_turn_that_is_taken_late_does_not_put_off_those_after_it(coordination: Coordination) -> None:
    """Only one gap is caught up: after a long wait the second turn follows at once, the third does not."""
    queue, pace = uuid4().hex, Pace(per_second=1, most=7, window_seconds=0.01)
    await _turn(coordination, queue, pace)
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 2.2)
    second = await _turn(coordination, queue, pace)
    assert (await _turn(coordination, queue, pace)).asked == 1
    assert (await _turn(coordination, queue, pace)).latest - second.earliest > 0.9


async def test_the_turn_after_a_full_window_waits_for_the_oldest_to_end(coordination: Coordination) -> None:
    queue, pace = uuid4().hex, Pace(per_second=1000, most=2, window_seconds=0.1)
    first = await _turn(coordination, queue, pace)
    await _turn(coordination, queue, pace)
    before = time.monotonic()
    await _until(lambda: time.monotonic() - before > 0.15)
    assert (await coordination.take_turn(queue, pace)).id is None  # the first may not even have arrived
    ending = time.monotonic()
    await coordination.end_turn(queue, first.id)
    assert (await _turn(coordination, queue, pace)).latest - ending > 0.09
    await coordination.end_turn(queue, "nobody's")
    await coordination.end_turn(uuid4().hex, "nobody's")


async def test_a_queue_can_be_put_off(coordination: Coordination) -> None:
    queue, pace = uuid4().hex, Pace(per_second=1000, most=7, window_seconds=0.01)
    await coordination.put_off_turns(queue, 60)
    assert (await coordination.take_turn(queue, pace)).wait_seconds == pytest.approx(60, abs=5)


# ---- buckets


async def _poured(coordination: Coordination, name: str, bucket: LeakyBucket, share: float) -> int:
    """How many requests fit now."""
    count = 0
    while await coordination.pour(name, bucket, share=share) <= 0:
        count += 1
    return count


async def test_all_who_ask_fill_one_bucket(coordination: Coordination) -> None:
    """One process may use it all: nobody has a part that is wasted while others wait."""
    name, bucket = uuid4().hex, LeakyBucket(holds=40, per_second=0.01)
    assert await _poured(coordination, name, bucket, 1.0) == 20  # a lost level counts as half
    assert await coordination.pour(name, bucket, share=1.0) == pytest.approx(100, abs=5)
    assert await _poured(coordination, uuid4().hex, bucket, 1.0) == 20  # another one is another one


async def test_what_can_wait_leaves_room_for_what_cannot(coordination: Coordination) -> None:
    name, bucket = uuid4().hex, LeakyBucket(holds=40, per_second=0.01)
    counts = [await _poured(coordination, name, bucket, share) for share in (0.25, 0.75, 1.0)]
    assert counts == [0, 10, 10]


async def test_a_bucket_drains(coordination: Coordination) -> None:
    name, bucket = uuid4().hex, LeakyBucket(holds=2, per_second=20)
    await _poured(coordination, name, bucket, 1.0)
    began, count = time.monotonic(), 0
    while count < 10:
        wait = await coordination.pour(name, bucket, share=1.0)
        count += wait <= 0
        await asyncio.sleep(wait)
    assert time.monotonic() - began >= 0.35


async def test_a_refusal_pauses_everybody(coordination: Coordination) -> None:
    name, bucket = uuid4().hex, LeakyBucket(holds=40, per_second=1000)
    await coordination.overflow(name, bucket, pause_seconds=60)
    await coordination.overflow(name, bucket, pause_seconds=1)
    assert await coordination.pour(name, bucket, share=1.0) == pytest.approx(60, abs=5)


def test_a_turn_whose_process_died_counts_as_over_in_the_end() -> None:
    now = [0.0]
    pace = Pace(per_second=1, most=1, window_seconds=1)
    queue = TurnQueue(lambda: now[0])
    assert queue.take(pace).id is not None
    now[0] = LOST_SECONDS - 1
    assert queue.take(pace).id is None
    now[0] = LOST_SECONDS + 1
    assert queue.take(pace).id is not None


@pytest.mark.servers
async def test_a_flushed_and_cut_redis_costs_a_moment(redis_url: str) -> None:
    coordination = RedisCoordination(redis_url)
    server = redis.asyncio.Redis.from_url(redis_url)
    channel = uuid4().hex
    heard: list[dict[str, Any]] = []
    reader = asyncio.create_task(_collect(coordination.subscribe(channel), heard))
    await _until(lambda: bool(heard), lambda: coordination.publish(channel, {"n": 1}))
    await server.flushall()
    await server.client_kill_filter(_type="pubsub")
    heard.clear()
    await _until(lambda: bool(heard), lambda: coordination.publish(channel, {"n": 2}))
    await server.publish(f"dozvon:{channel}", "no JSON")
    await server.publish(f"dozvon:{channel}", "[]")
    await _until(lambda: {"n": 3} in heard, lambda: coordination.publish(channel, {"n": 3}))
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    await coordination.close()
    await server.aclose()


@pytest.mark.servers
async def test_kept_connections_that_a_restart_has_cut_are_replaced_unnoticed(redis_url: str) -> None:
    """The first page after a restart of Redis was refused: an old connection fails once before it is replaced."""
    coordination = RedisCoordination(redis_url)
    server = redis.asyncio.Redis.from_url(redis_url)
    await asyncio.gather(*(coordination.issue_ticket({}, ttl_seconds=60) for _ in range(5)))
    await server.client_kill_filter(_type="normal", skipme=True)
    for _ in range(5):
        ticket = await coordination.issue_ticket({"n": 1}, ttl_seconds=60)
        assert await coordination.take_ticket(ticket) == {"n": 1}
    await coordination.close()
    await server.aclose()


def _through(relay: Relay, redis_url: str) -> str:
    return redis_url.replace(f":{urlsplit(redis_url).port}", f":{relay.port}")


@pytest.mark.servers
async def test_a_redis_that_does_not_answer_is_waited_for_once(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise many requests in a row would each wait the whole time: cards, pacing, connecting pages."""
    monkeypatch.setattr(redis_coordination, "_ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(redis_coordination, "_SILENT_SECONDS", 2.0)
    async with Relay(urlsplit(redis_url).port or 6379) as relay:
        coordination = RedisCoordination(_through(relay, redis_url))
        assert await coordination.once(uuid4().hex, ttl_seconds=60)
        relay.freeze()
        with pytest.raises(Unavailable, match="does not answer"):
            await coordination.once(uuid4().hex, ttl_seconds=60)
        async with asyncio.timeout(10.0):  # in a row they would wait for twenty
            for _ in range(20):
                with pytest.raises(Unavailable, match="a moment ago"):
                    await coordination.publish("c", {})

        answers: list[bool] = []

        async def ask() -> None:
            with contextlib.suppress(Unavailable):
                answers.append(await coordination.once(uuid4().hex, ttl_seconds=60))

        await _until(lambda: bool(answers), ask)
        await coordination.publish("c", {})
        await coordination.close()


@pytest.mark.servers
async def test_a_subscriber_notices_that_its_connection_has_died_without_a_word(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_coordination, "_ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(redis_coordination, "_PING_SECONDS", 0.3)
    channel, heard = uuid4().hex, list[dict[str, Any]]()
    publisher = RedisCoordination(redis_url)
    async with Relay(urlsplit(redis_url).port or 6379) as relay:
        subscriber = RedisCoordination(_through(relay, redis_url))
        reader = asyncio.create_task(_collect(subscriber.subscribe(channel), heard))
        await _until(lambda: bool(heard), lambda: publisher.publish(channel, {"n": 1}))
        relay.freeze()
        heard.clear()
        await _until(lambda: bool(heard), lambda: publisher.publish(channel, {"n": 2}))
        await ended([reader])
        await subscriber.close()
    await publisher.close()


@pytest.mark.servers
async def test_a_quiet_subscription_is_kept(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_coordination, "_PING_SECONDS", 0.02)
    coordination = RedisCoordination(redis_url)
    messages = coordination._messages(uuid4().hex)
    for _ in range(10):  # its subscription, and the answers to its pings
        assert await anext(messages) is None
    await messages.aclose()
    await coordination.close()


@pytest.mark.servers
async def test_a_cancellation_is_heard_at_any_moment_of_a_question(redis_url: str) -> None:
    """With redis-py's own timeout on Python 3.11 a third of these went on forever."""
    coordination = RedisCoordination(redis_url)

    async def publish_forever() -> None:
        while True:
            await coordination.publish("c", {})

    for turns_of_the_loop in range(40):
        for _ in range(3):
            task = asyncio.create_task(publish_forever())
            for _ in range(turns_of_the_loop):
                await asyncio.sleep(0)
            task.cancel()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asyncio.wait([task])
            assert task.cancelled()
    await coordination.close()


async def test_without_redis_it_says_so() -> None:
    with pytest.raises(ConfigError, match="redis://"):
        open_coordination("http://nowhere")
    coordination = open_coordination("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        await coordination.once("k", ttl_seconds=1)
    await coordination.close()
