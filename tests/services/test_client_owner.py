"""Who is handed a talk by hand becomes the client's responsible in the CRM, where the line says so, and once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import TransferKind, TransferResult
from integration.domain.calls.events import CallEvent, ClientReleased, TransferEnded, TransferStarted
from integration.domain.calls.intents import IntentKind
from integration.domain.ids import Timestamp
from integration.domain.settings import LineSettings, LogTarget
from integration.errors import OutcomeUnknown, Unavailable
from integration.ports.stores import OutboxState
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    CLIENT,
    DEAL,
    IVAN,
    STRANGER,
    World,
    answered,
    call,
    ended,
    offered,
    started,
)

RULE = LineSettings(transfer_changes_responsible=True)


def transferred(
    at: float,
    caller: str = CLIENT,
    *,
    from_: str = "101",
    to: str = "102",
    result: TransferResult = TransferResult.ANSWERED,
    kind: TransferKind = TransferKind.BLIND,
) -> list[CallEvent]:
    """Anna talks, hands the call over, and Boris talks."""
    return [
        started(at, caller),
        offered(at, from_),
        *answered(at + 2, from_),
        TransferStarted(call=call(), at=Timestamp(at + 20), kind=kind, from_=from_, to=to),
        ClientReleased(call=call(), at=Timestamp(at + 20)),
        offered(at + 20, to, via="transfer"),
        *answered(at + 23, to),
        TransferEnded(call=call(), at=Timestamp(at + 23), result=result),
        ended(at + 60),
    ]


async def changed(world: World) -> dict[str, Any] | None:
    await world.deliver_with_pauses(120.0)
    assert await world.in_state(OutboxState.DEAD) == []
    return (await world.storage.outbox.results(ACME, call())).get("change_responsible")


async def test_the_contact_goes_to_who_took_the_call_and_the_next_call_knows_it(world: World) -> None:
    world.line(RULE)
    await world.emit(*transferred(world.clock.now()))
    assert await changed(world) == {"responsible": BORIS, "before": ANNA}
    assert world.crm.persons[IVAN.ref].responsible == BORIS
    kept = await world.storage.phone_book.get(ACME, IVAN.ref)
    assert kept is not None
    assert kept.responsible == BORIS


async def test_the_deal_goes_where_the_call_is_written_into_the_deal(world: World) -> None:
    world.line(RULE)
    world.crm.add(DEAL)
    world.account.settings = replace(world.account.settings, log_to=LogTarget.DEAL)
    await world.emit(*transferred(world.clock.now()))
    await changed(world)
    assert world.crm.deals[DEAL.ref].responsible == BORIS
    assert world.crm.persons[IVAN.ref].responsible == ANNA


async def test_without_the_rule_nothing_changes(world: World) -> None:
    await world.emit(*transferred(world.clock.now()))
    assert await changed(world) is None
    assert world.crm.persons[IVAN.ref].responsible == ANNA


@pytest.mark.parametrize("result", [TransferResult.NOANSWER, TransferResult.RETURNED, TransferResult.FAILED])
async def test_a_transfer_in_vain_changes_nothing(world: World, result: TransferResult) -> None:
    world.line(RULE)
    now = world.clock.now()
    await world.emit(
        started(now),
        offered(now, "101"),
        *answered(now + 2, "101"),
        TransferStarted(call=call(), at=Timestamp(now + 20), kind=TransferKind.BLIND, from_="101", to="102"),
        TransferEnded(call=call(), at=Timestamp(now + 30), result=result),
        ended(now + 60),
    )
    assert await changed(world) is None


async def test_who_picks_up_in_a_queue_is_no_new_owner(world: World) -> None:
    """Nobody has handed the call over by hand."""
    world.line(RULE)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"), *answered(now + 2, "102"), ended(now + 60))
    assert await changed(world) is None


async def test_to_somebody_outside_the_integration_no_client_goes(world: World) -> None:
    world.line(RULE)
    await world.emit(*transferred(world.clock.now(), to="199"))
    assert await changed(world) is None


async def test_who_has_the_client_already_gets_nothing_twice(world: World) -> None:
    world.line(RULE)
    world.crm.add(replace(IVAN, responsible=BORIS))
    await world.emit(*transferred(world.clock.now()))
    assert await changed(world) == {"skipped": "responsible_already"}


@pytest.mark.parametrize("where", ["fail_before", "fail_after"])
async def test_a_lost_answer_is_repeated_and_leads_to_the_same(world: World, where: str) -> None:
    world.line(RULE)
    await world.emit(*transferred(world.clock.now()))
    await world.deliver()
    getattr(world.crm, where).append(OutcomeUnknown("lost") if where == "fail_after" else Unavailable("down"))
    await changed(world)
    assert world.crm.persons[IVAN.ref].responsible == BORIS


async def test_whom_the_crm_refuses_gets_no_client_and_the_call_is_there(world: World) -> None:
    world.line(RULE)
    await world.emit(*transferred(world.clock.now()))
    world.crm.refuses.add(BORIS)
    result = await changed(world)
    assert result == {"skipped": "manager_refused"}
    assert [record.call.id for record in world.crm.notes[IVAN.ref]] == [call()]


async def test_a_client_that_was_deleted_meanwhile_is_no_dead_letter(world: World) -> None:
    world.line(RULE)
    await world.emit(*transferred(world.clock.now()))
    await changed(world)
    [item] = [each for each in await world.storage.outbox.of_call(ACME, call()) if each.key == "change_responsible"]
    world.crm.persons.pop(IVAN.ref)
    step = world.delivery._steps[IntentKind.CHANGE_RESPONSIBLE]
    assert await step(world.account, item) == {"skipped": "client_gone"}


async def test_an_entry_that_waits_in_the_inbox_is_nobodys_yet(world: World) -> None:
    world.line(RULE)
    await world.emit(*transferred(world.clock.now(), STRANGER))
    assert await changed(world) is None
    assert len(world.crm.inbox) == 1
