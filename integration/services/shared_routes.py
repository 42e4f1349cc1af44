"""One answer to "where does this call go?" for the accounts that share a PBX.

What one account answers is `routing.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from integration.domain.reasons import ReasonCode, because
from integration.domain.routing.route import Outcome, RouteDecision, RouteQuestion
from integration.ports.clock import Clock
from integration.services.routing import Routing

_BEST_FIRST = (Outcome.RESPONSIBLE, Outcome.ROUTE, Outcome.RESERVE)


class SharedRoutes:
    """Implements `ports.RouteAnswerer`."""

    def __init__(self, routings: Sequence[Routing], clock: Clock) -> None:
        """`routings`: in the order in which they are preferred where they answer the same."""
        self._routings = routings
        self._clock = clock

    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        """
        The account that knows the caller answers. Asked are the accounts that name the line, else those that take the
        calls of all lines, else the first: its answer is the dialplan's own way. Each one that was asked keeps with its
        own call what was decided, and only its own reasons.
        """
        named = [each for each in self._routings if each.takes(question, by_name=True)]
        asked = named or [each for each in self._routings if each.takes(question)] or list(self._routings[:1])
        if len(asked) == 1:
            return await asked[0].route(question, native_id)
        asked_at = self._clock.now()
        decisions = await asyncio.gather(*(each.decide(question) for each in asked))
        place = min(range(len(asked)), key=lambda place: _rank(decisions[place]))
        best = decisions[place]
        for each, own in zip(asked, decisions, strict=True):
            if own.steps != best.steps:
                chosen = because(ReasonCode.ROUTED_BY, account=asked[place].account)
                own = replace(best, reasons=(*own.reasons, chosen), manager=None)
            each.keep(own, native_id, asked_at)
        return best


def _rank(decision: RouteDecision) -> int:
    return _BEST_FIRST.index(decision.outcome)
