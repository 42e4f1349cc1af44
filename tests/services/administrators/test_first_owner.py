"""The first owner: the one-time code, and a lost password."""

from __future__ import annotations

import re

import pytest

from integration.domain.administrators import Role
from integration.texts import LANGUAGES
from tests.services.administrators.kit import FILE_PASSWORD, OLGAS, Place


async def test_with_the_code_an_owner_is_made_signed_in_and_goes_on(place: Place) -> None:
    browser = await place.open("Firefox/130.0")
    code = await place.service.issue_setup_code("")
    form = await browser.get(f"/setup?code={code}&lang=uk")
    assert code not in form.path, "it stays in no history"
    assert code not in form.text
    assert '<html lang="uk">' in form.text
    answer = await browser.post("/setup", name=" Ольга ", login="Olga@Example.com", password=OLGAS)
    assert answer.path == "/admin/acme/people"
    olga = await place.person("olga@example.com")
    assert (olga.name, olga.login, olga.role, olga.language) == ("Ольга", "Olga@Example.com", Role.OWNER, "uk")
    assert "dozvon_setup" not in browser.cookies
    again = await browser.get(f"/setup?code={code}")
    assert again.status == 403
    assert again.says("setup_code_wrong", "uk"), "the language that was chosen stays"


async def test_without_a_code_the_page_says_where_it_is(place: Place) -> None:
    browser = await place.open("x")
    for lang in LANGUAGES:
        page = await browser.get(f"/setup?lang={lang}")
        assert page.status == 200
        assert page.says("setup_where", lang)
        assert "dozvon setup-code" in page.text
        assert '"password"' not in page.text
    assert (await browser.post("/setup", name="Eve", login="eve", password=OLGAS)).status == 403
    assert not await place.service.store.have_any()


@pytest.mark.parametrize(
    "code", ["", "x", "A" * 43, "\u202e", "%00", "'; DROP TABLE setup_codes", "я" * 43, "A" * 5000]
)
async def test_a_wrong_code_opens_nothing(place: Place, code: str) -> None:
    await place.service.issue_setup_code("")
    browser = await place.open("x")
    page = await browser.get(f"/setup?code={code}")
    assert page.status in (400, 403)
    assert 'name="password"' not in page.text
    answer = await browser.post("/setup", name="Eve", login="eve", password=OLGAS)
    assert answer.status == 403
    assert not await place.service.store.have_any()


async def test_guessing_codes_is_slowed_down_and_signing_in_is_not(place: Place) -> None:
    browser = await place.open("x")
    statuses = [(await browser.get(f"/setup?code={number:043}")).status for number in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    assert (await browser.post("/admin/login", password=FILE_PASSWORD)).status in (200, 404)


async def test_a_code_ends_after_a_day(place: Place) -> None:
    code = await place.service.issue_setup_code("")
    place.world.clock.advance(24 * 3600 + 1)
    browser = await place.open("x")
    assert (await browser.get(f"/setup?code={code}")).status == 403


async def test_what_is_wrong_stands_beside_its_field_and_the_rest_stays_typed(place: Place) -> None:
    browser = await place.open("x")
    await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    page = await browser.post("/setup", name="Ольга\u202e", login="Оля <b>", password="short")
    assert page.status == 200
    assert page.says("name_invisible")
    assert page.says("password_short", shortest=10)
    assert "Оля &lt;b&gt;" in page.text
    assert "short" not in re.findall(r'value="([^"]*)"', page.text), "a password is not sent back"
    page = await browser.post("/setup", name="", login="", password=OLGAS)
    assert page.says("name_missing")
    assert page.says("login_missing")
    assert not await place.service.store.have_any()
    assert (await browser.post("/setup", name="Ольга", login="olga", password=OLGAS)).path == "/admin/acme/people"


async def test_whoever_has_the_shell_sets_a_lost_password(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    await place.service.store.set_active((await place.person("petr")).id, is_active=False)
    browser = await place.open("x")
    form = await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    assert "Пётр (petr)" in form.text
    chosen = (await place.person("petr")).id
    refused = await browser.post("/setup", who=chosen, password="short")
    assert refused.says("password_short", shortest=10)
    assert (await browser.post("/setup", who=chosen, password="new words for Petr")).path == "/admin/acme/people"
    assert (await place.person("petr")).role is Role.ADMINISTRATOR
    assert not await petr.is_in()
    assert await browser.is_in()
    assert await owner.is_in()


async def test_nobody_is_chosen_who_does_not_exist(place: Place) -> None:
    browser = await place.open("x")
    await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    for who in ("f" * 32, "'", "x" * 5000):
        assert (await browser.post("/setup", who=who, password=OLGAS)).status == 403
        await browser.get(f"/setup?code={await place.service.issue_setup_code('')}")
    assert not await place.service.store.have_any()
