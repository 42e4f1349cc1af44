"""The store of administrators' sessions, on both databases."""

from __future__ import annotations

from sqlalchemy import select

from integration.domain.ids import Timestamp
from integration.ports.stores import AdminSessionStore
from integration.storage import Storage
from integration.storage.sql.schema import admin_sessions

NOW, LATER = Timestamp(1000.0), Timestamp(2000.0)


def _is_port(storage: Storage) -> AdminSessionStore:
    return storage.admin_sessions  # read by the type checker


async def test_a_session_is_live_until_its_end_and_for_its_password(storage: Storage) -> None:
    store = storage.admin_sessions
    await store.begin("a", mark="m", now=NOW, until=LATER)
    assert await store.is_live("a", mark="m", now=NOW)
    assert not await store.is_live("a", mark="other", now=NOW)
    assert not await store.is_live("b", mark="m", now=NOW)
    assert not await store.is_live("a", mark="m", now=LATER)


async def test_one_is_ended_or_all(storage: Storage) -> None:
    store = storage.admin_sessions
    for name in ("a", "b", "c"):
        await store.begin(name, mark="m", now=NOW, until=LATER)
    await store.end("a")
    assert [await store.is_live(name, mark="m", now=NOW) for name in ("a", "b", "c")] == [False, True, True]
    await store.end_all()
    assert [await store.is_live(name, mark="m", now=NOW) for name in ("a", "b", "c")] == [False, False, False]


async def test_what_has_run_out_does_not_pile_up(storage: Storage) -> None:
    await storage.admin_sessions.begin("old", mark="m", now=NOW, until=LATER)
    await storage.admin_sessions.begin("new", mark="m", now=Timestamp(LATER + 1), until=Timestamp(LATER + 100))
    kept = await storage.database.read(lambda c: c.execute(select(admin_sessions.c.id)).scalars().all())
    assert list(kept) == ["new"]
