"""The doctor's check of the recordings' place: can Dozvon fetch from there?"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import aiohttp

from integration.ports.findings import Finding, error, ok, warning
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.flavours import product
from pbx_adapter.asterisk.newest_recordings import newest_files
from pbx_adapter.asterisk.settings import AsteriskSettings

_FRESH_SECONDS = 7 * 86400.0
_WEB_TIMEOUT = aiohttp.ClientTimeout(total=10.0)


async def recordings(settings: AsteriskSettings, session: aiohttp.ClientSession) -> Finding:
    """Check whether recordings can be fetched. Never raises."""
    place = settings.recordings
    if place.path:
        return await asyncio.to_thread(folder, Path(place.path))
    if place.url:
        return await _web(session, place.url, place.username, place.password)
    advice = texts.NAME_THE_PLACE(path=product(settings.flavour).recordings)
    return warning(about.RECORDINGS, texts.NO_PLACE, advice)


def folder(path: Path) -> Finding:
    """Check a folder on this machine. Never raises."""
    where = str(path)
    if not path.is_dir():
        return error(about.RECORDINGS, texts.NO_FOLDER(folder=where), texts.MOUNT_IT(folder=where))
    if not os.access(path, os.R_OK | os.X_OK):
        advice = texts.OPEN_THE_FOLDER(folder=where)
        return error(about.RECORDINGS, texts.FOLDER_CLOSED(folder=where), advice)
    newest = next(iter(newest_files(path, 1)), None)
    if newest is None:
        return ok(about.RECORDINGS, texts.FOLDER_EMPTY(folder=where))
    if not os.access(path / newest.name, os.R_OK):
        return error(about.RECORDINGS, texts.FILE_CLOSED, texts.OPEN_NEW_FILES(folder=where))
    age = time.time() - newest.at
    if age > _FRESH_SECONDS:
        says = texts.FOLDER_STALE(days=f"{age / 86400:.0f}")
        return warning(about.RECORDINGS, says, texts.IS_IT_RECORDED)
    return ok(about.RECORDINGS, texts.FOLDER_FRESH(folder=where, hours=f"{age / 3600:.1f}"))


async def _web(session: aiohttp.ClientSession, url: str, username: str, password: str) -> Finding:
    auth = aiohttp.BasicAuth(username, password) if username else None
    try:
        async with session.get(url + "/", auth=auth, timeout=_WEB_TIMEOUT) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        says = texts.WEB_SILENT(detail=str(exc) or type(exc).__name__)
        return error(about.RECORDINGS, says, texts.CORRECT_THE_URL)
    if status == 401:
        return error(about.RECORDINGS, texts.WEB_REFUSES, texts.WRITE_THE_PASSWORD)
    if status >= 500:
        return error(about.RECORDINGS, texts.WEB_FAILS(status=status), texts.READ_ITS_LOG)
    # A server without directory listings answers 403 or 404 for its folder.
    return ok(about.RECORDINGS, texts.WEB_ANSWERS(status=status))
