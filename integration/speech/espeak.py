"""Implements `ports.speech.Speech` by the program espeak-ng, which speaks a hundred languages from 10 MB of rules.

It sounds like a robot. In all three languages every word can be understood over a telephone; Russian and Ukrainian
stress is sometimes wrong, because spelling does not show it: a vowel followed by U+0301 is stressed. Good for a notice
or a confirmation; for a message that is to sell, let a person speak it, and upload the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from asyncio.subprocess import DEVNULL, PIPE

from integration.errors import Rejected, Unavailable
from integration.ports.speech import LONGEST_TEXT

_VOICES = {"ru": "ru", "uk": "uk", "en": "en-gb"}
_WORDS_A_MINUTE = "145"
_LOUDNESS = "160"  # of 200; above it clips
_SECONDS = 20.0  # it speaks a thousand characters in one
_MOST_BYTES = 20_000_000
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
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError as exc:
        raise Unavailable(f"the program that speaks does not start: {exc.strerror}") from exc
    try:
        async with asyncio.timeout(_SECONDS):
            wav, _ = await process.communicate(said)
    except TimeoutError:
        raise Unavailable("the program that speaks took too long") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or not wav or len(wav) > _MOST_BYTES:
        raise Unavailable(f"the program that speaks failed ({process.returncode})")
    return wav
