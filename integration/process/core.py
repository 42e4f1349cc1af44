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
from integration.ports.pbx import PbxConnection
from integration.process.config import AccountConfig, Config
from integration.process.connections import Kinds, check_adapters
from integration.process.place import place_of
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
    """One account's parts while it runs."""

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
        check_adapters(self.config)
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
        for each in self.config.accounts:
            office = await self._build_office(each)
            self.offices[each.id] = office
            self.stack.push_async_callback(office.connector.close)

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

    async def _build_office(self, each: AccountConfig) -> Office:
        connector = self.kinds.crm(self.config, each, tokens=self.storage.tokens, clock=self.clock)
        pbx = self.kinds.pbx(each)
        any_link = self.relay.relayed(pbx) if self.is_shared else pbx
        account = await self.accounts.add(each.settings(), connector.crm, any_link)
        routing = Routing(
            account=each.id,
            pbx=each.pbx_id,
            settings=lambda: account.settings,
            book=self.storage.phone_book,
            routes=self.storage.routes,
            clock=self.clock,
            crm=connector.crm,
        )
        tracking = CallTracking(account, self.storage.calls, self.clock, [self.cards], self.wake)
        return Office(each, account, connector, pbx, tracking, routing)
