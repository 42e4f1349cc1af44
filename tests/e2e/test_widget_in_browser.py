"""The shipped amoCRM archive in a real Chromium: card, create contact, click to call, several tabs, a lost network, a
background tab."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests.e2e.widget_stage import HOSTILE, Stage, a_call, stage
from tests.lab.fixtures import CHROMIUM_ARGUMENTS

pytestmark = pytest.mark.browser


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_ARGUMENTS)
        context = await chromium.new_context(viewport={"width": 1280, "height": 800})
        yield context
        await chromium.close()


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
    await page.get_by_role("button", name="Отклонить").click()
    await crm.until("a press", lambda: crm.commands)
    press = crm.commands[0]
    assert (press["type"], press["call"], press["seen"]) == ("hang_up", "office:1", "ringing")
    assert abs(time.time() - press["at"]) < 2, "the server's clock, counted on by the browser"
    await crm.tell({"type": "call_updated", "call": a_call(state="ended", result="declined", ended_at=time.time())})
    await expect(page.get_by_text("Вы отклонили звонок", exact=True)).to_be_visible()
    await page.mouse.move(5, 5)  # it does not close under a resting pointer
    await expect(page.get_by_text("Веранда")).to_have_count(0, timeout=20_000)


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


BORIS = {"extension": "102", "name": "Борис Климов"}
NO_CONNECTION = "Нет связи с Dozvon: данные могут отставать"


async def test_a_missed_call_stays_and_a_half_typed_contact_is_kept(browser: BrowserContext, crm: Stage) -> None:
    """The client gives up, a colleague answers, the page reconnects: the typed text stays, and can be saved."""
    stranger = a_call(person=None, persons_count=0, can_create=True)
    crm.calls = [stranger]
    page = await open_tab(browser, crm)
    await page.get_by_role("button", name="Создать контакт").click()
    await page.keyboard.type("Мар")
    over = {**stranger, "state": "ended", "ended_at": time.time()}
    await crm.tell({"type": "call_updated", "call": {**over, "result": "answered_elsewhere", "colleague": BORIS}})
    await expect(page.get_by_text("Ответил коллега: Борис Климов", exact=True)).to_be_visible()
    await crm.tell({"type": "call_removed", "id": "office:1", "reason": "gone"})
    crm.calls = []
    await crm.open_sockets[0].close(code=1012)
    await crm.until("a new socket", lambda: len(crm.sockets) == 2 and crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call(id="office:2", number="+7 903 000-00-00")})
    await expect(page.get_by_text("+7 903 000-00-00")).to_be_visible()
    await page.keyboard.type("ия")  # the field still has the focus
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Контакт создан")).to_be_visible()
    assert ("contacts", {"number": "+79161234567", "name": "Мария", "call": "office:1"}) in crm.posted


async def test_a_missed_call_is_said_and_a_contact_can_still_be_made_of_it(browser: BrowserContext, crm: Stage) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    stranger = a_call(person=None, persons_count=0, can_create=True)
    await crm.tell({"type": "call_updated", "call": stranger})
    await crm.tell({"type": "call_updated", "call": {**stranger, "state": "ended", "ended_at": time.time() - 50,
                                                     "result": "missed", "disposition": "missed"}})  # fmt: skip
    await expect(page.get_by_text("Пропущенный звонок", exact=True)).to_be_visible()
    await expect(page.get_by_role("button", name="Создать контакт")).to_be_visible()
    await expect(page.get_by_text("Пропущенный звонок", exact=True)).to_have_count(0, timeout=20_000)  # after a minute


async def test_a_transfer_says_from_whom_and_a_colleagues_answer_is_no_talk_of_mine(
    browser: BrowserContext, crm: Stage
) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    anna = {"extension": "101", "name": "Анна Орлова"}
    ringing = a_call(rings_since=time.time(), started_at=time.time() - 600, came={"how": "transfer", "from": anna})
    await crm.tell({"type": "call_updated", "call": ringing})
    await expect(page.get_by_text("Перевод от: Анна Орлова", exact=True)).to_be_visible()
    await expect(page.locator(".dozvon-widget .call .timer")).to_have_text(re.compile("^0:0"))
    live = page.locator(".dozvon-widget [aria-live=assertive]")
    await expect(live).to_have_text("Входящий звонок: Перевод от: Анна Орлова: Иван Петров")
    over = {**ringing, "state": "ended", "ended_at": time.time(), "result": "answered_elsewhere", "colleague": BORIS}
    await crm.tell({"type": "call_updated", "call": over})
    await expect(live).to_have_text("Ответил коллега: Борис Климов: Иван Петров")


async def test_a_network_that_is_switched_off_is_told_at_once_and_no_press_is_kept(
    browser: BrowserContext, crm: Stage
) -> None:
    """In both tabs: the one with the connection and the visible one."""
    leading = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    page = await open_tab(browser, crm)
    await page.evaluate("press('89160000001')")  # somebody works in this tab
    crm.calls = [a_call(state="talking", answered_at=time.time() - 5)]
    await crm.tell({"type": "call_updated", "call": crm.calls[0]})
    await expect(page.get_by_text("Разговор", exact=True)).to_be_visible()
    await browser.set_offline(True)
    await expect(page.get_by_text(NO_CONNECTION)).to_be_visible(timeout=2_000)
    shown = await page.locator(".dozvon-widget .call .timer").text_content()
    await page.get_by_role("button", name="Завершить").click()
    await expect(page.get_by_text("команда не отправлена")).to_be_visible(timeout=1_000)
    await page.evaluate("press('89160000002')")
    await expect(page.get_by_text("Нет интернета: звонок не начат.")).to_be_visible()
    await page.wait_for_timeout(1_500)  # the timer's own second
    assert await page.locator(".dozvon-widget .call .timer").text_content() == shown
    await browser.set_offline(False)
    await crm.until("a new socket", lambda: len(crm.sockets) == 2 and crm.open_sockets)
    await expect(page.get_by_text(NO_CONNECTION)).to_be_hidden()
    assert crm.commands == []
    assert [body["number"] for path, body in crm.posted if path == "call"] == ["89160000001"]
    await leading.close()


async def test_a_network_that_goes_without_a_word_is_told_and_a_press_is_not_believed(
    browser: BrowserContext, crm: Stage
) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call(state="talking", answered_at=time.time())})
    await expect(page.get_by_text("Разговор", exact=True)).to_be_visible()
    crm.is_silent = True
    went = time.monotonic()
    await page.get_by_role("button", name="Завершить").click()
    await expect(page.get_by_text("Dozvon не подтвердил команду")).to_be_visible(timeout=7_000)
    await expect(page.get_by_text(NO_CONNECTION)).to_be_visible()
    assert time.monotonic() - went < 20, "not a minute later, when the browser gives the socket up"
    crm.is_silent = False
    crm.calls = [a_call(state="talking", answered_at=time.time() - 10)]
    await crm.until("a new socket", lambda: len(crm.sockets) == 2 and crm.open_sockets)
    await expect(page.get_by_text(NO_CONNECTION)).to_be_hidden()


async def test_silence_alone_is_seen_within_ten_seconds(browser: BrowserContext, crm: Stage) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a sign of life", lambda: crm.from_widget, seconds=15.0)
    await crm.tell({"type": "call_updated", "call": a_call(state="talking", answered_at=time.time())})
    await expect(page.get_by_text("Разговор", exact=True)).to_be_visible()
    crm.is_silent = True
    await expect(page.get_by_text(NO_CONNECTION)).to_be_visible(timeout=12_000)


# Alerts are counted in the real browser, without fakes: the tones that play, the notifications shown.
WATCH = """
  window.tones = 0; window.notices = [];
  const start = OscillatorNode.prototype.start, stop = OscillatorNode.prototype.stop;
  OscillatorNode.prototype.start = function (...at) {
    window.tones += 1; this.once = true;
    return start.apply(this, at);
  };
  OscillatorNode.prototype.stop = function (...at) {
    if (!at.length && this.once) { this.once = false; window.tones -= 1; }
    return stop.apply(this, at);
  };
  const Shown = window.Notification;
  window.Notification = class extends Shown {
    constructor(title, options) { super(title, options); window.notices.push(`${title}: ${options.body}`); }
  };
"""
CALLED = ["☎ Иван Петров · Входящий звонок", 2, ["Входящий звонок: Иван Петров"]]
QUIET = ["CRM", 0, []]


async def called(page: Page) -> list[Any]:
    state: list[Any] = await page.evaluate("[document.title, window.tones, window.notices]")
    return state


async def unwatched(browser: BrowserContext, page: Page) -> None:
    """Let the browser report whether the page is visible; Playwright pretends that every page is."""
    session = await browser.new_cdp_session(page)
    await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})


async def test_a_call_that_rings_while_nobody_looks_is_called_out_in_one_tab(
    browser: BrowserContext, crm: Stage
) -> None:
    await browser.grant_permissions(["notifications"], origin=crm.page)
    await browser.add_init_script(WATCH)
    tabs = [await open_tab(browser, crm), await open_tab(browser, crm)]
    for tab in tabs:
        await tab.mouse.click(50, 50)  # a page without a click may not make a sound
        await unwatched(browser, tab)
    last = tabs[1]
    other = await browser.new_page()
    await other.bring_to_front()
    await last.wait_for_function("!document.hasFocus()")
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call()})
    await last.wait_for_function("document.title.startsWith('☎') && window.tones > 0")
    states = [await called(tab) for tab in tabs]
    assert sorted(states, key=str) == sorted([CALLED, QUIET], key=str)
    rings = tabs[states.index(CALLED)]
    await rings.bring_to_front()
    await rings.wait_for_function("document.title === 'CRM' && window.tones === 0")
    await rings.get_by_role("button", name="Выключить звук звонка").click()
    await other.bring_to_front()
    await rings.wait_for_function("document.title.startsWith('☎')")
    assert (await called(rings))[1] == 0, "switched off"
    await crm.tell({"type": "call_updated", "call": a_call(state="talking", answered_at=time.time())})
    await rings.wait_for_function("document.title === 'CRM'")
    late = await open_tab(browser, crm)
    assert await late.evaluate("localStorage.getItem('dozvon.sound')") == "off", "kept"


async def test_a_page_that_nobody_has_touched_makes_no_sound_and_asks_for_nothing(
    browser: BrowserContext, crm: Stage
) -> None:
    await browser.add_init_script(WATCH)
    await browser.add_init_script(
        "window.asked = 0; Notification.requestPermission = async () => { window.asked += 1; return 'default'; };"
    )
    page = await open_tab(browser, crm)
    await unwatched(browser, page)
    other = await browser.new_page()
    await other.bring_to_front()
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call()})
    await page.wait_for_function("document.title.startsWith('☎')")
    assert (await called(page))[1:] == [0, []]
    assert await page.evaluate("window.asked") == 0


SHARED = {
    "persons_count": 2,
    "persons": [
        {"id": "55", "kind": "contact", "name": "Иван Петров", "company": HOSTILE, "responsible": "Анна Ким"},
        {"id": "56", "kind": "contact", "name": HOSTILE, "company": None, "responsible": None},
    ],
}


async def test_one_of_two_clients_is_chosen_by_keyboard(browser: BrowserContext, crm: Stage) -> None:
    page = await open_tab(browser, crm)
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call(**SHARED)})
    await page.get_by_role("button", name="Карточек CRM с этим номером: 2").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await crm.until("a choice", lambda: crm.commands)
    [choice] = crm.commands
    assert (choice["type"], choice["call"], choice["person"]) == (
        "choose_person",
        "office:1",
        {"kind": "contact", "id": "56"},
    )
    person = {**a_call()["person"], "id": "56", "name": "Мария Петрова"}
    chosen = a_call(**SHARED, person=person, chosen_by=BORIS)
    await crm.tell({"type": "call_updated", "call": chosen})
    await expect(page.get_by_role("link", name="Мария Петрова")).to_be_visible()
    await expect(page.get_by_text("Выбрал сотрудник: Борис Климов")).to_be_visible()
    assert await page.title() == "CRM", "nothing of what people typed has run"


async def test_a_missed_client_is_called_back_by_one_press(browser: BrowserContext, crm: Stage) -> None:
    page = await open_tab(browser, crm)
    missed = a_call(state="ended", ended_at=time.time(), result="missed", disposition="missed")
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": missed})
    await page.get_by_role("button", name="Перезвонить").click()
    await crm.until("a call", lambda: any(path == "call" for path, _ in crm.posted))
    [(_, body)] = [one for one in crm.posted if one[0] == "call"]
    assert (body["number"], body["entity"]) == ("+79161234567", {"kind": "contact", "id": "55"})
    await expect(page.get_by_text("сначала зазвонит ваш телефон")).to_be_visible()


async def test_the_number_is_copied(browser: BrowserContext, crm: Stage) -> None:
    await browser.grant_permissions(["clipboard-read", "clipboard-write"], origin=crm.page)
    crm.calls = [a_call()]
    page = await open_tab(browser, crm)
    await page.get_by_role("button", name="Скопировать номер").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Скопировано")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "+79161234567"
    await expect(page.get_by_text("Скопировано")).to_have_count(0, timeout=5_000)


async def test_a_deal_is_created_by_keyboard_alone(browser: BrowserContext, crm: Stage) -> None:
    crm.calls = [a_call(state="talking", answered_at=time.time(), can_create_deal=True)]
    page = await open_tab(browser, crm)
    await page.get_by_role("button", name="Создать сделку").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Окна на дачу")  # over the suggested name, which is selected
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Сделка создана")).to_be_visible()
    [(_, body)] = [one for one in crm.posted if one[0] == "deals"]
    assert (body["call"], body["name"], len(body["request"])) == ("office:1", "Окна на дачу", 36)
    await page.keyboard.press("Enter")  # the focus is on what was created
    assert await page.title() == "/leads/detail/98"


async def test_the_hot_key_goes_to_the_card_and_back_and_can_be_switched_off(
    browser: BrowserContext, crm: Stage
) -> None:
    page = await open_tab(browser, crm)
    await page.evaluate(
        "() => { const field = document.createElement('input'); field.id = 'own'; document.body.prepend(field); }"
    )
    crm_heard = "window.heard = []; window.addEventListener('keydown', (event) => window.heard.push(event.code));"
    await page.evaluate(crm_heard)
    await crm.until("a socket", lambda: crm.open_sockets)
    await crm.tell({"type": "call_updated", "call": a_call()})
    await expect(page.get_by_text("Веранда")).to_be_visible()
    where = "document.activeElement.id || document.activeElement.className"
    await page.locator("#own").focus()
    await page.keyboard.press("Control+Alt+KeyK")
    assert await page.evaluate(where) == "dozvon-widget"
    await page.keyboard.press("Control+Alt+KeyK")
    assert await page.evaluate(where) == "own"
    await page.keyboard.press("Control+Alt+KeyK")
    await page.keyboard.press("Escape")
    assert await page.evaluate(where) == "own"
    assert "KeyK" not in await page.evaluate("window.heard"), "the CRM does not see it"
    await page.keyboard.press("Control+Alt+KeyK")
    await page.get_by_role("button", name="Звук, уведомления, клавиши").click()
    await page.get_by_label("Ctrl+Alt+K").uncheck()
    await page.keyboard.press("Escape")
    await page.locator("#own").focus()
    await page.keyboard.press("Control+Alt+KeyK")
    assert await page.evaluate(where) == "own"
    assert await page.evaluate("localStorage.getItem('dozvon.hotkey')") == "off"


async def test_each_sound_can_be_heard_and_is_kept(browser: BrowserContext, crm: Stage) -> None:
    await browser.add_init_script(WATCH)
    crm.calls = [a_call()]
    page = await open_tab(browser, crm)
    await page.get_by_role("button", name="Звук, уведомления, клавиши").click()
    before = 0
    for name in ("Мягкий", "Колокольчик", "Маримба", "Телефон"):
        await page.get_by_label("Звук звонка", exact=True).select_option(label=name)
        await page.get_by_role("button", name="Послушать").click()
        assert await page.evaluate("window.tones") > before, name
    await page.get_by_label("Громкость").fill("30")
    assert await page.evaluate("[localStorage['dozvon.tune'], localStorage['dozvon.volume']]") == ["classic", "0.3"]
