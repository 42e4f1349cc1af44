"""The kinds of CRM objects, their fields, and the two forms in which methods show them: `NAME` and `name`.

Records are kept with upper-case names; `crm.contact.*` shows them so with every value as text, `crm.item.*` in camel
case with numbers as numbers.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]

LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
ACTIVITY = 6

MULTI_KINDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
VALUE_TYPES = ("WORK", "MOBILE", "FAX", "HOME", "PAGER", "MAILING", "OTHER")

_ITEM_NAMES = {
    "ID": "id",
    "DATE_CREATE": "createdTime",
    "DATE_MODIFY": "updatedTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
    "STATUS_ID": "stageId",
    "STATUS_SEMANTIC_ID": "stageSemanticId",
}


@dataclass(frozen=True, slots=True)
class Field:
    """`type`: as `crm.*.fields` names it: integer, string, double, char (Y/N), datetime, user, crm_status, …"""

    name: str
    type: str = "string"
    is_read_only: bool = False
    is_multiple: bool = False
    is_required: bool = False

    @property
    def item_name(self) -> str:
        return item_name(self.name)


@dataclass(frozen=True, slots=True)
class Kind:
    """`event`: the middle of its events' names. `letter`: its prefix in references, `C_41`."""

    id: int
    name: str
    letter: str
    fields: dict[str, Field] = field(default_factory=dict)

    @property
    def old_prefix(self) -> str:
        return f"crm.{self.name.lower()}"

    @property
    def has_phones(self) -> bool:
        return self.id != DEAL


def _fields(*groups: Iterable[Field]) -> dict[str, Field]:
    return {each.name: each for group in groups for each in group}


_COMMON = (
    Field("ID", "integer", is_read_only=True),
    Field("DATE_CREATE", "datetime", is_read_only=True),
    Field("DATE_MODIFY", "datetime", is_read_only=True),
    Field("CREATED_BY_ID", "user", is_read_only=True),
    Field("MODIFY_BY_ID", "user", is_read_only=True),
    Field("ASSIGNED_BY_ID", "user"),
    Field("OPENED", "char"),
    Field("COMMENTS"),
    Field("SOURCE_ID", "crm_status"),
    Field("SOURCE_DESCRIPTION"),
    Field("ORIGINATOR_ID"),
    Field("ORIGIN_ID"),
    Field("UTM_SOURCE"),
    Field("UTM_MEDIUM"),
    Field("UTM_CAMPAIGN"),
)
_NAMES = (Field("NAME"), Field("SECOND_NAME"), Field("LAST_NAME"), Field("POST"))
_MONEY = (Field("OPPORTUNITY", "double"), Field("CURRENCY_ID", "crm_currency"))
_CLIENT = (Field("COMPANY_ID", "crm_company"), Field("CONTACT_ID", "crm_contact"))

KINDS: dict[int, Kind] = {
    LEAD: Kind(
        LEAD, "LEAD", "L",
        _fields(
            _COMMON, _NAMES, _MONEY, _CLIENT,
            (
                Field("TITLE"), Field("COMPANY_TITLE"), Field("STATUS_ID", "crm_status"),
                Field("STATUS_SEMANTIC_ID", is_read_only=True),
            ),
        ),
    ),
    DEAL: Kind(
        DEAL, "DEAL", "D",
        _fields(
            _COMMON, _MONEY, _CLIENT,
            (
                Field("TITLE"), Field("STAGE_ID", "crm_status"), Field("STAGE_SEMANTIC_ID", is_read_only=True),
                Field("CATEGORY_ID", "crm_category"), Field("CLOSED", "char", is_read_only=True),
                Field("CONTACT_IDS", "crm_contact", is_multiple=True), Field("LEAD_ID", "crm_lead"),
                Field("TYPE_ID", "crm_status"), Field("CLOSEDATE", "datetime"),
            ),
        ),
    ),
    CONTACT: Kind(
        CONTACT, "CONTACT", "C",
        _fields(
            _COMMON, _NAMES,
            (
                Field("COMPANY_ID", "crm_company"), Field("TYPE_ID", "crm_status"), Field("LEAD_ID", "crm_lead"),
            ),
        ),
    ),
    COMPANY: Kind(
        COMPANY, "COMPANY", "CO",
        _fields(
            _COMMON,
            (
                Field("TITLE"), Field("COMPANY_TYPE", "crm_status"), Field("INDUSTRY", "crm_status"),
                Field("LEAD_ID", "crm_lead"),
            ),
        ),
    ),
}  # fmt: skip
KINDS_BY_NAME = {kind.name: kind for kind in KINDS.values()}

INTEGERS = frozenset(
    {"integer", "user", "crm_company", "crm_contact", "crm_lead", "crm_category"}
)  # types whose values are numbers in `crm.item.*`

# The stages of the default pipeline: id -> (name, meaning: P under way, S won, F lost).
DEAL_STAGES = {
    "NEW": ("Новая", "P"),
    "PREPARATION": ("Подготовка документов", "P"),
    "EXECUTING": ("В работе", "P"),
    "FINAL_INVOICE": ("Финальный счёт", "P"),
    "WON": ("Сделка успешна", "S"),
    "LOSE": ("Сделка провалена", "F"),
}
LEAD_STATUSES = {
    "NEW": ("Не обработан", "P"),
    "IN_PROCESS": ("В работе", "P"),
    "PROCESSED": ("Обработан", "P"),
    "CONVERTED": ("Качественный лид", "S"),
    "JUNK": ("Некачественный лид", "F"),
}
SOURCES = {
    "CALL": "Звонок",
    "EMAIL": "Электронная почта",
    "WEB": "Веб-сайт",
    "ADVERTISING": "Реклама",
    "PARTNER": "Существующий клиент",
    "RECOMMENDATION": "По рекомендации",
    "OTHER": "Другое",
}


def item_name(name: str) -> str:
    """The name of a field in `crm.item.*`: camel case, `UF_CRM_1657` is `ufCrm_1657`."""
    if name in _ITEM_NAMES:
        return _ITEM_NAMES[name]
    words = name.split("_")
    camel = words[0].lower()
    for word in words[1:]:
        camel += f"_{word}" if word.isdigit() and camel == "ufCrm" else word.capitalize()
    return camel


def field_name(kind: Kind, item: str) -> str:
    """The stored name of a field of `crm.item.*`; upper-case names (`useOriginalUfNames`) stay as they are."""
    known = next((each.name for each in kind.fields.values() if each.item_name == item), None)
    if known:
        return known
    snake = item if item.isupper() else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", item).upper()
    return snake if snake.startswith("UF_") else item.upper() if item.upper() in kind.fields else snake


def stage_meaning(kind: Kind, stage: str) -> str:
    stages = DEAL_STAGES if kind.id == DEAL else LEAD_STATUSES
    return stages.get(stage, ("", "P"))[1]


def title_of(kind: Kind, record: Record) -> str:
    """What people see as the object's name."""
    if kind.id == CONTACT:
        name = " ".join(each for each in (record["NAME"], record["LAST_NAME"]) if each)
        return name or f"Контакт #{record['ID']}"
    return str(record["TITLE"] or f"{kind.name.capitalize()} #{record['ID']}")


def phones_of(record: Record) -> list[str]:
    return [str(each["VALUE"]) for each in record["FM"] if each["TYPE_ID"] == "PHONE"]


Moment = Callable[[float], str]


def moments(utc_offset_hours: int) -> Moment:
    """A function that writes Unix seconds as ISO 8601 with the portal's offset."""
    zone = datetime.timezone(datetime.timedelta(hours=utc_offset_hours))
    return lambda at: datetime.datetime.fromtimestamp(int(at), zone).isoformat()


def old_view(kind: Kind, record: Record, moment: Moment) -> Record:
    """The record for `crm.contact.*` and its kind: all fields, values as text, phones as a list if there are any."""
    view: Record = {}
    for name, each in kind.fields.items():
        if each.is_multiple:
            continue
        view[name] = _old_value(record.get(name), each, moment)
    view |= {name: value for name, value in record.items() if name.startswith("UF_")}
    if kind.has_phones:
        for multi in MULTI_KINDS:
            found = [each for each in record["FM"] if each["TYPE_ID"] == multi]
            if multi in ("PHONE", "EMAIL", "IM"):
                view[f"HAS_{multi}"] = "Y" if found else "N"
            if found:
                view[multi] = [{**each, "ID": str(each["ID"])} for each in found]
    return view


def _old_value(value: Any, shape: Field, moment: Moment) -> Any:
    if value is None:
        return None
    if shape.type == "datetime":
        return moment(value) if value else ""
    if shape.type == "double":
        return f"{float(value):.2f}"
    return str(value)


def item_view(kind: Kind, record: Record, moment: Moment, *, original_uf: bool = False) -> Record:
    """The record for `crm.item.*`: camel case, numbers as numbers, `fm` and the flat phone fields."""
    view: Record = {"entityTypeId": kind.id}
    for name, each in kind.fields.items():
        value = record.get(name)
        if each.type == "datetime" and value is not None:
            value = moment(value) if value else None
        elif each.type in INTEGERS and not each.is_multiple:
            value = int(value or 0)
        view[each.item_name] = value
    view |= {
        (name if original_uf else item_name(name)): value for name, value in record.items() if name.startswith("UF_")
    }
    if kind.has_phones:
        view["fm"] = [
            {"id": each["ID"], "typeId": each["TYPE_ID"], "valueType": each["VALUE_TYPE"], "value": each["VALUE"]}
            for each in record["FM"]
        ]
        view |= _flat(record)
    return view


def _flat(record: Record) -> Record:
    """`phone`, `phoneWork`, `phoneMobile`, `email`: the first value of each."""

    def first(type_id: str, value_type: str = "") -> str | None:
        return next(
            (
                each["VALUE"]
                for each in record["FM"]
                if each["TYPE_ID"] == type_id and value_type in ("", each["VALUE_TYPE"])
            ),
            None,
        )

    return {
        "hasPhone": "Y" if first("PHONE") else "N",
        "hasEmail": "Y" if first("EMAIL") else "N",
        "phone": first("PHONE"),
        "phoneWork": first("PHONE", "WORK"),
        "phoneMobile": first("PHONE", "MOBILE"),
        "email": first("EMAIL"),
    }
