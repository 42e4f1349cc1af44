"""When to try again: a decision as data, so that it is tested with a table of numbers.

Adapters do short retries inside one request, for example after a reset connection (`client.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.ids import Timestamp

_DELAYS_SECONDS = (2, 5, 15, 30, 60, 120, 300, 600, 1200, 1800)  # the last one again and again
_GIVE_UP_AFTER_SECONDS = 14 * 24 * 3600  # a CRM whose subscription is paid after two weeks still gets its calls


@dataclass(frozen=True, slots=True)
class RetryAt:
    when: Timestamp
    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    reason: str


def after_failure(
    *,
    attempts: int,
    queued_at: Timestamp,
    now: Timestamp,
    error: str,
    is_final: bool,
    retry_after_seconds: float | None = None,
    chance: float = 0.5,
) -> RetryAt | GiveUp:
    """
    Decide about an outbox item whose attempt failed.

    Args:
        attempts: how many were made, this one included; at least 1.
        queued_at: nothing is put off for longer than it has waited already.
        is_final: the other side refused the request (`Rejected`), and would refuse it again unchanged.
        retry_after_seconds: what the other side asked for; never undercut.
        chance: 0 to 1, spreads the retries of many items over 80 to 120 % of the delay.

    Returns:
        `RetryAt` later than `now`, or `GiveUp` (a dead letter with a button, never silence).
    """
    if is_final:
        return GiveUp(error)
    if now - queued_at > _GIVE_UP_AFTER_SECONDS:
        return GiveUp(f"not delivered within {_GIVE_UP_AFTER_SECONDS // 86400} days; last error: {error}")
    step: float = _DELAYS_SECONDS[min(attempts, len(_DELAYS_SECONDS)) - 1]
    # Attempts come fast where an item waits for something else, or its CRM comes and goes: then the count means little.
    step = min(step, max(now - queued_at, _DELAYS_SECONDS[0]))
    delay = max(step * (0.8 + 0.4 * chance), retry_after_seconds or 0.0)
    return RetryAt(Timestamp(now + delay), error)
