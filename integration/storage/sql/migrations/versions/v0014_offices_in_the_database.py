"""Offices whose connections are stored in the database, with a revision and their history.

The previous release ignores these tables and runs the accounts of its configuration file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    op.create_table(
        "offices",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("secrets", sa.Text()),
        sa.Column("saved_at", sa.Double(), nullable=False),
    )
    op.create_table(
        "office_changes",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer()),
        sa.PrimaryKeyConstraint("account", "revision"),
    )
    op.create_table(
        "office_parts",
        sa.Column("part", sa.Text(), primary_key=True),
        sa.Column("account", sa.Text(), nullable=False),
    )
    for table in ("offices", "office_changes", "office_parts"):
        protect(table)
