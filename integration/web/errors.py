"""Turns failures into HTTP answers, in the visitor's language and in a form that the client can read.

The API and programs get `{"error": {"code", "message"}}`, as `widgets/README.md` says; a person in a browser gets a
page.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from integration.errors import AuthFailed, DozvonError, RateLimited, Rejected, Unavailable
from integration.services.click import Refused
from integration.texts.errors import error_text
from integration.web.client_address import ClientAddresses
from integration.web.forms import BodyTooSlow, is_clean
from integration.web.language import language_of
from integration.web.refused_log import RefusedLog

log = structlog.get_logger()

_STATUS = {
    "auth_failed": 401,
    "not_allowed": 403,
    "integration_disabled": 403,
    "premium_not_allowed": 403,
    "satellite_not_allowed": 403,
    "crm_no_admin": 403,
    "no_key": 401,
    "key_mistyped": 401,
    "key_unknown": 401,
    "key_revoked": 401,
    "key_ended": 401,
    "key_maker_off": 401,
    "key_other_office": 409,
    "crm_token_used": 409,
    "account_unknown": 404,
    "call_unknown": 404,
    "campaign_unknown": 404,
    "no_extension": 409,
    "version_mismatch": 409,
    "busy_double_click": 409,
    "busy_deal": 409,
    "no_person": 409,
    "not_this_number": 409,
    "already_talking": 409,
    "already_answered": 409,
    "not_ringing": 409,
    "too_late": 409,
    "phone_unreachable": 409,
    "pbx_cannot_dial": 409,
    "bad_request": 400,
    "bad_number": 422,
    "bad_due": 422,
    "bad_result": 422,
    "note_changed": 409,
    "no_client_extension": 409,
    "tones_failed": 503,
    "not_chosen": 503,
    "rate_limited": 429,
    "too_many_clicks": 429,
    "pbx_offline": 503,
    "crm_offline": 503,
    "crm_reauth": 503,
    "crm_unpaid": 503,
    "hang_up_failed": 502,
}
_CODES = {401: "auth_failed", 403: "not_allowed", 429: "rate_limited"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorPage = Callable[[web.Request, int, str], web.Response]
"""Makes a page for a person, from the request, the status and a sentence."""


def error_response(code: str, message: str, status: int | None = None) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status or _STATUS.get(code, 500))


@web.middleware
async def api_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the errors of services into answers with their codes."""
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


class ErrorAnswers:
    """The outermost middleware except CORS. Every failure becomes an answer and one line in the log."""

    def __init__(self, *, page: ErrorPage | None, addresses: ClientAddresses, refused: RefusedLog) -> None:
        self._page = page
        self._addresses = addresses
        self._refused = refused

    @web.middleware
    async def told(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        reason = ""
        try:
            response = await handler(request)
        except web.HTTPException as exc:
            if exc.status < 400:
                raise
            reason = exc.reason
            response = self._answer(request, exc.status)
            for name in ("Retry-After", "Allow", "Cache-Control", "Content-Range"):
                if name in exc.headers:
                    response.headers[name] = exc.headers[name]
        except DozvonError as exc:
            log.warning("request not carried out", place=place_of(request), error=str(exc))
            return self._answer(request, 503)
        except BodyTooSlow:
            reason, response = "the body came too slowly", self._answer(request, 408)
            response.force_close()
        except web.RequestPayloadError:
            reason, response = "the body is malformed", self._answer(request, 400)
            response.force_close()
        except Exception as exc:  # one request must not end the server
            if isinstance(exc, ConnectionError) and _has_left(request):
                raise  # `connection.py` says nothing of it: browsers do this all day
            log.exception("request broke", place=place_of(request), method=request.method)
            return self._answer(request, 500)
        if response.status >= 400:
            self._refused.add(
                status=response.status,
                place=place_of(request),
                method=request.method,
                reason=reason or response.reason or "",
                address=self._addresses.of(request),
            )
        return response

    def _answer(self, request: web.Request, status: int) -> web.Response:
        message = error_text(status, language_of(request))
        if self._page is not None and _is_for_a_person(request):
            return self._page(request, status, message)
        return error_response(_CODES.get(status, "internal" if status >= 500 else "bad_request"), message, status)


def _has_left(request: web.Request) -> bool:
    """Whether the client closed its connection, before the end of its request or of our answer."""
    return request.transport is None or request.transport.is_closing()


def place_of(request: web.Request) -> str:
    """The route's pattern. The real path may contain a secret."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "(no such page)"


def _is_for_a_person(request: web.Request) -> bool:
    path = request.path
    if path.startswith("/api/"):
        return False
    return path == "/admin" or path.startswith("/admin/") or "text/html" in request.headers.get("Accept", "")


async def json_body(request: web.Request) -> dict[str, Any]:
    """The request's JSON object. Raises: Refused `bad_request`."""
    try:
        body = json.loads((await request.read()).decode())
    except (ValueError, RecursionError) as exc:  # UnicodeDecodeError is a ValueError
        raise Refused("bad_request", "the body is not JSON") from exc
    if not isinstance(body, dict):
        raise Refused("bad_request", "the body is not a JSON object")
    return body


def text_field(body: dict[str, Any], name: str, *, longest: int = 200) -> str:
    """A text of the body. Raises: Refused `bad_request` if it is missing, not a text, too long, or cannot be stored."""
    value = body.get(name)
    if not isinstance(value, str) or len(value) > longest or not is_clean(value):
        raise Refused("bad_request", f"{name}: a text of at most {longest} characters")
    return value
