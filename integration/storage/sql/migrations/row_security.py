"""Row-level security for tables with a column `account` (docs/adr/0011). Each step that creates one calls `protect`."""

from __future__ import annotations

from alembic import op


def protect(table: str) -> None:
    """
    Show only rows of the account that the unit of work names, also to the table's owner. Does nothing on SQLite.

    Args:
        table: one of our names, never input from outside.
    """
    if op.get_context().dialect.name != "postgresql":
        return
    # PostgreSQL evaluates the sub-selects once for each statement, not for each row.
    rule = (
        "account = (SELECT current_setting('dozvon.account', true))"
        " OR (SELECT current_setting('dozvon.all', true)) <> ''"
    )
    op.execute(f"CREATE POLICY account ON {table} USING ({rule}) WITH CHECK ({rule})")
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
