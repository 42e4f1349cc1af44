"""The next client of a campaign in the shipped archive and a real Chromium: for axe, in three languages, light and
dark, narrow and wide; by the keyboard; and in the tab that somebody looks at.

Pictures are in `test-results/preview/`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from integration.texts import LANGUAGES
from tests.e2e.stage_page import browser, crm, opened
from tests.e2e.widget_stage import Stage, a_call
from tests.page_checks import sideways, violations

__all__ = ["browser", "crm"]

pytestmark = pytest.mark.browser

PICTURES = Path("test-results/preview")
SIZES = ((375, 740), (1280, 800))
HOSTILE = "<img src=x onerror=\"document.title='broken'\">" * 10
WORDS = ("name", "comment", "script", "campaign_name")
NOBODY: dict[str, Any] = {"type": "offer", "offer": None, "missed": None}


@pytest.fixture(scope="session", autouse=True)
def pictures() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)


def shows(**changes: Any) -> dict[str, Any]:
    offer = {
        "campaign": "spring", "campaign_name": "Весенний обзвон", "entry": 7, "name": "Иван Петров",
        "number": "+7 916 123-45-67", "comment": "спрашивал про окна на дачу",
        "script": "Добрый день!\nУдобно говорить?", "url": "/contacts/detail/55",
        "until": time.time() + 600,
    }  # fmt: skip
    return {**NOBODY, "offer": {**offer, **changes}}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_client_is_for_everybody_at_every_width(browser: BrowserContext, crm: Stage, language: str) -> None:
    page = await opened(browser, crm, language)
    states = {
        "client": shows(),
        "hostile": shows(**dict.fromkeys(WORDS, HOSTILE), url="javascript:1", entry=8),
        "missed": {**NOBODY, "missed": "spring"},
    }
    found: dict[str, list[str]] = {}
    for name, message in states.items():
        for theme, ground in (("light", "#fff"), ("dark", "#111")):
            await page.evaluate("(ground) => document.body.style.background = ground", ground)
            await crm.tell(message)
            await expect(page.locator(".dozvon-widget.dark")).to_have_count(int(theme == "dark"))
            await expect(page.locator(".preview button").first).to_be_enabled()
            for width, height in SIZES:
                await page.set_viewport_size({"width": width, "height": height})
                await expect(page.locator(".preview button").last).to_be_in_viewport(ratio=1)
                await page.screenshot(path=PICTURES / f"{name}-{theme}-{width}-{language}.png")
                found[f"{name} {theme} {width}"] = await violations(page, ".dozvon-widget") + await sideways(page)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    await expect(page.locator(".dozvon-list")).to_be_hidden()  # this server has no list for its panel
    assert await page.title() == "CRM"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_in_the_call_the_card_says_what_to_say(browser: BrowserContext, crm: Stage, language: str) -> None:
    """A long script scrolls (axe wants that the keyboard reaches it), beside the buttons; hostile texts are texts."""
    page = await opened(browser, crm, language)
    told = {"name": "Весенний обзвон", "comment": "спрашивал про окна на дачу"}
    script = "Добрый день! Меня зовут Анна.\n" + "\n".join(f"{n}. Предложить рассрочку." for n in range(1, 30))
    found: dict[str, list[str]] = {}
    for name, texts in (("script", {**told, "script": script}), ("hostile", dict.fromkeys((*told, "script"), HOSTILE))):
        call = a_call(
            id=f"office:{name}", direction="outbound", state="talking", answered_at=time.time(), campaign=texts
        )
        for theme, ground in (("light", "#fff"), ("dark", "#111")):
            await page.evaluate("(ground) => document.body.style.background = ground", ground)
            await crm.tell({"type": "call_updated", "call": call})
            await expect(page.locator(".call .guide p")).to_have_count(2)
            await expect(page.locator(".dozvon-widget.dark")).to_have_count(int(theme == "dark"))
            for width, height in SIZES:
                await page.set_viewport_size({"width": width, "height": height})
                await expect(page.locator(".call > .actions")).to_be_in_viewport(ratio=1)
                await page.screenshot(path=PICTURES / f"call-{name}-{theme}-{width}-{language}.png")
                found[f"{name} {theme} {width}"] = await violations(page, ".dozvon-widget") + await sideways(page)
        await crm.tell({"type": "call_removed", "id": call["id"], "reason": "gone"})
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert await page.title() == "CRM"


async def test_who_reads_a_long_script_keeps_their_place_and_the_buttons(browser: BrowserContext, crm: Stage) -> None:
    """On a low screen, while the client is put on hold and a colleague writes; and from the keyboard."""
    page = await opened(browser, crm)
    await page.set_viewport_size({"width": 1280, "height": 600})
    campaign = {"name": "Весна", "comment": "просил утром", "script": "Добрый день!\n" * 300}
    call = a_call(direction="outbound", state="talking", answered_at=time.time(), campaign=campaign, can_hang_up=True)
    await crm.tell({"type": "call_updated", "call": call})
    await expect(page.get_by_role("button", name="Завершить")).to_be_in_viewport(ratio=1)
    await expect(page.get_by_role("textbox")).to_be_in_viewport(ratio=1)
    body = page.locator(".call .body")
    await page.get_by_text("Сценарий разговора").focus()
    await page.keyboard.press("End")
    at_end = "(body) => body.scrollTop > 0 && body.scrollTop + body.clientHeight >= body.scrollHeight - 1"
    await page.wait_for_function(at_end, arg=await body.element_handle())
    await body.evaluate("(body) => { body.scrollTop = 900 }")
    await crm.tell({"type": "call_updated", "call": call | {"held_since": time.time(), "line_name": "Реклама"}})
    await expect(page.locator(".held")).to_be_visible()
    assert await body.evaluate("(body) => body.scrollTop") == 900
    await expect(page.get_by_role("button", name="Завершить")).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Enter")  # still where the focus was: the script is folded
    await expect(page.locator(".call .script p")).to_be_hidden()
    await expect(page.get_by_text("Переговоры")).to_be_in_viewport()


async def test_a_client_is_decided_about_by_the_keyboard_alone(browser: BrowserContext, crm: Stage) -> None:
    page = await opened(browser, crm)
    await crm.tell(shows())
    await expect(page.get_by_role("button", name="Позвонить")).to_be_enabled()
    await page.get_by_role("button", name="Позвонить").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await crm.until("a press", lambda: crm.commands)
    await crm.tell(shows(entry=8, name="Мария"))
    await expect(page.get_by_text("Мария")).to_be_visible()
    await expect(page.get_by_role("button", name="Позвонить")).to_be_enabled()
    for _ in range(4):  # from the client as a whole, where the focus went, over the name, the comment and the script
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await crm.until("a call", lambda: len(crm.commands) == 2)
    assert [(each["type"], each["action"], each["campaign"], each["entry"]) for each in crm.commands] == [
        ("offer", "skip", "spring", 7),
        ("offer", "call", "spring", 8),
    ]


async def test_the_client_is_in_the_tab_that_somebody_looks_at(browser: BrowserContext, crm: Stage) -> None:
    first = await opened(browser, crm)
    await crm.tell(shows())
    await expect(first.locator(".preview")).to_be_visible()
    second = await opened(browser, crm)
    await expect(second.locator(".preview")).to_be_visible()  # from the other tab
    await expect(second.get_by_role("button", name="Пропустить")).to_be_enabled()
    await second.get_by_role("button", name="Пропустить").click()
    await crm.until("a press", lambda: crm.commands)
    await crm.tell(NOBODY)
    for tab in (first, second):
        await expect(tab.locator(".preview")).to_be_hidden()
    assert len(crm.commands) == 1
