"""The pages of keys, of administrators of single offices and of signing in from the CRM, in Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from integration.domain.administrators import CrmUser, Role
from integration.domain.ids import ManagerId, Timestamp
from integration.ports.administrators import CrmTie
from integration.ports.crm import WidgetUser
from tests.adapters.administrators_kit import ACME, OTHER, Running, account, running
from tests.lab.fixtures import CHROMIUM_ARGUMENTS
from tests.page_checks import sideways, violations

pytestmark = pytest.mark.browser

PICTURES = Path("test-results/pages")
PATIENCE_MS = 15_000
PAGES = {
    "keys": "/admin/acme/keys",
    "administrators": "/admin/administrators",
    "profile-ties": "/admin/administrators/me",
    "setup-keys": "/admin/setup/shop/keys",
    "setup-office": "/admin/setup/shop/office",
}


@dataclass
class Seat:
    place: Running
    page: Page

    async def from_crm(self) -> None:
        """Open what the widget opens."""
        core = self.place.dozvon.core
        until = Timestamp(core.clock.now() + 60)
        token = str(until)
        user = WidgetUser(account=ACME, manager=ManagerId("7"), is_admin=True, token_id=token, token_until=until)
        await self.page.goto(f"/from-crm?ticket={await self.place.dozvon.web.entry.ticket(user)}")


@pytest.fixture(scope="session", autouse=True)
def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


@pytest_asyncio.fixture
async def seat(tmp_path: Path, chromium_path: Path) -> AsyncIterator[Seat]:
    async with running(tmp_path) as place, async_playwright() as playwright:
        cookie = await place.signed_in("Ольга Сергеевна Преображенская", Role.OWNER)
        await place.signed_in("Пётр", offices=frozenset({ACME, OTHER}))
        shop = account(type(ACME)("shop"), name="Окна и двери")
        await place.ask("PUT", "/api/offices/shop/account/shop", cookie, json=shop, headers={"If-Match": "0"})
        [olga] = [each for each in await place.dozvon.core.storage.administrators.all() if each.role is Role.OWNER]
        tie = CrmTie(user=CrmUser(OTHER, ManagerId("610081")), administrator=olga.id, tied_at=olga.created_at)
        await place.dozvon.core.storage.crm_ties.tie(tie)
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(locale="ru-RU", base_url=place.dozvon.url)
        context.set_default_timeout(PATIENCE_MS)
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        await context.add_cookies([{"name": "dozvon_admin", "value": cookie, "url": place.dozvon.url}])
        page = await context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
        yield Seat(place, page)
        await browser.close()
        assert problems == []


async def test_a_key_is_made_copied_and_revoked_by_keyboard(seat: Seat) -> None:
    page = seat.page
    await page.goto("/admin/acme/keys")
    await page.get_by_label("Для чего ключ").focus()
    await page.keyboard.type("Выгрузка в отчёты")
    await page.keyboard.press("Enter")
    copy = page.locator(".copy button").first
    await copy.focus()
    await page.keyboard.press("Enter")
    await expect(copy).to_have_text("Скопировано")
    key = await page.evaluate("navigator.clipboard.readText()")
    assert key.startswith("dzv_")
    assert (await seat.place.ask("GET", "/api/me", key=key)).status == 200
    await page.goto("/admin/acme/keys")
    await expect(page.locator("body")).not_to_contain_text(key)
    revoke = page.get_by_role("button", name="Отозвать").first
    await revoke.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("Отозвать ключ: Выгрузка в отчёты?")
    await page.get_by_role("dialog").get_by_role("button", name="Отозвать").press("Enter")
    await expect(page.get_by_text("Ключ отозван и больше не действует.")).to_be_visible()
    assert (await seat.place.ask("GET", "/api/me", key=key)).status == 401


async def test_who_comes_from_the_crm_ties_the_user_and_enters_by_one_press(seat: Seat) -> None:
    page = seat.page
    await seat.from_crm()
    await expect(page.get_by_role("heading", name="Вход из CRM")).to_be_visible()
    await expect(page.get_by_text("Связать с логином")).to_be_visible()
    await page.context.clear_cookies()
    await seat.from_crm()
    await page.get_by_role("link", name="Войти с паролем").click()
    await expect(page).to_have_url(f"{seat.place.dozvon.url}/admin/login?next=/from-crm")
    [petr] = [each for each in await seat.place.dozvon.core.storage.administrators.all() if each.name == "Пётр"]
    tie = CrmTie(user=CrmUser(ACME, ManagerId("7")), administrator=petr.id, tied_at=petr.created_at)
    await seat.place.dozvon.core.storage.crm_ties.tie(tie)
    await seat.from_crm()
    await page.get_by_role("button", name="Войти как Пётр").press("Enter")
    await expect(page).to_have_url(f"{seat.place.dozvon.url}/admin/acme")
    await expect(page.locator("body")).not_to_contain_text("other")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_these_pages_on_every_width(seat: Seat, scheme: str) -> None:
    page = seat.page
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for lang in ("ru", "uk", "en") if scheme == "light" else ("ru",):
        for width in (375, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            for name, path in PAGES.items():
                await page.goto(f"{path}?lang={lang}")
                if name == "keys":
                    await page.locator("input[name=name]").fill("Reports")
                    await page.locator("main form.stack button").last.click()
                    await expect(page.locator(".copy pre").first).to_contain_text("dzv_")
                assert await sideways(page) == [], (name, width, lang)
                assert await violations(page) == [], (name, width, lang)
                await page.screenshot(path=PICTURES / f"{name}-{lang}-{width}-{scheme}.png", full_page=True)
            for name, do in (("from-crm-tie", seat.from_crm), ("from-crm-gone", None)):
                if do is not None:
                    await do()
                else:
                    await page.goto("/from-crm?ticket=gone")
                assert await sideways(page) == [], (name, width)
                assert await violations(page) == [], (name, width)
                await page.screenshot(path=PICTURES / f"{name}-{lang}-{width}-{scheme}.png", full_page=True)
