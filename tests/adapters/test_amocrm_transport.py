"""How the amoCRM connector treats each answer, and a missing answer, of the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web

from connectors.amocrm.api.pacing import Blocked
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.errors import (
    AuthFailed,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Unavailable,
    Unpaid,
)
from integration.ports.findings import FindingLevel
from tests.adapters.amocrm_kit import OFFICE, Office, contact, number, office, record
from tests.adapters.amocrm_sandbox_kit import serving

# ---- statuses


async def test_an_ended_subscription_stops_writing(crm: Office) -> None:
    known = crm.contact("Клиент", "+79990000001")
    crm.account.subscription_ended = "writes"
    with pytest.raises(Unpaid, match="subscription") as unpaid:
        await crm.crm.log_call(record(), contact(known))
    assert not isinstance(unpaid.value, AuthFailed)
    sent = crm.sandbox.traffic.total
    with pytest.raises(Unpaid, match="subscription"):
        await crm.crm.log_call(record(), contact(known))
    assert crm.sandbox.traffic.total == sent
    assert await crm.crm.person(contact(known))  # reads still work, and do not show whether writes do
    assert crm.crm.condition.trouble is CrmTrouble.UNPAID


async def test_a_write_tries_now_and_then_whether_it_was_paid(crm: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[CrmCondition] = []
    crm.crm.standing.told = told.append
    known = crm.contact("Клиент", "+79990000001")
    crm.account.subscription_ended = "writes"
    with pytest.raises(Unpaid):
        await crm.crm.log_call(record(), contact(known))
    crm.account.subscription_ended = ""
    with pytest.raises(Unpaid):
        await crm.crm.log_call(record(), contact(known))
    monkeypatch.setattr("integration.connecting.standing._PROBE_SECONDS", 0.0)
    crm.crm.standing.unpaid("again", by_read=False)
    assert await crm.crm.log_call(record(), contact(known))
    assert [condition.trouble for condition in told] == [CrmTrouble.UNPAID, None]
    begun, over = (condition.since for condition in told)
    assert begun is not None
    assert over is not None
    assert begun <= over == crm.crm.condition.since


async def test_when_reads_are_refused_for_want_of_payment_a_read_that_passes_ends_it(crm: Office) -> None:
    crm.account.subscription_ended = "all"
    with pytest.raises(Unpaid):
        await crm.crm.managers()
    assert crm.sandbox.traffic.by_status["402"] == 1  # not repeated
    assert crm.crm.condition.trouble is CrmTrouble.UNPAID
    crm.account.subscription_ended = ""
    assert await crm.crm.managers()
    assert crm.crm.condition.trouble is None


async def test_a_single_forbidden_object_is_refused(crm: Office) -> None:
    crm.sandbox.settings = replace(crm.sandbox.settings, webhooks_available=False)
    assert not await crm.crm.ensure_webhooks("https://pbx.example.test/hook")
    assert await crm.crm.managers()  # other requests go on


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
    condition = crm.crm.condition
    assert condition.trouble is CrmTrouble.BLOCKED
    assert condition.until is not None
    assert 290 < condition.until - time.time() <= 300


async def test_what_another_process_was_told_is_taken_over(crm: Office) -> None:
    told: list[CrmCondition] = []
    crm.crm.standing.told = told.append
    known = crm.contact("Клиент", "+79990000001")
    sent = crm.sandbox.traffic.total
    crm.crm.adopt(CrmCondition(trouble=CrmTrouble.BLOCKED, until=time.time() + 60))
    with pytest.raises(Blocked):
        await crm.crm.managers()
    crm.crm.adopt(CrmCondition())
    crm.crm.adopt(CrmCondition(trouble=CrmTrouble.UNPAID, detail="402"))
    with pytest.raises(Unpaid):
        await crm.crm.log_call(record(), contact(known))
    assert crm.sandbox.traffic.total == sent
    assert crm.crm.condition.trouble is CrmTrouble.UNPAID
    crm.crm.adopt(CrmCondition())
    assert crm.crm.condition == CrmCondition()
    assert await crm.crm.log_call(record(), contact(known))
    assert told == []  # results from others are not reported


async def test_a_consent_that_another_process_found_withdrawn_keeps_the_widget_in(crm: Office) -> None:
    crm.crm.adopt(CrmCondition(trouble=CrmTrouble.NEEDS_CONSENT, detail="withdrawn"))
    assert crm.crm.condition.trouble is CrmTrouble.NEEDS_CONSENT
    assert crm.crm.crm_account_id is not None
    assert await crm.connector.open()  # as the store shows it, it is not
    assert crm.crm.condition == CrmCondition()


async def test_looking_again_for_a_consent_that_is_not_there_tells_nobody_twice() -> None:
    async with office(is_connected=False) as crm:
        told: list[CrmTrouble | None] = []
        crm.crm.standing.told = lambda condition: told.append(condition.trouble)
        for _ in range(3):
            crm.connector.forget()
            assert not await crm.connector.open()
        assert told == [CrmTrouble.NOT_CONNECTED]


@pytest.mark.parametrize(
    ("ended", "status", "check"),
    [
        ("all", 0, "amocrm.subscription"),
        ("", 403, "amocrm.block"),
        ("", 429, "amocrm.rate"),
        ("", 401, "amocrm.access"),
        ("", 503, "amocrm.reach"),
    ],
)
async def test_the_doctor_tells_each_trouble_apart_and_what_to_do(
    crm: Office, ended: str, status: int, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.amocrm.api.pacing._LONGEST_PAUSE", 0.01)
    crm.account.subscription_ended = ended
    if status:
        crm.fault("status", status=status, count=-1)
    [finding] = await crm.connector.check()
    assert (finding.check, finding.level) == (check, FindingLevel.ERROR)
    assert finding.remedy


async def test_a_block_that_is_over_is_told_without_a_request(crm: Office) -> None:
    told: list[CrmTrouble | None] = []
    over = asyncio.Event()

    def note(condition: CrmCondition) -> None:
        told.append(condition.trouble)
        if condition.trouble is None:
            over.set()

    crm.crm.standing.told = note
    crm.crm.standing.blocked(0.05)
    sent = crm.sandbox.traffic.total
    await asyncio.wait_for(over.wait(), 10)
    assert told == [CrmTrouble.BLOCKED, None]
    assert crm.sandbox.traffic.total == sent


async def test_the_rate_is_shown_when_amocrm_asks_to_slow_down(crm: Office) -> None:
    crm.fault("status", status=429, count=1)
    assert await crm.crm.account_info()
    assert crm.crm.condition.trouble is CrmTrouble.SLOWED


async def test_the_crms_clock_is_read_from_its_answers(crm: Office) -> None:
    assert await crm.crm.account_info()
    assert crm.crm.clock_ahead == pytest.approx(0, abs=5)
    crm.sandbox.now = lambda: time.time() - 18_000
    assert await crm.crm.account_info()
    assert crm.crm.clock_ahead == pytest.approx(-18_000, abs=5)


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
    assert limited.value.retry_after_seconds == pytest.approx(1.0, abs=0.5)


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
