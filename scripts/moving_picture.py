#!/usr/bin/env python3
"""Makes the README's moving picture: in the demonstration a client calls, until the call is in the client's feed.

    .venv/bin/python -m scripts.moving_picture [--language en] [--out docs/images/call.en.webp]

Everything in it is real: a person's steps in Chromium on the pages of `dozvon demo`. Added are a pointer and captions.
Needs Chromium (`make test-setup`) and img2webp (`apt-get install webp`). It uses free ports.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Locator, Page, ViewportSize, async_playwright

from integration import logs
from integration.demo import Addresses, Demo, free_ports
from scripts.screenshot import CARD, CLIENT_NAME, RESPONSIBLE, connected

_SIZE: ViewportSize = {"width": 1024, "height": 828}
_LARGEST = 2_000_000  # bytes that a page's visitor should have to load
_TALK_SECONDS = 4
_CAPTIONS = {
    "ru": (
        "Клиент звонит в офис",
        "Звонит телефон ответственного менеджера, карточка показывает клиента",
        "Менеджер отвечает и открывает контакт",
        "Разговор: заметка пишется в карточке",
        "После разговора: итог и следующая задача",
        "Звонок в ленте клиента: один раз, с записью",
    ),
    "uk": (
        "Клієнт телефонує в офіс",
        "Дзвонить телефон відповідального менеджера, картка показує клієнта",
        "Менеджер відповідає і відкриває контакт",
        "Розмова: нотатка пишеться в картці",
        "Після розмови: підсумок і наступне завдання",
        "Дзвінок у стрічці клієнта: один раз, із записом",
    ),
    "en": (
        "A client calls the office",
        "The responsible manager’s phone rings, a card shows the client",
        "The manager answers and opens the contact",
        "They talk; a note is written in the card",
        "After the talk: its result and the next task",
        "The call is in the client’s feed: once, with its recording",
    ),
}
_NOTES = {
    "ru": "Хочет фасады из дуба, ждёт расчёт до пятницы",
    "uk": "Хоче фасади з дуба, чекає на розрахунок до п’ятниці",
    "en": "Wants oak fronts, expects the offer by Friday",
}
_MINIMISE = {"ru": "Свернуть", "uk": "Згорнути", "en": "Minimise"}
# What the script adds to the page: a caption above it, and a pointer, because a screenshot has none.
_STAGE = """([number, text]) => {
  let caption = document.getElementById("film-caption");
  if (!caption) {
    caption = document.createElement("div");
    caption.id = "film-caption";
    caption.style.cssText = `position:fixed;inset:0 0 auto 0;height:48px;z-index:99999;box-sizing:border-box;
      padding:0 20px;background:#1459c7;color:#fff;font:600 18px/48px sans-serif`;
    document.body.style.cssText += "padding-top:48px;box-sizing:border-box";
    const pointer = document.createElement("div");
    pointer.id = "film-pointer";
    pointer.style.cssText = `position:fixed;z-index:99999;width:22px;height:22px;margin:-11px;border-radius:50%;
      background:#f5a62399;border:2px solid #14213d;pointer-events:none;display:none;box-sizing:border-box`;
    document.body.append(caption, pointer);
  }
  caption.textContent = `${number}. ${text}`;
}"""
_LOAD = """audio => new Promise((known) => {
  audio.addEventListener("loadedmetadata", () => known(), { once: true });
  audio.preload = "metadata";
  audio.load();
})"""
_POINT = """([x, y]) => {
  const pointer = document.getElementById("film-pointer");
  pointer.style.display = x === null ? "none" : "block";
  pointer.style.left = `${x}px`;
  pointer.style.top = `${y}px`;
}"""


class FilmError(Exception):
    """The picture cannot be made; says why."""


@dataclass
class Film:
    """Screenshots of one page, each with the milliseconds that it is shown."""

    page: Page
    folder: Path
    captions: tuple[str, ...]
    frames: list[tuple[Path, int]] = field(default_factory=list)
    _number: int = 0

    async def caption(self, number: int) -> None:
        self._number = number
        await self.page.evaluate(_STAGE, [number, self.captions[number - 1]])

    async def show(self, milliseconds: int) -> None:
        file = self.folder / f"{len(self.frames):03}.png"
        await self.page.screenshot(path=file, animations="disabled")
        self.frames.append((file, milliseconds))

    async def press(self, target: Locator, then: Locator) -> None:
        """Point, press, and wait until the page shows `then`."""
        box = await target.bounding_box()
        assert box is not None
        await self.page.evaluate(_POINT, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        await self.show(900)
        await target.click()
        await then.wait_for(timeout=30_000)
        if not await self.page.locator("#film-caption").count():  # another page was opened
            await self.caption(self._number)
        await self.page.evaluate(_POINT, [None, None])

    def write(self, out: Path) -> None:
        """Raises: FilmError."""
        command = ["img2webp", "-loop", "0", "-min_size"]
        for file, milliseconds in self.frames:
            command += ["-d", str(milliseconds), "-lossless", "-m", "4", str(file)]
        try:
            done = subprocess.run([*command, "-o", str(out)], text=True, capture_output=True, check=False)
        except FileNotFoundError as exc:
            raise FilmError("img2webp is missing: apt-get install webp") from exc
        if done.returncode:
            raise FilmError(f"img2webp failed:\n{done.stderr}")
        if out.stat().st_size > _LARGEST:
            raise FilmError(f"{out} has {out.stat().st_size / 1e6:.1f} MB; a README's picture has 2 at most")


async def film(out: Path, chromium: Path, language: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder) / "demo", ports=free_ports(usual=False))
        async with demo as addresses, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
            )
            context = await browser.new_context(
                viewport=_SIZE, locale=language, timezone_id="Europe/Moscow", permissions=["notifications"]
            )
            await context.add_cookies([{"name": "crm_user", "value": RESPONSIBLE, "url": addresses.crm}])
            frames = Path(folder) / "frames"
            frames.mkdir()
            made = Film(await context.new_page(), frames, _CAPTIONS[language])
            await play(made, addresses, language)
            await browser.close()
        await asyncio.to_thread(out.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(made.write, out)


async def play(made: Film, addresses: Addresses, language: str) -> None:
    """From the ring to the feed."""
    page = made.page
    panel, card = page.locator("#demo_panel"), page.locator(CARD)
    ringing, feed = panel.locator("[data-demo=answer]").first, page.locator("[data-live=feed]")
    await page.goto(f"{addresses.crm}/leads/?lang={language}")
    await connected(addresses.dozvon)
    await made.caption(1)
    await made.show(1200)
    await made.press(panel.locator("[data-demo=known]"), ringing)
    name = card.get_by_role("link", name=CLIENT_NAME)
    await name.wait_for(timeout=30_000)
    await made.caption(2)
    await made.show(2600)
    await made.press(ringing, panel.locator(".demo__phone.is-talking").first)
    await made.caption(3)
    await made.show(1000)
    await made.press(name, feed)
    await made.caption(4)
    await made.show(900)
    await card.locator("textarea").first.fill(_NOTES[language])
    for _ in range(_TALK_SECONDS):
        await made.show(900)
        await asyncio.sleep(1.0)
    recording = feed.locator(".event--call audio").first
    await made.press(panel.locator("[data-demo=hangup]").first, recording)
    await recording.evaluate(_LOAD)  # the player shows how long it is
    await made.caption(5)
    await made.show(2600)
    await card.get_by_role("button", name=_MINIMISE[language]).click()
    await made.caption(6)
    await feed.locator(".event--call").first.scroll_into_view_if_needed()
    await made.show(4500)


def main() -> int:
    """Exit codes: 0 made, 3 not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--language", choices=tuple(_CAPTIONS), default="en")
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    arguments = parser.parse_args()
    out = arguments.out or Path(f"docs/images/call.{arguments.language}.webp")
    logs.set_up("error", readable=True)
    if shutil.which("img2webp") is None:
        print("img2webp is missing: apt-get install webp", file=sys.stderr)
        return 3
    try:
        asyncio.run(film(out, arguments.chromium, arguments.language))
    except FilmError as exc:
        print(exc, file=sys.stderr)
        return 3
    print(f"{out}: {out.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
