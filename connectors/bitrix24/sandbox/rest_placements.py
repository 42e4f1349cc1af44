"""`placement.*`: where an application shows its pages. Some errors come with HTTP 200, as documented.

`frames.py` opens a placement's page; bindings are dropped when the application is updated or removed.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.methods import Call, Registry
from connectors.bitrix24.sandbox.sandbox import Placement

CALL_CARD = "CALL_CARD"
BACKGROUND_WORKER = "PAGE_BACKGROUND_WORKER"
LEFT_MENU = "LEFT_MENU"
_CRM_PLACES = ("DETAIL_TAB", "DETAIL_ACTIVITY", "DETAIL_TOOLBAR", "ACTIVITY_TIMELINE_MENU", "LIST_MENU", "LIST_TOOLBAR")

PLACEMENTS: dict[str, str] = {
    **{f"CRM_{kind}_{place}": "crm" for kind in ("LEAD", "DEAL", "CONTACT", "COMPANY") for place in _CRM_PLACES},
    CALL_CARD: "telephony",
    "TELEPHONY_ANALYTICS_MENU": "telephony",
    BACKGROUND_WORKER: "",
    LEFT_MENU: "",
    "REST_APP_URI": "",
    "USER_PROFILE_MENU": "",
    "IM_SIDEBAR": "im",
}
"""Code -> the scope that its tool needs."""


def _error(code: str, text: str, argument: str = "") -> RestError:
    return RestError(code, text, 200, extra={"argument": argument} if argument else None)


def _available(call: Call, code: str) -> bool:
    scope = PLACEMENTS.get(code)
    return scope is not None and (not scope or scope in call.caller.scopes)


def bind(call: Call) -> bool:
    """A binding made before the installation is finished succeeds, and is not shown until then."""
    call.require_admin()
    parameters, install = call.parameters, call.install
    code = parameters.text("PLACEMENT").upper()
    if not code:
        raise _error("ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty", "PLACEMENT")
    if not _available(call, code):
        raise _error("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    handler = parameters.text("HANDLER")
    if not handler:
        raise _error("ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty", "HANDLER")
    if not handler.startswith(("http://", "https://")):
        raise _error("ERROR_ARGUMENT", "Wrong handler URL", "HANDLER")
    user_id = parameters.integer("USER_ID")
    options = parameters.mapping("OPTIONS")
    if code == BACKGROUND_WORKER:
        if not options.get("errorHandlerUrl"):
            raise _error("EMPTY_ERROR_HANDLER_URL", "The errorHandlerUrl option is required")
        if any(each.code == code and each.user_id == user_id for each in install.placements):
            raise _error("ERROR_PLACEMENT_MAX_COUNT", "Placement max count is reached")
    elif user_id:
        raise _error("ERROR_PLACEMENT_USER_MODE", "User mode is not available for this placement")
    if any((each.code, each.handler, each.user_id) == (code, handler, user_id) for each in install.placements):
        raise _error("ERROR_CORE", "Unable to set placement handler: Handler already binded")
    install.placements.append(
        Placement(
            code=code,
            handler=handler,
            title=parameters.text("TITLE") or install.app.name,
            description=parameters.text("DESCRIPTION"),
            group=parameters.text("GROUP_NAME"),
            languages=parameters.mapping("LANG_ALL"),
            options=options,
            user_id=user_id,
        )
    )
    call.portal.touch()
    return True


def unbind(call: Call) -> Record:
    """The count adds one for a binding that was found and one for its deletion."""
    call.require_admin()
    parameters, install = call.parameters, call.install
    code, handler = parameters.text("PLACEMENT").upper(), parameters.text("HANDLER")
    if not code:
        raise _error("ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty", "PLACEMENT")

    def fits(each: Placement) -> bool:
        same_user = "USER_ID" not in parameters or each.user_id == parameters.integer("USER_ID")
        return each.code == code and handler in ("", each.handler) and same_user

    kept = [each for each in install.placements if not fits(each)]
    count = 2 * (len(install.placements) - len(kept))
    install.placements = kept
    call.portal.touch()
    return {"count": count}


def get(call: Call) -> list[Record]:
    return [
        {
            "placement": each.code,
            "userId": each.user_id,
            "handler": each.handler,
            "title": each.title,
            "description": each.description,
            "options": each.options or [],
            "langAll": each.languages or [],
        }
        for each in call.install.placements
    ]


def list_(call: Call) -> Any:
    return sorted(code for code in PLACEMENTS if _available(call, code))


def add_methods(registry: Registry) -> None:
    registry.add(
        "placement",
        {"placement.bind": bind, "placement.unbind": unbind, "placement.get": get, "placement.list": list_},
        needs_app=True,
    )
