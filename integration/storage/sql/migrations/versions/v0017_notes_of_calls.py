"""Notes of calls: what managers write about them, and what the CRM has of it; and what widgets noticed in CRM pages.

The previous release ignores these tables. It hands out no items of the priority `note`, which it does not know.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    op.create_table(
        "call_notes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("manager", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "call", "manager"),
    )
    protect("call_notes")
    op.create_table(
        "widget_sightings",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("manager", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "what", "detail"),
    )
    protect("widget_sightings")
