"""Translates errors of databases and disks into `integration.errors`. Retries nothing."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integration.errors import DozvonError, Rejected, StorageUnavailable

# SQLite's messages (sqlite3.c, `sqlite3ErrStr`) and what to do about each.
_SENTENCES = (
    ("database or disk is full", "The disk with the database is full; free some space. Nothing was lost from it."),
    ("readonly database", "The database file is read-only for this process; check its owner and its disk."),
    ("unable to open database file", "The database file cannot be opened; check its folder and its rights."),
    ("database is locked", "Another process keeps the database file locked."),
    ("disk I/O error", "The disk with the database answers with errors."),
    ("malformed", "The database file is damaged; restore a backup."),
    ("not a database", "The database file is not a SQLite database."),
)
_REFUSED = (DataError, IntegrityError, sqlite3.IntegrityError)


def translated(exc: BaseException) -> DozvonError | None:
    """Our error for an error of a database or a disk; None for any other (a bug: do not hide it)."""
    if isinstance(exc, DozvonError):
        return exc
    if isinstance(exc, UnicodeEncodeError | OverflowError):
        return Rejected("The database refuses these values.", code="bad_value")
    if isinstance(exc, OSError):
        return disk_failure(exc, "The database cannot be reached")
    if isinstance(exc, PoolTimeout):
        return StorageUnavailable("All connections to the database are busy.")
    if isinstance(exc, _REFUSED):
        return Rejected("The database refuses these values.", code="bad_value")
    if isinstance(exc, DBAPIError | sqlite3.Error):
        return driver_failure(exc)
    return None


def driver_failure(exc: BaseException) -> DozvonError:
    """Our error for a driver's error, or for SQLAlchemy's error around it."""
    cause = getattr(exc, "orig", None) or exc
    text = str(cause)
    for fragment, sentence in _SENTENCES:
        if fragment in text:
            return StorageUnavailable(sentence)
    if type(cause).__name__ == "DiskFullError" or getattr(cause, "sqlstate", None) == "53100":
        return StorageUnavailable("The disk of the database server is full.")
    if getattr(cause, "sqlstate", None) == "25006":
        return StorageUnavailable("The database server is read-only now.")
    # 22: a value that no column takes, such as a NUL; 23: a constraint, at the end of a transaction; 54: too large for
    # a row or an index.
    if str(getattr(cause, "sqlstate", "") or "").startswith(("22", "23", "54")):
        return Rejected("The database refuses these values.", code="bad_value")
    return StorageUnavailable(f"The database cannot be used: {type(cause).__name__}.")


def disk_failure(exc: OSError, what: str) -> StorageUnavailable:
    """Our error for an `OSError`; its message begins with `what`."""
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageUnavailable(f"{what}: the disk is full.")
    if exc.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageUnavailable(f"{what}: no right to write there.")
    return StorageUnavailable(f"{what}: {exc.strerror or type(exc).__name__}.")


@contextmanager
def translating() -> Iterator[None]:
    """Turn errors of the database into ours."""
    try:
        yield
    except Exception as exc:
        ours = translated(exc)
        if ours is None or ours is exc:
            raise
        raise ours from exc
