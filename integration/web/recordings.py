"""Serves recordings to the CRM's player: opaque addresses, byte ranges, no credentials (amoCRM reference, 6.8)."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiohttp import web

from integration.domain.ids import AccountId
from integration.ports.stores import RecordingStore
from integration.web.permissions import for_everybody

_OPAQUE_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


def recording_routes(store: RecordingStore, is_connected: Callable[[AccountId], bool]) -> list[web.AbstractRouteDef]:
    """
    `GET` and `HEAD /r/<id>.mp3`. 404: unknown, deleted or not fetched yet. 410: the account was disconnected. The
    addresses of its recordings stay in the CRM, but its users are no longer customers.
    """

    async def serve(request: web.Request) -> web.StreamResponse:
        opaque_id = request.match_info["id"]
        account = await store.account_of(opaque_id) if _OPAQUE_ID.fullmatch(opaque_id) else None
        if account is not None and not is_connected(account):
            raise web.HTTPGone(text="This account is not connected any more.", headers={"Cache-Control": "no-store"})
        found = await store.open(opaque_id) if account is not None else None
        if found is None:
            raise web.HTTPNotFound(text="There is no such recording.", headers={"Cache-Control": "no-store"})
        path, _ = found
        return web.FileResponse(
            path,
            headers={
                "Content-Type": "audio/mpeg",
                "Content-Disposition": "inline",
                "Cache-Control": "private, max-age=3600",
                "Accept-Ranges": "bytes",
                "X-Robots-Tag": "noindex",
                "Access-Control-Allow-Origin": "*",
            },
        )

    return [*for_everybody("the address cannot be guessed", [web.get("/r/{id}.mp3", serve)])]
