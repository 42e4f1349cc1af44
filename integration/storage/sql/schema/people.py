"""Tables of administrators and of every way in."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table, Text

from integration.storage.sql.schema.base import metadata

administrators = Table(
    "administrators",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),  # as it was typed
    Column("login_key", Text, nullable=False, unique=True),  # folded
    Column("hash", Text, nullable=False),  # argon2id
    Column("mark", Text, nullable=False),  # drawn with each password; sessions carry it
    Column("role", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("offices", Text),  # JSON list; NULL: all
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double),
)

admin_invitations = Table(
    "admin_invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code", Text, nullable=False, unique=True),  # SHA-256 of what the link holds
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("login_key", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("invited_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("until", Double, nullable=False),  # 0 where `offices_until` says it
    Column("offices", Text),  # JSON list; NULL: all
    Column("offices_until", Double),  # of one to single offices: a release without them takes it for over
)

setup_codes = Table(
    "setup_codes",
    metadata,
    Column("code", Text, primary_key=True),  # SHA-256
    Column("holder", Text, nullable=False),  # the process that printed it; empty: a command
    Column("until", Double, nullable=False),
)

admin_sessions = Table(
    "admin_sessions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the browser's token
    Column("mark", Text, nullable=False),  # identifies the password that was used to sign in
    Column("begun_at", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("administrator", Text),  # NULL: by the configuration file's password
    Column("browser", Text),
    Column("address", Text),
    Column("used_at", Double),
    Column("crm_user", Text),  # by whose word it began, `account/manager`; NULL: by a password
)
Index("admin_sessions_whose", admin_sessions.c.administrator)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),  # SHA-256 of the key
    Column("hint", Text, nullable=False),  # its beginning
    Column("name", Text, nullable=False),
    Column("office", Text),  # NULL: all that the maker may see
    Column("access", Text, nullable=False),
    Column("maker", Text),  # the administrator; NULL: with the configuration file's password
    Column("made_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("until", Double),
    Column("used_at", Double),
    Column("address", Text),
    Column("revoked_at", Double),  # revoked keys stay, for the history
    Column("revoked_by", Text),
)
Index("api_keys_office", api_keys.c.office)

crm_ties = Table(  # which CRM users are which administrators
    "crm_ties",
    metadata,
    Column("account", Text, primary_key=True),
    Column("manager", Text, primary_key=True),
    Column("administrator", Text, nullable=False),
    Column("tied_at", Double, nullable=False),
    Column("is_by_word", Boolean, nullable=False),  # of the CRM alone, as the office allows; else by the administrator
)
Index("crm_ties_whose", crm_ties.c.administrator)
