"""A person on the portal's page in a real Chromium: our card is a frame in the portal's own card of a call."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.async_api import BrowserContext, FrameLocator, Locator, expect

from tests.e2e.crm_page import PATIENCE_MS, PersonPage, shows
from tests.e2e.house import Client
from tests.e2e.portal_house import PortalHouse

LIST = "/crm/contact/list/"


class PortalPage(PersonPage):
    @property
    def _portals_card(self) -> Locator:
        return self.page.locator("[data-card]")

    @property
    def _frame(self) -> FrameLocator:
        return self.page.frame_locator("[data-card] iframe:not(.worker)")

    @property
    def card(self) -> Locator:
        return self._frame.locator(".dozvon-widget article.call:not(.folded)")

    @property
    def _application(self) -> FrameLocator:
        return self.page.frame_locator("main iframe")

    @property
    def panel(self) -> Locator:
        return self._application.locator(".dozvon-list section.list")

    async def lists(self, clients: Sequence[Client]) -> None:
        """By the portal's dialogue, which has the newest contact first; then the application's page is opened."""
        await self.go(LIST)
        await self.page.get_by_role("button", name="В обзвон", exact=True).click()
        ours = self.page.frame_locator(".slider iframe")
        await ours.get_by_role("button", name="Выбрать в CRM").click(timeout=PATIENCE_MS)
        dialogue = self.page.locator("dialog.choosing")
        for kind, id_ in clients:
            assert kind == "contact"
            await dialogue.locator(f"input[value=C_{id_}]").check(timeout=PATIENCE_MS)
        await dialogue.get_by_role("button").click()
        await ours.get_by_role("button", name="Добавить в список").click(timeout=PATIENCE_MS)
        await expect(ours.get_by_text(f"Добавлено: {len(clients)}")).to_be_visible(timeout=PATIENCE_MS)
        await self.opens_panel()

    async def shares_the_note(self, text: str) -> None:
        """The portal's card is a frame of its own."""
        await expect(self.card.get_by_label("Заметка к звонку")).to_have_value(text, timeout=PATIENCE_MS)

    async def opens_panel(self) -> None:
        await self.go(LIST)
        async with self.page.expect_response("**/page/stream"):
            await self.page.get_by_role("link", name="Dozvon", exact=True).click()

    @property
    def calls(self) -> Locator:
        return self.page.locator("[data-live] .event--call")

    async def go(self, path: str) -> None:
        async with self.page.expect_response("**/page/stream"):  # cards are pushed to open pages only
            await self.page.goto(self._house.crm.url + path)

    async def open_contact(self, name: str) -> None:
        (_, contact), _ = self._house.contact_named(name)
        await self.go(f"/crm/contact/details/{contact}/")
        await expect(self.page.get_by_role("heading", name=name, level=1)).to_be_visible()

    async def click_number(self, name: str, shown: str) -> None:
        await self.open_contact(name)
        digits = "".join(filter(str.isdigit, shown))
        await self.page.locator(f"section [data-call$='{digits}']").first.click()

    async def watch_for(self, text: str) -> float:
        await expect(self.card).to_have_count(1, timeout=PATIENCE_MS)
        ours = next(each for each in self.page.frames if each.url.startswith(self._house.url))
        return await shows(ours, text)

    async def closes(self) -> None:
        await self.goes()

    async def card_ends(self, said: str) -> None:
        await self.goes()

    async def goes(self) -> None:
        await expect(self._portals_card).to_have_count(0, timeout=PATIENCE_MS)

    async def opens_from_card(self, name: str) -> None:
        """The sandbox's slider is its page, which a card of a call does not outlive."""
        link = self.card.get_by_role("link", name=name)
        await expect(link).to_have_attribute("href", f"{self._house.crm.url}/crm/contact/details/{self._ivan(name)}/")

    def _ivan(self, name: str) -> int:
        (_, contact), _ = self._house.contact_named(name)
        return contact


async def open_portal_page(context: BrowserContext, house: PortalHouse, user: int, path: str = LIST) -> PortalPage:
    value = f"{house.crm.portal.member_id}:{user}"
    await context.add_cookies([{"name": "b24_user", "value": value, "url": house.crm.url}])
    page = PortalPage(await context.new_page(), house)
    await page.go(path)
    return page
