"""The portal's two limits: a leaky bucket of requests, and the execution time of each method.

They do not apply to a self-hosted portal.
"""

from __future__ import annotations

from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.portal import Portal
from connectors.bitrix24.sandbox.sandbox import Sandbox


def admit(sandbox: Sandbox, portal: Portal, address: str) -> None:
    """
    Count a request into the bucket of the portal and the sender's address. A refused one does not count.

    Raises:
        RestError: 503 `QUERY_LIMIT_EXCEEDED`.
    """
    if portal.kind != "cloud":
        return
    settings = sandbox.settings
    burst = settings.enterprise_burst if portal.is_enterprise else settings.requests_burst
    drain = settings.enterprise_per_second if portal.is_enterprise else settings.requests_per_second
    now = sandbox.now()
    level, at = sandbox.buckets.get((portal.member_id, address), (0.0, now))
    level = max(0.0, level - (now - at) * drain)
    if level + 1 > burst:
        sandbox.buckets[portal.member_id, address] = (level, now)
        raise RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
    sandbox.buckets[portal.member_id, address] = (level + 1, now)


class Operating:
    """The execution time of one method for one application: one-minute buckets of the last ten minutes."""

    def __init__(self, sandbox: Sandbox, portal: Portal, client: str, method: str) -> None:
        self._sandbox = sandbox
        self._is_limited = portal.kind == "cloud"
        self._buckets = sandbox.operating.setdefault((portal.member_id, client, method), {})

    def _trim(self) -> None:
        settings = self._sandbox.settings
        oldest = self._sandbox.now() - settings.operating_window_seconds
        for start in [each for each in self._buckets if each + settings.operating_bucket_seconds <= oldest]:
            del self._buckets[start]

    def check(self) -> None:
        """
        Raises:
            RestError: 429 `OPERATION_TIME_LIMIT`, before execution.
        """
        self._trim()
        if self._is_limited and self.spent >= self._sandbox.settings.operating_limit_seconds:
            raise RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)

    def add(self, seconds: float) -> None:
        size = self._sandbox.settings.operating_bucket_seconds
        start = int(self._sandbox.now()) // size * size
        self._buckets[start] = self._buckets.get(start, 0.0) + seconds

    @property
    def spent(self) -> float:
        """Seconds in the window, of all calls together."""
        return sum(self._buckets.values())

    @property
    def reset_at(self) -> int:
        """Unix seconds when the oldest part of the time is forgotten."""
        settings = self._sandbox.settings
        oldest = min(self._buckets, default=int(self._sandbox.now()))
        return oldest + settings.operating_bucket_seconds + settings.operating_window_seconds
