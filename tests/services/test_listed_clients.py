"""The card of a call that a campaign has dialled: the list's name for a client whom the CRM does not know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallStarted
from integration.domain.campaigns.model import Mode
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import CallId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.services.hub import Page
from integration.services.offers import Decided
from tests.services.conftest import ACME, ANNA, IVAN, World
from tests.services.dialling_scene import Scene, number, scene_of, somebody
from tests.services.test_dialling import of_the_crm
from tests.services.test_offers import press


@pytest.fixture
def scene(world: World) -> Scene:
    return scene_of(world)


def shown(page: Page) -> list[dict[str, Any]]:
    """What a page got of calls since it was last asked."""
    found = []
    while not page.messages.empty():
        message = page.messages.get_nowait()
        if message is not None and message["type"] == "call_updated":
            found.append(message["call"])
    return found


async def test_after_call_was_pressed_the_call_s_card_has_the_name_from_the_list(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await scene.start(somebody(0), mode=Mode.PREVIEW, employees=("101",))
    await scene.step()
    await press(scene, Decided.CALL)
    (asked,) = await scene.step()
    await scene.phones.talk(asked)
    cards = shown(page)
    assert [each["person"] for each in cards] == [None] * len(cards)
    assert cards[-1]["listed"] == {"name": "Клиент 0", "campaign": "Весна"}
    again = await scene.world.cards.snapshot(scene.world.account, ANNA, scene.world.tracking.live_calls)
    assert again[0]["listed"] == cards[-1]["listed"]


async def test_of_a_client_whom_the_crm_knows_the_card_has_the_crm_s_name_only(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await scene.start(await of_the_crm(scene, 0), employees=("101",))
    (asked,) = await scene.step()
    await scene.phones.talk(asked)
    card = shown(page)[-1]
    assert (card["person"]["name"], card["listed"]) == ("Клиент", None)


@pytest.mark.parametrize("name", ["+79161230000 - Исходящий звонок", "8 (916) 123-00-00", " "])
async def test_a_client_whom_the_crm_has_under_their_number_has_the_list_s_name(scene: Scene, name: str) -> None:
    page, world = scene.world.page(ANNA), scene.world
    await scene.start(somebody(0), employees=("101",))
    lead = replace(IVAN, ref=EntityRef(EntityKind.LEAD, "227"), name=name, phones=(number(0),))
    await world.storage.phone_book.put_persons(ACME, [lead], numbering=DEFAULT_NUMBERING)
    (asked,) = await scene.step()
    await scene.phones.talk(asked)
    card = shown(page)[-1]
    assert (card["person"]["id"], card["listed"]) == ("227", {"name": "Клиент 0", "campaign": "Весна"})


@pytest.mark.parametrize("name", ["Иван Петров +7 916 123-00-00", "ООО «Ромашка» (8 916 123-00-00)"])
async def test_a_name_in_the_crm_that_has_the_number_behind_it_is_a_name(scene: Scene, name: str) -> None:
    page, world = scene.world.page(ANNA), scene.world
    await scene.start(somebody(0), employees=("101",))
    await world.storage.phone_book.put_persons(
        ACME, [replace(IVAN, name=name, phones=(number(0),))], numbering=DEFAULT_NUMBERING
    )
    (asked,) = await scene.step()
    await scene.phones.talk(asked)
    card = shown(page)[-1]
    assert (card["person"]["name"], card["listed"]) == (name, None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", ""),
        (" \n\t", ""),
        ("Иван\n  Петров\0", "Иван Петров\0"),
        ("\u202eвонавИ\u2066", "вонавИ"),
        ("я" * 10_000, "я" * 200),
        ("я" * 199 + " Иван", "я" * 199),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ],
)
async def test_a_name_from_the_list_fits_a_contact_s(scene: Scene, name: str, said: str) -> None:
    page = scene.world.page(ANNA)
    await scene.start(replace(somebody(0), name=name), employees=("101",))
    (asked,) = await scene.step()
    await scene.phones.talk(asked)
    assert shown(page)[-1]["listed"] == {"name": said, "campaign": "Весна"}


@pytest.mark.parametrize("mode", [Mode.PROGRESSIVE, Mode.PREVIEW])
async def test_the_card_says_what_to_say_also_of_a_client_whom_the_crm_knows(scene: Scene, mode: Mode) -> None:
    page = scene.world.page(ANNA)
    client = replace(await of_the_crm(scene, 0), comment="Просил утром")
    await scene.start(client, mode=mode, employees=("101",), script="Добрый день!\nМеня зовут Анна.")
    dialled = await scene.step()
    if mode is Mode.PREVIEW:
        await press(scene, Decided.CALL)
        dialled = await scene.step()
    (asked,) = dialled
    await scene.phones.talk(asked)
    said = {"name": "Весна", "comment": "Просил утром", "script": "Добрый день!\nМеня зовут Анна."}
    assert shown(page)[-1]["campaign"] == said


async def test_a_call_of_no_campaign_has_nobody_from_a_list(scene: Scene) -> None:
    world, page = scene.world, scene.world.page(ANNA)
    await scene.start(somebody(0), employees=("101",))
    begun = CallStarted(
        call=CallId("office:other"),
        at=world.clock.now(),
        native_id="other",
        direction=Direction.OUTBOUND,
        caller="101",
        called="79161230000",
    )
    await world.tracking.on_events([begun])
    assert [(each["listed"], each["campaign"]) for each in shown(page)] == [(None, None)]
