"""Methods of the CRM beside its objects: search by phone, merging, dictionaries, the CRM's mode.

Telephony looks up a number's owner by `telephony.externalCall.searchCrmEntities`.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox import filtering
from connectors.bitrix24.sandbox.crm_kinds import (
    COMPANY,
    CONTACT,
    DEAL_STAGES,
    KINDS,
    KINDS_BY_NAME,
    LEAD,
    LEAD_STATUSES,
    SOURCES,
    Kind,
    Record,
)
from connectors.bitrix24.sandbox.errors import RestError, php_map
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.parameters import as_int, as_text

_MOST_VALUES = 20


def find_by_comm(call: Call) -> Any:
    """
    Ids by phone or e-mail, as leads, contacts, companies. A type with 20 or more hits hides the types after it.
    Nothing found is an empty list.
    """
    parameters = call.parameters
    type_id = parameters.text("type").upper()
    if not type_id:
        raise RestError("Communication type is not defined", "Parameter 'type' is required.")
    if type_id not in ("PHONE", "EMAIL"):
        raise RestError(f"Communication type '{type_id}' is not supported in current context", "")
    values = parameters.raw("values")
    if not isinstance(values, list) or not values:
        raise RestError("Communication values is not defined", "Parameter 'values' is required.")
    wanted = [as_text(each) for each in values[:_MOST_VALUES]]
    asked = parameters.text("entity_type").upper()
    found: dict[str, list[int]] = {}
    for id_ in (LEAD, CONTACT, COMPANY):
        kind = KINDS[id_]
        if asked and asked != kind.name:
            continue
        hits = sorted({each for value in wanted for each in _hits(call, kind, type_id, value)})
        if hits:
            found[kind.name] = hits[: call.sandbox.settings.duplicates_found]
        if len(hits) >= call.sandbox.settings.duplicates_found:
            break
    return php_map(found)


def _hits(call: Call, kind: Kind, type_id: str, value: str) -> list[int]:
    if type_id == "PHONE":
        return call.portal.ids_by_phone(kind, value)
    wanted = value.strip().casefold()
    return [
        record["ID"]
        for record in call.portal.tables[kind.id]
        if any(each["TYPE_ID"] == "EMAIL" and each["VALUE"].casefold() == wanted for each in record["FM"])
    ]


def merge(call: Call) -> Record:
    """`crm.entity.mergeBatch`: the first of the objects survives, with the phones of the others."""
    params = call.parameters.mapping("params")
    kind = KINDS.get(as_int(params.get("entityTypeId")))
    sent = params.get("entityIds")
    ids = [id_ for each in (sent if isinstance(sent, list) else []) if (id_ := as_int(each))]
    records = [call.portal.object(kind, id_) for id_ in ids] if kind else []
    if kind is None or len(records) < 2 or any(record is None for record in records):
        return {"STATUS": "ERROR", "ENTITY_IDS": ids}
    survivor, others = records[0], records[1:]
    assert survivor is not None
    known = {(each["TYPE_ID"], each["VALUE"]) for each in survivor["FM"]}
    phones = list(survivor["FM"])
    for other in others:
        assert other is not None
        phones += [
            {"TYPE_ID": each["TYPE_ID"], "VALUE_TYPE": each["VALUE_TYPE"], "VALUE": each["VALUE"]}
            for each in other["FM"]
            if (each["TYPE_ID"], each["VALUE"]) not in known
        ]
        call.portal.delete(kind, other["ID"], call.author)
    call.portal.update(kind, survivor, {"FM": phones}, call.author)
    return {"STATUS": "SUCCESS", "ENTITY_IDS": []}


def mode_get(call: Call) -> int:
    return call.portal.mode


def _statuses() -> list[Record]:
    groups: dict[str, dict[str, tuple[str, str] | str]] = {
        "SOURCE": {**SOURCES},
        "STATUS": {**LEAD_STATUSES},
        "DEAL_STAGE": {**DEAL_STAGES},
        "CALL_LIST": {"IN_WORK": "В работе", "SUCCESS": "Успех", "WRONG_NUMBER": "Неверный номер"},
    }
    rows: list[Record] = []
    for group, entries in groups.items():
        for index, (status, name) in enumerate(entries.items()):
            title, meaning = name if isinstance(name, tuple) else (name, "")
            rows.append(
                {
                    "ID": str(len(rows) + 1),
                    "ENTITY_ID": group,
                    "STATUS_ID": status,
                    "NAME": title,
                    "NAME_INIT": title,
                    "SORT": str((index + 1) * 10),
                    "SYSTEM": "Y",
                    "SEMANTICS": {"S": "S", "F": "F"}.get(meaning),
                }
            )
    return rows


def status_list(call: Call) -> list[Record]:
    def read(row: Record, name: str) -> Any:
        return row.get(name.upper())

    conditions = call.parameters.mapping("filter")
    order = call.parameters.mapping("order") or {"ID": "ASC"}
    return filtering.ordered(filtering.select(_statuses(), conditions, read), order, read)


def category_list(call: Call) -> Record:
    """`crm.category.list`: the portal has the general pipeline only."""
    return {
        "categories": [
            {"id": 0, "name": "Общая", "sort": 100, "entityTypeId": call.parameters.integer("entityTypeId", 2),
             "isDefault": "Y"}
        ]
    }  # fmt: skip


def owner_type(call: Call) -> list[Record]:
    return [{"ID": kind.id, "NAME": kind.name, "SYMBOL_CODE_SHORT": kind.letter} for kind in KINDS_BY_NAME.values()]


def add_methods(registry: Registry) -> None:
    registry.add(
        "crm",
        {
            "crm.duplicate.findbycomm": find_by_comm,
            "crm.entity.mergeBatch": merge,
            "crm.settings.mode.get": mode_get,
            "crm.status.list": status_list,
            "crm.category.list": category_list,
            "crm.enum.ownertype": owner_type,
        },
    )
