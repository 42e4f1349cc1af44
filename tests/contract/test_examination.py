"""The doctor's findings about the database, the keys and the backups."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from integration.errors import Unavailable
from integration.ports.findings import Finding, FindingLevel
from integration.process.config import BackupConfig, Config
from integration.process.doctor import examine, examine_redis
from integration.storage import open_storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE
from tests.contract.test_sealing import TOKENS, _a_key

OK, WARNING, ERROR = FindingLevel


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    return Config(database=database_url, data_dir=tmp_path / "data")


@pytest.fixture
def key_file(config: Config) -> Path:
    return config.data_dir / "secret.key"


async def used(config: Config) -> None:
    """As after a start and a consent."""
    config.data_dir.mkdir(exist_ok=True)
    storage = await open_storage(config.database_url, config.data_dir)
    await storage.tokens.save(OFFICE, TOKENS)
    await storage.close()


def put(file: Path, content: str | None, mode: int = 0o600) -> None:
    """None: no file."""
    file.unlink()
    if content is not None:
        file.write_text(content)
        file.chmod(mode)


async def examined(config: Config, check: str) -> Finding:
    """The only finding of that check."""
    (found,) = [finding for finding in await examine(config, FakeClock()) if finding.check == check]
    assert bool(found.remedy) == (found.level is not OK)
    return found


async def test_where_all_is_well_and_before_the_first_start(empty_database_url: str, tmp_path: Path) -> None:
    config = Config(database=empty_database_url, data_dir=tmp_path / "data")
    assert [finding.level for finding in await examine(config, FakeClock())] == [OK, OK]
    assert "first start" in (await examined(config, "key")).message
    await used(config)
    assert [finding.level for finding in await examine(config, FakeClock())] == [OK, OK]
    assert "opens all 1 stored" in (await examined(config, "key")).message


async def test_a_key_file_that_others_may_read(config: Config, key_file: Path) -> None:
    await used(config)
    put(key_file, f"{_a_key()}\n", mode=0o640)
    found = [(finding.level, finding.remedy) for finding in await examine(config, FakeClock())]
    assert (WARNING, f"chmod 600 {key_file}") in found


@pytest.mark.parametrize("content", [None, "", "no key\n"])
async def test_a_key_file_that_is_gone_or_broken(config: Config, key_file: Path, content: str | None) -> None:
    await used(config)
    put(key_file, content)
    found = await examined(config, "key")
    assert found.level is ERROR
    assert str(key_file) in found.message
    assert any(config.data_dir.glob("secret.key")) == (content is not None)  # the doctor creates none


async def test_a_key_that_does_not_open_what_is_stored(config: Config, key_file: Path) -> None:
    await used(config)
    put(key_file, f"{_a_key()}\n")
    errors = [finding for finding in await examine(config, FakeClock()) if finding.level is ERROR]
    assert {finding.check for finding in errors} == {"key"}
    assert any("which the database is encrypted with" in finding.message for finding in errors)
    assert any(OFFICE in finding.message for finding in errors)


async def test_a_named_key_file_that_is_not_there(config: Config, tmp_path: Path) -> None:
    found = await examined(replace(config, key_file=tmp_path / "named"), "key")
    assert (found.level, found.message) == (ERROR, f"{tmp_path / 'named'} does not exist")


@pytest.mark.parametrize(
    ("hours_ago", "level", "words"),
    [
        ([], WARNING, "has no backup yet"),
        ([1], OK, "1.0 hours old"),
        ([3.1, 40], WARNING, "3.1 hours old; one is due every 2"),
        ([-5], WARNING, "has no backup yet"),  # from the future
    ],
)
async def test_the_age_of_the_newest_backup(
    config: Config, tmp_path: Path, hours_ago: list[float], level: FindingLevel, words: str
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for hours in hours_ago:
        moment = datetime.fromtimestamp(FakeClock().now() - hours * 3600, UTC)
        (folder / moment.strftime("dozvon-%Y%m%dT%H%M%SZ.tar.gz")).touch()
    found = await examined(replace(config, backup=BackupConfig(folder=folder, every_hours=2)), "backup")
    assert (found.level, words in found.message) == (level, True), found


async def test_a_database_that_is_not_there(config: Config, tmp_path: Path) -> None:
    away = replace(config, database="postgresql://nobody@127.0.0.1:1/nothing")
    (found,) = await examine(away, FakeClock())
    assert (found.check, found.level) == ("database", ERROR)
    with pytest.raises(Unavailable):
        await open_storage(away.database_url, tmp_path)


@pytest.mark.servers
async def test_redis_is_tried(redis_url: str) -> None:
    assert (await examine_redis(redis_url)).level is OK
    guarded = urlsplit(redis_url)._replace(netloc=f"nobody:wrong@{urlsplit(redis_url).netloc}").geturl()
    refused = await examine_redis(guarded)
    assert refused.level is ERROR
    assert "password" in refused.message  # Redis's own words
    assert "wrong" not in refused.message


async def test_a_redis_that_is_away_is_said_with_what_to_look_at() -> None:
    found = await examine_redis("redis://127.0.0.1:1/0")
    assert (found.check, found.level) == ("redis", ERROR)
    assert "127.0.0.1:1" in found.message
    assert "storage.redis" in found.remedy
