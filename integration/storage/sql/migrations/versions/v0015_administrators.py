"""Administrators with logins of their own, their invitations, and the codes of a first start.

The previous release ignores the new tables. It begins sessions without the new columns, with the configuration file's
password: NULL means just that. It takes nobody's session for valid whose mark is not that password's.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    op.create_table(
        "administrators",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("login_key", sa.Text(), nullable=False, unique=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("offices", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double()),
    )
    op.create_table(
        "admin_invitations",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("code", sa.Text(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("login_key", sa.Text(), nullable=False, unique=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("invited_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
    )
    op.create_table(
        "setup_codes",
        sa.Column("code", sa.Text(), primary_key=True),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
    )
    for column in ("administrator", "browser", "address"):
        op.add_column("admin_sessions", sa.Column(column, sa.Text()))
    op.add_column("admin_sessions", sa.Column("used_at", sa.Double()))
    op.create_index("admin_sessions_whose", "admin_sessions", ["administrator"])
