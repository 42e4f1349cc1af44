"""Who may do what: the one place that decides it. Pages, REST and lists ask here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author


class Permission(StrEnum):
    SEE_OFFICE = "see_office"
    CHANGE_OFFICE = "change_office"
    SEE_API = "see_api"  # its description, which is about no office


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
    permissions: frozenset[Permission] = frozenset(Permission)


class Refusal(StrEnum):
    NOT_THEIRS = "not_theirs"  # they may not even know that it exists
    NOT_ALLOWED = "not_allowed"


def refusal(viewer: Viewer, permission: Permission, office: AccountId | None) -> Refusal | None:
    """
    Why the viewer may not; None: they may.

    Args:
        office: None where the permission is about no single one.
    """
    if office is not None and not sees(viewer, office):
        return Refusal.NOT_THEIRS
    return None if permission in viewer.permissions else Refusal.NOT_ALLOWED


def sees(viewer: Viewer, office: AccountId) -> bool:
    return viewer.offices is None or office in viewer.offices
