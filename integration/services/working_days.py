"""Keeps what CRMs say of their employees' working days, so that a route asks nobody while a caller waits.

There is no event for the beginning of a day, so people are asked for in turn, fifty in one request. An office of up to
fifty people is fresh to a quarter of a minute, one of five hundred to two and a half. What is older than five minutes
is forgotten: while a CRM does not answer, nobody is passed over for what it said before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from integration.domain.ids import AccountId, ManagerId
from integration.domain.people.working_day import WorkingDay
from integration.errors import DozvonError
from integration.services.accounts import Account, Accounts

log = structlog.get_logger()

_EVERY_SECONDS = 15.0
_AT_ONCE = 50  # people in one request
_BELIEVED_SECONDS = 300.0
_ANSWER_SECONDS = 10.0  # an account that answers later is asked in the next round
_ACCOUNTS_AT_ONCE = 8


@dataclass(slots=True)
class _Known:
    days: dict[ManagerId, tuple[WorkingDay, float]] = field(default_factory=dict)  # with the loop's time of the answer
    last: ManagerId | None = None  # the last one asked for
    is_failing: bool = False


class WorkingDays:
    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._known: dict[AccountId, _Known] = {}

    def of(self, account: AccountId) -> Mapping[ManagerId, WorkingDay]:
        """What is known now. Asks nobody, never raises."""
        known = self._known.get(account)
        if known is None:
            return {}
        oldest = asyncio.get_running_loop().time() - _BELIEVED_SECONDS
        return {manager: day for manager, (day, at) in known.days.items() if at >= oldest}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(_EVERY_SECONDS)

    async def round(self) -> None:
        """Ask each CRM that keeps working days, of an account where a line respects them, for the next people."""
        wanted = {account.id: account for account in self._accounts if _is_wanted(account)}
        for gone in self._known.keys() - wanted.keys():
            del self._known[gone]
        turn = asyncio.Semaphore(_ACCOUNTS_AT_ONCE)

        async def ask(account: Account) -> None:
            async with turn:
                await self._ask(account, self._known.setdefault(account.id, _Known()))

        await asyncio.gather(*(ask(account) for account in wanted.values()))

    async def _ask(self, account: Account, known: _Known) -> None:
        people = _next_people(account, known.last)
        if not people:
            return
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                found = await account.crm.working_days(people)
        except (DozvonError, TimeoutError) as exc:
            if not known.is_failing:
                log.info("working days not read", account_id=account.id, error=str(exc) or "not in time")
            known.is_failing = True
            return
        known.is_failing, known.last = False, people[-1]
        at = asyncio.get_running_loop().time()
        for manager in people:
            known.days.pop(manager, None)
            if manager in found:
                known.days[manager] = (found[manager], at)


def _is_wanted(account: Account) -> bool:
    settings = account.settings
    if not settings.enabled or not account.crm.abilities.working_day:
        return False
    return any(line.respect_working_day for line in (settings.default_line, *settings.lines.values()))


def _next_people(account: Account, last: ManagerId | None) -> list[ManagerId]:
    """The next fifty of those who have a phone, in turn."""
    settings = account.settings
    mapped = {each.manager for each in settings.employees if each.manager is not None}
    people = sorted(each for each in mapped if settings.is_active(each))
    later = [each for each in people if last is None or each > last]
    return (later or people)[:_AT_ONCE]
