"""Employees, departments, the working day, notices to people, and tasks.

The fields of an employee depend on which of the three `user` scopes the application has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.bitrix24.sandbox import filtering
from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.errors import RestError, access_denied
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.parameters import as_flag, as_int, as_text
from connectors.bitrix24.sandbox.portal import Portal

_BRIEF = (
    "ID", "XML_ID", "ACTIVE", "NAME", "LAST_NAME", "SECOND_NAME", "TITLE", "IS_ONLINE", "TIME_ZONE", "PERSONAL_PHOTO",
    "WORK_POSITION", "UF_DEPARTMENT", "UF_PHONE_INNER", "USER_TYPE", "LAST_ACTIVITY_DATE",
)  # fmt: skip
_BASIC = (*_BRIEF, "EMAIL", "WORK_PHONE", "PERSONAL_PHONE", "PERSONAL_MOBILE", "DATE_REGISTER", "LAST_LOGIN")
_CHANGEABLE = (
    "NAME", "LAST_NAME", "WORK_POSITION", "WORK_PHONE", "PERSONAL_PHONE", "PERSONAL_MOBILE", "UF_PHONE_INNER", "ACTIVE",
)  # fmt: skip


def user_view(call: Call, user: Record) -> Record:
    fields = _BASIC if {"user", "user_basic"} & call.caller.scopes else _BRIEF
    values = {**user, "ID": str(user["ID"]), "XML_ID": "", "SECOND_NAME": "", "TITLE": "", "PERSONAL_PHOTO": None}
    values["LAST_ACTIVITY_DATE"] = call.portal.moment(user["SEEN_AT"]) if user["SEEN_AT"] else ""
    values["DATE_REGISTER"] = values["LAST_LOGIN"] = call.portal.moment(user["REGISTERED_AT"])
    return {name: values[name] for name in fields}


def _read(user: Record, name: str) -> Any:
    return user.get(name.upper())


def user_get(call: Call) -> Page:
    """Employees; a parameter that is no word of the method's is a filter, too."""
    parameters = call.parameters
    conditions = parameters.mapping("FILTER")
    for name in ("ID", "ACTIVE", "UF_PHONE_INNER", "UF_DEPARTMENT", "EMAIL", "USER_TYPE", "IS_ONLINE", "NAME"):
        if name in parameters:
            conditions[name] = parameters.raw(name)
    conditions = {key: as_flag(value) if key.upper() == "ACTIVE" else value for key, value in conditions.items()}
    found = filtering.select(call.portal.users.values(), conditions, _read)
    direction = parameters.text("order", "ASC")
    order = parameters.mapping("order") or {parameters.text("sort", "ID") or "ID": direction}
    page = filtering.page(filtering.ordered(found, order, _read), parameters, call.sandbox.settings.page_length)
    return Page([user_view(call, user) for user in page.items], page.total, page.next)


def user_search(call: Call) -> Page:
    """Employees with the text of `FIND` in their name or position."""
    needle = (call.parameters.text("FIND") or as_text(call.parameters.mapping("FILTER").get("FIND"))).casefold()
    found = [
        user
        for user in call.portal.users.values()
        if needle in f"{user['NAME']} {user['LAST_NAME']} {user['WORK_POSITION']}".casefold()
    ]
    page = filtering.page(found, call.parameters, call.sandbox.settings.page_length)
    return Page([user_view(call, user) for user in page.items], page.total, page.next)


def user_current(call: Call) -> Record:
    return user_view(call, call.caller.user)


def user_update(call: Call) -> bool:
    """Administrators, with the full `user` scope."""
    if "user" not in call.caller.scopes:
        raise RestError("insufficient_scope", "The request requires higher privileges than provided", 403)
    call.require_admin()
    user = call.portal.users.get(call.parameters.integer("ID"))
    if user is None:
        raise RestError("", "User not found")
    changes = {name: call.parameters.raw(name) for name in _CHANGEABLE if call.parameters.raw(name) is not None}
    if "UF_PHONE_INNER" in changes:
        changes["UF_PHONE_INNER"] = checked_extension(call.portal, as_text(changes["UF_PHONE_INNER"]), user)
    if "ACTIVE" in changes:
        changes["ACTIVE"] = as_flag(changes["ACTIVE"])
    user.update(changes)
    call.portal.touch()
    return True


def checked_extension(portal: Portal, extension: str, user: Record) -> str:
    """
    Raises:
        RestError: longer than four digits, or another user's.
    """
    if extension and not (extension.isascii() and extension.isdigit() and len(extension) <= 4):
        raise RestError("", "Extension number must be 1 to 4 digits")
    if any(each["UF_PHONE_INNER"] == extension and each is not user for each in portal.users.values() if extension):
        raise RestError("", "This extension number is already in use")
    return extension


def department_get(call: Call) -> Page:
    parameters = call.parameters
    conditions = {name: parameters.raw(name) for name in ("ID", "PARENT", "NAME", "UF_HEAD") if name in parameters}
    found = filtering.select(call.portal.departments.values(), conditions, _read)
    order = {parameters.text("sort", "ID") or "ID": parameters.text("order", "ASC")}
    page = filtering.page(filtering.ordered(found, order, _read), parameters, call.sandbox.settings.page_length)
    return Page([_department(each) for each in page.items], page.total, page.next)


def _department(record: Record) -> Record:
    view = {"ID": str(record["ID"]), "NAME": record["NAME"], "SORT": record["SORT"]}
    if record["PARENT"]:
        view["PARENT"] = str(record["PARENT"])
    if record["UF_HEAD"]:
        view["UF_HEAD"] = str(record["UF_HEAD"])
    return view


# ---- the working day

_ACTIONS = {"open": "OPENED", "pause": "PAUSED", "close": "CLOSED"}


def day_status(user: Record) -> str:
    return str(user["DAY"]["STATUS"])


def set_day(portal: Portal, user: Record, action: str) -> None:
    """`open`, `pause` or `close` a working day. There is no event for it."""
    day, now = user["DAY"], portal.now()
    if action == "open" and day["STATUS"] == "CLOSED":
        day |= {"START": now, "FINISH": None, "LEAKS": 0.0}
    if action == "open" and day["STATUS"] == "PAUSED":
        day["LEAKS"] += now - day["PAUSED_AT"]
    if action == "pause":
        day["PAUSED_AT"] = now
    if action == "close":
        day["FINISH"] = now
    day["STATUS"] = _ACTIONS[action]
    portal.touch()


def _day_view(call: Call, user: Record) -> Record:
    day = user["DAY"]
    now = call.sandbox.now()
    worked = (day["FINISH"] or now) - day["START"] - day["LEAKS"] if day["START"] else 0
    return {
        "STATUS": day["STATUS"],
        "TIME_START": call.portal.moment(day["START"]) if day["START"] else None,
        "TIME_FINISH": call.portal.moment(day["FINISH"]) if day["FINISH"] else None,
        "DURATION": _clock(worked),
        "TIME_LEAKS": _clock(day["LEAKS"]),
        "ACTIVE": day["STATUS"] == "OPENED",
        "IP_OPEN": "",
        "IP_CLOSE": "",
        "LAT_OPEN": 0,
        "LON_OPEN": 0,
        "LAT_CLOSE": 0,
        "LON_CLOSE": 0,
        "TZ_OFFSET": call.sandbox.settings.utc_offset_hours * 3600,
    }


def _clock(seconds: float) -> str:
    whole = int(max(0, seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _day_user(call: Call) -> Record:
    """The user of `USER_ID`, else the caller. Others' days need an administrator."""
    id_ = call.parameters.integer("USER_ID", call.caller.user_id)
    user = call.portal.active_user(id_)
    if user is None:
        raise RestError("", "User not found")
    if id_ != call.caller.user_id and not call.caller.is_admin:
        raise access_denied()
    return user


def timeman_status(call: Call) -> Record:
    return _day_view(call, _day_user(call))


def _timeman(action: str) -> Callable[[Call], Record]:
    def handler(call: Call) -> Record:
        user = _day_user(call)
        set_day(call.portal, user, action)
        return _day_view(call, user)

    return handler


# ---- notices and tasks


def notify(call: Call) -> int | bool:
    """A notice. A new one with the same `TAG` replaces the old one."""
    parameters = call.parameters
    user_id = parameters.integer("USER_ID") or parameters.integer("TO")
    message = parameters.text("MESSAGE")
    if not user_id:
        raise RestError("USER_ID_EMPTY", "User ID can't be empty")
    if not message:
        raise RestError("MESSAGE_EMPTY", "Message can't be empty")
    if len(as_text(parameters.raw("ATTACH"))) > 60_000:
        raise RestError("ATTACH_OVERSIZE", "You have exceeded the maximum allowable size of attach")
    if call.portal.active_user(user_id) is None:
        return False
    tag = parameters.text("TAG")
    portal = call.portal
    portal.notices = [
        each for each in portal.notices if not (tag and each["TAG"] == tag and each["USER_ID"] == user_id)
    ]
    notice: Record = {
        "ID": portal.next_id(),
        "USER_ID": user_id,
        "MESSAGE": message,
        "TAG": tag,
        "AT": call.sandbox.now(),
    }
    portal.notices.append(notice)
    call.sandbox.tell_pages({"kind": "notice", "portal": portal.member_id, "users": [user_id], "text": message})
    return int(notice["ID"])


def push(call: Call) -> bool:
    """`pull.application.event.add`: a command for the application's open iframes."""
    users = call.parameters.integers("USER_ID") or [call.caller.user_id]
    if users != [call.caller.user_id]:
        call.require_admin()
    call.portal.pushes.append(
        {"COMMAND": call.required("COMMAND"), "PARAMS": call.parameters.raw("PARAMS"), "USERS": users}
    )
    return True


def task_add(call: Call) -> Record:
    fields = call.parameters.mapping("fields")
    if not fields:
        raise RestError("100", "Could not find value for parameter {fields}")
    title = as_text(fields.get("TITLE")).strip()
    responsible = as_int(fields.get("RESPONSIBLE_ID"))
    if not title:
        raise RestError("ERROR_CORE", "Не указано название задачи")
    if call.portal.active_user(responsible) is None:
        raise RestError("ERROR_CORE", "Не найден исполнитель задачи")
    portal = call.portal
    deadline = as_text(fields.get("DEADLINE"))
    bindings = fields.get("UF_CRM_TASK")
    task: Record = {
        "ID": portal.next_id(),
        "TITLE": title,
        "DESCRIPTION": as_text(fields.get("DESCRIPTION")),
        "RESPONSIBLE_ID": responsible,
        "CREATED_BY": as_int(fields.get("CREATED_BY"), call.caller.user_id),
        "DEADLINE": filtering.moment(deadline, call.sandbox.settings.utc_offset_hours) if deadline else None,
        "UF_CRM_TASK": [as_text(each) for each in bindings] if isinstance(bindings, list) else [],
        "STATUS": 2,
    }
    portal.tasks[task["ID"]] = task
    portal.touch()
    return {"task": _task_view(call, task)}


def _task_view(call: Call, task: Record) -> Record:
    return {
        "id": str(task["ID"]),
        "title": task["TITLE"],
        "description": task["DESCRIPTION"],
        "responsibleId": str(task["RESPONSIBLE_ID"]),
        "createdBy": str(task["CREATED_BY"]),
        "deadline": call.portal.moment(task["DEADLINE"]) if task["DEADLINE"] else None,
        "ufCrmTask": task["UF_CRM_TASK"] or False,
        "status": str(task["STATUS"]),
    }


def task_get(call: Call) -> Any:
    task = call.portal.tasks.get(call.parameters.integer("taskId"))
    return {"task": _task_view(call, task)} if task else []


def add_methods(registry: Registry) -> None:
    registry.add(
        "user",
        {"user.get": user_get, "user.search": user_search, "user.current": user_current, "user.update": user_update},
    )
    registry.add("department", {"department.get": department_get})
    registry.add(
        "timeman",
        {"timeman.status": timeman_status, **{f"timeman.{action}": _timeman(action) for action in _ACTIONS}},
    )
    registry.add("im", {"im.notify.system.add": notify, "im.notify.personal.add": notify, "im.notify": notify})
    registry.add("pull", {"pull.application.event.add": push}, needs_app=True)
    registry.add("task", {"tasks.task.add": task_add, "tasks.task.get": task_get})
