"""What a proxy asks before it gets a certificate for a name: only the installation's own name may have one.

Caddy calls this the `ask` endpoint (`deploy/Caddyfile`). Without it, anybody who points a name at the server would make
it ask the authority for a certificate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from integration.web.permissions import for_everybody

ASK_PATH = "/certificates/ask"


class CertificateNames:
    """
    Args:
        public_url: the address of the installation, from the configuration or the browser.
        tried_name: the host that an administrator is trying now; empty: none. Raises: Unavailable.
    """

    def __init__(self, public_url: str, tried_name: Callable[[], Awaitable[str]]) -> None:
        public = urlsplit(public_url)
        self._own = public.hostname if public.scheme == "https" else None
        self._tried_name = tried_name

    def routes(self) -> list[web.AbstractRouteDef]:
        why = "it says only whether a name is ours, which whoever asks at that name knows"
        return [*for_everybody(why, [web.get(ASK_PATH, self.ask)])]

    async def ask(self, request: web.Request) -> web.Response:
        """200: get one for `domain`. 404: do not."""
        name = request.query.get("domain", "").lower().removesuffix(".")
        if not name or name not in (self._own, await self._tried_name()):
            raise web.HTTPNotFound
        return web.Response(text=name)
