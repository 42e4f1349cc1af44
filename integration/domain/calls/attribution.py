"""The responsible manager of a call and its CRM object: `attribute()`, with the reasons.

Writing it into the CRM belongs to the delivery; the line of text for people is
`texts/calls.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, LegResult, Via
from integration.domain.crm.entities import Deal, EntityRef, Person
from integration.domain.crm.identity import chosen_first, open_deals_of, ranked
from integration.domain.ids import ManagerId
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber, match_key
from integration.domain.numbers.phone_text import match_keys
from integration.domain.reasons import Reason, ReasonCode, because
from integration.domain.routing.route import responsible_of
from integration.domain.settings import AccountSettings, LogTarget

_GROUP_SECONDS = 1.0  # legs offered within this time ring together, so nobody was called personally
_PERSONAL = frozenset({Via.DIRECT, Via.TRANSFER, Via.FORWARD, Via.FALLBACK, Via.CONSULTATION, Via.PARKING_RETURN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """`target` None: the number is not in the CRM; the call belongs into the inbox of leads."""

    target: EntityRef | None
    responsible: ManagerId | None
    reasons: tuple[Reason, ...]


Claim = tuple[ManagerId | None, Reason]
"""A possible responsible manager, and the reason; None: the reason explains why there is none."""


def attribute(call: Call, settings: AccountSettings, persons: Sequence[Person], deals: Sequence[Deal]) -> Attribution:
    """
    Decide which manager is responsible for this call, and where in the CRM to log it.

    Args:
        call: usually ended; the result for a live call is preliminary.
        persons: those with the client's number, in any order; may include deleted ones.
        deals: open deals of these persons, in any order.

    Returns:
        Target: the person that an employee chose in the card, otherwise the likeliest (`identity.ranked`); where the
        account wants it so, their only open deal; none for unknown and hidden numbers. Responsible: the first active
        manager among

        - answered: the last to have the client; for an extension outside the integration the line's manager for these;
        - outgoing: the caller, even if the call was transferred later;
        - missed: the person rung personally (the contact's responsible before others, else the last one);
        - then the contact's or deal's responsible; after a missed call the line's manager for those; the account's
          default, and if somebody named above was dismissed, the line's managers. None when none of these is active.

        The reasons come in the order of the search. Never raises.

    Source: seed S4 (questions and answers; "Ответственный за ..."), spec B7, E4, E5; amoCRM's own choice of the lead.
    """
    if call.direction is Direction.INTERNAL:
        claims: Iterator[Claim] = iter(_employee(call.final_responsible or call.caller, call, settings))
        manager, reasons = _first_active(claims, call, settings)
        return Attribution(target=None, responsible=manager, reasons=(because(ReasonCode.INTERNAL_CALL), *reasons))
    known = chosen_first(ranked(persons, deals), call.chosen.person if call.chosen is not None else None)
    person = known[0] if known else None
    target, why = _target(call, settings, known, deals)
    manager, reasons = _first_active(_claims(call, settings, person, deals), call, settings)
    return Attribution(target=target, responsible=manager, reasons=(*why, *reasons))


def instead_of_inbox(decided: Attribution, target: EntityRef | None, reasons: Sequence[Reason]) -> Attribution:
    """The same decision where the inbox turned out not to be the place: `reasons` take the place of that reason."""
    kept: list[Reason] = []
    for reason in decided.reasons:
        kept += reasons if reason.code == ReasonCode.TARGET_INBOX else (reason,)
    return replace(decided, target=target, reasons=tuple(kept))


def _target(
    call: Call, settings: AccountSettings, known: Sequence[Person], deals: Sequence[Deal]
) -> tuple[EntityRef | None, list[Reason]]:
    if not known:
        return None, [_why_unknown(call, settings), because(ReasonCode.TARGET_INBOX)]
    person, reasons = known[0], []
    if len(known) > 1:
        reasons.append(because(ReasonCode.SEVERAL_PERSONS, count=len(known), name=person.name))
        if call.chosen is not None and call.chosen.person == person.ref:
            reasons.append(because(ReasonCode.CLIENT_CHOSEN, extension=call.chosen.by))
        elif call.chosen is not None:
            reasons.append(because(ReasonCode.CHOSEN_IS_GONE, extension=call.chosen.by))
    own = open_deals_of(person, deals) if settings.log_to is LogTarget.DEAL else []
    if len(own) == 1:
        return own[0].ref, [*reasons, because(ReasonCode.TARGET_DEAL, id=own[0].ref.id, name=own[0].name)]
    if own:
        reasons.append(because(ReasonCode.TARGET_SEVERAL_DEALS, count=len(own)))
    found = because(ReasonCode.TARGET_PERSON, kind=person.ref.kind, id=person.ref.id, name=person.name)
    return person.ref, [*reasons, found]


def _why_unknown(call: Call, settings: AccountSettings) -> Reason:
    client = client_of(call, settings.numbering)
    if client is None:
        return because(ReasonCode.CALLER_HIDDEN)
    if isinstance(client, PhoneNumber):
        return because(ReasonCode.CALLER_UNKNOWN)
    return because(ReasonCode.CALLER_BARE_DIGITS, number=client.digits[:40])


def _first_active(
    claims: Iterator[Claim], call: Call, settings: AccountSettings
) -> tuple[ManagerId | None, list[Reason]]:
    reasons: list[Reason] = []
    dismissed: list[ManagerId] = []
    for manager, why in chain(claims, _stand_ins(call, settings, dismissed)):
        reasons.append(why)
        if manager is None or manager in dismissed:
            continue
        if settings.is_active(manager):
            return manager, reasons
        dismissed.append(manager)
        reasons.append(because(ReasonCode.MANAGER_INACTIVE, manager=manager))
    return None, [*reasons, because(ReasonCode.NOBODY_RESPONSIBLE)]


def _stand_ins(call: Call, settings: AccountSettings, dismissed: Sequence[ManagerId]) -> Iterator[Claim]:
    """The account's default person when no claim holds; the line's managers only in place of somebody dismissed."""
    default = settings.default_responsible
    if default:
        yield default, because(ReasonCode.DEFAULT_RESPONSIBLE, manager=default)
    if dismissed:
        for manager in settings.stand_ins(call.line):
            if manager not in (default, *dismissed):
                yield manager, because(ReasonCode.LINE_RESPONSIBLE, manager=manager, line=call.line or "")


def _claims(call: Call, settings: AccountSettings, person: Person | None, deals: Sequence[Deal]) -> Iterator[Claim]:
    is_missed = False
    if call.direction is Direction.OUTBOUND:
        yield None, because(ReasonCode.CALLED_BY, extension=call.caller)
        yield from _employee(call.caller, call, settings)
    elif is_missed := not _is_answered(call):
        yield from _rang_at(call, settings, responsible_of(person, deals)[0] if person else None)
    else:
        yield from _answered(call, settings)
    if person is not None:
        yield responsible_of(person, deals)
    missed = settings.line(call.line).missed_responsible
    if is_missed and missed:
        yield missed, because(ReasonCode.MISSED_RESPONSIBLE, manager=missed, line=call.line or "")


def _is_answered(call: Call) -> bool:
    """A call whose answer fell into a gap of the link has a disposition or a person, but may lack the moment."""
    return call.disposition is Disposition.ANSWERED or (call.disposition is None and call.answered_by is not None)


def _answered(call: Call, settings: AccountSettings) -> Iterator[Claim]:
    last = call.final_responsible or call.answered_by
    if last is None:
        return
    if call.answered_by in (None, last):
        yield None, because(ReasonCode.ANSWERED_BY, extension=last)
    else:
        yield None, because(ReasonCode.HAD_CLIENT_LAST, extension=last)
    yield from _employee(last, call, settings)


def _employee(extension: str, call: Call, settings: AccountSettings) -> Iterator[Claim]:
    """The manager behind an extension or an employee's mobile; the line's manager for those outside the integration."""
    manager = settings.manager_of(extension)
    if manager is None:
        key = match_key(extension, settings.numbering)
        owner = next((e for e in settings.employees if key in match_keys([e.mobile or ""], settings.numbering)), None)
        manager = owner.manager if owner else None
    if manager is None:
        forwarder = _forwarded_by(call)
        manager = settings.manager_of(forwarder) if forwarder else None
        if manager is not None:
            yield manager, because(ReasonCode.FORWARDED_BY, extension=forwarder, number=extension)
            return
    if manager is not None:
        yield manager, because(ReasonCode.RESPONSIBLE_OF_EXTENSION, manager=manager, extension=extension)
        return
    yield None, because(ReasonCode.OUTSIDE_INTEGRATION, extension=extension)
    outside = settings.line(call.line).outside_responsible
    if outside:
        yield outside, because(ReasonCode.OUTSIDE_RESPONSIBLE, manager=outside)


def _forwarded_by(call: Call) -> str | None:
    """The extension whose phone sent the call on to an outside number, if one did."""
    return next((leg.target for leg in reversed(call.legs) if leg.result is LegResult.FORWARDED), None)


def _rang_at(call: Call, settings: AccountSettings, owner: ManagerId | None) -> Iterator[Claim]:
    personal = rang_personally(call)
    at_owner = next((leg for leg in personal if owner and settings.manager_of(leg.target) == owner), None)
    if at_owner:
        yield owner, because(ReasonCode.RANG_AT_RESPONSIBLE, extension=at_owner.target)
    elif personal:
        yield None, because(ReasonCode.RANG_AT, extension=personal[-1].target)
        yield from _employee(personal[-1].target, call, settings)
    elif any(leg.kind is LegKind.EXTENSION for leg in call.legs):
        yield None, because(ReasonCode.RANG_AT_GROUP, group=call.queue or "")
    else:
        yield None, because(ReasonCode.RANG_AT_NOBODY)


def rang_personally(call: Call) -> list[Leg]:
    """The legs by which one employee alone was called, in order: not a queue's, nor several offered at once."""
    legs = [leg for leg in call.legs if leg.kind is LegKind.EXTENSION]
    return [
        leg
        for leg in legs
        if leg.via in _PERSONAL
        and not any(
            other.target != leg.target
            and other.via == leg.via
            and abs(other.offered_at - leg.offered_at) < _GROUP_SECONDS
            for other in legs
        )
    ]
