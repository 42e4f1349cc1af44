"""Others cannot read Dozvon's files, whatever the umask, and files left open are closed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.domain.ids import AccountId, CallId
from integration.domain.settings import AccountSettings
from integration.process.config import Config
from integration.process.place import place_of
from integration.storage import open_storage
from integration.storage.backup.making import write_backup
from integration.storage.backup.restore import restore_backup
from integration.storage.secrets.private_files import close_to_others, make_folder
from integration.testing import FakeClock

OFFICE = AccountId("office")


@pytest.fixture(autouse=True)
def careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_ones(folder: Path) -> list[str]:
    """The files that others may read, and the folder if they may read it."""
    found = [folder, *folder.rglob("*")]
    return sorted(path.name for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077)


async def used(config: Config) -> None:
    make_folder(config.data_dir)
    storage = await open_storage(config.database_url, config.data_dir)
    await storage.settings.save(AccountSettings(account=OFFICE))
    await storage.recordings.put(OFFICE, CallId("pbx:1"), b"mp3")
    async with storage.database.lock("tokens"):
        assert open_ones(config.data_dir) == []  # with the files that exist only while it runs
        assert (config.data_dir / "dozvon.sqlite3-wal").exists()
    await storage.close()


async def test_everything_is_made_closed(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path / "var/data")
    await used(config)
    assert open_ones(config.data_dir) == []
    assert open_ones(tmp_path / "var") == []


async def test_backups_and_what_they_restore_are_closed(tmp_path: Path) -> None:
    config, target = Config(data_dir=tmp_path / "data"), tmp_path / "backups/b.tar.gz"
    await used(config)
    make_folder(target.parent)
    await write_backup(place_of(config), target, clock=FakeClock(), say=lambda _: None, with_key=True)
    assert open_ones(target.parent) == []
    elsewhere = Config(data_dir=tmp_path / "elsewhere")
    await restore_backup(place_of(elsewhere), target, force=False, say=lambda _: None)
    assert (elsewhere.data_dir / "recordings").is_dir()
    assert open_ones(elsewhere.data_dir) == []


async def test_what_an_earlier_release_left_open_is_closed_at_the_start(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path / "data")
    await used(config)
    for path in (config.data_dir, *config.data_dir.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    close_to_others(config.data_dir, place_of(config).sqlite_file)
    assert open_ones(config.data_dir) == []


def test_an_interrupted_closing_goes_on_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder itself is closed last."""
    data = tmp_path / "data"
    recording = data / "recordings/aa/one.mp3"
    recording.parent.mkdir(parents=True)
    recording.touch()
    chmod = Path.chmod

    def killed(self: Path, mode: int) -> None:
        if self == recording:
            raise KeyboardInterrupt
        chmod(self, mode)

    monkeypatch.setattr(Path, "chmod", killed)
    with pytest.raises(KeyboardInterrupt):
        close_to_others(data, None)
    monkeypatch.undo()
    close_to_others(data, None)
    assert open_ones(data) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    foreign, data = tmp_path / "foreign", tmp_path / "data"
    foreign.touch()
    foreign.chmod(0o644)
    (data / "recordings").mkdir(parents=True)
    (data / "recordings/link").symlink_to(foreign)
    close_to_others(data, None)
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o644
