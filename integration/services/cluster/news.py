"""Exchanges state with the other processes of the installation, so that pages show the same on all of them.

`leadership.py` decides which process does what; `peers.py` carries the messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol

import structlog

from integration.domain.ids import AccountId
from integration.errors import DozvonError
from integration.services.accounts import Account, Accounts
from integration.services.cluster.peers import News, Peers
from integration.services.phone_book import PhoneBookMirror

log = structlog.get_logger()

_LOOK_EVERY_SECONDS = 30.0  # news may be lost, so the decisions of others are read regularly


class Connection(Protocol):
    """The connection to an account's CRM, implemented by the connector."""

    @property
    def is_known(self) -> bool:
        """Whether it is known which of the CRM's accounts is connected."""

    def forget(self) -> None: ...

    async def open(self) -> bool:
        """Read it from the store. Never raises."""


class Member(Protocol):
    """One account while it runs."""

    @property
    def account(self) -> Account: ...

    @property
    def connector(self) -> Connection: ...


class Others:
    """Run `tasks()` where there are other processes; the other methods may always be called."""

    def __init__(
        self,
        peers: Peers | None,
        offices: Mapping[AccountId, Member],
        accounts: Accounts,
        mirror: PhoneBookMirror,
        wake: asyncio.Event,
    ) -> None:
        """`peers`: None if this is the only process."""
        self._peers = peers
        self._offices = offices
        self._accounts = accounts
        self._mirror = mirror
        self._wake = wake
        self._telling: set[asyncio.Task[None]] = set()

    def tasks(self, roles: frozenset[str]) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Tasks for news from other processes, each with its name; none for a single process."""
        if self._peers is None:
            return
        self._peers.on(News.SETTINGS, self._hear_of_settings)
        self._peers.on(News.CRM, self._hear_of_crm)
        self._peers.on(News.PHONE_BOOK, self._hear_of_phone_book)
        self._peers.on(News.READ_ANEW, self._hear_of_doubts)
        self._peers.on(News.OUTBOX, self._hear_of_outbox)
        yield "processes", self._peers.listen
        yield "beat", self._peers.beat
        yield "settings", self._look_now_and_then
        if "worker" not in roles:
            yield "wake", self._wake_workers

    def crm_connected(self, key: AccountId) -> None:
        """An administrator has just connected the CRM: read its account, and deliver what waited."""
        self._mirror.compare_soon(key)
        self._wake.set()
        self._tell(News.CRM, key)

    def crm_disconnected(self, key: AccountId) -> None:
        """The CRM has withdrawn its consent, and told this process."""
        self._tell(News.CRM, key)

    def webhook_lost(self, key: AccountId) -> None:
        self._mirror.wake(key)
        self._tell(News.PHONE_BOOK, key)

    def read_anew(self, key: AccountId) -> None:
        """An administrator wants the phone book to be compared with the CRM again."""
        self._mirror.compare_soon(key)
        self._tell(News.READ_ANEW, key)

    def _tell(self, news: News, key: AccountId) -> None:
        if self._peers is not None:
            task = asyncio.create_task(self._peers.tell(news, key))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _wake_workers(self) -> None:
        """Wake the processes that deliver what this one queues."""
        while self._peers is not None:
            await self._wake.wait()
            self._wake.clear()
            await self._peers.tell(News.OUTBOX, AccountId(""))

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            for office in list(self._offices.values()):
                try:
                    await self._accounts.reload(office.account)
                    if not office.connector.is_known:
                        await self._open_anew(office)
                except DozvonError as exc:
                    log.warning("settings not read", error=str(exc))
                    break

    async def _hear_of_settings(self, key: AccountId) -> None:
        if key in self._offices:
            await self._accounts.reload(self._offices[key].account)

    async def _hear_of_crm(self, key: AccountId) -> None:
        if key in self._offices:
            await self._open_anew(self._offices[key])
            self._mirror.compare_soon(key)
            self._wake.set()

    async def _hear_of_phone_book(self, key: AccountId) -> None:
        self._mirror.wake(key)

    async def _hear_of_doubts(self, key: AccountId) -> None:
        self._mirror.compare_soon(key)

    async def _hear_of_outbox(self, _: AccountId) -> None:
        self._wake.set()

    async def _open_anew(self, office: Member) -> None:
        office.connector.forget()
        if await office.connector.open():
            self._accounts.refresh_soon()
