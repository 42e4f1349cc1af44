"""The reasons of a decision: each is a code with values, stored with the call.

The sentences that people read are in `texts/reasons.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """Every reason of a route or an attribution; stored, so never renamed without a migration."""

    # the account and the line
    INTEGRATION_OFF = "integration_off"
    OFF_FOR_MANAGER = "off_for_manager"  # manager: it is on for chosen managers only
    LINE_OWN = "line_own"  # line: the line has its own settings
    LINE_DEFAULT = "line_default"  # line: the settings for all lines apply
    LINE_NOT_PROCESSED = "line_not_processed"  # line
    TO_RESPONSIBLE_OFF = "to_responsible_off"
    # the number
    CALLER_HIDDEN = "caller_hidden"
    CALLER_INTERNAL = "caller_internal"  # number: an employee's extension
    CALLER_BARE_DIGITS = "caller_bare_digits"  # number: short, local or impossible: nobody is looked up by it
    CALLER_NOT_A_NUMBER = "caller_not_a_number"  # number
    CALLER_LOCAL_FORM = "caller_local_form"  # number, e164: how the shown form was read
    # the caller
    CALLER_UNKNOWN = "caller_unknown"
    PHONE_BOOK_EMPTY = "phone_book_empty"
    CRM_ASKED = "crm_asked"  # seconds: found by a live search
    CRM_DOES_NOT_KNOW = "crm_does_not_know"  # seconds: a live search found nobody either
    CRM_TOO_SLOW = "crm_too_slow"  # seconds: the live search did not end in time
    CRM_FAILED = "crm_failed"  # the live search failed
    PERSON_FOUND = "person_found"  # kind, id, name
    PERSON_DELETED = "person_deleted"  # kind, id
    COMPANY_ONLY = "company_only"
    SEVERAL_PERSONS = "several_persons"  # count, name: the chosen person
    CLIENT_CHOSEN = "client_chosen"  # extension: that employee chose the person in the card
    CHOSEN_IS_GONE = "chosen_is_gone"  # extension: the card that was chosen does not have the number any more
    # the responsible manager
    RESPONSIBLE_OF_DEAL = "responsible_of_deal"  # manager, id, name
    RESPONSIBLE_OF_PERSON = "responsible_of_person"  # manager, name
    NO_RESPONSIBLE = "no_responsible"  # name
    MANAGER_INACTIVE = "manager_inactive"  # manager
    MANAGER_WITHOUT_EXTENSION = "manager_without_extension"  # manager
    MANAGER_ABSENT = "manager_absent"  # manager, extension; if it ends by itself: until, now (Unix seconds), zone
    DAY_NOT_BEGUN = "day_not_begun"  # manager: the working day that the CRM keeps has not begun, or is over
    DAY_PAUSED = "day_paused"  # manager: the same day has a break
    NOBODY_TO_RING = "nobody_to_ring"
    # the plan
    RING_RESPONSIBLE = "ring_responsible"  # manager, extension, seconds
    THEN_ROUTE = "then_route"
    THEN_MOBILE = "then_mobile"
    THEN_VOICEMAIL = "then_voicemail"
    THEN_GROUP = "then_group"  # group
    NO_MOBILE = "no_mobile"
    NO_GROUP = "no_group"
    # Dozvon itself
    NOT_CONFIGURED = "not_configured"  # the account has no settings
    STORAGE_FAILED = "storage_failed"
    TOO_SLOW = "too_slow"  # seconds
    # attribution: whose call it was
    INTERNAL_CALL = "internal_call"
    TARGET_DEAL = "target_deal"  # id, name
    TARGET_PERSON = "target_person"  # kind, id, name
    TARGET_SEVERAL_DEALS = "target_several_deals"  # count
    TARGET_INBOX = "target_inbox"
    NO_INBOX = "no_inbox"  # the CRM has none for such calls
    CONTACT_CREATED = "contact_created"  # kind, id, name: for a number that nobody had
    CALL_BOUND = "call_bound"  # kind, id: the CRM has bound the call by itself
    CLIENT_NOT_IN_CRM = "client_not_in_crm"  # the CRM has nobody with the number: the call is in its statistics only
    NEW_CLIENT_AT_ONCE = "new_client_at_once"  # the line wants a client made by Dozvon
    NEW_CLIENT_BY_HAND = "new_client_by_hand"  # of this call the line makes no client by itself
    NEW_CLIENT_NEVER = "new_client_never"
    NUMBER_NEVER_CLIENT = "number_never_client"  # number: it is on the office's list
    JOINED_ENTRY = "joined_entry"  # the entry of an earlier call of this number
    ANSWERED_BY = "answered_by"  # extension
    HAD_CLIENT_LAST = "had_client_last"  # extension
    RESPONSIBLE_OF_EXTENSION = "responsible_of_extension"  # manager, extension
    FORWARDED_BY = "forwarded_by"  # extension, number
    CALLED_BY = "called_by"  # extension
    RANG_AT = "rang_at"  # extension
    RANG_AT_RESPONSIBLE = "rang_at_responsible"  # extension
    RANG_AT_GROUP = "rang_at_group"  # group
    RANG_AT_NOBODY = "rang_at_nobody"
    OUTSIDE_INTEGRATION = "outside_integration"  # extension
    OUTSIDE_RESPONSIBLE = "outside_responsible"  # manager
    MISSED_RESPONSIBLE = "missed_responsible"  # manager, line
    DEFAULT_RESPONSIBLE = "default_responsible"  # manager
    LINE_RESPONSIBLE = "line_responsible"  # manager, line: in place of somebody dismissed
    MANAGER_REFUSED = "manager_refused"  # manager: the CRM does not take this user
    NOBODY_RESPONSIBLE = "nobody_responsible"
    # whose the call is, where accounts share a PBX
    OWNED_BY_CLICK = "owned_by_click"
    OWNED_BY_LINE = "owned_by_line"  # line
    OWNED_BY_CALLER = "owned_by_caller"  # extension
    OWNED_BY_TALK = "owned_by_talk"  # extension
    OWNED_BY_RINGING = "owned_by_ringing"  # extension
    OWNED_BY_FIRST = "owned_by_first"
    ROUTED_BY = "routed_by"  # account: it knows the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. `code` is stable and translated for people; `detail` has its values."""

    code: str
    detail: dict[str, str]


def because(code: ReasonCode, /, **detail: object) -> Reason:
    """A reason with its values as text."""
    return Reason(code=code.value, detail={name: str(value) for name, value in detail.items()})
