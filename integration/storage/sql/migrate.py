"""Brings a database's tables up to date, by Alembic's numbered steps in `migrations/versions/`.

Theory of operation (ADR 13). Processes of the previous release keep working beside new ones. So a step either expands
(adds something), or contracts: it removes what no code has used since an earlier step, which it names as `needs`. A
contracting step waits until every running process knows that earlier step (`releases.py`), and records in
`compatibility` which step a process must know from then on. A process that does not know it is refused at its start,
and stops if it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, inspect, literal_column, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from integration.errors import ConfigError, Unavailable
from integration.storage.sql.schema.operation import compatibility, processes

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

log = structlog.get_logger()

HEAD = "0023"
"""The newest step, as a constant: a start on an up-to-date database then needs no Alembic."""

FOLDERS = [Path(__file__).parent / "migrations" / "versions"]
"""Where the steps are. The test of two releases side by side adds the steps of a future release."""

NOW: dict[str, ColumnElement[float]] = {
    "postgresql": literal_column("extract(epoch FROM clock_timestamp())"),
    "sqlite": literal_column("(julianday('now') - 2440587.5) * 86400.0"),
}
"""Unix seconds by the database's clock, because the clocks of machines may differ."""


def upgrade(connection: Connection, to: str | None = None) -> None:
    """Take the missing steps up to `to` (HEAD), inside the caller's transaction, which the caller commits.

    Raises: as `take_step`.
    """
    while take_step(connection, to):
        pass


def take_step(connection: Connection, to: str | None = None) -> bool:
    """
    Take the next missing step, inside the caller's transaction, which must hold the migration lock.

    Returns:
        Whether a step was taken; if so, there may be more.

    Raises:
        ConfigError: the database belongs to an incompatible release.
        Unavailable: this release needs a step that waits for processes of an older release to stop.
    """
    to = to or HEAD
    current = revision(connection)
    if current == to:
        return False
    config = _config()
    steps = _steps(config)
    order = [step.revision for step in steps]
    if current is not None and current not in order:
        check_fits(connection)
        log.warning("the database is ahead of this release", revision=current)
        return False
    step = steps[order.index(current) + 1 if current is not None else 0]
    if (needs := _needs(step)) is not None and not _may_contract(connection, needs):
        _postponed(step, steps)
        return False
    _run(connection, config, step)
    if needs is not None:
        connection.execute(update(compatibility).values(oldest=needs))
    log.info("the database took a step", before=current, now=step.revision)
    return True


def check_fits(connection: Connection) -> None:
    """Raises: ConfigError if this release does not know the step that every process on this database must know."""
    if not inspect(connection).has_table(compatibility.name):
        return
    oldest = connection.execute(select(compatibility.c.oldest)).scalar()
    if oldest is not None and oldest > HEAD:
        raise ConfigError(
            f"The database belongs to a newer release and needs step {oldest}; this one knows step {HEAD} at most."
            " Update Dozvon here. Nothing was changed."
        )


def knows(step: str) -> bool:
    """Whether this release has that step. If not, a newer release made the database."""
    return any(known.revision == step for known in _steps(_config()))


def revision(connection: Connection) -> str | None:
    """The last step that this database has taken; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    step: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return step


def _needs(step: Script) -> str | None:
    """For a contracting step: the step that a process must know to work after it."""
    needs: str | None = getattr(step.module, "needs", None)
    return needs


def _may_contract(connection: Connection, needs: str) -> bool:
    """Whether every running process knows that step. Locks a row, so that no other process can register meanwhile."""
    connection.execute(select(compatibility.c.oldest).with_for_update()).scalar()
    now = NOW[connection.dialect.name]
    older = select(func.count()).select_from(processes).where(processes.c.knows < needs, processes.c.until > now)
    return connection.execute(older).scalar_one() == 0


def _postponed(step: Script, steps: list[Script]) -> None:
    """Raises: Unavailable if this release has later steps that its code relies on."""
    behind = steps[steps.index(step) + 1 :]
    if any(_needs(each) is None for each in behind):
        raise Unavailable(
            f"This release cannot work beside the running processes of an older one (step {step.revision} waits until"
            " they end). Stop them, or update them to the release in between first."
        )
    log.warning("a step waits until no process of an older release runs", step=step.revision)


def _run(connection: Connection, config: Config, step: Script) -> None:
    from alembic import command

    config.attributes["connection"] = connection
    command.upgrade(config, step.revision)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDERS[0].parent))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, FOLDERS)))
    return config


def _steps(config: Config) -> list[Script]:
    """The steps up to HEAD, the oldest first."""
    from alembic.script import ScriptDirectory

    scripts: ScriptDirectory = ScriptDirectory.from_config(config)
    return list(reversed(list(scripts.walk_revisions(head=HEAD))))
