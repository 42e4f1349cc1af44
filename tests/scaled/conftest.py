"""The town is built once for all tests. Each test leaves it with all processes running."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scaled.town import Town, open_town


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def town_built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with open_town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="package")
async def town(town_built: Town) -> AsyncIterator[Town]:
    await town_built.is_well()
    yield town_built
    with contextlib.suppress(LookupError):  # a failed test left her talking
        town_built.hang_up()
