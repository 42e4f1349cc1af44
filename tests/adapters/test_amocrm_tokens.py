"""Consent and expiring tokens: the amoCRM connector with the sandbox."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from connectors.amocrm import Senders, connect
from connectors.amocrm.sandbox import tokens as sandbox_tokens
from connectors.amocrm.sandbox.sandbox import Traffic
from integration.domain.crm.entities import CrmTrouble, EntityKind, EntityRef
from integration.domain.ids import Timestamp
from integration.errors import (
    AuthFailed,
    NotFound,
    Rejected,
    Unavailable,
)
from integration.ports.stores import Tokens
from tests.adapters.amocrm_kit import OFFICE, MemoryTokens, Office, SystemClock, consent, contact, office, record


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
    async with asyncio.timeout(30):
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
    assert crm.crm.condition.trouble is CrmTrouble.NEEDS_CONSENT


async def test_a_refused_refresh_is_not_tried_again_and_the_gate_stays_open(crm: Office) -> None:
    sandbox_tokens.revoke(crm.sandbox, crm.connector.settings.client_id, 31_000_000)
    for _ in range(3):
        with pytest.raises(AuthFailed):
            await crm.crm.account_info()
    assert crm.requests["POST /oauth2/access_token"] == 2
    assert crm.crm.crm_account_id == "31000000"  # the widget needs it (spec K7)
    await consent(crm)
    assert await crm.crm.account_info()
    assert crm.crm.condition.trouble is None


async def test_a_token_service_that_is_down_costs_no_consent(crm: Office) -> None:
    crm.expire_access()
    crm.fault("status", status=503, path_prefix="/oauth2/", count=-1)
    with pytest.raises(Unavailable):
        await crm.crm.account_info()
    assert not crm.store.pairs[OFFICE].needs_consent
    crm.sandbox.faults.clear()
    assert await crm.crm.account_info()


async def test_requests_for_tokens_take_their_turns_among_the_others(crm: Office) -> None:
    """Like amoCRM, the sandbox counts them: seven requests in a second, for any purpose."""
    crm.sandbox.traffic = Traffic()
    for _ in range(3):
        crm.expire_access()
        await asyncio.gather(*(crm.crm.deal(EntityRef(EntityKind.DEAL, "1")) for _ in range(6)))
    assert crm.requests["POST /oauth2/access_token"] == 3
    assert crm.sandbox.traffic.max_rate <= 7
    assert "429" not in crm.sandbox.traffic.by_status


@pytest.mark.parametrize("address", ["http://evil.example", "https://romashka.localhost:443", "not an address", ""])
async def test_our_secret_does_not_go_to_a_stored_address_that_is_not_amocrms(crm: Office, address: str) -> None:
    crm.store.pairs[OFFICE] = replace(crm.store.pairs[OFFICE], base_url=address, expires_at=Timestamp(0.0))
    crm.crm.tokens.forget()
    before = crm.sandbox.traffic.total
    with pytest.raises(AuthFailed, match="account_hosts"):
        await crm.crm.account_info()
    assert crm.crm.condition.trouble is CrmTrouble.NEEDS_CONSENT
    with pytest.raises(AuthFailed, match="account_hosts"):
        await crm.crm.tokens.renewed(crm.store.pairs[OFFICE].access)
    assert crm.sandbox.traffic.total == before
    await consent(crm)
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
    own = connect(
        OFFICE, table, tokens=MemoryTokens(), senders=Senders(crm.session, lambda _: None), clock=SystemClock()
    )
    assert await own.open()
    assert own.crm.crm_account_id == "31000000"
    assert await own.crm.managers()
    crm.expire_access()
    with pytest.raises(AuthFailed, match="long-lived"):
        await own.crm.managers()
