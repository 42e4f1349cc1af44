"""What every page has to satisfy in a browser: axe finds nothing, and nothing is wider than the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Frame, Page

AXE = Path(__file__).parents[1] / "widgets/node_modules/axe-core/axe.min.js"


async def violations(page: Page | Frame, within: str = "html") -> list[str]:
    """
    What axe finds wrong in the element with this selector, a line for each.

    Nothing moves from then on: what is still fading in has less contrast than a moment later.
    """
    window = page if isinstance(page, Page) else page.page
    await window.emulate_media(reduced_motion="reduce")
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("(within) => axe.run(within, {resultTypes: ['violations']})", within)
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


async def sideways(page: Page) -> list[str]:
    """The elements that make the page wider than its window."""
    wide: list[str] = await page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((each) => each.getBoundingClientRect().right > width + 1)
            .map((each) => each.outerHTML.slice(0, 120)).slice(0, 5);
        }"""
    )
    return wide
