"""The wizard's screen about lines: own and inherited rules, waiting for a call, and lines that a call has shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from integration.domain.ids import PbxId, Timestamp
from integration.domain.line_watch import LineWatch, SeenLine
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.texts import LANGUAGES
from integration.texts.pages import texts
from integration.texts.setup import setup_texts
from tests.adapters.test_setup_pages import OFFICE, PASSWORD, PBX, Browser, begun, signed_in
from tests.databases import with_tables
from tests.lab.ports import free_port
from tests.lab.waiting import until_told

S = setup_texts("en")
LINES = f"/admin/setup/{OFFICE}/lines"
SEEN = SeenLine(
    pbx=PbxId(f"{OFFICE}-pbx"),
    trunk="carrier",
    line="380441234567",
    from_outside=True,
    caller="380671112233",
    at=Timestamp(1_760_000_000.0),
)


@pytest_asyncio.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    async with signed_in(Dozvon(parse({"server": server}))) as person:
        await begun(person)
        await person.post(f"/admin/setup/{OFFICE}/pbx", PBX)
        keys = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
        status, page, _ = await person.post(f"/admin/setup/{OFFICE}/crm", {"variant": "amocrm", **keys})
        assert status == 303, page
        yield person


async def lines_of(browser: Browser) -> dict[str, dict[str, object]]:
    stored = await browser.dozvon.core.storage.offices.get(OFFICE)
    return dict(stored.parts[f"account/{OFFICE}"].get("line", {}))


async def shown(browser: Browser, line: str) -> dict[str, str]:
    """The form of a line as a browser would send it back."""
    _, page = await browser.get(f"{LINES}?line={line}")
    form = next(each for each in page.split("<form ") if 'name="line"' in each).split("</form>")[0]
    fields = dict(re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form))
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.findall(r'<option value="([^"]*)" selected', options)
        fields[name] = chosen[0] if chosen else re.findall(r'<option value="([^"]*)"', options)[0]
    return fields


async def add(browser: Browser, line: str, name: str) -> None:
    status, page, _ = await browser.post(LINES, {"do": "add", "new_line": line, "new_name": name})
    assert status == 303, page


async def test_a_rule_that_was_typed_is_the_lines_own_until_one_press_resets_it(browser: Browser) -> None:
    await add(browser, "380440000001", "Реклама")
    form = await shown(browser, "380440000001")
    assert form["source"] == "Реклама"
    await browser.post(LINES, {**form, "responsible_seconds": "7", "card": "never", "do": "save"})
    own = (await lines_of(browser))["380440000001"]
    assert own == {"source": "Реклама", "responsible_seconds": 7, "card": "never"}
    _, page = await browser.get(f"{LINES}?line=380440000001")
    assert page.count('name="do" value="reset.') == 2
    await browser.post(LINES, {**await shown(browser, "380440000001"), "do": "reset.card"})
    assert (await lines_of(browser))["380440000001"] == {"source": "Реклама", "responsible_seconds": 7}


async def test_a_line_that_is_saved_as_it_is_shown_stays_as_it_is(browser: Browser) -> None:
    await add(browser, "380440000001", "Реклама")
    await browser.post(LINES, {**await shown(browser, "380440000001"), "do": "save"})
    assert (await lines_of(browser))["380440000001"] == {"source": "Реклама"}


async def watched(browser: Browser, *seen: SeenLine) -> None:
    """A watch that is over, in which these were seen."""
    watch = LineWatch(id="w", until=Timestamp(1.0), seen=seen)
    await browser.dozvon.core.storage.setups.change(OFFICE, lambda state: replace(state, watch=watch))


async def test_a_new_line_that_a_call_has_shown_is_named_and_added(browser: Browser) -> None:
    await watched(browser, SEEN)
    _, page = await browser.get(LINES)
    assert S["seen_new"] in page
    assert "carrier" in page
    assert "380671112233" in page
    status, _, place = await browser.post(
        LINES, {"do": "add", "new_line": SEEN.line, "new_name": "Реклама", "from": "watch"}
    )
    assert (status, place) == (303, f"{LINES}#watch")
    assert (await lines_of(browser))[SEEN.line] == {"source": "Реклама"}
    _, page = await browser.get(LINES)
    assert S["seen_known"].format(name="Реклама") in page
    assert "✓ Реклама</a>" in page, "its tab has the tick"


async def test_a_line_is_known_in_the_form_in_which_another_carrier_shows_it(browser: Browser) -> None:
    await add(browser, "380441234567", "Реклама")
    await watched(browser, replace(SEEN, line="0441234567"))

    async def is_known() -> bool:  # the running account takes the new line within a moment
        return S["seen_known"].format(name="Реклама") in (await browser.get(LINES))[1]

    await until_told(is_known)


async def test_a_call_without_a_number_and_one_from_inside_say_what_they_are(browser: Browser) -> None:
    await watched(browser, replace(SEEN, line=""), replace(SEEN, from_outside=False, trunk="101"))
    _, page = await browser.get(LINES)
    assert S["seen_nameless"] in page
    assert S["seen_inside"] in page
    assert f'href="/admin/setup/{OFFICE}/pbx"' in page


async def test_what_a_call_shows_is_hostile(browser: Browser) -> None:
    odd = "<script>alert(1)</script>"
    await watched(browser, replace(SEEN, line=odd, trunk=odd, caller=odd))
    _, page = await browser.get(LINES)
    assert "<script>alert" not in page
    status, page, _ = await browser.post(LINES, {"do": "add", "new_line": odd, "from": "watch"})
    assert status == 200
    assert await lines_of(browser) == {}


async def test_a_pbx_that_cannot_be_watched_is_said(browser: Browser) -> None:
    status, _, place = await browser.post(f"{LINES}/watch", {"do": "watch"})
    assert (status, place) == (303, f"{LINES}#watch")

    async def is_said() -> bool:
        page = (await browser.get(LINES))[1]
        return S["watch_failed"] in page and "refuses connections: 127.0.0.1, port 1" in page

    await until_told(is_said)


async def test_while_it_waits_the_page_refreshes_without_a_script_and_can_be_stopped(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_calls(self: object, *args: object) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr("integration.services.line_watches.LineWatches._follow", nobody_calls)
    await browser.post(f"{LINES}/watch", {"do": "watch"})
    _, page = await browser.get(LINES)
    assert S["watch_waits"] in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert f'data-live="/admin/{OFFICE}/live"' in page
    await browser.post(f"{LINES}/watch", {"do": "stop"})
    _, page = await browser.get(LINES)
    assert S["watch_stopped"] in page
    assert "http-equiv" not in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_says_all_this_in_every_language(browser: Browser, language: str) -> None:
    await watched(browser, SEEN, replace(SEEN, line=""))
    _, page = await browser.get(f"{LINES}?lang={language}")
    assert setup_texts(language)["seen_new"] in page
    assert "built-in method" not in page


async def test_the_fields_of_the_card_are_put_in_order_by_single_presses(browser: Browser) -> None:
    async def stored() -> object:
        parts = (await browser.dozvon.core.storage.offices.get(OFFICE)).parts
        return parts[f"account/{OFFICE}"].get("card_fields")

    status, _, place = await browser.post(f"{LINES}/card", {"do": "up.deals"})
    assert (status, place) == (303, f"{LINES}#card-deals")
    await browser.post(f"{LINES}/card", {"do": "hide.email"})
    assert await stored() == ["company", "responsible", "line", "deals", "next_task", "last_calls"]
    _, page = await browser.get(LINES)
    assert 'value="show.email"' in page
    assert page.index("up.deals") < page.index("up.next_task")
    assert (await browser.post(f"{LINES}/card", {"do": "up.nothing"}))[0] == 400
    await browser.post(f"{LINES}/card", {"do": "usual"})
    assert await stored() is None


async def test_a_press_on_a_page_that_is_out_of_date_overwrites_nothing(browser: Browser) -> None:
    _, page = await browser.get(LINES)
    seen = re.findall(r'name="seen" value="([^"]*)"', page)[0]
    await browser.post(f"{LINES}/card", {"do": "hide.email", "seen": seen})
    status, _, _ = await browser.post(f"{LINES}/card", {"do": "usual", "seen": seen})
    assert status == 303
    _, page = await browser.get(LINES)
    assert 'value="show.email"' in page
    assert texts("en")["changed_by_another"] in page
