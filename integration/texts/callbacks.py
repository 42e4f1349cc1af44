"""The words of callbacks, in Russian, Ukrainian and English."""

from __future__ import annotations

_NAMES = {"ru": "Перезвоны", "uk": "Передзвони", "en": "Callbacks"}


def campaign_name(language: str) -> str:
    """Of the campaign of a line's callbacks, as the CRM's record of a call names it."""
    return _NAMES.get(language, _NAMES["en"])
