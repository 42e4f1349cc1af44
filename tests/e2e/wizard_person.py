"""An administrator at the wizard in a real browser, with a mouse or by keyboard alone. No tests here."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from integration.domain.setup import Step
from integration.texts.pages import texts
from integration.texts.setup import setup_texts
from tests.e2e.crm_page import PATIENCE_MS

OFFICE = "okna-plius"
RESULTS = Path("test-results/wizard")


class Wizard:
    """
    Attributes:
        presses: what was pressed, besides typing.
        problems: what a person would complain about.
    """

    hand = ""

    def __init__(self, page: Page, url: str, language: str) -> None:
        self.page, self.url, self.language = page, url, language
        self.s, self.t = setup_texts(language), texts(language)
        self.presses: list[str] = []
        self.problems: list[str] = []

    async def open(self, address: str) -> None:
        await self.page.goto(address)

    async def press(self, name: str, *, exact: bool = True) -> None:
        """A button or a link that looks like one."""
        self.presses.append(name)
        main = self.page.locator("main, form.consent__box")
        found = main.get_by_role("button", name=name, exact=exact).or_(main.get_by_role("link", name=name, exact=exact))
        await self._activate(found.first)

    async def type(self, label: str, text: str) -> None:
        await self._write(self.page.get_by_label(label, exact=True), text)

    async def fill(self, selector: str, text: str) -> None:
        """As `type`, for a field whose label the CRM's connector brings."""
        await self._write(self.page.locator(selector), text)

    async def choose(self, label: str) -> None:
        """One of several cards."""
        self.presses.append(label)
        await self._choose(self.page.get_by_label(label, exact=True))

    async def first_of(self, label: str) -> None:
        """The first choice of a list. Not counted: it is the usual one in most languages."""
        await self._take_the_first(self.page.get_by_label(label, exact=True))

    async def unfold(self, summary: str) -> None:
        await self._activate(self.page.locator("summary", has_text=summary))

    async def at(self, step: Step) -> None:
        await self.opened(re.compile(rf"{re.escape(self.url)}/admin/setup/{OFFICE}/{step}(?:#\w*)?"))

    async def opened(self, address: re.Pattern[str]) -> None:
        await expect(self.page).to_have_url(address, timeout=PATIENCE_MS)

    async def shows(self, text: str) -> None:
        await expect(self.page.get_by_text(text, exact=False).first).to_be_visible(timeout=PATIENCE_MS)

    async def picture(self, name: str) -> None:
        await self.page.screenshot(path=RESULTS / f"{name}-{self.language}.png", full_page=True)

    async def _activate(self, control: Locator) -> None:
        raise NotImplementedError

    async def _write(self, field: Locator, text: str) -> None:
        raise NotImplementedError

    async def _choose(self, card: Locator) -> None:
        raise NotImplementedError

    async def _take_the_first(self, choices: Locator) -> None:
        raise NotImplementedError


class Mouse(Wizard):
    async def _activate(self, control: Locator) -> None:
        await control.click()

    async def _write(self, field: Locator, text: str) -> None:
        await field.fill(text)

    async def _choose(self, card: Locator) -> None:
        await card.check()

    async def _take_the_first(self, choices: Locator) -> None:
        await choices.select_option(index=0)


# Of the element that has the focus: what a person who cannot use a mouse needs to see.
_LOOK = """previous => {
  const now = document.activeElement;
  if (!now || now === document.body) return null;
  const style = getComputedStyle(now), box = now.getBoundingClientRect();
  const ring = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0;
  const before = window.wasAt;
  // The browser itself shows which part: the day, the hour, the calendar.
  const isNextPart = before === now && ["date", "time", "datetime-local"].includes(now.type);
  const isBehind = () => !!(before.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING);
  const forwards = !before?.isConnected || isNextPart || isBehind();
  window.wasAt = now;
  return { ring: ring || isNextPart, seen, forwards, what: now.outerHTML.slice(0, 120) };
}"""
_MOST_TABS = 120


class Keyboard(Wizard):
    """Tab, Enter, Space and arrows only. Each stop has to be visible, and the stops in the order of the page."""

    async def opened(self, address: re.Pattern[str]) -> None:
        await super().opened(address)
        await self._stands_at_the_news()

    async def _stands_at_the_news(self) -> None:
        """After a step the focus is at its heading, at what was found, or at the field to correct; not at the top."""
        await self.page.wait_for_load_state()
        where = await self.page.evaluate("document.activeElement.tagName")
        if where not in ("H1", "H2", "INPUT", "SELECT", "DIV"):
            self.problems.append(f"{self.page.url}: the focus is at {where}")

    async def _reach(self, control: Locator) -> None:
        await control.wait_for(timeout=PATIENCE_MS)
        wanted = await control.element_handle()
        for _ in range(_MOST_TABS):
            if await self.page.evaluate("wanted => document.activeElement === wanted", wanted):
                return
            await self.page.keyboard.press("Tab")
            stop = await self.page.evaluate(_LOOK)
            if stop is None:  # through the whole page: it begins again at the top
                await self.page.evaluate("window.wasAt = null")
            elif not (stop["ring"] and stop["seen"] and stop["forwards"]):
                self.problems.append(f"{self.page.url}: {stop}")
        raise AssertionError(f"not reached by Tab: {control}")

    async def _activate(self, control: Locator) -> None:
        await self._reach(control)
        await self.page.keyboard.press("Enter")

    async def _write(self, field: Locator, text: str) -> None:
        await self._reach(field)
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)

    async def _choose(self, card: Locator) -> None:
        """Tab stops once at a group of cards; arrows go through it."""
        await card.wait_for(timeout=PATIENCE_MS)
        name = await card.get_attribute("name")
        group = self.page.locator(f"input[name={name}]")
        await self._reach(group.and_(self.page.locator(":checked")).first)
        for _ in range(await group.count()):
            if await card.is_checked():
                return
            await self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"not reached by arrows: {card}")

    async def _take_the_first(self, choices: Locator) -> None:
        await self._reach(choices)
        await self.page.keyboard.press("Home")
