"""Callbacks begin and end with calls: a missed one asks for a call back, a talk makes it needless.

Each call passes here before it is logged in the CRM, in the same step of the delivery: it is repeated until it has
succeeded, also in another process, and it does not wait for the CRM. `dialling/` dials; `domain/campaigns/callbacks.py`
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from integration.domain.calls.attribution import attribute
from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind
from integration.domain.campaigns.callbacks import Wanted, reached_since, wanted_after, was_talk
from integration.domain.crm.entities import Deal, Person
from integration.domain.crm.identity import chosen_first, ranked
from integration.domain.ids import AccountId, ManagerId
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import read_text
from integration.domain.routing.route import responsible_of
from integration.ports.callbacks import Asked, CallbackStore, NewCallback
from integration.ports.stores import CallStore, OutboxItem, PhoneBook
from integration.services.accounts import Account
from integration.services.delivery import StepFunction
from integration.texts.callbacks import campaign_name

log = structlog.get_logger()

_LOOKED_BACK = 20  # newest calls of the client: has somebody talked to them meanwhile?


class Callbacks:
    def __init__(
        self,
        *,
        callbacks: CallbackStore,
        calls: CallStore,
        phone_book: PhoneBook,
        office_of: Callable[[AccountId], AccountId],
        tell: Callable[[AccountId], None],
    ) -> None:
        """`tell`: that something of an account changed, to its open pages and its dialler."""
        self._callbacks = callbacks
        self._calls = calls
        self._phone_book = phone_book
        self._office_of = office_of
        self._tell = tell

    def before(self, steps: Mapping[IntentKind, StepFunction]) -> Mapping[IntentKind, StepFunction]:
        """The same steps; the one that logs a call lets it pass here first."""
        log_call = steps[IntentKind.LOG_CALL]

        async def passed(account: Account, item: OutboxItem) -> dict[str, Any]:
            call = await self._calls.get(account.id, item.call)
            if call is not None:
                await self.ended(account, call)
            return await log_call(account, item)

        return {**steps, IntentKind.LOG_CALL: passed}

    async def ended(self, account: Account, call: Call) -> None:
        """Take what a call says about callbacks. May be repeated. Raises: Unavailable."""
        if was_talk(call):
            await self._reached(account, call)
            return
        wanted = wanted_after(call, account.settings)
        if wanted is not None:
            await self._ask(account, call, wanted)

    async def _ask(self, account: Account, call: Call, wanted: Wanted) -> None:
        key = wanted.number.match_key
        recent = await self._calls.recent(account.id, match_key=key, limit=_LOOKED_BACK)
        if reached_since(recent, wanted.asked_at):
            return  # this step comes late: they have talked meanwhile
        persons, deals = await self._phone_book.known(account.id, key)
        person = next(iter(chosen_first(ranked(persons, deals), None)), None)
        asked = await self._callbacks.ask(
            account.id,
            NewCallback(
                call=call.id,
                kind=wanted.kind,
                campaign=wanted.campaign,
                campaign_name=campaign_name(account.settings.language),
                number=wanted.number.e164,
                zones=wanted.zones,
                asked_at=wanted.asked_at,
                due_at=wanted.due_at,
                name=person.name if person is not None else "",
                refs=(person.ref,) if person is not None else (),
                responsible=_responsible(account, call, person, persons, deals),
            ),
            office=self._office_of(account.id),
        )
        if asked in (Asked.TAKEN, Asked.JOINED):
            log.info("a client will be called back", account_id=account.id, call_id=call.id, asked=asked.value)
            self._tell(account.id)

    async def _reached(self, account: Account, call: Call) -> None:
        """Whatever number of theirs it was: the client does not wait any more."""
        numbering = account.settings.numbering
        client = client_of(call, numbering)
        if (
            not isinstance(client, PhoneNumber)
            or call.ended_at is None
            or not await self._callbacks.somebody_waits(account.id)
        ):
            return
        persons, _ = await self._phone_book.known(account.id, client.match_key)
        written = [text for person in persons for text in person.phones]
        others = {number.e164 for text in written for number in read_text(text, numbering).numbers}
        if await self._callbacks.reached(account.id, sorted({client.e164, *others}), at=call.ended_at):
            self._tell(account.id)


def _responsible(
    account: Account, call: Call, person: Person | None, persons: list[Person], deals: list[Deal]
) -> ManagerId | None:
    """The client's own; for somebody without one, or whose one cannot work any more, whose call it was."""
    own = responsible_of(person, deals)[0] if person is not None else None
    if own is not None and account.settings.is_active(own):
        return own
    return attribute(call, account.at(call.pbx), persons, deals).responsible
