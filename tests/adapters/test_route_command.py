"""`dozvon route` says what would happen to a call, with a database that `dozvon run` has left."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from integration.__main__ import main
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.storage import open_storage
from tests.adapters.test_routing_service import ANNA, SETTINGS


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "dozvon.toml"
    file.write_text(f'[server]\ndata_dir = "{tmp_path}"\n')
    return file


def store(folder: Path, *accounts: str) -> None:
    async def fill() -> None:
        storage = await open_storage(f"sqlite:///{folder / 'dozvon.sqlite3'}", data_dir=folder)
        for account in accounts:
            await storage.settings.save(replace(SETTINGS, account=AccountId(account)))
            await storage.phone_book.put_persons(AccountId(account), [ANNA], numbering=DEFAULT_NUMBERING)
        await storage.close()

    asyncio.run(fill())


def test_it_prints_every_reason_and_every_step(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(config.parent, "office")
    capsys.readouterr()
    given = ["route", "--config", str(config), "--number", "8 916 123 45 67", "--line", "74950000001"]
    assert main(given) == 0
    assert capsys.readouterr().out.splitlines() == [
        "The settings for all lines apply to line 74950000001.",
        "The number 8 916 123 45 67 was read as +79161234567.",
        "The number belongs to Anna (contact 5).",
        "Responsible for Anna: 1.",
        "Ring 1 at 101 for 10 s.",
        "Without an answer: the PBX’s own route.",
        "",
        "1. ring 101 for 10 s",
        "2. the PBX's own route goes on",
    ]
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "responsible"


def test_with_several_accounts_it_wants_to_know_which(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["route", "--config", str(config), "--number", "anonymous"]
    assert main(given) == 2
    assert "no account is stored yet" in capsys.readouterr().err
    store(config.parent, "north", "south")
    assert main(given) == 2
    assert "--account: write one of north, south" in capsys.readouterr().err
    assert main([*given, "--account", "south", "--language", "ru"]) == 0
    assert "Номер скрыт." in capsys.readouterr().out
