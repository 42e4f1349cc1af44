"""`crm.item.*`: all kinds of CRM objects by `entityTypeId`, in camel case.

The older methods are in `rest_crm_old.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.bitrix24.sandbox import crm_writing, filtering
from connectors.bitrix24.sandbox.crm_kinds import KINDS, Kind, Record, field_name, item_view
from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.parameters import as_text

_ALWAYS = frozenset({"id"})


def _kind(call: Call) -> Kind:
    kind = KINDS.get(call.parameters.integer("entityTypeId"))
    if kind is None:
        raise RestError("NOT_FOUND", "Smart process not found")
    return kind


def _record(call: Call, kind: Kind) -> Record:
    record = call.portal.object(kind, call.parameters.integer("id"))
    if record is None:
        raise RestError("NOT_FOUND", "Element not found")
    return record


def _view(call: Call, kind: Kind, record: Record) -> Record:
    original = call.parameters.text("useOriginalUfNames").upper() == "Y"
    return item_view(kind, record, call.portal.moment, original_uf=original)


def _reader(kind: Kind) -> Callable[[Record, str], Any]:
    """Fields in camel case. `fm` is no field of filters."""

    def read(record: Record, name: str) -> Any:
        return record.get(field_name(kind, name))

    return read


def add(call: Call) -> Record:
    """Does not look for duplicates."""
    kind = _kind(call)
    values = crm_writing.item_fields(kind, call.parameters.mapping("fields"), None)
    return {"item": _view(call, kind, call.portal.create(kind, values, call.author))}


def get(call: Call) -> Record:
    kind = _kind(call)
    return {"item": _view(call, kind, _record(call, kind))}


def list_(call: Call) -> Page:
    kind, parameters = _kind(call), call.parameters
    read = _reader(kind)
    found = filtering.select(call.portal.tables[kind.id], parameters.mapping("filter"), read)
    order = parameters.mapping("order") or {"id": "ASC"}
    page = filtering.page(filtering.ordered(found, order, read), parameters, call.sandbox.settings.page_length)
    wanted = [as_text(each) for each in parameters.items("select")]
    rows = [_selected(_view(call, kind, record), wanted) for record in page.items]
    return Page(rows, page.total, page.next, wrapped_in="items")


def _selected(view: Record, wanted: list[str]) -> Record:
    """`fm` comes with `*` only; the flat phone fields if they are named."""
    if not wanted or "*" in wanted:
        return view
    return {name: value for name, value in view.items() if name in wanted or name in _ALWAYS}


def update(call: Call) -> Record:
    kind = _kind(call)
    record = _record(call, kind)
    values = crm_writing.item_fields(kind, call.parameters.mapping("fields"), record)
    return {"item": _view(call, kind, call.portal.update(kind, record, values, call.author))}


def delete(call: Call) -> list[Any]:
    kind = _kind(call)
    call.portal.delete(kind, _record(call, kind)["ID"], call.author)
    return []


def fields(call: Call) -> Record:
    kind = _kind(call)
    described = {
        each.item_name: {
            "type": each.type,
            "isRequired": each.is_required,
            "isReadOnly": each.is_read_only,
            "isImmutable": False,
            "isMultiple": each.is_multiple,
            "isDynamic": False,
            "title": each.name,
            "upperName": each.name,
        }
        for each in kind.fields.values()
    }
    if kind.has_phones:
        described["fm"] = {"type": "crm_multifield", "isMultiple": True, "title": "FM", "upperName": "FM"}
    return {"fields": described}


def add_methods(registry: Registry) -> None:
    registry.add(
        "crm",
        {
            "crm.item.add": add,
            "crm.item.get": get,
            "crm.item.list": list_,
            "crm.item.update": update,
            "crm.item.delete": delete,
            "crm.item.fields": fields,
        },
    )
