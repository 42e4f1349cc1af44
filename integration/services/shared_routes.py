"""One answer to "where does this call go?" for the accounts that share a PBX.

`routing.py` answers for one account.
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
        """`routings`: the preferred first; the order decides between equal answers."""
        self._routings = routings
        self._clock = clock

    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        """
        Answer for the account that knows the caller. The accounts that name the line are asked; else those that take
        calls of all lines; else the first, which answers with the dialplan's own way. Each of them stores the decision
        with its own call and only its own reasons.
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
