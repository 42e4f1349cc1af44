"""What widgets noticed in the CRM's pages: one row for each thing, with who saw it last."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from integration.domain.ids import AccountId, ManagerId, Timestamp
from integration.ports.clock import Clock
from integration.ports.sightings import Seen, Sighting
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.crm import widget_sightings


class SqlSightings:
    """Implements `ports.sightings.Sightings`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        put = insert(database.dialect, widget_sightings)
        key = widget_sightings.c.account, widget_sightings.c.what, widget_sightings.c.detail
        self._put = put.on_conflict_do_update(
            index_elements=list(key), set_={"manager": put.excluded.manager, "seen_at": put.excluded.seen_at}
        )

    async def report(
        self, account: AccountId, what: Sighting, details: Sequence[str], *, manager: ManagerId, replaces: bool = False
    ) -> None:
        kept = sorted({storable(detail) for detail in details})
        own = {"account": account, "what": what.value, "manager": manager, "seen_at": self._clock.now()}
        rows = [{**own, "detail": detail} for detail in kept]
        others = delete(widget_sightings).where(
            widget_sightings.c.account == account,
            widget_sightings.c.what == what.value,
            widget_sightings.c.detail.not_in(kept),
        )

        def work(connection: Connection) -> None:
            if rows:
                connection.execute(self._put, rows)
            if replaces:
                connection.execute(others)

        await self._database.write(work, account)

    async def of(self, account: AccountId) -> list[Seen]:
        query = (
            select(widget_sightings)
            .where(widget_sightings.c.account == account)
            .order_by(widget_sightings.c.seen_at.desc(), widget_sightings.c.detail)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        known = {each.value for each in Sighting}
        return [
            Seen(what=Sighting(row.what), detail=row.detail, manager=ManagerId(row.manager), at=Timestamp(row.seen_at))
            for row in rows
            if row.what in known
        ]
