"""Who gets in to the administrators' pages, and what a session is."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request

from integration.storage.sql.schema.people import admin_sessions
from integration.web.pages.session import local_path
from tests.services.admin_office import PASSWORD, Office, sessions_of


async def test_without_the_password_nothing_is_shown(office: Office) -> None:
    for path in ("/admin", "/admin/acme", "/admin/acme/calls", "/admin/acme/delivery"):
        assert 'type="password"' in await office.page(path)
    assert "Wrong password." in await office.send("/admin/login?lang=en", password="wrong")


async def test_guessing_is_slowed_down(office: Office) -> None:
    for _ in range(5):
        await office.send("/admin/login", password="wrong")
    async with office.client.post("/admin/login", data={"password": PASSWORD}) as answer:
        assert answer.status == 429


async def test_attempts_that_come_together_are_counted_before_any_is_compared(office: Office) -> None:
    async def attempt() -> int:
        async with office.client.post("/admin/login", data={"password": "wrong"}) as answer:
            return answer.status

    assert sorted(await asyncio.gather(*(attempt() for _ in range(12)))) == [200] * 5 + [429] * 7


async def test_who_knows_the_password_is_not_slowed_down(office: Office) -> None:
    for _ in range(8):
        await office.send("/admin/login", password=PASSWORD)


@pytest.mark.parametrize("office", ["direct", "proxy"], indirect=True)
async def test_the_forwarded_address_counts_only_behind_a_trusted_proxy(
    office: Office, request: pytest.FixtureRequest
) -> None:
    statuses = []
    for n in range(8):
        forwarded = {"X-Forwarded-For": f"198.51.100.{n}"}
        async with office.client.post("/admin/login", data={"password": "wrong"}, headers=forwarded) as answer:
            statuses.append(answer.status)
    is_trusted = request.node.callspec.params["office"] == "proxy"
    assert statuses == ([200] * 8 if is_trusted else [200] * 5 + [429] * 3)


async def test_a_session_is_known_to_every_process_and_after_a_restart(signed_in: Office) -> None:
    """Nothing of it is in the process: another one with the same database lets the browser in."""
    world = signed_in.world
    another = sessions_of(world, PASSWORD)
    [cookie] = [c for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={cookie.value}"})
    assert await another.is_signed_in(request)
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={cookie.value}"})
    assert not await sessions_of(world, "another password now").is_signed_in(request), "a changed password ends it"


async def test_a_session_ends_with_its_time(signed_in: Office) -> None:
    signed_in.world.clock.advance(12 * 3600 - 1)
    assert 'type="password"' not in await signed_in.page("/admin/acme")
    signed_in.world.clock.advance(2)
    assert 'type="password"' in await signed_in.page("/admin/acme")


async def test_the_database_holds_no_session_that_could_be_used(signed_in: Office) -> None:
    [cookie] = [c for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    rows = await signed_in.world.storage.database.read(lambda c: c.execute(admin_sessions.select()).all())
    assert len(rows) == 1
    assert cookie.value not in str(rows)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "http://calls.test"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),  # a script: no page can make its user sign in
    ],
)
async def test_another_sites_form_signs_nobody_in(office: Office, headers: dict[str, str], status: int) -> None:
    form = {"password": PASSWORD}
    async with office.client.post("/admin/login", data=form, headers=headers, allow_redirects=False) as answer:
        assert answer.status == status


async def test_another_sites_form_changes_nothing(signed_in: Office) -> None:
    path = "/admin/acme/enabled"
    for origin in ("https://evil.example", ""):
        async with signed_in.client.post(path, data={}, headers={"Origin": origin} if origin else {}) as answer:
            assert answer.status == 403
    assert signed_in.world.account.settings.enabled


async def test_signing_out_ends_the_session_itself(signed_in: Office) -> None:
    """A copied cookie stops working too; another browser stays signed in."""
    [mine] = [c.value for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    signed_in.client.session.cookie_jar.clear()
    await signed_in.send("/admin/login", password=PASSWORD)
    await signed_in.send("/admin/logout")
    assert 'type="password"' in await signed_in.page("/admin/acme")
    sessions = sessions_of(signed_in.world, PASSWORD)
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={mine}"})
    assert await sessions.is_signed_in(request)


async def test_signing_out_everywhere_ends_all(signed_in: Office) -> None:
    [mine] = [c.value for c in signed_in.client.session.cookie_jar if c.key == "dozvon_admin"]
    signed_in.client.session.cookie_jar.clear()
    await signed_in.send("/admin/login", password=PASSWORD)
    await signed_in.send("/admin/logout", everywhere="1")
    request = make_mocked_request("GET", "/admin", headers={"Cookie": f"dozvon_admin={mine}"})
    assert not await sessions_of(signed_in.world, PASSWORD).is_signed_in(request)


@pytest.mark.parametrize(
    ("wish", "goal"),
    [
        ("/admin/acme", "/admin/acme"),
        ("https://evil.example", "/admin"),
        ("//evil", "/admin"),
        ("/admin\\evil", "/admin"),
        ("/admin@evil.example", "/admin"),
        ("/admin/acme\r\nSet-Cookie: x=y", "/admin"),
        ("/admin?lang=en", "/admin?lang=en"),
    ],
)
def test_after_signing_in_only_our_own_pages(wish: str, goal: str) -> None:
    assert local_path(wish) == goal
