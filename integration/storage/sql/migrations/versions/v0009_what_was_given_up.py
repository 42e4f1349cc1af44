"""An index of dead letters: every health request counts them over all accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    dead = sa.text("state = 'dead'")
    op.create_index("outbox_dead", "outbox", ["account", "call", "id"], sqlite_where=dead, postgresql_where=dead)
