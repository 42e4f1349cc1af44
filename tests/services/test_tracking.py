"""From events to stored calls: an unavailable database loses nothing, and calls that ended in a gap are closed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.tracking import Change
from integration.domain.campaigns.model import Attempt, Mode
from integration.domain.ids import AccountId, AttemptId, CallId, CampaignId, EntryId, Timestamp
from integration.errors import LeaseLost, Rejected, Unavailable
from integration.ports.coordination import Lease
from integration.services.accounts import Account
from integration.services.cluster.live_calls import LiveCalls
from integration.services.following import follow_pbx
from integration.services.tracking import AttemptOf, CallTracking
from integration.storage.sql.calls import SqlCallStore
from tests.services.conftest import (
    ACME,
    ANNA,
    PBX,
    World,
    answered,
    answered_call,
    call,
    cards_of,
    ended,
    offered,
    started,
    unanswered,
)


async def test_the_last_state_and_its_timeline_are_stored(world: World) -> None:
    now = world.clock.now()
    await world.emit(*answered_call(now))
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.answered_by, stored.ended_at) == (Disposition.ANSWERED, "101", now + 60)
    timeline = await world.storage.calls.timeline(ACME, call())
    assert [event["event"] for event in timeline][:2] == ["CallStarted", "RecordingStarted"]
    assert world.tracking.live_calls == []


async def test_a_repeated_event_changes_and_queues_nothing(world: World) -> None:
    events = list(answered_call(world.clock.now()))
    await world.emit(*events)
    queued = [item.id for item in await world.waiting()]
    await world.emit(*events)
    assert [item.id for item in await world.waiting()] == queued


async def test_a_mistake_in_what_shows_a_call_holds_up_nothing_else(world: World) -> None:
    seen: list[tuple[str, frozenset[Change]]] = []
    resumed: list[str] = []

    class Broken:
        async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
            raise KeyError("a mistake")

        def on_resumed(self, account: Account, call: Call) -> None:
            raise KeyError("a mistake")

    class Sound(Broken):
        async def on_change(self, account: Account, call: Call, changes: frozenset[Change]) -> None:
            seen.append((call.id, changes))

        def on_resumed(self, account: Account, call: Call) -> None:
            resumed.append(call.id)

    calls, now = world.storage.calls, world.clock.now()
    tracking = CallTracking(world.account, PBX, calls, world.clock, [Broken(), Sound()], asyncio.Event())
    await tracking.on_events([started(now), offered(now, "101"), started(now, uniqueid="2.0")])
    assert seen == [(call(), frozenset({Change.STARTED, Change.RINGING})), (call("2.0"), frozenset({Change.STARTED}))]
    await tracking.end()
    await tracking.begin()
    assert resumed == [call(), call("2.0")]


async def test_a_live_call_goes_on_after_a_restart(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    again = type(world.tracking)(world.account, PBX, world.storage.calls, world.clock, [], asyncio.Event())
    await again.on_events([*answered(now + 3, "101"), ended(now + 9)])
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.started_at, stored.talked_seconds) == (Disposition.ANSWERED, now, 6.0)


async def test_what_ended_while_nobody_watched_is_closed_once_and_logged(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    later = Timestamp(now + 30)
    await world.tracking.on_resync(frozenset(), later)
    await world.tracking.on_resync(frozenset(), Timestamp(later + 1))
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.ended_at, stored.end_inferred) == (Disposition.MISSED, later, True)
    assert [item.key for item in await world.waiting()].count("log_call") == 1


async def test_what_the_pbx_still_has_is_left_alone(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await world.tracking.on_resync(frozenset({call()}), Timestamp(now + 30))
    assert [c.id for c in world.tracking.live_calls] == [call()]


async def test_a_full_disk_loses_no_step_and_stops_no_card(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    saves = SqlCallStore.save
    is_full = True

    async def save(store: SqlCallStore, steps: object, *, fence: Lease | None = None) -> None:
        if is_full:
            raise Unavailable("the disk is full")
        await saves(store, steps, fence=fence)  # type: ignore[arg-type]

    monkeypatch.setattr(SqlCallStore, "save", save)
    page = world.page(ANNA)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    async with asyncio.timeout(30):
        assert (await page.messages.get())["type"] == "call_updated"  # type: ignore[index]
    await world.emit(*answered(now + 3, "101"), ended(now + 9))
    assert world.tracking.unsaved_steps > 0
    is_full = False
    await world.tracking.end()  # writes what waits
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert stored.disposition is Disposition.ANSWERED
    assert [item.key for item in await world.waiting()].count("log_call") == 1


async def test_events_that_are_offered_again_after_a_failure_are_stored_with_what_follows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database failed: the adapter offers the same events again, and nothing is missing."""
    saves = SqlCallStore.save
    failures = [Rejected("a value that this database does not take")]

    async def save(store: SqlCallStore, steps: object, *, fence: Lease | None = None) -> None:
        if failures:
            raise failures.pop()
        await saves(store, steps, fence=fence)  # type: ignore[arg-type]

    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    monkeypatch.setattr(SqlCallStore, "save", save)
    rest = [*answered(now + 3, "101"), ended(now + 9)]
    with pytest.raises(Rejected):
        await world.emit(*rest)
    await world.emit(*rest)
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert (stored.disposition, stored.talked_seconds) == (Disposition.ANSWERED, 6.0)
    assert [item.key for item in await world.waiting()].count("log_call") == 1
    assert [entry["event"] for entry in await world.storage.calls.timeline(ACME, call())].count("CallEnded") == 1


async def _lease(world: World, holder: str) -> Lease:
    (lease,) = await world.storage.leases.acquire(["pbx"], holder=holder, ttl_seconds=60)
    return lease


def _another_process(world: World) -> CallTracking:
    return CallTracking(world.account, PBX, world.storage.calls, world.clock, [world.cards], asyncio.Event())


async def test_who_was_overtaken_stores_nothing_and_says_so(world: World) -> None:
    now = world.clock.now()
    lease = await _lease(world, "one")
    await world.tracking.begin(lease)
    await world.emit(started(now), offered(now, "101"))
    await world.storage.leases.release([lease])
    other = _another_process(world)
    await other.begin(await _lease(world, "two"))
    assert [c.id for c in other.live_calls] == [call()]
    await other.on_events([*answered(now + 3, "101"), ended(now + 9)])
    for _ in range(2):  # however often the adapter offers it
        with pytest.raises(LeaseLost):
            await world.emit(unanswered(now + 3, "101"), ended(now + 3))
    assert world.tracking.overtaken.is_set()
    await world.tracking.end()
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert stored.disposition is Disposition.ANSWERED
    assert [item.key for item in await world.waiting()].count("log_call") == 1


async def test_steps_that_waited_for_the_database_are_not_written_over_somebody_elses(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock.now()
    lease = await _lease(world, "one")
    await world.tracking.begin(lease)
    await world.emit(started(now), offered(now, "101"))
    with monkeypatch.context() as broken:
        broken.setattr(world.storage.calls, "save", _unavailable)
        await world.emit(unanswered(now + 3, "101"), ended(now + 3))
        with pytest.raises(Unavailable):
            await world.tracking.end()
    await world.storage.leases.release([lease])
    other = _another_process(world)
    between = await _lease(world, "two")
    await other.begin(between)
    await other.on_events([*answered(now + 3, "101"), ended(now + 9)])
    await other.end()
    await world.storage.leases.release([between])
    await world.tracking.begin(await _lease(world, "one"))
    assert world.tracking.unsaved_steps == 0
    stored = await world.storage.calls.get(ACME, call())
    assert stored is not None
    assert stored.disposition is Disposition.ANSWERED


async def _ended_after(world: World, attempt_of: AttemptOf, *, is_over_a_login: bool) -> list[str | None]:
    """A campaign's call that the PBX shows without its client ends. The numbers under which calls are to be logged."""
    tracking = CallTracking(
        world.account, PBX, world.storage.calls, world.clock, [], asyncio.Event(), attempt_of=attempt_of
    )
    await tracking.begin()
    await tracking.on_link(True, "")
    if not is_over_a_login:
        world.clock.advance(1.0)
    now = world.clock.now()
    await tracking.on_events([replace(started(now), direction=Direction.OUTBOUND, caller="", called="s")])
    await tracking.on_events([ended(Timestamp(now + 9))])
    (stored,) = [await world.storage.calls.get(ACME, call())]
    assert stored is not None
    logged = [item for item in await world.waiting() if item.key == "log_call"]
    return [stored.called for _ in logged]


_ATTEMPT = Attempt(
    id=AttemptId("a"), campaign=CampaignId("spring"), entry=EntryId(1), number="+79161234567", line="pbx/1", fence=1,
    mode=Mode.PREDICTIVE, written_at=Timestamp(0.0),
)  # fmt: skip


async def test_a_campaign_s_call_over_a_gap_of_the_link_is_logged_under_its_attempt_s_number(world: World) -> None:
    asked: list[tuple[AccountId, CallId]] = []

    async def attempt_of(account: AccountId, of: CallId) -> Attempt | None:
        asked.append((account, of))
        return _ATTEMPT

    assert await _ended_after(world, attempt_of, is_over_a_login=True) == ["+79161234567"]
    assert asked == [(ACME, call())]


async def test_a_call_that_was_heard_whole_asks_no_journal(world: World) -> None:
    async def attempt_of(account: AccountId, of: CallId) -> Attempt | None:
        raise AssertionError("nobody is asked")

    assert await _ended_after(world, attempt_of, is_over_a_login=False) == []


async def test_while_the_journal_cannot_be_read_a_call_stays_as_it_was_seen(world: World) -> None:
    async def attempt_of(account: AccountId, of: CallId) -> Attempt | None:
        raise Unavailable("the database is away")

    assert await _ended_after(world, attempt_of, is_over_a_login=True) == []


async def _unavailable(*_: object, **__: object) -> None:
    raise Unavailable("the database is away")


async def test_a_process_that_is_overtaken_forgets_everything_though_it_is_cancelled_meanwhile(world: World) -> None:
    now = world.clock.now()
    lease = await _lease(world, "one")
    following = asyncio.create_task(follow_pbx(world.pbx, [world.tracking], lease))
    world.pbx.live = frozenset({call()})
    await world.pbx.emit([started(now), offered(now, "101")])
    await world.storage.leases.release([lease])
    await _lease(world, "two")
    with pytest.raises(LeaseLost):
        await world.pbx.emit([*answered(now + 3, "101")])
    while not following.done():
        following.cancel()
        await asyncio.sleep(0)
    assert (world.tracking.live_calls, world.tracking.is_following, world.pbx.is_connected) == ([], False, False)


async def test_cards_that_another_process_has_shown_go_with_their_calls(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    page = world.page(ANNA)
    cards = cards_of(world.hub, world.storage)
    other = CallTracking(world.account, PBX, world.storage.calls, world.clock, [cards], asyncio.Event())
    await other.begin()
    await other.on_resync(frozenset(), Timestamp(now + 30))
    async with asyncio.timeout(30):
        while (message := await page.messages.get()) is None or message["call"]["state"] != "ended":
            pass  # what was sent before


async def test_any_process_can_say_which_calls_are_going_on(world: World) -> None:
    now = world.clock.now()
    await world.tracking.begin()
    await world.emit(started(now), offered(now, "101"))
    for live in (LiveCalls({ACME: {PBX: world.tracking}}, world.storage.calls), LiveCalls({}, world.storage.calls)):
        assert [c.id for c in await live.of(world.account)] == [call()]
        assert await live.get(world.account, call()) == world.tracking.call(call())
    await world.emit(ended(now + 9))
    for live in (LiveCalls({ACME: {PBX: world.tracking}}, world.storage.calls), LiveCalls({}, world.storage.calls)):
        assert await live.of(world.account) == []
        assert await live.get(world.account, call()) is None


async def test_calls_end_when_the_account_leaves_the_pbx_and_only_todays_are_logged(world: World) -> None:
    """One of days ago stayed live because an older release never ended it: its talk did not last till now."""
    await world.emit(started(world.clock.now()), offered(world.clock.now(), "101"))
    world.clock.advance(3 * 86_400)
    await world.emit(started(world.clock.now(), uniqueid="2.0"))
    await world.tracking.end()
    await world.tracking.leave()
    for uniqueid in ("1.0", "2.0"):
        left = await world.storage.calls.get(ACME, call(uniqueid))
        assert left is not None
        assert (left.is_live, left.end_inferred) == (False, True)
    logs = [item.call for item in await world.waiting() if item.kind is IntentKind.LOG_CALL]
    assert logs == [call("2.0")]
    assert world.tracking.live_calls == []
