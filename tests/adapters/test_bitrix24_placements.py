"""Our pages get into a portal at the installation: by its page, with the placements that it should have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from connectors.bitrix24 import placements
from connectors.bitrix24.placements import PLACEMENTS, bind_placements
from connectors.bitrix24.sandbox import frames as portal_frames
from connectors.bitrix24.sandbox.session import Person
from integration.errors import Rejected
from tests.adapters.bitrix24_connector_kit import PORTAL, OurSide, our_side
from tests.adapters.bitrix24_sandbox_kit import ADMIN, ANNA, Bitrix, running_sandbox


@pytest_asyncio.fixture
async def side() -> AsyncIterator[OurSide]:
    async with running_sandbox() as bitrix, our_side(bitrix) as side:
        yield side


async def open_own_page(side: OurSide, user: int = ADMIN) -> tuple[int, str]:
    """As the portal does when somebody opens the application."""
    bitrix = side.bitrix
    bitrix.clock.time += 1
    person = Person(bitrix.sandbox, bitrix.portal, bitrix.portal.users[user])
    frame = portal_frames.open_frame(
        person, bitrix.install, side.install_url, "DEFAULT", {}, origin=bitrix.base, lang="ru"
    )
    return await side.post(frame.action, frame.fields)


def bound(bitrix: Bitrix) -> dict[str, str]:
    return {each.code: each.handler for each in bitrix.install.placements}


async def test_the_installer_s_page_connects_the_portal_and_the_placements_follow(side: OurSide) -> None:
    side.bitrix.install.is_finished = False
    status, text = await open_own_page(side)
    assert (status, '"place": "install"' in text) == (200, True)
    stored = await side.store.load(PORTAL)
    assert stored is not None
    assert (stored.crm_account_id, stored.event_key) == (side.bitrix.portal.member_id, side.bitrix.application_token)
    assert side.consents.been_connected == [PORTAL]
    assert await side.connector.ensure_webhooks(side.events_url)
    assert bound(side.bitrix) == dict.fromkeys(PLACEMENTS, side.install_url)
    contact = next(each for each in side.bitrix.install.placements if each.code == "CRM_CONTACT_DETAIL_TAB")
    assert [contact.title_in(language) for language in ("ru", "uk", "en")] == ["Звонки", "Дзвінки", "Calls"]


async def test_an_installed_application_that_is_opened_by_an_administrator_connects_itself(side: OurSide) -> None:
    """Our database was lost, or the message of the installation was."""
    status, text = await open_own_page(side)
    assert (status, '"place": "panel"' in text) == (200, True)
    assert side.consents.been_connected == [PORTAL]
    assert (await open_own_page(side, ANNA))[0] == 200
    assert side.consents.been_connected == [PORTAL]


async def test_before_it_is_connected_an_employee_reads_who_can_do_it(side: OurSide) -> None:
    status, text = await open_own_page(side, ANNA)
    assert (status, "администратор CRM" in text) == (403, True)
    assert await side.store.load(PORTAL) is None


async def test_placements_are_bound_once_and_again_after_an_update(side: OurSide) -> None:
    await open_own_page(side)
    for _ in range(2):
        await bind(side)
    assert len(side.bitrix.install.placements) == len(PLACEMENTS)
    await side.bitrix.control("install/update")
    assert bound(side.bitrix) == {}
    await open_own_page(side)
    await side.connector.ensure_webhooks(side.events_url)
    assert bound(side.bitrix) == dict.fromkeys(PLACEMENTS, side.install_url)


async def test_what_stood_at_an_older_address_is_taken_away_and_foreign_placements_stay(side: OurSide) -> None:
    await open_own_page(side)
    bitrix = side.bitrix
    await bitrix.ok("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": "https://old.example/oauth/bitrix24/x"})
    await bitrix.ok("placement.bind", {"PLACEMENT": "IM_SIDEBAR", "HANDLER": "https://else.example/"})
    await bind(side)
    found = [(each.code, each.handler) for each in bitrix.install.placements]
    assert ("CALL_CARD", "https://old.example/oauth/bitrix24/x") not in found
    assert ("IM_SIDEBAR", "https://else.example/") in found
    assert len(found) == len(PLACEMENTS) + 1


async def test_a_portal_without_telephony_gets_the_other_placements(side: OurSide) -> None:
    side.bitrix.install.app.scopes = "crm,placement,user_basic"
    await open_own_page(side)
    assert await bind(side) == ["CALL_CARD"]
    assert set(bound(side.bitrix)) == set(PLACEMENTS) - {"CALL_CARD"}


async def test_an_error_that_comes_as_a_success_is_no_binding(side: OurSide) -> None:
    await open_own_page(side)
    fault = {"kind": "error", "code": "ERROR_PLACEMENT_MAX_COUNT", "method": "batch", "count": 1}
    await side.bitrix.control("faults", fault)
    with pytest.raises(Rejected):
        await bind(side)
    assert not bound(side.bitrix)


async def test_events_do_not_wait_for_pages(side: OurSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that the portal refuses is an error among the results of the others."""
    await open_own_page(side)
    monkeypatch.setattr(placements, "bindings", lambda _present, _handler: [{"PLACEMENT": "CALL_CARD"}])
    with pytest.raises(Rejected):
        await bind(side)
    assert await side.connector.ensure_webhooks(side.events_url)


async def bind(side: OurSide) -> list[str]:
    side.bitrix.clock.time += 60

    async def call(method: str, parameters: Any) -> dict[str, Any]:
        answer = await side.bitrix.call(method, dict(parameters))
        if "error" in answer.body:
            raise Rejected(answer.body["error"])
        return dict(answer.body)

    return await bind_placements(call, side.install_url)
