"""Waiting for a call: on every PBX of the office, stored for every process, until it is stopped or over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.domain.line_watch import WatchEnd
from integration.errors import AuthFailed
from integration.ports.coordination import Coordination
from integration.ports.pbx_setup import PbxSetup, SeenCall
from integration.ports.setups import SetupState, SetupStore
from integration.services.line_watches import WATCH_SECONDS, LineWatches
from integration.storage import open_coordination
from integration.testing import FakeClock, FakePbxSetup
from integration.testing_setup import FakeSetupStore
from tests.lab.waiting import until

OFFICE = AccountId("acme")
CALL = SeenCall(
    at=Timestamp(5.0), caller="79161234567", line="74950000001", trunk="trunk", context="in", from_outside=True
)


def _is_port(store: FakeSetupStore) -> SetupStore:
    return store  # read by the type checker


@dataclass
class Office:
    """Two PBXs on which calls can begin; `told` counts what the pages were told."""

    coordination: Coordination
    clock: FakeClock = field(default_factory=FakeClock)
    store: FakeSetupStore = field(default_factory=lambda: FakeSetupStore({OFFICE: SetupState(office=OFFICE)}))
    pbxs: dict[PbxId, FakePbxSetup] = field(default_factory=dict)
    told: int = 0
    opened: list[LineWatches] = field(default_factory=list)

    def process(self) -> LineWatches:
        watches = LineWatches(
            self.store, self.coordination, self.clock, self.trials, self.tell, look_every_seconds=0.01
        )
        self.opened.append(watches)
        return watches

    async def trials(self, office: AccountId) -> Mapping[PbxId, PbxSetup]:
        return self.pbxs

    def tell(self, office: AccountId) -> None:
        self.told += 1

    async def seen(self, count: int) -> list[tuple[str, str]]:
        state = await self.store.until(OFFICE, lambda now: now.watch is not None and len(now.watch.seen) >= count)
        assert state.watch is not None
        return [(each.pbx, each.line) for each in state.watch.seen]

    async def end(self) -> WatchEnd | None:
        state = await self.store.until(OFFICE, lambda now: now.watch is not None and now.watch.end is not None)
        assert state.watch is not None
        return state.watch.end


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    coordination = open_coordination(None)
    office = Office(coordination)
    for name in ("main", "branch"):
        office.pbxs[PbxId(name)] = FakePbxSetup(later=asyncio.Queue())
    yield office
    for watches in office.opened:
        await watches.close()
    await coordination.close()


def call(office: Office, pbx: str, line: str) -> None:
    later = office.pbxs[PbxId(pbx)].later
    assert later is not None
    later.put_nowait(replace(CALL, line=line))


async def test_nobody_is_asked_to_call_before_a_call_would_be_seen(office: Office) -> None:
    reached = office.pbxs[PbxId("branch")].reached = asyncio.Event()
    starting = asyncio.create_task(office.process().start(OFFICE))
    await office.store.until(OFFICE, lambda now: now.watch is not None)
    done, _ = await asyncio.wait([starting], timeout=0.1)
    assert not done
    reached.set()
    async with asyncio.timeout(10):
        await starting


async def test_a_pbx_that_cannot_be_reached_keeps_nobody_waiting(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.services.line_watches._LISTENS_SECONDS", 0.05)
    office.pbxs[PbxId("branch")].reached = asyncio.Event()
    async with asyncio.timeout(10):
        await office.process().start(OFFICE)
    call(office, "main", "1")
    assert await office.seen(1) == [("main", "1")]


async def test_calls_of_every_pbx_are_shown_as_they_begin(office: Office) -> None:
    await office.process().start(OFFICE)
    call(office, "main", "1")
    assert await office.seen(1) == [("main", "1")]
    call(office, "branch", "2")
    assert set(await office.seen(2)) == {("main", "1"), ("branch", "2")}
    assert office.told >= 2


async def test_it_is_stopped_from_another_process(office: Office) -> None:
    here, there = office.process(), office.process()
    await here.start(OFFICE)
    await there.stop(OFFICE)
    assert await office.end() is WatchEnd.STOPPED
    await until(lambda: here.count == 0)


async def test_it_ends_by_itself(office: Office) -> None:
    await office.process().start(OFFICE)
    office.clock.advance(WATCH_SECONDS)
    assert await office.end() is WatchEnd.OVER


async def test_one_pbx_that_refuses_hinders_no_other_one(office: Office) -> None:
    office.pbxs[PbxId("branch")].fail_next.append(AuthFailed("no such user"))
    await office.process().start(OFFICE)
    call(office, "main", "1")
    assert await office.seen(1) == [("main", "1")]
    state = await office.store.until(OFFICE, lambda now: now.watch is not None and bool(now.watch.silent))
    assert state.watch is not None
    assert {pbx: why.detail for pbx, why in state.watch.silent.items()} == {"branch": "no such user"}
    assert state.watch.end is None


async def test_without_a_pbx_that_shows_calls_it_says_so(office: Office) -> None:
    for pbx in office.pbxs.values():
        pbx.fail_next.append(AuthFailed("no such user"))
    await office.process().start(OFFICE)
    assert await office.end() is WatchEnd.FAILED


async def test_after_a_kill_the_next_look_at_the_page_goes_on(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    killed, other = office.process(), office.process()
    await killed.start(OFFICE)
    await killed.close()  # what a kill leaves: the stored watch, and nobody who listens
    watch = office.store.states[OFFICE].watch
    await other.go_on(OFFICE, watch)
    assert other.count == 0, "the mark of the killed one holds for some seconds"
    monkeypatch.setattr(office.coordination, "is_marked", _never_marked)
    await other.go_on(OFFICE, watch)
    call(office, "main", "1")
    assert await office.seen(1) == [("main", "1")]


async def _never_marked(key: str) -> bool:
    return False


async def test_a_new_watch_takes_the_place_of_the_old_one(office: Office) -> None:
    watches = office.process()
    await watches.start(OFFICE)
    call(office, "main", "1")
    await office.seen(1)
    await watches.start(OFFICE)
    state = office.store.states[OFFICE]
    assert state.watch is not None
    assert state.watch.seen == ()
