"""Contracts: removes what, for this test, no code since step 9001 uses."""

from __future__ import annotations

from alembic import op

revision = "9002"
down_revision: str | None = "9001"
needs = "9001"


def upgrade() -> None:
    op.drop_table("watches")
