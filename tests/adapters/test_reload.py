"""Accounts change while the process runs and people talk: nothing of the others is touched, nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from connectors.amocrm.client import AmocrmCrm
from integration.domain.calls.call import Disposition
from integration.domain.ids import AccountId, ManagerId
from integration.errors import ConfigError
from integration.ports.stores import OutboxState
from integration.process.config import Config, parse
from integration.process.process import Dozvon
from pbx_adapter.asterisk import AsteriskPbx
from pbx_adapter.asterisk.simulator import Simulator, SimulatorSettings, running
from tests.databases import with_tables
from tests.e2e.dozvon_process import DozvonProcess
from tests.lab.ports import free_port
from tests.lab.waiting import until, until_told

NORTH, SOUTH = AccountId("north"), AccountId("south")
CLIENT = "79161234567"
Tables = dict[str, dict[str, Any]]


@dataclass
class Place:
    """A process and two simulated PBXs; the CRM is never there, which nothing here needs."""

    folder: Path
    port: int
    offices: dict[AccountId, Simulator]
    agi: dict[AccountId, int] = field(default_factory=dict)

    def account(self, key: AccountId, *, secret: str = "dozvon-secret", crm_secret: str = "s" * 40) -> dict[str, Any]:
        crm = "127.0.0.1:1"
        return {
            "id": key,
            "amocrm": {
                "client_id": f"6f0d3c1e-{key}", "client_secret": crm_secret, "oauth_url": f"http://{crm}/oauth",
                "account_hosts": crm.replace(".", r"\."), "api_host": crm, "request_seconds": 1,
            },
            "asterisk": {
                "host": "127.0.0.1", "port": self.offices[key].ami.port, "username": "dozvon", "secret": secret,
                "fastagi": {"host": "127.0.0.1", "port": self.agi[key]},
            },
            "employee": {"101": {"name": "Anna"}},
        }  # fmt: skip

    def config(self, *accounts: Mapping[str, Any], listen: int | None = None) -> Config:
        address = f"127.0.0.1:{listen or self.port}"
        server = {"listen": address, "public_url": f"http://127.0.0.1:{self.port}", "data_dir": str(self.folder)}
        return parse({"server": {**server, "admin_password": "reload"}, "account": list(accounts)})


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        offices = {}
        for key in (NORTH, SOUTH):
            folder = tmp_path / key
            folder.mkdir()
            office, _ = await stack.enter_async_context(running(SimulatorSettings(spool=folder, ami_port=0)))
            offices[key] = office
        yield Place(with_tables(tmp_path / "data"), free_port(), offices, {key: free_port() for key in offices})


@pytest_asyncio.fixture
async def north(place: Place) -> AsyncIterator[Dozvon]:
    """Runs with the account `north` alone, whose PBX is connected."""
    dozvon = Dozvon(place.config(place.account(NORTH)))
    await dozvon.start()
    try:
        await until(lambda: dozvon.members[NORTH].main.pbx.is_connected)
        yield dozvon
    finally:
        await dozvon.stop()


async def talk(dozvon: Dozvon, office: Simulator, key: AccountId) -> None:
    """A call from the carrier, answered by 101."""
    office.inbound(CLIENT, "74950000001")
    tracking = dozvon.members[key].main.tracking
    await until(lambda: any(leg.ringing_at for call in tracking.live_calls for leg in call.legs))
    office.answer("101")
    await until(lambda: any(call.answered_at for call in tracking.live_calls))


async def test_an_account_comes_and_goes_while_another_one_talks(place: Place, north: Dozvon) -> None:
    await talk(north, place.offices[NORTH], NORTH)
    (call,) = north.members[NORTH].main.tracking.live_calls
    links = north.members[NORTH].main.tracking.links

    await north.reload(place.config(place.account(NORTH), place.account(SOUTH)))
    await until(lambda: north.members[SOUTH].main.pbx.is_connected)
    async with aiohttp.ClientSession() as http, http.get(f"{north.url}/health") as answer:
        assert set((await answer.json())["accounts"]) == {NORTH, SOUTH}
    _, asking = await asyncio.open_connection("127.0.0.1", place.agi[SOUTH])
    asking.close()

    await north.reload(place.config(place.account(NORTH)))
    assert list(north.members) == [NORTH]
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", place.agi[SOUTH])

    assert [live.id for live in north.members[NORTH].main.tracking.live_calls] == [call.id]
    assert north.members[NORTH].main.tracking.links == links
    place.offices[NORTH].hangup("101")
    await until(lambda: not north.members[NORTH].main.tracking.live_calls)


async def test_a_wrong_secret_and_the_right_one_again_lose_no_call(place: Place, north: Dozvon) -> None:
    """The call is answered before, ends after, and is logged once, as one call."""
    await north.reload(place.config(place.account(NORTH), place.account(SOUTH)))
    await until(lambda: north.members[SOUTH].main.pbx.is_connected)
    await talk(north, place.offices[NORTH], NORTH)
    (call,) = north.members[NORTH].main.tracking.live_calls
    links = north.members[SOUTH].main.tracking.links

    await north.reload(place.config(place.account(NORTH, secret="wrong"), place.account(SOUTH)))
    await until(lambda: "secret" in north.members[NORTH].main.pbx.link.detail)
    assert not north.members[NORTH].main.pbx.is_connected

    await north.reload(place.config(place.account(NORTH), place.account(SOUTH)))
    await until(lambda: north.members[NORTH].main.pbx.is_connected)
    assert [live.id for live in north.members[NORTH].main.tracking.live_calls] == [call.id]
    place.offices[NORTH].hangup("101")
    await until(lambda: not north.members[NORTH].main.tracking.live_calls)
    assert north.members[SOUTH].main.tracking.links == links

    async def logged() -> bool:
        stored = await north.core.storage.calls.recent(NORTH)
        assert [each.id for each in stored] == [call.id]
        return stored[0].disposition is Disposition.ANSWERED

    await until_told(logged)


async def test_a_line_changes_without_a_new_connection(place: Place, north: Dozvon) -> None:
    connector, pbx = north.members[NORTH].connector, north.members[NORTH].main.pbx
    changed = {**place.account(NORTH), "line": {"74950000001": {"reserve": "200"}}}
    await north.reload(place.config(changed))
    office = north.members[NORTH]
    assert office.account.settings.line("74950000001").reserve == "200"
    assert (office.connector, office.main.pbx) == (connector, pbx)
    assert north.members[NORTH].main.pbx.is_connected


async def test_a_new_key_of_the_crm_leaves_the_pbx_alone(place: Place, north: Dozvon) -> None:
    office = north.members[NORTH]
    links = office.main.tracking.links
    await north.reload(place.config(place.account(NORTH, crm_secret="t" * 40)))
    after = north.members[NORTH]
    assert after.connector is not office.connector
    assert after.account is office.account
    assert after.account.crm is after.connector.crm
    assert (after.main.pbx, after.main.tracking.links) == (office.main.pbx, links)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with aiohttp.ClientSession() as http:
        for connector, status in ((office.connector, 404), (after.connector, 200)):
            tail = connector.webhook_intake(
                on_changes=_nothing, on_lost=lambda: None, on_notice=_nothing, on_request=_nothing
            ).tail
            url = f"{north.url}/hooks/amocrm/{NORTH}/{tail}"
            async with http.post(url, data=b"", headers=headers) as answer:
                assert answer.status == status


async def _nothing(_: object) -> None:
    """Nobody listens here."""


async def test_what_waits_for_a_removed_crm_stays_and_goes_on_when_it_is_back(place: Place, north: Dozvon) -> None:
    await talk(north, place.offices[NORTH], NORTH)
    place.offices[NORTH].hangup("101")
    outbox = north.core.storage.outbox

    async def waiting() -> int:
        return (await outbox.depth_of(NORTH))[OutboxState.WAITING]

    async def is_queued() -> bool:
        return await waiting() > 0

    await until_told(is_queued)
    before = await waiting()
    await north.reload(place.config(place.account(SOUTH)))
    assert await waiting() == before
    await north.reload(place.config(place.account(SOUTH), place.account(NORTH)))
    assert await waiting() == before
    assert set(north.members) == {NORTH, SOUTH}


async def test_a_wrong_configuration_changes_nothing(place: Place, north: Dozvon) -> None:
    wrong = place.account(SOUTH)
    wrong["asterisk"].pop("secret")
    with pytest.raises(ConfigError, match=r"account\.south\.asterisk\.secret"):
        await north.reload(place.config(place.account(NORTH, secret="another"), wrong))
    assert list(north.members) == [NORTH]
    assert north.members[NORTH].main.pbx.is_connected


async def test_an_address_that_is_taken_holds_up_nobody_else(place: Place, north: Dozvon) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", place.agi[SOUTH])
    async with server:
        await north.reload(place.config(place.account(NORTH), place.account(SOUTH)))
        await until(lambda: north.members[SOUTH].main.pbx.is_connected)
        assert north.members[NORTH].main.pbx.is_connected
    _, writer = await asyncio.open_connection("127.0.0.1", place.agi[NORTH])
    writer.close()


async def test_pages_of_an_account_that_goes_are_sent_away(place: Place, north: Dozvon) -> None:
    page = north.core.hub.join(NORTH, ManagerId("1"))
    other = north.core.hub.join(SOUTH, ManagerId("1"))
    await north.reload(place.config(place.account(SOUTH)))
    assert page.messages.get_nowait() is None
    assert other.messages.empty()


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


async def test_sighup_has_the_file_read_again(place: Place, tmp_path: Path) -> None:
    """The real command and the real signal, with a wrong file in between."""

    def write(*accounts: dict[str, Any], broken: str = "") -> None:
        server = {"listen": f"127.0.0.1:{place.port}", "data_dir": str(place.folder), "admin_password": "x" * 20}
        lines = [f"{key} = {_toml(value)}" for key, value in {"server": server, "account": list(accounts)}.items()]
        file.write_text("\n".join([*lines, broken]), "utf-8")

    file = tmp_path / "dozvon.toml"
    write(place.account(NORTH))
    async with aiohttp.ClientSession() as session:
        process = DozvonProcess(file, f"http://127.0.0.1:{place.port}", session)
        try:
            await process.start(pbx="connected")
            write(place.account(NORTH), place.account(SOUTH), broken="nonsense = [")
            os.kill(process.pid, signal.SIGHUP)
            await until(lambda: "the configuration was not reloaded" in process.text())
            assert set((await process.health())["accounts"]) == {NORTH}
            write(place.account(NORTH), place.account(SOUTH))
            os.kill(process.pid, signal.SIGHUP)
            await until(lambda: "the configuration was reloaded" in process.text())
            assert set((await process.health(pbx="connected"))["accounts"]) == {NORTH, SOUTH}
        finally:
            await process.stop()
    assert "Traceback" not in process.text()


async def test_an_address_that_was_taken_is_opened_when_it_is_free(
    place: Place, north: Dozvon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.process.process._AGAIN_SECONDS", 0.1)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", place.agi[SOUTH]):
        await north.reload(place.config(place.account(NORTH), place.account(SOUTH)))

    async def is_open() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", place.agi[SOUTH])
        except OSError:
            return False
        writer.close()
        return True

    await until_told(is_open)


async def test_a_worker_without_pages_knows_the_address_of_the_webhooks(place: Place) -> None:
    """It keeps the phone book, so it is the one that tells the CRM."""
    config = replace(place.config(place.account(NORTH)), roles=frozenset({"worker"}))
    dozvon = Dozvon(config)
    await dozvon.start()
    try:
        await until(lambda: "not been connected" in (dozvon.mirror.state(NORTH).problem or ""))
    finally:
        await dozvon.stop()


async def test_nobody_listens_for_what_a_kind_does_not_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PBX that asks for no routes has no FastAGI port, a CRM that sends no webhooks no address for them."""
    monkeypatch.setattr(AsteriskPbx, "abilities", replace(AsteriskPbx.abilities, routes=False))
    monkeypatch.setattr(AmocrmCrm, "abilities", replace(AmocrmCrm.abilities, webhooks=False))
    dozvon = Dozvon(place.config(place.account(NORTH)))
    await dozvon.start()
    try:
        await until(lambda: dozvon.members[NORTH].main.pbx.is_connected)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", place.agi[NORTH])
        with pytest.raises(KeyError):
            dozvon._hooks.path(NORTH)
    finally:
        await dozvon.stop()
