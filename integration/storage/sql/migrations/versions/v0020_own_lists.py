"""Managers' own lists: clients whom they call one after another from the CRM's page.

The release before does not know the table; nothing of it touches it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0020"
down_revision: str | None = "0019"

_DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "own_lists",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("manager", sa.Text(), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.Double()),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("own_lists_due", "own_lists", ["due_at"], sqlite_where=_DUE, postgresql_where=_DUE)
    protect("own_lists")
