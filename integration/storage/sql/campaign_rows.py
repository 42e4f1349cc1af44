"""Rows of the lists of campaigns, for all that reads or changes them inside its own transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from integration.domain.campaigns.model import Entry, EntryState
from integration.domain.ids import AccountId, CampaignId, EntryId, Timestamp
from integration.ports.campaigns import ListedEntry
from integration.storage.sql.campaigns import count_entries
from integration.storage.sql.codec import decode, encode, storable
from integration.storage.sql.database import Across, Dialect, Scope
from integration.storage.sql.schema.campaigns import campaign_entries as table
from integration.storage.sql.schema.campaigns import campaign_numbers as numbers_table
from integration.storage.sql.schema.campaigns import do_not_call

PROMISED, DUE, FRESH = 0, 1, 2
"""The ranks of open entries."""


def scope_of(account: AccountId, office: AccountId) -> Scope:
    """An office's list of numbers is under its own name, which differs from the account's where it has several."""
    return account if account == office else Across.OFFICE


def lock_entry(connection: Connection, account: AccountId, entry: EntryId) -> Entry | None:
    query = select(table).where(table.c.account == account, table.c.id == entry).with_for_update()
    row = connection.execute(query).first()
    return None if row is None else entry_of_row(row)


Moves = Counter[tuple[CampaignId, EntryState]]
"""How many entries came into a state or, negative, left it."""


def put_entry(
    connection: Connection, account: AccountId, entry: Entry, before: EntryState, changed_at: Timestamp | None
) -> Moves:
    """
    Replace a locked entry.

    Args:
        before: its stored state.
        changed_at: None: nobody needs to see the change.

    Returns:
        What the caller passes to `count_moves` when it has locked all that it will lock: figures come last, or two
        transactions could wait for each other.
    """
    values = columns_of(entry)
    if changed_at is not None:
        values["changed_at"] = changed_at
    connection.execute(update(table).where(table.c.account == account, table.c.id == entry.id).values(**values))
    moves: Moves = Counter()
    if entry.state is not before:
        moves[entry.campaign, entry.state] += 1
        moves[entry.campaign, before] -= 1
    return moves


def count_moves(connection: Connection, dialect: Dialect, account: AccountId, moves: Moves) -> None:
    """Add to the figures of the campaigns."""
    for campaign in sorted({campaign for campaign, _ in moves}):
        by = {state: count for (each, state), count in moves.items() if each == campaign}
        count_entries(connection, dialect, account, campaign, by)


def not_called(connection: Connection, office: AccountId, numbers: Sequence[str]) -> set[str]:
    if not numbers:
        return set()
    query = select(do_not_call.c.number).where(
        do_not_call.c.account == office, do_not_call.c.number.in_(numbers), do_not_call.c.removed_at.is_(None)
    )
    return set(connection.execute(query).scalars())


def struck(entry: Entry, numbers: Iterable[str]) -> Entry:
    """The entry without these numbers; one that is open and has none left is done."""
    wanted = set(numbers)
    left = tuple(replace(each, struck=True) if each.e164 in wanted else each for each in entry.numbers)
    is_over = all(each.struck for each in left) and entry.state is EntryState.OPEN
    return replace(entry, numbers=left, state=EntryState.DO_NOT_CALL if is_over else entry.state)


def owners_of(
    connection: Connection, account: AccountId, campaign: CampaignId, numbers: Sequence[str]
) -> dict[str, int]:
    if not numbers:
        return {}
    query = select(numbers_table.c.number, numbers_table.c.entry).where(
        numbers_table.c.account == account, numbers_table.c.number.in_(numbers), numbers_table.c.campaign == campaign
    )
    return {row.number: row.entry for row in connection.execute(query)}


def of_campaign(account: AccountId, campaign: CampaignId) -> tuple[Any, Any]:
    return table.c.account == account, table.c.campaign == campaign


def columns_of(entry: Entry) -> dict[str, Any]:
    is_fresh = entry.due_at is None
    return {
        "state": entry.state.value,
        "rank": FRESH if is_fresh else PROMISED if entry.agreed_with is not None else DUE,
        "weight": -entry.priority if is_fresh else 0,
        "due_at": entry.due_at or 0.0,
        "name": storable(entry.name).casefold(),
        "body": encode(entry),
    }


def entry_of_row(row: Any) -> Entry:
    return replace(decode(Entry, row.body), id=EntryId(row.id))


def listed_of_row(row: Row[Any]) -> ListedEntry:
    return ListedEntry(
        entry=entry_of_row(row),
        comment=row.comment,
        source=row.source,
        line=row.line,
        changed_at=Timestamp(row.changed_at),
    )
