"""The sandbox amoCRM in its own process, so that its work is not counted as ours: `running_crm`.

Each account has its own integration, because the limit of requests is per integration. The process
(`python -m bench.crm SETTINGS`) prints one line when it listens and, when its input ends, one with its results.
"""

from __future__ import annotations

import asyncio
import copy
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web

from bench.child import child
from connectors.amocrm.sandbox import SANDBOX, Sandbox, SandboxSettings, create_sandbox, seed_office, tokens
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.sandbox import Integration

ALLOWED_PER_SECOND = 7  # requests of one integration
UNLIMITED = 1_000_000
_DAY = 86_400
_FIRST_ACCOUNT = 31_100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSize:
    """
    Attributes:
        contacts: generated ones in each account, with the numbers that `number` gives.
        managers: active users that each account has beside those of the sandbox's office; `user` gives their ids.
    """

    accounts: int = 1
    contacts: int = 0
    managers: int = 0
    requests_per_second: int = ALLOWED_PER_SECOND


@dataclass(slots=True)
class Crm:
    """
    Attributes:
        tokens: a long-lived one for each account.
        seen: filled when the block has ended: `statuses`, `calls` (key of a call -> how often it was logged), for
            each account `[requests, first, last]` with times in Unix seconds, and `processor_seconds` since the first.
    """

    url: str
    tokens: list[str]
    seen: dict[str, Any] = field(default_factory=dict)
    _process: Any = None

    def options(self, place: int, requests_per_second: float) -> dict[str, Any]:
        """The `[account.amocrm]` table of the account at this place."""
        return {
            "account_url": self.url,
            "long_lived_token": self.tokens[place],
            "requests_per_second": requests_per_second,
        }

    def share_used(self) -> float:
        """The used share of the allowed rate, between an account's first and last request, over all accounts."""
        spans = [(count - 1, last - first) for count, first, last in self.seen["accounts"] if count > 1]
        seconds = sum(span for _, span in spans)
        return float(sum(count for count, _ in spans) / max(seconds, 1e-9) / ALLOWED_PER_SECOND)


def user(place: int) -> int:
    return 700_000 + place


def number(contact: int) -> str:
    return f"+7900{contact:07d}"


@asynccontextmanager
async def running_crm(size: CrmSize) -> AsyncIterator[Crm]:
    async with child("bench.crm", asdict(size)) as sandbox:
        crm = Crm(**await sandbox.says())
        yield crm
        sandbox.end_input()
        crm.seen = await sandbox.says()


# ---- in the separate process --------------------------------------------------------------------------------------


class _Watch:
    """Counts requests and answers as they come."""

    def __init__(self) -> None:
        self.by_token: dict[str, list[float]] = {}
        self.statuses: Counter[int] = Counter()
        self.processor_began: float | None = None

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self.processor_began is None:
            self.processor_began = time.process_time()
        now = time.time()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        count, first, _ = self.by_token.get(token, (0, now, now))
        self.by_token[token] = [count + 1, first, now]
        response = await handler(request)
        self.statuses[response.status] += 1
        return response


async def _serve(size: CrmSize) -> None:
    settings = SandboxSettings(
        contacts=size.contacts,
        requests_per_second=size.requests_per_second,
        account_requests_per_second=max(50, size.requests_per_second),
    )
    sandbox = Sandbox(settings)
    sandbox.populate = seed_office
    sandbox.reset()
    app = create_sandbox(settings, sandbox)
    watch = _Watch()
    app.middlewares.insert(0, watch.middleware)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    host, port = runner.addresses[0][:2]
    made = [_account(app[SANDBOX], place, f"{host}:{port}", size.managers) for place in range(size.accounts)]
    print(json.dumps({"url": f"http://{host}:{port}", "tokens": [token for _, token in made]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(_seen(watch, made)), flush=True)
    await runner.cleanup()


def _account(sandbox: Sandbox, place: int, host: str, managers: int) -> tuple[Account, str]:
    office = next(iter(sandbox.accounts.values()))
    account = sandbox.add_account(_FIRST_ACCOUNT + place, f"Office {place}", f"office-{place}")
    account.users, account.pipelines = copy.deepcopy(office.users), copy.deepcopy(office.pipelines)
    account.contacts.population = office.contacts.population
    some = next(each for each in account.users.values() if not each["rights"]["is_admin"])
    for n in range(managers):
        own = {"id": user(n), "name": f"Менеджер {n:03}", "email": f"m{n}@example.com"}
        account.users[user(n)] = {**copy.deepcopy(some), **own}
    integration = Integration(client_id=f"bench-{place}", client_secret="bench", redirect_uri="")
    sandbox.integrations[integration.client_id] = integration
    return account, tokens.issue_long_lived(sandbox, integration, account, account.admin(), _DAY, host)


def _seen(watch: _Watch, made: list[tuple[Account, str]]) -> dict[str, Any]:
    processor = 0.0 if watch.processor_began is None else time.process_time() - watch.processor_began
    calls: Counter[str] = Counter()
    for account, _ in made:
        calls.update(note["params"]["uniq"] for note in account.notes.values() if "uniq" in note["params"])
    return {
        "statuses": watch.statuses,
        "calls": calls,
        "accounts": [watch.by_token.get(token, [0, 0, 0]) for _, token in made],
        "processor_seconds": processor,
    }


if __name__ == "__main__":
    asyncio.run(_serve(CrmSize(**json.loads(sys.argv[1]))))
