"""What operators see of the CRM: no state is claimed before the first request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.connections.state import ConnectionStatus, FailedChange, StateReason, why
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.errors import Unavailable
from integration.ports.coordination import Coordination
from integration.process.health import gatherer, health
from integration.services.accounts import Account, Accounts
from integration.services.connection_states import ConnectionStates
from integration.services.ending import ended
from integration.storage.coordination.redis import RedisCoordination
from integration.web.metrics import Metrics
from tests.lab.waiting import until
from tests.services.conftest import ACME, World, missed_call


def figures(world: World, account: Account) -> str:
    offices = {ACME: SimpleNamespace(account=account, trackings={world.pbx.id: world.tracking})}
    return Metrics(gatherer(offices, world.hub, world.delivery, world.states, lambda _now: {})).text().decode()


async def test_the_crm_is_neither_connected_nor_offline_before_it_was_asked(world: World) -> None:
    accounts = Accounts(world.storage.settings)
    world.pbx.is_connected = True
    account = await accounts.add(world.account.settings, world.crm, [world.pbx])
    offices = {ACME: SimpleNamespace(account=account, trackings={world.pbx.id: world.tracking})}

    async def said() -> tuple[str, str, bool]:
        told = await health(offices, world.storage.outbox, world.states, known=[ACME])
        return (
            told["status"],
            told["accounts"][ACME]["crm"],
            'crm_connected{account="acme"} 1.0' in figures(world, account),
        )

    assert await said() == ("degraded", "not_asked_yet", False)
    await accounts.refresh_managers(account)
    assert await said() == ("ok", "connected", True)

    world.crm.fail_before += [Unavailable("The CRM does not answer.")] * 2
    with pytest.raises(Unavailable):
        await accounts.refresh_managers(account)
    assert await said() == ("degraded", "offline", False)
    again = await accounts.add(world.account.settings, world.crm, [world.pbx])
    with pytest.raises(Unavailable):
        await accounts.refresh_managers(again)
    assert (again.crm_was_asked, again.condition.detail) == (True, "The CRM does not answer.")


async def test_health_says_why_there_is_no_link_to_the_pbx(world: World) -> None:
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    world.pbx.is_connected = False
    world.pbx.away = Link(phase=LinkPhase.WAITING, fault=why(StateReason.VERSION_REFUSED), detail="this PBX is too old")
    office = (await health(offices, world.storage.outbox, world.states, known=[ACME]))["accounts"][ACME]
    assert (office["pbx"], office["pbx_reason"]) == ("offline", "this PBX is too old")
    world.pbx.is_connected = True
    assert (
        "pbx_reason" not in (await health(offices, world.storage.outbox, world.states, known=[ACME]))["accounts"][ACME]
    )


async def test_what_the_connector_knows_is_told_before_the_managers_are_read_again(world: World) -> None:
    world.pbx.is_connected = True
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    for trouble in CrmTrouble:
        world.crm.condition = CrmCondition(trouble=trouble, detail="said")
        told = await health(offices, world.storage.outbox, world.states, known=[ACME])
        said = "offline" if trouble is CrmTrouble.AWAY else trouble.value
        assert (told["status"], told["accounts"][ACME]["crm"]) == ("degraded", said)
        assert told["accounts"][ACME]["crm_reason"] == "said"
        is_answering = trouble is CrmTrouble.SLOWED
        assert f'crm_connected{{account="acme"}} {float(is_answering)}' in figures(world, world.account)
    world.crm.condition = CrmCondition()
    assert (await health(offices, world.storage.outbox, world.states, known=[ACME]))["status"] == "ok"


async def test_redis_is_told_where_processes_share_it(world: World) -> None:
    world.pbx.is_connected = True
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    await world.accounts.refresh_managers(world.account)

    async def said() -> tuple[str, str | None, str | None]:
        told = await health(offices, world.storage.outbox, world.states, shared, known=[ACME])
        text = (
            Metrics(gatherer(offices, world.hub, world.delivery, world.states, lambda _now: {}, shared)).text().decode()
        )
        figures = [line.split()[1] for line in text.splitlines() if line.startswith("dozvon_redis_")]
        return told["status"], told.get("redis"), figures[0] if figures else None

    shared: Coordination | None = None
    assert await said() == ("ok", None, None)
    shared = RedisCoordination("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable):
        await shared.once("a key", ttl_seconds=1)
    status, redis, figure = await said()
    assert (status, figure) == ("degraded", "0.0")
    assert "127.0.0.1:1" in str(redis)
    await shared.close()
    shared.problem = None
    assert await said() == ("ok", "ok", "1.0")


async def test_every_connection_is_told_with_its_state_why_and_when_it_is_tried_again(world: World) -> None:
    world.account.settings = replace(world.account.settings, time_zone="Europe/Kyiv")
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    at = datetime(2026, 11, 29, 12, 0, tzinfo=UTC).timestamp()
    fault = why(StateReason.LOGIN_REFUSED, user="dozvon")
    world.pbx.away = Link(
        phase=LinkPhase.WAITING, fault=fault, detail="no", next_try=Timestamp(at), since=Timestamp(at - 60)
    )
    told = await health(offices, world.storage.outbox, world.states, known=[ACME])
    assert told["connections"] == {
        "crm": {ACME: {"state": "ready", "reason": None, "detail": "", "next_try": None, "since": None}},
        "pbx": {
            world.pbx.id: {
                "state": "retrying",
                "reason": "login_refused",
                "detail": "no",
                "next_try": "2026-11-29T14:00:00+02:00",
                "since": "2026-11-29T13:59:00+02:00",
            }
        },
    }
    assert (told["accounts"][ACME]["pbx"], told["accounts"][ACME]["pbx_reason"]) == ("offline", "no")


async def test_the_metrics_count_the_connections_in_every_state(world: World) -> None:
    world.crm.condition = CrmCondition(trouble=CrmTrouble.NOT_CONNECTED)
    text = figures(world, world.account)
    assert text.count("dozvon_connections{") == 2 * len(ConnectionStatus)
    assert 'dozvon_connections{kind="crm",state="needs_consent"} 1.0' in text
    assert 'dozvon_connections{kind="crm",state="ready"} 0.0' in text
    assert 'dozvon_connections{kind="pbx",state="not_set_up"} 1.0' in text


async def test_what_could_not_be_started_is_told_though_it_does_not_run(world: World) -> None:
    world.pbx.is_connected = True
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    failed = FailedChange(detail="no driver", since=world.clock.now(), next_try=Timestamp(world.clock.now() + 5))
    world.failures.failed_crms[AccountId("south")] = failed
    world.failures.failed_pbxs[PbxId("branch")] = failed
    told = await health(offices, world.storage.outbox, world.states, known=[ACME])
    assert told["status"] == "degraded"
    for found in (told["connections"]["crm"]["south"], told["connections"]["pbx"]["branch"]):
        assert (found["state"], found["reason"], found["detail"]) == ("retrying", "change_failed", "no driver")
        assert found["next_try"].endswith("+00:00")
    assert told["connections"]["crm"][ACME]["state"] == "ready"


async def test_a_crm_that_is_away_is_tried_again_when_its_users_are_read(world: World) -> None:
    reading = asyncio.create_task(world.accounts.run())
    try:
        world.crm.fail_before += [Unavailable("no answer")] * 2
        world.accounts.refresh_soon()
        await until(lambda: world.account.managers_reading.trouble is not None)
        await until(lambda: world.states.crm(ACME).next_try is not None)
        state = world.states.crm(ACME)
        assert (state.status, state.detail) == (ConnectionStatus.RETRYING, "no answer")
        assert state.next_try is not None
        assert 0 < state.next_try - world.clock.now() <= 15.0
    finally:
        await ended([reading])


async def test_connections_that_are_not_there_are_not_set_up(world: World) -> None:
    for state in (world.states.crm(AccountId("nobody")), world.states.pbx(PbxId("nothing"))):
        assert state.status is ConnectionStatus.NOT_SET_UP
    alone = ConnectionStates(Accounts(world.storage.settings), lambda: world.account.pbxs, world.clock)
    assert alone.pbxs()[world.pbx.id].status is ConnectionStatus.OFF, "no account gets its calls"


async def test_what_waits_for_a_removed_account_is_shown(world: World) -> None:
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    await world.emit(*missed_call(world.clock.now()))
    told = await health(offices, world.storage.outbox, world.states, known=[ACME])
    waiting = told["outbox"]
    assert waiting["waiting"] > 0
    assert "removed_accounts" not in told
    told = await health({}, world.storage.outbox, world.states, known=[])
    assert (told["outbox"], told["removed_accounts"]) == (waiting, {ACME: waiting})
