"""What the tests of the amoCRM sandbox share: a running sandbox, a client with a token, a receiver, a clock.

It uses nothing of the connector: the sandbox is compared with the documentation only.
"""

from __future__ import annotations

import asyncio
import copy
import io
import json
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from connectors.amocrm.sandbox import SANDBOX, Sandbox, SandboxSettings, create_sandbox, seed_office
from connectors.amocrm.sandbox.account import Account

REDIRECT = "http://127.0.0.1:9/amo/oauth"
OFFICE = 31_000_000
ANNA, BORIS, ADMIN, INACTIVE, FREE = 610077, 610078, 610081, 610082, 610083


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
    headers: CIMultiDict[str]


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
        # Each request in another second: only the tests of the limit send faster.
        self.clock.time += options.pop("pause", 1)
        async with self.http.request(method, self.base + path, headers=headers, **options) as answer:
            is_json = "json" in answer.content_type
            body = await answer.json() if is_json else await answer.text()
            return Answer(answer.status, body, answer.headers.copy())

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
    """An integration's server: keeps its requests, and answers as configured."""

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
        async with self.arrived, asyncio.timeout(30):
            await self.arrived.wait_for(condition)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until another task makes the condition true."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the sandbox's workers have no event for tests
            await asyncio.sleep(0.01)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    async with serving(app) as base:
        yield base


# ---- widget archives


def png(width: int, height: int) -> bytes:
    """The smallest grey PNG of that size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + b"\x99" * width for _ in range(height)))
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


_TEXTS = {
    "widget": {
        "name": "Пробный виджет",
        "description": "Для тестов",
        "short_description": "Тест",
        "tour_description": "Тест",
        "call_action": "Позвонить пробно",
    },
    "settings": {"line": "Линия"},
}
_SCRIPT = """
define(["jquery", "lib/components/base/modal"], function ($, Modal) {
  return function () {
    var self = this;
    window.seen = window.seen || [];
    function note(name) { return function () { window.seen.push(name); return true; }; }
    self.callbacks = {
      render: note("render"),
      init: function () {
        self.add_action("phone", function (data) {
          window.seen.push("phone " + data.value + " " + APP.data.current_card.id);
        });
        return note("init")();
      },
      bind_actions: note("bind_actions"),
      settings: function ($body) {
        $body.find(".widget_settings_block__fields").append("<em>own settings</em>");
        return true;
      },
      onSave: function (event) {
        window.seen.push("onSave " + event.active + " " + event.fields.line);
        return true;
      },
      destroy: note("destroy"),
      contacts: { selected: function () { window.seen.push(JSON.stringify(self.list_selected())); } },
      leads: { selected: note("leads") }
    };
    window.pilot = self;
    window.PilotModal = Modal;
    return self;
  };
});
"""


def widget_files() -> dict[str, Any]:
    """Name -> content of a valid archive; tests break one place of it."""
    sizes = {"main": (400, 272), "small": (108, 108), "medium": (240, 84), "min": (84, 84)}
    files: dict[str, Any] = {f"images/logo_{name}.png": png(*size) for name, size in sizes.items()}
    files["images/logo.png"] = png(130, 100)
    for locale in ("ru", "en"):
        files[f"i18n/{locale}.json"] = copy.deepcopy(_TEXTS)
    files["script.js"] = _SCRIPT.encode()
    texts = ("name", "description", "short_description")
    files["manifest.json"] = {
        "widget": {
            **{name: f"widget.{name}" for name in texts},
            "version": "1.0.0",
            "interface_version": 2,
            "init_once": True,
            "locale": ["ru", "en"],
            "installation": True,
            "support": {"link": "https://example.test"},
        },
        "locations": ["everywhere", "ccard-0", "clist-0", "llist-0", "settings", "card_sdk"],
        "settings": {"line": {"name": "settings.line", "type": "text", "required": False}},
    }
    return files


def packed(files: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return out.getvalue()
