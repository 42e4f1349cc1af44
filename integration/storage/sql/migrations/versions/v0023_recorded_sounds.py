"""Recorded sounds of campaigns, which clients hear in place of spoken texts.

The release before does not know the table, and speaks the text that stands in the plan.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0023"
down_revision: str | None = "0022"


def upgrade() -> None:
    op.create_table(
        "campaign_sounds",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    protect("campaign_sounds")
