"""One portal: its people, CRM objects, timeline, files, and the changes that people and programs make to them.

Each change is announced to listeners (events, live pages). Nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.bitrix24.sandbox.crm_kinds import (
    CONTACT,
    DEAL,
    KINDS,
    LEAD,
    Kind,
    Record,
    moments,
    stage_meaning,
    title_of,
)
from connectors.bitrix24.sandbox.settings import SandboxSettings
from connectors.bitrix24.sandbox.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changed something. `user_id` 0: a robot. `client_id`: the program, `connector`: its `auth_connector`."""

    user_id: int = 0
    client_id: str = ""
    connector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    An event of the portal. `event`: its name in upper case. `data`: as handlers get it. `subject`: what it is about,
    for offline events, which keep the last state of each subject. `only_for`: the application that gets it; empty: all.
    """

    event: str
    data: dict[str, Any]
    author: Author
    subject: str = ""
    only_for: str = ""


@dataclass(slots=True, kw_only=True)
class Live:
    """A call between `register` and `finish`."""

    id: str
    client_id: str
    user_id: int
    number: str
    type: int
    line: str
    external_id: str
    started_at: float
    entity: tuple[str, int] | None = None
    created: list[tuple[str, int]] = field(default_factory=list)
    source: str = ""
    list_id: int = 0
    is_internal: bool = False
    shown_to: set[int] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class StoredFile:
    id: int
    name: str
    content: bytes = field(repr=False)
    content_type: str
    call_id: str = ""


@dataclass(slots=True)
class Portal:
    """`host`: the portal's only address; empty: any. `kind`: cloud or self_hosted, where no limits apply."""

    name: str
    title: str
    member_id: str
    now: Callable[[], float]
    settings: SandboxSettings
    listener: Callable[[Portal, Change], None]
    host: str = ""
    old_hosts: set[str] = field(default_factory=set)
    kind: str = "cloud"
    is_enterprise: bool = False
    has_rest: bool = True  # a paid plan with the Marketplace subscription
    has_reserve: bool = True  # offline events with clear=0 and auth_connector
    has_timeman: bool = True
    mode: int = 1  # crm.settings.mode.get: 1 with leads, 2 "simple CRM"
    users: dict[int, Record] = field(default_factory=dict)
    departments: dict[int, Record] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=lambda: {id_: Table() for id_ in KINDS})
    activities: dict[int, Record] = field(default_factory=dict)
    comments: dict[int, Record] = field(default_factory=dict)
    tasks: dict[int, Record] = field(default_factory=dict)
    notices: list[Record] = field(default_factory=list)
    pushes: list[Record] = field(default_factory=list)  # pull.application.event.add
    live: dict[str, Live] = field(default_factory=dict)
    statistics: list[Record] = field(default_factory=list)
    transcripts: dict[int, Record] = field(default_factory=dict)
    lines: dict[tuple[str, str], Record] = field(default_factory=dict)  # (application, number)
    outgoing_line: tuple[str, str] | None = None  # (application, number) that clicks go to; number "" is its default
    files: dict[int, StoredFile] = field(default_factory=dict)
    sequence: int = 100

    def next_id(self) -> int:
        self.sequence += 1
        return self.sequence

    def moment(self, at: float) -> str:
        return moments(self.settings.utc_offset_hours)(at)

    def announce(self, change: Change) -> None:
        self.listener(self, change)

    def touch(self) -> None:
        """After a change that has no event: make open pages reload."""
        self.listener(self, Change(event="", data={}, author=Author()))

    # ---- people

    def admin(self) -> Record:
        return next(user for user in self.users.values() if user["IS_ADMIN"])

    def active_user(self, id_: int) -> Record | None:
        user = self.users.get(id_)
        return user if user and user["ACTIVE"] else None

    def user_of_extension(self, extension: str) -> Record | None:
        return next(
            (u for u in self.users.values() if u["ACTIVE"] and extension and u["UF_PHONE_INNER"] == extension), None
        )

    # ---- CRM objects

    def object(self, kind: Kind, id_: int) -> Record | None:
        return self.tables[kind.id].get(id_)

    def create(self, kind: Kind, values: Record, author: Author) -> Record:
        """`values`: stored names; `FM` a list of `{TYPE_ID, VALUE_TYPE, VALUE}`."""
        at = self.now()
        record: Record = dict.fromkeys(kind.fields)
        record |= {
            "ID": self.next_id(),
            "DATE_CREATE": at,
            "DATE_MODIFY": at,
            "CREATED_BY_ID": author.user_id,
            "MODIFY_BY_ID": author.user_id,
            "ASSIGNED_BY_ID": author.user_id or self.admin()["ID"],
            "OPENED": "Y",
            "FM": [],
        }
        if kind.id == DEAL:
            record |= {"STAGE_ID": "NEW", "CATEGORY_ID": 0, "CONTACT_IDS": [], "OPPORTUNITY": 0.0, "CURRENCY_ID": "RUB"}
        if kind.id == LEAD:
            record |= {"STATUS_ID": "NEW", "OPPORTUNITY": 0.0, "CURRENCY_ID": "RUB"}
        record |= values
        record["FM"] = [{"ID": self.next_id(), **each} for each in record["FM"]]
        self._derive(kind, record)
        self.tables[kind.id].put(record)
        self._crm_event(kind, "ADD", record["ID"], author)
        return record

    def update(self, kind: Kind, record: Record, values: Record, author: Author) -> Record:
        """`values` replace; those in `FM` without an id are new."""
        changed = {**record, **values, "DATE_MODIFY": self.now(), "MODIFY_BY_ID": author.user_id}
        changed["FM"] = [each if each.get("ID") else {**each, "ID": self.next_id()} for each in changed["FM"]]
        self._derive(kind, changed)
        self.tables[kind.id].put(changed)
        self._crm_event(kind, "UPDATE", record["ID"], author)
        return changed

    def delete(self, kind: Kind, id_: int, author: Author) -> bool:
        if self.tables[kind.id].delete(id_) is None:
            return False
        for activity in [a for a in self.activities.values() if (a["OWNER_TYPE_ID"], a["OWNER_ID"]) == (kind.id, id_)]:
            del self.activities[activity["ID"]]
        self._crm_event(kind, "DELETE", id_, author)
        return True

    def _derive(self, kind: Kind, record: Record) -> None:
        """Fields that follow others: a stage's meaning, a deal's first contact."""
        if kind.id == LEAD:
            record["STATUS_SEMANTIC_ID"] = stage_meaning(kind, record["STATUS_ID"])
        if kind.id == DEAL:
            record["STAGE_SEMANTIC_ID"] = stage_meaning(kind, record["STAGE_ID"])
            record["CLOSED"] = "N" if record["STAGE_SEMANTIC_ID"] == "P" else "Y"
            ids = list(record["CONTACT_IDS"] or [])
            first = record["CONTACT_ID"]
            if first and first not in ids:
                ids.insert(0, first)
            record["CONTACT_IDS"] = ids
            record["CONTACT_ID"] = first or (ids[0] if ids else None)

    def _crm_event(self, kind: Kind, action: str, id_: int, author: Author) -> None:
        event = f"ONCRM{kind.name}{action}"
        data = {"FIELDS": {"ID": str(id_)}}
        self.announce(Change(event=event, data=data, author=author, subject=f"{kind.name}_{id_}"))

    # ---- who a number belongs to

    def ids_by_phone(self, kind: Kind, number: str) -> list[int]:
        return self.tables[kind.id].by_phone(number, by_digits=self.settings.matches_digits)

    def owner_of_number(self, number: str) -> tuple[Kind, Record] | None:
        """The oldest contact with this number, else lead that is not closed, else company."""
        for id_ in (CONTACT, LEAD, 4):
            for found in self.ids_by_phone(KINDS[id_], number):
                record = self.object(KINDS[id_], found)
                if record and (id_ != LEAD or record["STATUS_SEMANTIC_ID"] == "P"):
                    return KINDS[id_], record
        return None

    def object_title(self, kind: Kind, id_: int) -> str:
        record = self.object(kind, id_)
        return title_of(kind, record) if record else ""

    # ---- timeline

    def add_activity(self, values: Record, author: Author) -> Record:
        at = self.now()
        activity: Record = {
            "ID": self.next_id(),
            "OWNER_ID": 0,
            "OWNER_TYPE_ID": 0,
            "TYPE_ID": 6,
            "PROVIDER_ID": "",
            "PROVIDER_TYPE_ID": "",
            "ORIGIN_ID": "",
            "SUBJECT": "",
            "DESCRIPTION": "",
            "DIRECTION": 0,
            "COMPLETED": "N",
            "RESPONSIBLE_ID": author.user_id,
            "AUTHOR_ID": author.user_id,
            "CREATED": at,
            "LAST_UPDATED": at,
            "START_TIME": at,
            "END_TIME": at,
            "DEADLINE": None,
            "FILES": [],
            "COMMUNICATIONS": [],
            "BINDINGS": [],
            "SETTINGS": {},
            **values,
        }
        self.activities[activity["ID"]] = activity
        self.activity_event("ADD", activity, author)
        return activity

    def activity_event(self, action: str, activity: Record, author: Author) -> None:
        data = {"FIELDS": {"ID": str(activity["ID"])}}
        subject = f"ACTIVITY_{activity['ID']}"
        self.announce(Change(event=f"ONCRMACTIVITY{action}", data=data, author=author, subject=subject))

    def activities_of(self, kind: Kind, id_: int) -> list[Record]:
        return [
            each
            for each in self.activities.values()
            if (each["OWNER_TYPE_ID"], each["OWNER_ID"]) == (kind.id, id_)
            or {"OWNER_TYPE_ID": kind.id, "OWNER_ID": id_} in each["BINDINGS"]
        ]

    def add_comment(self, kind: Kind, id_: int, text: str, author: Author) -> Record:
        comment: Record = {
            "ID": self.next_id(),
            "ENTITY_TYPE": kind.name.lower(),
            "ENTITY_ID": id_,
            "COMMENT": text,
            "AUTHOR_ID": author.user_id,
            "CREATED": self.now(),
        }
        self.comments[comment["ID"]] = comment
        self.comment_event("ADD", comment, author)
        return comment

    def comment_event(self, action: str, comment: Record, author: Author) -> None:
        data = {"FIELDS": {"ID": str(comment["ID"])}}
        subject = f"COMMENT_{comment['ID']}"
        self.announce(Change(event=f"ONCRMTIMELINECOMMENT{action}", data=data, author=author, subject=subject))

    def store(self, name: str, content: bytes, content_type: str, call_id: str) -> StoredFile:
        stored = StoredFile(id=self.next_id(), name=name, content=content, content_type=content_type, call_id=call_id)
        self.files[stored.id] = stored
        return stored
