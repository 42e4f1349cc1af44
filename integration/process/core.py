"""Builds the parts of a process except servers and background tasks: storage, accounts and their connections."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

import aiohttp

from integration.clock import SystemClock
from integration.domain.calls.call import Call
from integration.domain.calls.ownership import SOLE, Ownership, ownership
from integration.domain.connections.link import Link, LinkPhase
from integration.domain.ids import AccountId, PbxId
from integration.errors import ConfigError
from integration.ports.connector import Connector
from integration.ports.coordination import Coordination
from integration.ports.pbx import Pbx
from integration.ports.pbx_connection import PbxConnection
from integration.process.config import AccountConfig, Config, PbxConfig, at_address
from integration.process.connections import Kinds, setup_of
from integration.process.offices import Offices
from integration.process.place import place_of
from integration.process.reconcile import Part, Setup
from integration.process.setup_address import administrators_of
from integration.services.accounts import Account, Accounts
from integration.services.administrators import Administrators
from integration.services.card import CardService
from integration.services.clicked_clients import ClickedClients
from integration.services.cluster.pbx_relay import PbxRelay
from integration.services.cluster.peers import News, Peers
from integration.services.cluster.rate_budget import SharedBudget
from integration.services.hub import Hub
from integration.services.listed_clients import ListedClients
from integration.services.offers import Offers
from integration.services.own_lists.dialler import OwnListCalls
from integration.services.page_news import PageNews
from integration.services.passwords import PasswordDesk
from integration.services.routing import Routing
from integration.services.tracking import CallObserver, CallTracking
from integration.services.working_days import WorkingDays
from integration.storage import Storage, open_coordination, open_storage
from integration.storage.secrets.private_files import close_to_others, make_folder


@dataclass(frozen=True, slots=True)
class RunningPbx:
    """A running PBX. `link` uses the connection of this process or, if there are several, of another one."""

    config: PbxConfig
    connection: PbxConnection
    link: Pbx


@dataclass(frozen=True, slots=True)
class OnPbx:
    """An account on one of its PBXs: it tracks the calls there and answers where a call goes."""

    pbx: PbxConnection
    tracking: CallTracking
    routing: Routing


@dataclass(frozen=True, slots=True)
class Member:
    """The parts of a running account. To replace a connection, make a new `Member` with the same account."""

    config: AccountConfig
    account: Account
    connector: Connector
    on: dict[PbxId, OnPbx]  # the main PBX first

    @property
    def main(self) -> OnPbx:
        return next(iter(self.on.values()))

    @property
    def trackings(self) -> dict[PbxId, CallTracking]:
        return {key: on.tracking for key, on in self.on.items()}


class Core:
    """The parts of a process without servers and background tasks; enough for the doctor."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = SystemClock()
        self.process = uuid4().hex  # identifies this process
        self.pbxs: dict[PbxId, RunningPbx] = {}
        self.members: dict[AccountId, Member] = {}
        self._users: dict[PbxId, list[Member]] = {}
        self.wake = asyncio.Event()  # intents were queued
        self.own_list_calls = OwnListCalls()
        self.stack = AsyncExitStack()
        self.passwords = PasswordDesk()
        self.storage: Storage
        self.administrators: Administrators
        self.coordination: Coordination
        self.session: aiohttp.ClientSession
        self.kinds: Kinds
        self.peers: Peers
        self.relay: PbxRelay
        self.accounts: Accounts
        self.working_days: WorkingDays
        self.hub: Hub
        self.page_news: PageNews
        self.offers: Offers
        self.cards: CardService
        self.offices: Offices

    async def open(self) -> None:
        """
        Raises:
            ConfigError: a setting is wrong; the message names it.
            Unavailable: the database cannot be opened.
        """
        setup_of(self.config)  # report a wrong setting before opening anything
        try:
            await asyncio.to_thread(make_folder, self.config.data_dir)
        except OSError as exc:
            raise ConfigError(f"server.data_dir {self.config.data_dir} cannot be created: {exc.strerror}") from exc
        place = place_of(self.config)
        await asyncio.to_thread(close_to_others, place.data_dir, place.sqlite_file)
        self.storage = await open_storage(place.url, place.data_dir, clock=self.clock, keys=place.keys)
        self.stack.push_async_callback(self.storage.close)
        self.administrators = administrators_of(self.storage, self.clock, self.passwords)
        self.config = at_address(self.config, await self.storage.installation.public_url())
        self.coordination = open_coordination(self.config.redis)
        self.stack.push_async_callback(self.coordination.close)
        self.session = await self.stack.enter_async_context(
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=True)
        )
        self.peers = Peers(self.coordination, self.process, self._followed)
        self.relay = PbxRelay(self.coordination, self.process, self.peers, self.clock)
        self.page_news = PageNews(self.coordination, self.process)
        self.accounts = Accounts(self.storage.settings, self._settings_changed)
        self.working_days = WorkingDays(self.accounts)
        self.hub = Hub(self.coordination)
        self.offers = Offers(
            dialling=self.storage.dialling,
            campaigns=self.storage.campaigns,
            entries=self.storage.entries,
            hub=self.hub,
            coordination=self.coordination,
            clock=self.clock,
            process=self.process,
        )
        listed = ListedClients(self.storage.attempts, self.storage.campaigns, self.storage.entries)
        self.cards = CardService(self.hub, self.storage.calls, self.storage.phone_book, listed)
        self.stack.push_async_callback(self.cards.close)
        self.clicked_clients = ClickedClients(self.storage.phone_book, self.cards)
        self.stack.push_async_callback(self.clicked_clients.close)
        self.kinds = Kinds(self.session, self._budget)
        self.stack.push_async_callback(self.kinds.close)
        self.stack.push_async_callback(self._close_connectors)
        self.offices = Offices(self.storage.offices, self.storage.settings)
        setup = await self.offices.wanted(self.config)
        for pbx in setup.pbxs:
            self.add_pbx(pbx)
        for account in setup.accounts:
            await self.add(account)

    async def close(self) -> None:
        await self.stack.aclose()

    async def _settings_changed(self, account: AccountId) -> None:
        self.page_news.tell(account)
        await self.peers.tell(News.SETTINGS, account)

    @property
    def is_shared(self) -> bool:
        """Whether other processes may do the same work."""
        return self.config.redis is not None

    def _budget(self, rate: str) -> SharedBudget | None:
        """The request rate of this name that all processes share; None if this is the only process."""
        return SharedBudget(self.coordination, rate, lambda: self.peers.count) if self.is_shared else None

    def _followed(self) -> dict[PbxId, Link]:
        """By this process."""
        links = {key: pbx.connection.link for key, pbx in self.pbxs.items()}
        return {key: link for key, link in links.items() if link.phase is not LinkPhase.IDLE}

    @property
    def setup(self) -> Setup:
        """The running connections."""
        return Setup(
            pbxs=tuple(pbx.config for pbx in self.pbxs.values()),
            accounts=tuple(member.config for member in self.members.values()),
        )

    def users_of(self, pbx: PbxId) -> list[Member]:
        """The accounts that get calls of this PBX: first those whose main PBX it is. All processes use this order."""
        return self._users.get(pbx, [])

    def office_of(self, account: AccountId) -> AccountId:
        """Also of an account that could not be started."""
        member = self.members.get(account)
        return member.config.office if member is not None else self.offices.homes.get(account, account)

    def accounts_of(self, office: AccountId) -> list[AccountId]:
        """Also those that could not be started."""
        return sorted(each for each in {*self.members, *self.offices.homes} if self.office_of(each) == office)

    def ownership(self, account: Account, pbx: PbxId, call: Call) -> Ownership:
        """Whether a call on a PBX is the account's."""
        sharing = {member.account.id: member.account.at(pbx) for member in self.users_of(pbx)}
        sharing.setdefault(account.id, account.at(pbx))  # for an account that has left the PBX
        return SOLE if len(sharing) < 2 else ownership(call, account.id, sharing)

    def _put(self, member: Member) -> None:
        self._drop(member.config.id)
        self.members[member.config.id] = member
        for pbx in member.on:
            users = self._users.setdefault(pbx, [])
            users.append(member)
            users.sort(key=lambda each: (each.config.pbxs[0] != pbx, each.config.id))

    def _drop(self, key: AccountId) -> Member | None:
        member = self.members.pop(key, None)
        for pbx in member.on if member is not None else ():
            self._users[pbx] = [each for each in self._users[pbx] if each.config.id != key]
        return member

    # ---- PBXs ------------------------------------------------------------------------------------------------------

    def add_pbx(self, config: PbxConfig) -> None:
        """Build a connection; replace one with the same id. Sends nothing yet. Raises: ConfigError."""
        connection = self.kinds.pbx(config)
        link = self.relay.relayed(connection) if self.is_shared else connection
        self.pbxs[config.id] = RunningPbx(config, connection, link)
        for member in self.users_of(config.id):
            member.account.pbxs[config.id] = link
            member.on[config.id] = replace(member.on[config.id], pbx=connection)

    def remove_pbx(self, key: PbxId) -> None:
        """Forget a PBX that no account uses any more."""
        del self.pbxs[key]

    # ---- accounts --------------------------------------------------------------------------------------------------

    async def add(self, config: AccountConfig) -> Member:
        """Build an account and its connection. Sends nothing yet. Raises: ConfigError, Unavailable (the database)."""
        links = self._links(config)
        connector = self._crm(config)
        account = await self.accounts.add(config.settings, connector.crm, links)
        member = Member(config, account, connector, {key: self._on(account, key) for key in config.pbxs})
        self._put(member)
        return member

    async def replace(self, config: AccountConfig, parts: frozenset[Part]) -> Member:
        """
        Give an account new settings, and replace the connections that `parts` names. The old CRM connection is closed
        first; the new one repeats its unfinished work. Raises: as `add`.
        """
        old = self.members[config.id]
        account, connector, on = old.account, old.connector, old.on
        links = self._links(config)
        if Part.SETTINGS in parts:  # first, because it may fail, and then nothing else may have changed
            await self.accounts.take(account, config.settings)
        if Part.PBXS in parts:
            account.set_pbxs(links)
            on = {key: on.get(key) or self._on(account, key) for key in config.pbxs}
        if Part.CRM in parts:
            await connector.close()
            connector = self._crm(config)
            account.crm = connector.crm
        member = Member(config, account, connector, on)
        self._put(member)
        return member

    async def remove(self, key: AccountId) -> None:
        """Forget an account. Its stored calls and waiting deliveries stay."""
        member = self.members[key]
        self._drop(key)
        self.accounts.remove(key)
        await member.connector.close()

    def _links(self, config: AccountConfig) -> list[Pbx]:
        """Raises: ConfigError if one of its PBXs could not be built."""
        missing = [key for key in config.pbxs if key not in self.pbxs]
        if missing:
            raise ConfigError(f"account.{config.id}.pbxs: the PBX {missing[0]} is not running")
        return [self.pbxs[key].link for key in config.pbxs]

    def _on(self, account: Account, pbx: PbxId) -> OnPbx:
        routing = Routing(
            account=account.id,
            pbx=pbx,
            settings=lambda: account.at(pbx),
            book=self.storage.phone_book,
            routes=self.storage.routes,
            clock=self.clock,
            crm=lambda: account.crm,
            days=lambda: self.working_days.of(account.id),
        )
        return OnPbx(self.pbxs[pbx].connection, self._tracking(account, pbx), routing)

    def _tracking(self, account: Account, pbx: PbxId) -> CallTracking:
        own = partial(self.ownership, account, pbx)
        observers: list[CallObserver] = [self.cards, self.page_news, self.own_list_calls, self.clicked_clients]
        attempt_of = self.storage.attempts.of_call
        return CallTracking(account, pbx, self.storage.calls, self.clock, observers, self.wake, own, attempt_of)

    async def end_left_calls(self, account: Account) -> None:
        """End calls on PBXs that the account left while Dozvon was stopped. Raises: Unavailable."""
        live = await self.storage.calls.live(account.id)
        for pbx in {call.pbx for call in live} - account.pbxs.keys():
            await self._tracking(account, pbx).leave()

    def _crm(self, config: AccountConfig) -> Connector:
        return self.kinds.crm(config, tokens=self.storage.tokens, clock=self.clock)

    async def _close_connectors(self) -> None:
        for member in self.members.values():
            await member.connector.close()
