"""Carries out what a CRM asks for by itself: clicks on its pages, and clients who want to be called.

A click's live call belongs to the CRM: it becomes the call that the PBX makes, or is finished with a reason when there
is none. `click.py` decides whether and what to dial. Everything here may be repeated: a CRM may report a request again.
"""

from __future__ import annotations

import asyncio
import hashlib
from uuid import uuid4

import structlog

from integration.domain.calls.call import Call, Direction, Disposition, HangupBy, Origin
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.calls.ownership import callback_id, live_call_id
from integration.domain.calls.tracking import Change
from integration.domain.crm.identity import ranked
from integration.domain.ids import ManagerId, Timestamp, call_id
from integration.domain.numbers.phone import read_number
from integration.domain.routing.route import responsible_of
from integration.errors import DozvonError, Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.crm_requests import CallbackRequested, ClickRequested, CrmRequest
from integration.ports.stores import CallStore, PhoneBook, SavedStep
from integration.services.accounts import Account
from integration.services.click import ClickService, Refused
from integration.texts.crm_requests import click_refused

log = structlog.get_logger()

_STALE_SECONDS = 15.0  # nobody expects a phone to ring for an older click
_CALLBACK_STALE_SECONDS = 600.0  # the client does not sit at the phone any more: a task instead
_DOUBLE_SECONDS = 5.0
_IN_HAND_SECONDS = 10.0  # then the PBX has reported the call, or the process was killed before it dialled
_REMEMBERED_SECONDS = 24 * 3600.0
_LOOKED_BACK = 50  # newest calls of an office, for a request that is reported again


class CrmClicks:
    def __init__(
        self,
        clicks: ClickService,
        calls: CallStore,
        phone_book: PhoneBook,
        coordination: Coordination,
        clock: Clock,
        wake: asyncio.Event,
    ) -> None:
        """`wake`: set when the end of a call was queued."""
        self._clicks = clicks
        self._calls = calls
        self._phone_book = phone_book
        self._coordination = coordination
        self._clock = clock
        self._wake = wake

    async def take(self, account: Account, request: CrmRequest) -> None:
        """
        Ring the employee's phone, then the client's.

        Raises:
            Unavailable: our storage is away, or another process is at this request: it may be taken again.
        """
        if not account.crm.abilities.live_calls or not account.pbxs:
            return
        origin = _origin_of(account, request)
        done = f"crm-request-done:{origin}"
        if await self._coordination.is_marked(done) or await self._is_known(account, origin):
            return
        if not await self._coordination.once(f"crm-request:{origin}", ttl_seconds=_IN_HAND_SECONDS):
            raise Unavailable("this request of the CRM is being carried out")
        if isinstance(request, ClickRequested):
            await self._click(account, request, origin)
        else:
            await self._callback(account, request, origin)
        await self._coordination.mark(done, ttl_seconds=_REMEMBERED_SECONDS)

    async def _is_known(self, account: Account, origin: str) -> bool:
        """Whether the PBX has or had the call of this request, or it was given up."""
        calls = [*await self._calls.live(account.id), *await self._calls.recent(account.id, limit=_LOOKED_BACK)]
        return any(call.origin is not None and call.origin.crm_call_id == origin for call in calls)

    # ---- a click -----------------------------------------------------------------------------------------------------

    async def _click(self, account: Account, click: ClickRequested, origin: str) -> None:
        try:
            if self._clock.now() - click.at > _STALE_SECONDS:
                raise Refused("stale", "the click arrived too late")
            pressed = f"crm-click:{account.id}:{click.manager}:{click.number}"
            if not await self._coordination.once(pressed, ttl_seconds=_DOUBLE_SECONDS):
                raise Refused("busy_double_click", "this number was clicked a moment ago")
            await self._dial(account, click.manager, click.number, origin)
        except Refused as exc:
            log.info("a click in the CRM does not ring", account_id=account.id, manager_id=click.manager, code=exc.code)
            await self._give_up(account, click, origin, exc.code)

    async def _dial(self, account: Account, manager: ManagerId, number: str, origin: str) -> None:
        """Raises: Refused."""
        request = f"crm-{uuid4().hex}"  # of this attempt; the origin says which request it is for
        await self._clicks.call(account, manager, number=number, request=request, crm_id=origin)

    async def _give_up(self, account: Account, click: ClickRequested, origin: str, code: str) -> None:
        """Finish the CRM's call, and tell the user why no phone rings."""
        text = click_refused(code, account.settings.language)
        call = self._never_dialled(account, click, origin, click.manager)
        kind = IntentKind.LOG_CALL
        payload = {"manager": click.manager, "reason": text}
        await self._save(call, (Intent(call=call.id, kind=kind, key=kind, payload=payload),))
        desk = account.crm.live_calls
        if desk is not None:
            try:
                await desk.tell(click.manager, text, about=f"click-{click.manager}")
            except DozvonError as exc:
                log.info("a user is not told of a click", account_id=account.id, error=str(exc))

    # ---- a client who wants to be called -----------------------------------------------------------------------------

    async def _callback(self, account: Account, asked: CallbackRequested, origin: str) -> None:
        people = await self._who_calls_back(account, asked)
        if self._clock.now() - asked.at <= _CALLBACK_STALE_SECONDS:
            for manager in people:
                try:
                    await self._dial(account, manager, asked.number, origin)
                except Refused as exc:
                    log.info("a callback goes on", account_id=account.id, manager_id=manager, code=exc.code)
                    continue
                return
        log.warning("nobody can call a client who asked for it now", account_id=account.id)
        call = self._never_dialled(account, asked, origin, people[0] if people else None)
        intents = follow_up(call, frozenset({Change.ENDED}), account.at(call.pbx), self._clock.now(), live_calls=True)
        await self._save(call, intents)

    async def _who_calls_back(self, account: Account, asked: CallbackRequested) -> list[ManagerId]:
        """The client's responsible, then those whom the line and the office name for calls that nobody took."""
        settings = account.settings
        number = read_number(asked.number, settings.numbering)
        persons, deals = await self._phone_book.known(account.id, number.match_key) if number else ([], [])
        person = next(iter(ranked(persons, deals)), None)
        line = settings.line(asked.line)
        responsible = responsible_of(person, deals)[0] if person is not None else None
        named = (responsible, line.missed_responsible, settings.default_responsible, line.outside_responsible)
        return [each for each in dict.fromkeys(named) if each is not None and settings.is_active(each)]

    # ---- pieces ------------------------------------------------------------------------------------------------------

    def _never_dialled(self, account: Account, request: CrmRequest, origin: str, manager: ManagerId | None) -> Call:
        """The call of a request for which no phone rang, for the journal and for the CRM."""
        phone = account.phone_of(manager) if manager is not None else None
        pbx = account.pbx_of(phone) if phone is not None else next(iter(account.pbxs))
        native_id = f"crm-{_digest(request.id)}"
        now = self._clock.now()
        return Call(
            id=call_id(pbx, native_id),
            account=account.id,
            pbx=pbx,
            native_id=native_id,
            direction=Direction.OUTBOUND,
            caller=phone.extension if phone is not None else "",
            called=request.number,
            started_at=Timestamp(min(request.at, now)),
            ended_at=now,
            disposition=Disposition.FAILED,
            hangup_by=HangupBy.SYSTEM,
            origin=Origin(kind="click", crm_call_id=origin),
        )

    async def _save(self, call: Call, intents: tuple[Intent, ...]) -> None:
        await self._calls.save([SavedStep(call=call, intents=intents)])
        self._wake.set()


def _origin_of(account: Account, request: CrmRequest) -> str:
    make = live_call_id if isinstance(request, ClickRequested) else callback_id
    return make(account.id, request.id)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
