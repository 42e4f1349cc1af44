"""Several telephone systems and CRMs of one office in the wizard: added, told apart, removed after a question."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from integration.domain.setup import Step
from integration.process.config import parse
from integration.process.process import Dozvon
from integration.texts.setup import setup_texts
from tests.adapters.test_setup_pages import OFFICE, PASSWORD, PBX, Browser, begun, signed_in
from tests.databases import with_tables
from tests.lab.ports import free_port

S = setup_texts("en")
KEYS = {"client_id": "6f0d3c1e-0000-4000-8000-000000000001", "client_secret": "s" * 40}
OTHER_KEYS = {"client_id": "6f0d3c1e-0000-4000-8000-000000000002", "client_secret": "t" * 40}
BASE = f"/admin/setup/{OFFICE}"


@pytest_asyncio.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """An office with one telephone system and one CRM."""
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    async with signed_in(Dozvon(parse({"server": server}))) as person:
        await begun(person)
        await person.post(f"{BASE}/pbx", PBX)
        status, page, _ = await person.post(f"{BASE}/crm", {"variant": "amocrm", **KEYS})
        assert status == 303, page
        yield person


async def parts(browser: Browser) -> dict[str, Any]:
    return dict((await browser.dozvon.core.storage.offices.get(OFFICE)).parts)


async def added(browser: Browser) -> None:
    status, page, place = await browser.post(f"{BASE}/pbx?pbx=new", {**PBX, "host": "branch.example.com"})
    assert (status, place) == (303, f"{BASE}/pbx?pbx={OFFICE}-pbx-2#todo"), page


async def test_another_pbx_is_added_and_used_by_the_crm(browser: Browser) -> None:
    await added(browser)
    stored = await parts(browser)
    assert {name for name in stored if name.startswith("pbx/")} == {f"pbx/{OFFICE}-pbx", f"pbx/{OFFICE}-pbx-2"}
    assert stored[f"account/{OFFICE}"]["pbxs"] == [f"{OFFICE}-pbx", f"{OFFICE}-pbx-2"]
    _, page = await browser.get(f"{BASE}/pbx?pbx={OFFICE}-pbx-2")
    assert 'value="branch.example.com"' in page
    _, page = await browser.get(f"{BASE}/pbx")
    assert 'value="127.0.0.1"' in page
    assert f'href="{BASE}/pbx?pbx={OFFICE}-pbx-2"' in page


async def test_every_screen_keeps_the_chosen_connection(browser: Browser) -> None:
    await added(browser)
    _, page = await browser.get(f"{BASE}/routing?pbx={OFFICE}-pbx-2")
    assert re.findall(rf'href="({BASE}/lines[^"]*)"', page) == [f"{BASE}/lines?pbx={OFFICE}-pbx-2"]
    status, _, place = await browser.post(f"{BASE}/routing?pbx={OFFICE}-pbx-2", {"do": "next"})
    assert (status, place) == (303, f"{BASE}/keys?pbx={OFFICE}-pbx-2")


async def test_another_crm_has_its_own_lines_and_keys(browser: Browser) -> None:
    status, page, place = await browser.post(f"{BASE}/crm?account=new", {"variant": "amocrm", **OTHER_KEYS})
    assert (status, place) == (303, f"{BASE}/crm?account={OFFICE}-2"), page
    status, _, place = await browser.post(
        f"{BASE}/lines?account={OFFICE}-2", {"do": "add", "new_line": "380440000001", "new_name": "Реклама"}
    )
    assert (status, place) == (303, f"{BASE}/lines?account={OFFICE}-2&line=380440000001")
    stored = await parts(browser)
    assert stored[f"account/{OFFICE}-2"]["line"] == {"380440000001": {"source": "Реклама"}}
    assert not stored[f"account/{OFFICE}"].get("line")
    for step in (Step.CRM, Step.LINES, Step.PEOPLE, Step.REHEARSAL):
        status, page = await browser.get(f"{BASE}/{step}?account={OFFICE}-2")
        assert status == 200, step
        assert f"account={OFFICE}-2" in page


async def test_whose_calls_belong_to_a_crm_is_chosen(browser: Browser) -> None:
    await added(browser)
    form = {"variant": "amocrm", "pbxs.shown": "1", f"pbx.{OFFICE}-pbx-2": "1"}
    assert (await browser.post(f"{BASE}/crm", form))[0] == 303
    assert (await parts(browser))[f"account/{OFFICE}"]["pbxs"] == [f"{OFFICE}-pbx-2"]
    status, page, _ = await browser.post(f"{BASE}/crm", {"variant": "amocrm", "pbxs.shown": "1"})
    assert status == 200, "an account without a PBX is refused"
    assert S["wrong_fields"] in page


async def test_a_pbx_is_removed_after_a_question_that_names_what_follows(browser: Browser) -> None:
    await added(browser)
    where = f"{BASE}/pbx/remove?pbx={OFFICE}-pbx-2"
    _, page = await browser.get(where)
    assert S["pbx_remove_stays"] in page
    assert f"{OFFICE}-pbx-2" in page
    assert f"pbx/{OFFICE}-pbx-2" in await parts(browser), "nothing before the answer"
    seen = re.findall(r'name="seen" value="([^"]*)"', page)[0]
    status, page, place = await browser.post(where, {"seen": seen, "confirmed": "1"})
    assert (status, place) == (303, f"{BASE}/pbx"), page
    stored = await parts(browser)
    assert f"pbx/{OFFICE}-pbx-2" not in stored
    assert stored[f"account/{OFFICE}"]["pbxs"] == [f"{OFFICE}-pbx"]


async def test_the_only_pbx_of_a_crm_stays(browser: Browser) -> None:
    status, page, _ = await browser.post(f"{BASE}/pbx/remove", {"confirmed": "1"})
    assert (status, S["pbx_is_last"] in page) == (200, True)
    assert f"pbx/{OFFICE}-pbx" in await parts(browser)


async def test_the_only_crm_of_an_office_stays(browser: Browser) -> None:
    status, page, _ = await browser.post(f"{BASE}/crm/remove", {"confirmed": "1"})
    assert (status, S["crm_is_last"] in page) == (200, True)
    assert f"account/{OFFICE}" in await parts(browser)


async def test_a_crm_is_removed_after_a_question(browser: Browser) -> None:
    await browser.post(f"{BASE}/crm?account=new", {"variant": "amocrm", **OTHER_KEYS})
    where = f"{BASE}/crm/remove?account={OFFICE}-2"
    _, page = await browser.get(where)
    assert S["crm_remove_waiting"] in page
    seen = re.findall(r'name="seen" value="([^"]*)"', page)[0]
    await browser.post(where, {"seen": seen})
    assert f"account/{OFFICE}-2" in await parts(browser)
    assert (await browser.post(where, {"seen": seen, "confirmed": "1"}))[0] == 303
    assert f"account/{OFFICE}-2" not in await parts(browser)


async def test_a_connection_of_nobody_is_not_found(browser: Browser) -> None:
    for path in (f"{BASE}/pbx?pbx=nobody", f"{BASE}/crm?account=nobody", f"{BASE}/pbx/remove?pbx=../x"):
        assert (await browser.get(path))[0] == 404, path
