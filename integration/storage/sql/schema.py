"""The tables, as the code sees them. `migrations/` creates them; a test keeps both equal.

The account comes first in every key; on PostgreSQL row-level security enforces it (`migrations/row_security.py`).
Moments are Unix seconds. States are JSON in text columns, because a caller's name may contain a NUL: PostgreSQL's JSON
type refuses it, escaped text does not.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData()

# SQLite numbers rows by itself only in a column of type INTEGER.
_RowId = BigInteger().with_variant(Integer(), "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("country", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("saved_at", Double, nullable=False),
    Column("dial", Text),  # the office's dialling rules; None: not set
    Column("revision", Integer, nullable=False, server_default="0"),  # raised by each row in `settings_changes`
    Column("recorded", Text),  # `settings` at the last write with a revision; NULL: there was none yet
)

settings_changes = Table(
    "settings_changes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),  # that the change made
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("section", Text, nullable=False),
    Column("before", Text, nullable=False),  # the changed parts only, as JSON
    Column("after", Text, nullable=False),
    Column("undoes", Integer),  # the revision whose change this one has undone
)

offices = Table(
    "offices",
    metadata,
    Column("account", Text, primary_key=True),  # the office's id
    Column("revision", Integer, nullable=False),
    Column("parts", Text, nullable=False),  # JSON: documents of accounts and PBXs, without secrets, by part
    Column("secrets", Text),  # sealed JSON: by part and key; NULL: none
    Column("saved_at", Double, nullable=False),
)

# What administrators decide about the whole installation in the browser.
installation = Table(
    "installation",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("saved_at", Double, nullable=False),
)

# Offices that are being set up in the browser.
setups = Table(
    "setups",
    metadata,
    Column("account", Text, primary_key=True),  # the office's id
    Column("state", Text, nullable=False),  # JSON
    Column("saved_at", Double, nullable=False),
)

office_changes = Table(
    "office_changes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),  # that the change made
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("before", Text, nullable=False),  # the changed parts only, as JSON; null: the part did not exist
    Column("after", Text, nullable=False),
    Column("undoes", Integer),
)

# Which office has which part: ids are unique in the installation.
office_parts = Table(
    "office_parts",
    metadata,
    Column("part", Text, primary_key=True),
    Column("account", Text, nullable=False),
)

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
    Column("id", _RowId, primary_key=True),
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

persons = Table(
    "persons",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("match_keys", Text, nullable=False),  # in order, separated by spaces
    Column("state", Text, nullable=False),
)

person_phones = Table(
    "person_phones",
    metadata,
    Column("account", Text, primary_key=True),
    Column("match_key", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    ForeignKeyConstraint(
        ["account", "kind", "person"], ["persons.account", "persons.kind", "persons.id"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)
Index("person_phones_person", person_phones.c.account, person_phones.c.kind, person_phones.c.person)

deals = Table(
    "deals",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("is_open", Boolean, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("state", Text, nullable=False),
)

deal_persons = Table(
    "deal_persons",
    metadata,
    Column("account", Text, primary_key=True),
    Column("person_kind", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("deal_kind", Text, primary_key=True),
    Column("deal", Text, primary_key=True),
    ForeignKeyConstraint(
        ["account", "deal_kind", "deal"], ["deals.account", "deals.kind", "deals.id"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)
Index("deal_persons_deal", deal_persons.c.account, deal_persons.c.deal_kind, deal_persons.c.deal)

tokens = Table(
    "tokens",
    metadata,
    Column("account", Text, primary_key=True),
    Column("expires_at", Double, nullable=False),
    Column("saved_at", Double, nullable=False),
    Column("state", Text, nullable=False),
)

secret_key = Table(
    "secret_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("key_id", Text, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("opaque_id", Text, nullable=False, unique=True),
    Column("reserved_at", Double, nullable=False),
    Column("bytes", BigInteger),  # None: there is no file yet
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),  # rows are never deleted: a token must keep growing
    Column("until", Double, nullable=False),  # by the database's clock
)

mirrors = Table(
    "mirrors",
    metadata,
    Column("account", Text, primary_key=True),
    Column("polled_at", Double, nullable=False),
    Column("next_comparison", Double, nullable=False),
    Column("unseen_since", Double),
    Column("keyed_by", Text),  # the rules by which numbers were read for the keys; None: an older version's
)

watches = Table(
    "watches",
    metadata,
    Column("account", Text, primary_key=True),
    Column("pbx", Text, primary_key=True),
    Column("watched_until", Double, nullable=False),
    Column("unchecked_since", Double),
    Column("compared_at", Double),
)

strangers = Table(  # numbers that nobody in the CRM has, and their entries in its inbox
    "strangers",
    metadata,
    Column("account", Text, primary_key=True),
    Column("match_key", Text, primary_key=True),
    Column("entered_by", Text, nullable=False),  # the call
    Column("entry", Text),  # the CRM's id of the entry; None: being created
    Column("deal", Text),
    Column("checked_at", Double, nullable=False),
)
Index("strangers_entry", strangers.c.account, strangers.c.entry)

callback_tasks = Table(  # open tasks to call back, one for each client
    "callback_tasks",
    metadata,
    Column("account", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("match_key", Text, nullable=False),
    Column("made_by", Text, nullable=False),  # the call
    Column("task", Text),  # the CRM's id; None: being created
    Column("text", Text, nullable=False),
    Column("missed_at", Double, nullable=False),
    Column("written_at", Double, nullable=False),
)
Index("callback_tasks_number", callback_tasks.c.account, callback_tasks.c.match_key)

processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("knows", Text, nullable=False),  # the newest step of the schema that its code knows
    Column("until", Double, nullable=False),  # by the database's clock
)

compatibility = Table(
    "compatibility",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("oldest", Text, nullable=False),  # the oldest step that a process may know as its newest
)

administrators = Table(
    "administrators",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),  # as it was typed
    Column("login_key", Text, nullable=False, unique=True),  # folded
    Column("hash", Text, nullable=False),  # argon2id
    Column("mark", Text, nullable=False),  # drawn with each password; sessions carry it
    Column("role", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("offices", Text),  # JSON list; NULL: all
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double),
)

admin_invitations = Table(
    "admin_invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code", Text, nullable=False, unique=True),  # SHA-256 of what the link holds
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("login_key", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("invited_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("until", Double, nullable=False),
)

setup_codes = Table(
    "setup_codes",
    metadata,
    Column("code", Text, primary_key=True),  # SHA-256
    Column("holder", Text, nullable=False),  # the process that printed it; empty: a command
    Column("until", Double, nullable=False),
)

admin_sessions = Table(
    "admin_sessions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the browser's token
    Column("mark", Text, nullable=False),  # identifies the password that was used to sign in
    Column("begun_at", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("administrator", Text),  # NULL: by the configuration file's password
    Column("browser", Text),
    Column("address", Text),
    Column("used_at", Double),
)
Index("admin_sessions_whose", admin_sessions.c.administrator)

PASSES = (admin_sessions, admin_invitations, setup_codes)
"""Tables whose rows let somebody in at once: a backup from outside must not bring its own."""

OWN_AFFAIRS = frozenset(
    {"secret_key", "processes", "compatibility", "alembic_version", *(table.name for table in PASSES)}
)
"""Tables that have rows in an unused database."""

NOT_KEPT = frozenset({"processes", "compatibility", "alembic_version", *(table.name for table in PASSES)})
"""Tables that a backup does not count: their rows are passing state, or come from the schema's steps."""
