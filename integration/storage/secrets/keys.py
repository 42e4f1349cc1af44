"""The keys that encrypt secrets: reads them from the environment or a file, and creates new ones.

`sealing.py` encrypts, and records in the database which key is current.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from integration.errors import ConfigError
from integration.storage.secrets.private_files import make_folder
from integration.storage.sql.failures import disk_failure

log = structlog.get_logger()

_KEY_BYTES = 32  # AES-256


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Its `id` identifies it without revealing it."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        return cls(hashlib.sha256(b"dozvon key id:" + secret).hexdigest()[:12], secret)

    @classmethod
    def parse(cls, text: str, place: str) -> Key:
        """Raises: ConfigError, whose message names `place`."""
        try:
            secret = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != _KEY_BYTES:
            raise ConfigError(f"{place}: a key is 32 random bytes in base64 (openssl rand -base64 32)")
        return cls.of(secret)

    def text(self) -> str:
        """The form for a file or the environment."""
        return base64.b64encode(self.secret).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a process gets its keys: `text` (the environment) wins over `file`."""

    file: Path
    text: str | None = field(default=None, repr=False)
    may_be_made: bool = False  # the configuration names no file, so the first start creates it

    @classmethod
    def in_folder(cls, data_dir: Path) -> KeySource:
        """The source for a configuration without settings for keys."""
        return cls(file=data_dir / "secret.key", may_be_made=True)


class KeyRing:
    """
    Keys in the order in which they came into use: one a line in a file, separated by commas in the environment.

    Raises (all methods): ConfigError if a key or the file cannot be read; Unavailable if the file cannot be written.
    """

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._keys: tuple[Key, ...] = ()
        self._read()

    @property
    def place(self) -> str:
        """Where the keys are, for messages."""
        return "the environment (DOZVON_KEY)" if self.source.text is not None else str(self.source.file)

    @property
    def newest(self) -> Key | None:
        return self._keys[-1] if self._keys else None

    def get(self, key_id: str) -> Key | None:
        """The key with this id. If it is unknown, the file is read again: a rotation may have added it."""
        for _ in range(2):
            found = next((key for key in self._keys if key.id == key_id), None)
            if found is not None:
                return found
            self._read()
        return None

    def after(self, key_id: str) -> Key | None:
        """The newest key, unless it is `key_id` itself: the one to rotate to."""
        self._read()
        return self.newest if self.newest is not None and self.newest.id != key_id else None

    def make(self) -> Key:
        """Write a new key behind the others and return it.

        If another process creates the first key at the same moment, both return the one that is in the file.
        """
        if self.source.text is not None:
            raise ConfigError(
                "DOZVON_KEY contains only one key. Make a new one: openssl rand -base64 32. Append it after a comma for"
                " every process, then rotate again."
            )
        self.add(Key.of(secrets.token_bytes(_KEY_BYTES)))
        assert self.newest is not None
        return self.newest

    def add(self, key: Key) -> None:
        """Append a key to the file."""
        self._put((*self._keys, key))
        self._read()

    def _put(self, keys: tuple[Key, ...]) -> None:
        """Replace the file by one with exactly these keys. A reader sees the old file or the new one."""
        path = self.source.file
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            make_folder(path.parent)
            try:
                _write(temporary, "".join(f"{key.text()}\n" for key in keys))
                if self._keys:
                    before = path.stat()
                    if before.st_uid != os.geteuid():  # an administrator rotates; the service must read it
                        os.chown(temporary, before.st_uid, before.st_gid)
                    temporary.replace(path)
                else:
                    os.link(temporary, path)  # fails if another process has just created it
            except FileExistsError:
                return
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as exc:
            raise disk_failure(exc, f"The key file {path} cannot be written") from exc
        self._keys = keys

    def keep_only(self, key: Key) -> None:
        """End a rotation: remove the other keys from the file. In the environment an administrator removes them."""
        if self.source.text is None:
            self._put((key,))

    def _read(self) -> None:
        if self.source.text is not None:
            self._keys = _parse(self.source.text.replace(",", "\n"), self.place)
            return
        try:
            content = self.source.file.read_text("ascii")
        except FileNotFoundError:
            self._keys = ()
            return
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not a text file"
            raise ConfigError(f"The key file {self.source.file} cannot be read: {reason}") from exc
        self._keys = _parse(content, self.place)

    @property
    def is_open_to_others(self) -> bool:
        """Whether others than the owner may read the file."""
        return self.source.text is None and bool(self.source.file.stat().st_mode & 0o077)


def _parse(text: str, place: str) -> tuple[Key, ...]:
    keys = tuple(Key.parse(line, place) for line in text.split())
    if not keys:
        raise ConfigError(f"{place}: contains no key")
    return keys


def _write(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
