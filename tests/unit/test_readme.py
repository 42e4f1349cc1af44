"""The README in two languages: both have the same sections, commands, links and rows, and the pictures are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text("utf-8")
RUSSIAN = (ROOT / "README.ru.md").read_text("utf-8")
_LARGEST_PICTURE = 2_000_000  # bytes


def headings(text: str) -> list[int]:
    """The depth of each."""
    return [len(found) for found in re.findall(r"^(#+) ", _without_blocks(text), re.M)]


def commands(text: str) -> list[str]:
    """Lines of the fenced blocks, without comments, and what stands in backticks."""
    lines = [
        line.split("  #")[0].rstrip()
        for block in re.findall(r"```\w*\n(.*?)```", text, re.S)
        for line in block.split("\n")
    ]
    return lines + sorted(re.findall(r"`([^`\n]+)`", _without_blocks(text)))


def links(text: str) -> list[str]:
    """Without the languages' own: each names the other's README, pictures and the guide of managers."""
    found = re.findall(r"\]\(([^)]+)\)", text)
    return sorted(link for link in found if not link.startswith(("README", "docs/manager-guide")))


def rows(text: str) -> list[int]:
    """The columns of each row of a table."""
    return [line.count("|") for line in _without_blocks(text).split("\n") if line.startswith("|")]


def _without_blocks(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.S)


@pytest.mark.parametrize("part", [headings, commands, links, rows], ids=lambda part: part.__name__)
def test_both_languages_say_the_same(part: object) -> None:
    assert callable(part)
    assert part(ENGLISH) == part(RUSSIAN)
    assert part(ENGLISH)


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (RUSSIAN, "ru")])
def test_the_moving_picture_is_of_the_page_s_language_and_not_too_large(text: str, language: str) -> None:
    [picture] = re.findall(r'<img src="([^"]+)"', text)
    assert picture == f"docs/images/call.{language}.webp"
    data = (ROOT / picture).read_bytes()
    assert len(data) < _LARGEST_PICTURE
    assert data[:4] + data[8:16] == b"RIFFWEBPVP8X"
    assert b"ANIM" in data[:100]
    assert data.count(b"ANMF") > 10


def test_each_language_links_to_the_other() -> None:
    assert "(README.ru.md)" in ENGLISH
    assert "(README.md)" in RUSSIAN
