"""What observers are told of steps that came together: each call once, as it is now. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from integration.domain.calls.call import Call
from integration.domain.calls.tracking import Change
from integration.domain.ids import CallId

Seen = tuple[Call, frozenset[Change]]
"""A call after a step, and what the step changed."""

_OVER = frozenset({Change.HANDED_OVER, Change.ENDED})  # for the one who had the client
_RINGS_NO_MORE = _OVER | {Change.ANSWERED, Change.LEG_ENDED}
# What is of the second kind is not told in one with what is of the first: nobody would see the call ring, or the talk.
_APART = (
    (frozenset({Change.RINGING}), _RINGS_NO_MORE | {Change.MERGED}),
    (frozenset({Change.STARTED}), _RINGS_NO_MORE),  # from here the caller's own card rings
    (frozenset({Change.ANSWERED, Change.HANDED_OVER}), _OVER),  # not the silence of the other phones
)


def told_together(steps: Iterable[Seen]) -> list[Seen]:
    """
    Each call as after its last step, with the changes of all, in the order of their first steps. A group of thirty
    phones rings within milliseconds: a card for each step would be 465 messages.

    A beginning and its end are told apart: a call that is answered or missed at once is first seen ringing, one that is
    hung up or passed on at once is first seen with the one who answered.
    """
    told: list[Seen] = []
    last: dict[CallId, int] = {}  # where the call stands in `told`
    for call, changes in steps:
        at = last.get(call.id)
        if at is not None and not _are_apart(told[at][1], changes):
            told[at] = call, told[at][1] | changes
        else:
            last[call.id] = len(told)
            told.append((call, changes))
    return told


def _are_apart(before: frozenset[Change], after: frozenset[Change]) -> bool:
    return any(before & first and after & second for first, second in _APART)
