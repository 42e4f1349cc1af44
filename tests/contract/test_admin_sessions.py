"""The store of administrators' sessions, on both databases."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import insert, select

from integration.domain.administrators import Administrator, AdministratorId, Role
from integration.domain.ids import Timestamp
from integration.ports.administrators import AdminSessionStore, Credentials, Session
from integration.storage import Storage
from integration.storage.sql.schema.people import admin_sessions

NOW, LATER = Timestamp(1000.0), Timestamp(2000.0)
OLGA = AdministratorId("0" * 31 + "a")
BY_FILE = Session(id="f", administrator=None, begun_at=NOW, used_at=NOW, until=LATER, browser="B", address="192.0.2.1")


def _is_port(storage: Storage) -> AdminSessionStore:
    return storage.admin_sessions  # read by the type checker


async def with_olga(storage: Storage) -> Credentials:
    person = Administrator(
        id=OLGA, name="Ольга", login="olga@example.com", role=Role.OWNER, language="uk", created_at=NOW
    )
    made = Credentials(administrator=person, hash="$argon2id$x", mark="olga's")
    await storage.setup_codes.put("code", holder="", now=NOW, until=LATER)
    await storage.setup_codes.make_owner("code", made, now=NOW)
    return made


async def test_a_session_of_the_file_is_live_until_its_end_and_for_its_password(storage: Storage) -> None:
    store = storage.admin_sessions
    await store.begin(BY_FILE, mark="m", now=NOW)
    found = await store.find("f", file_mark="m", now=NOW)
    assert found is not None
    assert (found.session, found.administrator) == (BY_FILE, None)
    assert await store.find("f", file_mark="other", now=NOW) is None
    assert await store.find("f", file_mark=None, now=NOW) is None
    assert await store.find("g", file_mark="m", now=NOW) is None
    assert await store.find("f", file_mark="m", now=LATER) is None


async def test_a_session_of_a_person_is_live_while_they_are_switched_on_with_the_same_password(
    storage: Storage,
) -> None:
    store, people = storage.admin_sessions, storage.administrators
    olga = await with_olga(storage)
    own = replace(BY_FILE, id="o", administrator=OLGA)
    await store.begin(own, mark=olga.mark, now=NOW)
    found = await store.find("o", file_mark="m", now=NOW)
    assert found is not None
    assert found.administrator == replace(olga.administrator, seen_at=NOW)
    assert await store.find("o", file_mark=None, now=NOW) is not None
    await people.set_password(OLGA, new_hash="$argon2id$y", mark="new")
    assert await store.find("o", file_mark=None, now=NOW) is None
    await store.begin(replace(own, id="late"), mark=olga.mark, now=NOW)  # compared before, stored after
    assert await store.find("late", file_mark=None, now=NOW) is None


async def test_a_mark_of_the_file_opens_no_session_of_a_person_and_the_other_way_round(storage: Storage) -> None:
    """The release before begins sessions with the file's mark only, and takes no other for valid."""
    store = storage.admin_sessions
    olga = await with_olga(storage)
    await store.begin(replace(BY_FILE, id="o", administrator=OLGA), mark="m", now=NOW)
    await store.begin(replace(BY_FILE, id="f"), mark=olga.mark, now=NOW)
    for session in ("o", "f"):
        assert await store.find(session, file_mark="m", now=NOW) is None


async def test_a_session_that_the_release_before_has_begun_goes_on(storage: Storage) -> None:
    old = insert(admin_sessions).values(id="old", mark="m", begun_at=NOW, until=LATER)
    await storage.database.write(lambda c: c.execute(old))
    found = await storage.admin_sessions.find("old", file_mark="m", now=NOW)
    assert found is not None
    assert (found.session.used_at, found.session.browser, found.administrator) == (NOW, "", None)


async def test_the_last_use_is_stored_with_its_address(storage: Storage) -> None:
    store = storage.admin_sessions
    await with_olga(storage)
    own = replace(BY_FILE, id="o", administrator=OLGA)
    await store.begin(own, mark="olga's", now=NOW)
    used = replace(own, used_at=Timestamp(1500.0), address="192.0.2.9")
    await store.touch(used, now=Timestamp(1500.0))
    found = await store.find("o", file_mark=None, now=Timestamp(1500.0))
    assert found is not None
    assert found.session == used
    assert found.administrator is not None
    assert found.administrator.seen_at == 1500.0


async def test_one_is_ended_or_all_of_one(storage: Storage) -> None:
    store = storage.admin_sessions
    await with_olga(storage)
    for name in ("a", "b", "c"):
        await store.begin(replace(BY_FILE, id=name), mark="m", now=NOW)
        await store.begin(replace(BY_FILE, id=f"o{name}", administrator=OLGA), mark="olga's", now=NOW)

    async def live() -> list[str]:
        return sorted(each.id for each in await store.live(file_mark="m", now=NOW))

    await store.end("a")
    assert not await store.end_of(OLGA, "b"), "it is the file's"
    assert not await store.end_of(None, "ob"), "it is Olga's"
    assert await store.end_of(OLGA, "oa")
    assert await live() == ["b", "c", "ob", "oc"]
    await store.end_all(None, but="c")
    assert await live() == ["c", "ob", "oc"]
    await store.end_all(OLGA)
    assert await live() == ["c"]


async def test_what_has_run_out_does_not_pile_up(storage: Storage) -> None:
    await storage.admin_sessions.begin(replace(BY_FILE, id="old"), mark="m", now=NOW)
    newer = replace(BY_FILE, id="new", until=Timestamp(LATER + 100))
    await storage.admin_sessions.begin(newer, mark="m", now=Timestamp(LATER + 1))
    kept = await storage.database.read(lambda c: c.execute(select(admin_sessions.c.id)).scalars().all())
    assert list(kept) == ["new"]


async def test_what_a_browser_says_of_itself_never_breaks_the_storage(storage: Storage) -> None:
    hostile = replace(BY_FILE, browser="\0\ud800<script>", address="\0")
    await storage.admin_sessions.begin(hostile, mark="m", now=NOW)
    found = await storage.admin_sessions.find("f", file_mark="m", now=NOW)
    assert found is not None
    assert found.session.browser == "\ufffd\ufffd<script>"
