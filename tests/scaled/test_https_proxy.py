"""The proxy with its own certificate, a real Caddy: who gets a certificate, and what passes through it.

Alone before one process, as the Debian package has it, and before the proxy of three, as docker-compose.yml has it.
"""

from __future__ import annotations

import asyncio
import io
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from integration.ports.findings import FindingLevel
from integration.process import config
from integration.process.address_check import examine_address
from integration.process.place import opened_storage
from integration.process.process import Dozvon
from integration.texts import address as words
from integration.web.certificates import ASK_PATH
from tests.e2e.crm_site import ANNA, IVAN
from tests.e2e.widget_page import widget_page
from tests.lab.ports import free_port
from tests.lab.waiting import until_told
from tests.scaled.https_proxy import HttpsProxy, caddy, is_there, trust
from tests.scaled.proxy import nginx
from tests.scaled.town import PASSWORD, PATIENCE_SECONDS, Town

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]
_OWN_PASSWORD = "a password of the file"
_VISITOR, _INVENTED = "127.0.0.7", "203.0.113.66"
_LARGE = 24_000_000  # bytes: a recording of an hour and a half


@asynccontextmanager
async def one_process(folder: Path, **server: object) -> AsyncIterator[Dozvon]:
    listen = f"127.0.0.1:{free_port()}"
    own = {"listen": listen, "data_dir": str(folder / "data"), "admin_password": _OWN_PASSWORD}
    dozvon = Dozvon(config.parse({"server": {**own, "trusted_proxies": ["127.0.0.1"], **server}}))
    await dozvon.start()
    try:
        yield dozvon
    finally:
        await dozvon.stop()


async def test_only_a_name_that_leads_here_gets_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the wizard and `dozvon address --set` try it."""
    async with one_process(tmp_path) as dozvon:
        with caddy(tmp_path, urlsplit(dozvon.url).netloc) as proxy:
            await is_there(proxy.authority)
            trust(proxy, monkeypatch)
            installation = dozvon.core.storage.installation
            async with proxy.session() as browser:
                with pytest.raises(aiohttp.ClientConnectorError):
                    await browser.get(proxy.url)
                elsewhere = await examine_address(proxy.url, browser, installation, plain_port=free_port())
                assert elsewhere[-1].says.code == words.CERTIFICATE_BAD.code
                assert await installation.tried_name() == ""
                lights = await examine_address(proxy.url, browser, installation, plain_port=proxy.plain)
                assert [light.says.code for light in lights if light.level is FindingLevel.ERROR] == []
                assert lights[-1].says.code == words.WE_ANSWER.code
                async with browser.get(f"{proxy.url}/admin/login") as answer:
                    assert answer.status == 200
                with pytest.raises(aiohttp.ClientConnectorError):
                    await browser.get(proxy.url.replace("localhost", "other.localhost"))


async def test_plain_http_leads_to_https_and_tells_nothing(tmp_path: Path) -> None:
    async with one_process(tmp_path) as dozvon:
        with caddy(tmp_path, urlsplit(dozvon.url).netloc) as proxy:
            plain = f"http://127.0.0.1:{proxy.plain}"
            async with aiohttp.ClientSession() as browser:
                for path in ("/", "/setup?code=x", "/admin/login", "/health", "/metrics", ASK_PATH):
                    async with browser.get(plain + path, allow_redirects=False) as answer:
                        assert (answer.status, answer.headers["Location"]) == (308, f"https://127.0.0.1{path}")
                ticket = await dozvon.core.storage.installation.issue_ticket()
                async with browser.get(f"{plain}/reach/{ticket}") as answer:
                    assert await answer.text() == ticket


@pytest_asyncio.fixture(loop_scope="package")
async def alone(tmp_path: Path) -> AsyncIterator[HttpsProxy]:
    """Before one process that has `https://localhost` as its address."""
    port = free_port()
    with caddy(tmp_path, f"127.0.0.1:{port}") as proxy:
        await is_there(proxy.authority)
        async with one_process(tmp_path, listen=f"127.0.0.1:{port}", public_url=proxy.url):
            yield proxy


async def test_a_visitor_keeps_his_address_and_cannot_invent_one(alone: HttpsProxy) -> None:
    form = {"password": _OWN_PASSWORD}
    headers = {"Origin": alone.url, "X-Forwarded-For": _INVENTED}
    async with alone.session(come_from=_VISITOR) as person:
        async with person.post(f"{alone.url}/admin/login", data=form, headers=headers) as answer:
            assert answer.status == 200
        cookies = [cookie for cookie in person.cookie_jar if cookie["httponly"]]
        assert cookies
        assert all(cookie["secure"] for cookie in cookies)
    async with alone.session(come_from=_VISITOR) as guesser, alone.session(come_from="127.0.0.8") as other:
        statuses = [await guess(guesser, alone.url, f"203.0.113.{number}") for number in range(7)]
        assert 429 in statuses
        async with other.post(f"{alone.url}/admin/login", data=form, headers={"Origin": alone.url}) as answer:
            assert answer.status == 200


async def guess(browser: aiohttp.ClientSession, url: str, invented: str) -> int:
    headers = {"Origin": url, "X-Forwarded-For": invented}
    async with browser.post(f"{url}/admin/login", data={"password": "wrong"}, headers=headers) as answer:
        return answer.status


async def test_figures_and_questions_of_the_proxy_are_for_nobody_outside(alone: HttpsProxy) -> None:
    async with alone.session() as browser:
        for path in ("/metrics", "/health", "/./metrics", "/%6detrics", f"{ASK_PATH}?domain=localhost"):
            async with browser.get(f"{alone.url}{path}") as answer:
                assert answer.status == 404, path


async def test_too_large_a_body_is_refused(alone: HttpsProxy) -> None:
    body = io.BytesIO(b"x" * 3_000_000)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = f"{alone.url}/admin/login"
    async with alone.session() as browser, browser.post(sent, data=body, headers=form) as answer:
        assert answer.status == 413


@pytest_asyncio.fixture(loop_scope="package")
async def before_three(town: Town, tmp_path: Path) -> AsyncIterator[HttpsProxy]:
    """Caddy before nginx before three processes; the name is one that an administrator tries now."""
    pages = [urlsplit(process.url).port or 0 for process in town.processes]
    async with opened_storage(config.load(town.processes[0].config, {})) as storage:
        await storage.installation.try_name("localhost")
    with nginx(tmp_path, pages, [free_port()] * 3) as inner:
        (tmp_path / "https").mkdir()
        with caddy(tmp_path / "https", urlsplit(inner.url).netloc) as proxy:
            await is_there(proxy.authority)
            yield proxy


async def test_cards_and_webhooks_and_recordings_pass(town: Town, before_three: HttpsProxy) -> None:
    logged = len(town.crm.counts())
    async with before_three.session() as browser:
        async with widget_page(browser, before_three.url, town.crm, ANNA) as page:
            await page.gets("snapshot")
            await town.ring(IVAN)
            card = await page.gets_known("ringing")
            await town.answer()
            await page.gets("call_updated", state="talking")
            await page.hangs_up(card["id"])
        await town.in_the_crm(logged + 1)
        link = before_three.url + urlsplit(town.crm.call_notes()[-1]["params"]["link"]).path

        async def is_recorded() -> bool:
            async with browser.get(link) as answer:
                return answer.status == 200

        await until_told(is_recorded, timeout_seconds=2 * PATIENCE_SECONDS)
        file = await recording_file(town, link)
        large = secrets.token_bytes(_LARGE)
        await asyncio.to_thread(file.write_bytes, large)
        async with browser.get(link) as answer:
            assert await answer.read() == large
        async with browser.get(link, headers={"Range": f"bytes={_LARGE - 100}-"}) as answer:
            assert (answer.status, await answer.read()) == (206, large[-100:])
        answers = []
        for url in (town.url, before_three.url):
            async with browser.post(f"{url}/hooks/amocrm/town/wrong", data={"a": "b"}) as answer:
                answers.append((answer.status, await answer.text()))
        assert answers[0] == answers[1]


async def recording_file(town: Town, link: str) -> Path:
    """The file behind an address."""
    found = re.search(r"/r/([\w-]+)\.mp3", link)
    assert found
    async with opened_storage(config.load(town.processes[0].config, {})) as storage:
        opened = await storage.recordings.open(found[1])
    assert opened is not None
    return Path(opened[0])


async def test_live_changes_come_at_once(town: Town, before_three: HttpsProxy) -> None:
    form, headers, logged = {"password": PASSWORD}, {"Origin": before_three.url}, len(town.crm.counts())
    async with before_three.session() as person:
        sent = person.post(f"{before_three.url}/admin/login", data=form, headers=headers, allow_redirects=False)
        async with sent as answer:
            assert answer.status == 303
        async with person.get(f"{before_three.url}/admin/town/live") as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            first = asyncio.create_task(heard(stream, b"event: changed"))
            await town.ring(IVAN)
            await asyncio.wait_for(first, PATIENCE_SECONDS)
            await town.answer()
            town.hang_up()
    await town.in_the_crm(logged + 1)  # the next test must not meet this call


async def heard(stream: aiohttp.ClientResponse, word: bytes) -> None:
    async for line in stream.content:
        if word in line:
            return
    raise AssertionError("the stream ended")
