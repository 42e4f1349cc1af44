"""An office's dialling rules, and the rule by which the numbers of an account's persons were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("dial", sa.Text()))
    op.add_column("mirrors", sa.Column("keyed_by", sa.Text()))
