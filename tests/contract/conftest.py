"""Every store suite runs on both databases, every coordination suite in the process and on Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from integration.ports.coordination import Coordination
from integration.storage import Storage, open_coordination, open_storage
from integration.testing import FakeClock
from tests.databases import FILE, sqlite_url
from tests.lab.servers import create_database, drop_database

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with empty tables for the test."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, for tests of how they are made."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / FILE}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def second_postgres_url(postgres_server_url: str) -> Iterator[str]:
    """A second empty database for the test."""
    name = f"second_{uuid4().hex[:12]}"
    yield create_database(postgres_server_url, name)
    drop_database(postgres_server_url, name)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def storage(database_url: str, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Storage]:
    opened = await open_storage(database_url, tmp_path, clock=clock)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(params=["process", pytest.param("redis", marks=pytest.mark.servers)])
async def coordination(request: pytest.FixtureRequest) -> AsyncIterator[Coordination]:
    opened = open_coordination(request.getfixturevalue("redis_url") if request.param == "redis" else None)
    yield opened
    await opened.close()
