"""Managers' own lists on every database: of several that want to dial one is first, and the journal goes along."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from integration.domain.campaigns.model import AttemptState, Outcome
from integration.domain.campaigns.outcomes import Came
from integration.domain.campaigns.own_list import Client, ListedNumber, OwnList, Phase, add, start, stop
from integration.domain.campaigns.own_list_calls import begin, ended
from integration.domain.ids import AttemptId, ManagerId, Timestamp
from integration.ports.campaigns import JournalRefusal
from integration.ports.own_lists import ListChanged
from integration.storage import Storage
from tests.contract.calls import OFFICE, OTHER

ANNA, BORIS = ManagerId("7"), ManagerId("8")
NOW = Timestamp(1_000.0)
NUMBER = "+79161234567"


def with_client(own: OwnList) -> OwnList:
    client = Client(key=0, name="Ж\0\ud800", numbers=(ListedNumber(e164=NUMBER),))
    return start(add(own, [client]).own, NOW)


async def begins(storage: Storage, manager: ManagerId, attempt: str) -> ListChanged:
    return await storage.own_lists.change(
        OFFICE, manager, lambda own: begin(own, AttemptId(attempt), NOW), office=OFFICE
    )


async def test_a_list_is_kept_as_it_was_and_every_change_raises_its_revision(storage: Storage) -> None:
    first = await storage.own_lists.change(OFFICE, ANNA, with_client, office=OFFICE)
    assert (first.before.revision, first.after.revision) == (0, 1)
    assert await storage.own_lists.get(OFFICE, ANNA) == first.after
    same = await storage.own_lists.change(OFFICE, ANNA, lambda own: own, office=OFFICE)
    assert (same.before, same.after) == (first.after, first.after)
    assert (await storage.own_lists.get(OFFICE, BORIS)).clients == ()
    assert (await storage.own_lists.get(OTHER, ANNA)).clients == ()


async def test_who_is_at_work_is_known_for_each_account(storage: Storage) -> None:
    await storage.own_lists.change(OFFICE, ANNA, with_client, office=OFFICE)
    await storage.own_lists.change(OTHER, BORIS, with_client, office=OTHER)
    assert await storage.own_lists.at_work(OFFICE) == {ANNA}
    await storage.own_lists.change(OFFICE, ANNA, stop, office=OFFICE)
    assert await storage.own_lists.at_work(OFFICE) == frozenset()


async def test_of_many_that_want_to_dial_at_once_one_does(storage: Storage) -> None:
    await storage.own_lists.change(OFFICE, ANNA, with_client, office=OFFICE)
    changes = await asyncio.gather(*(begins(storage, ANNA, f"attempt-{number}") for number in range(8)))
    begun = [changed for changed in changes if changed.before.phase is Phase.WAITING]
    assert len(begun) == 1
    [attempt] = [begun[0].after.attempt]
    assert {changed.after.attempt for changed in changes} == {attempt}
    assert len(await storage.attempts.tries(OFFICE, numbers=[NUMBER], since=Timestamp(0.0))) == 1


async def test_a_number_that_somebody_calls_is_refused_to_others_until_the_end(storage: Storage) -> None:
    for manager in (ANNA, BORIS):
        await storage.own_lists.change(OFFICE, manager, with_client, office=OFFICE)
    assert (await begins(storage, ANNA, "attempt-1")).refusal is None
    refused = await begins(storage, BORIS, "attempt-2")
    assert refused.refusal is JournalRefusal.UNDER_WAY
    assert await storage.own_lists.get(OFFICE, BORIS) == refused.before, "nothing was stored"
    came = Came(outcome=Outcome.TALKED, answered_at=NOW, connected_at=NOW, cause=16)
    await storage.own_lists.change(
        OFFICE, ANNA, lambda own: ended(own, AttemptId("attempt-1"), Outcome.TALKED, NOW), office=OFFICE, came=came
    )
    attempt = await storage.attempts.get(OFFICE, AttemptId("attempt-1"))
    assert attempt is not None
    assert (attempt.state, attempt.outcome, attempt.cause) == (AttemptState.ENDED, Outcome.TALKED, 16)
    assert (await begins(storage, BORIS, "attempt-3")).refusal is None


async def test_a_number_on_the_do_not_call_list_of_the_office_is_refused(storage: Storage) -> None:
    await storage.own_lists.change(OFFICE, ANNA, with_client, office=OTHER)
    await storage.do_not_call.add(OTHER, [NUMBER], lists_of=[OFFICE], by="Ж", why="Ж")
    changed = await storage.own_lists.change(
        OFFICE, ANNA, lambda own: begin(own, AttemptId("attempt-1"), NOW), office=OTHER
    )
    assert changed.refusal is JournalRefusal.DO_NOT_CALL


async def test_whose_timer_ends_is_found_in_all_accounts(storage: Storage) -> None:
    for account, manager, at in ((OFFICE, ANNA, 30.0), (OTHER, ANNA, 10.0), (OFFICE, BORIS, 20.0)):
        await storage.own_lists.change(account, manager, lambda own, at=at: _due(own, at), office=account)  # type: ignore[misc]
    assert await storage.own_lists.due(Timestamp(25.0)) == [(OTHER, ANNA, 10.0), (OFFICE, BORIS, 20.0)]
    await storage.own_lists.change(OTHER, ANNA, lambda own: replace(own, due_at=None), office=OTHER)
    assert [each[0] for each in await storage.own_lists.due(Timestamp(1e9))] == [OFFICE, OFFICE]


def _due(own: OwnList, at: float) -> OwnList:
    return replace(own, due_at=Timestamp(at))
