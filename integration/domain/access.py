"""Who may do what: the one place that decides it. Pages, REST and lists ask here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.administrators import Role
from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author


class Permission(StrEnum):
    """Each route of the pages and of REST names one."""

    SEE_OFFICE = "see_office"
    CHANGE_OFFICE = "change_office"
    ADD_OFFICE = "add_office"  # set up another one
    SEE_START = "see_start"  # the first page: each sees there what they may
    SEE_API = "see_api"  # its description, which is about no office
    OWN_PROFILE = "own_profile"  # one's own name, password and sessions
    MANAGE_ADMINISTRATORS = "manage_administrators"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMINISTRATOR: frozenset(Permission) - {Permission.MANAGE_ADMINISTRATORS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """
    Somebody who is signed in.

    Attributes:
        author: as whom their changes are written down.
        offices: they may see; None: all of them.
        permissions: in those offices.
    """

    author: Author
    offices: frozenset[AccountId] | None = None
    permissions: frozenset[Permission] = PERMISSIONS[Role.OWNER]


class Refusal(StrEnum):
    NOT_THEIRS = "not_theirs"  # they may not even know that it exists
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True)
class Granted:
    pass


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Refusal


def allows(viewer: Viewer, permission: Permission, subject: AccountId | None = None) -> Granted | Refused:
    """
    Whether the viewer may, and if not, why.

    Args:
        subject: the office; None where the permission is about no single one.
    """
    if subject is not None and not sees(viewer, subject):
        return Refused(Refusal.NOT_THEIRS)
    return Granted() if permission in viewer.permissions else Refused(Refusal.NOT_ALLOWED)


def sees(viewer: Viewer, office: AccountId) -> bool:
    return viewer.offices is None or office in viewer.offices
