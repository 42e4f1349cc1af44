"""The HTTP side of a process: routes, middleware, health and metrics. What routes do is in their own modules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import web

from integration.errors import DozvonError
from integration.metrics import Metrics
from integration.web.errors import Handler, api_errors

log = structlog.get_logger()

_LARGEST_BODY = 1024 * 1024  # webhooks are the largest that anybody may send (amoCRM reference, 9.5)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
}

Health = Callable[[], Awaitable[dict[str, Any]]]
"""`{"status": "ok"|"degraded", ...}`; degraded is still alive."""


@web.middleware
async def defects(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A defect of ours is logged with its traceback and told as one sentence; the process lives on."""
    try:
        response = await handler(request)
    except web.HTTPException:
        raise
    except DozvonError as exc:
        response = web.Response(status=503, text=str(exc))
    except Exception:  # the loop of all requests must live on
        log.exception("request broke", path=request.match_info.handler.__name__, method=request.method)
        body = {"error": {"code": "internal", "message": "Something broke on our side; it was logged."}}
        response = web.json_response(body, status=500)
    if not response.prepared:
        for header, value in _SECURITY_HEADERS.items():
            response.headers.setdefault(header, value)
    return response


def create_web_app(
    *, routes: Iterable[web.AbstractRouteDef], middlewares: Iterable[Any], health: Health, metrics: Metrics
) -> web.Application:
    async def show_health(_: web.Request) -> web.Response:
        state = await health()
        return web.json_response(state, headers={"Cache-Control": "no-store"})

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application(middlewares=[defects, *middlewares, api_errors], client_max_size=_LARGEST_BODY)
    app.router.add_get("/health", show_health)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_routes(routes)
    return app
