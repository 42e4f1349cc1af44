"""Who may do what: the one place that decides it. Pages, REST and lists ask here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.administrators import Administrator, Role
from integration.domain.api_keys import ApiKey, KeyAccess
from integration.domain.ids import AccountId
from integration.domain.settings_changes import Author


class Permission(StrEnum):
    """Each route of the pages and of REST names one."""

    SEE_OFFICE = "see_office"
    CHANGE_OFFICE = "change_office"
    SEE_CALLS = "see_calls"  # of an office, and that its pages are out of date
    SEE_CAMPAIGNS = "see_campaigns"
    CHANGE_CAMPAIGNS = "change_campaigns"  # also their lists and the do-not-call numbers; not delete for good
    ADD_OFFICE = "add_office"  # set up another one
    CHANGE_INSTALLATION = "change_installation"  # what all offices share: the public address, folders, ports
    SEE_START = "see_start"  # the first page: each sees there what they may
    SEE_API = "see_api"  # its description, which is about no office
    OWN_PROFILE = "own_profile"  # one's own name, password and sessions
    MANAGE_KEYS = "manage_keys"  # the API keys of an office
    MANAGE_ADMINISTRATORS = "manage_administrators"


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMINISTRATOR: frozenset(Permission) - {Permission.MANAGE_ADMINISTRATORS},
    Role.SUPERVISOR: frozenset(
        {
            Permission.SEE_START,
            Permission.OWN_PROFILE,
            Permission.SEE_CALLS,
            Permission.SEE_CAMPAIGNS,
            Permission.CHANGE_CAMPAIGNS,
        }
    ),
}

OF_WHOLE_INSTALLATION = frozenset({Permission.CHANGE_INSTALLATION, Permission.MANAGE_ADMINISTRATORS})
"""Only for those who may see all offices, whatever their role: what they do there reaches every one of them."""

KEY_PERMISSIONS: Mapping[KeyAccess, frozenset[Permission]] = {
    KeyAccess.READ: frozenset({Permission.SEE_OFFICE, Permission.SEE_CAMPAIGNS, Permission.SEE_API}),
    KeyAccess.WRITE: frozenset(
        {
            Permission.SEE_OFFICE,
            Permission.SEE_CAMPAIGNS,
            Permission.SEE_API,
            Permission.CHANGE_OFFICE,
            Permission.CHANGE_CAMPAIGNS,
            Permission.CHANGE_INSTALLATION,
        }
    ),
}
"""A key opens REST only, so it needs no permission of the pages. One of a single office changes nothing of the server:
it does not see all offices."""


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
    is_theirs = permission in viewer.permissions and (viewer.offices is None or permission not in OF_WHOLE_INSTALLATION)
    return Granted() if is_theirs else Refused(Refusal.NOT_ALLOWED)


def may(viewer: Viewer, permission: Permission, subject: AccountId | None = None) -> bool:
    return isinstance(allows(viewer, permission, subject), Granted)


def viewer_of(person: Administrator | None, author: Author) -> Viewer:
    """
    What somebody may.

    Args:
        person: None: who signed in with the configuration file's password, the owner of the machine.
    """
    if person is None:
        return Viewer(author=author)
    return Viewer(author=author, offices=person.offices, permissions=PERMISSIONS[person.role])


def viewer_from_crm(person: Administrator, author: Author, office: AccountId) -> Viewer:
    """
    What somebody may do who signed in through an office's CRM: only what is in this office. Its administrators choose
    the CRM, so the CRM's word must open nothing else.
    """
    own = viewer_of(person, author)
    offices = frozenset({office}) if sees(own, office) else frozenset()
    allowed = own.permissions - OF_WHOLE_INSTALLATION - {Permission.ADD_OFFICE}
    return Viewer(author=author, offices=offices, permissions=allowed)


def viewer_by_key(key: ApiKey, maker: Administrator | None, author: Author) -> Viewer:
    """What a key may: never more than its maker may today."""
    made_by = viewer_of(maker, author)
    offices = made_by.offices
    if key.office is not None:
        offices = frozenset({key.office}) if sees(made_by, key.office) else frozenset()
    return Viewer(author=author, offices=offices, permissions=made_by.permissions & KEY_PERMISSIONS[key.access])


def sees(viewer: Viewer, office: AccountId) -> bool:
    return viewer.offices is None or office in viewer.offices


def allowed_everywhere(viewer: Viewer) -> frozenset[Permission]:
    """The permissions about the whole installation that they have."""
    return frozenset(each for each in OF_WHOLE_INSTALLATION if may(viewer, each))
