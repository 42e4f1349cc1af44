"""An administrator of single offices sees these and no trace of others, wherever they ask."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from integration.domain.administrators import Role
from integration.domain.ids import AccountId
from integration.web.permissions import need_of
from tests.adapters.administrators_kit import ACME, OTHER, Running, account, running

SHOP = AccountId("shop")
HOLES = {
    "kind": "account",
    "item": "1",
    "call": "1",
    "revision": "1",
    "consent": "x",
    "key": "f" * 32,
    "step": "office",
}


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as made:
        yield made


async def with_shop(place: Running, owner: str) -> None:
    """An office in the database."""
    document = account(SHOP, name="The secret shop")
    made = await place.ask("PUT", f"/api/offices/shop/account/{SHOP}", owner, json=document, headers={"If-Match": "0"})
    assert made.status == 200, made.text


async def test_no_route_of_another_office_is_there_for_them(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    await with_shop(place, owner)
    petr = await place.signed_in("Petr", offices=frozenset({ACME}))
    tried = 0
    for route in place.dozvon.web.server.app.router.routes():
        need, resource = need_of(route), route.resource
        if need is None or need.permission is None or resource is None:
            continue
        names = set(re.findall(r"\{(\w+)\}", resource.canonical))
        if not names & {"account", "office"}:
            continue
        for office in (OTHER, SHOP):
            holes = {**HOLES, "account": office, "office": office, "id": office}
            path = resource.canonical
            for name in re.findall(r"\{(\w+)\}", path):
                path = path.replace(f"{{{name}}}", str(holes.get(name, "x")))
            answer = await place.ask(route.method, path, petr, form={})
            assert answer.status == 404, (route.method, path, answer.status)
            tried += 1
    assert tried > 80


async def test_what_lists_several_offices_lists_theirs(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    await with_shop(place, owner)
    petr = await place.signed_in("Petr", offices=frozenset({ACME}))
    assert (await place.ask("GET", "/admin", petr)).place == "/admin/acme", "their only one"
    for path in ("/admin/setup", "/admin/acme", "/admin/acme/changes", "/admin/setup/new", "/admin/administrators/me"):
        page = (await place.ask("GET", path, petr)).text
        assert page, path
        for trace in ("other", "shop"):
            seen = re.sub(r"<[^>]*(?:lang=|class=)[^>]*>|end_others|/sessions/end|other sessions", "", page)
            assert f"/{trace}" not in seen, (path, trace)
            assert f">{trace}<" not in seen, (path, trace)
        assert "The secret shop" not in page
    assert json.loads((await place.ask("GET", "/api/offices", petr)).text) == {"offices": []}
    found = json.loads((await place.ask("GET", "/api/offices", owner)).text)["offices"]
    assert [each["office"] for each in found] == ["shop"]


async def test_who_has_no_office_yet_sets_one_up_and_has_it(place: Running) -> None:
    owner, petr = await place.signed_in("Olga", Role.OWNER), await place.signed_in("Petr", offices=frozenset())
    assert (await place.ask("GET", "/admin", petr)).place == "/admin/setup"
    form = {"name": "Branch", "country": "RU", "language": "ru", "time_zone": ""}
    begun = await place.ask("POST", "/admin/setup/new", petr, form=form)
    assert begun.place == "/admin/setup/branch/pbx", "the address is the whole server's"
    assert (await place.person("petr")).offices == frozenset({AccountId("branch")})
    page = (await place.ask("GET", begun.place, petr)).text
    assert "/admin/setup/branch/crm" not in page or "branch" in page
    assert "/admin/setup/branch/address" not in page
    assert (await place.ask("GET", "/admin/setup/branch/address", petr)).status == 403
    assert (await place.ask("POST", "/admin/setup/branch/address", petr, form={"public_url": "x"})).status == 403
    assert (await place.ask("GET", "/admin/setup/branch/address", owner)).status == 200
    eve = await place.signed_in("Eve", offices=frozenset({ACME}))
    assert (await place.ask("GET", begun.place, eve)).status == 404


async def test_they_connect_a_pbx_in_the_wizard_without_a_word_about_the_server(place: Running) -> None:
    petr = await place.signed_in("Petr", offices=frozenset())
    await place.ask("POST", "/admin/setup/new", petr, form={"name": "B", "country": "RU", "language": "ru"})
    form = {"flavour": "asterisk", "host": "192.0.2.9", "port": "5038", "do": "save"}
    saved = await place.ask("POST", "/admin/setup/b/pbx", petr, form=form)
    parts = (await place.dozvon.core.storage.offices.get(AccountId("b"))).parts
    assert [part for part in parts if part.startswith("pbx/")], (saved.status, saved.text)


async def test_the_servers_folders_and_ports_stay_the_servers(place: Running) -> None:
    owner, petr = await place.signed_in("Olga", Role.OWNER), await place.signed_in("Petr", offices=frozenset({SHOP}))
    await with_shop(place, owner)
    where = "/api/offices/shop/pbx/branch"
    plain = {"host": "192.0.2.2", "username": "x", "secret": "y"}
    for more, field in (
        ({"recordings": {"path": "/etc"}}, "asterisk.recordings.path"),
        ({"fastagi": {"host": "0.0.0.0", "port": 8080}}, "asterisk.fastagi.host"),
        ({"tls": {"ca": "/etc/shadow"}}, "asterisk.tls.ca"),
        ({"records": {"kind": "csv", "cdr": "/etc/passwd"}}, "asterisk.records.cdr"),
    ):
        for path, method in ((where, "PUT"), (f"{where}/check", "POST")):
            at = {"If-Match": "1"} if method == "PUT" else {}
            answer = await place.ask(method, path, petr, json={"asterisk": {**plain, **more}}, headers=at)
            assert field in [each["field"] for each in json.loads(answer.text)["problems"]], answer.text
    assert (await place.ask("PUT", where, petr, json={"asterisk": plain}, headers={"If-Match": "1"})).status == 200
    folder = {**plain, "recordings": {"path": "/var/spool/recordings"}}
    assert (await place.ask("PUT", where, owner, json={"asterisk": folder}, headers={"If-Match": "2"})).status == 200
    kept = {**folder, "host": "192.0.2.3"}
    assert (await place.ask("PUT", where, petr, json={"asterisk": kept}, headers={"If-Match": "3"})).status == 200
    removed = await place.ask("PUT", where, petr, json={"asterisk": plain}, headers={"If-Match": "4"})
    assert removed.status == 200, "to use less of the server is theirs"
    undone = await place.ask("POST", "/api/offices/shop/changes/5/undo", petr)
    assert undone.status == 422, "and not to take it back"
    assert (await place.ask("POST", "/api/offices/shop/changes/5/undo", owner)).status == 200


async def test_only_an_owner_lets_the_crms_administrators_in(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    maria, petr = await place.signed_in("Maria"), await place.signed_in("Petr", offices=frozenset({SHOP}))
    await with_shop(place, owner)
    document = account(SHOP, crm_administrators=True)
    where = f"/api/offices/shop/account/{SHOP}"
    for cookie in (maria, petr):
        refused = await place.ask("PUT", where, cookie, json=document, headers={"If-Match": "1;shop=0"})
        assert [each["field"] for each in json.loads(refused.text)["problems"]] == ["crm_administrators"]
    set_ = await place.ask("PUT", where, owner, json=document, headers={"If-Match": "1;shop=0"})
    assert set_.status == 200, set_.text
    taken = await place.ask("PUT", where, maria, json=account(SHOP), headers={"If-Match": "2;shop=0"})
    assert taken.status == 200, "taking the right away needs no owner"


async def test_the_office_screen_has_the_switch_for_owners_only(place: Running) -> None:
    owner, maria = await place.signed_in("Olga", Role.OWNER), await place.signed_in("Maria")
    await with_shop(place, owner)
    screen, offices = "/admin/setup/shop/office", place.dozvon.core.storage.offices
    form = {"name": "Shop", "country": "RU", "language": "ru", "time_zone": ""}

    async def allows() -> bool:
        return bool((await offices.get(SHOP)).parts["account/shop"].get("crm_administrators"))

    assert "crm_administrators" not in (await place.ask("GET", screen, maria)).text
    assert "crm_administrators" in (await place.ask("GET", screen, owner)).text
    assert (await place.ask("POST", screen, maria, form={**form, "crm_administrators": "1"})).status == 303
    assert not await allows()
    assert (await place.ask("POST", screen, owner, form={**form, "crm_administrators": "1"})).status == 303
    assert await allows()
    assert (await place.ask("POST", screen, maria, form=form)).status == 303
    assert await allows(), "who does not see the switch does not move it"
    assert (await place.ask("POST", screen, owner, form=form)).status == 303
    assert not await allows()


async def test_an_open_stream_ends_with_the_right_to_the_office(place: Running) -> None:
    petr = await place.signed_in("Petr", offices=frozenset({ACME}))
    who = await place.person("petr")
    headers = {"Cookie": f"dozvon_admin={petr}"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{place.dozvon.url}/admin/acme/live", headers=headers) as live,
    ):
        assert live.status == 200
        await place.dozvon.core.storage.administrators.set_offices(who.id, frozenset({OTHER}))
        heard = ""
        async for chunk in live.content.iter_any():  # it ends by itself
            heard += chunk.decode()
        assert "event: over" in heard


async def test_an_owner_invites_to_single_offices_and_changes_them(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    path = "/admin/administrators/invitations"
    form = {"name": "Пётр", "login": "petr", "role": "administrator", "scope": "some", "office.acme": "1"}
    page = (await place.ask("POST", path, owner, form={**form, "office.nowhere": "1"})).text
    found = re.search(r"/invitation\?code=([\w-]{43})", page)
    assert found is not None
    cookie = {"Cookie": f"dozvon_invitation={found[1]}"}
    await place.ask("POST", "/invitation", form={"name": "Пётр", "password": "nine green bottles"}, headers=cookie)
    petr = await place.person("petr")
    assert petr.offices == frozenset({ACME})
    one = f"/admin/administrators/{petr.id}"
    assert "acme" in (await place.ask("GET", "/admin/administrators", owner)).text
    await place.ask("POST", f"{one}/offices", owner, form={"scope": "some", "office.other": "1"})
    assert (await place.person("petr")).offices == frozenset({OTHER})
    await place.ask("POST", f"{one}/offices", owner, form={"scope": ""})
    assert (await place.person("petr")).offices is None
    refused = await place.ask("POST", path, owner, form={**form, "login": "x", "role": "owner"})
    assert "An owner sees all offices" in refused.text
    own = await place.person("olga")
    refused = await place.ask("POST", f"/admin/administrators/{own.id}/offices", owner, form={"scope": "some"})
    assert "An owner sees all offices" in refused.text
    assert (await place.person("olga")).offices is None
