"""Builds the sandbox's web application: API, OAuth, the CRM's page, the controls.

Each of them is in a separate module.
"""

from __future__ import annotations

from pathlib import Path

import jinja2
from aiohttp import web

from connectors.amocrm.sandbox import (
    api_account,
    api_calls,
    api_entities,
    api_links,
    api_notes,
    api_unsorted,
    api_work,
    control,
    oauth,
    page_shell,
    pages,
    webhooks,
    widget_pages,
)
from connectors.amocrm.sandbox.guard import guard
from connectors.amocrm.sandbox.oauth import TEMPLATES
from connectors.amocrm.sandbox.sandbox import SANDBOX, Sandbox
from connectors.amocrm.sandbox.seed import seed_office
from connectors.amocrm.sandbox.settings import SandboxSettings

WEB = Path(__file__).parent / "web"
_MAX_BODY = 16 * 1024 * 1024  # a widget archive


def create_sandbox(settings: SandboxSettings, sandbox: Sandbox | None = None) -> web.Application:
    """
    Build the application, ready for a runner. Its state is `app[SANDBOX]`.

    Args:
        sandbox: the state, for tests with their own accounts or clock; None: a seeded office.
    """
    if sandbox is None:
        sandbox = Sandbox(settings)
        sandbox.populate = seed_office
        sandbox.reset()
    app = web.Application(middlewares=[guard], client_max_size=_MAX_BODY)
    app[SANDBOX] = sandbox
    app[TEMPLATES] = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page_shell.add_filters(app[TEMPLATES])
    app.cleanup_ctx.append(webhooks.running)
    app.on_shutdown.append(_close)
    # Fixed paths before patterns: the router takes the first match.
    for module in (api_links, api_unsorted, api_account, api_calls, api_work, api_notes, api_entities):
        module.add_routes(app.router)
    for module in (oauth, control, widget_pages, pages):
        module.add_routes(app.router)
    app.router.add_static("/static/", WEB / "static")
    return app


async def _close(app: web.Application) -> None:
    """End open event streams and delays, so that the server stops at once."""
    app[SANDBOX].closing.set()
    app[SANDBOX].tell_pages({"kind": "closing"})
