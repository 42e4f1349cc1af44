"""The card of a call: who sees it and when. `widgets/README.md` defines the messages.

`card_content.py` says what is known of the client, `hub.py` sends the messages, `tracking.py` knows the calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any

import phonenumbers
import structlog

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.participation import Part, PartResult, PartState, parts_of
from integration.domain.calls.tracking import Change
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.crm.identity import chosen_first, open_deals_of, ranked
from integration.domain.crm.new_clients import new_client
from integration.domain.ids import AccountId, CallId, ManagerId
from integration.domain.numbers.client import Client, client_of
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber, bare_digits, read_number
from integration.domain.numbers.phone_text import extension_for
from integration.domain.settings import CardMoment, NewClient
from integration.errors import DozvonError
from integration.ports.stores import CallStore, PhoneBook
from integration.services.accounts import Account
from integration.services.card_content import (
    MOST_LAST_CALLS,
    candidates,
    companies_of,
    past_calls,
    person_content,
    task_content,
)
from integration.services.card_part import colleague, part_fields
from integration.services.hub import Hub
from integration.services.late_reads import LateReads
from integration.services.listed_clients import Listed, ListedClients
from integration.services.new_clients import makes_by_hand
from integration.services.next_tasks import NextTasks

log = structlog.get_logger()

_ENDED_WORTH_SECONDS = 20.0  # a card of a call that ended is filled in no later
_MOST_CLICKS = 500  # with an extension, remembered until their calls are over
_VISIBLE = frozenset(Change) - {Change.CORRECTED, Change.RECEIVED}


Present = Callable[[Account, CallId], Awaitable[Call | None]]
_Key = tuple[AccountId, CallId]  # a call has cards in every account that shares its PBX


@dataclass(frozen=True, slots=True)
class _Known:
    """
    What phone book and history know of a client: `person`, `candidates` and `last_calls` in the card's format.

    `persons`: with the number, the one whom the card shows first; `deals`: their open ones of that person; `listed`:
    whom a campaign's list has, if one dialled the call; `has_name`: the CRM knows the client's name.
    """

    persons: Sequence[Person] = ()
    deals: Sequence[EntityRef] = ()
    person: dict[str, Any] | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    last_calls: list[dict[str, Any]] = field(default_factory=list)
    listed: Listed | None = None
    has_name: bool = False

    @property
    def can_have_deal(self) -> bool:
        """A lead becomes a deal by being converted in the CRM."""
        return bool(self.persons) and self.persons[0].ref.kind is not EntityKind.LEAD


class CardService:
    """A `CallObserver` that shows cards."""

    def __init__(self, hub: Hub, calls: CallStore, phone_book: PhoneBook, listed: ListedClients) -> None:
        self._hub = hub
        self._calls = calls
        self._phone_book = phone_book
        self._listed = listed
        self._shown: dict[_Key, dict[ManagerId, Part]] = {}  # -> manager -> the part that their card shows
        self._late = LateReads()
        self._tasks = NextTasks(self._show_task)
        self._present: Present = lambda account, call_id: calls.get(account.id, call_id)
        self._newest: dict[_Key, tuple[Account, Call]] = {}  # of calls whose card waits for what is known
        self._of_clicks: dict[str, str] = {}  # a click -> the extension in its text, oldest first

    def read_calls(self, present: Present) -> None:
        """Where the present state of a live call is found, also of one that another process follows."""
        self._present = present

    async def close(self) -> None:
        """Stop reading what is late."""
        await self._late.close()
        await self._tasks.close()

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
        """Update cards after new data about the client (a contact or a deal was created from the card)."""
        self._shown.pop((account.id, call.id), None)
        await self._try_to_show(account, call)

    async def show_newest(self, account: Account, call_id: CallId) -> None:
        """The same of a call that may have gone on meanwhile; of one that is over nothing is shown."""
        try:
            call = await self._present(account, call_id)
        except DozvonError as exc:
            log.warning("card not shown", account_id=account.id, call_id=call_id, error=str(exc))
            return
        if call is not None and call.is_live:
            await self.show_again(account, call)

    async def _show_task(self, account: Account, call_id: CallId) -> None:
        """The client's next task has come, some time after the card."""
        try:
            call = await self._present(account, call_id)
            client = client_of(call, account.settings.numbering) if call is not None else None
            if call is None or not isinstance(client, PhoneNumber):
                return
            known = await self._in_time(account, call, client.match_key)
            now = await self._present(account, call_id)  # the last step before the message: it must not be outdated
            if known is not None and now is not None and now.chosen == call.chosen:
                await self._try_to_show(account, now, known)
        except DozvonError as exc:
            log.warning("card not shown", account_id=account.id, call_id=call_id, error=str(exc))

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
        cards = (
            (managers, {"type": "call_updated", "call": card_for(account, call, part, body)})
            for part, managers in by_part.items()
        )
        await self._hub.send_each(account.id, cards)

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
            known: the client's data if it has just been read: a second reading could be late again, and so on forever.
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
            "line_name": settings.line(call.line).source if call.line else None,
            "person": known.person,
            "persons_count": len(known.persons),
            "persons": known.candidates,
            **_of_campaign(known),
            "chosen_by": colleague(account, call, call.chosen.by) if call.chosen is not None else None,
            "next_task": self._next_task(account, call, known),
            "last_calls": known.last_calls,
            "fields": list(settings.card_fields),
            "is_looked_up": is_looked_up,
            "can_create": is_looked_up
            and known.person is None
            and number is not None
            and _may_make(account, call, number),
            "create_kind": makes_by_hand(account),
            "can_create_deal": known.can_have_deal and account.crm.abilities.deals,
        }

    def _next_task(self, account: Account, call: Call, known: _Known) -> dict[str, Any] | None:
        if not known.persons:
            return None
        return task_content(self._tasks.of(account, call, known.persons[0].ref, known.deals))

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
        (persons, deals), recent, listed = await asyncio.gather(
            self._phone_book.known(account.id, key),
            self._calls.recent(account.id, match_key=key, limit=MOST_LAST_CALLS + 1),
            self._listed.of(account.id, call),
        )
        last_calls = past_calls(account, call, recent)
        # The one whom attribution chooses.
        known = chosen_first(ranked(persons, deals), call.chosen.person if call.chosen is not None else None)
        if not known:
            return _Known(last_calls=last_calls, listed=listed)
        person = known[0]
        refs = list(dict.fromkeys(each.company for each in companies_of(known) if each.company is not None))
        found = await asyncio.gather(*(self._phone_book.get(account.id, ref) for ref in refs))
        companies = dict(zip(refs, found, strict=True))
        company = companies.get(person.company) if person.company is not None else None
        return _Known(
            listed=listed,
            has_name=not _has_no_name(person, key),
            persons=known,
            deals=[deal.ref for deal in open_deals_of(person, deals)],
            person=person_content(account, person, company, deals),
            candidates=candidates(account, known, [each for each in companies.values() if each is not None]),
            last_calls=last_calls,
        )

    async def _show_late(self, key: _Key, since: float, known: _Known | None) -> None:
        account, call = self._newest.pop(key)
        if known is None:
            return
        if call.is_live or asyncio.get_running_loop().time() - since < _ENDED_WORTH_SECONDS:
            self._shown.pop(key, None)
            await self._try_to_show(account, call, known)


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
    parts = {m: part for m, part in _parts(account, call).items() if settings.is_on_for(m)}
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


def card_for(account: Account, call: Call, part: Part, body: dict[str, Any]) -> dict[str, Any]:
    """A `CardCall` of what is the same for everybody (`CardService.compose`) and one manager's part."""
    return {**body, **part_fields(account, call, part)}


def display_number(text: str | None, numbering: Numbering) -> str:
    """A number for people, `+7 916 123-45-67`; the digits if it is not a valid number, `""` if it is withheld."""
    number = read_number(text or "", numbering)
    if number is None:
        digits = bare_digits(text, numbering)
        return digits.digits if digits else ""
    return phonenumbers.format_number(phonenumbers.parse(number.e164), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _of_campaign(known: _Known) -> dict[str, dict[str, str] | None]:
    """`listed` and `campaign` of a card: the list's name is for a client whose name the CRM does not know."""
    listed = known.listed
    if listed is None:
        return {"listed": None, "campaign": None}
    return {
        "listed": None if known.has_name else {"name": listed.name, "campaign": listed.campaign},
        "campaign": {"name": listed.campaign, "comment": listed.comment, "script": listed.script},
    }


def _has_no_name(person: Person, match_key: str) -> bool:
    """A CRM that makes a lead of an unknown number by itself names it by the number, and then by the kind of call."""
    before_words = "".join(takewhile(lambda char: not char.isalpha(), person.name))
    return not person.name.strip() or match_key in "".join(filter(str.isdigit, before_words))


def _may_make(account: Account, call: Call, number: PhoneNumber) -> bool:
    return new_client(call, number, account.settings).way is not NewClient.NEVER
