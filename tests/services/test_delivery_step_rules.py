"""The steps of a delivery at their limits: how long a file and the PBX's records are waited for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallMerged, ClientConnected
from integration.domain.calls.intents import IntentKind, Priority
from integration.domain.crm.entities import Deal, EntityKind, EntityRef
from integration.domain.ids import Timestamp, record_key
from integration.domain.settings import LineSettings, LogTarget
from integration.errors import NotFound, Unavailable
from integration.ports.records import Watch
from integration.ports.stores import OutboxItem, OutboxState
from integration.services.delivery import Expired, NotYet
from integration.testing import FakeCrm
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    DEAL,
    DID,
    IVAN,
    PBX,
    STRANGER,
    World,
    answered,
    call,
    ended,
    missed_call,
    recorded,
    started,
)


async def _call(world: World, *, talk: float = 60.0, inferred: bool = False) -> None:
    now = world.clock.now()
    end = replace(ended(now + 3 + talk), inferred=inferred)
    await world.emit(started(now), recorded(now), *answered(now + 3, "101"), end)
    world.clock.advance(1000.0)


def _fetch(world: World, waited: float, key: str = "fetch_recording") -> OutboxItem:
    """An item that was queued so many seconds ago."""
    queued = Timestamp(world.clock.now() - waited)
    return OutboxItem(
        id=1, account=ACME, call=call(), kind=IntentKind.FETCH_RECORDING, key=key, priority=Priority.LOG,
        state=OutboxState.WAITING, queued_at=queued, not_before=queued, expires_at=None, attempts=0,
        is_uncertain=False, last_error=None, payload={}, result=None,
    )  # fmt: skip


async def _result(world: World, item: OutboxItem) -> dict[str, Any]:
    result: dict[str, Any] = await world.delivery._steps[IntentKind.FETCH_RECORDING](world.account, item)
    return result


@pytest.mark.parametrize(("talk", "patience"), [(5.0, 8.0), (60.0, 20.0)])
async def test_a_file_is_waited_for_as_long_as_the_talk_and_three_seconds_but_twenty_at_most(
    world: World, talk: float, patience: float
) -> None:
    await _call(world, talk=talk)
    with pytest.raises(NotYet) as waits:
        await _result(world, _fetch(world, patience - 0.1))
    assert waits.value.seconds == 1.0
    assert (await _result(world, _fetch(world, patience)))["files"] == ["in.wav"]


async def test_a_pbx_that_cannot_be_reached_holds_the_log_up_for_45_seconds(world: World) -> None:
    await _call(world)
    world.pbx.fail_next = [Unavailable("not mounted")] * 3
    with pytest.raises(Unavailable):
        await _result(world, _fetch(world, 44.9))
    assert (await _result(world, _fetch(world, 45.0)))["late"] is True
    with pytest.raises(Unavailable):  # the late one is tried as long as anything else
        await _result(world, _fetch(world, 45.0, key="fetch_recording:late"))


@pytest.mark.parametrize(
    ("watch", "waited", "waits"),
    [
        (None, 10.0, True),
        (Watch(watched_until=Timestamp(0.0)), 10.0, True),
        (2.9, 10.0, True),  # the end was noticed before the last look at the gap
        (3.0, 10.0, False),
        (None, 89.9, True),
        (None, 90.0, False),
    ],
)
async def test_a_call_whose_end_was_not_seen_waits_for_the_records_of_the_gap_for_90_seconds(
    world: World, watch: Watch | float | None, waited: float, waits: bool
) -> None:
    """A number: how long after the end was noticed they were compared last."""
    await _call(world, talk=1.0, inferred=True)
    world.account.recorded.add(PBX)
    item = _fetch(world, waited)
    if isinstance(watch, float):
        watch = Watch(watched_until=Timestamp(0.0), compared_at=Timestamp(item.queued_at + watch))
    if watch is not None:
        await world.storage.watches.save(ACME, PBX, watch)
    if waits:
        with pytest.raises(NotYet, match="records") as raised:
            await _result(world, item)
        assert raised.value.seconds == 1.0
    else:
        assert (await _result(world, item))["files"] == ["in.wav"]


async def test_a_process_that_was_killed_again_and_again_gives_the_records_their_time(world: World) -> None:
    """Its next one begins to compare only when it runs: the queue's age says nothing."""
    began = world.clock.now()
    await _call(world, talk=1.0, inferred=True)
    world.account.recorded.add(PBX)
    item = _fetch(world, 2000.0)  # from before this process
    world.clock.advance(began + 89.0 - world.clock.now())
    with pytest.raises(NotYet, match="records"):
        await _result(world, item)
    world.clock.advance(1.0)
    assert (await _result(world, item))["files"] == ["in.wav"]


async def test_a_pbx_without_records_has_none_to_wait_for(world: World) -> None:
    await _call(world, talk=1.0, inferred=True)
    assert (await _result(world, _fetch(world, 10.0)))["files"] == ["in.wav"]


# ---- what is written, and where


def _log(world: World) -> OutboxItem:
    return replace(_fetch(world, 1.0), kind=IntentKind.LOG_CALL, key="log_call")


async def test_only_an_incoming_call_of_digits_that_are_no_number_is_entered(world: World) -> None:
    """A contact with them could never be found again, so each outgoing call would make one."""
    now = world.clock.now()
    outgoing = replace(started(now, "101", "2.0"), direction=Direction.OUTBOUND, called="2667777")
    await world.emit(*missed_call(now, "2667777"), outgoing, ended(now + 9, "2.0"))
    await world.deliver()
    assert [record.call.id for record in world.crm.inbox] == [call("1.0")]
    results = await world.storage.outbox.results(ACME, call("2.0"))
    assert results[IntentKind.LOG_CALL] == {"skipped": "no_full_number"}


async def test_a_contact_that_the_crm_has_no_more_is_forgotten_and_the_call_decided_again(world: World) -> None:
    del world.crm.persons[IVAN.ref]
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    [item] = [item for item in await world.waiting() if item.kind is IntentKind.LOG_CALL]
    assert (item.last_error or "").endswith("deciding again where the call belongs")
    await world.deliver_with_pauses()
    assert [record.key for record in world.crm.inbox] == [record_key(call())]


async def test_of_a_client_with_many_deals_twenty_are_asked_for_and_one_that_is_gone_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def deal(crm: FakeCrm, ref: EntityRef, *, priority: Priority) -> Deal:
        asked.append(ref.id)
        if ref.id == "0":
            raise NotFound("deleted")
        return replace(DEAL, ref=ref, is_open=ref.id == "1")

    monkeypatch.setattr(FakeCrm, "deal", deal)
    world.account.settings = replace(world.account.settings, log_to=LogTarget.DEAL)
    await world.storage.phone_book.remove(ACME, [IVAN.ref, DEAL.ref])
    deals = tuple(EntityRef(EntityKind.DEAL, str(number)) for number in range(25))
    world.crm.add(replace(IVAN, deals=deals), replace(DEAL, ref=deals[1]))
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert asked == [str(number) for number in range(20)]
    assert [record.key for record in world.crm.notes[deals[1]]] == [record_key(call())]


async def test_a_stranger_who_became_a_contact_is_the_decision_that_is_kept(world: World) -> None:
    now = world.clock.now()
    outgoing = replace(started(now, "101"), direction=Direction.OUTBOUND, called=STRANGER)
    connected = ClientConnected(call=call(), at=Timestamp(now + 2), person="101", answered_by=STRANGER)
    await world.emit(outgoing, connected, ended(now + 9))
    await world.deliver()
    [contact] = [ref for ref in world.crm.persons if ref != IVAN.ref]
    [item] = [i for i in await world.storage.outbox.of_call(ACME, call()) if i.kind is IntentKind.LOG_CALL]
    assert item.payload["attribution"]["target"] == {"kind": contact.kind, "id": contact.id}


async def test_a_recording_that_the_pbx_names_after_it_was_looked_for_is_fetched_behind_the_log(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), *answered(now + 3, "101"), replace(ended(now + 5), inferred=True))
    world.crm.fail_before = [Unavailable("503")]
    await world.deliver(after=30.0)
    assert "fetch_recording" in await world.in_state(OutboxState.DONE)
    await world.emit(recorded(now + 3))
    await world.deliver_with_pauses()
    [record] = world.crm.notes[IVAN.ref]
    assert record.recording_url is not None


async def test_a_task_of_a_call_that_was_not_logged_is_not_closed(world: World) -> None:
    await _call(world)
    item = replace(_fetch(world, 1.0), kind=IntentKind.CLOSE_TASK, key="close_task")
    assert await world.delivery._steps[IntentKind.CLOSE_TASK](world.account, item) == {"skipped": "not_logged"}


async def test_nothing_is_done_for_a_call_that_is_unknown_or_part_of_another(world: World) -> None:
    item = _log(world)
    with pytest.raises(Expired):
        await world.delivery._steps[IntentKind.LOG_CALL](world.account, item)
    await _call(world)
    now = world.clock.now()
    await world.emit(started(now, uniqueid="2.0"), CallMerged(call=call("2.0"), at=now, into=call()))
    with pytest.raises(Expired):
        await world.delivery._steps[IntentKind.LOG_CALL](world.account, replace(item, call=call("2.0")))


async def test_the_reasons_of_a_strangers_entry_and_of_a_clients_call_are_kept(world: World) -> None:
    """No manager was refused: nobody is said to stand in."""
    now = world.clock.now()
    await world.emit(*missed_call(now, STRANGER), *missed_call(now, uniqueid="2.0"))
    await world.deliver()
    entry = (await world.storage.outbox.results(ACME, call()))[IntentKind.LOG_CALL]
    assert (entry["inbox"], entry["entity"]["kind"]) == (True, EntityKind.LEAD)
    logged = (await world.storage.outbox.results(ACME, call("2.0")))[IntentKind.LOG_CALL]
    for reasons in (entry["reasons"], logged["reasons"]):
        assert reasons
        assert "manager_refused" not in [reason["code"] for reason in reasons]


async def test_the_reason_why_the_lines_person_stands_in_names_the_line(world: World) -> None:
    world.account.settings = replace(
        world.account.settings, default_responsible=None, default_line=LineSettings(missed_responsible=BORIS)
    )
    world.crm.refuses = {ANNA}
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    result = (await world.storage.outbox.results(ACME, call()))[IntentKind.LOG_CALL]
    assert result["reasons"][-1] == {"code": "line_responsible", "detail": {"manager": BORIS, "line": DID}}
