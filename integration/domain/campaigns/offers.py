"""Preview campaigns: a client is shown to an employee, who decides; only their press begins a call. Pure.

`decide()` says whom to show to whom. Nothing is written for it: an attempt is written when somebody has pressed "Call",
after the same rules were asked once more.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from integration.domain.campaigns.decide import Dial, decide, in_use
from integration.domain.campaigns.eligibility import MayDial, may_dial
from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.ledger import Ledger
from integration.domain.campaigns.model import Campaign, CampaignState, Entry, Mode
from integration.domain.campaigns.situation import EmployeeState, Offer, Situation
from integration.domain.ids import CampaignId, EntryId, Timestamp
from integration.domain.reasons import Reason

SKIPPED_SECONDS = 3600.0
"""A client whom an employee has passed over is not shown again before."""

_OF_EMPLOYEES = frozenset({Hold.NOBODY_WORKS, Hold.ALL_PAUSED, Hold.ALL_BUSY, Hold.OFFERED})
"""What `decide()` says of a whole team: of the one who pressed it means that the client is taken back from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """
    Attributes:
        missed: nobody pressed anything in time: the employee is probably not there.
        withdrawn: the client may not be called any more, or the employee is not free.
    """

    kept: tuple[Offer, ...] = ()
    missed: tuple[Offer, ...] = ()
    withdrawn: tuple[Offer, ...] = ()


def offered(
    campaign: Campaign, dials: Sequence[Dial], entries: Mapping[EntryId, Entry], now: Timestamp
) -> tuple[Offer, ...]:
    """What `decide()` said, as clients to show."""
    return tuple(
        Offer(
            campaign=campaign.id,
            entry=dial.entry,
            employee=dial.employee,
            number=dial.number,
            numbers=tuple(number.e164 for number in entries[dial.entry].numbers),
            since=now,
            until=Timestamp(now + campaign.preview_seconds),
        )
        for dial in dials
        if dial.employee is not None and dial.entry in entries
    )


def looked_at(
    campaign: Campaign,
    entries: Mapping[EntryId, Entry],
    situation: Situation,
    now: Timestamp,
    unreachable: Container[str] = frozenset(),
    left: Container[Offer] = frozenset(),
) -> Looked:
    """
    What becomes of the offers of a campaign.

    Args:
        entries: those of the offers, as they are stored now.
        situation: its offers are those of all campaigns.
        unreachable: employees (by key) whose PBX is not connected at this moment, as after the death of the process
            that was linked to it: they keep their client, whom nobody can call meanwhile, and do not miss them.
        left: offers that nobody can see any more: the employee has closed every page.
    """
    kept: list[Offer] = []
    missed: list[Offer] = []
    withdrawn: list[Offer] = []
    for offer in situation.offers:
        if offer.campaign != campaign.id:
            continue
        is_away = offer.employee in unreachable
        if offer in left or not _stands(campaign, offer, entries.get(offer.entry), situation, now, is_away=is_away):
            withdrawn.append(offer)
        elif now < offer.until:
            kept.append(offer)
        else:
            (withdrawn if is_away else missed).append(offer)
    return Looked(kept=tuple(kept), missed=tuple(missed), withdrawn=tuple(withdrawn))


def _stands(
    campaign: Campaign, offer: Offer, entry: Entry | None, situation: Situation, now: Timestamp, *, is_away: bool
) -> bool:
    if campaign.state is not CampaignState.RUNNING or campaign.mode is not Mode.PREVIEW or entry is None:
        return False
    employee = next((each for each in situation.employees if each.key == offer.employee), None)
    if employee is None or offer.employee not in campaign.members:
        return False
    if employee.state is not EmployeeState.FREE and not (is_away and employee.state is EmployeeState.GONE):
        return False
    if any(call.employee == offer.employee for call in situation.calls):  # their phone is about to ring
        return False
    if is_outdone(offer, situation.offers):
        return False
    found = may_dial(campaign, entry, situation.clients, in_use(replace(situation, offers=())), now)
    return isinstance(found, MayDial) and found.number == offer.number


def is_outdone(offer: Offer, others: Iterable[Offer]) -> bool:
    """Whether another process was faster: both have shown one client, or a client to one employee, at a time."""
    return any(_goes_before(each, offer) for each in others)


def _goes_before(other: Offer, offer: Offer) -> bool:
    if other.employee != offer.employee and not set(other.numbers) & set(offer.numbers):
        return False
    return rank(other) < rank(offer)


def rank(offer: Offer) -> tuple[Timestamp, CampaignId, str]:
    """Of offers that exclude each other, the one with the lowest stands."""
    return offer.since, offer.campaign, offer.employee


def called(
    campaign: Campaign,
    offer: Offer,
    entry: Entry,
    situation: Situation,
    now: Timestamp,
    unreachable: Container[str] = frozenset(),
) -> Dial | Reason:
    """
    Somebody has pressed "Call": the same rules as for any call are asked again, for this client and this employee.

    Args:
        unreachable: as of `looked_at`: they keep the client, and are not told that it was taken back.

    Returns:
        The call to begin, at the number that was shown and at no other; or the rule that holds it.
    """
    others = tuple(each for each in situation.offers if each != offer)
    only = replace(campaign, members=tuple(each for each in campaign.members if each == offer.employee))
    asked = replace(situation, offers=others, entries=(entry,))
    decision = decide(only, asked, Estimates(), Ledger(), now)
    if not decision.dial:
        if decision.hold.code not in _OF_EMPLOYEES:
            return decision.hold
        return held(Hold.LINES_DOWN if offer.employee in unreachable else Hold.OFFER_OVER)
    (dial,) = decision.dial
    if dial.number != offer.number or dial.employee != offer.employee:
        return held(Hold.OFFER_OVER)
    return dial
