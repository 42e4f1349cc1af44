"""A backup is made while others write, and restoring it gives the same data, on both databases."""

from __future__ import annotations

import asyncio
import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import CallId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import AccountSettings
from integration.errors import ConfigError, Rejected, Unavailable
from integration.ports.stores import OutboxState, SavedStep, Tokens
from integration.storage import KeySource, Storage, migrate, open_storage
from integration.storage.backup.archive import MANIFEST, Manifest
from integration.storage.backup.making import write_backup
from integration.storage.backup.restore import Restored, restore_backup
from integration.storage.place import Place
from integration.storage.sql.codec import encode
from integration.storage.sql.database import Across, open_database
from integration.storage.sql.migrate import HEAD, revision, upgrade
from integration.storage.sql.schema import metadata
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER, a_call, an_intent
from tests.databases import FILE

TOKENS = Tokens(access="a1", refresh="r1", expires_at=Timestamp(5.0), base_url="https://x.example", crm_account_id="77")
MP3 = os.urandom(70_000)

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Place:
    return replace(_place(tmp_path / "data"), url=database_url)


def _place(data_dir: Path) -> Place:
    """An empty place on SQLite, as on a new machine: no database, no key."""
    data_dir.mkdir()
    return Place(url=f"sqlite:///{data_dir / FILE}", data_dir=data_dir, keys=KeySource.in_folder(data_dir))


@pytest.fixture
def elsewhere(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty place, as on a new machine, with the same kind of database."""
    empty = _place(tmp_path / "elsewhere")
    return empty if place.sqlite_file else replace(empty, url=request.getfixturevalue("second_postgres_url"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "dozvon.tar.gz"


@pytest_asyncio.fixture
async def filled(place: Place) -> AsyncIterator[Storage]:
    """Some of everything, with difficult names: tabs, backslashes, with and without NULs."""
    storage = await open_storage(place.url, place.data_dir, keys=place.keys)
    for account in (OFFICE, OTHER):
        await storage.settings.save(AccountSettings(account=account))
        await storage.settings.save(AccountSettings(account=account, enabled=False))  # a change of the settings
        await storage.tokens.save(account, TOKENS)
        name = "Ж\t\\N\n\"'\0" + account
        person = Person(
            ref=EntityRef(EntityKind.CONTACT, "5"), name=name, responsible=None, phones=("+79161234567",), updated_at=1
        )
        await storage.phone_book.put_persons(account, [person], numbering=DEFAULT_NUMBERING)
        for number in range(3):
            call = replace(a_call(number), account=account)
            await storage.calls.save([SavedStep(call=call, intents=[an_intent(call)], event={"text": name})])
            await storage.recordings.put(account, call.id, MP3 + account.encode() + bytes([number]))
    await storage.recordings.reserve(OFFICE, CallId("pbx:never"))
    yield storage
    await storage.close()


async def _rows(url: str) -> Rows:
    database = await open_database(url)
    try:
        return {
            table.name: await database.read(
                lambda c, t=table: sorted(map(tuple, c.execute(t.select())), key=repr),  # type: ignore[misc]
                Across.BACKUP,
            )
            for table in metadata.sorted_tables
        }
    finally:
        await database.close()


def _recordings(place: Place) -> dict[str, bytes]:
    files = [path for path in place.recordings.rglob("*") if path.is_file()]
    return {path.relative_to(place.recordings).as_posix(): path.read_bytes() for path in files}


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def _backup(place: Place, target: Path, *, with_key: bool = False) -> Manifest:
    return await write_backup(place, target, clock=FakeClock(), say=lambda _: None, with_key=with_key)


async def _restore(place: Place, source: Path, *, force: bool = False) -> Restored:
    return await restore_backup(place, source, force=force, say=lambda _: None)


async def test_everything_comes_back_elsewhere(filled: Storage, place: Place, elsewhere: Place, target: Path) -> None:
    manifest = await _backup(place, target)
    assert (manifest.recordings, manifest.recordings_missing, manifest.tables["calls"]) == (6, 0, 6)
    assert _mode(target) == 0o600
    assert _left(target.parent) == [target.name]
    restored = await _restore(elsewhere, target)
    assert await _rows(elsewhere.url) == await _rows(place.url)
    assert _recordings(elsewhere) == _recordings(place)
    assert len(_recordings(elsewhere)) == 6
    assert not restored.is_key_here

    with pytest.raises(ConfigError, match="Restore it"):  # and no new key is made over the secrets of the old
        await open_storage(elsewhere.url, elsewhere.data_dir, keys=elsewhere.keys)
    assert not elsewhere.keys.file.exists()
    elsewhere.keys.file.write_bytes(place.keys.file.read_bytes())
    storage = await open_storage(elsewhere.url, elsewhere.data_dir, keys=elsewhere.keys)
    assert await storage.tokens.load(OTHER) == TOKENS
    # The next intent does not reuse an old number.
    call = a_call(77)
    await storage.calls.save([SavedStep(call=call, intents=[an_intent(call)])])
    newest, *_ = await storage.outbox.listing(OFFICE, [OutboxState.WAITING])
    assert newest.call == call.id
    assert newest.id > 6
    await storage.close()


async def test_the_key_goes_along_only_when_asked(
    filled: Storage, place: Place, elsewhere: Place, target: Path
) -> None:
    await _backup(place, target, with_key=True)
    assert (await _restore(elsewhere, target)).is_key_here
    assert _mode(elsewhere.keys.file) == 0o600
    storage = await open_storage(elsewhere.url, elsewhere.data_dir, keys=elsewhere.keys)
    assert await storage.tokens.load(OFFICE) == TOKENS
    await storage.close()
    without = target.with_name("without.tar.gz")
    await _backup(place, without)
    key = place.keys.file.read_bytes().strip()
    with tarfile.open(without) as tar:
        assert all(key not in _content(tar, info) for info in tar)


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    assert file is not None
    return file.read()


async def test_a_backup_under_writes_is_of_one_moment(
    filled: Storage, place: Place, elsewhere: Place, target: Path
) -> None:
    """Each step saves a call, an event and an intent: a backup in between would have different numbers of them."""
    is_over = asyncio.Event()

    async def write() -> int:
        number = 1000
        while not is_over.is_set():
            call = a_call(number)
            await filled.calls.save([SavedStep(call=call, event={"n": number}, intents=[an_intent(call)])])
            await filled.recordings.put(OFFICE, call.id, b"new")
            number += 1
        return number - 1000

    writers = asyncio.create_task(write())
    try:
        manifest = await _backup(place, target)
    finally:
        is_over.set()
        written = await writers
    assert written > 0
    restored = await _restore(elsewhere, target)
    rows = await _rows(elsewhere.url)
    assert {row[1] for row in rows["calls"]} == {row[2] for row in rows["outbox"]}
    assert (
        len(rows["calls"]) == len(rows["call_events"]) == manifest.tables["calls"] == restored.manifest.tables["calls"]
    )
    assert manifest.recordings_missing == 0


async def test_data_that_is_there_is_replaced_only_by_force(filled: Storage, place: Place, target: Path) -> None:
    await _backup(place, target)
    before, recordings = await _rows(place.url), _recordings(place)
    late = a_call(50)
    await filled.calls.save([SavedStep(call=late)])
    await filled.recordings.put(OFFICE, late.id, b"late")
    with pytest.raises(ConfigError, match="--force"):
        await _restore(place, target)
    assert len((await _rows(place.url))["calls"]) == 7
    await filled.close()
    await _restore(place, target, force=True)
    assert await _rows(place.url) == before
    assert _recordings(place) == recordings
    assert not [name for name in _left(place.data_dir) if "restore" in name]


async def test_a_running_sqlite_is_not_exchanged_under_its_feet(tmp_path: Path) -> None:
    place = Place(
        url=f"sqlite:///{tmp_path}/x.db", data_dir=tmp_path / "data", keys=KeySource.in_folder(tmp_path / "data")
    )
    storage = await open_storage(place.url, place.data_dir, keys=place.keys)
    await storage.settings.save(AccountSettings(account=OFFICE))
    await _backup(place, tmp_path / "b.tar.gz")
    with pytest.raises(Unavailable, match="stop it"):
        await _restore(place, tmp_path / "b.tar.gz", force=True)
    await storage.settings.save(AccountSettings(account=OTHER))
    assert await storage.settings.accounts() == [OFFICE, OTHER]
    await storage.close()


async def test_no_file_is_overwritten_and_no_database_made(
    empty_database_url: str, tmp_path: Path, target: Path
) -> None:
    place = replace(_place(tmp_path / "data"), url=empty_database_url)
    with pytest.raises((ConfigError, Rejected)):  # Dozvon was never started here
        await _backup(place, target)
    await migrate(place.url)
    await _backup(place, target)
    with pytest.raises(ConfigError, match="exists already"):
        await _backup(place, target)
    with pytest.raises(Unavailable):
        await _backup(place, tmp_path / "no folder" / "x.tar.gz")
    assert _left(target.parent) == [target.name]


async def test_a_full_disk_leaves_no_half_file(
    filled: Storage, place: Place, elsewhere: Place, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("integration.storage.backup.archive.os.fsync", full)
        with pytest.raises(Unavailable, match="disk is full"):
            await _backup(place, target)
        assert _left(target.parent) == []
    with monkeypatch.context() as patched:  # while the tables are copied
        patched.setattr("integration.storage.backup.table_copies._append", full)
        patched.setattr("integration.storage.backup.making.sqlite_counts", full)
        with pytest.raises(Unavailable, match="disk is full"):
            await _backup(place, target)
        assert _left(target.parent) == []
    await _backup(place, target)
    with monkeypatch.context() as patched:
        patched.setattr("integration.storage.backup.archive.os.fsync", full)
        with pytest.raises(Unavailable, match="disk is full"):
            await _restore(elsewhere, target)
    assert _left(elsewhere.data_dir) == []
    await _restore(elsewhere, target)


# ---- archives that are not what they should be ---------------------------------------------------------------------


@pytest.fixture
def office_file(tmp_path: Path) -> Place:
    return Place(
        url=f"sqlite:///{tmp_path}/new/x.db", data_dir=tmp_path / "new", keys=KeySource.in_folder(tmp_path / "new")
    )


@pytest_asyncio.fixture
async def packed(tmp_path: Path) -> bytes:
    """A valid backup of an office on SQLite."""
    old = tmp_path / "old"
    old.mkdir()
    storage = await open_storage(f"sqlite:///{old}/x.db", old)
    await storage.tokens.save(OFFICE, TOKENS)
    await storage.recordings.put(OFFICE, CallId("pbx:1"), MP3)
    place = Place(url=f"sqlite:///{old}/x.db", data_dir=old, keys=KeySource.in_folder(old))
    await _backup(place, old / "b.tar.gz")
    await storage.close()
    return await asyncio.to_thread((old / "b.tar.gz").read_bytes)


Change = Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]


def _changed(packed: bytes, change: Change) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as source, tarfile.open(fileobj=out, mode="w:gz") as tar:
        for info in source:
            for changed, content in change(info, _content(source, info)):
                changed.size = len(content) if changed.isreg() else 0
                tar.addfile(changed, io.BytesIO(content))
    return out.getvalue()


async def _refused(office: Place, archive: bytes, tmp_path: Path, words: str) -> None:
    source = tmp_path / "hostile.tar.gz"
    source.write_bytes(archive)
    with pytest.raises(Rejected, match=words):
        await _restore(office, source)
    assert not office.data_dir.exists()
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("kept", [0, 10, 500, -400])
async def test_a_cut_archive_is_refused(packed: bytes, office_file: Place, tmp_path: Path, kept: int) -> None:
    await _refused(office_file, packed[:kept], tmp_path, "backup")


async def test_a_flipped_byte_is_found(packed: bytes, office_file: Place, tmp_path: Path) -> None:
    damaged = bytearray(packed)
    damaged[len(damaged) // 2] ^= 0x40
    await _refused(office_file, bytes(damaged), tmp_path, "damaged")


async def test_content_that_is_not_the_manifests_is_found(packed: bytes, office_file: Place, tmp_path: Path) -> None:
    def other_recording(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [(info, content[::-1] if info.name.startswith("recordings/") else content)]

    def no_recording(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [] if info.name.startswith("recordings/") else [(info, content)]

    for change in (other_recording, no_recording):
        await _refused(office_file, _changed(packed, change), tmp_path, "damaged")


@pytest.mark.parametrize(
    "name",
    ["../escaped", "/tmp/escaped", "recordings/../../escaped", "recordings/aa/bb/../../../../escaped.mp3", "x.py",
     "tables/../x.copy", "recordings/aa/bb/short.mp3\n"],
)  # fmt: skip
async def test_no_member_leads_out_of_the_folder(packed: bytes, office_file: Place, tmp_path: Path, name: str) -> None:
    def add(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [(tarfile.TarInfo(name), b"x"), (info, content)] if info.name == MANIFEST else [(info, content)]

    await _refused(office_file, _changed(packed, add), tmp_path, "not a backup")


async def test_no_link_is_followed_and_nothing_comes_twice(packed: bytes, office_file: Place, tmp_path: Path) -> None:
    def link(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        symbolic = tarfile.TarInfo("secret.key")
        symbolic.type, symbolic.linkname = tarfile.SYMTYPE, str(tmp_path / "escaped")
        return [(symbolic, b""), (info, content)] if info.name == MANIFEST else [(info, content)]

    def twice(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [(info, content), (info, content)]

    for change in (link, twice):
        await _refused(office_file, _changed(packed, change), tmp_path, "not a backup")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("revision", "9999", "newer release"), ("format", 99, "newer Dozvon"), ("tables", {"calls": 5}, "does not match")],
)
async def test_a_manifest_of_another_time_is_refused(
    packed: bytes, office_file: Place, tmp_path: Path, field: str, value: Any, words: str
) -> None:
    def change(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name != MANIFEST:
            return [(info, content)]
        manifest = Manifest.of(content)
        setattr(manifest, field, value)
        return [(info, manifest.text().encode())]

    source = tmp_path / "other.tar.gz"
    source.write_bytes(_changed(packed, change))
    with pytest.raises(Rejected, match=words):
        await _restore(office_file, source)
    assert not office_file.sqlite_file or not office_file.sqlite_file.exists()


async def test_a_backup_of_an_older_release_is_brought_up_to_date(
    place: Place, elsewhere: Place, target: Path, tmp_path: Path
) -> None:
    """A database of the first release, with plain tokens."""
    await _first_release(place)
    manifest = await _backup(place, target)
    assert (manifest.revision, manifest.key_id) == ("0001", None)
    await _restore(elsewhere, target)
    database = await open_database(elsewhere.url)
    assert await database.read(revision) == HEAD
    await database.close()
    storage = await open_storage(elsewhere.url, elsewhere.data_dir, keys=elsewhere.keys)
    assert await storage.settings.accounts() == [OFFICE]
    await storage.close()


async def _first_release(place: Place) -> None:
    await migrate(place.url)
    database = await open_database(place.url)

    def back(connection: Any) -> None:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        upgrade(connection, "0001")
        row = {"account": OFFICE, "settings": encode(AccountSettings(account=OFFICE))}
        connection.execute(text("INSERT INTO accounts VALUES (:account, 'RU', :settings, 0)"), row)

    await database.write(back, Across.MIGRATION)
    await database.close()


async def test_a_backup_of_the_other_database_is_refused(packed: bytes, tmp_path: Path) -> None:
    source = tmp_path / "sqlite.tar.gz"
    source.write_bytes(packed)
    there = Place(url="postgresql://u@127.0.0.1:1/x", data_dir=tmp_path / "new", keys=KeySource.in_folder(tmp_path))
    with pytest.raises(ConfigError, match="backup of sqlite"):
        await _restore(there, source)


async def test_a_damaged_sqlite_file_can_be_replaced(packed: bytes, tmp_path: Path, office_file: Place) -> None:
    source = tmp_path / "b.tar.gz"
    source.write_bytes(packed)
    office_file.data_dir.mkdir()
    assert office_file.sqlite_file is not None
    office_file.sqlite_file.write_bytes(b"this is no database" * 100)
    await _restore(office_file, source, force=True)
    connection = sqlite3.connect(office_file.sqlite_file)
    assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (1,)
    connection.close()


async def test_a_backup_that_is_cancelled_leaves_nothing(filled: Storage, place: Place, target: Path) -> None:
    reached = asyncio.Event()
    loop = asyncio.get_running_loop()

    def say(line: str) -> None:
        loop.call_soon_threadsafe(reached.set)

    backing = asyncio.create_task(write_backup(place, target, clock=FakeClock(), say=say))
    await reached.wait()
    backing.cancel()
    await asyncio.wait([backing])
    assert _left(target.parent) in ([], [target.name])
    if _left(target.parent):
        target = target.with_name("another.tar.gz")
    await _backup(place, target)


# ---- what else an archive could contain ----------------------------------------------------------------------------


async def _with_database(packed: bytes, tmp_path: Path, *statements: str) -> bytes:
    """The archive with its database changed by `statements`, and a matching manifest."""
    database = tmp_path / "changed.db"

    def change(info: tarfile.TarInfo, content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name == "database.sqlite3":
            database.write_bytes(content)
            with closing(sqlite3.connect(database, isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
            return [(info, database.read_bytes())]
        if info.name == "manifest.json":
            said = json.loads(content)
            whole = database.read_bytes()
            said["parts"]["database.sqlite3"] = {"bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
            return [(info, json.dumps(said).encode())]
        return [(info, content)]

    return _changed(packed, change)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ('UPDATE tokens SET state = \'{"base_url": "https://evil.example"}\'', "did not encrypt"),
        ("UPDATE tokens SET account = 'other'", "did not encrypt"),  # sealed for another account
        ("UPDATE tokens SET state = state || 'AAAA'", "did not encrypt"),
        ("CREATE TRIGGER t AFTER INSERT ON calls BEGIN DELETE FROM tokens; END", "never creates"),
        ("CREATE VIEW v AS SELECT * FROM tokens", "never creates"),
    ],
)
async def test_an_archive_that_somebody_changed_is_refused(
    packed: bytes, office_file: Place, tmp_path: Path, statement: str, words: str
) -> None:
    """Its manifest matches, and the office's key is present."""
    key = (tmp_path / "old/secret.key").read_text().strip()
    office = replace(office_file, keys=KeySource(file=office_file.keys.file, text=key))
    await _refused_and_nothing_left(office, await _with_database(packed, tmp_path, statement), tmp_path, words)


@pytest.mark.parametrize(
    ("table", "planted"),
    [
        ("admin_sessions", "INSERT INTO admin_sessions (id, mark, begun_at, until) VALUES ('0', 'mark', 0, 1e12)"),
        (
            "admin_invitations",
            "INSERT INTO admin_invitations VALUES ('0', 'c', 'n', 'l', 'l', 'owner', '', 0, 1e12, NULL, NULL)",
        ),
        ("setup_codes", "INSERT INTO setup_codes VALUES ('code', '', 1e12)"),
    ],
)
async def test_an_archive_signs_nobody_in(
    packed: bytes, office_file: Place, tmp_path: Path, table: str, planted: str
) -> None:
    source = tmp_path / "planted.tar.gz"
    source.write_bytes(await _with_database(packed, tmp_path, planted))
    await _restore(office_file, source)
    assert (await _rows(office_file.url))[table] == []


async def _refused_and_nothing_left(office: Place, archive: bytes, tmp_path: Path, words: str) -> None:
    source = tmp_path / "hostile.tar.gz"
    source.write_bytes(archive)
    with pytest.raises(Rejected, match=words):
        await _restore(office, source)
    assert _left(office.data_dir) == []


async def test_plain_tokens_are_refused_by_the_database_server_too(
    filled: Storage, place: Place, elsewhere: Place, target: Path
) -> None:
    state = {"state": '{"base_url": "https://evil.example"}'}
    await filled.database.write(lambda c: c.execute(text("UPDATE tokens SET state = :state"), state), Across.BACKUP)
    await _backup(place, target)
    with pytest.raises(Rejected, match="did not encrypt"):
        await _restore(elsewhere, target)
    assert (await _rows(elsewhere.url))["tokens"] == []


@pytest.mark.parametrize("name", ["database.sqlite3", "manifest.json", "recordings/aa/bb/aaaabbbbcccc.mp3"])
async def test_an_archive_that_grows_without_end_is_refused_before_it_does(
    office_file: Place, tmp_path: Path, name: str
) -> None:
    """A gigabyte of zeros in a megabyte."""
    source = tmp_path / "bomb.tar.gz"
    with gzip.open(source, "wb", compresslevel=9) as file:
        info = tarfile.TarInfo(name)
        info.size = 1 << 30
        file.write(info.tobuf())
        for _ in range(1 << 8):  # a quarter of it: nothing may read to its end
            file.write(bytes(1 << 20))
    with pytest.raises(Rejected, match=r"grow|too large"):
        await _restore(office_file, source)
    assert not office_file.data_dir.exists()


async def test_a_long_header_is_not_read_into_memory(office_file: Place, tmp_path: Path) -> None:
    source = tmp_path / "header.tar.gz"
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE):
        with gzip.open(source, "wb") as file:
            info = tarfile.TarInfo("database.sqlite3")
            info.type, info.size = kind, 1 << 30
            file.write(info.tobuf())
        with pytest.raises(Rejected, match="header"):
            await _restore(office_file, source)


async def test_what_does_not_fit_on_the_disk_is_said_before_anything_is_written(
    packed: bytes, office_file: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "sound.tar.gz"
    source.write_bytes(packed)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(Unavailable, match="are free"):
        await _restore(office_file, source)
    assert not office_file.data_dir.exists()
