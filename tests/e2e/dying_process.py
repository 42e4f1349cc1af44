"""`dozvon` that kills itself (SIGKILL) in the middle of a request, as a file beside its configuration says:

    {"method": "POST", "path": "/admin/setup/acme/pbx", "after": 2}

`after` counts what lasts: transactions that are committed, and changes on the PBX that it has confirmed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from aiohttp import web

from integration.__main__ import main
from integration.process import web_front
from integration.storage.sql.postgres import PostgresDatabase
from integration.storage.sql.sqlite import SqliteDatabase
from pbx_adapter.asterisk.ami.client import AmiSession

ORDER = Path(sys.argv[-1]).with_suffix(".kill")


@dataclass
class _Request:
    method: str
    path: str
    lasted: int = 0


_request: ContextVar[_Request | None] = ContextVar("_request", default=None)


def _something_lasts() -> None:
    request = _request.get()
    if request is None or not ORDER.exists():
        return
    request.lasted += 1
    order = json.loads(ORDER.read_text("utf-8"))
    if (request.method, request.path, request.lasted) == (order["method"], order["path"], order["after"]):
        os.kill(os.getpid(), signal.SIGKILL)


def _lasting(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        result = await method(self, *arguments, **named)
        action = arguments[0]
        if not isinstance(self, AmiSession) or action.changes:
            _something_lasts()
        return result

    return counted


@web.middleware
async def _remember(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    _request.set(_Request(request.method, request.path))
    return await handler(request)


def _with_memory(create: Callable[..., web.Application]) -> Callable[..., web.Application]:
    def created(*, outermost: Any, **arguments: Any) -> web.Application:
        return create(outermost=[_remember, *outermost], **arguments)

    return created


for owner, name in (
    (SqliteDatabase, "write"), (SqliteDatabase, "change"), (PostgresDatabase, "write"), (PostgresDatabase, "change"),
    (AmiSession, "ask"),
):  # fmt: skip
    setattr(owner, name, _lasting(getattr(owner, name)))
vars(web_front)["create_web_app"] = _with_memory(vars(web_front)["create_web_app"])

if __name__ == "__main__":
    sys.exit(main())
