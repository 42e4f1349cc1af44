"""Which key encrypts the secrets, and on PostgreSQL row-level security: a unit of work sees the account it names.

A process of the release before names none; beside this one it sees no rows, so it has to be stopped before (no
release without the policies was ever given out).
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
