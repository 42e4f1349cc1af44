"""Sounds of ours in a folder from which the PBX plays: named by their content, whole, and only what it can play."""

from __future__ import annotations

import io
import stat
import wave
from pathlib import Path

import pytest

from integration.errors import Rejected, Unavailable
from pbx_adapter.asterisk import sounds
from pbx_adapter.asterisk.settings import SoundSettings


def wav(*, rate: int = 8000, channels: int = 1, width: int = 2, frames: int = 800) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(b"\x01" * frames * channels * width)
    return target.getvalue()


def list_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_sound_is_stored_once_under_the_name_that_the_pbx_plays(tmp_path: Path) -> None:
    settings = SoundSettings(path=str(tmp_path), pbx_path="/var/lib/asterisk/sounds/dozvon/")
    name = await sounds.place(wav(), settings)
    assert await sounds.place(wav(), settings) == name
    (file,) = list_of(tmp_path)
    assert name == f"/var/lib/asterisk/sounds/dozvon/{file.stem}"
    assert (file.suffix, file.read_bytes()) == (".wav", wav())
    assert stat.S_IMODE(file.stat().st_mode) == 0o644, "the PBX has a user of its own"


async def test_another_sound_has_another_name(tmp_path: Path) -> None:
    settings = SoundSettings(path=str(tmp_path))
    first, second = await sounds.place(wav(), settings), await sounds.place(wav(frames=900), settings)
    assert first != second
    assert Path(first).parent == tmp_path


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"RIFF",
        b"ID3\x03mp3",
        wav(rate=44_100),
        wav(channels=2),
        wav(width=1),
        wav(frames=0),
        wav(frames=8000 * (sounds.LONGEST_SECONDS + 1)),
    ],
)
async def test_what_the_pbx_cannot_play_is_refused(tmp_path: Path, bad: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        await sounds.place(bad, SoundSettings(path=str(tmp_path)))
    assert refused.value.code == "bad_sound"
    assert list_of(tmp_path) == []


async def test_without_a_folder_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as refused:
        await sounds.place(wav(), SoundSettings())
    assert refused.value.code == "no_sounds"
    with pytest.raises(Unavailable):
        await sounds.place(wav(), SoundSettings(path=str(tmp_path / "missing")))
