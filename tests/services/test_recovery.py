"""Calls during a gap are found in the PBX's own records and logged: all of them, and once."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest_asyncio

from integration.domain.calls.call import (
    Direction,
    Disposition,
    Failure,
    HangupBy,
    Leg,
    LegKind,
    LegResult,
    Origin,
    Via,
)
from integration.domain.calls.events import CallEnded, CallMerged, CallStarted
from integration.domain.ids import LegId, Timestamp
from integration.errors import Unavailable
from integration.ports.records import RecordedCall
from integration.ports.stores import OutboxState
from integration.services.recovery import Outcome, Recovery
from tests.services.conftest import ACME, CLIENT, DID, IVAN, PBX, STRANGER, World, answered_call, call, offered, started
from tests.services.test_delivery import wav


@dataclass
class FakeRecords:
    """Implements `ports.CallRecords`; keeps its requests."""

    calls: list[RecordedCall] = field(default_factory=list)
    asked: list[tuple[float, float]] = field(default_factory=list)
    fail_next: list[Exception] = field(default_factory=list)
    late_seconds: float = 400.0

    async def between(self, since: Timestamp, until: Timestamp) -> AsyncIterator[RecordedCall]:
        self.asked.append((since, until))
        if self.fail_next:
            raise self.fail_next.pop(0)
        for each in self.calls:
            if since <= each.ended_at < until:
                yield each


@dataclass
class Gap:
    """A recovery with a link that tests can cut."""

    world: World
    records: FakeRecords
    is_up: bool = True
    links: int = 1

    def __post_init__(self) -> None:
        self.recovery = self.restarted()

    def restarted(self) -> Recovery:
        world = self.world
        return Recovery(
            world.account,
            PBX,
            self.records,
            calls=world.storage.calls,
            outbox=world.storage.outbox,
            watches=world.storage.watches,
            clock=world.clock,
            is_followed=lambda: self.is_up,
            links=lambda: self.links,
            is_live=lambda call_id: world.tracking.call(call_id) is not None,
            unseen_since=world.tracking.take_unseen_since,
            queued=lambda: None,
        )

    async def watch(self, seconds: float) -> None:
        """Let time pass with a look every second."""
        for _ in range(int(seconds)):
            await self.recovery.look()
            self.world.clock.advance(1.0)
        await self.recovery.look()

    async def lost(self, seconds: float) -> None:
        self.is_up = False
        await self.watch(seconds)
        self.is_up = True
        self.links += 1


@pytest_asyncio.fixture
async def gap(world: World) -> Gap:
    return Gap(world, FakeRecords())


def recorded(ended_at: float, uniqueid: str = "1.0", caller: str = CLIENT, *, answered: bool = True) -> RecordedCall:
    started_at = Timestamp(ended_at - 30)
    answered_at = Timestamp(ended_at - 20) if answered else None
    leg = Leg(
        id=LegId("101"),
        target="101",
        kind=LegKind.EXTENSION,
        via=Via.DIRECT,
        offered_at=started_at,
        answered_at=answered_at,
        ended_at=Timestamp(ended_at),
        result=LegResult.ANSWERED if answered else LegResult.NOANSWER,
    )
    return RecordedCall(
        native_id=uniqueid,
        direction=Direction.INBOUND,
        caller=caller,
        called=DID,
        started_at=started_at,
        answered_at=answered_at,
        ended_at=Timestamp(ended_at),
        disposition=Disposition.ANSWERED if answered else Disposition.MISSED,
        answered_by="101" if answered else None,
        final_responsible="101" if answered else None,
        talked_seconds=20.0 if answered else 0.0,
        legs=(leg,),
        recordings=(f"in-{uniqueid}.wav",) if answered else (),
        hangup_by=HangupBy.CALLER,
    )


async def test_after_a_gap_each_call_is_in_the_journal_and_in_the_crm_once(gap: Gap) -> None:
    world = gap.world
    await gap.watch(20)
    await gap.lost(300)
    at = world.clock.now()
    gap.records.calls = [recorded(at - 200, "1.0"), recorded(at - 100, "2.0", STRANGER, answered=False)]
    await gap.watch(500)
    talked, missed = [await world.storage.calls.get(ACME, call(uniqueid)) for uniqueid in ("1.0", "2.0")]
    assert talked is not None
    assert missed is not None
    assert (talked.recovered, talked.seen_from_start, talked.talked_seconds) == (True, False, 20.0)
    assert (talked.recordings, missed.disposition) == (("in-1.0.wav",), Disposition.MISSED)
    await world.deliver_with_pauses(120)
    assert [world.crm.logged(call(uniqueid)) for uniqueid in ("1.0", "2.0")] == [1, 1]
    (record,) = world.crm.notes[IVAN.ref]
    assert record.text.endswith("восстановлен по журналу АТС")
    gap.recovery = gap.restarted()
    await gap.watch(4000)  # a restart, and the hourly comparison
    assert await world.waiting() == []
    assert len(await world.storage.calls.recent(ACME)) == 2


async def test_a_gap_is_known_after_a_restart(gap: Gap) -> None:
    await gap.watch(25)
    watched_until = gap.world.clock.now()
    gap.world.clock.advance(7200)
    gap.recovery = gap.restarted()
    await gap.watch(2)
    (since, until) = gap.records.asked[0]
    assert watched_until - 80 <= since <= watched_until - 60
    assert until >= watched_until + 7190


async def test_a_gap_that_was_not_compared_is_compared_after_the_next_restart(gap: Gap) -> None:
    await gap.watch(5)
    began = gap.world.clock.now()
    gap.world.clock.advance(600)
    gap.records.fail_next = [Unavailable("the folder is not mounted")] * 10
    gap.recovery = gap.restarted()
    for _ in range(30):
        try:
            await gap.recovery.look()
        except Unavailable:
            gap.world.clock.advance(60)
    stored = await gap.world.storage.watches.load(ACME, PBX)
    assert stored is not None
    assert stored.unchecked_since is not None
    gap.records.asked.clear()
    gap.records.fail_next.clear()
    gap.recovery = gap.restarted()
    await gap.watch(2)
    assert gap.records.asked[0][0] <= began
    await gap.watch(500)
    assert (await gap.world.storage.watches.load(ACME, PBX) or stored).unchecked_since is None


async def test_a_link_that_is_lost_again_and_again_has_only_its_last_minutes_compared(gap: Gap) -> None:
    """A time compared after its records were complete is not compared again."""
    await gap.watch(20)
    began = gap.world.clock.now()
    for _ in range(40):
        await gap.lost(5)
        await gap.watch(65)
    asked = [until - since for since, until in gap.records.asked]
    assert max(asked) < gap.records.late_seconds + 60 + 2 * 75
    late, now = gap.records.late_seconds, gap.world.clock.now()
    for moment in range(int(began), int(now - late - 75), 10):
        # Calls that ended then were compared after their records were complete.
        assert any(since <= moment and until >= moment + late - 3 for since, until in gap.records.asked)


async def test_a_link_lost_and_back_between_two_looks_is_a_gap(gap: Gap) -> None:
    await gap.watch(20)
    assert gap.records.asked == []
    gap.records.calls = [recorded(gap.world.clock.now())]
    gap.links += 1
    await gap.watch(10)
    assert await gap.world.storage.calls.get(ACME, call("1.0")) is not None


async def test_records_that_come_later_are_waited_for(gap: Gap) -> None:
    """cdr.conf may delay them longer than by default."""
    gap.records.late_seconds = 1800.0
    await gap.watch(20)
    await gap.lost(300)
    at = gap.world.clock.now()
    await gap.watch(1700)
    gap.records.calls = [recorded(at - 100)]
    await gap.watch(150)
    assert await gap.world.storage.calls.get(ACME, call("1.0")) is not None
    stored = await gap.world.storage.watches.load(ACME, PBX)
    assert stored is not None
    assert stored.unchecked_since is None


async def test_the_first_start_has_no_gap(gap: Gap) -> None:
    gap.records.calls = [recorded(gap.world.clock.now() - 50)]
    await gap.watch(30)
    assert gap.records.asked == []
    assert await gap.world.storage.watches.load(ACME, PBX) is not None


async def test_calls_of_before_the_account_had_the_pbx_are_not_its_calls(gap: Gap) -> None:
    """Neither at the first start nor at the hourly comparison; those of its own time are."""
    world = gap.world
    gap.records.calls = [recorded(world.clock.now() - 1800, "1.0")]
    await gap.watch(60)
    gap.records.calls.append(recorded(world.clock.now(), "2.0"))
    await gap.watch(4200)
    assert [found.native_id for found in await world.storage.calls.recent(ACME)] == ["2.0"]


async def test_a_gap_of_days_is_compared_in_slices(gap: Gap) -> None:
    await gap.watch(1)
    gap.world.clock.advance(2.5 * 86_400)
    gap.recovery = gap.restarted()
    await gap.watch(2)
    slices = gap.records.asked
    assert len(slices) == 11
    assert all(until - since <= 6 * 3600 for since, until in slices)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(slices))


async def test_what_was_seen_is_left_as_it_was_seen(gap: Gap) -> None:
    world = gap.world
    now = world.clock.now()
    await world.emit(*answered_call(now))
    seen = await world.storage.calls.get(ACME, call())
    await gap.watch(10)
    await gap.lost(100)
    gap.records.calls = [recorded(now + 60, answered=False)]
    await gap.watch(20)
    assert await world.storage.calls.get(ACME, call()) == seen


async def test_a_call_that_goes_on_is_not_touched(gap: Gap) -> None:
    world = gap.world
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    gap.records.calls = [recorded(now - 100)]
    compared = [each async for each in gap.recovery.compare(Timestamp(now - 3600), now)]
    assert compared == []
    assert [c.id for c in world.tracking.live_calls] == [call()]


async def test_an_end_that_was_only_inferred_is_corrected_before_it_is_delivered(gap: Gap) -> None:
    """The client was answered and hung up within the gap; afterwards it looked like a missed call."""
    world = gap.world
    now = world.clock.now()
    await gap.watch(5)
    await world.emit(started(now), offered(now, "101"))
    await gap.lost(60)
    world.pbx.files["in-1.0.wav"] = b""
    await world.tracking.on_resync(frozenset(), world.clock.now())
    before = await world.storage.calls.get(ACME, call())
    assert before is not None
    assert (before.disposition, before.end_inferred) == (Disposition.MISSED, True)
    gap.records.calls = [recorded(now + 40)]
    await gap.watch(3)
    after = await world.storage.calls.get(ACME, call())
    assert after is not None
    assert (after.disposition, after.ended_at, after.end_inferred) == (Disposition.ANSWERED, now + 40, False)
    assert (after.recovered, after.seen_from_start, after.recordings) == (True, True, ("in-1.0.wav",))
    await world.deliver_with_pauses(120)
    (record,) = world.crm.notes[IVAN.ref]
    assert record.call.answered_by == "101"
    assert world.crm.tasks == []  # nobody has to call back
    assert "create_task" in await world.in_state(OutboxState.DONE)


async def test_a_recording_that_the_records_name_after_it_was_looked_for_is_fetched_behind_the_call(gap: Gap) -> None:
    """The comparison came after the fetching had given up, for example because the process was down."""
    world = gap.world
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await world.tracking.on_resync(frozenset(), world.clock.now())
    world.crm.fail_before = [Unavailable("the CRM is away", retry_after_seconds=60.0)]
    await world.deliver(after=60)
    assert await world.in_state(OutboxState.DONE) == ["fetch_recording"]
    world.pbx.files["in-1.0.wav"] = wav()
    gap.records.calls = [recorded(now + 40)]
    assert [each async for each in gap.recovery.compare(Timestamp(now - 60), Timestamp(now + 55))] != []
    await world.deliver_with_pauses(240)
    (record,) = world.crm.notes[IVAN.ref]
    assert record.recording_url is not None
    name = record.recording_url.rpartition("/")[2].removesuffix(".mp3")
    assert await world.storage.recordings.open(name) is not None


async def test_a_call_whose_end_nobody_saw_waits_for_the_comparison_after_the_next_start(gap: Gap) -> None:
    """
    The process was killed between the link's return and the comparison, and restarted late. Once the call was then
    logged as missed and without recording at once, and stayed so.
    """
    world = gap.world
    world.account.recorded.add(PBX)
    await gap.watch(15)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await gap.lost(60)
    await world.tracking.on_resync(frozenset(), world.clock.now())
    gap.recovery = gap.restarted()
    await world.deliver(after=30)
    assert world.crm.logged(call()) == 0
    world.pbx.files["in-1.0.wav"] = wav()
    gap.records.calls = [recorded(now + 40)]
    await gap.watch(8)
    await world.deliver_with_pauses(30)
    (record,) = world.crm.notes[IVAN.ref]
    assert record.call.disposition is Disposition.ANSWERED
    assert record.recording_url is not None


async def test_an_end_that_nobody_told_while_the_link_was_up_is_looked_up_at_once(gap: Gap) -> None:
    """A Hangup was lost, or came before the snapshot: no gap asks for a comparison, and the routine one is far off."""
    world = gap.world
    world.account.recorded.add(PBX)
    await gap.watch(15)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await gap.watch(50)
    world.pbx.files["in-1.0.wav"] = wav()
    gap.records.calls = [recorded(now + 40)]
    at = world.clock.now()
    await world.emit(CallEnded(call=call(), at=at, hangup_by=HangupBy.CALLER, inferred=True))
    await gap.watch(8)
    await world.deliver_with_pauses(30)
    (record,) = world.crm.notes[IVAN.ref]
    assert record.call.disposition is Disposition.ANSWERED
    assert record.recording_url is not None


async def test_a_call_whose_end_nobody_saw_does_not_wait_for_ever(gap: Gap) -> None:
    """The records cannot be read, or the PBX is away again: after 90 s the call is logged with what we know."""
    world = gap.world
    world.account.recorded.add(PBX)
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    await world.tracking.on_resync(frozenset(), world.clock.now())
    await world.deliver_with_pauses(80)
    assert world.crm.logged(call()) == 0
    await world.deliver_with_pauses(40)
    assert world.crm.logged(call()) == 1


async def test_a_call_of_which_only_the_last_words_were_heard_is_logged_from_the_records(gap: Gap) -> None:
    """The link came up just before the end: we knew neither the client nor the direction."""
    world = gap.world
    now = world.clock.now()
    await world.emit(
        CallStarted(
            call=call(), at=now, native_id="1.0", direction=Direction.INTERNAL, caller="", called="",
            seen_from_start=False,
        ),
        CallEnded(call=call(), at=now, hangup_by=HangupBy.SYSTEM),
    )  # fmt: skip
    await world.deliver(after=60)
    assert world.crm.logged(call()) == 0
    gap.records.calls = [recorded(now + 5)]
    for expected in (Outcome.RECOVERED, Outcome.KNOWN):
        found = [each async for each in gap.recovery.compare(Timestamp(now - 60), Timestamp(now + 50))]
        assert [each.outcome for each in found] == [expected]
    await world.deliver_with_pauses(240)
    assert world.crm.logged(call()) == 1
    (record,) = world.crm.notes[IVAN.ref]
    assert (record.call.caller, record.call.answered_by, record.call.recovered) == (CLIENT, "101", True)


async def test_an_inferred_end_that_was_delivered_stays(gap: Gap) -> None:
    world = gap.world
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    world.clock.advance(60)
    await world.tracking.on_resync(frozenset(), world.clock.now())
    await world.deliver_with_pauses(120)
    assert world.crm.logged(call()) == 1
    delivered = await world.storage.calls.get(ACME, call())
    gap.records.calls = [recorded(now + 40)]
    compared = [each async for each in gap.recovery.compare(Timestamp(now - 60), Timestamp(now + 60))]
    assert [each.outcome for each in compared] == [Outcome.KNOWN]
    assert await world.storage.calls.get(ACME, call()) == delivered
    await world.deliver_with_pauses(120)
    assert world.crm.logged(call()) == 1


async def test_a_call_joined_from_two_is_not_logged_twice(gap: Gap) -> None:
    """A part was seen and logged under its id; the records have the whole call under the other id."""
    world = gap.world
    now = world.clock.now()
    await world.emit(*answered_call(now, uniqueid="2.0"))
    await world.deliver_with_pauses(120)
    whole = replace(recorded(now + 60, "1.0"), joined=("2.0",))
    gap.records.calls = [whole]
    assert [each async for each in gap.recovery.compare(Timestamp(now - 60), Timestamp(now + 90))] == []
    assert await world.storage.calls.get(ACME, call("1.0")) is None


async def test_a_part_that_was_joined_when_it_was_seen_is_not_logged_alone(gap: Gap) -> None:
    """In CDR without CEL the consultation is a separate call."""
    world = gap.world
    now = world.clock.now()
    await world.emit(*list(answered_call(now, uniqueid="1.0"))[:-1], started(now + 5, uniqueid="2.0"))
    await world.emit(CallMerged(call=call("2.0"), at=Timestamp(now + 20), into=call("1.0")))
    world.clock.advance(120)
    gap.records.calls = [recorded(now + 60, "2.0")]
    assert [each async for each in gap.recovery.compare(Timestamp(now - 60), Timestamp(now + 90))] == []
    merged = await world.storage.calls.get(ACME, call("2.0"))
    assert merged is not None
    assert merged.merged_into == call("1.0")


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(gap: Gap) -> None:
    world = gap.world
    now = world.clock.now()
    gap.records.calls = [recorded(now - 100)]
    compared = [each async for each in gap.recovery.compare(Timestamp(now - 3600), now, dry_run=True)]
    assert [(each.outcome, each.call.id) for each in compared] == [(Outcome.RECOVERED, call())]
    assert await world.storage.calls.get(ACME, call()) is None
    assert await world.waiting() == []


async def test_two_processes_that_compare_at_once_log_once(gap: Gap) -> None:
    world = gap.world
    now = world.clock.now()
    gap.records.calls = [recorded(now - 100)]
    one, two = gap.restarted().compare(Timestamp(now - 3600), now), gap.restarted().compare(Timestamp(now - 3600), now)
    first, second = await anext(one), await anext(two)
    assert {first.outcome, second.outcome} <= {Outcome.RECOVERED, Outcome.KNOWN}
    await world.deliver_with_pauses(120)
    assert world.crm.logged(call()) == 1


def clicked(ended_at: float, uniqueid: str = "1.0") -> RecordedCall:
    """A click of another program: the employee's phone rang, and nobody took it."""
    leg = Leg(
        id=LegId("101"),
        target="101",
        kind=LegKind.EXTENSION,
        via=Via.CLICK,
        offered_at=Timestamp(ended_at - 30),
        ended_at=Timestamp(ended_at),
        result=LegResult.NOANSWER,
    )
    return RecordedCall(
        native_id=uniqueid,
        direction=Direction.OUTBOUND,
        caller="101",
        called=CLIENT,
        started_at=leg.offered_at,
        ended_at=Timestamp(ended_at),
        disposition=Disposition.FAILED,
        legs=(leg,),
        origin=Origin(kind="click"),
    )


async def test_a_recovered_click_that_never_dialled_the_client_is_in_the_journal_only(gap: Gap) -> None:
    """It was logged as an outgoing call that the client did not answer."""
    world = gap.world
    await gap.watch(20)
    await gap.lost(300)
    gap.records.calls = [clicked(world.clock.now() - 100)]
    await gap.watch(20)
    await world.deliver_with_pauses(120)
    kept = await world.storage.calls.get(ACME, call())
    assert kept is not None
    assert (kept.disposition, kept.failure, kept.recovered) == (Disposition.FAILED, Failure.AGENT_NOANSWER, True)
    assert world.crm.logged(call()) == 0
    assert await world.in_state(OutboxState.DONE) == []


async def test_a_click_whose_end_nobody_saw_is_not_logged_when_the_records_show_that_it_never_dialled(gap: Gap) -> None:
    """Its end was inferred, so its logging was already queued when the records were compared."""
    world = gap.world
    world.account.recorded.add(PBX)
    await gap.watch(15)
    now = world.clock.now()
    began = CallStarted(
        call=call(), at=now, native_id="1.0", direction=Direction.OUTBOUND, caller="101", called=CLIENT,
        origin=Origin(kind="click", request_id="a"),
    )  # fmt: skip
    await world.emit(began, offered(now, "101", via="click"))
    await gap.lost(60)
    await world.tracking.on_resync(frozenset(), world.clock.now())
    assert "log_call" in await world.in_state(OutboxState.WAITING)
    gap.records.calls = [clicked(now + 40)]
    await gap.watch(8)
    await world.deliver_with_pauses(120)
    kept = await world.storage.calls.get(ACME, call())
    assert kept is not None
    assert (kept.disposition, kept.failure) == (Disposition.FAILED, Failure.AGENT_NOANSWER)
    assert kept.origin == Origin(kind="click", request_id="a")
    assert world.crm.logged(call()) == 0
    assert await world.waiting() == []
    assert (await world.storage.outbox.results(ACME, call()))["log_call"] == {"skipped": "client_not_dialled"}
