"""A revision of an account's settings, and their history.

The previous release writes `settings` without raising `revision`. `recorded` is the text of `settings` at the last
write that raised it. If both differ, an older process has written since.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("recorded", sa.Text()))
    op.execute("UPDATE accounts SET recorded = settings")
    op.create_table(
        "settings_changes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer()),
        sa.PrimaryKeyConstraint("account", "revision"),
    )
    protect("settings_changes")
