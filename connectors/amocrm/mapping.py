"""Converts amoCRM's JSON to our types and back; pure. amoCRM's `leads` are our deals, its unsorted are our leads.

Paths and requests do not belong here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, GroupKind, Manager, ManagerGroup, Person
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import match_keys
from integration.domain.people.names import without_direction
from integration.errors import ProtocolError, Rejected
from integration.ports.crm import CallRecord, NextTask

Json = Mapping[str, Any]

COLLECTIONS = {EntityKind.CONTACT: "contacts", EntityKind.COMPANY: "companies", EntityKind.DEAL: "leads"}
KINDS = {name: kind for kind, name in COLLECTIONS.items()}
SINGULAR_KINDS = {"contact": EntityKind.CONTACT, "company": EntityKind.COMPANY, "lead": EntityKind.DEAL}

_WON, _LOST = 142, 143  # in every pipeline. Source: official client, LeadModel
_LONGEST_NAME = 250  # characters; names from callers and people are cut, amoCRM's own limit is not documented
_LONGEST_RESULT = 250
_LONGEST_NOTE = 6_000  # what a manager may type, with what we write above it; amoCRM's own limit is not documented
TEXT_NOTE = "common"
LONGEST_NUMBER = 18  # digits; fits into every database
# Q.850: unallocated number, no route to it, special tone, number changed, invalid format.
_WRONG_NUMBER_CAUSES = frozenset({1, 2, 3, 4, 22, 28})
# Q.850: subscriber absent, destination out of order, no circuit, network out of order, congestion.
_UNAVAILABLE_CAUSES = frozenset({20, 27, 34, 38, 41, 42})


# ---- from amoCRM ---------------------------------------------------------------------------------------------------


def person(item: Json, kind: EntityKind) -> Person:
    """
    A contact or company of `/api/v4`. `custom_fields_values` may be null, and `_embedded` may be missing.

    Raises:
        ProtocolError: it has no id.
    """
    embedded = item.get("_embedded") or {}
    companies = refs(embedded.get("companies"), EntityKind.COMPANY)
    return Person(
        ref=EntityRef(kind, _id(item)),
        name=text_of(item.get("name")),
        responsible=manager_id(item.get("responsible_user_id")),
        phones=field_values(item.get("custom_fields_values"), "PHONE"),
        emails=field_values(item.get("custom_fields_values"), "EMAIL"),
        company=companies[0] if companies else None,
        deals=refs(embedded.get("leads"), EntityKind.DEAL),
        created_at=whole(item.get("created_at")),
        updated_at=whole(item.get("updated_at")),
        is_deleted=bool(item.get("is_deleted")),
    )


def deal(item: Json, stage_names: Mapping[tuple[str, str], str]) -> Deal:
    """A lead of `/api/v4`; `stage_names` by pipeline and stage id."""
    embedded = item.get("_embedded") or {}
    contacts = [each for each in embedded.get("contacts") or [] if isinstance(each, Mapping)]
    main = [each for each in contacts if each.get("is_main")]
    pipeline, stage = text_of(item.get("pipeline_id")) or None, text_of(item.get("status_id")) or None
    is_deleted = bool(item.get("is_deleted"))
    return Deal(
        ref=EntityRef(EntityKind.DEAL, _id(item)),
        name=text_of(item.get("name")),
        responsible=manager_id(item.get("responsible_user_id")),
        pipeline=pipeline,
        stage=stage,
        stage_name=stage_names.get((pipeline or "", stage or "")),
        price=whole(item["price"]) if item.get("price") is not None else None,
        is_open=is_open_stage(item.get("status_id")) and not is_deleted,
        persons=refs(contacts, EntityKind.CONTACT) + refs(embedded.get("companies"), EntityKind.COMPANY),
        main_person=next(iter(refs(main, EntityKind.CONTACT)), None),
        updated_at=whole(item.get("updated_at")),
        is_deleted=is_deleted,
    )


def next_task(item: Json) -> NextTask:
    due_at = whole(item.get("complete_till"))
    return NextTask(text=text_of(item.get("text")), due_at=Timestamp(due_at) if due_at > 0 else None)


def manager(item: Json) -> Manager:
    """A user. Users with `is_free` have reduced access and get no calls (README: users)."""
    rights = item.get("rights") or {}
    return Manager(
        id=ManagerId(_id(item)),
        name=text_of(item.get("name")),
        email=text_of(item.get("email")) or None,
        phone=text_of(item.get("phone_number")) or None,
        is_active=bool(rights.get("is_active", True)),
        is_paid=not rights.get("is_free", False),
        is_admin=bool(rights.get("is_admin", False)),
        groups=tuple(_groups(item)),
    )


def _groups(item: Json) -> Iterator[ManagerGroup]:
    """A user's departments (`groups`) and access groups (`roles`). Administrators have no role (README: users)."""
    embedded = item.get("_embedded") or {}
    for kind, name in ((GroupKind.DEPARTMENT, "groups"), (GroupKind.ACCESS, "roles")):
        for each in embedded.get(name) or ():
            if isinstance(each, dict) and each.get("id") is not None:
                yield ManagerGroup(kind=kind, id=str(each["id"]), name=text_of(each.get("name")) or str(each["id"]))


def stage_names(pipelines: Iterable[Json]) -> dict[tuple[str, str], str]:
    return {
        (_id(pipeline), _id(stage)): text_of(stage.get("name"))
        for pipeline in pipelines
        for stage in (pipeline.get("_embedded") or {}).get("statuses") or []
    }


def unsorted_pipeline(pipelines: Iterable[Json]) -> int | None:
    """The main pipeline if its Unsorted is on, else the first pipeline with Unsorted; None if there is none."""
    ready = [each for each in pipelines if each.get("is_unsorted_on") and not each.get("is_archive")]
    ready.sort(key=lambda each: not each.get("is_main"))
    return int(_id(ready[0])) if ready else None


def is_open_stage(status_id: Any) -> bool:
    return text_of(status_id) not in (str(_WON), str(_LOST))


def field_values(fields: Any, code: str) -> tuple[str, ...]:
    """Texts of the custom field with this code, in the card's order; `custom_fields_values` or a webhook's list."""
    found: list[str] = []
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, Mapping) and field.get("field_code", field.get("code")) == code:
            values = field.get("values")
            found += [text_of(each.get("value")) for each in values or [] if isinstance(each, Mapping)]
    return tuple(text for text in found if text)


def has_number(found: Person, number: PhoneNumber, numbering: Numbering) -> bool:
    """Whether a phone of the card has this number: amoCRM's search finds it in every field (README: query search)."""
    return number.match_key in match_keys(found.phones, numbering)


def manager_id(value: Any) -> ManagerId | None:
    """None for user 0, the robot, which cannot answer calls."""
    text = id_of(value)
    return ManagerId(text) if text and text != "0" else None


# ---- to amoCRM -----------------------------------------------------------------------------------------------------


def number_of(ref_id: str) -> int:
    """An id as a JSON number: amoCRM reads a string as a name (README: calls). Raises: Rejected if it is no number."""
    if not (ref_id.isascii() and ref_id.isdecimal()):
        raise Rejected("This is not an amoCRM id", code="id")
    return int(ref_id)


def plain(text: str, longest: int) -> str:
    """Text from callers and users, truncated and without control characters. May return an empty string."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:longest].strip()


def call_status(call: Call) -> int:
    """
    amoCRM's number for a call's result: 3 not there, 4 talked, 5 wrong number, 6 not reached, 7 busy.

    Source: README, call as a note; official client, CallModel.
    """
    match call.disposition:
        case Disposition.ANSWERED:
            return 4
        case Disposition.BUSY:
            return 7
        case Disposition.FAILED if call.hangup_cause in _WRONG_NUMBER_CAUSES:
            return 5
        case Disposition.FAILED if call.hangup_cause in _UNAVAILABLE_CAUSES:
            return 3
    return 6


def talk_seconds(call: Call) -> int:
    """0 for an unanswered call; at least 1 for an answered one, so that it does not look missed."""
    return max(1, round(call.talked_seconds)) if call.disposition is Disposition.ANSWERED else 0


def call_note(record: CallRecord, entity_id: int, source: str) -> dict[str, Any]:
    """One element of `POST /api/v4/{entity}/notes`. Leaves out absent values: amoCRM refuses null."""
    responsible = _responsible(record)
    return without_nulls(
        {
            "entity_id": entity_id,
            "note_type": note_type(record.call.direction),
            "created_at": int(record.call.started_at),
            "created_by": responsible,
            "responsible_user_id": responsible,
            "request_id": record.key,
            "params": _call_params(record, source, responsible),
        }
    )


def note_type(direction: Direction) -> str:
    return "call_in" if direction is Direction.INBOUND else "call_out"


def call_entry(record: CallRecord, source: str) -> dict[str, Any]:
    """One element of `POST /api/v4/calls`, which chooses the entity by itself."""
    responsible = _responsible(record)
    return without_nulls(
        {
            **_call_params(record, source, responsible),
            "direction": "inbound" if record.call.direction is Direction.INBOUND else "outbound",
            "responsible_user_id": responsible,
            "created_by": responsible,
            "created_at": int(record.call.started_at),
            "request_id": record.key,
        }
    )


def unsorted_sip(record: CallRecord, *, pipeline_id: int | None, source: str, service_code: str) -> dict[str, Any]:
    """
    One element of `POST /api/v4/leads/unsorted/sip`. The client's number goes into both `from` and `phone`: amoCRM has
    changed which of them it reads (README: unsorted).
    """
    number = record.client.written
    metadata = {
        "from": number,
        "phone": number,
        "called_at": int(record.call.started_at),
        "duration": talk_seconds(record.call),
        "link": record.recording_url,
        "service_code": service_code,
        "uniq": record.key,
        "is_call_event_needed": True,
        "call_responsible": _responsible(record),
    }
    return without_nulls(
        {
            "request_id": record.key,
            "source_name": source,
            "source_uid": f"{service_code}-{record.key}",
            "pipeline_id": pipeline_id,
            "created_at": int(record.call.started_at),
            "metadata": without_nulls(metadata),
            "_embedded": {
                "leads": [{"name": f"{source}: {number}"}],
                "contacts": [{"name": number, "custom_fields_values": [_phone_field(number)]}],
            },
        }
    )


def new_contact(name: str, number: PhoneNumber, responsible: ManagerId | None) -> dict[str, Any]:
    return without_nulls(
        {
            "name": plain(name, _LONGEST_NAME) or number.e164,
            "responsible_user_id": number_of(responsible) if responsible else None,
            "custom_fields_values": [_phone_field(number.e164)],
        }
    )


def new_deal(name: str, person: EntityRef, responsible: ManagerId | None) -> dict[str, Any]:
    """In amoCRM's main pipeline, as its own form makes one."""
    link: dict[str, Any] = {"id": number_of(person.id)}
    if person.kind is EntityKind.CONTACT:
        link["is_main"] = True
    return without_nulls(
        {
            "name": plain(name, _LONGEST_NAME),
            "responsible_user_id": number_of(responsible) if responsible else None,
            "_embedded": {COLLECTIONS[person.kind]: [link]},
        }
    )


def new_name(name: str) -> dict[str, Any]:
    return {"name": plain(name, _LONGEST_NAME)}


def acceptance(responsible: ManagerId | None) -> dict[str, Any]:
    """The body that accepts an entry of Unsorted; without a user the integration's user becomes responsible."""
    return without_nulls({"user_id": number_of(responsible) if responsible else None})


def new_task(
    *, text: str, due_at: int, responsible: ManagerId | None, entity: tuple[str, int], type_id: int
) -> dict[str, Any]:
    return without_nulls(
        {
            "text": task_text(text),
            "complete_till": due_at,
            "task_type_id": type_id,
            "entity_type": entity[0],
            "entity_id": entity[1],
            "responsible_user_id": number_of(responsible) if responsible else None,
        }
    )


def task_text(text: str) -> str:
    """The text as sent to amoCRM. Tasks have no field for our key, so a task is found by its text."""
    return plain(text, 500)


def text_note(text: str, entity_id: int, author: ManagerId | None) -> dict[str, Any]:
    """One element of `POST /api/v4/{entity}/notes`: what a manager wrote, with the manager as its author."""
    user = number_of(author) if author else None
    return without_nulls(
        {
            "entity_id": entity_id,
            "note_type": TEXT_NOTE,
            "created_by": user,
            "responsible_user_id": user,
            "params": {"text": note_text(text)},
        }
    )


def note_text(text: str) -> str:
    """The text as sent to amoCRM, with its lines. amoCRM refuses an empty one."""
    lines = ("".join(c if c.isprintable() else " " for c in line).rstrip() for line in text.splitlines())
    return "\n".join(lines).strip()[:_LONGEST_NOTE] or "—"


def without_nulls(item: Mapping[str, Any]) -> dict[str, Any]:
    """amoCRM answers 400 to a null for a key that may be left out (README: writing)."""
    return {key: value for key, value in item.items() if value is not None}


def _call_params(record: CallRecord, source: str, responsible: int | None) -> dict[str, Any]:
    return without_nulls(
        {
            "uniq": record.key,
            "duration": talk_seconds(record.call),
            "source": source,
            "phone": record.client.written,
            "link": record.recording_url or None,
            "call_responsible": responsible,
            "call_status": call_status(record.call),
            "call_result": plain(record.text, _LONGEST_RESULT) or None,
        }
    )


def _responsible(record: CallRecord) -> int | None:
    return number_of(record.responsible) if record.responsible else None


def _phone_field(number: str) -> dict[str, Any]:
    return {"field_code": "PHONE", "values": [{"value": number, "enum_code": "WORK"}]}


def id_of(value: Any) -> str:
    """An id as text; webhooks send it as text too. Empty if it is not a whole number that fits into a database."""
    text = text_of(value)
    return text if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else ""


def _id(item: Json) -> str:
    text = id_of(item.get("id"))
    if not text:
        raise ProtocolError("amoCRM gave an object without id")
    return text


def refs(items: Any, kind: EntityKind) -> tuple[EntityRef, ...]:
    entries = items if isinstance(items, list) else []
    ids = [id_of(each.get("id")) for each in entries if isinstance(each, Mapping)]
    return tuple(EntityRef(kind, each) for each in ids if each and each != "0")


def text_of(value: Any) -> str:
    """Text and numbers as text, without characters that databases refuse (NUL, half a surrogate pair) and without
    bidirectional controls, which would reorder the text around them."""
    if isinstance(value, str):
        return without_direction(value.replace("\0", "").encode("utf-8", "replace").decode())
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def whole(value: Any) -> int:
    """A whole number, for times and sums, which webhooks send as text; 0 for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = text_of(value)
    return int(text) if len(text) <= LONGEST_NUMBER and text.removeprefix("-").isdecimal() else 0
