"""Steps of several calls at once, and of one call from two processes: one follows the PBX, one reads its records."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from integration.domain.calls.call import Call
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.ports.stores import SavedStep
from integration.storage import Storage
from integration.storage.sql.schema.calls import call_events, calls, outbox
from tests.contract.calls import OFFICE, a_call, an_intent

_WRITERS = 12
_CLIENT = "+79161234567"


def _ivan() -> Person:
    ref = EntityRef(EntityKind.CONTACT, "5")
    return Person(ref=ref, name="Иван", responsible=None, phones=(_CLIENT,), updated_at=1)


async def test_steps_of_one_call_that_come_at_once_are_all_stored(storage: Storage) -> None:
    """None is refused because another was faster."""
    some = [a_call(number) for number in range(3)]
    for call in some:
        await storage.calls.save([SavedStep(call=call, event={"event": "CallStarted"})])

    def steps(writer: int) -> list[SavedStep]:
        return [
            SavedStep(call=call, event={"event": f"w{writer}"}, intents=[an_intent(call, f"k{writer % 4}")])
            for call in (some if writer % 2 else some[:1])
        ]

    for _ in range(3):
        await asyncio.gather(*(storage.calls.save(steps(writer)) for writer in range(_WRITERS)))
    for call in some:
        told = Counter(event["event"] for event in await storage.calls.timeline(OFFICE, call.id))
        writers = range(_WRITERS) if call is some[0] else range(1, _WRITERS, 2)
        assert told == {"CallStarted": 1, **{f"w{writer}": 3 for writer in writers}}


async def test_calls_that_wait_already_are_counted_once(storage: Storage) -> None:
    """Three calls of a client end together, as when the PBX restarts: two others wait for each, not more."""
    await storage.phone_book.put_persons(OFFICE, [_ivan()], numbering=DEFAULT_NUMBERING)
    three = [a_call(number, caller=_CLIENT) for number in range(3)]
    await storage.calls.save([SavedStep(call=call, intents=[an_intent(call, "card")]) for call in three])
    await storage.calls.save([SavedStep(call=call, intents=[an_intent(call, "end")]) for call in three])
    rows = await _rows(storage, OFFICE)
    assert [row["goes_first"] for row in rows["outbox"]] == [True] * 6


_CALLERS = [*[_CLIENT] * 5, "+79160000000", "", "\x00 \ud800 '; --", None, "1" * 40]
_kept = st.fixed_dictionaries(
    {
        "ended_at": st.sampled_from([None, Timestamp(2000.0)]),
        "merged_into": st.sampled_from([None, CallId("pbx:9")]),
        "elsewhere": st.booleans(),
        "caller_name": st.sampled_from([None, "O'Neil", "\x00\ud800:call_id::text[] {} %s $1"]),
    }
)
_events = st.none() | st.fixed_dictionaries(
    {"event": st.sampled_from(["LegOffered", "\x00", "\ud800 :now"])}, optional={"at": st.sampled_from([5, 7.25, "x"])}
)
_keys = st.lists(st.sampled_from(["log_call", "card", "Ж", "k' :now"]), max_size=3)
_steps = st.tuples(st.integers(0, len(_CALLERS) - 1), _kept, _events, _keys)
# Of a client's call one step at once: several of them are one call, which goes first or not.
_batch = st.lists(_steps, min_size=1, max_size=8, unique_by=lambda step: step[0] if step[0] < 5 else object())
_batches = st.lists(_batch, max_size=3)


@given(_batches)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_steps_of_several_calls_are_stored_together_as_they_would_be_one_by_one(
    storage: Storage, batches: list[list[tuple[int, dict[str, Any], dict[str, Any] | None, list[str]]]]
) -> None:
    """Together with a call of another account they are stored one by one, on each database."""
    _number[0] += 1
    alone, beside, third = (AccountId(f"{name}{_number[0]}") for name in ("alone", "beside", "third"))
    for account in (alone, beside):
        await storage.phone_book.put_persons(account, [_ivan()], numbering=DEFAULT_NUMBERING)
    for batch in batches:
        for account in (alone, beside):
            steps = [_step(account, *given) for given in batch]
            await storage.calls.save(steps + [SavedStep(call=a_call(100, account=third))] * (account is beside))
    assert await _rows(storage, alone) == await _rows(storage, beside)


_number = [0]


def _step(
    account: AccountId, number: int, kept: dict[str, Any], event: dict[str, Any] | None, keys: list[str]
) -> SavedStep:
    """Each of the client's calls waits: with the others the order of their last steps would count."""
    call: Call = replace(a_call(number, account=account, caller=_CALLERS[number]), **kept)
    wanted = keys or ["log_call"] if call.caller == _CLIENT else keys
    return SavedStep(call=call, event=event, intents=[an_intent(call, key) for key in wanted])


async def _rows(storage: Storage, account: AccountId) -> dict[str, list[dict[str, Any]]]:
    """What the tables have of an account, in the order in which it is handed out; a new account has new ids."""

    def work(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for table, *order in ((calls, calls.c.id), (call_events, call_events.c.call, call_events.c.seq), _OUTBOX):
            rows = connection.execute(select(table).where(table.c.account == account).order_by(*order)).mappings()
            found[table.name] = [dict(row) for row in rows]
        return found

    found = await storage.database.read(work, account)
    for row in [row for rows in found.values() for row in rows]:
        del row["account"]
        row["state"] = row.get("state", "").replace(f'"{account}"', "")
    for row in found["outbox"]:
        del row["id"]
    return found


_OUTBOX = (outbox, outbox.c.id)
