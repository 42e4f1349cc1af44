"""Fetches a call's recording from the PBX, converts it to mp3 and stores it.

`web/recordings.py` serves it; `delivery.py` decides when to try again.
"""

from __future__ import annotations

import asyncio

from integration.domain.calls.call import Call
from integration.errors import NotFound, Rejected
from integration.ports.stores import RecordingStore
from integration.services.accounts import Account
from integration.services.audio import to_mp3

_MOST_BYTES = 512 * 1024 * 1024  # a WAV of nine hours; a larger file is not a telephone call


async def fetch_recording(account: Account, call: Call, store: RecordingStore) -> str:
    """
    Fetch, convert and store the recording of a call; if the PBX made several, the longest.

    Returns:
        The opaque id in its address.

    Raises:
        NotFound: the PBX has no such file (not every started recording leaves one).
            Rejected: the files contain no sound, or the PBX hands out no recordings.
        Unavailable: the PBX's files or our store cannot be reached now.
    """
    if not account.pbx(call.pbx).abilities.recordings:
        raise Rejected("this telephone system hands out no recordings", code="no_recordings")
    best: bytes | None = None
    refusal: Rejected | None = None
    for file in call.recordings:
        try:
            recorded = await _read(account, file, call)
            mp3 = await asyncio.to_thread(to_mp3, recorded)
        except Rejected as exc:  # also NotFound: another file may exist
            refusal = exc if refusal is None or isinstance(refusal, NotFound) else refusal
            continue
        if best is None or len(mp3) > len(best):
            best = mp3
    if best is None:
        raise refusal or NotFound("the call was not recorded")
    return await store.put(account.id, call.id, best)


async def _read(account: Account, file: str, call: Call) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in account.pbx(call.pbx).recording(file, call):
        size += len(part)
        if size > _MOST_BYTES:
            raise Rejected(f"the recording is larger than {_MOST_BYTES // 1024 // 1024} MB", code="large_recording")
        parts.append(part)
    return b"".join(parts)
