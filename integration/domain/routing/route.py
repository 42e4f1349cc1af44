"""Where an incoming call goes, and why: `decide()`.

A route is a plan of steps that the PBX's dialplan executes one by one. A decision has its plan and its reasons.
`texts/reasons.py` turns reasons into sentences; each PBX's adapter executes the steps.

The checks, in order. After any of them the plan may be the PBX's own route:

1. Is the integration on, and is this line processed?
2. Do calls of this line go to responsible managers?
3. Is there a number, and does it belong to a client?
4. Which persons in the phone book have it?
5. Which manager is responsible for them, and can that manager be rung?
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.crm.entities import Deal, EntityKind, Person
from integration.domain.crm.identity import open_deals_of, ranked
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.dialling import destination_to_dial, extension_to_dial, number_to_dial
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.numbers.phone import PhoneNumber, bare_digits, is_hidden, read_number
from integration.domain.numbers.phone_text import read_text
from integration.domain.people.absence import Absence
from integration.domain.people.working_day import WorkingDay, off_duty
from integration.domain.reasons import Reason as Reason
from integration.domain.reasons import ReasonCode, because
from integration.domain.settings import AccountSettings, AfterNoAnswer, Employee, LineSettings

MIN_RING_SECONDS = 1
MAX_RING_SECONDS = 120  # longer than carriers let an unanswered call ring
MOBILE_RING_SECONDS = 25  # a mobile network needs up to 8 s before anything rings
_SHOWN_CHARACTERS = 40  # of what the PBX sent: reasons are for people, and a caller id may be of any length
_SOUND = re.compile(r"[0-9A-Za-z_./-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    """What the PBX knows about an incoming call when it asks. Untrusted, unvalidated input."""

    did: str  # the line that was called, as the PBX shows it; may be empty
    caller: str  # the caller's number as the PBX shows it; may be empty or a word
    caller_name: str = ""


class Outcome(StrEnum):
    """The outcome of the decision; stored with the call and shown to people."""

    RESPONSIBLE = "responsible"  # the plan begins with the responsible manager
    ROUTE = "route"  # the PBX's own route goes on
    RESERVE = "reserve"  # Dozvon could not decide: the reserve number


class StepKind(StrEnum):
    NOTICE = "notice"  # play `sound`
    RING = "ring"  # ring extension `target` for `seconds`
    GROUP = "group"  # hand the call to the PBX's group `target`; terminal
    MOBILE = "mobile"  # ring the outside number `target` for `seconds`
    VOICEMAIL = "voicemail"  # the mailbox of extension `target`; terminal
    CONTINUE = "continue"  # leave the plan: the dialplan goes on; terminal
    RESERVE = "reserve"  # the reserve number: `target`, or the one that the dialplan itself knows; terminal


TERMINAL = frozenset({StepKind.GROUP, StepKind.VOICEMAIL, StepKind.CONTINUE, StepKind.RESERVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    kind: StepKind
    target: str | None = None
    seconds: int | None = None
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecision:
    outcome: Outcome
    steps: tuple[Step, ...]
    reasons: tuple[Reason, ...]
    manager: ManagerId | None = None


def go_on(*reasons: Reason) -> RouteDecision:
    """The PBX's own route goes on."""
    return RouteDecision(outcome=Outcome.ROUTE, steps=(Step(kind=StepKind.CONTINUE),), reasons=reasons)


def reserve(line: LineSettings | None, *reasons: Reason, numbering: Numbering = DEFAULT_NUMBERING) -> RouteDecision:
    """Dozvon cannot decide: the line's reserve number; without one the dialplan's own, or its route (spec B12)."""
    target = destination_to_dial(line.reserve, numbering) if line else None
    return RouteDecision(outcome=Outcome.RESERVE, steps=(Step(kind=StepKind.RESERVE, target=target),), reasons=reasons)


def client_number(question: RouteQuestion, settings: AccountSettings) -> tuple[PhoneNumber | None, tuple[Reason, ...]]:
    """
    Read the caller's number.

    Returns:
        The number to look up and how it was read; or None and why nobody can be looked up. Never raises.
    """
    shown = question.caller.strip()
    if is_hidden(shown):
        return None, (because(ReasonCode.CALLER_HIDDEN),)
    told = shown[:_SHOWN_CHARACTERS]
    if any(employee.extension == shown for employee in settings.employees):
        return None, (because(ReasonCode.CALLER_INTERNAL, number=told),)
    number = read_number(shown, settings.numbering) or next(iter(read_text(shown, settings.numbering).numbers), None)
    if number is None:
        is_digits = bare_digits(shown, settings.numbering) is not None
        code = ReasonCode.CALLER_BARE_DIGITS if is_digits else ReasonCode.CALLER_NOT_A_NUMBER
        return None, (because(code, number=told),)
    if shown in (number.e164, number.digits):
        return number, ()
    return number, (because(ReasonCode.CALLER_LOCAL_FORM, number=told, e164=number.e164),)


def decide(
    question: RouteQuestion,
    settings: AccountSettings,
    persons: Sequence[Person],
    deals: Sequence[Deal],
    *,
    now: Timestamp,
    is_book_empty: bool = False,
    looked_up: Sequence[Reason] = (),
    days: Mapping[ManagerId, WorkingDay] | None = None,
) -> RouteDecision:
    """
    Choose the route of an incoming call.

    Args:
        persons: those with the caller's number, in any order, perhaps with deleted ones.
        deals: open deals of these persons, in any order.
        now: an absence that has an end before it is over.
        is_book_empty: the phone book was never filled, so "unknown" means little.
        looked_up: the result of a live search in the CRM, for the reasons.
        days: of managers whose CRM keeps their working day, as far as it is known now.

    Returns:
        A plan of one to five steps whose last and only last one is terminal, with the reasons in the order in which
        they were found. The same arguments give the same plan; the order of `persons` and `deals` does not matter.
        Never raises.

    Source: seed S4 ("Параметры для номеров"), spec B1, B2, B12, B14.
    """
    if not settings.enabled:
        return go_on(because(ReasonCode.INTEGRATION_OFF))
    line = settings.line(question.did)
    own = settings.line_key(question.did) is not None
    called = question.did[:_SHOWN_CHARACTERS]
    reasons = [because(ReasonCode.LINE_OWN if own else ReasonCode.LINE_DEFAULT, line=called)]
    if not line.process:
        return go_on(*reasons, because(ReasonCode.LINE_NOT_PROCESSED, line=called))
    if not line.to_responsible:
        return go_on(*reasons, because(ReasonCode.TO_RESPONSIBLE_OFF))
    number, read = client_number(question, settings)
    reasons += read
    if number is None:
        return go_on(*reasons)
    reasons += looked_up
    reasons += [
        because(ReasonCode.PERSON_DELETED, kind=person.ref.kind, id=person.ref.id)
        for person in persons
        if person.is_deleted
    ]
    known = ranked(persons, deals)
    if not known:
        reasons.append(because(ReasonCode.PHONE_BOOK_EMPTY if is_book_empty else ReasonCode.CALLER_UNKNOWN))
        return go_on(*reasons)
    reasons += _who(known)
    for manager, why in _responsibles(known, deals):
        reasons.append(why)
        if manager is None:
            continue
        if not settings.is_on_for(manager):
            reasons.append(because(ReasonCode.OFF_FOR_MANAGER, manager=manager))
            continue
        off = off_duty(manager, days.get(manager)) if days and line.respect_working_day else None
        if off is not None:
            reasons.append(off)
            continue
        employee, refusal = _reachable(manager, settings, now)
        if employee is None:
            reasons.append(refusal)
            continue
        steps, plan = _plan(employee, line, manager, settings.numbering)
        return RouteDecision(outcome=Outcome.RESPONSIBLE, steps=steps, reasons=(*reasons, *plan), manager=manager)
    return go_on(*reasons, because(ReasonCode.NOBODY_TO_RING))


def _who(known: Sequence[Person]) -> list[Reason]:
    first = known[0]
    found = [because(ReasonCode.PERSON_FOUND, kind=first.ref.kind, id=first.ref.id, name=first.name)]
    if len(known) > 1:
        found.append(because(ReasonCode.SEVERAL_PERSONS, count=len(known), name=first.name))
    if first.ref.kind is EntityKind.COMPANY:
        found.append(because(ReasonCode.COMPANY_ONLY))
    return found


def responsible_of(person: Person, deals: Sequence[Deal]) -> tuple[ManagerId | None, Reason]:
    """
    Who is responsible for a person, and why. Never raises.

    The only open deal speaks before the contact, as amoCRM too puts a call on it (its documentation of calls). Several
    open deals speak only if they agree; else the contact does. A contact without responsible lets the deal touched last
    speak.
    """
    own = [deal for deal in open_deals_of(person, deals) if deal.responsible]
    if own and (len({deal.responsible for deal in own}) == 1 or not person.responsible):
        deal = own[0]
        return deal.responsible, because(
            ReasonCode.RESPONSIBLE_OF_DEAL, manager=deal.responsible, id=deal.ref.id, name=deal.name
        )
    if person.responsible:
        return person.responsible, because(
            ReasonCode.RESPONSIBLE_OF_PERSON, manager=person.responsible, name=person.name
        )
    return None, because(ReasonCode.NO_RESPONSIBLE, name=person.name)


def _responsibles(known: Sequence[Person], deals: Sequence[Deal]) -> Iterator[tuple[ManagerId | None, Reason]]:
    """The responsibles to try, each once: the chosen person's, then those of the others who have the same number."""
    seen = set()
    for person in known:
        manager, why = responsible_of(person, deals)
        if manager not in seen:
            seen.add(manager)
            yield manager, why


def _reachable(manager: ManagerId, settings: AccountSettings, now: Timestamp) -> tuple[Employee | None, Reason]:
    """The employee to ring for this manager, the first available of several; or None, and the reason."""
    if not settings.is_active(manager):
        return None, because(ReasonCode.MANAGER_INACTIVE, manager=manager)
    mapped = [e for e in settings.employees if e.manager == manager and extension_to_dial(e.extension)]
    absences = {each.key: settings.absence(each, now) for each in mapped}
    present = next((each for each in mapped if absences[each.key] is None), None)
    if present:
        return present, because(ReasonCode.RING_RESPONSIBLE, manager=manager, extension=present.extension)
    if mapped:
        first = mapped[0]
        end = _end_of(absences[first.key], settings, now)
        return None, because(ReasonCode.MANAGER_ABSENT, manager=manager, extension=first.extension, **end)
    return None, because(ReasonCode.MANAGER_WITHOUT_EXTENSION, manager=manager)


def _end_of(absence: Absence | None, settings: AccountSettings, now: Timestamp) -> dict[str, object]:
    """For the reason's sentence: when the absence ends, and the moment and the zone that it is told from."""
    if absence is None or absence.until is None:
        return {}
    return {"until": int(absence.until), "now": int(now), "zone": settings.zone}


def _plan(
    employee: Employee, line: LineSettings, manager: ManagerId, numbering: Numbering
) -> tuple[tuple[Step, ...], tuple[Reason, ...]]:
    seconds = min(max(line.responsible_seconds, MIN_RING_SECONDS), MAX_RING_SECONDS)
    extension = extension_to_dial(employee.extension)
    last, then = _after_no_answer(employee, line, numbering)
    steps = (
        *_notice(line.notice_before),
        Step(kind=StepKind.RING, target=extension, seconds=seconds),
        *_notice(line.notice_no_answer),
        *last,
    )
    ring = because(ReasonCode.RING_RESPONSIBLE, manager=manager, extension=extension, seconds=seconds)
    return steps, (ring, *then)


def _notice(sound: str | None) -> tuple[Step, ...]:
    is_playable = sound and _SOUND.fullmatch(sound) and ".." not in sound
    return (Step(kind=StepKind.NOTICE, sound=sound),) if is_playable else ()


def _after_no_answer(
    employee: Employee, line: LineSettings, numbering: Numbering
) -> tuple[tuple[Step, ...], tuple[Reason, ...]]:
    onward = Step(kind=StepKind.CONTINUE)
    match line.after_no_answer:
        case AfterNoAnswer.MOBILE:
            mobile = number_to_dial(employee.mobile, numbering)
            if mobile is None:
                return (onward,), (because(ReasonCode.NO_MOBILE), because(ReasonCode.THEN_ROUTE))
            ring = Step(kind=StepKind.MOBILE, target=mobile, seconds=MOBILE_RING_SECONDS)
            return (ring, onward), (because(ReasonCode.THEN_MOBILE),)
        case AfterNoAnswer.VOICEMAIL:
            box = Step(kind=StepKind.VOICEMAIL, target=extension_to_dial(employee.extension))
            return (box,), (because(ReasonCode.THEN_VOICEMAIL),)
        case AfterNoAnswer.GROUP:
            group = extension_to_dial(line.group)
            if group is None:
                return (onward,), (because(ReasonCode.NO_GROUP), because(ReasonCode.THEN_ROUTE))
            return (Step(kind=StepKind.GROUP, target=group),), (because(ReasonCode.THEN_GROUP, group=group),)
        case AfterNoAnswer.ROUTE:
            return (onward,), (because(ReasonCode.THEN_ROUTE),)
