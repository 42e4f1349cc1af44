"""Files on their way into lists. Entries, figures and progress of a step are one transaction."""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, select, update

from integration.domain.call_lists.cells import LOST, CellProblem, Problem
from integration.domain.ids import AccountId, CampaignId, Timestamp
from integration.ports.campaigns import Added, NewEntry
from integration.ports.clock import Clock
from integration.ports.coordination import Lease
from integration.ports.list_imports import MOST_PROBLEMS, ImportRow, ImportState, ListImport, RowTrouble
from integration.storage.sql.campaign_entries import Adding
from integration.storage.sql.campaign_rows import scope_of
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database
from integration.storage.sql.leases import guard
from integration.storage.sql.schema.campaigns import list_import_parts as parts
from integration.storage.sql.schema.campaigns import list_import_problems as problems_table
from integration.storage.sql.schema.campaigns import list_imports as table

_PART_BYTES = 512 * 1024  # a transaction each: a step of a call never waits for a whole file
_NOT_TAKEN = {Added.TWICE: Problem.TWICE, Added.DO_NOT_CALL: Problem.DO_NOT_CALL}
_RUNS = frozenset({ImportState.PREVIEW, ImportState.RUNNING})


class SqlListImports:
    """Implements `ports.list_imports.ListImports`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, made: ListImport, content: bytes) -> None:
        for part, at in enumerate(range(0, len(content), _PART_BYTES)):
            packed = base64.b64encode(zlib.compress(content[at : at + _PART_BYTES], 1)).decode()
            row = {"account": made.account, "import": made.id, "part": part, "content": packed}
            await self._database.write(_inserting(parts, row), made.account)
        row = {"account": made.account, "id": made.id, "campaign": made.campaign, "made_at": made.made_at}
        await self._database.write(_inserting(table, row | _columns(made)), made.account)

    async def get(self, account: AccountId, key: str) -> ListImport | None:
        return await self._database.read(lambda connection: _one(connection, account, key), account)

    async def of_campaign(self, account: AccountId, campaign: CampaignId, *, limit: int = 20) -> list[ListImport]:
        query = (
            select(table.c.body)
            .where(table.c.account == account, table.c.campaign == campaign)
            .order_by(table.c.made_at.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return [decode(ListImport, body) for body in rows]

    async def running(self) -> list[tuple[AccountId, str]]:
        query = (
            select(table.c.account, table.c.id)
            .where(table.c.state == ImportState.RUNNING.value)
            .order_by(table.c.made_at)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), Across.IMPORTS)
        return [(AccountId(row.account), row.id) for row in rows]

    async def content(self, account: AccountId, key: str) -> bytes:
        query = (
            select(parts.c.content).where(parts.c.account == account, parts.c["import"] == key).order_by(parts.c.part)
        )
        packed = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return b"".join(zlib.decompress(base64.b64decode(each)) for each in packed)

    async def change(
        self,
        account: AccountId,
        key: str,
        change: Callable[[ListImport], ListImport],
    ) -> ListImport | None:
        def work(connection: Connection) -> ListImport | None:
            known = _one(connection, account, key, lock=True)
            if known is None:
                return None
            changed = change(known)
            if changed != known:
                self._put(connection, changed)
            return changed

        return await self._database.write(work, account)

    async def step(
        self,
        account: AccountId,
        key: str,
        rows: Sequence[ImportRow],
        *,
        lease: Lease,
        after: str = "",
    ) -> ListImport | None:
        known = await self.get(account, key)
        if known is None:
            return None
        adding = Adding(self._database.dialect, account, known.campaign, known.office, self._clock.now())

        def work(connection: Connection) -> ListImport | None:
            guard(connection, self._database.dialect, lease)
            now_known = _one(connection, account, key, lock=True)
            if now_known is None or now_known.state is not ImportState.RUNNING:
                return None
            new: list[NewEntry] = [row.new for row in rows if row.new is not None]
            added = iter(adding.run(connection, new) if new else [])
            results = [None if row.new is None else next(added) for row in rows]
            counted = replace(_counted(now_known, rows, results), after=after)
            self._put_problems(connection, now_known, rows, results)
            self._put(connection, counted)
            return counted

        return await self._database.write(work, scope_of(account, known.office))

    def _put(self, connection: Connection, changed: ListImport) -> None:
        key = table.c.account == changed.account, table.c.id == changed.id
        connection.execute(update(table).where(*key).values(**_columns(changed)))
        if changed.state not in _RUNS:
            mine = parts.c.account == changed.account, parts.c["import"] == changed.id
            connection.execute(delete(parts).where(*mine))

    def _put_problems(
        self, connection: Connection, known: ListImport, rows: Sequence[ImportRow], results: Sequence[Added | None]
    ) -> None:
        kept = sum(known.left_out.values()) + sum(known.remarks.values())
        found = [trouble for row, result in zip(rows, results, strict=True) if (trouble := _trouble(row, result))]
        values = [
            {"account": known.account, "import": known.id, "line": each.line, "body": encode(each)}
            for each in found[: max(0, MOST_PROBLEMS - kept)]
        ]
        if values:
            connection.execute(problems_table.insert(), values)

    async def problems(self, account: AccountId, key: str, *, after: int = 0, limit: int = 100) -> list[RowTrouble]:
        query = (
            select(problems_table.c.body)
            .where(
                problems_table.c.account == account, problems_table.c["import"] == key, problems_table.c.line > after
            )
            .order_by(problems_table.c.line)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).scalars().all(), account)
        return [decode(RowTrouble, body) for body in rows]

    async def forget(self, *, previews_before: Timestamp) -> int:
        old = table.c.state == ImportState.PREVIEW.value, table.c.made_at < previews_before

        def work(connection: Connection) -> int:
            found = connection.execute(select(table.c.account, table.c.id).where(*old)).all()
            for account, each in found:
                connection.execute(delete(parts).where(parts.c.account == account, parts.c["import"] == each))
                connection.execute(delete(table).where(table.c.account == account, table.c.id == each, *old))
            return len(found)

        return await self._database.write(work, Across.IMPORTS)


def _inserting(into: Any, row: dict[str, Any]) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        connection.execute(into.insert(), row)

    return work


def _columns(made: ListImport) -> dict[str, Any]:
    return {"state": made.state.value, "digest": made.digest, "body": encode(made)}


def _one(connection: Connection, account: AccountId, key: str, *, lock: bool = False) -> ListImport | None:
    query = select(table.c.body).where(table.c.account == account, table.c.id == key)
    body = connection.execute(query.with_for_update() if lock else query).scalar()
    return None if body is None else decode(ListImport, body)


def _trouble(row: ImportRow, result: Added | None) -> RowTrouble | None:
    """None: nothing to say about this row."""
    problems = row.problems
    if result in _NOT_TAKEN:
        problems = (*problems, CellProblem(problem=_NOT_TAKEN[result]))
    if not problems:
        return None
    is_taken = result in (Added.TAKEN, Added.JOINED)
    return RowTrouble(line=row.line, cells=row.cells, problems=problems, is_taken=is_taken)


def _counted(known: ListImport, rows: Sequence[ImportRow], results: Sequence[Added | None]) -> ListImport:
    left_out, remarks = Counter(known.left_out), Counter(known.remarks)
    for row, result in zip(rows, results, strict=True):
        trouble = _trouble(row, result)
        if trouble is None:
            continue
        if trouble.is_taken:
            remarks[trouble.problems[0].problem.value] += 1
        else:
            decisive = next((each for each in reversed(trouble.problems) if each.problem in LOST), trouble.problems[-1])
            left_out[decisive.problem.value] += 1
    counts = Counter(result for result in results if result is not None)
    return replace(
        known,
        done=known.done + len(rows),
        taken=known.taken + counts[Added.TAKEN],
        joined=known.joined + counts[Added.JOINED],
        left_out=dict(left_out),
        remarks=dict(remarks),
    )
