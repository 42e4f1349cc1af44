"""Databases with Dozvon's empty tables, for tests of what is done with them. No tests here.

Taking all steps of the schema costs half a second of a core on SQLite and two on PostgreSQL, more than most tests. So
each worker takes them once, and a test gets a copy. The steps have tests of their own, which begin with an empty
database (`tests/contract/test_schema.py`).
"""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from integration.storage import migrate
from integration.storage.sql import postgres
from tests.lab.servers import create_database, drop_database

FILE = "dozvon.sqlite3"  # as Dozvon names it in its data folder
_TEMPLATE = "dozvon_tables"


def with_tables(folder: Path) -> Path:
    """Make the folder, if it is missing, as a data folder whose database has empty tables. Returns the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / FILE
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(_sqlite_tables())
    return folder


def sqlite_url(folder: Path) -> str:
    """The address of `folder`'s database, which has empty tables."""
    return f"sqlite:///{with_tables(folder) / FILE}"


@functools.cache
def _sqlite_tables() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="dozvon-tables-"))
    try:
        _take_all_steps(f"sqlite:///{folder / FILE}")
        assert [each.name for each in folder.iterdir()] == [FILE], "what is not in the file yet would be missing"
        return (folder / FILE).read_bytes()
    finally:
        shutil.rmtree(folder)


def _take_all_steps(url: str) -> None:
    """On a thread, because the caller's may have an event loop that runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate(url)).result()


@pytest.fixture(scope="session")
def postgres_template(postgres_server_url: str) -> str:
    """The name of a database with empty tables, for copies. Nobody may be connected to it."""
    _take_all_steps(create_database(postgres_server_url, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def postgres_url(postgres_server_url: str, postgres_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database with empty tables for this test, as `postgresql://user@127.0.0.1:port/name`."""
    # On a machine with much other work the test itself may pause for some seconds in the middle of a transaction.
    monkeypatch.setattr(postgres, "IDLE_MILLISECONDS", 60_000)
    name = f"test_{uuid4().hex[:12]}"
    yield create_database(postgres_server_url, name, template=postgres_template)
    drop_database(postgres_server_url, name)
