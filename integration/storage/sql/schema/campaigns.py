"""Tables of campaigns, lists and attempts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text, text

from integration.storage.sql.schema.base import ROW_ID, metadata

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
    Column("id", ROW_ID, primary_key=True),
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
