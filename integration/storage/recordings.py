"""Recordings as files with names that cannot be guessed, and the table of their calls.

`services/recordings.py` fetches them from the PBX and converts them to mp3; `web/recordings.py` serves them.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from sqlalchemy import Connection, select, update

from integration.domain.ids import AccountId, CallId
from integration.errors import Unavailable
from integration.ports.clock import Clock
from integration.storage.backup.archive import sync_folder
from integration.storage.secrets.private_files import make_folder, new_file
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.failures import disk_failure
from integration.storage.sql.schema.calls import recordings

_NAME_BYTES = 24  # random, so that an address cannot be guessed


class FileRecordingStore:
    """Implements `ports.RecordingStore`: `<folder>/aa/bb/<opaque id>.mp3`."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    async def put(self, account: AccountId, call: CallId, mp3: bytes) -> str:
        """
        Store a recording. The file exists complete or not at all, also after a power cut.

        Raises:
            Unavailable: the disk is full or cannot be written. No partial file stays.
        """
        opaque_id = await self.reserve(account, call)
        await asyncio.to_thread(_write_file, self._path(opaque_id), mp3)
        own = (recordings.c.account == account, recordings.c.call == call)
        statement = update(recordings).where(*own).values(bytes=len(mp3))
        await self._database.write(lambda connection: connection.execute(statement), account)
        return opaque_id

    async def reserve(self, account: AccountId, call: CallId) -> str:
        known = select(recordings.c.opaque_id).where(recordings.c.account == account, recordings.c.call == call)
        statement = (
            insert(self._database.dialect, recordings)
            .values(
                account=account, call=call, opaque_id=secrets.token_urlsafe(_NAME_BYTES), reserved_at=self._clock.now()
            )
            .on_conflict_do_nothing(index_elements=[recordings.c.account, recordings.c.call])
        )

        def work(connection: Connection) -> str:
            connection.execute(statement)
            opaque_id: str = connection.execute(known).scalar_one()
            return opaque_id

        return await self._database.write(work, account)

    async def account_of(self, opaque_id: str) -> AccountId | None:
        """`opaque_id` comes from outside: it may be any text. Raises: Unavailable."""
        if not opaque_id.isascii() or "\0" in opaque_id:
            return None
        query = select(recordings.c.account).where(recordings.c.opaque_id == opaque_id)
        found = await self._database.read(lambda connection: connection.execute(query).scalar(), Across.RECORDING)
        return None if found is None else AccountId(found)

    async def open(self, opaque_id: str) -> tuple[str, int] | None:
        """`opaque_id` comes from outside: it may be any text. Raises: Unavailable."""
        query = select(recordings.c.opaque_id).where(
            recordings.c.opaque_id == opaque_id, recordings.c.bytes.is_not(None)
        )
        if not opaque_id.isascii() or "\0" in opaque_id:
            return None
        known = await self._database.read(lambda connection: connection.execute(query).scalar(), Across.RECORDING)
        if known is None:
            return None
        path = self._path(known)
        size = await asyncio.to_thread(_size, path)
        return None if size is None else (str(path), size)

    def _path(self, opaque_id: str) -> Path:
        return self._folder / recording_file(opaque_id)


def recording_file(opaque_id: str) -> Path:
    """The file's path within the folder of recordings."""
    return Path(opaque_id[:2]) / opaque_id[2:4] / f"{opaque_id}.mp3"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # deleted by an administrator
        return None
    except OSError as exc:
        raise disk_failure(exc, "The recording cannot be read") from exc


def _write_file(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(f".{secrets.token_hex(4)}.part")
    try:
        make_folder(path.parent)
        try:
            with open(temporary, "wb", opener=new_file) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            sync_folder(folder)
    except OSError as exc:
        raise _cannot_store(exc) from exc


def _cannot_store(exc: OSError) -> Unavailable:
    return disk_failure(exc, "The recording cannot be stored")
