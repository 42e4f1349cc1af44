"""Whether the ledger bears what may come of the calls that ring, if no talk ends meanwhile. Pure arithmetic.

A client who answers is lost when nobody is free. So of `ringing` calls with `spare` free employees at most
`ringing - spare` are lost. Are these more than the ledger bears, the probability that so many answer has to be
negligible. Employees who finish in time come on top of that: they are not counted on.
"""

from __future__ import annotations

import math

_NEVER = math.log(1e6)
"""One in a million, for every decision: in a thousand shifts the ceiling is not broken so."""

_SELDOM = math.log(1e2)
"""The same with one free employee fewer: one who pauses, or whose phone fails, while the clients' phones ring."""


def are_borne(ringing: int, likely: float, spare: int, bears: int) -> bool:
    """
    Whether no more clients are lost than the ledger bears, whoever answers.

    Args:
        ringing: calls, with the one that is judged. likely: how many of them will be answered, at the most.
        spare: free employees less the clients who wait; below zero: as many of these are lost already.
        bears: how many may be lost (`Answers.bears`). Of nothing nothing is risked: the answer is no.
    """
    if bears < 1:
        return False
    fatal = spare + bears + 1  # answers
    if not _is_unlikely(fatal, ringing, likely, _NEVER):
        return False
    return spare < 1 or _is_unlikely(fatal - 1, ringing, likely, _SELDOM)


def _is_unlikely(answers: int, ringing: int, likely: float, exponent: float) -> bool:
    """
    Whether so many answers or more have at most the probability `exp(-exponent)`.

    Chernoff's bound of a sum of independent coins, of which only the mean is known: never too low.
    """
    if answers > ringing:
        return True
    if answers <= likely or answers < 1:
        return False
    return likely <= 0.0 or answers * math.log(answers / likely) - answers + likely >= exponent
