"""Callbacks: for which calls an entry of a callback campaign is, why it waits, and who cancelled it.

The release before does not know the table. It dials nobody by such a campaign, whose stored plan names no employee.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0022"
down_revision: str | None = "0021"


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("call", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
    )
    op.create_index("callbacks_of_entry", "callbacks", ["account", "entry"])
    op.create_index("callbacks_of_number", "callbacks", ["account", "number"])
    protect("callbacks")
