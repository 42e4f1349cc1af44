"""The running accounts of this installation: each with its CRM, PBXs, settings and managers.

Tokens are the connector's. Single calls do not belong here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import replace

import structlog

from integration.domain.campaigns.pauses import CampaignPause, paused, resumed
from integration.domain.crm.entities import CrmCondition, CrmTrouble, Manager
from integration.domain.ids import AccountId, ManagerId, PbxId, Timestamp
from integration.domain.people.absence import Away
from integration.domain.settings import AccountSettings, Employee, GroupRule, rehomed
from integration.domain.settings_changes import Author, AuthorKind, Section, SettingsChange
from integration.errors import AuthFailed, DozvonError, NotFound, ProtocolError, RateLimited, Rejected, Unpaid
from integration.ports.crm import Crm
from integration.ports.pbx import Pbx
from integration.ports.settings import KeptChange, Revised, SettingsStore

log = structlog.get_logger()

_MANAGERS_EVERY_SECONDS = 300.0  # how late a dismissed manager is noticed without a webhook
_RETRY_AFTER_SECONDS = 15.0
_ASK_AGAIN_SECONDS = 10.0
_REFUSED_SECONDS = 3600.0  # then a refused responsible is tried again: the user may have the right again
_ALL_CHANGES = 1000  # the store keeps fewer
_FILE = Author(kind=AuthorKind.FILE)


class NamedInFile(Rejected):
    """The configuration file sets this employee."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} is named in the configuration file, which wins: change it there and restart")
        self.key = key


class Account:
    """A running account: one CRM, and the PBXs whose calls may belong to it, the main one first."""

    def __init__(self, settings: AccountSettings, crm: Crm, pbxs: Iterable[Pbx]) -> None:
        self.settings = settings
        self.revision = 0  # of `settings`
        self.crm = crm
        self.pbxs: dict[PbxId, Pbx] = {pbx.id: pbx for pbx in pbxs}
        self.managers: dict[ManagerId, Manager] = {}
        self.recorded: set[PbxId] = set()  # PBXs whose own records are compared after each gap of the link
        self.crm_was_asked = False  # by this process; before that its condition is unknown
        self.managers_reading = CrmCondition()  # how the last reading of the CRM's users ended
        self.ask_again_at = 0.0  # for a user missing in the list; on the loop's clock
        self.named_in_file: frozenset[str] = frozenset()  # keys of people set in the configuration file
        self.changing = asyncio.Lock()
        self._viewed: AccountSettings | None = None
        self._views: dict[PbxId, AccountSettings] = {}  # of `_viewed`, by PBX
        self._refused: dict[ManagerId, float] = {}  # refused as responsible by the CRM -> when, on the loop's clock

    @property
    def id(self) -> AccountId:
        return self.settings.account

    @property
    def name(self) -> str:
        """As people call the office."""
        return self.settings.name or self.settings.account

    def set_pbxs(self, pbxs: Iterable[Pbx]) -> None:
        """Replace the PBXs whose calls may belong to the account."""
        self.pbxs = {pbx.id: pbx for pbx in pbxs}
        self.recorded &= self.pbxs.keys()
        self._viewed = None

    def pbx(self, pbx: PbxId) -> Pbx:
        """Raises: NotFound if the PBX does not belong to this account any more."""
        if pbx not in self.pbxs:
            raise NotFound("this telephone system does not belong to the account any more", code="other_pbx")
        return self.pbxs[pbx]

    def at(self, pbx: PbxId) -> AccountSettings:
        """
        The settings for calls on this PBX, with only the people whose phones are there: the same extension may belong
        to different people on different PBXs.
        """
        if self._viewed is not self.settings:
            self._viewed, self._views = self.settings, {}
        if pbx not in self._views:
            people = tuple(each for each in self.settings.employees if self.pbx_of(each) == pbx)
            same = len(people) == len(self.settings.employees)
            self._views[pbx] = self.settings if same else replace(self.settings, employees=people)
        return self._views[pbx]

    def pbx_of(self, employee: Employee) -> PbxId:
        """The PBX of the employee's phone."""
        return employee.pbx or next(iter(self.pbxs))

    def phone_of(self, manager: ManagerId) -> Employee | None:
        """The phone from which a manager calls: the first of theirs on one of the account's PBXs."""
        phones = (each for each in self.settings.employees if each.manager == manager)
        return next((each for each in phones if self.pbx_of(each) in self.pbxs), None)

    def hold(self, settings: AccountSettings, revision: int) -> None:
        """Take settings from the store together with their revision: a page must never show one without the other."""
        self.settings = settings
        self.revision = revision

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

    @property
    def chosen_names(self) -> str:
        """Those for whom alone it is on, by name; empty: it is on for everybody, or for nobody."""
        chosen = self.settings.only_for or ()
        return ", ".join(sorted(self.manager_name(each) or each for each in chosen))

    def name_of(self, extension: str | None, pbx: PbxId) -> str | None:
        """The name for an extension of a PBX: the manager's, else the employee's, else the extension itself."""
        if extension is None:
            return None
        employee = next((e for e in self.at(pbx).employees if e.extension == extension), None)
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
        self.next_round_at: float | None = None  # when the CRMs' users are read again; on the loop's clock

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._accounts.values()))  # accounts come and go while somebody goes through them

    def get(self, account: AccountId) -> Account | None:
        return self._accounts.get(account)

    def __getitem__(self, account: AccountId) -> Account:
        return self._accounts[account]

    async def add(self, from_file: AccountSettings, crm: Crm, pbxs: Iterable[Pbx]) -> Account:
        """
        Add an account. Lines, country and language come from the file. Employees come from the file if it names them,
        and otherwise from the mapping page.
        """
        account = Account(from_file, crm, pbxs)
        await self.take(account, from_file)
        self._accounts[account.id] = account
        return account

    def remove(self, account: AccountId) -> None:
        """Stop serving the account. Its stored data stays."""
        self._accounts.pop(account, None)

    async def take(self, account: Account, from_file: AccountSettings) -> None:
        """Apply the file's present settings. Raises: Unavailable."""
        named = frozenset(e.key for e in from_file.employees)

        def joined(stored: AccountSettings | None) -> AccountSettings:
            if stored is None:
                return from_file
            people = (rehomed(e, stored.pbxs, from_file.pbxs) for e in stored.employees)
            kept = tuple(e for e in people if e.key not in named)
            return replace(_decided(from_file, stored), employees=from_file.employees + kept)

        async with account.changing:
            stored = await self._store.current(from_file.account)
            if stored is None or joined(stored.settings) != stored.settings:  # a start mostly changes nothing
                stored = await self._store.change(from_file.account, joined, who=_FILE)
            account.hold(stored.settings, stored.revision)
        account.named_in_file = named

    async def set_employees(
        self,
        account: Account,
        employees: Iterable[Employee],
        *,
        who: Author,
        shown: int | None = None,
        back: Iterable[ManagerId] = (),
    ) -> SettingsChange | None:
        """
        Store the mapping.

        Args:
            back: managers who are not away any more, though they have said so themselves.
            shown: the revision of the people that the administrator saw and changed; None: no check.

        Returns:
            The change, which `undo` can take back; None if nothing changed.

        Raises:
            ValueError: an extension is named twice.
            NamedInFile: an employee of the configuration file was changed; the next start would undo that.
            ChangedMeanwhile: somebody else has changed the people since they were shown. Nothing is stored.
        """
        people = tuple(sorted(employees, key=lambda e: e.key))
        seen: set[str] = set()
        for employee in people:
            if employee.key in seen:
                raise ValueError(f"extension {employee.key} is named twice")
            seen.add(employee.key)

        here = frozenset(back)

        def mapped(stored: AccountSettings) -> AccountSettings:
            away = {who: each for who, each in stored.away.items() if who not in here}
            changed = replace(stored, employees=people, away=away)
            _refuse_named_in_file(account, stored, changed)
            return changed

        return await self._change(account, mapped, who=who, section=Section.PEOPLE, shown=shown)

    async def set_away(self, account: Account, manager: ManagerId, away: Away | None, *, now: Timestamp) -> None:
        """
        What a manager says about themselves; None: they are back. Not in the history of the settings.

        Raises:
            Unavailable.
        """

        def said(stored: AccountSettings) -> AccountSettings:
            lasting = {who: each for who, each in stored.away.items() if each.lasts(now) and who != manager}
            return replace(stored, away=lasting if away is None else lasting | {manager: away})

        await self._change(account, said)

    async def pause_campaigns(self, account: Account, keys: Collection[str], pause: CampaignPause) -> None:
        """No campaign calls for these employees (`Employee.key`) until somebody ends it. Not in the history of the
        settings: the pause itself says who and since when. Raises: Unavailable."""

        def said(stored: AccountSettings) -> AccountSettings:
            known = {each.key for each in stored.employees}
            lasting = {key: each for key, each in stored.campaign_pauses.items() if key in known}
            return replace(stored, campaign_pauses=paused(lasting, known & set(keys), pause))

        await self._change(account, said)

    async def resume_campaigns(self, account: Account, keys: Collection[str], *, own: bool = False) -> None:
        """End the pause of these employees. `own`: they say so themselves. Raises: Unavailable."""

        def said(stored: AccountSettings) -> AccountSettings:
            return replace(stored, campaign_pauses=resumed(stored.campaign_pauses, keys, own=own))

        await self._change(account, said)

    async def set_group_rule(self, account: Account, rule: GroupRule) -> None:
        """Which groups of the CRM the page of people proposes to add. Raises: Unavailable."""
        await self._change(account, lambda stored: replace(stored, group_rule=rule))

    async def set_enabled(
        self, account: Account, *, enabled: bool, who: Author, shown: int | None = None
    ) -> SettingsChange | None:
        """As `set_employees`. Raises: ChangedMeanwhile."""

        def switched(stored: AccountSettings) -> AccountSettings:
            return replace(stored, enabled=enabled)

        return await self._change(account, switched, who=who, section=Section.SWITCH, shown=shown)

    async def switch_on_for(
        self, account: Account, managers: Iterable[ManagerId] | None, *, who: Author
    ) -> SettingsChange | None:
        """Switch the account on for these managers alone; None: for everybody."""
        only = None if managers is None else frozenset(managers)

        def switched(stored: AccountSettings) -> AccountSettings:
            return replace(stored, enabled=True, only_for=only)

        return await self._change(account, switched, who=who, section=Section.SWITCH)

    async def changes(self, account: Account) -> list[KeptChange]:
        """All stored changes, newest first."""
        return await self._store.changes(account.id, limit=_ALL_CHANGES)

    async def undo(self, account: Account, revision: int, *, who: Author) -> SettingsChange | None:
        """
        Undo a change by a new change, which can be undone too.

        Raises:
            UndoRefused: the same setting has changed again since, or the change is undone already or no longer stored.
            NamedInFile: it concerns a person named in the configuration file.
        """

        def check(stored: AccountSettings, changed: AccountSettings) -> None:
            _refuse_named_in_file(account, stored, changed)

        async with account.changing:
            undone = await self._store.undo(account.id, revision, who=who, check=check)
            account.hold(_decided(account.settings, undone.settings), undone.revision)
        await self._on_changed(account.id)
        return undone.change

    async def reload(self, account: Account) -> None:
        """Load the settings changed by another process. Raises: Unavailable."""
        async with account.changing:  # otherwise a read from before a change here could replace its result
            stored = await self._store.current(account.id)
            if stored is not None:
                account.hold(_decided(account.settings, stored.settings), stored.revision)

    async def _change(
        self,
        account: Account,
        change: Callable[[AccountSettings], AccountSettings],
        *,
        who: Author | None = None,
        section: Section | None = None,
        shown: int | None = None,
    ) -> SettingsChange | None:
        """Change the stored settings, which another process may have changed meanwhile."""

        def on_top(stored: AccountSettings | None) -> AccountSettings:
            return change(account.settings if stored is None else _decided(account.settings, stored))

        async with account.changing:  # of two changes in this process the later one must win
            stored: Revised = await self._store.change(
                account.id, on_top, who=who, section=section, expected_revision=shown
            )
            account.hold(stored.settings, stored.revision)
        await self._on_changed(account.id)
        return stored.change

    async def refresh_managers(self, account: Account) -> None:
        """Read the CRM's users. Raises: the CRM's errors; then the old list stays."""
        try:
            managers = await account.crm.managers()
            if not managers:
                raise ProtocolError("The CRM's list of users is empty: not even the user who gave consent is in it")
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
            self._refresh.clear()  # before the round: who asks during it may mean an account that it has passed
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
            pause = _RETRY_AFTER_SECONDS if failed else _MANAGERS_EVERY_SECONDS
            self.next_round_at = asyncio.get_running_loop().time() + pause
            try:
                async with asyncio.timeout(pause):
                    await self._refresh.wait()
            except TimeoutError:
                pass


def _decided(settings: AccountSettings, stored: AccountSettings) -> AccountSettings:
    """`settings` with everything that does not come from the file but from the pages or the CRM."""
    return replace(
        settings,
        employees=stored.employees,
        away=stored.away,
        campaign_pauses=stored.campaign_pauses,
        group_rule=stored.group_rule,
        enabled=stored.enabled,
        only_for=stored.only_for,
        active_managers=stored.active_managers,
        inactive_managers=stored.inactive_managers,
    )


def _refuse_named_in_file(account: Account, stored: AccountSettings, changed: AccountSettings) -> None:
    """Raises: NamedInFile."""
    wanted = {e.key: e for e in changed.employees}
    for employee in stored.employees:
        if employee.key in account.named_in_file and wanted.get(employee.key) != employee:
            raise NamedInFile(employee.key)


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


async def _nobody(_: AccountId) -> None:
    """There is no other process."""
