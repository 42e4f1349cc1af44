"""The list of people: suggestions, bulk actions, absences and ringing, without a script."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import replace

import pytest

from integration.domain.crm.entities import Manager
from integration.domain.ids import Extension, ManagerId, Timestamp
from integration.domain.people.absence import Away
from integration.domain.settings import Employee
from integration.errors import Unavailable
from integration.ports.pbx import PbxEmployee
from integration.ports.pbx_setup import RingOutcome, RingResult
from tests.services.admin_office import Office
from tests.services.conftest import ANNA, BORIS, SOMEBODY, answered, offered, started

PEOPLE = "/admin/acme/people?lang=ru"
VERA, OLEG = ManagerId("610090"), ManagerId("610091")


async def with_people(office: Office, *managers: Manager, extensions: list[PbxEmployee]) -> None:
    world = office.world
    world.crm.all_managers = [*world.crm.all_managers, *managers]
    await world.accounts.refresh_managers(world.account)
    world.pbx.extensions = extensions


def mapping(office: Office) -> dict[str, str]:
    return {each.key: each.manager for each in office.world.account.settings.employees if each.manager}


def row(page: str, manager: str) -> str:
    return html.unescape(page[page.index(f'id="person-{manager}"') :].split("</tr>")[0])


async def confirmed(office: Office, page: str) -> str:
    """Press the button of the question that a step asks first."""
    form = page[page.index('class="confirmation"') :].split("</form>")[0]
    action = re.search(r'action="([^"]+)"', page[page.index('class="confirmation"') :])
    assert action
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return await office.send(action.group(1), **{html.unescape(k): html.unescape(v) for k, v in fields})


@pytest.fixture
def extensions() -> list[PbxEmployee]:
    return [
        PbxEmployee(extension="101", name="Anna", is_registered=True, devices=("PJSIP/101",)),
        PbxEmployee(extension="102", name="Boris", is_registered=False, devices=("PJSIP/102", "PJSIP/99102")),
        PbxEmployee(extension="103", name="Vera Sokolova", email="vera@firm.test"),
        PbxEmployee(extension="104", name="Ким А."),
        PbxEmployee(extension="105", name="Ким А."),
    ]


async def test_a_suggestion_says_why_and_is_taken_alone(signed_in: Office, extensions: list[PbxEmployee]) -> None:
    vera = Manager(id=VERA, name="Вера Соколова", email="vera@firm.test")
    await with_people(signed_in, vera, Manager(id=OLEG, name="Анна Ким"), extensions=extensions)
    page = await signed_in.page(PEOPLE)
    assert "Взять 103" in row(page, VERA)
    assert "e-mail совпадает: vera@firm.test; имя другими буквами: Vera Sokolova" in row(page, VERA)
    assert row(page, OLEG).count("неоднозначно") == 2, "two phones of one name"
    assert "Взять все: 1" in page
    page = await signed_in.send(PEOPLE, do=f"take:{OLEG}:105")
    assert "Номера назначены." in page
    assert mapping(signed_in) == {"101": ANNA, "102": BORIS, "105": OLEG}
    await signed_in.send(PEOPLE, do="take-all")
    assert mapping(signed_in)["103"] == VERA
    assert "нет подсказок без сомнений" in await signed_in.send(PEOPLE, do="take:x:999")


async def test_all_takes_no_extension_that_was_just_chosen_for_another(
    signed_in: Office, extensions: list[PbxEmployee]
) -> None:
    await with_people(signed_in, Manager(id=VERA, name="Вера Соколова"), extensions=extensions)
    page = await signed_in.send(PEOPLE, do="take-all", **{f"extension.{BORIS}": "103", f"extension.{VERA}": ""})
    assert "нет подсказок без сомнений" in page
    assert mapping(signed_in) == {"101": ANNA, "102": BORIS}


async def test_troubles_are_counted_with_what_to_do(signed_in: Office, extensions: list[PbxEmployee]) -> None:
    gone = Employee(extension=Extension("105"), manager=OLEG, name="Олег")
    people = (*signed_in.world.account.settings.employees, gone)
    await signed_in.world.accounts.set_employees(signed_in.world.account, people, who=SOMEBODY)
    await with_people(signed_in, Manager(id=VERA, name="Вера Соколова"), extensions=extensions)
    page = await signed_in.page(PEOPLE)
    summary = page[page.index('data-region="people-summary"') :].split("</section>")[0]
    for trouble in ("Нет номера: 1", "Удалён в CRM: 1", "Телефон не в сети: 1", "Несколько телефонов: 1"):
        assert trouble in summary
    assert "телефоны: PJSIP/102, PJSIP/99102" in row(page, BORIS)
    assert "удалён в CRM" in row(page, OLEG)
    assert f'name="extension.{OLEG}"' not in page, "nothing can be chosen for who has left"
    page = await confirmed(signed_in, await signed_in.send(PEOPLE, do="free-leavers"))
    assert "Номера убраны." in page
    assert mapping(signed_in) == {"101": ANNA, "102": BORIS}


@pytest.mark.parametrize(
    ("show", "shown"),
    [
        ("all", {ANNA, BORIS, VERA, OLEG}),
        ("unmapped", {VERA}),
        ("problems", {BORIS, VERA, OLEG}),
        ("absent", {ANNA}),
        ("inactive", {OLEG}),
        ("nonsense", {ANNA, BORIS, VERA, OLEG}),
    ],
)
async def test_filters(signed_in: Office, extensions: list[PbxEmployee], show: str, shown: set[str]) -> None:
    world = signed_in.world
    fired = Manager(id=OLEG, name="Олег", is_active=False)
    await with_people(signed_in, Manager(id=VERA, name="Вера"), fired, extensions=extensions)
    people = (*world.account.settings.employees, Employee(extension=Extension("105"), manager=OLEG))
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    await world.accounts.set_away(world.account, ANNA, Away(), now=world.clock.now())
    page = await signed_in.page(f"{PEOPLE}&show={show}")
    assert set(re.findall(r'id="person-(\d+)"', page)) == shown


async def test_many_are_marked_away_after_a_question_until_a_time_of_the_office(signed_in: Office) -> None:
    world = signed_in.world
    form = {"do": "absent", f"pick.{ANNA}": "1", f"pick.{BORIS}": "1", "absent_until": "2023-11-15T18:30"}
    page = await signed_in.send(PEOPLE, **form)
    assert "Отметить отсутствующими: 2" in page
    assert "Закончится само: 18:30." in page
    assert all(each.absent_until is None for each in world.account.settings.employees), "only asked"
    page = await confirmed(signed_in, page)
    assert "Отмечены отсутствующими." in page
    until = Timestamp(1_700_062_200.0)  # 18:30 in Moscow
    assert {each.absent_until for each in world.account.settings.employees} == {until}
    assert "отсутствует до 18:30: отметка администратора" in row(page, ANNA)
    [undo] = re.findall(r'action="(/admin/acme/changes/\d+/undo)"', page)
    await signed_in.send(undo)
    assert {each.absent_until for each in world.account.settings.employees} == {None}
    assert "отсутствует до: нет → 15.11.2023 18:30" in html.unescape(
        await signed_in.page("/admin/acme/changes?lang=ru")
    )


async def test_an_absence_ends_by_itself_and_by_a_press_whoever_said_it(signed_in: Office) -> None:
    world = signed_in.world
    await world.accounts.set_away(
        world.account, ANNA, Away(until=Timestamp(world.clock.now() + 60)), now=world.clock.now()
    )
    people = [replace(each, is_absent=each.manager == BORIS) for each in world.account.settings.employees]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    page = await signed_in.page(PEOPLE)
    assert "своя отметка в CRM" in row(page, ANNA)
    assert "отсутствует: отметка администратора" in row(page, BORIS)
    page = await signed_in.send(PEOPLE, do=f"present:{BORIS}")
    assert "отсутствует" not in row(page, BORIS)
    page = await signed_in.send(PEOPLE, do=f"present:{ANNA}")
    assert "отсутствует" not in row(page, ANNA)
    assert world.account.settings.away == {}
    await world.accounts.set_away(
        world.account, ANNA, Away(until=Timestamp(world.clock.now() + 60)), now=world.clock.now()
    )
    world.clock.advance(61)
    assert "отсутствует" not in row(await signed_in.page(PEOPLE), ANNA)


@pytest.mark.parametrize("until", ["2001-01-01T10:00", "9999-12-31T23:59", "2025-13-45T99:99", "tomorrow", "x" * 500])
async def test_an_end_that_cannot_be_is_refused_and_stays_typed(signed_in: Office, until: str) -> None:
    page = await signed_in.send(PEOPLE, do="absent", confirmed="1", absent_until=until, **{f"pick.{ANNA}": "1"})
    assert "Отсутствие должно закончиться в будущем" in page
    assert until in page
    assert 'name="pick.610077" value="1" checked' in page
    assert not any(each.is_absent or each.absent_until for each in signed_in.world.account.settings.employees)


@pytest.mark.parametrize("verb", ["absent", "present", "free", "take"])
async def test_nobody_chosen_changes_nobody(signed_in: Office, verb: str) -> None:
    before = signed_in.world.account.settings
    assert "Никто не выбран" in await signed_in.send(PEOPLE, do=verb, confirmed="1")
    assert signed_in.world.account.settings == before


async def test_all_that_were_found_are_those_of_the_filter(signed_in: Office) -> None:
    page = await signed_in.send(PEOPLE, do="free", scope="all", find="борис")
    assert "Убрать номер: 1" in page
    await confirmed(signed_in, page)
    assert mapping(signed_in) == {"101": ANNA}


async def test_what_was_typed_beside_a_question_is_kept(signed_in: Office, extensions: list[PbxEmployee]) -> None:
    await with_people(signed_in, Manager(id=VERA, name="Вера"), extensions=extensions)
    form = {"do": "free", f"pick.{BORIS}": "1", f"extension.{VERA}": "104", f"type.{VERA}": "web"}
    await confirmed(signed_in, await signed_in.send(PEOPLE, **form))
    assert mapping(signed_in) == {"101": ANNA, "104": VERA}


async def test_an_absence_goes_with_the_manager_and_not_with_the_extension(
    signed_in: Office, extensions: list[PbxEmployee]
) -> None:
    world = signed_in.world
    people = [replace(each, is_absent=each.manager == ANNA) for each in world.account.settings.employees]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    world.pbx.extensions = extensions
    await signed_in.send(PEOPLE, **{f"extension.{ANNA}": "104", f"extension.{BORIS}": "101"})
    away = {each.key: (each.manager, each.is_absent) for each in world.account.settings.employees}
    assert away == {"101": (BORIS, False), "102": (None, False), "104": (ANNA, True)}


async def test_a_phone_rings_and_the_result_stands_on_the_page(signed_in: Office) -> None:
    world = signed_in.world
    world.pbx.setup.outcomes = {"101": RingOutcome(result=RingResult.RANG_OUT, has_rung=True)}
    page = await signed_in.send(PEOPLE, do="ring:101", **{f"extension.{BORIS}": ""})
    assert world.pbx.setup.rung == ["101"]
    assert "101: Телефон звонил, но никто не ответил." in page
    assert mapping(signed_in) == {"101": ANNA, "102": BORIS}, "ringing stores nothing"
    assert '<option value="" selected>' in page[page.index(f'name="extension.{BORIS}"') :], "what was chosen stays"
    world.pbx.setup.fail_next = [Unavailable("no answer")]
    assert "101: no answer" in await signed_in.send(PEOPLE, do="ring:101")
    assert "нет такого внутреннего номера" in await signed_in.send(PEOPLE, do="ring:999")


async def test_a_phone_in_a_call_is_left_alone(signed_in: Office) -> None:
    world = signed_in.world
    now = world.clock.now()
    await world.emit(started(now, uniqueid="3.0"), offered(now, "101", uniqueid="3.0"))
    await world.emit(*answered(now, "101", uniqueid="3.0"))
    assert "На этом телефоне идёт разговор" in await signed_in.send(PEOPLE, do="ring:101")
    assert world.pbx.setup.rung == []


async def test_one_phone_of_an_office_rings_at_a_time(signed_in: Office) -> None:
    world = signed_in.world
    begun, over = asyncio.Event(), asyncio.Event()

    async def ring(extension: str, *, seconds: float) -> RingOutcome:
        begun.set()
        await over.wait()
        return RingOutcome(result=RingResult.ANSWERED, has_rung=True)

    world.pbx.setup = type("Slow", (), {"ring": staticmethod(ring)})()
    first = asyncio.create_task(signed_in.send(PEOPLE, do="ring:101"))
    await begun.wait()
    assert "Сейчас проверяют другой телефон" in await signed_in.send(PEOPLE, do="ring:102")
    over.set()
    assert "Телефон ответил" in await first
    assert "Телефон ответил" in await signed_in.send(PEOPLE, do="ring:102")


HOSTILE = ["", ":", "take:", "take::", "ring:", "ring:../../x", "ring:1" * 300, "present:<b>", "free:nobody", "unknown"]


@pytest.mark.parametrize("do", HOSTILE)
async def test_strange_steps_break_nothing_and_map_nobody(signed_in: Office, do: str) -> None:
    await signed_in.send(PEOPLE, do=do, confirmed="1", **{"pick.<script>": "1", "extension.nobody": "101"})
    assert mapping(signed_in) == {"101": ANNA, "102": BORIS}
