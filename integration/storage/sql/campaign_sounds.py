"""Recorded sounds of campaigns, as base64: a backup has them with everything else, and every process reads them."""

from __future__ import annotations

import base64

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, select
from sqlalchemy import literal as the

from integration.domain.ids import AccountId, CampaignId, Timestamp
from integration.ports.campaign_sounds import MOST_SOUNDS, RecordedSound, SoundKept
from integration.storage.sql.campaigns import lock
from integration.storage.sql.codec import storable
from integration.storage.sql.database import Database, insert
from integration.storage.sql.schema.campaigns import campaign_sounds as table

_LISTED = (table.c.id, table.c.name, table.c.seconds, table.c.added_at, table.c.added_by)


class SqlCampaignSounds:
    """Implements `ports.campaign_sounds.RecordedSounds`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, account: AccountId, campaign: CampaignId, sound: RecordedSound, wav: bytes) -> SoundKept:
        row = {
            "account": account,
            "campaign": campaign,
            "id": sound.id,
            "name": storable(sound.name),
            "seconds": sound.seconds,
            "added_at": sound.added_at,
            "added_by": storable(sound.added_by),
            "content": base64.b64encode(wav).decode(),
        }
        write = insert(self._database.dialect, table).on_conflict_do_nothing()
        mine = table.c.account == account, table.c.campaign == campaign
        others = select(func.count()).select_from(table).where(*mine, table.c.id != sound.id)

        def work(connection: Connection) -> SoundKept:
            if lock(connection, account, campaign) is None:
                return SoundKept.GONE
            if connection.execute(others).scalar_one() >= MOST_SOUNDS:
                return SoundKept.TOO_MANY
            connection.execute(write, row)
            return SoundKept.DONE

        return await self._database.write(work, account)

    async def all(self, account: AccountId, campaign: CampaignId) -> list[RecordedSound]:
        query = (
            select(*_LISTED)
            .where(table.c.account == account, table.c.campaign == campaign)
            .order_by(table.c.added_at.desc(), table.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all(), account)
        return [_sound(row) for row in rows]

    async def wav(self, account: AccountId, campaign: CampaignId, sound: str) -> bytes | None:
        query = select(table.c.content).where(*_one(account, campaign, sound))
        content = await self._database.read(lambda connection: connection.execute(query).scalar(), account)
        return None if content is None else base64.b64decode(content)

    async def remove(self, account: AccountId, campaign: CampaignId, sound: str) -> bool:
        gone = delete(table).where(*_one(account, campaign, sound))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount > 0, account)

    async def copy(self, account: AccountId, campaign: CampaignId, to: CampaignId) -> None:
        own = [column for column in table.c if column.name not in ("account", "campaign")]
        rows = select(the(account), the(to), *own).where(table.c.account == account, table.c.campaign == campaign)
        names = ["account", "campaign", *(column.name for column in own)]
        write = insert(self._database.dialect, table).from_select(names, rows).on_conflict_do_nothing()
        await self._database.write(lambda connection: connection.execute(write), account)


def _one(account: AccountId, campaign: CampaignId, sound: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.account == account, table.c.campaign == campaign, table.c.id == sound


def _sound(row: RowMapping) -> RecordedSound:
    return RecordedSound(
        id=row["id"],
        name=row["name"],
        seconds=row["seconds"],
        added_at=Timestamp(row["added_at"]),
        added_by=row["added_by"],
    )
