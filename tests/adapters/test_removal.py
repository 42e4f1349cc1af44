"""An account is removed with what it made in its CRM; one that the CRM switches off is off here too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
import pytest_asyncio
from yarl import URL

from connectors.amocrm.api.oauth import disconnect_signature
from connectors.amocrm.sandbox import tokens
from connectors.amocrm.sandbox.sandbox import Fault
from integration.process.offices import Offices
from integration.texts.pages import texts
from integration.web.pages.removal import CONSEQUENCES
from tests.adapters.amocrm_kit import CLIENT_ID, CRM_ACCOUNT
from tests.adapters.test_consents import OFFICE, Place, running
from tests.lab.waiting import until

T = texts("en")


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """The account is in the database, connected, and amoCRM reports changes to it."""
    async with running(tmp_path, OFFICE, in_file=False) as made:
        await connect(made)
        await until(lambda: bool(hooks(made)))
        yield made


async def connect(place: Place) -> None:
    await place.call_back(account=OFFICE, state=await place.state(OFFICE))
    assert place.connected(OFFICE) == str(CRM_ACCOUNT)


def hooks(place: Place) -> list[str]:
    return [hook.destination for hook in place.sandbox.hooks.get(CRM_ACCOUNT, [])]


async def remove(place: Place, **form: str) -> str:
    _, page, _ = await place.press(f"/admin/{OFFICE}/remove?lang=en", **form)
    return unescape(page)


async def test_a_removal_names_its_consequences_and_takes_webhooks_and_access_out_of_the_crm(place: Place) -> None:
    before = unescape(await place.page(f"/admin/{OFFICE}/remove?lang=en"))
    assert all(T[key] in before for key in CONSEQUENCES)
    assert OFFICE in place.dozvon.members
    page = await remove(place, confirmed="1")
    assert T["removed_webhooks_removed"] in page
    assert T["remove_widget"] in page
    assert f"dozvon history {OFFICE} --undo" in page
    assert hooks(place) == []
    await until(lambda: OFFICE not in place.dozvon.members)
    assert await place.dozvon.core.storage.tokens.load(OFFICE) is None


async def test_a_press_without_a_confirmation_only_asks(place: Place) -> None:
    page = await remove(place)
    assert T["remove_back"] in page
    assert OFFICE in place.dozvon.members
    assert hooks(place)


async def test_a_crm_that_does_not_answer_holds_no_removal_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.process.ended_webhooks._CRM_SECONDS", 1.0)
    place.sandbox.faults.append(Fault(kind="status", status=503, count=-1, path_prefix="/api/v4/webhooks"))
    page = await remove(place, confirmed="1")
    assert T["removed_webhooks_left"] in page
    await until(lambda: OFFICE not in place.dozvon.members)


async def test_what_a_command_removes_takes_its_webhooks_out_of_the_crm(place: Place) -> None:
    """A command, REST and the file change what is stored; the running process sees the difference."""
    await remove_by_command(place)
    await until(lambda: OFFICE not in place.dozvon.members)
    assert hooks(place) == []


async def test_a_crm_that_does_not_answer_holds_no_command_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.process.ended_webhooks._CRM_SECONDS", 0.5)
    place.sandbox.faults.append(Fault(kind="slow", seconds=30.0, count=-1, path_prefix="/api/v4/webhooks"))
    await remove_by_command(place)
    await until(lambda: OFFICE not in place.dozvon.members)


async def remove_by_command(place: Place) -> None:
    """As `dozvon remove`."""
    storage = place.dozvon.core.storage
    offices = Offices(storage.offices, storage.settings)
    await offices.apply(await offices.removal(OFFICE))


async def test_an_account_of_the_configuration_file_is_removed_there(tmp_path: Path) -> None:
    async with running(tmp_path, OFFICE) as place:
        await place.sign_in()
        assert T["remove_in_file"] in await remove(place, confirmed="1")
        assert OFFICE in place.dozvon.members


async def test_nobody_removes_without_signing_in(place: Place) -> None:
    place.http.cookie_jar.clear()
    await remove(place, confirmed="1")
    assert OFFICE in place.dozvon.members


async def test_that_the_crm_switched_it_off_is_said_until_the_next_consent(place: Place) -> None:
    signature = disconnect_signature(place.connector(OFFICE).settings, str(CRM_ACCOUNT))
    tokens.revoke(place.sandbox, CLIENT_ID, CRM_ACCOUNT)
    query = {"client_uuid": CLIENT_ID, "account_id": str(CRM_ACCOUNT), "signature": signature}
    url = URL(f"{place.dozvon.url}/hooks/amocrm/disconnected").with_query(query)
    async with place.http.get(url) as answer:
        assert answer.status == 200
    account = place.dozvon.members[OFFICE].account
    assert account.settings.enabled  # calls wait for the next consent
    page = unescape(await place.page(f"/admin/{OFFICE}?lang=en"))
    assert T["seen_disconnected"] in page
    assert f"/admin/{OFFICE}/connect" in page
    await connect(place)
    assert T["seen_disconnected"] not in unescape(await place.page(f"/admin/{OFFICE}?lang=en"))
