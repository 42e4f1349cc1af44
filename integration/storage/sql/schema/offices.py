"""Tables of offices and their settings."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, Table, Text

from integration.storage.sql.schema.base import metadata

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
