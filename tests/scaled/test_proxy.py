"""The proxy of docker-compose.yml, a real nginx, before three processes: pages, cards, recordings, routes; one dies."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from tests.e2e.crm_site import IVAN
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.waiting import until_told
from tests.scaled.proxy import Proxy, nginx
from tests.scaled.town import PASSWORD, PATIENCE_SECONDS, Town

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]
_MANY = 30  # requests in a row: each process gets some


@pytest_asyncio.fixture(loop_scope="package")
async def proxy(town: Town, tmp_path: Path) -> AsyncIterator[Proxy]:
    pages = [urlsplit(process.url).port or 0 for process in town.processes]
    agi = tomllib.loads(town.processes[0].config.read_text())["account"][0]["asterisk"]["fastagi"]["port"]
    with nginx(tmp_path, pages, [agi] * 3) as running:  # where all processes listen
        yield running


def by_way_of(proxy: Proxy, town: Town) -> DozvonProcess:
    """A page through the proxy, on any process."""
    return DozvonProcess(town.processes[0].config, proxy.url, town.session)


async def ask_route(proxy: Proxy) -> str:
    """Ask a route through the proxy. Returns the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.agi)
    try:
        writer.write(
            f"agi_network: yes\nagi_network_script: office\nagi_uniqueid: 1.1\nagi_callerid: {IVAN}\n"
            "agi_calleridname: unknown\nagi_arg_1: 74950000001\nagi_arg_2: 1\nagi_arg_3: \nagi_arg_4: \n\n".encode()
        )
        return (await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)).decode()
    finally:
        writer.close()


async def test_pages_cards_and_routes_through_the_proxy(town: Town, proxy: Proxy) -> None:
    logged = len(town.crm.counts())
    async with town.session.get(f"{proxy.url}/admin/login") as answer:
        assert answer.status == 200
        assert "password" in await answer.text()
    assert "VARIABLE" in await ask_route(proxy)
    async with town.page(by_way_of(proxy, town)) as page:  # its ticket is one process's, its socket another's
        await page.gets("snapshot")
        await town.ring(IVAN)
        card = await page.gets_known("ringing")
        assert card["person"]["name"] == "Иван Петров"
        await town.answer()
        await page.gets("call_updated", state="talking")
        await page.hangs_up(card["id"])
    await town.in_the_crm(logged + 1)


async def test_a_recording_is_played_from_the_middle(town: Town, proxy: Proxy) -> None:
    logged = len(town.crm.counts())
    await town.talk(IVAN)
    town.hang_up()
    await town.in_the_crm(logged + 1)
    link = proxy.url + urlsplit(town.crm.call_notes()[-1]["params"]["link"]).path

    async def is_there() -> bool:
        async with town.session.get(link) as answer:
            return answer.status == 200

    await until_told(is_there, timeout_seconds=2 * PATIENCE_SECONDS)
    async with town.session.get(link) as answer:
        whole = await answer.read()
    for _ in range(3):
        async with town.session.get(link, headers={"Range": "bytes=100-199"}) as answer:
            assert answer.status == 206
            assert answer.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
            assert await answer.read() == whole[100:200]


async def test_who_signs_in_at_one_process_is_signed_in_at_all(town: Town, proxy: Proxy) -> None:
    first, *others = [process.url for process in town.processes if process.is_alive]
    form, cookies = {"password": PASSWORD}, aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=cookies) as person:
        async with person.post(f"{first}/admin/login", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        for url in (*others, *[proxy.url] * _MANY):
            async with person.get(f"{url}/admin/town", allow_redirects=False) as answer:
                assert answer.status == 200
        async with person.post(f"{first}/admin/logout", headers={"Origin": first}, allow_redirects=False):
            pass
        for url in others:
            async with person.get(f"{url}/admin/town", allow_redirects=False) as answer:
                assert answer.status == 303


async def test_guesses_at_all_processes_are_counted_together(town: Town) -> None:
    urls = [process.url for process in town.processes if process.is_alive]
    statuses = []
    for url in urls * 4:
        async with town.session.post(f"{url}/admin/login", data={"password": "wrong"}) as answer:
            statuses.append(answer.status)
    assert statuses == [200] * 5 + [429] * (len(statuses) - 5)


async def test_the_proxy_keeps_the_figures_to_itself(town: Town, proxy: Proxy) -> None:
    process = town.processes[0]
    async with town.session.get(f"{process.url}/metrics") as answer:
        assert answer.status == 200
    for path in ("/metrics", "//metrics", "/./metrics", "/%6detrics"):
        async with town.session.get(URL(f"{proxy.url}{path}", encoded=True)) as answer:
            assert answer.status == 404
            assert "nginx/" not in answer.headers["Server"]


async def test_a_process_dies_and_requests_go_on(town: Town, proxy: Proxy) -> None:
    (dying, _) = await town.others()
    await are_answered(town, proxy)
    dying.kill()
    await are_answered(town, proxy)
    for _ in range(5):  # a POST also goes to a live process: it was not sent to the dead one
        async with town.page(by_way_of(proxy, town)) as page:
            await page.gets("snapshot")
        assert "VARIABLE" in await ask_route(proxy)


async def are_answered(town: Town, proxy: Proxy) -> None:
    for _ in range(_MANY):
        async with town.session.get(f"{proxy.url}/health", timeout=aiohttp.ClientTimeout(total=10)) as answer:
            assert answer.status == 200
            assert "accounts" in await answer.json()
