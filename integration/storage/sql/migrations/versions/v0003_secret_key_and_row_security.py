"""Which key encrypts the secrets, and on PostgreSQL row-level security: a unit of work sees the account it names.

A process of the previous release names no account and would see no rows, so stop it first. (No release without the
policies was ever published.)
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0003"
down_revision: str | None = "0002"

_TABLES = (
    "accounts",
    "calls",
    "call_events",
    "deal_persons",
    "deals",
    "outbox",
    "person_phones",
    "persons",
    "recordings",
    "routes",
    "tokens",
)


def upgrade() -> None:
    op.create_table(
        "secret_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    for table in _TABLES:
        protect(table)
