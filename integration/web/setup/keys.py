"""The wizard's screen of API keys (S4's step 3). `pages/keys.py` has what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.setup import Step
from integration.web.forms import read_form
from integration.web.pages.keys import KEY_IN_PATH, KeySection
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened, path_of

_PATH = "/admin/setup/{office}/keys"


class KeysScreen:
    def __init__(self, frame: Frame, section: KeySection) -> None:
        self._frame = frame
        self._section = section

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(
            Permission.MANAGE_KEYS,
            web.get(_PATH, self.show),
            web.post(_PATH, self.act),
            web.post(_PATH + "/" + KEY_IN_PATH + "/revoke", self.revoke),
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        return await self._page(request, opened, await self._section.values(request, opened.office))

    async def act(self, request: web.Request) -> web.StreamResponse:
        opened, form = await self._frame.open(request), await read_form(request)
        if form.get("do") == "finish":
            raise await self._frame.finish(request, opened.office, Step.KEYS)
        return await self._page(request, opened, await self._section.make(request, opened.office, form))

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        opened = await self._frame.open(request)
        return await self._section.revoke(request, opened.office, path_of(opened.office, Step.KEYS))

    async def _page(self, request: web.Request, opened: Opened, values: dict[str, Any]) -> web.Response:
        url = path_of(opened.office, Step.KEYS)
        return await self._frame.page(request, opened, Step.KEYS, keys_url=url, **values)
