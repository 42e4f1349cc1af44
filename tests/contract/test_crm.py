"""The Crm port: the fake for services' tests and the real connector behave the same."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, fields, replace
from typing import Protocol

import pytest

from connectors.amocrm.sandbox.api_unsorted import accept_entry, decline_entry
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.crm.entities import Deal, EntityKind, EntityRef, Manager, Person
from integration.domain.ids import ManagerId, Timestamp
from integration.errors import InInbox, NotFound, NotResponsible, OutcomeUnknown, Rejected, Unavailable
from integration.ports.crm import CallRecord, Crm, InboxState
from integration.testing import CRM_ABILITIES, FakeCrm
from tests.adapters.amocrm_kit import ANNA, Office, number, office, record

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


@pytest.fixture(params=["fake", "amocrm"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "fake":
        yield FakeWorld(FakeCrm(all_managers=[Manager(id=ANNA, name="Анна Орлова")]))
        return
    async with office() as made:
        yield AmocrmWorld(made)


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


async def test_who_cannot_be_responsible_accepts_no_entry(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    world.dismiss(BORIS)
    with pytest.raises(NotResponsible):
        await world.crm.accept_entry(first.entity, responsible=BORIS)
    assert (await world.crm.inbox_entry(first.entity, deal=first.deal)).state is InboxState.WAITING


async def test_a_contact_that_is_gone_is_not_renamed(world: World) -> None:
    with pytest.raises(NotFound):
        await world.crm.rename_contact(EntityRef(EntityKind.CONTACT, "999999"), "Пётр")


async def test_a_declined_entry_is_told_from_an_accepted_one(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    world.decline(first.id)
    declined = await world.crm.inbox_entry(first.entity, deal=first.deal)
    assert (declined.state, declined.deal, declined.person) == (InboxState.DECLINED, None, None)
    with pytest.raises(NotFound):
        await world.crm.log_call(call("pbx:2.2"), first.entity)


async def test_what_became_of_an_entry_whose_deal_was_not_kept_cannot_be_said(world: World) -> None:
    first = await world.crm.log_to_inbox(call())
    assert (await world.crm.inbox_entry(first.entity)).state is InboxState.WAITING
    world.accept(first.id)
    assert (await world.crm.inbox_entry(first.entity)).state is InboxState.DECLINED


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
    ]
    for attempt in tried:
        with pytest.raises(Rejected, match="cannot"):
            await attempt()
