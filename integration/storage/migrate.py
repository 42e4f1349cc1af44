"""Bringing a database's tables up to date, by Alembic's numbered steps in `migrations/versions/`.

Theory of operation (docs/adr/0013). Processes of the release before go on working beside new ones. So a step expands
(adds), or it contracts: takes away what no code uses since an earlier step, which it names as `needs`. A contracting
step waits until no process lives that does not know that step (`releases.py`), and writes down in `compatibility` what
a process has to know from now on. One that knows less is refused at its start, and ends if it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import func, inspect, literal_column, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.sql.elements import ColumnElement

from integration.errors import ConfigError, Unavailable
from integration.storage.schema import compatibility, processes

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

log = structlog.get_logger()

HEAD = "0012"
"""The newest step; written down so that a start on a database that is up to date does not wait for Alembic."""

FOLDERS = [Path(__file__).parent / "migrations" / "versions"]
"""Where steps are. The test of two releases side by side adds those of a release to come."""

NOW: dict[str, ColumnElement[float]] = {
    "postgresql": literal_column("extract(epoch FROM clock_timestamp())"),
    "sqlite": literal_column("(julianday('now') - 2440587.5) * 86400.0"),
}
"""Unix seconds as the database has them: the processes' machines need not agree about the time."""


def upgrade(connection: Connection, to: str | None = None) -> None:
    """Take the missing steps up to `to` (HEAD), inside the caller's transaction, which the caller commits.

    Raises: as `take_step`.
    """
    while take_step(connection, to):
        pass


def take_step(connection: Connection, to: str | None = None) -> bool:
    """
    Take the next missing step, inside the caller's transaction, which holds the lock of those who take steps.

    Returns:
        Whether one was taken; there may be more then.

    Raises:
        ConfigError: the database is of a release that this one cannot work beside.
        Unavailable: this release needs a step that has to wait for processes of an older one.
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
    """Raises: ConfigError when this release lacks what a process on this database has to know."""
    if not inspect(connection).has_table(compatibility.name):
        return
    oldest = connection.execute(select(compatibility.c.oldest)).scalar()
    if oldest is not None and oldest > HEAD:
        raise ConfigError(
            f"The database is of a newer release, which this one (step {HEAD}) cannot work beside: it needs step"
            f" {oldest}. Update Dozvon here; nothing was changed."
        )


def knows(step: str) -> bool:
    """Whether this release has that step: a database that has taken others is of a newer one."""
    return any(known.revision == step for known in _steps(_config()))


def revision(connection: Connection) -> str | None:
    """The last step that this database has taken; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    step: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return step


def _needs(step: Script) -> str | None:
    """Of a contracting step: what a process has to know to work after it."""
    needs: str | None = getattr(step.module, "needs", None)
    return needs


def _may_contract(connection: Connection, needs: str) -> bool:
    """Nobody lives who does not know that step. The lock on the row keeps out who is about to register."""
    connection.execute(select(compatibility.c.oldest).with_for_update()).scalar()
    now = NOW[connection.dialect.name]
    older = select(func.count()).select_from(processes).where(processes.c.knows < needs, processes.c.until > now)
    return connection.execute(older).scalar_one() == 0


def _postponed(step: Script, steps: list[Script]) -> None:
    """Raises: Unavailable when this release has steps behind the one that waits, which its code relies on."""
    behind = steps[steps.index(step) + 1 :]
    if any(_needs(each) is None for each in behind):
        raise Unavailable(
            f"Processes of an older release are running beside which this one cannot work (step {step.revision} waits"
            " for their end). Stop them, or update them to the release between first."
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
    """Up to HEAD, the oldest first."""
    from alembic.script import ScriptDirectory

    scripts: ScriptDirectory = ScriptDirectory.from_config(config)
    return list(reversed(list(scripts.walk_revisions(head=HEAD))))
