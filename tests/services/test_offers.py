"""Preview campaigns: an employee is shown the client and decides; only their press dials."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import USUAL_PREVIEW_SECONDS, CampaignState, EntryState, Mode, Outcome
from integration.domain.campaigns.offers import SKIPPED_SECONDS
from integration.domain.campaigns.pauses import CampaignPause
from integration.domain.ids import CampaignId, EntryId, Extension, ManagerId, PbxId
from integration.domain.settings import Employee
from integration.errors import Unavailable
from integration.services.click import Refused
from integration.services.hub import Page
from integration.services.offers import Decided, OfferPress, Offers
from integration.testing import FakePbx
from tests.services.conftest import ACME, ANNA, BORIS, World, offered, started
from tests.services.dialling_scene import SPRING, Scene, number, offers_of, scene_of, somebody
from tests.services.test_dialling import of_the_crm

AUTUMN = CampaignId("autumn")


@pytest.fixture
def scene(world: World) -> Scene:
    return scene_of(world)


async def preview(scene: Scene, *clients: int, campaign: CampaignId = SPRING, **changes: Any) -> None:
    await scene.start(*(somebody(each) for each in clients), campaign=campaign, mode=Mode.PREVIEW, **changes)


def told(page: Page) -> list[dict[str, Any]]:
    """What a page got about clients since it was last asked."""
    found = []
    while not page.messages.empty():
        message = page.messages.get_nowait()
        if message is not None and message["type"] in ("offer", "notice"):
            found.append(message)
    return found


@contextlib.asynccontextmanager
async def listening(*processes: Offers) -> AsyncIterator[None]:
    """Each hears what the others say."""
    tasks = [asyncio.create_task(each.listen()) for each in processes]
    await asyncio.sleep(0)  # they subscribe
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def shown(scene: Scene, manager: ManagerId = ANNA) -> dict[str, Any] | None:
    message = await scene.offers.shown(scene.world.account, manager)
    offer: dict[str, Any] | None = message["offer"]
    return offer


async def press(
    scene: Scene,
    action: Decided,
    manager: ManagerId = ANNA,
    *,
    campaign: CampaignId = SPRING,
    language: str | None = None,
) -> None:
    offer = await shown(scene, manager)
    entry = EntryId(offer["entry"]) if offer is not None else None
    pressed = OfferPress(
        account=ACME, manager=manager, campaign=campaign, action=action, entry=entry, language=language
    )
    await scene.offers.press(scene.world.account, pressed)


def call_of(offer: dict[str, Any], manager: ManagerId = ANNA, **said: str) -> OfferPress:
    """A press of "Call" under a client who was shown."""
    entry = EntryId(offer["entry"])
    return OfferPress(account=ACME, manager=manager, campaign=SPRING, action=Decided.CALL, entry=entry, **said)


# ---- the page is closed


async def test_who_closes_the_page_gives_the_client_back(scene: Scene) -> None:
    """Also with ten minutes for each client; whoever has a page gets them, and the first one misses nobody."""
    anna = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101", "102"), preview_seconds=600)
    await scene.step()
    scene.world.hub.leave(anna)
    await scene.step(after=10.0)
    assert await shown(scene) is not None
    scene.world.page(BORIS)
    for _ in range(5):
        await scene.step(after=10.0)
    assert await shown(scene) is None
    given = await shown(scene, BORIS)
    assert given is not None
    assert given["name"] == "Клиент 0"
    assert (await scene.offers.shown(scene.world.account, ANNA))["missed"] is None


async def test_a_page_that_loads_anew_keeps_its_client(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",), preview_seconds=600)
    await scene.step()
    for _ in range(4):  # the manager goes from card to card in the CRM
        scene.world.hub.leave(page)
        await scene.step(after=15.0)
        page = scene.world.page(ANNA)
        await scene.step(after=10.0)
    assert await shown(scene) is not None


async def test_while_nobody_can_say_who_has_a_page_nobody_loses_a_client(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",), preview_seconds=600)
    await scene.step()

    async def away(_key: str) -> bool:
        raise Unavailable("Redis is away")

    monkeypatch.setattr(scene.world.coordination, "is_marked", away)
    scene.world.hub.leave(page)  # it may be open at another process
    for _ in range(6):
        await scene.step(after=10.0)
    assert await shown(scene) is not None


# ---- shown, and called


async def test_a_client_is_shown_and_nobody_s_phone_rings_before_call_is_pressed(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("101",))
    assert await scene.step() == []
    (message,) = told(page)
    assert message["offer"] == {
        "campaign": SPRING,
        "campaign_name": "Весна",
        "entry": (await scene.entries())[0].id,
        "name": "Клиент 0",
        "number": "+7 916 123-00-00",
        "comment": "",
        "script": "",
        "url": None,
        "until": scene.world.clock.now() + USUAL_PREVIEW_SECONDS,
    }
    assert await scene.step(after=30.0) == []
    assert told(page) == []
    assert await scene.attempts() == []
    assert [each.state for each in await scene.entries()] == [EntryState.OPEN, EntryState.OPEN]
    assert await scene.hold() is Hold.OFFERED

    await press(scene, Decided.CALL)
    (asked,) = await scene.step()
    assert (asked.number, asked.extension) == (number(0), "101")
    (attempt,) = await scene.attempts()
    assert (attempt.mode, attempt.employee) == (Mode.PREVIEW, "101")
    assert [each["offer"] for each in told(page)] == [None]
    call = await scene.phones.talk(asked)
    await scene.step(after=5.0)
    await scene.phones.hang_up(call)
    assert await scene.step(after=1.0) == []
    assert (await scene.attempts())[0].outcome is Outcome.TALKED
    await scene.step(after=21.0)
    assert [each["offer"]["name"] for each in told(page)] == ["Клиент 1"]


async def test_a_link_to_the_pbx_that_is_away_for_a_moment_takes_no_client_off_the_screen(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("101",))
    await scene.step()
    (before,) = told(page)
    scene.world.pbx.is_connected = False
    await scene.step(after=2.0)
    await press(scene, Decided.CALL)
    assert await scene.step() == []
    assert [each.get("code") for each in told(page)] == ["offer_held"]
    scene.world.pbx.is_connected = True
    await scene.step(after=2.0)
    assert await shown(scene) == before["offer"]
    await press(scene, Decided.CALL)
    (asked,) = await scene.step(after=2.0)
    assert asked.extension == "101"


async def test_who_keeps_a_client_while_their_pbx_alone_is_away_is_not_told_that_it_was_taken_back(
    scene: Scene,
) -> None:
    page, account = scene.world.page(ANNA), scene.world.account
    account.pbxs[PbxId("branch")] = FakePbx(id=PbxId("branch"), is_connected=True)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    scene.world.pbx.is_connected = False
    await scene.step(after=2.0)
    await press(scene, Decided.CALL)
    assert await scene.step() == []
    assert [each.get("code", "") for each in told(page)] == ["", "offer_held"]
    assert await shown(scene) is not None


async def test_who_pauses_while_the_pbx_is_away_is_shown_nobody(scene: Scene) -> None:
    page, account = scene.world.page(ANNA), scene.world.account
    await preview(scene, 0, employees=("101",))
    await scene.step()
    scene.world.pbx.is_connected = False
    pause = CampaignPause(since=scene.world.clock.now(), by="Анна")
    account.settings = replace(account.settings, campaign_pauses={"101": pause})
    await scene.step(after=2.0)
    assert [each["offer"] is None for each in told(page)] == [False, True]


async def test_a_client_is_shown_with_the_campaign_s_script_for_as_long_as_it_says(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",), script="Добрый день!\n<b>", preview_seconds=15)
    await scene.step()
    (message,) = told(page)
    assert message["offer"]["script"] == "Добрый день!\n<b>"
    assert message["offer"]["until"] == scene.world.clock.now() + 15
    await scene.step(after=16.0)
    assert [each["missed"] for each in told(page)] == [SPRING]


async def test_one_client_is_shown_to_one_employee(scene: Scene) -> None:
    scene.world.page(ANNA)
    scene.world.page(BORIS)
    await preview(scene, 0)
    await scene.step()
    await scene.step(after=2.0)
    offers = [await shown(scene, ANNA), await shown(scene, BORIS)]
    assert [each is not None for each in offers].count(True) == 1


async def test_each_employee_gets_another_client(scene: Scene) -> None:
    scene.world.page(ANNA)
    scene.world.page(BORIS)
    await preview(scene, 0, 1, 2)
    await scene.step()
    await scene.step(after=2.0)
    first, second = await shown(scene, ANNA), await shown(scene, BORIS)
    assert first is not None
    assert second is not None
    assert {first["name"], second["name"]} == {"Клиент 0", "Клиент 1"}


async def test_what_is_shown_is_read_again_in_one_query_however_much_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.world.page(ANNA)
    scene.world.page(BORIS)
    await preview(scene, 0, 1, 2)
    await scene.step()
    await scene.step(after=2.0)
    entries, read = scene.world.storage.entries, []

    async def counted(*asked: Any) -> Any:
        read.append(len(asked[2]))
        return await several(*asked)

    several = entries.several
    monkeypatch.setattr(entries, "several", counted)
    monkeypatch.setattr(entries, "get", None)
    await scene.step(after=2.0)
    assert read == [2]


async def test_an_employee_with_two_phones_decides_about_one_client(scene: Scene) -> None:
    account = scene.world.account
    second = Employee(extension=Extension("103"), manager=ANNA)
    account.settings = replace(account.settings, employees=(*account.settings.employees, second))
    scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("103", "101"))
    for _ in range(3):
        await scene.step(after=2.0)
    assert [each.employee for each in (await scene.now()).offers] == ["101"]


async def test_two_presses_of_call_dial_once(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("101",))
    await scene.step()
    await press(scene, Decided.CALL)
    await press(scene, Decided.CALL)
    assert len(await scene.step()) == 1
    assert await scene.step(after=2.0) == []
    assert len(await scene.attempts()) == 1


async def test_two_employees_press_call_in_one_second_and_both_are_served(scene: Scene) -> None:
    scene.world.page(ANNA)
    scene.world.page(BORIS)
    await preview(scene, 0, 1)
    await scene.step()
    await scene.step(after=2.0)
    await press(scene, Decided.CALL, ANNA)
    await press(scene, Decided.CALL, BORIS)
    assert len(await scene.step(after=2.0)) == 1  # the carrier takes one a second
    assert len(await scene.step(after=1.1)) == 1


# ---- passed over, and not decided


async def test_a_client_who_is_skipped_comes_again_in_an_hour_and_the_next_is_shown(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("101",))
    await scene.step()
    told(page)
    await press(scene, Decided.SKIP)
    assert await scene.step(after=1.1) == []
    assert [each["offer"]["name"] for each in told(page)] == ["Клиент 1"]
    first = (await scene.entries())[0]
    assert first.state is EntryState.OPEN
    assert first.due_at == scene.world.clock.now() + SKIPPED_SECONDS
    assert await scene.attempts() == []


async def test_who_decides_nothing_is_shown_nobody_until_they_say_that_they_are_there(scene: Scene) -> None:
    page, other = scene.world.page(ANNA), scene.world.page(BORIS)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    await scene.step(after=USUAL_PREVIEW_SECONDS + 1)
    assert [(each["offer"], each["missed"]) for each in told(page)] == [(None, SPRING)]
    assert await scene.hold() is Hold.ALL_PAUSED
    assert [each.why for each in (await scene.now()).seats] == ["offer_missed"]
    assert (await scene.entries())[0].due_at is None
    await scene.step(after=5.0)
    assert told(page) == []
    await press(scene, Decided.READY)
    await scene.step()
    (message,) = told(page)
    assert (message["offer"]["name"], message["missed"]) == ("Клиент 0", None)
    assert told(other) == []


async def test_who_decides_nothing_is_asked_again_after_a_pause_that_grows(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    for pause in (60.0, 300.0):
        await scene.step(after=USUAL_PREVIEW_SECONDS + 1)
        await scene.step(after=pause - 1)
        assert await shown(scene) is None
        await scene.step(after=2.0)
        assert await shown(scene) is not None


async def test_the_client_of_an_employee_who_decides_nothing_is_shown_to_another(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0)
    await scene.step()
    assert await shown(scene, ANNA) is not None
    scene.world.page(BORIS)
    await scene.step(after=USUAL_PREVIEW_SECONDS + 1)
    assert await shown(scene, ANNA) is None
    assert await shown(scene, BORIS) is not None


# ---- nobody who could see it


async def test_without_an_open_page_nobody_is_shown_and_the_campaign_says_so(scene: Scene) -> None:
    await preview(scene, 0)
    await scene.step()
    assert await scene.hold() is Hold.NO_CARD
    assert (await scene.now()).offers == ()
    page = scene.world.page(BORIS)
    await scene.step(after=1.0)
    assert [each["offer"]["name"] for each in told(page)] == ["Клиент 0"]


async def test_a_page_that_is_opened_later_gets_the_client_with_its_snapshot(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    scene.world.hub.leave(page)
    await scene.step(after=1.0)
    again = await shown(scene)
    assert again is not None
    assert again["name"] == "Клиент 0"


# ---- judged again


async def test_a_client_who_came_onto_the_do_not_call_list_is_not_called(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    await press(scene, Decided.CALL)
    await scene.world.storage.do_not_call.add(ACME, [number(0)], lists_of=[ACME], by="Ольга", why="asked")
    assert await scene.step() == []
    assert await scene.attempts() == []
    assert [each["type"] for each in told(page)] == ["notice", "offer"]
    assert await shown(scene) is None


@pytest.mark.parametrize(
    ("language", "told_in"), [("uk", "Роботу з цим"), ("en", "This entry is done"), (None, "Работа с этой")]
)
async def test_a_rule_that_holds_a_call_is_told_in_the_language_of_the_page(
    scene: Scene, language: str | None, told_in: str
) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    await press(scene, Decided.CALL, language=language)
    await scene.world.storage.do_not_call.add(ACME, [number(0)], lists_of=[ACME], by="Ольга", why="asked")
    await scene.step()
    assert told_in in told(page)[0]["text"]


async def test_a_client_whose_card_has_another_number_by_now_is_shown_again_first(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await scene.start(await of_the_crm(scene, 0), mode=Mode.PREVIEW, employees=("101",))
    await scene.step()
    told(page)
    scene.world.clock.advance(20.0)
    await of_the_crm(scene, 1)
    await press(scene, Decided.CALL)
    assert await scene.step() == []
    assert await scene.step(after=1.0) == []
    messages = told(page)
    assert messages[0]["type"] == "notice"
    assert messages[-1]["offer"]["number"] == "+7 916 123-00-01"
    await press(scene, Decided.CALL)
    assert [each.number for each in await scene.step(after=1.0)] == [number(1)]


async def test_a_client_who_calls_us_is_taken_back(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("101",))
    await scene.step()
    told(page)
    await scene.world.emit(started(scene.world.clock.now(), number(0)), offered(scene.world.clock.now(), "102"))
    assert await scene.step(after=2.0) == []
    assert [each["offer"]["name"] for each in told(page)] == ["Клиент 1"]


async def test_an_employee_whose_phone_rings_is_shown_nobody(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    await scene.world.emit(started(scene.world.clock.now()), offered(scene.world.clock.now(), "101"))
    await scene.step(after=1.0)
    assert [each["offer"] for each in told(page)] == [None]
    assert await scene.hold() is Hold.ALL_BUSY


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED])
async def test_a_pause_takes_the_client_away_at_once_and_a_press_dials_nobody(
    scene: Scene, state: CampaignState
) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    offer = await shown(scene)
    assert offer is not None
    await press(scene, Decided.CALL)
    await scene.put(state)
    assert await scene.step() == []
    assert told(page)[-1]["offer"] is None
    with pytest.raises(Refused, match="not shown to you"):
        await scene.offers.press(scene.world.account, call_of(offer))
    assert await scene.step(after=1.0) == []
    assert await scene.attempts() == []


async def test_the_page_is_told_also_if_the_dialler_leaves_the_campaign_first(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    run = scene.run
    await scene.step()
    told(page)
    await scene.put(CampaignState.PAUSED)
    scene.desk.leave(run)
    await run.end()
    assert [each["offer"] for each in told(page)] == [None]


async def test_an_employee_s_pause_takes_the_client_away(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    told(page)
    pause = CampaignPause(by="Анна", since=scene.world.clock.now(), own=True)
    await scene.world.accounts.pause_campaigns(scene.world.account, ["101"], pause)
    await scene.step(after=1.0)
    assert [each["offer"] for each in told(page)] == [None]


async def test_the_page_is_told_when_somebody_has_ended_the_pause(scene: Scene) -> None:
    page, world = scene.world.page(ANNA), scene.world
    await preview(scene, 0, employees=("101",))
    await scene.step()
    pause = CampaignPause(by="Анна", since=world.clock.now(), own=True)
    await world.accounts.pause_campaigns(world.account, ["101"], pause)
    await scene.step(after=1.0)
    assert [(each["offer"] is None, each["paused"]) for each in told(page)] == [(False, False), (True, True)]
    await world.accounts.resume_campaigns(world.account, ["101"])
    await scene.offers.resumed(world.account, ["101"])
    assert [(each["offer"], each["paused"]) for each in told(page)] == [(None, False)]


async def test_a_pause_that_a_supervisor_has_ordered_is_not_the_employee_s_own(scene: Scene) -> None:
    pause = CampaignPause(by="Ольга", since=scene.world.clock.now())
    await scene.world.accounts.pause_campaigns(scene.world.account, ["101"], pause)
    assert (await scene.offers.shown(scene.world.account, ANNA))["paused"] is False


async def test_another_s_client_cannot_be_called(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    offer = await shown(scene)
    assert offer is not None
    with pytest.raises(Refused, match="not shown to you"):
        await scene.offers.press(scene.world.account, call_of(offer, BORIS))
    assert await scene.step() == []


# ---- killed, and several processes


async def test_a_process_that_takes_over_goes_on_with_the_same_client(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, 1, employees=("101",))
    await scene.step()
    before = await shown(scene)
    told(page)
    scene.new_process()
    await scene.take()
    assert await scene.step(after=1.0) == []
    assert [each["offer"] for each in told(page)] == [before]
    await press(scene, Decided.CALL)
    assert [each.number for each in await scene.step(after=1.0)] == [number(0)]


async def test_a_client_of_before_a_long_pause_does_not_come_back_for_the_seconds_that_were_left(scene: Scene) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",), preview_seconds=1800)
    await scene.step()
    await scene.put(CampaignState.PAUSED)
    scene.desk.leave(scene.run)
    await scene.run.end()  # before it has stored that nobody is shown
    scene.world.clock.advance(1797.0)
    await scene.put(CampaignState.RUNNING)
    scene.new_process()
    await scene.take()
    told(page)
    await scene.step()
    (message,) = told(page)
    assert message["offer"]["until"] == scene.world.clock.now() + 1800
    await scene.step(after=5.0)
    assert told(page) == []


async def test_a_press_that_a_killed_process_did_not_carry_out_dials_nobody(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    await press(scene, Decided.CALL)
    scene.new_process()
    await scene.take()
    assert await scene.step(after=1.0) == []
    assert await scene.attempts() == []
    assert await shown(scene) is not None


async def test_two_processes_do_not_show_one_client_twice(scene: Scene) -> None:
    scene.world.page(ANNA)
    scene.world.page(BORIS)
    await preview(scene, 0, employees=("101",))
    one = scene.desk
    scene.new_process()
    await preview(scene, 0, campaign=AUTUMN, employees=("102",))
    other = scene.desk
    for _ in range(5):
        await one.step()
        await other.step()
        scene.world.clock.advance(1.0)
        offers = [await shown(scene, ANNA), await shown(scene, BORIS)]
        assert [each is not None for each in offers].count(True) == 1


async def test_a_press_reaches_the_process_that_dials(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    offer = await shown(scene)
    assert offer is not None
    browsers = offers_of(scene.world, "there")  # a process that has the page and dials nothing
    async with listening(scene.offers, browsers):
        await browsers.press(scene.world.account, call_of(offer, language="uk"))
    assert [press.language for _, press in scene.desk.floor.presses] == ["uk"]
    assert [each.number for each in await scene.step()] == [number(0)]


@pytest.mark.parametrize("said", [None, "pl", "x" * 10_000, 5, ["uk"], {"uk": "uk"}])
async def test_a_press_of_another_release_is_answered_in_the_office_s_language(scene: Scene, said: Any) -> None:
    page = scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    offer = told(page)[0]["offer"]
    message = {"from": "there", "number": "there/1", "account": ACME, "manager": ANNA, "campaign": SPRING,
               "action": "call", "entry": offer["entry"], "language": said}  # fmt: skip
    wrong: list[dict[str, Any]] = [{"entry": float("inf")}, {"entry": []}, {"action": {}}]
    strange = [{**message, **each} for each in wrong]
    came = asyncio.Event()

    def taken(press: OfferPress) -> bool:
        came.set()
        return scene.desk.pressed(press)

    scene.offers.take = taken
    async with listening(scene.offers):
        for each in (*strange, {"taken": None}, message):
            await scene.world.coordination.publish("offers", each)
        await asyncio.wait_for(came.wait(), 10.0)
    await scene.world.storage.do_not_call.add(ACME, [number(0)], lists_of=[ACME], by="Ольга", why="asked")
    await scene.step()
    assert "Работа с этой" in told(page)[0]["text"]


async def test_whoever_presses_while_no_process_dials_is_told_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.services.offers._TAKEN_SECONDS", 0.1)
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",))
    await scene.step()
    offer = await shown(scene)
    assert offer is not None
    died = scene.offers
    died.take = lambda press: False  # its campaign has no process now, and what it has stored is still young
    browsers = offers_of(scene.world, "there")
    async with listening(died, browsers):
        with pytest.raises(Unavailable, match="press again"):
            await browsers.press(scene.world.account, call_of(offer))
    assert await scene.step() == []


async def test_a_campaign_of_another_mode_leaves_alone_who_looks_at_a_client(scene: Scene) -> None:
    scene.world.page(ANNA)
    await preview(scene, 0, employees=("101",), priority=1)
    await scene.step()
    await scene.start(somebody(5), campaign=AUTUMN, employees=("101",))
    assert await scene.step(after=2.0) == []
    assert await scene.hold(AUTUMN) is Hold.ALL_BUSY
