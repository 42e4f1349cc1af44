"""The style page: every component with real texts, in the reader's language, light and dark."""

from __future__ import annotations

from aiohttp import web

from integration.domain.access import Permission
from integration.web.pages.shell import Shell
from integration.web.permissions import needs

_THEMES = ("light", "dark")
COLOURS = (
    ("ink", "back"),
    ("soft", "back"),
    ("soft", "ground"),
    ("soft", "raised"),
    ("accent", "back"),
    ("accent", "accent-soft"),
    ("accent-ink", "accent"),
    ("good", "good-soft"),
    ("warn", "warn-soft"),
    ("bad", "bad-soft"),
)
"""Text and what it stands on, by the names of tokens: a contrast of at least 4.5:1 each."""


class StylePages:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*needs(Permission.SEE_START, web.get("/admin/style", self.style))]

    async def style(self, request: web.Request) -> web.Response:
        wish = request.query.get("theme", "")
        theme = wish if wish in _THEMES else ""
        return await self._shell.page(request, "style.html", theme=theme, colours=COLOURS)
