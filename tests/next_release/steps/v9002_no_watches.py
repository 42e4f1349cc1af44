"""Contracts: takes away what (let us say) no code uses that knows step 9001."""

from __future__ import annotations

from alembic import op

revision = "9002"
down_revision: str | None = "9001"
needs = "9001"


def upgrade() -> None:
    op.drop_table("watches")
