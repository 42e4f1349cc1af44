"""Reads Bitrix24's events: the form with PHP bracket keys, where it comes from, and what happened; pure.

`intake.py` takes the requests and has objects read: an event names only their ids. The effect of a change is decided
elsewhere. Source: b24-rest-docs, "Events", and the pages of the events.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.bitrix24.settings import Bitrix24Settings
from integration.documents.brackets import BracketForm
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId
from integration.errors import Rejected
from integration.ports.connector import Installation

BODY_BYTES = 256 * 1024  # far more than an event has
_FORM = BracketForm(most_bytes=BODY_BYTES, most_pairs=1000, deepest=8)
_ID = re.compile(r"[1-9]\d{0,17}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,1000}")
_MEMBER = re.compile(r"[0-9A-Za-z]{1,64}")

_KINDS = {
    "CONTACT": EntityKind.CONTACT,
    "COMPANY": EntityKind.COMPANY,
    "LEAD": EntityKind.LEAD,
    "DEAL": EntityKind.DEAL,
}
_ACTIONS = ("ADD", "UPDATE", "DELETE")
CRM_EVENTS = tuple(f"ONCRM{kind}{action}" for kind in _KINDS for action in _ACTIONS)
CLICK_EVENTS = ("ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART")
KEPT_TOO = "ONEXTERNALCALLSTART"
"""Kept even where it is posted: a click that comes while we are down would leave the portal's card open."""
INSTALL_EVENTS = ("ONAPPINSTALL", "ONAPPUPDATE")
UNINSTALL_EVENT = "ONAPPUNINSTALL"
APPLICATION_EVENTS = ("ONAPPUPDATE", UNINSTALL_EVENT)
_SUBJECT = re.compile(rf"ONCRM({'|'.join(_KINDS)})({'|'.join(_ACTIONS)})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    Attributes:
        name: in upper case.
        data: texts, in mappings as deep as they came.
        auth: who sent it, as it says; never holds for more than its `application_token` proves. `repr` hides it.
        at: when it happened, Unix seconds; 0: not said.
    """

    name: str
    data: Mapping[str, Any] = field(repr=False)
    auth: Mapping[str, Any] = field(default_factory=dict, repr=False)
    at: float = 0.0

    @property
    def member_id(self) -> str:
        return _text(self.auth.get("member_id"))

    def is_proved_by(self, key: str) -> bool:
        """Whether it carries this `application_token`; in constant time. False for an empty key."""
        given = _text(self.auth.get("application_token"))
        return bool(key) and hmac.compare_digest(key.encode(), given.encode("utf-8", "replace"))


def parse_event(body: bytes) -> Event:
    """
    Raises:
        Rejected: larger than an event can be, nested too deep, too many pairs, or it names no event.
    """
    tree = parse_form(body)
    name = _text(tree.get("event")).upper()
    if not name.isidentifier() or len(name) > 100:
        raise Rejected("The request is no event of Bitrix24", code="event")
    stamp = _text(tree.get("ts"))
    at = float(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 12 else 0.0
    return Event(name=name, data=_mapping(tree.get("data")), auth=_mapping(tree.get("auth")), at=at)


def parse_form(body: bytes) -> dict[str, Any]:
    """As `BracketForm.read`, within the limits of an event."""
    return _FORM.read(body)


def read_installation(event: Event) -> Installation:
    """
    The tokens and the key of an installation or an update. Lenient: fields are missing, numbers are texts.

    Raises:
        Rejected: it is no installation, or lacks what one needs.
    """
    if event.name not in INSTALL_EVENTS:
        raise Rejected("The event is no installation", code="event")
    found = {key: _text(event.auth.get(key)) for key in ("access_token", "refresh_token", "application_token")}
    if not _MEMBER.fullmatch(event.member_id) or not all(_TOKEN.fullmatch(each) for each in found.values()):
        raise Rejected("The installation carries no tokens: install the application again", code="tokens")
    return Installation(
        crm_account_id=event.member_id,
        access=found["access_token"],
        refresh=found["refresh_token"],
        event_key=found["application_token"],
        expires_in=_seconds(event.auth.get("expires_in")),
    )


@dataclass(frozen=True, slots=True)
class Touched:
    """An object of the CRM that was added, changed or deleted. Events name only the id."""

    ref: EntityRef
    is_deleted: bool


def touched(event: Event) -> Touched | None:
    """None: the event is about something else, or names no id."""
    subject = _SUBJECT.fullmatch(event.name)
    own_id = _text(_mapping(event.data.get("FIELDS")).get("ID"))
    if subject is None or not _ID.fullmatch(own_id):
        return None
    return Touched(EntityRef(_KINDS[subject[1]], own_id), is_deleted=subject[2] == "DELETE")


# ---- the address ---------------------------------------------------------------------------------------------------


def event_secret(settings: Bitrix24Settings, account: AccountId) -> str:
    """
    The secret part of the address for events. Their `application_token` proves where they come from; this keeps
    strangers from filling the queue. Derived from the application's key, so that every process has the same one.
    """
    key = settings.client_secret or settings.webhook_key
    return hmac.new(key.encode(), f"dozvon events {account}".encode(), hashlib.sha256).hexdigest()[:40]


def is_secret(settings: Bitrix24Settings, account: AccountId, given: str) -> bool:
    """Compare in constant time. Never raises."""
    return hmac.compare_digest(event_secret(settings, account).encode(), given.encode("utf-8", "replace"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _seconds(value: Any) -> float:
    text = _text(value)
    return float(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 3600.0
