"""Writes one file with all that Dozvon needs to continue on another machine, while it runs. `restore.py` reads it.

The database is copied first, as of one moment, then the recordings that it lists. Their files exist by then; later
recordings go into the next backup. Secrets stay encrypted; their key is included only on request.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import make_url

from integration import __version__
from integration.errors import ConfigError, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.storage.backup import archive
from integration.storage.backup.archive import ArchiveWriter, Copied, Manifest
from integration.storage.place import Place
from integration.storage.recordings import recording_file
from integration.storage.secrets.keys import KeyRing
from integration.storage.sql.failures import disk_failure, translating
from integration.storage.sql.schema import NOT_KEPT

Say = Callable[[str], None]
"""Called with each line of progress."""

_SAY_EVERY = 500  # recordings
_LOOK_EVERY_STEPS = 100_000  # of SQLite's machine, between two checks whether the copy was cancelled


async def write_backup(place: Place, target: Path, *, clock: Clock, say: Say, with_key: bool = False) -> Manifest:
    """
    Write the archive `target`, which must not exist. It appears complete or not at all.

    Raises:
        ConfigError: the database does not exist, `target` exists, or the key to include is missing.
        Unavailable: a disk is full or the database fails. No partial file stays.
    """
    if await asyncio.to_thread(target.exists):
        raise ConfigError(f"{target} exists already; a backup does not replace another file.")
    work = target.with_name(f".{target.name}.{secrets.token_hex(4)}.work")
    try:
        await asyncio.to_thread(work.mkdir, 0o700)
    except OSError as exc:
        raise disk_failure(exc, f"The backup cannot be written to {target.parent}") from exc
    stopping = threading.Event()
    writing = asyncio.ensure_future(_write(place, target, work, clock, say, stopping, with_key=with_key))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        stopping.set()
        await asyncio.wait([writing])  # its thread notices within a chunk, and cleans up
        if not writing.cancelled():
            writing.exception()
        raise
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


async def _write(
    place: Place, target: Path, work: Path, clock: Clock, say: Say, stopping: threading.Event, *, with_key: bool
) -> Manifest:
    made_at = clock.now()
    if place.sqlite_file is not None:
        copied = await asyncio.to_thread(_copy_sqlite, place.sqlite_file, work / archive.DATABASE, say, stopping)
    else:
        from integration.storage.backup import table_copies

        copied = await table_copies.export(make_url(place.url), work, say, stopping)
    manifest = Manifest(
        version=__version__,
        made_at=made_at,
        database="postgresql" if place.sqlite_file is None else "sqlite",
        revision=copied.revision,
        tables=copied.tables,
        columns=copied.columns,
        sequences=copied.sequences,
        key_id=copied.key_id,
        has_key=with_key,
    )
    await asyncio.to_thread(_pack, place, target, work, manifest, copied.recordings, say, stopping)
    return manifest


def _pack(
    place: Place,
    target: Path,
    work: Path,
    manifest: Manifest,
    recordings: list[str],
    say: Say,
    stopping: threading.Event,
) -> None:
    with ArchiveWriter(target, stopping) as writer:
        if manifest.has_key:
            _pack_key(place, work, manifest, writer)
        for file in sorted(work.iterdir()):
            if file.name != archive.KEY:
                writer.add(file.name if manifest.database == "sqlite" else f"tables/{file.name}", file)
            file.unlink()  # free the space of a large database at once
        for number, opaque_id in enumerate(recordings, 1):
            name = recording_file(opaque_id)
            if writer.add(f"recordings/{name.as_posix()}", place.recordings / name):
                manifest.recordings += 1
            else:
                manifest.recordings_missing += 1
            if number % _SAY_EVERY == 0:
                say(f"recordings: {number} of {len(recordings)}")
        say(f"recordings: {manifest.recordings}")
        writer.finish(manifest)


def _pack_key(place: Place, work: Path, manifest: Manifest, writer: ArchiveWriter) -> None:
    key = KeyRing(place.keys).get(manifest.key_id) if manifest.key_id else None
    if key is None:
        raise ConfigError("The key of the secrets is missing here, so it cannot go into the backup.")
    file = work / archive.KEY
    file.touch(0o600)
    file.write_text(key.text() + "\n", "ascii")
    writer.add(archive.KEY, file)


def _copy_sqlite(database: Path, target: Path, say: Say, stopping: threading.Event) -> Copied:
    """VACUUM INTO: one read transaction that blocks nobody; the copy has no remains of deleted rows."""
    if not database.is_file():
        raise ConfigError(f"There is no database at {database} to be backed up.")
    with translating():
        source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        source.set_progress_handler(stopping.is_set, _LOOK_EVERY_STEPS)
        try:
            source.execute("VACUUM INTO ?", (str(target),)).close()
        except sqlite3.OperationalError as exc:
            if "full" in str(exc):
                raise Unavailable("The backup cannot be written: the disk is full.") from exc
            raise
        finally:
            source.close()
        target.chmod(0o600)
        copy = sqlite3.connect(target)
        try:
            return _described(copy, say)
        finally:
            copy.close()


def _described(copy: sqlite3.Connection, say: Say) -> Copied:
    tables = sqlite_counts(copy)
    revision = copy.execute("SELECT version_num FROM alembic_version").fetchone() if "calls" in tables else None
    if revision is None:
        raise Rejected("This database has no tables of Dozvon.")
    for name, rows in tables.items():
        say(f"{name}: {rows} rows")
    key = copy.execute("SELECT key_id FROM secret_key").fetchone() if "secret_key" in tables else None
    recordings = copy.execute("SELECT opaque_id FROM recordings WHERE bytes IS NOT NULL").fetchall()
    return Copied(
        revision=revision[0],
        tables=tables,
        key_id=key[0] if key else None,
        recordings=[row[0] for row in recordings],
    )


def sqlite_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Number of rows by table, without SQLite's own tables and those with passing state."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    names = [row[0] for row in connection.execute(query) if row[0] not in NOT_KEPT]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
