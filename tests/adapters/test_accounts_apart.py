"""Two accounts in one process with the same CRM integration: no address of one leads to the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import jwt
import pytest
import pytest_asyncio
from sqlalchemy import text

from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.webhooks import webhook_secret
from integration.domain.calls.call import Direction, LegKind, Via
from integration.domain.calls.events import CallStarted, LegOffered
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, LegId, ManagerId, PbxId, Timestamp, call_id
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.ports.stores import OutboxState, SavedStep, Tokens
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.storage import open_storage
from tests.contract.calls import a_call, an_intent
from tests.databases import with_tables
from tests.lab.ports import free_port

ACME, BETA = AccountId("acme"), AccountId("beta")
CRM_ID = {ACME: 31000001, BETA: 31000002}
ANNA = ManagerId("610077")  # the same id and the extension 101 in both accounts
CLIENT = "79161234567"
REF = EntityRef(EntityKind.CONTACT, "5")
CLIENT_ID, SECRET = "6f0d3c1e-0000-4000-8000-000000000001", "secret-of-the-integration-0123456789abcdef"
PASSWORD = "apart"
DEADLINE_SECONDS = 60


def _account(key: AccountId, crm: str) -> dict[str, Any]:
    return {
        "id": key,
        "amocrm": {
            "client_id": CLIENT_ID, "client_secret": SECRET, "oauth_url": f"http://{crm}/oauth",
            "account_hosts": crm.replace(".", r"\."), "api_host": crm, "request_seconds": 1,
        },
        "asterisk": {
            "host": "127.0.0.1", "port": int(crm.rpartition(":")[2]), "username": "x", "secret": "x",
            "fastagi": {"host": "127.0.0.1", "port": 0},
        },
        "employee": {"101": ANNA},
    }  # fmt: skip


@dataclass
class Town:
    """A running Dozvon without CRM and PBXs, which nothing here needs."""

    dozvon: Dozvon
    crm: str
    http: aiohttp.ClientSession

    def headers(self, account: AccountId, **changes: Any) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": f"http://{self.crm}", "aud": "http://127.0.0.1", "jti": "x", "iat": now, "nbf": now,
            "exp": now + 600, "account_id": CRM_ID[account], "user_id": int(ANNA), "subdomain": account,
            "client_uuid": CLIENT_ID, "is_admin": False, **changes,
        }  # fmt: skip
        return {"X-Auth-Token": jwt.encode(claims, SECRET, algorithm="HS256"), "Origin": f"http://{self.crm}"}

    async def ring(self, account: AccountId) -> CallId:
        """A call to Anna's phone at one account's PBX."""
        pbx = PbxId(f"{account}-pbx")
        at = Timestamp(time.time())
        call = call_id(pbx, "1.0")
        started = CallStarted(
            call=call, at=at, native_id="1.0", direction=Direction.INBOUND, caller=CLIENT, called="74950000001"
        )
        offered = LegOffered(call=call, at=at, leg=LegId("1"), target="101", kind=LegKind.EXTENSION, via=Via.DIRECT)
        tracking = self.dozvon.members[account].main.tracking
        await tracking.on_resync(frozenset(), at)
        await tracking.on_events([started, offered])
        return call

    async def snapshot(self, account: AccountId, *, hang_up: CallId | None = None) -> list[dict[str, Any]]:
        """The messages to a page of this account, up to the answer to a ping."""
        url = f"{self.dozvon.url}/api/widget"
        headers = self.headers(account)
        async with self.http.post(f"{url}/session", json={"protocol": 1}, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            ticket = (await answer.json())["ticket"]
        said = []
        async with self.http.ws_connect(f"{url}/ws?ticket={ticket}", headers={"Origin": headers["Origin"]}) as socket:
            if hang_up:
                await socket.send_json({"type": "hang_up", "call": hang_up})
            await socket.send_json({"type": "ping"})
            async for message in socket:
                said.append(message.json())
                if said[-1]["type"] == "pong":
                    break
        return said

    async def page(self, path: str) -> tuple[int, str]:
        async with self.http.get(self.dozvon.url + path) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    port, crm = free_port(), f"127.0.0.1:{free_port()}"
    server = {
        "listen": f"127.0.0.1:{port}",
        "public_url": f"http://127.0.0.1:{port}",
        "data_dir": str(with_tables(tmp_path)),
    }
    accounts = [_account(ACME, crm), _account(BETA, crm)]
    config = parse({"server": {**server, "admin_password": PASSWORD}, "account": accounts})
    storage = await open_storage(config.database_url, tmp_path)
    for key in (ACME, BETA):
        in_an_hour = Timestamp(time.time() + 3600)
        tokens = Tokens(
            access=f"a-{key}",
            refresh="r",
            expires_at=in_an_hour,
            base_url=f"http://{crm}",
            crm_account_id=str(CRM_ID[key]),
        )
        await storage.tokens.save(key, tokens)
        person = Person(ref=REF, name=f"Client of {key}", responsible=ANNA, phones=(CLIENT,), updated_at=1)
        await storage.phone_book.put_persons(key, [person], numbering=DEFAULT_NUMBERING)
    await storage.close()
    dozvon = Dozvon(config)
    await dozvon.start()
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            opened = Town(dozvon, crm, http)
            await _eventually_in(opened)
            yield opened
    finally:
        await dozvon.stop()


async def _eventually_in(town: Town) -> None:
    """Pages are accepted after the stored tokens have been read."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        for account in (ACME, BETA):
            while True:
                url = f"{town.dozvon.url}/api/widget/status"
                async with town.http.get(url, headers=town.headers(account)) as answer:
                    if answer.status == 200:
                        break
                await asyncio.sleep(0.02)


async def _eventually(gone: Callable[[], Awaitable[object]]) -> None:
    """Webhooks are answered before they are processed."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await gone() is not None:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.02)


async def test_a_page_sees_and_touches_only_its_own_accounts_calls(town: Town) -> None:
    call = await town.ring(ACME)
    own = await town.snapshot(ACME)
    assert [each["call"]["id"] if "call" in each else each["id"] for each in own[0]["calls"]] == [call]
    assert "Client of acme" in str(own)
    for told in (await town.snapshot(BETA), await town.snapshot(BETA, hang_up=call)):
        assert told[0]["calls"] == []
        assert "acme" not in str(told[0]).lower()
        assert CLIENT[1:] not in str(told)
    assert town.dozvon.members[ACME].main.tracking.call(call) is not None

    url = f"{town.dozvon.url}/api/widget/contacts"
    body = {"call": call, "name": "Stranger"}
    async with town.http.post(url, json=body, headers=town.headers(BETA)) as answer:
        assert answer.status in (403, 404, 409, 422), await answer.text()
        assert "acme" not in (await answer.text()).lower()


@pytest.mark.parametrize(
    "changes", [{"account_id": 31000003}, {"client_uuid": "another"}, {"iss": "http://127.0.0.1:1"}]
)
async def test_nobody_else_is_let_in(town: Town, changes: dict[str, Any]) -> None:
    for method, path in (("GET", "status"), ("POST", "session"), ("POST", "call"), ("POST", "contacts")):
        url = f"{town.dozvon.url}/api/widget/{path}"
        async with town.http.request(
            method, url, json={"protocol": 1}, headers=town.headers(ACME, **changes)
        ) as answer:
            assert answer.status == 401


async def test_a_ticket_is_of_the_account_that_asked_and_of_one_use(town: Town) -> None:
    url = f"{town.dozvon.url}/api/widget"
    headers = town.headers(BETA)
    await town.ring(ACME)
    async with town.http.post(f"{url}/session", json={"protocol": 1, "account": ACME}, headers=headers) as answer:
        ticket = (await answer.json())["ticket"]
    address = f"{url}/ws?ticket={ticket}&account={ACME}"
    async with town.http.ws_connect(address, headers={"Origin": headers["Origin"]}) as socket:
        assert (await socket.receive_json())["calls"] == []
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await town.http.ws_connect(address, headers={"Origin": headers["Origin"]})


async def test_a_webhook_changes_only_the_account_whose_address_and_id_it_has(town: Town) -> None:
    settings = AmocrmSettings.parse(
        {"client_id": CLIENT_ID, "client_secret": SECRET, "redirect_uri": "http://127.0.0.1/"}
    )
    secret = {key: webhook_secret(settings, key) for key in (ACME, BETA)}
    assert secret[ACME] != secret[BETA]
    book = town.dozvon.core.storage.phone_book

    async def post(at: AccountId, secret: str, of: AccountId) -> int:
        body = urlencode({"contacts[delete][0][id]": REF.id, "account[id]": str(CRM_ID[of])})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{town.dozvon.url}/hooks/amocrm/{at}/{secret}"
        async with town.http.post(url, data=body, headers=form) as answer:
            return answer.status

    assert await post(ACME, secret[BETA], BETA) == 404
    assert await post(ACME, secret[ACME], BETA) == 200  # accepted, then dropped because of its account
    assert await post(BETA, secret[BETA], BETA) == 200
    await _eventually(lambda: book.get(BETA, REF))
    assert await book.get(ACME, REF) is not None
    assert await post(ACME, secret[ACME], ACME) == 200
    await _eventually(lambda: book.get(ACME, REF))


async def test_a_recordings_address_is_found_by_its_name_only(town: Town) -> None:
    recordings = town.dozvon.core.storage.recordings
    mine = await recordings.put(ACME, CallId("acme-pbx:1.0"), b"mp3 of acme")
    other = await recordings.put(BETA, CallId("acme-pbx:1.0"), b"mp3 of beta")
    assert await town.page(f"/r/{mine}.mp3") == (200, "mp3 of acme")
    assert await town.page(f"/r/{other}.mp3") == (200, "mp3 of beta")
    for guess in ("acme-pbx:1.0", mine[:-1], mine + "x", f"{mine[:2]}/{mine[2:4]}/{mine}", "..%2f..%2fsecret.key"):
        assert (await town.page(f"/r/{guess}.mp3"))[0] == 404


async def test_a_recording_of_a_disconnected_account_is_gone(town: Town) -> None:
    core = town.dozvon.core
    recordings = core.storage.recordings
    mine = await recordings.put(ACME, CallId("acme-pbx:1.0"), b"mp3 of acme")
    other = await recordings.put(BETA, CallId("acme-pbx:1.0"), b"mp3 of beta")
    left = await recordings.put(AccountId("left"), CallId("left-pbx:1.0"), b"mp3 of one who is not here any more")
    await core.storage.tokens.delete(ACME)
    connector = town.dozvon.members[ACME].connector
    connector.forget()
    assert not await connector.open()
    assert (await town.page(f"/r/{mine}.mp3"))[0] == 410
    assert (await town.page(f"/r/{left}.mp3"))[0] == 410
    assert await town.page(f"/r/{other}.mp3") == (200, "mp3 of beta")


async def test_an_accounts_pages_show_nothing_of_another_and_nobody_without_the_password(town: Town) -> None:
    call = await town.ring(ACME)
    item = await _dead_letter(town)
    paths = ["", "/calls", f"/calls/{call}", "/delivery", "/people", f"/route?number={CLIENT}&line=74950000001"]
    for path in paths:
        status, shown = await town.page(f"/admin/{ACME}{path}")
        assert "Client of acme" not in shown
        assert 'name="password"' in shown or status != 200
    origin = {"Origin": town.dozvon.config.public_url}
    async with town.http.post(f"{town.dozvon.url}/admin/login", data={"password": PASSWORD}, headers=origin) as answer:
        assert answer.status == 200
    shown_as = quote(call, safe="")
    assert shown_as in (await town.page(f"/admin/{ACME}/calls"))[1]
    for path in paths:
        status, shown = await town.page(f"/admin/{BETA}{path}")
        assert status in (200, 404)
        assert "Client of acme" not in shown
        if path != f"/calls/{call}":
            assert shown_as not in shown
        else:
            assert status == 404
    for what in ("discard", "retry"):
        url = f"{town.dozvon.url}/admin/{BETA}/delivery/{item}/{what}"
        async with town.http.post(url, data={"confirmed": "1"}, headers=origin) as answer:
            await answer.read()
        assert await _state(town, item) is OutboxState.DEAD
    own = f"{town.dozvon.url}/admin/{ACME}/delivery/{item}/discard"
    async with town.http.post(own, data={"confirmed": "1"}, headers=origin) as answer:
        assert answer.status == 200
    assert await _state(town, item) is OutboxState.DISCARDED


async def _dead_letter(town: Town) -> int:
    """An item of ACME that its CRM refused."""
    storage = town.dozvon.core.storage
    call = replace(a_call(9), account=ACME)
    await storage.calls.save([SavedStep(call=call, intents=[an_intent(call)])])
    (item,) = [each.id for each in await storage.outbox.listing(ACME, list(OutboxState)) if each.call == call.id]
    refused = text("UPDATE outbox SET state = 'dead' WHERE id = :id")
    await storage.database.write(lambda connection: connection.execute(refused, {"id": item}), ACME)
    return item


async def _state(town: Town, item: int) -> OutboxState:
    items = await town.dozvon.core.storage.outbox.listing(ACME, list(OutboxState))
    return next(each.state for each in items if each.id == item)
