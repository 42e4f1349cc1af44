"""Who gets no call of any campaign, because a person said so: a supervisor about an employee, or they themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from integration.domain.ids import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPause:
    """
    Until somebody ends it.

    Attributes:
        by: who said so, as people read it.
        own: the employee themselves; they may end it. One of a supervisor is ended by a supervisor.
    """

    by: str
    since: Timestamp
    own: bool = False


Pauses = Mapping[str, CampaignPause]
"""By `Employee.key`."""


def paused(pauses: Pauses, keys: Collection[str], pause: CampaignPause) -> dict[str, CampaignPause]:
    """These phones are on a pause now. What a supervisor has said is not replaced by an employee's own word, and the
    same word again keeps its moment."""

    def kept(known: CampaignPause | None) -> CampaignPause:
        says_more = known is None or (known.own and not pause.own)
        return pause if says_more or known is None else known

    return {**pauses, **{key: kept(pauses.get(key)) for key in keys}}


def resumed(pauses: Pauses, keys: Collection[str], *, own: bool) -> dict[str, CampaignPause]:
    """These phones get calls again. `own`: the employee says so, which ends only what they have said themselves."""
    return {key: each for key, each in pauses.items() if key not in keys or (own and not each.own)}
