"""Tables of the processes that share the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, Table, Text

from integration.storage.sql.schema.base import metadata

secret_key = Table(
    "secret_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # one row, 1
    Column("key_id", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),  # rows are never deleted: a token must keep growing
    Column("until", Double, nullable=False),  # by the database's clock
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
