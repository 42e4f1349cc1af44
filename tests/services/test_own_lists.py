"""A manager's own list is dialled by the panel alone, over restarts, tabs and processes; nobody is dialled twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, HangupBy, Leg, LegKind, LegResult, Origin, Via
from integration.domain.calls.events import CallEnded
from integration.domain.campaigns.model import AttemptState, Outcome
from integration.domain.campaigns.own_list import ClientState, Phase
from integration.domain.ids import LegId, ManagerId, Timestamp, call_id
from integration.errors import OutcomeUnknown, Unavailable
from integration.ports.own_lists import OWN_LISTS
from integration.ports.records import Watch
from integration.ports.stores import SavedStep
from integration.services.click import Refused
from integration.services.own_lists.desk import Action, Placed
from tests.services.conftest import ACME, ANNA, BORIS, PBX, World, offered, started
from tests.services.own_lists_kit import Panel

PAVEL, RITA = ("+79161110001", "+79161110002"), ("+79161110003",)


FIRST = call_id(PBX, "1.0")


def of_records(world: World, attempt: str, number: str) -> Call:
    """Recovered from the PBX's records, which do not say that a list made it."""
    now, key = world.clock.now(), world.pbx.call_of(attempt)
    client = Leg(
        id=LegId("out"), target=number, kind=LegKind.EXTERNAL, via=Via.DIRECT, offered_at=Timestamp(now - 20),
        answered_at=Timestamp(now - 15), ended_at=Timestamp(now - 5),
    )  # fmt: skip
    return Call(
        id=key, account=ACME, pbx=PBX, native_id=attempt, direction=Direction.OUTBOUND, caller="101", called=number,
        started_at=Timestamp(now - 20), answered_at=client.answered_at, ended_at=client.ended_at, legs=(client,),
        origin=Origin(kind="click"), recovered=True,
    )  # fmt: skip


@pytest.fixture
def panel(world: World) -> Panel:
    return Panel(world)


async def test_the_panel_alone_dials_number_after_number_and_client_after_client(panel: Panel) -> None:
    await panel.starts(PAVEL, RITA)
    assert panel.dialled == ["+79161110001"]
    await panel.hear(*panel.call(1), *panel.end(1, LegResult.BUSY, 17))
    own = await panel.own()
    assert (own.phase, own.clients[0].numbers[0].struck) == (Phase.WAITING, "busy")
    await panel.pass_seconds(2.9)
    assert len(panel.dialled) == 1
    await panel.pass_seconds(0.1)
    assert panel.dialled[1:] == ["+79161110002"]
    await panel.hear(*panel.call(2), *panel.answer(2))
    assert (await panel.own()).phase is Phase.TALKING
    panel.world.clock.advance(60)
    await panel.hear(*panel.end(2))
    own = await panel.own()
    assert (own.clients[0].state, own.clients[0].call) == (ClientState.REACHED, call_id(PBX, "2.0"))
    await panel.pass_seconds(9.9)
    assert len(panel.dialled) == 2
    await panel.pass_seconds(0.1)
    assert panel.dialled[2:] == ["+79161110003"]
    outcomes = [(each.state, each.outcome) for each in (await panel.attempt(1), await panel.attempt(2))]
    assert outcomes == [(AttemptState.ENDED, Outcome.BUSY), (AttemptState.ENDED, Outcome.TALKED)]
    first = await panel.attempt(1)
    assert (first.campaign, first.employee, first.number) == (OWN_LISTS, ANNA, "+79161110001")


async def test_two_tabs_and_two_timers_at_once_dial_once(panel: Panel) -> None:
    await panel.select(PAVEL, RITA)
    await asyncio.gather(*(panel.press(Action.START) for _ in range(4)))
    await asyncio.gather(*(panel.dialler.take(panel.world.account, ANNA) for _ in range(4)))
    assert panel.dialled == ["+79161110001"]


async def test_a_number_on_the_do_not_call_list_is_never_dialled_even_if_it_came_there_a_moment_ago(
    panel: Panel,
) -> None:
    await panel.select(PAVEL, RITA)
    await panel.world.storage.do_not_call.add(ACME, ["+79161110001"], lists_of=[ACME], by="Ольга", why="просил")
    await panel.press(Action.START)
    await panel.pass_seconds(0)
    await panel.pass_seconds(0)
    assert panel.dialled == ["+79161110002"]
    assert (await panel.own()).clients[0].numbers[0].struck == "do_not_call"


async def test_who_must_not_be_called_or_has_no_number_or_is_there_already_is_left_out_and_counted(
    panel: Panel,
) -> None:
    await panel.world.storage.do_not_call.add(ACME, [*RITA], lists_of=[ACME], by="Ольга", why="просил")
    placed = await panel.select(PAVEL, RITA, (), ("8 (916) 111-00-01",))
    assert placed == Placed(added=1, left_out={"do_not_call": 1, "no_number": 1, "twice": 1})


async def test_a_number_that_a_campaign_is_calling_is_waited_for(panel: Panel) -> None:
    await panel.starts(RITA)
    world = panel.world
    boris = await world.storage.own_lists.get(ACME, BORIS)
    assert boris.clients == ()
    await panel.select(RITA, manager=BORIS)
    world.page(BORIS)
    await panel.desk.press(world.account, BORIS, Action.START, None)
    await panel.dialler.take(world.account, BORIS)
    own = await world.storage.own_lists.get(ACME, BORIS)
    assert (own.phase, own.why) == (Phase.WAITING, "number_busy")
    assert panel.dialled == ["+79161110003"]


async def test_without_an_open_page_the_timer_stops_instead_of_ringing_an_empty_room(panel: Panel) -> None:
    await panel.select(RITA)
    await panel.press(Action.START)
    panel.world.hub.leave(panel.page)
    await panel.pass_seconds(0)
    own = await panel.own()
    assert (own.phase, own.why, panel.dialled) == (Phase.HELD, "no_page", [])


async def test_a_manager_whose_phone_rings_is_not_called_for_the_list(panel: Panel) -> None:
    await panel.select(RITA)
    await panel.press(Action.START)
    now = panel.world.clock.now()
    await panel.world.emit(started(now), offered(now, "101"))
    await panel.pass_seconds(0)
    own = await panel.own()
    assert (own.phase, own.why, panel.dialled) == (Phase.WAITING, "already_talking", [])


@pytest.mark.parametrize(("failure", "why"), [(Unavailable("no link"), "pbx_offline")])
async def test_a_pbx_that_is_away_stops_the_list_and_says_so(panel: Panel, failure: Exception, why: str) -> None:
    panel.world.pbx.fail_next = [failure]  # type: ignore[list-item]
    await panel.starts(PAVEL)
    own = await panel.own()
    assert (own.phase, own.why, own.clients[0].next_number) == (Phase.IDLE, why, "+79161110001")
    assert (await panel.attempt(1)).outcome is Outcome.NOT_DIALLED


async def test_a_call_that_nobody_ever_hears_of_stops_the_list(panel: Panel) -> None:
    """The process was killed between the journal and the PBX, or the PBX's answer was lost."""
    panel.world.pbx.fail_next = [OutcomeUnknown("the link was lost")]
    await panel.starts(PAVEL)
    await panel.pass_seconds(19)
    assert (await panel.own()).phase is Phase.CALLING
    await panel.pass_seconds(1)
    own = await panel.own()
    assert (own.phase, own.why, len(panel.dialled)) == (Phase.IDLE, "unconfirmed", len(panel.dialled))
    assert (await panel.attempt(1)).outcome is Outcome.UNKNOWN


async def test_a_call_whose_end_came_while_nobody_listened_is_found_and_the_list_goes_on(panel: Panel) -> None:
    await panel.starts(PAVEL, RITA)
    await panel.hear(*panel.call(1), *panel.answer(1))
    await panel.world.emit(*panel.end(1))
    while not panel.observed.heard.empty():
        panel.observed.heard.get_nowait()  # the process that heard it is gone
    panel.world.clock.advance(61)
    await panel.dialler.take(panel.world.account, ANNA)
    own = await panel.own()
    assert (own.phase, own.clients[0].state) == (Phase.WAITING, ClientState.REACHED)


async def test_what_came_of_a_call_whose_end_nobody_saw_is_asked_of_the_pbxs_records_first(panel: Panel) -> None:
    """The process was killed before the client answered: the list must not call them unclear, and go on too early."""
    await panel.starts(PAVEL, RITA)
    world = panel.world
    world.account.recorded.add(PBX)
    await panel.hear(*panel.call(1))
    noticed = world.clock.now()
    await panel.hear(CallEnded(call=FIRST, at=noticed, hangup_by=HangupBy.SYSTEM, inferred=True))
    await panel.pass_seconds(5)
    assert (await panel.own()).phase is Phase.CALLING

    stored = await world.storage.calls.get(ACME, FIRST)
    assert stored is not None
    legs = tuple(replace(leg, answered_at=noticed) for leg in stored.legs)
    told = replace(stored, legs=legs, answered_at=noticed, ended_at=Timestamp(noticed + 60), end_inferred=False)
    await world.storage.calls.save([SavedStep(call=told)])
    await panel.pass_seconds(5)
    own = await panel.own()
    assert (own.phase, own.clients[0].state) == (Phase.WAITING, ClientState.REACHED)
    assert (await panel.attempt(1)).outcome is Outcome.TALKED


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_call_that_nobody_heard_of_may_be_in_the_pbxs_records(panel: Panel, *, is_there: bool) -> None:
    """The process was killed for the whole call. What the records do not have either is given up."""
    world = panel.world
    world.account.recorded.add(PBX)
    await panel.starts(PAVEL, RITA)
    began = world.clock.now()
    gap = Watch(watched_until=began, unchecked_since=began)
    await world.storage.watches.save(ACME, PBX, gap)
    await panel.pass_seconds(21)
    assert (await panel.own()).phase is Phase.CALLING
    if is_there:
        await world.storage.calls.save([SavedStep(call=of_records(world, "attempt-1", PAVEL[0]))])
    await world.storage.watches.save(ACME, PBX, replace(gap, unchecked_since=None))
    await panel.pass_seconds(5)
    own = await panel.own()
    assert own.why == ("" if is_there else "unconfirmed")
    assert own.clients[0].state is (ClientState.REACHED if is_there else ClientState.WAITING)


async def test_a_long_talk_is_looked_at_and_goes_on(panel: Panel) -> None:
    await panel.starts(PAVEL, RITA)
    await panel.hear(*panel.call(1), *panel.answer(1))
    for _ in range(5):
        await panel.pass_seconds(61)
    assert (await panel.own()).phase is Phase.TALKING
    assert len(panel.dialled) == 1


async def test_stop_while_the_clients_phone_rings_hangs_up(panel: Panel) -> None:
    await panel.starts(PAVEL)
    await panel.hear(*panel.call(1))
    await panel.press(Action.STOP)
    assert panel.world.pbx.hung_up == [call_id(PBX, "1.0")]
    await panel.hear(*panel.end(1, LegResult.CANCELLED))
    own = await panel.own()
    assert (own.phase, own.clients[0].next_number) == (Phase.IDLE, "+79161110001")


async def test_a_press_before_the_pbx_has_reported_the_call_hangs_up_when_it_does(panel: Panel) -> None:
    await panel.starts(PAVEL, RITA)
    await panel.press(Action.SKIP, 1)
    assert panel.world.pbx.hung_up == []
    await panel.hear(*panel.call(1))
    assert panel.world.pbx.hung_up == [call_id(PBX, "1.0")]


async def test_every_page_gets_the_difference_and_can_ask_for_the_whole(panel: Panel) -> None:
    await panel.select(PAVEL, RITA)
    told: list[dict[str, Any]] = []
    await panel.press(Action.START)
    await panel.pass_seconds(0)
    while not panel.page.messages.empty():
        message = panel.page.messages.get_nowait()
        assert message is not None
        if message["type"] == "own_list":
            told.append(message)
    assert [message["base"] for message in told] == [0, 1, 2]
    assert [message["revision"] for message in told] == [1, 2, 3]
    assert [client["key"] for client in told[-1]["clients"]] == [1], "only what has changed"
    whole = await panel.desk.shown(panel.world.account, ANNA)
    assert (whole["base"], whole["order"], whole["phase"], whole["number"]) == (
        None,
        [1, 2],
        "calling",
        "+7 916 111-00-01",
    )


@pytest.mark.parametrize(
    ("action", "key", "code"),
    [
        (Action.SKIP, None, "bad_request"),
        (Action.START, 1, "bad_request"),
    ],
)
async def test_a_press_that_means_nothing_is_refused(panel: Panel, action: Action, key: int | None, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await panel.press(action, key)
    assert caught.value.code == code


async def test_who_has_no_phone_cannot_start(panel: Panel) -> None:
    with pytest.raises(Refused) as caught:
        await panel.desk.press(panel.world.account, ManagerId("999"), Action.START, None)
    assert caught.value.code in ("no_extension", "not_allowed")


async def test_during_a_talk_another_client_is_not_called(panel: Panel) -> None:
    await panel.starts(PAVEL, RITA)
    await panel.hear(*panel.call(1), *panel.answer(1))
    for action, key in ((Action.CALL_NOW, 2), (Action.SKIP, 1), (Action.REMOVE, 1)):
        with pytest.raises(Refused) as caught:
            await panel.press(action, key)
        assert caught.value.code == "own_list_talking"


async def test_a_script_is_kept_without_control_characters(panel: Panel) -> None:
    await panel.desk.keep_script(panel.world.account, ANNA, "Здравствуйте!\r\nМеня зовут Анна\0\u202e")
    assert (await panel.own()).script == "Здравствуйте!\nМеня зовут Анна"
    with pytest.raises(Refused):
        await panel.desk.keep_script(panel.world.account, ANNA, "я" * 5_001)


async def test_while_other_processes_cannot_be_reached_it_is_tried_once_a_second(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_away(*_: object) -> bool:
        raise Unavailable("no answer")

    await panel.select(RITA)
    await panel.press(Action.START)
    monkeypatch.setattr(panel.world.hub, "has_page", is_away)
    panel.wake.clear()
    assert await panel.dialler._look() == 1.0
    await asyncio.gather(*panel.dialler._taking.values())
    assert not panel.wake.is_set()
    assert (await panel.own()).phase is Phase.WAITING
    monkeypatch.undo()
    await panel.pass_seconds(1)
    assert panel.dialled == ["+79161110003"]


async def test_the_timer_of_the_process_itself_dials(panel: Panel) -> None:
    running = asyncio.create_task(panel.dialler.run())
    await panel.select(RITA)
    await panel.press(Action.START)
    async with asyncio.timeout(5):
        while not panel.dialled:  # noqa: ASYNC110 - the fake PBX has no event
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert panel.dialled == ["+79161110003"]
