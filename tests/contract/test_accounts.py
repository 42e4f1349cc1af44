"""What every SettingsStore, RouteLog, RecordingStore and TokenStore does."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from integration.domain.ids import CallId, Extension, ManagerId, Timestamp
from integration.domain.routing.route import Outcome, Reason, RouteDecision, Step, StepKind
from integration.domain.settings import AccountSettings, AfterNoAnswer, CardMoment, Employee, LineSettings
from integration.errors import AuthFailed, Unavailable
from integration.ports.settings import SettingsStore
from integration.ports.stores import (
    DecidedRoute,
    RecordingStore,
    RouteLog,
    SavedStep,
    Tokens,
    TokenStore,
)
from integration.storage import Storage, open_storage
from tests.contract.calls import OFFICE, OTHER, a_call

TOKENS = Tokens(access="a1", refresh="r1", expires_at=Timestamp(5.0), base_url="https://x.example", crm_account_id="77")


def _are_ports(storage: Storage) -> tuple[SettingsStore, RouteLog, RecordingStore, TokenStore]:
    return storage.settings, storage.routes, storage.recordings, storage.tokens  # read by the type checker


async def test_settings_come_back_as_they_were_saved(storage: Storage) -> None:
    line = LineSettings(card=CardMoment.NEVER, after_no_answer=AfterNoAnswer.GROUP, group="600", missed_task=False)
    settings = AccountSettings(
        account=OFFICE,
        country="UA",
        enabled=False,
        default_line=replace(line, source="Ж"),
        lines={"74950000000": line},
        employees=(Employee(extension=Extension("101"), manager=ManagerId("7")),),
        inactive_managers=frozenset({ManagerId("8"), ManagerId("9")}),
    )
    assert await storage.settings.load(OFFICE) is None
    await storage.settings.save(AccountSettings(account=OFFICE))
    await storage.settings.save(settings)
    await storage.settings.save(AccountSettings(account=OTHER))
    assert await storage.settings.load(OFFICE) == settings
    assert await storage.settings.accounts() == [OFFICE, OTHER]


async def test_a_decision_is_kept_with_its_reasons_and_a_second_does_not_replace_it(storage: Storage) -> None:
    call = CallId("pbx:1")
    await storage.calls.save([SavedStep(call=a_call(id=call), intents=(), event=None)])
    steps = (Step(kind=StepKind.RING, target="101", seconds=10), Step(kind=StepKind.CONTINUE))
    first = RouteDecision(
        outcome=Outcome.RESPONSIBLE, steps=steps, reasons=(Reason(code="known", detail={"name": "Ж"}),)
    )
    second = RouteDecision(outcome=Outcome.ROUTE, steps=(), reasons=())
    assert await storage.routes.of(OFFICE, call) is None
    assert await storage.routes.remember(OFFICE, [DecidedRoute(call, first, Timestamp(1.0))]) == [call]
    assert await storage.routes.of(OFFICE, call) == first
    assert await storage.routes.remember(OFFICE, [DecidedRoute(call, second, Timestamp(2.0))]) == [call]
    assert await storage.routes.of(OFFICE, call) == first
    assert await storage.routes.of(OTHER, call) is None


async def test_of_two_decisions_about_one_call_in_one_batch_the_first_stands(storage: Storage) -> None:
    call = CallId("pbx:1")
    await storage.calls.save([SavedStep(call=a_call(id=call), intents=(), event=None)])
    decisions = [
        RouteDecision(outcome=outcome, steps=(Step(kind=StepKind.CONTINUE),), reasons=())
        for outcome in (Outcome.RESERVE, Outcome.ROUTE)
    ]
    kept = await storage.routes.remember(OFFICE, [DecidedRoute(call, each, Timestamp(1.0)) for each in decisions])
    assert set(kept) == {call}
    assert await storage.routes.of(OFFICE, call) == decisions[0]


async def test_a_decision_of_a_call_that_there_is_not_leaves_no_row(storage: Storage) -> None:
    call, nobodys = CallId("pbx:1"), CallId("pbx:made-up")
    decision = RouteDecision(outcome=Outcome.ROUTE, steps=(), reasons=())
    await storage.calls.save([SavedStep(call=a_call(id=call), intents=(), event=None)])
    both = [DecidedRoute(each, decision, Timestamp(1.0)) for each in (nobodys, call)]
    assert await storage.routes.remember(OFFICE, both) == [call]
    assert await storage.routes.of(OFFICE, call) == decision
    assert await storage.routes.of(OFFICE, nobodys) is None
    assert await storage.routes.remember(OTHER, both) == [], "another account's call is not known either"


# ---- recordings ----------------------------------------------------------------------------------------------------


async def test_a_recording_is_served_under_one_unguessable_name(storage: Storage, tmp_path: Path) -> None:
    reserved = await storage.recordings.reserve(OFFICE, CallId("pbx:1"))
    assert await storage.recordings.open(reserved) is None
    assert await storage.recordings.put(OFFICE, CallId("pbx:1"), b"mp3") == reserved
    assert await storage.recordings.put(OFFICE, CallId("pbx:1"), b"longer") == reserved
    assert await storage.recordings.reserve(OTHER, CallId("pbx:1")) != reserved
    assert len(reserved) >= 32
    opened = await storage.recordings.open(reserved)
    assert opened is not None
    path, size = opened
    assert (await asyncio.to_thread(Path(path).read_bytes), size) == (b"longer", 6)
    assert Path(path) == tmp_path / "recordings" / reserved[:2] / reserved[2:4] / f"{reserved}.mp3"
    await asyncio.to_thread(Path(path).unlink)
    assert await storage.recordings.open(reserved) is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "x" * 5000, "\x00", "\ud800", "Ж"])
async def test_a_made_up_name_is_no_recording(storage: Storage, name: str) -> None:
    assert await storage.recordings.open(name) is None


async def test_a_full_disk_leaves_nothing_half_written(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="disk is full"):
            await storage.recordings.put(OFFICE, CallId("pbx:1"), b"mp3")
    assert [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()] == []
    opaque_id = await storage.recordings.put(OFFICE, CallId("pbx:1"), b"mp3")
    assert await storage.recordings.open(opaque_id) is not None


# ---- tokens --------------------------------------------------------------------------------------------------------


def _next(tokens: Tokens) -> Tokens:
    return replace(tokens, access=tokens.access + "+", refresh="r2")


async def test_tokens_are_saved_loaded_and_deleted_and_not_shown(storage: Storage) -> None:
    assert await storage.tokens.load(OFFICE) is None
    await storage.tokens.save(OFFICE, replace(TOKENS, needs_consent=True))
    assert await storage.tokens.load(OFFICE) == replace(TOKENS, needs_consent=True)
    assert await storage.tokens.load(OTHER) is None
    await storage.tokens.delete(OFFICE)
    assert await storage.tokens.load(OFFICE) is None
    assert "r1" not in repr(TOKENS)


async def test_of_many_who_ask_one_refreshes(storage: Storage) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    asked: list[Tokens] = []

    async def refresh(tokens: Tokens) -> Tokens:
        asked.append(tokens)
        await asyncio.sleep(0)
        return _next(tokens)

    got = await asyncio.gather(*(storage.tokens.refresh(OFFICE, refresh, if_access="a1") for _ in range(10)))
    assert asked == [TOKENS]
    assert got == [_next(TOKENS)] * 10
    assert await storage.tokens.load(OFFICE) == _next(TOKENS)


async def test_of_two_processes_one_refreshes(storage: Storage, database_url: str, tmp_path: Path) -> None:
    """The database is opened twice: like two processes, they share no memory."""
    other = await open_storage(database_url, tmp_path)
    await storage.tokens.save(OFFICE, TOKENS)
    running, both_ask = asyncio.Event(), asyncio.Event()
    count = 0

    async def refresh(tokens: Tokens) -> Tokens:
        nonlocal count
        count += 1
        running.set()
        await both_ask.wait()
        return _next(tokens)

    first = asyncio.create_task(storage.tokens.refresh(OFFICE, refresh, if_access="a1"))
    await running.wait()
    second = asyncio.create_task(other.tokens.refresh(OFFICE, refresh, if_access="a1"))
    assert not (await asyncio.wait([second], timeout=0.2))[0]  # it waits for the first
    both_ask.set()
    assert [await first, await second] == [_next(TOKENS)] * 2
    assert count == 1
    await other.close()


async def test_a_cancelled_caller_does_not_lose_the_new_pair(storage: Storage) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    asked, answer = asyncio.Event(), asyncio.Event()

    async def refresh(tokens: Tokens) -> Tokens:
        asked.set()
        await answer.wait()
        return _next(tokens)

    caller = asyncio.create_task(storage.tokens.refresh(OFFICE, refresh, if_access="a1"))
    await asked.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    answer.set()
    await storage.tokens.close()
    assert await storage.tokens.load(OFFICE) == _next(TOKENS)


async def test_a_failed_refresh_changes_nothing_and_frees_the_lock(storage: Storage) -> None:
    async def fail(tokens: Tokens) -> Tokens:
        raise Unavailable("away")

    async def refresh(tokens: Tokens) -> Tokens:
        return _next(tokens)

    with pytest.raises(AuthFailed):
        await storage.tokens.refresh(OFFICE, refresh, if_access="a1")
    await storage.tokens.save(OFFICE, TOKENS)
    with pytest.raises(Unavailable, match="away"):
        await storage.tokens.refresh(OFFICE, fail, if_access="a1")
    assert await storage.tokens.load(OFFICE) == TOKENS
    assert await storage.tokens.refresh(OFFICE, refresh, if_access="a1") == _next(TOKENS)


async def test_a_new_pair_is_stored_as_soon_as_the_database_takes_it(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    monkeypatch.setattr("integration.storage.sql.tokens._STORE_PAUSE_SECONDS", 0.0)
    write, failures = storage.database.write, [Unavailable("disk full"), Unavailable("disk full")]

    async def sometimes(work: Any, scope: str) -> Any:
        if failures:
            raise failures.pop()
        return await write(work, scope)

    async def refresh(tokens: Tokens) -> Tokens:
        monkeypatch.setattr(storage.database, "write", sometimes)
        return _next(tokens)

    await storage.tokens.refresh(OFFICE, refresh, if_access="a1")
    assert await storage.tokens.load(OFFICE) == _next(TOKENS)
