"""Settings of a process: the file `dozvon.toml`, then the environment, read once at the start.

`integration/documents` reads the accounts.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from integration.documents.bounds import beyond_bounds
from integration.documents.offices import read_offices
from integration.documents.problems import InvalidDocument, unknown_key
from integration.domain.ids import AccountId, PbxId
from integration.domain.settings import AccountSettings
from integration.errors import ConfigError
from integration.process.adapters import CRMS, PBXS
from integration.web.password import LONGEST, SHORTEST, check_hash, is_hash

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


ROLES = frozenset({"web", "pbx", "worker"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One `[[account]]` of the file: what decisions read, and the tables for its adapters."""

    settings: AccountSettings
    crm: str
    crm_options: dict[str, Any] = field(repr=False)
    pbx: str
    pbx_id: PbxId
    pbx_options: dict[str, Any] = field(repr=False)

    @property
    def id(self) -> AccountId:
        return self.settings.account


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupConfig:
    """Backups that the running service makes: one every `every_hours`, the newest `keep` are kept."""

    folder: Path
    every_hours: float = 24
    keep: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = "http://127.0.0.1:8080"
    has_public_url: bool = False  # it is configured; otherwise it is derived from `listen`
    data_dir: Path = Path("data")
    admin_password: str | None = field(default=None, repr=False)
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()  # may name a request's client
    connections: int = 4000  # to the web, in all
    connections_per_address: int = 1000
    log_level: str = "info"
    roles: frozenset[str] = ROLES
    database: str = ""  # empty: SQLite in the data folder
    redis: str | None = None
    key: str | None = field(default=None, repr=False)
    key_file: Path | None = None  # with neither: a file in the data folder, made at the first start
    backup: BackupConfig | None = None
    accounts: tuple[AccountConfig, ...] = ()
    file: Path | None = None  # that it was read from

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the pages: a trial."""
        return is_loopback(self.host) and is_loopback(urlsplit(self.public_url).hostname or "")

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir / 'dozvon.sqlite3'}"


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """
    Read the file (may be None: all from the environment) and what the environment overrides.

    Raises:
        ConfigError: says which key of which file is wrong and what to write there.
    """
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError as exc:
            raise ConfigError(f"{path}: no such file; `dozvon init` writes one to begin with") from exc
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{path}: cannot be read: {exc}") from exc
        except RecursionError as exc:
            raise ConfigError(f"{path}: tables and lists lie too deep in one another") from exc
        except ValueError as exc:  # also a number of thousands of digits
            raise ConfigError(f"{path}: not valid TOML: {exc}") from exc
    for variable, (section, key) in _ENVIRONMENT.items():
        if variable in environment:
            document.setdefault(section, {})[key] = environment[variable]
    try:
        return replace(parse(document), file=path)
    except ConfigError as exc:
        raise ConfigError(f"{path or 'environment'}: {exc}") from exc


def parse(document: Mapping[str, Any]) -> Config:
    """Turn the document into settings. Raises ConfigError naming the key."""
    beyond = beyond_bounds({name: table for name, table in document.items() if name != "account"})
    if beyond:
        raise InvalidDocument(beyond)
    _no_strangers(document, {"server", "storage", "security", "backup", "account"}, "")
    server = _table(document, "server", "")
    storage = _table(document, "storage", "")
    own = {"listen", "public_url", "data_dir", "admin_password", "trusted_proxies", "log_level", "roles"}
    own |= {"connections", "connections_per_address"}
    _no_strangers(server, own, "server.")
    _no_strangers(storage, {"database", "redis"}, "storage.")
    host, port = _listen(_text(server, "listen", "server.", "127.0.0.1:8080"))
    public_url = _text(server, "public_url", "server.", f"http://{host}:{port}").rstrip("/")
    if not re.fullmatch(r"https?://[^/\s]+(/[^\s]*)?", public_url):
        raise ConfigError('server.public_url: write the address browsers use, for example "https://calls.example.com"')
    level = _text(server, "log_level", "server.", "info").lower()
    if level not in {"debug", "info", "warning", "error"}:
        raise ConfigError(f'server.log_level: "{level}" is none of debug, info, warning, error')
    config = Config(
        host=host,
        port=port,
        public_url=public_url,
        has_public_url="public_url" in server,
        data_dir=Path(_text(server, "data_dir", "server.", "data")),
        admin_password=_text(server, "admin_password", "server.", "") or None,
        log_level=level,
        roles=_roles(server.get("roles", sorted(ROLES)), is_shared=bool(storage.get("redis"))),
        database=_text(storage, "database", "storage.", ""),
        redis=_text(storage, "redis", "storage.", "") or None,
        **_security(_table(document, "security", "")),
        backup=_backup(_table(document, "backup", "")),
        accounts=_accounts(document.get("account", [])),
        connections=_count(server, "connections", 4000),
        connections_per_address=_count(server, "connections_per_address", 1000),
        trusted_proxies=_networks(server.get("trusted_proxies", []), "server.trusted_proxies"),
    )
    _check_password(config)
    return config


def _count(server: dict[str, Any], key: str, default: int) -> int:
    value = server.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise ConfigError(f"server.{key}: write a whole number, at least 1")
    return value


def is_loopback(host: str) -> bool:
    """Whether a configured name or address is the loopback; looks nothing up."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_password(config: Config) -> None:
    """A short password is allowed if only this machine can reach the pages: in the demonstration, in a trial."""
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


def _networks(raw: Any, where: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """A list in the file, words with commas between in the environment."""
    words = raw.replace(",", " ").split() if isinstance(raw, str) else raw
    if not isinstance(words, list):
        raise ConfigError(f'{where}: write a list of addresses, for example ["127.0.0.1"]')
    found = []
    for word in words:
        try:
            found.append(ipaddress.ip_network(str(word)))
        except ValueError as exc:
            raise ConfigError(f'{where}: "{word}" is neither an address nor a network like 10.0.0.0/24') from exc
    return tuple(found)


def _roles(raw: Any, *, is_shared: bool) -> frozenset[str]:
    """A list in the file, words with commas between in the environment."""
    words = raw.replace(",", " ").split() if isinstance(raw, str) else raw
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word in ROLES for word in words):
        raise ConfigError('server.roles: write one or more of "web", "pbx", "worker"')
    if set(words) != ROLES and not is_shared:
        raise ConfigError("server.roles: a process that does not do everything needs storage.redis and other processes")
    return frozenset(words)


def _security(raw: dict[str, Any]) -> dict[str, Any]:
    _no_strangers(raw, {"key", "key_file"}, "security.")
    key, key_file = _text(raw, "key", "security.", ""), _text(raw, "key_file", "security.", "")
    if key and key_file:
        raise ConfigError("security.key_file: leave it out where DOZVON_KEY holds the key")
    return {"key": key or None, "key_file": Path(key_file) if key_file else None}


def _backup(raw: dict[str, Any]) -> BackupConfig | None:
    """None without a folder: no scheduled backups."""
    _no_strangers(raw, {"folder", "every_hours", "keep"}, "backup.")
    folder = _text(raw, "folder", "backup.", "")
    every_hours, keep = raw.get("every_hours", 24), raw.get("keep", 7)
    if isinstance(every_hours, bool) or not isinstance(every_hours, int | float) or not 0.1 <= every_hours <= 24 * 366:
        raise ConfigError("backup.every_hours: write a number of hours, for example 24")
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise ConfigError("backup.keep: write how many backups to keep, at least 1")
    return BackupConfig(folder=Path(folder), every_hours=every_hours, keep=keep) if folder else None


def _accounts(raw: Any) -> tuple[AccountConfig, ...]:
    if not isinstance(raw, list):
        raise ConfigError("account: write [[account]] with two brackets, one block for each account")
    offices = read_offices(raw, "account", crm=next(iter(CRMS)), pbx=next(iter(PBXS)))
    return tuple(
        AccountConfig(
            settings=office.settings(),
            crm=office.crm,
            crm_options=office.crm_options,
            pbx=office.pbx,
            pbx_id=office.pbx_id,
            pbx_options=office.pbx_options,
        )
        for office in offices
    )


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ConfigError(f'server.listen: "{text}" is no address; write for example "127.0.0.1:8080"')
    return host.strip("[]"), int(port)


def _table(raw: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{where}{key}: write a table")
    return value


def _text(raw: Mapping[str, Any], key: str, where: str, default: str) -> str:
    value = raw.get(key, default)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ConfigError(f"{where}{key}: write a text in quotes")
    return value


def _no_strangers(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    section = (where.removesuffix("."),) if where else ()
    strangers = [unknown_key((*section, key), known) for key in raw if key not in known]
    if strangers:
        raise InvalidDocument(strangers)
