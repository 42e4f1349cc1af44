"""What the amoCRM connector does with each answer, and with none, against the sandbox."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web

from connectors.amocrm.pacing import Blocked
from connectors.amocrm.transport import AccountState
from integration.errors import (
    AuthFailed,
    OutcomeUnknown,
    ProtocolError,
    RateLimited,
    Unavailable,
)
from tests.adapters.amocrm_kit import OFFICE, Office, contact, number, record
from tests.adapters.amocrm_sandbox_kit import serving

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
