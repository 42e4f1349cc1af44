"""Settings of a process: the file `dozvon.toml`, then the environment, read once at the start.

`integration/documents` reads the accounts.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from integration.documents.installation import ROLES, BackupTable, InstallationDocument, read_installation
from integration.documents.offices import OfficesDocument, read_offices
from integration.documents.problems import FieldProblem, InvalidDocument
from integration.domain.ids import AccountId, PbxId
from integration.domain.passwords import LONGEST, SHORTEST
from integration.domain.settings import AccountSettings
from integration.errors import ConfigError
from integration.process.adapters import CRMS, PBXS
from integration.services.passwords import check_hash, is_hash

_ENVIRONMENT = {
    "DOZVON_LISTEN": ("server", "listen"),
    "DOZVON_PUBLIC_URL": ("server", "public_url"),
    "DOZVON_DATA_DIR": ("server", "data_dir"),
    "DOZVON_ADMIN_PASSWORD": ("server", "admin_password"),
    "DOZVON_LOG_LEVEL": ("server", "log_level"),
    "DOZVON_ROLES": ("server", "roles"),
    "DOZVON_TRUSTED_PROXIES": ("server", "trusted_proxies"),
    "DOZVON_DATABASE": ("storage", "database"),
    "DOZVON_REDIS": ("storage", "redis"),
    "DOZVON_KEY": ("security", "key"),
    "DOZVON_KEY_FILE": ("security", "key_file"),
    "DOZVON_BACKUP_FOLDER": ("backup", "folder"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxConfig:
    """The connection to one PBX: a `[[pbx]]` of the file, or an account's own table."""

    id: PbxId
    office: AccountId  # whose accounts may get its calls
    kind: str
    options: dict[str, Any] = field(repr=False)
    key: str  # where the options are in the file, such as `account.acme.asterisk`


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One `[[account]]` of the file: its settings, its CRM, and the PBXs whose calls may belong to it."""

    settings: AccountSettings
    crm: str
    crm_options: dict[str, Any] = field(repr=False)
    office: AccountId
    pbxs: tuple[PbxId, ...]  # the main one first

    @property
    def id(self) -> AccountId:
        return self.settings.account


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupConfig:
    """Scheduled backups of the running service: one every `every_hours`; the newest `keep` stay."""

    folder: Path
    every_hours: float = 24
    keep: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = "http://127.0.0.1:8080"
    has_public_url: bool = False  # `public_url` is configured; otherwise it comes from `listen`
    is_stored_url: bool = False  # `public_url` was stored in the browser
    data_dir: Path = Path("data")
    admin_password: str | None = field(default=None, repr=False)
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()  # may name the client in a header
    connections: int = 4000  # of all web clients together
    connections_per_address: int = 1000
    log_level: str = "info"
    roles: frozenset[str] = ROLES
    database: str = ""  # empty: SQLite in the data folder
    redis: str | None = None
    key: str | None = field(default=None, repr=False)
    key_file: Path | None = None  # without key and file: a file in the data folder, made at the first start
    backup: BackupConfig | None = None
    pbxs: tuple[PbxConfig, ...] = ()
    accounts: tuple[AccountConfig, ...] = ()
    file: Path | None = None  # the file that was read

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the pages: a trial."""
        return is_loopback(self.host) and is_loopback(urlsplit(self.public_url).hostname or "")

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir / 'dozvon.sqlite3'}"


def at_address(config: Config, public_url: str) -> Config:
    """With the address that an administrator has stored in the browser. One in the file or the environment wins."""
    if config.has_public_url or not public_url:
        return config
    return replace(config, public_url=public_url, is_stored_url=True)


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """
    Read the file and the environment, which overrides it. Without a file everything comes from the environment.

    Raises:
        ConfigError: names the wrong key and file, and says what to write there.
    """
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError as exc:
            raise ConfigError(f"{path}: no such file; `dozvon init` writes a first one") from exc
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{path}: cannot be read: {exc}") from exc
        except RecursionError as exc:
            raise ConfigError(f"{path}: tables and lists are nested too deeply") from exc
        except ValueError as exc:  # also a number of thousands of digits
            raise ConfigError(f"{path}: not valid TOML: {exc}") from exc
    for variable, (section, key) in _ENVIRONMENT.items():
        if not environment.get(variable):  # an empty one is none: Compose cannot leave a variable out
            continue
        table = document.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = environment[variable]
    try:
        return replace(parse(document), file=path)
    except ConfigError as exc:
        raise ConfigError(f"{path or 'environment'}: {exc}") from exc


def parse(document: Mapping[str, Any]) -> Config:
    """Turn the document into settings. Raises: ConfigError, with all wrong keys of all tables."""
    problems: list[FieldProblem] = []
    own, offices = InstallationDocument(), OfficesDocument()
    try:
        own = read_installation({name: table for name, table in document.items() if name not in ("account", "pbx")})
    except InvalidDocument as exc:
        problems += exc.below()
    try:
        offices = _offices(document)
    except InvalidDocument as exc:
        problems += exc.below()
    if problems:
        raise InvalidDocument(problems)
    server, backup = own.server, own.backup
    host, port = server.listen
    config = Config(
        host=host,
        port=port,
        public_url=server.public_url or f"http://{host}:{port}",
        has_public_url=server.public_url is not None,
        data_dir=Path(server.data_dir),
        admin_password=server.admin_password,
        log_level=server.log_level,
        roles=server.roles,
        database=own.storage.database,
        redis=own.storage.redis,
        key=own.security.key,
        key_file=Path(own.security.key_file) if own.security.key_file else None,
        backup=_backup(backup),
        pbxs=_pbxs(offices),
        accounts=_accounts(offices),
        connections=server.connections,
        connections_per_address=server.connections_per_address,
        trusted_proxies=server.trusted_proxies,
    )
    _check_password(config)
    return config


def is_loopback(host: str) -> bool:
    """Whether a configured name or address is the loopback, without a DNS lookup."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_password(config: Config) -> None:
    """Allow a short password only if no other machine can reach the pages: in the demonstration or a trial."""
    password = config.admin_password
    if password is None:
        return
    if is_hash(password):
        try:
            check_hash(password)
        except ValueError as exc:
            raise ConfigError(f"server.admin_password: {exc}; `dozvon password` makes one") from exc
    elif len(password) > LONGEST or (len(password) < SHORTEST and not config.is_local):
        raise ConfigError(
            f"server.admin_password: it has {len(password)} characters; write {SHORTEST} to {LONGEST}, or the hash"
            " that `dozvon password` makes"
        )


def _backup(table: BackupTable) -> BackupConfig | None:
    """The scheduled backups; None without a folder."""
    if table.folder is None:
        return None
    return BackupConfig(folder=Path(table.folder), every_hours=table.every_hours, keep=table.keep)


def with_offices(config: Config, others: Iterable[OfficesDocument]) -> Config:
    """The same configuration with more accounts and PBXs."""
    pbxs, accounts = config.pbxs, config.accounts
    for each in others:
        pbxs, accounts = (*pbxs, *_pbxs(each)), (*accounts, *_accounts(each))
    return replace(config, pbxs=pbxs, accounts=accounts)


def _offices(document: Mapping[str, Any]) -> OfficesDocument:
    """Raises ConfigError."""
    lists: dict[str, list[Any]] = {}
    for name in ("account", "pbx"):
        raw = document.get(name, [])
        if not isinstance(raw, list):
            raise ConfigError(f"{name}: write [[{name}]] with two brackets, one block for each")
        lists[name] = raw
    return read_offices(lists["account"], lists["pbx"], crm=next(iter(CRMS)), pbx=next(iter(PBXS)))


def _pbxs(offices: OfficesDocument) -> tuple[PbxConfig, ...]:
    """All PBXs: first those of the accounts, in the order of the file."""
    own = [
        PbxConfig(
            id=each.pbx_id,
            office=each.office_id,
            kind=each.pbx,
            options=each.pbx_options,
            key=f"account.{each.id}.{each.pbx}",
        )
        for each in offices.accounts
        if each.has_own_pbx
    ]
    others = [
        PbxConfig(
            id=each.id, office=each.office, kind=each.kind, options=each.options, key=f"pbx.{each.id}.{each.kind}"
        )
        for each in offices.pbxs
    ]
    return (*own, *others)


def _accounts(offices: OfficesDocument) -> tuple[AccountConfig, ...]:
    return tuple(
        AccountConfig(
            settings=each.settings(),
            crm=each.crm,
            crm_options=each.crm_options,
            office=each.office_id,
            pbxs=each.all_pbxs,
        )
        for each in offices.accounts
    )
