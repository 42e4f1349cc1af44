"""Tasks, comments and calls in a portal's timelines; each write may be lost, repeated or too late."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connectors.bitrix24.sandbox.portal import Author
from integration.domain.calls.call import Call, Direction
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import CallId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.phone import PhoneNumber
from integration.errors import NotFound, OutcomeUnknown, Rejected
from integration.ports.crm import CallRecord, NextTask
from tests.adapters.bitrix24_kit import OFFICE, Connected, office
from tests.adapters.bitrix24_sandbox_kit import ANNA, BORIS, IVAN
from tests.adapters.test_bitrix24_client import number

KINDS = (EntityKind.CONTACT, EntityKind.COMPANY, EntityKind.LEAD, EntityKind.DEAL)
CONTACT, DEAL = EntityKind.CONTACT, EntityKind.DEAL
TEXT = "Перезвонить: пропущенный звонок с +79161234567, 29.11 15:04 (UTC+3)"


@pytest.fixture
async def crm() -> AsyncIterator[Connected]:
    async with office() as made:
        yield made


def in_an_hour(crm: Connected) -> Timestamp:
    return Timestamp(crm.clock.now() + 3600)


async def planned(crm: Connected, target: EntityRef, text: str = TEXT, *, due: float = 3600) -> str:
    due_at = Timestamp(crm.clock.now() + due)
    return await crm.crm.create_task(text=text, due_at=due_at, responsible=ManagerId(str(BORIS)), target=target)


# ---- tasks


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_is_made_changed_and_completed(crm: Connected, kind: EntityKind) -> None:
    target, due = crm.oldest(kind), in_an_hour(crm)
    task = await crm.crm.create_task(text=TEXT, due_at=due, responsible=ManagerId(str(BORIS)), target=target)
    stored = crm.portal.activities[int(task)]
    assert (stored["OWNER_ID"], stored["RESPONSIBLE_ID"], stored["DEADLINE"]) == (int(target.id), BORIS, int(due))
    assert await crm.crm.find_task(text=TEXT, target=target) == task
    assert await crm.crm.is_task_open(task)

    await crm.crm.change_task(task, text="Перезвонить: пропущенных звонков: 2")
    assert stored["SUBJECT"] == stored["DESCRIPTION"] == "Перезвонить: пропущенных звонков: 2"
    assert stored["DEADLINE"] == int(due), "it stays"
    later = Timestamp(due + 600)
    await crm.crm.change_task(task, text=TEXT, due_at=later)
    assert stored["DEADLINE"] == int(later)

    for _ in range(2):
        await crm.crm.complete_task(task, result="Разговор состоялся")
    assert stored["COMPLETED"] == "Y"
    assert stored["DESCRIPTION"] == f"{TEXT}\nРазговор состоялся"
    assert not await crm.crm.is_task_open(task)
    assert await crm.crm.find_task(text=TEXT, target=target) == task, "completed ones, too"
    await crm.crm.change_task(task, text="Поздно")
    assert stored["SUBJECT"] == TEXT, "a completed one cannot be changed, and nobody minds"


async def test_a_deleted_task_is_not_open_and_not_there(crm: Connected) -> None:
    task = await planned(crm, crm.oldest(CONTACT))
    del crm.portal.activities[int(task)]
    assert not await crm.crm.is_task_open(task)
    with pytest.raises(NotFound):
        await crm.crm.change_task(task, text="x")
    with pytest.raises(NotFound):
        await crm.crm.complete_task(task, result="x")


async def test_a_task_for_an_object_that_is_gone_is_not_found(crm: Connected) -> None:
    with pytest.raises(NotFound):
        await planned(crm, EntityRef(CONTACT, "999999"))


async def test_a_lost_answer_to_a_task_is_found_by_its_text_and_no_other_is(crm: Connected) -> None:
    target = crm.oldest(CONTACT)
    await planned(crm, target, TEXT.replace("15:04", "15:03"))
    assert await crm.crm.find_task(text=TEXT, target=target) is None
    await crm.fault(kind="timeout_after_store", method="crm.activity.todo.add", count=1, seconds=0.1)
    with pytest.raises(OutcomeUnknown):
        await planned(crm, target)
    found = await crm.crm.find_task(text=TEXT, target=target)
    assert found is not None
    assert crm.portal.activities[int(found)]["SUBJECT"] == TEXT
    assert await crm.crm.find_task(text=TEXT, target=crm.oldest(DEAL)) is None


async def test_a_task_is_found_behind_more_activities_than_a_page_has(crm: Connected) -> None:
    target = crm.oldest(CONTACT)
    task = await planned(crm, target)
    for index in range(120):
        other = {"OWNER_TYPE_ID": 3, "OWNER_ID": int(target.id), "PROVIDER_ID": "CRM_TODO", "SUBJECT": f"Дело {index}"}
        crm.portal.add_activity(other, Author(user_id=ANNA))
    assert await crm.crm.find_task(text=TEXT, target=target) == task


async def test_a_task_of_hostile_text_is_written_in_one_line_and_found_again(crm: Connected) -> None:
    target, text = crm.oldest(CONTACT), "  [b]Позвонить[/b]\r\n\x07<img src=x onerror=alert(1)>" + "ё" * 10_000
    task = await planned(crm, target, text)
    stored = crm.portal.activities[int(task)]["SUBJECT"]
    assert "\n" not in stored
    assert "\x07" not in stored
    assert len(stored) <= 500
    assert await crm.crm.find_task(text=text, target=target) == task


async def test_the_next_task_is_the_first_due_of_the_person_and_of_the_deals(crm: Connected) -> None:
    person, deal = crm.oldest(CONTACT), crm.oldest(DEAL)
    assert await crm.crm.next_task(person, [deal]) is None
    await planned(crm, person, "Потом", due=7200)
    await planned(crm, deal, "Сначала", due=60)
    done = await planned(crm, person, "Сделано", due=30)
    await crm.crm.complete_task(done, result="да")
    call = {"OWNER_TYPE_ID": 3, "OWNER_ID": int(person.id), "SUBJECT": "Пропущенный", "PROVIDER_ID": "VOXIMPLANT_CALL"}
    crm.portal.add_activity({**call, "TYPE_ID": 2, "DEADLINE": crm.clock.now()}, Author(user_id=ANNA))
    before = crm.requests
    found = await crm.crm.next_task(person, [deal])
    assert crm.requests == before + 1
    assert found is not None
    assert found.text == "Сначала"
    assert (await crm.crm.next_task(person, [])) is not None


async def test_a_task_without_a_deadline_is_the_last(crm: Connected) -> None:
    person = crm.oldest(CONTACT)
    endless = {"OWNER_TYPE_ID": 3, "OWNER_ID": int(person.id), "SUBJECT": "Когда-нибудь", "PROVIDER_ID": "CRM_TODO"}
    crm.portal.add_activity({**endless, "DEADLINE": 253_000_000_000 - 86_400}, Author(user_id=ANNA))
    assert await crm.crm.next_task(person, []) == NextTask(text="Когда-нибудь", due_at=None)
    await planned(crm, person, "Скоро")
    found = await crm.crm.next_task(person, [])
    assert found is not None
    assert found.text == "Скоро"


# ---- comments


@pytest.mark.parametrize("kind", KINDS)
async def test_a_note_is_written_found_and_changed(crm: Connected, kind: EntityKind) -> None:
    target, since = crm.oldest(kind), Timestamp(crm.clock.now())
    text = "Анна Орлова, 15:04\nхочет шкаф\n\nи стол"
    note = await crm.crm.add_note(text=text, target=target, author=ManagerId(str(ANNA)))
    assert crm.portal.comments[int(note)]["COMMENT"] == text
    assert await crm.crm.find_note(text=text, target=target, since=since) == note
    for _ in range(2):
        await crm.crm.change_note(note, text="хочет только стол", target=target)
    assert crm.portal.comments[int(note)]["COMMENT"] == "хочет только стол"
    assert await crm.crm.find_note(text=text, target=target, since=since) is None


async def test_an_old_note_with_the_same_text_is_not_taken_for_the_new_one(crm: Connected) -> None:
    target = crm.oldest(CONTACT)
    await crm.crm.add_note(text="перезвонить", target=target, author=None)
    crm.bitrix.clock.time += 86_400
    assert await crm.crm.find_note(text="перезвонить", target=target, since=Timestamp(crm.clock.now())) is None


async def test_a_note_that_is_gone_or_has_no_place_is_not_found(crm: Connected) -> None:
    target = crm.oldest(CONTACT)
    with pytest.raises(NotFound):
        await crm.crm.change_note("999999", text="x", target=target)
    with pytest.raises(NotFound):
        await crm.crm.add_note(text="x", target=EntityRef(CONTACT, "999999"), author=None)


async def test_an_empty_note_is_not_refused(crm: Connected) -> None:
    assert await crm.crm.add_note(text=" \x00 \n", target=crm.oldest(CONTACT), author=None)


# ---- calls where the portal's telephony is closed to us


def record(key: str = "0123456789abcdef", *, started_at: float) -> CallRecord:
    call = Call(
        account=OFFICE,
        id=CallId(key),
        pbx=PbxId("asterisk"),
        native_id=key,
        direction=Direction.INBOUND,
        caller=IVAN,
        called="74957770000",
        started_at=Timestamp(started_at),
    )
    return CallRecord(
        key=key,
        call=call,
        client=PhoneNumber(IVAN, IVAN),
        responsible=None,
        recording_url=None,
        text="очередь 600, 35 с",
    )


async def test_a_call_is_a_comment_that_is_found_by_its_key(crm: Connected) -> None:
    (ivan,) = await crm.crm.find_persons(number(IVAN))
    one, other = record(started_at=crm.clock.now()), record("fedcba9876543210", started_at=crm.clock.now())
    assert await crm.crm.find_logged_call(one, ivan.ref) is None
    logged = await crm.crm.log_call(one, ivan.ref)
    assert logged.entity == ivan.ref
    assert "очередь 600" in crm.portal.comments[int(logged.id)]["COMMENT"]
    assert await crm.crm.find_logged_call(one, ivan.ref) == logged
    assert await crm.crm.find_logged_call(other, ivan.ref) is None
    with pytest.raises(Rejected):
        await crm.crm.log_to_inbox(one)


# ---- notices


async def test_a_notice_replaces_the_one_before_and_each_user_has_their_own(crm: Connected) -> None:
    users = [ManagerId(str(ANNA)), ManagerId(str(BORIS))]
    for _ in range(3):
        await crm.crm.notify_ringing(number(IVAN), users)
    assert [each["USER_ID"] for each in crm.portal.notices] == [ANNA, BORIS]
    before = crm.requests
    await crm.crm.notify_ringing(number(IVAN), [])
    assert crm.requests == before
