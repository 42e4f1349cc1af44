"""Implements the Crm port for one amoCRM account.

The modules of `api/` handle tokens, pacing and statuses, `mapping.py` JSON, `feed.py` the feed.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import structlog

from connectors.amocrm import filtered, mapping
from connectors.amocrm.api.library import Library
from connectors.amocrm.api.sending import Sender
from connectors.amocrm.api.tokens import AccountTokens, LongLivedToken
from connectors.amocrm.api.transport import Transport
from connectors.amocrm.api.wire import UNKNOWN_USER
from connectors.amocrm.card import ClientCard
from connectors.amocrm.feed import PAGE, CallFeed, deal_inside, inbox_id, pages, person_inside
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.webhooks import SUBSCRIBED, SUBSCRIBED_UNSORTED
from integration.connecting.standing import Standing
from integration.domain.calls.intents import Priority
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.crm.entities import CrmCondition, CrmTrouble, Deal, EntityKind, EntityRef, Manager, Person
from integration.domain.crm.filters import CrmFilter, Pipeline
from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.domain.numbers.client import Client
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.numbers.phone import PhoneNumber, national_digits
from integration.domain.people.working_day import WorkingDay
from integration.errors import DozvonError, NotFound, NotResponsible, ProtocolError, Rejected
from integration.ports.clock import Clock
from integration.ports.crm import CallRecord, InboxEntry, InboxState, ListedPage, LoggedCall, NextTask
from integration.ports.stores import TokenStore

_log = structlog.get_logger()

_PERSON_KINDS = (EntityKind.CONTACT, EntityKind.COMPANY)
_SEARCH_PAGES = 4  # of 250 cards; fewer cards contain the same whole number
_QUERY_DIGITS = 10
_PIPELINES_SECONDS = 600.0  # a renamed stage is noticed after this time at the latest
_SUBSCRIBED_SECONDS = 600.0  # the same for a webhook that was switched off; until then the poll finds changes
_REFUSED_SECONDS = 3600.0  # plans change rarely
_PATHS = {EntityKind.CONTACT: "contacts", EntityKind.COMPANY: "companies", EntityKind.DEAL: "leads"}

Found = TypeVar("Found")


class AmocrmCrm:
    """
    One account of amoCRM or Kommo (`integration.ports.crm.Crm`).

    `sender` belongs to the caller and stays open; `close()` waits for a running token refresh. For one event loop.
    `standing.told` is called when `condition` has changed.
    """

    abilities: ClassVar[CrmAbilities] = CrmAbilities(
        inbox=True,
        inbox_of_outgoing=False,  # Unsorted takes incoming calls only (README, limits)
        deals=True,
        leads=False,
        tasks=True,
        notes=True,
        popup=True,
        recording_links=True,
        live_calls=False,
        working_day=False,
        webhooks=True,
    )

    live_calls: ClassVar[None] = None

    def __init__(
        self,
        account: AccountId,
        settings: AmocrmSettings,
        *,
        tokens: TokenStore,
        sender: Sender,
        clock: Clock,
        numbering: Numbering = DEFAULT_NUMBERING,
    ) -> None:
        self.account = account
        self.settings = settings
        self.tokens: AccountTokens | LongLivedToken = (
            LongLivedToken(settings)
            if settings.long_lived_token
            else AccountTokens(account, settings, tokens, sender, clock)
        )
        self.standing = Standing(blocked="amoCRM answers 403 to everything", slowed="amoCRM answers 429")
        self.sender = sender
        sender.standings.append(self.standing)
        self._transport = Transport(settings, sender, self.tokens, self.standing, clock)
        self._library = Library(self._transport)
        self._feed = CallFeed(self._transport, source=settings.source_name, service_code=settings.service_code)
        self._card = ClientCard(self._transport, self._library)
        self._clock = clock
        self._numbering = numbering
        self._pipelines: list[dict[str, Any]] = []
        self._pipelines_until = 0.0
        self._pipelines_lock = asyncio.Lock()
        self._webhooks: bool | None = None
        self._webhooks_at = 0.0

    @property
    def condition(self) -> CrmCondition:
        return self.standing.condition

    @property
    def clock_ahead(self) -> float:
        return self._transport.clock_ahead

    def adopt(self, condition: CrmCondition) -> None:
        """Apply a condition that another process learned from amoCRM."""
        if condition.trouble is CrmTrouble.BLOCKED and condition.until is not None:
            self.sender.block(condition.until - time.time())
        elif condition.trouble is None:
            self.sender.unblock()
        elif condition.trouble.is_for_consent:
            self.tokens.reread()  # the store has the current pair
        self.standing.adopt(condition)

    @property
    def crm_account_id(self) -> str | None:
        """amoCRM's id of the connected account; None before `identify` and while no account is connected."""
        return self.tokens.crm_account_id

    async def identify(self) -> None:
        """
        Find out which account the tokens belong to.

        Raises:
            AuthFailed: not connected.
            Unavailable: a long-lived token does not name its account, and amoCRM cannot be asked now.
        """
        tokens = await self._transport.identified()
        self._transport.base_url = tokens.base_url
        self.standing.allowed()
        if isinstance(self.tokens, LongLivedToken) and not tokens.crm_account_id:
            self.tokens.belongs_to(str((await self.account_info())["id"]))

    async def unsorted_pipeline(self) -> int | None:
        """The pipeline for unknown callers; None when Unsorted is off in every pipeline."""
        if self.settings.unsorted_pipeline_id is not None:
            return self.settings.unsorted_pipeline_id
        return mapping.unsorted_pipeline(await self._stages(Priority.LOG))

    def forget(self) -> None:
        """Consent was renewed or withdrawn: drop everything learned with the old one."""
        self.tokens.forget()
        self._webhooks = None
        self._pipelines_until = 0.0

    async def close(self) -> None:
        self.standing.close()
        if self.standing in self.sender.standings:
            self.sender.standings.remove(self.standing)
        await self.tokens.close()

    # ---- people, persons, deals

    async def account_info(self) -> dict[str, Any]:
        """`GET /account`: id, subdomain, name, currency, is_api_filter_enabled."""
        query = [("with", "is_api_filter_enabled,datetime_settings,task_types")]
        answer = await self._transport.request("GET", "/api/v4/account", priority=Priority.CARD, query=query)
        if not isinstance(answer, dict) or not answer.get("id"):
            raise ProtocolError("amoCRM does not say which account it is")
        return answer

    async def managers(self) -> list[Manager]:
        return [mapping.manager(each) for each in await self._library.users(Priority.IMPORT)]

    async def working_days(self, managers: Sequence[ManagerId]) -> Mapping[ManagerId, WorkingDay]:
        """amoCRM keeps none."""
        return {}

    async def find_persons(self, number: PhoneNumber, *, priority: Priority = Priority.CARD) -> list[Person]:
        """
        Search contacts and companies by the digits that every spelling of the number contains. amoCRM compares texts in
        every field, so each hit is checked against the phones of its card. Oldest first.
        """
        found = await asyncio.gather(*(self._search(kind, number, priority) for kind in _PERSON_KINDS))
        persons = [person for group in found for person in group]
        return sorted(persons, key=lambda person: (person.created_at, person.ref.kind != "contact", person.ref.id))

    async def _persons_of(self, client: Client) -> list[Person]:
        """Persons with this number, or with these bare digits from an accepted entry."""
        if isinstance(client, PhoneNumber):
            return await self.find_persons(client, priority=Priority.LOG)
        found = [await self._found(kind, client.digits, Priority.LOG) for kind in _PERSON_KINDS]
        return [person for group in found for person in group if client.digits in person.phones]

    async def person(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Person | None:
        if ref.kind not in _PERSON_KINDS:
            raise Rejected("A deal is no person", code="kind")
        item = await _or_none(self._library.get(ref.kind, mapping.number_of(ref.id), priority))
        return mapping.person(item, ref.kind) if item else None

    async def deal(self, ref: EntityRef, *, priority: Priority = Priority.CARD) -> Deal | None:
        if ref.kind is not EntityKind.DEAL:
            raise Rejected("Only a deal is read as a deal", code="kind")
        item = await _or_none(self._library.get(ref.kind, mapping.number_of(ref.id), priority))
        return mapping.deal(item, mapping.stage_names(await self._stages(priority))) if item else None

    async def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        for kind in _PERSON_KINDS:
            async for items in self._all(kind, "leads", updated_since):
                yield [mapping.person(each, kind) for each in items]

    async def all_deals(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Deal]]:
        names = mapping.stage_names(await self._stages(Priority.IMPORT))
        async for items in self._all(EntityKind.DEAL, "contacts", updated_since):
            yield [mapping.deal(each, names) for each in items]

    async def pipelines(self) -> list[Pipeline]:
        return filtered.pipelines_of(await self._stages(Priority.IMPORT))

    async def listed(self, wanted: CrmFilter, *, after: str = "") -> AsyncIterator[ListedPage]:
        stages = await self._stages(Priority.IMPORT)
        async for page in filtered.listed(self._transport, wanted, stages, after=after):
            yield page

    async def create_contact(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        """Raises: OutcomeUnknown if the contact may exist: look with `find_persons` before repeating."""
        body = mapping.new_contact(name, number, responsible)
        contact_id = await _in_name_of(responsible, self._library.create_contact(body, Priority.CARD))
        now = int(self._clock.now())
        return Person(
            ref=EntityRef(EntityKind.CONTACT, str(contact_id)),
            name=body["name"],
            responsible=responsible,
            phones=(number.e164,),
            created_at=now,
            updated_at=now,
        )

    async def create_lead(self, *, name: str, number: PhoneNumber, responsible: ManagerId | None) -> Person:
        """amoCRM's enquiries have no person before they are accepted."""
        raise Rejected("amoCRM has no leads that are persons", code="leads")

    async def next_task(self, person: EntityRef, deals: Sequence[EntityRef]) -> NextTask | None:
        return await self._card.next_task(person, deals)

    async def create_deal(self, *, name: str, person: EntityRef, responsible: ManagerId | None) -> Deal:
        """Raises: OutcomeUnknown if the deal may exist: look with `find_deal` before repeating."""
        made = await _in_name_of(responsible, self._card.create_deal(name, person, responsible))
        ref = EntityRef(EntityKind.DEAL, str(made))
        known = Deal(
            ref=ref,
            name=name,
            responsible=responsible,
            persons=(person,),
            main_person=person if person.kind is EntityKind.CONTACT else None,
            updated_at=int(self._clock.now()),
        )
        try:  # its stage; a failure here does not change that it was made
            return await self.deal(ref) or known
        except DozvonError:
            return known

    async def find_deal(self, *, name: str, person: EntityRef, since: Timestamp) -> Deal | None:
        found = await self._card.find_deal(name, person, since)
        return await self.deal(EntityRef(EntityKind.DEAL, str(found))) if found is not None else None

    async def _search(self, kind: EntityKind, number: PhoneNumber, priority: Priority) -> list[Person]:
        found = await self._found(kind, national_digits(number)[-_QUERY_DIGITS:], priority)
        return [person for person in found if mapping.has_number(person, number, self._numbering)]

    async def _found(self, kind: EntityKind, wanted: str, priority: Priority) -> list[Person]:
        """Persons with this text in any field."""
        query = [("query", wanted), ("with", "leads"), ("limit", str(PAGE))]
        persons: list[Person] = []
        path = f"/api/v4/{_PATHS[kind]}"
        async for items in pages(self._transport, path, _PATHS[kind], query, priority, at_most=_SEARCH_PAGES):
            persons += [mapping.person(each, kind) for each in items]
        return [person for person in persons if not person.is_deleted]

    async def _all(
        self, kind: EntityKind, embedded: str, updated_since: int | None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """
        Every page; with `updated_since` those changed since then, newest first. If an account has no filters, amoCRM
        ignores the filter and returns everything, so this also ends at the first page that is older.
        """
        query = [("limit", str(PAGE)), ("with", embedded)]
        if updated_since is None:
            query += [("order[id]", "asc")]
        else:
            query += [("filter[updated_at][from]", str(updated_since)), ("order[updated_at]", "desc")]
        path = f"/api/v4/{_PATHS[kind]}"
        async for items in pages(self._transport, path, _PATHS[kind], query, Priority.IMPORT):
            fresh = [each for each in items if updated_since is None or _updated(each) >= updated_since]
            if fresh:
                yield fresh
            elif updated_since is not None and _is_newest_first(items):
                return

    async def _stages(self, priority: Priority) -> list[dict[str, Any]]:
        async with self._pipelines_lock:
            if time.monotonic() >= self._pipelines_until:
                self._pipelines = await self._library.pipelines(priority)
                self._pipelines_until = time.monotonic() + _PIPELINES_SECONDS
            return self._pipelines

    # ---- calls, tasks, popup

    async def log_call(self, record: CallRecord, target: EntityRef) -> LoggedCall:
        """
        Log as a note on the target. With `log_via = "calls"` amoCRM chooses the card by the number, and a note is only
        written if it finds none, or if an employee chose the card.
        """
        is_chosen = record.call.chosen is not None
        if self.settings.log_via == "calls" and target.kind is not EntityKind.LEAD and not is_chosen:
            try:
                return await _in_name_of(record.responsible, self._feed.write_call(record))
            except NotFound:
                _log.info("no amoCRM card has this number, writing the call as a note", account_id=self.account)
        return await _in_name_of(record.responsible, self._feed.write_note(record, target))

    async def find_logged_call(self, record: CallRecord, target: EntityRef) -> LoggedCall | None:
        """Look for the call on the target; with `log_via = "calls"` also on the persons with this number and on their
        deals. A deleted target has no call."""
        for ref in await self._places(record, target):
            try:
                found = await self._feed.find_note(record, ref)
            except NotFound:
                continue
            if found is not None:
                return found
        return None

    async def log_to_inbox(self, record: CallRecord) -> LoggedCall:
        """
        Log the call into Unsorted.

        Raises:
            Rejected: an outgoing call, which amoCRM's Unsorted does not take; or Unsorted is off in every pipeline.
        """
        if mapping.note_type(record.call.direction) != "call_in":
            raise Rejected("amoCRM's Unsorted takes incoming calls only: create a contact", code="outgoing")
        pipeline = await self.unsorted_pipeline()
        if pipeline is None:
            raise Rejected("Unsorted is switched off in every pipeline of amoCRM", code="unsorted_off")
        return await _in_name_of(record.responsible, self._feed.write_unsorted(record, pipeline))

    async def find_in_inbox(self, record: CallRecord) -> LoggedCall | None:
        """Look in Unsorted, then in the notes of the contact and its deals, where an accepted entry goes."""
        found = await self._feed.find_unsorted(record)
        if found is not None:
            return found
        for person in await self._persons_of(record.client):
            for ref in (person.ref, *person.deals):
                found = await self._feed.find_note(record, ref)
                if found is not None:
                    return found
        return None

    async def inbox_entry(
        self, ref: EntityRef, *, deal: EntityRef | None = None, priority: Priority = Priority.LOG
    ) -> InboxEntry:
        """
        amoCRM deletes an entry that leaves Unsorted. If it was accepted, its lead is in the pipeline; if it was
        declined, the lead is deleted.
        """
        waiting = await self._feed.unsorted(ref, priority)
        if waiting is not None:
            person = person_inside(waiting)
            return InboxEntry(ref=ref, state=InboxState.WAITING, deal=deal_inside(waiting), person=person)
        found = await self.deal(deal, priority=priority) if deal is not None else None
        if found is None or found.is_deleted:
            return InboxEntry(ref=ref, state=InboxState.DECLINED)
        person = found.main_person or next(iter(found.persons), None)
        return InboxEntry(ref=ref, state=InboxState.ACCEPTED, deal=found.ref, person=person)

    async def accept_entry(self, ref: EntityRef, *, responsible: ManagerId | None) -> None:
        """Accept an entry of Unsorted: its deal goes to the first stage of its pipeline."""
        path = f"/api/v4/leads/unsorted/{inbox_id(ref)}/accept"
        body = mapping.acceptance(responsible)
        await _in_name_of(responsible, self._transport.request("POST", path, priority=Priority.CARD, body=body))

    async def rename_contact(self, ref: EntityRef, name: str) -> Person:
        path, body = f"/api/v4/contacts/{mapping.number_of(ref.id)}", mapping.new_name(name)
        await self._transport.request("PATCH", path, priority=Priority.CARD, body=body)
        renamed = await self.person(ref)
        if renamed is None:
            raise NotFound("There is no such contact", code="contact")
        return renamed

    async def change_responsible(self, ref: EntityRef, manager: ManagerId) -> None:
        """Raises: Rejected for an entry of Unsorted, which has nobody yet."""
        collection = _PATHS.get(ref.kind)
        if collection is None:
            raise Rejected("An entry of Unsorted has no responsible", code="kind")
        path = f"/api/v4/{collection}/{mapping.number_of(ref.id)}"
        body = {"responsible_user_id": mapping.number_of(manager)}
        await _in_name_of(manager, self._transport.request("PATCH", path, priority=Priority.LOG, body=body))

    async def create_task(
        self, *, text: str, due_at: Timestamp, responsible: ManagerId | None, target: EntityRef
    ) -> str:
        body = mapping.new_task(
            text=text,
            due_at=int(due_at),
            responsible=responsible,
            entity=await self._feed.entity(target),
            type_id=self.settings.task_type_id,
        )
        return str(await _in_name_of(responsible, self._library.create_task(body, Priority.LOG)))

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        """Search the entity's tasks, open and completed, by text: amoCRM stores no key of ours with a task."""
        collection, entity_id = await self._feed.entity(target)
        query = [
            ("limit", str(PAGE)),
            ("filter[entity_type]", collection),
            ("filter[entity_id][]", str(entity_id)),
            ("order[created_at]", "desc"),
        ]
        wanted = mapping.task_text(text)
        async for items in pages(self._transport, "/api/v4/tasks", "tasks", query, Priority.LOG, at_most=4):
            for item in items:
                if item.get("entity_id") == entity_id and item.get("text") == wanted:
                    return str(item.get("id", ""))
        return None

    async def is_task_open(self, task: str) -> bool:
        path = f"/api/v4/tasks/{mapping.number_of(task)}"
        found = await _or_none(self._transport.request("GET", path, priority=Priority.LOG))
        return isinstance(found, dict) and not found.get("is_completed")

    async def change_task(self, task: str, *, text: str, due_at: Timestamp | None = None) -> None:
        due = int(due_at) if due_at is not None else None
        await self._patch_task(task, mapping.without_nulls({"text": mapping.task_text(text), "complete_till": due}))

    async def complete_task(self, task: str, *, result: str) -> None:
        await self._patch_task(task, {"is_completed": True, "result": {"text": mapping.task_text(result)}})

    async def _patch_task(self, task: str, body: dict[str, Any]) -> None:
        path = f"/api/v4/tasks/{mapping.number_of(task)}"
        await self._transport.request("PATCH", path, priority=Priority.LOG, body=body)

    async def add_note(self, *, text: str, target: EntityRef, author: ManagerId | None) -> str:
        return await _in_name_of(author, self._feed.write_text(text, target, author))

    async def find_note(self, *, text: str, target: EntityRef, since: Timestamp) -> str | None:
        return await self._feed.find_text(text, target, since)

    async def change_note(self, note: str, *, text: str, target: EntityRef) -> None:
        await self._feed.change_text(note, text, target)

    async def notify_ringing(self, number: PhoneNumber, managers: Sequence[ManagerId]) -> None:
        """One notification for all these users, in the CRM and its mobile application. Does nothing without users."""
        if not managers:
            return
        users = [mapping.number_of(each) for each in managers]
        event = {"type": "phone_call", "phone_number": number.e164, "users": users}
        await self._transport.request("POST", "/api/v2/events", priority=Priority.CARD, body={"add": [event]})

    def entity_url(self, ref: EntityRef) -> str:
        """Relative to the CRM until the account's address is known. An entry of Unsorted has no page."""
        collection = _PATHS.get(ref.kind)
        base = self._transport.base_url
        return f"{base}/{collection}/detail/{ref.id}" if collection else f"{base}/leads/"

    async def _places(self, record: CallRecord, target: EntityRef) -> list[EntityRef]:
        places = [target]
        if self.settings.log_via == "calls":
            for person in await self._persons_of(record.client):
                places += [person.ref, *person.deals]
        return list(dict.fromkeys(places))

    # ---- webhooks

    async def ensure_webhooks(self, destination: str, *, believed_seconds: float = _SUBSCRIBED_SECONDS) -> bool:
        """
        Subscribe this address, and again after amoCRM has switched it off. May be called at every poll: a subscription
        is checked again after `believed_seconds`, a refusal after an hour.

        Returns:
            False if the account's plan or the token owner's rights allow no webhooks: poll instead.
        """
        now = time.monotonic()
        if self._webhooks is not None and now - self._webhooks_at < (
            believed_seconds if self._webhooks else _REFUSED_SECONDS
        ):
            return self._webhooks
        try:
            if not await self._is_subscribed(destination):
                await self._subscribe(destination)
            self._webhooks = True
        except Rejected as exc:
            _log.info("amoCRM allows no webhooks here", account_id=self.account, code=exc.code)
            self._webhooks = False
        self._webhooks_at = now
        return self._webhooks

    async def remove_webhooks(self, destination: str) -> bool:
        """
        End the subscription of this address.

        Returns:
            False if the account's plan or the token owner's rights do not allow it.
        """
        body = {"destination": destination}
        try:
            await self._transport.request("DELETE", "/api/v4/webhooks", priority=Priority.CARD, body=body)
        except NotFound:
            pass
        except Rejected as exc:
            _log.info("amoCRM does not let us end the webhooks", account_id=self.account, code=exc.code)
            return False
        self._webhooks, self._webhooks_at = False, time.monotonic()  # a poll that still runs does not subscribe again
        return True

    async def _is_subscribed(self, destination: str) -> bool:
        query = [("filter[destination]", destination)]
        async for hooks in pages(self._transport, "/api/v4/webhooks", "webhooks", query, Priority.LOG, at_most=1):
            for hook in hooks:
                is_alive = hook.get("destination") == destination and not hook.get("disabled")
                if is_alive and set(hook.get("settings") or []) >= set(SUBSCRIBED):
                    return True
        return False

    async def _subscribe(self, destination: str) -> None:
        body = {"destination": destination, "settings": [*SUBSCRIBED, *SUBSCRIBED_UNSORTED], "sort": 10}
        try:
            await self._transport.request("POST", "/api/v4/webhooks", priority=Priority.LOG, body=body)
        except Rejected as exc:
            if exc.code == "403":
                raise
            # The names of Unsorted's events are not documented. Without them the poll finds accepted callers.
            body["settings"] = list(SUBSCRIBED)
            await self._transport.request("POST", "/api/v4/webhooks", priority=Priority.LOG, body=body)


async def _in_name_of(manager: ManagerId | None, writing: Awaitable[Found]) -> Found:
    """Raises: NotResponsible if amoCRM refuses the request because of this user; then nothing was written."""
    try:
        return await writing
    except Rejected as exc:
        if exc.code == UNKNOWN_USER and manager is not None:
            raise NotResponsible(str(exc), manager=manager) from exc
        raise


async def _or_none(asked: Awaitable[Found]) -> Found | None:
    try:
        return await asked
    except NotFound:
        return None


def _updated(item: dict[str, Any]) -> int:
    return mapping.whole(item.get("updated_at"))


def _is_newest_first(items: Sequence[dict[str, Any]]) -> bool:
    """Whether the server ordered the page as requested."""
    return all(_updated(a) >= _updated(b) for a, b in itertools.pairwise(items))
