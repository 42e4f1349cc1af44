"""What the dialler of a campaign keeps. The ledger's days are counted in the transaction that ends an attempt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, select, text, union

from integration.domain.campaigns.model import LIVE, NO_ATTEMPT, Outcome
from integration.domain.ids import AccountId, CampaignId
from integration.errors import ProtocolError
from integration.ports.campaigns import ChangeKind
from integration.ports.coordination import Lease
from integration.ports.dialling import CampaignLedger, DayFigures, DiallingNow
from integration.storage.sql.codec import decode, encode
from integration.storage.sql.database import Across, Database, Dialect, insert
from integration.storage.sql.leases import guard
from integration.storage.sql.schema.campaigns import campaign_attempts, campaign_changes, campaigns
from integration.storage.sql.schema.campaigns import campaign_days as days_table
from integration.storage.sql.schema.campaigns import campaign_dialling as table


class SqlDialling:
    """Implements `ports.dialling.DiallingStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at_work(self) -> list[tuple[AccountId, CampaignId]]:
        # The conditions of the partial indexes, word for word: only then are they used.
        running = select(campaigns.c.account, campaigns.c.id).where(text("state = 'running'"))
        under_way = (
            select(campaign_attempts.c.account, campaign_attempts.c.campaign)
            .where(text("campaign_attempts.state <> 'ended'"))
            .subquery()
        )
        is_its = and_(campaigns.c.account == under_way.c.account, campaigns.c.id == under_way.c.campaign)
        query = union(running, select(campaigns.c.account, campaigns.c.id).join(under_way, is_its))
        rows = await self._database.read(lambda connection: connection.execute(query).all(), Across.DIALLING)
        return sorted((AccountId(account), CampaignId(campaign)) for account, campaign in rows)

    async def put(
        self,
        account: AccountId,
        campaign: CampaignId,
        now: DiallingNow,
        *,
        learned: Mapping[str, Any] | None,
        lease: Lease,
    ) -> None:
        dialect = self._database.dialect
        changed: dict[str, Any] = {"at": now.at, "now": encode(now)}
        if learned is not None:
            changed["learned"] = json.dumps(learned, separators=(",", ":"))
        put = insert(dialect, table).on_conflict_do_update(
            index_elements=[table.c.account, table.c.campaign], set_=changed
        )
        row = {"account": account, "campaign": campaign, "learned": "", **changed}

        def work(connection: Connection) -> None:
            guard(connection, dialect, lease)
            connection.execute(put, row)

        await self._database.write(work, account)

    async def now(self, account: AccountId) -> dict[CampaignId, DiallingNow]:
        query = select(table.c.campaign, table.c.now).where(table.c.account == account)
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        found = {}
        for campaign, body in rows:
            try:
                found[CampaignId(campaign)] = decode(DiallingNow, body)
            except ProtocolError:
                continue  # a newer release dials it: this one's pages say nothing rather than nonsense
        return found

    async def learned(self, account: AccountId, campaign: CampaignId) -> dict[str, Any]:
        query = select(table.c.learned).where(table.c.account == account, table.c.campaign == campaign)
        body = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        try:
            document = json.loads(body or "{}")
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    async def days(self, account: AccountId, campaign: CampaignId, *, since: date) -> dict[date, DayFigures]:
        query = select(days_table.c.day, days_table.c.dialled, days_table.c.live, days_table.c.abandoned).where(
            days_table.c.account == account,
            days_table.c.campaign == campaign,
            days_table.c.day >= since.isoformat(),
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all(), account)
        return {date.fromisoformat(day): DayFigures(dialled, live, lost) for day, dialled, live, lost in rows}

    async def ledgers(self, account: AccountId) -> list[CampaignLedger]:
        of_days = select(
            days_table.c.campaign, days_table.c.day, days_table.c.dialled, days_table.c.live, days_table.c.abandoned
        ).where(days_table.c.account == account)
        names = select(campaigns.c.id, campaigns.c.name).where(campaigns.c.account == account)
        is_deletion = campaign_changes.c.account == account, campaign_changes.c.what == ChangeKind.DELETED.value
        deleted = select(campaign_changes.c.campaign, campaign_changes.c.before).where(*is_deletion)

        def work(connection: Connection) -> list[CampaignLedger]:
            there = {row.id: row.name for row in connection.execute(names)}
            known = {row.campaign: row.before for row in connection.execute(deleted)} | there
            days: dict[str, dict[date, DayFigures]] = defaultdict(dict)
            for campaign, day, dialled, live, lost in connection.execute(of_days):
                days[campaign][date.fromisoformat(day)] = DayFigures(dialled, live, lost)
            return [
                CampaignLedger(
                    campaign=CampaignId(campaign),
                    name=known.get(campaign, campaign),
                    is_deleted=campaign not in there,
                    days=dict(sorted(of_campaign.items())),
                )
                for campaign, of_campaign in sorted(days.items(), key=lambda each: (known.get(each[0], ""), each[0]))
            ]

        return await self._database.read(work, account)


def count_day(
    connection: Connection, dialect: Dialect, account: AccountId, campaign: CampaignId, day: date, outcome: Outcome
) -> None:
    """Add an outcome to the figures of a day. What never rang at the client counts nowhere."""
    if outcome in NO_ATTEMPT:
        return
    row = {
        "account": account,
        "campaign": campaign,
        "day": day.isoformat(),
        "dialled": 1,
        "live": int(outcome in LIVE),
        "abandoned": int(outcome is Outcome.ABANDONED),
    }
    put = insert(dialect, days_table)
    names = ("dialled", "live", "abandoned")
    put = put.on_conflict_do_update(
        index_elements=[days_table.c.account, days_table.c.campaign, days_table.c.day],
        set_={name: days_table.c[name] + put.excluded[name] for name in names},
    )
    connection.execute(put, row)
