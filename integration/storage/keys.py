"""The keys that secrets are encrypted with: from the environment or a file, and the making of a new one.

Encrypting and what the database knows of its key is `sealing.py`'s.
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
from integration.storage.failures import disk_failure
from integration.storage.private_files import make_folder

log = structlog.get_logger()

_KEY_BYTES = 32  # AES-256


@dataclass(frozen=True, slots=True)
class Key:
    """One key; its `id` says which it is and nothing of what it is."""

    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        return cls(hashlib.sha256(b"dozvon key id:" + secret).hexdigest()[:12], secret)

    @classmethod
    def parse(cls, text: str, place: str) -> Key:
        """Raises: ConfigError, which names `place`."""
        try:
            secret = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != _KEY_BYTES:
            raise ConfigError(f"{place}: a key is 32 random bytes in base64 (openssl rand -base64 32)")
        return cls.of(secret)

    def text(self) -> str:
        """As it is written in a file or the environment."""
        return base64.b64encode(self.secret).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where a process has its keys from: `text` (the environment) wins over `file`."""

    file: Path
    text: str | None = field(default=None, repr=False)
    may_be_made: bool = False  # nobody has named the file, so a first start makes it

    @classmethod
    def in_folder(cls, data_dir: Path) -> KeySource:
        """Of a configuration that says nothing of keys."""
        return cls(file=data_dir / "secret.key", may_be_made=True)


class KeyRing:
    """
    Keys in the order in which they came into use. In a file one stands on a line, in the environment commas part them.

    Raises (all methods): ConfigError when a key or the file cannot be read; Unavailable when it cannot be written.
    """

    def __init__(self, source: KeySource) -> None:
        self.source = source
        self._keys: tuple[Key, ...] = ()
        self._read()

    @property
    def place(self) -> str:
        """For people: where the keys are."""
        return "the environment (DOZVON_KEY)" if self.source.text is not None else str(self.source.file)

    @property
    def newest(self) -> Key | None:
        return self._keys[-1] if self._keys else None

    def get(self, key_id: str) -> Key | None:
        """An unknown one may have come into the file meanwhile (a rotation), so it is read again."""
        for _ in range(2):
            found = next((key for key in self._keys if key.id == key_id), None)
            if found is not None:
                return found
            self._read()
        return None

    def after(self, key_id: str) -> Key | None:
        """The newest key, when that is not `key_id` itself: what a rotation goes to."""
        self._read()
        return self.newest if self.newest is not None and self.newest.id != key_id else None

    def make(self) -> Key:
        """Write a new key behind the others. Another process that makes the first one at the same moment wins or
        loses; either way the file's is returned."""
        if self.source.text is not None:
            raise ConfigError(
                "DOZVON_KEY holds the only key. Write the new one behind it, after a comma, for every process; make it"
                " with: openssl rand -base64 32. Then rotate again."
            )
        self.add(Key.of(secrets.token_bytes(_KEY_BYTES)))
        assert self.newest is not None
        return self.newest

    def add(self, key: Key) -> None:
        """Behind the others, in the file."""
        self._put((*self._keys, key))
        self._read()

    def _put(self, keys: tuple[Key, ...]) -> None:
        """Write the file again with exactly these; whoever reads it sees the old file or the new one."""
        path = self.source.file
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            make_folder(path.parent)
            try:
                _write(temporary, "".join(f"{key.text()}\n" for key in keys))
                if self._keys:
                    before = path.stat()
                    if before.st_uid != os.geteuid():  # an administrator rotates what the service has to read
                        os.chown(temporary, before.st_uid, before.st_gid)
                    temporary.replace(path)
                else:
                    os.link(temporary, path)  # never over a file that another process has just made
            except FileExistsError:
                return
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as exc:
            raise disk_failure(exc, f"The key file {path} cannot be written") from exc
        self._keys = keys

    def keep_only(self, key: Key) -> None:
        """End of a rotation. What the environment holds an administrator removes."""
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
            reason = exc.strerror if isinstance(exc, OSError) else "it is no text"
            raise ConfigError(f"The key file {self.source.file} cannot be read: {reason}") from exc
        self._keys = _parse(content, self.place)

    @property
    def is_open_to_others(self) -> bool:
        """Whether anybody but the owner may read the file."""
        return self.source.text is None and bool(self.source.file.stat().st_mode & 0o077)


def _parse(text: str, place: str) -> tuple[Key, ...]:
    keys = tuple(Key.parse(line, place) for line in text.split())
    if not keys:
        raise ConfigError(f"{place}: holds no key")
    return keys


def _write(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
