"""Methods that tell about the application, the token's user and the portal itself.

Users and departments are in `rest_users.py`.
"""

from __future__ import annotations

from typing import Any

from connectors.bitrix24.sandbox.errors import RestError
from connectors.bitrix24.sandbox.methods import Call, Handler, Registry

_FEATURES = ("rest_offline_extended", "rest_auth_connector")


def app_info(call: Call) -> dict[str, Any]:
    install = call.install
    return {
        "ID": install.app.client_id.rpartition(".")[2],
        "CODE": install.app.client_id,
        "VERSION": install.version,
        "STATUS": install.app.status,
        "INSTALLED": install.is_finished,
        "PAYMENT_EXPIRED": "Y" if install.payment_expired else "N",
        "DAYS": None,
        "LANGUAGE_ID": "ru",
        "LICENSE": "ru_ent250" if call.portal.is_enterprise else "ru_pro100",
        "LICENSE_TYPE": "ent250" if call.portal.is_enterprise else "pro100",
        "LICENSE_FAMILY": "ent" if call.portal.is_enterprise else "pro",
    }


def profile(call: Call) -> dict[str, Any]:
    user = call.caller.user
    return {
        "ID": str(user["ID"]),
        "ADMIN": bool(user["IS_ADMIN"]),
        "NAME": user["NAME"],
        "LAST_NAME": user["LAST_NAME"],
        "PERSONAL_GENDER": "",
        "TIME_ZONE": user["TIME_ZONE"],
        "TIME_ZONE_OFFSET": call.sandbox.settings.utc_offset_hours * 3600,
    }


def user_admin(call: Call) -> bool:
    return call.caller.is_admin


def scope(call: Call) -> list[str]:
    return sorted(call.caller.scopes)


def feature_get(call: Call) -> dict[str, str]:
    code = call.required("CODE")
    return {"value": "Y" if code in _FEATURES and call.portal.has_reserve else "N"}


def server_time(call: Call) -> str:
    return call.portal.moment(call.sandbox.now())


def option_get(call: Call) -> Any:
    options = call.install.options
    name = call.parameters.text("option")
    return options.get(name, "") if name else options or []


def option_set(call: Call) -> bool:
    """Administrators only."""
    call.require_admin()
    options = call.parameters.mapping("options")
    if not options:
        raise RestError("ERROR_ARGUMENT", "Argument 'options' is null or empty", extra={"argument": "options"})
    call.install.options.update(options)
    return True


def add_methods(registry: Registry) -> None:
    def method_get(call: Call) -> dict[str, bool]:
        method = registry.get(call.required("name"))
        scopes = call.caller.scopes
        return {
            "isExisting": method is not None,
            "isAvailable": method is not None and (not method.scope or method.scope in scopes),
        }

    def methods(call: Call) -> list[str]:
        return sorted(
            registry.names[name]
            for name, method in registry.methods.items()
            if not method.scope or method.scope in call.caller.scopes
        )

    free: dict[str, Handler] = {
        "profile": profile,
        "user.admin": user_admin,
        "scope": scope,
        "feature.get": feature_get,
        "server.time": server_time,
        "methods": methods,
        "method.get": method_get,
    }
    registry.add("", free)
    registry.add("", {"app.info": app_info, "app.option.get": option_get, "app.option.set": option_set}, needs_app=True)
