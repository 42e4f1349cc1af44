"""Whether an entry may be dialled now, and which of its numbers; else the rule that holds it. Source: spec G3, G6."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from integration.domain.campaigns.holds import FOR_EVER, Hold, held, until_of
from integration.domain.campaigns.model import Campaign, Entry, EntryNumber, EntryState, Outcome, Try
from integration.domain.campaigns.redial import due_of, is_spent, own, used, zone_for_days
from integration.domain.campaigns.situation import Clients
from integration.domain.campaigns.windows import day_of, is_open, next_opening, possible_zones, start_of_next_day
from integration.domain.ids import Timestamp
from integration.domain.reasons import Reason

RESERVED_AFTER_ABANDONED_SECONDS = 72 * 3600.0
"""So long a client who was abandoned is dialled only for an employee who waits for the answer.

Source: Ofcom, statement of 20 December 2016.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MayDial:
    """
    Attributes:
        zones: those in which the window is open: kept with the attempt as proof.
        needs_employee: only for an employee who is free and waits for the answer.
    """

    number: str
    zones: tuple[str, ...]
    needs_employee: bool = False


def may_dial(
    campaign: Campaign, entry: Entry, clients: Clients, in_use: Collection[str], now: Timestamp
) -> MayDial | Reason:
    """
    The first number of the card that no rule holds.

    Args:
        in_use: numbers that any campaign or employee is dialling now.

    Returns:
        The number; or why there is none: of several numbers' reasons the one that ends first, else the last one that
        something may still end, else the last one's.
    """
    if entry.state is EntryState.TAKEN:
        return held(Hold.ENTRY_TAKEN)
    if entry.state is not EntryState.OPEN:
        return held(Hold.ENTRY_CLOSED)
    if entry.due_at is not None and entry.due_at > now:
        return held(Hold.NOT_DUE, until=entry.due_at)
    for number in entry.numbers:  # the client, whichever number they use
        if number.e164 in clients.talking:
            return held(Hold.TALKING_NOW)
        if number.e164 in in_use:
            return held(Hold.IN_USE)
        called = clients.called_in.get(number.e164)
        if called is not None and now < called + campaign.attempts.after_call_in_seconds:
            return held(Hold.CALLED_IN, until=Timestamp(called + campaign.attempts.after_call_in_seconds))
    tries = clients.tries.get(entry.id, ())
    if any(each.outcome is None for each in tries):
        return held(Hold.IN_USE)
    mine = own(campaign, entry, tries)
    if len(used(mine)) >= campaign.attempts.per_contact:
        return held(Hold.CONTACT_ATTEMPTS, most=campaign.attempts.per_contact)
    reasons: list[Reason] = []
    for number in entry.numbers:
        reason = _held_number(campaign, number, clients, tries, mine, now)
        if reason is None:
            zones = possible_zones(campaign.windows, number.zones, campaign.office_zone)
            return MayDial(number=number.e164, zones=zones, needs_employee=_was_abandoned(tries, now))
        reasons.append(reason)
    return _soonest(reasons) if reasons else held(Hold.NO_NUMBER_LEFT)


def _held_number(
    campaign: Campaign,
    number: EntryNumber,
    clients: Clients,
    tries: Sequence[Try],
    mine: Sequence[Try],
    now: Timestamp,
) -> Reason | None:
    rules = campaign.attempts
    if number.e164 in clients.do_not_call:
        return held(Hold.DO_NOT_CALL)
    if len(used(mine, number.e164)) >= rules.per_number:
        return held(Hold.NUMBER_ATTEMPTS, most=rules.per_number)
    if is_spent(campaign, number, mine):
        return held(Hold.NO_NUMBER_LEFT)
    zone = zone_for_days(campaign, number)
    today = [each for each in used(tries) if day_of(each.at, zone) == day_of(now, zone)]
    if len(today) >= rules.contact_per_day:
        return held(Hold.CONTACT_DAY, most=rules.contact_per_day, until=start_of_next_day(now, zone))
    if sum(each.number == number.e164 for each in today) >= rules.number_per_day:
        return held(Hold.NUMBER_DAY, most=rules.number_per_day, until=start_of_next_day(now, zone))
    due, outcome = due_of(campaign, number, mine)
    if due is not None and due > now:
        return held(Hold.REDIAL, until=due, outcome=outcome) if outcome else held(Hold.GAP, until=due)
    zones = possible_zones(campaign.windows, number.zones, campaign.office_zone)
    if not zones:
        return held(Hold.ZONE_UNKNOWN)
    if not is_open(campaign.windows, zones, now, campaign.ring_seconds):
        opens = next_opening(campaign.windows, zones, now, campaign.ring_seconds)
        return held(Hold.WINDOW_CLOSED, until=opens) if opens is not None else held(Hold.NO_WINDOW)
    return None


def _was_abandoned(tries: Sequence[Try], now: Timestamp) -> bool:
    return any(each.outcome is Outcome.ABANDONED and now < each.at + RESERVED_AFTER_ABANDONED_SECONDS for each in tries)


def _soonest(reasons: Sequence[Reason]) -> Reason:
    ending = [(until, reason) for reason in reasons if (until := until_of(reason)) is not None]
    if ending:
        return min(ending, key=lambda pair: pair[0])[1]
    passing = [reason for reason in reasons if reason.code not in FOR_EVER]  # else the entry would be given up for ever
    return (passing or reasons)[-1]
