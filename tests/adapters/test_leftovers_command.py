"""`dozvon leftovers`, doctor, `/health`: what waits for accounts that were removed is shown, and deleted on demand."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from integration.__main__ import main
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.ids import AccountId, PbxId, call_id
from integration.domain.settings_changes import Author, AuthorKind
from integration.ports.stores import SavedStep
from integration.process import config
from integration.process.doctor import INSTALLATION, diagnose
from integration.process.place import opened_storage
from integration.process.process import Dozvon
from integration.storage import Storage
from tests.adapters.test_reload import NORTH, SOUTH, Place, place
from tests.contract.calls import a_call
from tests.lab.waiting import until_told

__all__ = ["place"]

GONE = AccountId("gone")
_FILE = Author(kind=AuthorKind.FILE)


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Its database has a delivery of an account that neither the file nor the database names."""
    file = tmp_path / "dozvon.toml"
    file.write_text(f'[server]\ndata_dir = "{tmp_path / "data"}"\nadmin_password = "leftovers"\n')
    asyncio.run(_in_storage(file, queue_a_delivery))
    return file


async def _in_storage(file: Path, work: Callable[[Storage], Awaitable[None]]) -> None:
    async with opened_storage(config.load(file)) as storage:
        await work(storage)


async def queue_a_delivery(storage: Storage, account: AccountId = GONE) -> None:
    call = a_call(account=account, id=call_id(PbxId("pbx"), "1"))
    intent = Intent(call=call.id, kind=IntentKind.LOG_CALL, key="log_call")
    await storage.calls.save([SavedStep(call=call, intents=[intent])])


def said(file: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["leftovers", *arguments, "--config", str(file)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_it_lists_what_is_left(installation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(installation, capsys)
    assert code == 0
    assert "gone: 1 deliveries wait, 0 were given up; 1 calls, the last one began 1970-01-01T" in out
    assert "--delete" in out


def test_it_deletes_with_yes_and_only_the_deliveries(installation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(installation, capsys, "--delete", "gone", "--yes")[0] == 0
    assert "gone: 0 deliveries wait, 0 were given up; 1 calls" in said(installation, capsys)[1]
    code, out, _ = said(installation, capsys, "--delete", "gone", "--yes")
    assert (code, out) == (1, "no deliveries are left of an account gone\n")


@pytest.mark.parametrize(("answer", "is_deleted"), [("gone", True), ("", False), ("yes", False), ("GONE", False)])
def test_without_yes_it_asks_for_the_accounts_name(
    installation: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    is_deleted: bool,
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    code, out, _ = said(installation, capsys, "--delete", "gone")
    assert code == (0 if is_deleted else 1)
    assert "never be written into the CRM" in out
    assert ("gone: 1 deliveries wait" in said(installation, capsys)[1]) is not is_deleted


def test_where_nobody_can_be_asked_nothing_is_deleted(installation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(installation, capsys, "--delete", "gone")
    assert (code, "--yes" in err) == (2, True)
    assert "gone: 1 deliveries wait" in said(installation, capsys)[1]


def test_an_account_that_is_in_the_database_is_not_removed(
    installation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that this release cannot use: a newer one may have written it."""

    async def put(storage: Storage) -> None:
        await storage.offices.change(
            GONE, {f"account/{GONE}": {"id": GONE, "of": "a newer release"}}, {}, who=_FILE, expected=0
        )

    asyncio.run(_in_storage(installation, put))
    assert said(installation, capsys)[1] == "nothing is left of accounts that were removed\n"
    code, _, err = said(installation, capsys, "--delete", "gone", "--yes")
    assert (code, err) == (2, "dozvon: the account gone is not removed: nothing was deleted\n")


async def test_the_doctor_names_it(installation: Path) -> None:
    findings = (await diagnose(config.load(installation)))[INSTALLATION]
    (finding,) = (each for each in findings if each.check == "leftovers")
    assert "gone was removed: 1 deliveries wait" in finding.message
    assert "dozvon leftovers --delete gone" in finding.remedy


async def test_a_running_process_shows_what_waits_for_an_account_that_was_removed(place: Place) -> None:
    """The CRM is never there, so what is queued waits."""
    dozvon = Dozvon(place.config(place.account(NORTH), place.account(SOUTH)))
    await dozvon.start()
    try:
        await queue_a_delivery(dozvon.core.storage, SOUTH)
        assert "removed_accounts" not in await _health(dozvon)
        await dozvon.reload(place.config(place.account(NORTH)))

        async def is_shown() -> bool:
            told = await _health(dozvon)
            return bool(told.get("removed_accounts") == {SOUTH: {"waiting": 1, "dead": 0}})

        await until_told(is_shown)
        await dozvon.reload(place.config(place.account(NORTH), place.account(SOUTH)))
        assert "removed_accounts" not in await _health(dozvon)
    finally:
        await dozvon.stop()


async def _health(dozvon: Dozvon) -> dict[str, object]:
    async with aiohttp.ClientSession() as http, http.get(f"{dozvon.url}/health") as answer:
        told: dict[str, object] = await answer.json()
        return told
