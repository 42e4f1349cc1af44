"""What follows an attempt: when a number may be dialled again, when it is struck out, when an entry is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from integration.domain.campaigns.model import (
    NO_ATTEMPT,
    REACHED,
    Campaign,
    Entry,
    EntryNumber,
    EntryState,
    Outcome,
    RedialRule,
    Try,
)
from integration.domain.campaigns.windows import day_of, start_of_next_day, zone_of
from integration.domain.ids import Timestamp

_LINE_RESTS_SECONDS = 30.0  # after a failure of the carrier, before the same client is tried again
_PARTS_BEGIN = (0, 12, 17)  # morning, afternoon, evening


def zone_for_days(campaign: Campaign, number: EntryNumber) -> str:
    """The zone whose calendar counts this number's attempts: its own where it is certain, else the office's."""
    if len(number.zones) == 1 and zone_of(number.zones[0]) is not None:
        return number.zones[0]
    return campaign.office_zone


def used(tries: Sequence[Try], number: str | None = None) -> list[Try]:
    """Those that used up an attempt of the client: their phone rang, or may have."""
    return [each for each in tries if each.outcome not in NO_ATTEMPT and number in (None, each.number)]


def own(campaign: Campaign, entry: Entry, tries: Sequence[Try]) -> list[Try]:
    """Of this entry in this campaign."""
    return [each for each in tries if each.campaign == campaign.id and each.entry == entry.id]


def redial_at(rule: RedialRule, at: Timestamp, zone: str) -> Timestamp | None:
    """When a number may be dialled again after an attempt at `at`; None: never."""
    if rule.after_seconds is None:
        return None
    due = Timestamp(at + rule.after_seconds)
    if rule.next_day and day_of(due, zone) <= day_of(at, zone):
        due = start_of_next_day(at, zone)
    if rule.other_part_of_day and _part(due, zone) == _part(at, zone):
        due = _next_part(due, zone)
    return due


def _part(at: Timestamp, zone: str) -> int:
    return sum(datetime.fromtimestamp(at, zone_of(zone)).hour >= begins for begins in _PARTS_BEGIN)


def _next_part(at: Timestamp, zone: str) -> Timestamp:
    """When the next part of the day begins."""
    local = datetime.fromtimestamp(at, zone_of(zone))
    for begins in _PARTS_BEGIN:
        if local.hour < begins:
            return Timestamp(local.replace(hour=begins, minute=0, second=0, microsecond=0, fold=0).timestamp())
    return start_of_next_day(at, zone)


def is_spent(campaign: Campaign, number: EntryNumber, tries: Sequence[Try]) -> bool:
    """Whether this number is struck out by what came of its attempts: `tries` are the entry's own in this campaign."""
    attempts = used(tries, number.e164)
    if number.struck or len(attempts) >= campaign.attempts.per_number:
        return True
    if not attempts or attempts[-1].outcome is None:
        return False
    last = attempts[-1].outcome
    rule = campaign.redial.get(last)
    if rule is None or rule.after_seconds is None:
        return True
    alike = [each for each in attempts if each.outcome is last]
    if last is Outcome.NO_SUCH_NUMBER:  # believed when another day says the same: carriers report it wrongly
        zone = zone_for_days(campaign, number)
        return len({day_of(each.at, zone) for each in alike}) > rule.most
    return len(alike) > rule.most


def due_of(campaign: Campaign, number: EntryNumber, tries: Sequence[Try]) -> tuple[Timestamp | None, Outcome | None]:
    """
    When this number may be dialled, by the gaps and the redial rules, and the outcome whose rule says so.

    Args:
        tries: the entry's own in this campaign, oldest first.

    Returns:
        (None, None) if nothing was dialled yet. Numbers that are spent are not asked for.
    """
    rules, due, why = campaign.attempts, None, None
    for each in tries:
        same = each.number == number.e164
        if each.outcome in NO_ATTEMPT:
            again = each.at + (_LINE_RESTS_SECONDS if each.outcome is not Outcome.EMPLOYEE_FAILED else 0.0)
        else:
            again = each.at + (rules.gap_seconds if same else rules.other_number_seconds)
        if due is None or again > due:
            due, why = Timestamp(again), None
    attempts = used(tries, number.e164)
    last = attempts[-1].outcome if attempts else None
    rule = campaign.redial.get(last) if last is not None else None
    if rule is not None:
        again_at = redial_at(rule, attempts[-1].at, zone_for_days(campaign, number))
        if again_at is not None and (due is None or again_at > due):
            due, why = again_at, last
    return due, why


def after(campaign: Campaign, entry: Entry, tries: Sequence[Try]) -> Entry:
    """
    The entry after its newest attempt has ended.

    Args:
        entry: as it is stored, taken by that attempt.
        tries: its own in this campaign, oldest first, with the newest and its outcome.

    Returns:
        It with numbers struck out, its state, and when it is due again.
    """
    last = tries[-1].outcome if tries else None
    numbers = tuple(
        number if number.struck else replace(number, struck=is_spent(campaign, number, tries))
        for number in entry.numbers
    )
    entry = replace(entry, numbers=numbers)
    if last in REACHED:
        return replace(entry, state=EntryState.REACHED, due_at=None)
    left = [number for number in numbers if not number.struck]
    if not left or len(used(tries)) >= campaign.attempts.per_contact:
        return replace(entry, state=EntryState.NOT_REACHED, due_at=None)
    times = [due_of(campaign, number, tries)[0] for number in left]
    due = None if None in times else min(at for at in times if at is not None)
    if entry.agreed_with is not None and entry.due_at is not None and last in NO_ATTEMPT:
        due = entry.due_at  # the promise stands
    return replace(entry, state=EntryState.OPEN, due_at=due)
