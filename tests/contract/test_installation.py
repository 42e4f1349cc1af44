"""The address of the installation, the name that is tried, and the tickets that show who answers, on both databases."""

from __future__ import annotations

from integration.storage import Storage
from integration.testing import FakeClock


async def test_the_address_is_stored_replaced_and_forgotten(storage: Storage) -> None:
    installation = storage.installation
    assert await installation.public_url() == ""
    for url in ("https://a.example.com", "https://b.example.com", ""):
        await installation.set_public_url(url)
        assert await installation.public_url() == url
    await installation.set_public_url("")


async def test_a_name_is_tried_for_an_hour(storage: Storage, clock: FakeClock) -> None:
    installation = storage.installation
    await installation.try_name("a.example.com")
    await installation.try_name("b.example.com")
    assert await installation.tried_name() == "b.example.com"
    assert await installation.public_url() == ""
    clock.advance(3599)
    assert await installation.tried_name() == "b.example.com"
    clock.advance(2)
    assert await installation.tried_name() == ""


async def test_a_ticket_is_taken_once_within_a_minute_and_two_are_apart(storage: Storage, clock: FakeClock) -> None:
    installation = storage.installation
    first, second = await installation.issue_ticket(), await installation.issue_ticket()
    assert first != second
    assert await installation.take_ticket(first)
    assert not await installation.take_ticket(first)
    clock.advance(61)
    assert not await installation.take_ticket(second)


async def test_what_else_is_stored_is_no_ticket(storage: Storage) -> None:
    installation = storage.installation
    await installation.set_public_url("https://a.example.com")
    for asked in ("public_url", "", "%", "'; drop table installation; --"):
        assert not await installation.take_ticket(asked)
    assert await installation.public_url() == "https://a.example.com"
