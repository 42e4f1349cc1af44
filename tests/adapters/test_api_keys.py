"""API keys in a whole process: made and revoked on the page, taken by REST with their rights, and only there."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection

from integration.domain.administrators import Role
from integration.domain.api_keys import KEY_BYTES, key_text
from integration.domain.ids import AccountId
from integration.services.administrators import digest
from integration.storage.sql.schema.people import api_keys
from integration.web.permissions import need_of
from tests.adapters.administrators_kit import ACME, OTHER, Answer, Running, account, running


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as made:
        yield made


async def made_by(place: Running, cookie: str, *, scope: str = "", **form: str) -> str:
    """The text of a new key of ACME, as the page shows it once. `scope`: "all" for all offices."""
    whole = {"name": "Reports", "access": "write", "days": "none", "office": scope, **form}
    answer = await place.ask("POST", f"/admin/{ACME}/keys", cookie, form=whole)
    assert answer.status == 200, answer.text
    found = re.search(r">(dzv_[0-9A-Za-z]{46})</pre>", answer.text)
    assert found is not None, answer.text
    return found[1]


def code(answer: Answer) -> str:
    found: str = json.loads(answer.text)["error"]["code"]
    return found


async def key_id(place: Running, text: str) -> str:
    found = await place.dozvon.core.storage.api_keys.find(digest(text))
    assert found is not None
    return found.key.id


async def test_a_key_is_shown_once_works_at_once_and_until_it_is_revoked(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    assert "There are no keys yet" in (await place.ask("GET", "/admin/acme/keys", owner)).text
    key = await made_by(place, owner)
    page = await place.ask("GET", "/admin/acme/keys", owner)
    assert key not in page.text
    assert f"{key[:8]}…" in page.text
    for words in ("Reports", "Read and change", "Olga", "never", "works"):
        assert words in page.text
    stored = await place.dozvon.core.storage.database.read(lambda c: c.execute(api_keys.select()).all())
    assert key not in str(stored)

    me = await place.ask("GET", "/api/me", key=key)
    assert json.loads(me.text) == {
        "kind": "key", "name": "Reports", "offices": ["acme"], "until": None,
        "permissions": [
            "change_campaigns", "change_installation", "change_office", "see_api", "see_campaigns", "see_office",
        ],
    }  # fmt: skip
    page = await place.ask("GET", "/admin/acme/keys", owner)
    assert "127.0.0.1" in page.text

    revoke = f"/admin/acme/keys/{await key_id(place, key)}/revoke"
    question = await place.ask("POST", revoke, owner, form={})
    assert "Revoke the key: Reports?" in question.text
    assert (await place.ask("GET", "/api/me", key=key)).status == 200, "a question revokes nothing"
    assert (await place.ask("POST", revoke, owner, form={"confirmed": "1"})).status == 303
    refused = await place.ask("GET", "/api/me", key=key)
    assert (refused.status, code(refused)) == (401, "key_revoked")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    page = await place.ask("GET", "/admin/acme/keys", owner)
    assert re.search(r"revoked .* by Olga", page.text)


async def test_a_key_may_what_it_says_in_its_office_and_the_history_names_it(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    writes, reads = await made_by(place, owner), await made_by(place, owner, access="read")
    branch = {"asterisk": {"host": "192.0.2.2", "username": "dozvon", "secret": "geheim"}}
    where, new = "/api/offices/acme/pbx/branch", {"If-Match": "0"}
    refused = await place.ask("PUT", where, key=reads, json=branch, headers=new)
    assert (refused.status, code(refused)) == (403, "not_allowed")
    written = await place.ask("PUT", where, key=writes, json=branch, headers=new)
    assert written.status == 200, written.text
    assert (await place.ask("GET", where, key=reads)).status == 200
    changes = json.loads((await place.ask("GET", "/api/offices/acme/changes", key=reads)).text)["changes"]
    assert changes[0]["who"] == "API key “Reports”, made by Olga, from 127.0.0.1"
    elsewhere = await place.ask("PUT", "/api/offices/other/pbx/branch2", key=writes, json=branch, headers=new)
    assert (elsewhere.status, code(elsewhere)) == (404, "no_office"), "as if it did not exist"


async def test_a_key_of_one_office_changes_nothing_of_the_server(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    key = await made_by(place, owner)
    everywhere = await made_by(place, owner, scope="all")
    table = {"host": "192.0.2.2", "username": "x", "secret": "y", "recordings": {"path": "/etc"}}
    where, new = "/api/offices/acme/pbx/branch", {"If-Match": "0"}
    refused = await place.ask("PUT", where, key=key, json={"asterisk": table}, headers=new)
    assert refused.status == 422
    assert [each["field"] for each in json.loads(refused.text)["problems"]] == ["asterisk.recordings.path"]
    assert (await place.ask("PUT", where, key=everywhere, json={"asterisk": table}, headers=new)).status == 200


async def test_wrong_keys_are_told_apart_in_words(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    key = await made_by(place, owner, days="30")
    last = "a" if key[-1] != "a" else "b"
    for sent, said in (
        ("dzv_short", "no_key"),
        (key[:-1] + last, "key_mistyped"),
        (key_text(b"1" * KEY_BYTES), "key_unknown"),
    ):
        refused = await place.ask("GET", "/api/offices", key=sent)
        assert (refused.status, code(refused)) == (401, said)
        assert sent not in refused.text
    for header in ("Basic eDp5", "Bearer", "", "Bearer  ", f"bearer {key[:20]}", "Bearer " + "x" * 5000):
        refused = await place.ask("GET", "/api/offices", headers={"Authorization": header})
        assert (refused.status, code(refused)) == (401, "no_key"), header
    assert (await place.ask("GET", "/api/offices", headers={"Authorization": f"bearer  {key} "})).status == 200


async def test_a_key_ends_by_itself_and_with_its_maker(place: Running) -> None:
    owner, petr = await place.signed_in("Olga", Role.OWNER), await place.signed_in("Petr")
    key, ends = await made_by(place, petr), await made_by(place, petr, days="30")
    storage, who = place.dozvon.core.storage, await place.person("petr")

    def over(connection: Connection) -> None:
        mine = api_keys.c.hash == digest(ends)
        connection.execute(api_keys.update().where(mine).values(until=place.dozvon.core.clock.now() - 1))

    await storage.database.write(over)
    refused = await place.ask("GET", "/api/me", key=ends)
    assert code(refused) == "key_ended"
    await storage.administrators.set_active(who.id, is_active=False)
    refused = await place.ask("GET", "/api/me", key=key)
    assert (refused.status, code(refused)) == (401, "key_maker_off")
    page = (await place.ask("GET", "/admin/acme/keys", owner)).text
    assert "does not work: its maker is switched off" in page
    assert "expired" in page


async def test_a_key_loses_what_its_maker_loses(place: Running) -> None:
    petr = await place.signed_in("Petr", offices=frozenset({ACME}))
    key = await made_by(place, petr)
    assert (await place.ask("GET", "/api/offices/acme", key=key)).status == 404, "it is in the file, not the database"
    assert json.loads((await place.ask("GET", "/api/me", key=key)).text)["offices"] == ["acme"]
    who = await place.person("petr")
    await place.dozvon.core.storage.administrators.set_offices(who.id, frozenset({OTHER}))
    assert json.loads((await place.ask("GET", "/api/me", key=key)).text)["offices"] == []


async def test_no_page_takes_a_key(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    key = await made_by(place, owner, scope="all")
    tried = 0
    for route in place.dozvon.web.server.app.router.routes():
        need = need_of(route)
        assert route.resource is not None
        path = re.sub(r"\{(\w+)\}", "acme", route.resource.canonical)
        if need is None or need.permission is None or path.startswith("/api/"):
            continue
        answer = await place.ask(route.method, path, key=key)
        assert answer.status == 403 or answer.place.startswith("/admin/login"), (route.method, path, answer.status)
        tried += 1
    assert tried > 50


async def test_a_key_counts_and_not_the_cookie_that_comes_with_it(place: Running) -> None:
    """Otherwise a wrong key would do what its browser may."""
    owner = await place.signed_in("Olga", Role.OWNER)
    key = await made_by(place, owner, access="read")
    branch = {"asterisk": {"host": "192.0.2.2", "username": "x", "secret": "y"}}
    where, headers = "/api/offices/acme/pbx/branch", {"If-Match": "0", "Authorization": f"Bearer {key}"}
    assert (await place.ask("PUT", where, owner, json=branch, headers=headers)).status == 403
    headers["Authorization"] = "Bearer nonsense"
    assert (await place.ask("PUT", where, owner, json=branch, headers=headers)).status == 401


async def test_who_goes_on_with_a_wrong_key_has_to_wait_and_a_right_one_works_beside(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    key, wrong = await made_by(place, owner), key_text(b"2" * KEY_BYTES)
    statuses = [(await place.ask("GET", "/api/me", key=wrong)).status for _ in range(32)]
    assert statuses[:30] == [401] * 30
    assert statuses[30:] == [429] * 2
    limited = await place.ask("GET", "/api/me", key=wrong)
    assert int(limited.headers["Retry-After"]) > 0
    assert code(limited) == "rate_limited"
    assert (await place.ask("GET", "/api/me", key=key)).status == 200, "the office's programs share the address"
    form = {"login": "olga", "password": "wrong"}
    assert (await place.ask("POST", "/admin/login", form=form)).status == 200, "people can still sign in"


async def test_keys_of_all_offices_are_the_owners_alone(place: Running) -> None:
    owner, petr = await place.signed_in("Olga", Role.OWNER), await place.signed_in("Petr")
    await made_by(place, owner, name="Of the owner", scope="all")
    form = {"name": "Mine", "access": "write", "days": "none", "office": "all"}
    assert (await place.ask("POST", "/admin/acme/keys", petr, form=form)).status == 403
    page = (await place.ask("GET", "/admin/acme/keys", petr)).text
    assert "Of the owner" not in page
    assert 'name="office"' not in page
    own_page = (await place.ask("GET", "/admin/acme/keys", owner)).text
    owners = re.findall(r"/admin/acme/keys/([0-9a-f]{32})/revoke", own_page)
    await place.ask("POST", f"/admin/acme/keys/{owners[0]}/revoke", petr, form={"confirmed": "1"})
    found = await place.dozvon.core.storage.api_keys.of(frozenset({None}))
    assert [each.key.revoked_at for each in found] == [None]


async def test_a_stranger_to_the_office_neither_sees_nor_makes_nor_revokes(place: Running) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    eve = await place.signed_in("Eve", offices=frozenset({OTHER}))
    key = await made_by(place, owner)
    assert (await place.ask("GET", "/admin/acme/keys", eve)).status == 404
    assert (await place.ask("POST", "/admin/acme/keys", eve, form={"name": "x"})).status == 404
    ident = await key_id(place, key)
    for office in (ACME, OTHER):
        await place.ask("POST", f"/admin/{office}/keys/{ident}/revoke", eve, form={"confirmed": "1"})
    assert (await place.ask("GET", "/api/me", key=key)).status == 200


@pytest.mark.parametrize(
    "form",
    [
        {"access": "everything"}, {"days": "9" * 5000}, {"office": "other"}, {"name": ""}, {"name": "\u202e"},
        {"name": "x" * 5000},
    ],
)  # fmt: skip
async def test_what_no_form_of_ours_sends_makes_no_key(place: Running, form: dict[str, str]) -> None:
    owner = await place.signed_in("Olga", Role.OWNER)
    whole = {"name": "Reports", "access": "read", "days": "30", **form}
    answer = await place.ask("POST", "/admin/acme/keys", owner, form=whole)
    assert answer.status in (200, 400)
    assert "dzv_" not in answer.text
    assert await place.dozvon.core.storage.api_keys.of(frozenset({ACME, OTHER, None})) == []


async def test_the_description_says_how_a_program_signs_in(place: Running) -> None:
    key = await made_by(place, await place.signed_in("Olga", Role.OWNER), access="read")
    described = json.loads((await place.ask("GET", "/api/openapi.json", key=key)).text)
    assert {"key": []} in described["security"]
    assert described["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "429" in described["paths"]["/api/me"]["get"]["responses"]


async def test_the_wizards_screen_makes_and_revokes_keys_of_its_office(place: Running) -> None:
    """Of an office in the database: those of the file have their page."""
    owner = await place.signed_in("Olga", Role.OWNER)
    made = await place.ask(
        "PUT", "/api/offices/shop/account/shop", owner, json=account(AccountId("shop")), headers={"If-Match": "0"}
    )
    assert made.status == 200, made.text
    screen = "/admin/setup/shop/keys"
    assert "There are no keys yet" in (await place.ask("GET", screen, owner)).text
    form = {"name": "Widget", "access": "read", "days": "90"}
    shown = (await place.ask("POST", screen, owner, form=form)).text
    found = re.search(r">(dzv_[0-9A-Za-z]{46})</pre>", shown)
    assert found is not None
    assert json.loads((await place.ask("GET", "/api/me", key=found[1])).text)["offices"] == ["shop"]
    gone = await place.ask("POST", f"{screen}/{await key_id(place, found[1])}/revoke", owner, form={"confirmed": "1"})
    assert gone.place.startswith(screen)
    assert (await place.ask("GET", "/api/me", key=found[1])).status == 401
    onward = await place.ask("POST", screen, owner, form={"do": "finish"})
    assert onward.place == "/admin/setup/shop/rehearsal"
