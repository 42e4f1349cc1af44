"""One's own profile, and every page in every language."""

from __future__ import annotations

import re

import pytest

from integration.texts import LANGUAGES
from tests.services.administrators.kit import OLGAS, PETRS, Place


async def test_ones_own_name_language_and_password(place: Place) -> None:
    owner = await place.owner()
    elsewhere = await place.open("x")
    await elsewhere.sign_in("olga", OLGAS)
    await owner.post("/admin/administrators/me/profile", name="Ольга Новая", language="uk")
    olga = await place.person("olga")
    assert (olga.name, olga.language) == ("Ольга Новая", "uk")
    wrong = await owner.post("/admin/administrators/me/password", present="wrong", password=PETRS)
    assert wrong.says("wrong_present_password", "uk")
    weak = await owner.post("/admin/administrators/me/password", present=OLGAS, password="olga")
    assert weak.says("password_short", "uk", shortest=10)
    assert await elsewhere.is_in()
    done = await owner.post("/admin/administrators/me/password", present=OLGAS, password=PETRS)
    assert done.says("password_changed", "uk")
    assert await owner.is_in()
    assert not await elsewhere.is_in()
    assert (await elsewhere.sign_in("olga", OLGAS)).says("wrong_login")
    await elsewhere.sign_in("olga", PETRS)
    assert await elsewhere.is_in()


async def test_the_present_password_cannot_be_guessed_with_a_stolen_session(place: Place) -> None:
    owner = await place.owner()
    path = "/admin/administrators/me/password"
    statuses = [(await owner.post(path, present=f"guess {n}", password=PETRS)).status for n in range(7)]
    assert statuses == [200] * 5 + [429] * 2


async def test_ones_other_sessions_end_and_nobody_elses(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    elsewhere = await place.open("x")
    await elsewhere.sign_in("olga", OLGAS)
    page = await petr.get("/admin/administrators/me")
    [end] = re.findall(r'action="([^"]+/sessions/[0-9a-f]{64}/end)"', page.text)
    rows = await place.world.storage.admin_sessions.live(file_mark=None, now=place.world.clock.now())
    olgas = [each.id for each in rows if each.id not in end]
    for session in olgas:
        await petr.post(f"/admin/administrators/me/sessions/{session}/end")
    assert await elsewhere.is_in(), "it is not his"
    assert (await owner.post("/admin/administrators/me/sessions/end")).says("end_others_question")
    await owner.post("/admin/administrators/me/sessions/end", confirmed="1")
    assert [await each.is_in() for each in (owner, elsewhere, petr)] == [True, False, True]
    await petr.post("/admin/logout", everywhere="1")
    assert [await each.is_in() for each in (owner, petr)] == [True, False]


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_in_every_language(place: Place, lang: str) -> None:
    owner = await place.owner()
    await place.invited(owner)
    await owner.post("/admin/administrators/invitations", name="<b>N", login="next")
    one = f"/admin/administrators/{(await place.person('petr')).id}"
    for path in ("/admin/administrators", one, "/admin/administrators/me", "/admin/login", "/setup", "/invitation"):
        page = await owner.get(f"{path}?lang={lang}")
        assert f'<html lang="{lang}">' in page.text
        assert "<b>N" not in page.text
        assert not re.search(r"<p[ >](?:(?!</p>).)*<form", page.text, re.S), "a browser ends the paragraph there"
