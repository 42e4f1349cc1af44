"""The tables, as the code sees them. `migrations/` creates them; a test keeps both equal.

The account comes first in every key; on PostgreSQL row-level security enforces it (`migrations/row_security.py`).
Moments are Unix seconds. States are JSON in text columns, because a caller's name may contain a NUL: PostgreSQL's JSON
type refuses it, escaped text does not.
"""

from __future__ import annotations

from integration.storage.sql.schema import calls, campaigns, crm, offices, operation, people
from integration.storage.sql.schema.base import metadata
from integration.storage.sql.schema.people import admin_invitations, admin_sessions, setup_codes

__all__ = [
    "NOT_KEPT",
    "OWN_AFFAIRS",
    "PASSES",
    "calls",
    "campaigns",
    "crm",
    "metadata",
    "offices",
    "operation",
    "people",
]

PASSES = (admin_sessions, admin_invitations, setup_codes)
"""Tables whose rows let somebody in at once: a backup from outside must not bring its own."""

OWN_AFFAIRS = frozenset(
    {"secret_key", "processes", "compatibility", "alembic_version", *(table.name for table in PASSES)}
)
"""Tables that have rows in an unused database."""

NOT_KEPT = frozenset({"processes", "compatibility", "alembic_version", *(table.name for table in PASSES)})
"""Tables that a backup does not count: their rows are passing state, or come from the schema's steps."""
