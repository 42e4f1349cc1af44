"""Signing in from inside a CRM: its signed token becomes a ticket, and the ticket the session of an administrator.

Theory of operation. The widget's page sends the CRM's one-time token, whose user must be an administrator of the CRM
account by the CRM's own word. The answer is an address with a ticket that works once and for a minute. It opens one of
our pages, which says who will be signed in; pressing its button begins the session. So nobody is signed in by a link
alone, and a token or a ticket that was read on its way is worth nothing afterwards.

A CRM user is an administrator here by a tie. Either an administrator has tied their own login, with their password; or
the office's owner allows all administrators of its CRM (`crm_administrators`), who then see this office only.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from uuid import uuid4

import structlog

from integration.domain.administrators import (
    LONGEST_NAME,
    NO_PASSWORD,
    Administrator,
    AdministratorId,
    CrmUser,
    NameProblem,
    Role,
    clean_name,
)
from integration.domain.ids import AccountId, ManagerId
from integration.errors import Rejected
from integration.ports.administrators import AdministratorStore, Credentials, CrmTie, CrmTieStore, LoginTaken
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.crm import WidgetUser
from integration.services.accounts import Account

log = structlog.get_logger()

TICKET_SECONDS = 60.0
PAGE_SECONDS = 600.0
"""How long the page that asks waits for its button."""

_KIND = "crm_entry"


class EntryProblem(StrEnum):
    """Why somebody is not let in from their CRM."""

    NO_ADMIN = "crm_no_admin"  # the CRM does not say that they are its administrator
    TOKEN_USED = "crm_token_used"  # noqa: S105
    TICKET_GONE = "crm_ticket_gone"
    SWITCHED_OFF = "crm_switched_off"  # the administrator here


class EntryRefused(Rejected):
    def __init__(self, problem: EntryProblem) -> None:
        super().__init__(problem)
        self.problem = problem


class KnownAccounts(Protocol):
    def get(self, account: AccountId) -> Account | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """
    Who stands at the door.

    Attributes:
        name: the CRM user's.
        administrator: whom they may sign in as; None: nobody, they have to be tied first, unless `is_by_word`.
        is_by_word: the office lets the CRM's administrators in, whoever they are.
    """

    user: CrmUser
    name: str
    administrator: Administrator | None
    is_by_word: bool


class CrmEntry:
    """Errors of all methods: Unavailable if the database or the coordination is away."""

    def __init__(
        self,
        accounts: KnownAccounts,
        administrators: AdministratorStore,
        ties: CrmTieStore,
        coordination: Coordination,
        clock: Clock,
        *,
        office_of: Callable[[AccountId], AccountId],
    ) -> None:
        self._accounts = accounts
        self._administrators = administrators
        self.ties = ties
        self._coordination = coordination
        self._clock = clock
        self._office_of = office_of

    # ---- in the CRM's page

    async def ticket(self, user: WidgetUser) -> str:
        """For the page that asks. A token gives one ticket. Raises: EntryRefused."""
        who = CrmUser(user.account, user.manager)
        if not self._is_administrator(who, claimed=user.is_admin):
            raise EntryRefused(EntryProblem.NO_ADMIN)
        seconds = (user.token_until or 0.0) - self._clock.now()
        once = f"crm-entry:{user.account}:{user.token_id}"
        if not user.token_id or seconds <= 0 or not await self._coordination.once(once, ttl_seconds=seconds):
            raise EntryRefused(EntryProblem.TOKEN_USED)
        return await self._issued(who, TICKET_SECONDS)

    # ---- in ours

    async def exchanged(self, ticket: str) -> str | None:
        """A longer ticket for one that came in an address; None: it was used, or its time is over."""
        user = await self._taken(ticket)
        return None if user is None else await self._issued(user, PAGE_SECONDS)

    async def looked_at(self, ticket: str) -> tuple[Entrance, str]:
        """Whose ticket this is, and the ticket that takes its place. Raises: EntryRefused."""
        entrance = await self.taken(ticket)
        return entrance, await self.issued_again(entrance)

    async def issued_again(self, entrance: Entrance) -> str:
        """A ticket for the next press on the same page."""
        return await self._issued(entrance.user, PAGE_SECONDS)

    async def taken(self, ticket: str) -> Entrance:
        """Whose ticket this is; it is used now. Raises: EntryRefused."""
        user = await self._taken(ticket)
        if user is None:
            raise EntryRefused(EntryProblem.TICKET_GONE)
        if not self._is_administrator(user, claimed=True):
            raise EntryRefused(EntryProblem.NO_ADMIN)
        account = self._accounts.get(user.account)
        assert account is not None
        by_word = account.settings.crm_administrators
        tie = await self.ties.find(user)
        found = None if tie is None else await self._administrators.get(tie.administrator)
        if found is not None and not found.is_active:
            raise EntryRefused(EntryProblem.SWITCHED_OFF)
        if tie is not None and tie.is_by_word and not by_word:
            found = None
        return Entrance(user=user, name=self.name_of(user), administrator=found, is_by_word=by_word)

    async def enter(self, entrance: Entrance) -> Credentials:
        """
        Whose session may begin. The first time, one whom only the CRM's word lets in becomes an administrator here.

        Raises:
            EntryRefused: they are nobody here.
        """
        person = entrance.administrator
        if person is None and entrance.is_by_word:
            return await self._made(entrance)
        found = None if person is None else await self._administrators.credentials_of(person.id)
        if found is None or not found.administrator.is_active:
            raise EntryRefused(EntryProblem.SWITCHED_OFF)
        return found

    async def tie(self, entrance: Entrance, administrator: AdministratorId) -> None:
        """The administrator has proved with their password that it is they."""
        await self.ties.tie(CrmTie(user=entrance.user, administrator=administrator, tied_at=self._clock.now()))
        log.warning(
            "a CRM user was tied to an administrator", account_id=entrance.user.account, administrator=administrator
        )

    def name_of(self, user: CrmUser) -> str:
        """As the CRM has it; the id of one whom it does not list."""
        account = self._accounts.get(user.account)
        return (account.manager_name(user.manager) if account is not None else None) or str(user.manager)

    def vouches(self, user: CrmUser, person: Administrator) -> bool:
        """Whether a session that began from the CRM may go on: its word still holds. Asks nobody, never raises."""
        account = self._accounts.get(user.account)
        if account is None:
            return False
        if not person.has_password and not account.settings.crm_administrators:
            return False
        return self._is_administrator(user, claimed=True)

    # ---- pieces

    def _is_administrator(self, user: CrmUser, *, claimed: bool) -> bool:
        """By the CRM's list of users; `claimed` counts while it is not read yet, and where the list does not say it."""
        account = self._accounts.get(user.account)
        if account is None:
            return False
        manager = account.managers.get(user.manager)
        if manager is None:
            return claimed and not account.managers
        return manager.is_active and (claimed if manager.is_admin is None else manager.is_admin)

    async def _made(self, entrance: Entrance) -> Credentials:
        user, now = entrance.user, self._clock.now()
        cleaned = clean_name(entrance.name[:LONGEST_NAME])
        person = Administrator(
            id=AdministratorId(uuid4().hex),
            name=str(user.manager) if isinstance(cleaned, NameProblem) else cleaned,
            login=f"{user.account}/{user.manager}",
            role=Role.ADMINISTRATOR,
            language=self._language(user),
            created_at=now,
            offices=frozenset({self._office_of(user.account)}),
            has_password=False,
        )
        made = Credentials(administrator=person, hash=NO_PASSWORD, mark=secrets.token_hex(16))
        tie = CrmTie(user=user, administrator=person.id, tied_at=now, is_by_word=True)
        former = await self._administrators.credentials(person.login)
        if former is not None and not former.administrator.has_password:  # their tie was removed, or they came twice
            if not former.administrator.is_active:
                raise EntryRefused(EntryProblem.SWITCHED_OFF)
            await self.ties.tie(replace(tie, administrator=former.administrator.id))
            return former
        try:
            await self.ties.add(made, tie)
        except LoginTaken as exc:
            raise EntryRefused(EntryProblem.TICKET_GONE) from exc  # two tabs at once: the next press finds the first
        log.warning("an administrator was made by the word of a CRM", account_id=user.account, administrator=person.id)
        return made

    def _language(self, user: CrmUser) -> str:
        account = self._accounts.get(user.account)
        return "ru" if account is None else account.settings.language

    async def _issued(self, user: CrmUser, seconds: float) -> str:
        payload = {"for": _KIND, "account": user.account, "manager": user.manager}
        return await self._coordination.issue_ticket(payload, ttl_seconds=seconds)

    async def _taken(self, ticket: str) -> CrmUser | None:
        found = await self._coordination.take_ticket(ticket)
        if found is None or found.get("for") != _KIND:
            return None
        return CrmUser(AccountId(str(found["account"])), ManagerId(str(found["manager"])))
