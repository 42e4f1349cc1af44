"""The dialler: each attempt is written before it is dialled, followed to its outcome, and never made twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from integration.domain.calls.call import Direction, HangupBy, LegResult
from integration.domain.calls.events import CallEnded
from integration.domain.campaigns import own_list
from integration.domain.campaigns.cards import WhyRemoved
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import AttemptState, CampaignState, EntryState, Outcome, Owners
from integration.domain.campaigns.own_list import Client, ListedNumber
from integration.domain.campaigns.pauses import CampaignPause
from integration.domain.campaigns.situation import EmployeeState
from integration.domain.crm.entities import EntityKind, EntityRef, GroupKind, ManagerGroup, Person
from integration.domain.ids import CampaignId, Timestamp
from integration.domain.people.absence import Away
from integration.domain.settings import LineSettings
from integration.errors import OutcomeUnknown, Rejected, Unavailable
from integration.ports.campaigns import NewEntry
from integration.ports.pbx import FirstLeg, PbxEmployee
from integration.ports.records import Watch
from integration.ports.stores import MirrorProgress, SavedStep
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    DID,
    IVAN,
    PBX,
    STRANGER,
    World,
    answered,
    ended,
    offered,
    started,
)
from tests.services.dialling_scene import PLAN, SPRING, Scene, number, scene_of, somebody
from tests.services.portal import outgoing

AUTUMN = CampaignId("autumn")
SECOND_DID = "74950000002"


@pytest.fixture
def scene(world: World) -> Scene:
    return scene_of(world)


# ---- one call for each free employee


async def test_each_free_employee_gets_a_client_and_no_more_are_dialled(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(5)))
    asked = await scene.step()
    await scene.step(after=1.0)
    more = await scene.step(after=1.0)
    assert [each.number for each in asked] == [number(0)]  # the carrier takes one a second
    dialled = scene.world.pbx.dialled
    assert [(each.number, each.extension) for each in dialled] == [(number(0), "101"), (number(1), "102")]
    assert all(each.first is FirstLeg.EMPLOYEE and each.ring_seconds == 25 for each in dialled)
    assert not any(each.answers_itself for each in dialled)
    assert more == []
    assert await scene.hold() is Hold.ALL_BUSY


async def test_a_talk_reaches_the_client_and_the_employee_writes_it_up_before_the_next(scene: Scene) -> None:
    await scene.start(somebody(0), somebody(1), employees=("101",))
    (asked,) = await scene.step()
    call = await scene.phones.talk(asked)
    assert await scene.step(after=30.0) == []
    assert (await scene.now()).talking == 1
    await scene.phones.hang_up(call)
    assert await scene.step(after=1.0) == []
    (attempt,) = await scene.attempts()
    assert (attempt.outcome, attempt.employee, attempt.call) == (Outcome.TALKED, "101", call)
    assert [each.state for each in await scene.entries()] == [EntryState.REACHED, EntryState.OPEN]
    assert [seat.state for seat in (await scene.now()).seats] == [EmployeeState.WRAPPING]
    assert await scene.step(after=15.0) == []
    (following,) = await scene.step(after=5.0)
    assert following.number == number(1)


@pytest.mark.parametrize(
    ("result", "cause", "wanted"),
    [
        (LegResult.BUSY, 17, Outcome.BUSY),
        (LegResult.NOANSWER, 19, Outcome.NO_ANSWER),
        (LegResult.REJECTED, 21, Outcome.REFUSED),
        (LegResult.FAILED, 1, Outcome.NO_SUCH_NUMBER),
    ],
)
async def test_a_client_who_is_not_reached_is_tried_again_later(
    scene: Scene, result: LegResult, cause: int, wanted: Outcome
) -> None:
    await scene.start(somebody(0))
    (asked,) = await scene.step()
    await scene.phones.ends(asked, result, cause)
    assert await scene.step(after=1.0) == []
    (attempt,) = await scene.attempts()
    assert (attempt.outcome, attempt.cause) == (wanted, cause)
    (entry,) = await scene.entries()
    assert entry.state is EntryState.OPEN
    assert entry.due_at is not None
    assert entry.due_at > scene.world.clock.now() + 60
    assert await scene.hold() is Hold.NOT_DUE


async def test_the_next_number_of_the_card_follows(scene: Scene) -> None:
    await scene.start(somebody(0, 1))
    (asked,) = await scene.step()
    await scene.phones.busy(asked)
    await scene.step(after=1.0)
    (following,) = await scene.step(after=3.0)
    assert following.number == number(1)


async def test_a_list_that_is_done_finishes_the_campaign(scene: Scene) -> None:
    await scene.start(somebody(0))
    (asked,) = await scene.step()
    call = await scene.phones.talk(asked)
    scene.world.clock.advance(30.0)
    await scene.phones.hang_up(call)
    await scene.step(after=25.0)
    await scene.step(after=1.0)
    stored = await scene.world.storage.campaigns.get(ACME, SPRING)
    assert stored is not None
    assert (stored.state, stored.state_by) == (CampaignState.FINISHED, "Dozvon")


async def test_a_list_that_was_never_filled_is_not_finished(scene: Scene) -> None:
    await scene.start()
    await scene.step()
    stored = await scene.world.storage.campaigns.get(ACME, SPRING)
    assert stored is not None
    assert stored.state is CampaignState.RUNNING


async def test_a_client_s_phone_rings_for_its_time_and_no_longer(scene: Scene) -> None:
    """With the employee first the PBX's dialplan rings the client, maybe for a minute."""
    await scene.start(somebody(0))
    (asked,) = await scene.step()
    call = await scene.phones.client_rings(asked)
    await scene.step(after=24.0)
    assert scene.world.pbx.hung_up == []
    await scene.step(after=1.5)
    assert scene.world.pbx.hung_up == [call]
    await scene.phones.client_gives_up(call)
    await scene.step(after=0.5)
    assert [each.outcome for each in await scene.attempts()] == [Outcome.NO_ANSWER]


# ---- people stop it


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED])
async def test_nobody_is_dialled_once_a_person_has_stopped_it(scene: Scene, state: CampaignState) -> None:
    await scene.start(*(somebody(each) for each in range(5)))
    await scene.put(state)
    assert await scene.step() == []
    assert await scene.step(after=1.0) == []
    assert await scene.attempts() == []


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED])
async def test_a_phone_that_still_rings_an_employee_stops_so_that_no_client_is_dialled(
    scene: Scene, state: CampaignState
) -> None:
    await scene.start(somebody(0))
    (asked,) = await scene.step()
    call = await scene.phones.employee_rings(asked)
    await scene.put(state)
    await scene.step(after=0.3)
    assert scene.world.pbx.hung_up == [call]
    await scene.step(after=0.3)
    assert scene.world.pbx.hung_up == [call]  # once
    await scene.phones.hang_up(call)
    await scene.step(after=0.3)
    (entry,) = await scene.entries()
    assert entry.state is EntryState.OPEN


@pytest.mark.parametrize(("state", "is_hung_up"), [(CampaignState.PAUSED, False), (CampaignState.STOPPED, True)])
async def test_a_client_s_phone_rings_on_after_a_pause_and_not_after_a_stop(
    scene: Scene, state: CampaignState, *, is_hung_up: bool
) -> None:
    await scene.start(somebody(0))
    (asked,) = await scene.step()
    await scene.phones.client_rings(asked)
    await scene.put(state)
    await scene.step(after=0.3)
    assert bool(scene.world.pbx.hung_up) is is_hung_up


async def test_a_talk_goes_on_when_the_campaign_is_stopped(scene: Scene) -> None:
    await scene.start(somebody(0))
    (asked,) = await scene.step()
    call = await scene.phones.talk(asked)
    await scene.put(CampaignState.STOPPED)
    await scene.step(after=5.0)
    assert scene.world.pbx.hung_up == []
    await scene.phones.hang_up(call)
    await scene.step(after=5.0)
    assert [each.outcome for each in await scene.attempts()] == [Outcome.TALKED]


async def test_a_stop_between_the_journal_and_the_pbx_is_in_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.start(somebody(0))
    journal, write = scene.world.storage.attempts, scene.world.storage.attempts.write

    async def stopped_meanwhile(*given: object, **named: object) -> object:
        refusal = await write(*given, **named)  # type: ignore[arg-type]
        await scene.put(CampaignState.STOPPED)
        return refusal

    monkeypatch.setattr(journal, "write", stopped_meanwhile)
    assert await scene.step() == []
    assert [each.outcome for each in await scene.attempts()] == [Outcome.NOT_DIALLED]
    assert [each.state for each in await scene.entries()] == [EntryState.OPEN]


# ---- employees


async def test_who_talks_in_any_call_gets_no_client(scene: Scene) -> None:
    await scene.world.emit(started(scene.world.clock.now()), offered(scene.world.clock.now(), "101"))
    await scene.world.emit(*answered(scene.world.clock.now(), "101"))
    await scene.start(somebody(0), somebody(1))
    assert [each.extension for each in await scene.step()] == ["102"]
    assert await scene.step(after=1.0) == []


async def test_who_is_away_gets_no_client(scene: Scene) -> None:
    world = scene.world
    await world.accounts.set_away(world.account, ANNA, Away(until=None), now=world.clock.now())
    await scene.start(somebody(0), employees=("101",))
    assert await scene.step() == []
    assert await scene.hold() is Hold.NOBODY_WORKS
    assert [seat.why for seat in (await scene.now()).seats] == ["away"]
    await world.accounts.set_away(world.account, ANNA, None, now=world.clock.now())
    assert len(await scene.step(after=1.0)) == 1


async def test_who_calls_their_own_list_gets_no_client_between_its_calls(scene: Scene) -> None:
    """Their phone is free for ten seconds, and then the next client of their list is called."""
    lists, now = scene.world.storage.own_lists, scene.world.clock.now()
    client = Client(key=0, name="Иван", numbers=(ListedNumber(e164=number(5)),))
    await lists.change(ACME, ANNA, lambda own: own_list.start(own_list.add(own, [client]).own, now), office=ACME)
    await scene.start(somebody(0), employees=("101",))
    assert await scene.step() == []
    assert [seat.why for seat in (await scene.now()).seats] == ["own_list"]
    await lists.change(ACME, ANNA, own_list.stop, office=ACME)
    assert len(await scene.step(after=1.0)) == 1


async def test_a_phone_that_is_not_registered_is_not_rung(scene: Scene) -> None:
    scene.world.pbx.extensions = [
        PbxEmployee(extension="101", is_registered=False),
        PbxEmployee(extension="102", is_registered=True),
    ]
    await scene.start(somebody(0))
    await scene.desk.floor.look_at_phones()
    assert [each.extension for each in await scene.step()] == ["102"]
    assert {seat.key: seat.why for seat in (await scene.now()).seats}["101"] == "not_registered"


async def test_a_phone_that_does_not_answer_rests_and_burns_no_client(scene: Scene) -> None:
    await scene.start(somebody(0), somebody(1), employees=("101",))
    (asked,) = await scene.step()
    await scene.phones.employee_does_not_answer(asked)
    assert await scene.step(after=1.0) == []
    assert [each.outcome for each in await scene.attempts()] == [Outcome.EMPLOYEE_FAILED]
    assert [seat.why for seat in (await scene.now()).seats] == ["phone_failed"]
    assert await scene.step(after=30.0) == []
    (again,) = await scene.step(after=31.0)
    assert again.number == number(0)  # nothing of the client's attempts was used up


async def test_the_members_of_a_group_of_the_crm_work_for_the_campaign(scene: Scene) -> None:
    account = scene.world.account
    groups = next(iter(account.managers.values())).groups
    assert groups == ()
    sales = ManagerGroup(kind=GroupKind.DEPARTMENT, id="7", name="Продажи")
    account.managers[BORIS] = replace(account.managers[BORIS], groups=(sales,))
    await scene.start(somebody(0), employees=(), groups=(sales.key,))
    assert [each.extension for each in await scene.step()] == ["102"]


async def test_a_contact_s_responsible_goes_first(scene: Scene) -> None:
    await scene.start(somebody(0, responsible=BORIS), owners=Owners.RESPONSIBLE_FIRST)
    assert [each.extension for each in await scene.step()] == ["102"]


async def test_with_the_responsible_only_the_others_clients_are_passed_over(scene: Scene) -> None:
    await scene.start(
        somebody(0, responsible=BORIS),
        somebody(1, responsible=ANNA),
        employees=("101",),
        owners=Owners.RESPONSIBLE_ONLY,
    )
    assert [each.number for each in await scene.step()] == [number(1)]


async def test_the_more_important_campaign_gets_the_free_employee(scene: Scene) -> None:
    await scene.start(somebody(0), employees=("101",), priority=1, campaign=AUTUMN)
    await scene.start(somebody(1), employees=("101",), priority=5)
    assert [each.number for each in await scene.step()] == [number(1)]
    assert await scene.step(after=1.0) == []
    assert await scene.hold(AUTUMN) is Hold.ALL_BUSY


async def test_two_processes_never_dial_for_one_employee(scene: Scene) -> None:
    await scene.start(somebody(0), employees=("101",))
    first = scene.desk
    scene.new_process()
    second = scene.desk
    await scene.start(somebody(1), employees=("101",), campaign=AUTUMN)
    await second.floor.look()  # it looks before the first one has dialled
    await first.step()
    refused = await scene.world.storage.attempts.under_way(ACME)
    await second.step()
    assert [each.employee for each in refused] == ["101"]
    assert len(await scene.world.storage.attempts.under_way(ACME)) == 1
    assert len(scene.world.pbx.dialled) == 1


# ---- clients


async def test_a_client_who_is_talking_to_us_is_not_dialled(scene: Scene) -> None:
    now = scene.world.clock.now()
    await scene.world.emit(started(now, caller=number(0).removeprefix("+")), offered(now, "102"))
    await scene.start(somebody(0), employees=("101",))
    assert await scene.step() == []
    assert await scene.hold() is Hold.TALKING_NOW


async def test_a_client_who_has_just_called_is_left_in_peace(scene: Scene) -> None:
    now = scene.world.clock.now()
    await scene.world.emit(
        started(now, caller=number(0).removeprefix("+")),
        CallEnded(call=started(now).call, at=Timestamp(now + 5), hangup_by=HangupBy.CALLER),
    )
    await scene.start(somebody(0))
    assert await scene.step(after=60.0) == []
    assert await scene.hold() is Hold.CALLED_IN
    assert await scene.step(after=60.0) == []
    assert await scene.hold() is Hold.CALLED_IN  # still the reason, though the entry was put off
    assert len(await scene.step(after=3600.0)) == 1


async def test_a_number_set_to_do_not_call_is_not_dialled_from_that_moment(scene: Scene) -> None:
    await scene.start(somebody(0))
    await scene.world.storage.do_not_call.add(ACME, [number(0)], lists_of=[ACME], by="Ольга", why="")
    assert await scene.step() == []
    assert [each.state for each in await scene.entries()] == [EntryState.DO_NOT_CALL]


async def test_outside_the_window_nobody_is_dialled_and_the_opening_is_said(scene: Scene) -> None:
    # The clock stands at 01:13 in Moscow.
    await scene.start(somebody(0), somebody(1), week=("09:00-20:00",) * 7)
    assert await scene.step() == []
    await scene.step(after=1.0)
    assert await scene.hold() is Hold.WINDOW_CLOSED
    assert {each.state for each in await scene.entries()} == {EntryState.OPEN}


# ---- lines


async def test_a_line_that_fails_rests_and_no_client_s_attempt_is_used_up(scene: Scene) -> None:
    await scene.start(somebody(0), somebody(1))
    (asked,) = await scene.step()
    await scene.phones.ends(asked, LegResult.FAILED, 34)
    assert await scene.step(after=1.0) == []
    assert await scene.hold() is Hold.LINES_RESTING
    assert [each.outcome for each in await scene.attempts()] == [Outcome.TRUNK_FAILED]
    assert len(await scene.step(after=31.0)) == 1


async def test_without_a_link_to_the_pbx_nothing_is_dialled(scene: Scene) -> None:
    scene.world.pbx.is_connected = False
    await scene.start(somebody(0))
    assert await scene.step() == []
    assert await scene.hold() is Hold.LINES_DOWN


@pytest.mark.parametrize("error", [Unavailable("no link"), Rejected("refused", code="permission")])
async def test_a_call_that_the_pbx_did_not_take_is_not_counted(scene: Scene, error: Unavailable | Rejected) -> None:
    await scene.start(somebody(0))
    scene.world.pbx.fail_next = [error]
    assert await scene.step() == []
    assert [each.outcome for each in await scene.attempts()] == [Outcome.NOT_DIALLED]
    await scene.step(after=1.0)
    assert await scene.hold() is Hold.LINES_RESTING
    assert len(await scene.step(after=31.0)) == 1


async def test_a_call_without_an_answer_of_the_pbx_is_never_sent_again(scene: Scene) -> None:
    await scene.start(somebody(0))
    scene.world.pbx.fail_next = [OutcomeUnknown("the link broke")]
    await scene.step()
    (attempt,) = await scene.attempts()
    assert attempt.state is AttemptState.SENT
    assert await scene.step(after=60.0) == []
    assert await scene.step(after=30.0) == []
    (attempt,) = await scene.attempts()
    assert attempt.outcome is Outcome.UNKNOWN
    assert scene.world.pbx.dialled == []


@pytest.mark.parametrize(
    ("compared", "is_whole", "waits"), [(5.0, True, False), (5.0, False, True), (-5.0, True, True), (None, True, True)]
)
async def test_an_order_that_went_with_the_link_waits_for_the_pbxs_records(
    scene: Scene, compared: float | None, is_whole: bool, waits: bool
) -> None:
    """`compared`: seconds after the link was back; `is_whole`: nothing of the gap is left. A link that is lost every
    minute kept the employee until it stayed."""
    await scene.start(somebody(0))
    world = scene.world
    world.account.recorded.add(PBX)
    world.pbx.fail_next = [OutcomeUnknown("the link broke")]
    await scene.step()
    world.pbx.is_connected = False
    await scene.step(after=100.0)
    world.pbx.is_connected = True
    await scene.step(after=1.0)
    back = world.clock.now()
    watch = Watch(
        watched_until=back,
        unchecked_since=None if is_whole else back,
        compared_at=None if compared is None else Timestamp(back + compared),
    )
    await world.storage.watches.save(ACME, PBX, watch)
    await scene.step(after=10.0)
    (attempt,) = await scene.attempts()
    assert attempt.outcome is (None if waits else Outcome.UNKNOWN)
    await scene.step(after=60.0)
    assert [each.outcome for each in await scene.attempts()] == [Outcome.UNKNOWN]
    assert world.pbx.dialled == []


async def test_what_came_of_a_call_whose_end_nobody_saw_is_asked_of_the_pbxs_records_first(scene: Scene) -> None:
    """The process was killed before the client answered. Nobody who talked to us meanwhile is called again."""
    await scene.start(somebody(0), somebody(1), employees=("101",), wrap_up_seconds=0)
    world, account = scene.world, scene.world.account
    account.recorded.add(PBX)
    (asked,) = await scene.step()
    call = await scene.phones.client_rings(asked)
    await world.emit(CallEnded(call=call, at=world.clock.now(), hangup_by=HangupBy.SYSTEM, inferred=True))
    noticed = world.clock.now()
    assert await scene.step(after=5.0) == []
    (attempt,) = await scene.attempts()
    assert attempt.state is AttemptState.SENT

    stored = await world.storage.calls.get(ACME, call)
    assert stored is not None
    legs = tuple(replace(leg, answered_at=noticed) for leg in stored.legs)
    told = replace(stored, legs=legs, answered_at=noticed, ended_at=Timestamp(noticed + 60), end_inferred=False)
    await world.storage.calls.save([SavedStep(call=told)])
    await scene.step(after=1.0)
    (attempt, *_) = await scene.attempts()
    assert attempt.outcome is Outcome.TALKED
    assert (await scene.entries())[0].state is EntryState.REACHED


@pytest.mark.parametrize(
    ("compared", "passed", "waits"), [(2.9, 10.0, True), (3.0, 10.0, False), (None, 89.0, True), (None, 90.0, False)]
)
async def test_what_the_records_do_not_say_either_is_unknown_and_nobody_waits_for_ever(
    scene: Scene, compared: float | None, passed: float, waits: bool
) -> None:
    """`compared`: how long after the end was noticed the PBX's records were read."""
    await scene.start(somebody(0), employees=("101",))
    world = scene.world
    world.account.recorded.add(PBX)
    (asked,) = await scene.step()
    call = await scene.phones.client_rings(asked)
    noticed = world.clock.now()
    await world.emit(CallEnded(call=call, at=noticed, hangup_by=HangupBy.SYSTEM, inferred=True))
    if compared is not None:
        watch = Watch(watched_until=noticed, compared_at=Timestamp(noticed + compared))
        await world.storage.watches.save(ACME, PBX, watch)
    await scene.step(after=passed)
    (attempt,) = await scene.attempts()
    assert attempt.outcome is (None if waits else Outcome.UNKNOWN)


def limited(scene: Scene, *lines: str, default: int = 0) -> None:
    """The office's lines take one call at once; calls of no named line `default`."""
    account = scene.world.account
    account.settings = replace(
        account.settings,
        default_line=LineSettings(calls_at_once=default),
        lines={line: LineSettings(calls_at_once=1) for line in lines},
    )


async def test_a_line_takes_no_more_of_campaigns_than_the_office_says(scene: Scene) -> None:
    limited(scene, DID)
    await scene.start(*(somebody(each) for each in range(3)), employees=("101", "102"), lines=(DID,))
    (asked,) = await scene.step()
    assert await scene.step(after=2.0) == []
    reason = (await scene.now()).hold
    assert (reason.code, reason.detail) == (Hold.LINES_BUSY, {"busy": "1", "most": "1"})
    await scene.start(somebody(7), employees=("102",), lines=(DID,), campaign=AUTUMN)
    assert await scene.step(after=2.0) == [], "the limit is the line's, not the campaign's"
    await scene.phones.busy(asked)
    assert len(await scene.step(after=2.0)) == 1


async def test_a_client_who_calls_in_takes_one_of_the_line_s_calls(scene: Scene) -> None:
    limited(scene, DID)
    now = scene.world.clock.now()
    await scene.world.tracking.on_events([started(now, STRANGER)])
    await scene.start(somebody(0), lines=(DID,))
    assert await scene.step() == []
    assert await scene.hold() is Hold.LINES_BUSY
    await scene.world.tracking.on_events([ended(now + 1)])
    assert len(await scene.step(after=2.0)) == 1


async def test_an_employee_who_calls_out_takes_a_call_of_the_only_line(scene: Scene) -> None:
    limited(scene, DID)
    await scene.start(somebody(0), lines=(DID,), employees=("102",))
    await scene.world.tracking.on_events([outgoing(scene.world.clock.now())])
    assert await scene.step() == []
    assert await scene.hold() is Hold.LINES_BUSY
    limited(scene, DID, SECOND_DID)
    assert len(await scene.step(after=2.0)) == 1, "of two lines nobody knows which one the PBX took"


async def test_the_default_line_s_limit_is_for_calls_of_no_named_line(scene: Scene) -> None:
    limited(scene, default=1)
    await scene.start(somebody(0), somebody(1), employees=("101", "102"))
    assert len(await scene.step()) == 1
    assert await scene.step(after=2.0) == []
    assert await scene.hold() is Hold.LINES_BUSY


async def test_while_the_link_is_down_the_records_are_waited_for_however_long_it_takes(scene: Scene) -> None:
    """Killed again and again, a process compares nothing; the time counts from when the link is up."""
    await scene.start(somebody(0), employees=("101",))
    world = scene.world
    world.account.recorded.add(PBX)
    (asked,) = await scene.step()
    call = await scene.phones.client_rings(asked)
    await world.emit(CallEnded(call=call, at=world.clock.now(), hangup_by=HangupBy.SYSTEM, inferred=True))
    world.pbx.is_connected = False
    await scene.step(after=300.0)
    world.pbx.is_connected = True
    await scene.step(after=1.0)
    await scene.step(after=89.0)
    assert [each.outcome for each in await scene.attempts()] == [None]
    await scene.step(after=1.0)
    assert [each.outcome for each in await scene.attempts()] == [Outcome.UNKNOWN]


# ---- pauses of one employee


async def test_who_is_paused_gets_no_call_of_any_campaign_until_somebody_ends_it(scene: Scene) -> None:
    accounts, account = scene.world.accounts, scene.world.account
    pause = CampaignPause(by="Ольга", since=scene.world.clock.now())
    await accounts.pause_campaigns(account, ["101"], pause)
    await scene.start(somebody(0), somebody(1), employees=("101", "102"))
    await scene.start(somebody(2), employees=("101",), campaign=AUTUMN)
    (asked,) = await scene.step()
    assert asked.extension == "102"
    assert await scene.hold(AUTUMN) is Hold.ALL_PAUSED
    seats = {seat.key: (seat.state, seat.why) for seat in (await scene.now()).seats}
    assert seats["101"] == (EmployeeState.PAUSED, "on_pause")
    await accounts.resume_campaigns(account, ["101"])
    (asked,) = await scene.step(after=2.0)
    assert asked.extension == "101"


async def test_a_talk_goes_on_and_no_call_follows_it(scene: Scene) -> None:
    await scene.start(somebody(0), somebody(1), employees=("101",), wrap_up_seconds=0)
    (asked,) = await scene.step()
    call = await scene.phones.talk(asked)
    own = CampaignPause(by="Анна", since=scene.world.clock.now(), own=True)
    await scene.world.accounts.pause_campaigns(scene.world.account, ["101"], own)
    await scene.step(after=1.0)
    assert scene.world.pbx.hung_up == []
    await scene.phones.hang_up(call)
    assert await scene.step(after=30.0) == []
    assert await scene.hold() is Hold.ALL_PAUSED


# ---- what is kept


async def test_pages_are_told_only_of_what_changed(scene: Scene) -> None:
    await scene.start(somebody(0))
    await scene.step()
    await scene.step(after=1.0)
    told = len(scene.told)
    for _ in range(5):
        await scene.step(after=1.0)
    assert len(scene.told) == told


async def test_the_ledger_counts_each_answer_of_a_day_once(scene: Scene) -> None:
    await scene.start(somebody(0), somebody(1))
    (asked,) = await scene.step()
    (second,) = await scene.step(after=1.0)
    await scene.phones.busy(second)
    call = await scene.phones.talk(asked)
    scene.world.clock.advance(30.0)
    await scene.phones.hang_up(call)
    await scene.step(after=1.0)
    await scene.step(after=1.0)
    (figures,) = (await scene.world.storage.dialling.days(ACME, SPRING, since=date(2000, 1, 1))).values()
    assert (figures.dialled, figures.live, figures.abandoned) == (2, 1, 0)


async def test_what_was_learned_is_there_after_a_restart(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(3)), employees=("101",), wrap_up_seconds=0)
    for _ in range(2):
        (asked,) = await scene.step(after=2.0)
        call = await scene.phones.talk(asked)
        scene.world.clock.advance(30.0)
        await scene.phones.hang_up(call)
    await scene.step(after=20.0)
    learned = await scene.world.storage.dialling.learned(ACME, SPRING)
    assert (learned["dials"], learned["answers"]) == (2, 2)


async def test_a_call_is_an_ordinary_one_with_the_campaign_s_name_in_its_record(scene: Scene) -> None:
    await scene.start(somebody(4567))  # Ivan's number
    (asked,) = await scene.step()
    call = await scene.phones.talk(asked)
    stored = await scene.world.storage.calls.get(ACME, call)
    assert stored is not None
    assert (stored.direction, stored.caller) == (Direction.OUTBOUND, "101")
    scene.world.clock.advance(30.0)
    await scene.phones.hang_up(call)
    await scene.world.deliver_with_pauses()
    assert [each.text.partition(",")[0] for each in scene.world.crm.notes[IVAN.ref]] == ["Обзвон: Весна"]


# ---- cards of the CRM that change


PERSON = EntityRef(EntityKind.CONTACT, "77")


async def of_the_crm(scene: Scene, *indexes: int, deleted: bool = False) -> NewEntry:
    """The phone book has this client with these numbers, as the CRM's notices keep it."""
    book, numbering = scene.world.storage.phone_book, scene.world.account.settings.numbering
    client = Person(
        ref=PERSON,
        name="Клиент",
        responsible=None,
        phones=tuple(number(each) for each in indexes),
        updated_at=int(scene.world.clock.now()),
        is_deleted=deleted,
    )
    await book.put_persons(ACME, [client], numbering=numbering)
    return replace(somebody(*(indexes or (0,))), refs=(PERSON,), card=PERSON)


async def the_crm_was_read(scene: Scene) -> None:
    read = MirrorProgress(polled_at=Timestamp(0.0), next_comparison=Timestamp(0.0), unseen_since=None)
    await scene.world.storage.phone_book.save_progress(ACME, read)


async def dialled(scene: Scene) -> list[str]:
    """Whom the next steps dial: an entry that has changed is judged anew in the step after."""
    asked = [*await scene.step(after=1.0), *await scene.step(after=1.0), *await scene.step(after=1.0)]
    return [each.number for each in asked]


async def test_a_client_is_dialled_at_the_numbers_that_the_card_has_today(scene: Scene) -> None:
    await scene.start(await of_the_crm(scene, 0, 1), employees=("101",))
    scene.world.clock.advance(60.0)
    await of_the_crm(scene, 2, 1)
    assert await dialled(scene) == [number(2)]
    (entry,) = await scene.entries()
    assert [each.e164 for each in entry.numbers] == [number(2), number(1)]


async def test_before_a_client_is_given_up_the_card_is_asked_for_another_number(scene: Scene) -> None:
    await scene.start(await of_the_crm(scene, 0), employees=("101",), per_number=2, gap_minutes=0)
    (asked,) = await scene.step()
    await scene.phones.busy(asked)
    await scene.step(after=1.0)
    await of_the_crm(scene, 0, 1)
    stricter = replace(PLAN, employees=("101",), per_number=1, gap_minutes=0)
    assert await scene.world.storage.campaigns.change(ACME, SPRING, stricter, seen=1, by="Ольга") is not None
    asked_again = await scene.step(after=3600.0)
    assert [*(each.number for each in asked_again), *await dialled(scene)] == [number(1)]


async def test_a_client_who_was_deleted_in_the_crm_is_not_dialled_and_the_entry_says_so(scene: Scene) -> None:
    await the_crm_was_read(scene)
    await scene.start(await of_the_crm(scene, 0), somebody(5), employees=("101",))
    await of_the_crm(scene, 0, deleted=True)
    assert await dialled(scene) == [number(5)]
    gone, _ = await scene.entries()
    assert (gone.state, gone.removed_why) == (EntryState.REMOVED, WhyRemoved.CLIENT_DELETED)


async def test_while_the_crm_was_not_read_completely_nobody_counts_as_deleted(scene: Scene) -> None:
    await scene.start(await of_the_crm(scene, 0), employees=("101",))
    await of_the_crm(scene, 0, deleted=True)
    assert await dialled(scene) == [number(0)]


async def test_clients_of_a_file_keep_their_numbers_whatever_the_card_says(scene: Scene) -> None:
    await the_crm_was_read(scene)
    of_a_file = replace(await of_the_crm(scene, 0), card=None)
    await scene.start(of_a_file, employees=("101",))
    await of_the_crm(scene, 1)
    assert await dialled(scene) == [number(0)]


async def test_a_number_of_another_entry_is_dialled_once_and_the_list_goes_on(scene: Scene) -> None:
    await scene.start(somebody(1), await of_the_crm(scene, 0, 1))
    scene.world.clock.advance(60.0)
    await of_the_crm(scene, 1, 0)
    assert await dialled(scene) == [number(1), number(0)]
    assert [[each.e164 for each in entry.numbers] for entry in await scene.entries()] == [[number(1)], [number(0)]]


async def test_a_number_that_is_not_called_is_not_dialled_though_the_card_got_it(scene: Scene) -> None:
    await scene.start(await of_the_crm(scene, 0), employees=("101",))
    await scene.world.storage.do_not_call.add(ACME, [number(1)], lists_of=[ACME], by="Ольга", why="")
    scene.world.clock.advance(60.0)
    await of_the_crm(scene, 1)
    assert await dialled(scene) == []
    assert [each.state for each in await scene.entries()] == [EntryState.DO_NOT_CALL]
