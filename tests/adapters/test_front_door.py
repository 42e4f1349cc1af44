"""The web server and strangers on real sockets, with small limits: slow headers, slow bodies, too many connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from integration.process import open_files
from integration.web.client_address import ClientAddresses
from integration.web.metrics import Metrics
from integration.web.refused_log import RefusedLog
from integration.web.server import Edge, WebServer, create_web_app
from tests.lab.waiting import until

PATIENCE_SECONDS = 30
NEVER = 3600.0
SMALL = Edge(connections=6, connections_per_address=4, head_seconds=NEVER, body_seconds=NEVER)
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n"


@dataclass
class Served:
    server: WebServer
    port: int
    held: asyncio.Event  # while it is not set /hold does not answer
    running: list[str]  # the paths of requests to /take and /endless that have not ended

    @property
    def busy(self) -> bool:
        return bool(self.running)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def served(edge: Edge) -> AsyncIterator[Served]:
    held = asyncio.Event()

    async def healthy() -> dict[str, str]:
        return {"status": "ok"}

    async def hold(_: web.Request) -> web.Response:
        await held.wait()
        return web.Response(text="held")

    running: list[str] = []

    async def take(request: web.Request) -> web.Response:
        running.append(request.path)
        try:
            return web.Response(text=str(len(await request.read())))
        finally:
            running.remove(request.path)

    async def endless(request: web.Request) -> web.StreamResponse:
        running.append(request.path)
        response = web.StreamResponse()
        try:
            await response.prepare(request)
            while True:
                await response.write(b"x" * 10_000)
        finally:
            running.remove(request.path)

    async def broken(_: web.Request) -> web.Response:
        raise ConnectionResetError("Redis has closed the connection")

    refused = RefusedLog()
    app = create_web_app(
        routes=[
            web.get("/hold", hold),
            web.post("/take", take),
            web.get("/endless", endless),
            web.get("/broken", broken),
        ],
        middlewares=[],
        health=healthy,
        metrics=Metrics(list),
        edge=edge,
        refused=refused,
    )
    server = WebServer(app, edge, refused, shutdown_seconds=1)
    _, port = await server.start("127.0.0.1", 0)
    try:
        yield Served(server, port, held, running)
    finally:
        held.set()
        await server.stop()


async def head(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await reader.readuntil(b"\r\n\r\n")


async def end(reader: asyncio.StreamReader) -> bytes:
    """All bytes until the server closes."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await reader.read()


async def test_a_head_that_never_ends_is_given_up() -> None:
    async with served(replace(SMALL, head_seconds=0.2)) as front:
        reader, writer = await front.connect()
        writer.write(HEALTH)  # without the empty line
        assert await end(reader) == b""
        writer.close()


async def test_bytes_that_trickle_in_do_not_put_the_end_off() -> None:
    async with served(replace(SMALL, head_seconds=0.5)) as front:
        reader, writer = await front.connect()
        writer.write(HEALTH)
        closed = asyncio.ensure_future(end(reader))
        while not closed.done():
            writer.write(b"X-Slow: 1\r\n")
            await asyncio.wait([closed], timeout=0.05)
        assert not closed.exception() or isinstance(closed.exception(), ConnectionError)
        writer.close()


async def test_a_second_head_on_the_same_connection_has_its_time_too() -> None:
    async with served(replace(SMALL, head_seconds=0.3)) as front:
        reader, writer = await front.connect()
        writer.write(HEALTH + b"\r\n")
        assert b" 200 " in await head(reader)
        writer.write(HEALTH)
        assert b"HTTP" not in await end(reader)
        writer.close()


async def test_a_body_that_never_comes_is_refused() -> None:
    async with served(replace(SMALL, body_seconds=0.2)) as front:
        reader, writer = await front.connect()
        writer.write(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        answer = await end(reader)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer
        writer.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
        b"POST /take HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"POST /take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["a body", "after Expect", "a chunk", "our answer"],
)
async def test_who_leaves_in_the_middle_writes_nothing_into_the_log(begun: bytes) -> None:
    """A stranger could fill it with tracebacks."""
    async with served(SMALL) as front:
        with capture_logs() as said:
            for _ in range(3):
                _, writer = await front.connect()
                writer.write(begun)
                await writer.drain()
                await until(lambda: front.busy)
                assert isinstance(writer.transport, asyncio.Transport)
                writer.transport.abort()
                writer.close()
                await until(lambda: not front.busy)
        assert [line for line in said if line["log_level"] != "info"] == []


async def test_a_connection_that_we_lose_ourselves_is_a_defect_and_answered() -> None:
    async with served(SMALL) as front:
        reader, writer = await front.connect()
        with capture_logs() as said:
            writer.write(b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await end(reader)).startswith(b"HTTP/1.1 500 ")
        assert [line["event"] for line in said if line["log_level"] == "error"] == ["request broke"]
        writer.close()


async def test_a_body_in_time_is_taken() -> None:
    async with served(SMALL) as front:
        reader, writer = await front.connect()
        writer.write(b"POST /take HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabc")
        await writer.drain()
        writer.write(b"def")
        assert (await end(reader)).endswith(b"6")
        writer.close()


async def test_one_address_has_so_many_connections_and_gets_more_when_it_leaves_some() -> None:
    async with served(SMALL) as front:
        inside = [await front.connect() for _ in range(4)]
        for reader, writer in inside:
            writer.write(HEALTH + b"\r\n")
            assert b" 200 " in await head(reader)
        reader, writer = await front.connect()
        assert (await end(reader)).startswith(b"HTTP/1.1 503 ")
        writer.close()
        inside[0][1].close()
        await until(lambda: front.server.door.count <= 3, timeout_seconds=PATIENCE_SECONDS)
        reader, writer = await front.connect()
        writer.write(HEALTH + b"\r\n")
        assert b" 200 " in await head(reader)
        for _, each in [*inside, (reader, writer)]:
            each.close()


async def test_a_trusted_proxy_has_as_many_as_there_are_in_all() -> None:
    trusting = replace(SMALL, addresses=ClientAddresses([ip_network("127.0.0.1")]))
    async with served(trusting) as front:
        inside = [await front.connect() for _ in range(6)]
        for reader, writer in inside:
            writer.write(HEALTH + b"\r\n")
            assert b" 200 " in await head(reader)
        reader, writer = await front.connect()
        assert (await end(reader)).startswith(b"HTTP/1.1 503 ")
        for _, each in [*inside, (reader, writer)]:
            each.close()


async def test_behind_a_trusted_proxy_each_visitor_has_his_own_limit() -> None:
    trusting = replace(
        SMALL, connections=50, connections_per_address=2, addresses=ClientAddresses([ip_network("127.0.0.1")])
    )
    async with served(trusting) as front:
        hold = b"GET /hold HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.%d\r\n\r\n"
        inside = [await front.connect() for _ in range(3)]
        for _, writer in inside:
            writer.write(hold % 1)
        answers = [asyncio.ensure_future(head(reader)) for reader, _ in inside]
        done, pending = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        assert [each.result().startswith(b"HTTP/1.1 429 ") for each in done] == [True]
        reader, writer = await front.connect()
        writer.write(hold % 2)
        front.held.set()
        assert b" 200 " in await head(reader)
        assert [b" 200 " in each for each in await asyncio.gather(*pending)] == [True, True]
        for _, each in [*inside, (reader, writer)]:
            each.close()


async def test_behind_tls_every_answer_asks_for_it() -> None:
    async with served(replace(SMALL, has_tls=True)) as front:
        for raw in (HEALTH + b"\r\n", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n"):
            reader, writer = await front.connect()
            writer.write(raw)
            answer = await head(reader)
            assert b"Strict-Transport-Security: max-age=" in answer
            assert b"\r\nServer: Dozvon\r\n" in answer
            writer.close()


@pytest.mark.parametrize(("limit", "room"), [(65_536, 4000), (1024, 768), (256, 128)])
def test_the_web_leaves_files_for_the_rest(limit: int, room: int) -> None:
    assert open_files.for_web(4000, limit) == room


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        raised = open_files.raise_limit()
        assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
