"""Text to speech, for the messages and announcements of campaigns."""

from __future__ import annotations

from typing import Protocol

LONGEST_TEXT = 1_000
"""Characters: about seventy seconds of speech. Nobody listens to a longer message."""


class Speech(Protocol):
    @property
    def languages(self) -> frozenset[str]:
        """Languages in which it can speak, as `ru`, `uk`, `en`; empty where its program is not installed."""

    async def speak(self, text: str, language: str) -> bytes:
        """
        A WAV file of any rate.

        Raises:
            Rejected: `no_voice`: it does not speak this language; `bad_text`: empty, or longer than LONGEST_TEXT.
            Unavailable: its program failed or took too long.
        """
