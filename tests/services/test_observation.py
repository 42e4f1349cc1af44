"""What operators see of the CRM: no state is claimed before the first request."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.errors import Unavailable
from integration.ports.coordination import Coordination
from integration.process.health import gatherer, health
from integration.services.accounts import Account, Accounts
from integration.storage.coordination.redis import RedisCoordination
from integration.web.metrics import Metrics
from tests.services.conftest import ACME, World


def figures(world: World, account: Account) -> str:
    offices = {ACME: SimpleNamespace(account=account, trackings={world.pbx.id: world.tracking})}
    return Metrics(gatherer(offices, world.hub, world.delivery, lambda _now: {})).text().decode()


async def test_the_crm_is_neither_connected_nor_offline_before_it_was_asked(world: World) -> None:
    accounts = Accounts(world.storage.settings)
    world.pbx.is_connected = True
    account = await accounts.add(world.account.settings, world.crm, [world.pbx])
    offices = {ACME: SimpleNamespace(account=account, trackings={world.pbx.id: world.tracking})}

    async def said() -> tuple[str, str, bool]:
        told = await health(offices, world.storage.outbox)
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
    await world.tracking.on_link(False, "this PBX is too old")
    office = (await health(offices, world.storage.outbox))["accounts"][ACME]
    assert (office["pbx"], office["pbx_reason"]) == ("offline", "this PBX is too old")
    world.pbx.is_connected = True
    assert "pbx_reason" not in (await health(offices, world.storage.outbox))["accounts"][ACME]


async def test_what_the_connector_knows_is_told_before_the_managers_are_read_again(world: World) -> None:
    world.pbx.is_connected = True
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    for trouble in CrmTrouble:
        world.crm.condition = CrmCondition(trouble=trouble, detail="said")
        told = await health(offices, world.storage.outbox)
        said = "offline" if trouble is CrmTrouble.AWAY else trouble.value
        assert (told["status"], told["accounts"][ACME]["crm"]) == ("degraded", said)
        assert told["accounts"][ACME]["crm_reason"] == "said"
        is_answering = trouble is CrmTrouble.SLOWED
        assert f'crm_connected{{account="acme"}} {float(is_answering)}' in figures(world, world.account)
    world.crm.condition = CrmCondition()
    assert (await health(offices, world.storage.outbox))["status"] == "ok"


async def test_redis_is_told_where_processes_share_it(world: World) -> None:
    world.pbx.is_connected = True
    offices = {ACME: SimpleNamespace(account=world.account, trackings={world.pbx.id: world.tracking})}
    await world.accounts.refresh_managers(world.account)

    async def said() -> tuple[str, str | None, str | None]:
        told = await health(offices, world.storage.outbox, shared)
        text = Metrics(gatherer(offices, world.hub, world.delivery, lambda _now: {}, shared)).text().decode()
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
