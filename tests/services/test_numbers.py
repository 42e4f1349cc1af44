"""Texts of phone fields are read alike everywhere: in the phone book, in routing, for a click and in a search."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from connectors.amocrm import mapping
from integration.domain.calls.call import Call, Direction, Disposition, Origin
from integration.domain.calls.follow_up import follow_up
from integration.domain.calls.ownership import crm_call_id
from integration.domain.calls.tracking import Change
from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.ids import AccountId, CallId, Extension, ManagerId, PbxId, Timestamp
from integration.domain.numbers.client import call_key, search_keys
from integration.domain.numbers.numbering import DialForm, DialRules, Numbering
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.routing.route import RouteQuestion, StepKind
from integration.domain.settings import AccountSettings, Employee
from integration.errors import Rejected
from integration.ports.pbx import ClickToCall
from integration.services.click import Refused, number_to_dial
from integration.services.phone_book import PhoneBookMirror
from integration.services.routing import Routing
from integration.storage import Storage, open_storage
from integration.testing import FakeClock
from pbx_adapter.asterisk.ami.commands import originate
from tests.databases import sqlite_url
from tests.services.conftest import ACME, ANNA, BORIS, IVAN, World, answered, call, ended, missed_call, started

CASES = json.loads((Path(__file__).parent.parent / "fixtures/numbers/numbers.json").read_text("utf-8"))
ACCOUNT = AccountId("acme")
OWNER = ManagerId("7")
REF = EntityRef(EntityKind.CONTACT, "1")
GLUED = "79161234567"  # the last digits of "8 (495) 916-12-34 доб. 567" as one number


def settings_of(country: str) -> AccountSettings:
    return AccountSettings(
        account=ACCOUNT, country=country, employees=(Employee(extension=Extension("101"), manager=OWNER),)
    )


def written(text: str) -> Person:
    return Person(ref=REF, name="Клиент", responsible=OWNER, phones=(text,), updated_at=1)


@dataclass
class Office:
    storage: Storage
    routing: Routing

    async def rings(self, caller: str) -> str | None:
        decision = await self.routing.consider(RouteQuestion(did="74950000001", caller=caller))
        return next((step.target for step in decision.steps if step.kind is StepKind.RING), None)


@pytest_asyncio.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = await open_storage(sqlite_url(tmp_path), tmp_path, clock=FakeClock())
    yield opened
    await opened.close()


async def office_of(storage: Storage, country: str, text: str) -> Office:
    settings = settings_of(country)
    await storage.settings.save(settings)
    await storage.phone_book.put_persons(ACCOUNT, [written(text)], numbering=settings.numbering)
    routing = Routing(
        account=ACCOUNT,
        pbx=PbxId("pbx"),
        settings=lambda: settings,
        book=storage.phone_book,
        routes=storage.routes,
        clock=FakeClock(),
    )
    return Office(storage, routing)


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])


@each_case
async def test_a_caller_with_one_of_the_numbers_rings_the_contacts_manager(
    case: dict[str, Any], storage: Storage
) -> None:
    office = await office_of(storage, case["country"], case["text"])
    for number in case["numbers"]:
        assert [await office.rings(caller) for caller in (number, number[1:])] == ["101", "101"]
    if "+" + GLUED not in case["numbers"]:
        assert await office.rings(GLUED) is None
    assert await office.rings("0000000000") is None
    assert await office.rings("70000000000") is None


@each_case
def test_the_crms_own_search_is_checked_by_the_same_numbers(case: dict[str, Any]) -> None:
    numbering = Numbering(case["country"])
    person = written(case["text"])
    for number in case["numbers"]:
        assert mapping.has_number(person, PhoneNumber(number, number), numbering)
    if "+" + GLUED not in case["numbers"]:
        assert not mapping.has_number(person, PhoneNumber("+" + GLUED, GLUED), numbering)


@each_case
def test_a_click_dials_the_first_number_and_keeps_its_extension(case: dict[str, Any]) -> None:
    if not case["numbers"]:
        with pytest.raises(Refused):
            number_to_dial(case["text"], Numbering(case["country"]))
        return
    dialled, found = number_to_dial(case["text"], Numbering(case["country"]))
    assert dialled == case["numbers"][0]
    assert found is not None
    assert found.extension == case["extension"]


@each_case
def test_a_search_finds_the_calls_with_every_number(case: dict[str, Any]) -> None:
    numbering = Numbering(case["country"])
    keys = {call_key(inbound(number[1:]), numbering) for number in case["numbers"]}
    if keys:
        assert set(search_keys(case["text"], numbering)) == keys


def inbound(caller: str, direction: Direction = Direction.INBOUND) -> Call:
    is_inbound = direction is Direction.INBOUND
    return Call(
        id=CallId("pbx:1.0"),
        account=ACCOUNT,
        pbx=PbxId("pbx"),
        native_id="1.0",
        direction=direction,
        caller=caller if is_inbound else "101",
        called="74950000001" if is_inbound else caller,
        started_at=Timestamp(1.0),
        ended_at=Timestamp(9.0),
        disposition=Disposition.MISSED if is_inbound else Disposition.NOANSWER,
    )


OUTSIDE = ["2667777", "72667", "0000000000", "70000000000", "112", "0911", "*100#", "0001#2667777", "79161234567"]


@pytest.mark.parametrize("direction", [Direction.INBOUND, Direction.OUTBOUND])
@pytest.mark.parametrize("number", OUTSIDE)
def test_a_call_of_the_trunk_is_logged_whatever_its_digits(number: str, direction: Direction) -> None:
    intents = follow_up(inbound(number, direction), frozenset({Change.ENDED}), settings_of("RU"), Timestamp(9.0))
    assert "log_call" in [intent.key for intent in intents]


@pytest.mark.parametrize("number", ["anonymous", "", "<unknown>", "Anna"])
def test_a_caller_without_a_digit_stays_in_the_journal(number: str) -> None:
    assert follow_up(inbound(number), frozenset({Change.ENDED}), settings_of("RU"), Timestamp(9.0)) == ()


@pytest.mark.parametrize("caller", ["2667777", "0000000000", "72667", "70000000000"])
async def test_digits_that_are_no_number_go_into_the_inbox_as_they_are(world: World, caller: str) -> None:
    await world.emit(*missed_call(world.clock.now(), caller))
    await world.deliver()
    assert [record.client.written for record in world.crm.inbox] == [caller]
    assert world.crm.tasks == []
    assert world.crm.rang == []


async def test_nobody_becomes_one_person_with_all_who_show_noughts(world: World) -> None:
    """The contact of an accepted entry has zeros for a phone; the next caller with zeros is another person."""
    world.crm.add(replace(IVAN, ref=EntityRef(EntityKind.CONTACT, "9"), phones=("0000000000",)))
    await world.storage.phone_book.put_persons(
        ACME, list(world.crm.persons.values()), numbering=world.account.settings.numbering
    )
    await world.emit(*missed_call(world.clock.now(), "0000000000", "1.0"))
    await world.emit(*missed_call(world.clock.now() + 60, "0000000000", "2.0"))
    await world.deliver(after=90)
    assert [record.client.written for record in world.crm.inbox] == ["0000000000"] * 2
    assert not any(world.crm.notes.values())


async def test_with_the_area_code_a_local_caller_is_the_client(world: World) -> None:
    world.account.settings = replace(world.account.settings, dial=DialRules(area_code="495"))
    settings = world.account.settings
    local = replace(IVAN, ref=EntityRef(EntityKind.CONTACT, "9"), phones=("266-77-77",))
    world.crm.add(local)
    await world.storage.phone_book.put_persons(ACME, [local], numbering=settings.numbering)
    for n, caller in enumerate(("2667777", "74952667777", "84952667777")):
        await world.emit(*missed_call(world.clock.now() + n * 60, caller, f"{n}.0"))
    await world.deliver(after=200)
    assert [record.client.written for record in world.crm.notes[local.ref]] == ["+74952667777"] * 3


async def test_an_outgoing_call_to_a_short_number_makes_no_contact(world: World) -> None:
    before = set(world.crm.persons)
    start = replace(started(world.clock.now(), "101"), direction=Direction.OUTBOUND, called="0911")
    await world.emit(start, *answered(world.clock.now() + 3, "101"), ended(world.clock.now() + 60))
    await world.deliver(after=90)
    result = (await world.storage.outbox.results(ACME, call()))["log_call"]
    assert result == {"skipped": "no_full_number"}
    assert set(world.crm.persons) == before


async def test_a_search_finds_digits_that_are_no_number(world: World) -> None:
    await world.emit(*missed_call(world.clock.now(), "2667777"))
    [key] = search_keys("266-77-77", world.account.settings.numbering)
    assert [found.id for found in await world.storage.calls.recent(ACME, match_key=key)] == [call()]
    assert await world.storage.phone_book.lookup(ACME, key) == []


@pytest.mark.parametrize(
    ("rules", "text", "dialled"),
    [
        (DialRules(), "8 916 123-45-67", "+79161234567"),
        (DialRules(outside_prefix="9"), "8 916 123-45-67", "979161234567"),
        (DialRules(click=DialForm.NATIONAL), "+7 916 123-45-67", "89161234567"),
        (DialRules(click=DialForm.NATIONAL), "+380 67 123 45 67", "810380671234567"),
        (DialRules(click=DialForm.NATIONAL, international_prefix="00"), "+380 67 123 45 67", "00380671234567"),
        (DialRules(click=DialForm.NATIONAL, outside_prefix="9"), "(495) 123-45-67", "984951234567"),
        (DialRules(click=DialForm.NATIONAL, trunk_prefix=""), "8 495 123-45-67", "4951234567"),
        (DialRules(click=DialForm.LOCAL, area_code="495"), "8 495 123-45-67", "1234567"),
        (DialRules(click=DialForm.LOCAL, area_code="495"), "123-45-67", "1234567"),
        (DialRules(click=DialForm.LOCAL, area_code="495"), "8 499 123-45-67", "84991234567"),
        (DialRules(click=DialForm.LOCAL, area_code="495", outside_prefix="9"), "8 495 123-45-67", "91234567"),
        (DialRules(carrier_prefix="0001#"), "8 495 123-45-67", "+74951234567"),
        (DialRules(), "101", "101"),
        (DialRules(), "1 01", "101"),
        (DialRules(click=DialForm.NATIONAL, outside_prefix="9"), "101", "101"),
    ],
)
def test_a_click_dials_as_the_office_does(rules: DialRules, text: str, dialled: str) -> None:
    assert number_to_dial(text, Numbering("RU", rules))[0] == dialled


@pytest.mark.parametrize(
    "text", ["", "Иван", "кв. 12", "12.05.2024", "266-77-77", "9" * 40, "1-2-3-4-5-6-7", "10:00-18:00"]
)
def test_junk_is_refused_rather_than_glued(text: str) -> None:
    with pytest.raises(Refused) as caught:
        number_to_dial(text, Numbering())
    assert caught.value.code == "bad_number"


async def test_a_click_reads_the_text_that_the_widget_sends(world: World) -> None:
    text = "раб. 8 (495) 123-45-67 доб. 105, моб. 8 916 123-45-67 (после 18:00)"
    await world.clicks.call(world.account, ANNA, number=text, request="a0000000-1")
    assert [click.number for click in world.pbx.clicks] == ["+74951234567"]
    sent = originate(
        request_id="a0000000-1",
        extension="101",
        number=world.pbx.clicks[0].number,
        channel_template="PJSIP/{extension}",
        context="from-internal",
        timeout_seconds=30,
    )
    assert ("Exten", "74951234567") in sent.headers


async def test_every_number_that_an_office_dials_can_be_sent_to_the_pbx(world: World) -> None:
    rules = DialRules(outside_prefix="*9#", click=DialForm.NATIONAL)
    number, _ = number_to_dial("+380 67 123 45 67", Numbering("RU", rules))
    click = ClickToCall(request_id="a0000000-1", extension="101", number=number)
    try:
        originate(
            request_id=click.request_id,
            extension=click.extension,
            number=click.number,
            channel_template="PJSIP/{extension}",
            context="from-internal",
            timeout_seconds=30,
        )
    except Rejected:
        pytest.fail(f"{number} is refused")


async def ready(_: object) -> bool:
    return True


async def test_a_phone_book_of_an_older_reading_is_keyed_again_before_the_crm_is_asked(world: World) -> None:
    """Its keys are joined digits: another number would find the contact."""
    book = world.storage.phone_book
    shop = replace(IVAN, ref=EntityRef(EntityKind.CONTACT, "9"), phones=("8 (495) 916-12-34 доб. 567",))
    world.crm.add(shop)
    mirror = PhoneBookMirror(book, world.clock, ready)
    await mirror.bring_up_to_date(world.account)
    progress = await book.progress(ACME)
    assert progress is not None
    await make_old(world, shop, "9161234567")
    await book.save_progress(ACME, replace(progress, keyed_by=""))
    assert await book.lookup(ACME, "9161234567") == [IVAN, shop]

    async def refuse(_: object) -> bool:
        raise Rejected("the CRM is away")

    with pytest.raises(Rejected):
        await PhoneBookMirror(book, world.clock, refuse).bring_up_to_date(world.account)
    assert await book.lookup(ACME, "9161234567") == [IVAN]
    assert await book.lookup(ACME, "4959161234") == [shop]


async def test_an_area_code_that_is_set_later_makes_local_numbers_known(world: World) -> None:
    book = world.storage.phone_book
    shop = replace(IVAN, ref=EntityRef(EntityKind.CONTACT, "9"), phones=("266-77-77",))
    world.crm.add(shop)
    mirror = PhoneBookMirror(book, world.clock, ready)
    await mirror.bring_up_to_date(world.account)
    assert await book.lookup(ACME, "4952667777") == []
    world.account.settings = replace(world.account.settings, dial=DialRules(area_code="495"))
    await mirror.bring_up_to_date(world.account)
    assert await book.lookup(ACME, "4952667777") == [shop]


async def make_old(world: World, person: Person, key: str) -> None:
    """Key this person by the older rule."""
    from sqlalchemy import delete, insert, update

    from integration.storage.sql.schema.crm import person_phones, persons

    def work(connection: Any) -> None:
        of = (person_phones.c.account == ACME) & (person_phones.c.person == person.ref.id)
        connection.execute(delete(person_phones).where(of))
        connection.execute(
            insert(person_phones).values(account=ACME, match_key=key, kind=person.ref.kind.value, person=person.ref.id)
        )
        connection.execute(
            update(persons).where((persons.c.account == ACME) & (persons.c.id == person.ref.id)).values(match_keys=key)
        )

    await world.storage.database.write(work, ACME)


TEXT = "раб. 8 (495) 123-45-67 доб. 105 / 8 916 123-45-67 доб. 7"


async def talking(world: World, text: str = TEXT, called: str = "74951234567") -> None:
    """Anna called a client whose phone field has this text, and talks to them."""
    shop = replace(IVAN, ref=EntityRef(EntityKind.CONTACT, "9"), phones=(text,))
    await world.storage.phone_book.put_persons(ACME, [shop], numbering=world.account.settings.numbering)
    start = replace(started(world.clock.now(), "101"), direction=Direction.OUTBOUND, called=called)
    await world.emit(start, *answered(world.clock.now() + 3, "101"))


@pytest.mark.parametrize(("called", "extension"), [("74951234567", "105"), ("79161234567", "7"), ("79031234567", None)])
async def test_the_card_shows_the_extension_of_the_number_that_is_called(
    world: World, called: str, extension: str | None
) -> None:
    await talking(world, called=called)
    live = world.tracking.call(call())
    assert live is not None
    assert (await world.cards.compose(world.account, live))["client_extension"] == extension


async def test_a_press_dials_the_extension_into_the_talk(world: World) -> None:
    await talking(world)
    await world.presses.send_extension(world.account, ANNA, call())
    assert world.pbx.tones == [(call(), "105")]


async def test_only_who_talks_to_the_client_may_dial_into_it(world: World) -> None:
    await talking(world)
    for manager, wanted in ((BORIS, call()), (ANNA, call("9.9"))):
        with pytest.raises(Refused) as caught:
            await world.presses.send_extension(world.account, manager, wanted)
        assert caught.value.code == "call_unknown"
    await world.emit(ended(world.clock.now() + 60))
    with pytest.raises(Refused) as caught:
        await world.presses.send_extension(world.account, ANNA, call())
    assert caught.value.code == "call_unknown"
    assert world.pbx.tones == []


async def test_without_an_extension_there_is_nothing_to_dial(world: World) -> None:
    await talking(world, "8 (495) 123-45-67")
    with pytest.raises(Refused) as caught:
        await world.presses.send_extension(world.account, ANNA, call())
    assert caught.value.code == "no_client_extension"


async def test_the_text_of_a_click_gives_the_extension_where_no_contact_has_it(world: World) -> None:
    request = "a0000000-1"
    await world.clicks.call(world.account, ANNA, number="8 (499) 765-43-21 доб. 55", request=request)
    start = replace(started(world.clock.now(), "101"), direction=Direction.OUTBOUND, called="74997654321")
    origin = Origin(kind="click", request_id=request, crm_call_id=crm_call_id(ACME, request))
    await world.emit(replace(start, origin=origin), *answered(world.clock.now() + 3, "101"))
    live = world.tracking.call(call())
    assert live is not None
    assert await world.cards.client_extension(world.account, live) == "55"
