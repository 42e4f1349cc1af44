"""A CRM and a PBX that can do less than those we know: what they lack leads to the next best thing, with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from integration.domain.calls.call import Direction
from integration.domain.calls.events import ClientConnected
from integration.domain.calls.intents import IntentKind
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.crm.entities import EntityKind, Person
from integration.domain.ids import Timestamp
from integration.domain.settings import LineSettings
from integration.errors import OutcomeUnknown
from integration.ports.stores import OutboxState
from integration.services.accounts import Account
from integration.services.click import Refused
from integration.services.phone_book import PhoneBookMirror
from integration.texts.calls import describe
from tests.services.conftest import (
    ACME,
    ANNA,
    IVAN,
    STRANGER,
    World,
    answered,
    answered_call,
    call,
    ended,
    missed_call,
    offered,
    recorded,
    started,
)

POOR = CrmAbilities(
    inbox=False,
    inbox_of_outgoing=False,
    deals=False,
    leads=False,
    tasks=False,
    notes=False,
    popup=False,
    recording_links=False,
    live_calls=False,
    working_day=False,
    webhooks=False,
)
"""A list of contacts with a feed. The fake refuses what it lacks, so a dead letter shows who forgot to ask."""


@pytest.fixture
def poor(world: World) -> World:
    world.crm.abilities = POOR
    return world


async def delivered(world: World, kind: IntentKind, uniqueid: str = "1.0") -> dict[str, Any]:
    """The result of a call's step."""
    await world.deliver_with_pauses(120.0)
    assert await world.in_state(OutboxState.DEAD) == []
    return (await world.storage.outbox.results(ACME, call(uniqueid)))[kind]


def strangers(world: World) -> list[Person]:
    return [person for person in world.crm.persons.values() if person.ref != IVAN.ref]


# ---- no inbox --------------------------------------------------------------------------------------------------------


async def test_without_an_inbox_a_stranger_becomes_a_contact_with_the_call(poor: World) -> None:
    with capture_logs() as logs:
        await poor.emit(*missed_call(poor.clock.now(), STRANGER))
        result = await delivered(poor, IntentKind.LOG_CALL)
    [contact] = strangers(poor)
    assert [record.call.id for record in poor.crm.notes[contact.ref]] == [call()]
    codes = [reason["code"] for reason in result["reasons"]]
    assert codes[:3] == ["caller_unknown", "no_inbox", "contact_created"]
    assert not result["inbox"]
    assert any("no inbox" in line["event"] for line in logs)


async def test_however_often_a_stranger_calls_there_is_one_contact(poor: World) -> None:
    now = poor.clock.now()
    for number in range(4):
        await poor.emit(*missed_call(now + 20 * number, STRANGER, f"{number}.0"))
    await delivered(poor, IntentKind.LOG_CALL, "3.0")
    [contact] = strangers(poor)
    assert len(poor.crm.notes[contact.ref]) == 4


async def test_a_lost_answer_makes_no_second_contact(poor: World) -> None:
    poor.crm.fail_after = [OutcomeUnknown("lost")]
    await poor.emit(*missed_call(poor.clock.now(), STRANGER))
    result = await delivered(poor, IntentKind.LOG_CALL)
    [contact] = strangers(poor)
    assert result["entity"]["id"] == contact.ref.id
    assert "target_inbox" not in [reason["code"] for reason in result["reasons"]]


async def test_digits_by_which_nobody_is_found_again_stay_in_the_journal_with_the_reason(poor: World) -> None:
    with capture_logs() as logs:
        await poor.emit(*missed_call(poor.clock.now(), "5550"))
        result = await delivered(poor, IntentKind.LOG_CALL)
    assert result["skipped"] == "no_inbox"
    assert [reason["code"] for reason in result["reasons"]][:2] == ["caller_bare_digits", "no_inbox"]
    assert strangers(poor) == []
    assert any(line.get("ability") == "inbox" for line in logs)


async def test_an_outgoing_call_in_vain_still_leaves_nothing(poor: World) -> None:
    now = poor.clock.now()
    await poor.emit(replace(started(now, "101"), direction=Direction.OUTBOUND, called=STRANGER), ended(now + 9))
    assert (await delivered(poor, IntentKind.LOG_CALL))["skipped"] == "unknown_number_not_reached"
    assert strangers(poor) == []


async def test_an_inbox_that_takes_outgoing_calls_gets_them(world: World) -> None:
    world.crm.abilities = replace(world.crm.abilities, inbox_of_outgoing=True)
    now = world.clock.now()
    await world.emit(
        replace(started(now, "101"), direction=Direction.OUTBOUND, called=STRANGER),
        ClientConnected(call=call(), at=Timestamp(now + 2), person="101", answered_by=STRANGER),
        ended(now + 9),
    )
    result = await delivered(world, IntentKind.LOG_CALL)
    assert result["entity"]["kind"] == EntityKind.LEAD
    assert strangers(world) == []


async def test_an_outgoing_call_that_made_a_contact_does_not_claim_to_be_in_the_inbox(world: World) -> None:
    now = world.clock.now()
    await world.emit(
        replace(started(now, "101"), direction=Direction.OUTBOUND, called=STRANGER),
        ClientConnected(call=call(), at=Timestamp(now + 2), person="101", answered_by=STRANGER),
        ended(now + 9),
    )
    codes = [reason["code"] for reason in (await delivered(world, IntentKind.LOG_CALL))["reasons"]]
    assert codes[:3] == ["caller_unknown", "no_inbox", "contact_created"]
    assert "target_inbox" not in codes


async def test_who_missed_a_stranger_is_reminded_of_the_contact_that_was_made(world: World) -> None:
    """With an inbox the entry is the work to do. Nobody looks at a new contact by themselves."""
    world.crm.abilities = replace(POOR, tasks=True)
    world.line(LineSettings(missed_task=True))
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    await delivered(world, IntentKind.CREATE_TASK)
    [contact], [task] = strangers(world), world.crm.tasks
    assert task.target == contact.ref


# ---- no tasks, no popup, no links, no webhooks -----------------------------------------------------------------------


async def test_without_tasks_none_is_made(poor: World) -> None:
    poor.line(LineSettings(missed_task=True))
    with capture_logs() as logs:
        await poor.emit(*missed_call(poor.clock.now()))
        assert await delivered(poor, IntentKind.CREATE_TASK) == {"skipped": "no_tasks"}
    assert poor.crm.tasks == []
    assert any(line.get("ability") == "tasks" for line in logs)


async def test_without_a_popup_only_the_card_shows_the_call(poor: World) -> None:
    now = poor.clock.now()
    await poor.emit(started(now), offered(now, "101"))
    poor.clock.advance(0.5)
    await poor.delivery.drain()
    results = await poor.storage.outbox.results(ACME, call())
    assert results["notify_crm:101"] == {"skipped": "no_popup"}
    assert poor.crm.rang == []


async def test_where_a_record_plays_no_address_it_stands_in_the_text(poor: World) -> None:
    poor.pbx.files["in.wav"] = _wav()
    await poor.emit(*answered_call(poor.clock.now()))
    await delivered(poor, IntentKind.LOG_CALL)
    [record] = poor.crm.notes[IVAN.ref]
    assert record.recording_url is None
    assert "запись: https://calls.test/r/" in record.text
    assert record.text.endswith(".mp3")


async def test_without_a_recording_the_text_says_nothing_of_it(poor: World) -> None:
    await poor.emit(*missed_call(poor.clock.now()))
    await delivered(poor, IntentKind.LOG_CALL)
    [record] = poor.crm.notes[IVAN.ref]
    assert record.text == describe(record.call, poor.account.settings, "ru")


async def test_without_webhooks_nobody_subscribes_and_changes_are_asked_for(poor: World) -> None:
    async def ensure(_: Account) -> bool:
        raise AssertionError("this CRM has none")

    mirror = PhoneBookMirror(poor.storage.phone_book, poor.clock, ensure)
    await mirror.bring_up_to_date(poor.account)
    assert not mirror.state(ACME).has_webhooks
    assert await poor.storage.phone_book.get(ACME, IVAN.ref) is not None


# ---- a poorer PBX ----------------------------------------------------------------------------------------------------


async def test_a_pbx_that_cannot_dial_refuses_a_click_at_once(world: World) -> None:
    world.pbx.abilities = replace(world.pbx.abilities, dial=False)
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="79161234567", request="a-request")
    assert caught.value.code == "pbx_cannot_dial"
    assert world.pbx.clicks == []


@pytest.mark.parametrize(
    ("missing", "while_ringing", "while_talking"),
    [({}, True, True), ({"decline": False}, False, True), ({"hang_up": False}, True, False)],
)
async def test_the_card_has_no_button_for_what_the_pbx_cannot(
    world: World, missing: dict[str, bool], while_ringing: bool, while_talking: bool
) -> None:
    world.pbx.abilities = replace(world.pbx.abilities, **missing)
    now = world.clock.now()

    async def has_button() -> bool:
        live = world.tracking.live_calls
        [card] = await world.cards.snapshot(world.account, ANNA, live)
        return bool(card["can_hang_up"])

    await world.emit(started(now), offered(now, "101"))
    assert await has_button() is while_ringing
    await world.emit(*answered(now + 3, "101"))
    assert await has_button() is while_talking


async def test_a_pbx_without_recordings_holds_up_no_call(world: World) -> None:
    world.pbx.abilities = replace(world.pbx.abilities, recordings=False)
    now = world.clock.now()
    await world.emit(started(now), recorded(now), offered(now, "101"), *answered(now + 3, "101"), ended(now + 60))
    await world.deliver()  # a file that may still appear would be waited for
    results = await world.storage.outbox.results(ACME, call())
    assert "no recordings" in results[IntentKind.FETCH_RECORDING]["missing"]
    assert "id" in results[IntentKind.LOG_CALL]


def _wav() -> bytes:
    import io
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\1" * 8000)
    return file.getvalue()
