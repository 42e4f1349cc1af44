"""Carries out what a CRM that follows live calls is told: the start, whose page shows the card, the end, the recording.

Theory of operation. The CRM's id of the call is the result of `register_call`; later steps of the call find it there,
and one that the CRM has begun itself carries it in its origin. A repeated registration has the values of the first
attempt, which are stored with the item before it, so that the CRM recognises it. Calls of one unknown number are
registered one after the other (`client_makers.py`): otherwise each would make a client. Showing cards is tried once:
the end closes every card that may be open. A call that was never registered is written at its end, with its true start.
After a lost answer the finished call is looked for before anything is repeated.

`domain/calls/live.py` decides when and for whom; `delivery_steps.py` has the steps that all CRMs share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import structlog

from integration.domain.calls.attribution import Attribution
from integration.domain.calls.call import Call
from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.calls.live import card_at, card_may_be_at, last_with_client, late_recording
from integration.domain.ids import ManagerId, record_key
from integration.domain.numbers.client import Client, client_of
from integration.errors import DozvonError, NotFound, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.live_calls import CallEnd, FinishedCall, LiveCalls, RegisteredCall
from integration.ports.stores import CallStore, Outbox, OutboxItem, RecordingStore, SavedStep
from integration.services.accounts import Account
from integration.services.call_holders import anybody, held_by_somebody
from integration.services.call_registration import CallRegistrations
from integration.services.delivery import Expired, NotYet
from integration.services.lines_in_crm import LinesInCrm
from integration.services.live_records import (
    crm_id,
    read_finished,
    read_live,
    shown_in,
    shown_now,
    write_finished,
    write_live,
    write_ref,
)
from integration.texts.pages import texts

log = structlog.get_logger()

_SETTLES_SECONDS = 10.0  # a request whose answer was lost may still be under way in the CRM
_MARGIN_SECONDS = 60.0  # the CRM's clock and ours differ


@dataclass(frozen=True, slots=True)
class Finished:
    """A call that the CRM has, its manager, and whether it was shown to the CRM while it lasted."""

    call: FinishedCall
    manager: ManagerId


class LiveCallDelivery:
    def __init__(
        self,
        *,
        calls: CallStore,
        outbox: Outbox,
        recordings: RecordingStore,
        registrations: CallRegistrations,
        clock: Clock,
    ) -> None:
        self._calls = calls
        self._outbox = outbox
        self._recordings = recordings
        self._registrations = registrations
        self._clock = clock
        self._lines = LinesInCrm()
        self._clients: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # ---- the start ---------------------------------------------------------------------------------------------------

    async def register(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """
        Register the call, and open the card at those whose phone rings now. Too late for a card, it is registered
        without one; once it is over, its end writes it.
        """
        call = await self._call(account, item)
        if "registered" in item.payload:
            return await self._show_behind(account, call, item)
        client = client_of(call, account.settings.numbering)
        was_tried = item.is_uncertain and "register" in item.payload
        if client is None or (not was_tried and not self._goes_on(call)):
            return {"skipped": "over"}
        if was_tried and not self._is_recognised(account, call):  # at the end the call is written whole
            return {"skipped": "too_late"}
        # In one process the second call waits here, which is shorter than the wait for its row.
        async with self._clients.setdefault(f"{account.id} {client.written}", asyncio.Lock()):
            return await self._register(account, call, client, item)

    async def _register(self, account: Account, call: Call, client: Client, item: OutboxItem) -> dict[str, Any]:
        settings = account.at(call.pbx)
        if "register" in item.payload:
            wanted = read_live(item.payload["register"])
        else:
            seen = card_at(call, settings)
            wanted, item = await self._registrations.of(
                account, call, client, seen[0] if seen else None, item, Priority.CARD
            )
            item = await self._outbox.amend(item, {**item.payload, "register": write_live(wanted)})
        newest = await self._calls.get(account.id, call.id) or call  # the search may have taken a while
        is_in_time = self._clock.now() <= float(item.payload.get("until", 0.0))
        show = card_at(newest, settings) if is_in_time else ()
        is_behind = bool(show) and not self._is_recognised(account, call)
        if is_behind:  # after a lost answer nobody could close the card, so it opens once we have the CRM's id
            show = ()

        async def register(manager: ManagerId) -> RegisteredCall:
            return await self._desk(account).register(replace(wanted, manager=manager), show=show)

        try:
            made, _ = await held_by_somebody(account, wanted.manager, wanted.line, register)
        except Rejected as exc:
            log.warning("the CRM does not register a call", account_id=account.id, call_id=call.id, error=str(exc))
            if wanted.makes_client:
                await self._registrations.sent(account, call, client)
            return {"refused": str(exc)}
        if wanted.makes_client:
            await self._registrations.sent(account, call, client)
        if made.not_made:
            log.info("no client was made", account_id=account.id, call_id=call.id, reason=made.not_made)
        result = {
            "crm_call": made.id,
            "entity": write_ref(made.client),
            "made": [write_ref(each) for each in made.made],
            "not_made": made.not_made,
            **self._shown(show),
        }
        if is_behind:
            item = await self._outbox.amend(item, {**item.payload, "registered": result})
            return await self._show_behind(account, newest, item)
        return result

    def _is_recognised(self, account: Account, call: Call) -> bool:
        """Whether the CRM would recognise a repeated registration of this live call."""
        age = self._clock.now() - call.started_at
        return age <= self._desk(account).repeats_seconds - _MARGIN_SECONDS

    async def _show_behind(self, account: Account, call: Call, item: OutboxItem) -> dict[str, Any]:
        """Open the cards of a call whose registration is stored already. Tried once, as in `show_cards`."""
        registered: dict[str, Any] = item.payload["registered"]
        is_in_time = self._clock.now() <= float(item.payload.get("until", 0.0))
        show = card_at(call, account.at(call.pbx)) if is_in_time else ()
        if show:
            try:
                await self._desk(account).show_cards(registered["crm_call"], show=show)
            except (Unavailable, Rejected) as exc:  # later is too late, and the end closes what is open
                log.info("a card is not opened", account_id=account.id, call_id=call.id, error=str(exc))
        return registered | self._shown(show)

    # ---- cards -------------------------------------------------------------------------------------------------------

    async def show_cards(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Open and close cards so that those have one who ring or talk now; at the end of a call nobody has one."""
        call = await self._calls.get(account.id, item.call)
        if call is None:
            raise Expired
        ends = bool(item.payload.get("ends"))
        results = await self._outbox.results(account.id, call.id)
        id_ = crm_id(call, results)
        if id_ is None or not (ends or self._goes_on(call)):
            return {"skipped": "not_registered" if id_ is None else "over"}
        settings = account.at(call.pbx)
        if ends:
            everybody = dict.fromkeys((*card_may_be_at(call, settings), *shown_in(results)))
            await self._desk(account).show_cards(id_, hide=list(everybody))
            return self._shown(())
        wanted, shown = card_at(call, settings), shown_now(call, results, settings.manager_of(call.caller))
        is_in_time = self._clock.now() <= float(item.payload.get("until", 0.0))
        show = [each for each in wanted if each not in shown] if is_in_time else []
        hide = [each for each in shown if each not in wanted]
        if not show and not hide:
            return self._shown(shown)
        now_shown = [each for each in shown if each not in hide] + show
        try:
            await self._desk(account).show_cards(id_, show=show, hide=hide)
        except (Unavailable, Rejected) as exc:  # later is too late, and the end closes what is open
            return self._shown(dict.fromkeys((*shown, *show))) | {"failed": str(exc)}
        return self._shown(now_shown)

    def _shown(self, managers: Iterable[ManagerId]) -> dict[str, Any]:
        return {"shown": list(managers), "at": self._clock.now()}

    # ---- the end -----------------------------------------------------------------------------------------------------

    async def finish(
        self, account: Account, call: Call, client: Client | None, decided: Attribution, item: OutboxItem
    ) -> Finished:
        """
        Finish the call in the CRM, or write it whole if the CRM never learned of its start. May be repeated.

        Raises:
            NotYet: an answer was lost a moment ago, and the CRM may still be at work.
            Others: the CRM's and the storage's errors.
        """
        if (known := item.payload.get("finished")) is not None:
            return Finished(*read_finished(known))
        desk, results = self._desk(account), await self._outbox.results(account.id, call.id)
        id_ = crm_id(call, results)
        key = record_key(call.id)
        wanted = _asked_manager(item) or last_with_client(call, account.at(call.pbx)) or decided.responsible
        if item.is_uncertain and (found := await desk.find_finished(key=key, id_=id_)) is not None:
            await self._registrations.sent(account, call, client)
            return Finished(found, wanted or anybody(account))
        reason = _reason(account, call, item)
        if id_ is not None:
            shown = dict.fromkeys((*card_may_be_at(call, account.at(call.pbx)), *shown_in(results)))

            async def finish(manager: ManagerId) -> FinishedCall:
                hide = [each for each in shown if each != manager]
                return await desk.finish(id_, CallEnd(call=call, manager=manager, reason=reason), hide=hide)

            try:
                return Finished(*await held_by_somebody(account, wanted, call.line, finish))
            except NotFound:
                if (found := await desk.find_finished(key=key, id_=id_)) is not None:
                    return Finished(found, wanted or anybody(account))
                log.warning("the CRM has forgotten a live call", account_id=account.id, call_id=call.id)
        if client is None:
            raise Rejected("the CRM does not know this call, and it has no number to write it under", code="no_number")
        return await self._record(account, call, client, wanted, reason, item)

    async def _record(
        self, account: Account, call: Call, client: Client, wanted: ManagerId | None, reason: str, item: OutboxItem
    ) -> Finished:
        """Write a call that the CRM does not have. It recognises no repetition, so the last attempt must settle."""
        desk, sent_at = self._desk(account), item.payload.get("sent_at")
        if item.is_uncertain and sent_at is not None and self._clock.now() - float(sent_at) < _SETTLES_SECONDS:
            raise NotYet("the CRM may still be at work on this call", seconds=_SETTLES_SECONDS)
        live, item = await self._registrations.of(account, call, client, wanted, item, Priority.LOG)
        await self._outbox.amend(item, {**item.payload, "sent_at": self._clock.now()})

        async def record(manager: ManagerId) -> FinishedCall:
            end = CallEnd(call=call, manager=manager, reason=reason)
            return await desk.record(replace(live, manager=manager), end)

        finished = Finished(*await held_by_somebody(account, wanted, call.line, record))
        if live.makes_client:
            await self._registrations.sent(account, call, client)
        return finished

    async def describe(self, account: Account, item: OutboxItem, finished: Finished, text: str) -> None:
        """
        Put a text into the record of the call that was just finished. That it is finished is stored before, so that a
        repetition only describes it.

        Raises: as the CRM; what the CRM refuses for good is left out, for the call itself is there.
        """
        await self._outbox.amend(item, {**item.payload, "finished": write_finished(finished.call, finished.manager)})
        try:
            await self._desk(account).describe(finished.call, text)
        except Rejected as exc:
            log.warning("the CRM does not take a text for a call", account_id=account.id, error=str(exc))

    async def publish_lines(self, account: Account, call: Call) -> None:
        """Have the CRM know the office's lines by name. A failure leaves the call as it is."""
        try:
            await self._lines.publish(account, self._desk(account), call.line)
        except DozvonError as exc:
            log.info("lines are not published now", account_id=account.id, error=str(exc))

    # ---- the recording -----------------------------------------------------------------------------------------------

    async def attach_recording(self, account: Account, item: OutboxItem) -> dict[str, Any]:
        """Give the finished call its recording. Attaching again replaces it."""
        call = await self._calls.get(account.id, item.call)
        if call is None:
            raise Expired
        results = await self._outbox.results(account.id, call.id)
        late = item.key.removeprefix(IntentKind.ATTACH_RECORDING)
        fetched = results.get(f"{IntentKind.FETCH_RECORDING}{late}", {})
        recording = fetched.get("recording")
        if recording is None:
            if not late and not set(call.recordings) <= set(fetched.get("files", call.recordings)):
                await self._calls.save([SavedStep(call=call, intents=late_recording(call))])
                return {"skipped": "named_later"}  # the PBX's records named it after we had looked for it
            return {"skipped": "no_recording"}
        finished = results.get(IntentKind.LOG_CALL)
        if finished is None:
            raise Unavailable("the call is not finished in the CRM yet")
        id_ = finished.get("crm_call")
        if id_ is None:
            return {"skipped": "not_in_crm"}
        stored = await self._recordings.open(str(recording))
        if stored is None:
            return {"skipped": "recording_deleted"}
        name = f"{record_key(call.id).replace(':', '-')}.mp3"
        return {"file": await self._desk(account).attach_recording(str(id_), name=name, file=Path(stored[0]))}

    # ---- pieces ------------------------------------------------------------------------------------------------------

    async def _call(self, account: Account, item: OutboxItem) -> Call:
        call = await self._calls.get(account.id, item.call)
        if call is None:
            raise Expired
        return call

    def _goes_on(self, call: Call) -> bool:
        return call.is_live and call.merged_into is None and not call.elsewhere

    def _desk(self, account: Account) -> LiveCalls:
        desk = account.crm.live_calls
        if desk is None:
            raise Rejected("this CRM does not follow live calls", code="no_live_calls")
        return desk


def _asked_manager(item: OutboxItem) -> ManagerId | None:
    found = item.payload.get("manager")
    return ManagerId(str(found)) if found else None


def _reason(account: Account, call: Call, item: OutboxItem) -> str:
    """Why a click did not reach the client, for people; empty for every other call."""
    if said := item.payload.get("reason"):
        return str(said)
    return texts(account.settings.language)[f"failure_{call.failure}"] if call.failure is not None else ""
