"""A campaign from its form to the CRM's records, on a real Asterisk with SIP phones and a carrier with its moods."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable

import aiohttp
import pytest

from tests.e2e.admin import Administrator, administrator
from tests.e2e.crm_site import IVAN
from tests.e2e.house import PASSWORD, House
from tests.lab.sip_call import SipCall
from tests.lab.waiting import until

pytestmark = [pytest.mark.lab]

BUSY, RINGS, UNREACHABLE, TALKS = "79162223301", "79162223302", "79162223303", "79162223304"
LIST = f"ФИО;Телефон\r\nИван;{IVAN}\r\nБорис;{BUSY}\r\nВера;{RINGS}\r\nГлеб;{UNREACHABLE}\r\nДарья;{TALKS}\r\n"
RULES = {
    "name": "Весна", "mode": "progressive", "owners": "anybody", "unknown_zone": "office", "holidays": "",
    "per_number": "5", "per_contact": "10", "number_per_day": "2", "contact_per_day": "4", "gap_minutes": "0",
    "ring_seconds": "15", "wrap_up_seconds": "1", "ceiling_percent": "3", "priority": "0", "max_calls": "0",
    "employee.101": "1", "employee.102": "1", "on_machine": "not_asked", "rounds": "1", "machine_speech_ms": "2500",
    "person_pause_ms": "600", "machine_words": "6", "silence_level": "256",
    **{f"week_{day}": "00:00-24:00" for day in range(7)},
    **{f"redial_{outcome}_{part}": "600" if part == "after" else "2"
       for outcome in ("busy", "no_answer", "unreachable", "machine", "refused") for part in ("after", "most")},
}  # fmt: skip


class Carrier:
    """Each number does what its person does. `rang`: calls that reached the carrier; `listens`: to the end."""

    def __init__(self) -> None:
        self.rang: Counter[str] = Counter()
        self.listens = False

    async def __call__(self, call: SipCall) -> None:
        self.rang[call.called] += 1
        if call.called == BUSY:
            call.reject(486, "Busy Here")
        elif call.called == UNREACHABLE:
            call.reject(480, "Temporarily Unavailable")
        elif call.called == RINGS:
            call.ring()
        else:
            call.ring()
            await asyncio.sleep(0.3)
            await call.answer()
            if not self.listens:
                await asyncio.sleep(4.5)
                await call.hang_up()


async def campaign_of(person: Administrator, rows: str, *, account: str = "house", **rules: str) -> str:
    """A campaign with this list, made on the pages. Returns the path of its page."""
    drawn = re.search(r'name="drawn" value="([0-9a-f]{16})"', await person.read(f"/admin/{account}/campaigns/new"))
    assert drawn is not None
    path, _ = await person.send(f"/admin/{account}/campaigns", {**RULES, **rules, "drawn": drawn[1]})
    form = aiohttp.FormData()
    form.add_field("file", rows.encode("cp1251"), filename="список.csv")
    uploaded, _ = await person.send(f"{path}/files", form)
    await person.send(f"{uploaded}/begin", {"role_0": "name", "role_1": "phone", "first": "2", "do": "begin"})
    await until_page(person, f"{path}/entries", lambda page: "Дарья" in page)
    return path


async def until_page(
    person: Administrator, path: str, holds: Callable[[str], bool], *, timeout_seconds: float = 20.0
) -> str:
    page = ""
    async with asyncio.timeout(timeout_seconds):
        while not holds(page):
            await asyncio.sleep(0.2)
            page = await person.read(path)
    return page


def journal(house: House) -> list[tuple[str, str, str | None]]:
    """Number, employee and outcome of each attempt, in the order of dialling."""
    connection = sqlite3.connect(house.folder / "data" / "dozvon.sqlite3")
    try:
        rows = connection.execute("SELECT number, body, outcome FROM campaign_attempts ORDER BY written_at")
        return [
            (number.removeprefix("+"), json.loads(body).get("employee", ""), outcome) for number, body, outcome in rows
        ]
    finally:
        connection.close()


async def test_a_list_is_dialled_to_its_outcomes(house: House) -> None:
    """Journal, outcomes and the CRM's records say the same as the carrier."""
    carrier = Carrier()
    house.office.carrier.does(carrier)
    for extension in ("101", "102"):
        house.office.phone(extension).answers(after_seconds=0.2)
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST)
        await person.send(f"{path}/state", {"state": "running"})
        await until(lambda: len([each for each in journal(house) if each[2]]) == 5, timeout_seconds=90)
        outcomes = {number: outcome for number, _, outcome in journal(house)}
        assert outcomes == {
            IVAN: "talked", BUSY: "busy", RINGS: "no_answer", UNREACHABLE: "unreachable", TALKS: "talked"
        }  # fmt: skip
        assert carrier.rang == Counter(dict.fromkeys(outcomes, 1))
        assert {employee for _, employee, _ in journal(house)} == {"101", "102"}
        page = await until_page(person, f"{path}?lang=ru", lambda page: "Следующий звонок" in page)
        assert "разговор" in page
    await house.dozvon.settled()
    (note,) = [each for each in house.crm.call_notes() if each["params"]["phone"].endswith(IVAN[-10:])]
    assert "Обзвон: Весна" in str(note["params"])


async def test_nobody_is_dialled_a_second_after_stop_and_resume_goes_on(house: House) -> None:
    carrier = Carrier()
    house.office.carrier.does(carrier)
    house.office.phone("101").answers(after_seconds=0.2)
    house.office.phone("102").rings()  # an employee's phone that rings when the campaign is stopped
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST)
        await person.send(f"{path}/state", {"state": "running"})
        await until(lambda: len(journal(house)) >= 2, timeout_seconds=30)
        ringing = await house.office.phone("102").incoming()
        await person.send(f"{path}/state", {"state": "stopped", "confirmed": "1"})
        await asyncio.wait_for(ringing.ended.wait(), 2.0)
        rang, written = +carrier.rang, len(journal(house))
        await asyncio.sleep(4.0)
        assert (carrier.rang, len(journal(house))) == (rang, written)
        house.office.phone("102").answers(after_seconds=0.2)
        await person.send(f"{path}/state", {"state": "running"})
        await until(lambda: len(carrier.rang) == 5, timeout_seconds=60)
        assert max(carrier.rang.values()) == 1


async def test_killed_in_the_middle_it_goes_on_after_its_restart(house: House) -> None:
    """Talks go on without Dozvon; afterwards every client was dialled once, and the carrier agrees with the journal."""
    carrier = Carrier()
    house.office.carrier.does(carrier)
    for extension in ("101", "102"):
        house.office.phone(extension).answers(after_seconds=0.2)
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST)
        await person.send(f"{path}/state", {"state": "running"})
        await until(lambda: sum(carrier.rang.values()) >= 2, timeout_seconds=30)
        house.dozvon.kill()
        await house.restart()
        await until(lambda: len([each for each in journal(house) if each[2]]) >= 5, timeout_seconds=120)
    rang = Counter(number for number, _, outcome in journal(house) if outcome not in ("not_dialled", "employee_failed"))
    assert rang == carrier.rang == Counter(dict.fromkeys((IVAN, BUSY, RINGS, UNREACHABLE, TALKS), 1))


async def test_a_voice_campaign_speaks_to_those_who_answer(house: House) -> None:
    """The text is spoken and placed on the PBX before anybody is called; who heard it is reached."""
    carrier = Carrier()
    carrier.listens = True
    house.office.carrier.does(carrier)
    async with administrator(house.url, PASSWORD) as person:
        path = await campaign_of(person, LIST, mode="voice", message="Здравствуйте! Ваш заказ готов.")
        await person.send(f"{path}/state", {"state": "running"})
        await until(lambda: len([each for each in journal(house) if each[2]]) == 5, timeout_seconds=90)
    outcomes = {number: outcome for number, _, outcome in journal(house)}
    assert outcomes == {
        IVAN: "played", BUSY: "busy", RINGS: "no_answer", UNREACHABLE: "unreachable", TALKS: "played"
    }  # fmt: skip
    assert carrier.rang == Counter(dict.fromkeys(outcomes, 1))
    assert not any(house.office.phone(each).was_called for each in ("101", "102"))
