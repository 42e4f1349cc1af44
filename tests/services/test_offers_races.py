"""Preview campaigns when several things happen at once: a pause in the middle of a step, two processes, presses that
come late or often, and an employee whose phone is somebody else's by now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.campaigns.holds import Hold
from integration.domain.ids import Timestamp
from integration.services.offers import Decided
from tests.services.conftest import ACME, ANNA, BORIS, World, offered, started
from tests.services.dialling_scene import SPRING, Scene, number, scene_of
from tests.services.test_offers import AUTUMN, press, preview, shown, told


@pytest.fixture
def scene(world: World) -> Scene:
    return scene_of(world)


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
