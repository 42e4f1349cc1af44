"""Offices that are being set up in the browser: half-filled forms and finished steps; and the public address.

The previous release ignores these tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0016"
down_revision: str | None = "0015"


def upgrade() -> None:
    op.create_table(
        "setups",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.Double(), nullable=False),
    )
    protect("setups")
    op.create_table(
        "installation",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.Double(), nullable=False),
    )
