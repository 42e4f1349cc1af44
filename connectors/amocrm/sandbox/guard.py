"""Runs before every API handler: ordered faults, authentication, rate limits, the ended subscription.

Handlers only see requests that amoCRM would let through.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from connectors.amocrm.sandbox.problems import Problem
from connectors.amocrm.sandbox.sandbox import SANDBOX, Fault, Sandbox
from connectors.amocrm.sandbox.session import CALLER, api_caller

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: counts requests, sets request ids, applies faults, and turns problems into answers."""
    sandbox = request.app[SANDBOX]
    if request.path.startswith("/_sandbox"):
        return await handler(request)
    fault = take_fault(sandbox, request)
    response = await _with_fault(sandbox, request, handler, fault)
    response.headers["Date"] = formatdate(sandbox.now(), usegmt=True)  # the CRM's own clock
    response.headers["X-Request-Id"] = uuid.uuid4().hex
    if is_api(request):
        traffic = sandbox.traffic
        traffic.total += 1
        path = f"{request.method} {_pattern(request)}"
        traffic.by_path[path] = traffic.by_path.get(path, 0) + 1
        status = str(response.status)
        traffic.by_status[status] = traffic.by_status.get(status, 0) + 1
    return response


def is_api(request: web.Request) -> bool:
    return request.path.startswith(("/api/", "/oauth2/"))


def _pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else request.path[:100]


async def _with_fault(
    sandbox: Sandbox, request: web.Request, handler: Handler, fault: Fault | None
) -> web.StreamResponse:
    if fault is None:
        return await _answer(sandbox, request, handler)
    if fault.kind == "drop":
        return _cut(request)
    if fault.kind == "slow":
        await pause(sandbox, fault.seconds)
        return await _answer(sandbox, request, handler)
    if fault.kind == "timeout_after_store":
        await _answer(sandbox, request, handler)
        await pause(sandbox, fault.seconds)
        return _cut(request)
    if fault.status in (429, 403):
        return plain(fault.status)
    return Problem(fault.status, "A fault was ordered", title="Ordered fault").response()


def _cut(request: web.Request) -> web.Response:
    """Close the connection. aiohttp needs a returned answer, but the client gets nothing of it."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


async def pause(sandbox: Sandbox, seconds: float) -> None:
    """Wait, but not beyond the end of the sandbox."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sandbox.closing.wait(), seconds)


def take_fault(sandbox: Sandbox, request: web.Request) -> Fault | None:
    for fault in sandbox.faults:
        if request.path.startswith(fault.path_prefix) and fault.method in ("", request.method):
            fault.count -= 1
            if fault.count == 0:
                sandbox.faults.remove(fault)
            return fault
    return None


async def _answer(sandbox: Sandbox, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if request.path.startswith("/api/"):
            refusal = _admit(sandbox, request)
            if refusal is not None:
                return refusal
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as exc:
        if is_api(request) and exc.status in (404, 405):
            return Problem(exc.status, "There is no such method").response()
        raise


def _admit(sandbox: Sandbox, request: web.Request) -> web.Response | None:
    caller = api_caller(request)
    request[CALLER] = caller
    if caller.client_id:
        refusal = rate(sandbox, caller.client_id, caller.account.id)
        if refusal is not None:
            return refusal
    ended = caller.account.subscription_ended
    if ended == "all" or (ended == "writes" and request.method not in ("GET", "HEAD")):
        raise Problem(402, "The account's subscription has ended")
    return None


def rate(sandbox: Sandbox, client_id: str, account_id: int | None) -> web.Response | None:
    """
    Allow 7 requests in any second per integration, including those for tokens, and 50 per account (None for a token's
    request, whose account is not known yet). A client that goes on despite 429 gets 403 for everything.
    """
    settings, traffic, now = sandbox.settings, sandbox.traffic, sandbox.now()
    if now < traffic.blocked_until.get(client_id, 0):
        return plain(403)
    mine = _within(traffic.recent.setdefault(client_id, deque()), now, 1)
    account = _within(traffic.recent.setdefault(f"account {account_id}", deque()), now, 1)
    mine.append(now)
    account.append(now)
    traffic.max_rate = max(traffic.max_rate, len(mine))
    if len(mine) <= settings.requests_per_second and len(account) <= settings.account_requests_per_second:
        return None
    refusals = _within(traffic.refusals.setdefault(client_id, deque()), now, settings.block_window_seconds)
    refusals.append(now)
    if len(refusals) >= settings.refusals_before_block:
        traffic.blocked_until[client_id] = now + settings.block_seconds
        refusals.clear()
    return plain(429)


def _within(times: deque[float], now: float, seconds: float) -> deque[float]:
    while times and times[0] <= now - seconds:
        times.popleft()
    return times


def plain(status: int) -> web.Response:
    """429 and the general 403 come from the front server, so they are not JSON."""
    title = {429: "429 Too Many Requests", 403: "403 Forbidden"}[status]
    return web.Response(status=status, text=_HTML.format(title), content_type="text/html")
