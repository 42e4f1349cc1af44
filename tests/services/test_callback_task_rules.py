"""The task to call a client back, rule by rule: who makes it, what it counts, when it changes, when it is over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.settings import AccountSettings
from integration.ports.stores import CallbackTask, OutboxState
from integration.services.accounts import Account
from integration.services.callback_tasks import CallbackTasks, Outcome, local_time
from integration.services.delivery import NotYet
from integration.testing import FakeClock, FakeCrm, FakePbx

IVAN = EntityRef(EntityKind.CONTACT, "55")
ANNA = ManagerId("1")
CLIENT = PhoneNumber("+79161234567", "79161234567")
KEY = CLIENT.match_key
NOON = 1_700_000_000.0


def call(
    number: int, at: float, *, talked: bool = False, direction: Direction = Direction.INBOUND, **more: Any
) -> Call:
    """The call of this number, which began so many seconds after noon."""
    inbound = direction is Direction.INBOUND
    made = Call(
        id=CallId(f"p:{number}"),
        account=AccountId("acme"),
        pbx=PbxId("p"),
        native_id=str(number),
        direction=direction,
        caller="79161234567" if inbound else "101",
        called="74950000001" if inbound else "79161234567",
        started_at=Timestamp(NOON + at),
        ended_at=Timestamp(NOON + at + 10),
        disposition=Disposition.ANSWERED if talked else Disposition.MISSED,
        answered_at=Timestamp(NOON + at + 3) if talked else None,
        answered_by="101" if talked else None,
    )
    return replace(made, **more)


class Searched(FakeCrm):
    searches = 0

    async def find_task(self, *, text: str, target: EntityRef) -> str | None:
        self.searches += 1
        return await super().find_task(text=text, target=target)


@dataclass
class Desk:
    """The stores and the CRM in memory; `making`: calls whose delivery of a task is under way."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOON + 1000))
    crm: Searched = field(default_factory=Searched)
    rows: dict[EntityRef, CallbackTask] = field(default_factory=dict)
    history: list[Call] = field(default_factory=list)
    making: set[str] = field(default_factory=set)
    is_overtaken: bool = False
    looked_back: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.account = Account(AccountSettings(account=AccountId("acme"), language="en"), self.crm, [FakePbx()])
        self.tasks = CallbackTasks(tasks=self, calls=self, outbox=self, clock=self.clock)  # type: ignore[arg-type]

    # the store of tasks

    async def of_client(self, _: AccountId, *, target: EntityRef, match_key: str) -> list[CallbackTask]:
        return [row for row in self.rows.values() if row.target == target or row.match_key == match_key]

    async def begin(self, _: AccountId, task: CallbackTask) -> CallbackTask:
        return self.rows.setdefault(task.target, task)

    async def take_over(self, _: AccountId, target: EntityRef, *, of: CallId, call: CallId) -> bool:
        if self.is_overtaken or self.rows[target].made_by != of:
            return False
        self.rows[target] = replace(self.rows[target], made_by=call)
        return True

    async def put(self, _: AccountId, task: CallbackTask) -> None:
        self.rows[task.target] = task

    async def remove(self, _: AccountId, target: EntityRef) -> None:
        self.rows.pop(target, None)

    # the stores of calls and of the outbox

    async def recent(self, _: AccountId, *, match_key: str, limit: int) -> list[Call]:
        self.looked_back.add(limit)
        mine = sorted(self.history, key=lambda each: -each.started_at)
        return mine[:limit] if match_key == KEY else []

    async def of_call(self, _: AccountId, call: CallId) -> list[Any]:
        state = OutboxState.WAITING if call in self.making else OutboxState.DEAD
        return [
            SimpleNamespace(kind=IntentKind.LOG_CALL, state=OutboxState.DONE),
            SimpleNamespace(kind=IntentKind.CREATE_TASK, state=state),
        ]

    # what is done

    def row(self, **more: Any) -> CallbackTask:
        """A task that the missed call 1 has made at noon."""
        made = CallbackTask(
            target=IVAN,
            match_key=KEY,
            made_by=CallId("p:1"),
            task="task-1",
            text="Call back",
            missed_at=Timestamp(NOON),
            written_at=Timestamp(NOON),
        )
        self.rows[IVAN] = replace(made, **more)
        return self.rows[IVAN]

    async def missed(self, missed: Call, **named: Any) -> Outcome:
        return await self.tasks.missed(self.account, missed, CLIENT, IVAN, ANNA, **named)

    async def reached(self, talk: Call) -> Outcome:
        return await self.tasks.reached(self.account, talk, IVAN)


async def desk_with(*history: Call, task: str | None = None) -> Desk:
    """With these calls, and with a task in the CRM that has this text."""
    desk = Desk(history=list(history))
    if task is not None:
        await desk.crm.create_task(text=task, due_at=Timestamp(NOON), responsible=ANNA, target=IVAN)
    return desk


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (Outcome(task="7"), {"id": "7"}),
        (Outcome(skipped="answered"), {"skipped": "answered"}),
        (Outcome(), {"id": ""}),
    ],
)
def test_what_the_outbox_keeps_of_it(outcome: Outcome, result: dict[str, str]) -> None:
    assert outcome.as_result() == result


async def test_the_first_missed_call_makes_the_task_without_looking_for_one() -> None:
    first = call(1, 990)
    desk = await desk_with(first)
    assert await desk.missed(first) == Outcome(task="task-1")
    [task] = desk.crm.tasks
    assert (task.due_at, task.responsible, task.target) == (NOON + 1000 + 3600, ANNA, IVAN)
    row = desk.rows[IVAN]
    assert (row.task, row.made_by, row.missed_at, row.written_at) == ("task-1", "p:1", NOON + 990, NOON + 1000)
    assert (desk.crm.searches, desk.looked_back) == (0, {100})
    assert await desk.missed(first) == Outcome(task="task-1")
    assert len(desk.crm.tasks) == 1


async def test_a_repeated_attempt_looks_for_the_task_first() -> None:
    first = call(1, 990)
    desk = await desk_with(first)
    await desk.missed(first)
    desk.rows[IVAN] = replace(desk.rows[IVAN], task=None)  # its answer was lost
    assert await desk.missed(first, look_first=True) == Outcome(task="task-1")
    assert len(desk.crm.tasks) == 1


async def test_only_a_client_with_a_number_has_an_open_task() -> None:
    desk = await desk_with()
    assert not await desk.tasks.has_open(desk.account, call(1, 0), IVAN)
    desk.row()
    assert await desk.tasks.has_open(desk.account, call(1, 0), IVAN)
    hidden = call(1, 0, caller="anonymous")
    assert not await desk.tasks.has_open(desk.account, hidden, IVAN)
    assert await desk.missed(hidden) == await desk.reached(hidden) == Outcome(skipped="no_client_number")


@pytest.mark.parametrize(("passed", "wait"), [(0.0, 60.0), (45.0, 15.0), (59.5, 0.5), (60.0, None), (600.0, None)])
async def test_a_task_changes_once_a_minute(passed: float, wait: float | None) -> None:
    second = call(2, 950)
    desk = await desk_with(second, call(1, 0), task="Call back")
    desk.row(written_at=Timestamp(desk.clock.now() - passed))
    if wait is not None:
        with pytest.raises(NotYet) as raised:
            await desk.missed(second)
        assert (raised.value.seconds, desk.crm.tasks[0].text) == (wait, "Call back")
    else:
        assert await desk.missed(second) == Outcome(task="task-1")
        assert desk.crm.tasks[0].text.startswith("Call back: 2 missed calls, the last from +79161234567")
        assert (desk.rows[IVAN].missed_at, desk.rows[IVAN].written_at) == (second.started_at, desk.clock.now())


@pytest.mark.parametrize("counted_until", [950.0, 960.0])
async def test_a_call_that_the_task_counts_already_changes_nothing(counted_until: float) -> None:
    """Nor does it wait: its delivery came after that of a later call."""
    second = call(2, 950)
    desk = await desk_with(second, task="Call back")
    desk.row(missed_at=Timestamp(NOON + counted_until), written_at=desk.clock.now())
    assert await desk.missed(second) == Outcome(task="task-1")
    assert desk.crm.tasks[0].text == "Call back"


@pytest.mark.parametrize(
    ("others", "is_reached"),
    [
        ((), False),
        ((call(2, 910),), False),  # missed again
        ((call(2, 900, talked=True),), False),  # at the same moment: not after it
        ((call(2, 890, talked=True),), False),
        ((call(2, 910, talked=True),), True),
        ((call(2, 910, talked=True, direction=Direction.OUTBOUND),), True),
        ((call(2, 910, talked=True), call(3, 920)), True),
    ],
)
async def test_a_client_who_was_reached_meanwhile_needs_no_task(others: tuple[Call, ...], is_reached: bool) -> None:
    missed = call(1, 900)
    desk = await desk_with(missed, *others)
    expected = Outcome(skipped="reached_meanwhile") if is_reached else Outcome(task="task-1")
    assert await desk.missed(missed) == expected
    assert len(desk.crm.tasks) == (0 if is_reached else 1)


@pytest.mark.parametrize(
    ("row", "is_completed"),
    [
        ({"task": None}, True),
        ({"task": None, "made_by": CallId("p:9")}, False),  # another call's
        ({}, False),  # known: the talk's own delivery completes it
    ],
)
async def test_a_task_whose_answer_was_lost_is_completed_with_the_talk_that_came_first(
    row: dict[str, Any], is_completed: bool
) -> None:
    missed = call(1, 900)
    desk = await desk_with(missed, call(2, 910, talked=True), call(3, 950), task="Call back")
    desk.row(**row)
    assert await desk.missed(missed) == Outcome(skipped="reached_meanwhile")
    result = desk.crm.tasks[0].result
    if is_completed:
        at = local_time(Timestamp(NOON + 910), desk.account.settings.zone)
        assert result is not None
        assert result.startswith(f"Talked to the client: inbound call, {at}, ")
    else:
        assert result is None
    assert (IVAN in desk.rows) is not is_completed


@pytest.mark.parametrize(
    ("others", "count"),
    [
        ((call(1, 0), call(2, 100)), 3),
        ((call(1, 0), call(2, 100, talked=True)), 1),
        ((call(1, 0), call(2, 100, talked=True), call(4, 200)), 2),
        ((call(2, 100, direction=Direction.OUTBOUND), call(1, 0)), 2),  # called in vain
        ((call(2, 100, ended_at=None), call(1, 0)), 2),  # it rings still
        (tuple(call(n, n) for n in range(10, 200)), 100),
    ],
)
async def test_a_task_counts_the_missed_calls_since_the_last_talk(others: tuple[Call, ...], count: int) -> None:
    last = call(3, 900)
    desk = await desk_with(last, *others)
    await desk.missed(last)
    beginning = "Call back: missed call from" if count == 1 else f"Call back: {count} missed calls,"
    assert desk.crm.tasks[0].text.startswith(beginning)


async def test_after_a_task_that_a_person_has_completed_a_new_one_is_made_without_a_search() -> None:
    second = call(2, 900)
    desk = await desk_with(second, call(1, 0), task="Call back")
    desk.row()
    await desk.crm.complete_task("task-1", result="done")
    assert await desk.missed(second) == Outcome(task="task-2")
    assert (desk.crm.searches, desk.rows[IVAN].made_by, desk.crm.tasks[0].result) == (0, "p:2", "done")


@pytest.mark.parametrize(
    ("making", "is_overtaken", "in_crm", "task"),
    [
        ({"p:1"}, False, False, None),
        (set(), True, False, None),  # a third call was faster
        (set(), False, False, "task-1"),
        (set(), False, True, "task-1"),  # the given-up call has made it, and nobody knew
    ],
    ids=["under way", "overtaken", "given up", "given up after a lost answer"],
)
async def test_one_call_makes_the_task_and_after_it_another(
    making: Collection[str], is_overtaken: bool, in_crm: bool, task: str | None
) -> None:
    second = call(2, 950)
    desk = await desk_with(second, task="Call back" if in_crm else None)
    desk.making, desk.is_overtaken = set(making), is_overtaken
    desk.row(task=None)
    if task is None:
        with pytest.raises(NotYet) as raised:
            await desk.missed(second)
        assert raised.value.seconds == 2.0
        assert desk.crm.tasks == []
    else:
        assert await desk.missed(second) == Outcome(task=task)
        assert (len(desk.crm.tasks), desk.rows[IVAN].made_by, desk.rows[IVAN].task) == (1, "p:2", task)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        (None, Outcome(skipped="no_open_task")),
        ({}, Outcome(task="task-1")),
        ({"missed_at": Timestamp(NOON + 950)}, Outcome(task="task-1")),
        ({"missed_at": Timestamp(NOON + 951)}, Outcome(skipped="no_open_task")),  # missed again after this talk
        ({"task": None}, Outcome(task="task-1")),  # found by its text
        ({"task": None, "text": "another"}, Outcome(skipped="no_open_task")),
        ({"task": "gone"}, Outcome(skipped="no_open_task")),
    ],
)
async def test_a_talk_completes_the_task_for_the_calls_before_it(row: dict[str, Any] | None, outcome: Outcome) -> None:
    talk = call(5, 950, talked=True)
    desk = await desk_with(talk, task="Call back")
    if row is not None:
        desk.row(**row)
    assert await desk.reached(talk) == outcome
    assert (desk.crm.tasks[0].result is not None) is (outcome.task is not None)
    is_later = row is not None and row.get("missed_at") == NOON + 951
    assert (IVAN in desk.rows) is is_later


async def test_a_task_that_a_person_has_completed_keeps_what_they_wrote() -> None:
    talk = call(5, 950, talked=True)
    desk = await desk_with(talk, task="Call back")
    desk.row()
    await desk.crm.complete_task("task-1", result="done")
    assert await desk.reached(talk) == Outcome(skipped="no_open_task")
    assert (desk.crm.tasks[0].result, desk.rows) == ("done", {})


async def test_a_talk_waits_for_the_task_that_is_being_made() -> None:
    talk = call(5, 950, talked=True)
    desk = await desk_with(talk)
    desk.row(task=None)
    desk.making = {"p:1"}
    with pytest.raises(NotYet) as raised:
        await desk.reached(talk)
    assert raised.value.seconds == 2.0
    assert IVAN in desk.rows
