"""Saves steps of an account's calls on PostgreSQL as one statement, instead of four messages and more for each step.

It writes what `calls.py` writes on SQLite, with the same checks: the lease, and the numbering by which the calls' keys
were worked out. If one of them does not hold, the statement stores nothing and says so.

Whoever writes a call locks its row first, here by reading what `put_calls` returns, so that two writers of one call
wait for each other in one order. The second of them numbers its events by what it saw before it waited: it is refused,
and `calls.py` stores its steps as on SQLite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Double, Text

from integration.domain.ids import AccountId
from integration.errors import LeaseLost
from integration.ports.coordination import Lease
from integration.storage.sql.database import Database
from integration.storage.sql.schema.calls import calls, outbox
from integration.storage.sql.short_query import ShortQuery

Written = tuple[str | None, str | None]  # an account's country and dialling rules, as its row has them
Row = Mapping[str, Any]


def goes_first(match_key: str, call: str, *, waiting: str = "0", but: str = "") -> str:
    """
    SQL: whether an unanswered call's intents go before others of their priority: the CRM knows the client, and fewer
    than three unanswered calls of the client wait. A flood may carry a client's number.

    Args:
        match_key, call, waiting: in SQL, of the call; how many unanswered ones of the client are stored with it.
        but: a condition more for those that are stored already.
    """
    return f"""
    EXISTS (SELECT 1 FROM person_phones WHERE account = :account AND match_key = {match_key})
    AND {waiting} + (
        SELECT count(*) FROM (
            SELECT id FROM calls
            WHERE account = :account AND match_key = {match_key} AND id <> {call} AND answered_at IS NULL {but}
            ORDER BY started_at DESC LIMIT 3
        ) AS before
        WHERE EXISTS (
            SELECT 1 FROM outbox WHERE account = :account AND outbox.call = before.id AND outbox.state = 'waiting'
        )
    ) < 3
    """  # noqa: S608 - of texts from outside there are none: expressions of this package


_TYPES = {Text: "text", Double: "double precision", Boolean: "boolean"}
# Those stored now: what wait with them are unanswered ones before the call; as they are stored, they are not looked at.
_WAITING = """(
    SELECT count(*) FROM given AS other
    WHERE other.match_key = given.match_key AND other.answered_at IS NULL AND other.place < given.place
)"""
_BUT = """AND id <> ALL (ARRAY(
    SELECT other.id FROM given AS other
    WHERE other.match_key = given.match_key AND (other.answered_at IS NOT NULL OR other.place < given.place)
))"""
# What differs from one call or intent to the next, and what does not.
_OF_CALLS = tuple(column.name for column in calls.columns if column.name != "account")
_OF_INTENTS = ("call", "key", "kind", "priority", "not_before", "expires_at", "payload")
_SAME = {"account": ":account", "state": "'waiting'", "queued_at": ":now::double precision",
         "claims": "0", "attempts": "0", "is_uncertain": "false"}  # fmt: skip


def _type(column: Column[Any]) -> str:
    return next(name for kind, name in _TYPES.items() if isinstance(column.type, kind))


def _statement(*, is_fenced: bool) -> ShortQuery:
    changes = ", ".join(f"{c.name} = excluded.{c.name}" for c in calls.columns if not c.primary_key)
    of_calls = ", ".join(f":call_{name}::{_type(calls.c[name])}[]" for name in _OF_CALLS)
    of_intents = ", ".join(f":intent_{name}::{_type(outbox.c[name])}[]" for name in _OF_INTENTS)
    of_batch = goes_first("given.match_key", "given.id", waiting=_WAITING, but=_BUT)
    fence = "SELECT 1 FROM leases WHERE name = :fence AND token = :token FOR SHARE" if is_fenced else "SELECT 1"
    # Of texts from outside there are none here: names of columns and their types only.
    return ShortQuery(f"""
        WITH fence AS MATERIALIZED ({fence}),
        numbering AS MATERIALIZED (
            SELECT country, dial FROM (SELECT 1) AS one LEFT JOIN accounts ON account = :account
        ),
        may AS MATERIALIZED (
            SELECT 1 FROM fence, numbering
            WHERE country IS NOT DISTINCT FROM :country::text AND dial IS NOT DISTINCT FROM :dial::text
        ),
        given AS MATERIALIZED (
            SELECT * FROM unnest({of_calls}, :call_place::bigint[]) AS each ({", ".join(_OF_CALLS)}, place)
        ),
        put_calls AS (
            INSERT INTO calls (account, {", ".join(_OF_CALLS)})
            SELECT :account, {", ".join(f"given.{name}" for name in _OF_CALLS)} FROM may, given
            ORDER BY given.id
            ON CONFLICT (account, id) DO UPDATE SET {changes}
            RETURNING id
        ),
        put_events AS (
            INSERT INTO call_events (account, call, seq, at, event)
            SELECT :account, each.call, last.seq + row_number() OVER (PARTITION BY each.call ORDER BY each.number),
                each.at, each.event
            FROM put_calls,
                unnest(:event_call::text[], :event_at::double precision[], :event::text[])
                    WITH ORDINALITY AS each (call, at, event, number),
                LATERAL (
                    SELECT coalesce(max(seq), 0) AS seq FROM call_events WHERE account = :account AND call = each.call
                ) AS last
            WHERE each.call = put_calls.id
        ),
        put_intents AS (
            INSERT INTO outbox ({", ".join((*_SAME, *_OF_INTENTS, "goes_first"))})
            SELECT {", ".join(_SAME.values())}, {", ".join(f"each.{name}" for name in _OF_INTENTS)},
                given.answered_at IS NOT NULL OR ({of_batch})
            FROM unnest({of_intents}) WITH ORDINALITY AS each ({", ".join(_OF_INTENTS)}, number)
                JOIN put_calls ON put_calls.id = each.call
                JOIN given ON given.id = each.call
            ORDER BY each.number
            ON CONFLICT (account, call, key) DO NOTHING
        )
        SELECT EXISTS (SELECT 1 FROM fence), EXISTS (SELECT 1 FROM may), country, dial FROM numbering
    """)  # noqa: S608


_FENCED, _ALONE = _statement(is_fenced=True), _statement(is_fenced=False)


async def save_at_once(
    database: Database,
    written: Written,
    rows: Sequence[Row],
    events: Sequence[Row],
    intents: Sequence[Row],
    fence: Lease | None,
) -> Written | None:
    """
    Args:
        written: what `rows` were worked out by.
        rows, events, intents: rows of `calls`, each call once and all of one account, `call_events` and `outbox`. The
            intents are of these calls.

    Returns:
        None: all is stored. Otherwise nothing is, and this is what the account's row has.

    Raises:
        LeaseLost, Unavailable, Rejected: nothing is stored.
    """
    places = {call: place for place, call in enumerate(dict.fromkeys(intent["call"] for intent in intents))}
    values = {
        "account": rows[0]["account"],
        "now": rows[0]["saved_at"],
        "country": written[0],
        "dial": written[1],
        **{f"call_{name}": [row[name] for row in rows] for name in _OF_CALLS},
        "call_place": [places.get(row["id"]) for row in rows],
        "event_call": [each["call"] for each in events],
        "event_at": [each["at"] for each in events],
        "event": [each["event"] for each in events],
        **{f"intent_{name}": [each[name] for each in intents] for name in _OF_INTENTS},
    }
    if fence is not None:
        values |= {"fence": fence.name, "token": fence.token}
    query = _ALONE if fence is None else _FENCED
    ((is_ours, is_stored, country, dial),) = await database.change(query, values, AccountId(values["account"]))
    if not is_ours:
        raise LeaseLost(f"Another process has taken over {values['fence']}.")
    return None if is_stored else (country, dial)
