"""Makes a sound that a PBX can play of any sound file: what people upload, what a program speaks.

A telephone carries 300 to 3,400 Hz. Too loud a file clips on its way, and the first syllable is lost while the path
opens. Source: reference "dialling", 6.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from integration.errors import Rejected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float64]

RATE = 8_000
LONGEST_SECONDS = 240
_LARGEST_FILE = 50_000_000
_MOST_CHANNELS = 8
_BLOCK = 1 << 16  # frames
_PEAK = 0.5  # of full scale: -6 dB
_SILENT_BEFORE, _SILENT_AFTER = 0.3, 0.5  # seconds
_TAPS = 129  # of the filter that keeps what 8,000 samples a second cannot carry out of them


@dataclass(frozen=True, slots=True)
class TelephoneSound:
    """`wav`: mono, 16 bit, 8,000 samples a second. `seconds`: with the silence around it."""

    wav: bytes
    seconds: float


def to_telephone(file: bytes) -> TelephoneSound:
    """
    Convert WAV, MP3, OGG or FLAC. It takes about a hundredth of the playing time, so call it in a thread.

    Raises:
        Rejected: `bad_sound`: no sound file that can be read; `no_sound`: empty or silent; `too_long`.
    """
    import numpy as np  # with soundfile a tenth of a start's time

    samples, rate = _read(file)
    level = float(np.abs(samples).max()) if samples.size else 0.0
    if level < 1e-4:
        raise Rejected("there is nothing to hear in this file", code="no_sound")
    at_rate = _resampled(samples, rate)
    at_rate *= _PEAK / max(float(np.abs(at_rate).max()), 1e-9)
    before, after = np.zeros(int(_SILENT_BEFORE * RATE)), np.zeros(int(_SILENT_AFTER * RATE))
    whole = (np.concatenate([before, at_rate, after]) * 32_767).astype("<i2")
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(whole.tobytes())
    return TelephoneSound(target.getvalue(), whole.size / RATE)


def _read(file: bytes) -> tuple[Samples, int]:
    """Mono samples and their rate. A header may lie about the length: no more is read than is allowed."""
    import soundfile

    if len(file) > _LARGEST_FILE:
        raise Rejected("the file is too large", code="too_long")
    try:
        with soundfile.SoundFile(io.BytesIO(file)) as source:
            rate, channels = source.samplerate, source.channels
            if not (4_000 <= rate <= 192_000 and 1 <= channels <= _MOST_CHANNELS):
                raise Rejected("this is no sound of a person", code="bad_sound")
            most = LONGEST_SECONDS * rate
            samples = _mono(source, most + 1)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as exc:
        raise Rejected(f"this is no sound file that can be read: {exc}", code="bad_sound") from exc
    if len(samples) > most:
        raise Rejected(f"the sound is longer than {LONGEST_SECONDS} seconds", code="too_long")
    return _finite(samples), rate


def _mono(source: Any, most: int) -> Samples:
    """At most so many frames, a block at a time: a small file may hold hours of eight channels."""
    import numpy as np

    blocks, left = [], most
    while left > 0 and len(block := source.read(min(left, _BLOCK), dtype="float32", always_2d=True)):
        blocks.append(block.mean(axis=1))
        left -= len(block)
    return np.concatenate(blocks).astype(np.float64) if blocks else np.zeros(0)


def _finite(samples: Any) -> Samples:
    import numpy as np

    finite: Samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return finite


def _resampled(samples: Samples, rate: int) -> Samples:
    """To 8,000 samples a second: a low-pass at 3,400 Hz, then the values between the samples."""
    import numpy as np

    if rate == RATE:
        return samples
    if rate > RATE:
        taps = _TAPS * max(1, round(rate / RATE / 2)) | 1
        middle = np.arange(taps) - taps // 2
        window = np.sinc(2 * 3_400 / rate * middle) * np.hamming(taps)
        samples = np.convolve(samples, window / window.sum(), mode="same")
    count = max(1, int(len(samples) * RATE / rate))
    return np.interp(np.arange(count) * rate / RATE, np.arange(len(samples)), samples)
