"""Encrypts secrets in the database with AES-256-GCM. `keys.py` reads and creates the keys.

Theory of operation. A secret is stored as `sealed:1:<key id>:<base64 of nonce, ciphertext and tag>`. The account and
the column are authenticated with it, so a row copied to another account does not decrypt. One row of the database
(`secret_key`) names the current key. Sealing reads that row inside its transaction, and a rotation changes it in the
transaction that encrypts everything again: afterwards no process can write with the old key, even if it still has it in
memory. A start is refused if the database's key is missing.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Connection, Select, delete, inspect, select, update

from integration.errors import ConfigError, ProtocolError
from integration.storage.secrets.keys import Key, KeyRing, KeySource
from integration.storage.sql.database import Across, Database, insert
from integration.storage.sql.schema.crm import tokens
from integration.storage.sql.schema.offices import offices
from integration.storage.sql.schema.operation import secret_key

log = structlog.get_logger()

_PREFIX = "sealed:1:"
_NONCE_BYTES = 12  # GCM's; random nonces are safe for 2^32 secrets a key (NIST SP 800-38D)
_ROW = 1  # the id of the only row of `secret_key`
_COLUMNS = (tokens.c.state, offices.c.secrets)
"""Every column that holds a secret. The key of its table is the account; where it may be NULL, there may be none."""


class Sealer:
    """Encrypts and decrypts with the ring's keys. Safe to log: no `repr` shows a key."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, connection: Connection, plain: str, *, account: str, column: str) -> str:
        """Encrypt with the current key, inside the transaction that stores the result. Raises: ConfigError."""
        return self.seal_with(self.key(current_key(connection)), plain, account=account, column=column)

    def seal_with(self, key: Key, plain: str, *, account: str, column: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(key.secret).encrypt(nonce, plain.encode(), _place(account, column))
        return f"{_PREFIX}{key.id}:{base64.b64encode(sealed).decode()}"

    def unseal(self, stored: str, *, account: str, column: str) -> str:
        """
        Decrypt a secret. Text stored before Dozvon encrypted secrets is returned unchanged.

        Raises:
            ConfigError: its key is missing.
            ProtocolError: it was sealed for another account or column, or is damaged.
        """
        if not is_sealed(stored):
            return stored
        key_id, _, text = stored.removeprefix(_PREFIX).partition(":")
        key = self.key(key_id)
        try:
            sealed = base64.b64decode(text, validate=True)
            return (
                AESGCM(key.secret)
                .decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(account, column))
                .decode()
            )
        except (InvalidTag, binascii.Error, ValueError) as exc:
            raise ProtocolError("A stored secret is damaged, or was sealed for another account.") from exc

    def key(self, key_id: str | None) -> Key:
        """Raises: ConfigError if the ring does not hold it."""
        key = self._ring.get(key_id) if key_id else None
        if key is None:
            raise ConfigError(
                f"The secrets in the database are encrypted with key {key_id}, which is not in {self._ring.place}."
                " Restore that key (dozvon secrets check shows more); nothing was changed."
            )
        return key


def is_sealed(stored: str) -> bool:
    return stored.startswith(_PREFIX)


def current_key(connection: Connection) -> str | None:
    """The current key's id. On PostgreSQL a transaction that reads it and a rotation wait for each other."""
    query = select(secret_key.c.key_id).where(secret_key.c.id == _ROW)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(read=True)
    key_id: str | None = connection.execute(query).scalar()
    return key_id


async def open_sealer(database: Database, source: KeySource) -> Sealer:
    """
    Open the database's sealer. The first start creates a key, unless one is configured, and encrypts plain secrets.

    Raises:
        ConfigError: the key is missing, broken, or not the key of this database. Nothing is changed.
        Unavailable: the database or the key file cannot be written.
    """
    registered = await database.read(_registered)
    ring = KeyRing(source)
    if ring.newest is None:
        if registered is not None:
            raise ConfigError(
                f"The secrets in the database are encrypted with key {registered}, and its file {source.file} is"
                " missing. Restore it from your copy; no new key was created."
            )
        if not source.may_be_made:
            raise ConfigError(f"security.key_file: {source.file} is not there; make it: openssl rand -base64 32")
        ring.make()
        log.warning(
            "created a key for the secrets; keep a copy of it, a backup does not contain it", file=str(source.file)
        )
    sealer = Sealer(ring)
    if registered is None:
        registered = await database.write(lambda connection: _register(connection, database, ring))
    sealer.key(registered)
    sealed = await database.write(lambda c: _reseal(c, sealer, None), Across.SECRETS)
    if sealed:
        log.info("encrypted secrets that were stored in plain text", count=sealed)
    return sealer


def _registered(connection: Connection) -> str | None:
    key_id: str | None = connection.execute(select(secret_key.c.key_id)).scalar()
    return key_id


def _register(connection: Connection, database: Database, ring: KeyRing) -> str | None:
    """Register our newest key if the database has none. Returns the id of the key that it has now."""
    assert ring.newest is not None
    put = insert(database.dialect, secret_key).values(id=_ROW, key_id=ring.newest.id)
    connection.execute(put.on_conflict_do_nothing())
    return current_key(connection)


@dataclass(frozen=True, slots=True)
class Rotated:
    before: str
    after: str
    secrets: int


async def rotate(database: Database, source: KeySource) -> Rotated:
    """
    Encrypt everything with a newer key: the newest one configured, or else a new one (key file only).

    Everything happens in one transaction; running processes find the new key in the file. At the end the old key is
    removed from the file.

    Raises: as `open_sealer`. If the transaction fails, the only change is that the file has the new key.
    """
    sealer = await open_sealer(database, source)
    async with database.lock("secrets"):
        ring = KeyRing(source)
        before = await database.read(_registered)
        assert before is not None
        target = ring.after(before) or ring.make()

        def work(connection: Connection) -> int:
            connection.execute(update(secret_key).values(key_id=target.id))
            return _reseal(connection, sealer, target)

        count = await database.write(work, Across.SECRETS)
        ring.keep_only(target)
    return Rotated(before, target.id, count)


async def forget(database: Database, source: KeySource) -> int:
    """
    For a lost key: delete the secrets that none of our keys opens, so that Dozvon starts again. Their accounts must be
    connected again. Readable secrets do not change.

    Returns:
        How many were deleted.

    Raises:
        ConfigError: there is no key, and none may be created.
    """
    ring = KeyRing(source)
    if ring.newest is None and not source.may_be_made:
        raise ConfigError(f"security.key_file: {source.file} is not there; make it: openssl rand -base64 32")
    newest = ring.newest or ring.make()
    sealer = Sealer(ring)

    def work(connection: Connection) -> int:
        put = insert(database.dialect, secret_key).values(id=_ROW, key_id=newest.id)
        connection.execute(put.on_conflict_do_update(index_elements=[secret_key.c.id], set_={"key_id": newest.id}))
        return sum(_drop_unreadable(connection, sealer, column) for column in _COLUMNS)

    return await database.write(work, Across.SECRETS)


def _drop_unreadable(connection: Connection, sealer: Sealer, column: Column[str]) -> int:
    dropped = 0
    for account, stored in connection.execute(_filled(column)).all():
        try:
            sealer.unseal(stored, account=account, column=str(column))
        except ConfigError:
            mine = column.table.c.account == account
            # Of an office only the secrets are lost, not what else was decided.
            lost = update(column.table).values({column: None}) if column.nullable else delete(column.table)
            connection.execute(lost.where(mine))
            dropped += 1
    return dropped


def _reseal(connection: Connection, sealer: Sealer, target: Key | None) -> int:
    """Seal all secrets with `target`; without it only plain ones, with the current key. Returns how many."""
    count = 0
    for column in _COLUMNS:
        table = column.table
        query = _filled(column).with_for_update()
        if target is None:
            query = query.where(~column.startswith(_PREFIX))
        for account, stored in connection.execute(query).all():
            where = {"account": account, "column": str(column)}
            plain = sealer.unseal(stored, **where)
            fresh = sealer.seal_with(target, plain, **where) if target else sealer.seal(connection, plain, **where)
            change = update(table).where(table.c.account == account)
            connection.execute(change.values({column: fresh}))
            count += 1
    return count


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of `dozvon secrets check`. `by_key`: number of secrets by key id; plain ones under the empty id."""

    place: str
    current: str | None
    by_key: dict[str, int]
    problems: tuple[str, ...]
    is_open_to_others: bool  # whether others may read the key file


async def check(database: Database, source: KeySource) -> Checked:
    """Try to decrypt every secret. Changes nothing. Raises: ConfigError (the keys cannot be read)."""
    ring = KeyRing(source)
    sealer = Sealer(ring)
    current = await database.read(_registered)
    rows = await database.read(stored_secrets, Across.SECRETS)
    problems = []
    if current is None:
        problems.append("This database has no key yet: the first start of Dozvon creates one.")
    elif ring.get(current) is None:
        problems.append(f"Key {current}, which the database is encrypted with, is not in {ring.place}.")
    counts: Counter[str] = Counter()
    for account, column, stored in rows:
        counts[stored.removeprefix(_PREFIX).partition(":")[0] if is_sealed(stored) else ""] += 1
        try:
            sealer.unseal(stored, account=account, column=column)
        except (ConfigError, ProtocolError) as exc:
            problems.append(f"{account}, {column}: {exc}")
    if counts[""]:
        problems.append("Some secrets are stored in plain text: start this release of Dozvon once to encrypt them.")
    is_open = ring.newest is not None and ring.is_open_to_others
    return Checked(ring.place, current, dict(counts), tuple(problems), is_open)


def strange_rows(stored: Iterable[tuple[str, str, str]], ring: KeyRing) -> list[str]:
    """
    Find rows of a restored archive (account, column, text) whose secret is plain, damaged or of another account.

    With a forged row the archive's author could make us send our secrets to them. Secrets sealed with a missing key are
    not reported: the next start refuses those.
    """
    sealer, strange = Sealer(ring), []
    for account, column, text in stored:
        try:
            if not is_sealed(text):
                raise ProtocolError("plain")
            sealer.unseal(text, account=account, column=column)
        except ProtocolError:
            strange.append(f"{column} of {account[:50]}")
        except ConfigError:
            continue
    return strange


def stored_secrets(connection: Connection) -> list[tuple[str, str, str]]:
    """Account, column and text of every stored secret; a backup of an earlier release has fewer tables."""
    there = inspect(connection)
    return [
        (account, str(column), stored)
        for column in _COLUMNS
        if there.has_table(column.table.name)
        for account, stored in connection.execute(_filled(column))
    ]


def _filled(column: Column[str]) -> Select[Any]:
    return select(column.table.c.account, column).where(column.is_not(None))


def _place(account: str, column: str) -> bytes:
    """The data that is authenticated with a secret. An account's id cannot contain a NUL."""
    return f"{account}\0{column}".encode()
