"""An office with the administrators' pages, and a browser for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from integration.domain.ids import AccountId, Extension, PbxId
from integration.domain.routing.route import RouteDecision, RouteQuestion
from integration.domain.settings import Employee
from integration.domain.settings_changes import Author
from integration.ports.offices import InConfigurationFile
from integration.ports.pbx import PbxEmployee
from integration.process.config import Config
from integration.process.office_edits import OfficeEdits
from integration.process.setup_address import administrators_of
from integration.services.accounts import Account
from integration.services.campaign_sounds import CampaignSounds
from integration.services.cluster.live_calls import LiveCalls
from integration.services.crm_list_rows import CrmListRows
from integration.services.extensions import KnownExtensions
from integration.services.forecasts import Forecasts
from integration.services.list_imports import ListImportService
from integration.services.new_phones import NewPhones
from integration.services.passwords import PasswordDesk
from integration.services.phone_book import PhoneBookMirror
from integration.services.phone_trials import PhoneTrials
from integration.services.routing import Routing
from integration.services.sightings import PageSightings
from integration.services.uploaded_sounds import UploadedSounds
from integration.speech.espeak import EspeakSpeech
from integration.spreadsheets.reader import SpreadsheetFiles
from integration.storage import open_coordination
from integration.testing import FakePbx
from integration.web.campaigns.callbacks import CallbackPages
from integration.web.campaigns.desk import CampaignDesk
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.pages.brake import SignInBrake
from integration.web.pages.calls import CallPages
from integration.web.pages.campaigns import CampaignPages
from integration.web.pages.changes import ChangePages
from integration.web.pages.delivery import DeliveryPages
from integration.web.pages.flash import Flash
from integration.web.pages.live import LivePages
from integration.web.pages.overview import OverviewPages
from integration.web.pages.people import PeoplePages
from integration.web.pages.removal import RemovalPages, RemovedAccount
from integration.web.pages.session import AdminSessions
from integration.web.pages.shell import Shell
from integration.web.pages.sign_in import SignInPages
from integration.web.pages.style import StylePages
from integration.web.pages.what_if import WhatIfPages
from integration.web.people.desk import PeopleDesk
from integration.web.people.groups import GroupPages
from integration.web.server import create_web_app
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    PBX,
    SOMEBODY,
    World,
)
from tests.services.dialling_scene import offers_of

PASSWORD = "a secret of the office"
Client = TestClient[web.Request, web.Application]


@dataclass
class Office:
    world: World
    client: Client
    doubted: list[AccountId]  # accounts whose phone book is to be reloaded
    asked_at: list[str]  # the PBXs whose routes were asked for
    imports: ListImportService

    async def page(self, path: str) -> str:
        async with self.client.get(path) as answer:
            assert answer.status == 200, path
            return await answer.text()

    async def send(self, path: str, **form: str) -> str:
        """Post a form like a browser. Returns the page after redirects."""
        async with self.client.post(path, data=form, headers={"Origin": str(self.client.make_url("/").origin())}) as it:
            assert it.status == 200, path
            return await it.text()


class NothingRemoved:
    """No account of these tests is in the database."""

    async def remove(self, account: AccountId, *, who: Author) -> RemovedAccount:
        raise InConfigurationFile(f"account/{account}")


def sessions_of(world: World, password: str, addresses: ClientAddresses | None = None) -> AdminSessions:
    """Sessions as each process creates them."""
    passwords = PasswordDesk()
    return AdminSessions(
        password,
        "http://calls.test",
        store=world.storage.admin_sessions,
        administrators=administrators_of(world.storage, world.clock, passwords),
        passwords=passwords,
        brake=SignInBrake(world.coordination, open_coordination(None)),
        addresses=addresses or ClientAddresses(),
        clock=world.clock,
    )


def people_pages(shell: Shell, world: World) -> PeoplePages:
    live_calls = LiveCalls({ACME: {PBX: world.tracking}}, world.storage.calls)
    trials = PhoneTrials(lambda _: world.pbx.setup, live_calls, world.coordination)
    extensions = KnownExtensions(world.clock)
    groups = GroupPages(shell, world.accounts, extensions, NewPhones(lambda _: world.pbx.setup))
    return PeoplePages(shell, PeopleDesk(shell, world.accounts, extensions, trials, world.clock), groups)


def list_imports(world: World) -> ListImportService:
    storage = world.storage
    return ListImportService(
        storage.list_imports,
        SpreadsheetFiles(),
        CrmListRows(storage.phone_book),
        storage.leases,
        world.accounts,
        world.clock,
        "a",
        world.news.tell,
    )


def campaign_desk(shell: Shell, world: World, imports: ListImportService) -> CampaignDesk:
    storage = world.storage
    return CampaignDesk(
        shell=shell,
        accounts=world.accounts,
        campaigns=storage.campaigns,
        entries=storage.entries,
        attempts=storage.attempts,
        callbacks=storage.callbacks,
        do_not_call=storage.do_not_call,
        erasure=storage.campaign_erasure,
        imports=storage.list_imports,
        files=imports,
        office_of=lambda account: account,
        accounts_of=lambda office: [office],
        tell=world.news.tell,
        sounds=CampaignSounds(EspeakSpeech()),
        recorded=storage.campaign_sounds,
        uploaded=UploadedSounds(),
        dialling=storage.dialling,
        offers=offers_of(world, "here"),
        forecasts=Forecasts(storage.campaigns, storage.dialling),
        clock=world.clock,
    )


@pytest_asyncio.fixture
async def office(world: World, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    """With the parameter "proxy" the loopback is a trusted proxy."""
    trusted = [ip_network("127.0.0.1")] if getattr(request, "param", None) == "proxy" else []
    sessions = sessions_of(world, PASSWORD, ClientAddresses(trusted))
    routing = Routing(
        account=ACME,
        pbx=PBX,
        settings=lambda: world.account.settings,
        book=world.storage.phone_book,
        routes=world.storage.routes,
        clock=world.clock,
    )

    async def ask(_: Account, question: RouteQuestion, pbx: str) -> RouteDecision:
        asked_at.append(pbx)
        return await routing.consider(question)

    async def no_webhooks(_: Account) -> bool:
        return False

    doubted: list[AccountId] = []
    asked_at: list[str] = []
    storage = world.storage
    shell = Shell(world.accounts, storage.outbox, sessions, Flash(world.coordination, is_secure=False))
    mirror = PhoneBookMirror(storage.phone_book, world.clock, no_webhooks)
    imports = list_imports(world)
    campaigns = campaign_desk(shell, world, imports)
    sections = (
        shell,
        SignInPages(shell, sessions),
        StylePages(shell),
        LivePages(
            shell, world.news, world.states, mirror, sessions.is_still_let_in, world.clock, session_every_seconds=0.0
        ),
        OverviewPages(
            shell,
            accounts=world.accounts,
            states=world.states,
            clock=world.clock,
            live_calls=LiveCalls({ACME: {PBX: world.tracking}}, storage.calls),
            calls=storage.calls,
            outbox=storage.outbox,
            phone_book=storage.phone_book,
            mirror=mirror,
            read_anew=doubted.append,
            connect_urls={ACME: "/admin/acme/connect"},
            crm_labels={ACME: "amoCRM"},
            held_consents=lambda _account, _is_visible: [],
            sightings=PageSightings(storage.sightings, world.coordination, world.clock, world.news.tell),
            new_phones=NewPhones(lambda _: world.pbx.setup),
        ),
        CallPages(
            shell,
            calls=storage.calls,
            outbox=storage.outbox,
            phone_book=storage.phone_book,
            routes=storage.routes,
            notes=storage.notes,
            callback_of=CallbackPages(campaigns).of_call,
        ),
        CampaignPages(campaigns),
        DeliveryPages(shell, outbox=storage.outbox, clock=world.clock, wake=lambda: None, changed=world.news.tell),
        people_pages(shell, world),
        RemovalPages(shell, NothingRemoved()),
        ChangePages(shell, world.accounts, OfficeEdits(storage.offices, storage.settings, Config, lambda: None)),
        WhatIfPages(shell, ask),
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
    async with TestClient(TestServer(app)) as client:
        made = Office(world, client, doubted, asked_at, imports)
        yield made


@pytest_asyncio.fixture
async def signed_in(office: Office) -> Office:
    assert "acme" in await office.send("/admin/login", password=PASSWORD)
    return office


@pytest_asyncio.fixture
async def branched(signed_in: Office) -> Office:
    """The office has a branch, where 101 is Boris."""
    world = signed_in.world
    branch = FakePbx(id=PbxId("branch"))
    for pbx, names in ((world.pbx, ("Anna", "Sales")), (branch, ("Boris", "Store"))):
        pbx.extensions = [PbxEmployee(extension=str(101 + number), name=name) for number, name in enumerate(names)]
    world.account.set_pbxs([world.pbx, branch])
    people = (
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("101"), pbx=branch.id, manager=BORIS),
    )
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    return signed_in
