"""Bringing a database's tables up to date, by Alembic's numbered steps in `migrations/versions/`.

Steps only ever add (expand), move over, and remove a release later (contract), so that processes of the release
before go on working beside a new one: `upgrade` leaves a database alone that is ahead of this code.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

log = structlog.get_logger()

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Take the missing steps, inside the transaction that the caller has begun and will commit."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        log.warning("the database is ahead of this release", revision=current)
        return
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    log.info("database brought up to date", before=current, now=scripts.get_current_head())
