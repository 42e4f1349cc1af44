"""When a gap was last compared with the PBX's records: calls with an unseen end wait for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    op.add_column("watches", sa.Column("compared_at", sa.Double()))
