"""An account that is on for chosen managers only: for the others it is as if it were switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.call import Call, Direction, Disposition, Leg, LegKind, Via
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.tracking import Change
from integration.domain.ids import CallId, LegId, Timestamp
from integration.domain.numbers.phone import read_number
from integration.domain.routing.route import Outcome, RouteQuestion, decide
from integration.services.card import card_audience
from integration.services.click import Refused, desk_of
from integration.texts.changes import changed
from tests.services.conftest import ACME, ANNA, BORIS, IVAN, PBX, SOMEBODY, World

NOW = Timestamp(1_760_000_010.0)
NUMBER = "79161234567"


def leg(target: str, *, answered: bool = False) -> Leg:
    made = Leg(id=LegId(target), target=target, kind=LegKind.EXTENSION, via=Via.DIRECT, offered_at=NOW)
    return replace(made, answered_at=NOW) if answered else made


def a_call(*legs: Leg, direction: Direction = Direction.INBOUND, caller: str = NUMBER) -> Call:
    talker = next((each.target for each in legs if each.answered_at is not None), None)
    return Call(
        id=CallId("pbx:1.0"),
        account=ACME,
        pbx=PBX,
        native_id="1.0",
        direction=direction,
        caller=caller,
        called="74950000001" if direction is Direction.INBOUND else NUMBER,
        started_at=Timestamp(NOW - 3),
        answered_at=NOW if talker else None,
        ended_at=NOW,
        disposition=Disposition.ANSWERED if talker else Disposition.MISSED,
        answered_by=talker,
        final_responsible=talker,
        legs=legs,
    )


@pytest.mark.parametrize(
    ("call", "is_written"),
    [
        (a_call(leg("101", answered=True)), True),
        (a_call(leg("102", answered=True)), False),
        (a_call(leg("101"), leg("102", answered=True)), False),
        (a_call(leg("102", answered=True), leg("101", answered=True)), True),
        (a_call(leg("101"), leg("102")), True),
        (a_call(leg("102")), False),
        (a_call(), False),
        (a_call(direction=Direction.OUTBOUND, caller="101"), True),
        (a_call(direction=Direction.OUTBOUND, caller="102"), False),
    ],
    ids=["they talked", "another one talked", "rang at them, another one talked", "both talked", "missed by them",
         "missed by another one", "missed by nobody", "they called", "another one called"],
)  # fmt: skip
async def test_only_their_calls_are_written(world: World, call: Call, is_written: bool) -> None:
    await world.accounts.switch_on_for(world.account, [ANNA], who=SOMEBODY)
    ended = frozenset({Change.ENDED})
    found = follow_up(call, ended, world.account.at(PBX), NOW)
    assert (IntentKind.LOG_CALL in {each.kind for each in found}) is is_written
    await world.accounts.switch_on_for(world.account, None, who=SOMEBODY)
    found = follow_up(call, ended, world.account.at(PBX), NOW)
    assert IntentKind.LOG_CALL in {each.kind for each in found}


async def test_only_they_have_cards(world: World) -> None:
    ringing = replace(a_call(leg("101"), leg("102")), ended_at=None, disposition=None)
    assert set(card_audience(world.account, ringing)) == {ANNA, BORIS}
    await world.accounts.switch_on_for(world.account, [BORIS], who=SOMEBODY)
    assert set(card_audience(world.account, ringing)) == {BORIS}


async def test_only_they_can_call_from_the_crm(world: World) -> None:
    await world.accounts.switch_on_for(world.account, [BORIS], who=SOMEBODY)
    assert desk_of(world.account, BORIS).extension == "102"
    with pytest.raises(Refused) as refused:
        desk_of(world.account, ANNA)
    assert refused.value.code == "integration_disabled"


async def test_only_to_them_calls_are_routed_and_the_reason_is_said(world: World) -> None:
    question = RouteQuestion(did="74950000001", caller=NUMBER)
    number = read_number(NUMBER, world.account.settings.numbering)
    assert number is not None
    assert decide(question, world.account.settings, [IVAN], [], now=world.clock.now()).manager == IVAN.responsible
    await world.accounts.switch_on_for(world.account, [], who=SOMEBODY)
    decided = decide(question, world.account.settings, [IVAN], [], now=world.clock.now())
    assert decided.outcome is Outcome.ROUTE
    assert "off_for_manager" in [each.code for each in decided.reasons]


async def test_it_switches_on_what_was_off_and_can_be_undone(world: World) -> None:
    await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
    made = await world.accounts.switch_on_for(world.account, [ANNA], who=SOMEBODY)
    assert made is not None
    assert changed(made, "ru", {ANNA: "Анна"}) == [
        "Интеграция: выключена → включена",
        "Работает для: все → Анна",
    ]
    await world.accounts.undo(world.account, made.revision, who=SOMEBODY)
    assert (world.account.settings.enabled, world.account.settings.only_for) == (False, None)


async def test_every_process_and_the_next_start_know_it(world: World) -> None:
    await world.accounts.switch_on_for(world.account, [ANNA], who=SOMEBODY)
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.only_for == frozenset({ANNA})
    await world.accounts.take(world.account, replace(stored, only_for=None, enabled=True))
    assert world.account.settings.only_for == frozenset({ANNA}), "a start from the file does not switch it on for all"
