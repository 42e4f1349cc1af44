"""The phone book with an amoCRM whose lists change while they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from integration.domain.crm.entities import EntityKind, EntityRef, Person
from integration.domain.settings import AccountSettings
from integration.services.accounts import Account
from integration.services.phone_book import PhoneBookMirror
from integration.storage import open_storage
from integration.testing import FakeClock, FakePbx
from tests.adapters.amocrm_kit import ANNA, OFFICE, Office, office
from tests.databases import sqlite_url


async def _no_webhooks(_: Account) -> bool:
    return False


class _Reading:
    """A connector whose list loses a card after the first page."""

    def __init__(self, crm: Office) -> None:
        self._crm = crm
        self.shown: set[EntityRef] = set()

    async def all_persons(self, *, updated_since: int | None = None) -> AsyncIterator[Sequence[Person]]:
        async for page in self._crm.crm.all_persons(updated_since=updated_since):
            yield page
            if not self.shown:
                self._crm.account.delete("contacts", int(page[0].ref.id), int(ANNA))
            self.shown |= {person.ref for person in page}

    def __getattr__(self, name: str) -> object:
        return getattr(self._crm.crm, name)


async def test_nobody_is_lost_by_a_card_that_is_deleted_while_the_list_is_read(tmp_path: Path) -> None:
    async with office(contacts=600) as crm:
        storage = await open_storage(sqlite_url(tmp_path), tmp_path)
        clock = FakeClock()
        mirror = PhoneBookMirror(storage.phone_book, clock, _no_webhooks)
        account = Account(AccountSettings(account=OFFICE), crm.crm, [FakePbx()])
        await mirror.bring_up_to_date(account)
        before = {EntityRef(EntityKind.CONTACT, str(card["id"])) for card in crm.account.contacts}
        account.crm = reading = _Reading(crm)  # type: ignore[assignment]
        clock.advance(2 * 86_400)
        await mirror.bring_up_to_date(account)
        now = {EntityRef(EntityKind.CONTACT, str(card["id"])) for card in crm.account.contacts}
        skipped = now - reading.shown
        assert len(before - now) == 1
        assert len(skipped) == 1  # the point of this test: the list left out an existing person
        assert [ref for ref in now if not await storage.phone_book.get(OFFICE, ref)] == []
        await storage.close()
