"""The card of a call: who sees it, and its content. `widgets/README.md` defines the messages.

`hub.py` sends them; `tracking.py` knows the calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import phonenumbers
import structlog

from integration.domain.calls.call import Call, Direction, Disposition, Failure
from integration.domain.calls.participation import Part, PartResult, PartState, parts_of
from integration.domain.calls.tracking import Change
from integration.domain.crm.entities import Deal, Person
from integration.domain.crm.identity import open_deals_of, ranked
from integration.domain.ids import AccountId, CallId, ManagerId
from integration.domain.numbers.client import Client, client_of
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber, bare_digits, read_number
from integration.domain.numbers.phone_text import extension_for
from integration.domain.settings import CardMoment
from integration.errors import DozvonError
from integration.ports.stores import CallStore, PhoneBook
from integration.services.accounts import Account
from integration.services.hub import Hub
from integration.services.late_reads import LateReads

log = structlog.get_logger()

_MOST_DEALS = 5
_MOST_LAST_CALLS = 5
_ENDED_WORTH_SECONDS = 20.0  # a card of a call that ended is filled in no later
_MOST_CLICKS = 500  # with an extension, remembered until their calls are over
_VISIBLE = frozenset(
    {Change.STARTED, Change.RINGING, Change.ANSWERED, Change.HANDED_OVER, Change.LEG_ENDED, Change.ENDED, Change.MERGED}
)


_Key = tuple[AccountId, CallId]  # a call has cards in every account that shares its PBX


@dataclass(frozen=True, slots=True)
class _Known:
    """What phone book and history know of a client: `person` and `last_calls` in the card's format."""

    persons: Sequence[Person] = ()
    person: dict[str, Any] | None = None
    last_calls: list[dict[str, Any]] = field(default_factory=list)


class CardService:
    """A `CallObserver` that shows cards."""

    def __init__(self, hub: Hub, calls: CallStore, phone_book: PhoneBook) -> None:
        self._hub = hub
        self._calls = calls
        self._phone_book = phone_book
        self._shown: dict[_Key, dict[ManagerId, Part]] = {}  # -> manager -> the part that their card shows
        self._late = LateReads()
        self._newest: dict[_Key, tuple[Account, Call]] = {}  # of calls whose card waits for what is known
        self._of_clicks: dict[str, str] = {}  # a click -> the extension in its text, oldest first

    async def close(self) -> None:
        """Stop reading what is late."""
        await self._late.close()

    def expect(self, click: str, extension: str) -> None:
        """
        The text of this click (its `Origin.crm_call_id`) had an extension behind the number: show it with the call,
        even if no contact has it. Only the process that got the click remembers it.
        """
        self._of_clicks[click] = extension
        while len(self._of_clicks) > _MOST_CLICKS:
            del self._of_clicks[next(iter(self._of_clicks))]

    async def client_extension(self, account: Account, call: Call) -> str | None:
        """The extension behind the client's number, from a phone field of the contact or the click's text."""
        client = client_of(call, account.settings.numbering)
        persons: Sequence[Person] = ()
        if isinstance(client, PhoneNumber):
            persons = await self._phone_book.lookup(account.id, client.match_key)
        return self._extension(account, call, client, persons)

    def _extension(self, account: Account, call: Call, client: Client | None, persons: Sequence[Person]) -> str | None:
        clicked = self._of_clicks.get(call.origin.crm_call_id or "") if call.origin else None
        if clicked is not None or not isinstance(client, PhoneNumber):
            return clicked
        fields = [phone for person in persons for phone in person.phones]
        return extension_for(fields, client.match_key, account.settings.numbering)

    def on_resumed(self, account: Account, call: Call) -> None:
        self._shown[account.id, call.id] = card_audience(account, call)

    async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
        if changes & _VISIBLE:
            await self._try_to_show(account, call)

    async def show_again(self, account: Account, call: Call) -> None:
        """Update cards after new data about the client (a contact was created from the card)."""
        self._shown.pop((account.id, call.id), None)
        await self._try_to_show(account, call)

    async def _try_to_show(self, account: Account, call: Call, known: _Known | None = None) -> None:
        try:
            await self._show(account, call, known)
        except DozvonError as exc:
            log.warning("card not shown", account_id=account.id, call_id=call.id, error=str(exc))

    async def _show(self, account: Account, call: Call, known: _Known | None) -> None:
        shown = self._shown.pop((account.id, call.id), {})
        if call.merged_into is not None:
            await self._hub.send(account.id, shown, {"type": "call_removed", "id": call.id, "reason": "merged"})
            return
        parts = card_audience(account, call)
        if call.is_live:
            self._shown[account.id, call.id] = parts
        await self._hub.send(
            account.id, shown.keys() - parts.keys(), {"type": "call_removed", "id": call.id, "reason": "gone"}
        )
        # A manager whose ended part was already shown gets no more messages: a queue may have thirty members.
        told = {m for m, part in parts.items() if part.state is PartState.ENDED and shown.get(m) == part}
        by_part: dict[Part, list[ManagerId]] = {}
        for manager, part in parts.items():
            if manager not in told:
                by_part.setdefault(part, []).append(manager)
        if not by_part:
            return
        body = await self.compose(account, call, known)
        for part, managers in by_part.items():
            card = card_for(account, call, part, body)
            await self._hub.send(account.id, managers, {"type": "call_updated", "call": card})

    async def snapshot(
        self, account: Account, manager: ManagerId, calls: Iterable[Call], *, ended_since: float = 0.0
    ) -> list[dict[str, Any]]:
        """The cards that this manager should see now, without parts that ended before `ended_since`."""
        cards = []
        for call in calls:
            part = card_audience(account, call).get(manager)
            if part is not None and (part.ended_at is None or part.ended_at >= ended_since):
                cards.append(card_for(account, call, part, await self.compose(account, call)))
        return cards

    async def compose(self, account: Account, call: Call, known: _Known | None = None) -> dict[str, Any]:
        """
        The part of a `CardCall` that is the same for everybody. Data that is late follows in another message.

        Args:
            known: the client's data if it has just been read: a second reading could be late again, and so on for ever.
        """
        settings = account.settings
        client = client_of(call, settings.numbering)
        number = client if isinstance(client, PhoneNumber) else None
        if known is None:
            known = _Known() if number is None else await self._in_time(account, call, number.match_key)
        is_looked_up, known = known is not None, known or _Known()
        return {
            "id": call.id,
            "direction": call.direction,
            "number": display_number(call.client_number, settings.numbering),
            "raw_number": number.e164 if number else None,
            "client_extension": self._extension(account, call, client, known.persons),
            "started_at": call.started_at,
            "line": display_number(call.line, settings.numbering) if call.line else None,
            "person": known.person,
            "persons_count": len(known.persons),
            "last_calls": known.last_calls,
            "is_looked_up": is_looked_up,
            "can_create": is_looked_up and known.person is None and number is not None,
        }

    async def _in_time(self, account: Account, call: Call, match_key: str) -> _Known | None:
        """What is known of the client. None if it is late: the card is then shown again when it has come."""
        key = account.id, call.id
        self._newest[key] = account, call
        known = await self._late.in_time(
            key,
            partial(self._read, account, call, match_key),
            partial(self._show_late, key, asyncio.get_running_loop().time()),
        )
        if known is not None:
            self._newest.pop(key, None)
        return known

    async def _read(self, account: Account, call: Call, key: str) -> _Known:
        persons = await self._phone_book.lookup(account.id, key)
        deals = await self._phone_book.open_deals(account.id, [p.ref for p in persons]) if persons else []
        by_rank = ranked(persons, deals)
        person = next(iter(by_rank), None)  # the one that routing and attribution choose
        return _Known(
            persons=by_rank,
            person=await self._person(account, person, deals) if person else None,
            last_calls=await self._last_calls(account, call, key),
        )

    async def _show_late(self, key: _Key, since: float, known: _Known | None) -> None:
        account, call = self._newest.pop(key)
        if known is None:
            return
        if call.is_live or asyncio.get_running_loop().time() - since < _ENDED_WORTH_SECONDS:
            self._shown.pop(key, None)
            await self._try_to_show(account, call, known)

    async def _person(self, account: Account, person: Person, open_deals: Sequence[Deal]) -> dict[str, Any]:
        company = await self._phone_book.get(account.id, person.company) if person.company else None
        deals = sorted(open_deals_of(person, open_deals), key=lambda deal: -deal.updated_at)[:_MOST_DEALS]
        return {
            "id": person.ref.id,
            "kind": person.ref.kind,
            "name": person.name,
            "url": account.crm.entity_url(person.ref),
            "company": {"name": company.name, "url": account.crm.entity_url(company.ref)} if company else None,
            "responsible": {"id": person.responsible, "name": account.manager_name(person.responsible) or ""}
            if person.responsible
            else None,
            "emails": list(person.emails),
            "deals": [_deal(account, deal) for deal in deals],
        }

    async def _last_calls(self, account: Account, call: Call, key: str) -> list[dict[str, Any]]:
        recent = await self._calls.recent(account.id, match_key=key, limit=_MOST_LAST_CALLS + 1)
        return [
            {
                "at": past.started_at,
                "direction": past.direction,
                "disposition": past.disposition,
                "talk_seconds": round(past.talked_seconds),
                "by": account.name_of(past.final_responsible, past.pbx),
            }
            for past in recent
            if past.id != call.id and past.disposition is not None
        ][:_MOST_LAST_CALLS]


def card_audience(account: Account, call: Call) -> dict[ManagerId, Part]:
    """
    Who has a card of the call, each with the part that it shows.

    Inbound: managers whose phone rings or rang, and those who have or had the client; nobody if the line shows no card.
    Outbound: the caller, and those who get the call by a transfer. Internal calls have no card.
    """
    settings = account.settings
    line = settings.line(call.line)
    if call.direction is Direction.INTERNAL or not settings.enabled or not line.process or call.elsewhere:
        return {}
    parts = _parts(account, call)
    if call.direction is Direction.INBOUND and line.card is not CardMoment.RINGING:
        parts = {m: part for m, part in parts.items() if line.card is CardMoment.ANSWER and _has_talked(part)}
    return parts


def part_of_manager(account: Account, manager: ManagerId, call: Call) -> Part | None:
    """This manager's part of the call, whether or not a card shows it."""
    return _parts(account, call).get(manager)


_NEARNESS = {PartState.TALKING: 2, PartState.RINGING: 1, PartState.ENDED: 0}


def _parts(account: Account, call: Call) -> dict[ManagerId, Part]:
    """For a manager with several extensions the most important part: a talk, then what rings, then the newest end."""
    settings, parts = account.at(call.pbx), dict[ManagerId, Part]()
    for extension, part in parts_of(call).items():
        manager = settings.manager_of(extension)
        if manager is None:
            continue
        known = parts.get(manager)
        if known is None or _rank(part) > _rank(known):
            parts[manager] = part
    return parts


def _rank(part: Part) -> tuple[int, float]:
    return _NEARNESS[part.state], part.ended_at or 0.0


def _has_talked(part: Part) -> bool:
    return part.state is PartState.TALKING or part.result in {PartResult.ANSWERED, PartResult.TRANSFERRED}


# For widgets of an earlier release without `result`: what they show of a part that ended before the call.
_NEAREST_DISPOSITION = {
    PartResult.ANSWERED_ELSEWHERE: Disposition.ANSWERED,
    PartResult.TRANSFERRED: Disposition.ANSWERED,
    PartResult.CONSULTED: Disposition.ANSWERED,
    PartResult.DECLINED: Disposition.MISSED,
    PartResult.PASSED_ON: Disposition.MISSED,
}


def card_for(account: Account, call: Call, part: Part, body: dict[str, Any]) -> dict[str, Any]:
    """A `CardCall` of what is the same for everybody (`CardService.compose`) and one manager's part."""
    return {**body, **_part_fields(account, call, part)}


def _part_fields(account: Account, call: Call, part: Part) -> dict[str, Any]:
    """The part of a `CardCall` for one manager."""
    had_talk = part.state is PartState.TALKING or (part.state is PartState.ENDED and part.since is not None)
    disposition = call.disposition
    if part.result is not None:
        disposition = _NEAREST_DISPOSITION.get(part.result) or Disposition(part.result)
    return {
        "extension": part.extension,
        "state": part.state,
        "rings_since": part.since if part.state is PartState.RINGING else None,
        "answered_at": part.since if had_talk else None,
        "ended_at": part.ended_at,
        "disposition": disposition,
        "result": part.result,
        "failure": _failure(call, part),
        "is_own": part.is_own,
        "can_hang_up": _can_hang_up(account, call, part),
        "colleague": _colleague(account, call, part.colleague),
        "came": {"how": part.came, "from": _colleague(account, call, part.came_from)} if part.came else None,
    }


def _can_hang_up(account: Account, call: Call, part: Part) -> bool:
    pbx = account.pbxs.get(call.pbx)
    if pbx is None:
        return False
    if part.state is PartState.RINGING and not part.is_own:
        return pbx.abilities.decline
    is_theirs = part.state is PartState.RINGING or (part.state is PartState.TALKING and part.holds_client)
    return is_theirs and pbx.abilities.hang_up


def _failure(call: Call, part: Part) -> Failure | None:
    """Why the manager's click never dialled the client. None after "hang up": the manager knows why."""
    if call.failure is None or not part.is_own:
        return None
    return Failure.AGENT_CANCELLED if part.result is PartResult.CANCELLED else call.failure


def _colleague(account: Account, call: Call, extension: str | None) -> dict[str, str] | None:
    if extension is None:
        return None
    return {"extension": extension, "name": account.name_of(extension, call.pbx) or extension}


def display_number(text: str | None, numbering: Numbering) -> str:
    """A number for people, `+7 916 123-45-67`; the digits if it is not a valid number, `""` if it is withheld."""
    number = read_number(text or "", numbering)
    if number is None:
        digits = bare_digits(text, numbering)
        return digits.digits if digits else ""
    return phonenumbers.format_number(phonenumbers.parse(number.e164), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _deal(account: Account, deal: Deal) -> dict[str, Any]:
    return {
        "id": deal.ref.id,
        "name": deal.name,
        "url": account.crm.entity_url(deal.ref),
        "stage": deal.stage_name or "",
        "price": deal.price,
    }
