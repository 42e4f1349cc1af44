"""Wakes the administrators' open pages when something of their account changed, on any process.

It says only that something changed, never what: each page reads itself again, as the person who looks at it may see it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog

from integration.domain.calls.call import Call
from integration.domain.calls.tracking import Change
from integration.domain.ids import AccountId
from integration.errors import DozvonError
from integration.ports.coordination import Coordination
from integration.services.accounts import Account

log = structlog.get_logger()

_CHANNEL = "pages"
_TOGETHER_SECONDS = 0.3  # changes within this time are one: a call's step is several events


class Watch:
    """
    One open page, or a part of the process that follows an account. `changed` is set by news and cleared by who waits
    for it; `is_over`: it has to close.
    """

    def __init__(self, account: AccountId, *, is_page: bool = True) -> None:
        self.account = account
        self.is_page = is_page
        self.changed = asyncio.Event()
        self.is_over = False


class PageNews:
    """A `CallObserver`. Run `run` as long as the process runs."""

    def __init__(self, coordination: Coordination, process: str) -> None:
        """`process`: identifies this process as a publisher."""
        self._coordination = coordination
        self._process = process
        self._watches: dict[AccountId, set[Watch]] = defaultdict(set)
        self._pending: dict[AccountId, asyncio.TimerHandle] = {}
        self._told_at: dict[AccountId, float] = {}  # the loop's time
        self._hears_since: float | None = None  # the loop's time; None: the news of other processes are not heard yet
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """Open pages on this process."""
        return sum(watch.is_page for watches in self._watches.values() for watch in watches)

    def join(self, account: AccountId, *, is_page: bool = True) -> Watch:
        watch = Watch(account, is_page=is_page)
        self._watches[account].add(watch)
        return watch

    def leave(self, watch: Watch) -> None:
        watches = self._watches[watch.account]
        watches.discard(watch)
        if not watches:
            del self._watches[watch.account]

    def tell(self, account: AccountId) -> None:
        """Something of the account has changed. Never raises; what comes close together is told once, except to parts
        of this process: a client on the telephone waits for them."""
        self._told_at[account] = asyncio.get_running_loop().time()
        for watch in self._watches.get(account, ()):
            if not watch.is_page:
                watch.changed.set()
        if account not in self._pending:
            loop = asyncio.get_running_loop()
            self._pending[account] = loop.call_later(_TOGETHER_SECONDS, self._tell_now, account)

    def may_have_missed(self, account: AccountId, age_seconds: float) -> bool:
        """Whether what was read that long ago may be out of date: something was told since, or nobody listened yet."""
        read_at = asyncio.get_running_loop().time() - age_seconds
        if self._hears_since is None or read_at < self._hears_since:
            return True
        return self._told_at.get(account, read_at) > read_at

    async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
        self.tell(account.id)

    def on_resumed(self, account: Account, call: Call) -> None:
        """The call was shown before; nothing has changed."""

    async def run(self) -> None:
        """Wake this process's pages by the news of others, until cancelled."""
        self._hears_since = asyncio.get_running_loop().time()
        async for message in self._coordination.subscribe(_CHANNEL):
            if message.get("from") != self._process:
                self._wake(AccountId(str(message.get("account", ""))))

    def close(self) -> None:
        """Close every page of this process; they connect again, to another one if there is one."""
        for handle in self._pending.values():
            handle.cancel()
        self._pending.clear()
        for watches in self._watches.values():
            for watch in watches:
                watch.is_over = True
                watch.changed.set()

    def _tell_now(self, account: AccountId) -> None:
        self._pending.pop(account, None)
        self._wake(account)
        task = asyncio.create_task(self._publish(account))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _wake(self, account: AccountId) -> None:
        self._told_at[account] = asyncio.get_running_loop().time()
        for watch in self._watches.get(account, ()):
            watch.changed.set()

    async def _publish(self, account: AccountId) -> None:
        try:
            await self._coordination.publish(_CHANNEL, {"from": self._process, "account": account})
        except DozvonError as exc:
            log.info("other processes' pages not told of a change", error=str(exc))
