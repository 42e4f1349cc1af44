"""Converts Bitrix24's JSON to our types and back; pure. Numbers may arrive as text, an empty map as `[]`.

Methods and requests do not belong here.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from integration.domain.crm.entities import Deal, EntityKind, EntityRef, GroupKind, Manager, ManagerGroup, Person
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.numbers.phone_text import match_keys
from integration.domain.people.names import without_direction
from integration.errors import ProtocolError, Rejected
from integration.ports.crm import NextTask

Json = Mapping[str, Any]

# `entityTypeId` of `crm.item.*` and `OWNER_TYPE_ID` of activities. Source: b24-rest-docs, "Object type".
TYPE_IDS = {EntityKind.LEAD: 1, EntityKind.DEAL: 2, EntityKind.CONTACT: 3, EntityKind.COMPANY: 4}
KINDS_OF_TYPES = {type_id: kind for kind, type_id in TYPE_IDS.items()}

UNDER_WAY = "P"  # `stageSemanticId`: P under way, S won, F lost
_LONGEST_NAME = 250  # characters; a column of the portal has 255
_LONGEST_TASK = 500
_LONGEST_NOTE = 6_000  # what a manager may type, with what we write above it
_LONGEST_READ = 10_000  # of a title: longer ones are cut
_LONGEST_NUMBER = 18  # digits; fits into every database
_FAR_AWAY = 9000  # the year: an activity without a deadline ends on 9999-12-31


# ---- from Bitrix24 --------------------------------------------------------------------------------------------------


def person(item: Json, kind: EntityKind) -> Person:
    """
    A contact, company or lead of `crm.item.*`, read with all its fields: `fm` comes with no other choice.

    A closed lead is given as deleted: it has become a contact, or was found to be nobody's enquiry. Bitrix24's own
    telephony looks for leads under way only.

    Raises:
        ProtocolError: it has no id.
    """
    company = ref(item.get("companyId"), EntityKind.COMPANY) if kind is not EntityKind.COMPANY else None
    return Person(
        ref=EntityRef(kind, _id(item)),
        name=_name(item, kind),
        responsible=manager_id(item.get("assignedById")),
        phones=_values(item.get("fm"), "PHONE"),
        emails=_values(item.get("fm"), "EMAIL"),
        company=company,
        created_at=moment(item.get("createdTime")),
        updated_at=moment(item.get("updatedTime")),
        is_deleted=kind is EntityKind.LEAD and text_of(item.get("stageSemanticId")) in ("S", "F"),
    )


def _name(item: Json, kind: EntityKind) -> str:
    """A company's title, a person's name; a lead may have both, and then the person is who calls."""
    parts = [text_of(item.get(part)).strip() for part in ("name", "secondName", "lastName")]
    name = " ".join(part for part in parts if part)
    title = text_of(item.get("title")).strip()
    if kind is EntityKind.LEAD and name and title and name != title:
        return f"{name} ({title})"[:_LONGEST_READ]
    return ((title or name) if kind is EntityKind.COMPANY else (name or title))[:_LONGEST_READ]


def deal(item: Json, stage_names: Mapping[str, str]) -> Deal:
    """A deal of `crm.item.*`; `stage_names` by stage id, which names its pipeline, too (`C5:NEW`)."""
    contacts = refs(item.get("contactIds"), EntityKind.CONTACT)
    main = ref(item.get("contactId"), EntityKind.CONTACT) or next(iter(contacts), None)
    company = ref(item.get("companyId"), EntityKind.COMPANY)
    stage = text_of(item.get("stageId")) or None
    found = [each for each in (main, *contacts, company) if each is not None]
    return Deal(
        ref=EntityRef(EntityKind.DEAL, _id(item)),
        name=text_of(item.get("title"))[:_LONGEST_READ],
        responsible=manager_id(item.get("assignedById")),
        pipeline=text_of(item.get("categoryId")) or None,
        stage=stage,
        stage_name=stage_names.get(stage or ""),
        price=_price(item.get("opportunity")),
        is_open=is_open(item),
        persons=tuple(dict.fromkeys(found)),
        main_person=main,
        updated_at=moment(item.get("updatedTime")),
    )


DEAL_FIELDS = (
    "id", "title", "assignedById", "categoryId", "stageId", "stageSemanticId", "closed", "opportunity", "contactId",
    "contactIds", "companyId", "createdTime", "updatedTime",
)  # fmt: skip


def is_open(item: Json) -> bool:
    meaning = text_of(item.get("stageSemanticId"))
    return meaning == UNDER_WAY if meaning else not is_yes(item.get("closed"))


def _price(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < 10**_LONGEST_NUMBER else None


def stage_names(statuses: Iterable[Json]) -> dict[str, str]:
    """The names of deals' stages, of all pipelines, from `crm.status.list`."""
    return {
        text_of(each.get("STATUS_ID")): text_of(each.get("NAME"))
        for each in statuses
        if text_of(each.get("ENTITY_ID")).startswith("DEAL_STAGE")
    }


def source_id(statuses: Iterable[Json], name: str) -> str:
    """`STATUS_ID` of the source that has this name or id, in any case; empty: none has."""
    wanted = " ".join(name.split()).casefold()
    for each in statuses if wanted else ():
        id_ = text_of(each.get("STATUS_ID"))
        names = (id_.casefold(), " ".join(text_of(each.get("NAME")).split()).casefold())
        if text_of(each.get("ENTITY_ID")) == "SOURCE" and wanted in names:
            return id_
    return ""


def manager(item: Json, departments: Mapping[str, ManagerGroup]) -> Manager:
    """
    A user of `user.get`. It does not say whether somebody is an administrator (the application's pages ask for that),
    and nothing says who is paid for by the plan (reference 6).
    """
    name = " ".join(part for part in (text_of(item.get(p)).strip() for p in ("NAME", "LAST_NAME")) if part)
    email = text_of(item.get("EMAIL")) or None
    phones = (text_of(item.get(field)) for field in ("PERSONAL_MOBILE", "WORK_PHONE", "PERSONAL_PHONE"))
    own = [id_of(each) for each in _list(item.get("UF_DEPARTMENT"))]
    return Manager(
        id=ManagerId(_id(item, "ID")),
        name=(name or email or _id(item, "ID"))[:_LONGEST_READ],
        email=email,
        phone=next((phone for phone in phones if phone), None),
        extension=text_of(item.get("UF_PHONE_INNER")) or None,
        is_active=is_yes(item.get("ACTIVE")),
        is_admin=None,
        groups=tuple(departments[each] for each in own if each in departments),
    )


def is_employee(item: Json) -> bool:
    """Not of an extranet, whose users see the groups they are invited to only. Older portals do not say."""
    return text_of(item.get("USER_TYPE")) in ("", "employee")


def departments(items: Iterable[Json]) -> dict[str, ManagerGroup]:
    """By id, with their heads."""
    return {
        _id(each, "ID"): ManagerGroup(
            kind=GroupKind.DEPARTMENT,
            id=_id(each, "ID"),
            name=text_of(each.get("NAME")) or _id(each, "ID"),
            head=manager_id(each.get("UF_HEAD")),
        )
        for each in items
    }


def next_task(activity: Json) -> NextTask:
    text = text_of(activity.get("SUBJECT")) or text_of(activity.get("DESCRIPTION"))
    return NextTask(text=text[:_LONGEST_READ], due_at=deadline_of(activity))


def deadline_of(activity: Json) -> Timestamp | None:
    due = text_of(activity.get("DEADLINE"))
    year = int(due[:4]) if due[:4].isdecimal() else 0
    at = moment(due)
    return Timestamp(at) if at > 0 and year < _FAR_AWAY else None


def has_number(found: Person, number: PhoneNumber, numbering: Numbering) -> bool:
    return number.match_key in match_keys(found.phones, numbering)


def _values(multi: Any, type_id: str) -> tuple[str, ...]:
    found = [each for each in _list(multi) if isinstance(each, Mapping) and each.get("typeId") == type_id]
    return tuple(text for each in found if (text := text_of(each.get("value")).strip()))


# ---- to Bitrix24 ----------------------------------------------------------------------------------------------------


def number_of(ref_id: str) -> int:
    """An id as a JSON number. Raises: Rejected if it is none."""
    if not (ref_id.isascii() and ref_id.isdecimal() and len(ref_id) <= _LONGEST_NUMBER):
        raise Rejected("This is not a Bitrix24 id", code="id")
    return int(ref_id)


def plain(text: str, longest: int) -> str:
    """Text from callers and users, in one line, cut and without control characters. May be empty."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:longest].strip()


def new_contact(name: str, number: PhoneNumber, responsible: ManagerId | None) -> dict[str, Any]:
    return {
        "name": plain(name, _LONGEST_NAME) or number.e164,
        "fm": [{"typeId": "PHONE", "valueType": "WORK", "value": number.e164}],
        "sourceId": "CALL",
        **_assigned(responsible),
    }


def new_lead(name: str, number: PhoneNumber, responsible: ManagerId | None) -> dict[str, Any]:
    """The name is the caller's, and the title that lists of leads show."""
    called = plain(name, _LONGEST_NAME) or number.e164
    is_named = called != number.e164
    return {
        "title": called,
        **({"name": called} if is_named else {}),
        "fm": [{"typeId": "PHONE", "valueType": "WORK", "value": number.e164}],
        "sourceId": "CALL",
        **_assigned(responsible),
    }


def new_deal(name: str, person: EntityRef, responsible: ManagerId | None) -> dict[str, Any]:
    """In the general pipeline, as the portal's own form makes one. Raises: Rejected for a lead."""
    field = {EntityKind.CONTACT: "contactId", EntityKind.COMPANY: "companyId"}.get(person.kind)
    if field is None:
        raise Rejected("A deal is made of a lead by converting it in Bitrix24", code="lead")
    return {
        "title": plain(name, _LONGEST_NAME),
        field: number_of(person.id),
        "sourceId": "CALL",
        **_assigned(responsible),
    }


def new_name(name: str) -> dict[str, Any]:
    """The whole name goes into one field: which part is the surname is not known."""
    return {"name": plain(name, _LONGEST_NAME), "secondName": "", "lastName": ""}


def _assigned(responsible: ManagerId | None) -> dict[str, Any]:
    return {"assignedById": number_of(responsible)} if responsible else {}


def task_text(text: str) -> str:
    """The text as sent: an activity has no field for our key, so a task is found by its text."""
    return plain(text, _LONGEST_TASK) or "—"


def note_text(text: str) -> str:
    """The text as sent, with its lines. Bitrix24 refuses an empty one."""
    lines = ("".join(c if c.isprintable() else " " for c in line).rstrip() for line in text.splitlines())
    return "\n".join(lines).strip()[:_LONGEST_NOTE] or "—"


def written_at(at: float) -> str:
    """ISO 8601 with the offset: without one Bitrix24 reads its own server's zone."""
    return datetime.datetime.fromtimestamp(int(at), datetime.UTC).isoformat()


# ---- values ---------------------------------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    """Text and numbers as text, without characters that databases refuse (NUL, half a surrogate pair) and without
    bidirectional controls, which would reorder the text around them."""
    if isinstance(value, str):
        return without_direction(value.replace("\0", "").encode("utf-8", "replace").decode())
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def is_yes(value: Any) -> bool:
    return value is True or text_of(value).upper() in ("Y", "1", "TRUE")


def id_of(value: Any) -> str:
    """An id as text; empty if it is no whole number above 0 that fits into a database."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = text_of(value)
    is_id = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER and int(text) > 0
    return text if is_id else ""


def _id(item: Json, name: str = "id") -> str:
    text = id_of(item.get(name))
    if not text:
        raise ProtocolError("Bitrix24 gave an object without id")
    return text


def manager_id(value: Any) -> ManagerId | None:
    text = id_of(value)
    return ManagerId(text) if text else None


def ref(value: Any, kind: EntityKind) -> EntityRef | None:
    text = id_of(value)
    return EntityRef(kind, text) if text else None


def refs(values: Any, kind: EntityKind) -> tuple[EntityRef, ...]:
    found = (ref(each, kind) for each in _list(values))
    return tuple(each for each in found if each is not None)


def moment(value: Any) -> int:
    """Unix seconds of an ISO 8601 text; 0 for anything else. All of Bitrix24's have an offset."""
    text = text_of(value)
    try:
        at = datetime.datetime.fromisoformat(text)
        return int(at.timestamp()) if at.tzinfo is not None else int(at.replace(tzinfo=datetime.UTC).timestamp())
    except (ValueError, OverflowError):
        return 0


def _list(value: Any) -> Sequence[Any]:
    """PHP writes a list with gaps as a map."""
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, Mapping) else []


def rows(value: Any) -> Iterator[Json]:
    """The objects in a list; anything else in it is left out."""
    return (each for each in _list(value) if isinstance(each, Mapping))
