"""The Crm port: the fake for services' tests and the real connector behave the same."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import pytest

from connectors.amocrm.sandbox.api_unsorted import accept_entry, decline_entry
from connectors.bitrix24.sandbox.sandbox import Fault
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Manager, Person
from integration.domain.crm.filters import CrmFilter, StageRef
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import InInbox, NotFound, NotResponsible, OutcomeUnknown, Rejected, Unavailable
from integration.ports.crm import CallRecord, Crm, InboxState, NextTask
from integration.testing import CRM_ABILITIES, FakeCrm
from tests.adapters.amocrm_kit import ANNA, Office, number, office, record
from tests.adapters.bitrix24_kit import Connected, connected
from tests.adapters.bitrix24_sandbox_kit import running_sandbox

BORIS = ManagerId("610078")
CLIENT = number("+79012223344")
LATER = Timestamp(time.time() + 3600)
NOBODY = EntityRef(EntityKind.CONTACT, "99999999")


class World(Protocol):
    """A CRM, and what people do in it."""

    @property
    def crm(self) -> Crm: ...

    def contact(self, name: str, *phones: str, at: int = 1_700_000_000) -> EntityRef: ...

    def deal(self, contact: EntityRef) -> EntityRef: ...

    def lose_next_answer(self) -> None:
        """The next write takes effect, but its answer never arrives."""

    def break_next_write(self) -> None:
        """The next write does not reach the CRM."""

    def written(self, key: str) -> int:
        """How often the call with this key is in the CRM."""

    def accept(self, uid: str) -> None:
        """A person accepts the lead."""

    def decline(self, uid: str) -> None:
        """A person declines the lead."""

    def dismiss(self, manager: ManagerId) -> None:
        """Deactivate this user in the CRM."""

    def refuse_notes_in_inbox(self) -> None:
        """From now on the CRM refuses notes to a waiting entry."""


@dataclass
class FakeWorld:
    crm: FakeCrm

    def contact(self, name: str, *phones: str, at: int = 1_700_000_000) -> EntityRef:
        ref = EntityRef(EntityKind.CONTACT, str(len(self.crm.persons) + 1))
        self.crm.add(Person(ref=ref, name=name, responsible=ANNA, phones=phones, created_at=at, updated_at=at))
        return ref

    def deal(self, contact: EntityRef) -> EntityRef:
        ref = EntityRef(EntityKind.DEAL, str(len(self.crm.deals) + 1))
        self.crm.add(Deal(ref=ref, name="Кухня", responsible=ANNA, persons=(contact,), main_person=contact))
        return ref

    def lose_next_answer(self) -> None:
        self.crm.fail_after.append(OutcomeUnknown("lost"))

    def break_next_write(self) -> None:
        self.crm.fail_before.append(Unavailable("down"))

    def written(self, key: str) -> int:
        return self.crm.logged(key)

    def accept(self, uid: str) -> None:
        self.crm.accept(uid)

    def decline(self, uid: str) -> None:
        self.crm.decline(uid)

    def dismiss(self, manager: ManagerId) -> None:
        self.crm.refuses.add(manager)

    def refuse_notes_in_inbox(self) -> None:
        self.crm.takes_notes_in_inbox = False


@dataclass
class AmocrmWorld:
    office: Office

    @property
    def crm(self) -> Crm:
        return self.office.crm

    def contact(self, name: str, *phones: str, at: int = 1_700_000_000) -> EntityRef:
        return EntityRef(EntityKind.CONTACT, str(self.office.contact(name, *phones, at=at)))

    def deal(self, contact: EntityRef) -> EntityRef:
        values = {"name": "Кухня", "contacts": [int(contact.id)]}
        return EntityRef(EntityKind.DEAL, str(self.office.account.create("leads", values, int(ANNA))["id"]))

    def lose_next_answer(self) -> None:
        self.office.fault("timeout_after_store", method="POST", seconds=0)

    def break_next_write(self) -> None:
        self.office.fault("status", status=429, method="POST")

    def written(self, key: str) -> int:
        notes = [note["params"] for note in self.office.account.notes.values()]
        entries = [entry["metadata"] for entry in self.office.account.unsorted.values()]
        return sum(each.get("uniq") == key for each in [*notes, *entries])

    def accept(self, uid: str) -> None:
        account = self.office.account
        accept_entry(account, account.unsorted[uid], int(ANNA), None)

    def decline(self, uid: str) -> None:
        account = self.office.account
        decline_entry(account, account.unsorted[uid], int(ANNA))

    def dismiss(self, manager: ManagerId) -> None:
        self.office.account.users[int(manager)]["rights"]["is_active"] = False

    def refuse_notes_in_inbox(self) -> None:
        self.office.account.unsorted_takes_notes = False


@dataclass
class Bitrix24World:
    """Without an inbox, and without a refusal of dismissed users: `World`'s other methods are not for it."""

    portal: Connected

    @property
    def crm(self) -> Crm:
        return self.portal.crm

    def contact(self, name: str, *phones: str, at: int = 1_700_000_000) -> EntityRef:
        ref = self.portal.add(EntityKind.CONTACT, *phones, NAME=name)
        self.portal.record(ref).update(DATE_CREATE=at, DATE_MODIFY=at)
        return ref

    def deal(self, contact: EntityRef) -> EntityRef:
        return self.portal.add(EntityKind.DEAL, TITLE="Кухня", CONTACT_IDS=[int(contact.id)])

    def _fault(self, kind: str, **more: Any) -> None:
        self.portal.bitrix.sandbox.faults.append(Fault(kind=kind, count=1, seconds=0, **more))

    def lose_next_answer(self) -> None:
        self._fault("timeout_after_store")

    def break_next_write(self) -> None:
        self._fault("status", status=503, code="QUERY_LIMIT_EXCEEDED")

    def written(self, key: str) -> int:
        return sum(f"#{key}" in each["COMMENT"] for each in self.portal.portal.comments.values())

    def accept(self, uid: str) -> None:
        raise NotImplementedError

    def decline(self, uid: str) -> None:
        raise NotImplementedError

    def dismiss(self, manager: ManagerId) -> None:
        raise NotImplementedError

    def refuse_notes_in_inbox(self) -> None:
        raise NotImplementedError


@asynccontextmanager
async def bitrix24_world() -> AsyncIterator[Bitrix24World]:
    async with running_sandbox() as bitrix:
        bitrix.clock.time = time.time()
        async with connected(bitrix) as portal:
            template = next(iter(bitrix.portal.users.values()))
            for manager, name in ((ANNA, "Анна"), (BORIS, "Борис")):
                named = {"ID": int(manager), "NAME": name, "LAST_NAME": "Орлова", "UF_PHONE_INNER": ""}
                bitrix.portal.users[int(manager)] = {**template, **named, "IS_ADMIN": False}
            yield Bitrix24World(portal)


WITH_INBOX = pytest.mark.parametrize("world", ["fake", "amocrm"], indirect=True)
REFUSES_USERS = pytest.mark.parametrize("world", ["fake", "amocrm"], indirect=True)  # Bitrix24 takes dismissed ones


@pytest.fixture(params=["fake", "amocrm", "bitrix24"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "fake":
        yield FakeWorld(FakeCrm(all_managers=[Manager(id=ANNA, name="Анна Орлова")]))
        return
    if request.param == "bitrix24":
        async with bitrix24_world() as made:
            yield made
        return
    async with office() as account:
        yield AmocrmWorld(account)


def call(key: str = "pbx:1.1") -> CallRecord:
    return record(key, client=CLIENT)


async def test_managers_have_ids_and_names(world: World) -> None:
    assert {each.id: each.name for each in await world.crm.managers()}[ANNA] == "Анна Орлова"


async def test_a_number_finds_those_who_have_it_oldest_first(world: World) -> None:
    younger = world.contact("Младший", "+7 901 222-33-44", at=1_700_000_500)
    older = world.contact("Старший", "8 (901) 222-33-44", at=1_700_000_000)
    world.contact("Другой 9012223344", "+7 901 222-33-45")
    assert [person.ref for person in await world.crm.find_persons(CLIENT)] == [older, younger]
    assert await world.crm.find_persons(number("+79990009999")) == []


async def test_what_is_gone_is_none(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    found = await world.crm.person(known)
    assert found is not None
    assert found.ref == known
    assert await world.crm.person(NOBODY) is None
    assert await world.crm.deal(EntityRef(EntityKind.DEAL, "99999999")) is None


async def test_a_deal_names_its_person(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    deal = await world.crm.deal(world.deal(known))
    assert deal is not None
    assert deal.persons == (known,)
    assert deal.is_open


async def test_everybody_is_read_once_and_only_the_changed_when_asked(world: World) -> None:
    old = world.contact("Старый", "+79010000001", at=1_700_000_000)
    since = int(time.time()) - 10
    new = world.contact("Новый", "+79010000002", at=since + 5)
    refs = [person.ref async for page in world.crm.all_persons() for person in page]
    assert {old, new} <= set(refs)
    assert len(refs) == len(set(refs))
    assert [person.ref async for page in world.crm.all_persons(updated_since=since) for person in page] == [new]


async def test_a_list_by_a_filter_has_who_fits_once_by_rising_id_and_goes_on_behind_a_page(world: World) -> None:
    known = [world.contact(f"Клиент {number}", at=1_600_000_000 + number) for number in range(3)]
    world.contact("Поздний", at=1_700_000_000)
    wanted = CrmFilter(kind=EntityKind.CONTACT, created_from=1_600_000_000, created_until=1_600_000_003)
    found = [page async for page in world.crm.listed(wanted)]
    assert [each.ref for page in found for each in page.items] == known
    again = [each.ref async for page in world.crm.listed(wanted, after=found[-1].after) for each in page.items]
    assert again == []
    nobodys = CrmFilter(kind=EntityKind.CONTACT, responsibles=(ManagerId("424242"),))
    assert [each async for page in world.crm.listed(nobodys) for each in page.items] == []


async def test_deals_are_listed_by_their_stage_with_their_persons(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    sold = world.deal(known)
    deal = await world.crm.deal(sold)
    assert deal is not None
    if not isinstance(world, FakeWorld):
        pipelines = await world.crm.pipelines()
        here = next(each for each in pipelines if each.id == deal.pipeline)
        assert deal.stage in [each.id for each in here.stages]
        for stage in (StageRef(here.id), StageRef(here.id, deal.stage or "")):
            wanted = CrmFilter(kind=EntityKind.DEAL, stages=(stage,), only_open=True)
            found = [each async for page in world.crm.listed(wanted) for each in page.items]
            assert (sold, (known,)) in [(each.ref, each.persons) for each in found if isinstance(each, Deal)]
    elsewhere = CrmFilter(kind=EntityKind.DEAL, stages=(StageRef("424242"),))
    assert [each async for page in world.crm.listed(elsewhere) for each in page.items] == []


async def test_a_call_is_written_and_found_by_its_key(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    for target in (known, world.deal(known)):
        assert await world.crm.find_logged_call(call(f"pbx:{target.kind}"), target) is None
        logged = await world.crm.log_call(call(f"pbx:{target.kind}"), target)
        assert logged.entity == target
        assert await world.crm.find_logged_call(call(f"pbx:{target.kind}"), target) == logged
        assert await world.crm.find_logged_call(call(f"pbx:{target.kind}.2"), target) is None


async def test_a_call_for_nobody_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.crm.log_call(call(), NOBODY)
    assert await world.crm.find_logged_call(call(), NOBODY) is None


async def test_a_lost_answer_is_told_and_the_call_is_there_once(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    world.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        await world.crm.log_call(call(), known)
    assert await world.crm.find_logged_call(call(), known) is not None
    assert world.written("pbx:1.1") == 1


async def test_a_write_that_did_not_arrive_is_not_uncertain(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    world.break_next_write()
    with pytest.raises(Unavailable) as failed:
        await world.crm.log_call(call(), known)
    assert not isinstance(failed.value, OutcomeUnknown)
    assert world.written("pbx:1.1") == 0


@WITH_INBOX
async def test_a_stranger_goes_into_the_inbox_once(world: World) -> None:
    assert await world.crm.find_in_inbox(call()) is None
    world.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        await world.crm.log_to_inbox(call())
    found = await world.crm.find_in_inbox(call())
    assert found is not None
    assert found.entity.kind is EntityKind.LEAD
    assert world.written("pbx:1.1") == 1
    assert await world.crm.find_in_inbox(call("pbx:2.2")) is None


@WITH_INBOX
async def test_a_later_call_is_written_into_the_entry_that_waits_and_is_there_after_it_is_accepted(
    world: World,
) -> None:
    first = await world.crm.log_to_inbox(call())
    assert first.deal is not None
    assert await world.crm.find_in_inbox(call()) == first
    waiting = await world.crm.inbox_entry(first.entity, deal=first.deal)
    assert (waiting.state, waiting.deal) == (InboxState.WAITING, first.deal)

    second = await world.crm.log_call(call("pbx:2.2"), first.entity)
    assert second.entity == first.entity
    assert await world.crm.find_logged_call(call("pbx:2.2"), first.entity) == second
    assert await world.crm.find_persons(CLIENT) == []

    world.accept(first.id)
    accepted = await world.crm.inbox_entry(first.entity, deal=first.deal)
    assert (accepted.state, accepted.deal, accepted.person) == (InboxState.ACCEPTED, first.deal, waiting.person)
    assert [person.ref for person in await world.crm.find_persons(CLIENT)] == [accepted.person]
    assert await world.crm.find_logged_call(call("pbx:2.2"), first.deal) is not None
    assert world.written("pbx:1.1") == world.written("pbx:2.2") == 1


@WITH_INBOX
async def test_what_an_entry_that_waits_does_not_take_is_said_and_can_be_written_after_it_is_accepted(
    world: World,
) -> None:
    first = await world.crm.log_to_inbox(call())
    world.refuse_notes_in_inbox()
    with pytest.raises(InInbox):
        await world.crm.log_call(call("pbx:2.2"), first.entity)
    world.accept(first.id)
    with pytest.raises(NotFound):
        await world.crm.log_call(call("pbx:2.2"), first.entity)
    assert await world.crm.find_logged_call(call("pbx:2.2"), first.entity) is None
    accepted = await world.crm.inbox_entry(first.entity, deal=first.deal)
    assert accepted.deal is not None
    assert (await world.crm.log_call(call("pbx:2.2"), accepted.deal)).entity == accepted.deal
    assert world.written("pbx:2.2") == 1


@WITH_INBOX
async def test_an_entry_that_we_accept_becomes_its_contact_under_the_name_we_give_it(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    await world.crm.accept_entry(first.entity, responsible=BORIS)
    accepted = await world.crm.inbox_entry(first.entity, deal=first.deal)
    assert accepted.state is InboxState.ACCEPTED
    assert accepted.person is not None
    renamed = await world.crm.rename_contact(accepted.person, "Пётр Новый")
    assert (renamed.ref, renamed.name, renamed.responsible) == (accepted.person, "Пётр Новый", BORIS)
    assert await world.crm.find_persons(CLIENT) == [await world.crm.person(accepted.person)]
    with pytest.raises(NotFound):
        await world.crm.accept_entry(first.entity, responsible=BORIS)
    assert world.written("pbx:1.1") == 1


@WITH_INBOX
async def test_who_cannot_be_responsible_accepts_no_entry(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    world.dismiss(BORIS)
    with pytest.raises(NotResponsible):
        await world.crm.accept_entry(first.entity, responsible=BORIS)
    assert (await world.crm.inbox_entry(first.entity, deal=first.deal)).state is InboxState.WAITING


async def test_a_contact_that_is_gone_is_not_renamed(world: World) -> None:
    with pytest.raises(NotFound):
        await world.crm.rename_contact(EntityRef(EntityKind.CONTACT, "999999"), "Пётр")


@WITH_INBOX
async def test_a_declined_entry_is_told_from_an_accepted_one(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    world.decline(first.id)
    declined = await world.crm.inbox_entry(first.entity, deal=first.deal)
    assert (declined.state, declined.deal, declined.person) == (InboxState.DECLINED, None, None)
    with pytest.raises(NotFound):
        await world.crm.log_call(call("pbx:2.2"), first.entity)


@WITH_INBOX
async def test_what_became_of_an_entry_whose_deal_was_not_kept_cannot_be_said(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    assert (await world.crm.inbox_entry(first.entity)).state is InboxState.WAITING
    world.accept(first.id)
    assert (await world.crm.inbox_entry(first.entity)).state is InboxState.DECLINED


async def test_a_client_and_a_deal_go_to_another_manager(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    deal = world.deal(known)
    for _ in range(2):
        await world.crm.change_responsible(known, BORIS)
        await world.crm.change_responsible(deal, BORIS)
    person, read = await world.crm.person(known), await world.crm.deal(deal)
    assert person is not None
    assert (person.responsible, person.name, person.phones) == (BORIS, "Клиент", (CLIENT.e164,))
    assert read is not None
    assert (read.responsible, read.persons) == (BORIS, (known,))
    with pytest.raises(NotFound):
        await world.crm.change_responsible(NOBODY, BORIS)


@REFUSES_USERS
async def test_a_client_does_not_go_to_who_cannot_have_it(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    before = await world.crm.person(known)
    world.dismiss(BORIS)
    with pytest.raises(NotResponsible):
        await world.crm.change_responsible(known, BORIS)
    assert await world.crm.person(known) == before


@REFUSES_USERS
async def test_a_user_who_cannot_be_responsible_is_named_and_nothing_is_written(world: World) -> None:
    known = world.contact("Клиент", "+79010000001")
    world.dismiss(BORIS)
    crm, dismissed = world.crm, replace(call(), responsible=BORIS)
    for write in (
        lambda: crm.log_call(dismissed, known),
        lambda: crm.create_task(text="Перезвонить", due_at=LATER, responsible=BORIS, target=known),
        lambda: crm.create_contact(name="Новый", number=CLIENT, responsible=BORIS),
    ):
        with pytest.raises(NotResponsible) as refused:
            await write()
        assert refused.value.manager == BORIS
    assert world.written("pbx:1.1") == 0
    assert await crm.find_task(text="Перезвонить", target=known) is None
    assert await crm.find_persons(CLIENT) == []


async def test_a_task_is_found_by_its_text_at_its_entity(world: World) -> None:
    known, other = world.contact("Клиент", CLIENT.e164), world.contact("Другой", "+79010000001")
    text = "Перезвонить: пропущенный звонок с +79161234567, 29.11 15:04 (UTC+3)"
    assert await world.crm.find_task(text=text, target=known) is None
    world.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        await world.crm.create_task(text=text, due_at=LATER, responsible=ANNA, target=known)
    task = await world.crm.find_task(text=text, target=known)
    assert task is not None
    assert await world.crm.find_task(text=text + " ", target=other) is None
    assert await world.crm.find_task(text=text.replace("15", "16"), target=known) is None


async def test_a_task_is_changed_completed_and_asked_about(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    task = await world.crm.create_task(text="Перезвонить: 1", due_at=LATER, responsible=ANNA, target=known)
    assert await world.crm.is_task_open(task)
    await world.crm.change_task(task, text="Перезвонить: 2")
    assert await world.crm.find_task(text="Перезвонить: 2", target=known) == task
    await world.crm.complete_task(task, result="Разговор состоялся")
    await world.crm.complete_task(task, result="Разговор состоялся")
    assert not await world.crm.is_task_open(task)
    assert await world.crm.find_task(text="Перезвонить: 2", target=known) == task


async def test_a_task_gets_another_deadline(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    task = await world.crm.create_task(text="Перезвонить", due_at=LATER, responsible=ANNA, target=known)
    await world.crm.change_task(task, text="Перезвонить позже", due_at=Timestamp(LATER + 3600))
    assert await world.crm.find_task(text="Перезвонить позже", target=known) == task


async def test_a_note_is_found_by_its_text_at_its_entity(world: World) -> None:
    known, other = world.contact("Клиент", CLIENT.e164), world.contact("Другой", "+79010000001")
    text = "Заметка к звонку: 29.11 15:04:07 (UTC+3), Анна\nПросит счёт\n\nи акт"
    since = Timestamp(time.time() - 60)
    assert await world.crm.find_note(text=text, target=known, since=since) is None
    world.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        await world.crm.add_note(text=text, target=known, author=ANNA)
    note = await world.crm.find_note(text=text, target=known, since=since)
    assert note is not None
    assert await world.crm.find_note(text=text, target=other, since=since) is None
    assert await world.crm.find_note(text=text.replace("15", "16"), target=known, since=since) is None


async def test_a_note_is_changed_as_often_as_one_likes(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    target, since = world.deal(known), Timestamp(time.time() - 60)
    note = await world.crm.add_note(text="первый", target=target, author=ANNA)
    for _ in range(2):
        await world.crm.change_note(note, text="второй", target=target)
    assert await world.crm.find_note(text="второй", target=target, since=since) == note
    assert await world.crm.find_note(text="первый", target=target, since=since) is None


@WITH_INBOX
async def test_a_note_in_a_waiting_entry_is_in_the_deal_that_comes_of_it(world: World) -> None:
    logged = await world.crm.log_to_inbox(record("k"))
    assert logged.deal is not None
    note = await world.crm.add_note(text="первый", target=logged.entity, author=ANNA)
    world.accept(logged.id)
    await world.crm.change_note(note, text="второй", target=logged.deal)
    assert await world.crm.find_note(text="второй", target=logged.deal, since=Timestamp(0.0)) == note


@WITH_INBOX
async def test_an_entry_that_takes_no_notes_says_so_and_one_that_has_left_too(world: World) -> None:
    logged = await world.crm.log_to_inbox(record("k"))
    world.refuse_notes_in_inbox()
    with pytest.raises(InInbox):
        await world.crm.add_note(text="x", target=logged.entity, author=ANNA)
    world.decline(logged.id)
    with pytest.raises(NotFound):
        await world.crm.add_note(text="x", target=logged.entity, author=ANNA)


@REFUSES_USERS
async def test_a_note_for_nobody_and_one_of_a_dismissed_author_are_refused(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    with pytest.raises(NotFound):
        await world.crm.add_note(text="x", target=NOBODY, author=ANNA)
    with pytest.raises(NotFound):
        await world.crm.change_note("999999", text="x", target=known)
    world.dismiss(BORIS)
    with pytest.raises(NotResponsible):
        await world.crm.add_note(text="x", target=known, author=BORIS)


async def test_a_task_that_is_gone_is_not_open_and_cannot_be_changed(world: World) -> None:
    assert not await world.crm.is_task_open("999999")
    for change in (world.crm.change_task("999999", text="x"), world.crm.complete_task("999999", result="x")):
        with pytest.raises(NotFound):
            await change


async def test_a_new_contact_is_found_by_its_number(world: World) -> None:
    person = await world.crm.create_contact(name="Новый", number=CLIENT, responsible=ANNA)
    assert (person.name, person.phones, person.responsible) == ("Новый", (CLIENT.e164,), ANNA)
    assert [found.ref for found in await world.crm.find_persons(CLIENT)] == [person.ref]


async def test_the_popup_is_sent_to_anybody(world: World) -> None:
    await world.crm.notify_ringing(CLIENT, [ANNA, ManagerId("610078")])


async def test_each_entity_has_an_address_of_its_own(world: World) -> None:
    known = world.contact("Клиент", CLIENT.e164)
    addresses = {world.crm.entity_url(ref) for ref in (known, world.deal(known), NOBODY)}
    assert len(addresses) == 3


@WITH_INBOX
async def test_the_fake_can_what_the_connector_can(world: World) -> None:
    """Otherwise tests of services would prove what no CRM does."""
    assert world.crm.abilities == CRM_ABILITIES


async def test_the_fake_refuses_what_it_cannot() -> None:
    """So a service that forgets to ask for an ability fails its test."""
    nothing = CrmAbilities(**dict.fromkeys((each.name for each in fields(CrmAbilities)), False))
    crm = FakeCrm(abilities=nothing)
    ref = EntityRef(EntityKind.LEAD, "1")
    tried: list[Callable[[], Awaitable[object]]] = [
        lambda: crm.log_to_inbox(record("k")),
        lambda: crm.find_in_inbox(record("k")),
        lambda: crm.inbox_entry(ref),
        lambda: crm.accept_entry(ref, responsible=None),
        lambda: crm.create_task(text="t", due_at=LATER, responsible=None, target=NOBODY),
        lambda: crm.find_task(text="t", target=NOBODY),
        lambda: crm.is_task_open("1"),
        lambda: crm.change_task("1", text="t"),
        lambda: crm.complete_task("1", result="r"),
        lambda: crm.notify_ringing(CLIENT, [ANNA]),
        lambda: crm.working_days([ANNA]),
        lambda: crm.next_task(NOBODY, []),
        lambda: crm.create_lead(name="l", number=CLIENT, responsible=None),
        lambda: crm.create_deal(name="d", person=NOBODY, responsible=None),
        lambda: crm.add_note(text="t", target=NOBODY, author=None),
        lambda: crm.find_note(text="t", target=NOBODY, since=LATER),
        lambda: crm.change_note("1", text="t", target=NOBODY),
    ]
    for attempt in tried:
        with pytest.raises(Rejected, match="cannot"):
            await attempt()


async def test_the_next_task_is_the_open_one_of_a_client_or_their_deals_that_is_due_first(world: World) -> None:
    contact, stranger = world.contact("Иван", "+7 901 222-33-44"), world.contact("Другой", "+7 901 222-33-55")
    deal = world.deal(contact)
    assert await world.crm.next_task(contact, [deal]) is None
    ids = []
    for text, target, due_at in (
        ("Позвонить", contact, LATER + 100),
        ("Отправить расчёт", deal, LATER),
        ("Чужая", stranger, LATER - 100),
    ):
        due = Timestamp(float(int(due_at)))
        ids.append(await world.crm.create_task(text=text, due_at=due, responsible=ANNA, target=target))
    first = await world.crm.next_task(contact, [deal])
    assert first == NextTask(text="Отправить расчёт", due_at=Timestamp(float(int(LATER))))
    without = await world.crm.next_task(contact, [])
    assert without is not None
    assert without.text == "Позвонить"
    await world.crm.complete_task(ids[1], result="да")
    second = await world.crm.next_task(contact, [deal])
    assert second is not None
    assert second.text == "Позвонить"
    await world.crm.complete_task(ids[0], result="да")
    assert await world.crm.next_task(contact, [deal]) is None


async def test_a_deal_is_made_for_a_contact_and_found_again_by_its_name(world: World) -> None:
    contact = world.contact("Иван", "+7 901 222-33-44")
    since = Timestamp(time.time() - 30)
    assert await world.crm.find_deal(name="Окна", person=contact, since=since) is None
    deal = await world.crm.create_deal(name="Окна", person=contact, responsible=ANNA)
    assert (deal.name, deal.responsible, deal.persons, deal.is_open) == ("Окна", ANNA, (contact,), True)
    stored = await world.crm.deal(deal.ref)
    assert stored is not None
    assert (stored.name, stored.persons) == ("Окна", (contact,))
    found = await world.crm.find_deal(name="Окна", person=contact, since=since)
    assert found is not None
    assert found.ref == deal.ref
    assert await world.crm.find_deal(name="Двери", person=contact, since=since) is None
    assert await world.crm.find_deal(name="Окна", person=contact, since=LATER) is None, "an older one of this name"


async def test_a_deal_whose_answer_was_lost_is_found(world: World) -> None:
    contact = world.contact("Иван", "+7 901 222-33-44")
    world.lose_next_answer()
    with pytest.raises(OutcomeUnknown):
        await world.crm.create_deal(name="Окна", person=contact, responsible=ANNA)
    assert await world.crm.find_deal(name="Окна", person=contact, since=Timestamp(time.time() - 30)) is not None


@REFUSES_USERS
async def test_a_deal_of_a_dismissed_user_is_refused_so_that_another_can_be_named(world: World) -> None:
    contact = world.contact("Иван", "+7 901 222-33-44")
    world.dismiss(BORIS)
    with pytest.raises(NotResponsible):
        await world.crm.create_deal(name="Окна", person=contact, responsible=BORIS)
    assert await world.crm.find_deal(name="Окна", person=contact, since=Timestamp(time.time() - 30)) is None
