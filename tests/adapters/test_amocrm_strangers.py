"""Strangers and tasks to call back, delivered into amoCRM's sandbox over HTTP."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from connectors.amocrm.sandbox.api_unsorted import accept_entry, decline_entry
from integration.domain.calls.call import Call
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.tracking import Change
from integration.domain.ids import Timestamp, record_key
from integration.domain.settings import AccountSettings
from integration.ports.stores import OutboxState, SavedStep
from integration.services.delivery import Delivery
from integration.storage import Storage, open_storage
from integration.testing import FakeClock
from tests.adapters.amocrm_kit import ANNA, Office, office
from tests.contract.calls import OFFICE
from tests.contract.test_delivered_by_two import STRANGER, a_delivery, missed, talked
from tests.databases import sqlite_url

KNOWN = "89161234567"


class Delivered:
    def __init__(self, crm: Office, storage: Storage, delivery: Delivery, clock: FakeClock) -> None:
        self.crm, self.storage, self._delivery, self.clock = crm, storage, delivery, clock

    async def end(self, *calls: Call) -> None:
        """End these calls now, one after the other."""
        for call in calls:
            at = Timestamp(self.clock.now() - 60 + float(call.native_id))
            answered = Timestamp(at + 1) if call.answered_at is not None else None
            ended = replace(call, started_at=at, answered_at=answered, ended_at=Timestamp(at + 2), talked_seconds=1.0)
            intents = follow_up(ended, frozenset({Change.ENDED}), AccountSettings(account=OFFICE), self.clock.now())
            await self.storage.calls.save([SavedStep(call=ended, intents=intents)])

    async def deliver(self, seconds: float) -> None:
        """Deliver until nothing waits, for at most this many seconds."""
        for _ in range(int(seconds / 20)):
            await self._delivery.drain()
            if not (await self.storage.outbox.depth_of(OFFICE))[OutboxState.WAITING]:
                return
            self.clock.advance(20)

    def written(self) -> Counter[str]:
        """How often amoCRM has each call."""
        notes = [note["params"]["uniq"] for note in self.crm.account.notes.values() if "uniq" in note.get("params", {})]
        return Counter([*notes, *(entry["metadata"]["uniq"] for entry in self.crm.account.unsorted.values())])

    def contacts(self) -> list[dict[str, Any]]:
        """All contacts with the stranger's number, also hidden ones."""
        return [each for each in self.crm.account.contacts.own() if STRANGER[1:] in str(each)]


@pytest_asyncio.fixture
async def delivered(tmp_path: Path) -> AsyncIterator[Delivered]:
    clock = FakeClock(time.time())
    async with office() as crm:
        storage = await open_storage(sqlite_url(tmp_path), tmp_path, clock=clock)
        yield Delivered(crm, storage, await a_delivery(storage, crm.crm, clock), clock)
        await storage.close()


@pytest.mark.parametrize("takes_notes", [True, False], ids=["notes are taken", "notes are refused"])
async def test_a_stranger_who_calls_three_times_is_one_entry_one_contact_and_three_calls(
    delivered: Delivered, takes_notes: bool
) -> None:
    account = delivered.crm.account
    account.unsorted_takes_notes = takes_notes
    calls = [missed(1), missed(2), talked(3)]
    await delivered.end(*calls[:2])
    await delivered.deliver(60)
    await delivered.end(calls[2])
    await delivered.deliver(300)
    [entry] = account.unsorted.values()
    assert len(delivered.contacts()) == 1
    accept_entry(account, entry, int(ANNA), None)
    await delivered.deliver(7200)
    assert delivered.written() >= Counter({record_key(call.id): 1 for call in calls})
    assert set(delivered.written().values()) == {1}
    assert len(delivered.contacts()) == 1
    assert not account.unsorted
    assert (await delivered.storage.outbox.depth())[OutboxState.DEAD] == 0


async def test_a_declined_strangers_next_call_makes_a_new_entry(delivered: Delivered) -> None:
    account = delivered.crm.account
    account.unsorted_takes_notes = False
    await delivered.end(missed(1), missed(2))
    await delivered.deliver(300)
    [entry] = account.unsorted.values()
    decline_entry(account, entry, int(ANNA))
    await delivered.deliver(7200)
    assert delivered.written() == Counter()
    await delivered.end(missed(3))
    await delivered.deliver(300)
    assert list(delivered.written()) == [record_key(missed(3).id)]


async def test_one_task_is_made_counted_up_and_completed(delivered: Delivered) -> None:
    account = delivered.crm.account
    before = set(account.tasks)
    await delivered.end(missed(1, KNOWN), missed(2, KNOWN))
    await delivered.deliver(300)
    [task] = [each for id_, each in account.tasks.items() if id_ not in before]
    assert task["text"].startswith("Перезвонить: пропущенных звонков: 2, последний с +79161234567, ")
    delivered.clock.advance(300)
    await delivered.end(missed(3, KNOWN))
    await delivered.deliver(300)
    assert "пропущенных звонков: 3" in task["text"]
    delivered.clock.advance(60)
    await delivered.end(replace(talked(4), called=KNOWN))
    await delivered.deliver(300)
    assert task["is_completed"]
    assert task["result"]["text"].startswith("Разговор состоялся: исходящий звонок, ")
    assert {id_ for id_ in account.tasks if id_ not in before} == {task["id"]}
