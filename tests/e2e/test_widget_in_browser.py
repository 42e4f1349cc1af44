"""The shipped amoCRM archive in a real Chromium: card, create contact, click to call, several tabs, a lost link."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.e2e.widget_stage import Stage, stage

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        context = await chromium.new_context(viewport={"width": 1280, "height": 800})
        yield context
        await chromium.close()


def a_call(**changes: Any) -> dict[str, Any]:
    person = {
        "id": "55", "kind": "contact", "name": "Иван Петров", "url": "/contacts/detail/55",
        "company": {"name": HOSTILE, "url": "javascript:document.title='broken'"},
        "responsible": {"id": "7", "name": "Анна Ким"}, "emails": ["i@r.example"],
        "deals": [{"id": "9", "name": "Веранда", "url": "/leads/detail/9", "stage": "Переговоры", "price": 248000}],
    }  # fmt: skip
    return {
        "id": "office:1", "direction": "inbound", "state": "ringing", "number": "+7 916 123-45-67",
        "raw_number": "+79161234567", "started_at": time.time(), "answered_at": None, "ended_at": None,
        "line": "+7 495 000-00-00", "extension": "101", "person": person, "persons_count": 1, "can_create": False,
        "last_calls": [], "disposition": None,
    } | changes  # fmt: skip


async def open_tab(browser: BrowserContext, crm: Stage) -> Page:
    page = await browser.new_page()
    await page.goto(crm.page)
    await page.wait_for_function("window.ready === true")
    await page.bring_to_front()
    return page


async def test_a_known_caller_is_shown_and_opened_and_hung_up(browser: BrowserContext, crm: Stage) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call()})
    await expect(page.get_by_text("Входящий звонок", exact=True)).to_be_visible()
    await expect(page.get_by_text("Веранда")).to_be_visible()
    await expect(page.get_by_text(HOSTILE)).to_be_visible()  # as text, in the company's place
    await page.get_by_role("link", name="Иван Петров").click()
    assert await page.title() == "/contacts/detail/55"
    await page.get_by_role("button", name="Завершить").click()
    await crm.until("hang up", lambda: {"type": "hang_up", "call": "office:1"} in crm.from_widget)
    await crm.tell({"type": "call_removed", "id": "office:1", "reason": "answered_elsewhere"})
    await expect(page.get_by_text("Веранда")).to_have_count(0)


async def test_an_unknown_caller_becomes_a_contact_by_keyboard_alone(browser: BrowserContext, crm: Stage) -> None:
    crm.calls = [a_call(person=None, persons_count=0, can_create=True)]
    page = await open_tab(browser, crm)
    await page.get_by_role("button", name="Создать контакт").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Мария")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Контакт создан")).to_be_visible()
    assert ("contacts", {"number": "+79161234567", "name": "Мария", "call": "office:1"}) in crm.posted


async def test_a_pressed_number_is_one_request(browser: BrowserContext, crm: Stage) -> None:
    page = await open_tab(browser, crm)
    await page.evaluate("press('8 (916) 000-00-01'); press('+7 916 000-00-01')")
    await expect(page.get_by_text("сначала зазвонит ваш телефон")).to_be_visible()
    await crm.until("a call", lambda: any(path == "call" for path, _ in crm.posted))
    [(_, body)] = [one for one in crm.posted if one[0] == "call"]
    assert (body["number"], body["entity"]) == ("8 (916) 000-00-01", {"kind": "contact", "id": "55"})


async def test_several_tabs_hold_one_socket_and_show_one_card(browser: BrowserContext, crm: Stage) -> None:
    first = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    second = await open_tab(browser, crm)
    await second.evaluate("press('89160000001')")  # somebody works in this tab
    await crm.tell({"type": "call_updated", "call": a_call()})
    await expect(second.get_by_text("Веранда")).to_be_visible()
    await expect(first.get_by_text("Веранда")).to_be_hidden()
    assert len(crm.open_sockets) == 1
    crm.calls = [a_call()]
    await first.close()
    await crm.until("the other tab connects", lambda: len(crm.sockets) == 2)
    await expect(second.get_by_text("Веранда")).to_be_visible()
    assert crm.tickets == 2


async def test_a_lost_link_comes_back_by_itself_with_what_happened_meanwhile(
    browser: BrowserContext, crm: Stage
) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    crm.calls = [a_call(state="talking", answered_at=time.time() - 65)]
    await crm.open_sockets[0].close(code=1012)
    await crm.until("a new socket", lambda: len(crm.open_sockets) == 1 and len(crm.sockets) == 2)
    await expect(page.get_by_text("Разговор", exact=True)).to_be_visible()
    await expect(page.get_by_text("1:0")).to_be_visible()
