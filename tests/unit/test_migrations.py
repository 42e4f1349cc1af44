"""No schema step breaks processes of the previous release, unless it is marked as contracting (ADR 13).

The test reads each step's SQL for PostgreSQL, so it does not matter which function of Alembic wrote it.
"""

from __future__ import annotations

import importlib.util
import io
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.migration import MigrationContext
from alembic.operations import Operations

from integration.storage.sql import migrations
from tests.next_release import STEPS

ROOT = Path(__file__).parents[2]
RELEASED: dict[str, str] = {}
"""The newest step of each released version; every release adds one."""

OF_NOBODY = {"0003"}  # policies on existing tables: there never was a release without them

_BREAKING = (
    (r"DROP TABLE", "drops a table"),
    (r"ALTER TABLE (?P<table>\S+) DROP COLUMN", "drops a column"),
    (r"ALTER TABLE (?P<table>\S+) RENAME", "renames"),
    (r"ALTER TABLE (?P<table>\S+) ALTER COLUMN .* TYPE ", "changes a type"),
    (r"ALTER TABLE (?P<table>\S+) ALTER COLUMN .* SET NOT NULL", "forbids NULL"),
    (r"ALTER TABLE (?P<table>\S+) ALTER COLUMN .* DROP DEFAULT", "takes a default away"),
    (r"ALTER TABLE (?P<table>\S+) ADD COLUMN (?!.*DEFAULT).*NOT NULL", "asks for a value that old code does not give"),
    (r"ALTER TABLE (?P<table>\S+) ADD (CONSTRAINT|UNIQUE|CHECK|FOREIGN|PRIMARY)", "refuses rows that were allowed"),
    (r"CREATE UNIQUE INDEX .* ON (?P<table>\S+)", "refuses rows that were allowed"),
    (r"DROP INDEX", "drops an index, which an ON CONFLICT may name"),
    (r"ALTER TABLE (?P<table>\S+) (ENABLE|FORCE) ROW LEVEL", "hides rows"),
    (r"CREATE POLICY .* ON (?P<table>\S+)", "hides rows"),
    (r"(TRUNCATE|DELETE FROM) (?P<table>\S+)", "deletes rows"),
    (r"CREATE (OR REPLACE )?(TRIGGER|RULE)", "changes what old statements do"),
)


def read(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps(folder: Path) -> list[ModuleType]:
    return [read(path) for path in sorted(folder.glob("v*.py"))]


OURS = steps(Path(migrations.__path__[0]) / "versions")


def statements(upgrade: Callable[[], None]) -> list[str]:
    """The SQL for PostgreSQL, a statement a line."""
    written = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written})
    with Operations.context(context):
        upgrade()
    return [" ".join(each.split()).replace('"', "") for each in written.getvalue().split(";\n") if each.strip()]


def breaks(upgrade: Callable[[], None]) -> list[str]:
    """Why older code cannot work after the step. The step may do anything with a table that it creates."""
    said = statements(upgrade)
    fresh = {match[1] for each in said if (match := re.match(r"CREATE TABLE (\S+)", each))}
    found = []
    for each in said:
        for pattern, why in _BREAKING:
            match = re.match(pattern, each, re.IGNORECASE)
            if match and match.groupdict().get("table") not in fresh:
                found.append(f"{why}: {each}")
    return found


def undeclared(module: ModuleType) -> list[str]:
    """What a step breaks without naming the step since which nobody needs it. Empty: the step is in order."""
    return [] if hasattr(module, "needs") or module.revision in OF_NOBODY else breaks(module.upgrade)


@pytest.mark.parametrize("step", [*OURS, *steps(STEPS)], ids=lambda step: str(step.revision))
def test_a_step_only_adds_or_says_that_it_contracts(step: ModuleType) -> None:
    assert statements(step.upgrade)
    assert undeclared(step) == []


@pytest.mark.parametrize("step", OURS, ids=lambda step: str(step.revision))
def test_what_a_step_takes_away_a_release_has_done_without(step: ModuleType) -> None:
    """The step in its `needs` was released, and that release's processes may run beside this one's."""
    assert re.fullmatch(r"\d{4}", step.revision)  # steps are compared as text
    needs = getattr(step, "needs", None)
    assert needs is None or any(needs <= head < step.revision for head in RELEASED.values())


def test_steps_that_contract_stand_behind_all_others_of_their_release() -> None:
    """A waiting step would block a later step that the release's code needs."""
    for before, after in itertools.pairwise(OURS):
        is_behind = hasattr(before, "needs") and not hasattr(after, "needs")
        assert not is_behind or before.revision in RELEASED.values(), after.revision


def test_every_release_is_known_by_its_step() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+)(?!.*not released)", changes, re.M)
    assert set(RELEASED) == set(versions)
    assert set(RELEASED.values()) <= {step.revision for step in OURS}


def _nullable(**changes: Any) -> sa.Column[Any]:
    return sa.Column("origin", sa.Text(), **changes)


@pytest.mark.parametrize(
    "upgrade",
    [
        lambda: op.drop_table("watches"),
        lambda: op.drop_column("calls", "saved_at"),
        lambda: op.alter_column("calls", "saved_at", new_column_name="stored_at"),
        lambda: op.rename_table("calls", "conversations"),
        lambda: op.alter_column("calls", "id", type_=sa.Integer()),
        lambda: op.alter_column("calls", "ended_at", nullable=False),
        lambda: op.alter_column("calls", "ended_at", server_default=None),
        lambda: op.add_column("calls", _nullable(nullable=False)),
        lambda: op.create_unique_constraint("once", "calls", ["pbx"]),
        lambda: op.create_check_constraint("positive", "calls", "saved_at > 0"),
        lambda: op.create_foreign_key("whose", "calls", "accounts", ["account"], ["account"]),
        lambda: op.create_index("once", "calls", ["pbx"], unique=True),
        lambda: op.drop_index("outbox_once"),
        lambda: op.execute("drop table watches"),
        lambda: op.execute('ALTER TABLE "calls"\n  DROP COLUMN saved_at'),
        lambda: op.execute("DELETE FROM calls"),
        lambda: op.execute("ALTER TABLE calls FORCE ROW LEVEL SECURITY"),
    ],
)
def test_what_breaks_old_processes_is_noticed(upgrade: Callable[[], None]) -> None:
    module = ModuleType("step")
    vars(module).update(revision="9999", upgrade=upgrade)
    assert len(undeclared(module)) == 1
    vars(module).update(needs="9998")
    assert undeclared(module) == []


@pytest.mark.parametrize(
    "upgrade",
    [
        lambda: op.add_column("calls", _nullable()),
        lambda: op.add_column("calls", _nullable(nullable=False, server_default="")),
        lambda: op.create_table("origins", _nullable(nullable=False, unique=True)),
        lambda: op.create_index("by_pbx", "calls", ["pbx"]),
        lambda: op.execute("UPDATE calls SET origin = 'before'"),
        lambda: op.alter_column("calls", "pbx", nullable=True),
    ],
)
def test_what_only_adds_is_allowed(upgrade: Callable[[], None]) -> None:
    assert breaks(upgrade) == []
