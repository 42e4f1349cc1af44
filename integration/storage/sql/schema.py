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

call_notes = Table(  # what managers write about calls
    "call_notes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("manager", Text, primary_key=True),
    Column("begun_at", Double, nullable=False),
    Column("state", Text, nullable=False),
)

widget_sightings = Table(  # what widgets noticed in the CRM's pages, at most once for each thing
    "widget_sightings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("detail", Text, primary_key=True),
    Column("manager", Text, nullable=False),  # who saw it last
    Column("seen_at", Double, nullable=False),
)

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
    Column("until", Double, nullable=False),  # 0 where `offices_until` says it
    Column("offices", Text),  # JSON list; NULL: all
    Column("offices_until", Double),  # of one to single offices: a release without them takes it for over
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
    Column("crm_user", Text),  # by whose word it began, `account/manager`; NULL: by a password
)
Index("admin_sessions_whose", admin_sessions.c.administrator)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),  # SHA-256 of the key
    Column("hint", Text, nullable=False),  # its beginning
    Column("name", Text, nullable=False),
    Column("office", Text),  # NULL: all that the maker may see
    Column("access", Text, nullable=False),
    Column("maker", Text),  # the administrator; NULL: with the configuration file's password
    Column("made_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("until", Double),
    Column("used_at", Double),
    Column("address", Text),
    Column("revoked_at", Double),  # revoked keys stay, for the history
    Column("revoked_by", Text),
)
Index("api_keys_office", api_keys.c.office)

crm_ties = Table(  # which CRM users are which administrators
    "crm_ties",
    metadata,
    Column("account", Text, primary_key=True),
    Column("manager", Text, primary_key=True),
    Column("administrator", Text, nullable=False),
    Column("tied_at", Double, nullable=False),
    Column("is_by_word", Boolean, nullable=False),  # of the CRM alone, as the office allows; else by the administrator
)
Index("crm_ties_whose", crm_ties.c.administrator)

# ---- campaigns

campaigns = Table(
    "campaigns",
    metadata,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("plan", Text, nullable=False),  # JSON: what was decided about it
    Column("revision", Integer, nullable=False),  # of the plan
    Column("next_position", BigInteger, nullable=False),  # in its list
    Column("made_at", Double, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("state_at", Double, nullable=False),
    Column("state_by", Text, nullable=False),
)
_RUNNING = text("state = 'running'")
Index(  # asked for every second by each process that dials
    "campaigns_running", campaigns.c.account, campaigns.c.id, sqlite_where=_RUNNING, postgresql_where=_RUNNING
)

campaign_changes = Table(
    "campaign_changes",
    metadata,
    Column("account", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("undoes", Integer),  # the `seq` of the change that this one has undone
)

campaign_entries = Table(
    "campaign_entries",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("account", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("rank", Integer, nullable=False),  # 0: promised, 1: due at a moment, 2: not dialled yet
    Column("weight", Integer, nullable=False),  # minus the priority of what was not dialled yet; else 0
    Column("due_at", Double, nullable=False),
    Column("name", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("source", Text, nullable=False),  # the import; empty: another way
    Column("line", Integer),  # in the import's file
    Column("changed_at", Double, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
_OPEN = text("state = 'open'")
Index(  # the next ones: a choice reads only the rows that it takes, however many wait
    "campaign_entries_next",
    campaign_entries.c.account,
    campaign_entries.c.campaign,
    campaign_entries.c.rank,
    campaign_entries.c.weight,
    campaign_entries.c.due_at,
    campaign_entries.c.position,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
Index(
    "campaign_entries_listing",
    campaign_entries.c.account,
    campaign_entries.c.campaign,
    campaign_entries.c.position,
    unique=True,
)
Index(
    "campaign_entries_by_state",
    campaign_entries.c.account,
    campaign_entries.c.campaign,
    campaign_entries.c.state,
    campaign_entries.c.position,
)

campaign_numbers = Table(  # which entry has a number: one for each number of a campaign
    "campaign_numbers",
    metadata,
    Column("account", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("entry", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

campaign_counts = Table(  # how many entries have a state, how many attempts an outcome
    "campaign_counts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

campaign_attempts = Table(
    "campaign_attempts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("written_at", Double, nullable=False),
    Column("outcome", Text),
    Column("body", Text, nullable=False),
    Column("call", Text),  # once the PBX is asked
)
_UNDER_WAY = text("state <> 'ended'")
Index(  # nobody is dialled twice at once, whatever the campaigns
    "campaign_attempts_under_way",
    campaign_attempts.c.account,
    campaign_attempts.c.number,
    unique=True,
    sqlite_where=_UNDER_WAY,
    postgresql_where=_UNDER_WAY,
)
Index("campaign_attempts_of_call", campaign_attempts.c.account, campaign_attempts.c.call)
Index(
    "campaign_attempts_of_campaign",
    campaign_attempts.c.account,
    campaign_attempts.c.campaign,
    campaign_attempts.c.written_at,
)
Index(
    "campaign_attempts_of_number",
    campaign_attempts.c.account,
    campaign_attempts.c.number,
    campaign_attempts.c.written_at,
)
Index(
    "campaign_attempts_of_entry",
    campaign_attempts.c.account,
    campaign_attempts.c.entry,
    campaign_attempts.c.written_at,
)

own_lists = Table(  # of managers: clients whom they call one after another from the CRM's page
    "own_lists",
    metadata,
    Column("account", Text, primary_key=True),
    Column("manager", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("due_at", Double),
    Column("body", Text, nullable=False),
)
_DUE = text("due_at IS NOT NULL")
Index("own_lists_due", own_lists.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)

campaign_reservations = Table(  # for whom an attempt on its way is dialled: two campaigns never dial for one employee
    "campaign_reservations",
    metadata,
    Column("account", Text, primary_key=True),
    Column("employee", Text, primary_key=True),
    Column("attempt", Text, nullable=False),
)

campaign_days = Table(  # the ledger: figures of the office's calendar days
    "campaign_days",
    metadata,
    Column("account", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # 2026-12-31
    Column("dialled", BigInteger, nullable=False),
    Column("live", BigInteger, nullable=False),
    Column("abandoned", BigInteger, nullable=False),
)

campaign_dialling = Table(  # what the dialler does now, and what it has learned
    "campaign_dialling",
    metadata,
    Column("account", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("at", Double, nullable=False),
    Column("now", Text, nullable=False),
    Column("learned", Text, nullable=False),  # JSON; empty: nothing yet
)

callbacks = Table(  # for which calls an entry of a callback campaign is
    "callbacks",
    metadata,
    Column("account", Text, primary_key=True),
    Column("call", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("number", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("why", Text, nullable=False),  # JSON: the rule that has put it off; empty: none did
    Column("ended_by", Text, nullable=False),  # who has cancelled it; empty: nobody
)
Index("callbacks_of_entry", callbacks.c.account, callbacks.c.entry)
Index("callbacks_of_number", callbacks.c.account, callbacks.c.number)

campaign_sounds = Table(  # recorded ones, which clients hear in place of spoken texts
    "campaign_sounds",
    metadata,
    Column("account", Text, primary_key=True),
    Column("campaign", Text, primary_key=True),
    Column("id", Text, primary_key=True),  # of the content
    Column("name", Text, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("added_at", Double, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("content", Text, nullable=False),  # a WAV as base64: at most 5 MB
)

do_not_call = Table(
    "do_not_call",
    metadata,
    Column("account", Text, primary_key=True),  # the office's id
    Column("number", Text, primary_key=True),
    Column("added_at", Double, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("removed_at", Double),  # rows stay, for the history
    Column("removed_by", Text),
    Column("removed_why", Text),
)
Index("do_not_call_listing", do_not_call.c.account, do_not_call.c.added_at)

list_imports = Table(  # files that become entries
    "list_imports",
    metadata,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("body", Text, nullable=False),
)
Index("list_imports_of_campaign", list_imports.c.account, list_imports.c.campaign, list_imports.c.made_at)

list_import_parts = Table(  # the file itself, until it is read
    "list_import_parts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("import", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),  # base64 of compressed bytes
)

list_import_problems = Table(
    "list_import_problems",
    metadata,
    Column("account", Text, primary_key=True),
    Column("import", Text, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)


PASSES = (admin_sessions, admin_invitations, setup_codes)
"""Tables whose rows let somebody in at once: a backup from outside must not bring its own."""

OWN_AFFAIRS = frozenset(
    {"secret_key", "processes", "compatibility", "alembic_version", *(table.name for table in PASSES)}
)
"""Tables that have rows in an unused database."""

NOT_KEPT = frozenset({"processes", "compatibility", "alembic_version", *(table.name for table in PASSES)})
"""Tables that a backup does not count: their rows are passing state, or come from the schema's steps."""
