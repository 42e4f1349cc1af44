"""How failures are told over HTTP: `{"error": {"code", "message"}}`, as `widgets/README.md` says."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from integration.errors import AuthFailed, DozvonError, RateLimited, Rejected, Unavailable
from integration.services.click import Refused

log = structlog.get_logger()

_STATUS = {
    "auth_failed": 401,
    "not_allowed": 403,
    "integration_disabled": 403,
    "premium_not_allowed": 403,
    "satellite_not_allowed": 403,
    "account_unknown": 404,
    "call_unknown": 404,
    "no_extension": 409,
    "version_mismatch": 409,
    "busy_double_click": 409,
    "already_talking": 409,
    "already_answered": 409,
    "not_ringing": 409,
    "too_late": 409,
    "phone_unreachable": 409,
    "bad_request": 400,
    "bad_number": 422,
    "no_client_extension": 409,
    "tones_failed": 503,
    "rate_limited": 429,
    "too_many_clicks": 429,
    "pbx_offline": 503,
    "crm_offline": 503,
    "crm_reauth": 503,
    "crm_unpaid": 503,
    "hang_up_failed": 502,
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def error_response(code: str, message: str, status: int | None = None) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status or _STATUS.get(code, 500))


@web.middleware
async def api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure of an API route becomes an answer with a code, never a traceback."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    try:
        return await handler(request)
    except Refused as exc:
        return error_response(exc.code, str(exc))
    except AuthFailed as exc:
        return error_response("auth_failed", str(exc))
    except RateLimited as exc:
        response = error_response("rate_limited", str(exc))
        response.headers["Retry-After"] = str(int(exc.retry_after_seconds or 1) or 1)
        return response
    except Unavailable as exc:
        return error_response("internal", str(exc), 503)
    except Rejected as exc:
        return error_response("not_allowed", str(exc))
    except DozvonError as exc:
        return error_response("internal", str(exc))
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return error_response("bad_request" if exc.status < 500 else "internal", exc.reason, exc.status)


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object. Raises Refused `bad_request`."""
    try:
        body = json.loads(await request.text())
    except (ValueError, RecursionError) as exc:  # UnicodeDecodeError is a ValueError
        raise Refused("bad_request", "the body is not JSON") from exc
    if not isinstance(body, dict):
        raise Refused("bad_request", "the body is not a JSON object")
    return body


def text_field(body: dict[str, Any], name: str, *, longest: int = 200) -> str:
    """A text of the body. Raises Refused `bad_request` when it is absent, no text, or too long."""
    value = body.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise Refused("bad_request", f"{name}: a text of at most {longest} characters")
    return value
