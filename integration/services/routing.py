"""Answers "where does this call go?" from the phone book in time, and stores the decision with its reasons.

`domain/routing/route.py` decides; the PBX's adapter receives the question.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import structlog

from integration.domain.calls.ownership import takes_by_name
from integration.domain.crm.entities import Person
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp, call_id
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.people.working_day import WorkingDay
from integration.domain.reasons import Reason, ReasonCode, because
from integration.domain.routing.route import RouteDecision, RouteQuestion, client_number, decide, reserve
from integration.domain.settings import AccountSettings
from integration.errors import DozvonError, Rejected
from integration.ports.clock import Clock
from integration.ports.crm import Crm
from integration.ports.stores import DecidedRoute, PhoneBook, RouteLog

log = structlog.get_logger()

DEADLINE_SECONDS = 1.2  # shorter than the FastAGI server's, so that the decision is stored with the true reason
_MAX_LOOKUP_SECONDS = 1.0  # for a search in the CRM, whatever the line's settings say: the caller hears silence
_GATHER_SECONDS = 0.1  # decisions of this time are stored together: callers do not wait for many small commits
_MAX_UNDONE = 1000  # decisions that wait to be stored; more only if the storage fails for long
_MAX_UNKNOWN = 200  # decisions that wait for their call to be stored
_LOOK_AGAIN_SECONDS = 2.0  # for those calls
_KNOWN_WITHIN_SECONDS = 900.0  # a call is normally stored at once, or, after a lost link, when the link is back


class Routing:
    """
    Implements `ports.RouteAnswerer` for one account and its PBX.

    Args:
        settings: returns the account's present settings; None while there are none.
        crm: returns the CRM to search for unknown numbers, if a line's settings ask for that.
        days: returns the managers' working days as far as they are known now.
    """

    def __init__(
        self,
        *,
        account: AccountId,
        pbx: PbxId,
        settings: Callable[[], AccountSettings | None],
        book: PhoneBook,
        routes: RouteLog,
        clock: Clock,
        crm: Callable[[], Crm] | None = None,
        days: Callable[[], Mapping[ManagerId, WorkingDay]] = dict,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._account = account
        self._pbx = pbx
        self._settings = settings
        self._book = book
        self._routes = routes
        self._clock = clock
        self._crm = crm
        self._days = days
        self._deadline_seconds = deadline_seconds
        self._undone: deque[DecidedRoute] = deque()  # decisions not yet stored
        self._unknown: dict[CallId, DecidedRoute] = {}  # decisions whose call is not stored yet, and may never be
        self._look_again_at = Timestamp(0.0)  # for those calls
        self._has_undone = asyncio.Event()
        self._is_log_down = False
        self._is_book_filled = False

    @property
    def account(self) -> AccountId:
        return self._account

    @property
    def waiting_for_calls(self) -> int:
        """Decisions whose call is not stored yet."""
        return len(self._unknown)

    async def run(self) -> None:
        """Store decisions after the PBX has its answers. When cancelled, it stores the rest first."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN_SECONDS if self._unknown else None):
                        await self._has_undone.wait()
                        await asyncio.sleep(_GATHER_SECONDS)
                await self._store()
        finally:
            self._look_again_at = Timestamp(0.0)
            await self._store()

    async def route(self, question: RouteQuestion, native_id: str) -> RouteDecision:
        asked_at = self._clock.now()
        decision = await self.decide(question)
        self.keep(decision, native_id, asked_at)
        return decision

    def takes(self, question: RouteQuestion, *, by_name: bool = False) -> bool:
        """Whether calls of this line may be the account's; with `by_name`, only if its settings name the line."""
        settings = self._settings()
        if settings is None or not settings.enabled:
            return False
        return takes_by_name(settings, question.did) if by_name else settings.line(question.did).process

    async def decide(self, question: RouteQuestion) -> RouteDecision:
        """Decide within the deadline, and do not store the decision. Never raises."""
        settings = self._settings()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                decision = await self.consider(question)
        except TimeoutError:
            decision = _cannot_decide(question, settings, because(ReasonCode.TOO_SLOW, seconds=self._deadline_seconds))
        except DozvonError as exc:
            log.warning("no route decided", account_id=self._account, error=str(exc))
            decision = _cannot_decide(question, settings, because(ReasonCode.STORAGE_FAILED))
        except Exception:
            # The caller is waiting: the PBX gets an answer whatever failed, and the log the traceback.
            log.exception("no route decided", account_id=self._account)
            decision = _cannot_decide(question, settings, because(ReasonCode.STORAGE_FAILED))
        return decision

    def keep(self, decision: RouteDecision, native_id: str, asked_at: Timestamp) -> None:
        """Store the decision with the call whose first channel is `native_id`."""
        self._keep(DecidedRoute(call_id(self._pbx, native_id), decision, asked_at))

    async def consider(self, question: RouteQuestion) -> RouteDecision:
        """
        Look up the caller and decide, without storing the decision: also for "what would happen" (spec B14).

        Raises:
            DozvonError: the storage failed. A CRM that fails is a reason in the decision.
        """
        settings = self._settings()
        if settings is None:
            return reserve(None, because(ReasonCode.NOT_CONFIGURED))
        line, now = settings.line(question.did), self._clock.now()
        number, _ = client_number(question, settings)
        if number is None or not (settings.enabled and line.process and line.to_responsible):
            return decide(question, settings, (), (), now=now)
        persons, deals = await self._book.known(self._account, number.match_key)
        if persons:
            return decide(question, settings, persons, deals, now=now, days=self._days())
        if self._crm is None or line.unknown_lookup_seconds <= 0:
            is_empty = await self._is_book_empty()
            return decide(question, settings, (), (), now=now, is_book_empty=is_empty)
        seconds = min(line.unknown_lookup_seconds, _MAX_LOOKUP_SECONDS)
        found, why = await _ask_crm(self._crm(), number, seconds)
        deals = await self._book.open_deals(self._account, [person.ref for person in found])
        return decide(question, settings, found, deals, now=now, looked_up=(why,), days=self._days())

    async def _is_book_empty(self) -> bool:
        if not self._is_book_filled:  # asked until it is filled for the first time
            self._is_book_filled = await self._book.has_persons(self._account)
        return not self._is_book_filled

    def _keep(self, decided: DecidedRoute) -> None:
        if len(self._undone) >= _MAX_UNDONE:
            log.warning("a route decision was not stored", call_id=decided.call)
            return
        self._undone.append(decided)
        self._has_undone.set()

    async def _store(self) -> None:
        """
        Store the decisions. Those that cannot be stored now wait for the next decision, or for the end.

        Calls that are still unknown are not looked up with each new decision: while the PBX's events do not come, that
        delayed the next caller's decision by milliseconds.
        """
        self._has_undone.clear()
        new = list(self._undone)
        batch = [each for each in new if each.call not in self._unknown]
        now = self._clock.now()
        looks_again = now >= self._look_again_at
        if looks_again:
            self._look_again_at = Timestamp(now + _LOOK_AGAIN_SECONDS)
            batch = [*self._unknown.values(), *batch]
        settled = await self._remember(batch) if batch else set[CallId]()
        is_stored = settled is not None
        if settled is not None:
            for _ in new:
                self._undone.popleft()
            left = [each for each in new if each.call not in settled]
            if looks_again:  # else those that wait already stay: to go through thousands takes milliseconds
                youngest = now - _KNOWN_WITHIN_SECONDS
                waited = [each for each in self._unknown.values() if each.call not in settled]
                self._unknown = {each.call: each for each in waited if each.asked_at >= youngest}
            self._wait_for_calls(left)
        if batch and is_stored is self._is_log_down:
            self._is_log_down = not is_stored
            log.info("route decisions are stored again" if is_stored else "route decisions wait to be stored")

    def _wait_for_calls(self, decided: Sequence[DecidedRoute]) -> None:
        """Keep decisions whose call is not stored yet: the first for each call, for a limited time."""
        for each in decided:
            self._unknown.setdefault(each.call, each)
        for call in list(itertools.islice(self._unknown, max(0, len(self._unknown) - _MAX_UNKNOWN))):
            del self._unknown[call]

    async def _remember(self, batch: Sequence[DecidedRoute]) -> set[CallId] | None:
        """Store decisions in one transaction: separate ones would slow down waiting callers.

        Returns:
            The calls whose decision is stored, or can never be; None: try again later.
        """
        try:
            return set(await self._routes.remember(self._account, batch))
        except Rejected:
            # One of them is unacceptable for the database: it must not block the others.
            if len(batch) == 1:
                log.warning("a route decision was not stored", call_id=batch[0].call)
                return {batch[0].call}
            each_alone = [await self._remember([decided]) for decided in batch]
            return None if None in each_alone else set().union(*(settled or () for settled in each_alone))
        except DozvonError:
            return None
        except Exception:
            # The loop must continue: later decisions can still be stored.
            log.exception("route decisions were not kept", count=len(batch))
        return {each.call for each in batch}


def _cannot_decide(question: RouteQuestion, settings: AccountSettings | None, why: Reason) -> RouteDecision:
    if settings is None:
        return reserve(None, why)
    return reserve(settings.line(question.did), why, numbering=settings.numbering)


async def _ask_crm(crm: Crm, number: PhoneNumber, within_seconds: float) -> tuple[Sequence[Person], Reason]:
    """Search the number in the CRM. Returns the persons and the reason to show. Does not raise the CRM's errors."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(within_seconds):
            persons = await crm.find_persons(number)
    except TimeoutError:
        return (), because(ReasonCode.CRM_TOO_SLOW, seconds=f"{within_seconds:g}")
    except DozvonError:
        return (), because(ReasonCode.CRM_FAILED)
    code = ReasonCode.CRM_ASKED if persons else ReasonCode.CRM_DOES_NOT_KNOW
    return persons, because(code, seconds=f"{loop.time() - began:.2f}")
