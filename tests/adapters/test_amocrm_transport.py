"""Tokens, pacing and failures of the amoCRM connector against the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web

from connectors.amocrm.connector import connect
from connectors.amocrm.pacing import Blocked, Breaker, Pacer, Slot, turn
from connectors.amocrm.sandbox import tokens as sandbox_tokens
from connectors.amocrm.transport import AccountState
from integration.domain.crm import EntityKind, EntityRef
from integration.domain.ids import Timestamp
from integration.domain.intents import Priority
from integration.errors import (
    AuthFailed,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Rejected,
    Unavailable,
)
from integration.ports import Tokens
from tests.adapters.amocrm_kit import ANNA, OFFICE, MemoryTokens, Office, SystemClock, consent, number, office, record
from tests.adapters.amocrm_sandbox_kit import serving


@pytest.fixture
async def crm() -> AsyncIterator[Office]:
    async with office() as made:
        yield made


def contact(id_: int | str) -> EntityRef:
    return EntityRef(EntityKind.CONTACT, str(id_))


# ---- consent and tokens


async def test_a_consent_connects_the_account(crm: Office) -> None:
    tokens = crm.store.pairs[OFFICE]
    assert tokens.crm_account_id == "31000000"
    assert tokens.base_url == f"http://romashka.localhost:{crm.port}"
    assert crm.crm.crm_account_id == "31000000"
    assert tokens.access not in repr(tokens)


async def test_a_consent_of_another_account_is_refused(crm: Office) -> None:
    before = crm.store.pairs[OFFICE]
    with pytest.raises(Rejected, match="Another amoCRM account"):
        await consent(crm, 31_000_001)
    assert crm.store.pairs[OFFICE] is before


async def test_a_second_consent_of_the_same_account_replaces_the_pair(crm: Office) -> None:
    before = crm.store.pairs[OFFICE].access
    await consent(crm)
    assert crm.store.pairs[OFFICE].access != before
    assert await crm.crm.managers()


async def test_without_consent_nothing_is_sent() -> None:
    async with office(is_connected=False) as crm:
        with pytest.raises(AuthFailed, match="not been connected"):
            await crm.crm.managers()
        assert crm.sandbox.traffic.total == 0
        assert not await crm.connector.open()


async def test_twenty_refused_requests_refresh_once(crm: Office) -> None:
    access = crm.store.pairs[OFFICE].access
    pairs = await asyncio.gather(*(crm.crm.tokens.renewed(access) for _ in range(20)))
    assert {pair.access for pair in pairs} == {crm.store.pairs[OFFICE].access}
    assert crm.requests["POST /oauth2/access_token"] == 2  # the exchange and one refresh


async def test_requests_that_meet_a_dead_token_go_on_with_a_new_one(crm: Office) -> None:
    crm.expire_access()
    known = [crm.contact(f"Клиент {n}", f"+7999000{n:04d}") for n in range(6)]
    found = await asyncio.gather(*(crm.crm.person(contact(each)) for each in known))
    assert [person.ref.id for person in found if person] == [str(each) for each in known]
    assert crm.store.order == ["refresh", "stored"]


async def test_a_new_pair_is_stored_before_it_is_used(crm: Office) -> None:
    crm.expire_access()
    used: list[str] = []
    refresh = crm.store.refresh

    async def watched(*args: object, **options: object) -> Tokens:
        fresh = await refresh(*args, **options)  # type: ignore[arg-type]
        used.append(f"returned after {crm.store.order[-1]}")
        return fresh

    crm.store.refresh = watched  # type: ignore[method-assign]
    await crm.crm.account_info()
    assert used == ["returned after stored"]


async def test_a_cancelled_request_does_not_lose_the_new_pair(crm: Office) -> None:
    crm.expire_access()
    crm.fault("slow", path_prefix="/oauth2/", seconds=0.2)
    access = crm.store.pairs[OFFICE].access
    asking = asyncio.create_task(crm.crm.account_info())
    async with asyncio.timeout(5):
        await crm.store.refreshing.wait()
    asking.cancel()
    await asyncio.wait([asking])
    await crm.crm.close()
    assert crm.store.pairs[OFFICE].access != access
    assert await crm.crm.account_info()
    assert crm.requests["POST /oauth2/access_token"] == 2


async def test_a_token_that_is_about_to_end_is_refreshed_before_use(crm: Office) -> None:
    tokens = crm.store.pairs[OFFICE]
    crm.store.pairs[OFFICE] = replace(tokens, expires_at=Timestamp(time.time() + 100))
    crm.crm.tokens.forget()
    await crm.crm.account_info()
    assert crm.store.order == ["refresh", "stored"]
    assert "401" not in crm.sandbox.traffic.by_status


async def test_a_token_that_still_lives_is_used_while_the_token_service_is_down(crm: Office) -> None:
    tokens = crm.store.pairs[OFFICE]
    crm.store.pairs[OFFICE] = replace(tokens, expires_at=Timestamp(time.time() + 100))
    crm.crm.tokens.forget()
    crm.fault("status", status=503, path_prefix="/oauth2/")
    assert await crm.crm.account_info()


async def test_a_lost_refresh_answer_is_asked_for_once_more() -> None:
    async with office(refresh_grace=True) as crm:
        crm.expire_access()
        crm.fault("timeout_after_store", path_prefix="/oauth2/", seconds=0)
        assert await crm.crm.account_info()
        assert crm.requests["POST /oauth2/access_token"] == 3


async def test_a_lost_refresh_that_was_carried_out_asks_for_consent_where_reuse_is_refused(crm: Office) -> None:
    crm.expire_access()
    crm.fault("timeout_after_store", path_prefix="/oauth2/", seconds=0)
    with pytest.raises(AuthFailed, match="withdrawn"):
        await crm.crm.account_info()
    assert crm.store.pairs[OFFICE].needs_consent
    assert crm.crm.state is AccountState.NEEDS_CONSENT


async def test_a_refused_refresh_is_not_tried_again_and_the_gate_stays_open(crm: Office) -> None:
    sandbox_tokens.revoke(crm.sandbox, crm.connector.settings.client_id, 31_000_000)
    for _ in range(3):
        with pytest.raises(AuthFailed):
            await crm.crm.account_info()
    assert crm.requests["POST /oauth2/access_token"] == 2
    assert crm.crm.crm_account_id == "31000000"  # the widget works through it (spec K7)
    await consent(crm)
    assert await crm.crm.account_info()
    assert crm.crm.state is AccountState.OK


async def test_a_token_service_that_is_down_costs_no_consent(crm: Office) -> None:
    crm.expire_access()
    crm.fault("status", status=503, path_prefix="/oauth2/", count=-1)
    with pytest.raises(Unavailable):
        await crm.crm.account_info()
    assert not crm.store.pairs[OFFICE].needs_consent
    crm.sandbox.faults.clear()
    assert await crm.crm.account_info()


async def test_an_account_that_moved_is_followed(crm: Office) -> None:
    known = crm.contact("Клиент", "+79990000001")
    crm.account.subdomain = "lutik"
    person = await crm.crm.person(contact(known))
    assert person is not None
    assert crm.store.pairs[OFFICE].base_url == f"http://lutik.localhost:{crm.port}"
    assert crm.crm.entity_url(person.ref) == f"http://lutik.localhost:{crm.port}/contacts/detail/{known}"


async def test_a_missing_contact_of_an_account_that_stayed_is_missing(crm: Office) -> None:
    assert await crm.crm.person(contact(99_999_999)) is None
    with pytest.raises(NotFound):
        await crm.crm.log_call(record(), contact(99_999_999))
    assert crm.store.order == []


async def test_a_long_lived_token_needs_no_consent(crm: Office) -> None:
    grant = sandbox_tokens.issue_long_lived(
        crm.sandbox, crm.sandbox.integrations[crm.connector.settings.client_id], crm.account, crm.account.admin(), 3600,
        f"romashka.localhost:{crm.port}",
    )  # fmt: skip
    table = {"long_lived_token": grant, "account_url": f"http://romashka.localhost:{crm.port}"}
    own = connect(OFFICE, table, tokens=MemoryTokens(), session=crm.session, clock=SystemClock())
    assert await own.open()
    assert own.crm.crm_account_id == "31000000"
    assert await own.crm.managers()
    crm.expire_access()
    with pytest.raises(AuthFailed, match="long-lived"):
        await own.crm.managers()


# ---- statuses


async def test_an_ended_subscription_stops_writing(crm: Office) -> None:
    known = crm.contact("Клиент", "+79990000001")
    crm.account.subscription_ended = "writes"
    with pytest.raises(AuthFailed, match="subscription"):
        await crm.crm.log_call(record(), contact(known))
    sent = crm.sandbox.traffic.total
    with pytest.raises(AuthFailed, match="subscription"):
        await crm.crm.log_call(record(), contact(known))
    assert crm.sandbox.traffic.total == sent
    assert crm.crm.state is AccountState.UNPAID
    crm.account.subscription_ended = ""
    assert await crm.crm.person(contact(known))  # reads go on, and show that it is paid again
    assert await crm.crm.log_call(record(), contact(known))


async def test_a_single_forbidden_object_is_refused(crm: Office) -> None:
    crm.sandbox.settings = replace(crm.sandbox.settings, webhooks_available=False)
    assert not await crm.crm.ensure_webhooks("https://pbx.example.test/hook")
    assert await crm.crm.managers()  # others go on


async def test_a_blanket_403_stops_everything_for_a_while(crm: Office) -> None:
    crm.fault("status", status=403, count=-1)
    with pytest.raises(Blocked) as blocked:
        await crm.crm.managers()
    assert blocked.value.retry_after_seconds is not None
    assert 290 < blocked.value.retry_after_seconds <= 300
    sent = crm.sandbox.traffic.total
    with pytest.raises(Unavailable):
        await crm.crm.log_call(record(), contact(1))
    assert crm.sandbox.traffic.total == sent
    assert crm.crm.state is AccountState.BLOCKED


async def test_after_429_reads_wait_and_go_on(crm: Office) -> None:
    crm.fault("status", status=429, count=1)
    started = time.monotonic()
    assert await crm.crm.account_info()
    assert time.monotonic() - started > 0.9  # the first pause is a second


async def test_after_429_a_write_is_left_to_the_outbox(crm: Office) -> None:
    known = crm.contact("Клиент", "+79990000001")
    crm.fault("status", status=429, count=1, method="POST")
    with pytest.raises(RateLimited) as limited:
        await crm.crm.log_call(record(), contact(known))
    assert limited.value.retry_after_seconds == pytest.approx(1.0, abs=0.2)


async def test_a_read_is_repeated_after_500_and_after_a_cut_connection(crm: Office) -> None:
    crm.fault("status", status=500)
    assert await crm.crm.account_info()
    crm.fault("drop")
    assert await crm.crm.account_info()


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "drop"}, {"kind": "slow", "seconds": 3}])
async def test_a_write_without_an_answer_is_not_repeated(crm: Office, fault: dict[str, object]) -> None:
    known = crm.contact("Клиент", "+79990000001")
    crm.fault(str(fault.pop("kind")), method="POST", **fault)
    with pytest.raises(OutcomeUnknown):
        await crm.crm.log_call(record(), contact(known))
    assert len([each for each in crm.account.notes.values() if each["params"].get("uniq") == "pbx:1.1"]) <= 1


async def test_a_write_that_was_stored_before_the_answer_was_lost_is_found(crm: Office) -> None:
    known = crm.contact("Клиент", "+79990000001")
    crm.fault("timeout_after_store", method="POST", seconds=0)
    with pytest.raises(OutcomeUnknown):
        await crm.crm.log_call(record(), contact(known))
    found = await crm.crm.find_logged_call(record(), contact(known))
    assert found is not None
    assert found.entity == contact(known)
    assert len(crm.account.notes_of("contacts", known)) == 1


async def test_a_server_that_is_not_there_was_not_written_to(crm: Office) -> None:
    tokens = crm.store.pairs[OFFICE]
    crm.store.pairs[OFFICE] = replace(tokens, base_url="http://romashka.localhost:1")
    crm.crm.tokens.forget()
    with pytest.raises(Unavailable) as gone:
        await crm.crm.log_call(record(), contact(1))
    assert not isinstance(gone.value, OutcomeUnknown)


# ---- a server that misbehaves


async def stranger(
    crm: Office, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[Office]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with serving(app) as base:
        host = base.replace("127.0.0.1", "romashka.localhost")
        crm.store.pairs[OFFICE] = replace(crm.store.pairs[OFFICE], base_url=host)
        crm.crm.tokens.forget()
        yield crm


async def test_a_redirect_to_another_host_is_not_followed(crm: Office) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.host)
        raise web.HTTPFound("http://evil.localhost:1/steal")

    async for made in stranger(crm, handler):
        with pytest.raises(ProtocolError, match="another host"):
            await made.crm.account_info()
    assert len(seen) == 1


async def test_a_redirect_on_the_same_host_is_followed_for_reads(crm: Office) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/api/v4/account":
            raise web.HTTPFound("/elsewhere")
        return web.json_response({"id": 5})

    async for made in stranger(crm, handler):
        assert (await made.crm.account_info())["id"] == 5


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{broken", "application/json"), (b"[]", "application/json"), (b"<html>", "text/html"), (b"{}", "text/json")],
)
async def test_an_answer_of_another_shape_is_a_broken_protocol(crm: Office, body: bytes, kind: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind)

    async for made in stranger(crm, handler):
        with pytest.raises(ProtocolError):
            await made.crm.account_info()
        with pytest.raises(ProtocolError):
            await made.crm.managers()
        with pytest.raises(ProtocolError):
            await made.crm.find_persons(number())


async def test_an_answer_without_end_is_cut_off(crm: Office) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(20):
            await response.write(b" " * 1024 * 1024)
        return response

    async for made in stranger(crm, handler):
        with pytest.raises((ProtocolError, Unavailable)):
            await made.crm.account_info()


# ---- pacing


def test_every_queue_gets_its_turn() -> None:
    firsts = [turn(served)[0] for served in range(16)]
    assert firsts.count(Priority.IMPORT) == 2
    assert firsts.count(Priority.LOG) == 2
    assert firsts.count(Priority.CARD) == 12


async def test_cards_overtake_and_nobody_starves() -> None:
    pacer = Pacer(200)
    order: list[Priority] = []

    async def ask(priority: Priority) -> None:
        pacer.answered(await pacer.slot(priority))
        order.append(priority)

    pacer.answered(await pacer.slot(Priority.CARD))
    waiting = [Priority.IMPORT] * 3 + [Priority.LOG] * 3 + [Priority.CARD] * 8
    await asyncio.gather(*(ask(priority) for priority in waiting))
    assert order[:2] == [Priority.CARD, Priority.CARD]
    assert order.index(Priority.LOG) < 4
    assert order.index(Priority.IMPORT) < 8
    assert sorted(order) == sorted(waiting)


async def test_a_cancelled_request_gives_its_slot_away() -> None:
    pacer = Pacer(5)
    await pacer.slot(Priority.CARD)
    cancelled = asyncio.create_task(pacer.slot(Priority.CARD))
    waiting = asyncio.create_task(pacer.slot(Priority.LOG))
    await asyncio.sleep(0)
    cancelled.cancel()
    started = time.monotonic()
    await waiting
    assert time.monotonic() - started < 0.38  # one gap of 200 ms, not two


async def test_a_request_that_is_cancelled_with_its_slot_does_not_block_the_others() -> None:
    loop = asyncio.get_running_loop()
    pacer = Pacer(1000)
    await pacer.slot(Priority.CARD)
    holder = asyncio.create_task(pacer.slot(Priority.CARD))
    await asyncio.sleep(0)
    (waiter,) = pacer._waiting[Priority.CARD]
    while loop.time() < pacer._ready_at():
        pass  # a millisecond without giving the loop away: the slot is given below, before the task can run
    pacer._serve(loop)
    holder.cancel()
    await asyncio.wait([holder])
    assert holder.cancelled()
    assert waiter.result().answered_at is not None


async def test_the_eighth_request_waits_for_the_first_ones_answer_and_a_second() -> None:
    """The first of a burst may arrive late (TLS): seven must not catch up with it within a second."""
    pacer = Pacer(1000)
    loop = asyncio.get_running_loop()
    slots = [await pacer.slot(Priority.CARD) for _ in range(7)]
    eighth = asyncio.create_task(pacer.slot(Priority.CARD))
    for slot in slots[1:]:
        pacer.answered(slot)
    await asyncio.sleep(0.05)
    assert not eighth.done()
    pacer.answered(slots[0])
    answered_at = loop.time()
    assert (await eighth).at >= answered_at + 1


async def test_a_slot_that_is_given_late_does_not_put_off_those_after_it() -> None:
    pacer = Pacer(100)
    loop = asyncio.get_running_loop()
    first = await pacer.slot(Priority.CARD)
    waiting = asyncio.create_task(pacer.slot(Priority.CARD))
    await asyncio.sleep(0)
    while loop.time() < first.at + 0.015:
        pass  # the loop is busy when the second one's moment comes
    late = await waiting
    assert pacer._next_at == pytest.approx(max(first.at + 0.02, late.at))  # one gap is caught up with at most


async def test_pauses_after_429_double_once_a_burst_and_start_again() -> None:
    pacer = Pacer(6.5)
    slot = await pacer.slot(Priority.CARD)
    assert pacer.refused(slot) == pytest.approx(1, abs=0.2)
    assert pacer.refused(slot) == pytest.approx(1, abs=0.2)  # of the same burst

    def later() -> Slot:
        return Slot(asyncio.get_running_loop().time())

    assert pacer.refused(later()) == pytest.approx(2, abs=0.2)
    assert [round(pacer.refused(later())) for _ in range(6)] == [4, 8, 16, 32, 60, 60]
    pacer.accepted(later())
    assert pacer._refusals == 0


async def test_the_observed_rate_stays_below_amocrms_limit(crm: Office) -> None:
    """30 requests at once after the consent's own, of all three kinds: not one 429, and never 8 in a second."""
    await asyncio.gather(
        *(crm.crm.deal(EntityRef(EntityKind.DEAL, "1")) for _ in range(10)),
        *(crm.crm.person(contact(1)) for _ in range(10)),
        *(crm.crm.notify_ringing(number(), [ANNA]) for _ in range(10)),
    )
    assert crm.sandbox.traffic.max_rate <= 7
    assert "429" not in crm.sandbox.traffic.by_status


def test_several_forbidden_endpoints_in_a_row_open_the_breaker() -> None:
    now = [0.0]
    breaker = Breaker(300, now=lambda: now[0])
    assert not any(breaker.forbidden(path, is_blanket=False) for path in ("/a", "/b", "/a", "/c"))
    assert breaker.forbidden("/d", is_blanket=False)
    with pytest.raises(Blocked):
        breaker.check()
    now[0] = 301
    breaker.check()
    assert breaker.forbidden("/a", is_blanket=True)
    assert breaker.remaining_seconds == 600
    now[0] = 902
    breaker.passed()
    assert breaker.forbidden("/a", is_blanket=True)
    assert breaker.remaining_seconds == 300
