"""Collects the findings of `dozvon doctor`: `diagnose()`. Checks this installation; CRMs and PBXs check themselves.

Changes nothing, except what a start would change too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from integration.errors import ConfigError, DozvonError
from integration.ports.clock import Clock
from integration.ports.findings import Finding, FindingLevel
from integration.ports.leftovers import Leftover
from integration.process.config import BackupConfig, Config
from integration.process.connections import setup_of
from integration.process.core import Core, Member
from integration.process.exposure import examine_exposure
from integration.process.place import place_of
from integration.services.backups import moments_of_backups
from integration.services.dial_samples import dial_samples
from integration.storage import open_coordination
from integration.storage.secrets.keys import KeyRing, KeySource
from integration.storage.secrets.private_files import make_folder
from integration.storage.secrets.sealing import check
from integration.storage.sql.database import Database, open_database
from integration.storage.sql.postgres_steps import role_of

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
        remedy = "check storage.database and server.data_dir; for PostgreSQL: is it running, and may this role log in?"
        findings.append(_error("database", str(exc), remedy))
    else:
        try:
            findings.append(await _role(database))
            findings += await _keys(database, place_of(config).keys)
        except DozvonError as exc:
            findings.append(_error("database", str(exc), "read the database's log"))
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
        remedy = "is it running, and has storage.redis its host, port and password? redis://:password@host:6379/0"
        return _error("redis", str(exc), remedy)
    finally:
        await coordination.close()
    if taken is None:
        return _error("redis", "Redis lost a new value at once", "give it memory: maxmemory in redis.conf")
    return _ok("redis", "Redis answers")


async def _role(database: Database) -> Finding:
    if database.dialect == "sqlite":
        return _ok("database", "SQLite, up to date")
    role, is_above = await database.read(role_of)
    if is_above:
        return _warning(
            "database",
            f"the role {role} is a superuser or has BYPASSRLS: PostgreSQL does not keep accounts apart for it",
            "connect with a plain role that owns the database: deploy/postgres-role.sql makes one",
        )
    return _ok("database", f"PostgreSQL, up to date; row-level security holds the role {role}")


async def _keys(database: Database, source: KeySource) -> list[Finding]:
    try:
        checked = await check(database, source)
        ring = KeyRing(source)
    except ConfigError as exc:
        return [_error("key", str(exc), "restore the file from your copy, or correct its content")]
    if checked.current is None and ring.newest is None and source.may_be_made:
        return [_ok("key", f"the first start makes {source.file}")]
    if ring.newest is None:
        remedy = "restore it from your copy (backups do not contain it); if it is lost: dozvon secrets forget"
        return [_error("key", f"{checked.place} does not exist", remedy)]
    findings = []
    if checked.is_open_to_others:
        findings.append(_warning("key", f"others may read {checked.place}", f"chmod 600 {checked.place}"))
    if checked.current is not None:
        remedy = "restore the key that the database names; dozvon secrets check shows the same"
        findings += [_error("key", problem, remedy) for problem in checked.problems]
    if not findings:
        count = sum(checked.by_key.values())
        findings.append(_ok("key", f"{checked.place} opens all {count} stored secrets"))
    return findings


def _backups(wanted: BackupConfig, now: float) -> Finding:
    look = 'look for "scheduled backup failed" in the log, and whether a process with the role worker runs'
    try:
        made = [moment for moment in moments_of_backups(Path(wanted.folder)) if moment <= now]
    except OSError as exc:
        return _error(
            "backup", f"{wanted.folder} cannot be read: {exc.strerror}", "let Dozvon's user read and write it"
        )
    if not made:
        return _warning("backup", f"{wanted.folder} has no backup yet", f"the running service makes one; {look}")
    hours = (now - max(made)) / 3600
    said = f"the newest in {wanted.folder} is {hours:.1f} hours old; one is due every {wanted.every_hours:g}"
    return _warning("backup", said, look) if hours > wanted.every_hours * _LATE else _ok("backup", said)


def _leftovers(left: Sequence[Leftover]) -> list[Finding]:
    findings = []
    for each in left:
        if each.waiting or each.dead:
            message = f"{each.account} was removed: {each.waiting} deliveries wait, {each.dead} were given up"
            remedy = f"bring the account back, or: dozvon leftovers --delete {each.account}"
            findings.append(_warning("leftovers", message, remedy))
    return findings


async def _administrators(core: Core) -> Finding:
    if await core.administrators.store.have_any():
        return _ok("administrators", "they sign in with their own passwords")
    if core.config.admin_password is not None:
        remedy = "open Administrators on the pages and invite an owner; then remove server.admin_password"
        return _warning("administrators", "all who sign in share the password of the configuration", remedy)
    return _warning("administrators", "nobody can sign in yet", "run `dozvon setup-code` and open what it prints")


def _switch(member: Member) -> list[Finding]:
    if member.account.settings.enabled:
        return []
    remedy = "switch it on on the account's page, or let it be"
    return [_warning("switch", "the account is switched off: its calls are not logged", remedy)]


def _users(users: Sequence[Member]) -> Finding:
    if not users:
        remedy = 'name it in "pbxs" of an account, or remove it from the file'
        return _warning("accounts", "no account gets its calls", remedy)
    return _ok("accounts", ", ".join(user.account.id for user in users))


def _ok(name: str, message: str) -> Finding:
    return Finding(check=name, level=FindingLevel.OK, message=message)


def _warning(name: str, message: str, remedy: str) -> Finding:
    return Finding(check=name, level=FindingLevel.WARNING, message=message, remedy=remedy)


def _error(name: str, message: str, remedy: str) -> Finding:
    return Finding(check=name, level=FindingLevel.ERROR, message=message, remedy=remedy)


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
            found[key] = [*_switch(member), *await member.connector.check()]
        for pbx, running in core.pbxs.items():
            users = core.users_of(pbx)
            samples = {sample.dialled: sample for user in users for sample in dial_samples(user.account.at(pbx))}
            findings = await running.connection.diagnose(tuple(samples.values()))
            if len(users) == 1 and len(users[0].on) == 1:
                found[users[0].account.id] += findings
            else:
                found[f"PBX {pbx}"] = [_users(users), *findings]
        return found
    finally:
        await core.close()
