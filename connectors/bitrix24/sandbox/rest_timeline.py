"""The timeline: activities, planned work, comments and neutral notes.

Activities of calls are made by `telephony.externalCall.finish`, not here.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox import filtering
from connectors.bitrix24.sandbox.crm_kinds import KINDS, KINDS_BY_NAME, Kind, Record
from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.parameters import as_flag, as_int, as_text

_TIMES = ("CREATED", "LAST_UPDATED", "START_TIME", "END_TIME", "DEADLINE")
_NUMBERS = ("ID", "OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID", "DIRECTION", "RESPONSIBLE_ID", "AUTHOR_ID")
_ONLY_SELECTED = ("COMMUNICATIONS", "FILES")


def _read(activity: Record, name: str) -> Any:
    return activity.get(name.upper())


def _view(call: Call, activity: Record) -> Record:
    view = {name: value for name, value in activity.items() if name not in ("BINDINGS", *_ONLY_SELECTED)}
    view |= {name: str(activity[name]) for name in _NUMBERS}
    view |= {name: call.portal.moment(activity[name]) if activity[name] else None for name in _TIMES}
    return view


def activity_list(call: Call) -> Page:
    """`BINDINGS` in the filter finds the activities of any bound object; duplicates are possible there."""
    parameters = call.parameters
    conditions = parameters.mapping("filter")
    bindings = conditions.pop("BINDINGS", None)
    found = filtering.select(call.portal.activities.values(), conditions, _read)
    if isinstance(bindings, list):
        wanted = [
            (as_int(each.get("OWNER_TYPE_ID")), as_int(each.get("OWNER_ID"))) for each in bindings
            if isinstance(each, dict)
        ]  # fmt: skip
        found = [
            activity
            for activity in found
            for binding in activity["BINDINGS"]
            if (binding["OWNER_TYPE_ID"], binding["OWNER_ID"]) in wanted
        ]
    order = parameters.mapping("order") or {"ID": "ASC"}
    page = filtering.page(filtering.ordered(found, order, _read), parameters, call.sandbox.settings.page_length)
    wanted_fields = {as_text(each).upper() for each in parameters.items("select")}
    rows = []
    for activity in page.items:
        view = _view(call, activity)
        view |= {name: activity[name] for name in _ONLY_SELECTED if name in wanted_fields}
        is_whole = not wanted_fields or "*" in wanted_fields
        rows.append(view if is_whole else {name: view[name] for name in view if name in wanted_fields or name == "ID"})
    return Page(rows, page.total, page.next)


def _activity(call: Call) -> Record:
    activity = call.portal.activities.get(call.parameters.integer("id"))
    if activity is None:
        raise RestError("", "Activity is not found.")
    return activity


def activity_get(call: Call) -> Record:
    activity = _activity(call)
    return _view(call, activity) | {name: activity[name] for name in _ONLY_SELECTED}


def activity_update(call: Call) -> bool:
    activity = _activity(call)
    sent = {name.upper(): value for name, value in call.parameters.mapping("fields").items()}
    for name in ("SUBJECT", "DESCRIPTION"):
        if name in sent:
            activity[name] = as_text(sent[name])
    if "COMPLETED" in sent:
        activity["COMPLETED"] = "Y" if as_flag(sent["COMPLETED"]) else "N"
    if "RESPONSIBLE_ID" in sent:
        activity["RESPONSIBLE_ID"] = as_int(sent["RESPONSIBLE_ID"])
    activity["LAST_UPDATED"] = call.sandbox.now()
    call.portal.activity_event("UPDATE", activity, call.author)
    return True


def todo_update(call: Call) -> Record:
    """`crm.activity.todo.update`: wants the owner and the deadline again; a completed one cannot be changed."""
    _owner(call)
    activity = call.portal.activities.get(call.parameters.integer("id"))
    if activity is None or activity["PROVIDER_ID"] != "CRM_TODO":
        raise RestError("NOT_FOUND", "Not found.")
    if activity["COMPLETED"] == "Y":
        raise RestError("CAN_NOT_UPDATE_COMPLETED_TODO", "Completed activity can not be updated")
    activity |= _deadline(call)
    parameters = call.parameters
    for name, field in (("title", "SUBJECT"), ("description", "DESCRIPTION")):
        if name in parameters:
            activity[field] = parameters.text(name)
    if "responsibleId" in parameters:
        activity["RESPONSIBLE_ID"] = parameters.integer("responsibleId")
    activity["LAST_UPDATED"] = call.sandbox.now()
    call.portal.activity_event("UPDATE", activity, call.author)
    return {"id": activity["ID"]}


def activity_delete(call: Call) -> bool:
    activity = _activity(call)
    del call.portal.activities[activity["ID"]]
    call.portal.activity_event("DELETE", activity, call.author)
    return True


def _owner(call: Call, type_name: str = "ownerTypeId", id_name: str = "ownerId") -> tuple[Kind, int]:
    kind = KINDS.get(call.parameters.integer(type_name))
    id_ = call.parameters.integer(id_name)
    if kind is None or call.portal.object(kind, id_) is None:
        raise RestError("OWNER_NOT_FOUND", "Owner not found")
    return kind, id_


def _deadline(call: Call) -> Record:
    deadline = filtering.moment(call.required("deadline"), call.sandbox.settings.utc_offset_hours)
    if deadline is None:
        raise RestError("WRONG_DATETIME_FORMAT", "Incorrect datetime format")
    return {"DEADLINE": deadline, "END_TIME": deadline}


def todo_add(call: Call) -> Record:
    """`crm.activity.todo.add`: the way to plan "call back"."""
    kind, id_ = _owner(call)
    parameters = call.parameters
    responsible = parameters.integer("responsibleId", call.caller.user_id)
    activity = call.portal.add_activity(
        {
            "OWNER_TYPE_ID": kind.id,
            "OWNER_ID": id_,
            "PROVIDER_ID": "CRM_TODO",
            "PROVIDER_TYPE_ID": "TODO",
            "SUBJECT": parameters.text("title") or "Дело",
            "DESCRIPTION": parameters.text("description"),
            **_deadline(call),
            "RESPONSIBLE_ID": responsible,
            "BINDINGS": [{"OWNER_TYPE_ID": kind.id, "OWNER_ID": id_}],
        },
        call.author,
    )
    return {"id": activity["ID"]}


def _commented(call: Call) -> tuple[Kind, int, str]:
    fields = {name.upper(): value for name, value in call.parameters.mapping("fields").items()}
    kind = KINDS_BY_NAME.get(as_text(fields.get("ENTITY_TYPE")).upper())
    id_ = as_int(fields.get("ENTITY_ID"))
    text = as_text(fields.get("COMMENT")).strip()
    if kind is None or call.portal.object(kind, id_) is None:
        raise RestError("OWNER_NOT_FOUND", "Owner was not found")
    if not text:
        raise RestError("INVALID_ARG_VALUE", "Empty comment message")
    return kind, id_, text


def comment_add(call: Call) -> int:
    kind, id_, text = _commented(call)
    return int(call.portal.add_comment(kind, id_, text, call.author)["ID"])


def _comment(call: Call) -> Record:
    comment = call.portal.comments.get(call.parameters.integer("id"))
    if comment is None:
        raise RestError("NOT_FOUND", "Not found.")
    return comment


def _comment_view(call: Call, comment: Record) -> Record:
    texts = {name: str(comment[name]) for name in ("ID", "ENTITY_ID", "AUTHOR_ID")}
    return {**comment, **texts, "CREATED": call.portal.moment(comment["CREATED"])}


def comment_get(call: Call) -> Record:
    return _comment_view(call, _comment(call))


def comment_update(call: Call) -> bool:
    comment = _comment(call)
    fields = {name.upper(): value for name, value in call.parameters.mapping("fields").items()}
    text = as_text(fields.get("COMMENT")).strip()
    if not text:
        raise RestError("INVALID_ARG_VALUE", "Empty comment message")
    comment["COMMENT"] = text
    call.portal.comment_event("UPDATE", comment, call.author)
    return True


def comment_delete(call: Call) -> bool:
    comment = _comment(call)
    del call.portal.comments[comment["ID"]]
    call.portal.comment_event("DELETE", comment, call.author)
    return True


def comment_list(call: Call) -> Page:
    parameters = call.parameters
    found = filtering.select(call.portal.comments.values(), parameters.mapping("filter"), _read)
    order = parameters.mapping("order") or {"ID": "ASC"}
    page = filtering.page(filtering.ordered(found, order, _read), parameters, call.sandbox.settings.page_length)
    return Page([_comment_view(call, each) for each in page.items], page.total, page.next)


def log_message_add(call: Call) -> Record:
    """`crm.timeline.logmessage.add`: a note without an author's photograph."""
    fields = call.parameters.mapping("fields")
    kind = KINDS.get(as_int(fields.get("entityTypeId")))
    id_ = as_int(fields.get("entityId"))
    if kind is None or call.portal.object(kind, id_) is None:
        raise RestError("NOT_FOUND", "Owner not found")
    text = ": ".join(part for part in (as_text(fields.get("title")), as_text(fields.get("text"))) if part)
    comment = call.portal.add_comment(kind, id_, text, call.author)
    return {"logMessage": {"id": comment["ID"], "title": as_text(fields.get("title")), "text": text}}


def add_methods(registry: Registry) -> None:
    registry.add(
        "crm",
        {
            "crm.activity.list": activity_list,
            "crm.activity.get": activity_get,
            "crm.activity.update": activity_update,
            "crm.activity.delete": activity_delete,
            "crm.activity.todo.add": todo_add,
            "crm.activity.todo.update": todo_update,
            "crm.timeline.comment.add": comment_add,
            "crm.timeline.comment.get": comment_get,
            "crm.timeline.comment.list": comment_list,
            "crm.timeline.comment.update": comment_update,
            "crm.timeline.comment.delete": comment_delete,
            "crm.timeline.logmessage.add": log_message_add,
        },
    )
