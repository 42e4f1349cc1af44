"""Rows of accounts in a transaction of the caller: locked, compared, recorded, written. The store is `settings.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from integration.domain.ids import AccountId, Timestamp
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author, AuthorKind, Section, SettingsChange, as_before, differences
from integration.errors import Unavailable
from integration.ports.clock import Clock
from integration.ports.settings import ChangedMeanwhile, Revised
from integration.storage.sql import settings_changes
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Dialect, insert
from integration.storage.sql.schema.offices import accounts

_OLDER_RELEASE = Author(kind=AuthorKind.OLDER_RELEASE)

Change = Callable[[AccountSettings | None], AccountSettings]


@dataclass(frozen=True, slots=True)
class Held:
    """A locked row."""

    settings: AccountSettings
    revision: int


class SettingsRows:
    def __init__(self, dialect: Dialect, clock: Clock) -> None:
        self._dialect = dialect
        self._clock = clock

    def change(
        self,
        connection: Connection,
        account: AccountId,
        change: Change,
        who: Author,
        section: Section | None,
        expected_revision: int | None,
    ) -> Revised:
        """
        As `SettingsStore.change`, in a transaction of the caller.

        The row is locked between the read and the write: SQLite has one writer at a time, and PostgreSQL locks the row
        for the transaction. Of two simultaneous inserts the second conflicts, and reads what the first has written.
        """
        held = self.held(connection, account)
        if held is None:
            settings = change(None)
            put = insert(self._dialect, accounts).on_conflict_do_nothing(index_elements=[accounts.c.account])
            if connection.execute(put, self._row(settings, 0)).rowcount > 0:
                return Revised(settings=settings, revision=0)
            held = self._must_hold(connection, account)
        settings = change(held.settings)
        if section is not None and expected_revision is not None:
            _compare(connection, held, settings, section, expected_revision)
        return self.write(connection, held, settings, who)

    def held(self, connection: Connection, account: AccountId) -> Held | None:
        """Lock the row, and record what an older process has written. None: there is no row."""
        row = connection.execute(select(accounts).where(accounts.c.account == account).with_for_update()).one_or_none()
        if row is None:
            return None
        settings = decode(AccountSettings, row.settings)
        if row.recorded is None or row.recorded == row.settings:
            return Held(settings, row.revision)
        known = Held(decode(AccountSettings, row.recorded), row.revision)
        made = _record(connection, known, settings, _OLDER_RELEASE, at=Timestamp(row.saved_at))
        return Held(settings, made[-1].revision if made else row.revision)

    def _must_hold(self, connection: Connection, account: AccountId) -> Held:
        held = self.held(connection, account)
        if held is None:
            raise Unavailable("The account was deleted at this moment.")
        return held

    def record_older_writer(self, connection: Connection, account: AccountId) -> Revised | None:
        held = self.held(connection, account)
        if held is None:
            return None
        values = {"recorded": accounts.c.settings, "revision": held.revision}
        connection.execute(update(accounts).where(accounts.c.account == account).values(**values))
        return Revised(settings=held.settings, revision=held.revision)

    def write(
        self, connection: Connection, held: Held, settings: AccountSettings, who: Author, *, undoes: int | None = None
    ) -> Revised:
        made = _record(connection, held, settings, who, at=self._clock.now(), undoes=undoes)
        last = made[-1] if made else None
        revision = last.revision if last else held.revision
        mine = accounts.c.account == held.settings.account
        connection.execute(update(accounts).where(mine).values(**self._row(settings, revision)))
        return Revised(settings=settings, revision=revision, change=last)

    def _row(self, settings: AccountSettings, revision: int) -> dict[str, Any]:
        state = encode(settings)
        return {
            "account": settings.account,
            "country": settings.country,
            "dial": encode(settings.dial) if settings.dial != DialRules() else None,
            "settings": state,
            "saved_at": self._clock.now(),
            "revision": revision,
            "recorded": state,
        }


def _record(
    connection: Connection,
    held: Held,
    settings: AccountSettings,
    who: Author,
    *,
    at: Timestamp,
    undoes: int | None = None,
) -> list[SettingsChange]:
    """A row for each section that differs, each with its own revision."""
    found = differences(settings_changes.document(held.settings), settings_changes.document(settings))
    made = [
        SettingsChange(
            revision=held.revision + n, at=at, who=who, section=section, before=before, after=after, undoes=undoes
        )
        for n, (section, (before, after)) in enumerate(found.items(), start=1)
    ]
    for change in made:
        settings_changes.add(connection, held.settings.account, change)
    return made


def _compare(
    connection: Connection, held: Held, settings: AccountSettings, section: Section, expected_revision: int
) -> None:
    """Raises: ChangedMeanwhile. A wish for what is stored already is no conflict."""
    now = settings_changes.document(held.settings)
    if section not in differences(now, settings_changes.document(settings)):
        return
    later = settings_changes.since(connection, held.settings.account, expected_revision)
    if changes := [each for each in later if each.section is section]:
        seen = decode(AccountSettings, json.dumps(as_before(now, changes)))
        raise ChangedMeanwhile(changes, seen=seen, now=Revised(settings=held.settings, revision=held.revision))
