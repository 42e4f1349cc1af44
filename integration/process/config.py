"""Settings of a process: the file `dozvon.toml`, then the environment, read once at the start.

The adapters' tables are passed on unchanged (`crm_options`, `pbx_options`); adapters check them themselves.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integration.domain.ids import AccountId, Extension, ManagerId, PbxId
from integration.domain.numbers.numbering import DialForm, DialRules, is_country, no_such_country
from integration.domain.settings import (
    AccountSettings,
    AfterNoAnswer,
    CardMoment,
    ClickRules,
    Employee,
    LineSettings,
    LogTarget,
    PhoneType,
)
from integration.errors import ConfigError
from integration.process.adapters import CRMS, PBXS
from integration.web.password import LONGEST, SHORTEST, check_hash, is_hash

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
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


ROUTE_WORDS = frozenset({"admin", "api", "health", "hooks", "metrics", "oauth", "r", "login", "logout", "static"})
"""Words of our addresses in the place of an account's id, as in `/admin/login`. No account may have these ids."""

ROLES = frozenset({"web", "pbx", "worker"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One `[[account]]` of the file."""

    id: AccountId
    country: str = "RU"
    dial: DialRules = field(default_factory=DialRules)
    language: str = "ru"
    time_zone: str = ""
    default_responsible: ManagerId | None = None
    log_to: LogTarget = LogTarget.PERSON
    clicks: ClickRules = field(default_factory=ClickRules)
    crm: str
    crm_options: dict[str, Any] = field(repr=False)
    pbx: str
    pbx_id: PbxId
    pbx_options: dict[str, Any] = field(repr=False)
    default_line: LineSettings = field(default_factory=LineSettings)
    lines: dict[str, LineSettings] = field(default_factory=dict)
    employees: tuple[Employee, ...] = ()

    def settings(self) -> AccountSettings:
        """The settings for the services."""
        return AccountSettings(
            account=self.id,
            country=self.country,
            dial=self.dial,
            language=self.language,
            time_zone=self.time_zone,
            clicks=self.clicks,
            default_line=self.default_line,
            lines=self.lines,
            employees=self.employees,
            default_responsible=self.default_responsible,
            log_to=self.log_to,
        )


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
        except tomllib.TOMLDecodeError as exc:
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
    raw_accounts = document.get("account", [])
    if not isinstance(raw_accounts, list):
        raise ConfigError("account: write [[account]] with two brackets, one block for each account")
    accounts = tuple(_account(raw, f"account[{index}].") for index, raw in enumerate(raw_accounts))
    _unique([a.id for a in accounts], "account.id")
    _unique([a.pbx_id for a in accounts], "account.pbx_id")
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
        accounts=accounts,
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


def _account(raw: Any, where: str) -> AccountConfig:
    if not isinstance(raw, dict):
        raise ConfigError(f"{where}: write a table")
    crm = _text(raw, "crm", where, next(iter(CRMS)))
    pbx = _text(raw, "pbx", where, next(iter(PBXS)))
    own = {
        *("id", "crm", "pbx", "pbx_id", "country", "language", "default_responsible", "log_to"),
        *("line", "employee", "dial", "time_zone", "clicks"),
    }
    _no_strangers(raw, own | {crm, pbx}, where)
    account_id = _identifier(_text(raw, "id", where, ""), where + "id")
    if account_id in ROUTE_WORDS:
        raise ConfigError(f'{where}id: "{account_id}" is one of our own addresses; write another id')
    lines = _table(raw, "line", where)
    default = _line(lines.get("default", {}), LineSettings(), f"{where}line.default.")
    responsible = _text(raw, "default_responsible", where, "")
    country = _text(raw, "country", where, "RU").upper()
    if not is_country(country):
        raise ConfigError(f"{where}country: {no_such_country(country)}")
    language = _text(raw, "language", where, "ru")
    if language not in {"ru", "uk", "en"}:
        raise ConfigError(f'{where}language: "{language}" is none of ru, uk, en')
    time_zone = _text(raw, "time_zone", where, "")
    try:
        ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ConfigError(
            f'{where}time_zone: "{time_zone}" is not a time zone; write for example "Europe/Moscow"'
        ) from exc
    log_to = _text(raw, "log_to", where, "person")
    if log_to not in {str(word) for word in LogTarget}:
        raise ConfigError(f'{where}log_to: "{log_to}" is neither person nor deal')
    return AccountConfig(
        id=AccountId(account_id),
        log_to=LogTarget(log_to),
        clicks=_clicks(_table(raw, "clicks", where), f"{where}clicks."),
        country=country,
        dial=_dial(_table(raw, "dial", where), f"{where}dial."),
        language=language,
        time_zone=time_zone,
        default_responsible=ManagerId(responsible) if responsible else None,
        crm=crm,
        crm_options=_table(raw, crm, where),
        pbx=pbx,
        pbx_id=PbxId(_identifier(_text(raw, "pbx_id", where, f"{account_id}-pbx"), where + "pbx_id")),
        pbx_options=_table(raw, pbx, where),
        default_line=default,
        lines={
            "".join(c for c in did if c.isdigit()): _line(value, default, f"{where}line.{did}.")
            for did, value in lines.items()
            if did != "default"
        },
        employees=_employees(_table(raw, "employee", where), f"{where}employee."),
    )


def _dial(raw: dict[str, Any], where: str) -> DialRules:
    """How the office dials out."""
    _no_strangers(raw, {f.name for f in fields(DialRules)}, where)
    length = raw.get("local_length")
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or not 3 <= length <= 10):
        raise ConfigError(f"{where}local_length: write how many digits a number of the own town has, 3 to 10")
    area_code = _digits(raw, "area_code", where, r"[0-9]{1,6}", "an area code without the trunk prefix") or ""
    if length is not None and not area_code:
        raise ConfigError(f"{where}area_code: write what stands before a number of {length} digits")
    click = _text(raw, "click", where, DialForm.E164)
    if click not in {str(form) for form in DialForm}:
        raise ConfigError(f'{where}click: "{click}" is none of {", ".join(DialForm)}')
    if click == DialForm.LOCAL and not area_code:
        raise ConfigError(f'{where}area_code: click is "local", so say which area code is left out')
    prefix, code = r"[0-9]{0,6}", r"[0-9*#]{0,10}"
    return DialRules(
        area_code=area_code,
        local_length=length,
        trunk_prefix=_digits(raw, "trunk_prefix", where, prefix, 'digits, for example "8", or "" for none'),
        international_prefix=_digits(raw, "international_prefix", where, prefix, 'digits, for example "810"'),
        outside_prefix=_digits(raw, "outside_prefix", where, code, 'digits, * and #, for example "9"') or "",
        carrier_prefix=_digits(raw, "carrier_prefix", where, code, 'digits, * and #, for example "0001#"') or "",
        click=DialForm(click),
    )


def _digits(raw: dict[str, Any], key: str, where: str, pattern: str, what: str) -> str | None:
    """None if left out. A number without quotes would lose its leading zeros."""
    if key not in raw:
        return None
    if not isinstance(raw[key], str) or not re.fullmatch(pattern, raw[key]):
        raise ConfigError(f"{where}{key}: write {what}, in quotes")
    return str(raw[key])


def _clicks(raw: dict[str, Any], where: str) -> ClickRules:
    _no_strangers(raw, {f.name for f in fields(ClickRules)}, where)
    rules = ClickRules(
        **{key: _line_value(key, value, getattr(ClickRules(), key), where) for key, value in raw.items()}
    )
    for key in ("per_minute", "account_per_minute"):
        if not 1 <= getattr(rules, key) <= 10_000:
            raise ConfigError(f"{where}{key}: write 1 to 10000 calls a minute")
    return rules


def _line(raw: Any, inherited: LineSettings, where: str) -> LineSettings:
    """A line's settings: its own keys, else inherited ones."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{where.rstrip('.')}: write a table")
    known = {f.name: f for f in fields(LineSettings)}
    _no_strangers(raw, set(known), where)
    values: dict[str, Any] = {name: getattr(inherited, name) for name in known}
    for key, value in raw.items():
        values[key] = _line_value(key, value, getattr(inherited, key), where)
    line = LineSettings(**values)
    if not 1 <= line.responsible_seconds <= 120:
        raise ConfigError(f"{where}responsible_seconds: write 1 to 120 seconds")
    if not 0 <= line.unknown_lookup_seconds <= 1:
        raise ConfigError(f"{where}unknown_lookup_seconds: write 0 to 1 second; the caller hears silence meanwhile")
    if line.after_no_answer is AfterNoAnswer.GROUP and not line.group:
        raise ConfigError(f'{where}group: after_no_answer is "group", so say which extension the group has')
    return line


def _line_value(key: str, value: Any, inherited: Any, where: str) -> Any:
    enums = {"card": CardMoment, "after_no_answer": AfterNoAnswer}
    if key in enums:
        words = [str(word) for word in enums[key]]
        if value not in words:
            raise ConfigError(f'{where}{key}: "{value}" is none of {", ".join(words)}')
        return enums[key](value)
    if isinstance(inherited, bool):
        if not isinstance(value, bool):
            raise ConfigError(f"{where}{key}: write true or false")
        return value
    if isinstance(inherited, int | float):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{where}{key}: write a number")
        return type(inherited)(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ConfigError(f"{where}{key}: write a text in quotes")
    return value or None


def _employees(raw: dict[str, Any], where: str) -> tuple[Employee, ...]:
    """`101 = "610077"` or `101 = {manager = "610077", name = "Anna", type = "sip", mobile = "+7..."}`."""
    people = []
    for extension, value in raw.items():
        own = value if isinstance(value, dict) else {"manager": value}
        _no_strangers(own, {"manager", "name", "type", "mobile"}, f"{where}{extension}.")
        kind = str(own.get("type", "sip"))
        if kind not in {"sip", "web"}:
            raise ConfigError(f'{where}{extension}.type: "{kind}" is neither sip nor web')
        manager = own.get("manager")
        people.append(
            Employee(
                extension=Extension(extension),
                name=str(own.get("name", "")),
                manager=ManagerId(str(manager)) if manager not in (None, "") else None,
                phone_type=PhoneType(kind),
                mobile=str(own["mobile"]) if own.get("mobile") else None,
            )
        )
    return tuple(people)


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


def _identifier(text: str, where: str) -> str:
    if not _ID.fullmatch(text):
        raise ConfigError(f'{where}: "{text}" is no id; write 1 to 40 of a-z, 0-9 and "-"')
    return text


def _no_strangers(raw: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in raw:
        if key not in known:
            raise ConfigError(f"{where}{key}: no such setting; known here: {', '.join(sorted(known))}")


def _unique(values: list[Any], what: str) -> None:
    doubled = next((v for v in values if values.count(v) > 1), None)
    if doubled is not None:
        raise ConfigError(f'{what}: "{doubled}" is used twice')
