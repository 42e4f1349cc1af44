"""What the tests of the Bitrix24 sandbox share: both servers running, a client with a token, a receiver, a clock.

It uses nothing of the connector: the sandbox is compared with the documentation only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web

from connectors.bitrix24.sandbox import (
    SANDBOX,
    Sandbox,
    SandboxSettings,
    create_oauth_server,
    create_sandbox,
    seed_portal,
)
from connectors.bitrix24.sandbox.brackets import parse
from connectors.bitrix24.sandbox.portal import Portal
from connectors.bitrix24.sandbox.sandbox import Install

ADMIN, ANNA, BORIS, VERA, GRIGORY, LEFT = 1, 14, 15, 16, 17, 18
LEAD, DEAL, CONTACT, COMPANY = 1, 2, 3, 4
IVAN = "+79161234567"


class Clock:
    """A clock that only moves when a test moves it."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error(self) -> tuple[str, str]:
        return (self.body["error"], self.body["error_description"])


@dataclass
class Bitrix:
    """A running sandbox and a client of its REST with the administrator's token."""

    base: str
    oauth: str
    sandbox: Sandbox
    clock: Clock
    http: aiohttp.ClientSession
    token: str = ""
    refresh_token: str = ""
    application_token: str = ""

    @property
    def portal(self) -> Portal:
        found = self.sandbox.portal_named("acme")
        assert found is not None
        return found

    @property
    def install(self) -> Install:
        found = self.sandbox.install_of(self.portal, self.sandbox.settings.client_id)
        assert found is not None
        return found

    async def call(self, method: str, parameters: dict[str, Any] | None = None, **options: Any) -> Answer:
        """One REST call. Each in another second: only the tests of the limits send faster."""
        self.clock.time += options.pop("pause", 1)
        token = options.pop("token", self.token)
        path = options.pop("path", f"/rest/{method}")
        body = {**(parameters or {}), **({"auth": token} if token else {})}
        return await self.send("POST", self.base + path, json=body, **options)

    async def send(self, verb: str, url: str, **options: Any) -> Answer:
        options.setdefault("allow_redirects", False)
        async with self.http.request(verb, url, **options) as answer:
            body = await (answer.json() if "json" in answer.content_type else answer.text())
            return Answer(answer.status, body, dict(answer.headers))

    async def ok(self, method: str, parameters: dict[str, Any] | None = None, **options: Any) -> Any:
        answer = await self.call(method, parameters, **options)
        assert answer.status == 200, answer
        assert "error" not in answer.body, answer.body
        return answer.body["result"]

    async def refused(
        self, method: str, parameters: dict[str, Any] | None = None, **options: Any
    ) -> tuple[int, str, str]:
        """Status, code and text of a refused call."""
        answer = await self.call(method, parameters, **options)
        assert "error" in answer.body, answer.body
        return (answer.status, *answer.error)

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = await self.send("POST", f"{self.base}/_sandbox/{path}", json=body or {})
        assert answer.status == 200, answer
        return answer.body

    async def as_user(self, user_id: int) -> str:
        """An access token of this user for the application."""
        return str((await self.control("tokens", {"user_id": user_id}))["access_token"])

    async def exchange(self, **values: str) -> Answer:
        """A request to the OAuth server, with the application's keys unless the test gives others."""
        settings = self.sandbox.settings
        query = {"client_id": settings.client_id, "client_secret": settings.client_secret, **values}
        return await self.send("GET", f"{self.oauth}/oauth/token/?{urlencode(query)}")

    async def installed(self, *, finished: bool = True) -> None:
        """Install the application anew and take the administrator's tokens."""
        await self.control("install/add")
        if finished:
            await self.control("install/finish")
        pair = await self.control("tokens")
        self.token, self.refresh_token = pair["access_token"], pair["refresh_token"]
        self.application_token = pair["application_token"]

    async def register(self, number: str = IVAN, **changes: Any) -> dict[str, Any]:
        body = {"USER_ID": ANNA, "PHONE_NUMBER": number, "TYPE": 2, "SHOW": 0, "LINE_NUMBER": "74957770000", **changes}
        return dict(await self.ok("telephony.externalCall.register", body))

    async def finish(self, call_id: str, **changes: Any) -> dict[str, Any]:
        body = {"CALL_ID": call_id, "USER_ID": ANNA, "DURATION": 30, "ADD_TO_CHAT": 0, **changes}
        return dict(await self.ok("telephony.externalCall.finish", body))


def free_socket(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((host, port))
    return found


@asynccontextmanager
async def running_sandbox(*, other_hosts: Iterable[str] = (), **changes: Any) -> AsyncIterator[Bitrix]:
    """
    Both servers with a seeded portal and the application installed.

    Args:
        other_hosts: more loopback addresses that the portal's server listens to, on the same port.
        changes: settings.
    """
    clock, portal_socket, oauth_socket = Clock(), free_socket(), free_socket()
    port, oauth_port = portal_socket.getsockname()[1], oauth_socket.getsockname()[1]
    sandbox = Sandbox(SandboxSettings(**{"port": port, "oauth_port": oauth_port, **changes}), now=clock)
    sandbox.populate = seed_portal
    sandbox.reset()
    portal_app, oauth_app = create_sandbox(sandbox.settings, sandbox), create_oauth_server(sandbox)
    assert portal_app[SANDBOX] is sandbox
    async with AsyncExitStack() as stack:
        sockets = [portal_socket, *(free_socket(host, port) for host in other_hosts)]
        await stack.enter_async_context(serving(portal_app, sockets))
        await stack.enter_async_context(serving(oauth_app, [oauth_socket]))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        bitrix = Bitrix(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{oauth_port}", sandbox, clock, http)
        await bitrix.installed()
        yield bitrix


@asynccontextmanager
async def serving(app: web.Application, sockets: list[socket.socket]) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    for each in sockets:
        await web.SockSite(runner, each).start()
    try:
        yield
    finally:
        await runner.cleanup()


@dataclass
class Receiver:
    """An application's server: keeps its requests as trees, and answers as configured."""

    url: str = ""
    status: int = 200
    delay: float = 0
    content: bytes = b""
    content_type: str = "text/plain"
    events: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        self.events.append(parse(parse_qsl(await request.text(), keep_blank_values=True)))
        self.content_types.append(request.content_type)
        async with self.arrived:
            self.arrived.notify_all()
        if self.delay:
            await asyncio.sleep(self.delay)
        return web.Response(status=self.status, body=self.content, content_type=self.content_type)

    def named(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with self.arrived, asyncio.timeout(30):
            await self.arrived.wait_for(condition)


@asynccontextmanager
async def receiving(**changes: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(**changes)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    found = free_socket()
    async with serving(app, [found]):
        receiver.url = f"http://127.0.0.1:{found.getsockname()[1]}"
        yield receiver
