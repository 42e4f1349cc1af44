"""Collects the findings of `dozvon doctor`: `diagnose()`. Checks this installation; CRMs and PBXs check themselves.

Changes nothing, except what a start would change too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from integration.domain.campaigns.needs import AHEAD_OF_THEM, CampaignNeeds, needs
from integration.domain.ids import AccountId, PbxId
from integration.errors import ConfigError, DozvonError
from integration.ports.clock import Clock
from integration.ports.findings import Finding, FindingLevel, error, ok, warning
from integration.ports.leftovers import Leftover
from integration.ports.sightings import Sighting
from integration.process.config import BackupConfig, Config
from integration.process.connections import setup_of
from integration.process.core import Core, Member
from integration.process.exposure import examine_exposure
from integration.process.place import place_of
from integration.services.backups import moments_of_backups
from integration.services.callback_tasks import local_time
from integration.services.dial_samples import dial_samples
from integration.services.dialling.resolving import resolved
from integration.services.sightings import PageSightings
from integration.storage import open_coordination
from integration.storage.secrets.keys import KeyRing, KeySource
from integration.storage.secrets.private_files import make_folder
from integration.storage.secrets.sealing import check
from integration.storage.sql.database import Database, open_database
from integration.storage.sql.postgres_steps import role_of
from integration.texts import findings as texts

INSTALLATION = "Dozvon"
"""The group of these findings. It cannot be an account's name: those have no capitals."""

_LATE = 1.5  # times the interval: a backup takes time, and a failed one is repeated


async def examine(config: Config, clock: Clock) -> list[Finding]:
    """Findings about database, keys and backups, in the order to mend them. Errors of the storage become findings."""
    findings = []
    try:
        make_folder(config.data_dir)
        database = await open_database(config.database_url)
    except (DozvonError, OSError) as exc:
        findings.append(error(texts.DATABASE, texts.DATABASE_FAILS(detail=str(exc)), texts.CHECK_THE_DATABASE))
    else:
        try:
            findings.append(await _role(database))
            findings += await _keys(database, place_of(config).keys)
        except DozvonError as exc:
            findings.append(error(texts.DATABASE, texts.DATABASE_FAILS(detail=str(exc)), texts.READ_THE_DATABASE_LOG))
        finally:
            await database.close()
    if config.backup is not None:
        findings.append(await asyncio.to_thread(_backups, config.backup, clock.now()))
    return findings


async def examine_redis(redis_url: str) -> Finding:
    """Check whether a value can be stored in Redis and read back."""
    coordination = open_coordination(redis_url)
    try:
        ticket = await coordination.issue_ticket({"doctor": "was here"}, ttl_seconds=60.0)
        taken = await coordination.take_ticket(ticket)
    except DozvonError as exc:
        return error(texts.REDIS, texts.REDIS_FAILS(detail=str(exc)), texts.CHECK_REDIS)
    finally:
        await coordination.close()
    if taken is None:
        return error(texts.REDIS, texts.REDIS_FORGETS, texts.GIVE_REDIS_MEMORY)
    return ok(texts.REDIS, texts.REDIS_ANSWERS)


async def _role(database: Database) -> Finding:
    if database.dialect == "sqlite":
        return ok(texts.DATABASE, texts.SQLITE_CURRENT)
    role, is_above = await database.read(role_of)
    if is_above:
        return warning(texts.DATABASE, texts.ROLE_ABOVE(role=role), texts.USE_A_PLAIN_ROLE)
    return ok(texts.DATABASE, texts.POSTGRES_CURRENT(role=role))


async def _keys(database: Database, source: KeySource) -> list[Finding]:
    try:
        checked = await check(database, source)
        ring = KeyRing(source)
    except ConfigError as exc:
        return [error(texts.KEY, texts.KEY_UNREADABLE(detail=str(exc)), texts.RESTORE_THE_KEY_FILE)]
    if checked.current is None and ring.newest is None and source.may_be_made:
        return [ok(texts.KEY, texts.KEY_TO_BE_MADE(file=str(source.file)))]
    if ring.newest is None:
        return [error(texts.KEY, texts.KEY_MISSING(file=checked.place), texts.RESTORE_THE_KEY)]
    findings = []
    if checked.is_open_to_others:
        command = texts.RUN(command=f"chmod 600 {checked.place}")
        findings.append(warning(texts.KEY, texts.KEY_OPEN(file=checked.place), command))
    if checked.current is not None:
        findings += [
            error(texts.KEY, texts.KEY_DOES_NOT_FIT(detail=problem), texts.RESTORE_THE_NAMED_KEY)
            for problem in checked.problems
        ]
    if not findings:
        count = sum(checked.by_key.values())
        findings.append(ok(texts.KEY, texts.KEY_FITS(file=checked.place, count=count)))
    return findings


def _backups(wanted: BackupConfig, now: float) -> Finding:
    folder = str(wanted.folder)
    try:
        made = [moment for moment in moments_of_backups(Path(wanted.folder)) if moment <= now]
    except OSError as exc:
        says = texts.BACKUPS_UNREADABLE(folder=folder, detail=exc.strerror or str(exc))
        return error(texts.BACKUP, says, texts.OPEN_THE_BACKUPS)
    if not made:
        return warning(texts.BACKUP, texts.NO_BACKUP(folder=folder), texts.WAIT_FOR_BACKUP)
    hours = (now - max(made)) / 3600
    says = texts.BACKUP_AGE(folder=folder, hours=f"{hours:.1f}", every=f"{wanted.every_hours:g}")
    if hours > wanted.every_hours * _LATE:
        return warning(texts.BACKUP, says, texts.BACKUP_LATE)
    return ok(texts.BACKUP, says)


def _leftovers(left: Sequence[Leftover]) -> list[Finding]:
    findings = []
    for each in left:
        if each.waiting or each.dead:
            says = texts.REMOVED_WITH_WORK(account=each.account, waiting=each.waiting, dead=each.dead)
            findings.append(warning(texts.LEFTOVERS, says, texts.BRING_IT_BACK(id=each.account)))
    return findings


async def _administrators(core: Core) -> Finding:
    if await core.administrators.store.have_any():
        return ok(texts.ADMINISTRATORS, texts.ADMINISTRATORS_ARE_THERE)
    if core.config.admin_password is not None:
        return warning(texts.ADMINISTRATORS, texts.ONE_PASSWORD_FOR_ALL, texts.INVITE_AN_OWNER)
    return warning(texts.ADMINISTRATORS, texts.NOBODY_SIGNS_IN, texts.RUN_SETUP_CODE)


def _switch(member: Member) -> list[Finding]:
    if member.account.settings.enabled:
        return []
    return [warning(texts.SWITCH, texts.SWITCHED_OFF, texts.SWITCH_IT_ON)]


async def _met(core: Core, member: Member) -> list[Finding]:
    """What managers met in the CRM's pages (`services/sightings.py`). The switch has its own finding."""
    account = member.account
    findings = []
    for seen in await PageSightings(core.storage.sightings, core.coordination, core.clock, _nobody).present(account):
        when, who = local_time(seen.at, account.settings.zone), seen.manager
        match seen.what:
            case Sighting.NO_EXTENSION:
                findings.append(warning(texts.MET, texts.MET_NO_EXTENSION(who=who, when=when), texts.MAP_THE_MANAGER))
            case Sighting.OTHER_TELEPHONY:
                says = texts.MET_OTHER_TELEPHONY(what=seen.detail, who=who, when=when)
                findings.append(warning(texts.MET, says, texts.KEEP_ONE_TELEPHONY))
            case Sighting.DISCONNECTED:
                findings.append(warning(texts.MET, texts.MET_DISCONNECTED(when=when), texts.CONNECT_AGAIN))
    return findings


def _nobody(_: AccountId) -> None:
    """No page is open in this process."""


async def _needs(core: Core, users: Sequence[Member], pbx: PbxId) -> CampaignNeeds:
    """What the campaigns that may dial on this PBX need of it."""
    plans = [
        stored.plan
        for user in users
        for stored in await core.storage.campaigns.all(user.account.id)
        if stored.state in AHEAD_OF_THEM and any(line.pbx == pbx for line in resolved(stored, user.account).lines)
    ]
    return needs(plans)


def _users(users: Sequence[Member]) -> Finding:
    if not users:
        return warning(texts.ACCOUNTS, texts.NOBODY_USES_IT, texts.NAME_THE_PBX)
    return ok(texts.ACCOUNTS, texts.USED_BY(accounts=", ".join(user.account.id for user in users)))


async def diagnose(config: Config) -> dict[str, list[Finding]]:
    """
    The findings of `dozvon doctor`: first about this installation, then for each account about its CRM and PBX. A PBX
    has separate findings if several accounts use it, or if its account has several PBXs. If the installation itself has
    errors, the accounts are not checked.

    Raises:
        ConfigError: a setting is wrong.
        Unavailable: the database cannot be opened.
    """
    core = Core(config)
    try:
        setup_of(config)
        found = {INSTALLATION: [*examine_exposure(config), *await examine(config, core.clock)]}
        if any(finding.level is FindingLevel.ERROR for finding in found[INSTALLATION]):
            return found
        if config.redis is not None:
            found[INSTALLATION].append(await examine_redis(config.redis))
        await core.open()
        found[INSTALLATION].append(await _administrators(core))
        found[INSTALLATION] += _leftovers(await core.storage.leftovers.found(besides=core.offices.known))
        for key, member in core.members.items():
            found[key] = [*_switch(member), *await _met(core, member), *await member.connector.check()]
        for pbx, running in core.pbxs.items():
            users = core.users_of(pbx)
            samples = {sample.dialled: sample for user in users for sample in dial_samples(user.account.at(pbx))}
            wanted = await _needs(core, users, pbx)
            findings = await running.connection.diagnose(tuple(samples.values()), wanted)
            if len(users) == 1 and len(users[0].on) == 1:
                found[users[0].account.id] += findings
            else:
                found[f"PBX {pbx}"] = [_users(users), *findings]
        return found
    finally:
        await core.close()
