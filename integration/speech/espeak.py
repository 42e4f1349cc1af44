"""Implements `ports.speech.Speech` by the program espeak-ng, which speaks a hundred languages from 10 MB of rules.

It sounds like a robot. In all three languages every word can be understood over a telephone; Russian and Ukrainian
stress is sometimes wrong, because spelling does not show it: a vowel followed by U+0301 is stressed. Good for a notice
or a confirmation; for a message that is to sell, let a person speak it, and upload the file.
"""

from __future__ import annotations

import asyncio
import re
import shutil

from integration.errors import Rejected, Unavailable
from integration.ports.speech import LONGEST_TEXT
from integration.worker_process import KEPT, WorkerFailed, answered

_VOICES = {"ru": "ru", "uk": "uk", "en": "en-gb"}
_WORDS_A_MINUTE = "145"
_LOUDNESS = "160"  # of 200; above it clips
_SECONDS = 20.0  # it speaks a thousand characters in one
_MOST_BYTES = 20_000_000
_KEPT = (*KEPT, "ESPEAK_DATA_PATH", "HOME")  # where its rules may be
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\[\[|\]\]")  # control characters; [[ begins names of sounds


class EspeakSpeech:
    """One for a process. Speaks one text at a time: it takes a processor for a moment."""

    def __init__(self, program: str = "espeak-ng") -> None:
        """`program`: a name on PATH or a path. It may be missing: then no language is spoken."""
        self._program = shutil.which(program)
        self._one = asyncio.Lock()

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(_VOICES) if self._program is not None else frozenset()

    async def speak(self, text: str, language: str) -> bytes:
        """As `ports.speech.Speech`."""
        program, voice = self._program, _VOICES.get(language)
        if program is None or voice is None:
            raise Rejected(f"nothing here speaks the language {language}: install espeak-ng", code="no_voice")
        said = _NOT_TEXT.sub(" ", text).strip()
        if not said or len(said) > LONGEST_TEXT:
            raise Rejected(f"a text to speak has 1 to {LONGEST_TEXT} characters", code="bad_text")
        command = (program, "-v", voice, "-s", _WORDS_A_MINUTE, "-a", _LOUDNESS, "-b", "1", "--stdin", "--stdout")
        async with self._one:
            return await _run(command, said.encode("utf-8", "replace"))


async def _run(command: tuple[str, ...], said: bytes) -> bytes:
    try:
        wav = await answered(*command, work=said, seconds=_SECONDS, most_bytes=_MOST_BYTES, kept=_KEPT)
    except OSError as exc:
        raise Unavailable(f"the program that speaks does not start: {exc.strerror}") from exc
    except WorkerFailed as exc:
        raise Unavailable(f"the program that speaks failed: {exc}") from exc
    if not wav:
        raise Unavailable("the program that speaks said nothing")
    return wav
