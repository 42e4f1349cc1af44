"""The panel of a manager's own list in the shipped archive and a real Chromium: its states for axe, in three languages,
light and dark, from 375 to 1920 px; the keyboard; and the question of a page that is left.

Pictures of all are in `test-results/own-list/`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Dialog, Page, expect

from integration.texts import LANGUAGES
from tests.e2e.stage_page import browser, crm, opened
from tests.e2e.widget_stage import Stage
from tests.page_checks import sideways, violations

__all__ = ["browser", "crm"]

pytestmark = pytest.mark.browser

PICTURES = Path("test-results/own-list")
SIZES = ((375, 740), (768, 900), (1280, 800), (1920, 1080))
HOSTILE = "<img src=x onerror=\"document.title='broken'\">" * 5


@pytest.fixture(scope="session", autouse=True)
def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


def client(key: int, name: str, *numbers: tuple[str, str | None], **more: Any) -> dict[str, Any]:
    shown = [{"number": number, "struck": struck} for number, struck in numbers]
    about = {"comment": "", "comment_url": None, "url": f"/contacts/detail/{key}", "state": "waiting", "call": None}
    return {"key": key, "name": name, "numbers": shown, **about, **more}


def whole(**more: Any) -> dict[str, Any]:
    clients = [
        client(1, "Иван Петров", ("+7 916 111-00-01", "busy"), ("+7 916 111-00-02", None), state="reached",
               call="p:1", comment="Окна на дачу", comment_url="/leads/detail/4"),
        client(2, "Мария Кузнецова", ("+7 916 111-00-03", "no_answer"), ("+7 495 111-00-04", "odd"),
               state="not_reached"),
        client(3, HOSTILE, ("+7 916 111-00-05", None), comment=HOSTILE, comment_url="javascript:1"),
        client(4, "", ("+7 916 111-00-06", None), state="skipped"),
        *(client(key, f"Клиент {key}", (f"+7 916 111-00-{key:02}", None)) for key in range(5, 15)),
    ]  # fmt: skip
    values = {
        "revision": 5, "base": None, "phase": "idle", "due_at": None, "left_seconds": None, "current": 1,
        "number": None, "leaving": None, "why": "", "clients": clients, "script": "Добрый день!\nУдобно говорить?",
    }  # fmt: skip
    return {"type": "own_list", **values, "order": [each["key"] for each in clients], **more}


def states() -> dict[str, dict[str, Any]]:
    clients = whole()["clients"]
    talked = [{**each, "state": "taken"} if each["key"] == 1 else each for each in clients]
    done = [{**each, "state": "unclear"} if each["state"] == "waiting" else each for each in clients]
    talking = {"clients": talked, "number": "+7 916 111-00-02"}
    return {
        "idle": whole(),
        "waiting": whole(phase="waiting", due_at=time.time() + 600),
        "held": whole(phase="held", left_seconds=4, why="no_page"),
        "calling": whole(phase="calling", **talking),
        "talking": whole(phase="talking", **talking),
        "leaving": whole(phase="talking", leaving="stop", **talking),
        "stopped": whole(why="phone_not_answered"),
        "finished": whole(why="finished", clients=done),
    }


async def cut(page: Page) -> list[str]:
    """Clients of whom something is cut off, or stands over something else; long names end in dots."""
    rows: list[str] = await page.locator(".dozvon-list li.client").evaluate_all(
        """rows => rows.filter((row) => row.scrollHeight > row.clientHeight + 1 ||
            [...row.querySelectorAll(".numbers, .state")].some((part) => part.scrollWidth > part.clientWidth + 1))
          .map((row) => row.innerText)"""
    )
    return [f"cut: {row}" for row in rows]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_state_has_a_fault_for_axe_or_is_wider_than_a_telephone(
    browser: BrowserContext, crm: Stage, language: str
) -> None:
    page = await opened(browser, crm, language)
    panel = page.locator(".dozvon-list section.list")
    found: dict[str, list[str]] = {}
    for name, message in states().items():
        await crm.tell(message)
        for theme, ground in (("light", "#fff"), ("dark", "#111")):
            await page.evaluate("(ground) => document.body.style.background = ground", ground)
            await crm.tell(message)  # the page's ground is looked at again
            await expect(page.locator(".dozvon-list.dark")).to_have_count(int(theme == "dark"))
            for width, height in SIZES:
                await page.set_viewport_size({"width": width, "height": height})
                await page.screenshot(path=PICTURES / f"{name}-{theme}-{width}-{language}.png")
                wrong = await violations(page, ".dozvon-list") + await sideways(page) + await cut(page)
                found[f"{name} {theme} {width}"] = wrong
                assert await panel.is_visible()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert await page.title() == "CRM"


async def test_the_whole_panel_is_worked_by_the_keyboard(browser: BrowserContext, crm: Stage) -> None:
    page = await opened(browser, crm)
    await crm.tell(whole())
    await expect(page.locator(".dozvon-list li.client")).to_have_count(14)
    await page.keyboard.press("Control+Alt+KeyL")
    await page.keyboard.press("Enter")
    await crm.until("start", lambda: crm.commands)
    await crm.tell(whole(revision=6, phase="waiting", due_at=time.time() + 600))
    await expect(page.get_by_role("button", name="Остановить таймер")).to_be_enabled()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await crm.until("the timer", lambda: len(crm.commands) == 2)
    await page.get_by_role("button", name="Убрать из списка: Клиент 5").focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await crm.until("a removal", lambda: len(crm.commands) == 3)
    assert [(each["action"], each["client"]) for each in crm.commands] == [
        ("start", None),
        ("hold", None),
        ("remove", 6),
    ]
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Развернуть список обзвона")).to_be_focused()


async def test_a_page_is_left_with_a_question_only_while_somebody_is_called(
    browser: BrowserContext, crm: Stage
) -> None:
    page = await opened(browser, crm)
    asked: list[str] = []

    async def stays(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", stays)
    await crm.tell(whole(phase="waiting", due_at=time.time() + 600))
    await page.get_by_role("button", name="Свернуть список обзвона").click()  # browsers ask only whoever has pressed
    await page.reload()
    assert asked == ["beforeunload"]
    await page.wait_for_function("window.ready === true")
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell(whole())
    await page.get_by_role("button", name="Свернуть список обзвона").click()
    await page.reload()
    assert asked == ["beforeunload"]
