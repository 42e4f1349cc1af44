"""The configured place of the data and of its backups."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from integration.ports.clock import Clock
from integration.process.config import BackupConfig, Config
from integration.services.backups import ScheduledBackups
from integration.storage import Storage, open_storage
from integration.storage.backup.making import write_backup
from integration.storage.place import Place
from integration.storage.secrets.keys import KeySource
from integration.storage.secrets.private_files import close_to_others, make_folder
from integration.storage.sql.database import Database

log = structlog.get_logger()


def place_of(config: Config) -> Place:
    keys = KeySource.in_folder(config.data_dir)
    if config.key is not None:
        keys = KeySource(file=keys.file, text=config.key)
    elif config.key_file is not None:
        keys = KeySource(file=config.key_file)
    return Place(url=config.database_url, data_dir=config.data_dir, keys=keys)


@contextlib.asynccontextmanager
async def opened_storage(config: Config) -> AsyncIterator[Storage]:
    """The configured storage, for a command. Raises: ConfigError, Unavailable."""
    place = place_of(config)
    await asyncio.to_thread(make_folder, place.data_dir)
    await asyncio.to_thread(close_to_others, place.data_dir, place.sqlite_file)
    storage = await open_storage(place.url, place.data_dir, keys=place.keys)
    try:
        yield storage
    finally:
        await storage.close()


def backups_of(config: Config, wanted: BackupConfig, clock: Clock, database: Database) -> ScheduledBackups:
    """The scheduled backups."""

    async def write(target: Path) -> None:
        await write_backup(place_of(config), target, clock=clock, say=lambda line: log.debug("backup", part=line))

    return ScheduledBackups(
        wanted.folder,
        every_hours=wanted.every_hours,
        keep=wanted.keep,
        clock=clock,
        write=write,
        alone=database.lock,
    )
