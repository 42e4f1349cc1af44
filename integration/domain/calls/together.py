"""What observers are told of steps that came together: each call once, as it is now. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from integration.domain.calls.call import Call
from integration.domain.calls.tracking import Change
from integration.domain.ids import CallId

Seen = tuple[Call, frozenset[Change]]
"""A call after a step, and what the step changed."""

_ENDS = frozenset({Change.LEG_ENDED, Change.ENDED, Change.MERGED})


def told_together(steps: Iterable[Seen]) -> list[Seen]:
    """
    Each call as after its last step, with the changes of all, in the order of their first steps. A group of thirty
    phones rings within milliseconds: a card for each step would be 465 messages.

    A ring and its end are told apart, so that a call that is missed at once is first seen ringing.
    """
    told: list[Seen] = []
    last: dict[CallId, int] = {}  # where the call stands in `told`
    for call, changes in steps:
        at = last.get(call.id)
        if at is not None and not (Change.RINGING in told[at][1] and changes & _ENDS):
            told[at] = call, told[at][1] | changes
        else:
            last[call.id] = len(told)
            told.append((call, changes))
    return told
