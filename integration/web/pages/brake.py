"""Limits attempts to guess a password or a code: counts them before any comparison, over all processes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import structlog

from integration.errors import Unavailable
from integration.ports.coordination import Coordination

log = structlog.get_logger()

_RULES = ((5, 60.0), (30, 3600.0))
"""Limits for one subject from one address: attempts and seconds. A person mistypes a few times; a program that guesses
tries thousands."""

_RULES_OF_ADDRESS = ((30, 60.0), (300, 3600.0))
"""Limits for all subjects together: an office has one address, a guesser tries many logins."""

_RULES_OF_KEYS = ((30, 60.0), (300, 3600.0))
"""Limits for wrong API keys from one address. A key cannot be guessed: they bound the load and the log."""


class SignInBrake:
    """
    Counts attempts by address and subject, over all processes. While the coordination is unavailable each process
    counts alone: an administrator can still sign in, and a guesser gets the allowed attempts at each process.

    A subject is what is guessed: one login, the configuration file's password (empty), a code. Signing in forgets the
    attempts at the same subject only; else an administrator could guess another's password between own sign-ins.
    """

    def __init__(self, shared: Coordination, own: Coordination) -> None:
        """`own`: the coordination of this process alone."""
        self._shared = shared
        self._own = own

    async def seconds_to_wait(self, address: str, subject: str = "") -> int:
        """Count an attempt, also a refused one. Returns how long to wait; 0 if it is allowed."""
        limits = [(_key(address, seconds, subject), most, seconds) for most, seconds in _RULES]
        limits += [(f"sign-ins:{seconds:.0f}:{address}", most, seconds) for most, seconds in _RULES_OF_ADDRESS]
        return await self._counted(limits)

    async def seconds_to_wait_with_key(self, address: str) -> int:
        """
        Count a wrong API key. Returns as `seconds_to_wait`.

        They are counted apart: a program that goes on with a revoked key must not keep people of its office out.
        """
        rules = ((f"api-keys:{seconds:.0f}:{address}", most, seconds) for most, seconds in _RULES_OF_KEYS)
        return await self._counted(list(rules))

    async def forget(self, address: str, subject: str = "") -> None:
        """It was right: forget the attempts at this subject."""
        for each in (self._shared, self._own):
            try:
                for _, seconds in _RULES:
                    await each.forget_count(_key(address, seconds, subject))
            except Unavailable:
                continue  # the attempts stay counted until their time is over

    async def _counted(self, limits: Sequence[_Limit]) -> int:
        try:
            return await _counted(self._shared, limits)
        except Unavailable as exc:
            log.warning("sign-ins are counted by this process alone", error=str(exc))
            return await _counted(self._own, limits)


_Limit = tuple[str, int, float]
"""A count's key, the most that is allowed, and within how many seconds."""


async def _counted(coordination: Coordination, limits: Sequence[_Limit]) -> int:
    wait = 0.0
    for key, most, seconds in limits:
        if await coordination.count(key, ttl_seconds=seconds) > most:
            wait = max(wait, seconds)
    return int(wait)


def _key(address: str, seconds: float, subject: str) -> str:
    """`subject` comes from outside: it is neither long nor readable in Redis."""
    what = f":{hashlib.sha256(subject.encode()).hexdigest()[:32]}" if subject else ""
    return f"sign-in:{seconds:.0f}:{address}{what}"
