"""`dozvon address --set`: tries the address at the running Dozvon, stores it, and says where to begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from integration.__main__ import main
from integration.process.config import Config, load
from integration.process.process import Dozvon
from tests.lab.ports import free_port


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Dozvon]:
    async for dozvon in _started(tmp_path, ""):
        yield dozvon


async def _started(folder: Path, more: str) -> AsyncIterator[Dozvon]:
    (folder / "dozvon.toml").write_text(
        f'[server]\nlisten = "127.0.0.1:{free_port()}"\ndata_dir = "{folder / "data"}"\n{more}'
    )
    dozvon = Dozvon(load(folder / "dozvon.toml", {}))
    await dozvon.start()
    try:
        yield dozvon
    finally:
        await dozvon.stop()


async def address(folder: Path, *arguments: str) -> int:
    return await asyncio.to_thread(main, ["address", *arguments, "--config", str(folder / "dozvon.toml")])


async def stored(dozvon: Dozvon) -> str:
    return await dozvon.core.storage.installation.public_url()


async def test_an_address_where_this_dozvon_answers_is_stored_and_the_first_owner_begins_there(
    running: Dozvon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = running.url.replace("127.0.0.1", "localhost")
    assert await address(tmp_path, "--set", url) == 0
    said = capsys.readouterr().out
    assert "This Dozvon answers." in said
    assert f"{url}/setup?code=" in said
    assert await stored(running) == url
    assert await address(tmp_path) == 0
    assert f"{url} (stored" in capsys.readouterr().out
    assert await asyncio.to_thread(main, ["setup-code", "--config", str(tmp_path / "dozvon.toml")]) == 0
    assert f"{url}/setup?code=" in capsys.readouterr().out


async def test_an_address_that_fails_is_stored_only_by_who_insists(
    running: Dozvon, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"https://127.0.0.1:{free_port()}"
    assert await address(tmp_path, "--set", nobody) == 1
    said = capsys.readouterr().out
    assert "ERROR" in said
    assert "--anyway" in said
    assert await stored(running) == ""
    assert await address(tmp_path, "--set", nobody, "--anyway") == 0
    assert await stored(running) == nobody


@pytest.mark.parametrize("wrong", ["", "ftp://calls.example.com", "https://calls.example.com/admin", "a b", "x" * 400])
async def test_what_is_no_address_is_refused_in_a_sentence(
    running: Dozvon, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    assert await address(tmp_path, "--set", wrong) == 2
    assert "https://calls.example.com" in capsys.readouterr().err
    assert await stored(running) == ""


async def test_an_address_in_the_file_is_changed_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async for dozvon in _started(tmp_path, 'public_url = "https://calls.example.com"\n'):
        assert await address(tmp_path, "--set", dozvon.url) == 2
        assert "server.public_url" in capsys.readouterr().err
        assert await stored(dozvon) == ""


async def test_a_start_with_a_stored_address_prints_it(tmp_path: Path) -> None:
    async for dozvon in _started(tmp_path, ""):
        await dozvon.core.storage.installation.set_public_url("https://calls.example.com")
    config: Config = load(tmp_path / "dozvon.toml", {})
    printed: list[str] = []
    again = Dozvon(config, say=printed.append)
    await again.start()
    await again.stop()
    assert "https://calls.example.com/setup?code=" in "".join(printed)
