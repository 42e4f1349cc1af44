"""Invitations, and the page of administrators."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Connection

from integration.domain.administrators import Role
from integration.storage.sql.schema.people import admin_invitations, admin_sessions, administrators, setup_codes
from tests.services.administrators.kit import FILE_PASSWORD, OLGAS, PETRS, Place, link_in


async def test_an_invited_person_sets_a_password_and_is_in(place: Place) -> None:
    owner = await place.owner()
    answer = await owner.post("/admin/administrators/invitations", name="Пётр", login="petr", role="administrator")
    link = link_in(answer)
    browser = await place.open("Chrome/126.0 Linux")
    page = await browser.get(link)
    assert "Ольга" in page.text
    assert "code=" not in page.path
    weak = await browser.post("/invitation", name="Пётр", password="petr")
    assert weak.says("password_short", shortest=10)
    await browser.post("/invitation", name="Пётр Первый", password=PETRS)
    assert await browser.is_in()
    petr = await place.person("petr")
    assert (petr.name, petr.role) == ("Пётр Первый", Role.ADMINISTRATOR)
    for again in (await browser.get(link), await browser.post("/invitation", name="x", password=PETRS)):
        assert again.status == 403
        assert again.says("invitation_gone")


async def test_a_link_is_shown_once_and_the_database_does_not_have_it(place: Place) -> None:
    owner = await place.owner()
    code = link_in(await owner.post("/admin/administrators/invitations", name="N", login="petr")).partition("=")[2]
    assert "/invitation?code=" not in (await owner.get("/admin/administrators")).text
    await place.service.issue_setup_code("")

    def work(connection: Connection) -> str:
        tables = (admin_invitations, setup_codes, admin_sessions, administrators)
        return str([connection.execute(table.select()).all() for table in tables])

    rows = await place.world.storage.database.read(work)
    for secret in (code, owner.cookies["dozvon_admin"], OLGAS):
        assert secret not in rows


async def test_a_link_ends_by_its_time_by_a_new_one_and_by_revoking(place: Place) -> None:
    owner = await place.owner()
    first = link_in(await owner.post("/admin/administrators/invitations", name="N", login="petr"))
    [waiting] = await place.service.invitations.waiting(now=place.world.clock.now())
    second = link_in(await owner.post(f"/admin/administrators/invitations/{waiting.id}/renew"))
    browser = await place.open("x")
    assert (await browser.get(first)).status == 403
    assert (await browser.get(second)).status == 200
    place.world.clock.advance(72 * 3600 + 1)
    assert (await browser.get(second)).status == 403
    await owner.sign_in("olga", OLGAS)  # twelve hours are over
    third = link_in(await owner.post("/admin/administrators/invitations", name="N", login="petr"))
    [waiting] = await place.service.invitations.waiting(now=place.world.clock.now())
    assert (await owner.post(f"/admin/administrators/invitations/{waiting.id}/revoke")).says("invitation_revoked")
    assert (await browser.get(third)).status == 403
    for what in ("renew", "revoke"):
        gone = await owner.post(f"/admin/administrators/invitations/{waiting.id}/{what}")
        assert gone.says("invitation_already_gone")


@pytest.mark.parametrize("login", ["olga", "OLGA", " ｏｌｇａ "])
async def test_a_login_is_given_once_in_any_spelling(place: Place, login: str) -> None:
    owner = await place.owner()
    answer = await owner.post("/admin/administrators/invitations", name="N", login=login)
    assert answer.says("login_taken")
    assert not await place.service.invitations.waiting(now=place.world.clock.now())


async def test_a_role_that_no_form_offers_is_refused(place: Place) -> None:
    owner = await place.owner()
    for role in ("root", "", "OWNER", "owner\u200b"):
        answer = await owner.post("/admin/administrators/invitations", name="N", login="petr", role=role)
        assert answer.status == 400
    assert not await place.service.invitations.waiting(now=place.world.clock.now())


async def test_the_owner_sees_everybody_with_their_sessions_and_ends_one(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    page = await owner.get("/admin/administrators")
    assert page.text.count("<bdi>Пётр</bdi>") == 1
    url = f"/admin/administrators/{(await place.person('petr')).id}"
    one = await owner.get(url)
    assert "Chrome 126, Linux" in one.text
    assert "127.0.0.1" in one.text
    [end] = re.findall(r'action="([^"]+/sessions/[0-9a-f]{64}/end)"', one.text)
    assert (await owner.post(end)).says("session_ended")
    assert not await petr.is_in()
    assert await owner.is_in()


async def test_switching_off_asks_first_ends_everything_and_can_be_taken_back(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    url = f"/admin/administrators/{(await place.person('petr')).id}"
    asked = await owner.post(f"{url}/active", active="")
    assert asked.says("switch_off_administrator_question", name="Пётр")
    assert await petr.is_in()
    assert (await owner.post(f"{url}/active", active="", confirmed="1")).says("administrator_off")
    assert not await petr.is_in()
    assert (await petr.sign_in("petr", PETRS)).says("wrong_login")
    assert (await owner.post(f"{url}/active", active="1")).says("administrator_on")
    assert not await petr.is_in()
    await petr.sign_in("petr", PETRS)
    assert await petr.is_in()


async def test_the_last_owner_is_neither_switched_off_nor_degraded(place: Place) -> None:
    owner = await place.owner()
    url = f"/admin/administrators/{(await place.person('olga')).id}"
    assert (await owner.post(f"{url}/active", active="", confirmed="1")).says("last_owner")
    assert (await owner.post(f"{url}/role", role="administrator")).says("degrade_question", name="Ольга")
    assert (await owner.post(f"{url}/role", role="administrator", confirmed="1")).says("last_owner")
    assert (await place.person("olga")).is_active_owner
    await place.invited(owner)
    other = f"/admin/administrators/{(await place.person('petr')).id}"
    assert (await owner.post(f"{other}/role", role="owner")).says("role_set")
    await owner.post(f"{url}/role", role="administrator", confirmed="1")
    assert (await place.person("olga")).role is Role.ADMINISTRATOR
    assert (await owner.get("/admin/administrators")).status == 403, "at once, in the session that goes on"
    assert await owner.is_in()


async def test_an_administrator_may_not_manage_administrators(place: Place) -> None:
    owner = await place.owner()
    petr = await place.invited(owner)
    olga = (await place.person("olga")).id
    assert (await petr.get("/admin/administrators")).status == 403
    assert (await petr.get(f"/admin/administrators/{olga}")).status == 403
    own = (await place.person("petr")).id
    for path, form in (
        ("/admin/administrators/invitations", {"name": "N", "login": "n", "role": "owner"}),
        (f"/admin/administrators/{own}/role", {"role": "owner"}),
        (f"/admin/administrators/{olga}/active", {"active": "", "confirmed": "1"}),
        (f"/admin/administrators/{olga}/sessions/end", {"confirmed": "1"}),
    ):
        assert (await petr.post(path, **form)).status == 403
    assert await owner.is_in()
    assert (await place.person("petr")).role is Role.ADMINISTRATOR
    page = (await petr.get("/admin/acme/people")).text
    assert 'href="/admin/administrators/me"' in page
    assert 'href="/admin/administrators"' not in page


async def test_the_files_password_manages_too_and_the_page_says_how_to_retire_it(place: Place) -> None:
    browser = await place.open("Firefox/130.0 Linux")
    await browser.post("/admin/login", password=FILE_PASSWORD)
    page = await browser.get("/admin/administrators")
    assert page.says("file_password_keep")
    assert (await browser.get("/admin/administrators/me")).says("signed_in_by_file")
    link = link_in(
        await browser.post("/admin/administrators/invitations", name="Ольга", login="olga", role=Role.OWNER.value)
    )
    other = await place.open("x")
    await other.get(link)
    await other.post("/invitation", name="Ольга", password=OLGAS)
    page = await other.get("/admin/administrators")
    assert page.says("file_password_retire")
    assert "Firefox 130, Linux" in page.text
    await other.post("/admin/administrators/file/sessions/end")
    assert 'id="present"' not in (await browser.get("/admin/administrators/me")).text
    assert await other.is_in()
    assert (await browser.post("/admin/administrators/me/password", present="x", password="y")).status == 403
