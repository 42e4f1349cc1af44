"""Saves steps of one call on PostgreSQL as one statement, instead of eight messages to the server and back.

It writes what `calls.py` writes for steps of any calls, with the same checks: the lease, and the numbering by which the
call's key was worked out. If one of them does not hold, the statement stores nothing and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Double, Text

from integration.domain.ids import AccountId
from integration.errors import LeaseLost
from integration.ports.coordination import Lease
from integration.storage.sql.database import Database
from integration.storage.sql.schema import calls, outbox
from integration.storage.sql.short_query import ShortQuery

Written = tuple[str | None, str | None]  # an account's country and dialling rules, as its row has them

GOES_FIRST = """
    EXISTS (SELECT 1 FROM person_phones WHERE account = :account AND match_key = :match_key)
    AND (
        SELECT count(*) FROM (
            SELECT id FROM calls
            WHERE account = :account AND match_key = :match_key AND id <> :id AND answered_at IS NULL
            ORDER BY started_at DESC LIMIT 3
        ) AS before
        WHERE EXISTS (
            SELECT 1 FROM outbox WHERE account = :account AND outbox.call = before.id AND outbox.state = 'waiting'
        )
    ) < 3
"""
"""Whether an unanswered call's intents go before others of their priority: the CRM knows the client, and fewer than
three unanswered calls of the client wait. A flood may carry a client's number."""

_TYPES = {Text: "text", Double: "double precision", Boolean: "boolean"}
# What differs from one intent to the next, and what does not.
_OF_INTENTS = ("call", "key", "kind", "priority", "not_before", "expires_at", "payload")
_SAME = {"account": ":account", "state": "'waiting'", "queued_at": ":saved_at::double precision",
         "claims": "0", "attempts": "0", "is_uncertain": "false"}  # fmt: skip


def _type(column: Column[Any]) -> str:
    return next(name for kind, name in _TYPES.items() if isinstance(column.type, kind))


def _statement(*, is_fenced: bool) -> ShortQuery:
    columns = [column.name for column in calls.columns]
    values = ", ".join(f":{column.name}::{_type(column)}" for column in calls.columns)
    changes = ", ".join(f"{c.name} = excluded.{c.name}" for c in calls.columns if not c.primary_key)
    own = ", ".join(f":intent_{name}::{_type(outbox.c[name])}[]" for name in _OF_INTENTS)
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
        put_call AS (
            INSERT INTO calls ({", ".join(columns)}) SELECT {values} FROM may
            ON CONFLICT (account, id) DO UPDATE SET {changes}
        ),
        put_events AS (
            INSERT INTO call_events (account, call, seq, at, event)
            SELECT :account, :id, last.seq + each.number, each.at, each.event
            FROM may,
                (SELECT coalesce(max(seq), 0) AS seq FROM call_events WHERE account = :account AND call = :id) AS last,
                unnest(:event_at::double precision[], :event::text[]) WITH ORDINALITY AS each (at, event, number)
        ),
        put_intents AS (
            INSERT INTO outbox ({", ".join((*_SAME, *_OF_INTENTS, "goes_first"))})
            SELECT {", ".join(_SAME.values())}, {", ".join(f"each.{name}" for name in _OF_INTENTS)},
                :answered_at::double precision IS NOT NULL OR ({GOES_FIRST})
            FROM may, unnest({own}) WITH ORDINALITY AS each ({", ".join(_OF_INTENTS)}, number)
            ORDER BY number
            ON CONFLICT (account, call, key) DO NOTHING
        )
        SELECT EXISTS (SELECT 1 FROM fence), EXISTS (SELECT 1 FROM may), country, dial FROM numbering
    """)  # noqa: S608


_FENCED, _ALONE = _statement(is_fenced=True), _statement(is_fenced=False)


async def save_one_call(
    database: Database,
    written: Written,
    call: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    intents: Sequence[Mapping[str, Any]],
    fence: Lease | None,
) -> Written | None:
    """
    Args:
        written: what `call` was worked out by.
        call, events, intents: rows of `calls`, `call_events` and `outbox`.

    Returns:
        None: all is stored. Otherwise nothing is, and this is what the account's row has.

    Raises:
        LeaseLost, Unavailable, Rejected: nothing is stored.
    """
    values = {
        **call,
        "country": written[0],
        "dial": written[1],
        "event_at": [each["at"] for each in events],
        "event": [each["event"] for each in events],
        **{f"intent_{name}": [each[name] for each in intents] for name in _OF_INTENTS},
    }
    if fence is not None:
        values |= {"fence": fence.name, "token": fence.token}
    query = _ALONE if fence is None else _FENCED
    ((is_ours, is_stored, country, dial),) = await database.change(query, values, AccountId(call["account"]))
    if not is_ours:
        raise LeaseLost(f"Another process has taken over {values['fence']}.")
    return None if is_stored else (country, dial)
