#!/usr/bin/env python3
"""Makes the picture for the documents: the demonstration while a known client calls and the phone rings.

    .venv/bin/python scripts/screenshot.py [--out docs/images/card.png] [--language ru]

Needs Chromium (`make test-setup` installs it). It uses free ports, so a running demonstration is not disturbed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import aiohttp
from playwright.async_api import Page, ViewportSize, async_playwright

from integration import logs
from integration.demo import LINE, Demo

_SIZE: ViewportSize = {"width": 1280, "height": 800}
_CLIENT = "79161234567"  # of the sandbox's office: a contact with a company and an open deal
_RESPONSIBLE = "31000000:610077"  # the sandbox's account and the manager whose extension is 101
_NAME = "Иван Петров"
_CARD = ".dozvon-widget article.call:not(.folded)"


async def photograph(out: Path, chromium: Path, language: str) -> None:
    """Start the demonstration, let the client call, wait for the card, take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        async with Demo(Path(folder) / "demo") as addresses, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
            )
            context = await browser.new_context(viewport=_SIZE, locale=language, timezone_id="Europe/Moscow")
            await context.add_cookies([{"name": "crm_user", "value": _RESPONSIBLE, "url": addresses.crm}])
            page = await context.new_page()
            await page.goto(f"{addresses.crm}/contacts/list/?lang={language}")
            card = await page.get_by_role("link", name=_NAME).get_attribute("href")
            await page.goto(f"{addresses.crm}{card}")
            await _connected(addresses.dozvon)
            async with aiohttp.ClientSession() as session:
                call = {"number": _CLIENT, "did": LINE}
                async with session.post(f"{addresses.office}/call", json=call) as answer:
                    answer.raise_for_status()
            await _settled(page)
            await asyncio.to_thread(out.parent.mkdir, parents=True, exist_ok=True)
            await page.screenshot(path=out, animations="disabled")
            await browser.close()


async def _connected(dozvon: str) -> None:
    """Wait until the page's widget has its socket. Raises TimeoutError."""
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{dozvon}/metrics") as answer:
                if "dozvon_open_pages 1.0" in await answer.text():
                    return
            await asyncio.sleep(0.1)


async def _settled(page: Page) -> None:
    """The card is there, and the panel of the simulated office shows the ringing phone too."""
    await page.locator(_CARD).wait_for(timeout=15_000)
    await page.locator("[data-demo=answer]").first.wait_for(timeout=15_000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images/card.png"))
    parser.add_argument("--language", choices=("ru", "uk", "en"), default="ru")
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    arguments = parser.parse_args()
    logs.set_up("error", readable=True)
    asyncio.run(photograph(arguments.out, arguments.chromium, arguments.language))
    print(arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
