"""What an answer means: a result, or one of our errors by code, text and status. Pure.

A code may be empty, and then only the text tells; its case varies; an error may come with HTTP 200.
Source: b24-rest-docs, "System errors", and the pages of the methods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.bitrix24.api.wire import Answer
from integration.errors import AuthFailed, DozvonError, NotFound, RateLimited, Rejected, Unavailable, Unpaid

EXPIRED = frozenset({"EXPIRED_TOKEN", "INVALID_TOKEN"})
_LONGEST_TEXT = 600  # characters of an error message
_OVERLOAD_SECONDS = 600.0  # blocked by hand: a person has to write to the vendor's support

# The application is not (any more) allowed to ask: an administrator has to act.
_NOT_ALLOWED = {
    "NO_AUTH_FOUND": "Bitrix24 does not know the token: install the application again",
    "WRONG_CLIENT": "Bitrix24 does not know the application: check its keys",
    "INVALID_CLIENT": "Bitrix24 does not know the application: check its keys",
    "INVALID_GRANT": "Bitrix24 has withdrawn the access: install the application again",
    "NOT_INSTALLED": "The application is not installed in the portal",
    "APPLICATION_NOT_FOUND": "The application is not installed in the portal",
    "PORTAL_DELETED": "The portal was deleted",
    "USER_ACCESS_ERROR": "The person who installed the application has left, or may not use it: install it again",
}
_METHOD_CLOSED = {
    "INVALID_CREDENTIALS": "The person who installed the application lacks a right for this",
    "INSUFFICIENT_SCOPE": "The application lacks a scope for this: add it in the application's card",
    "WRONG_AUTH_TYPE": "An incoming webhook cannot do this: an application can",
    "METHOD_CONFIRM_WAITING": "An administrator of the portal has to confirm this method",
    "METHOD_CONFIRM_DENIED": "An administrator of the portal has refused this method",
}
_UNPAID = "The portal's plan has no REST, or the subscription has ended"
# Of an empty code, or of ERROR_CORE: `Not found`, `User not found`, `Activity is not found.`, `Call is not found (…`.
_MISSING_TEXT = re.compile(r"(?:\w+ )?(?:is )?not found[.!]?(?: \(.*)?", re.IGNORECASE | re.DOTALL)


class NotInstalled(AuthFailed):
    """The application was never installed in the portal, or was removed."""


class MethodClosed(AuthFailed):
    """The application may not use this method; the others go on."""


class MethodResting(RateLimited):
    """One method has used up its execution time; the others go on."""


def is_error(answer: Answer) -> bool:
    """Whether the answer is no result: by its `error` even with status 200, else by its status or missing JSON."""
    return answer.body is None or "error" in answer.body or answer.status != 200


def code_of(answer: Answer) -> str:
    """The error's code in upper case; empty if there is none."""
    found = (answer.body or {}).get("error")
    return str(found).upper() if isinstance(found, str | int) else ""


def text_of(body: Mapping[str, Any] | None) -> str:
    found = (body or {}).get("error_description")
    return str(found)[:_LONGEST_TEXT] if isinstance(found, str | int) else ""


def error_of(answer: Answer) -> DozvonError:
    """
    Our error for a refused request. An answer that is no JSON, and any 5xx without a known code, is Unavailable: the
    caller knows whether its request may have been carried out.
    """
    code, text = code_of(answer), text_of(answer.body)
    if code == "QUERY_LIMIT_EXCEEDED":
        return RateLimited("Bitrix24 asks to slow down (503)")
    if code == "OPERATION_TIME_LIMIT":
        return MethodResting("Bitrix24 lets a method rest: it has used up its execution time (429)")
    if code == "OVERLOAD_LIMIT":
        return Unavailable("Bitrix24 has blocked the requests by hand", retry_after_seconds=_OVERLOAD_SECONDS)
    if code == "PAYMENT_REQUIRED" or (code == "ACCESS_DENIED" and "commercial plans" in text.lower()):
        return Unpaid(_UNPAID)
    if code in EXPIRED:
        return AuthFailed("Bitrix24 refuses even a fresh token: install the application again")
    if code in _NOT_ALLOWED:
        return AuthFailed(_NOT_ALLOWED[code])
    if code in _METHOD_CLOSED:
        return MethodClosed(_METHOD_CLOSED[code])
    if answer.body is None or (answer.status >= 500 and not text):
        return Unavailable(f"Bitrix24 is out of order ({answer.status})")
    if code in ("INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER"):
        return Unavailable(f"Bitrix24 is out of order: {text or code}")
    if code in ("NOT_FOUND", "OWNER_NOT_FOUND") or (code in ("", "ERROR_CORE") and _MISSING_TEXT.fullmatch(text)):
        return NotFound(f"Bitrix24: {text or 'not found'}", code=code)
    return Rejected(f"Bitrix24 refuses: {text or code or answer.status}", code=code)
