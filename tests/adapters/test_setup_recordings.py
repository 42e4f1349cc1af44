"""The place of recordings that a person types in the wizard: stored, refused beside its field, its password kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.process.config import parse
from integration.process.process import Dozvon
from integration.texts.setup import setup_texts
from tests.adapters.test_setup_pages import OFFICE, PASSWORD, PBX, Browser, begun, signed_in
from tests.databases import with_tables
from tests.lab.ports import free_port

S = setup_texts("en")
ROUTING = f"/admin/setup/{OFFICE}/routing"


@pytest_asyncio.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """An office whose telephone system does not answer."""
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    async with signed_in(Dozvon(parse({"server": server}))) as person:
        await begun(person)
        await person.post(f"/admin/setup/{OFFICE}/pbx", PBX)
        yield person


async def stored(browser: Browser) -> dict[str, Any]:
    parts = (await browser.dozvon.core.storage.offices.get(OFFICE)).parts
    return dict(parts[f"pbx/{OFFICE}-pbx"]["asterisk"].get("recordings", {}))


async def typed(browser: Browser, **form: str) -> tuple[int, str, str]:
    return await browser.post(ROUTING, {"do": "place", **form})


async def test_the_form_is_there_also_while_the_telephone_system_is_silent(browser: Browser) -> None:
    _, page = await browser.get(f"{ROUTING}?check=1")
    assert S["another_place"] in page


async def test_a_folder_is_stored_with_its_path_on_the_pbx(browser: Browser) -> None:
    status, page, place = await typed(browser, place=" /mnt/records ", pbx_path="/var/spool/asterisk/monitor")
    assert (status, place) == (303, f"{ROUTING}?check=1#checked"), page
    assert await stored(browser) == {"path": "/mnt/records", "pbx_path": "/var/spool/asterisk/monitor"}
    _, page = await browser.get(f"{ROUTING}?check=1")
    assert 'value="/mnt/records"' in page


async def test_without_another_path_the_pbx_has_the_folder_under_the_same_one(browser: Browser) -> None:
    """As the form says. The usual path of Asterisk would be a folder that nobody has named."""
    assert (await typed(browser, place="/mnt/records"))[0] == 303
    assert await stored(browser) == {"path": "/mnt/records", "pbx_path": "/mnt/records"}
    _, page = await browser.get(f"{ROUTING}?check=1")
    assert page.count('value="/mnt/records"') == 1, "the second field says only what differs"
    assert (await typed(browser, place="/srv/calls"))[0] == 303
    assert await stored(browser) == {"path": "/srv/calls", "pbx_path": "/srv/calls"}


@pytest.mark.parametrize(
    "form",
    [
        {"place": " "},
        {"place": "records"},
        {"place": "ftp://pbx.example/records"},
        {"place": "https://"},
        {"place": "<script>alert(1)</script>"},
    ],
)
async def test_what_is_no_place_is_refused_beside_its_field(browser: Browser, form: dict[str, str]) -> None:
    status, page, _ = await typed(browser, **form)
    assert status == 200
    assert 'class="error"' in page
    assert "<script>alert" not in page
    assert await stored(browser) == {}


async def test_a_password_stays_with_its_address_and_goes_with_another(browser: Browser) -> None:
    secret = {"username": "dozvon", "password": "for the old one"}
    assert (await typed(browser, place="https://pbx.example/records/", **secret))[0] == 303
    known = await stored(browser)
    assert (known["url"], known["username"]) == ("https://pbx.example/records/", "dozvon")
    assert "for the old one" not in str(known)
    assert await password(browser) == "for the old one"
    _, page = await browser.get(f"{ROUTING}?check=1")
    assert "for the old one" not in page
    assert (await typed(browser, place="https://pbx.example/records/", username="dozvon"))[0] == 303
    assert await password(browser) == "for the old one"
    assert (await typed(browser, place="https://another.example/records", username="dozvon"))[0] == 303
    assert await password(browser) == ""
    assert (await typed(browser, place="https://pbx.example/records/", **secret))[0] == 303
    assert (await typed(browser, place="/mnt/records"))[0] == 303
    assert await password(browser) == ""


async def password(browser: Browser) -> str:
    """What the connection would send."""
    secrets = (await browser.dozvon.core.storage.offices.get(OFFICE)).secrets
    return secrets.get(f"pbx/{OFFICE}-pbx asterisk.recordings.password", "")
