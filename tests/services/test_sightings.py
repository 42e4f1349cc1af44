"""What managers meet in the CRM's pages is on the overview, with who and when, as long as it counts."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pytest

from integration.ports.sightings import Sighting
from integration.services.click import Refused
from integration.services.sightings import PageSightings, names_reported
from integration.services.uninstalling import Uninstalling
from integration.texts.pages import texts
from tests.services.admin_office import Office
from tests.services.conftest import ACME, ANNA, BORIS, SOMEBODY, World


def sightings(world: World) -> PageSightings:
    return PageSightings(world.storage.sightings, world.coordination, world.clock, world.news.tell)


def is_off(world: World) -> bool:
    return not world.account.settings.enabled


async def kinds(world: World) -> list[tuple[Sighting, str]]:
    return [(seen.what, seen.detail) for seen in await sightings(world).present(world.account)]


async def test_a_manager_without_an_extension_is_listed_until_they_have_one(world: World) -> None:
    people = world.account.settings.employees
    await world.accounts.set_employees(world.account, people[:1], who=SOMEBODY)
    await sightings(world).opened(world.account, BORIS)
    await sightings(world).opened(world.account, ANNA)
    assert await kinds(world) == [(Sighting.NO_EXTENSION, BORIS)]
    await world.accounts.set_employees(world.account, people, who=SOMEBODY)
    assert await kinds(world) == []


async def test_an_integration_that_is_off_is_met_until_it_is_on(world: World) -> None:
    world.account.settings = replace(world.account.settings, enabled=False)
    await sightings(world).opened(world.account, ANNA)
    assert await kinds(world) == [(Sighting.SWITCHED_OFF, "")]
    world.account.settings = replace(world.account.settings, enabled=True)
    assert await kinds(world) == []


async def test_the_last_report_of_other_telephony_counts(world: World) -> None:
    await sightings(world).other_telephony(world.account, ANNA, ["Mango", "Sipuni"])
    await sightings(world).other_telephony(world.account, BORIS, ["Mango"])
    [seen] = await sightings(world).present(world.account)
    assert (seen.detail, seen.manager) == ("Mango", BORIS)
    await sightings(world).other_telephony(world.account, ANNA, [])
    assert await kinds(world) == []


async def test_what_nobody_has_seen_for_two_days_is_over(world: World) -> None:
    await sightings(world).other_telephony(world.account, ANNA, ["Mango"])
    world.clock.advance(2 * 86_400 + 1)
    assert await kinds(world) == []


async def test_hostile_names_are_cut_and_few(world: World) -> None:
    names = ["\u202eevil\n\n  name" + "x" * 1000, "", "   ", *(f"w{n}" for n in range(50))]
    await sightings(world).other_telephony(world.account, ANNA, names)
    found = [detail for _, detail in await kinds(world)]
    assert len(found) <= 10
    assert all(len(name) <= 100 and "\u202e" not in name and "\n" not in name for name in found)


@pytest.mark.parametrize("value", [None, "Mango", [1], [["x"]], ["x"] * 101, {"a": 1}])
def test_a_report_of_another_form_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        names_reported(value)


@pytest.mark.parametrize("lang", ["ru", "uk", "en"])
async def test_the_overview_says_what_was_met_by_whom_and_when(signed_in: Office, lang: str) -> None:
    world = signed_in.world
    await sightings(world).other_telephony(world.account, ANNA, ["<b>Mango</b>"])
    page = await signed_in.page(f"/admin/acme?lang={lang}")
    assert "<b>Mango</b>" not in page
    shown = unescape(page)
    assert texts(lang)["seen_other_telephony"].format(detail="<b>Mango</b>") in shown
    assert "Анна Орлова, 15.11.2023 01:13:20 MSK" in shown


async def test_that_the_crm_has_disconnected_is_said_until_the_next_consent_and_calls_wait(signed_in: Office) -> None:
    world = signed_in.world
    uninstalling = Uninstalling(world.storage.sightings)
    await uninstalling.disconnected(world.account)
    assert world.account.settings.enabled
    assert texts("ru")["seen_disconnected"] in unescape(await signed_in.page("/admin/acme"))
    world.clock.advance(3 * 86_400)
    assert await kinds(world) == [(Sighting.DISCONNECTED, "")]
    await uninstalling.connected(world.account)
    assert await kinds(world) == []


async def test_a_consent_does_not_switch_on_what_an_administrator_had_switched_off(world: World) -> None:
    uninstalling = Uninstalling(world.storage.sightings)
    await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
    await uninstalling.disconnected(world.account)
    await uninstalling.connected(world.account)
    assert not world.account.settings.enabled
    assert await world.storage.sightings.of(ACME) == []
