"""The history of the settings: rows are added, never altered. `settings.py` uses it in its transactions."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select
from sqlalchemy import insert as sql_insert

from integration.domain.ids import AccountId, Timestamp
from integration.domain.settings import AccountSettings
from integration.domain.settings_changes import Author, Document, Parts, Section, SettingsChange, parts, put
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.schema.offices import settings_changes as table

KEPT = 500  # newest changes of an account


def add(connection: Connection, account: AccountId, change: SettingsChange) -> None:
    """Add a change and delete the oldest ones. The newest of a section stays: it shows whether its page is stale."""
    connection.execute(
        sql_insert(table).values(
            account=account,
            revision=change.revision,
            at=change.at,
            who=encode(change.who),
            section=change.section,
            before=json.dumps(dict(change.before)),
            after=json.dumps(dict(change.after)),
            undoes=change.undoes,
        )
    )
    newest = select(func.max(table.c.revision)).where(table.c.account == account).group_by(table.c.section)
    too_old = table.c.revision <= change.revision - KEPT
    connection.execute(delete(table).where(table.c.account == account, too_old, table.c.revision.not_in(newest)))


def get(connection: Connection, account: AccountId, revision: int) -> SettingsChange | None:
    query = select(table).where(table.c.account == account, table.c.revision == revision)
    row = connection.execute(query).one_or_none()
    return None if row is None else _change(row)


def since(connection: Connection, account: AccountId, revision: int) -> list[SettingsChange]:
    """The changes after that revision, newest first."""
    query = select(table).where(table.c.account == account, table.c.revision > revision)
    return [_change(row) for row in connection.execute(query.order_by(table.c.revision.desc()))]


def newest(connection: Connection, account: AccountId, limit: int) -> list[SettingsChange]:
    query = select(table).where(table.c.account == account).order_by(table.c.revision.desc()).limit(limit)
    return [_change(row) for row in connection.execute(query)]


def _change(row: Row[Any]) -> SettingsChange:
    return SettingsChange(
        revision=row.revision,
        at=Timestamp(row.at),
        who=decode(Author, row.who),
        section=Section(row.section),
        before=_as_now(row.before),
        after=_as_now(row.after),
        undoes=row.undoes,
    )


def document(settings: AccountSettings) -> Document:
    """The settings in the form of `domain.settings_changes`."""
    plain: Document = json.loads(encode(settings))
    return plain


def _as_now(text: str) -> Parts:
    """Parts written by an earlier release, in this release's form: newer fields get their defaults."""
    stored: dict[str, Any] = json.loads(text)
    read = parts(document(decode(AccountSettings, json.dumps(put({"account": ""}, stored)))))
    return {path: None if value is None else read[path] for path, value in stored.items()}
