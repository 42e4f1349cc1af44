"""The people who sign in: their roles, names and logins, and what may not be done to them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.domain.people.names import without_direction

AdministratorId = NewType("AdministratorId", str)
"""32 hexadecimal digits."""

NO_PASSWORD = "-"  # noqa: S105
"""What stands in place of a hash where there is no password: no password has it."""

LONGEST_NAME = 80
LONGEST_LOGIN = 120

_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that cannot be seen or that change the text around them."""
_JOINERS = frozenset("\u200c\u200d\u200e\u200f")  # names in Persian, Hebrew, Arabic and Indian scripts need them
_MOST_ROUNDS = 4


class Role(StrEnum):
    """What somebody may do is in `access.py`. A database of a later release may hold roles that are not here."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    SUPERVISOR = "supervisor"  # calls and campaigns only


class NameProblem(StrEnum):
    """Why a name or a login cannot be used."""

    NAME_MISSING = "name_missing"
    NAME_LONG = "name_long"
    NAME_INVISIBLE = "name_invisible"
    LOGIN_MISSING = "login_missing"
    LOGIN_LONG = "login_long"
    LOGIN_INVISIBLE = "login_invisible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """
    Attributes:
        name: what others see.
        login: as it was typed; `login_key` of it is unique.
        language: of `texts.LANGUAGES`.
        created_at: when the person first signed in.
        seen_at: to the minute; None: never since.
        offices: that they may see; None: all.
        has_password: False: they sign in from their CRM only, as their office allows.
    """

    id: AdministratorId
    name: str
    login: str
    role: Role
    language: str
    created_at: Timestamp
    seen_at: Timestamp | None = None
    is_active: bool = True
    offices: frozenset[AccountId] | None = None
    has_password: bool = True

    @property
    def is_active_owner(self) -> bool:
        return self.is_active and self.role is Role.OWNER


@dataclass(frozen=True, slots=True)
class CrmUser:
    """A manager of a CRM account, as somebody who signs in."""

    account: AccountId
    manager: ManagerId


def role_of(text: str) -> Role:
    """The stored role. One that this release does not know may as little as our smallest."""
    return Role(text) if text in set(Role) else Role.SUPERVISOR


def login_key(login: str) -> str:
    """Equal for two spellings of one login: NFKC and full case folding, as for Unicode's caseless identifiers."""
    key = login
    for _ in range(_MOST_ROUNDS):  # folding may give what is not composed, and composing what is not folded
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold())
        folded = " ".join(folded.split())
        if folded == key:
            break
        key = folded
    return key


def clean_name(typed: str) -> str | NameProblem:
    """The name as it is stored, or why it cannot be."""
    name = " ".join(part for part in unicodedata.normalize("NFC", typed).split(" ") if part)
    if not any(_is_seen(character) for character in name):
        return NameProblem.NAME_INVISIBLE if name else NameProblem.NAME_MISSING
    if len(name) > LONGEST_NAME:
        return NameProblem.NAME_LONG
    if name != without_direction(name) or any(not _is_seen(c) and c not in _JOINERS for c in name):
        return NameProblem.NAME_INVISIBLE
    return name


def clean_login(typed: str) -> str | NameProblem:
    """The login as it is stored, or why it cannot be. Without joiners: two logins that look alike would differ."""
    login = " ".join(part for part in unicodedata.normalize("NFC", typed).split(" ") if part)
    if not login:
        return NameProblem.LOGIN_MISSING
    if len(login) > LONGEST_LOGIN or len(login_key(login)) > LONGEST_LOGIN:
        return NameProblem.LOGIN_LONG
    if not all(map(_is_seen, login)) or not login_key(login):
        return NameProblem.LOGIN_INVISIBLE
    return login


def is_last_owner(administrator: Administrator, everybody: Iterable[Administrator]) -> bool:
    """Whether nobody would be left who may change administrators."""
    others = (each for each in everybody if each.id != administrator.id)
    return administrator.is_active_owner and not any(each.is_active_owner for each in others)


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE
