"""Secrets in the database, encrypted with AES-256-GCM. Where keys come from is `keys.py`'s.

Theory of operation. A secret is stored as `sealed:1:<key id>:<base64 of nonce, ciphertext and tag>`. The account and
the column are authenticated with it: a row that is copied to another account does not decrypt. One row of the
database (`secret_key`) names the key that is current. Who seals reads it inside its transaction, and a rotation
changes it in the one transaction that encrypts everything again, so nobody can write with the old key afterwards,
whatever its process remembers. A database whose key is not here is refused at the start.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, Connection, delete, select, update

from integration.errors import ConfigError, ProtocolError
from integration.storage.database import Across, Database, insert
from integration.storage.keys import Key, KeyRing, KeySource
from integration.storage.schema import secret_key, tokens

log = structlog.get_logger()

_PREFIX = "sealed:1:"
_NONCE_BYTES = 12  # of GCM; random, which is safe for 2^32 secrets a key (NIST SP 800-38D)
_ROW = 1  # the only one of `secret_key`
_COLUMNS = (tokens.c.state,)
"""Every column that holds a secret; its table's key is the account."""


class Sealer:
    """Encrypts and decrypts with the ring's keys. Never in logs: it has no `repr` of its own, and keys hide theirs."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def seal(self, connection: Connection, plain: str, *, account: str, column: str) -> str:
        """With the database's current key, inside the transaction that stores it. Raises: ConfigError."""
        return self.seal_with(self.key(current_key(connection)), plain, account=account, column=column)

    def seal_with(self, key: Key, plain: str, *, account: str, column: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + AESGCM(key.secret).encrypt(nonce, plain.encode(), _place(account, column))
        return f"{_PREFIX}{key.id}:{base64.b64encode(sealed).decode()}"

    def unseal(self, stored: str, *, account: str, column: str) -> str:
        """
        The secret; what was stored before there was encryption comes back as it is.

        Raises:
            ConfigError: its key is not here.
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
        """Raises: ConfigError when the ring does not hold it."""
        key = self._ring.get(key_id) if key_id else None
        if key is None:
            raise ConfigError(
                f"The secrets in the database are encrypted with key {key_id}, which {self._ring.place} does not hold."
                " Put that key back (dozvon secrets check says more); nothing was changed."
            )
        return key


def is_sealed(stored: str) -> bool:
    return stored.startswith(_PREFIX)


def current_key(connection: Connection) -> str | None:
    """Its id; on PostgreSQL a rotation waits until the transaction ends that has asked, and the other way round."""
    query = select(secret_key.c.key_id).where(secret_key.c.id == _ROW)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(read=True)
    key_id: str | None = connection.execute(query).scalar()
    return key_id


async def open_sealer(database: Database, source: KeySource) -> Sealer:
    """
    The database's sealer; the first start makes a key where nobody has named one, and encrypts what is still plain.

    Raises:
        ConfigError: no key, a broken one, or not the one that this database is encrypted with. Nothing is changed.
        Unavailable: the database or the key file cannot be written.
    """
    registered = await database.read(_registered)
    ring = KeyRing(source)
    if ring.newest is None:
        if registered is not None:
            raise ConfigError(
                f"The secrets in the database are encrypted with key {registered}, and its file {source.file} is not"
                " there. Put it back from your backup; no new one was made."
            )
        if not source.may_be_made:
            raise ConfigError(f"security.key_file: {source.file} is not there; make it: openssl rand -base64 32")
        ring.make()
        log.warning("made a key for the secrets; back it up, a backup does not hold it", file=str(source.file))
    sealer = Sealer(ring)
    if registered is None:
        registered = await database.write(lambda connection: _register(connection, database, ring))
    sealer.key(registered)
    sealed = await database.write(lambda c: _reseal(c, sealer, None), Across.SECRETS)
    if sealed:
        log.info("secrets that were stored in plain are encrypted now", count=sealed)
    return sealer


def _registered(connection: Connection) -> str | None:
    key_id: str | None = connection.execute(select(secret_key.c.key_id)).scalar()
    return key_id


def _register(connection: Connection, database: Database, ring: KeyRing) -> str | None:
    """Whoever comes first; the other learns whose key it is."""
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
    Encrypt everything with a newer key: the one that stands behind the current one, else a new one (key file only).

    In one transaction; running processes find the new key in the file. The old one leaves the file at the end.

    Raises: as `open_sealer`; before the transaction's end nothing has changed but that a new key is in the file.
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
    The key is lost: drop the secrets that no key here opens, so that Dozvon starts again with a key that is here. The
    accounts they were of have to be connected again. What can be read stays as it is.

    Returns:
        How many were dropped.

    Raises:
        ConfigError: no key is here, and none may be made.
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
    for account, stored in connection.execute(select(column.table.c.account, column)).all():
        try:
            sealer.unseal(stored, account=account, column=str(column))
        except ConfigError:
            connection.execute(delete(column.table).where(column.table.c.account == account))
            dropped += 1
    return dropped


def _reseal(connection: Connection, sealer: Sealer, target: Key | None) -> int:
    """With `target`; without one only what is plain, with the current key. Returns how many."""
    count = 0
    for column in _COLUMNS:
        table = column.table
        query = select(table.c.account, column).with_for_update()
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
    """What `dozvon secrets check` found. `by_key`: secrets by the id of their key, plain ones under the empty id."""

    place: str
    current: str | None
    by_key: dict[str, int]
    problems: tuple[str, ...]
    is_open_to_others: bool  # the key file


async def check(database: Database, source: KeySource) -> Checked:
    """Decrypt every secret and forget it. Changes nothing. Raises: ConfigError (the keys cannot be read)."""
    ring = KeyRing(source)
    sealer = Sealer(ring)
    current = await database.read(_registered)
    rows = await database.read(stored_secrets, Across.SECRETS)
    problems = []
    if current is None:
        problems.append("This database has no key yet: the first start of Dozvon gives it one.")
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
        problems.append("Some secrets are stored in plain: start this release of Dozvon once.")
    is_open = ring.newest is not None and ring.is_open_to_others
    return Checked(ring.place, current, dict(counts), tuple(problems), is_open)


def strange_rows(stored: Iterable[tuple[str, str, str]], ring: KeyRing) -> list[str]:
    """
    Of what a restore brings (account, column, text): where a plain secret stands, one sealed for another account, or a
    damaged one. Who wrote the archive could let us send our secrets to himself by such a row. What is sealed with a
    key that is not here is left to the start, which refuses it.
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
    """Account, column and text of each."""
    return [
        (account, str(column), stored)
        for column in _COLUMNS
        for account, stored in connection.execute(select(column.table.c.account, column))
    ]


def _place(account: str, column: str) -> bytes:
    """What is authenticated with a secret; a NUL cannot be in an account's id."""
    return f"{account}\0{column}".encode()
