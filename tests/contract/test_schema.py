"""The migrations create the tables of `schema.py`, on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from integration.errors import ConfigError, Unavailable
from integration.storage import migrate, open_storage
from integration.storage.sql import migrations
from integration.storage.sql.database import open_database
from integration.storage.sql.migrate import HEAD, revision
from integration.storage.sql.schema import metadata

Catalogue = list[tuple[str, ...]]

_SQLITE = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
)
_COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, coalesce(column_default, '')
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"""
_INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
_CONSTRAINTS = """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace"""


def _catalogue(connection: Connection) -> Catalogue:
    """The database's description of its tables, without meaningless white space and quotes."""
    queries = [_SQLITE] if connection.dialect.name == "sqlite" else [_COLUMNS, _INDEXES, _CONSTRAINTS]
    rows = [row for query in queries for row in connection.execute(text(query))]
    plain = [tuple("".join(str(value).split()).replace('"', "") for value in row) for row in rows]
    return sorted(row for row in plain if "alembic_version" not in "".join(row))


def _rebuild(connection: Connection) -> None:
    metadata.drop_all(connection)
    metadata.create_all(connection)


async def test_schema_is_the_sum_of_the_migrations(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    database = await open_database(empty_database_url)
    differences = await database.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    migrated = await database.read(_catalogue)
    await database.write(_rebuild)
    built = await database.read(_catalogue)
    await database.close()
    assert differences == []
    assert migrated == built
    assert len(built) > 15


def test_the_newest_step_is_written_down() -> None:
    folder = Path(migrations.__path__[0])
    assert ScriptDirectory(str(folder)).get_heads() == [HEAD]


async def test_migrating_again_changes_nothing_and_a_newer_database_is_left_alone(empty_database_url: str) -> None:
    await migrate(empty_database_url)
    await migrate(empty_database_url)
    database = await open_database(empty_database_url)
    assert await database.read(revision) == HEAD
    await database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    await database.close()
    await migrate(empty_database_url)
    database = await open_database(empty_database_url)
    assert await database.read(revision) == "9999"
    await database.close()


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://a/b", "file.db"])
async def test_an_address_of_neither_database_is_refused_with_words(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///|SQLite or PostgreSQL"):
        await open_storage(url, tmp_path)


@pytest.mark.parametrize("opening", [migrate, open_database])
async def test_a_database_that_is_not_there_is_unavailable(
    opening: Callable[[str], Awaitable[object]], tmp_path: Path
) -> None:
    (tmp_path / "no.db").write_bytes(b"this is no database" * 100)
    for url in (
        f"sqlite:///{tmp_path}/missing/x.db",
        f"sqlite:///{tmp_path}",
        f"sqlite:///{tmp_path}/no.db",
        "postgresql://u@127.0.0.1:1/x",
    ):
        with pytest.raises(Unavailable):
            await opening(url)
