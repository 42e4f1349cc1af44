"""`dozvon demo` for a newcomer: one command, one browser, nothing open to others."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.e2e.crm_page import PATIENCE_MS, plays
from tests.page_checks import sideways, violations

pytestmark = pytest.mark.browser
START_SECONDS = 5.0
CHECKOUT = Path(__file__).parents[2]


class Demonstration:
    def __init__(self, process: subprocess.Popen[str], said: str, cpu_seconds: float, wall_seconds: float) -> None:
        self.process, self.said = process, said
        self.cpu_seconds, self.wall_seconds = cpu_seconds, wall_seconds

    @property
    def crm(self) -> str:
        return self._address("sandbox amoCRM")

    @property
    def portal(self) -> str:
        return self._address("sandbox Bitrix24")

    @property
    def start(self) -> str:
        return self._address("Begin here")

    @property
    def pages(self) -> str:
        return self._address("own pages") + "/admin"

    def _address(self, of: str) -> str:
        found = re.search(rf"{of}.*?(http://[\d.:]+)", self.said)
        assert found
        return found[1]


@pytest_asyncio.fixture
async def demonstration(tmp_path: Path) -> AsyncIterator[Demonstration]:
    began = time.monotonic()
    process = _begin(tmp_path / "demo")
    try:
        said = await asyncio.wait_for(asyncio.to_thread(_introduction, process), 60)
        yield Demonstration(process, said, _cpu_seconds(process.pid), time.monotonic() - began)
    finally:
        process.kill()
        process.communicate()


def _begin(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "integration", "demo", "--folder", str(folder)],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _introduction(process: subprocess.Popen[str]) -> str:
    """Its output up to the end of its introduction."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if "recording in the contact" in text:
            return text
    raise AssertionError(f"it ended:\n{text}")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def listening(pid: int) -> list[str]:
    """The addresses on which a process accepts connections, as /proc writes them: `0100007F:1F90`."""
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.append(fields[1])
    return found


async def the_walk(demonstration: Demonstration, browser: BrowserContext) -> None:
    """The client's button, the card, the answer, the hangup, the recording in the contact's card."""
    page = await browser.new_page()
    await page.goto(demonstration.crm)
    panel = page.locator("#demo_panel")
    card = page.locator(".dozvon-widget article.call:not(.folded)")
    await panel.locator("[data-demo=known]").click()
    await expect(card.get_by_role("link", name="Иван Петров")).to_be_visible(timeout=PATIENCE_MS)
    await panel.get_by_role("button", name="Ответить").first.click()
    await expect(card.get_by_text("Разговор", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    await card.get_by_role("link", name="Иван Петров").click()
    await expect(card.locator(".timer")).to_have_text(re.compile(r"^0:(0[2-9]|[1-5]\d)$"), timeout=PATIENCE_MS)
    await panel.locator("[data-demo=hangup]").first.click()
    audio = page.locator("[data-live=feed] .event--call audio").first
    await expect(audio).to_be_visible(timeout=PATIENCE_MS)
    await plays(audio)


async def the_walk_from_the_first_page(demonstration: Demonstration, browser: BrowserContext) -> None:
    """Both CRMs are a click away; a call that is answered there is in the other CRM, too, with its recording."""
    page = await browser.new_page()
    await page.goto(f"{demonstration.start}/?lang=en")
    links = page.get_by_role("link", name="Open")
    assert [await link.get_attribute("href") for link in await links.all()] == [
        demonstration.crm,
        demonstration.portal,
        demonstration.pages,
    ]
    await page.get_by_role("button", name="Call the office as this client").click()
    await page.get_by_role("button", name="Answer").first.click(timeout=PATIENCE_MS)
    phone = page.locator(".phone.is-talking")
    await expect(phone).to_be_visible(timeout=PATIENCE_MS)
    await phone.get_by_role("button", name="Hang up").click()
    portal = await browser.new_page()
    await portal.goto(f"{demonstration.portal}/telephony/?lang=en")
    await expect(portal.get_by_role("link", name="Иван Петров").first).to_be_visible(timeout=PATIENCE_MS)
    audio = portal.locator("audio").first
    await expect(audio).to_be_visible(timeout=PATIENCE_MS)
    assert await plays(audio)


async def the_first_page_is_for_everybody(demonstration: Demonstration, browser: BrowserContext) -> None:
    page = await browser.new_page()
    for language, scheme, width in (
        ("ru", "light", 1280),
        ("uk", "dark", 1280),
        ("en", "dark", 375),
        ("ru", "light", 375),
    ):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(f"{demonstration.start}/?lang={language}")
        await expect(page.locator(".phone").first).to_be_visible(timeout=PATIENCE_MS)
        assert await violations(page) == []
        assert await sideways(page) == []


async def test_the_demonstration(demonstration: Demonstration, browser: BrowserContext) -> None:
    """It starts fast, says where to look, listens only on this machine, does what it says, and stops on request."""
    print(f"\ndemo: {demonstration.wall_seconds:.1f} s, {demonstration.cpu_seconds:.1f} s of a processor")
    # On a machine busy with other tests only processor time is meaningful.
    assert min(demonstration.wall_seconds, demonstration.cpu_seconds) < START_SECONDS
    for words in ("sandbox amoCRM", "sandbox Bitrix24", "Begin here", "/admin", "password: demo", "Ctrl+C"):
        assert words in demonstration.said
    addresses = listening(demonstration.process.pid)
    assert len(addresses) >= 8  # web, first page, two CRMs and an OAuth server, office, AMI, FastAGI
    assert {address.partition(":")[0] for address in addresses} == {"0100007F"}
    await the_walk(demonstration, browser)
    await the_walk_from_the_first_page(demonstration, browser)
    await the_first_page_is_for_everybody(demonstration, browser)
    demonstration.process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(demonstration.process.wait, 15) == 0
