"""What the tests of the Bitrix24 connector share: our side of the sandbox portal, with a server that it can post to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from connectors.bitrix24.api.tokens import PortalTokens
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.connector import Bitrix24Connector
from connectors.bitrix24.intake import Bitrix24Intake
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.webhooks import Touched
from integration.domain.crm.entities import CrmChange, CrmCondition, EntityDeleted, PersonChanged
from integration.domain.ids import AccountId, Timestamp
from integration.errors import AuthFailed, DozvonError
from integration.ports.connector import CrmNotice, Granted
from integration.ports.crm import WidgetUser
from integration.ports.crm_requests import CrmRequest
from integration.services.frame_sessions import FrameSessions
from integration.storage import open_coordination
from integration.testing import FakeCrm
from integration.web.frames import Frames
from integration.web.hooks import Hooks
from integration.web.installing import Installations
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_sandbox_kit import Bitrix, Clock, free_socket, serving

PORTAL = AccountId("portal")


@dataclass
class OurClock:
    theirs: Clock

    def now(self) -> Timestamp:
        return Timestamp(self.theirs())


class PortalCrm(FakeCrm):
    """The port in memory, with what the connector needs besides."""

    def forget(self) -> None:
        pass

    def close(self) -> None:
        pass

    def adopt(self, condition: CrmCondition) -> None:
        pass

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        pass

    async def read_changes(self, events: Iterable[Touched]) -> list[CrmChange]:
        return [
            EntityDeleted(ref=each.ref)
            if each.is_deleted or each.ref not in self.persons
            else PersonChanged(person=self.persons[each.ref])
            for each in events
        ]


class NoGate:
    def user(self, token: str) -> WidgetUser:
        raise AuthFailed("no gate")

    def allows_origin(self, origin: str) -> bool:
        return False


@dataclass
class Consents:
    """What the process does when an account was connected or an installation waits."""

    been_connected: list[AccountId] = field(default_factory=list)
    held: list[tuple[AccountId, Granted]] = field(default_factory=list)
    for_any: bool = False  # the last one that waits named no account of ours

    async def connected(self, account: AccountId) -> None:
        self.been_connected.append(account)

    async def hold_for(self, account: AccountId, granted: Granted, *, or_another: bool = False) -> None:
        self.held.append((account, granted))
        self.for_any = or_another


@dataclass
class Member:
    connector: Bitrix24Connector
    account: Any


@dataclass(frozen=True)
class Named:
    id: AccountId


@dataclass
class OurSide:
    """A connector of one portal and the server that its portal can post to; what arrived is kept."""

    bitrix: Bitrix
    connector: Bitrix24Connector
    store: MemoryTokens
    intake: Bitrix24Intake
    consents: Consents
    url: str = ""
    events_path: str = ""
    changes: list[CrmChange] = field(default_factory=list)
    notices: list[CrmNotice] = field(default_factory=list)
    requests: list[CrmRequest] = field(default_factory=list)
    lost: int = 0
    failing: list[DozvonError] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def events_url(self) -> str:
        return self.url + self.events_path

    @property
    def install_url(self) -> str:
        return f"{self.url}/oauth/bitrix24/{PORTAL}"

    async def on_changes(self, changes: list[CrmChange]) -> None:
        async with self.arrived:
            if self.failing:
                raise self.failing.pop(0)
            self.changes += changes
            self.arrived.notify_all()

    async def on_notice(self, notice: CrmNotice) -> None:
        async with self.arrived:
            self.notices.append(notice)
            self.arrived.notify_all()

    async def on_request(self, request: CrmRequest) -> None:
        async with self.arrived:
            if self.failing:
                raise self.failing.pop(0)
            self.requests.append(request)
            self.arrived.notify_all()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with self.arrived, asyncio.timeout(30):
            await self.arrived.wait_for(is_so)

    async def post(self, url: str, form: dict[str, str]) -> tuple[int, str]:
        async with self.bitrix.http.post(url, data=form) as answer:
            return answer.status, await answer.text()


def connector_of(
    bitrix: Bitrix, session: aiohttp.ClientSession, store: MemoryTokens, **changes: Any
) -> Bitrix24Connector:
    keys = bitrix.sandbox.settings
    settings = Bitrix24Settings(
        **{
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "oauth_url": bitrix.oauth,
            "events": "address",
            "request_seconds": 20.0,
            **changes,
        }
    )
    clock = OurClock(bitrix.clock)
    tokens = PortalTokens(PORTAL, settings, store, session, clock)
    transport = Transport(settings, tokens, session, clock)
    return Bitrix24Connector(
        PORTAL, settings, PortalCrm(), NoGate(), transport, tokens, session, clock, store
    )  # fmt: skip


@asynccontextmanager
async def our_side(bitrix: Bitrix, **changes: Any) -> AsyncIterator[OurSide]:
    store, place = MemoryTokens(), free_socket()
    url = f"http://127.0.0.1:{place.getsockname()[1]}"
    page = f"{url}/oauth/bitrix24/{PORTAL}"
    connector = connector_of(bitrix, bitrix.http, store, **{"redirect_uri": page, **changes})
    side: OurSide

    async def on_changes(found: list[CrmChange]) -> None:
        await side.on_changes(found)

    async def on_notice(notice: CrmNotice) -> None:
        await side.on_notice(notice)

    async def on_request(request: CrmRequest) -> None:
        await side.on_request(request)

    def on_lost() -> None:
        side.lost += 1

    intake = connector.webhook_intake(
        on_changes=on_changes, on_lost=on_lost, on_notice=on_notice, on_request=on_request
    )
    side = OurSide(bitrix, connector, store, intake, Consents())
    hooks = Hooks()
    hooks.add(PORTAL, connector.kind, intake)
    side.events_path = hooks.path(PORTAL)
    coordination = open_coordination(None)
    frames = Frames(
        {PORTAL: connector},
        FrameSessions(coordination, connector.clock),
        coordination,
        connector.clock,
        consents=side.consents,
        address_of=lambda request: request.remote or "",
        public_url=url,
    )
    installations = Installations(
        {PORTAL: Member(connector, Named(PORTAL))},
        side.consents,
        connector.clock,
        open_frame=frames.open,
        address_of=lambda request: request.remote or "",
    )
    app = web.Application()
    app.add_routes([*hooks.routes(), *installations.routes(), *frames.routes()])
    working = asyncio.create_task(intake.run())
    async with serving(app, [place]):
        side.url = url
        try:
            yield side
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await connector.close()
