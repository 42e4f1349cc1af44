"""The running accounts of this installation: each with its CRM, PBX, settings and managers.

Tokens do not belong here (the connector has them), nor does anything about single calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace

import structlog

from integration.domain.crm.entities import CrmCondition, CrmTrouble, Manager
from integration.domain.ids import AccountId, Extension, ManagerId
from integration.domain.settings import AccountSettings, Employee
from integration.errors import AuthFailed, DozvonError, ProtocolError, RateLimited, Rejected, Unpaid
from integration.ports.crm import Crm
from integration.ports.pbx import Pbx
from integration.ports.stores import SettingsStore

log = structlog.get_logger()

_MANAGERS_EVERY_SECONDS = 300.0  # how late a dismissed manager is noticed without a webhook
_RETRY_AFTER_SECONDS = 15.0
_ASK_AGAIN_SECONDS = 10.0
_REFUSED_SECONDS = 3600.0  # then a refused responsible is tried again: the user may have the right again


class ChangedMeanwhile(Rejected):
    """The settings have changed since they were shown."""


class NamedInFile(Rejected):
    """The configuration file sets this employee."""

    def __init__(self, extension: Extension) -> None:
        super().__init__(f"{extension} is named in the configuration file, which wins: change it there and restart")
        self.extension = extension


class Account:
    """A running account and its parts."""

    def __init__(self, settings: AccountSettings, crm: Crm, pbx: Pbx) -> None:
        self.settings = settings
        self.crm = crm
        self.pbx = pbx
        self.managers: dict[ManagerId, Manager] = {}
        self.has_records = False  # whether the PBX's own records are compared after each gap of the link
        self.crm_was_asked = False  # by this process; before that its condition is unknown
        self.managers_reading = CrmCondition()  # how the last reading of the CRM's users ended
        self.ask_again_at = 0.0  # for a user missing in the list; on the loop's clock
        self.named_in_file: frozenset[Extension] = frozenset()  # people set in the configuration file
        self.changing = asyncio.Lock()
        self._refused: dict[ManagerId, float] = {}  # refused as responsible by the CRM -> when, on the loop's clock

    @property
    def id(self) -> AccountId:
        return self.settings.account

    def refuse(self, manager: ManagerId) -> None:
        """Remember for an hour that the CRM refuses this user as responsible, whatever its list of users says."""
        self._refused[manager] = asyncio.get_running_loop().time()

    def is_refused(self, manager: ManagerId) -> bool:
        at = self._refused.get(manager)
        return at is not None and asyncio.get_running_loop().time() - at < _REFUSED_SECONDS

    @property
    def condition(self) -> CrmCondition:
        """The CRM's condition: from its latest answers, else from the last reading of its users."""
        own = self.crm.condition
        return own if own.trouble is not None else self.managers_reading

    def manager_name(self, manager: ManagerId | None) -> str | None:
        found = self.managers.get(manager) if manager else None
        return found.name if found else None

    def name_of(self, extension: str | None) -> str | None:
        """The name for an extension: the manager's, else the employee's, else the extension itself."""
        if extension is None:
            return None
        employee = next((e for e in self.settings.employees if e.extension == extension), None)
        if employee is None:
            return extension
        return self.manager_name(employee.manager) or employee.name or extension


class Accounts:
    """All accounts of this process; stores their settings."""

    def __init__(self, store: SettingsStore, on_changed: Callable[[AccountId], Awaitable[None]] | None = None) -> None:
        """`on_changed` runs after a change of settings here, to notify other processes."""
        self._store = store
        self._on_changed = on_changed or _nobody
        self._accounts: dict[AccountId, Account] = {}
        self._refresh = asyncio.Event()

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._accounts.values()))  # accounts come and go while somebody goes through them

    def get(self, account: AccountId) -> Account | None:
        return self._accounts.get(account)

    def __getitem__(self, account: AccountId) -> Account:
        return self._accounts[account]

    async def add(self, from_file: AccountSettings, crm: Crm, pbx: Pbx) -> Account:
        """
        Add an account. Lines, country and language come from the file. Employees come from the file if it names them,
        and otherwise from the mapping page.
        """
        account = Account(from_file, crm, pbx)
        await self.take(account, from_file)
        self._accounts[account.id] = account
        return account

    def remove(self, account: AccountId) -> None:
        """What is stored of it stays."""
        self._accounts.pop(account, None)

    async def take(self, account: Account, from_file: AccountSettings) -> None:
        """The file's settings are these now. Raises Unavailable."""
        named = frozenset(e.extension for e in from_file.employees)

        def joined(stored: AccountSettings | None) -> AccountSettings:
            if stored is None:
                return from_file
            kept = tuple(e for e in stored.employees if e.extension not in named)
            return replace(_decided(from_file, stored), employees=from_file.employees + kept)

        async with account.changing:
            account.settings = await self._store.change(from_file.account, joined)
        account.named_in_file = named

    async def set_employees(self, account: Account, employees: Iterable[Employee], *, shown: str | None = None) -> None:
        """
        Store the mapping.

        Args:
            shown: `mark_of` the people that the administrator saw and changed; None: no check.

        Raises:
            ValueError: an extension is named twice.
            NamedInFile: an employee of the configuration file was changed; the next start would undo that.
            ChangedMeanwhile: somebody else has changed the people since they were shown. Nothing is stored.
        """
        people = tuple(sorted(employees, key=lambda e: e.extension))
        seen: set[Extension] = set()
        for employee in people:
            if employee.extension in seen:
                raise ValueError(f"extension {employee.extension} is named twice")
            seen.add(employee.extension)

        def mapped(stored: AccountSettings) -> AccountSettings:
            if shown is not None and shown != mark_of(stored.employees):
                raise ChangedMeanwhile("Somebody else has changed these people since this page was opened.")
            wanted = {e.extension: e for e in people}
            for employee in stored.employees:
                if employee.extension in account.named_in_file and wanted.get(employee.extension) != employee:
                    raise NamedInFile(employee.extension)
            return replace(stored, employees=people)

        await self._change(account, mapped)

    async def set_enabled(self, account: Account, *, enabled: bool) -> None:
        await self._change(account, lambda stored: replace(stored, enabled=enabled))

    async def reload(self, account: Account) -> None:
        """Load the settings changed by another process. Raises Unavailable."""
        stored = await self._store.load(account.id)
        if stored is not None:
            account.settings = _decided(account.settings, stored)

    async def _change(self, account: Account, change: Callable[[AccountSettings], AccountSettings]) -> None:
        """Change the stored settings, which another process may have changed meanwhile."""

        def on_top(stored: AccountSettings | None) -> AccountSettings:
            return change(account.settings if stored is None else _decided(account.settings, stored))

        async with account.changing:  # of two changes here the later one must win
            account.settings = await self._store.change(account.id, on_top)
        await self._on_changed(account.id)

    async def refresh_managers(self, account: Account) -> None:
        """Read the CRM's users. Raises: the CRM's errors; then the old list stays."""
        try:
            managers = await account.crm.managers()
            if not managers:
                raise ProtocolError("The CRM names none of its users, not even the one who let us in")
        except DozvonError as exc:
            account.crm_was_asked = True
            account.managers_reading = CrmCondition(trouble=_trouble(exc), detail=str(exc))
            raise
        account.crm_was_asked = True
        account.managers_reading = CrmCondition()
        account.managers = {m.id: m for m in managers}
        active = frozenset(m.id for m in managers if m.is_active and m.is_paid)
        if active != account.settings.active_managers:
            inactive = frozenset(account.managers) - active
            await self._change(
                account, lambda stored: replace(stored, active_managers=active, inactive_managers=inactive)
            )

    async def lets_in(self, account: Account, manager: ManagerId) -> bool:
        """
        Whether this CRM user may work with Dozvon. A user who is missing in our list may be new, so the list is read
        again, but not for every request. Never raises.
        """
        now = asyncio.get_running_loop().time()
        is_missing = not account.settings.is_active(manager) and manager not in account.managers
        if is_missing and now >= account.ask_again_at:
            account.ask_again_at = now + _ASK_AGAIN_SECONDS
            with contextlib.suppress(DozvonError):
                await self.refresh_managers(account)
        return account.settings.is_active(manager)

    def refresh_soon(self) -> None:
        """Start the next round now, after a connection or a change."""
        self._refresh.set()

    async def run(self) -> None:
        """Keep the managers of all accounts fresh; until cancelled."""
        reported: set[AccountId] = set()
        while True:
            failed = False
            for account in self:
                try:
                    await self.refresh_managers(account)
                except DozvonError as exc:
                    failed = True
                    if account.id not in reported:  # once when it is lost, once when it is back
                        reported.add(account.id)
                        log.warning("managers not read from the CRM", account_id=account.id, error=str(exc))
                else:
                    if account.id in reported:
                        reported.discard(account.id)
                        log.info("managers read from the CRM again", account_id=account.id)
            self._refresh.clear()
            try:
                async with asyncio.timeout(_RETRY_AFTER_SECONDS if failed else _MANAGERS_EVERY_SECONDS):
                    await self._refresh.wait()
            except TimeoutError:
                pass


def _decided(settings: AccountSettings, stored: AccountSettings) -> AccountSettings:
    """`settings` with everything that does not come from the file but from the pages or the CRM."""
    return replace(
        settings,
        employees=stored.employees,
        enabled=stored.enabled,
        active_managers=stored.active_managers,
        inactive_managers=stored.inactive_managers,
    )


def _trouble(error: DozvonError) -> CrmTrouble:
    match error:
        case AuthFailed():
            return CrmTrouble.NEEDS_CONSENT
        case Unpaid():
            return CrmTrouble.UNPAID
        case RateLimited():
            return CrmTrouble.SLOWED
        case Rejected():
            return CrmTrouble.REFUSED
    return CrmTrouble.AWAY


def mark_of(employees: Iterable[Employee]) -> str:
    """Identifies a state of the mapping: a page keeps it between loading and saving."""
    return hashlib.sha256(repr(sorted(employees, key=lambda e: e.extension)).encode()).hexdigest()[:32]


async def _nobody(_: AccountId) -> None:
    """There is no other process."""
