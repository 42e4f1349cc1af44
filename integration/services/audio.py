"""Converts a PBX's recordings to mp3, the format of a CRM's player (amoCRM reference, 6.8)."""

from __future__ import annotations

import io

from integration.errors import Rejected

_BLOCK_FRAMES = 1 << 16


def to_mp3(recorded: bytes) -> bytes:
    """
    Convert a recording. It takes about a hundredth of the playing time, so call it in a thread.

    Args:
        recorded: WAV (PCM, A-law, u-law, GSM), or anything else that libsndfile reads; mp3 comes back unchanged.

    Raises:
        Rejected: not a sound file, or an empty one.
    """
    if recorded[:3] == b"ID3" or (len(recorded) > 1 and recorded[0] == 0xFF and recorded[1] & 0xE0 == 0xE0):
        return recorded  # an ID3 tag, or the eleven set bits that begin every MPEG frame
    import soundfile  # it loads numpy, which is a tenth of a start's time

    out = io.BytesIO()
    try:
        with soundfile.SoundFile(io.BytesIO(recorded)) as source:
            if source.frames == 0:
                raise Rejected("the recording holds no sound", code="empty_recording")
            with soundfile.SoundFile(
                out, "w", source.samplerate, source.channels, format="MP3", subtype="MPEG_LAYER_III"
            ) as target:
                for block in source.blocks(_BLOCK_FRAMES, dtype="int16"):
                    target.write(block)
    except soundfile.LibsndfileError as exc:
        raise Rejected(f"the recording is no sound that can be read: {exc}", code="bad_recording") from exc
    return out.getvalue()
