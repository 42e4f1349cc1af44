"""Until when each PBX was followed, to find the gap after a restart. The previous release ignores it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "watches",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("pbx", sa.Text(), nullable=False),
        sa.Column("watched_until", sa.Double(), nullable=False),
        sa.Column("unchecked_since", sa.Double()),
        sa.PrimaryKeyConstraint("account", "pbx"),
    )
    protect("watches")
