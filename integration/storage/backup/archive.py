"""Reads and writes a backup's file: a compressed tar with a manifest at its end. `backup.py` decides what goes into it.

Members: `database.sqlite3`, or `tables/<name>.copy` for PostgreSQL; `recordings/aa/bb/<opaque id>.mp3`; `secret.key`
when it was asked for; at the end `manifest.json` with the SHA-256 of each. A file with any other member is refused,
since archives come from outside. All functions here block; call them on a thread.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import secrets
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from integration.errors import Rejected, Unavailable
from integration.storage.secrets.private_files import make_folder
from integration.storage.sql.failures import disk_failure

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.sqlite3"
KEY = "secret.key"
_MEMBER = re.compile(
    r"database\.sqlite3|secret\.key|tables/[a-z][a-z0-9_]{0,62}\.copy"
    r"|recordings/[\w-]{2}/[\w-]{2}/[\w-]{8,128}\.mp3",
    re.ASCII,
)
_MOST_MEMBERS = 5_000_000
_MANIFEST_BYTES = 64 << 10  # plus this many for each member:
_MANIFEST_BYTES_A_MEMBER = 400
_HEADER_BYTES = 64 << 10  # of an extended header; our archives have none
_EXPANSION, _EXPANSION_FREE = 200, 64 << 20  # largest growth: a database shrinks to a tenth, zeros much more
_BLOCK = 512  # of a tar
_COMPRESSION = 3  # of 9: enough for the database, and recordings do not shrink at any level
_CHUNK = 1 << 20
_DAMAGE = (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError)


@dataclass(frozen=True, slots=True)
class Part:
    bytes: int
    sha256: str


@dataclass(slots=True, kw_only=True)
class Manifest:
    """The contents of an archive. `tables`: number of rows by table."""

    version: str
    made_at: float  # Unix seconds
    database: str  # sqlite or postgresql
    revision: str  # of the schema
    tables: dict[str, int]
    columns: dict[str, list[str]] = field(default_factory=dict)  # PostgreSQL: of each table's copy, in order
    sequences: dict[str, int] = field(default_factory=dict)  # PostgreSQL: the last id given out, by table
    recordings: int = 0
    recordings_missing: int = 0  # in the database, but no longer on the disk
    key_id: str | None = None
    has_key: bool = False
    parts: dict[str, Part] = field(default_factory=dict)
    format: int = FORMAT

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def of(cls, text: bytes) -> Manifest:
        """Raises: Rejected."""
        try:
            data = json.loads(text)
            if data["format"] > FORMAT:
                raise Rejected("The backup was made by a newer Dozvon, and this version cannot read it.")
            known = {each.name for each in fields(cls)}
            values: dict[str, Any] = {name: value for name, value in data.items() if name in known}
            values["parts"] = {name: Part(**part) for name, part in data["parts"].items()}
            return cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise Rejected("The backup's manifest cannot be read: the file is damaged or is not a backup.") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A database as of one moment, in files. The fields mean what they mean in `Manifest`."""

    revision: str
    tables: dict[str, int]
    columns: dict[str, list[str]] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    key_id: str | None
    recordings: list[str]  # opaque ids of the recordings whose files should exist


class ArchiveWriter:
    """Writes to a temporary file that `finish` renames to `path`; without `finish` nothing stays.

    Raises (all methods): Unavailable, also soon after `stopping` was set.
    """

    def __init__(self, path: Path, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self.parts: dict[str, Part] = {}

    def __enter__(self) -> ArchiveWriter:
        with _writing():
            descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "wb")
            self._tar = tarfile.open(fileobj=self._file, mode="w:gz", compresslevel=_COMPRESSION)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each in (self._tar, self._file):
            with suppress(OSError, ValueError):  # the temporary file is deleted in any case
                each.close()
        self._temporary.unlink(missing_ok=True)

    def add(self, name: str, source: Path) -> bool:
        """Add a file. Returns False if it does not exist (any more)."""
        try:
            file = source.open("rb")
        except FileNotFoundError:
            return False
        with file, _writing():
            info = tarfile.TarInfo(name)
            info.size = os.fstat(file.fileno()).st_size
            info.mode = 0o600
            hashed = _Hashed(file, self._stopping)
            self._tar.addfile(info, hashed)
            self.parts[name] = Part(info.size, hashed.digest.hexdigest())
        return True

    def finish(self, manifest: Manifest) -> None:
        manifest.parts = self.parts
        with _writing():
            text = manifest.text().encode()
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(text)
            info.mode = 0o600
            self._tar.addfile(info, io.BytesIO(text))
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._temporary.replace(self._path)
            sync_folder(self._path.parent)


class _Hashed:
    """A file that hashes its bytes as they are read."""

    def __init__(self, file: IO[bytes], stopping: threading.Event | None = None) -> None:
        self._file = file
        self._stopping = stopping
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        if self._stopping is not None and self._stopping.is_set():
            raise Unavailable("The backup was stopped.")
        content = self._file.read(size)
        self.digest.update(content)
        return content


def verify(path: Path, say: Callable[[str], None]) -> Manifest:
    """
    Read the whole archive and compare every byte with its manifest. Writes nothing.

    Raises:
        Rejected: it is damaged, incomplete, of a newer form, or has members that no backup has.
        Unavailable: the file cannot be read.
    """
    found: dict[str, Part] = {}
    manifest: Manifest | None = None
    with _reading():
        for info, content in _members(path):
            if info.name == MANIFEST:
                if info.size > _MANIFEST_BYTES + len(found) * _MANIFEST_BYTES_A_MEMBER:
                    raise Rejected("The backup's manifest is too large: this is not a backup of Dozvon.")
                manifest = Manifest.of(content.read())
                continue
            hashed = _Hashed(content)
            while hashed.read(_CHUNK):
                pass
            found[info.name] = Part(info.size, hashed.digest.hexdigest())
            if len(found) % 1000 == 0:
                say(f"checked {len(found)} parts")
    if manifest is None:
        raise Rejected("The backup has no manifest: the file is incomplete or not a backup of Dozvon.")
    if found != manifest.parts:
        wrong = next(name for name in {**found, **manifest.parts} if found.get(name) != manifest.parts.get(name))
        raise Rejected(f"The backup is damaged: {wrong} does not match the manifest.")
    return manifest


def extract(path: Path, manifest: Manifest, place: Callable[[str], Path]) -> None:
    """
    Write the members of a verified archive to the paths that `place` returns, each readable by the owner only.

    Raises: as `verify`; also Rejected if the file has changed since.
    """
    with _reading():
        for info, content in _members(path):
            if info.name != MANIFEST and _write(place(info.name), content) != manifest.parts.get(info.name):
                raise Rejected(f"The backup has changed while it was read: {info.name}.")


def _write(target: Path, content: IO[bytes]) -> Part:
    hashed, size = _Hashed(content), 0
    try:
        make_folder(target.parent)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            while chunk := hashed.read(_CHUNK):
                file.write(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(descriptor)
    except OSError as exc:
        raise disk_failure(exc, "The backup cannot be unpacked") from exc
    return Part(size, hashed.digest.hexdigest())


class _Info(tarfile.TarInfo):
    """Refuses headers that make tarfile read without limit or create anything but a plain file."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        is_plain = info.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        if info.size < 0 or (not is_plain and info.size > _HEADER_BYTES) or info.type == tarfile.GNUTYPE_SPARSE:
            raise Rejected(f"This is not a backup of Dozvon: it holds a header of type {info.type[:1]!r}.")
        return info


def _members(path: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """The members of an archive; refuses any that a backup does not have. Read each before asking for the next."""
    seen: set[str] = set()
    allowed = path.stat().st_size * _EXPANSION + _EXPANSION_FREE
    with tarfile.open(path, mode="r|gz", tarinfo=_Info) as tar:
        for info in tar:
            allowed -= _BLOCK + info.size
            if allowed < 0 or len(seen) >= _MOST_MEMBERS:
                raise Rejected("This is not a backup of Dozvon: it would grow to many times the size of a backup.")
            tar.members = []  # type: ignore[attr-defined] # it would keep each forever
            is_ours = info.name == MANIFEST or _MEMBER.fullmatch(info.name) is not None
            if not is_ours or not info.isreg() or info.name in seen:
                raise Rejected(f"This is not a backup of Dozvon: it holds {info.name[:100]!r}.")
            seen.add(info.name)
            content = tar.extractfile(info)
            assert content is not None  # a regular file has content
            yield info, content


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as exc:
        raise Rejected("The backup is damaged or incomplete: it cannot be read to its end.") from exc
    except OSError as exc:
        raise disk_failure(exc, "The backup cannot be read") from exc


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise disk_failure(exc, "The backup cannot be written") from exc
    except tarfile.TarError as exc:  # a file that shrank while it was read
        raise Unavailable("The backup cannot be written: a file changed while it was read.") from exc


def sync_folder(folder: Path) -> None:
    """Sync the folder: only then does a new file's name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
