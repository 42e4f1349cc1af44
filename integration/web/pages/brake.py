"""Limits attempts to guess the password: counts them before any comparison, over all processes."""

from __future__ import annotations

import structlog

from integration.errors import Unavailable
from integration.ports.coordination import Coordination

log = structlog.get_logger()

_RULES = ((5, 60.0), (30, 3600.0))
"""Limits: attempts and seconds. A person mistypes a few times; a program that guesses tries thousands."""


class SignInBrake:
    """
    Counts attempts by address, over all processes. While the coordination is unavailable each process counts alone: an
    administrator can still sign in, and a guesser gets the allowed attempts at each process.
    """

    def __init__(self, shared: Coordination, own: Coordination) -> None:
        """`own`: the coordination of this process alone."""
        self._shared = shared
        self._own = own

    async def seconds_to_wait(self, address: str) -> int:
        """Count an attempt, also a refused one. Returns how long to wait; 0 if it is allowed."""
        try:
            return await _counted(self._shared, address)
        except Unavailable as exc:
            log.warning("sign-ins are counted by this process alone", error=str(exc))
            return await _counted(self._own, address)

    async def forget(self, address: str) -> None:
        """The password was right: forget the attempts."""
        for each in (self._shared, self._own):
            try:
                for _, seconds in _RULES:
                    await each.forget_count(_key(address, seconds))
            except Unavailable:
                continue  # the attempts stay counted until their time is over


async def _counted(coordination: Coordination, address: str) -> int:
    wait = 0.0
    for allowed, seconds in _RULES:
        if await coordination.count(_key(address, seconds), ttl_seconds=seconds) > allowed:
            wait = max(wait, seconds)
    return int(wait)


def _key(address: str, seconds: float) -> str:
    return f"sign-in:{seconds:.0f}:{address}"
