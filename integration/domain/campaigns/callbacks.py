"""Callbacks: clients whose call nobody took, or who asked to be called, are dialled until somebody talks to them.

Each line's callbacks are one campaign that nobody makes by hand: the dialler, its journal and its rules are those of
all campaigns. What is different is decided here. Source: spec B11; seed S1, "Повторювати пропущений зворотний дзвінок".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.ownership import is_callback
from integration.domain.campaigns.model import (
    REACHED,
    AttemptRules,
    Campaign,
    CampaignLine,
    CampaignState,
    Mode,
    Outcome,
    Owners,
    RedialRule,
)
from integration.domain.campaigns.plan import CampaignPlan, read_spans
from integration.domain.campaigns.windows import UnknownZone, Windows
from integration.domain.ids import AccountId, CampaignId, ManagerId, Timestamp
from integration.domain.numbers.client import client_of
from integration.domain.numbers.number_class import NumberClass, class_of, emergency_digits
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import match_keys
from integration.domain.numbers.zones import possible_zones_of
from integration.domain.settings import AccountSettings, LineSettings

LEAST_TIMES, MOST_TIMES = 1, 5
LEAST_INTERVAL_SECONDS, MOST_INTERVAL_SECONDS = 60, 86_400
GIVEN_UP_AFTER_SECONDS = 3 * 86_400.0
"""A client is not surprised by a call about one of three days ago, only annoyed."""

_DAY_SECONDS = 86_400.0
_UP_SECONDS = 3 * 3600.0
_TALK_SECONDS = 3.0  # as `outcomes`: who hangs up at once has not been reached
_PREFIX = "callbacks"
_FIRST = 100  # the highest priority of a campaign
_NO_LIMIT = 100  # of a day: the rule's own number of calls is far below


class CallbackKind(StrEnum):
    """Why a client is called back. Stored."""

    MISSED = "missed"  # they called, and nobody talked to them
    ASKED = "asked"  # they asked for it in the CRM, and were not reached at once


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRule:
    """`times` calls, each `interval_seconds` after the one before; the first so long after the call that was missed."""

    times: int
    interval_seconds: int
    windows: Windows


def rule_of(line: LineSettings) -> CallbackRule | None:
    """None: this line does not call back, or no hours are left for it. Never raises."""
    if not (line.process and line.repeat_calls):
        return None
    try:
        workday, weekend = read_spans(line.repeat_hours), read_spans(line.repeat_weekend_hours)
    except ValueError:  # a newer release may write what this one cannot read: nobody is called at a wrong hour
        return None
    windows = Windows(week=(*[workday] * 5, weekend, weekend), unknown_zone=UnknownZone.SAFE)
    if windows.is_never_open:
        return None
    return CallbackRule(times=line.repeat_times, interval_seconds=line.repeat_interval_seconds, windows=windows)


# ---- the campaign of a line


def campaign_of(line: str | None) -> CampaignId:
    """Of the callbacks of a line, by its key in the settings; None: those of all other lines."""
    return CampaignId(_PREFIX if line is None else f"{_PREFIX}-{line}")


def is_of_callbacks(campaign: CampaignId) -> bool:
    """Whether a campaign is one of callbacks: it is in no list of campaigns, and nobody changes its plan."""
    return campaign == _PREFIX or campaign.startswith(f"{_PREFIX}-")


def line_of(campaign: CampaignId) -> str | None:
    """The key of the line whose callbacks these are; None: of all other lines."""
    return campaign.removeprefix(_PREFIX).removeprefix("-") or None


def settings_of(campaign: CampaignId, settings: AccountSettings) -> LineSettings:
    """Of the line whose callbacks these are. A line that is gone has those of all lines."""
    key = line_of(campaign)
    return settings.lines.get(key, settings.default_line) if key is not None else settings.default_line


def plan_of(name: str) -> CampaignPlan:
    """What is stored of such a campaign: its rules are in the line's settings, so that a change counts at once.
    Without employees: a release that does not know callbacks dials nobody by it. Before any campaign that people have
    made: a free employee calls back first."""
    return CampaignPlan(name=name, mode=Mode.PROGRESSIVE, priority=_FIRST)


def callbacks_campaign(
    rule: CallbackRule | None,
    *,
    id: CampaignId,  # noqa: A002 - the model's word
    account: AccountId,
    name: str,
    state: CampaignState,
    lines: Sequence[CampaignLine],
    members: Sequence[str],
    stand_ins: Sequence[str],
    zone: str,
) -> Campaign:
    """
    What the policy uses.

    Args:
        rule: of the line; None: switched off, whatever waits is not dialled.
        members: keys of all employees who may be a client's responsible.
        stand_ins: keys of those whom the settings name for missed calls, in their order.
        zone: of the office, IANA.
    """
    rule = rule or CallbackRule(times=LEAST_TIMES, interval_seconds=MOST_INTERVAL_SECONDS, windows=Windows())
    again = RedialRule(after_seconds=rule.interval_seconds, most=rule.times)
    return Campaign(
        id=id,
        account=account,
        name=name,
        mode=Mode.PROGRESSIVE,
        state=state,
        lines=tuple(lines),
        members=tuple(members),
        owners=Owners.RESPONSIBLE_FIRST,
        windows=rule.windows,
        office_zone=zone,
        attempts=AttemptRules(
            per_number=rule.times,
            per_contact=rule.times,
            number_per_day=_NO_LIMIT,
            contact_per_day=_NO_LIMIT,
            gap_seconds=rule.interval_seconds,
            after_call_in_seconds=0,  # they have called in: that is why
        ),
        redial={outcome: again for outcome in Outcome if outcome not in REACHED},
        stand_ins=tuple(stand_ins),
    )


def stand_ins(settings: AccountSettings, line: LineSettings) -> list[ManagerId]:
    """Who calls back while the responsible is not at work: those whom the settings name for calls that nobody took."""
    wanted = (line.missed_responsible, settings.default_responsible, line.outside_responsible)
    return [each for each in dict.fromkeys(wanted) if each is not None and settings.is_active(each)]


# ---- what calls say


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    A callback that a call gives reason for.

    Attributes:
        zones: in which the client may be; where the numbering plan does not tell, the office's.
        asked_at: when they called. A talk that ends later makes the callback needless, also one that the PBX's records
            show afterwards in the same call.
        due_at: the first call, if its hour is one of the rule's.
    """

    kind: CallbackKind
    campaign: CampaignId
    number: PhoneNumber
    zones: tuple[str, ...]
    asked_at: Timestamp
    due_at: Timestamp


def wanted_after(call: Call, settings: AccountSettings) -> Wanted | None:
    """
    The callback after a call that has ended; None: it needs none, or none may be made: its line does not call back, the
    caller hides their number, or the number costs extra, is an emergency service's, an employee's own mobile or one of
    those of which no client is made.
    """
    kind = _kind(call)
    key = settings.line_key(call.line)
    rule = rule_of(settings.lines[key] if key is not None else settings.default_line)
    number = client_of(call, settings.numbering)
    if kind is None or rule is None or not settings.enabled or call.ended_at is None:
        return None
    if not isinstance(number, PhoneNumber) or not _may_be_called(number, settings):
        return None
    return Wanted(
        kind=kind,
        campaign=campaign_of(key),
        number=number,
        zones=possible_zones_of(number.e164) or (settings.zone,),
        asked_at=call.started_at,
        due_at=Timestamp(call.ended_at + rule.interval_seconds),
    )


def _kind(call: Call) -> CallbackKind | None:
    if call.is_live or call.answered_at is not None or call.merged_into is not None or call.elsewhere:
        return None
    if call.direction is Direction.INBOUND:
        return CallbackKind.MISSED if call.disposition is Disposition.MISSED else None
    return CallbackKind.ASKED if is_callback(call) else None


def _may_be_called(number: PhoneNumber, settings: AccountSettings) -> bool:
    numbering = settings.numbering
    if class_of(number, numbering) is not NumberClass.ORDINARY:
        return False
    if emergency_digits(number.e164.removeprefix("+"), numbering, ()) is not None:
        return False
    own = [each.mobile for each in settings.employees if each.mobile]
    return number.match_key not in match_keys([*own, *settings.never_clients], numbering)


def was_talk(call: Call) -> bool:
    """Whether the office and the client have talked in a call that is over: then nobody has to call back any more. Who
    hangs up within three seconds has not been reached."""
    if call.is_live or call.answered_at is None or call.direction is Direction.INTERNAL or call.elsewhere:
        return False
    return (call.ended_at or 0.0) - call.answered_at >= _TALK_SECONDS


def reached_since(calls: Iterable[Call], asked_at: Timestamp) -> bool:
    """Whether one of a client's calls was a talk that went on after they asked for a call."""
    return any(was_talk(each) and (each.ended_at or 0.0) > asked_at for each in calls)


def zones_at(zones: Sequence[str], *, office_zone: str, asked_at: Timestamp, now: Timestamp) -> tuple[str, ...]:
    """
    The zones in which the hour has to fit.

    A mobile number tells the country only, and nobody in all of Russia's eleven zones would be called for most of the
    day. But whoever called us was up at that time of day: within three hours of it, today or later, the office's own
    zone is taken, if the client may be in it. At other times the hour has to fit in every possible zone.
    """
    if len(zones) < 2 or office_zone not in zones:
        return tuple(zones)
    apart = abs((now - asked_at + _DAY_SECONDS / 2) % _DAY_SECONDS - _DAY_SECONDS / 2)
    return (office_zone,) if apart <= _UP_SECONDS else tuple(zones)


def is_too_old(asked_at: Timestamp, now: Timestamp) -> bool:
    return now >= asked_at + GIVEN_UP_AFTER_SECONDS
