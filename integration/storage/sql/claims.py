"""Which items of the outbox are handed out, and in which order. `outbox.py` has the theory.

Candidates are looked for by a short query that locks nothing. What can still be claimed of them is taken by a second
one, as it is then: another process may have been first.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, literal_column, or_, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from integration.domain.calls.intents import Priority
from integration.domain.ids import AccountId, Timestamp
from integration.ports.stores import OutboxState
from integration.storage.sql.database import Database
from integration.storage.sql.schema.calls import outbox
from integration.storage.sql.short_query import ShortQuery

ItemRow = Mapping[str, Any]
"""A row of the outbox by the names of its columns."""

# The query's text compares `state` with a literal: only then does the database use the index of waiting items.
WAITING: ColumnElement[str] = literal_column(f"'{OutboxState.WAITING.value}'")
IS_WAITING = outbox.c.state == WAITING
_earlier = outbox.alias("earlier")
BEFORE_IT = (_earlier.c.account == outbox.c.account, _earlier.c.call == outbox.c.call, _earlier.c.state == WAITING)
# With min() the database looks into the index of a call's waiting items row by row, which suits a claim of a few rows.
# With NOT EXISTS, PostgreSQL reads all waiting items, which is faster only where all of them are needed.
IS_FIRST = outbox.c.id == select(func.min(_earlier.c.id)).where(*BEFORE_IT).scalar_subquery()
HAS_NONE_BEFORE_IT = ~select(_earlier.c.id).where(*BEFORE_IT, _earlier.c.id < outbox.c.id).exists()
IS_DUE = and_(
    outbox.c.not_before <= bindparam("now"),
    or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= bindparam("now")),
)

_OLDEST_EVERY = 4  # every so many items, the one that has been due longest is handed out
_TRIES = 3  # to be first
_OLDEST, _FIRST = "oldest", "first"
_COLUMNS = tuple(column.name for column in outbox.columns)


def _lane(priority: Priority, name: str, *which: ColumnElement[bool]) -> Select[Any]:
    """Claimable items of one priority. Each condition has its index."""
    found = (
        select(outbox)
        .where(
            outbox.c.account == bindparam("of_account"),
            outbox.c.priority == literal_column(f"'{priority.value}'"),
            IS_WAITING,
            IS_DUE,
            IS_FIRST,
            *which,
        )
        .order_by(outbox.c.not_before, outbox.c.id)
        .limit(bindparam("at_most"))
        .subquery()
    )
    return select(literal_column(f"'{name}'").label("lane"), found)


_FIND = ShortQuery.of(
    union_all(
        *(_lane(priority, _OLDEST) for priority in Priority),
        *(_lane(each, _FIRST, outbox.c.goes_first) for each in Priority if each is not Priority.CARD),
    )
)
_HOLD = """
    UPDATE outbox SET leased_until = :until, is_uncertain = true, attempts = outbox.attempts + 1,
        claims = outbox.claims + 1
"""
_TAKE = ShortQuery(  # no text from outside: names of our columns only
    f"{_HOLD} WHERE account = :of_account AND id IN (SELECT value FROM json_each(:of_items))",  # noqa: S608
    postgresql=f"""
        WITH held AS MATERIALIZED (
            SELECT * FROM outbox
            WHERE account = :of_account AND state = {WAITING} AND not_before <= :now
                AND (leased_until IS NULL OR leased_until <= :now)
                AND id IN (SELECT value::bigint FROM jsonb_array_elements_text(:of_items::jsonb) AS each (value))
            ORDER BY id FOR UPDATE SKIP LOCKED
        ),
        taken AS ({_HOLD} FROM held WHERE outbox.account = held.account AND outbox.id = held.id)
        SELECT {", ".join(f"held.{name}" for name in _COLUMNS)} FROM held
    """,  # noqa: S608
)


class Claims:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._handed_out: Counter[AccountId] = Counter()  # by account, in priorities where some items go first

    async def take(self, account: AccountId, *, now: Timestamp, lease_seconds: float, limit: int) -> list[ItemRow]:
        """Items in the order in which they are handed out, as they were before this claim."""
        of = {"of_account": account, "now": now, "until": now + lease_seconds, "at_most": limit}
        if self._database.dialect == "sqlite":
            return await self._database.write(lambda connection: self._take_alone(connection, account, of), account)
        for _ in range(_TRIES):
            chosen = self._choose(account, await self._database.rows(_FIND, of, account), limit)
            if not chosen:
                break
            taken = await self._database.change(_TAKE, of | {"of_items": _ids(chosen)}, account)
            by_id = {row["id"]: row for row in map(_row, taken)}
            if by_id:
                return [by_id[row["id"]] for row in chosen if row["id"] in by_id]
        return []

    def _take_alone(self, connection: Connection, account: AccountId, of: dict[str, Any]) -> list[ItemRow]:
        """SQLite has one writer: nobody comes between the two."""
        found = connection.exec_driver_sql(*_positional(_FIND, of)).all()
        chosen = self._choose(account, found, of["at_most"])
        if chosen:
            connection.exec_driver_sql(*_positional(_TAKE, of | {"of_items": _ids(chosen)}))
        return chosen

    def _choose(self, account: AccountId, found: Sequence[Sequence[Any]], limit: int) -> list[ItemRow]:
        """The most urgent priority first."""
        lanes: dict[tuple[str, str], list[ItemRow]] = defaultdict(list)
        for lane, *columns in found:
            row = _row(columns)
            lanes[row["priority"], lane].append(row)
        for rows in lanes.values():
            rows.sort(key=lambda row: (row["not_before"], row["id"]))
        chosen: list[ItemRow] = []
        for priority in Priority:
            oldest, first = lanes[priority, _OLDEST], lanes[priority, _FIRST]
            at_most = limit - len(chosen)
            if priority is Priority.CARD:
                chosen += oldest[:at_most]
            else:
                chosen += self._in_turn(account, oldest, first, at_most)
        return chosen

    def _in_turn(self, account: AccountId, oldest: list[ItemRow], first: list[ItemRow], at_most: int) -> list[ItemRow]:
        chosen: dict[int, ItemRow] = {}
        while len(chosen) < at_most and (oldest or first):
            self._handed_out[account] += 1
            is_turn_of_oldest = self._handed_out[account] % _OLDEST_EVERY == 0
            row = (oldest if not first or (is_turn_of_oldest and oldest) else first).pop(0)
            if row["id"] in chosen:
                self._handed_out[account] -= 1
            chosen.setdefault(row["id"], row)
        return list(chosen.values())


def _row(columns: Sequence[Any]) -> ItemRow:
    return dict(zip(_COLUMNS, columns, strict=True))


def _ids(rows: Sequence[ItemRow]) -> str:
    return json.dumps([row["id"] for row in rows])


def _positional(query: ShortQuery, values: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    sql, ordered = query.for_sqlite(values)
    return sql, tuple(ordered)
