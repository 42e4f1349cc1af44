"""The administrators' page of managers and extensions."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from integration.domain.ids import Extension, PbxId
from integration.domain.settings import Employee, PhoneType
from integration.errors import Unavailable
from integration.ports.pbx import PbxEmployee
from integration.texts.pages import texts
from tests.services.admin_office import Office
from tests.services.conftest import (
    ACME,
    ANNA,
    BORIS,
    SOMEBODY,
)


async def test_mapping_a_manager(signed_in: Office) -> None:
    world = signed_in.world
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "103")]
    await signed_in.send(
        "/admin/acme/people", **{"extension.610077": "101", "extension.610078": "103", "type.610078": "web"}
    )
    mapped = {e.extension: e.manager for e in world.account.settings.employees}
    assert mapped[Extension("103")] == BORIS
    assert mapped[Extension("102")] is None
    stored = await world.storage.settings.load(ACME)
    assert stored is not None
    assert stored.employees == world.account.settings.employees


async def test_an_extension_twice_is_told_and_not_stored(signed_in: Office) -> None:
    before = signed_in.world.account.settings.employees
    html = await signed_in.send("/admin/acme/people?lang=en", **{"extension.610077": "101", "extension.610078": "101"})
    assert "Extension 101 is assigned twice. Nothing was saved." in html
    assert signed_in.world.account.settings.employees == before


async def test_what_no_document_may_hold_is_said_beside_its_row_and_stays_typed(signed_in: Office) -> None:
    """By the model that reads files and REST, in the viewer's language."""
    world = signed_in.world
    before = world.account.settings.employees
    form = {"extension.610077": "1" * 41, "extension.610078": "nowhere/102", "type.610078": "fax"}
    for language, sentence in (
        ("en", "Write an extension, 1 to 40 characters in one line."),
        ("ru", "Напишите внутренний номер: от 1 до 40 знаков в одну строку."),
        ("uk", "Напишіть внутрішній номер: від 1 до 40 знаків в один рядок."),
    ):
        page = await signed_in.send(f"/admin/acme/people?lang={language}", **{**form, "type.610078": "web"})
        row = page[page.index('name="extension.610077"') : page.index('name="extension.610078"')]
        assert sentence in row
        assert "nowhere" in page[page.index('name="type.610078"') :]
        assert _chosen(page) == ["1" * 41, "sip", "nowhere/102", "web"]
    page = html.unescape(await signed_in.send("/admin/acme/people?lang=en", **form))
    assert '"fax" is not one of sip, web.' in page[page.index('name="extension.610078"') :]
    assert "<option selected>fax</option>" in page
    assert world.account.settings.employees == before


async def test_people_on_a_pbx_that_the_account_has_left_do_not_hold_up_the_page(signed_in: Office) -> None:
    world = signed_in.world
    left = Employee(extension=Extension("901"), pbx=PbxId("gone"), manager=BORIS)
    people = (world.account.settings.employees[0], left)
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    form = {"extension.610077": "102", "extension.610078": "gone/901"}
    await signed_in.send("/admin/acme/people", **form)
    assert left in world.account.settings.employees
    assert {each.key: each.manager for each in world.account.settings.employees} == {
        "101": None, "102": ANNA, "gone/901": BORIS,
    }  # fmt: skip


async def test_of_two_administrators_the_second_is_told_and_nothing_is_lost(signed_in: Office) -> None:
    """Who was first, when and what; what the second chose stays on the screen, beside what the first has stored."""
    world = signed_in.world
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "103")]
    people = world.account.settings.employees
    shown = str(world.account.revision)
    mapped = (replace(people[0], phone_type=PhoneType.WEB), people[1])
    await world.accounts.set_employees(world.account, mapped, who=SOMEBODY, shown=int(shown))
    form = {"extension.610077": "101", "extension.610078": "103"}
    html = await signed_in.send("/admin/acme/people?lang=en", shown=shown, **form)
    assert "Somebody has changed these settings." in html
    assert "Administrator 3fa2c1 from 10.0.0.5: 101 — phone: Sip → Web" in html
    assert world.account.settings.employees == mapped
    assert _chosen(html) == ["101", "web", "103", "sip"]
    again = str(world.account.revision)
    assert f'name="shown" value="{again}"' in html  # saving what is shown now works, and loses nothing
    await signed_in.send("/admin/acme/people", shown=again, **form, **{"type.610077": "web"})
    stored = {e.extension: (e.manager, e.phone_type) for e in world.account.settings.employees}
    assert stored == {"101": (ANNA, PhoneType.WEB), "102": (None, PhoneType.SIP), "103": (BORIS, PhoneType.SIP)}


async def test_who_chose_the_extension_that_another_was_given_meanwhile_is_told(signed_in: Office) -> None:
    world = signed_in.world
    shown = str(world.account.revision)
    world.pbx.extensions = [PbxEmployee(extension=e) for e in ("101", "102", "103")]
    [anna, boris] = world.account.settings.employees
    moved = (anna, replace(boris, manager=None), replace(boris, extension=Extension("103")))
    await world.accounts.set_employees(world.account, moved, who=SOMEBODY)
    form = {"extension.610077": "103", "extension.610078": "102"}  # Anna to 103; Boris as he was
    html = await signed_in.send("/admin/acme/people?lang=en", shown=shown, **form)
    assert "Administrator 3fa2c1 from 10.0.0.5: 102 — manager: Борис Климов → none" in html
    assert "Extension 103 is assigned twice. Nothing was saved." in html
    assert _chosen(html)[::2] == ["103", "103"]
    assert world.account.settings.employees == moved


@pytest.mark.parametrize("shown", ["0" * 32, "-1", "9" * 30, "٣", "x"])
async def test_a_page_of_an_older_release_is_stale_once_anything_has_changed(signed_in: Office, shown: str) -> None:
    before = signed_in.world.account.settings.employees
    html = await signed_in.send("/admin/acme/people?lang=en", shown=shown, **{"extension.610078": ""})
    assert "Somebody has changed these settings." in html
    assert signed_in.world.account.settings.employees == before


async def test_saving_says_so_and_can_be_undone_and_that_too(signed_in: Office) -> None:
    world = signed_in.world
    before = world.account.settings.employees
    form = {"extension.610077": "101", "extension.610078": ""}
    await signed_in.page("/admin/acme?lang=en")
    html = await signed_in.send("/admin/acme/people", **form)
    after = world.account.settings.employees
    for text, people in (("Saved.", before), ("The change was undone.", after), ("The change was undone.", before)):
        assert text in html
        [undo] = re.findall(r'<div class="message good".*?action="(/admin/acme/changes/\d+/undo)"', html, re.S)
        html = await signed_in.send(undo)
        assert "<h1><bdi>People" in html  # back on the page of people
        assert world.account.settings.employees == people
    html = await signed_in.send("/admin/acme/people?lang=en", **{**form, "extension.610078": "102"})
    assert "Saved." in html
    assert "/undo" not in html  # nothing was different


async def test_the_page_says_that_the_configuration_file_wins(signed_in: Office) -> None:
    world = signed_in.world
    world.account.named_in_file = frozenset({Extension("101")})
    before = world.account.settings.employees
    assert "from the configuration file" in await signed_in.page("/admin/acme/people?lang=en")
    html = await signed_in.send("/admin/acme/people?lang=en", **{"extension.610077": "", "extension.610078": "102"})
    assert "Extension 101 is set in the configuration file, and the file wins over this page." in html
    assert world.account.settings.employees == before
    await signed_in.send("/admin/acme/people", **{"extension.610077": "101", "extension.610078": ""})
    assert {e.extension: e.manager for e in world.account.settings.employees} == {"101": ANNA, "102": None}


async def test_each_extension_is_named_with_its_pbx_where_there_are_several(branched: Office) -> None:
    page = await branched.page("/admin/acme/people?lang=ru")
    assert _choices(page, BORIS) == {
        "101": "101 · acme-pbx — Anna", "102": "102 · acme-pbx — Sales",
        "branch/101": "101 · branch — Boris", "branch/102": "102 · branch — Store", "": "branch/101",
    }  # fmt: skip
    assert _choices(page, ANNA)[""] == "101"
    twice = {"extension.610077": "branch/102", "extension.610078": "branch/102"}
    assert "Номер 102 · branch назначен дважды." in await branched.send("/admin/acme/people?lang=ru", **twice)


async def test_a_pbx_that_is_silent_is_named_where_there_are_several(branched: Office) -> None:
    world = branched.world
    world.pbx.fail_next = [Unavailable("no link")] * 2
    assert "АТС acme-pbx не на связи" in await branched.page("/admin/acme/people?lang=ru")
    world.account.set_pbxs([world.pbx])
    assert "АТС не на связи" in await branched.page("/admin/acme/people?lang=ru")


async def test_a_person_with_a_phone_on_each_pbx_keeps_both(branched: Office) -> None:
    """The page shows the first; what is not changed on it stays."""
    world = branched.world
    people = (
        Employee(extension=Extension("101"), manager=ANNA),
        Employee(extension=Extension("101"), pbx=PbxId("branch"), manager=ANNA),
    )
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    page = await branched.page("/admin/acme/people?lang=ru")
    assert _choices(page, ANNA)[""] == "101"
    assert "ещё: 101 · branch" in page
    assert texts("ru")["note_doubled"] not in page
    await branched.send("/admin/acme/people", **{"extension.610077": "101", "extension.610078": "102"})
    managers = {each.key: each.manager for each in world.account.settings.employees}
    assert managers == {"101": ANNA, "102": BORIS, "branch/101": ANNA}
    await branched.send("/admin/acme/people", **{"extension.610077": "branch/102", "extension.610078": "102"})
    managers = {each.key: each.manager for each in world.account.settings.employees}
    assert managers == {"101": None, "102": BORIS, "branch/101": None, "branch/102": ANNA}


async def test_an_error_does_not_stand_beside_what_was_said_before(branched: Office) -> None:
    """The form goes to its own address, not to that of the page that said "saved"."""
    page = await branched.send("/admin/acme/people", **{"extension.610077": "101", "extension.610078": "102"})
    assert '<form method="post" action="/admin/acme/people"' in page


def _chosen(html: str) -> list[str]:
    return re.findall(
        r'<option value="([^"]*)" selected>', html[html.index('id="people"') : html.index('class="bulk"')]
    )


def _choices(page: str, manager: str) -> dict[str, str]:
    """What can be chosen for a manager on the page of people: key -> text; and "" -> the chosen key."""
    select = page.split(f'name="extension.{manager}"')[1].split("</select>")[0]
    options = re.findall(r'<option value="([^"]*)"( selected)?>([^<]*)', select)
    return {key: html.unescape(text) for key, _, text in options} | {"": next(k for k, is_it, _ in options if is_it)}
