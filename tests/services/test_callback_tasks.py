"""One task to call a client back, however often they call, until somebody has talked to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallEvent, CallStarted, ClientConnected
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.errors import OutcomeUnknown, Unavailable
from integration.services.callback_tasks import local_time
from integration.testing import FakeTask
from tests.services.conftest import ACME, ANNA, CLIENT, IVAN, World, answered_call, call, ended, missed_call


async def miss(world: World, *numbers: int, caller: str = CLIENT) -> None:
    """Missed calls that end now, some seconds apart."""
    for number in numbers:
        await world.emit(*missed_call(world.clock.now(), caller, f"{number}.0"))
        world.clock.advance(11)


async def talk(world: World, events: Iterable[CallEvent], seconds: float = 130.0) -> None:
    await world.emit(*events)
    world.clock.advance(seconds)
    await world.deliver_with_pauses()


def outgoing(at: float, uniqueid: str, number: str = CLIENT, *, answered: bool = True) -> Iterable[CallEvent]:
    answer = [ClientConnected(call=call(uniqueid), at=Timestamp(at + 2), person="101", answered_by=number)]
    begun = CallStarted(
        call=call(uniqueid),
        at=Timestamp(at),
        native_id=uniqueid,
        direction=Direction.OUTBOUND,
        caller="101",
        called=number,
    )
    return [begun, *(answer if answered else ()), ended(at + 127, uniqueid)]


def open_tasks(world: World) -> list[FakeTask]:
    return [task for task in world.crm.tasks if task.result is None]


async def test_later_missed_calls_are_counted_in_the_one_task(world: World) -> None:
    await miss(world, 1)
    await world.deliver_with_pauses()
    [task] = world.crm.tasks
    assert task.text == "Перезвонить: пропущенный звонок с +79161234567, 15.11 01:13 (UTC+3)"
    world.clock.advance(600)
    await miss(world, 2, 3)
    await world.deliver_with_pauses()
    [task] = world.crm.tasks
    assert task.text.startswith("Перезвонить: пропущенных звонков: 3, последний с +79161234567, 15.11 01:")
    assert (task.responsible, task.target, task.result) == (ANNA, IVAN.ref, None)


async def test_a_caller_who_calls_a_hundred_times_in_a_minute_is_one_task_that_changes_once_or_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    change = type(world.crm).change_task

    async def counted(crm: Any, task: str, *, text: str) -> None:
        written.append(text)
        await change(crm, task, text=text)

    monkeypatch.setattr(type(world.crm), "change_task", counted)
    for number in range(100):
        now = world.clock.now()
        await world.emit(*missed_call(now - 10, CLIENT, f"{number}.0"))
        await world.deliver(after=0.6)
    await world.deliver_with_pauses()
    [task] = world.crm.tasks
    assert "100" in task.text
    assert len(written) <= 3


async def test_an_answered_call_back_completes_the_task_and_says_so_in_it(world: World) -> None:
    await miss(world, 1, 2)
    await world.deliver_with_pauses()
    await talk(world, outgoing(world.clock.now(), "3.0"))
    [task] = world.crm.tasks
    assert task.result is not None
    assert task.result.startswith("Разговор состоялся: исходящий звонок, 15.11 01:")
    assert task.result.endswith("2 мин 5 с, Анна Орлова")


async def test_a_client_who_calls_again_and_is_answered_needs_no_call_back(world: World) -> None:
    await miss(world, 1)
    await world.deliver_with_pauses()
    await talk(world, answered_call(world.clock.now(), uniqueid="2.0"))
    [task] = world.crm.tasks
    assert task.result is not None
    assert "входящий звонок" in task.result


async def test_a_call_back_that_nobody_answered_leaves_the_task_open(world: World) -> None:
    await miss(world, 1)
    await world.deliver_with_pauses()
    await talk(world, outgoing(world.clock.now(), "2.0", answered=False))
    assert len(open_tasks(world)) == 1


async def test_a_client_who_is_missed_again_after_the_talk_gets_a_new_task(world: World) -> None:
    await miss(world, 1, 2)
    await world.deliver_with_pauses()
    await talk(world, outgoing(world.clock.now(), "3.0"))
    world.clock.advance(300)
    await miss(world, 4)
    await world.deliver_with_pauses()
    assert len(world.crm.tasks) == 2
    [task] = open_tasks(world)
    assert "пропущенный звонок" in task.text  # counted from the talk


async def test_a_talk_before_the_missed_call_does_not_complete_its_task(world: World) -> None:
    """The talk was delivered late."""
    now = world.clock.now()
    await world.emit(*answered_call(now, uniqueid="1.0"))
    world.pbx.fail_next = [Unavailable("the folder is not mounted")] * 6
    await world.emit(*missed_call(now + 70, CLIENT, "2.0"))
    await world.deliver_with_pauses()
    assert len(open_tasks(world)) == 1


async def test_a_client_with_two_numbers_has_one_task(world: World) -> None:
    second = "79031112233"
    person = replace(IVAN, phones=(*IVAN.phones, second), updated_at=2)
    world.crm.add(person)
    await world.storage.phone_book.put_persons(ACME, [person], numbering=DEFAULT_NUMBERING)
    await miss(world, 1)
    await world.deliver_with_pauses()
    world.clock.advance(600)
    await miss(world, 2, caller=second)
    await world.deliver_with_pauses()
    [task] = world.crm.tasks
    assert task.text.startswith("Перезвонить: пропущенных звонков: 2, последний с +79031112233,")
    await talk(world, outgoing(world.clock.now(), "3.0", CLIENT))
    assert open_tasks(world) == []


async def test_two_clients_have_a_task_each(world: World) -> None:
    other = Person(ref=EntityRef(EntityKind.CONTACT, "56"), name="Олег", responsible=ANNA, phones=("79031112233",))
    world.crm.add(other)
    await miss(world, 1)
    await miss(world, 2, caller="79031112233")
    await world.deliver_with_pauses()
    assert {task.target for task in open_tasks(world)} == {IVAN.ref, other.ref}


@pytest.mark.parametrize("is_deleted", [False, True], ids=["completed", "deleted"])
async def test_a_task_that_a_person_has_finished_is_not_touched_and_the_next_call_gets_its_own(
    world: World, is_deleted: bool
) -> None:
    await miss(world, 1)
    await world.deliver_with_pauses()
    if is_deleted:
        world.crm.tasks.clear()
    else:
        world.crm.tasks[0] = replace(world.crm.tasks[0], result="сделано")
    world.clock.advance(600)
    await miss(world, 2)
    await world.deliver_with_pauses()
    assert len(open_tasks(world)) == 1
    await talk(world, outgoing(world.clock.now(), "3.0"))
    assert [task.result for task in world.crm.tasks if task.result == "сделано"] == ["сделано"] * (not is_deleted)


async def lose(world: World, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next answer to this method is lost after it took effect."""
    real = getattr(type(world.crm), method)

    async def lost(crm: Any, *args: Any, **named: Any) -> None:
        monkeypatch.setattr(type(world.crm), method, real)
        await real(crm, *args, **named)
        raise OutcomeUnknown("timeout")

    monkeypatch.setattr(type(world.crm), method, lost)


async def test_a_lost_answer_makes_no_second_task(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await lose(world, "create_task", monkeypatch)
    await miss(world, 1, 2)
    await world.deliver_with_pauses()
    [task] = world.crm.tasks
    assert "2" in task.text


async def test_a_lost_answer_of_the_completion_does_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await miss(world, 1)
    await world.deliver_with_pauses()
    await lose(world, "complete_task", monkeypatch)
    await talk(world, outgoing(world.clock.now(), "2.0"))
    assert open_tasks(world) == []
    assert await world.waiting() == []


async def test_a_task_whose_answer_was_lost_is_completed_when_the_client_was_reached_before_the_repeat(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose(world, "create_task", monkeypatch)
    await miss(world, 1)
    await world.deliver(after=5)
    assert len(open_tasks(world)) == 1
    now = world.clock.now()
    await talk(world, outgoing(now + 20, "2.0"))
    assert len(world.crm.tasks) == 1
    assert open_tasks(world) == []


async def test_no_hash_is_in_sight(world: World) -> None:
    await miss(world, 1)
    await world.deliver_with_pauses()
    assert "#" not in world.crm.tasks[0].text


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Moscow", "29.11 02:00 (UTC+3)"),
        ("America/New_York", "28.11 18:00 (UTC−5)"),
        ("Asia/Kolkata", "29.11 04:30 (UTC+5:30)"),
        ("UTC", "28.11 23:00 (UTC)"),
        ("Nowhere/At-all", "28.11 23:00 (UTC)"),
    ],
)
def test_times_are_said_with_their_zone(zone: str, shown: str) -> None:
    assert local_time(Timestamp(1_795_906_800.0), zone) == shown


async def test_a_task_of_a_call_that_was_given_up_after_a_lost_answer_is_found_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lose(world, "create_task", monkeypatch)
    await miss(world, 1)
    await world.deliver()
    [item] = [each for each in await world.waiting() if each.key == "create_task"]
    await world.storage.outbox.dead(item, error="given up by a person")
    world.clock.advance(600)
    await miss(world, 2)
    await world.deliver_with_pauses()
    assert len(world.crm.tasks) == 1
