"""Which outbox items go first; the strangers and their entries in a CRM's inbox; open tasks to call back.

The previous release ignores them: its items go after those that go first, in the order of their time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0012"
down_revision: str | None = "0011"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("goes_first", sa.Boolean()))
    on_sqlite = sa.text("state = 'waiting' AND goes_first = 1")
    on_postgres = sa.text("state = 'waiting' AND goes_first")
    op.create_index(
        "outbox_first",
        "outbox",
        ["account", "priority", "not_before", "id"],
        sqlite_where=on_sqlite,
        postgresql_where=on_postgres,
    )
    op.create_table(
        "strangers",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("match_key", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text()),
        sa.Column("deal", sa.Text()),
        sa.Column("checked_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "match_key"),
    )
    op.create_index("strangers_entry", "strangers", ["account", "entry"])
    protect("strangers")
    op.create_table(
        "callback_tasks",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("match_key", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("task", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("missed_at", sa.Double(), nullable=False),
        sa.Column("written_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "kind", "entity"),
    )
    op.create_index("callback_tasks_number", "callback_tasks", ["account", "match_key"])
    protect("callback_tasks")
