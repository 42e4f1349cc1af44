"""Bringing a database's tables up to date, by Alembic's numbered steps in `migrations/versions/`.

Steps only ever add (expand), move over, and remove a release later (contract), so that processes of the release
before go on working beside a new one: `upgrade` leaves a database alone that is ahead of this code.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

log = structlog.get_logger()

HEAD = "0003"
"""The newest step; written down so that a start on a database that is up to date does not wait for Alembic."""

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Take the missing steps, inside the transaction that the caller has begun and will commit."""
    current = revision(connection)
    if current == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        log.warning("the database is ahead of this release", revision=current)
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    log.info("database brought up to date", before=current, now=HEAD)


def revision(connection: Connection) -> str | None:
    """The last step that this database has taken; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    step: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return step
