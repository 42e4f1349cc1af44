"""What the wizard and the doctor say of a portal, and what an incoming webhook can do; against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from connectors.bitrix24 import Bitrix24Connector, connect
from connectors.bitrix24.api.pacing import Pacers
from connectors.bitrix24.api.tokens import read_pair
from connectors.bitrix24.settings import Bitrix24Settings
from integration.documents.problems import InvalidDocument
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.errors import AuthFailed
from integration.ports.findings import Finding, FindingLevel
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_connector_kit import PORTAL, OurClock
from tests.adapters.bitrix24_sandbox_kit import Bitrix, running_sandbox

EVENTS_ADDRESS = "https://calls.example.com/hooks/bitrix24/portal/secret"


@asynccontextmanager
async def connected(bitrix: Bitrix, **changes: Any) -> AsyncIterator[Bitrix24Connector]:
    """A connector with its real client, installed in the portal."""
    keys = bitrix.sandbox.settings
    clock, store, pacers = OurClock(bitrix.clock), MemoryTokens(), Pacers()
    pair = await bitrix.control("tokens")
    store.pairs[PORTAL] = read_pair(pair, clock)
    options = {
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "oauth_url": bitrix.oauth,
        "events": "address",
        "retry_seconds": 0.01,
        **changes,
    }
    options = {key: value for key, value in options.items() if value is not None}
    made = connect(PORTAL, options, tokens=store, session=bitrix.http, pacers=pacers, clock=clock)
    if not made.settings.is_webhook:
        store.pairs[PORTAL] = read_pair(pair, clock)
        await made.open()
    yield made
    await made.close()
    await pacers.close()


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with running_sandbox() as made:
        yield made


def by_check(findings: list[Finding]) -> dict[str, tuple[FindingLevel, str]]:
    """The worst of each check."""
    order = [FindingLevel.OK, FindingLevel.WARNING, FindingLevel.ERROR]
    found: dict[str, tuple[FindingLevel, str]] = {}
    for each in findings:
        if each.check not in found or order.index(each.level) > order.index(found[each.check][0]):
            found[each.check] = (each.level, each.says.code)
        for language in ("ru", "uk", "en"):
            assert each.says.say(language)
    return found


async def proved(connector: Bitrix24Connector, bitrix: Bitrix) -> None:
    """The portal's key has arrived, as an installation brings it."""
    pair = await connector.store.load(PORTAL)
    assert pair is not None
    await connector.store.save(PORTAL, replace(pair, event_key=bitrix.install.application_token))
    await connector.open()


async def test_a_portal_where_all_is_well(bitrix: Bitrix) -> None:
    async with connected(bitrix) as connector:
        await proved(connector, bitrix)
        await connector.ensure_webhooks(EVENTS_ADDRESS)
        before = bitrix.sandbox.traffic.total
        findings = await connector.check()
        assert {level for level, _ in by_check(findings).values()} == {FindingLevel.OK}
        assert bitrix.sandbox.traffic.total - before <= 4, "a check costs the portal's limit little"
        assert by_check(findings)["bitrix24.events"] == (FindingLevel.OK, "events_posted")


async def test_what_is_missing_is_named(bitrix: Bitrix) -> None:
    async with connected(bitrix) as connector:
        findings = by_check(await connector.check())
        assert findings["bitrix24.events"] == (FindingLevel.WARNING, "no_events")
        await connector.ensure_webhooks(EVENTS_ADDRESS)
        assert by_check(await connector.check())["bitrix24.events"] == (FindingLevel.ERROR, "no_event_key")


async def test_events_that_are_asked_for_need_no_key(bitrix: Bitrix) -> None:
    async with connected(bitrix, events="asking") as connector:
        await connector.ensure_webhooks(EVENTS_ADDRESS)
        assert by_check(await connector.check())["bitrix24.events"] == (FindingLevel.OK, "events_kept")


async def test_a_missing_scope(bitrix: Bitrix) -> None:
    bitrix.sandbox.apps[bitrix.sandbox.settings.client_id].scopes = "crm,user,department,im,placement"
    async with connected(bitrix) as connector:
        found = [each for each in await connector.check() if each.check == "bitrix24.scopes"]
        assert found[0].level is FindingLevel.ERROR
        assert "telephony, timeman" in found[0].message


async def test_another_telephony_is_named(bitrix: Bitrix) -> None:
    call = await bitrix.register()
    await bitrix.finish(call["CALL_ID"])
    async with connected(bitrix) as connector:
        assert by_check(await connector.check())["bitrix24.telephony"] == (FindingLevel.OK, "alone")
        row = bitrix.portal.statistics[0]
        bitrix.portal.statistics.append({**row, "ID": 9001, "REST_APP_ID": "77", "REST_APP_NAME": "Other <b>PBX</b>"})
        bitrix.portal.statistics.append({**row, "ID": 9002, "REST_APP_ID": None, "REST_APP_NAME": None})
        others = [each for each in await connector.check() if each.check == "bitrix24.telephony"]
        assert [each.level for each in others] == [FindingLevel.WARNING, FindingLevel.WARNING]
        said = " ".join(each.says.say("ru") for each in others)
        assert "Other <b>PBX</b>" in said
        assert "телефония Битрикс24" in said


async def test_an_enterprise_plan_allows_more(bitrix: Bitrix) -> None:
    await bitrix.control("portals/acme", {"is_enterprise": True})
    async with connected(bitrix) as connector:
        assert by_check(await connector.check())["bitrix24.plan"] == (FindingLevel.WARNING, "faster")
    async with connected(bitrix, requests_per_second=5.0, burst=250) as connector:
        assert by_check(await connector.check())["bitrix24.plan"][0] is FindingLevel.OK


async def test_the_payment_has_expired(bitrix: Bitrix) -> None:
    bitrix.install.payment_expired = True
    async with connected(bitrix) as connector:
        assert by_check(await connector.check())["bitrix24.plan"] == (FindingLevel.ERROR, "payment_expired")


async def test_an_installation_that_nobody_has_finished(bitrix: Bitrix) -> None:
    await bitrix.installed(finished=False)
    async with connected(bitrix) as connector:
        assert by_check(await connector.check())["bitrix24.events"] == (FindingLevel.ERROR, "not_finished")


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ({"kind": "html", "status": 502, "count": -1}, "bitrix24.reach"),
        ({"kind": "drop", "count": -1}, "bitrix24.reach"),
        ({"kind": "status", "status": 503, "code": "QUERY_LIMIT_EXCEEDED", "count": -1}, "bitrix24.rate"),
        ({"kind": "status", "status": 401, "code": "NO_AUTH_FOUND", "count": -1}, "bitrix24.access"),
    ],
)
async def test_a_portal_that_does_not_answer_as_it_should(bitrix: Bitrix, fault: dict[str, Any], check: str) -> None:
    async with connected(bitrix) as connector:
        await bitrix.control("faults", fault)
        [found] = await connector.check()
        assert (found.check, found.level) == (check, FindingLevel.ERROR)
        assert found.advice is not None


async def test_a_plan_without_rest(bitrix: Bitrix) -> None:
    await bitrix.control("portals/acme", {"has_rest": False})
    async with connected(bitrix) as connector:
        [found] = await connector.check()
        assert (found.check, found.level) == ("bitrix24.plan", FindingLevel.ERROR)


async def test_before_the_installation_nothing_is_asked(bitrix: Bitrix) -> None:
    async with connected(bitrix) as connector:
        await connector.withdraw()
        before = bitrix.sandbox.traffic.total
        [found] = await connector.check()
        assert (found.check, bitrix.sandbox.traffic.total) == ("bitrix24.access", before)


# ---- an incoming webhook


@asynccontextmanager
async def by_webhook(
    bitrix: Bitrix, scopes: str = "crm,user,department,im,timeman"
) -> AsyncIterator[Bitrix24Connector]:
    url = (await bitrix.control("webhooks", {"scopes": scopes}))["url"]
    async with connected(bitrix, webhook_url=url, client_id=None, client_secret=None) as connector:
        yield connector


async def test_a_webhook_reads_clients_and_says_what_it_cannot_do(bitrix: Bitrix) -> None:
    async with by_webhook(bitrix) as connector:
        assert connector.is_known
        persons = [each async for page in connector.crm.all_persons() for each in page]
        assert any(each.ref.kind is EntityKind.CONTACT for each in persons)
        contact = next(each.ref for each in persons if each.ref.kind is EntityKind.CONTACT)
        assert connector.crm.entity_url(contact).startswith(bitrix.base)
        assert not connector.crm.abilities.live_calls
        assert not connector.crm.abilities.webhooks
        assert await connector.ensure_webhooks(EVENTS_ADDRESS) is False
        assert connector.frames is None
        assert connector.authorise_url("state") is None
        findings = by_check(await connector.check())
        assert findings["bitrix24.webhook"] == (FindingLevel.WARNING, "webhook_limits")
        assert findings["bitrix24.scopes"][0] is FindingLevel.OK


async def test_a_webhook_that_was_deleted_needs_a_person(bitrix: Bitrix) -> None:
    async with by_webhook(bitrix) as connector:
        bitrix.sandbox.webhooks.clear()
        with pytest.raises(AuthFailed):
            await connector.transport.call("crm.item.list", {"entityTypeId": 3}, priority=Priority.LOG, reads=True)
        [found] = await connector.check()
        assert found.check == "bitrix24.access"


async def test_the_key_of_a_webhook_shows_nowhere(bitrix: Bitrix) -> None:
    async with by_webhook(bitrix) as connector:
        code = connector.settings.webhook_key.partition("/")[2]
        assert code not in repr(connector.settings)
        assert code not in connector.crm.entity_url(EntityRef(EntityKind.DEAL, "1"))
        assert code not in connector.integration


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({}, {"client_id", "client_secret"}),
        ({"client_id": "local.1"}, {"client_secret"}),
        ({"webhook_url": "https://a.bitrix24.ru/rest/1/"}, {"webhook_url"}),
        ({"webhook_url": "https://a.bitrix24.ru/rest/1/abc/?x=1"}, {"webhook_url"}),
        ({"webhook_url": "ftp://a.bitrix24.ru/rest/1/abc/"}, {"webhook_url"}),
        ({"webhook_url": "https://[::1/rest/1/abc/"}, {"webhook_url"}),
        ({"webhook_url": "https://a.bitrix24.ru/rest/1/abc", "client_id": "local.1"}, {"webhook_url"}),
        ({"client_id": "local.1", "client_secret": "k", "portal_url": "https://a.bitrix24.ru/x"}, {"portal_url"}),
        ({"client_id": "local.1", "client_secret": "k", "oauth_url": ""}, {"oauth_url"}),
        ({"client_id": "local.1", "client_secret": "k", "burst": 0}, {"burst"}),
        ({"client_id": "local.1", "client_secret": "k", "requests_per_second": 50}, {"requests_per_second"}),
        ({"client_id": "local.1", "client_secret": "k", "events": "sometimes"}, {"events"}),
        ({"client_id": "local.1", "client_secret": "k", "colour": "red"}, {"colour"}),
        ({"client_id": 5, "client_secret": ["k"]}, {"client_id", "client_secret"}),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(options: dict[str, Any], wrong: set[str]) -> None:
    with pytest.raises(InvalidDocument) as refused:
        Bitrix24Settings.parse(options)
    assert {str(each.path[-1]) for each in refused.value.problems} == wrong
    for each in refused.value.problems:
        assert all(each.sentence(language) for language in ("ru", "uk", "en"))


@pytest.mark.parametrize("address", ["https://a.bitrix24.ru/rest/1/abc123/", "https://a.bitrix24.ru/rest/1/abc123"])
def test_the_address_of_a_webhook_is_read(address: str) -> None:
    settings = Bitrix24Settings.parse({"webhook_url": address})
    assert (settings.webhook_portal, settings.webhook_key) == ("https://a.bitrix24.ru", "1/abc123")


async def test_links_lead_to_the_portals_present_address() -> None:
    async with running_sandbox(other_hosts=["127.0.0.2"]) as bitrix:
        port, ref = bitrix.base.rpartition(":")[2], EntityRef(EntityKind.CONTACT, "101")
        bitrix.portal.host = f"127.0.0.1:{port}"
        async with connected(bitrix) as connector:
            assert connector.crm.entity_url(ref).startswith(f"{bitrix.base}/")
            await bitrix.control("portals/acme", {"host": f"127.0.0.2:{port}"})
            await connector.transport.call("profile", priority=Priority.CARD, reads=True)
            assert connector.crm.entity_url(ref).startswith(f"http://127.0.0.2:{port}/")
