"""Tables of what is known of a CRM, and of what is done there."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKeyConstraint, Index, Table, Text

from integration.storage.sql.schema.base import metadata

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

widget_sightings = Table(  # what widgets noticed in the CRM's pages, at most once for each thing
    "widget_sightings",
    metadata,
    Column("account", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("detail", Text, primary_key=True),
    Column("manager", Text, nullable=False),  # who saw it last
    Column("seen_at", Double, nullable=False),
)
