"""Preview campaigns when several things happen at once: a pause in the middle of a step, two processes, presses that
come late or often, and an employee whose phone is somebody else's by now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import USUAL_PREVIEW_SECONDS, CampaignState
from integration.domain.ids import Timestamp
from integration.errors import Rejected, Unavailable
from integration.services.dialling.floor import Floor
from integration.services.offers import Decided
from tests.services.conftest import ACME, ANNA, BORIS, World, offered, started
from tests.services.dialling_scene import SPRING, Scene, number, scene_of
from tests.services.test_offers import AUTUMN, press, preview, shown, told


@pytest.fixture
def scene(world: World) -> Scene:
    return scene_of(world)


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in messages if each["type"] == "notice"]


# ---- a campaign that this process leaves


async def test_a_step_that_ends_after_the_campaign_was_left_keeps_no_client_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    run, clients = scene.run, Floor.clients

    async def left_meanwhile(floor: Floor, entries: Any) -> Any:
        monkeypatch.setattr(Floor, "clients", clients)
        await scene.put(CampaignState.PAUSED)
        scene.desk.leave(run)
        await run.end()
        return await clients(floor, entries)

    monkeypatch.setattr(Floor, "clients", left_meanwhile)
    await scene.step()
    assert scene.desk.floor.offers == {}
    await preview(scene, 5, campaign=AUTUMN, employees=("101",))
    await scene.step(after=31.0)
    offer = await shown(scene)
    assert offer is not None
    assert offer["campaign"] == AUTUMN


async def test_a_press_that_meets_a_pause_is_not_carried_out_when_the_campaign_goes_on(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    run = scene.run
    await scene.step()
    await press(scene, Decided.CALL)
    await scene.put(CampaignState.PAUSED)
    scene.desk.leave(run)
    await run.end()
    scene.world.clock.advance(20.0)
    await scene.put(CampaignState.RUNNING)
    await scene.take()
    assert await scene.step() == []
    assert await scene.attempts() == []


# ---- a process that takes over


async def test_a_client_who_is_withdrawn_by_the_process_that_takes_over_leaves_the_screen(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    await scene.world.storage.do_not_call.add(ACME, [number(0)], lists_of=[ACME], by="Ольга", why="asked")
    scene.new_process()
    await scene.take()
    assert await scene.step(after=1.0) == []
    assert [each["offer"] for each in told(page)] == [None]


async def test_of_two_clients_that_two_processes_show_the_page_has_the_one_that_stands(scene: Scene) -> None:
    """Both have stored theirs before either looked at the other's: the later one is about to be taken back."""
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    doing = await scene.now()
    scene.new_process()
    await preview(scene, 1, campaign=AUTUMN, employees=("101",))
    (stands,), (entry,) = doing.offers, await scene.entries(AUTUMN)
    since = Timestamp(stands.since + 0.1)
    later = replace(stands, campaign=AUTUMN, entry=entry.id, since=since, number=number(1), numbers=(number(1),))
    stored = replace(doing, offers=(later,))
    await scene.world.storage.dialling.put(ACME, AUTUMN, stored, learned=None, lease=scene.lease)
    found = await shown(scene)
    assert found is not None
    assert found["campaign"] == SPRING


# ---- an employee whose phone is another's


async def test_who_has_the_phone_no_more_has_the_client_no_more(scene: Scene) -> None:
    page, other = scene.world.page(ANNA), scene.world.page(BORIS)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    account = scene.world.account
    people = tuple(replace(each, manager=BORIS) for each in account.settings.employees if each.key == "101")
    account.settings = replace(account.settings, employees=people)
    await scene.step(after=1.0)
    assert [each["offer"] for each in told(page)] == [None]
    assert [each["offer"]["name"] for each in told(other)] == ["Клиент 0"]


async def test_who_was_removed_from_the_employees_has_the_client_no_more(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    account = scene.world.account
    people = tuple(each for each in account.settings.employees if each.key != "101")
    account.settings = replace(account.settings, employees=people)
    await scene.step(after=1.0)
    assert [each["offer"] for each in told(page)] == [None]
    assert scene.desk.floor.offers == {}


# ---- presses


async def test_a_thousand_presses_are_one(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    for _ in range(1000):
        await press(scene, Decided.CALL)
    assert len(scene.desk.floor.presses) == 1
    assert len(await scene.step()) == 1


async def test_a_press_that_waited_for_the_database_for_too_long_rings_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    await press(scene, Decided.CALL)

    async def away(floor: Floor) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(Floor, "look", away)
        assert await scene.step(after=1.0) == []
    assert await scene.step(after=40.0) == []
    assert await scene.attempts() == []
    assert texts(told(page)) == ["offer_failed"]
    await press(scene, Decided.CALL)
    assert len(await scene.step(after=1.0)) == 1


async def test_who_pressed_call_is_told_that_the_pbx_did_not_take_it(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    scene.world.pbx.fail_next.append(Rejected("no such line"))
    await press(scene, Decided.CALL)
    await scene.step()
    assert texts(told(page)) == ["offer_failed"]


async def test_a_press_while_the_own_phone_rings_says_nothing_of_the_others(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    scene.world.page(BORIS)
    await preview(scene, 0, 1)
    await scene.step()
    await scene.step(after=2.0)
    told(page)
    await press(scene, Decided.CALL)
    await scene.world.emit(started(scene.world.clock.now()), offered(scene.world.clock.now(), "101"))
    assert await scene.step(after=2.0) == []
    (notice,) = [each for each in told(page) if each["type"] == "notice"]
    assert notice["text"] == "Этого клиента вам больше не показывают."
    assert await scene.hold() is Hold.OFFERED


async def test_who_pressed_call_in_vain_has_not_decided_nothing(scene: Scene) -> None:
    """The carrier refused calls when they did."""
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    scene.desk.floor.line_rests.failed("acme-pbx/", scene.world.clock.now())
    await press(scene, Decided.CALL)
    await scene.step()
    assert texts(told(page)) == ["offer_held"]
    await scene.step(after=USUAL_PREVIEW_SECONDS + 1)
    assert [each.why for each in (await scene.now()).seats] == [""]
    offer = await shown(scene)
    assert offer is not None
    assert offer["name"] == "Клиент 0"


async def test_a_client_whose_campaign_is_on_a_pause_keeps_nobody_from_the_clients_of_another(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    run = scene.run
    await scene.step()
    await scene.put(CampaignState.PAUSED)
    scene.desk.leave(run)
    await run.end()
    await preview(scene, 0, campaign=AUTUMN, employees=("101",))
    await scene.step(after=1.0)
    offer = await shown(scene)
    assert offer is not None
    assert offer["campaign"] == AUTUMN
