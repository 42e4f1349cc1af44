"""Stores of who signs in: administrators, invitations, setup codes and sessions. All processes share them.

Secrets (`session`, `code`) are SHA-256 hashes of what the browser or the person holds: the values are never stored.
Every method raises Unavailable if the database is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from integration.domain.administrators import Administrator, AdministratorId, CrmUser, Role
from integration.domain.api_keys import ApiKey, ApiKeyId
from integration.domain.ids import AccountId, Timestamp
from integration.errors import NotFound, Rejected


class LoginTaken(Rejected):
    """Another administrator, or an invitation that waits, has this login."""


class LastOwner(Rejected):
    """Nobody would be left who may change administrators."""


class OwnerOfAll(Rejected):
    """An owner has all offices."""


class CodeGone(NotFound):
    """The code was used, replaced or revoked, or its time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """
    Attributes:
        hash: argon2id, of the password; `NO_PASSWORD`: there is none.
        mark: drawn again with each new password; sessions carry it, so that a new password ends them.
    """

    administrator: Administrator
    hash: str = field(repr=False)
    mark: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A place for somebody who has no password yet."""

    id: str
    name: str
    login: str
    role: Role
    invited_by: str  # the inviter's name; empty: with the password of the configuration file
    created_at: Timestamp
    until: Timestamp
    offices: frozenset[AccountId] | None = None  # that the person may see; None: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    A browser that is signed in.

    Attributes:
        administrator: None: by the password of the configuration file.
        browser: as it names itself (`User-Agent`); from outside, not to be believed.
        address: of the last use.
        used_at: to the minute.
        crm_user: by whose word it began; None: by a password.
    """

    id: str
    administrator: AdministratorId | None
    begun_at: Timestamp
    used_at: Timestamp
    until: Timestamp
    browser: str
    address: str
    crm_user: CrmUser | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session a browser's token belongs to. `administrator` None: the configuration file's password."""

    session: Session
    administrator: Administrator | None


class AdministratorStore(Protocol):
    async def all(self) -> list[Administrator]:
        """By name."""

    async def get(self, administrator: AdministratorId) -> Administrator | None: ...

    async def have_any(self) -> bool: ...

    async def credentials(self, login: str) -> Credentials | None:
        """`login` in any spelling that folds to the stored one."""

    async def credentials_of(self, administrator: AdministratorId) -> Credentials | None: ...

    async def rehash(self, credentials: Credentials, new_hash: str) -> None:
        """Replace the hash of the same password, unless the password was changed meanwhile. Ends no session."""

    async def set_profile(self, administrator: AdministratorId, *, name: str, language: str) -> None: ...

    async def set_password(self, administrator: AdministratorId, *, new_hash: str, mark: str) -> None:
        """Also ends their sessions."""

    async def set_role(self, administrator: AdministratorId, role: Role) -> None:
        """Raises: LastOwner; CodeGone if there is no such administrator."""

    async def set_active(self, administrator: AdministratorId, *, is_active: bool) -> None:
        """Switching off ends their sessions. Raises: as `set_role`."""

    async def set_offices(self, administrator: AdministratorId, offices: frozenset[AccountId] | None) -> None:
        """Which offices they may see; None: all. Raises: as `set_role`, and OwnerOfAll."""


class InvitationStore(Protocol):
    async def add(self, invitation: Invitation, *, code: str) -> None:
        """Raises: LoginTaken."""

    async def waiting(self, *, now: Timestamp) -> list[Invitation]:
        """The newest first."""

    async def find(self, code: str, *, now: Timestamp) -> Invitation | None: ...

    async def renew(self, invitation: str, *, code: str, until: Timestamp) -> Invitation:
        """Give it another code; the former one ends. Raises: CodeGone."""

    async def revoke(self, invitation: str) -> bool:
        """Whether it still was there."""

    async def accept(self, code: str, made: Credentials, *, now: Timestamp) -> None:
        """Store the new administrator and delete the invitation. Raises: CodeGone, LoginTaken."""


class SetupCodeStore(Protocol):
    """
    One-time codes that let somebody without a password in. A code belongs to the process that printed it and ends with
    it; one of a command belongs to no process.
    """

    async def put(self, code: str, *, holder: str, now: Timestamp, until: Timestamp) -> None:
        """Replaces the holder's former code. `holder`: a registered process; empty: a command."""

    async def is_valid(self, code: str, *, now: Timestamp) -> bool: ...

    async def make_owner(self, code: str, made: Credentials, *, now: Timestamp) -> None:
        """Store an owner and end all codes. Raises: CodeGone, LoginTaken."""

    async def reset_password(
        self, code: str, administrator: AdministratorId, *, new_hash: str, mark: str, now: Timestamp
    ) -> None:
        """Give an administrator a password, switch them on, end their sessions and all codes. Raises: CodeGone."""


class AdminSessionStore(Protocol):
    """`mark` identifies the password: a session that began with another one is invalid."""

    async def begin(self, session: Session, *, mark: str, now: Timestamp) -> None:
        """Also deletes expired sessions."""

    async def find(self, session: str, *, file_mark: str | None, now: Timestamp) -> SignedIn | None:
        """`file_mark`: of the configuration file's password; None: there is none."""

    async def touch(self, session: Session, *, now: Timestamp) -> None:
        """Store `used_at` and `address` of the session, and that its administrator was seen."""

    async def live(self, *, file_mark: str | None, now: Timestamp) -> Sequence[Session]:
        """Everybody's, the newest use first."""

    async def end(self, session: str) -> None: ...

    async def end_of(self, administrator: AdministratorId | None, session: str) -> bool:
        """End this session if it is one of the administrator's; None: of the configuration file's password."""

    async def end_all(self, administrator: AdministratorId | None, *, but: str = "") -> None:
        """None: those of the configuration file's password. `but`: a session that goes on."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """
    Attributes:
        maker: None: the key was made with the configuration file's password, or its maker is not there any more.
    """

    key: ApiKey
    maker: Administrator | None


class ApiKeyStore(Protocol):
    """Keys of programs. `hash`: SHA-256 of a key's text, which is not stored."""

    async def add(self, key: ApiKey, *, hash_: str, at_most: int) -> bool:
        """False: this office (or None: the installation) has `at_most` keys that are not revoked."""

    async def find(self, hash_: str) -> FoundKey | None: ...

    async def of(self, offices: frozenset[AccountId | None]) -> list[FoundKey]:
        """Those of these offices, the newest first; None: those of all offices."""

    async def touch(self, key: ApiKeyId, *, now: Timestamp, address: str) -> None:
        """Store the last use."""

    async def revoke(
        self, key: ApiKeyId, *, offices: frozenset[AccountId | None], now: Timestamp, revoked_by: str
    ) -> bool:
        """Whether it was one of these offices and not revoked yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmTie:
    """
    A CRM user who is an administrator.

    Attributes:
        is_by_word: the CRM's word alone made them one, as the office allows; False: the administrator tied them.
    """

    user: CrmUser
    administrator: AdministratorId
    tied_at: Timestamp
    is_by_word: bool = False


class CrmTieStore(Protocol):
    async def find(self, user: CrmUser) -> CrmTie | None: ...

    async def of(self, administrator: AdministratorId) -> list[CrmTie]: ...

    async def tie(self, tie: CrmTie) -> None:
        """Replaces the user's former tie and ends the sessions that it began."""

    async def untie(self, user: CrmUser, administrator: AdministratorId) -> bool:
        """Also ends the sessions that began by it. Whether there was one."""

    async def add(self, made: Credentials, tie: CrmTie) -> None:
        """Store an administrator whom the CRM's word makes one, with the tie. Raises: LoginTaken."""
