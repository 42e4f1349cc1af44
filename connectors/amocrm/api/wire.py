"""One HTTP exchange with amoCRM: deadline, size limit, no redirects. Errors say whether it may have been carried out.

The meaning of a status, tokens, pacing and repeats do not belong here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from integration.errors import OutcomeUnknown, ProtocolError, Unavailable

USER_AGENT = "Dozvon/0.1 (amoCRM connector)"
_LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; 250 contacts with all fields filled are far smaller
_LONGEST_TEXT = 600  # characters of an error message

ENTITY_NOT_FOUND = "entity_not_found"
UNKNOWN_USER = "unknown_user"  # was removed from this account, or was never in it
_USER_FIELDS = ("responsible_user_id", "created_by", "updated_by", "call_responsible", "user_id")

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body`: the parsed JSON; None if there is none (204, 202 with text, an HTML error page)."""

    status: int
    body: Any
    is_json: bool
    is_problem: bool
    request_id: str
    location: str = ""
    sent_at: float | None = None  # by amoCRM's clock, in whole seconds; None without a Date header


async def exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout_seconds: float,
    query: Query = (),
    body: Any = None,
) -> Answer:
    """
    Send one request and read its whole answer; every status is an answer.

    Raises:
        Unavailable: it was not sent.
        OutcomeUnknown: it was sent, or may have been, and no complete answer came.
        ProtocolError: the answer to a read is larger than 16 MB.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=timeout_seconds / 2)
    try:
        async with session.request(
            method,
            url,
            params=list(query),
            json=body,
            headers={"User-Agent": USER_AGENT, "Accept": "application/hal+json, application/json", **headers},
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            return _answer(response, await _read(response, method))
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
        raise Unavailable(f"amoCRM cannot be reached: {type(exc).__name__}") from exc
    except aiohttp.InvalidURL as exc:
        raise ProtocolError("amoCRM gave an invalid address") from exc
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise OutcomeUnknown(f"amoCRM's answer did not arrive: {type(exc).__name__}") from exc


async def _read(response: aiohttp.ClientResponse, method: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(65536):
        size += len(chunk)
        if size > _LARGEST_ANSWER:
            error = ProtocolError if method == "GET" else OutcomeUnknown
            raise error("amoCRM's answer is larger than 16 MB")
        chunks.append(chunk)
    return b"".join(chunks)


def _answer(response: aiohttp.ClientResponse, raw: bytes) -> Answer:
    kind = response.content_type
    body, is_json = None, False
    if raw.strip():
        try:
            body, is_json = json.loads(raw), True
        except (ValueError, RecursionError):
            body = None  # 202 of the popup and gateways' error pages (README: limits, popup)
    return Answer(
        status=response.status,
        body=body,
        is_json=is_json,
        is_problem=kind == "application/problem+json" and isinstance(body, dict),
        request_id=response.headers.get("X-Request-Id", ""),
        location=response.headers.get("Location", ""),
        sent_at=_moment(response.headers.get("Date", "")),
    )


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def problem_text(body: Any) -> str:
    """
    amoCRM's reasons in one line: hint or detail, then each validation error as `path: detail (code)`.
    Never raises; empty for a body without any of these.
    """
    if not isinstance(body, dict):
        return ""
    texts = [_text(body.get("hint")) or _text(body.get("detail")) or _text(body.get("title"))]
    for item in _dicts(body.get("validation-errors")):
        texts += [_reason(error) for error in _dicts(item.get("errors"))]
    texts += [_text(error.get("detail")) or _text(error.get("title")) for error in _dicts(body.get("errors"))]
    return "; ".join(text for text in texts if text)[:_LONGEST_TEXT]


def _reason(error: Mapping[str, Any]) -> str:
    code = _text(error.get("code"))
    return f"{_text(error.get('path'))}: {_text(error.get('detail'))}" + (f" ({code})" if code else "")


def _dicts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        value = list(value.values())
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def problem_code(body: Any) -> str:
    """
    The code of a 400: ENTITY_NOT_FOUND, UNKNOWN_USER, else the first validation code (`FieldMissing`); empty if there
    is none. When `/api/v4/calls` knows nobody with the number, only a title says so. Never raises.
    """
    if not isinstance(body, dict):
        return ""
    if any(_text(error.get("title")).lower() == "entity not found" for error in _dicts(body.get("errors"))):
        return ENTITY_NOT_FOUND
    errors = [error for item in _dicts(body.get("validation-errors")) for error in _dicts(item.get("errors"))]
    for error in errors:
        if _text(error.get("code")) == "NotSupportedChoice":
            leaf = _text(error.get("path")).rpartition(".")[2]
            if leaf == "entity_id":
                return ENTITY_NOT_FOUND
            if leaf in _USER_FIELDS:
                return UNKNOWN_USER
    return next((_text(error.get("code")) for error in errors if _text(error.get("code"))), "")
