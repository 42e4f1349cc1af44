"""Lasting storage on SQLite or PostgreSQL: `open_storage()` opens every store of `ports.py`.

`coordination/` holds what processes share for moments only: tickets and fan-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import integration.storage.sql.migrate  # noqa: F401 - here, so that a later import does not hide the function `migrate`
from integration.clock import SystemClock
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.storage.coordination.memory import InProcessCoordination
from integration.storage.recordings import FileRecordingStore
from integration.storage.secrets.keys import KeySource
from integration.storage.secrets.sealing import open_sealer
from integration.storage.sql.admin_sessions import SqlAdminSessions
from integration.storage.sql.administrators import SqlAdministrators
from integration.storage.sql.api_keys import SqlApiKeys
from integration.storage.sql.call_notes import SqlCallNotes
from integration.storage.sql.callback_tasks import SqlCallbackTasks
from integration.storage.sql.callbacks import SqlCallbacks
from integration.storage.sql.calls import SqlCallStore
from integration.storage.sql.campaign_attempts import SqlAttempts
from integration.storage.sql.campaign_dialling import SqlDialling
from integration.storage.sql.campaign_entries import SqlCampaignEntries
from integration.storage.sql.campaign_erasure import SqlCampaignErasure
from integration.storage.sql.campaign_sounds import SqlCampaignSounds
from integration.storage.sql.campaigns import SqlCampaigns
from integration.storage.sql.crm_ties import SqlCrmTies
from integration.storage.sql.database import Database, open_database
from integration.storage.sql.do_not_call import SqlDoNotCall
from integration.storage.sql.installation import SqlInstallation
from integration.storage.sql.leases import SqlLeases
from integration.storage.sql.leftovers import SqlLeftovers
from integration.storage.sql.list_imports import SqlListImports
from integration.storage.sql.offices import SqlOfficeStore
from integration.storage.sql.outbox import SqlOutbox
from integration.storage.sql.own_lists import SqlOwnLists
from integration.storage.sql.phone_book import SqlPhoneBook
from integration.storage.sql.releases import SqlRegister
from integration.storage.sql.route_log import SqlRouteLog
from integration.storage.sql.settings import SqlSettingsStore
from integration.storage.sql.setups import SqlSetups
from integration.storage.sql.sightings import SqlSightings
from integration.storage.sql.strangers import SqlStrangers
from integration.storage.sql.tokens import SqlTokenStore
from integration.storage.sql.watches import SqlWatchLog
from integration.storage.sql.ways_in import SqlInvitations, SqlSetupCodes

__all__ = ["KeySource", "Storage", "migrate", "open_coordination", "open_storage"]


@dataclass(frozen=True, slots=True)
class Storage:
    calls: SqlCallStore
    outbox: SqlOutbox
    phone_book: SqlPhoneBook
    settings: SqlSettingsStore
    tokens: SqlTokenStore
    recordings: FileRecordingStore
    routes: SqlRouteLog
    leases: SqlLeases
    watches: SqlWatchLog
    strangers: SqlStrangers
    callback_tasks: SqlCallbackTasks
    notes: SqlCallNotes
    sightings: SqlSightings
    register: SqlRegister
    administrators: SqlAdministrators
    invitations: SqlInvitations
    setup_codes: SqlSetupCodes
    admin_sessions: SqlAdminSessions
    api_keys: SqlApiKeys
    crm_ties: SqlCrmTies
    offices: SqlOfficeStore
    setups: SqlSetups
    installation: SqlInstallation
    leftovers: SqlLeftovers
    campaigns: SqlCampaigns
    entries: SqlCampaignEntries
    attempts: SqlAttempts
    dialling: SqlDialling
    do_not_call: SqlDoNotCall
    campaign_erasure: SqlCampaignErasure
    list_imports: SqlListImports
    own_lists: SqlOwnLists
    campaign_sounds: SqlCampaignSounds
    callbacks: SqlCallbacks
    database: Database

    async def close(self) -> None:
        """Close, once running token refreshes and queued writes are done."""
        await self.tokens.close()
        await self.database.close()


async def open_storage(
    url: str, data_dir: Path, *, clock: Clock | None = None, keys: KeySource | None = None
) -> Storage:
    """
    Connect, bring the tables up to date, and return the stores.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user:password@host/name`.
        data_dir: holds `recordings/`; created if missing.
        clock: the system's clock by default.
        keys: for the secrets; by default `secret.key` in `data_dir`, created at the first start.

    Raises:
        ConfigError: the address has neither form, or the key is missing, broken or belongs to another database.
        Unavailable: the database cannot be opened.
    """
    clock = clock or SystemClock()
    database = await open_database(url)
    try:
        sealer = await open_sealer(database, keys or KeySource.in_folder(data_dir))
    except BaseException:
        await database.close()
        raise
    return Storage(
        calls=SqlCallStore(database, clock),
        outbox=SqlOutbox(database, clock),
        phone_book=SqlPhoneBook(database, clock),
        settings=SqlSettingsStore(database, clock),
        tokens=SqlTokenStore(database, clock, sealer),
        recordings=FileRecordingStore(database, data_dir / "recordings", clock),
        routes=SqlRouteLog(database),
        leases=SqlLeases(database),
        watches=SqlWatchLog(database),
        strangers=SqlStrangers(database, clock),
        callback_tasks=SqlCallbackTasks(database),
        notes=SqlCallNotes(database, clock),
        sightings=SqlSightings(database, clock),
        register=SqlRegister(database),
        administrators=SqlAdministrators(database),
        invitations=SqlInvitations(database),
        setup_codes=SqlSetupCodes(database),
        admin_sessions=SqlAdminSessions(database),
        api_keys=SqlApiKeys(database),
        crm_ties=SqlCrmTies(database),
        offices=SqlOfficeStore(database, clock, sealer),
        setups=SqlSetups(database, clock),
        installation=SqlInstallation(database, clock),
        leftovers=SqlLeftovers(database, clock),
        campaigns=SqlCampaigns(database, clock),
        entries=SqlCampaignEntries(database, clock),
        attempts=SqlAttempts(database, clock),
        dialling=SqlDialling(database),
        do_not_call=SqlDoNotCall(database, clock),
        campaign_erasure=SqlCampaignErasure(database, clock),
        list_imports=SqlListImports(database, clock),
        own_lists=SqlOwnLists(database, clock),
        campaign_sounds=SqlCampaignSounds(database),
        callbacks=SqlCallbacks(database, clock),
        database=database,
    )


async def migrate(url: str) -> None:
    """Bring a database's tables up to date (`dozvon migrate`). Raises: as `open_storage`."""
    database = await open_database(url)
    await database.close()


def open_coordination(redis_url: str | None) -> Coordination:
    """Coordination in Redis, which may start later; without an address within this process. Raises: ConfigError."""
    if redis_url is None:
        return InProcessCoordination()
    from integration.storage.coordination.redis import RedisCoordination

    return RedisCoordination(redis_url)
