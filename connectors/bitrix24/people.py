"""The portal's employees with their departments, notices to them, and whether their working day runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from connectors.bitrix24 import lists, mapping
from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import Manager, ManagerGroup
from integration.domain.ids import ManagerId
from integration.domain.people.working_day import WorkingDay
from integration.errors import AuthFailed, DozvonError, NotFound, Rejected

_log = structlog.get_logger()

_USER_FIELDS = (
    "ID", "ACTIVE", "NAME", "LAST_NAME", "EMAIL", "WORK_PHONE", "PERSONAL_MOBILE", "PERSONAL_PHONE", "UF_DEPARTMENT",
    "UF_PHONE_INNER", "USER_TYPE",
)  # fmt: skip
# `timeman.status`: EXPIRED is a day that nobody ended; the person has not begun the present one.
_DAYS = {
    "OPENED": WorkingDay.RUNS,
    "PAUSED": WorkingDay.PAUSED,
    "CLOSED": WorkingDay.NOT_BEGUN,
    "EXPIRED": WorkingDay.NOT_BEGUN,
}


class People:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def managers(self) -> list[Manager]:
        """All employees, dismissed ones, too. Without the right to see departments they are in no group."""
        users, departments = await asyncio.gather(
            lists.rows_after(
                self._transport,
                "user.get",
                {"sort": "ID", "order": "ASC", "select": list(_USER_FIELDS)},
                priority=Priority.IMPORT,
            ),
            self._departments(),
        )
        return [mapping.manager(each, departments) for each in users if mapping.is_employee(each)]

    async def _departments(self) -> Mapping[str, ManagerGroup]:
        try:
            rows = await lists.rows_after(
                self._transport, "department.get", {"sort": "ID", "order": "ASC"}, priority=Priority.IMPORT
            )
        except (AuthFailed, Rejected) as exc:  # the scope `department` is missing
            _log.info("Bitrix24 does not show departments", error=str(exc))
            return {}
        return mapping.departments(rows)

    async def working_days(self, managers: Sequence[ManagerId]) -> dict[ManagerId, WorkingDay]:
        """
        Of these employees, one request for fifty. Those without working time, unknown ones and those that we may not
        look at are left out.

        Raises: what the request as a whole raises.
        """
        found: dict[ManagerId, WorkingDay] = {}
        for begin in range(0, len(managers), batch.MOST):
            part = managers[begin : begin + batch.MOST]
            commands = {f"u{each}": Command("timeman.status", {"USER_ID": mapping.number_of(each)}) for each in part}
            answer = await self._transport.call("batch", batch.body(commands), priority=Priority.IMPORT, reads=True)
            outcomes = batch.outcomes(answer, commands)
            for each in part:
                outcome = outcomes[f"u{each}"]
                if isinstance(outcome, DozvonError):
                    if not isinstance(outcome, Rejected | NotFound | AuthFailed):
                        raise outcome
                    continue
                day = _DAYS.get(mapping.text_of(outcome.get("STATUS")) if isinstance(outcome, Mapping) else "")
                if day is not None:
                    found[each] = day
        return found

    async def notify(self, managers: Sequence[ManagerId], text: str, *, tag: str) -> None:
        """The portal's own notice. A new one with the same `tag` replaces the one before."""
        for begin in range(0, len(managers), batch.MOST):
            commands = {
                f"u{each}": Command(
                    "im.notify.system.add", {"USER_ID": mapping.number_of(each), "MESSAGE": text, "TAG": tag}
                )
                for each in managers[begin : begin + batch.MOST]
            }
            await self._transport.call("batch", batch.body(commands), priority=Priority.CARD)
