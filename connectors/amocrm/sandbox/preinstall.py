"""Installs the widget for the demonstration, as an administrator would on the settings and consent pages."""

from __future__ import annotations

import aiohttp
from yarl import URL

from connectors.amocrm.sandbox import archive, tokens
from connectors.amocrm.sandbox.oauth import mark_installed
from connectors.amocrm.sandbox.sandbox import Sandbox
from connectors.amocrm.sandbox.widget_boot import attach

_INSTALL_SECONDS = 10.0


async def preinstall(sandbox: Sandbox, data: bytes, *, host: str, state: str, session: aiohttp.ClientSession) -> None:
    """
    Upload the archive into the first account, install it there as the administrator, and allow the integration.

    Calls the redirect address with a code, as the browser of an administrator would after pressing "Connect".

    Args:
        state: the state that the integration's server gave to that administrator.
        host: the sandbox's `host:port`, at which the integration's server reaches it.

    Raises:
        ValueError: the archive breaks amoCRM's rules, or the integration's server did not accept the code.
    """
    found = archive.read(data)
    if found.errors:
        raise ValueError("; ".join(found.errors))
    integration = sandbox.integrations[sandbox.settings.client_id]
    attach(integration, found)
    account = next(iter(sandbox.accounts.values()))
    mark_installed(account, integration, account.admin())
    query = {
        "code": tokens.issue_code(sandbox, integration, account, account.admin()),
        "referer": host,
        "client_id": integration.client_id,
        "state": state,
    }
    timeout = aiohttp.ClientTimeout(total=_INSTALL_SECONDS)
    address = URL(integration.redirect_uri).update_query(query)
    async with session.get(address, timeout=timeout, allow_redirects=False) as answer:
        if answer.status >= 400:
            raise ValueError(f"the integration's server answered {answer.status}")
