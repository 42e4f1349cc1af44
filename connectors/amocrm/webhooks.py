"""Reads amoCRM's webhooks: the secret in the address, the form with PHP bracket keys, and the changes in it; pure.

`intake.py` takes the requests. The effect of a change is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.amocrm import mapping
from connectors.amocrm.settings import AmocrmSettings
from integration.documents.brackets import BracketForm
from integration.domain.crm.entities import (
    CrmChange,
    Deal,
    DealChanged,
    EntityDeleted,
    EntityKind,
    EntityRef,
    InboxClosed,
    Person,
    PersonChanged,
)
from integration.domain.ids import AccountId

SUBSCRIBED = (
    *(f"{action}_{entity}" for entity in ("contact", "company", "lead") for action in ("add", "update", "delete")),
    *(f"{action}_{entity}" for entity in ("contact", "company", "lead") for action in ("restore", "responsible")),
    "status_lead",
)
# Their names in the API are not documented; if amoCRM refuses them, only the others are subscribed.
SUBSCRIBED_UNSORTED = ("add_unsorted", "update_unsorted", "delete_unsorted")

BODY_BYTES = 1024 * 1024  # far more than amoCRM sends
_FORM = BracketForm(most_bytes=BODY_BYTES, most_pairs=5000, deepest=12)
"""contacts[update][0][custom_fields][0][values][0][value] has 7 brackets."""
_ITEMS = 1000  # changes of one delivery

_UID = re.compile(r"[A-Za-z0-9-]{1,100}")


# ---- the address ---------------------------------------------------------------------------------------------------


def webhook_secret(settings: AmocrmSettings, account: AccountId) -> str:
    """
    The secret part of the webhook's address. amoCRM does not sign webhooks, so only this secret shows that a request is
    genuine. It is derived from the integration's secret, so that every process has the same one.
    """
    key = settings.client_secret or settings.long_lived_token
    return hmac.new(key.encode(), f"dozvon webhook {account}".encode(), hashlib.sha256).hexdigest()[:40]


def is_secret(settings: AmocrmSettings, account: AccountId, given: str) -> bool:
    """Compare in constant time. Never raises."""
    return hmac.compare_digest(webhook_secret(settings, account).encode(), given.encode("utf-8", "replace"))


# ---- the body ------------------------------------------------------------------------------------------------------


def parse_form(body: bytes) -> dict[str, Any]:
    """As `BracketForm.read`, within the limits of a webhook: amoCRM uses ids as keys, `linked_leads_id[15][ID]`."""
    return _FORM.read(body)


def account_of(tree: Mapping[str, Any]) -> str:
    """The CRM's id of the account that sent it; empty if there is none."""
    account = tree.get("account")
    return mapping.text_of(account.get("id")) if isinstance(account, Mapping) else ""


def changes(tree: Mapping[str, Any]) -> list[CrmChange]:
    """
    The changes in a webhook as our types, in the body's order. Kinds that we do not need (notes, tasks, chats) and
    unknown kinds are left out, and so are items without a usable id. Never raises.
    """
    found: list[CrmChange] = []
    for topic in ("contacts", "companies", "leads", "unsorted"):
        for action, item in _items(tree.get(topic)):
            change = _unsorted(action, item) if topic == "unsorted" else _change(topic, action, item)
            if change is not None and len(found) < _ITEMS:
                found.append(change)
    return found


def _items(topic: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for action, entries in topic.items() if isinstance(topic, Mapping) else ():
        for item in entries.values() if isinstance(entries, Mapping) else ():
            if isinstance(item, Mapping):
                yield action, item


def _change(topic: str, action: str, item: Mapping[str, Any]) -> CrmChange | None:
    ref_id = mapping.id_of(item.get("id"))
    if not ref_id:
        return None
    # Companies arrive under `contacts`; only `type` shows it (README: webhooks).
    is_company = topic == "companies" or item.get("type") == "company"
    kind = EntityKind.DEAL if topic == "leads" else EntityKind.COMPANY if is_company else EntityKind.CONTACT
    if action == "delete":
        return EntityDeleted(ref=EntityRef(kind, ref_id))
    if action not in ("add", "update", "restore", "status", "responsible"):
        return None
    if kind is EntityKind.DEAL:
        return DealChanged(deal=_deal(item, EntityRef(kind, ref_id)), has_persons=False)
    return PersonChanged(person=_person(item, EntityRef(kind, ref_id)))


def _person(item: Mapping[str, Any], ref: EntityRef) -> Person:
    fields = [_field(each) for each in _values(item.get("custom_fields"))]
    company = mapping.id_of(item.get("linked_company_id"))
    return Person(
        ref=ref,
        name=mapping.text_of(item.get("name")),
        responsible=mapping.manager_id(item.get("responsible_user_id")),
        phones=mapping.field_values(fields, "PHONE"),
        emails=mapping.field_values(fields, "EMAIL"),
        company=EntityRef(EntityKind.COMPANY, company) if company and company != "0" else None,
        deals=tuple(EntityRef(EntityKind.DEAL, lead) for lead in _linked(item.get("linked_leads_id"))),
        created_at=mapping.whole(item.get("created_at", item.get("date_create"))),
        updated_at=_updated_at(item),
    )


def _deal(item: Mapping[str, Any], ref: EntityRef) -> Deal:
    """A deal without the stage's name and the persons, which webhooks do not have."""
    return Deal(
        ref=ref,
        name=mapping.text_of(item.get("name")),
        responsible=mapping.manager_id(item.get("responsible_user_id")),
        pipeline=mapping.text_of(item.get("pipeline_id")) or None,
        stage=mapping.text_of(item.get("status_id")) or None,
        price=mapping.whole(item["price"]) if item.get("price") else None,
        is_open=mapping.is_open_stage(item.get("status_id")),
        updated_at=_updated_at(item),
    )


def _unsorted(action: str, item: Mapping[str, Any]) -> CrmChange | None:
    """Accepting and declining both arrive as a deletion; `accept_result` names the new deals."""
    uid = mapping.text_of(item.get("uid"))
    if action != "delete" or not _UID.fullmatch(uid):
        return None
    result = item.get("accept_result")
    leads = _values(result.get("leads")) if isinstance(result, Mapping) else []
    ids = [mapping.id_of(each.get("id") if isinstance(each, Mapping) else each) for each in leads]
    return InboxClosed(
        ref=EntityRef(EntityKind.LEAD, uid),
        is_accepted=item.get("action") == "accept",
        deals=tuple(EntityRef(EntityKind.DEAL, each) for each in ids if each),
    )


def _field(field: Any) -> dict[str, Any]:
    """Values of a multitext are numbered `{value, enum}`; dates are bare texts, a radio button is one dictionary."""
    if not isinstance(field, Mapping):
        return {}
    return {"code": field.get("code"), "values": _values(field.get("values"))}


def _values(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, Mapping) else []


def _linked(node: Any) -> list[str]:
    """The ids are the keys: `linked_leads_id[15][ID]=15`."""
    return [each for each in node if mapping.id_of(each)] if isinstance(node, Mapping) else []


def _updated_at(item: Mapping[str, Any]) -> int:
    return mapping.whole(item.get("updated_at", item.get("last_modified")))
