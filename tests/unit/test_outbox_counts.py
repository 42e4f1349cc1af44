"""The query of `/health`, every few seconds, must not read a year of delivered calls."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.sql.elements import ColumnElement

from integration.ports.stores import OutboxState
from integration.storage.sql.outbox import COUNTS_BY_ACCOUNT, counting
from integration.storage.sql.schema import metadata
from integration.storage.sql.schema.calls import outbox


@pytest.mark.parametrize("conditions", [[], [outbox.c.account == "acme"]], ids=["all accounts", "one account"])
def test_counting_what_waits_and_what_is_dead_reads_no_index_that_holds_what_is_done(
    conditions: list[ColumnElement[bool]],
) -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    asked = counting(*conditions).compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = " ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")))
    engine.dispose()
    assert "outbox_waiting" in plan or "outbox_due" in plan
    assert "outbox_dead" in plan
    assert "outbox_listing" not in plan


@pytest.mark.parametrize("state", list(COUNTS_BY_ACCOUNT))
def test_counting_by_account_reads_the_index_of_what_it_counts(state: OutboxState) -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    asked = COUNTS_BY_ACCOUNT[state].compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = " ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")))
    engine.dispose()
    indexes = {OutboxState.WAITING: ("outbox_waiting", "outbox_due"), OutboxState.DEAD: ("outbox_dead",)}
    assert any(f"INDEX {index}" in plan for index in indexes[state]), plan
    assert "TEMP B-TREE" not in plan, "they are in the order of the accounts"
