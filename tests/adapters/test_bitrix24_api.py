"""Requests to a portal: tokens, the portal's limits, a renamed portal, errors; against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.pacing import SHARES, Pacer
from connectors.bitrix24.api.refusals import MethodClosed, MethodResting
from connectors.bitrix24.api.tokens import PortalTokens, read_pair
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.sandbox import brackets
from connectors.bitrix24.settings import Bitrix24Settings
from integration.domain.calls.intents import Priority
from integration.domain.ids import AccountId, Timestamp
from integration.domain.rates import LeakyBucket, Level
from integration.errors import (
    AuthFailed,
    DozvonError,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Rejected,
    Unavailable,
    Unpaid,
)
from integration.ports.stores import Tokens
from tests.adapters.amocrm_kit import MemoryTokens
from tests.adapters.bitrix24_sandbox_kit import CONTACT, Bitrix, Clock, receiving, running_sandbox

PORTAL = AccountId("portal")


@dataclass
class OurClock:
    theirs: Clock

    def now(self) -> Timestamp:
        return Timestamp(self.theirs())


@dataclass
class Link:
    """Our side of a portal."""

    bitrix: Bitrix
    store: MemoryTokens
    tokens: PortalTokens
    transport: Transport
    settings: Bitrix24Settings

    async def call(self, method: str, parameters: dict[str, Any] | None = None, **options: Any) -> Any:
        options.setdefault("priority", Priority.CARD)
        return (await self.transport.call(method, parameters, **options))["result"]

    @property
    def refreshes(self) -> int:
        return self.store.order.count("refresh")


@asynccontextmanager
async def linked(bitrix: Bitrix, **changes: Any) -> AsyncIterator[Link]:
    keys = bitrix.sandbox.settings
    settings = Bitrix24Settings(
        **{
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "oauth_url": bitrix.oauth,
            "request_seconds": 20.0,
            "retry_seconds": 0.01,
            **changes,
        }
    )
    clock, store = OurClock(bitrix.clock), MemoryTokens()
    store.pairs[PORTAL] = read_pair(await bitrix.control("tokens"), clock)
    tokens = PortalTokens(PORTAL, settings, store, bitrix.http, clock)
    yield Link(bitrix, store, tokens, Transport(settings, tokens, bitrix.http, clock), settings)
    await tokens.close()


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    async with running_sandbox() as bitrix, linked(bitrix) as made:
        yield made


# ---- tokens


async def test_a_method_answers_with_its_envelope(link: Link) -> None:
    envelope = await link.transport.call("crm.contact.list", {"select": ["ID"]}, priority=Priority.LOG, reads=True)
    assert envelope["total"] == len(link.bitrix.portal.tables[CONTACT])
    assert (await link.call("profile"))["ID"] == "1"


async def test_a_burst_of_expired_requests_leads_to_one_refresh(link: Link) -> None:
    old = link.store.pairs[PORTAL]
    await link.bitrix.control("expire_tokens")
    answers = await asyncio.gather(*(link.call("profile") for _ in range(12)))
    assert {answer["ID"] for answer in answers} == {"1"}
    assert link.refreshes == 1
    assert link.store.pairs[PORTAL].refresh != old.refresh, "the new pair was stored"
    assert link.bitrix.sandbox.traffic.by_error["expired_token"] <= 12


async def test_a_token_is_refreshed_shortly_before_it_expires_and_not_on_a_timer(link: Link) -> None:
    link.bitrix.clock.time += 3600 - 120
    await link.call("profile")
    assert link.refreshes == 0
    link.bitrix.clock.time += 90
    await link.call("profile")
    assert link.refreshes == 1
    assert "expired_token" not in link.bitrix.sandbox.traffic.by_error


async def test_the_pair_is_stored_before_it_is_used(link: Link) -> None:
    await link.bitrix.control("expire_tokens")
    await link.call("profile")
    assert link.store.order == ["refresh", "stored"]


async def test_cancelling_the_request_that_refreshes_loses_no_pair(link: Link) -> None:
    await link.bitrix.control("expire_tokens")
    request = asyncio.create_task(link.call("profile"))
    await link.store.refreshing.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert (await link.call("profile"))["ID"] == "1"
    assert link.refreshes == 1


async def test_another_process_has_refreshed_already(link: Link) -> None:
    await link.call("profile")
    await link.bitrix.control("expire_tokens")
    fresh = read_pair(await link.bitrix.control("tokens"), OurClock(link.bitrix.clock))
    link.store.pairs[PORTAL] = fresh
    assert (await link.call("profile"))["ID"] == "1"
    assert link.refreshes == 0


async def test_a_refused_refresh_token_asks_for_an_administrator_once(link: Link) -> None:
    await link.bitrix.control("expire_tokens", {"refresh": True})
    for _ in range(3):
        with pytest.raises(AuthFailed, match="install the application again"):
            await link.call("profile")
    assert link.store.pairs[PORTAL].needs_consent
    assert link.refreshes == 1


async def test_an_oauth_server_out_of_order_withdraws_nothing(link: Link) -> None:
    await link.bitrix.control("expire_tokens")
    await link.bitrix.control("faults", {"kind": "html", "status": 502, "path_prefix": "/oauth/"})
    with pytest.raises(Unavailable):
        await link.call("profile")
    assert not link.store.pairs[PORTAL].needs_consent
    assert (await link.call("profile"))["ID"] == "1"


async def test_the_key_is_sent_to_the_oauth_server_only(link: Link) -> None:
    """A stored or answered address never receives it, whatever it says."""
    async with receiving() as elsewhere:
        stored = link.store.pairs[PORTAL]
        link.store.pairs[PORTAL] = replace(stored, base_url=elsewhere.url, expires_at=Timestamp(0))
        assert (await link.call("profile"))["ID"] == "1", "the refresh names the portal's true address"
        assert elsewhere.events == []


async def test_tokens_of_another_portal_are_refused(link: Link) -> None:
    link.store.pairs[PORTAL] = replace(link.store.pairs[PORTAL], crm_account_id="f" * 32)
    await link.bitrix.control("expire_tokens")
    with pytest.raises(ProtocolError, match="another portal"):
        await link.call("profile")


async def test_without_an_installation_there_is_nothing_to_send(link: Link) -> None:
    link.store.pairs.clear()
    with pytest.raises(AuthFailed, match="not been installed"):
        await link.call("profile")
    assert link.bitrix.sandbox.traffic.by_method == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": "a", "refresh_token": "r", "member_id": "m"},
        {"access_token": "a", "refresh_token": "r", "member_id": "m", "client_endpoint": "file:///etc"},
        {"access_token": "", "refresh_token": "r", "member_id": "m", "client_endpoint": "https://a.test/rest/"},
        {"access_token": 5, "refresh_token": "r", "member_id": "m", "client_endpoint": "https://a.test/rest/"},
    ],
)
def test_what_is_no_pair_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        read_pair(body, OurClock(Clock()))


def test_numbers_of_a_pair_may_be_texts() -> None:
    clock = OurClock(Clock())
    body = {"access_token": "a", "refresh_token": "r", "member_id": "m", "client_endpoint": "https://a.test/rest/"}
    for sent in ("1800", 1800):
        assert read_pair({**body, "expires_in": sent}, clock).expires_at == clock.now() + 1800
    assert read_pair({**body, "expires_in": None}, clock).base_url == "https://a.test"


# ---- a renamed portal


async def test_a_renamed_portal_is_followed_with_the_body() -> None:
    async with running_sandbox(other_hosts=["127.0.0.2"]) as bitrix:
        port = URL(bitrix.base).port
        bitrix.portal.host = f"127.0.0.1:{port}"
        async with linked(bitrix) as link:
            await bitrix.control("portals/acme", {"host": f"127.0.0.2:{port}"})
            id_ = await link.call("crm.contact.add", {"fields": {"NAME": "Пётр"}})
            assert bitrix.portal.tables[CONTACT].get(id_) is not None
            assert link.store.pairs[PORTAL].base_url == f"http://127.0.0.2:{port}"
            redirected = bitrix.sandbox.traffic.redirected
            await link.call("profile")
            assert bitrix.sandbox.traffic.redirected == redirected, "the new address is kept"


async def test_a_redirect_to_nowhere_new_is_not_followed(link: Link) -> None:
    """An address that only a redirect names gets no token."""
    link.bitrix.portal.old_hosts.add(URL(link.bitrix.base).authority)
    with pytest.raises(ProtocolError, match="redirects"):
        await link.call("profile")


# ---- limits


async def test_what_the_bucket_has_no_room_for_waits() -> None:
    async with running_sandbox() as bitrix, linked(bitrix, requests_per_second=0.001) as link:
        ours, sent = Transport(link.settings, link.tokens, bitrix.http, OurClock(bitrix.clock)), 45
        await asyncio.gather(*(ours.call("profile", priority=Priority.CARD) for _ in range(sent)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ours.call("profile", priority=Priority.CARD), 0.2)
        assert bitrix.sandbox.traffic.by_method == {"profile": sent}
        assert bitrix.sandbox.traffic.by_error == {}


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 502}, {"kind": "timeout_after_store", "seconds": 0}])
async def test_a_read_is_repeated_and_a_write_is_not(link: Link, fault: dict[str, Any]) -> None:
    await link.bitrix.control("faults", {**fault, "count": 2})
    assert (await link.call("profile", reads=True))["ID"] == "1"
    await link.bitrix.control("faults", {**fault, "count": 1})
    with pytest.raises(OutcomeUnknown):
        await link.call("crm.contact.add", {"fields": {"NAME": "Пётр"}})


async def test_a_read_waits_itself_for_a_short_pause(link: Link) -> None:
    await link.bitrix.control("faults", {"kind": "status", "status": 503, "code": "QUERY_LIMIT_EXCEEDED"})
    began = asyncio.get_running_loop().time()
    assert (await link.call("profile", reads=True))["ID"] == "1"
    assert asyncio.get_running_loop().time() - began >= 0.9


async def test_a_full_bucket_pauses_the_next_request(link: Link) -> None:
    await link.bitrix.control("faults", {"kind": "status", "status": 503, "code": "QUERY_LIMIT_EXCEEDED"})
    with pytest.raises(RateLimited) as refused:
        await link.call("profile")
    assert refused.value.retry_after_seconds == 1
    began = asyncio.get_running_loop().time()
    await link.call("profile")
    assert asyncio.get_running_loop().time() - began >= 0.9


async def test_a_method_that_used_up_its_time_rests_and_the_others_go_on(link: Link) -> None:
    await link.bitrix.control("cost", {"crm.contact.list": 500})
    envelope = await link.transport.call("crm.contact.list", priority=Priority.IMPORT)
    with pytest.raises(MethodResting) as resting:
        await link.call("crm.contact.list")
    until = envelope["time"]["operating_reset_at"]
    assert resting.value.retry_after_seconds == pytest.approx(until - link.bitrix.clock.time, abs=2)
    asked = link.bitrix.sandbox.traffic.total
    with pytest.raises(MethodResting):
        await link.call("CRM.contact.list")
    assert link.bitrix.sandbox.traffic.total == asked, "nothing is sent while it rests"
    assert await link.call("crm.lead.list")
    link.bitrix.clock.time = until + 1
    assert await link.call("crm.contact.list")


# ---- errors


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 503, "code": "OVERLOAD_LIMIT"}, Unavailable),
        ({"kind": "status", "status": 500, "code": "INTERNAL_SERVER_ERROR"}, Unavailable),
        ({"kind": "status", "status": 401, "code": "NO_AUTH_FOUND"}, AuthFailed),
        ({"kind": "status", "status": 401, "code": "wrong_client"}, AuthFailed),
        ({"kind": "status", "status": 403, "code": "insufficient_scope"}, MethodClosed),
        ({"kind": "status", "status": 403, "code": "ACCESS_DENIED", "description": "Access denied!"}, Rejected),
        ({"kind": "status", "status": 403, "code": "ACCESS_DENIED", "description": "commercial plans"}, Unpaid),
        ({"kind": "status", "status": 401, "code": "PAYMENT_REQUIRED"}, Unpaid),
        ({"kind": "status", "status": 400, "code": "", "description": "Not found"}, NotFound),
        (
            {"kind": "status", "status": 404, "code": "ERROR_METHOD_NOT_FOUND", "description": "No method"},
            Rejected,
        ),
        ({"kind": "error", "code": "ERROR_PLACEMENT_MAX_COUNT", "description": "Too many"}, Rejected),
        ({"kind": "error", "code": "", "description": "Access denied"}, Rejected),
        ({"kind": "html", "status": 200}, OutcomeUnknown),
        ({"kind": "html", "status": 502}, OutcomeUnknown),
        ({"kind": "drop"}, OutcomeUnknown),
    ],
)
async def test_each_refusal_is_one_of_our_errors(link: Link, fault: dict[str, Any], kind: type[DozvonError]) -> None:
    await link.bitrix.control("faults", fault)
    with pytest.raises(DozvonError) as refused:
        await link.call("crm.lead.add", {"fields": {"TITLE": "Новый"}})
    assert type(refused.value) is kind
    assert link.bitrix.token not in str(refused.value)


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 502}, {"kind": "timeout_after_store", "seconds": 0}])
async def test_a_read_without_an_answer_is_only_unavailable(link: Link, fault: dict[str, Any]) -> None:
    await link.bitrix.control("faults", {**fault, "count": -1})
    with pytest.raises(Unavailable) as lost:
        await link.call("crm.lead.list", reads=True)
    assert type(lost.value) is Unavailable


async def test_a_lost_answer_to_a_write_is_told_and_never_repeated(link: Link) -> None:
    leads = len(link.bitrix.portal.tables[1])
    await link.bitrix.control("faults", {"kind": "timeout_after_store", "seconds": 0})
    with pytest.raises(OutcomeUnknown):
        await link.call("crm.lead.add", {"fields": {"TITLE": "Новый"}})
    assert len(link.bitrix.portal.tables[1]) == leads + 1


async def test_the_portals_words_are_kept(link: Link) -> None:
    body = {"USER_ID": 18, "PHONE_NUMBER": "+79161234567", "TYPE": 2}
    with pytest.raises(Rejected, match="User is not found or is not active") as refused:
        await link.call("telephony.externalCall.register", body)
    assert refused.value.code == "ERROR_CORE"


# ---- batches


async def test_a_batch_gives_each_commands_result_or_error(link: Link) -> None:
    register = {"USER_ID": 14, "PHONE_NUMBER": "+79161234567", "TYPE": 2, "SHOW": False, "EXTERNAL_CALL_ID": "b&1"}
    finish = {"CALL_ID": "$result[reg][CALL_ID]", "USER_ID": 14, "DURATION": 7, "VOTE": None}
    commands = {
        "reg": Command("telephony.externalCall.register", register),
        "fin": Command("telephony.externalCall.finish", finish),
        "found": Command("crm.contact.list", {"filter": {"@PHONE": ["+79161234567"]}, "select": ["ID", "NAME"]}),
        "gone": Command("crm.contact.get", {"id": 999_999}),
        "none": Command("no.such.method", {}),
    }
    envelope = await link.transport.call("batch", batch.body(commands), priority=Priority.LOG)
    outcomes = batch.outcomes(envelope, commands)
    assert outcomes["fin"]["CALL_ID"] == outcomes["reg"]["CALL_ID"]
    assert outcomes["fin"]["EXTERNAL_CALL_ID"] == "b&1"
    assert [each["NAME"] for each in outcomes["found"]] == ["Иван"]
    assert type(outcomes["gone"]) is NotFound
    assert type(outcomes["none"]) is Rejected


async def test_a_halted_batch_names_what_was_not_run(link: Link) -> None:
    commands = {"0": Command("profile", {}), "1": Command("no.such.method", {}), "2": Command("profile", {})}
    envelope = await link.transport.call("batch", batch.body(commands, halts=True), priority=Priority.LOG)
    outcomes = batch.outcomes(envelope, commands)
    assert outcomes["0"]["ID"] == "1"
    assert [type(outcomes[label]) for label in ("1", "2")] == [Rejected, Unavailable]


async def test_a_method_that_rests_inside_a_batch_is_told(link: Link) -> None:
    await link.bitrix.control("cost", {"crm.lead.list": 600})
    commands = {"a": Command("crm.lead.list", {}), "b": Command("crm.lead.list", {})}
    envelope = await link.transport.call("batch", batch.body(commands), priority=Priority.IMPORT)
    outcomes = batch.outcomes(envelope, commands)
    assert isinstance(outcomes["a"], list)
    assert isinstance(outcomes["b"], MethodResting)


def test_a_batch_has_fifty_commands_at_most() -> None:
    commands = {str(index): Command("profile", {}) for index in range(51)}
    with pytest.raises(ValueError, match="50"):
        batch.body(commands)


@pytest.mark.parametrize("result", [None, [], "text", 5])
def test_what_is_no_batchs_answer_is_refused(result: Any) -> None:
    with pytest.raises(ProtocolError):
        batch.outcomes({"result": result}, ["a"])


_LEAVES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).filter(lambda text: "$result" not in text)
_NAMES = st.text("abcXYZ_>@!", min_size=1, max_size=6)


_VALUES = st.one_of(
    _LEAVES,
    st.lists(_LEAVES, min_size=1, max_size=3),
    st.dictionaries(_NAMES, _LEAVES, min_size=1, max_size=3),
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_any_parameters_arrive_as_they_were_written(parameters: dict[str, Any]) -> None:
    """Read back by the sandbox's own reader of PHP's notation."""
    query = Command("method", parameters).text().partition("?")[2]
    assert brackets.parse(parse_qsl(query, keep_blank_values=True)) == parameters


# ---- the bucket


USUAL = LeakyBucket(holds=50, per_second=2.0)


def test_an_import_leaves_room_for_cards_and_for_logs() -> None:
    level = Level()

    def burst(priority: Priority) -> int:
        nonlocal level
        count = 0
        while level.wait_seconds(USUAL, SHARES[priority], 0.0) <= 0:
            level = level.poured(USUAL, 0.0)
            count += 1
        return count

    assert [burst(each) for each in (Priority.IMPORT, Priority.LOG, Priority.CARD)] == [10, 20, 15]


async def test_pauses_double_until_an_answer_comes() -> None:
    pacer = Pacer(USUAL)
    assert [await pacer.refused() for _ in range(3)] == [1, 2, 4]
    pacer.accepted()
    assert await pacer.refused() == 1


async def test_a_card_overtakes_what_waits() -> None:
    now = 0.0
    pacer = Pacer(LeakyBucket(holds=10, per_second=1000.0), now=lambda: now)
    order: list[str] = []

    async def ask(name: str, priority: Priority) -> None:
        await pacer.slot(priority)
        order.append(name)

    tasks = [asyncio.create_task(ask(f"import {index}", Priority.IMPORT)) for index in range(4)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(ask("card", Priority.CARD)))
    await asyncio.wait_for(tasks[-1], 30)
    assert "card" in order
    assert len(order) < 5
    now = 100.0
    await asyncio.gather(*tasks)
    assert set(order) == {"card", *(f"import {index}" for index in range(4))}


async def test_a_cancelled_request_takes_no_slot() -> None:
    now = 0.0
    pacer = Pacer(LeakyBucket(holds=10, per_second=1000.0), now=lambda: now)
    for _ in range(2):
        await pacer.slot(Priority.IMPORT)
    waiting = asyncio.create_task(pacer.slot(Priority.IMPORT))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    now = 100.0
    for _ in range(2):
        await asyncio.wait_for(pacer.slot(Priority.IMPORT), 5)
    await pacer.close()


def test_the_key_is_in_no_text() -> None:
    settings = Bitrix24Settings(client_id="local.1", client_secret="very-secret")
    assert "very-secret" not in repr(settings)
    pair = Tokens(access="a1", refresh="r1", expires_at=Timestamp(0), base_url="https://a.test", crm_account_id="m")
    assert "a1" not in repr(pair)
