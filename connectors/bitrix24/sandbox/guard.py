"""Runs before every request: ordered faults, counting, and the address of a portal that was renamed.

Handlers only see requests that reach the portal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from connectors.bitrix24.sandbox.errors import RestError, answered, html_page
from connectors.bitrix24.sandbox.sandbox import SANDBOX, Fault, Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    sandbox = request.app[SANDBOX]
    if request.path.startswith("/_sandbox"):
        return await handler(request)
    moved = sandbox.moved_from(request.host)
    if moved is not None:
        sandbox.traffic.redirected += 1
        location = f"{request.scheme}://{moved.host}{request.raw_path}"
        return web.Response(status=302, headers={"Location": location})
    response = await _with_fault(sandbox, request, handler, _take_fault(sandbox, request))
    if request.path.startswith("/rest/"):
        sandbox.traffic.total += 1
        sandbox.traffic.add(sandbox.traffic.by_status, str(response.status))
    return response


async def _with_fault(
    sandbox: Sandbox, request: web.Request, handler: Handler, fault: Fault | None
) -> web.StreamResponse:
    if fault is None:
        return await handler(request)
    match fault.kind:
        case "drop":
            return _dropped(request)
        case "html":
            return html_page(fault.status, "Service Unavailable" if fault.status == 503 else "Error")
        case "status":
            return answered(RestError(fault.code, fault.description).body(), fault.status)
        case "error":
            return answered(RestError(fault.code, fault.description).body())
        case "slow":
            await pause(sandbox, fault.seconds)
            return await handler(request)
    await handler(request)  # timeout_after_store: it is done, and the answer is lost
    await pause(sandbox, fault.seconds)
    return _dropped(request)


def _dropped(request: web.Request) -> web.Response:
    """Close the connection. aiohttp needs a returned answer, but the client gets nothing of it."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)


async def pause(sandbox: Sandbox, seconds: float) -> None:
    """Wait, but not beyond the end of the sandbox."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sandbox.closing.wait(), seconds)


def _take_fault(sandbox: Sandbox, request: web.Request) -> Fault | None:
    method = request.path.rstrip("/").rpartition("/")[2].removesuffix(".json").lower()
    for fault in sandbox.faults:
        if request.path.startswith(fault.path_prefix) and fault.method.lower() in ("", method):
            fault.count -= 1
            if fault.count == 0:
                sandbox.faults.remove(fault)
            return fault
    return None
