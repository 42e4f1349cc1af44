"""Clients who are rung first: before employees are free, for two seconds at most, or to hear a message."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from integration.domain.calls.call import LegResult
from integration.domain.calls.received import Received
from integration.domain.campaigns.greeting import Greeting
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import EntryState, Mode, Outcome, Owners
from integration.domain.ids import Extension, ManagerId, Timestamp
from integration.domain.settings import Employee
from integration.errors import Rejected
from integration.ports.campaign_sounds import RecordedSound
from integration.ports.pbx import CampaignCall, FirstLeg
from integration.ports.stores import SavedStep
from tests.services.conftest import ACME, IVAN, World
from tests.services.dialling_scene import PLAN, SPRING, Scene, a_wav, number, scene_of, somebody

TEAM = tuple(str(101 + index) for index in range(5))
AHEAD = replace(PLAN, mode=Mode.PREDICTIVE, employees=TEAM, phones_answer=True, owners=Owners.ANYBODY)


@pytest.fixture
def scene(world: World) -> Scene:
    world.account.settings = replace(
        world.account.settings,
        active_managers=None,
        employees=tuple(Employee(extension=Extension(each), manager=ManagerId(each)) for each in TEAM),
    )
    return scene_of(world)


async def all_asked(scene: Scene, seconds: int = 8) -> list[CampaignCall]:
    """What the PBX is asked for within some seconds: a line takes one call a second."""
    return [each for _ in range(seconds) for each in await scene.step(after=1.0)]


async def test_clients_are_rung_first_and_no_more_than_employees_while_nothing_is_known(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(20)), plan=AHEAD)
    await scene.answered_today(200)
    asked = await all_asked(scene, 5)
    assert len(asked) == 5
    assert {(each.first, each.extension) for each in asked} == {(FirstLeg.CLIENT, "")}
    receptions = {each.reception for each in asked}
    (reception,) = receptions
    assert reception is not None
    assert (reception.wait_seconds, reception.announcement in scene.world.pbx.sounds) == (2, True)
    assert scene.speech.said == [("Извините, сейчас все сотрудники заняты. Мы обязательно вам перезвоним.", "ru")]


async def test_while_the_ledger_bears_no_loss_each_employee_s_phone_rings_first(scene: Scene) -> None:
    """A process that is killed loses the clients who ring: of the first seventy answers two are three percent."""
    await scene.start(*(somebody(each) for each in range(20)), plan=AHEAD)
    early = await all_asked(scene, 3)
    assert [(each.first, each.answers_itself) for each in early] == [(FirstLeg.EMPLOYEE, True)] * 3
    await scene.answered_today(70)
    later = await all_asked(scene, 3)
    assert [each.first for each in later] == [FirstLeg.CLIENT] * 2
    assert await scene.hold() is Hold.RISK, "a third client for the two employees whose phones do not ring"


async def test_nobody_s_phone_rings_first_who_was_given_a_client_a_moment_ago(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(20)), plan=AHEAD)
    await scene.answered_today(40)
    asked = await all_asked(scene, 5)
    assert sorted(each.first for each in asked) == [FirstLeg.CLIENT, *[FirstLeg.EMPLOYEE] * 4]
    (ahead,) = (each for each in asked if each.first is FirstLeg.CLIENT)
    await scene.phones.waiting(ahead)
    await scene.step(after=1.0)
    (given,) = scene.world.pbx.hand_overs
    assert given.extension not in {each.extension for each in asked}
    assert await all_asked(scene, 2) == []


async def test_a_client_who_waits_is_given_to_a_free_employee_at_once(scene: Scene) -> None:
    await scene.start(somebody(0), plan=AHEAD)
    await scene.answered_today(200)
    (asked,) = await all_asked(scene, 1)
    call = await scene.phones.waiting(asked)
    await scene.step(after=0.1)
    (given,) = scene.world.pbx.hand_overs
    assert (given.call, given.answers_itself) == (call, True)
    await scene.step(after=0.2)
    assert len(scene.world.pbx.hand_overs) == 1  # the PBX has not shown the ringing phone yet
    await scene.phones.takes(call, given.extension)
    scene.world.clock.advance(30.0)
    await scene.phones.hang_up(call)
    await scene.step(after=1.0)
    (attempt,) = await scene.attempts()
    assert (attempt.outcome, attempt.employee) == (Outcome.TALKED, given.extension)
    assert {seat.key: seat.state.value for seat in (await scene.now()).seats}[given.extension] == "wrapping"


async def test_two_who_wait_get_two_employees(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(2)), plan=AHEAD)
    await scene.answered_today(200)
    for asked in await all_asked(scene, 3):
        await scene.phones.waiting(asked)
    await scene.step(after=0.1)
    assert len({given.extension for given in scene.world.pbx.hand_overs}) == 2
    assert len({given.call for given in scene.world.pbx.hand_overs}) == 2


async def test_the_responsible_gets_their_own_client_if_free(scene: Scene) -> None:
    await scene.start(somebody(0, responsible=ManagerId("104")), plan=AHEAD, owners=Owners.RESPONSIBLE_FIRST)
    await scene.answered_today(200)
    (asked,) = await all_asked(scene, 1)
    await scene.phones.waiting(asked)
    await scene.step(after=0.1)
    assert [given.extension for given in scene.world.pbx.hand_overs] == ["104"]


async def test_a_client_whom_nobody_takes_is_abandoned_counted_and_called_back_by_a_task(scene: Scene) -> None:
    await scene.start(somebody(4567), plan=AHEAD)  # Ivan's number
    await scene.answered_today(200)
    (asked,) = await all_asked(scene, 1)
    call = await scene.phones.waiting(asked)
    scene.world.clock.advance(2.0)
    await scene.phones.turned_away(call)
    await scene.step(after=1.0)
    assert [each.outcome for each in await scene.attempts()] == [Outcome.ABANDONED]
    world = scene.world
    (figures,) = (await world.storage.dialling.days(ACME, SPRING, since=date(2000, 1, 1))).values()
    assert (figures.live, figures.abandoned) == (201, 1)
    await world.deliver_with_pauses()
    (task,) = world.crm.tasks
    assert task.target == IVAN.ref
    assert task.text.startswith("Перезвонить: клиент ответил на наш звонок и не дождался сотрудника, +79161234567")


@pytest.mark.parametrize("speaks", ["soon", "never", "no records"])
async def test_an_end_that_nobody_saw_has_an_outcome_when_the_pbx_s_records_have_spoken(
    scene: Scene, speaks: str
) -> None:
    """A process was killed while the client's phone rang: only the PBX knows who answered, and what they heard."""
    await scene.start(somebody(0), plan=AHEAD)
    await scene.answered_today(200)
    (asked,) = await all_asked(scene, 1)
    call = await scene.phones.rings_first(asked)
    world = scene.world
    world.account.recorded = {world.pbx.id} if speaks != "no records" else set()
    world.clock.advance(5.0)
    await world.tracking.on_resync(frozenset(), world.clock.now())
    await scene.step(after=1.0)
    outcomes = [each.outcome for each in await scene.attempts()]
    assert outcomes == [Outcome.UNKNOWN if speaks == "no records" else None]
    if speaks == "soon":
        seen = await world.storage.calls.get(ACME, call)
        assert seen is not None
        at = Timestamp(world.clock.now() - 4)
        legs = (replace(seen.legs[0], answered_at=at, result=LegResult.ANSWERED),)
        told = replace(seen, legs=legs, received=Received(turned_away_at=at), end_inferred=False, recovered=True)
        await world.storage.calls.save([SavedStep(call=told, intents=())])
        await scene.step(after=1.0)
        assert [each.outcome for each in await scene.attempts()] == [Outcome.ABANDONED]
    elif speaks == "never":
        await scene.step(after=91.0)
        assert [each.outcome for each in await scene.attempts()] == [Outcome.UNKNOWN]


async def test_while_employees_talk_the_pacing_dials_no_more_than_the_ceiling_allows(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(20)), plan=AHEAD)
    await scene.answered_today(200)
    for asked in await all_asked(scene):
        call = await scene.phones.waiting(asked)
        await scene.step(after=0.1)
        await scene.phones.takes(call, scene.world.pbx.hand_overs[-1].extension)
    assert await all_asked(scene, 3) == []


async def test_when_everybody_has_left_ringing_calls_end_after_fifteen_seconds(scene: Scene) -> None:
    await scene.start(*(somebody(each) for each in range(5)), plan=AHEAD)
    await scene.answered_today(200)
    (asked,) = await all_asked(scene, 1)
    call = await scene.phones.rings_first(asked)
    world = scene.world
    world.account.settings = replace(world.account.settings, enabled=False)
    await scene.step(after=5.0)
    assert world.pbx.hung_up == []
    assert await scene.hold() is Hold.NOBODY_WORKS
    await scene.step(after=11.0)
    assert world.pbx.hung_up == [call]


@pytest.mark.parametrize("why", ["phones", "announcement", "pbx"])
async def test_without_what_it_needs_it_rings_employees_first_and_says_why(scene: Scene, why: str) -> None:
    plan, wanted = AHEAD, Hold.NO_ANNOUNCEMENT
    if why == "phones":
        plan, wanted = replace(plan, phones_answer=False), Hold.PHONES_DO_NOT_ANSWER
    elif why == "announcement":
        scene.speech.error = Rejected("nothing speaks", code="no_voice")
    else:
        scene.world.pbx.abilities = replace(scene.world.pbx.abilities, receives=False)
        wanted = Hold.NO_RECEPTION
    await scene.start(*(somebody(each) for each in range(8)), plan=plan)
    asked = await all_asked(scene)
    assert [each.number for each in asked] == [number(each) for each in range(5)]
    assert {each.first for each in asked} == {FirstLeg.EMPLOYEE}
    assert await scene.hold() is wanted


# ---- voice messages

MESSAGE = Greeting(message="Ваш заказ готов.", hand_over_to="101")
VOICE = replace(PLAN, mode=Mode.VOICE, employees=(), greeting=MESSAGE)


async def test_a_message_is_spoken_before_anybody_is_called_and_played_to_each_client(scene: Scene) -> None:
    await scene.start(somebody(0), somebody(1), plan=VOICE)
    asked = await all_asked(scene, 2)
    assert [each.number for each in asked] == [number(0), number(1)]
    assert "Ваш заказ готов." in [text for text, _ in scene.speech.said]
    reception = asked[0].reception
    assert asked[0].first is FirstLeg.CLIENT
    assert reception is not None
    assert reception.message is not None
    assert reception.message.sound in scene.world.pbx.sounds


async def test_a_recording_is_played_in_place_of_the_text_and_without_it_nobody_is_called(scene: Scene) -> None:
    sound = RecordedSound(id="a" * 24, name="voice.mp3", seconds=1.0, added_at=Timestamp(1.0), added_by="Ольга")
    await scene.start(somebody(0), plan=replace(VOICE, greeting=replace(MESSAGE, message_sound=sound.id)))
    assert await all_asked(scene, 2) == []
    assert await scene.hold() is Hold.NO_MESSAGE
    await scene.world.storage.campaign_sounds.put(ACME, SPRING, sound, a_wav())
    scene.world.clock.advance(60.0)
    (asked,) = await all_asked(scene, 1)
    assert asked.reception is not None
    assert asked.reception.message is not None
    assert scene.world.pbx.sounds[asked.reception.message.sound] == a_wav()
    assert "Ваш заказ готов." not in [text for text, _ in scene.speech.said]


async def test_who_has_heard_the_message_is_reached(scene: Scene) -> None:
    await scene.start(somebody(0), plan=VOICE)
    (asked,) = await all_asked(scene, 1)
    await scene.phones.hears(asked, keys="")
    await scene.step(after=1.0)
    assert [each.outcome for each in await scene.attempts()] == [Outcome.PLAYED]
    assert [each.state for each in await scene.entries()] == [EntryState.REACHED]


async def test_the_key_against_calls_holds_in_every_campaign(scene: Scene) -> None:
    await scene.start(somebody(0), plan=VOICE)
    (asked,) = await all_asked(scene, 1)
    await scene.phones.hears(asked, keys="9")
    await scene.step(after=1.0)
    (listed,) = await scene.world.storage.do_not_call.listing(ACME)
    assert (listed.number, listed.added_by) == (number(0), "Весна")
    assert listed.why == "Клиент нажал 9, чтобы ему не звонили."


async def test_without_its_message_a_voice_campaign_calls_nobody_and_says_why(scene: Scene) -> None:
    scene.speech.error = Rejected("nothing speaks", code="no_voice")
    await scene.start(somebody(0), plan=VOICE)
    assert await all_asked(scene, 2) == []
    assert await scene.hold() is Hold.NO_MESSAGE
    scene.world.pbx.abilities = replace(scene.world.pbx.abilities, receives=False)
    await scene.step(after=1.0)
    assert await scene.hold() is Hold.NO_VOICE
