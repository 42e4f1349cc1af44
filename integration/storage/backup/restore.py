"""Restores a backup: checks every byte of it, then replaces everything at once. `making.py` makes backups.

The order: read the whole archive before changing anything. Unpack it beside the present data; build the database and
count its rows there. Exchange the folder of recordings, and last the database: by a rename, or by the commit of the one
transaction that replaced all tables. Until then every error puts the old state back.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import create_engine, delete, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from integration.errors import ConfigError, Rejected, Unavailable
from integration.storage.backup import archive
from integration.storage.backup.archive import Manifest, sync_folder
from integration.storage.backup.making import Say, sqlite_counts
from integration.storage.place import Place
from integration.storage.secrets.keys import Key, KeyRing
from integration.storage.secrets.private_files import make_folder
from integration.storage.secrets.sealing import stored_secrets, strange_rows
from integration.storage.sql.database import open_database
from integration.storage.sql.failures import disk_failure, translating
from integration.storage.sql.migrate import HEAD, knows
from integration.storage.sql.schema import OWN_AFFAIRS, PASSES
from integration.storage.sql.schema.crm import tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    manifest: Manifest
    is_key_here: bool  # False: the secrets cannot be read until their key is added


async def restore_backup(place: Place, source: Path, *, force: bool, say: Say) -> Restored:
    """
    Replace the database and the recordings by the backup's, migrate the tables, and count the rows again.

    Args:
        force: restore even if there is data already; that data is lost.

    Raises:
        ConfigError: there is data and no `force`, or the backup is of the other kind of database.
        Rejected: the file is damaged, of a newer release, or not a backup.
        Unavailable: a disk or the database fails, or Dozvon runs on this SQLite file. The old state stays.
    """
    restoring = asyncio.ensure_future(_restore(place, source, say, force=force))
    try:
        return await asyncio.shield(restoring)
    except asyncio.CancelledError:
        await asyncio.wait([restoring])  # never stop half-way: that would leave neither the old state nor the new
        raise


async def _restore(place: Place, source: Path, say: Say, *, force: bool) -> Restored:
    manifest = await asyncio.to_thread(archive.verify, source, say)
    say(f"the archive is whole: {len(manifest.parts)} parts")
    _check_fits(place, manifest)
    if not force and not await _is_empty(place):
        raise ConfigError("There is data here already. With --force it is replaced by the backup, and lost.")
    await asyncio.to_thread(_check_space, place, manifest)
    unpacked = place.data_dir / f".restore-{secrets.token_hex(4)}"
    database = place.sqlite_file
    staged = database.with_name(f".{database.name}.{secrets.token_hex(4)}.restored") if database else None
    try:
        await asyncio.to_thread(_unpack, source, manifest, unpacked, staged)
        is_key_here = await asyncio.to_thread(_bring_key, place, manifest, unpacked)
        if database is not None and staged is not None:
            await _into_sqlite(place, database, staged, unpacked, manifest)
        else:
            await _into_postgres(place, make_url(place.url), unpacked, manifest, say)
    finally:
        await asyncio.to_thread(_clear, unpacked, staged)
    await _count_again(place, manifest)
    say("counted again: every table has as many rows as in the backup")
    return Restored(manifest=manifest, is_key_here=is_key_here)


def _check_fits(place: Place, manifest: Manifest) -> None:
    kind = "postgresql" if place.sqlite_file is None else "sqlite"
    if manifest.database != kind:
        raise ConfigError(f"This is a backup of {manifest.database}, and the configuration names {kind}.")
    if not knows(manifest.revision):
        raise Rejected(f"The backup is of a newer release ({manifest.version}): update Dozvon, then restore it.")
    tables = {f"tables/{name}.copy" for name in manifest.tables} if kind == "postgresql" else {archive.DATABASE}
    if {name for name in manifest.parts if not name.startswith("recordings/")} - {archive.KEY} != tables:
        raise Rejected("The backup is damaged: its tables do not match its manifest.")


def _check_space(place: Place, manifest: Manifest) -> None:
    """Check before the first byte is written. Raises: Unavailable."""
    needed: Counter[Path] = Counter()
    for name, part in manifest.parts.items():
        is_database = name == archive.DATABASE and place.sqlite_file is not None
        needed[place.sqlite_file.parent if is_database and place.sqlite_file else place.data_dir] += part.bytes
    for folder, size in needed.items():
        there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        free = shutil.disk_usage(there).free
        if size > free:
            raise Unavailable(
                f"The backup cannot be unpacked: it needs {size >> 20} MB in {folder}, and {free >> 20} MB are free."
            )


async def _is_empty(place: Place) -> bool:
    if await asyncio.to_thread(_has_files, place.recordings):
        return False
    if place.sqlite_file is None:
        from integration.storage.backup import table_copies

        return await table_copies.is_empty(make_url(place.url))
    return await asyncio.to_thread(_is_empty_sqlite, place.sqlite_file)


def _has_files(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))


def _is_empty_sqlite(database: Path) -> bool:
    if not database.exists():
        return True
    with translating():
        connection = sqlite3.connect(database)
        try:
            return not any(rows for name, rows in sqlite_counts(connection).items() if name not in OWN_AFFAIRS)
        finally:
            connection.close()


def _unpack(source: Path, manifest: Manifest, folder: Path, staged: Path | None) -> None:
    """Unpack a SQLite database beside the one it will replace: a rename works only within one file system."""

    def place(name: str) -> Path:
        return staged if staged is not None and name == archive.DATABASE else folder / name

    try:
        make_folder(folder / "recordings")
    except OSError as exc:
        raise disk_failure(exc, "The backup cannot be unpacked") from exc
    archive.extract(source, manifest, place)


def _bring_key(place: Place, manifest: Manifest, unpacked: Path) -> bool:
    """Add the backup's key to the key file if it is not there. An extra key does no harm."""
    if manifest.key_id is None:
        return True
    ring = KeyRing(place.keys)
    if ring.get(manifest.key_id) is not None:
        return True
    packed = unpacked / archive.KEY
    if not packed.exists() or place.keys.text is not None:
        return False
    ring.add(Key.parse(packed.read_text("ascii"), "the backup"))
    return ring.get(manifest.key_id) is not None


# ---- SQLite --------------------------------------------------------------------------------------------------------


async def _into_sqlite(place: Place, database: Path, staged: Path, unpacked: Path, manifest: Manifest) -> None:
    await asyncio.to_thread(_check_sqlite, staged, manifest)
    await asyncio.to_thread(_disarm_sqlite, place, staged)
    if manifest.revision != HEAD:
        upgraded = await open_database(URL.create("sqlite", database=str(staged)).render_as_string())
        await upgraded.close()
    await asyncio.to_thread(_exchange_sqlite, place, database, staged, unpacked)


def _check_sqlite(staged: Path, manifest: Manifest) -> None:
    with translating():
        connection = sqlite3.connect(staged)
        try:
            connection.execute("PRAGMA trusted_schema=OFF").close()
            strange = "SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index') OR sql LIKE '%VIRTUAL%'"
            if connection.execute(strange).fetchone()[0]:  # triggers and views would run an attacker's SQL
                raise Rejected("The backup's database holds objects that Dozvon never creates. Nothing was changed.")
            is_whole = connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if not is_whole or revision != (manifest.revision,) or sqlite_counts(connection) != manifest.tables:
                raise Rejected("The backup's database does not match its manifest. Nothing was changed.")
        finally:
            connection.close()


def _disarm_sqlite(place: Place, staged: Path) -> None:
    """The archive comes from outside: refuse secrets that Dozvon did not seal, and delete what signs in at once."""
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(staged)), poolclass=NullPool)
    try:
        with translating(), engine.begin() as connection:
            present = inspect(connection).get_table_names()
            if tokens.name in present:
                refuse_strange_rows(stored_secrets(connection), place)
            for table in PASSES:
                if table.name in present:
                    connection.execute(delete(table))
    finally:
        engine.dispose()


def _exchange_sqlite(place: Place, database: Path, staged: Path, unpacked: Path) -> None:
    with _alone(database), _exchanged(place.recordings, unpacked / "recordings"):
        try:
            _sync(staged)
            for suffix in ("-wal", "-shm"):  # left by a damaged file that could not be opened
                Path(f"{database}{suffix}").unlink(missing_ok=True)
            staged.replace(database)
            sync_folder(database.parent)
        except OSError as exc:
            raise disk_failure(exc, "The database cannot be put into place") from exc


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Keep the file to ourselves while the block runs. Raises: Unavailable if a process has it open."""
    connection = None
    try:
        if database.exists():
            connection = sqlite3.connect(database, timeout=1.0, isolation_level=None)
            try:
                connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
                # Leaving WAL mode works only without other connections, and removes the side files.
                if connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                    raise sqlite3.OperationalError("database is locked")
                connection.execute("BEGIN EXCLUSIVE").close()
            except sqlite3.OperationalError as exc:
                raise Unavailable(f"Dozvon is running on {database}: stop it, then restore.") from exc
            except sqlite3.DatabaseError:  # damaged, and about to be replaced
                connection.close()
        yield
    finally:
        if connection is not None:
            connection.close()


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- PostgreSQL ----------------------------------------------------------------------------------------------------


async def _into_postgres(place: Place, url: URL, unpacked: Path, manifest: Manifest, say: Say) -> None:
    from integration.storage.backup import table_copies

    with ExitStack() as until_committed:  # if the commit fails, the recordings are put back
        secrets_are_ours = partial(refuse_strange_rows, place=place)
        async with table_copies.importing(url, manifest, unpacked / "tables", say, secrets_are_ours):
            until_committed.enter_context(_exchanged(place.recordings, unpacked / "recordings"))


def refuse_strange_rows(stored: Iterable[tuple[str, str, str]], place: Place) -> None:
    """Raises: Rejected, before anything is replaced."""
    strange = strange_rows(stored, KeyRing(place.keys))
    if strange:
        raise Rejected(
            f"The backup contains secrets that Dozvon did not encrypt ({strange[0]}): somebody has changed it."
            " Nothing was changed here."
        )


# ---- both ----------------------------------------------------------------------------------------------------------


@contextmanager
def _exchanged(folder: Path, fresh: Path) -> Iterator[None]:
    """Replace `folder` by `fresh` when the block ends; if the block raises, `folder` stays as it was."""
    old = fresh.with_name("recordings-before")
    try:
        if folder.exists():
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as exc:
        raise disk_failure(exc, f"The recordings cannot be put into {folder}") from exc
    try:
        yield
    except BaseException:
        folder.rename(fresh)
        if old.exists():
            old.rename(folder)
        raise


def _clear(unpacked: Path, staged: Path | None) -> None:
    shutil.rmtree(unpacked, ignore_errors=True)
    for suffix in ("", "-wal", "-shm") if staged is not None else ():
        with suppress(OSError):
            Path(f"{staged}{suffix}").unlink(missing_ok=True)
    if staged is not None:
        shutil.rmtree(f"{staged}-locks", ignore_errors=True)


async def _count_again(place: Place, manifest: Manifest) -> None:
    if place.sqlite_file is None:
        from integration.storage.backup import table_copies

        found = await table_copies.counts(make_url(place.url), manifest.tables)
    else:
        found = await asyncio.to_thread(_counted, place.sqlite_file)
    wrong = [name for name, rows in manifest.tables.items() if found.get(name) != rows]
    if wrong:
        raise Rejected(f"After the restore these tables differ from the backup: {', '.join(wrong)}.")


def _counted(database: Path) -> dict[str, int]:
    with translating():
        connection = sqlite3.connect(database)
        try:
            return sqlite_counts(connection)
        finally:
            connection.close()
