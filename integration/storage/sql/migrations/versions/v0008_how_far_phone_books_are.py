"""The progress of each phone book: a process that takes one over does not read the whole CRM again. The previous
release ignores it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    op.create_table(
        "mirrors",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("polled_at", sa.Double(), nullable=False),
        sa.Column("next_comparison", sa.Double(), nullable=False),
        sa.Column("unseen_since", sa.Double()),
        sa.PrimaryKeyConstraint("account"),
    )
    protect("mirrors")
