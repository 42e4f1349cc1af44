"""One application of the marketplace in two accounts: one address for its installations, each in its own account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aiohttp import web

from connectors.bitrix24 import Bitrix24Connector, connect
from connectors.bitrix24.api.pacing import Pacers
from connectors.bitrix24.sandbox import brackets
from connectors.bitrix24.sandbox.portal import Portal
from integration.domain.ids import AccountId
from integration.web.installing import Installations
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_connector_kit import Consents, Member, Named, OurClock
from tests.adapters.bitrix24_sandbox_kit import Bitrix, free_socket, running_sandbox, serving

FIRST, SECOND = AccountId("first"), AccountId("second")
MARKET = "app.6a0c1f4b7d2e95.41870263"


@dataclass
class Two:
    bitrix: Bitrix
    url: str
    consents: Consents
    store: MemoryTokens
    connectors: dict[AccountId, Bitrix24Connector]

    async def installed_in(self, portal: Portal) -> int:
        """What the portal posts when its administrator installs the application. Returns the status."""
        await self.bitrix.control("install/add", {"portal": portal.name, "client_id": MARKET})
        added = self.bitrix.sandbox.install_of(portal, MARKET)
        assert added is not None
        pair = await self.bitrix.control("tokens", {"portal": portal.name, "client_id": MARKET})
        auth = {**pair, "member_id": portal.member_id, "application_token": added.application_token}
        form = dict(brackets.flatten({"event": "ONAPPINSTALL", "auth": auth}))
        async with self.bitrix.http.post(self.url, data=form) as answer:
            return answer.status

    async def confirm(self) -> AccountId:
        """An administrator of ours says that the waiting portal is meant."""
        account, granted = self.consents.held.pop()
        await self.connectors[account].accept(granted)
        return account


@asynccontextmanager
async def two_accounts() -> AsyncIterator[Two]:
    async with running_sandbox() as bitrix:
        own = bitrix.sandbox.apps[bitrix.sandbox.settings.client_id]
        bitrix.sandbox.apps[MARKET] = replace(own, client_id=MARKET)
        options = {"client_id": MARKET, "client_secret": own.client_secret, "oauth_url": bitrix.oauth}
        store, pacers, clock, consents = MemoryTokens(), Pacers(), OurClock(bitrix.clock), Consents()
        connectors = {
            key: connect(key, options, tokens=store, session=bitrix.http, pacers=pacers, clock=clock)
            for key in (FIRST, SECOND)
        }
        members = {key: Member(each, Named(key)) for key, each in connectors.items()}
        installations = Installations(
            members, consents, clock, address_of=lambda request: request.remote or "", open_frame=_no_frame
        )
        app, place = web.Application(), free_socket()
        app.add_routes([*installations.routes()])
        async with serving(app, [place]):
            url = f"http://127.0.0.1:{place.getsockname()[1]}/oauth/bitrix24"
            yield Two(bitrix, url, consents, store, connectors)
        for each in connectors.values():
            await each.close()
        await pacers.close()


async def _no_frame(request: web.Request) -> web.Response:
    raise AssertionError("no page is opened here")


async def test_each_portal_gets_an_account_of_its_own() -> None:
    async with two_accounts() as two:
        north, south = two.bitrix.sandbox.portals.values()
        assert await two.installed_in(north) == 200
        assert two.store.pairs == {}, "nothing is connected before somebody here confirms it"
        assert two.consents.for_any, "who confirms it says for which of the accounts"
        assert await two.confirm() == FIRST
        assert await two.installed_in(south) == 200
        assert await two.confirm() == SECOND
        assert [two.store.pairs[key].crm_account_id for key in (FIRST, SECOND)] == [north.member_id, south.member_id]


async def test_an_installation_again_finds_the_account_of_its_portal() -> None:
    async with two_accounts() as two:
        north, south = two.bitrix.sandbox.portals.values()
        for portal in (north, south):
            await two.installed_in(portal)
            await two.confirm()
        before = two.store.pairs[SECOND]
        assert await two.installed_in(south) == 200
        assert two.consents.held == []
        assert two.store.pairs[SECOND].access != before.access
        assert two.store.pairs[FIRST].crm_account_id == north.member_id


async def test_a_third_portal_finds_no_account_and_changes_nothing() -> None:
    async with two_accounts() as two:
        for portal in list(two.bitrix.sandbox.portals.values()):
            await two.installed_in(portal)
            await two.confirm()
        third = two.bitrix.sandbox.add_portal("third", "Third")
        third.users[1] = dict(next(iter(two.bitrix.portal.users.values())), IS_ADMIN=True)
        before = dict(two.store.pairs)
        assert await two.installed_in(third) == 403
        assert two.store.pairs == before
