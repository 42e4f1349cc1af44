"""What becomes of a number that nobody in the CRM has: by itself, by hand, never; for which calls; and whom never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import Deal, EntityKind, Person
from integration.domain.ids import record_key
from integration.domain.settings import LineSettings, MadeByHand, NewClient, NewClientOf
from integration.errors import OutcomeUnknown, Unavailable
from integration.ports.stores import OutboxState
from integration.services.click import Refused
from integration.testing import FakeCrm
from tests.services.conftest import (
    ACME,
    ANNA,
    DID,
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
from tests.services.portal import PortalOffice, dialled, open_office, outgoing, talks
from tests.services.test_card import messages

BY_HAND, NEVER, AT_ONCE = (
    LineSettings(new_client=NewClient.BY_HAND),
    LineSettings(new_client=NewClient.NEVER),
    LineSettings(new_client=NewClient.CONTACT),
)


def never(world: World, *numbers: str) -> None:
    world.account.settings = replace(world.account.settings, never_clients=numbers)


async def logged(world: World, uniqueid: str = "1.0") -> dict[str, Any]:
    await world.deliver_with_pauses(120.0)
    assert await world.in_state(OutboxState.DEAD) == []
    return (await world.storage.outbox.results(ACME, call(uniqueid)))[IntentKind.LOG_CALL]


def made(world: World) -> list[Person]:
    return [person for person in world.crm.persons.values() if person.ref != IVAN.ref]


def codes(result: dict[str, Any]) -> list[str]:
    return [each["code"] for each in result["reasons"]]


# ---- a CRM with an inbox ---------------------------------------------------------------------------------------------


async def test_without_a_rule_the_crm_does_what_it_always_did(world: World) -> None:
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    assert (await logged(world))["inbox"]
    assert len(world.crm.inbox) == 1


@pytest.mark.parametrize(("line", "code"), [(BY_HAND, "new_client_by_hand"), (NEVER, "new_client_never")])
async def test_nothing_is_made_by_itself_and_the_call_says_why(world: World, line: LineSettings, code: str) -> None:
    world.line(line)
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    result = await logged(world)
    assert result["skipped"] == code
    assert codes(result)[:2] == ["caller_unknown", code]
    assert world.crm.inbox == []
    assert made(world) == []


async def test_who_takes_the_offer_of_the_card_during_the_call_has_it_in_the_contact(world: World) -> None:
    world.line(BY_HAND)
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"), *answered(now + 3, "101"))
    person, is_new = await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Юлия")
    assert is_new
    await world.emit(ended(now + 60))
    result = await logged(world)
    assert result["entity"] == {"kind": "contact", "id": person.ref.id}
    assert [record.call.id for record in world.crm.notes[person.ref]] == [call()]


async def test_where_clients_are_never_made_the_card_refuses_too(world: World) -> None:
    world.line(NEVER)
    now = world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"), *answered(now + 3, "101"))
    with pytest.raises(Refused) as refused:
        await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Юлия")
    assert refused.value.code == "not_allowed"
    assert made(world) == []


async def test_a_line_may_want_a_contact_at_once_although_the_crm_has_an_inbox(world: World) -> None:
    world.line(AT_ONCE)
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    result = await logged(world)
    [contact] = made(world)
    assert result["entity"] == {"kind": "contact", "id": contact.ref.id}
    assert codes(result)[:3] == ["caller_unknown", "new_client_at_once", "contact_created"]
    assert world.crm.inbox == []


async def test_of_a_number_on_the_list_nothing_is_made_however_it_is_written_there(world: World) -> None:
    never(world, "8 (495) 000-00-00", STRANGER.replace("+7", "8 "))
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    result = await logged(world)
    assert result["skipped"] == "number_never_client"
    assert world.crm.inbox == []


async def test_a_client_on_the_list_is_a_client_all_the_same(world: World) -> None:
    never(world, *IVAN.phones)
    await world.emit(*missed_call(world.clock.now()))
    assert (await logged(world))["entity"]["kind"] == EntityKind.CONTACT


async def test_the_rule_may_be_for_one_direction(world: World) -> None:
    world.line(LineSettings(new_client_of=NewClientOf.OUTBOUND))
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    assert (await logged(world))["skipped"] == "new_client_by_hand"
    world.line(LineSettings(new_client_of=NewClientOf.INBOUND))
    await world.emit(*missed_call(world.clock.now(), STRANGER, uniqueid="2.0"))
    assert (await logged(world, "2.0"))["inbox"]


async def test_an_entry_that_waits_already_takes_later_calls_whatever_the_rule_says_now(world: World) -> None:
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    await logged(world)
    world.line(NEVER)
    await world.emit(*missed_call(world.clock.now(), STRANGER, uniqueid="2.0"))
    assert "entity" in await logged(world, "2.0")


# ---- a contact with a deal, a lead -----------------------------------------------------------------------------------

DEAL_TOO, LEAD = LineSettings(new_client=NewClient.DEAL), LineSettings(new_client=NewClient.LEAD)


def deals_of(world: World, person: Person) -> list[Deal]:
    return [each for each in world.crm.deals.values() if person.ref in each.persons]


async def test_a_contact_with_a_deal_at_once(world: World) -> None:
    world.line(DEAL_TOO)
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    result = await logged(world)
    [contact] = made(world)
    assert len(deals_of(world, contact)) == 1
    assert result["entity"] == {"kind": "contact", "id": contact.ref.id}


@pytest.mark.parametrize("failures", [1, 2])
async def test_lost_answers_to_contact_and_deal_double_neither(world: World, failures: int) -> None:
    world.line(DEAL_TOO)
    world.crm.fail_after += [OutcomeUnknown("lost")] * failures
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    result = await logged(world)
    [contact] = made(world)
    assert len(deals_of(world, contact)) == 1
    assert result["entity"] == {"kind": "contact", "id": contact.ref.id}
    assert world.crm.logged(record_key(call())) == 1


async def test_a_deal_that_could_not_be_made_at_first_is_made_by_the_repetition(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact exists by then, and the number is no stranger's any more."""
    world.line(DEAL_TOO)
    create_deal, failures = FakeCrm.create_deal, [Unavailable("down")]

    async def fails_once(crm: FakeCrm, **values: Any) -> Deal:
        if failures:
            raise failures.pop()
        return await create_deal(crm, **values)

    monkeypatch.setattr(FakeCrm, "create_deal", fails_once)
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    await logged(world)
    [contact] = made(world)
    assert len(deals_of(world, contact)) == 1


async def test_a_crm_without_leads_gets_a_contact_and_one_with_leads_a_lead(world: World) -> None:
    world.line(LEAD)
    await world.emit(*missed_call(world.clock.now(), STRANGER))
    await logged(world)
    assert [each.ref.kind for each in made(world)] == [EntityKind.CONTACT]
    world.crm.abilities = replace(world.crm.abilities, inbox=False, leads=True)
    await world.emit(*missed_call(world.clock.now(), "79995556677", uniqueid="2.0"))
    result = await logged(world, "2.0")
    assert result["entity"]["kind"] == EntityKind.LEAD


async def test_what_the_card_makes_is_the_offices_choice(world: World) -> None:
    world.crm.abilities = replace(world.crm.abilities, inbox=False, leads=True)
    world.account.settings = replace(world.account.settings, made_by_hand=MadeByHand.LEAD)
    page, now = world.page(ANNA), world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    shown = (await messages(page))[-1]["call"]
    assert (shown["can_create"], shown["create_kind"]) == (True, "lead")
    person, is_new = await world.creations.create_contact(world.account, ANNA, call_id=call(), name="Юлия")
    assert (person.ref.kind, person.name, is_new) == (EntityKind.LEAD, "Юлия", True)


async def test_a_crm_without_leads_never_offers_one(world: World) -> None:
    world.account.settings = replace(world.account.settings, made_by_hand=MadeByHand.LEAD)
    page, now = world.page(ANNA), world.clock.now()
    await world.emit(started(now, STRANGER), offered(now, "101"))
    assert (await messages(page))[-1]["call"]["create_kind"] == "contact"


# ---- a CRM that follows live calls -----------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[PortalOffice]:
    async with open_office(tmp_path) as opened:
        yield opened


def leads(office: PortalOffice) -> list[dict[str, Any]]:
    numbers = [each for each in office.bitrix.portal.tables[1] if any(STRANGER in fm["VALUE"] for fm in each["FM"])]
    return [dict(each) for each in numbers]


@pytest.mark.parametrize("line", [BY_HAND, NEVER, LineSettings(new_client_of=NewClientOf.OUTBOUND)])
async def test_the_portal_makes_no_lead_where_the_rule_says_so(office: PortalOffice, line: LineSettings) -> None:
    office.world.line(line)
    await office.emit(*missed_call(office.world.clock.now(), STRANGER))
    await office.now(after=60)
    assert leads(office) == []
    [row] = office.finished
    assert row["PHONE_NUMBER"].endswith(STRANGER[-10:])
    result = (await office.results())[IntentKind.LOG_CALL]
    assert result["skipped"] == "client_not_in_crm"
    assert {"client_not_in_crm", "new_client_never" if line is NEVER else "new_client_by_hand"} <= set(codes(result))


async def test_the_portal_makes_a_lead_of_the_source_that_the_line_has(office: PortalOffice) -> None:
    office.world.line(LineSettings(source=" реклама "))
    await office.emit(*missed_call(office.world.clock.now(), STRANGER))
    await office.now(after=60)
    [lead] = leads(office)
    assert lead["SOURCE_ID"] == "ADVERTISING"


async def test_a_source_that_the_portal_does_not_have_is_a_call(office: PortalOffice) -> None:
    office.world.line(LineSettings(source="Щит у метро"))
    await office.emit(*missed_call(office.world.clock.now(), STRANGER))
    await office.now(after=60)
    [lead] = leads(office)
    assert lead["SOURCE_ID"] == "CALL"


async def test_a_contact_at_once_is_ours_and_the_portal_makes_none(office: PortalOffice) -> None:
    office.world.line(AT_ONCE)
    now = office.world.clock.now()
    for uniqueid in ("1.0", "2.0"):
        await office.emit(*missed_call(now, STRANGER, uniqueid=uniqueid))
    await office.now(after=60)
    assert leads(office) == []
    assert len(made(office.world)) == 1
    assert len(office.finished) == 2


async def test_the_portals_own_page_makes_clients_by_the_same_rule(office: PortalOffice) -> None:
    """Of clicks the portal decides by the line, which says what we have told it."""
    other = "74957770002"
    office.world.account.settings = replace(
        office.world.account.settings, lines={DID: BY_HAND, other: LineSettings(source="Реклама")}
    )
    now = office.world.clock.now()
    await office.emit(outgoing(now), dialled(now + 1), talks(now + 2, "101"), ended(now + 30))
    await office.now(after=60)
    known = {number: line["CRM_AUTO_CREATE"] for (_, number), line in office.bitrix.portal.lines.items()}
    assert (known[DID], known[other]) == ("N", "Y")


@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_a_contact_with_a_deal_before_the_portal_hears_of_the_call(office: PortalOffice, failures: int) -> None:
    office.world.line(DEAL_TOO)
    office.world.crm.fail_after += [OutcomeUnknown("lost")] * failures
    await office.emit(*missed_call(office.world.clock.now(), STRANGER))
    for _ in range(4):
        await office.now(after=60)
    [contact] = made(office.world)
    assert len(deals_of(office.world, contact)) == 1
    assert leads(office) == []
    assert len(office.finished) == 1
