"""The design's values: enough contrast in light and dark, one source, nothing used that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.web.pages.style import COLOURS

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "widgets/shared"
STATIC = ROOT / "integration/web/pages/static"
LIGHT = (SHARED / "tokens.css").read_text()
DARK = (SHARED / "tokens-dark.css").read_text()
TEXT, BORDER = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11


def values(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", css))


def scheme(name: str) -> dict[str, str]:
    return values(LIGHT) | (values(DARK) if name == "dark" else {})


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_is_legible_wherever_it_may_stand(name: str) -> None:
    colours = scheme(name)
    pairs = {*COLOURS, *((text, ground) for text in ("ink", "soft", "accent", "good", "warn", "bad")
                         for ground in ("back", "ground", "raised")),
             *(("ink", f"{tone}-soft") for tone in ("accent", "good", "warn", "bad"))}  # fmt: skip
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: round(value, 2) for pair, value in low.items() if value < TEXT} == {}


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_border_of_a_control_is_seen(name: str) -> None:
    colours = scheme(name)
    for ground in ("back", "ground", "raised"):
        assert contrast(colours["edge"], colours[ground]) >= BORDER, ground


def test_dark_changes_colours_only() -> None:
    assert set(values(DARK)) <= set(values(LIGHT))


_SET_BY_SCRIPT = {"raised-by"}  # how much of the page's foot the manager's list takes


@pytest.mark.parametrize(
    "file", [SHARED / "card.css", STATIC / "admin.css", STATIC / "components.css"], ids=lambda file: file.name
)
def test_a_style_sheet_takes_its_colours_and_sizes_of_text_from_the_tokens(file: Path) -> None:
    css = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.S)
    assert set(re.findall(r"var\(--([a-z0-9-]+)", css)) <= set(values(LIGHT)) | _SET_BY_SCRIPT
    assert re.findall(r"#[0-9a-f]{3,8}\b", css) == []
    assert re.findall(r"font-size:\s*[\d.]+px", css) == []
