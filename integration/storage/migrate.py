"""Bringing a database's tables up to date, by Alembic's numbered steps in `migrations/versions/`.

Steps only ever add (expand), move over, and remove a release later (contract), so that processes of the release
before go on working beside a new one: `upgrade` leaves a database alone that is ahead of this code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from alembic.config import Config

log = structlog.get_logger()

HEAD = "0004"
"""The newest step; written down so that a start on a database that is up to date does not wait for Alembic."""

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """Take the missing steps up to `to`, inside the transaction that the caller has begun and will commit."""
    current = revision(connection)
    if current == to:
        return
    from alembic import command

    config = _config()
    if current is not None and current not in _steps(config):
        log.warning("the database is ahead of this release", revision=current)
        return
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    log.info("database brought up to date", before=current, now=to)


def knows(step: str) -> bool:
    """Whether this release has that step: a database that has taken others is of a newer one."""
    return step in _steps(_config())


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def _steps(config: Config) -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def revision(connection: Connection) -> str | None:
    """The last step that this database has taken; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    step: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return step
