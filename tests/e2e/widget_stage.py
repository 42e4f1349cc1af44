"""A stage for the shipped widget: a page that loads the archive like amoCRM, and a backend that keeps its requests.

Both are real servers on the loopback with different origins, so that CORS applies as in reality. Other tests cover the
CRM (the sandbox) and the backend (`integration/web`); this stage is only for the browser's part.
"""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from widgets import pack

_POSTED = ("session", "call", "contacts", "deals", "notes", "results", "sightings")
NODE_MODULES = Path(pack.__file__).parent / "node_modules"

PAGE = """<!doctype html><html lang="ru"><meta charset="utf-8"><title>CRM</title>
<body style="background:#fff"><main>CRM</main><script src="/require.js"></script><script>
window.APP = {constant: (name) => ({user: {id: 7}, account: {currency: "RUB"}})[name],
              lang_id: new URLSearchParams(location.search).get("lang") ?? "ru",
              isCard: () => true, getBaseEntity: () => "contacts", data: {current_card: {id: 55}}};
document.addEventListener("click", (event) => {
  const link = event.target.closest(".js-navigate-link");
  if (link) { event.preventDefault(); document.title = link.getAttribute("href"); }
});
require.config({paths: {jquery: "/jquery"}});
require(["jquery", "/widget/script.js"], ($, Widget) => {
  const widget = {add_action: (type, run) => { window.press = (value) => run({value}); },
                  list_selected: () => ({count_selected: 0, selected: []}),
                  $authorizedAjax: (settings) => $.ajax({...settings, headers: {"X-Auth-Token": "jwt"}})};
  Widget.call(widget);
  window.ready = widget.callbacks.render() && widget.callbacks.init() && widget.callbacks.bind_actions();
});
</script></body></html>"""


HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


def a_call(**changes: Any) -> dict[str, Any]:
    """A `CardCall` of a known client, whose company is hostile."""
    person = {
        "id": "55", "kind": "contact", "name": "Иван Петров", "url": "/contacts/detail/55",
        "company": {"name": HOSTILE, "url": "javascript:document.title='broken'"},
        "responsible": {"id": "7", "name": "Анна Ким"}, "emails": ["i@r.example"],
        "deals": [{"id": "9", "name": "Веранда", "url": "/leads/detail/9", "stage": "Переговоры", "price": 248000}],
    }  # fmt: skip
    return {
        "id": "office:1", "direction": "inbound", "state": "ringing", "number": "+7 916 123-45-67",
        "raw_number": "+79161234567", "started_at": time.time(), "answered_at": None, "ended_at": None,
        "line": "+7 495 000-00-00", "extension": "101", "person": person, "persons_count": 1, "can_create": False,
        "last_calls": [], "disposition": None,
    } | changes  # fmt: skip


class Stage:
    def __init__(self) -> None:
        self.page = self.backend = ""
        self.sockets: list[web.WebSocketResponse] = []
        self.tickets = 0
        self.calls: list[dict[str, Any]] = []  # calls for the widget's snapshot
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.note: dict[str, Any] = {"revision": 0, "text": "", "result": None, "next_step": None, "result_at": None}
        self.from_widget: list[dict[str, Any]] = []
        self.is_silent = False  # the network is silently away: incoming data is lost, nothing goes out
        self.changed = asyncio.Condition()

    async def until(self, what: str, condition: Any, seconds: float = 10.0) -> None:
        """Wait for something that this stage records. Raises: TimeoutError, which names `what`."""
        try:
            async with self.changed, asyncio.timeout(seconds):
                await self.changed.wait_for(condition)
        except TimeoutError as exc:
            raise TimeoutError(what) from exc

    @property
    def open_sockets(self) -> list[web.WebSocketResponse]:
        return [socket for socket in self.sockets if not socket.closed]

    @property
    def commands(self) -> list[dict[str, Any]]:
        """The widget's messages without its pings."""
        return [message for message in self.from_widget if message["type"] != "ping"]

    async def tell(self, message: dict[str, Any]) -> None:
        for socket in self.open_sockets:
            await socket.send_json(message)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def post(self, request: web.Request) -> web.Response:
        body = await request.json()
        path = request.path.removeprefix("/api/widget/")
        self.posted.append((path, body))
        await self._notify()
        if request.headers.get("X-Auth-Token") != "jwt":
            return web.json_response({"error": {"code": "auth_failed", "message": ""}}, status=401)
        if path == "session":
            self.tickets += 1
            return web.json_response({"ticket": f"t{self.tickets}", "expires_in": 60, "version": "0.1.0"})
        if path in ("notes", "results"):
            self.note |= {"revision": self.note["revision"] + 1, "text": body["text"]}
            if path == "results":
                step = body["next_step"] and {"text": body["next_step"]["text"], "due_at": time.time() + 86_400}
                self.note |= {"result": body["result"], "next_step": step, "result_at": time.time()}
            return web.json_response({"note": self.note})
        if path == "sightings":
            return web.json_response({})
        if path == "contacts":
            entity = {"kind": "contact", "id": "99", "name": body["name"], "url": "/contacts/detail/99"}
            return web.json_response({"entity": entity, "created": True}, status=201)
        if path == "deals":
            deal = {"id": "98", "name": body["name"], "url": "/leads/detail/98"}
            return web.json_response({"deal": deal}, status=201)
        return web.json_response({"call": "c1"}, status=202)

    async def read_note(self, _: web.Request) -> web.Response:
        results = ["Заинтересован", "Перезвонить", "Договорились о встрече", "Не заинтересован"]
        return web.json_response({"note": self.note, "results": results, "zone": "Europe/Moscow", "can_plan": True})

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "snapshot", "now": time.time(), "calls": self.calls, "command_seconds": 4})
        await self._notify()
        async for message in socket:
            if message.type is WSMsgType.TEXT and not self.is_silent:
                said = json.loads(message.data)
                self.from_widget.append(said)
                if said["type"] == "ping":
                    await socket.send_json({"type": "pong", "now": time.time()})
                elif "id" in said:
                    await socket.send_json({"type": "received", "id": said["id"]})
                await self._notify()
        await self._notify()
        return socket


@web.middleware
async def _cors(request: web.Request, handler: Any) -> web.StreamResponse:
    answer: web.StreamResponse = web.Response() if request.method == "OPTIONS" else await handler(request)
    if not answer.prepared:
        answer.headers["Access-Control-Allow-Origin"] = request.headers.get("Origin", "")
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = "X-Auth-Token, Content-Type"
        answer.headers["Vary"] = "Origin"
    return answer


def _crm(archive: Path) -> web.Application:
    app = web.Application()
    files = zipfile.ZipFile(archive)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def part(request: web.Request) -> web.Response:
        return web.Response(body=files.read(request.match_info["name"]), content_type="text/javascript")

    async def library(request: web.Request) -> web.FileResponse:
        inside = {"require.js": "requirejs/require.js", "jquery.js": "jquery/dist/jquery.js"}
        return web.FileResponse(NODE_MODULES / inside[request.path.strip("/")])

    app.add_routes([web.get("/", page), web.get("/widget/{name:.+}", part)])
    app.add_routes([web.get("/require.js", library), web.get("/jquery.js", library)])
    return app


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The page's address is `page`. The archive is the output of `dozvon widget build amocrm`."""
    made = Stage()
    backend = web.Application(middlewares=[_cors])
    backend.add_routes([web.post(f"/api/widget/{path}", made.post) for path in _POSTED])
    backend.add_routes([web.get("/api/widget/notes", made.read_note)])
    backend.add_routes([web.get("/api/widget/ws", made.socket), web.options("/{any:.*}", made.post)])
    async with _served(backend) as made.backend:
        archive = pack.build_amocrm(folder / "widget.zip", made.backend)
        async with _served(_crm(archive)) as made.page:
            yield made
            for socket in made.open_sockets:
                await socket.close()
