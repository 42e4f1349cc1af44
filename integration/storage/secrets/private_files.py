"""Creates files and folders that only their owner may read, from the first byte on."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import structlog

log = structlog.get_logger()

FOLDER, FILE = 0o700, 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents; an existing one does not change. Raises: OSError."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        each.mkdir(FOLDER, exist_ok=True)


def make_file(path: Path) -> None:
    """Create an empty file if none exists. Raises: OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE))


def new_file(path: str | os.PathLike[str], flags: int) -> int:
    """An opener for `open()`."""
    return os.open(path, flags, FILE)


def close_to_others(data_dir: Path, database: Path | None) -> None:
    """
    Close files that an earlier release left readable. Never raises: the log names files that we may not change.

    The folder's own mode changes last and marks that everything in it is done: a start then need not check each of a
    million recordings.
    """
    if database is not None:
        locks = database.with_name(f"{database.name}-locks")
        _close(
            [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm")), *_below(locks), locks]
        )
    if _is_open(data_dir):
        recordings = data_dir / "recordings"
        _close([*data_dir.glob("secret.key*"), *_below(recordings), recordings])
        _close([data_dir])


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*files, *folders))


def _close(paths: Iterable[Path]) -> None:
    failed = 0
    for path in paths:
        try:
            mode = stat.S_IMODE(path.lstat().st_mode)
            if mode & _OTHERS and not path.is_symlink():
                path.chmod(mode & ~_OTHERS)
        except FileNotFoundError:
            continue
        except OSError:
            failed += 1
    if failed:
        log.warning("others may read files that belong to another user", files=failed)


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:
        return False
