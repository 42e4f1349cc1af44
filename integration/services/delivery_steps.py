"""Carries out each kind of intent. Every step may be repeated: it looks in the CRM before it writes again.

`delivery.py` runs and repeats the steps; `domain/calls/attribution.py` decides whose call it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import structlog

from integration.domain.calls.attribution import Attribution, attribute, instead_of_inbox
from integration.domain.calls.call import Call, Direction
from integration.domain.calls.follow_up import ringing_extensions
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.calls.ownership import begun_by_crm, is_callback
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.ids import record_key as record_key
from integration.domain.numbers.client import Client, client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.reasons import Reason, ReasonCode, because
from integration.errors import NotFound, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.crm import CallRecord, LoggedCall
from integration.ports.records import WatchLog
from integration.ports.stores import CallStore, Outbox, OutboxItem, PhoneBook, RecordingStore, SavedStep
from integration.services.accounts import Account
from integration.services.call_registration import CallRegistrations
from integration.services.callback_tasks import CallbackTasks
from integration.services.campaign_names import CampaignNames
from integration.services.client_owner import ClientOwner
from integration.services.delivery import Expired, NotYet, StepFunction
from integration.services.hub import Hub
from integration.services.known_clients import KnownClients
from integration.services.live_delivery import LiveCallDelivery
from integration.services.note_delivery import NoteDelivery
from integration.services.recordings import fetch_recording
from integration.services.responsible import with_responsible
from integration.services.strangers import Entered, Known, Skipped, StrangerCalls, takes_in_inbox
from integration.services.unseen_ends import awaits_records
from integration.texts.calls import describe, named_by

log = structlog.get_logger()

_FILE_APPEARS_SECONDS = 20.0  # within this time a PBX closes and moves its file, if there is one
_FILE_APPEARS_AT_LEAST_SECONDS = 3.0  # plus the talk's length: a long recording takes time to be mixed and moved
_LOOK_FOR_FILE_SECONDS = 1.0
_LOOK_FOR_RECORDS_SECONDS = 1.0
_LOG_WAITS_SECONDS = 45.0  # for the recording; then the call is logged with an address that works later
_LATE_KEY = "fetch_recording:late"


class DeliverySteps:
    def __init__(
        self,
        *,
        calls: CallStore,
        outbox: Outbox,
        phone_book: PhoneBook,
        recordings: RecordingStore,
        watches: WatchLog,
        coordination: Coordination,
        hub: Hub,
        strangers: StrangerCalls,
        tasks: CallbackTasks,
        notes: NoteDelivery,
        campaigns: CampaignNames,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._calls = calls
        self._outbox = outbox
        self._phone_book = phone_book
        self._known = KnownClients(phone_book, strangers)
        self._recordings = recordings
        self._watches = watches
        self._coordination = coordination
        self._hub = hub
        self._strangers = strangers
        self._tasks = tasks
        self._notes = notes
        self._campaigns = campaigns
        self._clock = clock
        self._began_at = clock.now()
        self._public_url = public_url
        self._registrations = CallRegistrations(self._known, strangers.makers)
        self._live = LiveCallDelivery(
            calls=calls,
            outbox=outbox,
            recordings=recordings,
            registrations=self._registrations,
            clock=clock,
        )
        self._owner = ClientOwner(calls, outbox, phone_book)
        self._clients: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def by_kind(self) -> Mapping[IntentKind, StepFunction]:
        return {
            IntentKind.NOTIFY_CRM: self.notify_crm,
            IntentKind.REGISTER_CALL: self._live.register,
            IntentKind.SHOW_CARDS: self._live.show_cards,
            IntentKind.ATTACH_RECORDING: self._live.attach_recording,
            IntentKind.FETCH_RECORDING: self.fetch_recording,
            IntentKind.LOG_CALL: self.log_call,
            IntentKind.CREATE_TASK: self.create_task,
            IntentKind.CLOSE_TASK: self.close_task,
            IntentKind.CHANGE_RESPONSIBLE: self._owner.change,
            IntentKind.WRITE_NOTE: self._notes.write_note,
            IntentKind.PLAN_TASK: self._notes.plan_task,
        }

    async def notify_crm(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Show the CRM's popup, once per call and person, to managers without an open widget. A ringing group costs
        one request."""
        call = await self._call(account, item)
        if not account.crm.abilities.popup:
            return _left_out(account, call, "popup")
        number = client_of(call, account.settings.numbering)
        if not isinstance(number, PhoneNumber):
            raise Expired
        extensions = dict.fromkeys((*ringing_extensions(call), str(item.payload.get("extension", ""))))
        managers = {account.at(call.pbx).manager_of(extension): None for extension in extensions}
        people = [
            manager
            for manager in managers
            if manager is not None
            and account.settings.is_on_for(manager)
            and not await self._hub.has_page(account.id, manager)
            and await self._coordination.once(f"popup:{account.id}:{call.id}:{manager}", ttl_seconds=600)
        ]
        if people:
            await account.crm.notify_ringing(number, people)
        return {"managers": people}

    async def fetch_recording(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Store the recording. A late one does not delay the log: it is fetched after it."""
        call = await self._call(account, item)
        now = self._clock.now()
        waited = now - item.queued_at
        since = Timestamp(max(item.queued_at, self._began_at))  # while no process ran, nothing was compared
        if await awaits_records(account, call, self._watches, noticed_at=item.queued_at, now=now, since=since):
            raise NotYet("the PBX's own records of the gap are compared first", seconds=_LOOK_FOR_RECORDS_SECONDS)
        # A recording that is attached afterwards delays nobody.
        is_late = item.key == _LATE_KEY or account.crm.abilities.live_calls
        try:
            return {"recording": await fetch_recording(account, call, self._recordings)}
        except NotFound as exc:
            patience = min(_FILE_APPEARS_AT_LEAST_SECONDS + call.talked_seconds, _FILE_APPEARS_SECONDS)
            if self._clock.now() - item.queued_at < patience:  # the attempt itself may have waited for the file
                raise NotYet(str(exc), seconds=_LOOK_FOR_FILE_SECONDS) from exc
            return {"missing": str(exc), "files": list(call.recordings)}
        except Rejected as exc:
            return {"missing": str(exc), "files": list(call.recordings)}
        except Unavailable:
            if is_late or waited < _LOG_WAITS_SECONDS:
                raise
            return {"recording": await self._fetch_behind(account, call), "late": True}

    async def _fetch_behind(self, account: Account, call: Call) -> str:
        """Queue the recording to be fetched after the log. Returns the id under which it will be served."""
        late = Intent(call=call.id, kind=IntentKind.FETCH_RECORDING, key=_LATE_KEY)
        await self._calls.save([SavedStep(call=call, intents=[late])])
        return await self._recordings.reserve(account.id, call.id)

    async def log_call(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Write the call into the CRM once: into the entity's feed, or for a stranger into the inbox of leads. A CRM
        that follows live calls finishes it instead."""
        call = await self._calls.get(account.id, item.call)
        if call is None or (_is_left(call) and begun_by_crm(call) is None):
            raise Expired
        result = await self._log_once(account, call, item)
        await self._notes.queue_behind(account, call)
        return result

    async def _log_once(self, account: Account, call: Call, item: OutboxItem) -> dict[str, Any]:
        if begun_by_crm(call) is not None and account.crm.abilities.live_calls:  # whatever it became: its card is open
            return await self._finish(account, call, client_of(call, account.settings.numbering), item)
        if call.failure is not None and not is_callback(call):  # the PBX's records showed it after the end was inferred
            return {"skipped": "client_not_dialled"}
        client = client_of(call, account.settings.numbering)
        if client is None:
            return {"skipped": "no_client_number"}
        # A client's calls go one after the other: the second uses what the first has learned of the client, instead of
        # searching the CRM too. Rows (`strangers.py`) make sure that a stranger gets one entry over all processes.
        async with self._clients.setdefault(f"{account.id} {client.written}", asyncio.Lock()):
            if account.crm.abilities.live_calls:
                return await self._finish(account, call, client, item)
            return await self._log_call(account, call, client, item)

    async def _finish(self, account: Account, call: Call, client: Client | None, item: OutboxItem) -> dict[str, Any]:
        decided, item = await self._decide(account, call, client, item)
        campaign = await self._campaigns.of(account.id, call)
        finished = await self._live.finish(account, call, client, decided, item)
        if campaign is not None:
            await self._live.describe(account, item, finished, named_by(campaign, account.settings.language))
        entity = finished.call.client
        await self._close_task_behind(account, call, entity)
        await self._owner.queue_behind(account, call, entity)
        await self._live.publish_lines(account, call)
        result = {
            "id": finished.call.activity or finished.call.id,
            "crm_call": finished.call.id,
            "activity": finished.call.activity,
            "inbox": False,
            "responsible": finished.manager,
            "reasons": _write_reasons(_in_crm(decided, entity, self._registrations.why_no_client(account, call))),
        }
        if entity is None:
            return result | {"skipped": "client_not_in_crm"}
        return result | {"entity": {"kind": entity.kind, "id": entity.id}}

    async def _log_call(self, account: Account, call: Call, client: Client, item: OutboxItem) -> dict[str, Any]:
        decided, item = await self._decide(account, call, client, item)
        record = await self._record(account, call, client, decided)
        if decided.target is None and isinstance(client, PhoneNumber):
            outcome = await self._strangers.log(account, record, client, item)
            if isinstance(outcome, Skipped):
                if not outcome.reasons:
                    return {"skipped": outcome.why}
                left_out = instead_of_inbox(decided, None, outcome.reasons)
                return {"skipped": outcome.why, "reasons": _write_reasons(left_out)}
            if isinstance(outcome, Entered):
                return _entered(account, call, decided, outcome)
            decided = await self._met(decided, outcome, item)
        elif decided.target is None and call.direction is Direction.OUTBOUND:
            return {"skipped": "no_full_number"}  # a contact could never be found by it: each call would make one
        elif decided.target is None and not takes_in_inbox(account, call):
            return {**_left_out(account, call, "inbox"), "reasons": _write_reasons(_not_in_inbox(decided))}
        try:
            logged, responsible = await self._write(account, record, decided.target, look_first=item.is_uncertain)
        except NotFound as exc:
            await self._forget(account, item, decided.target)
            raise Unavailable(f"{exc}; deciding again where the call belongs") from exc
        await self._close_task_behind(account, call, decided.target)
        await self._owner.queue_behind(account, call, decided.target)
        return {
            "id": logged.id,
            "entity": {"kind": logged.entity.kind, "id": logged.entity.id},
            "inbox": decided.target is None,
            "responsible": responsible,
            "reasons": _write_reasons(decided) + _substituted(account, call, decided.responsible, responsible),
        }

    async def create_task(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Create a task to call back, on the call's entity; none if the client was reached meanwhile."""
        call = await self._call(account, item)
        if not account.crm.abilities.tasks:
            return _left_out(account, call, "tasks")
        client = client_of(call, account.settings.numbering)
        log = (await self._outbox.results(account.id, call.id)).get(IntentKind.LOG_CALL)
        if log is None or client is None or "entity" not in log:
            return {"skipped": "not_logged"}
        if call.answered_at is not None:  # the PBX's records showed the answer, which fell into a gap of the link
            return {"skipped": "answered"}
        if log.get("inbox"):
            return {"skipped": "inbox"}  # the entry in the inbox itself is the work to do
        responsible = ManagerId(str(log["responsible"])) if log.get("responsible") else None
        outcome = await self._tasks.missed(
            account, call, client, _read_entity(log), responsible, look_first=item.is_uncertain
        )
        return outcome.as_result()

    async def close_task(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """The client was reached: complete the task to call back."""
        call = await self._call(account, item)
        if not account.crm.abilities.tasks:
            return _left_out(account, call, "tasks")
        log = (await self._outbox.results(account.id, call.id)).get(IntentKind.LOG_CALL)
        if log is None or "entity" not in log:
            return {"skipped": "not_logged"}
        return (await self._tasks.reached(account, call, _read_entity(log))).as_result()

    # ---- pieces ----------------------------------------------------------------------------------------------------

    async def _call(self, account: Account, item: OutboxItem) -> Call:
        call = await self._calls.get(account.id, item.call)
        if call is None or _is_left(call):
            raise Expired
        return call

    async def _decide(
        self, account: Account, call: Call, client: Client | None, item: OutboxItem
    ) -> tuple[Attribution, OutboxItem]:
        """Decide the attribution once and store it: a retry must look where the first attempt wrote."""
        if "attribution" in item.payload:
            return _read_attribution(item.payload["attribution"]), item
        persons, deals = await self._known.of(account, client) if client is not None else ([], [])
        decided = attribute(call, account.at(call.pbx), persons, deals)
        if owner := item.payload.get("owner"):
            why = Reason(code=owner["code"], detail=dict(owner["detail"]))
            decided = replace(decided, reasons=(why, *decided.reasons))
        return decided, await self._outbox.amend(item, {**item.payload, "attribution": _write_attribution(decided)})

    async def _met(self, decided: Attribution, known: Known, item: OutboxItem) -> Attribution:
        """Attribution to the contact that the stranger has become, perhaps by this call."""
        met = _not_in_inbox(decided, known)
        await self._outbox.amend(item, {**item.payload, "attribution": _write_attribution(met)})
        return met

    async def _close_task_behind(self, account: Account, call: Call, target: EntityRef | None) -> None:
        """Queue the completion of an open task to call back after a talk; few calls have one, so it is checked here."""
        if call.answered_at is None or target is None or not await self._tasks.has_open(account, call, target):
            return
        closing = Intent(call=call.id, kind=IntentKind.CLOSE_TASK, key=IntentKind.CLOSE_TASK)
        await self._calls.save([SavedStep(call=call, intents=[closing])])

    async def _record(self, account: Account, call: Call, client: Client, decided: Attribution) -> CallRecord:
        results = await self._outbox.results(account.id, call.id)
        fetched = results.get(IntentKind.FETCH_RECORDING, {})
        recording = fetched.get("recording")
        if recording is None and not set(call.recordings) <= set(fetched.get("files", call.recordings)):
            recording = await self._fetch_behind(account, call)  # the PBX's records named it after we had looked for it
        address = f"{self._public_url}/r/{recording}.mp3" if recording else None
        plays = account.crm.abilities.recording_links
        return CallRecord(
            key=record_key(call.id),
            call=call,
            client=client,
            responsible=decided.responsible,
            recording_url=address if plays else None,
            text=describe(
                call,
                account.at(call.pbx),
                account.settings.language,
                recording=None if plays else address,
                campaign=await self._campaigns.of(account.id, call),
            ),
        )

    async def _write(
        self, account: Account, record: CallRecord, target: EntityRef | None, *, look_first: bool
    ) -> tuple[LoggedCall, ManagerId | None]:
        """Write the call, or find it. Returns where it is, and its responsible manager (if found: the intended)."""
        crm = account.crm
        if look_first:
            found = await (crm.find_logged_call(record, target) if target else crm.find_in_inbox(record))
            if found is not None:
                return found, record.responsible

        async def write(manager: ManagerId | None) -> LoggedCall:
            named = replace(record, responsible=manager)
            return await (crm.log_call(named, target) if target else crm.log_to_inbox(named))

        return await with_responsible(account, record.responsible, write, line=record.call.line)

    async def _forget(self, account: Account, item: OutboxItem, target: EntityRef | None) -> None:
        if target is not None:
            await self._phone_book.remove(account.id, [target])
        await self._outbox.amend(item, {k: v for k, v in item.payload.items() if k != "attribution"})


def _is_left(call: Call) -> bool:
    """Whether the call turned out to be another one's, or another account's."""
    return call.merged_into is not None or call.elsewhere


def _in_crm(decided: Attribution, entity: EntityRef | None, why_not: Reason | None) -> Attribution:
    """Where a CRM that binds calls by itself has put this one. `why_not`: why no client was made of a stranger."""
    if entity is None:
        return instead_of_inbox(decided, None, [because(ReasonCode.CLIENT_NOT_IN_CRM), *([why_not] if why_not else [])])
    bound = because(ReasonCode.CALL_BOUND, kind=entity.kind, id=entity.id)
    if decided.target is None:
        return instead_of_inbox(decided, entity, [bound])
    if decided.target == entity or decided.target.kind is EntityKind.DEAL:
        return decided
    return replace(decided, target=entity, reasons=(*decided.reasons, bound))


def _left_out(account: Account, call: Call, ability: str) -> dict[str, Any]:
    """The result of a step for which the CRM has no ability."""
    log.info("left out: the CRM cannot do it", account_id=account.id, call_id=call.id, ability=ability)
    return {"skipped": f"no_{ability}"}


def _not_in_inbox(decided: Attribution, known: Known | None = None) -> Attribution:
    """A stranger's call that does not go into the inbox. `known`: where it goes; None: nowhere."""
    reasons = [because(ReasonCode.NO_INBOX)] if known is None else []
    if known is not None and known.is_new:
        reasons = [known.why_new or because(ReasonCode.NO_INBOX)]
    if known is not None:
        code = ReasonCode.CONTACT_CREATED if known.is_new else ReasonCode.TARGET_PERSON
        ref = known.person.ref
        reasons.append(because(code, kind=ref.kind, id=ref.id, name=known.person.name))
    return instead_of_inbox(decided, known.person.ref if known else None, reasons)


def _write_attribution(decided: Attribution) -> dict[str, Any]:
    target = {"kind": decided.target.kind, "id": decided.target.id} if decided.target else None
    return {
        "target": target,
        "responsible": decided.responsible,
        "reasons": _write_reasons(decided),
    }


def _entered(account: Account, call: Call, decided: Attribution, entered: Entered) -> dict[str, Any]:
    return {
        "id": entered.logged.id,
        "entity": {"kind": entered.logged.entity.kind, "id": entered.logged.entity.id},
        "deal": entered.logged.deal.id if entered.logged.deal else None,  # to find it after it was accepted
        "inbox": True,  # also after the entry was accepted: then its lead is the work to do, not the call
        "responsible": entered.responsible,
        "reasons": _write_reasons(decided)
        + _written(entered.reasons)
        + _substituted(account, call, decided.responsible, entered.responsible),
    }


def _read_entity(log: dict[str, Any]) -> EntityRef:
    return EntityRef(EntityKind(log["entity"]["kind"]), str(log["entity"]["id"]))


def _write_reasons(decided: Attribution) -> list[dict[str, Any]]:
    return _written(decided.reasons)


def _written(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [{"code": reason.code, "detail": dict(reason.detail)} for reason in reasons]


def _substituted(
    account: Account, call: Call, wanted: ManagerId | None, taken: ManagerId | None
) -> list[dict[str, Any]]:
    """The reason why another manager than the decided one is responsible for the call."""
    if wanted is None or wanted == taken:
        return []
    reasons = [because(ReasonCode.MANAGER_REFUSED, manager=wanted)]
    if taken is None:
        reasons.append(because(ReasonCode.NOBODY_RESPONSIBLE))
    elif taken == account.settings.default_responsible:
        reasons.append(because(ReasonCode.DEFAULT_RESPONSIBLE, manager=taken))
    else:
        reasons.append(because(ReasonCode.LINE_RESPONSIBLE, manager=taken, line=call.line or ""))
    return _written(reasons)


def _read_attribution(stored: dict[str, Any]) -> Attribution:
    target = stored.get("target")
    responsible = stored.get("responsible")
    return Attribution(
        target=EntityRef(EntityKind(target["kind"]), str(target["id"])) if target else None,
        responsible=ManagerId(str(responsible)) if responsible else None,
        reasons=tuple(Reason(code=r["code"], detail=dict(r["detail"])) for r in stored.get("reasons", [])),
    )
