"""A process that nobody can sign in to prints one address; and what happens to its code."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from integration.__main__ import main
from integration.process.config import Config, parse
from integration.process.process import Dozvon
from tests.lab.ports import free_port

PASSWORD = "кофе трамвай окно"


@dataclass
class Start:
    """A running process and what it has printed."""

    dozvon: Dozvon
    printed: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return address_in("".join(self.printed))


def address_in(text: str) -> str:
    [address] = re.findall(r"http://\S+", text)
    assert isinstance(address, str)
    return address


def configured(folder: Path, **server: str) -> Config:
    listen = f"127.0.0.1:{free_port()}"
    return parse({"server": {"listen": listen, "data_dir": str(folder / "data"), **server}})


@asynccontextmanager
async def started(config: Config) -> AsyncIterator[Start]:
    printed: list[str] = []
    dozvon = Dozvon(config, say=printed.append)
    await dozvon.start()
    try:
        yield Start(dozvon, printed)
    finally:
        await dozvon.stop()


async def status(address: str) -> int:
    """Of the page behind the address, in its own browser."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http, http.get(address) as answer:
        return answer.status


async def make_owner(address: str, login: str = "olga") -> str:
    """Open the address and send the form. Returns where the browser is then."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get(address) as form:
            assert form.status == 200, await form.text()
            url = form.url.origin()
        sent = {"name": "Ольга", "login": login, "password": PASSWORD}
        async with http.post(url / "setup", data=sent, headers={"Origin": str(url)}) as answer:
            return answer.url.path


async def test_with_nothing_configured_one_address_makes_the_owner_and_no_later_start_prints_any(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path)
    async with started(config) as first:
        assert len(first.printed) == 1
        assert first.address.startswith(f"{first.dozvon.url}/setup?code=")
        assert await make_owner(first.address) == "/admin/setup/new"
        assert await status(first.address) == 403
    async with started(config) as second:
        assert second.printed == []


async def test_a_restart_replaces_the_code(tmp_path: Path) -> None:
    config = configured(tmp_path)
    async with started(config) as first:
        former = first.address
        assert await status(former) == 200
    async with started(config) as second:
        assert await status(former) == 403
        assert await status(second.address) == 200


async def test_each_process_prints_its_own_and_using_one_ends_all(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(started(configured(tmp_path))) for _ in range(2)]
        code_of_two = two.address.partition("/setup")[2]
        assert await status(two.address) == 200
        assert await status(f"{one.dozvon.url}/setup{code_of_two}") == 200, "behind a balancer any process answers"
        assert await make_owner(one.address) == "/admin/setup/new"
        assert await status(two.address) == 403


async def test_where_somebody_can_sign_in_or_nobody_reads_it_nothing_is_printed(tmp_path: Path) -> None:
    async with started(configured(tmp_path, admin_password="a password of the file")) as start:
        assert start.printed == []
    dozvon = Dozvon(configured(tmp_path))
    await dozvon.start()
    await dozvon.stop()


async def test_the_command_prints_an_address_at_any_time_and_the_one_before_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    file = tmp_path / "dozvon.toml"
    file.write_text(f'[server]\nlisten = "{config.host}:{config.port}"\ndata_dir = "{config.data_dir}"\n')
    async with started(config) as start:
        assert await make_owner(start.address) == "/admin/setup/new"
        capsys.readouterr()
        addresses = []
        for _ in range(2):
            assert await asyncio.to_thread(main, ["setup-code", "--config", str(file)]) == 0
            addresses.append(address_in(capsys.readouterr().out))
        assert addresses[1].startswith(f"{start.dozvon.url}/setup?code=")
        assert [await status(each) for each in addresses] == [403, 200]
        assert await make_owner(addresses[1], "petr") == "/admin/setup/new"
        assert len(await start.dozvon.core.administrators.store.all()) == 2
