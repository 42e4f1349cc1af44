"""What every CallStore does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from integration.domain.calls.call import (
    Call,
    Direction,
    Disposition,
    HangupBy,
    Leg,
    LegKind,
    LegResult,
    Origin,
    Press,
    Transfer,
    TransferKind,
    TransferResult,
    Via,
)
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, LegId, PbxId, Timestamp
from integration.domain.numbers.client import call_key
from integration.domain.numbers.numbering import DEFAULT_NUMBERING, Numbering
from integration.domain.settings import AccountSettings
from integration.ports.stores import CallStore, OutboxState, SavedStep
from integration.storage import Storage, open_storage
from integration.storage.sql.schema.calls import call_events, calls, outbox
from integration.storage.sql.short_query import ShortQuery
from tests.contract.calls import OFFICE, OTHER, PBX, a_call, an_intent

_KEY = ShortQuery("SELECT match_key FROM calls WHERE account = 'office' AND id = :id")


def _is_port(storage: Storage) -> CallStore:
    return storage.calls  # read by the type checker


async def test_a_call_comes_back_as_it_was_saved(storage: Storage) -> None:
    leg = Leg(
        id=LegId("l1"),
        target="101",
        kind=LegKind.EXTENSION,
        via=Via.QUEUE,
        queue="600",
        offered_at=Timestamp(1.5),
        result=LegResult.ANSWERED,
        cause=16,
    )
    transfer = Transfer(
        kind=TransferKind.BLIND, from_="101", to="102", at=Timestamp(3.0), result=TransferResult.ANSWERED
    )
    call = a_call(
        caller_name="O'Neil \x00 \ud800 <script> Ж",  # a NUL, a lone surrogate, a quote: names are hostile
        legs=(leg,),
        transfers=(transfer,),
        recordings=("a.wav", "b.wav"),
        hangup_by=HangupBy.SYSTEM,
        origin=Origin(kind="click", request_id="x"),
        disposition=Disposition.ANSWERED,
        ended_at=Timestamp(9.25),
        seen_from_start=False,
        presses=(Press(extension="101", at=Timestamp(2.0), own_leg=True),),
    )
    await storage.calls.save([SavedStep(call=call)])
    assert await storage.calls.get(OFFICE, call.id) == call
    assert await storage.calls.get(OTHER, call.id) is None
    assert await storage.calls.get(OFFICE, CallId("pbx:none")) is None


async def test_live_calls_are_those_of_the_pbx_that_have_not_ended_and_were_not_merged(storage: Storage) -> None:
    live, ended, merged = a_call(1), a_call(2, ended_at=Timestamp(5.0)), a_call(3, merged_into=CallId("pbx:1"))
    elsewhere = a_call(4, pbx=PbxId("pbx2"))
    await storage.calls.save([SavedStep(call=call) for call in (live, ended, merged, elsewhere)])
    assert await storage.calls.live(OFFICE, PBX) == [live]
    await storage.calls.save([SavedStep(call=a_call(1, ended_at=Timestamp(7.0)))])
    assert await storage.calls.live(OFFICE, PBX) == []


async def test_steps_and_intents_are_saved_together_or_not_at_all(storage: Storage) -> None:
    call = a_call()
    bad = SavedStep(call=a_call(2), event={"event": "x"}, intents=[an_intent(call, payload={"no": object()})])
    try:
        await storage.calls.save([SavedStep(call=call, intents=[an_intent(call)]), bad])
    except TypeError:  # a value that JSON cannot hold is our bug, and is not hidden
        pass
    else:
        raise AssertionError("an object was stored as JSON")
    assert await storage.calls.get(OFFICE, call.id) is None
    assert (await storage.outbox.depth())[OutboxState.WAITING] == 0
    await storage.calls.save([SavedStep(call=call)])  # the store still works
    assert await storage.calls.get(OFFICE, call.id) == call


async def test_an_intent_is_queued_once_whatever_became_of_it(storage: Storage) -> None:
    call = a_call()
    step = SavedStep(call=call, intents=[an_intent(call)])
    await storage.calls.save([step, step])
    await storage.calls.save([step])
    (item,) = await storage.outbox.claim(OFFICE, now=Timestamp(2e9), lease_seconds=1, limit=9)
    await storage.outbox.done(item, {})
    await storage.calls.save([step])
    assert [each.state for each in await storage.outbox.of_call(OFFICE, call.id)] == [OutboxState.DONE]


async def test_timeline_keeps_the_order_of_the_steps(storage: Storage) -> None:
    call = a_call()
    events: list[dict[str, Any]] = [
        {"event": "CallStarted", "at": 5.0},
        {"event": "LegOffered", "at": 4.0},
        {"event": "CallEnded"},
    ]
    await storage.calls.save([SavedStep(call=call, event=event) for event in events[:2]])
    await storage.calls.save([SavedStep(call=call), SavedStep(call=call, event=events[2])])
    assert await storage.calls.timeline(OFFICE, call.id) == events
    assert await storage.calls.timeline(OTHER, call.id) == []


async def test_recent_calls_come_newest_first_and_in_pages(storage: Storage) -> None:
    calls = [a_call(number) for number in range(1, 6)]
    hidden = [a_call(9, merged_into=CallId("pbx:1")), a_call(10, account=OTHER)]
    await storage.calls.save([SavedStep(call=call) for call in calls + hidden])
    assert await storage.calls.recent(OFFICE, limit=2) == [calls[4], calls[3]]
    assert await storage.calls.recent(OFFICE, limit=2, before=calls[3].started_at) == [calls[2], calls[1]]


async def test_recent_calls_of_a_client_meet_in_every_spelling(storage: Storage) -> None:
    inbound = a_call(1, caller="89161234567")
    outbound = a_call(2, direction=Direction.OUTBOUND, caller="101", called="+7 916 123-45-67")
    stranger = a_call(3, caller="89160000000")
    internal = a_call(4, direction=Direction.INTERNAL, caller="101", called="102")
    await storage.calls.save([SavedStep(call=call) for call in (inbound, outbound, stranger, internal)])
    assert await storage.calls.recent(OFFICE, match_key="9161234567") == [outbound, inbound]


async def test_local_numbers_are_read_in_the_country_of_the_account(storage: Storage) -> None:
    await storage.settings.save(AccountSettings(account=OFFICE, country="UA"))
    call = a_call(caller="050 123 45 67")
    await storage.calls.save([SavedStep(call=call)])
    assert await storage.calls.recent(OFFICE, match_key="0501234567") == [call]


async def test_a_country_that_another_process_has_changed_counts_from_the_next_step_on(
    storage: Storage, database_url: str, tmp_path: Path
) -> None:
    other = await open_storage(database_url, tmp_path)
    call = a_call(caller="050 123 45 67")
    for country in ("UA", "DE", "UA"):
        await other.settings.save(AccountSettings(account=OFFICE, country=country))
        await storage.calls.save([SavedStep(call=call, event={"event": "x"}, intents=[an_intent(call)])])
        expected = call_key(call, Numbering(country))
        assert [tuple(row) for row in await storage.database.rows(_KEY, {"id": call.id}, OFFICE)] == [(expected,)]
    assert len(await storage.calls.timeline(OFFICE, call.id)) == 3
    await other.close()


async def test_steps_are_stored_alike_whatever_is_stored_with_them(storage: Storage) -> None:
    """On PostgreSQL the steps of one account take a shorter way than those of several."""
    third = AccountId("third")
    client, talked = "+79161234567", {"answered_at": Timestamp(1010.0)}
    ref = EntityRef(EntityKind.CONTACT, "5")
    ivan = Person(ref=ref, name="Иван", responsible=None, phones=(client,), updated_at=1)
    for account in (OFFICE, OTHER, third):
        await storage.phone_book.put_persons(account, [ivan], numbering=DEFAULT_NUMBERING)
    incoming: list[tuple[str, dict[str, Any]]] = [(client, {})]
    incoming += [("+79160000000", {}), ("+79160000001", talked), (client, {}), (client, {}), (client, {})]
    went_first = []
    for number, (caller, changes) in enumerate(incoming):
        alone = a_call(number, caller=caller, **changes)
        beside_one = replace(alone, account=OTHER)
        beside_a_strangers = replace(alone, account=third)
        calls = (alone, beside_one, beside_a_strangers)
        beside = {OTHER: [a_call(100, caller=None, account=OTHER)], third: [a_call(100, caller=None, account=OFFICE)]}
        for call in calls:
            intents = [an_intent(call, f"k{n}", payload={"n": n}, not_before=Timestamp(5.0 * n)) for n in range(3)]
            steps = [
                SavedStep(call=call, event={"event": "CallStarted", "at": 5.0}, intents=intents[:1]),
                SavedStep(call=call, event={"event": "CallEnded"}, intents=intents[1:]),
            ]
            await storage.calls.save(steps + [SavedStep(call=other) for other in beside.get(call.account, ())])
        rows = [await _rows_of(storage, call) for call in calls]
        assert rows[0] == rows[1] == rows[2]
        went_first.append(rows[0]["outbox"][-1]["goes_first"])
    assert went_first == [True, False, True, True, True, False]  # the fourth call of one client waits


async def test_a_burst_of_a_clients_calls_is_stored_at_once_as_it_would_be_one_by_one(storage: Storage) -> None:
    """Each has its own timeline, and the fourth unanswered one waits."""
    client = "+79161234567"
    ivan = Person(ref=EntityRef(EntityKind.CONTACT, "5"), name="Иван", responsible=None, phones=(client,), updated_at=1)
    await storage.phone_book.put_persons(OFFICE, [ivan], numbering=DEFAULT_NUMBERING)
    burst = [a_call(number, caller=client) for number in range(5)]
    steps = []
    for call in burst:
        steps += [SavedStep(call=call, event={"event": "CallStarted", "at": 5.0})]
        steps += [SavedStep(call=call, event={"event": "CallEnded"}, intents=[an_intent(call)])]
    steps += [SavedStep(call=call, event={"event": "CallDescribed"}) for call in reversed(burst)]
    await storage.calls.save(steps)
    went_first = []
    for call in burst:
        assert await storage.calls.get(OFFICE, call.id) == call
        timeline = await storage.calls.timeline(OFFICE, call.id)
        assert [event["event"] for event in timeline] == ["CallStarted", "CallEnded", "CallDescribed"]
        went_first.append((await _rows_of(storage, call))["outbox"][0]["goes_first"])
    assert went_first == [True, True, True, False, False]


async def _rows_of(storage: Storage, call: Call) -> dict[str, list[dict[str, Any]]]:
    """What the tables have of a call, apart from its account."""

    def work(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table, column in ((calls, calls.c.id), (call_events, call_events.c.call), (outbox, outbox.c.call)):
            query = select(table).where(table.c.account == call.account, column == call.id)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
        return found

    found = await storage.database.read(work, call.account)
    for row in [row for rows in found.values() for row in rows]:
        del row["account"]
        row.pop("id", None)
        row["state"] = row.get("state", "").replace(f'"{call.account}"', "")
    found["outbox"].sort(key=lambda row: str(row["key"]))
    return found


async def test_many_at_once_are_all_saved(storage: Storage) -> None:
    calls = [a_call(number) for number in range(60)]
    await asyncio.gather(*(storage.calls.save([SavedStep(call=c, intents=[an_intent(c)])]) for c in calls))
    assert len(await storage.calls.live(OFFICE, PBX)) == 60
    assert (await storage.outbox.depth())[OutboxState.WAITING] == 60


async def test_calls_that_have_just_ended(storage: Storage) -> None:
    """No live calls, no calls of others, no merged ones, none that ended earlier."""

    def ended(name: str, at: float | None, **fields: Any) -> SavedStep:
        moment = None if at is None else Timestamp(at)
        return SavedStep(call=a_call(id=CallId(name), started_at=Timestamp(1000.0), ended_at=moment, **fields))

    await storage.calls.save(
        [
            ended("pbx:before", 1099.9),
            ended("pbx:at", 1100.0),
            ended("pbx:after", 1150.0),
            ended("pbx:live", None),
            ended("pbx:merged", 1150.0, merged_into=CallId("pbx:after")),
        ]
    )
    await storage.calls.save([ended("pbx:others", 1150.0, account=OTHER)])
    found = await storage.calls.ended_since(OFFICE, Timestamp(1100.0))
    assert {call.id for call in found} == {"pbx:at", "pbx:after"}
    assert await storage.calls.ended_since(OFFICE, Timestamp(9000.0)) == []
