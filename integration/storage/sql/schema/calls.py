"""Tables of calls, of what is to be done for them, and of their recordings and notes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKeyConstraint, Index, Integer, Table, Text, text

from integration.storage.sql.schema.base import ROW_ID, metadata

calls = Table(
    "calls",
    metadata,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("is_merged", Boolean, nullable=False),
    Column("direction", Text, nullable=False),
    Column("disposition", Text),
    Column("match_key", Text),
    Column("started_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("ended_at", Double),
    Column("saved_at", Double, nullable=False),
    Column("state", Text, nullable=False),
)
Index(
    "calls_live",
    calls.c.account,
    calls.c.pbx,
    sqlite_where=text("is_live = 1"),  # the exact text of the queries: only then is the index used
    postgresql_where=text("is_live"),
)
Index("calls_recent", calls.c.account, calls.c.started_at)
Index("calls_client", calls.c.account, calls.c.match_key, calls.c.started_at)

call_events = Table(
    "call_events",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("event", Text, nullable=False),
    ForeignKeyConstraint(["account", "call"], ["calls.account", "calls.id"], ondelete="CASCADE"),
)

routes = Table(
    "routes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("decision", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", ROW_ID, primary_key=True),
    Column("account", Text, nullable=False),
    Column("call", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("expires_at", Double),
    Column("leased_until", Double),
    Column("claims", Integer, nullable=False),  # number of claims so far: distinguishes its holders
    Column("attempts", Integer, nullable=False),  # since it was queued or revived
    Column("is_uncertain", Boolean, nullable=False),
    Column("last_error", Text),
    Column("payload", Text, nullable=False),
    Column("result", Text),
    Column("finished_at", Double),
    Column("goes_first", Boolean),  # within its priority; NULL in rows from before step 0012
    sqlite_autoincrement=True,  # ids give the order of a call's items, so none is ever reused
)

_WAITING = text("state = 'waiting'")
Index("outbox_once", outbox.c.account, outbox.c.call, outbox.c.key, unique=True)
Index(
    "outbox_waiting",
    outbox.c.account,
    outbox.c.call,
    outbox.c.id,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index(  # due items: a claim reads only the rows it takes, however many wait
    "outbox_due",
    outbox.c.account,
    outbox.c.priority,
    outbox.c.not_before,
    outbox.c.id,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index(  # the same for items that go first in their priority
    "outbox_first",
    outbox.c.account,
    outbox.c.priority,
    outbox.c.not_before,
    outbox.c.id,
    sqlite_where=text("state = 'waiting' AND goes_first = 1"),
    postgresql_where=text("state = 'waiting' AND goes_first"),
)

_DEAD = text("state = 'dead'")
Index("outbox_dead", outbox.c.account, outbox.c.call, outbox.c.id, sqlite_where=_DEAD, postgresql_where=_DEAD)
Index("outbox_listing", outbox.c.account, outbox.c.state, outbox.c.id)

recordings = Table(
    "recordings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("opaque_id", Text, nullable=False, unique=True),
    Column("reserved_at", Double, nullable=False),
    Column("bytes", BigInteger),  # None: there is no file yet
)

call_notes = Table(  # what managers write about calls
    "call_notes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("manager", Text, primary_key=True),
    Column("begun_at", Double, nullable=False),
    Column("state", Text, nullable=False),
)
