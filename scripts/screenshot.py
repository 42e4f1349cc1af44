#!/usr/bin/env python3
"""Makes the pictures for the documents: the demonstration while a known client calls and the phone rings.

    .venv/bin/python -m scripts.screenshot [--language en] [--crm bitrix24] [--out docs/images/card.en.png]

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
from integration.demo import LINE, Addresses, Demo, free_ports

_SIZE: ViewportSize = {"width": 1280, "height": 800}
_CLIENT = "79161234567"  # of the sandbox's office: a contact with a company and an open deal
RESPONSIBLE = "31000000:610077"  # the sandbox's account and the manager whose extension is 101
CLIENT_NAME = "Иван Петров"
CARD = ".dozvon-widget article.call:not(.folded)"


async def photograph(out: Path, chromium: Path, language: str, crm: str = "amocrm") -> None:
    """Start the demonstration, let the client call, wait for the card, take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder) / "demo", ports=free_ports(usual=False))
        async with demo as addresses, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
            )
            context = await browser.new_context(
                viewport=_SIZE, locale=language, timezone_id="Europe/Moscow", permissions=["notifications"]
            )
            page = await context.new_page()
            if crm == "bitrix24":
                await _portals_card(page, addresses, language)
            else:
                await _amocrms_card(page, addresses, language)
            await asyncio.to_thread(out.parent.mkdir, parents=True, exist_ok=True)
            await page.screenshot(path=out, animations="disabled")
            await browser.close()


async def _amocrms_card(page: Page, addresses: Addresses, language: str) -> None:
    await page.context.add_cookies([{"name": "crm_user", "value": RESPONSIBLE, "url": addresses.crm}])
    await page.goto(f"{addresses.crm}/contacts/list/?lang={language}")
    card = await page.get_by_role("link", name=CLIENT_NAME).get_attribute("href")
    await page.goto(f"{addresses.crm}{card}")
    await connected(addresses.dozvon)
    await _call(addresses)
    await _settled(page)


async def _portals_card(page: Page, addresses: Addresses, language: str) -> None:
    """Our card in the portal's card of the call."""
    async with page.expect_response("**/page/stream"):  # cards are pushed to open pages only
        await page.goto(f"{addresses.portal}/crm/contact/list/?lang={language}")
    await _call(addresses)
    frame = page.frame_locator("[data-card] iframe:not(.worker)")
    await frame.locator(CARD).get_by_role("link", name=CLIENT_NAME).wait_for(timeout=30_000)


async def _call(addresses: Addresses) -> None:
    async with aiohttp.ClientSession() as session:
        call = {"number": _CLIENT, "did": LINE}
        async with session.post(f"{addresses.office}/call", json=call) as answer:
            answer.raise_for_status()


async def connected(dozvon: str) -> None:
    """Wait until the page's widget has its socket. Raises TimeoutError."""
    async with asyncio.timeout(30), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{dozvon}/metrics") as answer:
                if "dozvon_open_pages 1.0" in await answer.text():
                    return
            await asyncio.sleep(0.1)


async def _settled(page: Page) -> None:
    """The card is there, and the panel of the simulated office shows the ringing phone too."""
    await page.locator(CARD).wait_for(timeout=15_000)
    await page.locator("[data-demo=answer]").first.wait_for(timeout=15_000)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--language", choices=("ru", "uk", "en"), default="en")
    parser.add_argument("--crm", choices=("amocrm", "bitrix24"), default="amocrm")
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    arguments = parser.parse_args()
    logs.set_up("error", readable=True)
    name = "card" if arguments.crm == "amocrm" else f"card-{arguments.crm}"
    out = arguments.out or Path(f"docs/images/{name}.{arguments.language}.png")
    asyncio.run(photograph(out, arguments.chromium, arguments.language, arguments.crm))
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
