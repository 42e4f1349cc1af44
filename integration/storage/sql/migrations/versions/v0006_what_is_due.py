"""An index of due items of the outbox: a claim costs the same, however many calls wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "outbox_due",
        "outbox",
        ["account", "priority", "not_before", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
