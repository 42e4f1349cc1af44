"""`/rest/…`: who calls, whether they may, the method, the batch, and the envelope of the answer.

The `rest_*` modules have the methods.
"""

from __future__ import annotations

import inspect
import json
import re
import time
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from connectors.bitrix24.sandbox import brackets, limits, tokens
from connectors.bitrix24.sandbox.errors import RestError, access_denied, answered, no_auth, php_map, wrong_auth_type
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.methods import Call, Caller, Registry
from connectors.bitrix24.sandbox.parameters import Parameters
from connectors.bitrix24.sandbox.portal import Portal
from connectors.bitrix24.sandbox.sandbox import SANDBOX, Sandbox

REGISTRY = web.AppKey("registry", Registry)

# Pages of applications call the portal from their own origin.
_FROM_ANYWHERE = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "origin, content-type, accept, authorization, user-agent",
}
_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]*\])+)")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")


async def rest(request: web.Request) -> web.StreamResponse:
    """`/rest/<method>` with a token, or `/rest/<user>/<code>/<method>`. Repeated slashes are merged."""
    sandbox = request.app[SANDBOX]
    if request.method == "OPTIONS":
        return web.Response(headers=_FROM_ANYWHERE)
    try:
        response = await _answer(sandbox, request)
    except RestError as error:
        sandbox.traffic.add(sandbox.traffic.by_error, error.code)
        response = answered(error.body(), error.status)
    except RecursionError:
        response = answered({"error": "INVALID_REQUEST", "error_description": "The request is nested too deeply"}, 400)
    response.headers.update(_FROM_ANYWHERE)
    return response


async def _answer(sandbox: Sandbox, request: web.Request) -> web.Response:
    segments = [each for each in request.path.removeprefix("/rest").split("/") if each]
    values = await _values(request)
    path_user, path_code = (segments[0], segments[1]) if len(segments) == 3 else ("", "")
    if len(segments) not in (1, 3):
        raise RestError("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)
    name = re.sub(r"\.(json|xml)$", "", segments[-1], flags=re.IGNORECASE)
    portal = sandbox.portal_of_host(request.host)
    if path_code:
        caller = _webhook(sandbox, path_user, path_code, request.host)
    else:
        caller = _token(sandbox, _sent_token(request, values), request.host)
    limits.admit(sandbox, caller.portal if caller else portal or _no_portal(), request.remote or "")
    if caller is None:
        raise no_auth()
    _check_caller(caller)
    call = Call(sandbox, caller, Parameters(values), sandbox.portal_origin(caller.portal, request))
    registry = request.app[REGISTRY]
    if name.lower() == "batch":
        return answered(await _batch(registry, call))
    return answered(await run(registry, name, call))


def _no_portal() -> Portal:
    raise RestError("NOT_FOUND", "There is no portal at this address", 404)


async def _values(request: web.Request) -> dict[str, Any]:
    """Parameters of the query, and over them those of the body: JSON, or a form in PHP's notation."""
    values = brackets.parse(request.query.items())
    if request.content_type == "application/json" and request.can_read_body:
        try:
            body = json.loads(await request.text() or "{}")
        except (ValueError, UnicodeDecodeError):
            body = {}
        return values | (body if isinstance(body, dict) else {})
    if request.content_type == "application/x-www-form-urlencoded":
        return values | brackets.parse(parse_qsl(await request.text(), keep_blank_values=True))
    return values


def _sent_token(request: web.Request, values: dict[str, Any]) -> str:
    sent = values.pop("auth", None) or values.pop("access_token", None)
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return str(sent) if isinstance(sent, str) and sent else bearer.strip() if scheme.lower() == "bearer" else ""


def _webhook(sandbox: Sandbox, user_id: str, code: str, host: str) -> Caller | None:
    hook = sandbox.webhooks.get((int(user_id), code)) if user_id.isdigit() and len(user_id) < 12 else None
    if hook is None or (hook.until and sandbox.now() > hook.until):
        return None
    portal = sandbox.portals[hook.member_id]
    if portal.host and portal.host != host:
        return None
    scopes = frozenset(hook.scopes.split(","))
    return Caller(portal=portal, user_id=hook.user_id, client=hook.code, scopes=scopes, install=None)


def _token(sandbox: Sandbox, token: str, host: str) -> Caller | None:
    if not token:
        return None
    try:
        grant = tokens.grant_of(sandbox, token)
    except RestError as error:
        if error.code == "expired_token":
            raise
        return None
    portal = sandbox.portals[grant.member_id]
    install = sandbox.install_of(portal, grant.client_id)
    if install is None or (portal.host and portal.host != host):
        return None
    return Caller(
        portal=portal,
        user_id=grant.user_id,
        client=grant.client_id,
        scopes=frozenset(install.app.scopes.split(",")),
        install=install,
        token=token,
    )


def _check_caller(caller: Caller) -> None:
    if not caller.portal.has_rest:
        raise access_denied("REST is available only on commercial plans.")
    if caller.portal.active_user(caller.user_id) is None:
        raise RestError("user_access_error", "The user does not have access to the application.", 401)


async def run(registry: Registry, name: str, call: Call, *, in_batch: bool = False) -> dict[str, Any]:
    """
    Run one method.

    Returns:
        The envelope: `result`, `total` and `next` of a list, `time`.
    """
    method = registry.get(name)
    if method is None:
        raise RestError("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)
    caller, sandbox = call.caller, call.sandbox
    if in_batch and not method.in_batch:
        raise RestError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405)
    if method.needs_app and caller.install is None:
        raise wrong_auth_type()
    if method.scope and not _has_scope(caller, method.scope):
        raise RestError("insufficient_scope", "The request requires higher privileges than provided", 403)
    if method.needs_admin:
        call.require_admin()
    if method.needs_confirmation and not (caller.install and caller.token in caller.install.confirmed):
        raise RestError("METHOD_CONFIRM_WAITING", "The administrator must confirm this method", 401)
    operating = limits.Operating(sandbox, caller.portal, caller.client, name.lower())
    operating.check()
    sandbox.traffic.add(sandbox.traffic.by_method, registry.names[name.lower()])
    started, began = sandbox.now(), time.perf_counter()
    result = method.handler(call)
    if inspect.isawaitable(result):
        result = await result
    duration = time.perf_counter() - began
    operating.add(sandbox.costs.get(name.lower(), duration))
    return _envelope(call, result, started, duration, operating)


def _has_scope(caller: Caller, scope: str) -> bool:
    """`user` may be any of its three sizes."""
    wanted = {"user", "user_basic", "user_brief"} if scope == "user" else {scope}
    return bool(wanted & caller.scopes)


def _envelope(call: Call, result: Any, started: float, duration: float, operating: limits.Operating) -> dict[str, Any]:
    body: dict[str, Any] = {"result": result}
    if isinstance(result, Page):
        body["result"] = {result.wrapped_in: result.items} if result.wrapped_in else result.items
        if result.next is not None:
            body["next"] = result.next
        body["total"] = result.total
    moment = call.portal.moment
    body["time"] = {
        "start": started,
        "finish": started + duration,
        "duration": duration,
        "processing": duration,
        "date_start": moment(started),
        "date_finish": moment(started + duration),
        "operating_reset_at": operating.reset_at,
        "operating": round(operating.spent, 6),
    }
    return body


# ---- batch


async def _batch(registry: Registry, call: Call) -> dict[str, Any]:
    """Run up to 50 commands in order. Always answers 200; each command has its own result or error."""
    sandbox, started, began = call.sandbox, call.sandbox.now(), time.perf_counter()
    commands = call.parameters.raw("cmd")
    named = commands if isinstance(commands, dict) else dict(enumerate(commands if isinstance(commands, list) else []))
    is_list = isinstance(commands, list)
    parts: dict[str, dict[str, Any]] = {each: {} for each in ("result", "error", "total", "next", "time")}
    for index, (label, command) in enumerate(named.items()):
        label = str(label)
        try:
            if index >= sandbox.settings.batch_length:
                raise RestError("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded", 400)
            answer = await _command(registry, call, command, parts["result"])
        except RestError as error:
            sandbox.traffic.add(sandbox.traffic.by_error, error.code)
            parts["error"][label] = error.body()
            if call.parameters.flag("halt"):
                break
            continue
        parts["result"][label] = answer["result"]
        parts["time"][label] = answer["time"]
        for key in ("total", "next"):
            if key in answer:
                parts[key][label] = answer[key]
    shown = {key: _php(values, is_list) for key, values in parts.items()}
    duration = time.perf_counter() - began
    moment = call.portal.moment
    return {
        "result": {
            "result": shown["result"],
            "result_error": shown["error"],
            "result_total": shown["total"],
            "result_next": shown["next"],
            "result_time": shown["time"],
        },
        "time": {
            "start": started,
            "finish": started + duration,
            "duration": duration,
            "processing": duration,
            "date_start": moment(started),
            "date_finish": moment(started + duration),
            "operating": 0,
        },
    }


def _php(values: dict[str, Any], is_list: bool) -> Any:
    """PHP writes an array with the keys 0, 1, 2, … as a list, and any other as a map."""
    if is_list and list(values) == [str(index) for index in range(len(values))]:
        return list(values.values())
    return php_map(values)


async def _command(registry: Registry, call: Call, command: Any, results: dict[str, Any]) -> dict[str, Any]:
    name, _, query = (command if isinstance(command, str) else "").partition("?")
    if name.lower().removesuffix(".json") == "batch":
        raise RestError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405)
    values = brackets.parse(parse_qsl(query, keep_blank_values=True))
    values.pop("auth", None)
    filled = {key: _filled(value, results) for key, value in values.items()}
    inner = Call(call.sandbox, call.caller, Parameters(filled), call.origin)
    return await run(registry, name.removesuffix(".json"), inner, in_batch=True)


def _filled(value: Any, results: dict[str, Any]) -> Any:
    """Put earlier results in place of `$result[label][FIELD]…`; an unknown one becomes empty."""
    if isinstance(value, dict):
        return {key: _filled(each, results) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, results) for each in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _referenced(whole[1], results)
    return _REFERENCE.sub(lambda found: _as_part(_referenced(found[1], results)), value)


def _as_part(found: Any) -> str:
    return "" if found is None or isinstance(found, dict | list) else str(found)


def _referenced(path: str, results: dict[str, Any]) -> Any:
    node: Any = results
    for step in _SEGMENT.findall(path):
        if isinstance(node, dict):
            node = node.get(step)
        elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        else:
            return ""
    return "" if node is None else node
