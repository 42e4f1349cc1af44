"""Row-level security for a table with a column `account` (docs/adr/0011). A step that makes one calls `protect`."""

from __future__ import annotations

from alembic import op


def protect(table: str) -> None:
    """
    Only rows of the account that the unit of work names, for the table's owner too. Does nothing on SQLite.

    Args:
        table: a name of ours, never anything from outside.
    """
    if op.get_context().dialect.name != "postgresql":
        return
    # The sub-selects are worked out once a statement instead of once a row.
    rule = (
        "account = (SELECT current_setting('dozvon.account', true))"
        " OR (SELECT current_setting('dozvon.all', true)) <> ''"
    )
    op.execute(f"CREATE POLICY account ON {table} USING ({rule}) WITH CHECK ({rule})")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
