"""Secrets at rest: what is on the disk, of which account, with which key, and changing the key while others work."""

from __future__ import annotations

import asyncio
import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from integration.domain.ids import Timestamp
from integration.errors import ConfigError, ProtocolError
from integration.ports.stores import Tokens
from integration.storage import KeySource, Storage, open_storage
from integration.storage.secrets.keys import Key, KeyRing
from integration.storage.secrets.sealing import check, forget, rotate
from integration.storage.sql.codec import encode
from integration.storage.sql.database import Across, Database
from tests.contract.calls import OFFICE, OTHER

TOKENS = Tokens(
    access="access-secret", refresh="refresh-secret", expires_at=Timestamp(5.0), base_url="https://x.example",
    crm_account_id="77",
)  # fmt: skip


def _a_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


async def _stored(database: Database) -> dict[str, str]:
    rows = await database.read(
        lambda c: [tuple(row) for row in c.execute(text("SELECT account, state FROM tokens"))], Across.SECRETS
    )
    return dict(rows)


async def _store(database: Database, account: str, state: str) -> None:
    row = {"account": account, "state": state}
    put = text("UPDATE tokens SET state = :state WHERE account = :account")
    await database.write(lambda c: c.execute(put, row), Across.SECRETS)


async def test_what_is_stored_cannot_be_read_without_the_key(storage: Storage, tmp_path: Path) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    first = (await _stored(storage.database))[OFFICE]
    assert first.startswith("sealed:1:")
    assert "secret" not in first
    await storage.tokens.save(OFFICE, TOKENS)
    assert (await _stored(storage.database))[OFFICE] != first  # a nonce is never used twice
    assert await storage.tokens.load(OFFICE) == TOKENS
    file = tmp_path / "secret.key"
    assert _mode(file) == 0o600


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_row_copied_to_another_account_does_not_decrypt(storage: Storage) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    await storage.tokens.save(OTHER, replace(TOKENS, access="others"))
    stored = await _stored(storage.database)
    await _store(storage.database, OTHER, stored[OFFICE])
    with pytest.raises(ProtocolError, match="another account"):
        await storage.tokens.load(OTHER)
    for damaged in (stored[OTHER][:-8] + "AAAAAAA=", stored[OTHER][:40], stored[OTHER] + "!"):
        await _store(storage.database, OTHER, damaged)
        with pytest.raises(ProtocolError, match="damaged"):
            await storage.tokens.load(OTHER)


async def test_plain_rows_of_the_release_before_are_encrypted_at_the_start_or_first_read(
    storage: Storage, database_url: str, tmp_path: Path
) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    await _store(storage.database, OFFICE, encode(TOKENS))
    assert await storage.tokens.load(OFFICE) == TOKENS
    assert (await _stored(storage.database))[OFFICE].startswith("sealed:")
    await _store(storage.database, OFFICE, encode(TOKENS))
    again = await open_storage(database_url, tmp_path)
    assert (await _stored(storage.database))[OFFICE].startswith("sealed:")
    assert await again.tokens.load(OFFICE) == TOKENS
    await again.close()


async def test_a_missing_or_wrong_key_stops_the_start_and_changes_nothing(
    storage: Storage, database_url: str, tmp_path: Path
) -> None:
    await storage.tokens.save(OFFICE, TOKENS)
    before = await _stored(storage.database)
    file = tmp_path / "secret.key"
    content = file.read_text()
    for source, words in (
        (KeySource.in_folder(tmp_path / "elsewhere"), "Restore it"),
        (KeySource(file=file, text=_a_key()), "Restore that key"),
        (KeySource(file=file, text="short"), "32 random bytes"),
        (KeySource(file=file, text=" , "), "contains no key"),
    ):
        with pytest.raises(ConfigError, match=words) as error:
            await open_storage(database_url, tmp_path, keys=source)
        assert source.text is None or source.text not in str(error.value)
    assert file.read_text() == content
    assert not (tmp_path / "elsewhere").exists()
    assert await _stored(storage.database) == before
    with pytest.raises(ConfigError, match="make it"):  # a configured file is never created: its disk may be missing
        await open_storage(f"sqlite:///{tmp_path}/new.db", tmp_path, keys=KeySource(file=tmp_path / "named"))


async def test_a_process_that_runs_goes_on_over_a_rotation(storage: Storage, tmp_path: Path) -> None:
    source = KeySource.in_folder(tmp_path)
    for account in (OFFICE, OTHER):
        await storage.tokens.save(account, TOKENS)
    before = KeyRing(source).newest
    done = await rotate(storage.database, source)
    after = KeyRing(source).newest
    assert before is not None
    assert after is not None
    assert (done.before, done.after, done.secrets) == (before.id, after.id, 2)
    assert before.id != after.id
    assert all(state.startswith(f"sealed:1:{after.id}:") for state in (await _stored(storage.database)).values())
    assert KeyRing(source).get(before.id) is None
    assert await storage.tokens.load(OFFICE) == TOKENS
    await storage.tokens.save(OFFICE, replace(TOKENS, access="newer"))
    assert (await _stored(storage.database))[OFFICE].startswith(f"sealed:1:{after.id}:")
    found = await check(storage.database, source)
    assert (found.current, found.by_key, found.problems) == (after.id, {after.id: 2}, ())
    assert _mode(source.file) == 0o600


async def test_tokens_saved_while_keys_are_rotated_can_all_be_read(storage: Storage, tmp_path: Path) -> None:
    """A save during the rotation uses the key that is current when its transaction ends."""
    source = KeySource.in_folder(tmp_path)
    accounts = [type(OFFICE)(f"office-{n}") for n in range(8)]
    is_over = asyncio.Event()

    async def save(account: Any) -> int:
        count = 0
        while not is_over.is_set():
            count += 1
            await storage.tokens.save(account, replace(TOKENS, access=f"{account}:{count}"))
            assert await storage.tokens.load(account) == replace(TOKENS, access=f"{account}:{count}")
        return count

    saving = [asyncio.create_task(save(account)) for account in accounts]
    try:
        for _ in range(5):
            done = await rotate(storage.database, source)
    finally:
        is_over.set()
    counts = await asyncio.gather(*saving)
    assert min(counts) > 0
    found = await check(storage.database, source)
    assert (found.by_key, found.problems) == ({done.after: 8}, ())


async def test_a_key_of_the_environment_is_rotated_to_the_one_written_behind_it(
    database_url: str, tmp_path: Path
) -> None:
    old, new = _a_key(), _a_key()
    file = tmp_path / "none"
    storage = await open_storage(database_url, tmp_path, keys=KeySource(file=file, text=old))
    await storage.tokens.save(OFFICE, TOKENS)
    with pytest.raises(ConfigError, match="after a comma"):
        await rotate(storage.database, KeySource(file=file, text=old))
    both = KeySource(file=file, text=f"{old},{new}")
    await rotate(storage.database, both)
    with pytest.raises(ConfigError, match="after a comma"):  # not back to the old one
        await rotate(storage.database, both)
    with pytest.raises(ConfigError, match="which is not in"):  # this process does not have the new key
        await storage.tokens.save(OFFICE, TOKENS)
    await storage.close()
    again = await open_storage(database_url, tmp_path, keys=KeySource(file=file, text=new))
    assert await again.tokens.load(OFFICE) == TOKENS
    await again.close()
    assert not file.exists()


async def test_processes_that_start_together_make_one_key(empty_database_url: str, tmp_path: Path) -> None:
    opened = await asyncio.gather(*(open_storage(empty_database_url, tmp_path) for _ in range(4)))
    for number, storage in enumerate(opened):
        await storage.tokens.save(OFFICE, replace(TOKENS, access=str(number)))
        assert {(await each.tokens.load(OFFICE)) for each in opened} == {replace(TOKENS, access=str(number))}
    for storage in opened:
        await storage.close()
    assert len((tmp_path / "secret.key").read_text().split()) == 1


async def test_check_says_what_is_wrong(storage: Storage, tmp_path: Path) -> None:
    source = KeySource.in_folder(tmp_path)
    await storage.tokens.save(OFFICE, TOKENS)
    await storage.tokens.save(OTHER, TOKENS)
    await _store(storage.database, OTHER, encode(TOKENS))
    source.file.chmod(0o644)
    found = await check(storage.database, source)
    assert found.by_key[""] == 1
    assert len(found.problems) == 1
    assert found.is_open_to_others
    wrong = await check(storage.database, KeySource(file=source.file, text=_a_key()))
    assert any("is not in the environment" in problem for problem in wrong.problems)
    assert any(OFFICE in problem for problem in wrong.problems)


async def test_without_a_lost_key_one_starts_again_and_keeps_what_can_be_read(
    storage: Storage, database_url: str, tmp_path: Path
) -> None:
    source = KeySource.in_folder(tmp_path)
    await storage.tokens.save(OFFICE, TOKENS)
    assert await forget(storage.database, source) == 0
    assert await storage.tokens.load(OFFICE) == TOKENS
    source.file.unlink()
    with pytest.raises(ConfigError):
        await open_storage(database_url, tmp_path)
    with pytest.raises(ConfigError, match="make it"):
        await forget(storage.database, KeySource(file=tmp_path / "named"))
    assert await forget(storage.database, source) == 1
    again = await open_storage(database_url, tmp_path)
    assert await again.tokens.load(OFFICE) is None
    await again.tokens.save(OFFICE, TOKENS)
    assert await again.tokens.load(OFFICE) == TOKENS
    await again.close()


def test_keys_are_not_shown(tmp_path: Path) -> None:
    written = _a_key()
    source = KeySource(file=tmp_path / "x", text=written)
    key = Key.parse(written, "here")
    assert written not in f"{source!r} {key!r} {KeyRing(source)!r}"
    assert repr(key.secret) not in repr(key)
