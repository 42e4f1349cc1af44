"""Calls from strangers, numbers that nobody in the CRM has: one entry in the CRM's inbox for each number.

Theory of operation. A row for each number says which call enters it into the CRM (`Strangers`). Later calls wait while
that call is being delivered, and one of them takes over if it is given up. So two calls never make two entries, even in
two processes, and after a lost answer we look in the CRM before writing. Once the entry exists, later calls are written
into it. If the CRM does not allow that while the entry waits, the call stays in the outbox and is tried again at times.
When the entry is accepted, the call is written to its deal; when it is declined, the call is dropped. A webhook reports
what a person did with the entry (`closed`); without a webhook we ask. Where the CRM has no inbox for such calls, the
row says which call makes the contact.

`delivery_steps.py` decides which calls come from strangers, and logs the calls of known clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import structlog

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.crm.entities import CrmChange, EntityKind, EntityRef, InboxClosed, Person
from integration.domain.crm.identity import ranked
from integration.domain.crm.new_clients import new_client
from integration.domain.ids import AccountId, CallId, ManagerId, Timestamp, record_key
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.reasons import Reason, ReasonCode, because
from integration.domain.settings import NewClient
from integration.errors import InInbox, NotFound, OutcomeUnknown, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.crm import CallRecord, InboxState, LoggedCall
from integration.ports.stores import CallStore, Outbox, OutboxItem, OutboxState, PhoneBook, Strangers
from integration.services.accounts import Account
from integration.services.client_makers import ClientMakers
from integration.services.delivery import NotYet
from integration.services.new_clients import NewClients, makes_client
from integration.services.responsible import with_responsible

log = structlog.get_logger()

_WAIT_FOR_ENTRY_SECONDS = 1.0  # at first, while another call of the number is being entered; then longer
_WAIT_FOR_ENTRY_AT_MOST_SECONDS = 60.0
_TRUSTED_SECONDS = 60.0  # how long we believe the CRM that an entry waits
_LOOK_AGAIN_SECONDS = 120.0  # at an entry that takes no calls; less and less often, at last once an hour
_LOOK_AGAIN_AT_MOST_SECONDS = 3600.0
_CALLS_OF_AN_ENTRY = 200  # the newest continue as soon as it is closed; older ones ask the CRM


@dataclass(frozen=True, slots=True)
class Entered:
    """The call is in the CRM: as a new entry, in a waiting one, or (`is_in_inbox` False) where that one has gone."""

    logged: LoggedCall
    responsible: ManagerId | None
    is_in_inbox: bool = True
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """The number now belongs to this person: write the call to them. `is_new`: made for this call."""

    person: Person
    is_new: bool = False
    why_new: Reason | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The call is not written into the CRM. `reasons`: in place of the inbox's, where a rule says so."""

    why: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class _Join:
    """The entry that a call joins; stored with its item before the first attempt."""

    entry: EntityRef
    deal: EntityRef | None
    is_kept: bool = False  # the CRM accepted no note: the call waits until the entry is accepted or declined


def takes_in_inbox(account: Account, call: Call) -> bool:
    """Whether the CRM has an inbox for calls like this one."""
    abilities = account.crm.abilities
    return abilities.inbox and (call.direction is not Direction.OUTBOUND or abilities.inbox_of_outgoing)


class StrangerCalls:
    def __init__(
        self,
        *,
        strangers: Strangers,
        calls: CallStore,
        outbox: Outbox,
        phone_book: PhoneBook,
        clock: Clock,
        wake: asyncio.Event,
    ) -> None:
        self._strangers = strangers
        self._calls = calls
        self._outbox = outbox
        self._phone_book = phone_book
        self._clock = clock
        self._wake = wake
        self.new_clients = NewClients(outbox, phone_book)
        self.makers = ClientMakers(strangers, outbox, clock)
        self._closed_inboxes: set[AccountId] = set()  # accounts whose CRM takes no calls for a waiting entry

    async def waits(self, account: Account, number: PhoneNumber) -> bool:
        """Whether this number waits in the CRM's inbox by a recent answer, so that we need not search it again."""
        stranger = await self._strangers.get(account.id, number.match_key)
        return stranger is not None and stranger.entry is not None and self._is_fresh(stranger.checked_at)

    async def log(
        self, account: Account, record: CallRecord, number: PhoneNumber, item: OutboxItem
    ) -> Entered | Known | Skipped:
        """
        Write the call, or return why it is not a stranger's.

        Raises:
            NotYet: another call of the number is being entered, or the CRM takes this one only after a person has
                decided about the entry.
            Others: the CRM's and the storage's errors.
        """
        call = record.call
        if (join := _read_join(item.payload)) is not None:
            return await self._join(account, record, number, item, join)
        making = new_client(call, number, account.settings)
        if making.why is not None and not await self._has_entry(account, number):
            person = await self._known(account, number, ask=item.attempts > 1)
            return Known(person) if person is not None else Skipped(making.why.code, (making.why,))
        if call.direction is Direction.OUTBOUND and call.answered_at is None:
            stranger = await self._strangers.get(account.id, number.match_key)
            if stranger is None or stranger.entry is None:
                return Skipped("unknown_number_not_reached")
        else:
            stranger = await self._strangers.enter(account.id, number.match_key, call.id)
        if stranger.entry is not None:
            if stranger.entered_by == call.id:  # an earlier attempt made it, and its result was not recorded
                logged = LoggedCall(id=stranger.entry.id, entity=stranger.entry, deal=stranger.deal)
                return Entered(logged, record.responsible)
            return await self._join(account, record, number, item, _Join(stranger.entry, stranger.deal))
        former = stranger.entered_by if stranger.entered_by != call.id else None
        if former is not None:
            await self._take_over(account, number, former, call)
        return await self._enter(account, record, number, item, former)

    async def _has_entry(self, account: Account, number: PhoneNumber) -> bool:
        stranger = await self._strangers.get(account.id, number.match_key)
        return stranger is not None and stranger.entry is not None

    async def accept(
        self, account: Account, number: PhoneNumber, *, name: str, responsible: ManagerId | None
    ) -> Person | None:
        """
        Make a contact for a number whose entry waits: accept the entry and rename its contact. A separate contact would
        be a duplicate as soon as somebody accepts the entry.

        Returns:
            The contact; None if no entry of the number waits, and none has become a contact.

        Raises:
            NotResponsible: nothing was changed. Others: the CRM's and the storage's errors.
        """
        stranger = await self._strangers.get(account.id, number.match_key)
        if stranger is None or stranger.entry is None:
            return None
        entry, crm = stranger.entry, account.crm
        became = await crm.inbox_entry(entry, deal=stranger.deal, priority=Priority.CARD)
        is_ours = False
        if became.state is InboxState.WAITING:
            try:
                await crm.accept_entry(entry, responsible=responsible)
                is_ours = True
            except (NotFound, OutcomeUnknown) as exc:
                became = await crm.inbox_entry(entry, deal=stranger.deal, priority=Priority.CARD)
                if became.state is InboxState.WAITING:
                    raise Unavailable("The entry of this number cannot be accepted now.") from exc
                is_ours = isinstance(exc, OutcomeUnknown)
        await self._has_left(account, entry)
        if became.person is None:  # declined
            return None
        return await (crm.rename_contact(became.person, name) if is_ours else crm.person(became.person))

    async def closed(self, account: Account, changes: Sequence[CrmChange]) -> None:
        """People took entries out of the CRM's inbox: continue the calls that waited. Raises: errors of the storage."""
        for change in changes:
            if isinstance(change, InboxClosed):
                await self._has_left(account, change.ref)

    async def _has_left(self, account: Account, entry: EntityRef) -> None:
        """The entry was accepted or declined: each call that waited for it now asks the CRM which."""
        for match_key in await self._strangers.closed(account.id, entry):
            await self._hasten(account, match_key)

    async def _hasten(self, account: Account, match_key: str) -> None:
        calls = await self._calls.recent(account.id, match_key=match_key, limit=_CALLS_OF_AN_ENTRY)
        if await self._outbox.hasten_calls(account.id, [each.id for each in calls], now=self._clock.now()):
            self._wake.set()

    # ---- making the entry ------------------------------------------------------------------------------------------

    async def _take_over(self, account: Account, number: PhoneNumber, former: CallId, call: Call) -> None:
        """Become the call that makes the entry. Raises: NotYet if the outbox still delivers the other call."""
        items = await self._outbox.of_call(account.id, former)
        is_under_way = any(item.kind is IntentKind.LOG_CALL and item.state is OutboxState.WAITING for item in items)
        if is_under_way or not await self._strangers.take_over(account.id, number.match_key, of=former, call=call.id):
            age = self._clock.now() - (call.ended_at or call.started_at)
            seconds = min(max(age / 10, _WAIT_FOR_ENTRY_SECONDS), _WAIT_FOR_ENTRY_AT_MOST_SECONDS)
            raise NotYet("another call of this number is being entered", seconds=seconds)

    async def _enter(
        self, account: Account, record: CallRecord, number: PhoneNumber, item: OutboxItem, former: CallId | None
    ) -> Entered | Known | Skipped:
        call = record.call
        try:
            may_be_there = item.is_uncertain and takes_in_inbox(account, call)
            if may_be_there and (found := await account.crm.find_in_inbox(record)) is not None:
                return await self._entered(account, number, call.id, found, record.responsible)
            found = await self._made_by(account, record, former) if former is not None else None
            if found is not None and found.entity.kind is EntityKind.LEAD:
                join = _Join(found.entity, found.deal)  # stored first: otherwise the row would say this call is in it
                item = await self._outbox.amend(item, {**item.payload, "join": _write_join(join)})
                await self._entered(account, number, call.id, found, record.responsible)
                return await self._join(account, record, number, item, join)
            person = await self._known(account, number, ask=item.attempts > 1 or former is not None)
            making = new_client(call, number, account.settings)
            by_rule = making.way is not NewClient.AUTO and making.is_by_itself
            is_new = makes_client(item) or (person is None and (by_rule or not takes_in_inbox(account, call)))
            if is_new and not by_rule:
                event = "a contact is made: the CRM has no inbox for such calls"
                log.info(event, account_id=account.id, call_id=call.id)
            if is_new:
                person, item = await self.new_clients.meet(account, item, call, number, record.responsible, making.way)
            if person is not None:
                await self._strangers.forget(account.id, number.match_key, call=call.id)
                why = because(ReasonCode.NEW_CLIENT_AT_ONCE if by_rule else ReasonCode.NO_INBOX)
                return Known(person, is_new=is_new, why_new=why if is_new else None)
            logged, responsible = await with_responsible(
                account,
                record.responsible,
                lambda manager: account.crm.log_to_inbox(replace(record, responsible=manager)),
                line=call.line,
            )
        except Rejected:  # this call becomes a dead letter: the number's next call may make the entry
            await self._strangers.forget(account.id, number.match_key, call=call.id)
            raise
        return await self._entered(account, number, call.id, logged, responsible)

    async def _entered(
        self, account: Account, number: PhoneNumber, call: CallId, logged: LoggedCall, responsible: ManagerId | None
    ) -> Entered:
        if logged.entity.kind is not EntityKind.LEAD:  # a person has accepted the entry meanwhile
            await self._strangers.forget(account.id, number.match_key, call=call)
            return Entered(logged, responsible, is_in_inbox=False)
        await self._strangers.entered(account.id, number.match_key, call, entry=logged.entity, deal=logged.deal)
        await self._hasten(account, number.match_key)  # the calls that wait for it
        return Entered(logged, responsible)

    async def _made_by(self, account: Account, record: CallRecord, former: CallId) -> LoggedCall | None:
        """Find the entry of a call whose delivery was given up: the CRM's answer may have been lost before that."""
        call = await self._calls.get(account.id, former)
        if call is None or not takes_in_inbox(account, call):
            return None
        return await account.crm.find_in_inbox(replace(record, key=record_key(former), call=call))

    async def _known(self, account: Account, number: PhoneNumber, *, ask: bool) -> Person | None:
        """The person who has the number by now: from a request with a lost answer, from another call, or typed in."""
        persons, deals = await self._phone_book.known(account.id, number.match_key)
        if not persons and ask:
            persons = await account.crm.find_persons(number)
            await self._phone_book.put_persons(account.id, persons, numbering=account.settings.numbering)
        return next(iter(ranked(persons, deals)), None)

    # ---- joining one that waits ------------------------------------------------------------------------------------

    async def _join(
        self, account: Account, record: CallRecord, number: PhoneNumber, item: OutboxItem, join: _Join
    ) -> Entered | Skipped:
        reasons = (because(ReasonCode.JOINED_ENTRY),)
        item = await self._outbox.amend(item, {**item.payload, "join": _write_join(join)})
        if item.is_uncertain and (found := await self._find_joined(account, record, join)) is not None:
            return Entered(found, record.responsible, found.entity.kind is EntityKind.LEAD, reasons)
        try:
            if account.id in self._closed_inboxes:
                return await self._wait_for_decision(account, record, number, item, join)
            logged, responsible = await self._write(account, record, join.entry)
        except InInbox:
            self._closed_inboxes.add(account.id)
            await self._strangers.waits_still(account.id, number.match_key, join.entry)
            await self._keep(record.call, item, join)
        except NotFound:
            return await self._after_decision(account, record, number, item, join)
        await self._strangers.waits_still(account.id, number.match_key, join.entry)
        return Entered(logged, responsible, reasons=reasons)

    async def _wait_for_decision(
        self, account: Account, record: CallRecord, number: PhoneNumber, item: OutboxItem, join: _Join
    ) -> Entered | Skipped:
        stranger = await self._strangers.get(account.id, number.match_key)
        if stranger is None or stranger.entry != join.entry or not self._is_fresh(stranger.checked_at):
            return await self._after_decision(account, record, number, item, join)
        return await self._keep(record.call, item, join)

    async def _keep(self, call: Call, item: OutboxItem, join: _Join) -> NoReturn:
        """Keep the call in the outbox until somebody has decided about the entry. Raises: NotYet, always."""
        await self._outbox.amend(item, {**item.payload, "join": _write_join(replace(join, is_kept=True))})
        age = self._clock.now() - (call.ended_at or call.started_at)
        seconds = min(max(age / 10, _LOOK_AGAIN_SECONDS), _LOOK_AGAIN_AT_MOST_SECONDS)
        raise NotYet(
            "waits until the entry of this number in the CRM's inbox is accepted", seconds=seconds, afresh=True
        )

    async def _after_decision(
        self, account: Account, record: CallRecord, number: PhoneNumber, item: OutboxItem, join: _Join
    ) -> Entered | Skipped:
        became = await account.crm.inbox_entry(join.entry, deal=join.deal)
        if became.state is InboxState.WAITING:
            await self._strangers.waits_still(account.id, number.match_key, join.entry)
            return await self._keep(record.call, item, join)
        await self._strangers.forget(account.id, number.match_key, entry=join.entry)
        if became.state is InboxState.DECLINED and join.is_kept:
            return Skipped("declined")
        target = became.deal or became.person
        if became.state is InboxState.ACCEPTED and target is not None:
            await self._take_in(account, became.person)
            found = await account.crm.find_logged_call(record, target) if item.is_uncertain else None
            try:
                logged, responsible = (
                    (found, record.responsible) if found else await self._write(account, record, target)
                )
                return Entered(logged, responsible, is_in_inbox=False, reasons=(because(ReasonCode.JOINED_ENTRY),))
            except NotFound:
                pass  # deleted since
        await self._outbox.amend(item, {k: v for k, v in item.payload.items() if k not in ("join", "attribution")})
        raise Unavailable("The entry is no longer in the CRM's inbox; deciding again where the call belongs.")

    async def _write(
        self, account: Account, record: CallRecord, target: EntityRef
    ) -> tuple[LoggedCall, ManagerId | None]:
        return await with_responsible(
            account,
            record.responsible,
            lambda manager: account.crm.log_call(replace(record, responsible=manager), target),
            line=record.call.line,
        )

    async def _find_joined(self, account: Account, record: CallRecord, join: _Join) -> LoggedCall | None:
        """Find the call in the entry, or in its deal, where the notes are after it was accepted."""
        for place in (join.entry, join.deal):
            if place is None:
                continue
            try:
                found = await account.crm.find_logged_call(record, place)
            except NotFound:
                continue
            if found is not None:
                return found
        return None

    async def _take_in(self, account: Account, person: EntityRef | None) -> None:
        """Store the former stranger in the phone book before the next call, also if no webhook arrives."""
        read = await account.crm.person(person) if person is not None else None
        if read is not None:
            await self._phone_book.put_persons(account.id, [read], numbering=account.settings.numbering)

    def _is_fresh(self, checked_at: Timestamp) -> bool:
        return self._clock.now() - checked_at < _TRUSTED_SECONDS


def _write_join(join: _Join) -> dict[str, Any]:
    return {"entry": join.entry.id, "deal": join.deal.id if join.deal else None, "kept": join.is_kept}


def _read_join(payload: dict[str, Any]) -> _Join | None:
    stored = payload.get("join")
    if not stored:
        return None
    deal = EntityRef(EntityKind.DEAL, str(stored["deal"])) if stored.get("deal") else None
    return _Join(EntityRef(EntityKind.LEAD, str(stored["entry"])), deal, is_kept=bool(stored.get("kept")))
