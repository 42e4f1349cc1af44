"""External calls of a portal: from `register` to `finish`, with what they create in the CRM and in the timeline.

`rest_telephony.py` reads the parameters and writes the answers; `pages.py` makes calls that begin with a click.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

from connectors.bitrix24.sandbox.crm_kinds import CONTACT, DEAL, KINDS, KINDS_BY_NAME, LEAD, SOURCES, Record
from connectors.bitrix24.sandbox.portal import Author, Change, Live, Portal
from connectors.bitrix24.sandbox.sandbox import App, Sandbox
from connectors.bitrix24.sandbox.tables import normalised

OUTGOING, INCOMING, REDIRECTED, CALLBACK, INFORMATION = range(1, 6)
TYPES = (OUTGOING, INCOMING, REDIRECTED, CALLBACK, INFORMATION)
MISSED = "304"
LOCAL_USER = "Lead creation is disabled for local users"

_LINE_LENGTH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """
    What `register` was asked for. `entity`: given by the caller, else searched by the number. `is_repeatable`: a click
    on a number is always its own call.
    """

    app: App
    user_id: int
    number: str
    type: int
    started_at: float
    line: str = ""
    external_id: str = ""
    creates: bool = False
    source: str = ""
    entity: tuple[str, int] | None = None
    shows: bool = True
    list_id: int = 0
    is_repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Registered:
    live: Live
    lead_error: str = ""
    is_repeat: bool = False


def plain_number(text: str) -> str:
    """The number as it is kept: everything but `0-9 # * + , ;` is dropped."""
    return re.sub(r"[^0-9#*+,;]", "", text)


def app_id(app: App) -> str:
    """The application's id in the portal, as statistics show it."""
    return app.client_id.rpartition(".")[2]


def register(sandbox: Sandbox, portal: Portal, asked: Registration, author: Author) -> Registered:
    """Register a call, or find the live one that this repeats."""
    repeated = _repeated(sandbox, portal, asked) if asked.is_repeatable else None
    if repeated is not None:
        if asked.shows:
            show(sandbox, portal, repeated, [asked.user_id])
        return Registered(repeated, is_repeat=True)
    _note_line(portal, asked)
    live = Live(
        id=f"externalCall.{secrets.token_hex(16)}.{int(sandbox.now())}",
        client_id=asked.app.client_id,
        user_id=asked.user_id,
        number=asked.number,
        type=asked.type,
        line=asked.line or f"REST_APP:{app_id(asked.app)}",
        external_id=asked.external_id,
        started_at=asked.started_at,
        source=asked.source,
        list_id=asked.list_id,
        is_internal=portal.user_of_extension(asked.number) is not None,
    )
    portal.live[live.id] = live
    lead_error = "" if live.is_internal else _find_client(portal, live, asked, author)
    data = {
        "CALL_ID": live.id,
        "CALL_TYPE": live.type,
        "ACCOUNT_SEARCH_ID": live.line,
        "PHONE_NUMBER": live.number,
        "CALLER_ID": live.number,
        "REST_APP_ID": app_id(asked.app),
    }
    portal.announce(Change(event="ONVOXIMPLANTCALLINIT", data=data, author=author, subject=live.id))
    data = {"CALL_ID": live.id, "USER_ID": live.user_id}
    portal.announce(Change(event="ONVOXIMPLANTCALLSTART", data=data, author=author, subject=live.id))
    if asked.shows:
        show(sandbox, portal, live, [asked.user_id])
    return Registered(live, lead_error)


def _repeated(sandbox: Sandbox, portal: Portal, asked: Registration) -> Live | None:
    """
    The unfinished call with the same application, user, number as written, type, and line and external id if given.
    Its age is told by the start date that it was registered with, so an old date is never recognised.
    """
    for live in portal.live.values():
        is_same = (
            live.client_id == asked.app.client_id
            and live.user_id == asked.user_id
            and live.number == asked.number
            and live.type == asked.type
            and (not asked.line or live.line == asked.line)
            and (not asked.external_id or live.external_id == asked.external_id)
        )
        if is_same and sandbox.now() - live.started_at < sandbox.settings.register_repeat_seconds:
            return live
    return None


def _note_line(portal: Portal, asked: Registration) -> None:
    """An unknown line is created silently, without a name."""
    number = asked.line[:_LINE_LENGTH]
    if number and (asked.app.client_id, number) not in portal.lines:
        portal.lines[asked.app.client_id, number] = {"NUMBER": number, "NAME": "", "CRM_AUTO_CREATE": "Y"}


def _find_client(portal: Portal, live: Live, asked: Registration, author: Author) -> str:
    """Bind the call to its client, or create one. Returns why none was created, if one was wanted."""
    if asked.entity is not None and _exists(portal, asked.entity):
        live.entity = asked.entity
        return ""
    owner = portal.owner_of_number(live.number)
    if owner is not None:
        live.entity = (owner[0].name, owner[1]["ID"])
        return ""
    if not asked.creates:
        return ""
    if is_employee(portal, live.number):
        return LOCAL_USER
    _create_client(portal, live, Author(user_id=asked.user_id, client_id=author.client_id, connector=author.connector))
    return ""


def _exists(portal: Portal, entity: tuple[str, int]) -> bool:
    kind = KINDS_BY_NAME.get(entity[0])
    return kind is not None and portal.object(kind, entity[1]) is not None


def is_employee(portal: Portal, number: str) -> bool:
    """Whether the number is an active employee's work, personal, mobile or inner number."""
    names = ("WORK_PHONE", "PERSONAL_PHONE", "PERSONAL_MOBILE", "UF_PHONE_INNER")
    wanted = normalised(number)
    return any(
        user["ACTIVE"] and wanted and any(normalised(str(user[name] or "")) == wanted for name in names)
        for user in portal.users.values()
    )


def _create_client(portal: Portal, live: Live, author: Author) -> None:
    """A lead in the classic CRM, a contact with a deal in the simple one."""
    direction = "Исходящий звонок" if live.type == OUTGOING else "Входящий звонок"
    source = live.source if live.source in SOURCES else "CALL"
    phone = {"TYPE_ID": "PHONE", "VALUE_TYPE": "WORK", "VALUE": live.number}
    title = f"{live.number} - {direction}"
    if portal.mode == 1:
        values: Record = {"TITLE": title, "SOURCE_ID": source, "FM": [phone]}
        lead = portal.create(KINDS[LEAD], values, author)
        live.created.append(("LEAD", lead["ID"]))
        live.entity = ("LEAD", lead["ID"])
        return
    values = {"NAME": live.number, "SOURCE_ID": source, "FM": [phone]}
    contact = portal.create(KINDS[CONTACT], values, author)
    values = {"TITLE": title, "SOURCE_ID": source, "CONTACT_ID": contact["ID"]}
    deal = portal.create(KINDS[DEAL], values, author)
    live.created += [("CONTACT", contact["ID"]), ("DEAL", deal["ID"])]
    live.entity = ("CONTACT", contact["ID"])


def show(sandbox: Sandbox, portal: Portal, live: Live, user_ids: list[int]) -> None:
    """Open the card on the pages of these users. A page that opens later does not show it."""
    live.shown_to |= set(user_ids)
    _push(sandbox, portal, "call_card", live.id, user_ids)


def hide(sandbox: Sandbox, portal: Portal, live: Live, user_ids: list[int]) -> None:
    live.shown_to -= set(user_ids)
    _push(sandbox, portal, "call_card_hidden", live.id, user_ids)


def _push(sandbox: Sandbox, portal: Portal, kind: str, call_id: str, user_ids: list[int]) -> None:
    sandbox.tell_pages({"kind": kind, "portal": portal.member_id, "call": call_id, "users": user_ids})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    user_id: int
    duration: int
    code: str = ""
    reason: str = ""
    cost: float = 0
    currency: str = ""
    vote: int | None = None
    adds_to_chat: bool = False


def finish(sandbox: Sandbox, portal: Portal, live: Live, ending: Ending, author: Author) -> Record:
    """
    End a call: hide the finisher's card only, give them what the call created, write statistics and the activity.

    Returns:
        The row of statistics.
    """
    hide(sandbox, portal, live, [ending.user_id])
    for kind_name, id_ in live.created:
        record = portal.object(KINDS_BY_NAME[kind_name], id_)
        if record is not None and record["ASSIGNED_BY_ID"] != ending.user_id:
            portal.update(KINDS_BY_NAME[kind_name], record, {"ASSIGNED_BY_ID": ending.user_id}, author)
    code = ending.code or ("200" if ending.duration > 0 else MISSED)
    app = sandbox.apps[live.client_id]
    row: Record = {
        "ID": portal.next_id(),
        "CALL_ID": live.id,
        "EXTERNAL_CALL_ID": live.external_id or None,
        "PORTAL_USER_ID": ending.user_id,
        "PHONE_NUMBER": live.number,
        "PORTAL_NUMBER": live.line,
        "CALL_TYPE": live.type,
        "CALL_CATEGORY": "external",
        "CALL_DURATION": ending.duration,
        "CALL_START_DATE": live.started_at,
        "CALL_VOTE": ending.vote,
        "COST": ending.cost,
        "COST_CURRENCY": ending.currency,
        "CALL_FAILED_CODE": code,
        "CALL_FAILED_REASON": ending.reason,
        "REST_APP_ID": app_id(app),
        "REST_APP_NAME": app.name,
        "CRM_ENTITY_TYPE": live.entity[0] if live.entity else "",
        "CRM_ENTITY_ID": live.entity[1] if live.entity else 0,
        "CRM_ACTIVITY_ID": None,
        "RECORD_FILE_ID": None,
        "CALL_RECORD_URL": None,
        "TRANSCRIPT_ID": None,
        "COMMENT": None,
        "ADD_TO_CHAT": ending.adds_to_chat,
    }
    if live.entity is not None:
        row["CRM_ACTIVITY_ID"] = _add_activity(portal, live, row, author)["ID"]
    portal.statistics.append(row)
    del portal.live[live.id]
    if code == "200" and live.type == OUTGOING:
        _close_missed(portal, live.number)
    portal.announce(Change(event="ONVOXIMPLANTCALLEND", data=_end_data(portal, row), author=author, subject=live.id))
    return row


def _add_activity(portal: Portal, live: Live, row: Record, author: Author) -> Record:
    assert live.entity is not None
    kind = KINDS_BY_NAME[live.entity[0]]
    is_incoming = live.type in (INCOMING, REDIRECTED)
    bindings = [{"OWNER_TYPE_ID": kind.id, "OWNER_ID": live.entity[1]}]
    bindings += [{"OWNER_TYPE_ID": KINDS_BY_NAME[name].id, "OWNER_ID": id_} for name, id_ in live.created]
    return portal.add_activity(
        {
            "OWNER_TYPE_ID": kind.id,
            "OWNER_ID": live.entity[1],
            "TYPE_ID": 2,
            "PROVIDER_ID": "VOXIMPLANT_CALL",
            "PROVIDER_TYPE_ID": "CALL",
            "ORIGIN_ID": f"VI_{live.id}",
            "SUBJECT": f"{'Входящий от' if is_incoming else 'Исходящий на'} {live.number}",
            "DIRECTION": 1 if is_incoming else 2,
            "COMPLETED": "N" if is_incoming and row["CALL_FAILED_CODE"] == MISSED else "Y",
            "RESPONSIBLE_ID": row["PORTAL_USER_ID"],
            "START_TIME": live.started_at,
            "END_TIME": live.started_at + row["CALL_DURATION"],
            "COMMUNICATIONS": [
                {"TYPE": "PHONE", "VALUE": live.number, "ENTITY_ID": live.entity[1], "ENTITY_TYPE_ID": kind.id}
            ],
            "BINDINGS": [each for index, each in enumerate(bindings) if each not in bindings[:index]],
            "SETTINGS": {"MISSED_CALL": is_incoming and row["CALL_FAILED_CODE"] == MISSED},
        },
        author,
    )


def _close_missed(portal: Portal, number: str) -> None:
    """An answered outgoing call to the number closes its missed ones."""
    ids = {row["CRM_ACTIVITY_ID"] for row in portal.statistics if row["PHONE_NUMBER"] == number}
    for activity in portal.activities.values():
        if activity["ID"] in ids and activity["SETTINGS"].get("MISSED_CALL"):
            activity["COMPLETED"] = "Y"


def _end_data(portal: Portal, row: Record) -> dict[str, Any]:
    names = (
        "CALL_ID", "CALL_TYPE", "PHONE_NUMBER", "PORTAL_NUMBER", "PORTAL_USER_ID", "CALL_DURATION", "COST",
        "COST_CURRENCY", "CALL_FAILED_CODE", "CALL_FAILED_REASON", "CRM_ACTIVITY_ID",
    )  # fmt: skip
    return {name: row[name] for name in names} | {"CALL_START_DATE": portal.moment(row["CALL_START_DATE"])}


def row_of(portal: Portal, call_id: str) -> Record | None:
    return next((row for row in reversed(portal.statistics) if row["CALL_ID"] == call_id), None)


def attach(portal: Portal, row: Record, name: str, content: bytes, url: str, author: Author) -> int:
    """Store the recording of a finished call; it replaces the earlier one, and the activity's files."""
    content_type = "audio/mpeg" if name.lower().endswith(".mp3") else "audio/wav"
    old = row["RECORD_FILE_ID"]
    stored = portal.store(name, content, content_type, row["CALL_ID"])
    if old:
        portal.files.pop(old, None)
    row["RECORD_FILE_ID"] = stored.id
    row["CALL_RECORD_URL"] = f"{url}/disk/records/{stored.id}/{stored.name}"
    activity = portal.activities.get(row["CRM_ACTIVITY_ID"] or 0)
    if activity is not None:
        activity["FILES"] = [{"id": stored.id, "url": row["CALL_RECORD_URL"]}]
        portal.activity_event("UPDATE", activity, author)
    else:
        portal.touch()
    return stored.id
