"""Files that people upload for campaigns, made into what a telephone can carry by a worker process that dies alone."""

from __future__ import annotations

import asyncio
import json
import sys

import structlog

from integration.errors import Rejected
from integration.services.telephone_sound import LONGEST_SECONDS, RATE, TelephoneSound
from integration.worker_process import WorkerFailed, answered

log = structlog.get_logger()

LARGEST_FILE = 20_000_000
"""Bytes: four minutes of a usual recording."""

_SECONDS = 90.0
_MOST_BYTES = 2 * RATE * (LONGEST_SECONDS + 2) + 4_096
_WORKER = (sys.executable, "-m", "integration.services.sound_worker")


class UploadedSounds:
    """One for a process. Converts one file at a time: it takes a processor for a moment."""

    def __init__(self, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._one = asyncio.Lock()

    async def converted(self, file: bytes) -> TelephoneSound:
        """
        Of WAV, MP3, OGG or FLAC.

        Raises:
            Rejected: `bad_sound`: no sound file that can be read; `no_sound`: empty or silent; `too_long`: also one
                that would take too much memory or time.
        """
        try:
            async with self._one:
                said = await answered(*_WORKER, work=file, seconds=self._seconds, most_bytes=_MOST_BYTES)
        except WorkerFailed as exc:
            log.warning("a sound was not converted", size=len(file), error=str(exc))
            raise Rejected("this sound takes too much to convert", code="too_long") from exc
        line, _, wav = said.partition(b"\n")
        told = json.loads(line)
        if "trouble" in told:
            raise Rejected("this file is refused", code=str(told["trouble"]))
        return TelephoneSound(wav, float(told["seconds"]))
