"""What a process is made of, without servers and background tasks: storage, the accounts and their connections."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import aiohttp

from integration.clock import SystemClock
from integration.domain.ids import AccountId, PbxId
from integration.errors import ConfigError
from integration.ports.connector import Connector
from integration.ports.coordination import Coordination
from integration.ports.pbx import Pbx, PbxConnection
from integration.process.config import AccountConfig, Config
from integration.process.connections import Kinds, accounts_of
from integration.process.place import place_of
from integration.process.reconcile import Part
from integration.services.accounts import Account, Accounts
from integration.services.card import CardService
from integration.services.cluster.pbx_relay import PbxRelay
from integration.services.cluster.peers import News, Peers
from integration.services.cluster.rate_budget import SharedBudget
from integration.services.hub import Hub
from integration.services.routing import Routing
from integration.services.tracking import CallTracking
from integration.storage import Storage, open_coordination, open_storage
from integration.storage.secrets.private_files import close_to_others, make_folder


@dataclass(frozen=True, slots=True)
class Office:
    """One account's parts while it runs. Connections are replaced by another `Office` with the same account."""

    config: AccountConfig
    account: Account
    connector: Connector
    pbx: PbxConnection
    tracking: CallTracking
    routing: Routing


class Core:
    """The parts of a process without servers and background tasks; enough for the doctor."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = SystemClock()
        self.process = uuid4().hex  # identifies this process
        self.offices: dict[AccountId, Office] = {}
        self.wake = asyncio.Event()  # intents were queued
        self.stack = AsyncExitStack()
        self.storage: Storage
        self.coordination: Coordination
        self.session: aiohttp.ClientSession
        self.kinds: Kinds
        self.peers: Peers
        self.relay: PbxRelay
        self.accounts: Accounts
        self.hub: Hub
        self.cards: CardService

    async def open(self) -> None:
        """
        Raises:
            ConfigError: a setting is wrong; the message names it.
            Unavailable: the database cannot be opened.
        """
        accounts = accounts_of(self.config)
        try:
            await asyncio.to_thread(make_folder, self.config.data_dir)
        except OSError as exc:
            raise ConfigError(f"server.data_dir {self.config.data_dir} cannot be made: {exc.strerror}") from exc
        place = place_of(self.config)
        await asyncio.to_thread(close_to_others, place.data_dir, place.sqlite_file)
        self.storage = await open_storage(place.url, place.data_dir, clock=self.clock, keys=place.keys)
        self.stack.push_async_callback(self.storage.close)
        self.coordination = open_coordination(self.config.redis)
        self.stack.push_async_callback(self.coordination.close)
        self.session = await self.stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        )
        self.peers = Peers(self.coordination, self.process, self._linked)
        self.relay = PbxRelay(self.coordination, self.process, self.peers, self.clock)
        self.accounts = Accounts(self.storage.settings, partial(self.peers.tell, News.SETTINGS))
        self.hub = Hub(self.coordination)
        self.cards = CardService(self.hub, self.storage.calls, self.storage.phone_book)
        self.stack.push_async_callback(self.cards.close)
        self.kinds = Kinds(self.session, self._budget)
        self.stack.push_async_callback(self.kinds.close)
        self.stack.push_async_callback(self._close_offices)
        for each in accounts:
            await self.add(each)

    async def close(self) -> None:
        await self.stack.aclose()

    @property
    def is_shared(self) -> bool:
        """Whether other processes may do the same work."""
        return self.config.redis is not None

    def _budget(self, rate: str) -> SharedBudget | None:
        """The share of all processes together in the request rate of this name."""
        return SharedBudget(self.coordination, rate, lambda: self.peers.count) if self.is_shared else None

    def _linked(self) -> list[PbxId]:
        return [office.pbx.id for office in self.offices.values() if office.pbx.is_connected]

    async def add(self, each: AccountConfig) -> Office:
        """Build an account and its connections. Nothing is sent yet. Raises ConfigError, Unavailable (the database)."""
        connector = self._crm(each)
        pbx = self.kinds.pbx(each)
        account = await self.accounts.add(each.settings, connector.crm, self._any_link(pbx))
        routing = Routing(
            account=each.id,
            pbx=each.pbx_id,
            settings=lambda: account.settings,
            book=self.storage.phone_book,
            routes=self.storage.routes,
            clock=self.clock,
            crm=lambda: account.crm,
        )
        tracking = CallTracking(account, self.storage.calls, self.clock, [self.cards], self.wake)
        office = Office(each, account, connector, pbx, tracking, routing)
        self.offices[each.id] = office
        return office

    async def replace(self, each: AccountConfig, parts: frozenset[Part]) -> Office:
        """
        Give an account new settings, and those of its connections that `parts` names. The old CRM connection is closed
        first: what was under way in it is tried again by the new one. Raises as `add`.
        """
        office = self.offices[each.id]
        account, connector, pbx = office.account, office.connector, office.pbx
        if Part.SETTINGS in parts:
            await self.accounts.take(account, each.settings)
        if Part.CRM in parts:
            await connector.close()
            connector = self._crm(each)
            account.crm = connector.crm
        if Part.PBX in parts:
            pbx = self.kinds.pbx(each)
            account.pbx = self._any_link(pbx)
        office = Office(each, account, connector, pbx, office.tracking, office.routing)
        self.offices[each.id] = office
        return office

    async def remove(self, key: AccountId) -> None:
        """Forget an account. What is stored of it stays: its calls, and what waits to be delivered."""
        office = self.offices.pop(key)
        self.accounts.remove(key)
        await office.connector.close()

    def _crm(self, each: AccountConfig) -> Connector:
        return self.kinds.crm(each, tokens=self.storage.tokens, clock=self.clock)

    def _any_link(self, pbx: PbxConnection) -> Pbx:
        return self.relay.relayed(pbx) if self.is_shared else pbx

    async def _close_offices(self) -> None:
        for office in self.offices.values():
            await office.connector.close()
