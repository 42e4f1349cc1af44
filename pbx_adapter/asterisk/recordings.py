"""Fetches a recording by the name that the PBX gave it: from a folder or from a web server.

Names come from channel variables, so they are hostile input: nothing outside the configured folder is ever opened.
Storing and converting belong to the services.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
from yarl import URL

from integration.domain.calls.call import Call
from integration.errors import AuthFailed, NotFound, Unavailable
from pbx_adapter.asterisk.recording_names import Sought, is_subfolder
from pbx_adapter.asterisk.settings import RecordingSettings

_CHUNK = 65_536
_WAV_HEADER = 44  # bytes; a file of this size holds no sound
_QUIET_SECONDS = 1.0  # a file that did not change for this long is complete
_COMPLETE_SECONDS = 10.0  # MixMonitor's own conversion may take a while after the hangup
_LARGEST = 1024**3
_WEB_TIMEOUT = aiohttp.ClientTimeout(total=300.0, connect=10.0, sock_read=20.0)
_WEB_ATTEMPTS = 4


async def fetch(
    file: str, settings: RecordingSettings, session: aiohttp.ClientSession, call: Call | None = None
) -> AsyncIterator[bytes]:
    """
    The bytes of a recording.

    Args:
        file: the name from the PBX: a bare name, a name with folders, or a whole path on the PBX.
        call: the recording's call, to find a renamed recording by the call's id and day.

    Raises:
        NotFound: there is none, it has no sound, or no place is configured. The message says where we looked.
        Unavailable: it is not complete yet, or the server does not answer. AuthFailed: the web server refuses us.
    """
    parts = _parts(file, settings.pbx_path)
    sought = Sought(parts) if call is None else Sought(parts, call.native_id, call.started_at)
    if settings.path:
        async for chunk in _from_folder(Path(settings.path), sought):
            yield chunk
    elif settings.url:
        async for chunk in _from_web(session, settings, sought):
            yield chunk
    else:
        raise NotFound("no place for recordings is configured", code="no_recordings")


def _parts(file: str, pbx_path: str) -> tuple[str, ...]:
    """The name below the recordings' folder. Raises: NotFound for a name that leads out of it."""
    inside = file.removeprefix(pbx_path.rstrip("/") + "/") if file.startswith("/") else file
    parts = PurePosixPath(inside).parts
    if inside.startswith("/"):  # a folder of the PBX that we do not know: look only for the name
        parts = parts[-1:]
    if not parts or any(p in ("..", ".", "/") or "\0" in p or "\\" in p or not p.isprintable() for p in parts):
        raise NotFound("this is not a recording's name", code="bad_name")
    return parts


def find(root: Path, sought: Sought) -> Path | None:
    """The file at its announced place, with links resolved; None if it is missing or a link leads out of `root`."""
    return _inside(root, sought.parts) or _inside(root, (sought.name,))


def search(root: Path, sought: Sought, *, by_id: bool) -> Path | None:
    """Find a moved or renamed file (`recording_names.py`). Reads the listings of a few folders."""
    for folder in (*sought.folders(), *sought.own_folders()):
        for each in (folder, *((*folder, hour) for hour in _listing(root, folder, is_folder=True))):
            name = sought.best_of(_listing(root, each), by_id=by_id)
            if name is not None and (path := _inside(root, (*each, name))) is not None:
                return path
    if not any(c in sought.name for c in "*?["):
        for path in root.glob(f"[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]/{sought.name}"):
            if (real := _inside(root, path.relative_to(root).parts)) is not None:
                return real
    return None


def _listing(root: Path, folder: tuple[str, ...], *, is_folder: bool = False) -> list[str]:
    """Names of the files in a folder, or of its hour folders; empty if there is no such folder."""
    try:
        with os.scandir(root.joinpath(*folder)) as entries:
            if is_folder:
                return sorted((e.name for e in entries if is_subfolder(e.name) and e.is_dir()), reverse=True)
            return [entry.name for entry in entries if entry.is_file()]
    except OSError:
        return []


def _inside(root: Path, parts: tuple[str, ...]) -> Path | None:
    try:
        real = root.joinpath(*parts).resolve(strict=True)
        if real.is_relative_to(root.resolve()) and stat.S_ISREG(real.stat().st_mode):
            return real
    except (OSError, RuntimeError):
        pass
    return None


async def _from_folder(root: Path, sought: Sought) -> AsyncIterator[bytes]:
    path = await _complete(root, sought)
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
    except OSError as exc:
        raise Unavailable(f"the recording cannot be read: {exc.strerror}") from exc
    finally:
        await asyncio.to_thread(file.close)


async def _complete(root: Path, sought: Sought) -> Path:
    """Wait until the file is there and nobody writes to it any more."""
    size, quiet_since = -1, 0.0
    clock = asyncio.get_running_loop().time
    began = search_at = clock()
    became: Path | None = None
    while True:
        now = clock()
        waited = now - began
        # By the call's id only if nothing else was found: another recording of the call may have it too.
        by_id = None if now < search_at else waited >= _COMPLETE_SECONDS / 2
        seen = await asyncio.to_thread(_look, root, sought, became, by_id=by_id)
        if by_id is not None and not seen.has_its_name:
            became = seen.path
            search_at = now + _COMPLETE_SECONDS / 5  # listings cost more than a look at one name
        if seen.path is not None:
            is_quiet = seen.size == size and now - quiet_since >= _QUIET_SECONDS and size > _WAV_HEADER
            if seen.is_complete or is_quiet:
                return seen.path
            if seen.size != size:
                size, quiet_since = seen.size, now
        if waited >= _COMPLETE_SECONDS:
            break
        await asyncio.sleep(max(0.1, waited / 10))  # many calls may wait for files that never come
    if seen.path is None or size <= _WAV_HEADER:
        raise NotFound(sought.told(str(root)), code="no_recording")
    raise Unavailable("the recording is still being written", retry_after_seconds=10.0)


class _Seen(NamedTuple):
    """
    Attributes:
        has_its_name: the one that the PBX announced.
        size: bytes; -1 if there is no file.
        is_complete: its header says so.
    """

    path: Path | None
    has_its_name: bool
    size: int
    is_complete: bool


def _look(root: Path, sought: Sought, became: Path | None, *, by_id: bool | None) -> _Seen:
    """
    Args:
        became: what an earlier search has found.
        by_id: None: do not search for what became of the file.
    """
    named = find(root, sought)
    path = named or (became if by_id is None else search(root, sought, by_id=by_id))
    size = -1 if path is None else _size(path)
    return _Seen(path, named is not None, size, path is not None and _says_complete(path, size))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # converted or moved at this moment
        return -1


def _says_complete(path: Path, size: int) -> bool:
    """Whether a WAV is complete by its header, which gets the length of the sound when the file is closed."""
    if size <= _WAV_HEADER or path.suffix.lower() != ".wav":
        return False
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return False
    return head[:4] == b"RIFF" and abs(int.from_bytes(head[4:8], "little") + 8 - size) <= 1


async def _from_web(
    session: aiohttp.ClientSession, settings: RecordingSettings, sought: Sought
) -> AsyncIterator[bytes]:
    """Ask a web server, which shows no listings, in each folder for the name and for the name with other endings."""
    folders = sought.folders() if len(sought.parts) == 1 else [sought.parts[:-1]]
    tried = [(*folder, name) for name in (sought.name, *sought.others()) for folder in folders]
    for parts in dict.fromkeys(tried):
        try:
            async for chunk in _at(session, settings, parts):
                yield chunk
            return
        except NotFound:
            continue
    raise NotFound(sought.told("the web server"), code="no_recording")


async def _at(
    session: aiohttp.ClientSession, settings: RecordingSettings, parts: tuple[str, ...]
) -> AsyncIterator[bytes]:
    """Read over HTTP. A broken transfer continues where it stopped (Range), a few times."""
    url = URL(f"{settings.url}/{'/'.join(quote(p, safe='') for p in parts)}", encoded=True)
    auth = aiohttp.BasicAuth(settings.username, settings.password) if settings.username else None
    got = 0
    for attempt in range(_WEB_ATTEMPTS):
        headers = {"Range": f"bytes={got}-"} if got else {}
        try:
            async with session.get(
                url, headers=headers, auth=auth, timeout=_WEB_TIMEOUT, allow_redirects=False
            ) as answer:
                if got and answer.status == 416:  # nothing is left: the transfer broke after the last byte
                    return
                if got and answer.status in (404, 410):
                    raise Unavailable("the recording disappeared during the download")
                _check(answer.status)
                skip = got if answer.status == 200 else 0  # the server does not support ranges: skip what we have
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    fresh, skip = chunk[skip:], max(0, skip - len(chunk))
                    if not fresh:
                        continue
                    got += len(fresh)
                    if got > _LARGEST:
                        raise Unavailable("the recording is larger than 1 GiB")
                    yield fresh
                return
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            if attempt == _WEB_ATTEMPTS - 1:
                raise Unavailable(f"the recording could not be fetched: {exc or 'no answer in time'}") from exc
        await asyncio.sleep(0.5 * (attempt + 1))


def _check(status: int) -> None:
    if status in (200, 206):
        return
    if status in (401, 403):
        raise AuthFailed("the web server with the recordings refuses our name and password")
    if status in (404, 410):
        raise NotFound("there is no such recording on the web server", code="no_recording")
    raise Unavailable(f"the web server with the recordings answers {status}")
