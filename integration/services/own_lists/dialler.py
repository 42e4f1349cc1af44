"""Dials managers' own lists: timers that have run out, and what becomes of the calls.

Each step reads the list again and changes it in one transaction with the journal, so that two tabs, timers or processes
never dial twice. A process that is killed leaves a list whose `due_at` says when to look for its call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from uuid import uuid4

import structlog

from integration.domain.calls.call import Call, LegKind
from integration.domain.calls.ownership import begun_by_own_list, own_list_call_id
from integration.domain.calls.participation import PartState, part_of
from integration.domain.calls.tracking import Change
from integration.domain.campaigns.model import Outcome
from integration.domain.campaigns.outcomes import Came, outcome_of
from integration.domain.campaigns.own_list import OwnList, Phase, after, hold, idle, put, struck
from integration.domain.campaigns.own_list_calls import begin, ended, heard, is_lost, look_later, not_dialled, not_now
from integration.domain.ids import AccountId, AttemptId, ManagerId, Timestamp
from integration.errors import DozvonError, Unavailable
from integration.ports.campaigns import AttemptJournal, JournalRefusal
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.ports.own_lists import OwnLists
from integration.ports.records import WatchLog
from integration.ports.stores import CallStore
from integration.services.accounts import Account, Accounts
from integration.services.click import ClickService, Desk, Refused, desk_of
from integration.services.cluster.live_calls import LiveCalls
from integration.services.ending import ended as cancelled
from integration.services.hub import Hub
from integration.services.own_lists.desk import OwnListDesk
from integration.services.unseen_ends import RECORDS_SECONDS, awaits_records

log = structlog.get_logger()

_LOOK_FOR_RECORDS_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 1.0  # for timers that another process has set
_LOOKED_BACK = 50  # newest calls of an account, for one that was never heard of
_LONGEST_TALK_SECONDS = 6 * 3600.0  # a call whose end we missed must not block its employee forever
_OF_THE_NUMBER = frozenset({"bad_number", "premium_not_allowed", "satellite_not_allowed"})
_OF_THE_MOMENT = frozenset({"already_talking", "busy_double_click", "too_many_clicks"})


class OwnListCalls:
    """The `CallObserver` that hears of the calls of own lists."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[Account, Call, AttemptId]] = asyncio.Queue()

    async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
        attempt = begun_by_own_list(call)
        if attempt is not None:
            self.heard.put_nowait((account, call, attempt))

    def on_resumed(self, account: Account, call: Call) -> None:
        attempt = begun_by_own_list(call)
        if attempt is not None:
            self.heard.put_nowait((account, call, attempt))


class OwnListDialler:
    def __init__(
        self,
        *,
        desk: OwnListDesk,
        lists: OwnLists,
        journal: AttemptJournal,
        calls: CallStore,
        watches: WatchLog,
        clicks: ClickService,
        live_calls: LiveCalls,
        accounts: Accounts,
        hub: Hub,
        clock: Clock,
        observed: OwnListCalls,
        wake: asyncio.Event,
        draw: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        """`draw`: gives ids that are never given again."""
        self._desk = desk
        self._lists = lists
        self._journal = journal
        self._calls = calls
        self._watches = watches
        self._clicks = clicks
        self._live_calls = live_calls
        self._accounts = accounts
        self._hub = hub
        self._clock = clock
        self._began_at = clock.now()
        self._observed = observed
        self._wake = wake
        self._draw = draw
        self._taking: dict[tuple[AccountId, ManagerId], asyncio.Task[None]] = {}

    async def run(self, _: Lease | None = None) -> None:
        """Dial what is due, until cancelled. Two processes that both do it for a moment do no harm."""
        try:
            while True:
                seconds = await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            await cancelled(list(self._taking.values()))

    async def listen(self) -> None:
        """Take what this process's trackings report, until cancelled."""
        while True:
            account, call, attempt = await self._observed.heard.get()
            try:
                await self.hear(account, call, attempt)
            except DozvonError as exc:  # the list's own look at its call, within a minute, finds out
                log.warning("a call of a manager's own list was not taken", account_id=account.id, error=str(exc))

    async def _look(self) -> float:
        """Begin what is due. Returns the seconds until the next look."""
        now = self._clock.now()
        try:
            due = await self._lists.due(Timestamp(now + _LOOK_EVERY_SECONDS))
        except Unavailable as exc:
            log.warning("managers' own lists cannot be read", error=str(exc))
            return _LOOK_EVERY_SECONDS
        for account, manager, at in due:
            key = account, manager
            if at <= now and key not in self._taking:
                task = asyncio.create_task(self._taken(account, manager))
                self._taking[key] = task
                task.add_done_callback(lambda _, key=key: self._taking.pop(key, None))  # type: ignore[misc]
        later = [at - now for _, _, at in due if at > now]
        return max(0.01, min(later, default=_LOOK_EVERY_SECONDS))

    async def _taken(self, account_id: AccountId, manager: ManagerId) -> None:
        account = self._accounts.get(account_id)
        if account is None:
            return  # is not served now: its timer waits
        try:
            await self.take(account, manager)
        except DozvonError as exc:  # the next look tries again
            log.warning("a manager's own list was not dialled", account_id=account_id, error=str(exc))

    async def take(self, account: Account, manager: ManagerId) -> None:
        """A timer of this manager's list has run out: dial, or look for its call. Raises: Unavailable."""
        own = await self._lists.get(account.id, manager)
        if own.due_at is None or own.due_at > self._clock.now():
            return
        if own.is_calling:
            await self._look_for_call(account, own)
        elif await self._is_wanted(account, manager):
            await self._dial(account, manager)

    async def _is_wanted(self, account: Account, manager: ManagerId) -> bool:
        """Whether somebody sits there to talk; otherwise the list says why not. Raises: Unavailable."""
        now = self._clock.now()
        try:
            desk = desk_of(account, manager)
        except Refused as exc:
            code = exc.code
            await self._desk.change(account, manager, lambda own: own if own.is_calling else idle(own, code))
            return False
        if not await self._hub.has_page(account.id, manager):
            await self._desk.change(account, manager, lambda own: hold(own, now, why="no_page"))
            return False
        if await self._is_busy(account, desk):
            await self._desk.change(account, manager, lambda own: _later(own, "already_talking", now))
            return False
        return True

    async def _is_busy(self, account: Account, desk: Desk) -> bool:
        """Whether the manager's phone rings, or they talk."""
        since = self._clock.now() - _LONGEST_TALK_SECONDS
        for call in await self._live_calls.on_its_pbxs(account):
            part = part_of(call, desk.extension) if call.pbx == desk.pbx and call.started_at > since else None
            if part is not None and part.state in (PartState.RINGING, PartState.TALKING):
                return True
        return False

    async def _dial(self, account: Account, manager: ManagerId) -> None:
        attempt, now = AttemptId(self._draw()), self._clock.now()
        changed = await self._desk.change(account, manager, lambda own: begin(own, attempt, now))
        own = changed.after
        if changed.refusal is not None:
            await self._refused(account, own, changed.refusal, now)
        elif own.attempt == attempt and own.number is not None:  # else another process was faster, or nobody is left
            await self._click(account, manager, attempt, own.number)

    async def _click(self, account: Account, manager: ManagerId, attempt: AttemptId, e164: str) -> None:
        origin = own_list_call_id(account.id, attempt)
        try:
            await self._clicks.call(account, manager, number=e164, request=attempt, crm_id=origin)
        except Refused as exc:
            await self._not_dialled(account, manager, attempt, exc.code)
        except DozvonError as exc:
            log.warning("a call of a manager's own list was not made", account_id=account.id, error=str(exc))
            await self._not_dialled(account, manager, attempt, "internal")

    async def _not_dialled(self, account: Account, manager: ManagerId, attempt: AttemptId, code: str) -> None:
        number, again = code in _OF_THE_NUMBER, code in _OF_THE_MOMENT
        came = Came(outcome=Outcome.NOT_DIALLED)
        now = self._clock.now()
        await self._desk.change(
            account, manager, lambda own: not_dialled(own, attempt, code, now, number=number, again=again), came=came
        )

    async def _refused(self, account: Account, own: OwnList, refusal: JournalRefusal, now: Timestamp) -> None:
        """The journal refuses the next number: it is not called for anybody, or somebody else is calling it now."""
        client = own.upcoming
        number = client.next_number if client is not None else None

        def change(own: OwnList) -> OwnList:
            client = own.upcoming
            if own.phase is not Phase.WAITING or client is None or client.next_number != number or number is None:
                return own
            if refusal is JournalRefusal.DO_NOT_CALL:
                return _soon(put(own, struck(client, number, "do_not_call")), now)
            return not_now(own, "number_busy", now)

        await self._desk.change(account, own.manager, change)
        self._wake.set()

    # ---- what becomes of a call --------------------------------------------------------------------------------------

    async def hear(self, account: Account, call: Call, attempt: AttemptId) -> None:
        """A call of an own list has changed. Raises: Unavailable."""
        made = await self._journal.get(account.id, attempt)
        if made is None or made.employee is None or call.merged_into is not None:
            return
        await self._follow(account, ManagerId(made.employee), call, attempt)

    async def _follow(self, account: Account, manager: ManagerId, call: Call, attempt: AttemptId) -> None:
        now = self._clock.now()
        if call.is_live:
            answered = any(leg.kind is LegKind.EXTERNAL and leg.answered_at is not None for leg in call.legs)
            changed = await self._desk.change(
                account, manager, lambda own: heard(own, attempt, call.id, now, answered=answered)
            )
            if changed.before != changed.after:
                await self._desk.hang_up_if_left(account, changed.after)
            return
        if await self._awaits_records(account, call, now):
            await self._desk.change(
                account, manager, lambda own: look_later(own, now, seconds=_LOOK_FOR_RECORDS_SECONDS)
            )
            return
        came = outcome_of(call, employee_first=True)
        await self._desk.change(
            account,
            manager,
            lambda own: ended(heard(own, attempt, call.id, now, answered=False), attempt, came.outcome, now),
            came=came,
        )
        self._wake.set()

    async def _awaits_records(self, account: Account, call: Call, now: Timestamp) -> bool:
        noticed = call.ended_at if call.ended_at is not None else now
        since = Timestamp(max(noticed, self._began_at))  # while no process ran, nothing was compared
        return await awaits_records(account, call, self._watches, noticed_at=noticed, now=now, since=since)

    async def _look_for_call(self, account: Account, own: OwnList) -> None:
        """Its end was not reported in time: the process was killed, or the call was never made."""
        attempt, now = own.attempt, self._clock.now()
        if attempt is None:
            return
        call = await self._found(account, own, attempt)
        if call is not None:
            await self._follow(account, own.manager, call, attempt)
            if call.is_live:
                await self._desk.change(account, own.manager, lambda own: look_later(own, now))
            return
        if not is_lost(own, now):
            return
        if await self._has_gap(account, own, now):
            await self._desk.change(
                account, own.manager, lambda own: look_later(own, now, seconds=_LOOK_FOR_RECORDS_SECONDS)
            )
            return
        log.warning("a call of a manager's own list was never heard of", account_id=account.id)
        await self._desk.change(
            account,
            own.manager,
            lambda own: not_dialled(own, attempt, "unconfirmed", now, number=False, again=False),
            came=Came(outcome=Outcome.UNKNOWN),
        )

    async def _has_gap(self, account: Account, own: OwnList, now: Timestamp) -> bool:
        """Whether the PBX's records may still show a call that nobody has heard of. Raises: Unavailable."""
        if own.called_at is None or now - own.called_at >= RECORDS_SECONDS:
            return False
        watches = [await self._watches.load(account.id, pbx) for pbx in account.recorded]
        return any(watch is not None and watch.unchecked_since is not None for watch in watches)

    async def _found(self, account: Account, own: OwnList, attempt: AttemptId) -> Call | None:
        if own.call is not None:
            call = await self._live_calls.get(account, own.call) or await self._calls.get(account.id, own.call)
            if call is not None and call.merged_into is not None:
                call = await self._calls.get(account.id, call.merged_into)
            return call
        known = [*await self._live_calls.of(account), *await self._calls.recent(account.id, limit=_LOOKED_BACK)]
        found = next((call for call in known if begun_by_own_list(call) == attempt), None)
        if found is not None:
            return found
        # One that nobody saw comes from the PBX's records, which have no word of the list.
        of_records = [await self._calls.get(account.id, pbx.call_of(attempt)) for pbx in account.pbxs.values()]
        return next((call for call in of_records if call is not None), None)


def _later(own: OwnList, why: str, now: Timestamp) -> OwnList:
    is_due = own.phase is Phase.WAITING and own.due_at is not None and own.due_at <= now
    return not_now(own, why, now) if is_due else own


def _soon(own: OwnList, now: Timestamp) -> OwnList:
    """A number fell away without a call: the next one is dialled at once."""
    return after(own, 0.0, now)
