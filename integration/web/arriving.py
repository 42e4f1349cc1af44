"""Pages of an account that another process has stored a moment ago, and that this one is about to run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from integration.domain.ids import AccountId
from integration.web.errors import Handler

_MOMENTS, _MOMENT_SECONDS = 30, 0.1  # a process looks at the offices once a second


def arriving(runs: Callable[[AccountId], bool], is_stored: Callable[[AccountId], Awaitable[bool]]) -> Middleware:
    """
    A middleware that waits for such an account, before its page says that there is nothing here: behind a load balancer
    the next click of who has stored it may come to any process. It stands behind the guard, so strangers ask nothing.
    """

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        account = AccountId(request.match_info.get("account", ""))
        if account and request.path.startswith("/admin/") and not runs(account) and await is_stored(account):
            for _ in range(_MOMENTS):
                if runs(account):
                    break
                await asyncio.sleep(_MOMENT_SECONDS)
        return await handler(request)

    return wait
