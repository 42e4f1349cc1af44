"""`telephony.*`: lines, the live call, transcripts, and who a number belongs to.

Recordings are in `rest_records.py`, statistics in `rest_statistics.py`.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox import calls, filtering, rest_users
from connectors.bitrix24.sandbox.crm_kinds import COMPANY, CONTACT, KINDS, LEAD, Record, title_of
from connectors.bitrix24.sandbox.errors import RestError, core_error
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.parameters import as_int, as_text
from connectors.bitrix24.sandbox.portal import Live

_USER_MISSING = "USER_ID or USER_PHONE_INNER should be set"


# ---- lines


def _number(call: Call) -> str:
    number = call.parameters.text("NUMBER").strip()
    if not number:
        raise core_error("NUMBER should not be empty")
    return number


def line_add(call: Call) -> Record:
    number = _number(call)
    key = (call.install.app.client_id, number)
    if key in call.portal.lines:
        raise core_error("Line already exists")
    automatic = "N" if call.parameters.text("CRM_AUTO_CREATE", "Y") == "N" else "Y"
    call.portal.lines[key] = {
        "ID": call.portal.next_id(),
        "NUMBER": number,
        "NAME": call.parameters.text("NAME"),
        "CRM_AUTO_CREATE": automatic,
    }
    call.portal.touch()
    return {"ID": call.portal.lines[key]["ID"]}


def _line(call: Call) -> Record:
    number = _number(call)
    line = call.portal.lines.get((call.install.app.client_id, number))
    if line is None:
        raise core_error(f"Could not find line with number {number}")
    return line


def line_update(call: Call) -> Record:
    line = _line(call)
    changes = {name: call.parameters.text(name) for name in ("NAME", "CRM_AUTO_CREATE") if name in call.parameters}
    if not changes:
        raise core_error("There are no fields to update")
    line.update(changes)
    line.setdefault("ID", call.portal.next_id())
    call.portal.touch()
    return {"ID": str(line["ID"])}


def line_get(call: Call) -> list[Record]:
    mine = call.install.app.client_id
    return [
        {name: line[name] for name in ("NUMBER", "NAME", "CRM_AUTO_CREATE")}
        for (client_id, _), line in call.portal.lines.items()
        if client_id == mine
    ]


def line_delete(call: Call) -> list[Any]:
    _line(call)
    del call.portal.lines[call.install.app.client_id, _number(call)]
    call.portal.touch()
    return []


# ---- the live call


def _user_id(call: Call) -> int:
    """
    The user of `USER_ID`, else of `USER_PHONE_INNER`. An unknown inner number is answered as a missing one.

    Raises:
        RestError: no user, or one who is not active.
    """
    id_ = call.parameters.integer("USER_ID")
    if not id_:
        user = call.portal.user_of_extension(call.parameters.text("USER_PHONE_INNER"))
        if user is None:
            raise core_error(_USER_MISSING)
        return int(user["ID"])
    if call.portal.active_user(id_) is None:
        raise core_error("User is not found or is not active")
    return id_


def register(call: Call) -> Record:
    parameters = call.parameters
    type_ = parameters.integer("TYPE")
    if type_ not in calls.TYPES:
        raise core_error("Unknown TYPE")
    number = calls.plain_number(parameters.text("PHONE_NUMBER"))
    if not number:
        raise core_error("Unsupported phone number format")
    started_at = call.sandbox.now()
    sent = parameters.text("CALL_START_DATE")
    if sent:
        at = filtering.moment(sent, call.sandbox.settings.utc_offset_hours)
        if at is None:
            raise core_error("CALL_START_DATE should be in the ISO-8601 format")
        started_at = at
    entity_id = parameters.integer("CRM_ENTITY_ID")
    asked = calls.Registration(
        app=call.install.app,
        user_id=_user_id(call),
        number=number,
        type=type_,
        started_at=started_at,
        line=parameters.text("LINE_NUMBER"),
        external_id=parameters.text("EXTERNAL_CALL_ID"),
        creates=parameters.flag("CRM_CREATE"),
        source=parameters.text("CRM_SOURCE"),
        entity=(parameters.text("CRM_ENTITY_TYPE").upper(), entity_id) if entity_id else None,
        shows=parameters.flag("SHOW", True),
        list_id=parameters.integer("CALL_LIST_ID"),
    )
    registered = calls.register(call.sandbox, call.portal, asked, call.author)
    return _registered_view(registered)


def _registered_view(registered: calls.Registered) -> Record:
    live = registered.live
    lead = next((id_ for kind, id_ in live.created if kind == "LEAD"), None)
    view: Record = {
        "CALL_ID": live.id,
        "CRM_CREATED_LEAD": lead,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": kind, "ENTITY_ID": id_} for kind, id_ in live.created],
        "CRM_ENTITY_TYPE": live.entity[0] if live.entity else "",
        "CRM_ENTITY_ID": live.entity[1] if live.entity else None,
    }
    if registered.lead_error:
        view["LEAD_CREATION_ERROR"] = registered.lead_error
    return view


def _live(call: Call) -> Live | None:
    return call.portal.live.get(call.parameters.text("CALL_ID"))


def _shown_users(call: Call, live: Live) -> list[int]:
    return call.parameters.integers("USER_ID") or [live.user_id]


def show(call: Call) -> bool:
    """False for a call that is unknown or finished; no error."""
    live = _live(call)
    if live is not None:
        calls.show(call.sandbox, call.portal, live, _shown_users(call, live))
    return live is not None


def hide(call: Call) -> bool:
    live = _live(call)
    if live is not None:
        calls.hide(call.sandbox, call.portal, live, _shown_users(call, live))
    return live is not None


def finish(call: Call) -> Record:
    parameters = call.parameters
    call_id = parameters.raw("CALL_ID")
    if not isinstance(call_id, str):
        raise RestError("INVALID_ARGUMENT", "CALL_ID must be a string")
    user_id = _user_id(call)
    live = call.portal.live.get(call_id)
    if live is None or live.client_id != call.install.app.client_id:
        raise core_error("Call is not found (call should be registered prior to finishing")
    vote = parameters.integer("VOTE")
    ending = calls.Ending(
        user_id=user_id,
        duration=max(0, parameters.integer("DURATION")),
        code=parameters.text("STATUS_CODE"),
        reason=parameters.text("FAILED_REASON"),
        cost=parameters.number("COST"),
        currency=parameters.text("COST_CURRENCY"),
        vote=vote if 1 <= vote <= 5 else None,
        adds_to_chat=parameters.flag("ADD_TO_CHAT"),
    )
    return _finished_view(calls.finish(call.sandbox, call.portal, live, ending, call.author))


def _finished_view(row: Record) -> Record:
    same = (
        "CALL_ID", "EXTERNAL_CALL_ID", "PORTAL_USER_ID", "PHONE_NUMBER", "PORTAL_NUMBER", "CALL_DURATION", "COST",
        "COST_CURRENCY", "CALL_FAILED_CODE", "CALL_FAILED_REASON", "REST_APP_ID", "REST_APP_NAME", "COMMENT",
        "CRM_ENTITY_TYPE", "CRM_ENTITY_ID", "ID",
    )  # fmt: skip
    view = {name: row[name] for name in same}
    view |= {
        "INCOMING": str(row["CALL_TYPE"]),
        "CALL_START_DATE": {},  # a date object that nothing turned into text
        "CALL_STATUS": 1 if row["CALL_DURATION"] > 0 else 0,
        "CALL_VOTE": row["CALL_VOTE"] or 0,
        "CRM_ACTIVITY_ID": row["CRM_ACTIVITY_ID"] or False,
    }
    if not row["CRM_ACTIVITY_ID"]:
        view["ERRORS"] = {"ACTIVITY_CREATION": ["Activity was not created: no CRM entity is bound to the call"]}
    return view


# ---- who a number belongs to


def search(call: Call) -> list[Record]:
    """Contacts, then leads, then companies with this number, with their responsible and the state of the day."""
    number = call.parameters.text("PHONE_NUMBER")
    if not number:
        raise core_error("PHONE_NUMBER is empty")
    found = []
    for id_ in (CONTACT, LEAD, COMPANY):
        kind = KINDS[id_]
        for record_id in call.portal.ids_by_phone(kind, number):
            record = call.portal.object(kind, record_id)
            if record is not None:
                view = {"CRM_ENTITY_TYPE": kind.name, "CRM_ENTITY_ID": record_id, "NAME": title_of(kind, record)}
                view["ASSIGNED_BY_ID"] = record["ASSIGNED_BY_ID"]
                found.append(view | {"ASSIGNED_BY": _responsible(call, record["ASSIGNED_BY_ID"])})
    return found


def _responsible(call: Call, user_id: int) -> Record | list[Any]:
    user = call.portal.users.get(user_id)
    if user is None:
        return []
    status = rest_users.day_status(user) if call.portal.has_timeman else "NOT_INSTALLED"
    return {
        "ID": str(user_id),
        "TIMEMAN_STATUS": status,
        "USER_PHONE_INNER": user["UF_PHONE_INNER"],
        "WORK_PHONE": user["WORK_PHONE"] or None,
        "PERSONAL_PHONE": user["PERSONAL_PHONE"] or None,
        "PERSONAL_MOBILE": user["PERSONAL_MOBILE"] or None,
    }


# ---- transcripts


def attach_transcription(call: Call) -> Record:
    row = calls.row_of(call.portal, call.parameters.text("CALL_ID"))
    if row is None:
        raise core_error("Call is not found in the statistic table. Looks like it is not finished yet.")
    messages = []
    for each in call.parameters.items("MESSAGES"):
        side = as_text(each.get("SIDE")) if isinstance(each, dict) else ""
        if (
            side not in ("User", "Client")
            or as_int(each.get("STOP_TIME")) <= 0
            or as_int(each.get("START_TIME"), -1) < 0
        ):
            raise core_error("Wrong message format")
        messages.append({name: each.get(name) for name in ("SIDE", "START_TIME", "STOP_TIME", "MESSAGE")})
    if not messages:
        raise core_error("MESSAGES is empty")
    row["TRANSCRIPT_ID"] = call.portal.next_id()
    call.portal.transcripts[row["TRANSCRIPT_ID"]] = {"CALL_ID": row["CALL_ID"], "MESSAGES": messages}
    return {"TRANSCRIPT_ID": row["TRANSCRIPT_ID"]}


def add_methods(registry: Registry) -> None:
    registry.add(
        "telephony",
        {
            "telephony.externalLine.add": line_add,
            "telephony.externalLine.update": line_update,
            "telephony.externalLine.get": line_get,
            "telephony.externalLine.delete": line_delete,
            "telephony.externalCall.register": register,
            "telephony.externalCall.finish": finish,
            "telephony.call.attachTranscription": attach_transcription,
        },
        needs_app=True,
    )
    registry.add(
        "telephony",
        {
            "telephony.externalCall.show": show,
            "telephony.externalCall.hide": hide,
            "telephony.externalCall.searchCrmEntities": search,
        },
    )
