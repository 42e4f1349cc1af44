"""The list of people in Chromium: for everybody (axe), narrow and wide, by keyboard, with and without its script."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from integration.domain.crm.entities import GroupKind, Manager, ManagerGroup
from integration.domain.ids import Extension, ManagerId, Timestamp
from integration.domain.people.absence import Away
from integration.domain.settings import Employee
from integration.ports.pbx import PbxEmployee
from integration.ports.pbx_setup import RingOutcome, RingResult
from integration.texts import LANGUAGES
from tests.page_checks import sideways, violations
from tests.services.admin_office import Office
from tests.services.conftest import ANNA, SOMEBODY
from tests.services.test_admin_in_browser import PICTURES, busy, page, pictures

__all__ = ["busy", "page", "pictures"]
pytestmark = pytest.mark.browser

PEOPLE = "/admin/acme/people"
LONG = "Константинопольская-Верхнеуральская Александра Константиновна"


@pytest_asyncio.fixture
async def crowd(busy: Office) -> Office:
    """Each trouble, each kind of suggestion, and both kinds of absence."""
    world = busy.world
    extra = [("7", "Вера Соколова"), ("8", "Анна Ким"), ("9", LONG), ("10", "Olena Dub"), ("11", "Уволен Олег")]
    managers = [Manager(id=ManagerId(number), name=name, email=f"m{number}@firm.test") for number, name in extra]
    managers[4] = replace(managers[4], is_active=False)
    world.crm.all_managers = [*world.crm.all_managers, *managers]
    await world.accounts.refresh_managers(world.account)
    world.pbx.extensions = [
        PbxEmployee(extension="101", name="Anna", is_registered=True),
        PbxEmployee(extension="102", name="Boris", is_registered=False, devices=("PJSIP/102", "PJSIP/99102")),
        PbxEmployee(extension="103", name="Vera Sokolova", email="m7@firm.test"),
        PbxEmployee(extension="104", name="Ким А."),
        PbxEmployee(extension="105", name="Ким А."),
        PbxEmployee(extension="106", name=LONG),
    ]
    until = Timestamp(world.clock.now() + 3600)
    people = [
        *(
            replace(each, absent_until=until) if each.manager == ANNA else each
            for each in world.account.settings.employees
        ),
        Employee(extension=Extension("107"), manager=ManagerId("11")),
    ]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    await world.accounts.set_away(world.account, ManagerId("610078"), Away(), now=world.clock.now())
    return busy


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_scrolls_sideways(crowd: Office, page: Page, scheme: str) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for width in (375, 1280):
        await page.set_viewport_size({"width": width, "height": 900})
        for language in LANGUAGES if scheme == "light" else ("ru",):
            await page.goto(f"{PEOPLE}?lang={language}")
            assert await sideways(page) == [], (language, width)
            await page.screenshot(path=PICTURES / f"people-crowd-{scheme}-{language}-{width}.png", full_page=True)
        assert await violations(page) == [], width


async def test_many_are_ticked_at_once_and_marked_away_by_keyboard(crowd: Office, page: Page) -> None:
    await page.goto(f"{PEOPLE}?show=problems&lang=ru")
    await page.get_by_label("Выбрать всех на странице").focus()
    await page.keyboard.press("Space")
    ticks = page.locator('#people input[name^="pick."]')
    assert await ticks.count() == await page.locator('#people input[name^="pick."]:checked').count() > 2
    await page.get_by_role("button", name="Отметить отсутствующими").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_contain_text("Отметить отсутствующими")
    assert await violations(page) == [], "the question"
    await page.get_by_role("button", name="Отметить отсутствующими").click()
    await expect(page.locator("#said")).to_contain_text("Отмечены отсутствующими.")
    await page.locator("#said").get_by_role("button").click()
    await expect(page.locator("#said")).to_contain_text("Изменение отменено.")


async def test_enter_in_a_field_saves_and_does_nothing_more(crowd: Office, page: Page) -> None:
    before = crowd.world.account.settings.employees
    await page.goto(f"{PEOPLE}?lang=ru")
    await page.locator("#absent_until").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#said")).to_contain_text("Сохранено.")
    assert crowd.world.account.settings.employees == before


async def test_an_absence_said_in_the_crm_appears_by_itself(crowd: Office, page: Page) -> None:
    await page.goto(f"{PEOPLE}?lang=ru")
    state = page.locator(f'[data-region="state-{ANNA}"]')
    await expect(state).to_contain_text("отметка администратора")
    world = crowd.world
    await world.accounts.set_away(world.account, ANNA, Away(), now=world.clock.now())
    world.news.tell(world.account.id)
    await expect(state).to_contain_text("своя отметка в CRM")


async def test_a_phone_rings_from_its_row(crowd: Office, page: Page) -> None:
    crowd.world.pbx.setup.outcomes = {"101": RingOutcome(result=RingResult.ANSWERED, has_rung=True)}
    await page.goto(f"{PEOPLE}?lang=ru")
    await page.get_by_role("button", name="Позвонить на 101").click()
    await expect(page.get_by_role("status").filter(has_text="101: Телефон ответил.")).to_be_visible()


async def test_adding_by_group_and_the_passwords_suit_everybody(crowd: Office, page: Page) -> None:
    """Narrow and wide, light and dark; the secrets can be copied."""
    world = crowd.world
    sales = ManagerGroup(kind=GroupKind.DEPARTMENT, id="1", name="Отдел продаж")
    role = ManagerGroup(kind=GroupKind.ACCESS, id="77", name="Менеджеры")
    world.crm.all_managers = [replace(each, groups=(sales, role)) for each in world.crm.all_managers]
    await world.accounts.refresh_managers(world.account)
    await page.goto(f"{PEOPLE}/groups?lang=ru")
    await page.get_by_label("Отдел продаж").check()
    await page.get_by_label("Номера с").fill("201")
    await page.get_by_label("по", exact=True).fill("203")
    await page.get_by_role("button", name="Показать, что получится").click()
    await expect(page.get_by_text("Будет добавлено: 3")).to_be_visible()
    await looks_right(page, "people-groups")
    await page.get_by_role("button", name="Добавить: 3").click()
    await expect(page.locator("#said")).to_contain_text("Номера назначены.")
    await page.get_by_role("button", name="Создать телефоны на АТС").click()
    await expect(page.get_by_text("Телефоны созданы на АТС.")).to_be_visible()
    await looks_right(page, "phone-credentials")


async def looks_right(page: Page, name: str) -> None:
    for scheme, width in (("light", 1280), ("dark", 375)):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        await page.set_viewport_size({"width": width, "height": 900})
        assert await sideways(page) == [], (name, width)
        assert await violations(page) == [], (name, scheme)
        await page.screenshot(path=PICTURES / f"{name}-{scheme}-{width}.png", full_page=True)
