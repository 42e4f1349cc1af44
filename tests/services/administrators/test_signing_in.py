"""Signing in as a person: names, wrong passwords, brakes, sessions."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from argon2 import PasswordHasher

from integration.errors import Unavailable
from integration.services import passwords as hashing
from tests.services.administrators.kit import FILE_PASSWORD, OLGAS, PETRS, Place
from tests.services.conftest import ACME


async def test_a_person_signs_in_in_any_spelling_and_is_named_in_the_history(place: Place) -> None:
    await place.owner(login="Olga@Example.com")
    browser = await place.open("Chrome/126.0 Linux")
    assert (await browser.sign_in("  OLGA@example.com", OLGAS)).status != 429
    assert await browser.is_in()
    await browser.post("/admin/acme/people", **{"extension.610077": "105"})
    [kept, *_] = await place.world.storage.settings.changes(ACME)
    assert (kept.change.who.name, kept.change.who.administrator) == (
        "Ольга",
        (await place.person("olga@example.com")).id,
    )


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("olga", "wrong"),
        ("nobody", OLGAS),
        ("olga", ""),
        ("olga", FILE_PASSWORD),
        ("olga", OLGAS + "x" * 5000),
        ("olga\u202e", OLGAS),
        ("x" * 5000, OLGAS),
        ("", OLGAS),
        ("   ", OLGAS),
    ],
)
async def test_a_wrong_login_or_password_says_the_same(place: Place, login: str, password: str) -> None:
    await place.owner()
    browser = await place.open("x")
    answer = await browser.sign_in(login, password)
    assert answer.status == 200
    assert answer.says("wrong_login")
    assert not await browser.is_in()
    assert "dozvon_admin" not in browser.cookies


async def test_an_unknown_login_costs_a_comparison_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or its time would tell which logins there are. Counted, as a measured time depends on the machine."""
    await place.owner()
    browser = await place.open("x")
    compared: list[str] = []
    genuine = hashing.is_same

    def counted(stored: str, given: str) -> bool:
        compared.append(stored)
        return genuine(stored, given)

    monkeypatch.setattr(hashing, "is_same", counted)
    await browser.sign_in("nobody", "wrong")
    await browser.sign_in("olga", "wrong")
    await browser.sign_in("no\u202ebody", "wrong")
    assert len(compared) == 3
    costs = {stored.split("$")[3] for stored in compared}
    assert len(costs) == 1, "at the same cost"


async def test_who_may_sign_in_cannot_guess_for_others_in_between(place: Place) -> None:
    owner = await place.owner()
    await place.invited(owner)
    browser = await place.open("x")
    statuses = []
    for number in range(7):
        statuses.append((await browser.sign_in("OLGA", f"guess {number}")).status)
        await browser.sign_in("petr", PETRS)
        await browser.get("/setup?code=x")
    assert statuses == [200] * 5 + [429] * 2


async def test_many_logins_from_one_address_are_slowed_down_too(place: Place) -> None:
    browser = await place.open("x")
    statuses = [(await browser.sign_in(f"login{number}", "x")).status for number in range(31)]
    assert statuses == [200] * 30 + [429]


async def test_a_hash_of_another_cost_is_made_again_at_the_next_sign_in(place: Place) -> None:
    owner = await place.owner()
    cheap = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(OLGAS)
    store = place.service.store
    stored = await store.credentials("olga")
    assert stored is not None
    await store.rehash(stored, cheap)
    browser = await place.open("x")
    await browser.sign_in("olga", "wrong")
    now = await store.credentials("olga")
    assert now is not None
    assert now.hash == cheap, "only the right password can be hashed again"
    await browser.sign_in("olga", OLGAS)
    now = await store.credentials("olga")
    assert now is not None
    assert now.hash != cheap
    assert not hashing.is_outdated(now.hash)
    assert await owner.is_in(), "no session ends by it"


async def test_a_session_that_a_stranger_has_set_is_worth_nothing_after_signing_in(place: Place) -> None:
    """Session fixation: the token is always a new one, and the former one of this browser ends."""
    await place.owner()
    browser, thief = await place.open("x"), await place.open("x")
    planted = "A" * 43
    browser.client.session.cookie_jar.update_cookies({"dozvon_admin": planted}, browser.client.make_url("/"))
    await browser.sign_in("olga", OLGAS)
    first = browser.cookies["dozvon_admin"]
    assert first != planted
    await browser.sign_in("olga", OLGAS)
    assert browser.cookies["dozvon_admin"] != first
    thief.client.session.cookie_jar.update_cookies({"dozvon_admin": first}, thief.client.make_url("/"))
    assert not await thief.is_in()
    assert await browser.is_in()


@pytest.mark.parametrize("place", [None], indirect=True)
async def test_while_nobody_can_sign_in_the_page_says_what_to_do(place: Place) -> None:
    browser = await place.open("x")
    page = await browser.get("/admin")
    assert page.says("nobody_yet")
    assert 'type="password"' not in page.text
    assert (await browser.post("/admin/login", password="")).says("nobody_yet")
    await place.owner()
    assert 'name="login"' in (await browser.get("/admin")).text


async def test_the_page_is_shown_although_the_last_use_cannot_be_stored(place: Place) -> None:
    owner = await place.owner()
    place.world.clock.advance(120)

    async def fail(*_: object, **__: object) -> None:
        raise Unavailable("read-only")

    place.sessions.store.touch = fail  # type: ignore[method-assign]
    assert await owner.is_in()


async def test_the_last_use_is_a_page_that_was_opened_and_not_a_stream_that_is_open(place: Place) -> None:
    owner = await place.owner()
    began = place.world.clock.now()

    async def used() -> float:
        [session] = await place.sessions.store.live(file_mark=None, now=place.world.clock.now())
        return session.used_at

    place.world.clock.advance(300)
    cookie = {"Cookie": f"dozvon_admin={owner.cookies['dozvon_admin']}"}
    stream = make_mocked_request("GET", "/admin/acme/live", headers=cookie)
    assert not await place.sessions.is_still_let_in(stream), "a route that declares nothing lets nobody in"
    assert await used() == began
    await owner.get("/admin/administrators/me")
    assert await used() == began + 300
