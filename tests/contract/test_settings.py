"""What every store of settings does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from integration.domain.ids import Extension, ManagerId
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import AccountSettings, Employee
from integration.ports.settings import SettingsStore
from integration.storage import Storage, open_storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER


def _is_port(storage: Storage) -> SettingsStore:
    return storage.settings  # read by the type checker


def _with(extension: str) -> AccountSettings:
    return AccountSettings(account=OFFICE, employees=(Employee(extension=Extension(extension)),))


async def test_what_is_changed_is_what_is_stored_at_that_moment(
    storage: Storage, database_url: str, tmp_path: Path, clock: FakeClock
) -> None:
    """Two processes add twenty entries to the list: without the lock some would be lost."""
    other = await open_storage(database_url, tmp_path, clock=clock)
    stores = [storage.settings, other.settings]

    async def add(n: int) -> None:
        def added(stored: AccountSettings | None) -> AccountSettings:
            settings = stored or AccountSettings(account=OFFICE)
            new = Employee(extension=Extension(f"{100 + n}"))
            return replace(settings, employees=(*settings.employees, new))

        await stores[n % 2].change(OFFICE, added)

    await asyncio.gather(*(add(n) for n in range(20)))
    stored = await storage.settings.load(OFFICE)
    assert stored is not None
    assert sorted(e.extension for e in stored.employees) == [str(100 + n) for n in range(20)]
    await other.close()


async def test_a_change_that_raises_stores_nothing(storage: Storage) -> None:
    await storage.settings.save(_with("101"))

    def refused(stored: AccountSettings | None) -> AccountSettings:
        assert stored == _with("101")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await storage.settings.change(OFFICE, refused)
    assert await storage.settings.load(OFFICE) == _with("101")
    changed = await storage.settings.change(OFFICE, lambda _: _with("102"))  # the row is free again
    assert changed.settings == await storage.settings.load(OFFICE) == _with("102")


async def test_a_change_is_of_one_account_and_of_all_columns(storage: Storage) -> None:
    await storage.settings.save(AccountSettings(account=OTHER))
    new = replace(
        _with("101"), country="UA", dial=DialRules(area_code="44"), default_responsible=ManagerId("7"), time_zone="UTC"
    )
    changed = await storage.settings.change(OFFICE, lambda stored: new if stored is None else stored)
    assert changed.settings == new
    assert await storage.settings.load(OFFICE) == new
    assert await storage.settings.load(OTHER) == AccountSettings(account=OTHER)
