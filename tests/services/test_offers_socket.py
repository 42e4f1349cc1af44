"""A client of a preview campaign over the widget's WebSocket: shown in the snapshot, decided by a press."""

from __future__ import annotations

from typing import Any

import pytest

from integration.domain.campaigns.model import Mode
from integration.services.click import Refused
from integration.web.widget_offers import offer_press
from tests.services.conftest import ACME, ANNA, BORIS, World
from tests.services.dialling_scene import SPRING, Scene, number, scene_of, somebody
from tests.services.test_widget_socket import Site, said, site

__all__ = ["site"]


@pytest.fixture
def scene(site: Site, world: World) -> Scene:
    found = scene_of(world)
    found.offers = site.offers
    return found


async def heard(socket: Any, kind: str) -> dict[str, Any]:
    """The next message of this kind."""
    while True:
        message = await said(socket)
        if message["type"] == kind:
            return message


async def test_the_snapshot_shows_the_client_and_a_press_calls_them(site: Site, scene: Scene) -> None:
    first, snapshot = await site.page(ANNA)
    assert snapshot["offer"] == {"type": "offer", "offer": None, "missed": None, "paused": False}
    await scene.start(somebody(0), mode=Mode.PREVIEW, employees=("101",))
    await scene.step()
    shown = (await heard(first, "offer"))["offer"]
    second, snapshot = await site.page(ANNA)
    assert snapshot["offer"]["offer"] == shown
    press = {"type": "offer", "campaign": shown["campaign"], "entry": shown["entry"], "id": "p1"}
    await second.send_json({**press, "action": "call", "at": scene.world.clock.now()})
    assert (await heard(second, "received"))["id"] == "p1"
    while not scene.desk.floor.presses:
        await second.send_json({"type": "ping"})
        await heard(second, "pong")
    assert [each.number for each in await scene.step()] == [number(0)]
    for socket in (first, second):
        assert (await heard(socket, "offer"))["offer"] is None


async def test_a_press_that_comes_late_or_from_somebody_else_calls_nobody(site: Site, scene: Scene) -> None:
    anna, _ = await site.page(ANNA)
    boris, _ = await site.page(BORIS)
    await scene.start(somebody(0), mode=Mode.PREVIEW, employees=("101",))
    await scene.step()
    shown = (await heard(anna, "offer"))["offer"]
    press = {"type": "offer", "action": "call", "campaign": shown["campaign"], "entry": shown["entry"]}
    await anna.send_json({**press, "at": scene.world.clock.now() - 5})
    assert (await heard(anna, "notice"))["code"] == "too_late"
    await boris.send_json({**press, "at": scene.world.clock.now()})
    assert (await heard(boris, "notice"))["code"] == "offer_over"
    assert await scene.step(after=1.0) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "dial"}, {"action": None}, {"action": ["call"]}, {"campaign": None}, {"campaign": ""},
        {"campaign": "x" * 101}, {"campaign": {"a": 1}}, {"entry": "1"}, {"entry": True}, {"entry": -1},
        {"entry": 1.5}, {"entry": 2**60}, {"entry": [1]},
    ],
)  # fmt: skip
def test_what_is_no_press_is_refused(wrong: dict[str, Any]) -> None:
    whole = {"action": "call", "campaign": SPRING, "entry": 1}
    offer_press(ACME, ANNA, whole)
    with pytest.raises(Refused, match=r"action|campaign|entry"):
        offer_press(ACME, ANNA, {**whole, **wrong})


@pytest.mark.parametrize(("said", "meant"), [("uk", "uk"), ("de", None), (None, None), (["uk"], None)])
def test_a_page_says_its_language_or_none_of_ours(said: Any, meant: str | None) -> None:
    press = offer_press(ACME, ANNA, {"action": "call", "campaign": SPRING, "entry": 1, "language": said})
    assert press.language == meant


@pytest.mark.parametrize(("action", "entry"), [("call", None), ("skip", None), ("ready", 1)])
async def test_a_button_of_a_client_names_the_client_and_another_one_does_not(
    site: Site, action: str, entry: int | None
) -> None:
    socket, _ = await site.page(ANNA)
    await socket.send_json({"type": "offer", "action": action, "campaign": SPRING, "entry": entry})
    assert (await heard(socket, "notice"))["code"] == "bad_request"
