"""Expands, after a contracting step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "9003"
down_revision: str | None = "9002"


def upgrade() -> None:
    op.add_column("calls", sa.Column("weight", sa.Integer()))
