"""Two CRM accounts on one real Asterisk, and one account on two: whose a call is, on the phones and in the CRMs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.crm_site import ANNA, BORIS, DMITRY, GRIGORY, IVAN, VERA, CrmSite
from tests.e2e.two_crms import SALES_LINE, SERVICE_LINE, TwoCrms, open_two_crms
from tests.e2e.widget_page import click, widget_headers, widget_page
from tests.lab.fixtures import OpenOffice
from tests.lab.office import Office, did
from tests.lab.sip_call import SipCall

pytestmark = pytest.mark.lab

STRANGER, OLGA = "79991112233", "79035556677"
OUTSIDE = "8" + IVAN[1:]  # as a phone dials it


@pytest_asyncio.fixture
async def place(office: Office, tmp_path: Path) -> AsyncIterator[TwoCrms]:
    async with open_two_crms(office, tmp_path) as opened:
        await opened.move_in()
        yield opened


async def _talk(place: TwoCrms, caller: str, line: str, extension: str, *, office: Office | None = None) -> SipCall:
    """A client calls; the phone that is expected to ring answers, and a second of it is recorded."""
    office = office or place.office
    client = await office.inbound(caller, line)
    await (await office.phone(extension).incoming()).answer()
    await client.answered()
    await place.recorded(office)
    return client


async def _call_out(place: TwoCrms, extension: str = "103") -> None:
    """The extension calls a client, who talks for a second."""
    place.office.carrier.answers(after_seconds=0.1)
    call = await place.office.phone(extension).call(OUTSIDE)
    await call.answered()
    await place.recorded()
    await call.hang_up()


async def _clicked(place: TwoCrms, crm: CrmSite, manager: int) -> SipCall:
    """A manager whose phone is 103 clicks and talks with the client. Returns the side of the phone."""
    place.office.carrier.answers(after_seconds=0.1)
    assert await click(place.session, place.url, crm, manager, "+" + IVAN) == 202
    agent = await place.office.phone("103").incoming()
    await agent.answer()
    await place.recorded()
    return agent


async def test_each_line_is_of_its_own_crm(place: TwoCrms) -> None:
    """Both CRMs know Ivan as a client of their user Anna, who has another phone in each."""
    client = await _talk(place, IVAN, SALES_LINE, "101")
    assert not place.office.phone("102").was_called
    await client.hang_up()
    (note,), _ = await place.hold(sales=1)
    assert (note["note_type"], note["created_by"]) == ("call_in", ANNA)

    client = await _talk(place, IVAN, SERVICE_LINE, "102")
    await client.hang_up()
    (first,), (note,) = await place.hold(sales=1, service=1)
    assert (note["note_type"], note["created_by"]) == ("call_in", ANNA)
    assert note["params"]["uniq"] != first["params"]["uniq"]


async def test_the_account_that_knows_the_caller_says_who_rings(office: Office, tmp_path: Path) -> None:
    """Both take all lines. Olga is a client of the service's Grigory; the sales do not know her."""
    async with open_two_crms(office, tmp_path) as place:
        place.configure(named=False)
        phones = [{"field_code": "PHONE", "values": [{"value": "+" + OLGA, "enum_code": "WORK"}]}]
        crm = place.service.account
        crm.create("contacts", {"name": "Ольга", "custom_fields_values": phones}, GRIGORY)
        crm.update("contacts", place.service.contact("Ольга"), {"responsible_user_id": GRIGORY}, GRIGORY)
        await place.move_in()
        client = await _talk(place, OLGA, SALES_LINE, "104")
        assert not place.office.phone("101").was_called
        await client.hang_up()
        _, (note,) = await place.hold(service=1)
        assert note["created_by"] == GRIGORY


async def test_a_call_out_of_a_phone_that_both_know_is_in_both(place: TwoCrms) -> None:
    await _call_out(place)
    (of_sales,), (of_service,) = await place.hold(sales=1, service=1)
    assert (of_sales["note_type"], of_sales["created_by"]) == ("call_out", VERA)
    assert (of_service["note_type"], of_service["created_by"]) == ("call_out", BORIS)


async def test_a_click_is_of_the_crm_in_which_it_was_pressed(place: TwoCrms) -> None:
    """Though the phone is another person's in the other CRM."""
    await (await _clicked(place, place.service, BORIS)).hang_up()
    _, (note,) = await place.hold(service=1)
    assert (note["note_type"], note["created_by"]) == ("call_out", BORIS)


@pytest.mark.parametrize(("line", "extension", "of"), [(did(1), "101", "sales"), (did(6), "102", "service")])
async def test_a_call_on_nobodys_line_is_of_those_who_talked(
    place: TwoCrms, line: str, extension: str, of: str
) -> None:
    client = await _talk(place, IVAN, line, extension)
    await client.hang_up()
    sales, service = await place.hold(sales=int(of == "sales"), service=int(of == "service"))
    assert [note["created_by"] for note in (*sales, *service)] == [ANNA]


async def test_one_stranger_on_each_line_is_an_entry_in_each_crm(place: TwoCrms) -> None:
    """Once with a talk, once missed: twice the same calls, one entry."""
    for line, extension in ((SALES_LINE, "101"), (SERVICE_LINE, "")):
        client = await place.office.inbound(STRANGER, line)
        if extension:
            await (await place.office.phone(extension).incoming()).answer()
            await client.answered()
            await place.recorded()
        else:
            await place.office.carrier.incoming()  # the reserve of the service's line is a mobile
        await client.hang_up()
    await place.hold(sales=1, service=1, recorded=False)
    for crm in place.crms:
        assert len(crm.unsorted()) == 1
        assert crm.call_notes() == []


async def test_one_crm_is_away(place: TwoCrms) -> None:
    """The other gets its copy at once, the first one when it is back."""
    await place.sales.away()
    await _call_out(place)
    await place.service.logged()
    assert place.sales.call_notes() == []
    await place.sales.back()
    (of_sales,), (of_service,) = await place.hold(sales=1, service=1)
    assert (of_sales["created_by"], of_service["created_by"]) == (VERA, BORIS)


async def test_a_page_sees_only_its_own_crms_calls(place: TwoCrms) -> None:
    """The call rings the phone 103 for the sales; the service's Boris has that phone too, and may not touch it."""
    pages = [
        widget_page(place.session, place.url, crm, who) for crm, who in ((place.sales, VERA), (place.service, BORIS))
    ]
    async with pages[0] as vera, pages[1] as boris:
        await boris.everything()
        client = await place.office.inbound(STRANGER, SALES_LINE)
        rang = await place.office.phone("103").incoming()
        call = (await vera.gets("call_updated", state="ringing"))["call"]["id"]
        assert await boris.everything() == []
        await boris.socket.send_json({"type": "hang_up", "call": call})
        assert (await boris.gets("notice"))["code"] == "call_unknown"
        assert await _contact(place, place.service, BORIS, call) in (403, 404, 409, 422)
        await rang.answer()
        await client.answered()
        await boris.socket.send_json({"type": "hang_up", "call": call})
        assert (await boris.gets("notice"))["code"] == "call_unknown"
        async with widget_page(place.session, place.url, place.service, BORIS) as another:
            assert (await another.gets("snapshot"))["calls"] == []
        await vera.gets("call_updated", state="talking")
        await vera.socket.send_json({"type": "hang_up", "call": call})
        await client.over()
        await vera.gets("call_updated", state="ended")
        assert await boris.everything() == []
    await place.hold(sales=1, recorded=False)
    assert place.service.account.popups == []


async def _contact(place: TwoCrms, crm: CrmSite, manager: int, call: str) -> int:
    """Press "Create contact" for a call. Returns the answer's status."""
    body = {"call": call, "name": "Новый клиент"}
    address = f"{place.url}/api/widget/contacts"
    async with place.session.post(address, json=body, headers=widget_headers(crm, manager)) as said:
        return said.status


@pytest.mark.parametrize("call", ["on its line", "of its click"])
async def test_an_account_joins_in_the_middle_of_anothers_call(office: Office, tmp_path: Path, call: str) -> None:
    """It sees of the call only what the PBX still tells, and the phone is one of its own people's."""
    async with open_two_crms(office, tmp_path) as place:
        place.configure(without_service=True)
        await place.move_in(place.sales)
        if call == "on its line":
            client = await _talk(place, STRANGER, SALES_LINE, "103")
        else:
            client = await _clicked(place, place.sales, VERA)
        place.configure()
        await place.reload()
        await client.hang_up()
        await place.consent(place.service)
        await place.hold(sales=1)


@pytest.mark.parametrize("ends", ["after the restart", "while it is dead"])
async def test_killed_in_the_middle_of_a_shared_call(place: TwoCrms, ends: str) -> None:
    place.office.carrier.answers(after_seconds=0.1)
    call = await place.office.phone("103").call(OUTSIDE)
    await call.answered()
    await place.recorded()
    place.dozvon.kill()
    if ends == "while it is dead":
        await call.hang_up()
    await place.restart()
    if ends == "after the restart":
        await call.hang_up()
    (of_sales,), (of_service,) = await place.hold(sales=1, service=1)
    assert (of_sales["created_by"], of_service["created_by"]) == (VERA, BORIS)


async def test_calls_while_dozvon_is_away_are_found_for_whom_they_are(office: Office, tmp_path: Path) -> None:
    """In the PBX's own records: of a line, of a phone that both know, of who talked."""
    async with open_two_crms(office, tmp_path) as place:
        place.configure(records=True)
        await place.move_in()
        place.dozvon.kill()
        for caller, line, extension in ((IVAN, SERVICE_LINE, "reserve"), (IVAN, did(1), "101")):
            client = await office.inbound(caller, line)
            if extension == "reserve":
                await office.carrier.incoming()
            else:
                await (await office.phone(extension).incoming()).answer()
                await client.answered()
                await place.recorded()
            await client.hang_up()
        await _call_out(place)
        await place.restart()
        of_sales, of_service = await place.hold(sales=2, service=2, recorded=False)
        assert {(note["note_type"], note["created_by"]) for note in of_sales} == {("call_in", ANNA), ("call_out", VERA)}
        assert {note["note_type"] for note in of_service} == {"call_in", "call_out"}


async def test_killed_between_the_two_crms_writes(place: TwoCrms) -> None:
    """One CRM has stored the call, but its answer is lost; the other one has not got it."""
    place.sales.fail("timeout_after_store", seconds=60.0)
    place.service.fail("status", status=500, count=-1)
    await _call_out(place)
    await place.sales.has_calls()
    place.dozvon.kill()
    assert not place.service.counts()
    place.service.heal()
    await place.restart()
    await place.hold(sales=1, service=1)


async def test_one_account_on_two_asterisks(open_office: OpenOffice, tmp_path: Path) -> None:
    """The extension 101 is Anna in the office, on Asterisk 22, and Boris in the branch, on Asterisk 16."""
    office, branch = await open_office(), await open_office(major=16)
    async with open_two_crms(office, tmp_path, branch=branch) as place:
        place.configure(sales_people={"101": ANNA, "103": VERA, "branch/101": BORIS, "branch/102": DMITRY})
        await place.move_in()
        for office_of_it, who, other in ((office, ANNA, BORIS), (branch, BORIS, ANNA)):
            pages = [widget_page(place.session, place.url, place.sales, manager) for manager in (who, other)]
            async with pages[0] as page, pages[1] as others_page:
                await others_page.gets("snapshot")
                client = await _talk(place, IVAN, did(1), "101", office=office_of_it)
                await page.gets("call_updated", state="talking")
                await client.hang_up()
                await page.gets("call_updated", state="ended")
                assert await others_page.everything() == []
            await place.sales.has_calls(1 if who == ANNA else 2)
            assert place.sales.call_notes()[-1]["created_by"] == who

        branch.carrier.answers(after_seconds=0.1)
        rung = office.phone("101").was_called
        assert await click(place.session, place.url, place.sales, BORIS, "+" + IVAN) == 202
        agent = await branch.phone("101").incoming()
        await agent.answer()
        await branch.carrier.incoming()
        assert office.phone("101").was_called == rung
        assert not office.carrier.was_called
        await place.recorded(branch)
        await agent.hang_up()
        notes, _ = await place.hold(sales=3)
        assert [note["created_by"] for note in notes] == [ANNA, BORIS, BORIS]
