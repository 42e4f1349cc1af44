"""No call is lost because the CRM refuses its manager: who replaces them, and that we do not ask again in vain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import ClientConnected
from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityKind, Manager
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.settings import LineSettings
from integration.errors import ProtocolError, Unavailable
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    IVAN,
    STRANGER,
    World,
    call,
    ended,
    missed_call,
    started,
)

VERA, DELETED = ManagerId("610079"), ManagerId("610099")


def settle(world: World, **changes: Any) -> None:
    world.account.settings = replace(world.account.settings, **changes)


async def log_result(world: World, uniqueid: str = "1.0") -> dict[str, Any]:
    return (await world.storage.outbox.results(ACME, call(uniqueid)))[IntentKind.LOG_CALL]


@pytest.mark.parametrize(
    ("default", "line", "taken", "why"),
    [
        (BORIS, LineSettings(missed_responsible=VERA), BORIS, ["manager_refused", "default_responsible"]),
        (None, LineSettings(missed_responsible=VERA), VERA, ["manager_refused", "line_responsible"]),
        (None, LineSettings(outside_responsible=VERA), VERA, ["manager_refused", "line_responsible"]),
        (DELETED, LineSettings(), None, ["manager_refused", "nobody_responsible"]),
    ],
)
async def test_the_default_person_stands_in_then_the_lines_then_nobody(
    world: World, default: ManagerId | None, line: LineSettings, taken: ManagerId | None, why: list[str]
) -> None:
    world.crm.all_managers.append(Manager(id=VERA, name="Вера"))
    await world.accounts.refresh_managers(world.account)
    settle(world, default_responsible=default, default_line=line)
    world.crm.refuses = {ANNA}
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert [record.responsible for record in world.crm.notes[IVAN.ref]] == [taken]
    assert [task.responsible for task in world.crm.tasks] == [taken]
    result = await log_result(world)
    assert result["responsible"] == taken
    assert [reason["code"] for reason in result["reasons"]][-2:] == why


async def test_a_refusal_is_provoked_once_and_not_for_each_call(world: World) -> None:
    settle(world, default_responsible=BORIS)
    world.crm.refuses = {ANNA}
    for uniqueid in ("1.0", "2.0", "3.0"):
        await world.emit(*missed_call(world.clock.now(), uniqueid=uniqueid))
        await world.deliver()
    assert [record.responsible for record in world.crm.notes[IVAN.ref]] == [BORIS] * 3
    assert [task.responsible for task in world.crm.tasks] == [BORIS]
    assert world.crm.refused == [ANNA]


async def test_one_who_stands_in_may_be_refused_too(world: World) -> None:
    settle(world, default_responsible=BORIS)
    world.crm.refuses = {ANNA, BORIS}
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert [record.responsible for record in world.crm.notes[IVAN.ref]] == [None]
    assert world.crm.refused == [ANNA, BORIS]


async def test_an_entry_of_the_inbox_and_a_new_contact_are_not_lost_either(world: World) -> None:
    settle(world, default_responsible=BORIS)
    world.crm.refuses = {ANNA}
    now = world.clock.now()
    outgoing = replace(started(now, "101", "2.0"), direction=Direction.OUTBOUND, called="79990003344")
    connected = ClientConnected(call=call("2.0"), at=Timestamp(now + 2), person="101", answered_by="79990003344")
    await world.emit(*missed_call(now, STRANGER), outgoing, connected, ended(now + 9, "2.0"))
    await world.deliver()
    assert [record.responsible for record in world.crm.inbox] == [BORIS]
    [new] = [person for ref, person in world.crm.persons.items() if ref.kind is EntityKind.CONTACT and ref != IVAN.ref]
    assert new.responsible == BORIS


# ---- which users the CRM has


async def test_who_is_missing_from_the_crms_list_is_not_active(world: World) -> None:
    assert world.account.settings.is_active(ANNA)
    world.crm.all_managers = [each for each in world.crm.all_managers if each.id != ANNA]
    await world.accounts.refresh_managers(world.account)
    assert not world.account.settings.is_active(ANNA)
    assert world.account.settings.is_active(BORIS)
    await world.emit(*missed_call(world.clock.now()))
    await world.deliver()
    assert world.crm.refused == []
    assert [record.responsible for record in world.crm.notes[IVAN.ref]] == [None]


async def test_a_list_without_anybody_dismisses_nobody(world: World) -> None:
    """A CRM has at least the user who allowed access, so an empty list is not a valid answer."""
    world.crm.all_managers = []
    with pytest.raises(ProtocolError):
        await world.accounts.refresh_managers(world.account)
    assert world.account.settings.is_active(ANNA)


async def test_a_widget_is_let_in_for_users_who_exist_and_are_active(world: World) -> None:
    async def lets_in(manager: ManagerId) -> bool:
        return await world.accounts.lets_in(world.account, manager)

    assert await lets_in(ANNA)
    world.crm.all_managers = [replace(world.crm.all_managers[0], is_active=False), *world.crm.all_managers[1:]]
    await world.accounts.refresh_managers(world.account)
    assert not await lets_in(ANNA)
    world.crm.all_managers.append(Manager(id=VERA, name="Вера"))
    assert await lets_in(VERA)  # newer than our list, so the list is read again
    asked = len(world.crm.all_managers)
    assert not await lets_in(DELETED)
    assert not await lets_in(DELETED)
    assert asked == len(world.account.managers)


async def test_strangers_do_not_make_us_read_the_list_at_each_question(world: World) -> None:
    assert not await world.accounts.lets_in(world.account, DELETED)
    world.crm.fail_before = [Unavailable("must not be asked")]
    assert not await world.accounts.lets_in(world.account, DELETED)
    assert world.crm.fail_before
