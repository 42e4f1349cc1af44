"""Expands: adds a column and fills it in all existing rows; adds a table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect
from tests.next_release import PRESENT_STEPS

revision = "9001"
down_revision: str | None = PRESENT_STEPS[-1]


def upgrade() -> None:
    op.add_column("calls", sa.Column("origin", sa.Text()))
    op.execute("UPDATE calls SET origin = 'before'")
    op.create_table(
        "origins",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "origin"),
    )
    protect("origins")
    op.execute("INSERT INTO origins SELECT DISTINCT account, 'before' FROM calls")
