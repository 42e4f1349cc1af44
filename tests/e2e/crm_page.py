"""A person on the CRM's page in a real Chromium with the shipped widget. Knows the page's elements."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import (
    BrowserContext,
    Dialog,
    ElementHandle,
    JSHandle,
    Locator,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from tests.e2e.house import House
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.lab.waiting import until_told

RESULTS = Path("test-results")
IMAGES = Path("docs/images")
SIZE = ViewportSize(width=1280, height=800)
PATIENCE_MS = 30_000  # for the page to show a change elsewhere, on a busy machine

# Resolves with the page's time (Unix seconds) as soon as the card has the text; checks every frame.
_CARD_SAYS = """text => {
  const root = document.querySelector(".dozvon-widget")?.shadowRoot;
  const card = root?.querySelector("article.call:not(.folded)");
  return card && card.checkVisibility() && card.innerText.includes(text) ? Date.now() / 1000 : null;
}"""


class CrmPage:
    """A tab. `problems`: the page's uncaught errors and dialogs, that is, hostile text that ran."""

    def __init__(self, page: Page, house: House) -> None:
        self.page, self._house = page, house
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self._dialog)

    async def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(dialog.message)
        await dialog.dismiss()

    @property
    def card(self) -> Locator:
        """The unfolded card of a call."""
        return self.page.locator(".dozvon-widget article.call:not(.folded)")

    @property
    def phone_menu(self) -> Locator:
        return self.page.locator("#phone_menu [data-call-action]")

    @property
    def calls(self) -> Locator:
        """The feed's calls, the newest first."""
        return self.page.locator("[data-live=feed] .event--call")

    async def go(self, path: str) -> None:
        await self.page.goto(self._house.crm.url + path)

    async def connected(self, pages: int = 1) -> None:
        """Wait until Dozvon has this page's socket."""

        async def is_so() -> bool:
            return await self._house.dozvon.figure("dozvon_open_pages") >= pages

        await until_told(is_so)

    async def watch_for(self, text: str) -> JSHandle | ElementHandle:
        """A handle of the moment (Unix seconds) when the card shows this text."""
        return await self.page.wait_for_function(_CARD_SAYS, arg=text, polling="raf", timeout=PATIENCE_MS)

    async def press_number(self, shown: str) -> None:
        """Open the number's menu and press "call through Dozvon"."""
        await self.page.locator("[data-phone]", has_text=shown).first.click()
        await self.phone_menu.click()

    async def picture(self, name: str, *, document: bool = False) -> None:
        """Save a screenshot in test-results/; with DOZVON_SCREENSHOTS=1 those for a `document` also in docs/images/."""
        await self.page.screenshot(path=RESULTS / f"{name}.png", animations="disabled")
        if document and os.environ.get("DOZVON_SCREENSHOTS") == "1":
            await self.page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


async def plays(audio: Locator) -> float:
    """Play an audio element and seek to its middle. Returns its length in seconds; raises if it does not play."""
    await expect(audio).to_be_visible(timeout=PATIENCE_MS)
    length: float = await audio.evaluate(
        """async audio => {
          const happens = (name) => new Promise((done, failed) => {
            audio.addEventListener(name, done, { once: true });
            audio.addEventListener("error", () => failed(new Error(audio.error.message)), { once: true });
            setTimeout(() => failed(new Error(`no ${name}, at ${audio.currentTime}`)), 10000);
          });
          audio.muted = true;
          const played = happens("timeupdate");
          await audio.play();
          await played;
          while (audio.currentTime <= 0) await happens("timeupdate");
          audio.pause();
          const sought = happens("seeked");
          audio.currentTime = audio.duration / 2;
          await sought;
          if (Math.abs(audio.currentTime - audio.duration / 2) > 0.1) throw new Error("did not seek");
          audio.currentTime = 0;
          audio.muted = false;
          return audio.duration;
        }"""
    )
    return length


@contextlib.asynccontextmanager
async def chromium(path: Path, *, locale: str = "ru-RU") -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS, headless=True)
        context = await browser.new_context(viewport=SIZE, locale=locale, timezone_id="Europe/Moscow")
        try:
            yield context
        finally:
            await browser.close()


async def open_page(context: BrowserContext, house: House, user: int, path: str) -> CrmPage:
    """The CRM's page of `user`, with its widget connected to Dozvon."""
    value = f"{house.crm.account.id}:{user}"
    await context.add_cookies([{"name": "crm_user", "value": value, "url": house.crm.url}])
    before = int(await house.dozvon.figure("dozvon_open_pages"))
    page = CrmPage(await context.new_page(), house)
    await page.go(path)
    await page.connected(before + 1)
    return page
