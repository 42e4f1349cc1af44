"""The pages about signing in and administrators, without the rest of a process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from integration.domain.ids import AccountId
from integration.process.setup_address import administrators_of
from integration.services.crm_entry import CrmEntry
from integration.services.passwords import PasswordDesk
from integration.storage import open_coordination
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.pages.administrators import AdministratorPages
from integration.web.pages.brake import SignInBrake
from integration.web.pages.flash import Flash
from integration.web.pages.invitation import InvitationPages
from integration.web.pages.profile import ProfilePages
from integration.web.pages.session import AdminSessions
from integration.web.pages.setup import SetupPages
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.server import create_web_app
from tests.services.admin_office import people_pages
from tests.services.administrators.kit import FILE_PASSWORD, Browser, Client, Place
from tests.services.conftest import ACME, World


@pytest_asyncio.fixture
async def place(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """With the parameter None there is no password in the configuration."""
    file_password = getattr(request, "param", FILE_PASSWORD)
    passwords = PasswordDesk()
    service = administrators_of(world.storage, world.clock, passwords)
    sessions = AdminSessions(
        file_password,
        "",
        store=world.storage.admin_sessions,
        administrators=service,
        passwords=passwords,
        brake=SignInBrake(world.coordination, open_coordination(None)),
        addresses=ClientAddresses(),
        clock=world.clock,
    )
    shell = Shell(world.accounts, world.storage.outbox, sessions, Flash(world.coordination, is_secure=False))
    entry = CrmEntry(
        world.accounts,
        world.storage.administrators,
        world.storage.crm_ties,
        world.coordination,
        world.clock,
        office_of=lambda account: account,
    )

    async def offices() -> dict[AccountId, str]:
        return {ACME: "Acme & Co"}

    sections = (
        shell,
        SignInPages(shell, sessions),
        SetupPages(shell, sessions, service, go_on="/admin/acme/people"),
        InvitationPages(shell, sessions, service),
        AdministratorPages(shell, sessions, service, world.clock, public_url=None, offices=offices),
        ProfilePages(shell, sessions, service, world.clock, entry),
        people_pages(shell, world),
    )

    async def healthy() -> dict[str, str]:
        return {"status": "ok"}

    app = create_web_app(
        routes=[route for section in sections for route in section.routes()],
        middlewares=[sessions.guard],
        health=healthy,
        metrics=Metrics(list),
        error_page=shell.error_page,
    )
    server = TestServer(app)
    opened: list[Client] = []

    async def open_browser(name: str) -> Browser:
        client: Client = TestClient(server)
        await client.start_server()
        opened.append(client)
        return Browser(client, name)

    yield Place(world, service, sessions, open_browser)
    for client in opened:
        await client.session.close()
    await server.close()
