"""Sandbox portals of Bitrix24 in their own process, so that their work is not counted as ours: `running_portals`.

The process (`python -m bench.portal SETTINGS`) prints one line when it listens and, when its input ends, one with its
results.
"""

from __future__ import annotations

import asyncio
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
from connectors.bitrix24.sandbox import (
    Sandbox,
    SandboxSettings,
    create_oauth_server,
    create_sandbox,
    seed_portal,
    tokens,
)
from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.portal import Portal
from connectors.bitrix24.sandbox.seed import generate

ALLOWED_PER_SECOND = 2.0  # of one portal, when its burst is used up
BURST = 50
ANNA = 14
_APPLICATION = "app.bench.1"  # of the marketplace: one key for many portals


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalsSize:
    """
    Attributes:
        staff: users of each portal with the ids from 1, the first an administrator; 0: the seeded office's.
        contacts: of each portal, with the numbers of `bench.crm.number`.
        has_limits: False: self-hosted portals, which ask for no pauses.
    """

    portals: int = 1
    staff: int = 0
    contacts: int = 0
    has_limits: bool = True


@dataclass(slots=True)
class Portals:
    """
    Attributes:
        pairs: of each portal: `member_id`, `access`, `refresh`.
        seen: filled when the block has ended: `errors` by code, `calls` (our key -> how often it was finished), `live`
            (how many are not finished), for each portal the times of its requests, `cards` (number of the client ->
            when the portal opened its first card, by `time.perf_counter`, which all processes share), and
            `processor_seconds`.
    """

    url: str
    oauth_url: str
    pairs: list[dict[str, str]]
    seen: dict[str, Any] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """The `[account.bitrix24]` table of every portal."""
        keys = SandboxSettings()
        return {"client_id": _APPLICATION, "client_secret": keys.client_secret, "oauth_url": self.oauth_url}

    def share_used(self) -> float:
        """The used share of the allowed rate over all portals, after the burst of each."""
        spans = [
            (len(times) - 1, times[-1] - times[0]) for each in self.seen["requests"] if len(times := each[BURST:]) > 1
        ]
        seconds = sum(span for _, span in spans)
        return float(sum(count for count, _ in spans) / max(seconds, 1e-9) / ALLOWED_PER_SECOND)


@asynccontextmanager
async def running_portals(size: PortalsSize) -> AsyncIterator[Portals]:
    async with child("bench.portal", asdict(size)) as sandbox:
        portals = Portals(**await sandbox.says())
        yield portals
        sandbox.end_input()
        portals.seen = await sandbox.says()


# ---- in the separate process --------------------------------------------------------------------------------------


class _Watch:
    """Notes when each portal was asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.by_portal: dict[str, list[float]] = {}
        self.processor_began: float | None = None
        self.cards: dict[str, float] = {}

    def cards_of(self, portals: list[Portal]) -> None:
        """Note when a card opens at somebody, from now on."""
        by_id = {portal.member_id: portal for portal in portals}
        tell = self._sandbox.tell_pages

        def told(message: dict[str, Any]) -> None:
            if message["kind"] == "call_card" and message["portal"] in by_id:
                self.cards.setdefault(by_id[message["portal"]].live[message["call"]].number, time.perf_counter())
            tell(message)

        self._sandbox.tell_pages = told  # type: ignore[method-assign]

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self.processor_began is None:
            self.processor_began = time.process_time()
        began = time.time()
        answer = await handler(request)  # reads the body, which can be read again afterwards but not before
        if request.path.startswith("/rest/") and request.content_type == "application/json":
            grant = self._sandbox.grants.get(str((await request.json()).get("auth")))
            self.by_portal.setdefault(grant.member_id if grant else "", []).append(began)
        return answer


async def _serve(size: PortalsSize) -> None:
    sandbox = Sandbox(SandboxSettings(client_id=_APPLICATION, is_api_only=True))
    sandbox.populate = seed_portal
    sandbox.reset()
    settings = sandbox.settings
    watch = _Watch(sandbox)
    portal_app = create_sandbox(settings, sandbox)
    portal_app.middlewares.insert(0, watch.middleware)
    addresses = []
    for app in (portal_app, create_oauth_server(sandbox)):
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
    seeded = next(iter(sandbox.portals.values()))
    made = [_portal(sandbox, seeded, place, size) for place in range(size.portals)]
    watch.cards_of(made)
    pairs = [_pair(sandbox, portal) for portal in made]
    print(json.dumps({"url": addresses[0], "oauth_url": addresses[1], "pairs": pairs}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(_seen(sandbox, watch, made)), flush=True)


def _portal(sandbox: Sandbox, seeded: Portal, place: int, size: PortalsSize) -> Portal:
    portal = sandbox.add_portal(f"bench-{place}", f"Office {place}")
    portal.users = {user: _employee(seeded, user) for user in range(1, size.staff + 1)} or seeded.users
    for contact in range(size.contacts):
        generate(portal, contact)
    if not size.has_limits:
        portal.kind = "self_hosted"
    sandbox.add_install(portal, sandbox.apps[_APPLICATION], 1)
    return portal


def _employee(seeded: Portal, user: int) -> Record:
    return {**seeded.users[ANNA], "ID": user, "IS_ADMIN": user == 1, "UF_PHONE_INNER": "", "PERSONAL_MOBILE": ""}


def _pair(sandbox: Sandbox, portal: Portal) -> dict[str, str]:
    grant = tokens.issue(sandbox, _APPLICATION, portal.member_id, 1)
    return {"member_id": portal.member_id, "access": grant.access_token, "refresh": grant.refresh_token}


def _seen(sandbox: Sandbox, watch: _Watch, made: list[Portal]) -> dict[str, Any]:
    processor = 0.0 if watch.processor_began is None else time.process_time() - watch.processor_began
    return {
        "errors": sandbox.traffic.by_error,
        "calls": Counter(str(row["EXTERNAL_CALL_ID"]) for portal in made for row in portal.statistics),
        "live": sum(len(portal.live) for portal in made),
        "requests": [watch.by_portal.get(portal.member_id, []) for portal in made],
        "cards": watch.cards,
        "processor_seconds": processor,
    }


if __name__ == "__main__":
    asyncio.run(_serve(PortalsSize(**json.loads(sys.argv[1]))))
