#!/usr/bin/env python3
"""Makes the guides' pictures of calling lists: a manager's panel, and a supervisor's file, rules and running campaign.

    .venv/bin/python -m scripts.guide_pictures [--language en] [--folder docs/images]

A person's steps in Chromium on the real demonstration. Needs Chromium (`make test-setup`), and uses free ports.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from playwright.async_api import BrowserContext, Locator, Page, ViewportSize, async_playwright, expect

from integration import logs
from integration.demo import ACCOUNT, PASSWORD, Addresses, Demo, free_ports
from scripts.screenshot import RESPONSIBLE, connected

_SIZE: ViewportSize = {"width": 1280, "height": 800}
_TALL: ViewportSize = {"width": 1280, "height": 1040}
_PATIENCE_MS = 60_000
_WORKS = ("101", "102", "103")
_ANY_HOUR = "00:00-23:59"  # the picture is made at any time of the day
_CALLED = ("Иван Петров", "Мария Кузнецова", "Олег Смирнов", "Ольга Николаева")  # of the sandbox's office
_NAMES = {"ru": "Весенние предложения", "uk": "Весняні пропозиції", "en": "Spring offers"}
_ROWS = {
    "ru": (
        ("Клиент", "Телефон", "Примечание"),
        ("Иван Петров", "8 (916) 123-45-67", "окна на дачу"),
        ("Мария Кузнецова", "+7 926 111-22-33", ""),
        ("Олег Смирнов", "8 (495) 555-01-42", "звонить после обеда"),
        ("Ольга Николаева", "89037654321", ""),
        ("Сергей Волков", "7,91655E+10", ""),
        ("Татьяна Крылова", "+7 916 555-01-88", ""),
    ),
    "uk": (
        ("Клієнт", "Телефон", "Примітка"),
        ("Іван Петров", "8 (916) 123-45-67", "вікна на дачу"),
        ("Марія Кузнецова", "+7 926 111-22-33", ""),
        ("Олег Смирнов", "8 (495) 555-01-42", "телефонувати після обіду"),
        ("Ольга Ніколаєва", "89037654321", ""),
        ("Сергій Волков", "7,91655E+10", ""),
        ("Тетяна Крилова", "+7 916 555-01-88", ""),
    ),
    "en": (
        ("Client", "Telephone", "Note"),
        ("Ivan Petrov", "8 (916) 123-45-67", "windows for the cottage"),
        ("Maria Kuznetsova", "+7 926 111-22-33", ""),
        ("Oleg Smirnov", "8 (495) 555-01-42", "call after lunch"),
        ("Olga Nikolaeva", "89037654321", ""),
        ("Sergey Volkov", "7,91655E+10", ""),
        ("Tatiana Krylova", "+7 916 555-01-88", ""),
    ),
}
_NOTES = {"ru": "Ждёт расчёт до пятницы", "uk": "Чекає на розрахунок до п’ятниці", "en": "Expects the offer by Friday"}


@dataclass
class Studio:
    """The demonstration with a browser that speaks one language."""

    at: Addresses
    http: aiohttp.ClientSession
    browser: BrowserContext
    language: str
    folder: Path

    async def page(self) -> Page:
        page = await self.browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        return page

    async def answer(self, extension: str) -> None:
        """This employee's phone rings sooner or later; they answer it."""
        async with asyncio.timeout(_PATIENCE_MS / 1000):
            while True:
                async with self.http.post(f"{self.at.office}/answer/{extension}") as said:
                    if said.status == 200:
                        return
                await asyncio.sleep(0.2)

    async def save(self, page: Page | Locator, name: str) -> None:
        path = self.folder / f"{name}.{self.language}.png"
        await page.screenshot(path=path, animations="disabled")
        print(path)


@asynccontextmanager
async def open_studio(language: str, folder: Path, chromium: Path) -> AsyncIterator[Studio]:
    with tempfile.TemporaryDirectory() as data:
        demo = Demo(Path(data) / "demo", ports=free_ports(usual=False))
        async with demo as at, aiohttp.ClientSession() as http, async_playwright() as playwright:
            driven = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
            )
            context = await driven.new_context(
                viewport=_SIZE, locale=language, timezone_id="Europe/Moscow", permissions=["notifications"]
            )
            yield Studio(at, http, context, language, folder)
            await driven.close()


async def the_panel(studio: Studio) -> None:
    """A manager talks to the second client of their list; the first one hung up."""
    page = await studio.page()
    await studio.browser.add_cookies([{"name": "crm_user", "value": RESPONSIBLE, "url": studio.at.crm}])
    await page.goto(f"{studio.at.crm}/contacts/list/?lang={studio.language}")
    await connected(studio.at.dozvon)
    await page.add_style_tag(content="#demo_panel { display: none }")
    for name in _CALLED:
        await page.get_by_role("checkbox", name=name, exact=True).check()
    await page.click("[data-action=more]")
    await page.click("[data-widget-action]")
    await page.locator(".dozvon-widget .selection button.main, .dozvon-widget form button.main").last.click()
    panel = page.locator(".dozvon-list section.list")
    await panel.locator("li.client").first.wait_for()
    await page.keyboard.press("Escape")
    await panel.locator(".controls button").first.click()
    await studio.answer("101")
    await expect(panel.locator("li.client.talks")).to_have_count(1, timeout=_PATIENCE_MS)
    async with studio.http.post(f"{studio.at.office}/hangup/101") as said:
        said.raise_for_status()
    await studio.answer("101")  # ten seconds later the next one is called
    note = panel.locator(".slot textarea").first
    await expect(panel.locator("li.client.talks")).to_have_count(1, timeout=_PATIENCE_MS)
    await note.fill(_NOTES[studio.language])
    await studio.save(page, "panel")
    await page.close()


async def the_campaign(studio: Studio) -> None:
    """Its rules, a file with its columns, and its page while employees talk."""
    page = await studio.page()
    await page.set_viewport_size(_TALL)
    await page.goto(f"{studio.at.admin}/login?lang={studio.language}")
    await page.locator("input[type=password]").fill(PASSWORD)
    await page.locator("main button[type=submit]").click()
    base = f"{studio.at.admin}/{ACCOUNT}/campaigns"
    await page.goto(f"{base}/new?lang={studio.language}")
    await page.locator("[name=name]").fill(_NAMES[studio.language])
    for extension in _WORKS:
        await page.locator(f"[name='employee.{extension}']").check()
    await studio.save(page, "campaign-rules")
    for day in range(7):
        await page.locator(f"[name=week_{day}]").fill(_ANY_HOUR)
    await page.locator("main form button").last.click()
    await page.wait_for_url(f"{base}/*")
    campaign = page.url.partition("?")[0]
    await _its_list(studio, page, campaign)
    await page.goto(f"{campaign}?lang={studio.language}")
    await page.locator("form[action$='/state'] button").first.click()
    for extension in _WORKS:
        await studio.answer(extension)
    talks = page.locator("[data-region=campaign] dl.facts").first.locator("dd").nth(1)  # below "Now"
    await expect(talks).to_have_text(str(len(_WORKS)), timeout=_PATIENCE_MS)
    await page.reload()  # without the message about its start
    await studio.save(page, "campaign")
    await page.close()


async def _its_list(studio: Studio, page: Page, campaign: str) -> None:
    rows = "\r\n".join(";".join(row) for row in _ROWS[studio.language])
    upload = {"name": "clients.csv", "mimeType": "text/csv", "buffer": ("\ufeff" + rows + "\r\n").encode()}
    await page.locator("input[type=file]").set_input_files(upload)  # type: ignore[arg-type]
    await page.locator("form[enctype] button").click()
    await page.wait_for_url(f"{campaign}/files/*")
    await studio.save(page, "list-file")
    await page.locator("button[value=begin]").click()


async def photograph(language: str, folder: Path, chromium: Path, which: str) -> None:
    """Each picture has an office of its own: who calls their own list is not free for a campaign."""
    for name, taken in (("panel", the_panel), ("campaign", the_campaign)):
        if which in ("", name):
            async with open_studio(language, folder, chromium) as studio:
                await taken(studio)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=("ru", "uk", "en"), default="en")
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    parser.add_argument("--only", choices=("panel", "campaign"), default="")
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    arguments = parser.parse_args()
    logs.set_up("error", readable=True)
    asyncio.run(photograph(arguments.language, arguments.folder, arguments.chromium, arguments.only))
    return 0


if __name__ == "__main__":
    sys.exit(main())
