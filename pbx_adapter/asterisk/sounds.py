"""Puts sounds of ours into a folder from which the PBX plays them: messages, announcements.

A sound is named after its content: only we name files there, and the same sound is stored once.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import tempfile
import wave
from pathlib import Path

from integration.errors import Rejected, Unavailable
from pbx_adapter.asterisk.settings import SoundSettings

_RATE, _BYTES = 8_000, 2
LONGEST_SECONDS = 300
_LARGEST = LONGEST_SECONDS * _RATE * _BYTES + 4_096


async def place(wav: bytes, settings: SoundSettings) -> str:
    """
    Store a sound; return its name for Playback, which is a path on the PBX without the file's ending.

    Raises:
        Rejected: `bad_sound`: no WAV of one channel, 16 bit, 8,000 samples a second; `no_sounds`: no folder is set up.
        Unavailable: it cannot be written.
    """
    if settings.path is None:
        raise Rejected("no folder for sounds is set up for this PBX (`sounds`)", code="no_sounds")
    return await asyncio.to_thread(_place, wav, Path(settings.path), settings.pbx_path or settings.path)


def _place(wav: bytes, folder: Path, on_pbx: str) -> str:
    _check(wav)
    name = f"dozvon-{hashlib.sha256(wav).hexdigest()[:24]}"
    file = folder / f"{name}.wav"
    try:
        if not file.is_file():
            _write(file, wav)
    except OSError as exc:
        raise Unavailable(f"the sound cannot be written into the PBX's folder: {exc.strerror}") from exc
    return f"{on_pbx.rstrip('/')}/{name}"


def _write(file: Path, wav: bytes) -> None:
    """Whole or not at all: the PBX may play it in the next moment. Readable for the PBX's own user."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".dozvon-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(wav)
        temporary.chmod(0o644)
        temporary.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _check(wav: bytes) -> None:
    try:
        if len(wav) > _LARGEST:
            raise Rejected(f"the sound is longer than {LONGEST_SECONDS} seconds", code="bad_sound")
        with wave.open(io.BytesIO(wav)) as sound:
            shape = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            if shape != (1, _BYTES, _RATE) or sound.getnframes() == 0:
                raise Rejected("the sound is not mono, 16 bit, 8 kHz", code="bad_sound")
    except (wave.Error, EOFError) as exc:
        raise Rejected(f"this is no WAV: {exc}", code="bad_sound") from exc
