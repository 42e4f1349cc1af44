"""The card of a call: who sees it, and what is on it. Messages are those of `widgets/README.md`.

Sending them is `hub.py`'s; which calls exist is `tracking.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import phonenumbers
import structlog

from integration.domain.call import Call, Direction, LegKind
from integration.domain.client import client_of
from integration.domain.crm import Deal, Person
from integration.domain.follow_up import ringing_extensions
from integration.domain.identity import open_deals_of, ranked
from integration.domain.ids import ManagerId
from integration.domain.numbering import Numbering
from integration.domain.phone import PhoneNumber, read_number
from integration.domain.settings import CardMoment
from integration.domain.tracking import Change
from integration.errors import DozvonError
from integration.ports import CallStore, PhoneBook
from integration.services.accounts import Account
from integration.services.hub import Hub

log = structlog.get_logger()

_MOST_DEALS = 5
_MOST_LAST_CALLS = 5
_VISIBLE = frozenset(
    {Change.STARTED, Change.RINGING, Change.ANSWERED, Change.HANDED_OVER, Change.LEG_ENDED, Change.ENDED, Change.MERGED}
)


class CardService:
    """A `CallObserver` that shows cards."""

    def __init__(self, hub: Hub, calls: CallStore, phone_book: PhoneBook) -> None:
        self._hub = hub
        self._calls = calls
        self._phone_book = phone_book
        self._shown: dict[str, dict[ManagerId, str]] = {}  # call -> manager -> the extension it is shown for

    def on_resumed(self, account: Account, call: Call) -> None:
        self._shown[call.id] = card_audience(account, call)

    async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
        if not changes & _VISIBLE:
            return
        try:
            await self._show(account, call)
        except DozvonError as exc:
            log.warning("card not shown", account_id=account.id, call_id=call.id, error=str(exc))

    async def _show(self, account: Account, call: Call) -> None:
        shown = self._shown.setdefault(call.id, {})
        audience = card_audience(account, call)
        removed = [m for m in shown if m not in audience] if call.is_live else []
        await self._hub.send(
            account.id, removed, {"type": "call_removed", "id": call.id, "reason": _reason_of_removal(call)}
        )
        for manager in removed:
            del shown[manager]
        if call.merged_into is not None or not call.is_live:
            self._shown.pop(call.id, None)
        if call.merged_into is not None:
            await self._hub.send(account.id, shown, {"type": "call_removed", "id": call.id, "reason": "merged"})
            return
        if call.is_live:
            shown.update(audience)
        if not shown:
            return
        body = await self.compose(account, call)
        by_extension: dict[str, list[ManagerId]] = {}
        for manager, extension in shown.items():
            by_extension.setdefault(extension, []).append(manager)
        for extension, managers in by_extension.items():
            await self._hub.send(
                account.id, managers, {"type": "call_updated", "call": {**body, "extension": extension}}
            )

    async def snapshot(self, account: Account, manager: ManagerId, calls: Iterable[Call]) -> list[dict[str, Any]]:
        """The cards that this manager should see now."""
        cards = []
        for call in calls:
            extension = card_audience(account, call).get(manager)
            if extension is not None:
                cards.append({**await self.compose(account, call), "extension": extension})
        return cards

    async def show_again(self, account: Account, call: Call) -> None:
        """What is known about the client changed (a contact was created from the card)."""
        await self.on_change(account, call, frozenset({Change.STARTED}))

    async def compose(self, account: Account, call: Call) -> dict[str, Any]:
        """The `CardCall` of a call without its `extension`."""
        settings = account.settings
        client = client_of(call, settings.numbering)
        number = client if isinstance(client, PhoneNumber) else None
        key = number.match_key if number else None
        persons = await self._phone_book.lookup(account.id, key) if key else []
        deals = await self._phone_book.open_deals(account.id, [p.ref for p in persons]) if persons else []
        person = next(iter(ranked(persons, deals)), None)  # the one that routing and attribution choose
        return {
            "id": call.id,
            "direction": call.direction,
            "state": _state(call),
            "number": display_number(call.client_number, settings.numbering),
            "raw_number": number.e164 if number else None,
            "started_at": call.started_at,
            "answered_at": call.answered_at,
            "ended_at": call.ended_at,
            "line": display_number(call.line, settings.numbering) if call.line else None,
            "disposition": call.disposition,
            "person": await self._person(account, person, deals) if person else None,
            "persons_count": len(persons),
            "last_calls": await self._last_calls(account, call, key) if key else [],
            "can_create": person is None and number is not None,
        }

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
                "by": account.name_of(past.final_responsible),
            }
            for past in recent
            if past.id != call.id and past.disposition is not None
        ][:_MOST_LAST_CALLS]


def card_audience(account: Account, call: Call) -> dict[ManagerId, str]:
    """
    Who sees the card now, each with the extension it is shown for.

    Inbound: whose phone rings, or who has the client; nobody where the line shows no card. Outbound: who calls.
    Internal calls have no card.
    """
    settings = account.settings
    line = settings.line(call.line)
    if call.direction is Direction.INTERNAL or not settings.enabled or not line.process:
        return {}
    if call.direction is Direction.OUTBOUND:
        extensions: tuple[str, ...] = (call.final_responsible or _first_extension(call) or call.caller,)
    elif line.card is CardMoment.NEVER:
        extensions = ()
    else:
        holder = (call.final_responsible,) if call.answered_at is not None and call.final_responsible else ()
        ringing = ringing_extensions(call) if line.card is CardMoment.RINGING else ()
        extensions = holder + ringing
    audience: dict[ManagerId, str] = {}
    for extension in extensions:
        manager = settings.manager_of(extension)
        if manager is not None:
            audience.setdefault(manager, extension)
    return audience


def display_number(text: str | None, numbering: Numbering) -> str:
    """A number for people, `+7 916 123-45-67`; the text itself when it is none, `""` when it is withheld."""
    number = read_number(text or "", numbering)
    if number is None:
        return text if text and text.isdigit() else ""
    return phonenumbers.format_number(phonenumbers.parse(number.e164), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _first_extension(call: Call) -> str | None:
    return next((leg.target for leg in call.legs if leg.kind is LegKind.EXTENSION), None)


def _state(call: Call) -> str:
    if not call.is_live:
        return "ended"
    return "talking" if call.answered_at is not None else "ringing"


def _reason_of_removal(call: Call) -> str:
    if call.transfers and call.answered_at is not None:
        return "transferred"
    return "answered_elsewhere" if call.answered_at is not None else "gone"


def _deal(account: Account, deal: Deal) -> dict[str, Any]:
    return {
        "id": deal.ref.id,
        "name": deal.name,
        "url": account.crm.entity_url(deal.ref),
        "stage": deal.stage_name or "",
        "price": deal.price,
    }
