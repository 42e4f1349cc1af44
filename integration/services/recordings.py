"""Bringing a call's recording home: from the PBX, to mp3, into our own store.

`web/recordings.py` serves it; `delivery.py` decides when to try again.
"""

from __future__ import annotations

import asyncio

from integration.domain.calls.call import Call
from integration.errors import NotFound, Rejected
from integration.ports.stores import RecordingStore
from integration.services.accounts import Account
from integration.services.audio import to_mp3

_MOST_BYTES = 512 * 1024 * 1024  # a WAV of nine hours; more is no telephone call


async def fetch_recording(account: Account, call: Call, store: RecordingStore) -> str:
    """
    Fetch, convert and store the recording of a call; the longest one where the PBX began several.

    Returns:
        The opaque id under which it is served.

    Raises:
        NotFound: the PBX has no such file (a recording that was started may leave none).
        Rejected: the files hold no sound.
        Unavailable: the PBX's files or our store cannot be reached now.
    """
    best: bytes | None = None
    refusal: Rejected | None = None
    for file in call.recordings:
        try:
            recorded = await _read(account, file, call)
            mp3 = await asyncio.to_thread(to_mp3, recorded)
        except Rejected as exc:  # NotFound is one of them: another file may be there
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
