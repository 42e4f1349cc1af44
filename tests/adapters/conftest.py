"""The fixture of most tests of the amoCRM connector."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.amocrm_kit import Office, office


@pytest.fixture
async def crm() -> AsyncIterator[Office]:
    """An office connected to a sandbox."""
    async with office() as made:
        yield made
