"""A request rate with a burst, as the other side counts it: a leaky bucket. Times are seconds of any one clock."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyBucket:
    """Each request fills it by one, it drains by `per_second`, and what would fill it above `holds` is refused."""

    holds: float
    per_second: float

    def part(self, of: int) -> LeakyBucket:
        """One of `of` equal parts."""
        return LeakyBucket(holds=self.holds / of, per_second=self.per_second / of)

    def room(self, share: float) -> float:
        """How full a request may make it that may use this share of it: at least one request at a time."""
        return max(1.0, self.holds * share)


@dataclass(frozen=True, slots=True)
class Level:
    """How full a bucket is. Nothing is sent before `paused_until`."""

    filled: float = 0.0
    at: float = 0.0
    paused_until: float = 0.0

    def wait_seconds(self, bucket: LeakyBucket, share: float, now: float) -> float:
        """How long a request has to wait that may fill this share of the bucket; 0: it may be sent now."""
        over = self._drained(bucket, now) + 1 - bucket.room(share)
        return max(0.0, over / bucket.per_second, self.paused_until - now)

    def poured(self, bucket: LeakyBucket, now: float) -> Level:
        """After one more request."""
        return replace(self, filled=self._drained(bucket, now) + 1, at=now)

    def overflowed(self, bucket: LeakyBucket, pause_seconds: float, now: float) -> Level:
        """The other side says that it is full: it knows better, because others may fill it, too."""
        until = max(self.paused_until, now + pause_seconds)
        return Level(filled=bucket.holds, at=now, paused_until=until)

    def _drained(self, bucket: LeakyBucket, now: float) -> float:
        return max(0.0, self.filled - max(0.0, now - self.at) * bucket.per_second)
