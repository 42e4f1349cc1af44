"""Builds the sandbox's two web applications: the portal (REST, pages, controls) and the OAuth server.

Each part is in a separate module.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from connectors.bitrix24.sandbox import (
    app_pages,
    control,
    events,
    install,
    oauth,
    page_shell,
    pages,
    rest_common,
    rest_crm_items,
    rest_crm_old,
    rest_crm_search,
    rest_events,
    rest_placements,
    rest_records,
    rest_statistics,
    rest_telephony,
    rest_timeline,
    rest_users,
)
from connectors.bitrix24.sandbox.guard import guard
from connectors.bitrix24.sandbox.methods import Registry
from connectors.bitrix24.sandbox.rest import REGISTRY, rest
from connectors.bitrix24.sandbox.sandbox import SANDBOX, Sandbox
from connectors.bitrix24.sandbox.seed import seed_portal
from connectors.bitrix24.sandbox.settings import SandboxSettings

_MAX_BODY = 64 * 1024 * 1024  # a recording in base64


def create_sandbox(settings: SandboxSettings, sandbox: Sandbox | None = None) -> web.Application:
    """
    Build the portal's application, ready for a runner. Its state is `app[SANDBOX]`; `create_oauth_server` needs it.

    Args:
        sandbox: the state, for tests with their own portals or clock; None: a seeded portal.
    """
    if sandbox is None:
        sandbox = Sandbox(settings)
        sandbox.populate = seed_portal
        sandbox.reset()
    app = web.Application(middlewares=[guard], client_max_size=_MAX_BODY)
    app[SANDBOX] = sandbox
    app[REGISTRY] = registry(app)
    app[page_shell.TEMPLATES] = page_shell.templates(settings.utc_offset_hours)
    app[page_shell.WORKERS] = app_pages.workers
    app.cleanup_ctx.append(events.running)
    app.on_shutdown.append(_close)
    for module in (control, install, rest_records, pages, app_pages):
        module.add_routes(app.router)
    # What the vendor's own host serves to the pages of applications.
    app.router.add_get("/api/v1/", _library)
    app.router.add_static("/static/", page_shell.WEB / "static")
    app.router.add_route("*", "/rest/{path:.*}", rest)
    return app


def create_oauth_server(sandbox: Sandbox) -> web.Application:
    """Build the OAuth server of a sandbox, for its own port."""
    app = web.Application(middlewares=[guard])
    app[SANDBOX] = sandbox
    oauth.add_routes(app.router)
    return app


def registry(app: web.Application) -> Registry:
    """All methods that the portal has."""
    known = Registry()
    for module in (
        rest_common, rest_users, rest_events, rest_placements, rest_crm_old, rest_crm_items, rest_crm_search,
        rest_timeline, rest_telephony, rest_statistics,
    ):  # fmt: skip
        module.add_methods(known)
    rest_records.add_methods(known, app)
    return known


async def _library(request: web.Request) -> web.FileResponse:
    return web.FileResponse(page_shell.WEB / "static" / "bx24.js")


async def _close(app: web.Application) -> None:
    """End open event streams and delays, so that the server stops at once."""
    app[SANDBOX].closing.set()
    app[SANDBOX].tell_pages({"kind": "closing"})


@asynccontextmanager
async def running(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """Both servers on their ports until the block ends."""
    portal = create_sandbox(settings)
    sandbox = portal[SANDBOX]
    runners = []
    try:
        for app, port in ((portal, settings.port), (create_oauth_server(sandbox), settings.oauth_port)):
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
            runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, settings.host, port).start()
        yield sandbox
    finally:
        for runner in reversed(runners):
            await runner.cleanup()
