"""Recordings of the simulated office: real WAV files in which two voice-like tones alternate."""

from __future__ import annotations

import array
import asyncio
import functools
import math
import sys
import wave
from pathlib import Path

RATE = 8000  # Hz; 16 bit, mono: the format of MixMonitor's .wav
_LONGEST_SECONDS = 120.0  # a load test must not fill the disk
_TURN_SECONDS = 1.6


class RecordingFolder:
    """The PBX's monitor folder."""

    def __init__(self, folder: Path, pbx_folder: str | None) -> None:
        self._folder = folder
        self._pbx_folder = pbx_folder or str(folder)
        self._writing: set[asyncio.Future[None]] = set()

    def name_in_events(self, name: str) -> str:
        return f"{self._pbx_folder}/{name}"

    def write(self, name: str, seconds: float) -> None:
        """Write a recording of this length in a thread. Like MixMonitor's, it is complete soon after the hangup."""
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(None, write_wav, self._folder / name, seconds)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def settle(self) -> None:
        """Wait until all files are written."""
        if self._writing:
            await asyncio.gather(*self._writing, return_exceptions=True)


def write_wav(path: Path, seconds: float) -> None:
    """Write `seconds` (at most two minutes) of two alternating voices."""
    turn = _turns()
    wanted = int(min(seconds, _LONGEST_SECONDS) * RATE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while wanted > 0:
            piece = turn[: wanted * 2]
            file.writeframes(piece)
            wanted -= len(piece) // 2


@functools.cache
def _turns() -> bytes:
    """One turn of each voice, little-endian 16 bit."""
    samples = array.array("h")
    for pitch, formants in ((118.0, (540.0, 1180.0)), (205.0, (680.0, 1750.0))):
        samples.extend(_voice(pitch, formants))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _voice(pitch: float, formants: tuple[float, float]) -> list[int]:
    """A voice: harmonics of a wavering pitch, strongest near two formants, in syllables of a quarter of a second."""
    harmonics = [
        (n, sum(math.exp(-(((n * pitch - f) / 220.0) ** 2)) for f in formants) + 0.12 / n) for n in range(1, 15)
    ]
    total = sum(weight for _, weight in harmonics)
    result = []
    phase = 0.0
    for i in range(int(_TURN_SECONDS * RATE)):
        t = i / RATE
        phase += 2 * math.pi * pitch * (1 + 0.06 * math.sin(2 * math.pi * 1.1 * t)) / RATE
        syllable = max(0.0, math.sin(math.pi * ((t * 4.0) % 1.0))) ** 0.6
        edge = min(1.0, t * 12, (_TURN_SECONDS - t) * 6)
        value = sum(weight * math.sin(n * phase) for n, weight in harmonics) / total
        result.append(int(11000 * syllable * max(edge, 0.0) * value))
    return result
