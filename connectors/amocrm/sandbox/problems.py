"""Answers in amoCRM's form: HAL JSON, problem+json, and 204 without a body for an empty list.

Handlers decide which answer to give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

_TYPE = "https://httpstatus.es/{status}"
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
}


class Problem(Exception):
    """Raised to answer with `application/problem+json`; `extra` adds members, for example `validation-errors`."""

    def __init__(self, status: int, detail: str, *, title: str = "", extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {
            "title": title or _TITLES.get(status, "Error"),
            "type": _TYPE.format(status=status),
            "status": status,
            "detail": detail,
            **(extra or {}),
        }

    def response(self) -> web.Response:
        return web.Response(
            status=self.status, text=json.dumps(self.body, ensure_ascii=False), content_type="application/problem+json"
        )


def hal(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(body, ensure_ascii=False), content_type="application/hal+json")


def nothing() -> web.Response:
    """The answer for an empty list or an unknown id: 204 without a body, never 200 with []."""
    return web.Response(status=204)


def validation(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """`errors`: `{request_id, errors: [{code, path, detail}]}` for every refused item; the whole batch is refused."""
    return Problem(400, "Request validation failed", extra={"validation-errors": list(errors)})


def refused(code: str, path: str, detail: str, request_id: str = "0") -> Problem:
    """A validation error of a single field."""
    return validation([{"request_id": request_id, "errors": [{"code": code, "path": path, "detail": detail}]}])


def oauth_problem(hint: str, detail: str, status: int = 401) -> Problem:
    return Problem(
        status,
        detail,
        title="Некорректный запрос",
        extra={"hint": hint, "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"},
    )
