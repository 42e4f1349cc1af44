"""Deleting a campaign, and one person from all lists: nothing of them is left, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, text

from integration.domain.call_lists.cells import CellProblem, Problem
from integration.domain.campaigns.holds import Hold, held
from integration.domain.campaigns.model import CampaignState, EntryState, Outcome
from integration.domain.campaigns.own_list import Client, ListedNumber, OwnList, Phase
from integration.domain.campaigns.situation import Offer
from integration.domain.ids import CampaignId, ManagerId, Timestamp
from integration.ports.campaign_erasure import CampaignErasure, Deletion, Forgetting
from integration.ports.campaign_sounds import RecordedSound, SoundKept
from integration.ports.campaigns import ChangeKind
from integration.ports.dialling import DiallingNow
from integration.ports.list_imports import ImportRow, ImportState
from integration.storage import Storage
from integration.testing import FakeClock
from tests.contract.calls import OFFICE, OTHER
from tests.contract.test_campaigns import (
    ANNA,
    AUTUMN,
    BORIS,
    EVERY_STATE,
    SPRING,
    VERA,
    a_campaign,
    a_lease,
    add,
    an_attempt,
    an_import,
    counted,
    head,
    listed,
    somebody,
)

TABLES = (
    "campaigns", "campaign_changes", "campaign_entries", "campaign_numbers", "campaign_counts", "campaign_attempts",
    "list_imports", "list_import_parts", "list_import_problems", "campaign_days", "campaign_dialling",
    "campaign_sounds",
)  # fmt: skip
KEPT = ("campaign_days", "campaign_changes")  # the ledger, and the name that it is read by


def implements(storage: Storage) -> CampaignErasure:
    """Read by the type checker."""
    return storage.campaign_erasure


async def stop(storage: Storage, campaign: CampaignId = SPRING) -> None:
    stopped = CampaignState.STOPPED
    assert await storage.campaigns.set_state(OFFICE, campaign, stopped, by="Ольга", only_from=EVERY_STATE)


async def dial(storage: Storage, clock: FakeClock, *, ends: bool = True) -> None:
    """One attempt at the next entry."""
    (entry,) = await head(storage, clock, limit=1)
    lease, attempt = await a_lease(storage), an_attempt(entry, clock)
    assert await storage.attempts.write(OFFICE, attempt, office=OFFICE, lease=lease) is None
    if ends:
        over = replace(attempt, outcome=Outcome.TALKED, ended_at=clock.now())
        reached = replace(entry, state=EntryState.REACHED)
        assert await storage.attempts.end(OFFICE, over, reached, day=date(2026, 11, 30), lease=lease)


async def a_file(storage: Storage, clock: FakeClock) -> None:
    """An import that has left a line out."""
    await storage.list_imports.begin(replace(an_import(clock), state=ImportState.RUNNING), b"abc")
    (lease,) = await storage.leases.acquire(["list import-1"], holder="a", ttl_seconds=60)
    problem = CellProblem(problem=Problem.TWICE)
    cells = ("Анна", "8 (916) 123-45-67")
    rows = [
        ImportRow(line=2, cells=cells, new=None, problems=(problem,)),
        ImportRow(line=3, cells=("Борис", BORIS), new=None, problems=(problem,)),
    ]
    await storage.list_imports.step(OFFICE, "import-1", rows, lease=lease)


async def rows_of(storage: Storage, table: str) -> list[dict[str, Any]]:
    def work(connection: Connection) -> list[dict[str, Any]]:
        statement = text(f"SELECT * FROM {table}")
        return [dict(each) for each in connection.execute(statement).mappings().all()]

    return await storage.database.read(work, OFFICE)


async def test_a_deleted_campaign_leaves_nothing_and_others_everything(
    storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.storage.sql.campaign_erasure._AT_ONCE", 3)
    await a_campaign(storage)
    await a_campaign(storage, AUTUMN)
    await add(storage, somebody(ANNA), campaign=AUTUMN)
    before = {table: await rows_of(storage, table) for table in TABLES}
    await add(storage, somebody(ANNA, BORIS), *(somebody(f"+7916{index:07}") for index in range(10)))
    await dial(storage, clock)
    await a_file(storage, clock)
    await storage.list_imports.change(OFFICE, "import-1", lambda one: replace(one, state=ImportState.STOPPED))
    sound = RecordedSound(id="a" * 24, name="Ж", seconds=1.0, added_at=clock.now(), added_by="Ольга")
    for campaign in (SPRING, AUTUMN):
        assert await storage.campaign_sounds.put(OFFICE, campaign, sound, b"wav") is SoundKept.DONE
    before["campaign_sounds"] = await rows_of(storage, "campaign_sounds")
    await stop(storage)
    assert await storage.campaign_erasure.delete(OFFICE, SPRING, by="Ольга") is Deletion.DONE
    assert await storage.campaigns.get(OFFICE, SPRING) is None
    for table in TABLES:
        if table not in KEPT:
            others = [each for each in before[table] if SPRING not in each.values()]
            assert await rows_of(storage, table) == others, table
    assert await storage.campaign_erasure.delete(OFFICE, SPRING, by="Ольга") is Deletion.GONE
    assert await a_campaign(storage) == SPRING, "its name is free again"


async def test_the_ledger_of_a_deleted_campaign_stays_with_its_name(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    await dial(storage, clock)
    (dialled,) = await storage.dialling.ledgers(OFFICE)
    assert (dialled.campaign, dialled.is_deleted, len(dialled.days)) == (SPRING, False, 1)
    await stop(storage)
    assert await storage.campaign_erasure.delete(OFFICE, SPRING, by="Ольга") is Deletion.DONE
    assert await storage.dialling.ledgers(OFFICE) == [replace(dialled, is_deleted=True)]
    assert await storage.dialling.ledgers(OTHER) == []
    kept = [each.values() for table in ("campaign_changes", "campaign_days") for each in await rows_of(storage, table)]
    assert ANNA not in str(kept)
    await a_campaign(storage)  # with the same key: its ledger goes on
    assert await storage.dialling.ledgers(OFFICE) == [dialled]
    *_, made, deleted = await storage.campaigns.history(OFFICE, SPRING)
    assert (made.kind, deleted.kind, deleted.name) == (ChangeKind.MADE, ChangeKind.DELETED, dialled.name)


async def test_a_deleted_campaign_that_dialled_nobody_leaves_no_ledger(storage: Storage) -> None:
    await a_campaign(storage)
    await stop(storage)
    assert await storage.campaign_erasure.delete(OFFICE, SPRING, by="Ольга") is Deletion.DONE
    assert await storage.dialling.ledgers(OFFICE) == []
    assert await rows_of(storage, "campaign_changes") == []


async def test_a_campaign_that_runs_or_has_a_call_is_not_deleted(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    assert await storage.campaign_erasure.delete(OFFICE, SPRING, by="Ольга") is Deletion.RUNS
    await dial(storage, clock, ends=False)
    await stop(storage)
    assert await storage.campaign_erasure.delete(OFFICE, SPRING, by="Ольга") is Deletion.RUNS
    assert len(await listed(storage)) == 1


async def test_a_forgotten_person_is_in_no_list_no_journal_and_no_file(storage: Storage, clock: FakeClock) -> None:
    await a_campaign(storage)
    await a_campaign(storage, AUTUMN)
    await add(storage, somebody(ANNA, VERA, name="Анна"), somebody(BORIS, name="Борис"))
    await add(storage, somebody(VERA, name="Вера"), campaign=AUTUMN)
    await dial(storage, clock)
    await a_file(storage, clock)
    await storage.list_imports.change(OFFICE, "import-1", lambda one: replace(one, state=ImportState.DONE))
    await storage.do_not_call.add(OFFICE, [ANNA], lists_of=[OFFICE], by="Ольга", why="")
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.DONE
    for table in ("campaign_entries", "campaign_numbers", "campaign_attempts", "list_import_problems"):
        said = str(await rows_of(storage, table))
        assert "9161234567" not in said, table
        assert "\\u0410\\u043d\\u043d\\u0430" not in said, table
    assert [each.name for each in await listed(storage)] == ["Борис"]
    assert [each.name for each in await listed(storage, AUTUMN)] == ["Вера"], "her own entry has the same number"
    assert await counted(storage) == {EntryState.OPEN: 1}
    (attempt,) = await storage.attempts.log(OFFICE, SPRING)
    assert (attempt.number, attempt.outcome) == ("", Outcome.TALKED)
    assert [each.line for each in await storage.list_imports.problems(OFFICE, "import-1")] == [3]
    assert await storage.do_not_call.among(OFFICE, [ANNA]) == {ANNA}, "or the person would be called again"
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.NOTHING
    tried = await storage.attempts.tries(OFFICE, numbers=[ANNA], since=Timestamp(0))
    assert tried == []


async def test_a_forgotten_person_is_not_left_among_the_clients_who_were_shown(
    storage: Storage, clock: FakeClock
) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA, VERA), somebody(BORIS))
    offers = tuple(
        Offer(
            campaign=SPRING,
            entry=each.id,
            employee=str(101 + place),
            number=each.numbers[0].e164,
            numbers=tuple(number.e164 for number in each.numbers),
            since=clock.now(),
            until=Timestamp(clock.now() + 120),
        )
        for place, each in enumerate(await head(storage, clock, limit=2))
    )
    doing = DiallingNow(at=clock.now(), hold=held(Hold.OFFERED, shown=2), offers=offers)
    await storage.dialling.put(OFFICE, SPRING, doing, learned=None, lease=await a_lease(storage))
    await stop(storage)  # nothing writes it again
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.DONE
    assert (await storage.dialling.now(OFFICE))[SPRING].offers == offers[1:]
    said = str(await rows_of(storage, "campaign_dialling"))
    assert ANNA not in said
    assert VERA not in said


async def test_who_is_being_called_and_who_may_be_in_a_running_import_is_not_forgotten_yet(
    storage: Storage, clock: FakeClock
) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    await dial(storage, clock, ends=False)
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.BUSY
    await a_file(storage, clock)
    assert await storage.campaign_erasure.forget([OFFICE], VERA) is Forgetting.BUSY
    assert len(await listed(storage)) == 1


async def test_a_forgotten_person_leaves_managers_own_lists_unless_they_are_being_called(storage: Storage) -> None:
    manager = ManagerId("7")
    anna = Client(key=1, numbers=(ListedNumber(e164=ANNA), ListedNumber(e164=VERA)), name="Анна")
    boris = Client(key=2, numbers=(ListedNumber(e164=BORIS),), name="Борис")

    def filled(own: OwnList) -> OwnList:
        return replace(own, clients=(anna, boris), next_key=3, phase=Phase.HELD, current=1)

    await storage.own_lists.change(OFFICE, manager, filled, office=OFFICE)
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.BUSY
    await storage.own_lists.change(
        OFFICE, manager, lambda own: replace(own, phase=Phase.IDLE, current=None), office=OFFICE
    )
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.DONE
    left = await storage.own_lists.get(OFFICE, manager)
    assert (left.clients, left.revision) == ((boris,), 3)
    assert await storage.campaign_erasure.forget([OFFICE], ANNA) is Forgetting.NOTHING


async def test_another_account_s_list_is_left_alone(storage: Storage) -> None:
    await a_campaign(storage)
    await add(storage, somebody(ANNA))
    assert await storage.campaign_erasure.forget([OTHER], ANNA) is Forgetting.NOTHING
    assert await storage.campaign_erasure.delete(OTHER, SPRING, by="Ольга") is Deletion.GONE
    assert len(await listed(storage)) == 1
