"""Employees by groups of the CRM: shown before they are added; their phones get secrets that are shown once."""

from __future__ import annotations

import html
import re

import pytest
import pytest_asyncio

from integration.domain.crm.entities import GroupKind, Manager, ManagerGroup
from integration.domain.ids import ManagerId
from integration.domain.settings import GroupRule
from integration.errors import Unavailable
from integration.ports.pbx import PbxEmployee
from integration.ports.pbx_setup import NewPhone
from tests.services.admin_office import Office
from tests.services.conftest import ANNA, BORIS

GROUPS = "/admin/acme/people/groups?lang=ru"
SALES = ManagerGroup(kind=GroupKind.DEPARTMENT, id="1", name="Отдел <b>продаж</b>")
ROLE = ManagerGroup(kind=GroupKind.ACCESS, id="77", name="Менеджеры")
VERA, OLEG = ManagerId("610090"), ManagerId("610091")


@pytest_asyncio.fixture
async def grouped(signed_in: Office) -> Office:
    world = signed_in.world
    world.crm.all_managers = [
        *world.crm.all_managers,
        Manager(id=OLEG, name="Олег Новый", groups=(SALES,)),
        Manager(id=VERA, name="Вера Новая", groups=(SALES, ROLE)),
    ]
    await world.accounts.refresh_managers(world.account)
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "201")]
    return signed_in


async def choose(office: Office, **form: str) -> str:
    return await office.send(GROUPS, do="preview", **{f"group.{SALES.key}": "1", "first": "201", "last": "209", **form})


def proposed(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="add\.(\d+)" value="(\d+)"', page))


def mapping(office: Office) -> dict[str, str]:
    return {each.key: each.manager for each in office.world.account.settings.employees if each.manager}


async def test_what_would_come_of_it_is_shown_and_nothing_is_given_yet(grouped: Office) -> None:
    page = await grouped.page(GROUPS)
    assert "Отдел &lt;b&gt;продаж&lt;/b&gt;" in page
    assert "менеджеров: 2" in page
    assert proposed(page) == {}
    page = await choose(grouped)
    assert proposed(page) == {VERA: "202", OLEG: "203"}, "201 is in use"
    assert mapping(grouped) == {"101": ANNA, "102": BORIS}
    stored = await grouped.world.storage.settings.load(grouped.world.account.id)
    assert stored is not None
    assert stored.group_rule == GroupRule(groups=(SALES.key,), first="201", last="209")


async def test_adding_gives_what_was_shown_and_can_be_undone(grouped: Office) -> None:
    shown = proposed(await choose(grouped))
    page = await grouped.send(GROUPS, do="add", **{f"add.{who}": number for who, number in shown.items()})
    assert mapping(grouped) == {"101": ANNA, "102": BORIS, "202": VERA, "203": OLEG}
    assert "Нет на АТС: 2" in page
    [undo] = re.findall(r'action="(/admin/acme/changes/\d+/undo)"', page)
    await grouped.send(undo)
    assert mapping(grouped) == {"101": ANNA, "102": BORIS}


async def test_what_has_changed_since_is_shown_again_and_not_added(grouped: Office) -> None:
    shown = proposed(await choose(grouped))
    grouped.world.pbx.extensions.append(PbxEmployee(extension="202"))
    grouped.world.clock.advance(60)
    page = await grouped.send(GROUPS, do="add", **{f"add.{who}": number for who, number in shown.items()})
    assert "С тех пор что-то изменилось" in page
    assert proposed(page) == {VERA: "203", OLEG: "204"}
    for form in ({}, {"add.610090": "101"}, {"add.<script>": "1"}):
        assert "С тех пор что-то изменилось" in await grouped.send(GROUPS, do="add", **form)
    assert mapping(grouped) == {"101": ANNA, "102": BORIS}


async def test_who_leaves_the_group_is_listed_and_keeps_the_extension(grouped: Office) -> None:
    shown = proposed(await choose(grouped))
    await grouped.send(GROUPS, do="add", **{f"add.{who}": number for who, number in shown.items()})
    world = grouped.world
    world.crm.all_managers[-1] = Manager(id=VERA, name="Вера Новая")
    await world.accounts.refresh_managers(world.account)
    page = await grouped.page(GROUPS)
    assert "Вышли из групп: 1" in page
    assert "Вера Новая" in page[page.index("Вышли из групп") :]
    assert mapping(grouped)["202"] == VERA


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"first": "209", "last": "201"}, "Напишите первый и последний номер"),
        ({"first": "2" * 500, "last": "<b>"}, "Напишите первый и последний номер"),
        ({"first": "", "last": ""}, "Напишите первый и последний номер"),
    ],
)
async def test_a_range_that_is_none_is_refused_and_stays_typed(
    grouped: Office, form: dict[str, str], said: str
) -> None:
    page = await choose(grouped, **form)
    assert said in page
    assert grouped.world.account.settings.group_rule == GroupRule()
    assert f'name="group.{SALES.key}" value="1" checked' in page


async def test_no_group_is_refused(grouped: Office) -> None:
    page = await grouped.send(GROUPS, do="preview", first="201", last="209", **{"group.nothing:1": "1"})
    assert "Выберите хотя бы одну группу." in page


async def test_a_silent_pbx_gives_nothing(grouped: Office) -> None:
    """An extension that we do not see may be in use."""
    await choose(grouped)
    grouped.world.clock.advance(60)
    grouped.world.pbx.fail_next = [Unavailable("no link")] * 3
    page = await grouped.page(GROUPS)
    assert "АТС не на связи" in page
    assert 'value="add"' not in page


async def test_phones_are_made_with_secrets_that_are_shown_once(grouped: Office) -> None:
    shown = proposed(await choose(grouped))
    await grouped.send(GROUPS, do="add", **{f"add.{who}": number for who, number in shown.items()})
    page = html.unescape(await grouped.send(GROUPS, do="make"))
    made = grouped.world.pbx.setup.phones
    assert {each.extension: each.name for each in made.values()} == {"202": "Вера Новая", "203": "Олег Новый"}
    assert len({each.secret for each in made.values()}) == 2
    for each in made.values():
        assert re.fullmatch(r"[0-9A-Za-z]{20}", each.secret)
        assert each.secret in page
        assert each.secret not in await grouped.page(GROUPS)
        assert each.secret not in await grouped.page("/admin/acme/people")
        assert each.secret not in await grouped.page("/admin/acme/changes")
    grouped.world.pbx.setup.fail_next = [Unavailable("no answer")]
    assert "no answer" in await grouped.send(GROUPS, do="make")


async def test_switching_off_and_on_gives_the_phones_made_here_new_secrets(grouped: Office) -> None:
    setup = grouped.world.pbx.setup
    setup.phones = {"202": NewPhone(extension="202", name="Вера", secret="the old one")}
    await grouped.send("/admin/acme/enabled", enabled="", confirmed="1")
    page = await grouped.send("/admin/acme/enabled?lang=ru", enabled="1")
    assert grouped.world.account.settings.enabled
    assert setup.phones["202"].secret != "the old one"
    assert setup.phones["202"].secret in page
    await grouped.send("/admin/acme/enabled", enabled="", confirmed="1")
    setup.fail_next = [Unavailable("no answer")]
    page = await grouped.send("/admin/acme/enabled?lang=ru", enabled="1")
    assert "пароли телефонов не сменились: no answer" in page
    assert grouped.world.account.settings.enabled
