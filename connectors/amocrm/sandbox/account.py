"""One account of the sandbox CRM: its records, and the changes that people and programs make to them.

Each change writes the events feed and calls the listener (webhooks, live pages). Nothing here knows HTTP.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from connectors.amocrm.sandbox import fields
from connectors.amocrm.sandbox.tables import FIRST_CREATED, Record, Table

WON, LOST = 142, 143  # the closing stages of every pipeline
SINGULAR = {"contacts": "contact", "companies": "company", "leads": "lead", "customers": "customer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`entity`: contacts|companies|leads|task|unsorted. `action`: its name in webhooks. `old`: the record before."""

    entity: str
    action: str
    record: Record
    old: Record = field(default_factory=dict)
    note: Record | None = None


@dataclass(slots=True, kw_only=True)
class Install:
    """A widget's state in the account, as settings show it. `fields` come from the settings window."""

    is_active: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    status: str = "install"  # install | installed | not_configured
    installed_by: int | None = None
    last_notice: str = ""  # the result of the last request to the integration's server


@dataclass(slots=True)
class Account:
    id: int
    name: str
    subdomain: str
    now: Callable[[], float]
    listener: Callable[[Account, Change], None]
    users: dict[int, Record] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=lambda: {0: "Отдел продаж"})
    pipelines: dict[int, Record] = field(default_factory=dict)
    contacts: Table = field(default_factory=Table)
    companies: Table = field(default_factory=Table)
    leads: Table = field(default_factory=Table)
    notes: dict[int, Record] = field(default_factory=dict)
    tasks: dict[int, Record] = field(default_factory=dict)
    unsorted: dict[str, Record] = field(default_factory=dict)
    calls: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)
    popups: list[Record] = field(default_factory=list)
    installs: dict[str, Install] = field(default_factory=dict)
    seen_unsorted: set[str] = field(default_factory=set)
    subscription_ended: str = ""  # "", "writes", "all"
    is_api_filter_enabled: bool = True
    unsorted_takes_notes: bool = True  # not documented: both answers are possible
    sequence: int = FIRST_CREATED
    _leads_of: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def moment(self) -> int:
        return int(self.now())

    def next_id(self) -> int:
        self.sequence += 1
        return self.sequence

    def table(self, kind: str) -> Table:
        return {"contacts": self.contacts, "companies": self.companies, "leads": self.leads}[kind]

    def admin(self) -> Record:
        return next(user for user in self.users.values() if user["rights"]["is_admin"])

    def assignable(self) -> set[int]:
        """Users who may be responsible. User 0 is the robot, which may not."""
        return {id_ for id_, user in self.users.items() if user["rights"]["is_active"]}

    def ordinary_stages(self, pipeline_id: int) -> set[int]:
        stages = self.pipelines[pipeline_id]["_embedded"]["statuses"]
        return {stage["id"] for stage in stages if stage["type"] == 0}

    def first_stage(self, pipeline_id: int) -> int:
        stages = self.pipelines[pipeline_id]["_embedded"]["statuses"]
        return int(next(stage["id"] for stage in stages if stage["type"] == 0))

    def unsorted_stage(self, pipeline_id: int) -> int:
        stages = self.pipelines[pipeline_id]["_embedded"]["statuses"]
        return int(next(stage["id"] for stage in stages if stage["type"] == 1))

    def main_pipeline(self) -> int:
        return int(next(id_ for id_, pipeline in self.pipelines.items() if pipeline["is_main"]))

    # ---- contacts, companies, leads

    def create(self, kind: str, values: Record, by: int, *, id_: int | None = None, hidden: bool = False) -> Record:
        """`values`: checked API fields. `contacts` (ids, the main one first) and `company_id` are links."""
        at = self.moment()
        record: Record = {
            "id": id_ if id_ is not None else self.next_id(),
            "name": "",
            "responsible_user_id": by if by in self.users else self.admin()["id"],
            "group_id": 0,
            "created_by": by,
            "updated_by": by,
            "created_at": at,
            "updated_at": at,
            "is_deleted": False,
            "closest_task_at": None,
            "account_id": self.id,
            "custom_fields_values": None,
            "company_id": None,
            "tags": [],
            "hidden": hidden,
        }
        if kind == "contacts":
            record |= {"first_name": "", "last_name": ""}
        if kind == "leads":
            pipeline = values.get("pipeline_id") or self.main_pipeline()
            record |= {"price": 0, "loss_reason_id": None, "closed_at": None, "source_id": None, "score": None}
            record |= {"pipeline_id": pipeline, "status_id": self.first_stage(pipeline), "contacts": []}
        record |= values
        self.table(kind).put(record)
        for contact in record.get("contacts", []):
            self._index_lead("contacts", contact, record["id"])
        if kind == "leads" and record["company_id"]:
            self._index_lead("companies", record["company_id"], record["id"])
        if not hidden:
            self.announce_new(kind, record)
        return record

    def announce_new(self, kind: str, record: Record) -> None:
        self.record_event(f"{SINGULAR[kind]}_added", kind, record["id"], record["created_by"])
        self.listener(self, Change(entity=kind, action="add", record=record))

    def update(self, kind: str, record: Record, values: Record, by: int) -> Record:
        """Apply checked fields and return the new record. Changes of stage and owner have separate action names."""
        old = record
        record = {**record, **values, "updated_at": values.get("updated_at", self.moment()), "updated_by": by}
        if kind == "leads" and values.get("status_id") in (WON, LOST):
            record["closed_at"] = record["closed_at"] or self.moment()
        self.table(kind).put(record)
        if record["responsible_user_id"] != old["responsible_user_id"]:
            self._owner_changed(kind, record, old, by)
        if kind == "leads" and (record["status_id"], record["pipeline_id"]) != (old["status_id"], old["pipeline_id"]):
            before = {"lead_status": {"id": old["status_id"], "pipeline_id": old["pipeline_id"]}}
            after = {"lead_status": {"id": record["status_id"], "pipeline_id": record["pipeline_id"]}}
            self.record_event("lead_status_changed", kind, record["id"], by, [after], [before])
            self.listener(self, Change(entity=kind, action="status", record=record, old=old))
        self.listener(self, Change(entity=kind, action="update", record=record, old=old))
        return record

    def _owner_changed(self, kind: str, record: Record, old: Record, by: int) -> None:
        after = [{"responsible_user": {"id": record["responsible_user_id"]}}]
        before = [{"responsible_user": {"id": old["responsible_user_id"]}}]
        self.record_event("entity_responsible_changed", kind, record["id"], by, after, before)
        self.listener(self, Change(entity=kind, action="responsible", record=record, old=old))

    def delete(self, kind: str, id_: int, by: int) -> None:
        record = self.table(kind).get(id_)
        if record is None:
            return
        if kind == "leads":
            for contact in record["contacts"]:
                self._unindex_lead("contacts", contact, id_)
            if record["company_id"]:
                self._unindex_lead("companies", record["company_id"], id_)
        for lead in self.leads_of(kind, id_, hidden=True) if kind != "leads" else ():
            self.unlink(lead, kind, id_, by)
        self.table(kind).delete(id_)
        for note_id in [note["id"] for note in self.notes_of(kind, id_)]:
            del self.notes[note_id]
        if not record.get("hidden"):
            self.record_event(f"{SINGULAR[kind]}_deleted", kind, id_, by)
            self.listener(self, Change(entity=kind, action="delete", record=record))

    # ---- links

    def leads_of(self, kind: str, id_: int, *, hidden: bool = False) -> list[Record]:
        found = [self.leads.get(lead) for lead in self._leads_of.get((kind, id_), [])]
        return [lead for lead in found if lead is not None and (hidden or not lead["hidden"])]

    def active_leads_of(self, kind: str, id_: int) -> list[Record]:
        return [lead for lead in self.leads_of(kind, id_) if lead["status_id"] not in (WON, LOST)]

    def contacts_of_company(self, id_: int) -> list[int]:
        return [contact["id"] for contact in self.contacts.own() if contact["company_id"] == id_]

    def link(self, lead: Record, kind: str, id_: int, by: int, *, is_main: bool = False) -> Record:
        if kind == "companies":
            if lead["company_id"]:
                self._unindex_lead("companies", lead["company_id"], lead["id"])
            values: Record = {"company_id": id_}
        else:
            others = [each for each in lead["contacts"] if each != id_]
            values = {"contacts": [id_, *others] if is_main else [*others, id_]}
        self._index_lead(kind, id_, lead["id"])
        return self.update("leads", lead, values, by)

    def unlink(self, lead: Record, kind: str, id_: int, by: int) -> Record:
        self._unindex_lead(kind, id_, lead["id"])
        if kind == "companies":
            return self.update("leads", lead, {"company_id": None}, by)
        return self.update("leads", lead, {"contacts": [each for each in lead["contacts"] if each != id_]}, by)

    def _index_lead(self, kind: str, id_: int, lead: int) -> None:
        leads = self._leads_of.setdefault((kind, id_), [])
        if lead not in leads:
            leads.append(lead)

    def _unindex_lead(self, kind: str, id_: int, lead: int) -> None:
        leads = self._leads_of.get((kind, id_), [])
        if lead in leads:
            leads.remove(lead)

    # ---- notes, events, matching

    def add_note(self, kind: str, entity_id: int, values: Record, by: int) -> Record:
        """`values`: note_type, params, and, if the caller sent them, created_by, created_at, responsible_user_id."""
        at = self.moment()
        entity = self.table(kind).get(entity_id) or {}
        note: Record = {
            "id": self.next_id(),
            "entity_id": entity_id,
            "created_by": by,
            "updated_by": by,
            "created_at": at,
            "updated_at": at,
            "responsible_user_id": entity.get("responsible_user_id", by),
            "group_id": 0,
            "is_pinned": False,
            "account_id": self.id,
            **values,
            "entity_type": kind,
        }
        self.notes[note["id"]] = note
        if note["note_type"] in ("call_in", "call_out"):
            name = "incoming_call" if note["note_type"] == "call_in" else "outgoing_call"
            self.record_event(name, kind, entity_id, note["created_by"], [{"note": {"id": note["id"]}}])
        else:
            self.record_event(f"{note['note_type']}_note_added", kind, entity_id, by, [{"note": {"id": note["id"]}}])
        self.listener(self, Change(entity=kind, action="note", record=entity, note=note))
        return note

    def touch(self) -> None:
        """After a change without a webhook: make open pages reload."""
        self.listener(self, Change(entity="", action="", record={}))

    def notes_of(self, kind: str, entity_id: int) -> list[Record]:
        return [n for n in self.notes.values() if n["entity_type"] == kind and n["entity_id"] == entity_id]

    def record_event(
        self,
        name: str,
        kind: str,
        id_: int,
        by: int,
        after: list[Record] | None = None,
        before: list[Record] | None = None,
    ) -> None:
        self.events.append(
            {
                "id": uuid.uuid4().hex[:26],
                "type": name,
                "entity_id": id_,
                "entity_type": SINGULAR.get(kind, kind),
                "created_by": by,
                "created_at": self.moment(),
                "value_after": after or [],
                "value_before": before or [],
                "account_id": self.id,
            }
        )

    def match_phone(self, number: str, count: int) -> tuple[str, Record] | None:
        """The oldest contact with that number, else the oldest company. Compares the last `count` digits."""
        for kind in ("contacts", "companies"):
            found = self.table(kind).by_phone(number, count)
            if found:
                return kind, found[0]
        return None

    def landing(self, number: str, count: int) -> tuple[str, Record] | None:
        """The card of a call or popup: the match's active lead if it has exactly one, else the match itself."""
        match = self.match_phone(number, count)
        if match is None:
            return None
        active = self.active_leads_of(match[0], match[1]["id"])
        return ("leads", active[0]) if len(active) == 1 else match

    def check_fields(
        self, kind: str, incoming: Iterable[Record], record: Record | None
    ) -> tuple[list[Record] | None, list[dict[str, str]]]:
        return fields.written(kind, incoming, record["custom_fields_values"] if record else None)
