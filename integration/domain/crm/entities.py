"""What a CRM knows, in our words: managers, contacts, companies, deals. No vendor field names, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from integration.domain.ids import ManagerId


class EntityKind(StrEnum):
    CONTACT = "contact"
    COMPANY = "company"
    # An enquiry not yet a deal. In a CRM with an inbox (`CrmAbilities.inbox`) it waits there and has no person yet; in
    # one without it is a person with numbers, as a contact is (Bitrix24).
    LEAD = "lead"
    DEAL = "deal"  # amoCRM's API calls these leads


PERSON_KINDS = (EntityKind.CONTACT, EntityKind.COMPANY, EntityKind.LEAD)
"""The kinds that a `Person` may have."""


@dataclass(frozen=True, slots=True)
class EntityRef:
    kind: EntityKind
    id: str  # the CRM's own id as text


class GroupKind(StrEnum):
    """What a CRM divides its users into."""

    DEPARTMENT = "department"
    ACCESS = "access"  # amoCRM: a role


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerGroup:
    """`id`: the CRM's, unique within the kind. `head`: who leads it, where the CRM says so."""

    kind: GroupKind
    id: str
    name: str
    head: ManagerId | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    id: ManagerId
    name: str
    email: str | None = None
    phone: str | None = None
    extension: str | None = None  # as the profile in the CRM says; the office's own mapping decides
    is_active: bool = True
    is_paid: bool = True  # amoCRM `is_free` users are not: they are no call targets (seed S4)
    is_admin: bool | None = False  # None: the CRM's list does not say it; its proof of a person does
    groups: tuple[ManagerGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact, a company, or a lead that is a person, of the CRM, as the phone book mirrors it."""

    ref: EntityRef
    name: str
    responsible: ManagerId | None
    phones: tuple[str, ...] = ()  # as typed in the CRM
    emails: tuple[str, ...] = ()
    company: EntityRef | None = None
    deals: tuple[EntityRef, ...] = ()
    created_at: int = 0  # Unix seconds; among several with one number the oldest is named first
    updated_at: int = 0
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    ref: EntityRef
    name: str
    responsible: ManagerId | None
    pipeline: str | None = None  # id
    stage: str | None = None  # id
    stage_name: str | None = None
    price: int | None = None
    is_open: bool = True
    persons: tuple[EntityRef, ...] = ()
    main_person: EntityRef | None = None
    updated_at: int = 0
    is_deleted: bool = False


# ---- the CRM's condition --------------------------------------------------------------------------------------------


class CrmTrouble(StrEnum):
    """Why an account's CRM cannot be worked with as it should. Pages and widgets have a sentence for each."""

    NOT_CONNECTED = "not_connected"  # nobody has allowed the integration yet
    NEEDS_CONSENT = "needs_consent"  # it was withdrawn, or has ended
    UNPAID = "unpaid"  # the CRM's subscription has ended; a new consent does not help
    BLOCKED = "blocked"  # the CRM answers nothing for a while, after too many requests
    AWAY = "away"  # it does not answer, or is out of order
    SLOWED = "slowed"  # it answers, but asks for fewer requests
    REFUSED = "refused"  # it answers, but refuses what Dozvon needs: rights are missing

    @property
    def is_for_consent(self) -> bool:
        """Whether a (new) consent solves it."""
        return self in (CrmTrouble.NOT_CONNECTED, CrmTrouble.NEEDS_CONSENT, CrmTrouble.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmCondition:
    """`trouble` None: all is well. `detail` is technical; `until` (Unix seconds): when it will be tried again; `since`:
    when this began, where it was noticed."""

    trouble: CrmTrouble | None = None
    detail: str = ""
    until: float | None = None
    since: float | None = field(default=None, compare=False)


# ---- what changed in the CRM, as its webhooks or a poll tell --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChanged:
    """A contact or a company as it is now. Notices may arrive late and out of order: `updated_at` decides."""

    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class DealChanged:
    """A deal as it is now. `has_persons` False: the webhook does not name the deal's persons; read the deal again."""

    deal: Deal
    has_persons: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityDeleted:
    ref: EntityRef


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxClosed:
    """An enquiry left the CRM's inbox: `deals` it became when a person accepted it; their persons are new too."""

    ref: EntityRef
    is_accepted: bool
    deals: tuple[EntityRef, ...] = ()


CrmChange = PersonChanged | DealChanged | EntityDeleted | InboxClosed
