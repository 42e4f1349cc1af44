"""What a portal's frames load: a call opens its card at each phone that rings, so a page may not grow unnoticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser  # with those tests the widgets are compiled

BUILT = Path(__file__).parents[2] / "widgets/dist/bitrix24"
MOST = {"call_card": 109_000, "client": 40_000, "panel": 146_500}  # bytes, minified, not compressed
WORDS = ("part-uk-", "part-settings_uk-")  # the longest language; a card is without those of settings and lists
_STATIC = re.compile(r"""(?:from|import)\s*["']\./(part-[^"']+\.js)["']""")
_BY_NEED = re.compile(r"""import\(["']\./(part-[^"']+\.js)["']\)""")


def loaded(name: str) -> set[str]:
    """A script and what it imports, at any depth."""
    found = {name}
    for each in _STATIC.findall((BUILT / name).read_text("utf-8")):
        found |= loaded(each)
    return found


@pytest.mark.parametrize("place", MOST)
def test_a_page_in_a_portal_stays_small(place: str) -> None:
    """With the words of the card and of the page around it."""
    main = (BUILT / "frame.js").read_text("utf-8")
    parts = {each for each in _BY_NEED.findall(main) if each.startswith(f"part-{place}-")}
    needed = WORDS if place == "panel" else WORDS[:1]
    words = {each for each in _BY_NEED.findall(main) if each.startswith(needed)}
    assert (len(parts), len(words)) == (1, 3 if place == "panel" else 2)
    names = set().union(*(loaded(each) for each in ("frame.js", *parts, *words)))
    size = sum((BUILT / each).stat().st_size for each in names)
    assert size < MOST[place], size
