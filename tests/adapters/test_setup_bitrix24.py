"""The wizard's screen about the CRM for Bitrix24: two ways to connect, each with its steps and keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from integration.process.config import parse
from integration.process.process import Dozvon
from integration.texts.setup import setup_texts
from tests.adapters.test_setup_pages import OFFICE, PASSWORD, PBX, Browser, begun, signed_in
from tests.databases import with_tables
from tests.lab.ports import free_port

S = setup_texts("en")
BASE = f"/admin/setup/{OFFICE}"
KEYS = {"client_id": "local.6a0c1f4b7d2e95.41870263", "client_secret": "s" * 40}
WEBHOOK = {"webhook_url": "https://romashka.bitrix24.ru/rest/1/abc123def456/"}
SECRETS = {f"account/{OFFICE} bitrix24.{key}" for key in ("client_secret", "webhook_url")}


@pytest_asyncio.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    server = {
        "listen": f"127.0.0.1:{free_port()}",
        "data_dir": str(with_tables(tmp_path / "data")),
        "admin_password": PASSWORD,
    }
    async with signed_in(Dozvon(parse({"server": server}))) as person:
        await begun(person)
        await person.post(f"{BASE}/pbx", PBX)
        yield person


async def stored(browser: Browser) -> tuple[dict[str, object], set[str]]:
    """The table of the account, and the names of the stored secrets."""
    office = await browser.dozvon.core.storage.offices.get(OFFICE)
    return dict(office.parts[f"account/{OFFICE}"]["bitrix24"]), set(office.secrets) & SECRETS


async def save(browser: Browser, variant: str, **keys: str) -> None:
    status, page, _ = await browser.post(f"{BASE}/crm", {"variant": variant, **keys})
    assert status == 303, page


async def test_each_way_shows_its_own_steps_keys_and_addresses(browser: Browser) -> None:
    _, page = await browser.get(f"{BASE}/crm?variant=bitrix24")
    assert "Local application" in page
    assert 'name="client_id"' in page
    assert f"/oauth/bitrix24/{OFFICE}" in page
    assert S["disconnect_address"] not in page
    _, page = await browser.get(f"{BASE}/crm?variant=bitrix24_webhook")
    assert "Inbound webhook" in page
    assert "gives no call cards" in page
    assert 'name="webhook_url"' in page
    assert 'name="client_id"' not in page
    assert "/oauth/" not in page


async def test_an_application_connects_by_being_installed(browser: Browser) -> None:
    """There is no button that could lead into a portal whose address nobody knows."""
    await save(browser, "bitrix24", **KEYS)
    assert await stored(browser) == ({"client_id": KEYS["client_id"]}, {f"account/{OFFICE} bitrix24.client_secret"})
    _, page = await browser.get(f"{BASE}/crm")
    assert "Reinstall" in page
    assert S["give_consent"] not in page
    assert KEYS["client_secret"] not in page
    _, page = await browser.get(f"{BASE}/crm?check=1")
    assert "The application is not installed in the portal yet" in page
    status, page = await browser.get(f"/admin/{OFFICE}/connect")
    assert status == 200
    assert "installation of the application gives access" in page


async def test_a_webhook_is_the_access_itself(browser: Browser) -> None:
    await save(browser, "bitrix24_webhook", **WEBHOOK)
    assert await stored(browser) == ({}, {f"account/{OFFICE} bitrix24.webhook_url"})
    _, page = await browser.get(f"{BASE}/crm")
    assert "Inbound webhook" in page, "the stored way is the chosen one"
    assert "abc123def456" not in page
    assert S["give_consent"] not in page


async def test_the_keys_of_the_other_way_go_when_the_way_is_changed(browser: Browser) -> None:
    await save(browser, "bitrix24", **KEYS)
    await save(browser, "bitrix24_webhook", **WEBHOOK)
    assert await stored(browser) == ({}, {f"account/{OFFICE} bitrix24.webhook_url"})
    await save(browser, "bitrix24", **KEYS)
    assert await stored(browser) == ({"client_id": KEYS["client_id"]}, {f"account/{OFFICE} bitrix24.client_secret"})


@pytest.mark.parametrize(
    ("variant", "keys", "said"),
    [
        ("bitrix24", {"client_id": "local.1"}, "copy it from the application"),
        ("bitrix24_webhook", {"webhook_url": "https://romashka.bitrix24.ru/"}, "Copy the whole address"),
        ("bitrix24_webhook", {}, "This setting is needed"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    browser: Browser, variant: str, keys: dict[str, str], said: str
) -> None:
    status, page, _ = await browser.post(f"{BASE}/crm", {"variant": variant, **keys})
    assert status == 200
    assert said in page


async def test_a_stored_account_keeps_its_crm(browser: Browser) -> None:
    """Its people and its tokens are of that CRM: another one is another connection."""
    await save(browser, "bitrix24", **KEYS)
    _, page = await browser.get(f"{BASE}/crm")
    assert 'value="amocrm"' not in page
    assert 'value="bitrix24_webhook"' in page
    _, page = await browser.get(f"{BASE}/crm?account=new")
    assert 'value="amocrm"' in page


async def test_a_choice_of_another_crm_for_a_stored_account_is_not_taken(browser: Browser) -> None:
    await save(browser, "bitrix24", **KEYS)
    await browser.post(f"{BASE}/crm", {"variant": "amocrm", **KEYS})
    office = await browser.dozvon.core.storage.offices.get(OFFICE)
    assert office.parts[f"account/{OFFICE}"]["crm"] == "bitrix24"
