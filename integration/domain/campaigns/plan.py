"""What a supervisor decides about a campaign, as it is stored. `campaign()` turns it into the policy's words.

The policy's `Campaign` has groups, lines and zones resolved, because they change without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise

from integration.domain.campaigns.greeting import Greeting, Words, is_sound_id
from integration.domain.campaigns.greeting import faults as greeting_faults
from integration.domain.campaigns.model import (
    HIGHEST_CEILING,
    LEAST_PREVIEW_SECONDS,
    LEAST_RING_SECONDS,
    MOST_PREVIEW_SECONDS,
    MOST_RING_SECONDS,
    USUAL_PREVIEW_SECONDS,
    USUAL_REDIAL,
    AttemptRules,
    Campaign,
    CampaignLine,
    CampaignState,
    Mode,
    Outcome,
    Owners,
    RedialRule,
)
from integration.domain.campaigns.own_list import MOST_SCRIPT_CHARACTERS
from integration.domain.campaigns.windows import Span, UnknownZone, Windows
from integration.domain.ids import AccountId, CampaignId

MOST_SPANS = 4
LONGEST_NAME = 80
LONGEST_ANNOUNCEMENT = 500
LONGEST_SCRIPT = MOST_SCRIPT_CHARACTERS
EDITED_OUTCOMES = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNREACHABLE, Outcome.MACHINE, Outcome.REFUSED)
"""Those whose rule the form shows; the others keep the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redial:
    """`most` 0: not tried again after this outcome."""

    outcome: Outcome
    after_minutes: int
    most: int


def _usual_redial() -> tuple[Redial, ...]:
    rules = ((outcome, USUAL_REDIAL[outcome]) for outcome in EDITED_OUTCOMES)
    return tuple(
        Redial(outcome=outcome, after_minutes=(rule.after_seconds or 0) // 60, most=rule.most)
        for outcome, rule in rules
    )


USUAL_WEEK = (*["09:00-20:00"] * 5, "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlan:
    """
    Attributes:
        lines: keys of lines, `pbx/number`; empty: what the PBX takes.
        employees: keys of employees, `pbx/extension`.
        groups: names of groups.
        week: the windows of Monday to Sunday by the client's time, `09:00-13:00, 14:00-20:00`; empty: none.
        holidays: `2026-12-31`.
        gap_minutes: between two attempts at one contact.
        wrap_up_seconds: so long an employee writes after a talk before the next call.
        phones_answer: employees' phones answer by themselves, so that a client who waits has somebody within two
            seconds. Without it a predictive campaign dials one client for each free employee.
        announcement: what a client hears whom nobody takes; empty: the usual words. announcement_sound: the id of a
            recorded sound in their place.
        ceiling_percent: of abandoned calls.
        preview_seconds: so long a client is kept for the employee to whom they are shown.
        script: what to say, shown with the client before the call.
    """

    name: str
    mode: Mode = Mode.PROGRESSIVE
    lines: tuple[str, ...] = ()
    employees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owners: Owners = Owners.RESPONSIBLE_FIRST
    week: tuple[str, ...] = USUAL_WEEK
    holidays: tuple[str, ...] = ()
    unknown_zone: UnknownZone = UnknownZone.SAFE
    per_number: int = 5
    per_contact: int = 10
    number_per_day: int = 2
    contact_per_day: int = 4
    gap_minutes: int = 5
    redial: tuple[Redial, ...] = _usual_redial()
    ring_seconds: int = 25
    wrap_up_seconds: int = 30
    phones_answer: bool = False
    announcement: str = ""
    announcement_sound: str = ""
    ceiling_percent: float = 3.0
    priority: int = 0
    max_calls: int = 0  # at once; 0: what the lines allow
    greeting: Greeting = field(default_factory=Greeting)
    preview_seconds: int = USUAL_PREVIEW_SECONDS
    script: str = ""


SPOKEN = ("message", "machine_message", "announcement")
"""What clients may hear, each a text or a recorded sound."""


def words_of(plan: CampaignPlan, what: str) -> Words:
    """What is said there (`SPOKEN`), as it stands: without the usual words."""
    place: CampaignPlan | Greeting = plan if what == "announcement" else plan.greeting
    sound = str(getattr(place, f"{what}_sound"))
    return Words(sound=sound) if sound else Words(str(getattr(place, what)).strip())


def with_sound(plan: CampaignPlan, what: str, sound: str) -> CampaignPlan:
    """The plan with a recorded sound there; empty: the text is spoken again."""
    if what == "announcement":
        return replace(plan, announcement_sound=sound)
    if what == "message":
        return replace(plan, greeting=replace(plan.greeting, message_sound=sound))
    return replace(plan, greeting=replace(plan.greeting, machine_message_sound=sound))


def used_sounds(plan: CampaignPlan) -> dict[str, str]:
    """The recorded sounds of a plan, by where they are played."""
    found = {what: words_of(plan, what).sound for what in SPOKEN}
    return {what: sound for what, sound in found.items() if sound}


def read_spans(text: str) -> tuple[Span, ...]:
    """Read `09:00-13:00, 14:00-20:00`. Raises: ValueError where it is none, or the spans overlap."""
    spans = []
    for part in text.replace("–", "-").replace("—", "-").replace(";", ",").split(","):
        if not part.strip():
            continue
        first, _, last = part.partition("-")
        spans.append(Span(_minutes(first), _minutes(last)))
    spans.sort(key=lambda span: span.first)
    if len(spans) > MOST_SPANS or any(one.last > two.first for one, two in pairwise(spans)):
        raise ValueError("windows of one day must not overlap")
    return tuple(spans)


def written_spans(spans: Sequence[Span]) -> str:
    return ", ".join(f"{_clock(span.first)}-{_clock(span.last)}" for span in spans)


def _minutes(text: str) -> int:
    hours, separator, minutes = text.strip().replace(".", ":").partition(":")
    if not (hours.isascii() and hours.isdigit() and (minutes or "0").isascii() and (minutes or "0").isdigit()):
        raise ValueError(f"no time of day: {text!r}")
    if (separator and len(minutes) != 2) or len(hours) > 2 or int(minutes or 0) > 59:
        raise ValueError(f"no time of day: {text!r}")
    return int(hours) * 60 + int(minutes or 0)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


class PlanFault(ValueError):
    """`field` of the plan is wrong; `code` says how, `detail` with what."""

    def __init__(self, field: str, code: str, detail: str = "") -> None:
        super().__init__(f"{field}: {code} {detail}")
        self.field = field
        self.code = code
        self.detail = detail


_BOUNDS: Mapping[str, tuple[float, float]] = {
    "per_number": (1, 20),
    "per_contact": (1, 50),
    "number_per_day": (1, 10),
    "contact_per_day": (1, 20),
    "gap_minutes": (0, 1440),
    "ring_seconds": (LEAST_RING_SECONDS, MOST_RING_SECONDS),
    "wrap_up_seconds": (0, 3600),
    "ceiling_percent": (0, HIGHEST_CEILING * 100),
    "priority": (-100, 100),
    "max_calls": (0, 1000),
    "preview_seconds": (LEAST_PREVIEW_SECONDS, MOST_PREVIEW_SECONDS),
}
MOST_REDIAL_MINUTES = 7 * 1440


def bounds_of(field: str) -> tuple[float, float]:
    return _BOUNDS[field]


def faults(plan: CampaignPlan) -> list[PlanFault]:
    """What is wrong with a plan; empty: nothing."""
    heard = (PlanFault(*fault) for fault in greeting_faults(plan.greeting, plan.mode))
    return [*_text_faults(plan), *_number_faults(plan), *_time_faults(plan), *heard]


def _text_faults(plan: CampaignPlan) -> Iterator[PlanFault]:
    if not plan.name.strip():
        yield PlanFault("name", "empty")
    elif len(plan.name) > LONGEST_NAME:
        yield PlanFault("name", "too_long", str(LONGEST_NAME))
    if not is_sound_id(plan.announcement_sound):
        yield PlanFault("announcement_sound", "no_sound")
    if len(plan.announcement) > LONGEST_ANNOUNCEMENT:
        yield PlanFault("announcement", "too_long", str(LONGEST_ANNOUNCEMENT))
    if len(plan.script) > LONGEST_SCRIPT:
        yield PlanFault("script", "too_long", str(LONGEST_SCRIPT))


def _number_faults(plan: CampaignPlan) -> Iterator[PlanFault]:
    for name, (least, most) in _BOUNDS.items():
        if not least <= getattr(plan, name) <= most:
            yield PlanFault(name, "out_of_bounds", f"{least:g}…{most:g}")
    for rule in plan.redial:
        if not (0 <= rule.most <= 20 and 1 <= rule.after_minutes <= MOST_REDIAL_MINUTES):
            yield PlanFault(f"redial_{rule.outcome}", "out_of_bounds", f"1…{MOST_REDIAL_MINUTES}")


def _time_faults(plan: CampaignPlan) -> Iterator[PlanFault]:
    for index, text in enumerate(plan.week):
        try:
            read_spans(text)
        except ValueError:
            yield PlanFault(f"week_{index}", "no_window", text)
    if not any(text.strip() for text in plan.week):
        yield PlanFault("week_0", "never_open")
    for text in plan.holidays:
        try:
            date.fromisoformat(text)
        except ValueError:
            yield PlanFault("holidays", "no_date", text)


def campaign(
    plan: CampaignPlan,
    *,
    id: CampaignId,  # noqa: A002 - the model's word
    account: AccountId,
    state: CampaignState,
    lines: Sequence[CampaignLine],
    members: Sequence[str],
    zone: str,
) -> Campaign:
    """
    What the policy uses.

    Args:
        plan: without faults.
        lines, members: as `plan` names them, resolved; members of groups too.
        zone: of the office, IANA.
    """
    return Campaign(
        id=id,
        account=account,
        name=plan.name,
        mode=plan.mode,
        state=state,
        lines=tuple(lines),
        members=tuple(members),
        owners=plan.owners,
        windows=windows_of(plan),
        office_zone=zone,
        attempts=AttemptRules(
            per_number=plan.per_number,
            per_contact=plan.per_contact,
            number_per_day=plan.number_per_day,
            contact_per_day=plan.contact_per_day,
            gap_seconds=plan.gap_minutes * 60,
        ),
        redial=_redial(plan.redial),
        ring_seconds=plan.ring_seconds,
        ceiling=plan.ceiling_percent / 100,
        priority=plan.priority,
        max_calls=plan.max_calls or None,
        preview_seconds=plan.preview_seconds,
    )


def windows_of(plan: CampaignPlan) -> Windows:
    """Of a plan without faults."""
    return Windows(
        week=tuple(read_spans(text) for text in plan.week),
        holidays=frozenset(date.fromisoformat(text) for text in plan.holidays),
        unknown_zone=plan.unknown_zone,
    )


def _redial(rules: Sequence[Redial]) -> dict[Outcome, RedialRule]:
    """The usual rules with what was decided; other conditions of a rule (part of the day) stay the usual ones."""
    found = dict(USUAL_REDIAL)
    for rule in rules:
        usual = found.get(rule.outcome, RedialRule())
        found[rule.outcome] = RedialRule(
            after_seconds=rule.after_minutes * 60 if rule.most else None,
            most=rule.most,
            other_part_of_day=usual.other_part_of_day,
            next_day=usual.next_day,
        )
    return found
