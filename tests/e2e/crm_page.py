"""A person on a CRM's page in a real Chromium with the shipped widget. Knows the page's elements.

`PersonPage` has the words of the end-to-end list; the portal's page is in `portal_page.py`.
"""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from playwright.async_api import (
    BrowserContext,
    Dialog,
    Frame,
    Locator,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

from tests.e2e.crm_site import ANNA
from tests.e2e.house import Client, CrmHouse, House
from tests.e2e.widget_page import widget_headers
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.lab.waiting import PATIENCE_SECONDS, until_told

RESULTS = Path("test-results")
SIZE = ViewportSize(width=1280, height=800)
PATIENCE_MS = PATIENCE_SECONDS * 1000  # for the page to show a change elsewhere

# Resolves with the page's time (Unix seconds) as soon as the card has the text; checks every frame.
_CARD_SAYS = """text => {
  const root = document.querySelector(".dozvon-widget")?.shadowRoot;
  const card = root?.querySelector("article.call:not(.folded)");
  return card && card.checkVisibility() && card.innerText.includes(text) ? Date.now() / 1000 : null;
}"""


class PersonPage(ABC):
    """A tab. `problems`: the page's uncaught errors and dialogs, that is, hostile text that ran."""

    def __init__(self, page: Page, house: CrmHouse) -> None:
        self.page, self._house = page, house
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", self._dialog)

    async def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(dialog.message)
        await dialog.dismiss()

    @property
    @abstractmethod
    def card(self) -> Locator:
        """The unfolded card of a call."""

    @property
    @abstractmethod
    def calls(self) -> Locator:
        """The feed's calls, the newest first."""

    @property
    @abstractmethod
    def panel(self) -> Locator:
        """The panel of the person's own list, on the page where it stands."""

    @abstractmethod
    async def lists(self, clients: Sequence[Client]) -> None:
        """Put these clients on the person's own list, and stay where its panel is."""

    @abstractmethod
    async def shares_the_note(self, text: str) -> None:
        """The card leaves the note to the panel where both stand on one page; else both have it."""

    @abstractmethod
    async def open_contact(self, name: str) -> None: ...

    @abstractmethod
    async def click_number(self, name: str, shown: str) -> None:
        """Open this contact, and call its number, which ends so."""

    @abstractmethod
    async def card_ends(self, said: str) -> None:
        """The card says how the call ended, or goes at once where the CRM closes it."""

    @abstractmethod
    async def opens_from_card(self, name: str) -> None:
        """Open the client whom the card names, while the call goes on; where the page can do that."""

    async def announced(self) -> list[str]:
        """What screen readers were told, where the card is still there."""
        return await self.page.locator(".dozvon-widget [aria-live=assertive]").all_text_contents()

    async def goes(self) -> None:
        """The card goes."""
        await expect(self.card).to_have_count(0, timeout=PATIENCE_MS)

    @abstractmethod
    async def watch_for(self, text: str) -> float:
        """Wait until the card shows this text; the moment (Unix seconds)."""

    @abstractmethod
    async def closes(self) -> None:
        """The person closes the card of a call that is over, where the CRM has not."""

    async def reload(self) -> bool:
        """Reload the page during a call. False: the CRM's page does not show the card again."""
        return False

    async def go(self, path: str) -> None:
        await self.page.goto(self._house.crm.url + path)

    async def connected(self, pages: int = 1) -> None:
        """Wait until Dozvon has this page's socket."""

        async def is_so() -> bool:
            return await self._house.dozvon.figure("dozvon_open_pages") >= pages

        await until_told(is_so)

    async def picture(self, name: str) -> None:
        """Save a screenshot in test-results/."""
        await self.page.screenshot(path=RESULTS / f"{name}.png", animations="disabled")


class CrmPage(PersonPage):
    """Of amoCRM."""

    @property
    def card(self) -> Locator:
        return self.page.locator(".dozvon-widget article.call:not(.folded)")

    @property
    def panel(self) -> Locator:
        return self.page.locator(".dozvon-list section.list")

    async def lists(self, clients: Sequence[Client]) -> None:
        """As the widget's menu of a list sends them; `test_lists_from_the_crm.py` presses it."""
        house = self._house
        assert isinstance(house, House)
        body = {"entities": [{"kind": kind, "id": str(id_)} for kind, id_ in clients]}
        address = f"{house.url}/api/widget/own-list/entries"
        async with house.session.post(address, json=body, headers=widget_headers(house.crm, ANNA)) as answer:
            assert answer.status == 201, await answer.text()
            assert await answer.json() == {"added": len(clients), "left_out": {}}

    async def shares_the_note(self, text: str) -> None:
        await expect(self.card.get_by_label("Заметка к звонку")).to_be_hidden()

    @property
    def phone_menu(self) -> Locator:
        return self.page.locator("#phone_menu [data-call-action]")

    @property
    def calls(self) -> Locator:
        return self.page.locator("[data-live=feed] .event--call")

    async def open_contact(self, name: str) -> None:
        await self.page.get_by_role("link", name=name).first.click()
        await expect(self.page.locator("[data-card=contacts]")).to_be_visible()

    async def click_number(self, name: str, shown: str) -> None:
        await self.go(f"/contacts/list/?query={name.rpartition(' ')[2]}")
        await self.open_contact(name)
        await self.connected()
        await self.press_number(shown)
        await expect(self.page.get_by_text("сначала зазвонит ваш телефон")).to_be_visible()

    async def card_ends(self, said: str) -> None:
        await expect(self.card.locator(".state")).to_have_text(re.compile(said), timeout=PATIENCE_MS)

    async def opens_from_card(self, name: str) -> None:
        await self.card.get_by_role("link", name=name).click()
        await expect(self.page.locator("[data-card=contacts] h1")).to_have_text(name)

    async def reload(self) -> bool:
        await self.page.reload()
        await self.connected()
        return True

    async def watch_for(self, text: str) -> float:
        return await shows(self.page, text)

    async def closes(self) -> None:
        await self.card.get_by_role("button", name="Закрыть").click()

    async def press_number(self, shown: str) -> None:
        """Open the number's menu and press "call through Dozvon"."""
        await self.page.locator("[data-phone]", has_text=shown).first.click()
        await self.phone_menu.click()


async def shows(page: Page | Frame, text: str) -> float:
    """Wait until the card in this page or frame shows the text; the moment (Unix seconds) by its own clock."""
    seen = await page.wait_for_function(_CARD_SAYS, arg=text, polling="raf", timeout=PATIENCE_MS)
    return float(await seen.json_value())


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
