"""Levels of leaky buckets that processes share. One rule, twice: in Python (`domain/rates.py`) and as a Redis script.

A bucket whose state was lost is taken to be half full: requests of before may still fill the other side's. Redis counts
in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable

from integration.domain.rates import LeakyBucket, Level

LOST = 0.5  # of a bucket
KEPT_SECONDS = 7 * 86_400.0  # an unused bucket

# KEYS[1]: the bucket. ARGV: holds, requests a millisecond, room, kept (milliseconds).
POUR = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local raw = redis.call('GET', KEYS[1])
local level = raw and cjson.decode(raw) or {filled = tonumber(ARGV[1]) * 0.5, at = now, paused = 0}
local filled = math.max(0, level.filled - math.max(0, now - level.at) * tonumber(ARGV[2]))
local wait = math.max(0, (filled + 1 - tonumber(ARGV[3])) / tonumber(ARGV[2]), level.paused - now)
if wait <= 0 then
  level.filled = filled + 1
  level.at = now
end
if wait <= 0 or not raw then redis.call('SET', KEYS[1], cjson.encode(level), 'PX', ARGV[4]) end
return math.ceil(wait)
"""
# KEYS[1]: the bucket. ARGV: holds, pause, kept (milliseconds).
OVERFLOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local raw = redis.call('GET', KEYS[1])
local paused = raw and cjson.decode(raw).paused or 0
local level = {filled = tonumber(ARGV[1]), at = now, paused = math.max(paused, now + tonumber(ARGV[2]))}
redis.call('SET', KEYS[1], cjson.encode(level), 'PX', ARGV[3])
"""


class Buckets:
    """The levels within one process, by name."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._levels: dict[str, Level] = {}

    def pour(self, name: str, bucket: LeakyBucket, share: float) -> float:
        now = self._monotonic()
        level = self._levels.setdefault(name, Level(filled=bucket.holds * LOST, at=now))
        wait = level.wait_seconds(bucket, share, now)
        if wait <= 0:
            self._levels[name] = level.poured(bucket, now)
        return wait

    def overflow(self, name: str, bucket: LeakyBucket, pause_seconds: float) -> None:
        level = self._levels.get(name, Level())
        self._levels[name] = level.overflowed(bucket, pause_seconds, self._monotonic())
