"""Campaigns: their lists, the journal of attempts, numbers that are not called, and files that become lists.

The release before does not know the tables; nothing of it touches them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0019"
down_revision: str | None = "0018"

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


_OPEN = sa.text("state = 'open'")
_UNDER_WAY = sa.text("state <> 'ended'")


def upgrade() -> None:
    _campaigns()
    _entries()
    _attempts()
    _imports()


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("next_position", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("state_at", sa.Double(), nullable=False),
        sa.Column("state_by", sa.Text(), nullable=False),
    )
    protect("campaigns")
    op.create_table(
        "campaign_changes",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer()),
    )
    protect("campaign_changes")
    op.create_table(
        "campaign_counts",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), primary_key=True),
        sa.Column("what", sa.Text(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
    )
    protect("campaign_counts")


def _entries() -> None:
    op.create_table(
        "campaign_entries",
        sa.Column("id", _ROW_ID, primary_key=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer()),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "campaign_entries_next",
        "campaign_entries",
        ["account", "campaign", "rank", "weight", "due_at", "position"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index("campaign_entries_listing", "campaign_entries", ["account", "campaign", "position"], unique=True)
    op.create_index("campaign_entries_by_state", "campaign_entries", ["account", "campaign", "state", "position"])
    protect("campaign_entries")
    op.create_table(
        "campaign_numbers",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("number", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), primary_key=True),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    protect("campaign_numbers")


def _attempts() -> None:
    op.create_table(
        "campaign_attempts",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index(
        "campaign_attempts_under_way",
        "campaign_attempts",
        ["account", "number"],
        unique=True,
        sqlite_where=_UNDER_WAY,
        postgresql_where=_UNDER_WAY,
    )
    op.create_index("campaign_attempts_of_campaign", "campaign_attempts", ["account", "campaign", "written_at"])
    op.create_index("campaign_attempts_of_number", "campaign_attempts", ["account", "number", "written_at"])
    op.create_index("campaign_attempts_of_entry", "campaign_attempts", ["account", "entry", "written_at"])
    protect("campaign_attempts")
    op.create_table(
        "do_not_call",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("number", sa.Text(), primary_key=True),
        sa.Column("added_at", sa.Double(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.Double()),
        sa.Column("removed_by", sa.Text()),
        sa.Column("removed_why", sa.Text()),
    )
    op.create_index("do_not_call_listing", "do_not_call", ["account", "added_at"])
    protect("do_not_call")


def _imports() -> None:
    op.create_table(
        "list_imports",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("list_imports_of_campaign", "list_imports", ["account", "campaign", "made_at"])
    protect("list_imports")
    op.create_table(
        "list_import_parts",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("import", sa.Text(), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    protect("list_import_parts")
    op.create_table(
        "list_import_problems",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("import", sa.Text(), primary_key=True),
        sa.Column("line", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    protect("list_import_problems")
