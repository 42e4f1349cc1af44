"""Answers in the form of Bitrix24's REST: the envelope with `time`, errors with a code and a text, PHP's empty maps.

Handlers decide which answer to give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"


class RestError(Exception):
    """
    Raised to answer with `{"error", "error_description"}`.

    Args:
        code: as documented; may be empty, then only the text tells.
        status: of HTTP. Some methods answer errors with 200.
        extra: further members, for example `argument`.
    """

    def __init__(self, code: str, text: str, status: int = 400, *, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.status = status
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "error_description": self.text, **self.extra}


def core_error(text: str) -> RestError:
    """`ERROR_CORE`: the error of most methods, told apart by its text only."""
    return RestError("ERROR_CORE", text)


def no_auth() -> RestError:
    return RestError("NO_AUTH_FOUND", "Wrong authorization data", 401)


def access_denied(text: str = "Access denied!") -> RestError:
    return RestError("ACCESS_DENIED", text, 403)


def wrong_auth_type() -> RestError:
    return RestError("WRONG_AUTH_TYPE", "Current authorization type is denied for this method", 403)


def php_map(entries: Mapping[str, Any]) -> Any:
    """A PHP array: an empty one is a list in JSON."""
    return dict(entries) if entries else []


def answered(body: Any, status: int = 200) -> web.Response:
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(status=status, text=text, content_type="application/json")


def html_page(status: int, title: str) -> web.Response:
    """What the front server answers in place of the portal: not JSON."""
    return web.Response(status=status, text=_HTML.format(f"{status} {title}"), content_type="text/html")
