"""Measures the import of the phone book: its speed, its memory, and how soon callers are known.

`dozvon bench import [--quick]`. The sandbox generates the contacts on request; the connector, its pacing
and the phone book on SQLite are the real ones.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.crm import ALLOWED_PER_SECOND, UNLIMITED, Crm, CrmSize, number, running_crm
from bench.report import Memory, aim, machine, memory
from connectors.amocrm import Senders, connect
from integration import logs
from integration.clock import SystemClock
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.numbers.phone import match_key
from integration.domain.settings import AccountSettings
from integration.services.accounts import Account, Accounts
from integration.services.phone_book import PhoneBookMirror
from integration.storage import Storage, open_storage
from integration.testing import FakePbx

AIM_SHARE = 0.9  # a page is requested a second after the answer to the seventh last, and pages take time
AIM_GROWTH_MIB = 32.0
PACE = 6.9
PAGE = 250
_LOOK_SECONDS = 0.2
_LONGEST_SECONDS = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Size:
    """`parallel` accounts (0: none) with `parallel_contacts` each are read from a CRM without a limit."""

    contacts: int
    parallel: int
    parallel_contacts: int


FULL = Size(contacts=1_000_000, parallel=20, parallel_contacts=20_000)
QUICK = Size(contacts=20_000, parallel=10, parallel_contacts=2_500)


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """Returns: {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; memory in MiB."""
    logs.set_up("error", readable=True)
    return asyncio.run(_run(size or (QUICK if quick else FULL)))


async def _run(size: Size) -> dict[str, Any]:
    paced = await _import(CrmSize(contacts=size.contacts))
    free = CrmSize(accounts=size.parallel, contacts=size.parallel_contacts, requests_per_second=UNLIMITED)
    unlimited = await _import(free) if size.parallel else None
    missing = sum(part["missing"] for part in (paced, unlimited) if part is not None)
    return {
        "bench": "import",
        "aims": [
            aim(f"share of the allowed rate, {size.contacts} contacts", AIM_SHARE, paced["share"], "of 7/s",
                more_is_better=True),
            aim("own memory grown between a tenth of the import and its end", AIM_GROWTH_MIB, paced["grown_mib"], "MiB",
                more_is_better=False),
            aim("contacts missing in the phone book", 0, missing, "contacts",
                more_is_better=False),
        ],
        "detail": {"page": PAGE, "pace": PACE, "limited": paced, "unlimited": unlimited, **machine()},
    }  # fmt: skip


@dataclass(slots=True)
class _Progress:
    """Measurements during the import; seconds from the start."""

    first_routable: float | None = None
    all_routable: float | None = None
    memory: list[tuple[int, Memory]] = field(default_factory=list)  # persons read, and what was used then

    def grown(self, contacts: int) -> float:
        after = [used.own for read, used in self.memory if read >= contacts / 10]
        return round(max(after) - after[0], 1) if after else 0.0


async def _import(size: CrmSize) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="dozvon-bench-") as folder:
        async with running_crm(size) as crm:
            storage = await open_storage(f"sqlite:///{folder}/bench.db", Path(folder))
            async with _connected(storage, crm, size.accounts) as accounts:
                wall, processor = time.perf_counter(), time.process_time()
                progress = await _mirror(storage, accounts, size.contacts)
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
                stored = sum([await storage.phone_book.size(account.id) for account in accounts])
            await storage.close()
    contacts = size.contacts * size.accounts
    return {
        "accounts": size.accounts,
        "contacts": contacts,
        "seconds": round(wall, 1),
        "contacts_per_second": round(contacts / wall),
        "the_limit_allows_per_second": ALLOWED_PER_SECOND * PAGE * size.accounts,
        "share": round(crm.share_used(), 4),
        "statuses": crm.seen["statuses"],
        "our_processor_ms_per_1000": round(processor / contacts * 1e6, 1),
        "first_routable_seconds": progress.first_routable,
        "all_routable_seconds": progress.all_routable,
        "own_memory_mib_at_start": progress.memory[0][1].own,
        "own_memory_mib_at_most": max(used.own for _, used in progress.memory),
        "mapped_file_pages_mib_at_most": max(used.mapped for _, used in progress.memory),
        "grown_mib": progress.grown(contacts),
        "missing": contacts - stored,
    }


@asynccontextmanager
async def _connected(storage: Storage, crm: Crm, count: int) -> AsyncIterator[list[Account]]:
    clock = SystemClock()
    accounts = Accounts(storage.settings)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        connectors = []
        for place in range(count):
            name = AccountId(f"office-{place}")
            connector = connect(
                name,
                crm.options(place, PACE),
                tokens=storage.tokens,
                senders=Senders(session, lambda _: None),
                clock=clock,
            )
            await connector.open()
            connectors.append(connector)
            await accounts.add(AccountSettings(account=name), connector.crm, [FakePbx()])
        yield list(accounts)
        for connector in connectors:
            await connector.close()


async def _mirror(storage: Storage, accounts: list[Account], contacts: int) -> _Progress:
    """Run the mirrors until each has read everything once."""

    async def without_webhooks(_: Account) -> bool:
        return True  # as if there were webhooks: the poll is then rare and does not count

    mirror = PhoneBookMirror(storage.phone_book, SystemClock(), without_webhooks)
    progress = _Progress()
    began = time.perf_counter()
    running = [asyncio.create_task(mirror.run(account)) for account in accounts]
    last = match_key(number(contacts - 1), DEFAULT_NUMBERING) or ""
    async with asyncio.timeout(_LONGEST_SECONDS):
        while True:
            states = [mirror.state(account.id) for account in accounts]
            progress.memory.append((sum(state.persons_read for state in states), memory()))
            seconds = round(time.perf_counter() - began, 2)
            if progress.first_routable is None and await storage.phone_book.size(accounts[0].id):
                progress.first_routable = seconds
            if progress.all_routable is None and await storage.phone_book.lookup(accounts[-1].id, last):
                progress.all_routable = seconds
            if all(state.progress is not None for state in states):
                break
            await asyncio.sleep(_LOOK_SECONDS)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return progress
