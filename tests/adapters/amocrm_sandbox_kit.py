"""What the tests of the amoCRM sandbox share: a running sandbox, a client with a token, a receiver, a clock.

Nothing of the connector is used: the sandbox is held to the documentation alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from connectors.amocrm.sandbox import SANDBOX, Sandbox, SandboxSettings, create_sandbox, seed_office
from connectors.amocrm.sandbox.account import Account

REDIRECT = "http://127.0.0.1:9/amo/oauth"
OFFICE = 31_000_000
ANNA, BORIS, ADMIN, INACTIVE, FREE = 610077, 610078, 610081, 610082, 610083


class Clock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Crm:
    """A running sandbox and a client of its API that holds the administrator's token."""

    base: str
    sandbox: Sandbox
    clock: Clock
    http: aiohttp.ClientSession
    token: str = ""

    @property
    def office(self) -> Account:
        return self.sandbox.accounts[OFFICE]

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        # Each request in its own second: only the tests of the limit press for time.
        self.clock.time += options.pop("pause", 1)
        async with self.http.request(method, self.base + path, headers=headers, **options) as answer:
            is_json = "json" in answer.content_type
            body = await answer.json() if is_json else await answer.text()
            return Answer(answer.status, body, dict(answer.headers))

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.call(method, path, body)
        assert answer.status < 300, (answer.status, answer.body)
        return answer.body

    async def codes(self, method: str, path: str, body: Any) -> list[tuple[str, str]]:
        """`(code, path)` of every validation error of a refused write."""
        answer = await self.call(method, path, body)
        assert answer.status == 400
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        found = [error for item in answer.body["validation-errors"] for error in item["errors"]]
        return [(error["code"], error["path"]) for error in found]

    async def long_lived(self, **body: int) -> str:
        answer = await self.call("POST", "/_sandbox/long_lived", body)
        return str(answer.body["token"])

    async def contact(self, name: str, phone: str, **values: Any) -> int:
        field_ = {"field_code": "PHONE", "values": [{"value": phone}]}
        body = [{"name": name, "custom_fields_values": [field_], **values}]
        return int((await self.ok("POST", "/api/v4/contacts", body))["_embedded"]["contacts"][0]["id"])

    async def lead(self, name: str, contact: int, **values: Any) -> int:
        body = [{"name": name, "_embedded": {"contacts": [{"id": contact}]}, **values}]
        return int((await self.ok("POST", "/api/v4/leads", body))["_embedded"]["leads"][0]["id"])


@asynccontextmanager
async def running_sandbox(**changes: Any) -> AsyncIterator[Crm]:
    """A seeded sandbox on a free port; `changes` are settings."""
    clock = Clock()
    changes = {"redirect_uri": REDIRECT, "port": 0, **changes}
    sandbox = Sandbox(SandboxSettings(**changes), now=clock)
    sandbox.populate = seed_office
    sandbox.reset()
    app = create_sandbox(sandbox.settings, sandbox)
    assert app[SANDBOX] is sandbox
    async with serving(app) as base, aiohttp.ClientSession() as http:
        crm = Crm(base, sandbox, clock, http)
        crm.token = await crm.long_lived()
        yield crm


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass
class Receiver:
    """A server of an integration: keeps what it is sent, answers as told."""

    status: int = 200
    delay: float = 0
    bodies: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(dict(parse_qsl(await request.text(), keep_blank_values=True)))
        self.queries.append(dict(request.query))
        async with self.arrived:
            self.arrived.notify_all()
        if self.delay:
            await asyncio.sleep(self.delay)
        return web.Response(status=self.status)

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with self.arrived, asyncio.timeout(10):
            await self.arrived.wait_for(condition)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    async with serving(app) as base:
        yield base
