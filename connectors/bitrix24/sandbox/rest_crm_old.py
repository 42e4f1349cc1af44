"""`crm.contact.*`, `crm.company.*`, `crm.lead.*`, `crm.deal.*`: frozen in the documentation, and in use everywhere.

`crm.item.*` is in `rest_crm_items.py`.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox import crm_writing, filtering
from connectors.bitrix24.sandbox.crm_kinds import KINDS, MULTI_KINDS, Kind, Record, old_view
from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.methods import Call, Handler, Registry
from connectors.bitrix24.sandbox.parameters import as_text


def read(record: Record, name: str) -> Any:
    """A field for filters and order; a phone is compared as its stored text."""
    upper = name.upper()
    if upper in MULTI_KINDS:
        return [each["VALUE"] for each in record["FM"] if each["TYPE_ID"] == upper]
    return record.get(upper)


class OldMethods:
    """The methods of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def _record(self, call: Call) -> Record:
        record = call.portal.object(self._kind, call.parameters.integer("ID"))
        if record is None:
            raise RestError("", "Not found")
        return record

    def add(self, call: Call) -> int:
        fields = call.parameters.mapping("fields")
        record = call.portal.create(self._kind, crm_writing.old_fields(self._kind, fields, None), call.author)
        return int(record["ID"])

    def get(self, call: Call) -> Record:
        return old_view(self._kind, self._record(call), call.portal.moment)

    def list(self, call: Call) -> Page:
        parameters = call.parameters
        found = filtering.select(call.portal.tables[self._kind.id], parameters.mapping("filter"), read)
        order = parameters.mapping("order") or {"ID": "ASC"}
        page = filtering.page(filtering.ordered(found, order, read), parameters, call.sandbox.settings.page_length)
        wanted = {as_text(each).upper() for each in parameters.items("select")}
        rows = [_selected(old_view(self._kind, record, call.portal.moment), wanted) for record in page.items]
        return Page(rows, page.total, page.next)

    def update(self, call: Call) -> bool:
        record = self._record(call)
        fields = call.parameters.mapping("fields")
        values = crm_writing.old_fields(self._kind, fields, record)
        call.portal.update(self._kind, record, values, call.author)
        return True

    def delete(self, call: Call) -> bool:
        return call.portal.delete(self._kind, self._record(call)["ID"], call.author)

    def fields(self, call: Call) -> Record:
        return {
            each.name: {
                "type": each.type,
                "isRequired": each.is_required,
                "isReadOnly": each.is_read_only,
                "isImmutable": False,
                "isMultiple": each.is_multiple,
                "isDynamic": False,
                "title": each.name,
            }
            for each in self._kind.fields.values()
        } | (
            {
                name: {"type": "crm_multifield", "isRequired": False, "isReadOnly": False, "isMultiple": True}
                for name in MULTI_KINDS
            }
            if self._kind.has_phones
            else {}
        )

    def handlers(self) -> dict[str, Handler]:
        prefix = self._kind.old_prefix
        return {
            f"{prefix}.add": self.add,
            f"{prefix}.get": self.get,
            f"{prefix}.list": self.list,
            f"{prefix}.update": self.update,
            f"{prefix}.delete": self.delete,
            f"{prefix}.fields": self.fields,
        }


def _selected(view: Record, wanted: set[str]) -> Record:
    """Without `select`, and with `*`, all plain fields; phones and own fields only if they are named."""
    special = {name for name in view if name in MULTI_KINDS or name.startswith("UF_")}
    if not wanted or "*" in wanted:
        own = {name for name in special if name.startswith("UF_") and "UF_*" in wanted}
        return {name: value for name, value in view.items() if name not in special or name in wanted or name in own}
    return {name: value for name, value in view.items() if name in wanted or name == "ID"}


def deal_contacts(call: Call) -> list[Record]:
    """`crm.deal.contact.items.get`."""
    deal = call.portal.object(KINDS[2], call.parameters.integer("id"))
    if deal is None:
        raise RestError("", "Not found")
    return [
        {"CONTACT_ID": id_, "SORT": (index + 1) * 10, "IS_PRIMARY": "Y" if index == 0 else "N"}
        for index, id_ in enumerate(deal["CONTACT_IDS"])
    ]


def add_methods(registry: Registry) -> None:
    for kind in KINDS.values():
        registry.add("crm", OldMethods(kind).handlers())
    registry.add("crm", {"crm.deal.contact.items.get": deal_contacts})
