"""Every state of the card, as the playground has them: axe finds nothing, light and dark, and nothing is too wide.

Pictures of all are in `test-results/card/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, async_playwright, expect

from integration.texts import LANGUAGES
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.page_checks import sideways, violations

pytestmark = pytest.mark.browser

WIDGETS = Path(__file__).parents[2] / "widgets"
PICTURES = Path("test-results/card")
ADDRESS = "http://playground.test"
# What a press opens in a state, beside the states themselves: scene, the button, a name for the picture.
OPENED = (
    ("chooser", ".disclosure", "chooser-open"),
    ("talking", "button.choose", "choices"),
    ("talking", ".minimise", "minimised"),
    ("unknown", ".create button", "contact-form"),
    ("talking", ".create button", "deal-form"),
)


@pytest.fixture(scope="session", autouse=True)
def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


@pytest_asyncio.fixture
async def page(chromium_path: Path) -> AsyncIterator[Page]:
    files = {"/": (WIDGETS / "playground.html", "text/html")}
    files["/build/playground.js"] = (WIDGETS / "build" / "playground.js", "text/javascript")

    async def serve(route: Route) -> None:
        path = "/" + route.request.url.removeprefix(ADDRESS).partition("?")[0].strip("/")
        file, kind = files.get(path, (None, ""))
        if file is None:
            await route.fulfill(status=404)
        else:
            await route.fulfill(path=file, content_type=f"{kind}; charset=utf-8")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        await context.route(f"{ADDRESS}/**", serve)
        page = await context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        await browser.close()
        assert problems == []


async def scenes(page: Page) -> list[str]:
    await page.goto(f"{ADDRESS}/")
    return await page.locator("#calls button").all_text_contents()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_state_has_a_fault_for_axe(page: Page, theme: str) -> None:
    names = await scenes(page)
    assert len(names) > 20
    found: dict[str, list[str]] = {}
    dark = "&dark=1" if theme == "dark" else ""
    for name, opened, picture in [*((name, "", name) for name in names), *OPENED]:
        await page.goto(f"{ADDRESS}/?scene={name}{dark}{f'&open={opened}' if opened else ''}")
        await page.screenshot(path=PICTURES / f"{picture}-{theme}.png")
        if wrong := await violations(page, ".dozvon-widget"):
            found[picture] = wrong
    assert found == {}


@pytest.mark.parametrize(
    ("scene", "said", "press"),
    [
        ("callback", "call 2 of 3", "Do not call back"),
        ("callback_soon", "will call the client back", "Do not call back"),
        ("callback_taken", "is being called back", "Do not call back"),
        ("callback_removed", "is cancelled", "Call back after all"),
    ],
)
async def test_the_card_of_a_missed_call_has_its_callback_and_the_press_for_it(
    page: Page, scene: str, said: str, press: str
) -> None:
    await page.goto(f"{ADDRESS}/?scene={scene}&lang=en")
    line = page.locator(".callback")
    await expect(line).to_be_visible()
    await expect(line).to_contain_text(said)
    await expect(line.get_by_role("button")).to_have_text(press)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_nothing_is_wider_than_a_telephone(page: Page, language: str) -> None:
    await page.set_viewport_size({"width": 375, "height": 740})
    names = await scenes(page)
    found: dict[str, list[str]] = {}
    for name, opened, picture in [*((name, "", name) for name in names), *OPENED]:
        await page.goto(f"{ADDRESS}/?scene={name}&lang={language}{f'&open={opened}' if opened else ''}")
        await page.screenshot(path=PICTURES / f"{picture}-375-{language}.png")
        wide = await sideways(page)
        wide += await page.evaluate(
            """() => {
              const root = document.querySelector(".dozvon-widget").shadowRoot;
              const isShortened = (each) => {
                const { textOverflow, webkitLineClamp } = getComputedStyle(each);
                if (textOverflow === "ellipsis" || webkitLineClamp !== "none") return true;
                return each.parentElement !== null && isShortened(each.parentElement);
              };
              return [...root.querySelectorAll("*")]
                .filter((each) => each.getClientRects().length && !each.closest(".unseen"))
                .filter((each) => !each.parentElement || !isShortened(each.parentElement))
                .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
                .map((each) => each.outerHTML.slice(0, 120));
            }"""
        )
        if wide:
            found[picture] = wide
    assert found == {}
