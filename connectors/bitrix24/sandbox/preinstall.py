"""Installs the application for the demonstration, as an administrator would on the portal's pages."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from connectors.bitrix24.sandbox import frames
from connectors.bitrix24.sandbox.install import finish, install
from connectors.bitrix24.sandbox.portal import Portal
from connectors.bitrix24.sandbox.sandbox import SANDBOX
from connectors.bitrix24.sandbox.session import Person

_INSTALL_SECONDS = 10.0


async def preinstall(app: web.Application, *, page: str, line: str, session: aiohttp.ClientSession) -> None:
    """
    Write the application's page into its card, install it in the first portal, and finish that, as its installer's page
    does. Then clicks go to its line.

    Args:
        app: of the portal.
        page: the address of the application's page and of its installer.

    Raises:
        ValueError: the application's server did not answer with a page.
    """
    sandbox = app[SANDBOX]
    card = sandbox.apps[sandbox.settings.client_id]
    card.handler_url = card.install_url = page
    portal: Portal = next(iter(sandbox.portals.values()))
    who = Person(sandbox=sandbox, portal=portal, user=portal.admin())
    added = await install(app, portal, card, who.id)
    opened = frames.open_frame(who, added, page, "DEFAULT", {}, origin=sandbox.portal_origin(portal), lang="ru")
    timeout = aiohttp.ClientTimeout(total=_INSTALL_SECONDS)
    async with session.post(opened.action, data=opened.fields, timeout=timeout) as answer:
        if answer.status != 200:
            raise ValueError(f"the application's server answered {answer.status}")
    finish(sandbox, portal, added)
    portal.outgoing_line = (card.client_id, line)
