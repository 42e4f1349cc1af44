"""What dialling a campaign needs: the call of an attempt, for whom it is dialled, the figures of days, what is known.

The release before dials nothing, so it writes none of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.storage.sql.migrations.row_security import protect

revision = "0021"
down_revision: str | None = "0020"

_RUNNING = sa.text("state = 'running'")


def upgrade() -> None:
    op.add_column("campaign_attempts", sa.Column("call", sa.Text()))
    op.create_index("campaign_attempts_of_call", "campaign_attempts", ["account", "call"])
    op.create_index(
        "campaigns_running", "campaigns", ["account", "id"], sqlite_where=_RUNNING, postgresql_where=_RUNNING
    )
    op.create_table(
        "campaign_reservations",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("employee", sa.Text(), primary_key=True),
        sa.Column("attempt", sa.Text(), nullable=False),
    )
    protect("campaign_reservations")
    op.create_table(
        "campaign_days",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), primary_key=True),
        sa.Column("day", sa.Text(), primary_key=True),
        sa.Column("dialled", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.BigInteger(), nullable=False),
        sa.Column("abandoned", sa.BigInteger(), nullable=False),
    )
    protect("campaign_days")
    op.create_table(
        "campaign_dialling",
        sa.Column("account", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("now", sa.Text(), nullable=False),
        sa.Column("learned", sa.Text(), nullable=False),
    )
    protect("campaign_dialling")
