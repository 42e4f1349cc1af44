"""A note during a call and a result after it are in the client's feed once, whatever fails and whoever types where."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.domain.calls.call import Direction
from integration.domain.calls.events import CallEvent, CallStarted, ClientConnected
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.notes import CallNote
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import Timestamp, record_key
from integration.errors import OutcomeUnknown, Rejected, Unavailable
from integration.ports.stores import OutboxState
from integration.services.call_notes import CallNoteService, Conclusion
from integration.services.click import Refused
from integration.services.cluster.live_calls import LiveCalls
from integration.testing import CRM_ABILITIES
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    CLIENT,
    DEAL,
    IVAN,
    STRANGER,
    World,
    answered,
    call,
    ended,
    missed_call,
    offered,
    started,
)

CALL = call()


def service(world: World) -> CallNoteService:
    return CallNoteService(
        notes=world.storage.notes,
        calls=world.storage.calls,
        outbox=world.storage.outbox,
        live_calls=LiveCalls({ACME: {world.pbx.id: world.tracking}}, world.storage.calls),
        hub=world.hub,
        coordination=world.coordination,
        clock=world.clock,
        wake=world.delivery.wake.set,
        changed=world.news.tell,
    )


async def talking(world: World, caller: str = CLIENT, uniqueid: str = "1.0") -> None:
    at = world.clock.now()
    await world.emit(started(at, caller, uniqueid), offered(at, "101", uniqueid), *answered(at + 1, "101", uniqueid))
    world.clock.advance(30)


async def hung_up(world: World, uniqueid: str = "1.0") -> None:
    await world.emit(ended(world.clock.now(), uniqueid))


async def write(world: World, text: str, *, seen: int | None = None, call_id: str = CALL) -> CallNote:
    notes = service(world)
    known = await notes.read(world.account, ANNA, call_id)
    revision = known.revision if seen is None else seen
    return await notes.save_text(world.account, ANNA, call_id, text=text, seen=revision)


def conclusion(request: str = "request-1", **values: str | None) -> Conclusion:
    fields = {"text": "", "result": None, "step_text": "", "due": None, **values}
    return Conclusion(request=request, **fields)  # type: ignore[arg-type]


async def conclude(world: World, said: Conclusion, *, seen: int | None = None, call_id: str = CALL) -> CallNote:
    notes = service(world)
    known = await notes.read(world.account, ANNA, call_id)
    return await notes.conclude(world.account, ANNA, call_id, said, seen=known.revision if seen is None else seen)


def due(world: World, *, hours: float = 24) -> str:
    moment = datetime.fromtimestamp(world.clock.now() + hours * 3600 + 3 * 3600, UTC)  # Moscow
    return f"{moment:%Y-%m-%dT%H:%M}"


def outgoing(at: float, number: str, *, is_answered: bool = True) -> Iterable[CallEvent]:
    talk = [ClientConnected(call=call(), at=Timestamp(at + 2), person="101", answered_by=number)]
    begun = CallStarted(
        call=call(), at=Timestamp(at), native_id="1.0", direction=Direction.OUTBOUND, caller="101", called=number
    )
    return [begun, *(talk if is_answered else ()), ended(at + 20)]


# ---- into the CRM --------------------------------------------------------------------------------------------------


async def test_what_is_typed_during_the_talk_is_in_the_clients_feed_after_it(world: World) -> None:
    await talking(world)
    await write(world, "Просит счёт\nна двух листах")
    await world.deliver()
    assert world.crm.texts == []
    await hung_up(world)
    await world.deliver_with_pauses()
    [note] = world.crm.texts
    assert note.text == "Заметка к звонку: 15.11 01:13:20 (UTC+3), Анна Орлова\nПросит счёт\nна двух листах"
    assert (note.target, note.author) == (IVAN.ref, ANNA)
    assert world.crm.logged(record_key(CALL)) == 1


async def test_the_note_follows_the_calls_own_entry(world: World) -> None:
    await talking(world)
    await write(world, "Просит счёт")
    world.crm.fail_before = [Unavailable("away")] * 3
    await hung_up(world)
    await world.deliver_with_pauses()
    kinds = [item.kind for item in reversed(await world.storage.outbox.of_call(ACME, call()))]
    assert kinds[1:] == [IntentKind.LOG_CALL, IntentKind.WRITE_NOTE]
    assert len(world.crm.texts) == 1


async def test_a_call_without_a_note_makes_no_delivery_of_one(world: World) -> None:
    await talking(world)
    await hung_up(world)
    await world.deliver_with_pauses()
    assert await world.in_state(OutboxState.DONE) == ["log_call"]


async def test_what_is_typed_after_the_call_changes_the_note_instead_of_adding_another(world: World) -> None:
    await talking(world)
    await write(world, "Просит")
    await hung_up(world)
    await world.deliver_with_pauses()
    await write(world, "Просит счёт")
    await write(world, "Просит счёт сегодня")
    await world.deliver_with_pauses()
    [note] = world.crm.texts
    assert note.text.endswith("\nПросит счёт сегодня")


async def test_a_result_goes_to_the_crm_at_once_with_its_task(world: World) -> None:
    await talking(world)
    await write(world, "Просит счёт")
    await hung_up(world)
    await world.deliver(after=1)
    said = conclusion(text="Просит счёт", result="Заинтересован", step_text="Отправить счёт", due=due(world))
    await conclude(world, said)
    await world.deliver(after=1)
    [note] = world.crm.texts
    assert note.text.endswith("Итог: Заинтересован\nПросит счёт")
    [task] = world.crm.tasks
    assert task.text == "Отправить счёт (звонок: 15.11 01:13:20 (UTC+3))"
    assert (task.responsible, task.target) == (ANNA, IVAN.ref)
    assert 0 <= world.clock.now() + 24 * 3600 - task.due_at < 120


async def test_a_corrected_result_changes_note_and_task(world: World) -> None:
    await talking(world)
    await hung_up(world)
    await conclude(world, conclusion("request-1", result="Заинтересован", step_text="Позвонить", due=due(world)))
    await world.deliver_with_pauses()
    later = due(world, hours=48)
    await conclude(world, conclusion("request-2", result="Перезвонить", step_text="Позвонить позже", due=later))
    await world.deliver_with_pauses()
    [note], [task] = world.crm.texts, world.crm.tasks
    assert "Итог: Перезвонить" in note.text
    assert task.text.startswith("Позвонить позже (")
    assert task.due_at > world.clock.now() + 40 * 3600


async def test_the_note_goes_into_the_deal_that_has_the_call(world: World) -> None:
    from integration.domain.settings import LogTarget

    world.account.settings = replace(world.account.settings, log_to=LogTarget.DEAL)
    await talking(world)
    await conclude(world, conclusion(text="Ждёт замер", due=due(world)))
    await hung_up(world)
    await world.deliver_with_pauses()
    assert [note.target for note in world.crm.texts] == [DEAL.ref]
    assert [task.target for task in world.crm.tasks] == [DEAL.ref]


@pytest.mark.parametrize("takes_notes", [True, False])
async def test_a_strangers_note_goes_along_to_the_deal_of_the_accepted_entry(world: World, takes_notes: bool) -> None:
    world.crm.takes_notes_in_inbox = takes_notes
    await talking(world, STRANGER)
    await conclude(world, conclusion(text="Новый клиент", result="Заинтересован", due=due(world)))
    await hung_up(world)
    await world.deliver_with_pauses(600)
    assert len(world.crm.texts) == (1 if takes_notes else 0)
    [uid] = world.crm.inbox_entries
    change = world.crm.accept(uid)
    await world.strangers.closed(world.account, [change])
    await world.deliver_with_pauses()
    await write(world, "Новый клиент, дополнено")
    await world.deliver_with_pauses()
    [note] = world.crm.texts
    assert note.target == change.deals[0]
    assert note.text.endswith("Новый клиент, дополнено")
    assert len(world.crm.tasks) == 1


async def test_the_note_of_a_declined_entry_stays_in_dozvon(world: World) -> None:
    world.crm.takes_notes_in_inbox = False
    await talking(world, STRANGER)
    await write(world, "Спам")
    await hung_up(world)
    await world.deliver_with_pauses(600)
    [uid] = world.crm.inbox_entries
    await world.strangers.closed(world.account, [world.crm.decline(uid)])
    await world.deliver_with_pauses()
    assert world.crm.texts == []
    assert not await world.waiting()
    note = await service(world).read(world.account, ANNA, CALL)
    assert note.text == "Спам"


async def test_a_note_waits_for_a_call_that_was_given_up_and_goes_with_it(world: World) -> None:
    await talking(world)
    await write(world, "Важно")
    world.crm.fail_before = [Rejected("no", code="400")]
    await hung_up(world)
    await world.deliver(after=1)
    assert await world.in_state(OutboxState.DEAD) == ["log_call"]
    await write(world, "Очень важно")
    await world.deliver_with_pauses(600)
    assert world.crm.texts == []
    [dead] = await world.storage.outbox.listing(ACME, [OutboxState.DEAD])
    await world.storage.outbox.revive(ACME, dead.id, now=world.clock.now())
    await world.deliver_with_pauses()
    [note] = world.crm.texts
    assert note.text.endswith("Очень важно")


async def test_a_note_of_an_unanswered_outgoing_call_to_a_stranger_stays_in_dozvon(world: World) -> None:
    await world.emit(*outgoing(world.clock.now(), STRANGER, is_answered=False))
    world.clock.advance(30)
    await conclude(world, conclusion(result="Не дозвонились"))
    await world.deliver_with_pauses()
    assert (world.crm.texts, await world.waiting()) == ([], [])


async def test_a_client_who_was_merged_into_another_takes_the_note_along(world: World) -> None:
    await talking(world)
    await hung_up(world)
    await world.deliver_with_pauses()
    heir = replace(IVAN, ref=EntityRef(EntityKind.CONTACT, "77"))
    del world.crm.persons[IVAN.ref]
    world.crm.add(heir)
    await conclude(world, conclusion(text="После слияния"))
    await world.deliver_with_pauses()
    assert [note.target for note in world.crm.texts] == [heir.ref]


async def test_a_note_that_a_person_deleted_in_the_crm_is_not_written_again(world: World) -> None:
    await talking(world)
    await write(world, "Лишнее")
    await hung_up(world)
    await world.deliver_with_pauses()
    world.crm.texts.clear()
    await write(world, "Лишнее, исправлено")
    await world.deliver_with_pauses()
    assert world.crm.texts == []
    assert not await world.in_state(OutboxState.DEAD)


async def test_a_manager_whom_the_crm_refuses_still_gets_the_note_written(world: World) -> None:
    world.crm.refuses = {ANNA}
    await talking(world)
    await conclude(world, conclusion(text="Просит счёт", due=due(world)))
    await hung_up(world)
    await world.deliver_with_pauses()
    assert [note.author for note in world.crm.texts] == [None]
    assert len(world.crm.tasks) == 1


async def test_a_crm_without_feeds_for_texts_and_tasks_leaves_the_note_in_dozvon(world: World) -> None:
    world.crm.abilities = replace(CRM_ABILITIES, notes=False, tasks=False)
    await talking(world)
    await conclude(world, conclusion(text="Просит счёт", due=due(world)))
    await hung_up(world)
    await world.deliver_with_pauses()
    assert (world.crm.texts, world.crm.tasks) == ([], [])
    assert not await world.in_state(OutboxState.DEAD)


# ---- exactly once --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_lost_answer_makes_no_second_note_and_no_second_task(world: World, lost: int) -> None:
    await talking(world)
    await hung_up(world)
    await world.deliver_with_pauses()
    await conclude(world, conclusion(text="Просит счёт", due=due(world)))
    world.crm.fail_after = [OutcomeUnknown("lost")] * lost
    await world.deliver_with_pauses()
    assert (len(world.crm.texts), len(world.crm.tasks)) == (1, 1)


async def test_what_is_typed_between_a_lost_answer_and_the_next_attempt_is_in_the_one_note(world: World) -> None:
    await talking(world)
    await hung_up(world)
    await world.deliver_with_pauses()
    await write(world, "Первое")
    world.crm.fail_after = [OutcomeUnknown("lost")]
    await world.deliver(after=16)
    await write(world, "Первое и второе")
    await world.deliver_with_pauses()
    [note] = world.crm.texts
    assert note.text.endswith("Первое и второе")


async def test_a_process_that_dies_after_the_crm_has_the_note_writes_no_second_one(world: World) -> None:
    await talking(world)
    await hung_up(world)
    await world.deliver_with_pauses()
    await conclude(world, conclusion(text="Просит счёт"))
    now = world.clock.now()
    [item] = await world.storage.outbox.claim(ACME, now=now, lease_seconds=30, limit=1)
    await world.delivery._steps[item.kind](world.account, item)  # and no word of its outcome to the outbox
    world.clock.advance(31)
    await world.deliver_with_pauses()
    assert len(world.crm.texts) == 1


async def test_two_calls_of_one_client_in_one_minute_are_two_notes_and_two_tasks(world: World) -> None:
    for number in ("1.0", "2.0"):
        await talking(world, uniqueid=number)
        await hung_up(world, number)
        await world.deliver_with_pauses()
        said = conclusion(f"request-{number[0]}", text="Перезвонить", step_text="Позвонить", due=due(world))
        await conclude(world, said, call_id=call(number))
        world.crm.fail_after = [OutcomeUnknown("lost")] * 2
        await world.deliver_with_pauses()
    assert (len(world.crm.texts), len(world.crm.tasks)) == (2, 2)


async def test_a_result_that_is_sent_twice_counts_once(world: World) -> None:
    await talking(world)
    await hung_up(world)
    said = conclusion(text="Просит счёт", result="Заинтересован", due=due(world))
    first, second = await asyncio.gather(conclude(world, said, seen=0), conclude(world, said, seen=0))
    assert first == second
    await conclude(world, said, seen=0)
    await world.deliver_with_pauses()
    assert (len(world.crm.texts), len(world.crm.tasks)) == (1, 1)


# ---- who, where and how much ---------------------------------------------------------------------------------------


async def test_two_windows_do_not_overwrite_each_other_unseen(world: World) -> None:
    await talking(world)
    await write(world, "из первого окна", seen=0)
    with pytest.raises(Refused) as refused:
        await write(world, "из второго окна", seen=0)
    assert refused.value.code == "note_changed"
    note = await service(world).read(world.account, ANNA, CALL)
    assert (note.text, note.revision) == ("из первого окна", 1)
    await write(world, "из второго окна", seen=1)


async def test_a_repeated_save_with_the_same_text_is_no_conflict_and_no_change(world: World) -> None:
    await talking(world)
    await write(world, "то же", seen=0)
    again = await write(world, "то же", seen=0)
    assert again.revision == 1


async def test_other_windows_of_the_manager_see_the_change_and_nobody_elses(world: World) -> None:
    own, colleagues = world.page(ANNA), world.page(BORIS)
    await talking(world)
    await write(world, "видно везде")
    said = [own.messages.get_nowait() for _ in range(own.messages.qsize())]
    [told] = [message for message in said if message is not None and message["type"] == "note_changed"]
    assert (told["call"], told["note"]["text"], told["note"]["revision"]) == (CALL, "видно везде", 1)
    others = [colleagues.messages.get_nowait() for _ in range(colleagues.messages.qsize())]
    assert not [message for message in others if message is not None and message["type"] == "note_changed"]


async def test_only_who_has_the_call_writes_and_a_colleague_has_a_note_of_their_own(world: World) -> None:
    at = world.clock.now()
    await world.emit(started(at), offered(at, "101"), offered(at, "102"), *answered(at + 1, "101"))
    notes = service(world)
    await notes.save_text(world.account, ANNA, CALL, text="моё", seen=0)
    with pytest.raises(Refused) as refused:
        await notes.save_text(world.account, BORIS, CALL, text="чужое", seen=0)
    assert refused.value.code == "call_unknown"
    with pytest.raises(Refused):
        await notes.read(world.account, BORIS, CALL)


async def test_nobody_writes_about_a_call_that_only_rang(world: World) -> None:
    await world.emit(*missed_call(world.clock.now()))
    with pytest.raises(Refused):
        await write(world, "не говорил")


async def test_nobody_writes_about_a_call_of_the_day_before_yesterday(world: World) -> None:
    await talking(world)
    await hung_up(world)
    world.clock.advance(25 * 3600)
    with pytest.raises(Refused):
        await write(world, "поздно")


@pytest.mark.parametrize("call_id", ["", "pbx:9.9", f"{CALL}'; --", "\U0001f600" * 50])
async def test_an_invented_call_is_refused(world: World, call_id: str) -> None:
    await talking(world)
    with pytest.raises(Refused) as refused:
        await service(world).save_text(world.account, ANNA, call_id, text="x", seen=0)
    assert refused.value.code == "call_unknown"


async def test_nothing_is_taken_while_the_integration_is_off(world: World) -> None:
    await talking(world)
    world.account.settings = replace(world.account.settings, enabled=False)
    with pytest.raises(Refused) as refused:
        await write(world, "выключено")
    assert refused.value.code == "integration_disabled"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("a\r\nb\rc\x00\x1b[2J", "a\nb\nc[2J"),
        ("\u202eотправь деньги\u202c", "отправь деньги"),
        ("\U0001f600" * 10, "\U0001f600" * 10),
    ],
)
async def test_hostile_text_is_kept_as_text_without_what_changes_the_text_around_it(
    world: World, text: str, kept: str
) -> None:
    await talking(world)
    assert (await write(world, text)).text == kept


async def test_five_thousand_characters_are_taken_and_not_one_more(world: World) -> None:
    await talking(world)
    await write(world, "ы" * 5000)
    with pytest.raises(Refused) as refused:
        await write(world, "ы" * 5001)
    assert refused.value.code == "bad_request"
    await hung_up(world)
    await world.deliver_with_pauses()
    assert world.crm.texts[0].text.count("ы") == 5000


async def test_a_page_that_saves_without_end_is_slowed_down(world: World) -> None:
    await talking(world)
    codes = set()
    for number in range(130):
        try:
            await write(world, str(number))
        except Refused as exc:
            codes.add(exc.code)
    assert codes == {"rate_limited"}


@pytest.mark.parametrize(
    "moment", ["", "tomorrow", "2020-01-01T10:00", "2099-01-01T10:00", "2026-13-40T99:99", "2026-11-30T10:00Z"]
)
async def test_a_due_time_that_is_past_far_away_or_none_is_refused(world: World, moment: str) -> None:
    await talking(world)
    with pytest.raises(Refused) as refused:
        await conclude(world, conclusion(due=moment))
    assert refused.value.code == "bad_due"


async def test_only_the_offices_results_are_taken(world: World) -> None:
    world.account.settings = replace(world.account.settings, call_results=("Продано", "Отказ"))
    await talking(world)
    await conclude(world, conclusion(result="Продано"))
    with pytest.raises(Refused) as refused:
        await conclude(world, conclusion("request-2", result="Заинтересован"))
    assert refused.value.code == "bad_result"


async def test_a_result_that_the_office_has_renamed_since_may_stay(world: World) -> None:
    await talking(world)
    await conclude(world, conclusion(result="Заинтересован"))
    world.account.settings = replace(world.account.settings, call_results=("Продано",))
    note = await conclude(world, conclusion("request-2", result="Заинтересован", text="дополнено"))
    assert note.text == "дополнено"
