"""Installing the application in a portal, updating and removing it: what is believed, and what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.bitrix24.sandbox import brackets
from connectors.bitrix24.sandbox.portal import Portal
from integration.domain.calls.intents import Priority
from integration.errors import AuthFailed, Rejected
from integration.ports.connector import Granted, Installation, Installed, Uninstalled
from tests.adapters.bitrix24_connector_kit import PORTAL, OurSide, our_side
from tests.adapters.bitrix24_sandbox_kit import ANNA, running_sandbox


@pytest.fixture
async def side() -> AsyncIterator[OurSide]:
    async with running_sandbox(is_api_only=True) as bitrix, our_side(bitrix) as made:
        bitrix.sandbox.apps[bitrix.sandbox.settings.client_id].install_url = made.install_url
        yield made


async def add_application(side: OurSide, **body: Any) -> None:
    await side.bitrix.control("install/add", body)


def stored_member(side: OurSide) -> str:
    return side.store.pairs[PORTAL].crm_account_id


def installed_form(side: OurSide, pair: dict[str, Any], **changes: str) -> dict[str, str]:
    """What a portal posts after an installation."""
    auth = {
        "access_token": pair["access_token"],
        "refresh_token": pair["refresh_token"],
        "expires_in": "3600",
        "domain": "forged.example",
        "member_id": side.bitrix.portal.member_id,
        "application_token": "key-of-the-message",
        **changes,
    }
    return dict(brackets.flatten({"event": "ONAPPINSTALL", "data": {"VERSION": 1}, "auth": auth}))


async def test_an_installation_connects_the_account(side: OurSide) -> None:
    await add_application(side)
    pair = side.store.pairs[PORTAL]
    assert pair.crm_account_id == side.bitrix.portal.member_id
    assert pair.base_url == side.bitrix.base
    assert pair.event_key == side.bitrix.install.application_token
    assert side.consents.been_connected == [PORTAL]
    assert side.connector.is_known
    answer = await side.connector.transport.call("profile", priority=Priority.CARD, reads=True)
    assert answer["result"]["ADMIN"] is True


async def test_the_address_in_a_message_is_never_asked(side: OurSide) -> None:
    """A forged `domain` would receive the token."""
    status, _ = await side.post(side.install_url, installed_form(side, await side.bitrix.control("tokens")))
    assert status == 200
    assert side.store.pairs[PORTAL].base_url == side.bitrix.base


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"access_token": "made-up"}, "NO_AUTH_FOUND"),
        ({"access_token": ""}, "no tokens"),
        ({"member_id": "0" * 32}, "another portal"),
        ({"member_id": "../../x"}, "no tokens"),
        ({"application_token": "a b"}, "no tokens"),
        ({"refresh_token": "x" * 2000}, "no tokens"),
    ],
)
async def test_a_message_that_the_vendor_does_not_confirm_changes_nothing(
    side: OurSide, changes: dict[str, str], reason: str
) -> None:
    pair = await side.bitrix.control("tokens")
    status, text = await side.post(side.install_url, installed_form(side, pair, **changes))
    assert status == 403
    assert reason in text
    assert side.store.pairs == {}
    assert side.consents.been_connected == []


async def test_a_token_of_an_ordinary_employee_is_not_taken(side: OurSide) -> None:
    pair = await side.bitrix.control("tokens", {"user_id": ANNA})
    status, text = await side.post(side.install_url, installed_form(side, pair))
    assert (status, "Only an administrator" in text) == (403, True)
    assert side.store.pairs == {}


async def test_a_stranger_who_is_refused_often_is_not_listened_to_for_a_while(side: OurSide) -> None:
    forged = installed_form(side, await side.bitrix.control("tokens"), access_token="made-up")
    statuses = [(await side.post(side.install_url, forged))[0] for _ in range(25)]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    side.bitrix.clock.time += 61
    await add_application(side)
    assert stored_member(side) == side.bitrix.portal.member_id


async def test_another_portal_cannot_take_the_account_over(side: OurSide) -> None:
    await add_application(side)
    second = a_second_portal(side)
    await add_application(side, portal=second.name)
    assert stored_member(side) == side.bitrix.portal.member_id
    with pytest.raises(Rejected, match="Another portal"):
        await side.connector.accept(
            Granted(code=await refresh_of(side, second), base_url="", state=None, event_key="k")
        )


def a_second_portal(side: OurSide) -> Portal:
    sandbox = side.bitrix.sandbox
    return next(each for each in sandbox.portals.values() if each is not side.bitrix.portal)


async def refresh_of(side: OurSide, portal: Portal) -> str:
    return str((await side.bitrix.control("tokens", {"portal": portal.name}))["refresh_token"])


async def test_an_application_of_the_marketplace_waits_until_somebody_here_confirms_it(side: OurSide) -> None:
    """Anybody may install it in their own portal and send its tokens here."""
    market = side.bitrix.sandbox.apps[side.bitrix.sandbox.settings.client_id]
    client_id = "app.6a0c1f4b7d2e95.41870263"
    side.bitrix.sandbox.apps[client_id] = replace(market, client_id=client_id)
    async with our_side(side.bitrix, client_id=client_id) as ours:
        side.bitrix.sandbox.apps[client_id].install_url = ours.install_url
        await add_application(ours, client_id=client_id)
        assert ours.store.pairs == {}
        [(account, granted)] = ours.consents.held
        assert account == PORTAL
        assert not ours.consents.for_any, "the address named the account"
        await ours.connector.accept(granted)
        pair = ours.store.pairs[PORTAL]
        assert pair.crm_account_id == ours.bitrix.portal.member_id
        assert pair.event_key == granted.event_key != ""
        # Installed again in the same portal, it needs no word of anybody.
        await add_application(ours, client_id=client_id)
        assert len(ours.consents.held) == 1
        assert ours.consents.been_connected == [PORTAL]


async def test_an_update_brings_a_new_key_and_drops_the_bindings(side: OurSide) -> None:
    await add_application(side)
    assert await side.connector.ensure_webhooks(side.events_url)
    before = side.store.pairs[PORTAL].event_key
    await side.bitrix.control("install/update")
    await side.until(lambda: Installed() in side.notices)
    assert side.store.pairs[PORTAL].event_key == side.bitrix.install.application_token != before
    assert side.bitrix.install.handlers == []
    assert await side.connector.ensure_webhooks(side.events_url), "the new key makes it look again"
    assert {each.url for each in side.bitrix.install.handlers if not each.is_offline} == {side.events_url}


async def test_a_removal_in_the_portal_deletes_the_tokens(side: OurSide) -> None:
    await add_application(side)
    await side.connector.ensure_webhooks(side.events_url)
    await side.bitrix.control("install/remove")
    await side.until(lambda: Uninstalled() in side.notices)
    assert side.store.pairs == {}
    assert not side.connector.is_known
    with pytest.raises(AuthFailed):
        await side.connector.transport.call("profile", priority=Priority.CARD, reads=True)


@pytest.mark.parametrize("key", ["", "wrong", "ключ"])
async def test_a_removal_without_the_portals_key_removes_nothing(side: OurSide, key: str) -> None:
    await add_application(side)
    auth = {"member_id": side.bitrix.portal.member_id, "application_token": key}
    form = dict(brackets.flatten({"event": "ONAPPUNINSTALL", "data": {"CLEAN": 1}, "auth": auth}))
    status, _ = await side.post(side.events_url, form)
    await side.intake.drained()
    assert status == 200, "nobody learns whether a key is right"
    assert stored_member(side) == side.bitrix.portal.member_id
    assert side.notices == []


async def test_a_forged_update_changes_nothing(side: OurSide) -> None:
    await add_application(side)
    before = side.store.pairs[PORTAL]
    form = installed_form(side, {"access_token": "made-up", "refresh_token": "made-up"}) | {"event": "ONAPPUPDATE"}
    await side.post(side.events_url, form)
    await side.intake.drained()
    assert side.store.pairs[PORTAL] == before


async def test_a_refresh_of_the_tokens_keeps_the_portals_key(side: OurSide) -> None:
    await add_application(side)
    key = side.store.pairs[PORTAL].event_key
    await side.bitrix.control("expire_tokens")
    await side.connector.transport.call("profile", priority=Priority.CARD, reads=True)
    assert side.store.pairs[PORTAL].event_key == key != ""


async def test_a_consent_by_the_portals_page_is_exchanged_at_the_oauth_server(side: OurSide) -> None:
    side.bitrix.sandbox.apps[side.bitrix.sandbox.settings.client_id].handler_url = side.install_url
    async with our_side(side.bitrix, portal_url=side.bitrix.base) as ours:
        address = ours.connector.authorise_url("our-state")
        assert address is not None
        answer = await ours.bitrix.send("GET", address)
        assert answer.status == 302, answer
        query = dict(pair.split("=", 1) for pair in answer.headers["Location"].partition("?")[2].split("&"))
        granted = ours.connector.read_callback(query)
        assert isinstance(granted, Granted)
        assert granted.state == "our-state"
        await ours.connector.accept(granted)
        assert stored_member(ours) == ours.bitrix.portal.member_id
        with pytest.raises(Rejected):
            await ours.connector.accept(granted)


async def test_without_the_portals_address_there_is_no_page_to_consent_on(side: OurSide) -> None:
    assert side.connector.authorise_url("state") is None
    await add_application(side)
    assert str(side.connector.authorise_url("state")).startswith(f"{side.bitrix.base}/oauth/authorize/?")


@pytest.mark.parametrize("body", [b"", b"event=", b"event=ONAPPINSTALL", b"\xff\xfe\x00", b"[]=1&event[a]=x"])
async def test_a_message_that_is_none_is_refused(side: OurSide, body: bytes) -> None:
    async with side.bitrix.http.post(side.install_url, data=body) as answer:
        assert answer.status == 403
    with pytest.raises(Rejected):
        side.connector.read_installation(body)


async def test_a_message_nested_too_deep_or_too_large_is_refused(side: OurSide) -> None:
    deep = urlencode({"event" + "[a]" * 50: "x", "event": "ONAPPINSTALL"}).encode()
    with pytest.raises(Rejected):
        side.connector.read_installation(deep)
    async with side.bitrix.http.post(side.install_url, data=b"a" * 300_000) as answer:
        assert answer.status == 413


def test_tokens_do_not_show_in_logs() -> None:
    shown = repr(
        Installation(crm_account_id="m", access="secret-a", refresh="secret-r", event_key="secret-k", expires_in=1.0)
    )
    assert "secret" not in shown
