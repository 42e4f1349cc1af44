"""Files that people upload for campaigns, made into what a telephone can carry by a worker process that dies alone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

import structlog

from integration.errors import Rejected
from integration.services.telephone_sound import LONGEST_SECONDS, RATE, TelephoneSound

log = structlog.get_logger()

LARGEST_FILE = 20_000_000
"""Bytes: four minutes of a usual recording."""

_SECONDS = 90.0
_MOST_BYTES = 2 * RATE * (LONGEST_SECONDS + 2) + 4_096
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
"""Of the environment: it may hold secrets, and the worker reads what strangers made."""


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
        async with self._one:
            said = await self._said(file)
        line, found, wav = said.partition(b"\n")
        if not found or len(wav) > _MOST_BYTES:  # its limits have ended it
            raise Rejected("this sound takes too much to convert", code="too_long")
        told = json.loads(line)
        if "trouble" in told:
            raise Rejected("this file is refused", code=str(told["trouble"]))
        return TelephoneSound(wav, float(told["seconds"]))

    async def _said(self, file: bytes) -> bytes:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "integration.services.sound_worker"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        )
        try:
            async with asyncio.timeout(self._seconds):
                said, _ = await worker.communicate(file)
        except TimeoutError:
            log.warning("a sound took too long to convert", size=len(file))
            return b""
        finally:
            if worker.returncode is None:
                with suppress(ProcessLookupError):
                    worker.kill()
                await worker.wait()
        return said
