"""API keys, invitations to single offices, and CRM users who are administrators.

The previous release ignores the new tables. It would make an administrator of all offices of an invitation to single
ones: these are over for it (`until` is 0), and their end is in `offices_until`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0018"
down_revision: str | None = "0017"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("hash", sa.Text(), nullable=False, unique=True),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("office", sa.Text()),
        sa.Column("access", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text()),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("until", sa.Double()),
        sa.Column("used_at", sa.Double()),
        sa.Column("address", sa.Text()),
        sa.Column("revoked_at", sa.Double()),
        sa.Column("revoked_by", sa.Text()),
    )
    op.create_index("api_keys_office", "api_keys", ["office"])
    op.create_table(
        "crm_ties",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("manager", sa.Text(), primary_key=True),
        sa.Column("administrator", sa.Text(), nullable=False),
        sa.Column("tied_at", sa.Double(), nullable=False),
        sa.Column("is_by_word", sa.Boolean(), nullable=False),
    )
    op.create_index("crm_ties_whose", "crm_ties", ["administrator"])
    protect("crm_ties")
    op.add_column("admin_invitations", sa.Column("offices", sa.Text()))
    op.add_column("admin_invitations", sa.Column("offices_until", sa.Double()))
    op.add_column("admin_sessions", sa.Column("crm_user", sa.Text()))
