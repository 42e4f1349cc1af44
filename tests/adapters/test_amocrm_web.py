"""amoCRM's webhooks, with the sandbox on the other side."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from aiohttp import web
from yarl import URL

from connectors.amocrm.intake import AmocrmIntake
from connectors.amocrm.sandbox.api_unsorted import accept_entry
from connectors.amocrm.webhooks import BODY_BYTES
from integration.domain.crm.entities import CrmChange, EntityDeleted, EntityKind, EntityRef, InboxClosed, PersonChanged
from integration.ports.connector import Connector, CrmNotice
from integration.ports.crm import Crm, WidgetGate
from integration.ports.crm_requests import CrmRequest
from integration.ports.stores import TokenStore
from integration.web.hooks import Hooks
from tests.adapters.amocrm_kit import (
    ANNA,
    CRM_ACCOUNT,
    Office,
    number,
    office,
    record,
)
from tests.adapters.amocrm_sandbox_kit import serving


async def no_notice(notice: CrmNotice | CrmRequest) -> None:
    raise AssertionError(f"amoCRM reports nothing of this kind: {notice}")


@dataclass
class Server:
    """Our server with only the connector's handlers, and what they delivered."""

    office: Office
    intake: AmocrmIntake
    url: str = ""
    path: str = ""
    changes: list[CrmChange] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    lost: int = 0

    async def on_changes(self, changes: list[CrmChange]) -> None:
        async with self.arrived:
            self.changes += changes
            self.arrived.notify_all()

    async def change(self, kind: type[CrmChange]) -> CrmChange:
        async with self.arrived, asyncio.timeout(30):
            await self.arrived.wait_for(lambda: any(isinstance(each, kind) for each in self.changes))
        return next(each for each in self.changes if isinstance(each, kind))

    async def get(self, path: str, **query: str) -> tuple[int, str]:
        async with self.office.session.get(URL(self.url + path).with_query(query)) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, body: bytes) -> int:
        async with self.office.session.post(self.url + path, data=io.BytesIO(body)) as answer:
            return answer.status


def hooked(made: Office, intake: AmocrmIntake) -> tuple[web.Application, str]:
    """Our server with nothing but the route of webhooks, and the path that amoCRM is given."""
    hooks = Hooks()
    hooks.add(made.connector.account, made.connector.kind, intake)
    app = web.Application(client_max_size=8 * BODY_BYTES)
    app.add_routes(hooks.routes())
    return app, hooks.path(made.connector.account)


@asynccontextmanager
async def our_server(made: Office) -> AsyncIterator[Server]:
    server: Server

    async def on_changes(changes: list[CrmChange]) -> None:
        await server.on_changes(changes)

    def on_lost() -> None:
        server.lost += 1

    connector = made.connector
    server = Server(
        made,
        connector.webhook_intake(on_changes=on_changes, on_lost=on_lost, on_notice=no_notice, on_request=no_notice),
    )
    app, server.path = hooked(made, server.intake)
    working = asyncio.create_task(server.intake.run())
    try:
        async with serving(app) as base:
            server.url = base.replace("127.0.0.1", "pbx.localhost")
            yield server
    finally:
        working.cancel()
        await asyncio.wait([working])


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with office() as made, our_server(made) as running:
        yield running


# ---- webhooks


async def subscribe(server: Server) -> None:
    """The sandbox resolves names with the system, which does not know `pbx.localhost`."""
    destination = server.url.replace("pbx.localhost", "127.0.0.1") + server.path
    assert await server.office.crm.ensure_webhooks(destination)


async def test_a_new_contact_is_told(server: Server) -> None:
    await subscribe(server)
    known = server.office.contact("Клиент", "+7 901 222-33-44")
    change = await server.change(PersonChanged)
    assert isinstance(change, PersonChanged)
    assert change.person.ref == EntityRef(EntityKind.CONTACT, str(known))
    assert change.person.phones == ("+7 901 222-33-44",)
    server.office.account.delete("contacts", known, int(ANNA))
    assert await server.change(EntityDeleted) == EntityDeleted(ref=change.person.ref)


async def test_an_accepted_caller_becomes_known(server: Server) -> None:
    await subscribe(server)
    made = server.office
    logged = await made.crm.log_to_inbox(record(client=number("+79012223344")))
    entry = made.account.unsorted[logged.id]
    accept_entry(made.account, entry, int(ANNA), None)
    closed = await server.change(InboxClosed)
    deal = EntityRef(EntityKind.DEAL, str(entry["lead_id"]))
    assert closed == InboxClosed(ref=logged.entity, is_accepted=True, deals=(deal,))
    person = await server.change(PersonChanged)
    assert isinstance(person, PersonChanged)
    assert person.person.phones == ("+79012223344",)


BODY = urlencode({"contacts[delete][0][id]": "1", "account[id]": str(CRM_ACCOUNT)}).encode()


async def test_a_wrong_secret_finds_nothing(server: Server) -> None:
    path = server.path[:-1] + ("0" if server.path[-1] != "0" else "1")
    assert await server.post(path, BODY) == 404
    await server.intake.drained()
    assert server.changes == []


async def test_another_accounts_webhook_is_left_out(server: Server) -> None:
    assert await server.post(server.path, BODY.replace(b"31000000", b"31000001")) == 200
    await server.intake.drained()
    assert server.changes == []


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (b"", 0),
        (b"\xff\x00 garbage", 0),
        (b"a" + b"[b]" * 5000 + b"=1", 1),
        (b"x=" + b"y" * (BODY_BYTES + 1), 1),
    ],
)
async def test_garbage_is_answered_and_does_not_stop_the_work(server: Server, body: bytes, lost: int) -> None:
    assert await server.post(server.path, body) == 200
    assert await server.post(server.path, BODY) == 200
    await server.change(EntityDeleted)
    assert server.lost == lost


async def test_a_full_queue_is_answered_and_asks_for_a_poll(server: Server) -> None:
    """amoCRM switches off a webhook without an answer in two seconds: the answer must not wait for the worker."""
    gate = asyncio.Event()

    async def slow(changes: list[CrmChange]) -> None:
        await gate.wait()

    intake = server.office.connector.webhook_intake(
        on_changes=slow, on_lost=lambda: setattr(server, "lost", 1), on_notice=no_notice, on_request=no_notice
    )
    app, path = hooked(server.office, intake)
    working = asyncio.create_task(intake.run())
    async with serving(app) as base:
        url = base.replace("127.0.0.1", "pbx.localhost") + path
        for _ in range(502):
            async with server.office.session.post(url, data=BODY) as answer:
                assert answer.status == 200
        assert server.lost == 1
        gate.set()
        await intake.drained()
    working.cancel()
    await asyncio.wait([working])


async def test_an_error_in_one_delivery_does_not_cost_the_next(server: Server) -> None:
    seen: list[int] = []

    async def failing(changes: list[CrmChange]) -> None:
        seen.append(len(changes))
        raise RuntimeError("a fault of ours")

    intake = server.office.connector.webhook_intake(
        on_changes=failing, on_lost=lambda: seen.append(0), on_notice=no_notice, on_request=no_notice
    )
    app, path = hooked(server.office, intake)
    working = asyncio.create_task(intake.run())
    async with serving(app) as base:
        for _ in range(2):
            async with server.office.session.post(base + path, data=BODY):
                await intake.drained()
    assert seen == [1, 0, 1, 0]
    working.cancel()
    await asyncio.wait([working])


def as_ports(made: Office) -> tuple[Connector, Crm, WidgetGate, TokenStore]:
    """Here the type checker compares the connector with the ports."""
    return made.connector, made.connector.crm, made.connector.gate, made.store
