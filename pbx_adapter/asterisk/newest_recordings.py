"""The newest files of a recordings' folder. Names in it are hostile: callers' numbers and names are part of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from integration.domain.ids import Timestamp
from integration.ports.pbx_setup import SeenRecording

_SOUNDS = frozenset({".wav", ".wav49", ".gsm", ".mp3", ".ogg", ".opus", ".ulaw", ".alaw", ".sln", ".webm", ".m4a"})
_MOST_FILES = 20_000  # entries looked at in one folder; the listing of more would take seconds
_MOST_FOLDERS = 60  # a folder a day or an hour, the newest first
_DEEPEST = 4  # year, month, day, hour


def newest_files(root: Path, limit: int) -> list[SeenRecording]:
    """The newest sound files in the folder and in its folders of years, months, days and hours. Never raises."""
    dated: list[SeenRecording] = []
    for number, folder in enumerate(_folders(root, _DEEPEST)):
        if number >= _MOST_FOLDERS or len(dated) >= limit:  # the newest days first: older ones have older files
            break
        if number:
            dated += _files(root, folder)
    found = sorted([*_files(root, root), *dated], key=lambda file: (-file.at, file.name))
    return found[:limit]


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    """The folder, then those below it that are named by numbers, the highest first."""
    yield folder
    if depth == 0:
        return
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.isdecimal() and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for name in sorted(names, key=lambda name: (len(name), name), reverse=True):
        yield from _folders(folder / name, depth - 1)


def _files(root: Path, folder: Path) -> list[SeenRecording]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= _MOST_FILES:
                    break
                name = entry.name
                if name.startswith(".") or Path(name).suffix.lower() not in _SOUNDS or not name.isprintable():
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    relative = (folder / name).relative_to(root).as_posix()
                    found.append(SeenRecording(name=relative, bytes=status.st_size, at=Timestamp(status.st_mtime)))
    except OSError:
        return found
    return found
