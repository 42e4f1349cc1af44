"""Methods of events: handlers of an application, and the queue of its offline events.

`events.py` matches changes to handlers and delivers them.
"""

from __future__ import annotations

import secrets
from typing import Any

from connectors.bitrix24.sandbox import filtering
from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.errors import RestError, access_denied
from connectors.bitrix24.sandbox.events import EVENTS
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.parameters import as_text
from connectors.bitrix24.sandbox.portal import Author, Change
from connectors.bitrix24.sandbox.sandbox import Handler, OfflineEvent

_OFFLINE_LIMIT = 50


def events(call: Call) -> list[str]:
    return sorted(name for name, needed in EVENTS.items() if not needed or needed in call.caller.scopes)


def bind(call: Call) -> bool:
    parameters, install = call.parameters, call.install
    event = call.required("event").upper()
    is_offline = parameters.text("event_type").lower() == "offline"
    if event not in EVENTS:
        raise RestError("ERROR_EVENT_NOT_FOUND", "Event not found")
    if EVENTS[event] and EVENTS[event] not in call.caller.scopes:
        raise RestError("insufficient_scope", "The request requires higher privileges than provided", 403)
    url = "" if is_offline else call.required("handler")
    user_id = parameters.integer("auth_type")
    if not call.caller.is_admin:
        if is_offline:
            raise access_denied("Offline events are available to administrators only")
        if user_id not in (0, call.caller.user_id):
            raise access_denied("Only an administrator may set auth_type")
        user_id = call.caller.user_id
    if url and not url.startswith(("http://", "https://")):
        raise RestError("ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
    connector = parameters.text("auth_connector") if is_offline and call.portal.has_reserve else ""
    same = (event, url, user_id, is_offline, connector)
    if any((each.event, each.url, each.user_id, each.is_offline, each.connector) == same for each in install.handlers):
        raise RestError("ERROR_EVENT_BINDING_EXISTS", "Unable to set event handler: Handler already exists")
    install.handlers.append(
        Handler(
            id=call.portal.next_id(),
            event=event,
            url=url,
            user_id=user_id,
            is_offline=is_offline,
            connector=connector,
            options=parameters.mapping("options"),
        )
    )
    return True


def get(call: Call) -> list[Record]:
    return [
        {"event": each.event, "offline": 1} | ({"connector_id": each.connector} if each.connector else {})
        if each.is_offline
        else {"event": each.event, "handler": each.url, "auth_type": str(each.user_id), "offline": 0}
        for each in call.install.handlers
    ]


def unbind(call: Call) -> Record:
    parameters, install = call.parameters, call.install
    event = call.required("event").upper()
    is_offline = parameters.text("event_type").lower() == "offline"

    def fits(each: Handler) -> bool:
        return (
            each.event == event
            and each.is_offline == is_offline
            and (not parameters.text("handler") or each.url == parameters.text("handler"))
            and ("auth_type" not in parameters or each.user_id == parameters.integer("auth_type"))
        )

    kept = [each for each in install.handlers if not fits(each)]
    count = len(install.handlers) - len(kept)
    install.handlers = kept
    return {"count": count}


def test(call: Call) -> bool:
    """Fires ONAPPTEST for this application, with the call's own parameters as its data."""
    data: Record = {"QUERY": call.parameters.mapping("any") or []}
    client_id = call.install.app.client_id
    author = Author(user_id=call.caller.user_id, client_id=client_id)
    call.portal.announce(Change(event="ONAPPTEST", data=data, author=author, subject="TEST", only_for=client_id))
    return True


# ---- offline events


def _view(call: Call, each: OfflineEvent) -> Record:
    return {
        "ID": str(each.id),
        "TIMESTAMP_X": call.portal.moment(each.at),
        "EVENT_NAME": each.event,
        "EVENT_DATA": each.data or False,
        "EVENT_ADDITIONAL": each.additional or False,
        "MESSAGE_ID": each.message_id,
    }


def _read(each: OfflineEvent, name: str) -> Any:
    fields = {
        "ID": each.id,
        "TIMESTAMP_X": each.at,
        "EVENT_NAME": each.event,
        "MESSAGE_ID": each.message_id,
        "PROCESS_ID": each.process_id,
        "ERROR": int(each.is_error),
    }
    return fields.get(name.upper())


def _chosen(call: Call, conditions: Record) -> list[OfflineEvent]:
    order = call.parameters.mapping("order") or {"TIMESTAMP_X": "ASC", "ID": "ASC"}
    return filtering.ordered(filtering.select(call.install.offline, conditions, _read), order, _read)


def offline_get(call: Call) -> Record:
    """
    The first events of the queue: removed at once with `clear=1` (the default), else reserved for their process.
    """
    call.require_admin()
    parameters, install, now = call.parameters, call.install, call.sandbox.now()
    clears = parameters.flag("clear", True)
    if not clears and not call.portal.has_reserve:
        raise access_denied("Reading without clearing is not available on this plan")
    process_id = parameters.text("process_id") or secrets.token_hex(16)
    limit = min(max(parameters.integer("limit", _OFFLINE_LIMIT), 0), _OFFLINE_LIMIT) or _OFFLINE_LIMIT
    connector = parameters.text("auth_connector")
    again = parameters.text("process_id")  # reads once more what this process has reserved and not cleared

    def is_due(each: OfflineEvent) -> bool:
        if each.connector != connector or each.is_error != parameters.flag("error"):
            return False
        if again:
            return each.process_id == again
        return not each.process_id or each.is_error or each.reserved_until < now

    found = [each for each in _chosen(call, parameters.mapping("filter")) if is_due(each)][:limit]
    if clears:
        gone = {each.id for each in found}
        install.offline = [each for each in install.offline if each.id not in gone]
    else:
        for each in found:
            each.process_id, each.reserved_until = process_id, now + call.sandbox.settings.reserve_seconds
            each.is_error = False
    return {"process_id": None if clears else process_id, "events": [_view(call, each) for each in found]}


def offline_clear(call: Call) -> bool:
    call.require_admin()
    process_id = call.required("process_id")
    ids = {as_text(each) for each in call.parameters.items("id")}
    messages = {as_text(each) for each in call.parameters.items("message_id")}

    def goes(each: OfflineEvent) -> bool:
        if each.process_id != process_id:
            return False
        if ids:
            return str(each.id) in ids
        return not messages or each.message_id in messages

    call.install.offline = [each for each in call.install.offline if not goes(each)]
    return True


def offline_error(call: Call) -> bool:
    call.require_admin()
    process_id = call.required("process_id")
    messages = {as_text(each) for each in call.parameters.items("message_id")}
    for each in call.install.offline:
        if each.process_id == process_id and each.message_id in messages:
            each.is_error = True
    return True


def offline_list(call: Call) -> filtering.Page:
    """Only looks."""
    call.require_admin()
    found = _chosen(call, call.parameters.mapping("filter"))
    page = filtering.page(found, call.parameters, call.sandbox.settings.page_length)
    rows = [
        {**_view(call, each), "PROCESS_ID": each.process_id or None, "ERROR": 1 if each.is_error else 0}
        for each in page.items
    ]
    return filtering.Page(rows, page.total, page.next)


def add_methods(registry: Registry) -> None:
    registry.add("", {"events": events})
    registry.add(
        "",
        {
            "event.bind": bind,
            "event.get": get,
            "event.unbind": unbind,
            "event.test": test,
            "event.offline.get": offline_get,
            "event.offline.clear": offline_clear,
            "event.offline.error": offline_error,
            "event.offline.list": offline_list,
        },
        needs_app=True,
    )
