"""A manager's request in the CRM's page is executed once, or refused with a code that the widget translates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.domain.calls.call import Direction, Origin, Via
from integration.domain.calls.events import CallStarted
from integration.domain.crm.entities import Manager
from integration.domain.ids import Extension, ManagerId, PbxId
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.settings import ClickRules, Employee
from integration.errors import AuthFailed, DozvonError, NotFound, OutcomeUnknown, Rejected, Unavailable, Unpaid
from integration.services.click import Refused, number_to_dial
from integration.testing import FakePbx
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    STRANGER,
    World,
    answered,
    call,
    ended,
    offered,
    started,
    unanswered,
)

CLICK = "7f3c1d52-0000-4000-8000-000000000001"


async def test_the_managers_phone_rings_for_the_number_in_the_form_that_is_dialled(world: World) -> None:
    await world.clicks.call(world.account, ANNA, number="8 (916) 123-45-67", request=CLICK)
    [click] = world.pbx.clicks
    assert (click.extension, click.number, click.request_id) == ("101", "+79161234567", CLICK)


async def test_the_same_click_again_dials_nothing(world: World) -> None:
    for _ in range(2):
        assert await world.clicks.call(world.account, ANNA, number="89161234567", request=CLICK) == CLICK
    assert len(world.pbx.clicks) == 1


@pytest.mark.parametrize(
    ("number", "request_id", "code"),
    [
        ("", CLICK, "bad_number"),
        ("hello", CLICK, "bad_number"),
        ("9" * 100, CLICK, "bad_number"),
        ("89161234567", "x", "bad_request"),
        ("89161234567", "../../etc", "bad_request"),
    ],
)
async def test_hostile_input(world: World, number: str, request_id: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number=number, request=request_id)
    assert caught.value.code == code
    assert world.pbx.clicks == []


async def test_only_digits_of_a_number_are_dialled(world: World) -> None:
    await world.clicks.call(world.account, ANNA, number="+79161234567\r\nAction: Hangup", request=CLICK)
    assert world.pbx.clicks[0].number == "+79161234567"


async def test_digits_with_words_between_are_no_number(world: World) -> None:
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="+7916\r\nAction: 1234567", request=CLICK)
    assert caught.value.code == "bad_number"
    assert world.pbx.clicks == []


async def test_a_double_click_is_told(world: World) -> None:
    await world.clicks.call(world.account, ANNA, number="89161234567", request=CLICK)
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="+79161234567", request=CLICK + "9")
    assert caught.value.code == "busy_double_click"


@pytest.mark.parametrize(
    ("failure", "code"),
    [(Unavailable("no link"), "pbx_offline"), (Rejected("no such endpoint"), "phone_unreachable")],
)
async def test_a_pbx_that_cannot(world: World, failure: DozvonError, code: str) -> None:
    world.pbx.fail_next = [failure]
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="89161234567", request=CLICK)
    assert caught.value.code == code


async def test_an_answer_that_was_lost_is_no_failure(world: World) -> None:
    world.pbx.fail_next = [OutcomeUnknown("the link was lost")]
    assert await world.clicks.call(world.account, ANNA, number="89161234567", request=CLICK) == CLICK


async def test_who_has_no_extension_or_is_not_active_cannot_call(world: World) -> None:
    world.crm.all_managers = [Manager(id=ManagerId("999"), name="Новый"), Manager(id=BORIS, name="Борис")]
    await world.accounts.refresh_managers(world.account)
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ManagerId("999"), number="89161234567", request=CLICK)
    assert caught.value.code == "no_extension"
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="89161234567", request=CLICK)
    assert caught.value.code == "not_allowed"


async def test_a_contact_is_made_from_the_calls_own_number(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    person, created = await world.creations.create_contact(world.account, ANNA, call_id=call(), name="  Пётр \n Новый ")
    assert (person.name, person.phones, person.responsible, created) == ("Пётр Новый", ("+79990001122",), ANNA, True)
    assert [p.name for p in await world.storage.phone_book.lookup(ACME, "9990001122")] == ["Пётр Новый"]


async def test_a_contact_of_somebody_whom_the_crm_refuses_is_the_default_persons(world: World) -> None:
    now = world.clock.now()
    world.account.settings = replace(world.account.settings, default_responsible=BORIS)
    world.crm.refuses = {ANNA}
    await world.emit(started(now, STRANGER), offered(now, "101"))
    person, created = await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Пётр")
    assert (person.responsible, created) == (BORIS, True)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (AuthFailed("withdrawn"), "crm_reauth"),
        (Unpaid("402"), "crm_unpaid"),
        (Unavailable("silence"), "crm_offline"),
        (Rejected("no"), "not_allowed"),
    ],
)
async def test_why_no_contact_can_be_made_is_told_apart(world: World, failure: DozvonError, code: str) -> None:
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    world.crm.fail_before = [failure]
    with pytest.raises(Refused) as caught:
        await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Пётр")
    assert caught.value.code == code


async def test_a_number_that_somebody_saved_meanwhile_gets_no_second_contact(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"))
    person, created = await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Иван")
    assert (person.ref.id, created) == ("55", False)


async def test_a_lost_answer_of_the_crm_makes_no_second_contact(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    world.crm.fail_after = [OutcomeUnknown("timeout")]
    await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Пётр")
    assert sum("+79990001122" in p.phones for p in world.crm.persons.values()) == 1


@pytest.mark.parametrize(("manager", "name", "code"), [(BORIS, "Пётр", "call_unknown"), (ANNA, " ", "bad_request")])
async def test_only_who_was_rung_may_and_a_name_is_needed(
    world: World, manager: ManagerId, name: str, code: str
) -> None:
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    with pytest.raises(Refused) as caught:
        await world.creations.create_contact(world.account, manager, call_id=call(), name=name)
    assert caught.value.code == code


async def test_while_it_rings_only_ones_own_phone_is_declined(world: World) -> None:
    """The client's call continues on the phones of colleagues."""
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"))
    await world.presses.hang_up(world.account, ANNA, call())
    assert (world.pbx.rejected, world.pbx.hung_up) == ([(call(), "101")], [])
    world.pbx.fail_next = [NotFound("it rings no more")]
    with pytest.raises(Refused) as caught:
        await world.presses.hang_up(world.account, BORIS, call())
    assert caught.value.code == "not_ringing"


async def test_a_colleagues_talk_is_not_ended_by_who_was_rung_too(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), offered(now, "102"), *answered(now + 3, "102"))
    await world.emit(unanswered(now + 3, "101"))
    with pytest.raises(Refused) as caught:
        await world.presses.hang_up(world.account, ANNA, call())
    assert caught.value.code == "call_unknown"
    assert (world.pbx.rejected, world.pbx.hung_up) == ([], [])


async def test_declining_does_not_end_a_talk_that_began_at_that_moment(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), *answered(now + 3, "101"))
    with pytest.raises(Refused) as caught:
        await world.presses.hang_up(world.account, ANNA, call(), only_ringing=True)
    assert caught.value.code == "already_answered"
    await world.presses.hang_up(world.account, ANNA, call())
    assert world.pbx.hung_up == [call()]


async def test_hanging_up_is_for_ones_own_live_call(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now), offered(now, "101"), *answered(now + 3, "101"))
    await world.presses.hang_up(world.account, ANNA, call())
    assert world.pbx.hung_up == [call()]
    for manager, wanted in ((BORIS, call()), (ANNA, call("9.9"))):
        with pytest.raises(Refused) as caught:
            await world.presses.hang_up(world.account, manager, wanted)
        assert caught.value.code == "call_unknown"


@pytest.mark.parametrize(("text", "dialled"), [("101", "101"), ("1-0-1", "101"), ("+7 916 123 45 67", "+79161234567")])
def test_numbers_to_dial(text: str, dialled: str) -> None:
    assert number_to_dial(text, DEFAULT_NUMBERING)[0] == dialled


# ---- what may be dialled, how often, and by whom just now ------------------------------------------------------------


async def click(world: World, number: str, n: int = 1, manager: ManagerId = ANNA) -> None:
    await world.clicks.call(world.account, manager, number=number, request=f"{CLICK[:-3]}{n:03}")


async def refusal(world: World, number: str, n: int = 1, manager: ManagerId = ANNA) -> str:
    with pytest.raises(Refused) as caught:
        await click(world, number, n, manager)
    return caught.value.code


@pytest.mark.parametrize(
    ("number", "code", "allowed"),
    [
        ("8 809 555 12 34", "premium_not_allowed", ClickRules(premium=True)),
        ("+870 773 123 456", "satellite_not_allowed", ClickRules(satellite=True)),
        ("810881631455555", "satellite_not_allowed", ClickRules(satellite=True)),
    ],
)
async def test_what_costs_extra_needs_a_setting(world: World, number: str, code: str, allowed: ClickRules) -> None:
    assert await refusal(world, number) == code
    assert world.pbx.clicks == []
    world.account.settings = replace(world.account.settings, clicks=allowed)
    await click(world, number)
    assert len(world.pbx.clicks) == 1


async def test_one_permission_is_not_the_other(world: World) -> None:
    world.account.settings = replace(world.account.settings, clicks=ClickRules(satellite=True))
    assert await refusal(world, "8 809 555 12 34") == "premium_not_allowed"


async def test_a_manager_and_an_account_may_click_so_often_a_minute(world: World) -> None:
    world.account.settings = replace(world.account.settings, clicks=ClickRules(per_minute=3, account_per_minute=4))
    for n in range(3):
        await click(world, f"8916123450{n}", n)
    assert await refusal(world, "89161234509", 9) == "too_many_clicks"
    await click(world, "89161234610", 10, BORIS)
    assert await refusal(world, "89161234611", 11, BORIS) == "too_many_clicks"  # the account's fifth
    assert len(world.pbx.clicks) == 4


async def test_a_repeated_request_does_not_count(world: World) -> None:
    world.account.settings = replace(world.account.settings, clicks=ClickRules(per_minute=1))
    for _ in range(5):
        await click(world, "89161234567")
    assert len(world.pbx.clicks) == 1


async def talking(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"), *answered(now + 1, "101"))


async def test_who_talks_cannot_click(world: World) -> None:
    await talking(world)
    assert await refusal(world, "89161234567") == "already_talking"
    await click(world, "89161234567", 2, BORIS)
    assert [c.extension for c in world.pbx.clicks] == ["102"]
    await world.emit(ended(world.clock.now() + 5))
    await click(world, "89161234568", 3)


async def test_who_waits_for_a_click_to_be_answered_cannot_click_again(world: World) -> None:
    now = world.clock.now()
    await world.emit(
        CallStarted(
            call=call("9.0"),
            at=now,
            native_id="9.0",
            direction=Direction.OUTBOUND,
            caller="101",
            called=STRANGER,
            origin=Origin(kind="click"),
        )
    )
    await world.emit(replace(offered(now, "101", "9.0"), via=Via.CLICK))
    assert await refusal(world, "89161234567") == "already_talking"


async def test_a_call_between_colleagues_is_a_talk_too(world: World) -> None:
    now = world.clock.now()
    await world.emit(
        CallStarted(
            call=call("9.0"), at=now, native_id="9.0", direction=Direction.INTERNAL, caller="101", called="102"
        ),
        offered(now, "102", "9.0"),
        *answered(now + 1, "102", "9.0"),
    )
    assert await refusal(world, "89161234567") == "already_talking"
    assert await refusal(world, "89161234567", 2, BORIS) == "already_talking"


async def test_a_ringing_phone_may_be_used_to_call(world: World) -> None:
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    await click(world, "89161234567")
    assert len(world.pbx.clicks) == 1


async def test_a_call_that_seems_to_last_for_ever_does_not_keep_its_employee_from_calling(world: World) -> None:
    await talking(world)
    world.clock.advance(7 * 3600)
    await click(world, "89161234567")
    assert len(world.pbx.clicks) == 1


async def test_help_can_be_called_always(world: World) -> None:
    world.account.settings = replace(world.account.settings, clicks=ClickRules(per_minute=1))
    await click(world, "89161234567", 1)
    await talking(world)
    await click(world, "112", 2)
    assert [c.number for c in world.pbx.clicks][-1] == "112"


async def test_a_click_rings_on_the_pbx_of_the_managers_phone(world: World) -> None:
    """Of a phone whose PBX the account has left the next one is taken; without one it is refused, and says so."""
    branch = FakePbx(id=PbxId("branch"))
    gone = Employee(extension=Extension("101"), pbx=PbxId("gone"), manager=ANNA)
    there = Employee(extension=Extension("101"), pbx=branch.id, manager=ANNA)
    world.account.set_pbxs([world.pbx, branch])
    world.account.settings = replace(world.account.settings, employees=(gone, there))
    await world.clicks.call(world.account, ANNA, number="89161234567", request=CLICK)
    assert world.pbx.clicks == []
    assert [click.extension for click in branch.clicks] == ["101"]
    world.account.settings = replace(world.account.settings, employees=(gone,))
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="89161234568", request=CLICK.replace("0", "1"))
    assert caught.value.code == "no_extension"


async def test_an_extension_of_another_pbx_makes_no_dear_number_free(world: World) -> None:
    """What is an extension in the branch is a number to dial in the office."""
    branch = Employee(extension=Extension("88095001234"), pbx=PbxId("branch"), manager=BORIS)
    world.account.set_pbxs([world.pbx, FakePbx(id=PbxId("branch"))])
    world.account.settings = replace(world.account.settings, employees=(*world.account.settings.employees, branch))
    with pytest.raises(Refused) as caught:
        await world.clicks.call(world.account, ANNA, number="88095001234", request=CLICK)
    assert caught.value.code == "premium_not_allowed"
