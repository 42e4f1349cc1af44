"""The simulated office's HTTP control for the demonstration page: loopback only, and only for pages from the loopback.

GET /state; POST /call {"number", "did"}; POST /answer/{extension}; POST /hangup/{extension}; POST /hold/{extension};
POST /unhold/{extension}; POST /transfer/{extension} {"to"}; POST /dial/{extension} {"number"};
POST /client-hangup/{number}; POST /client-answer/{number}.

Answers are JSON. A request at the wrong moment gets 409 with `error`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from pbx_adapter.asterisk.simulator.simulator import Simulator

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_NUMBER = re.compile(r"[0-9*#+]{1,20}")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _is_loopback_origin(origin: str) -> bool:
    try:
        return urlsplit(origin).hostname in _LOOPBACK
    except ValueError:
        return False


@web.middleware
async def _loopback_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse pages that are not from the loopback: any page in the browser can reach this port."""
    origin = request.headers.get("Origin")
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    if host not in _LOOPBACK or (origin and not _is_loopback_origin(origin)):
        return web.json_response({"error": "only for pages from this machine"}, status=403)
    response = web.Response(status=204) if request.method == "OPTIONS" else await handler(request)
    if origin:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Headers"] = "content-type"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Vary"] = "Origin"
    return response


class Control:
    """The HTTP server: `start` listens, `stop` ends it."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int) -> None:
        app = web.Application(middlewares=[_loopback_pages_only], client_max_size=64 * 1024)
        app.router.add_get("/state", self._state)
        app.router.add_post("/call", self._call)
        app.router.add_post("/{verb:(client-)?[a-z]+}/{who}", self._act)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._simulator.state())

    async def _call(self, request: web.Request) -> web.Response:
        body = await _body(request)
        number, did = body.get("number", ""), body.get("did", "")
        if not _NUMBER.fullmatch(number) or not _NUMBER.fullmatch(did):
            return web.json_response({"error": "number and did are digits"}, status=400)
        uniqueid = self._simulator.inbound(number, did, body.get("name", "")[:80])
        return web.json_response({"uniqueid": uniqueid})

    async def _act(self, request: web.Request) -> web.Response:
        office, who = self._simulator, request.match_info["who"]
        body = await _body(request)
        try:
            match request.match_info["verb"]:
                case "answer":
                    office.answer(who)
                case "hangup":
                    office.hangup(who)
                case "hold" | "unhold" as verb:
                    office.hold(who, on=verb == "hold")
                case "transfer":
                    office.transfer(who, body.get("to", ""))
                case "dial":
                    office.call_from(who, body.get("number", ""))
                case "client-hangup":
                    office.client_hangup(who)
                case "client-answer":
                    office.client_answer(who)
                case _:
                    return web.json_response({"error": "no such thing to do"}, status=404)
        except LookupError as exc:
            return web.json_response({"error": str(exc)}, status=409)
        return web.json_response({"ok": True})


async def _body(request: web.Request) -> dict[str, str]:
    """The text values of the JSON object in the request; empty for anything else."""
    if not request.can_read_body:
        return {}
    try:
        value = await request.json()
    except ValueError:
        return {}
    return (
        {k: v.replace("\r", "").replace("\n", "") for k, v in value.items() if isinstance(v, str)}
        if isinstance(value, dict)
        else {}
    )
