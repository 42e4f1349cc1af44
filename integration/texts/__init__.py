"""What people read, in Russian, Ukrainian and English; a test proves that no language lacks a sentence."""

LANGUAGES = ("ru", "uk", "en")
