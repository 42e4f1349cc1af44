"""Settings of the installation, not of an account: the tables `server`, `storage`, `security` and `backup`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from integration.documents import fields as of
from integration.documents.bounds import beyond_bounds
from integration.documents.problems import FieldProblem, InvalidDocument, Path, shortened
from integration.documents.refusals import problems_of, refusal
from integration.documents.table import Table
from integration.texts.settings import Problem

ROLES = frozenset({"web", "pbx", "worker"})
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _line(value: Any) -> str:
    return of.written(value, 1000)


def _listen(value: Any) -> tuple[str, int]:
    text = _line(value)
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise refusal(Problem.LISTEN, value=shortened(text))
    return host.strip("[]"), int(port)


def _web_address(value: Any) -> str:
    text = _line(value).rstrip("/")
    if not re.fullmatch(r"https?://[^/\s]+(/[^\s]*)?", text):
        raise refusal(Problem.WEB_ADDRESS)
    return text


def _level(value: Any) -> str:
    levels = ("debug", "info", "warning", "error")
    level = _line(value).lower()
    if level not in levels:
        raise refusal(Problem.ONE_OF, value=shortened(level), words=", ".join(levels))
    return level


def _words(value: Any, problem: Problem) -> list[Any]:
    """Read a list from the file, or words separated by commas from the environment."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list):
        raise refusal(problem)
    return words


def _networks(value: Any) -> tuple[Network, ...]:
    found = []
    for word in _words(value, Problem.NETWORKS):
        try:
            found.append(ipaddress.ip_network(str(word)))
        except ValueError as exc:
            raise refusal(Problem.NETWORK, value=shortened(word)) from exc
    return tuple(found)


def _roles(value: Any) -> frozenset[str]:
    words = _words(value, Problem.ROLES)
    if not words or not all(isinstance(word, str) and word in ROLES for word in words):
        raise refusal(Problem.ROLES)
    return frozenset(words)


def _checked(check: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(check)


Text = Annotated[str, _checked(_line)]
MaybeText = Annotated[str | None, _checked(lambda value: _line(value) or None)]
Secret = Annotated[str | None, _checked(lambda value: _line(value) or None), Field(repr=False)]
Count = Annotated[int, of.within(Problem.COUNT, 1, 1_000_000)]


class ServerTable(Table):
    listen: Annotated[tuple[str, int], _checked(_listen)] = ("127.0.0.1", 8080)
    public_url: Annotated[str | None, _checked(_web_address)] = None
    data_dir: Text = "data"
    admin_password: Secret = None
    trusted_proxies: Annotated[tuple[Network, ...], _checked(_networks)] = ()
    log_level: Annotated[str, _checked(_level)] = "info"
    roles: Annotated[frozenset[str], _checked(_roles)] = ROLES
    connections: Count = 4000
    connections_per_address: Count = 1000


class StorageTable(Table):
    database: Annotated[str, _checked(_line), Field(repr=False)] = ""
    redis: Secret = None


class SecurityTable(Table):
    key: Secret = None
    key_file: MaybeText = None


class BackupTable(Table):
    folder: MaybeText = None
    every_hours: Annotated[float, of.within(Problem.HOURS, 0.1, 24 * 366)] = 24
    keep: Count = 7


class InstallationDocument(Table):
    server: ServerTable = ServerTable()
    storage: StorageTable = StorageTable()
    security: SecurityTable = SecurityTable()
    backup: BackupTable = BackupTable()


_TABLES: Mapping[str, type[Table]] = {
    "server": ServerTable, "storage": StorageTable, "security": SecurityTable, "backup": BackupTable,
}  # fmt: skip


def read_installation(raw: dict[str, Any]) -> InstallationDocument:
    """
    Check the settings of the file and the environment.

    Raises:
        InvalidDocument: names every wrong setting.
    """
    found = beyond_bounds(raw)
    if found:
        raise InvalidDocument(found)
    try:
        document = InstallationDocument.model_validate(raw)
    except ValidationError as exc:
        raise InvalidDocument(problems_of(exc, _known)) from exc
    found = list(_together(document))
    if found:
        raise InvalidDocument(found)
    return document


def _together(document: InstallationDocument) -> Iterable[FieldProblem]:
    if document.server.roles != ROLES and not document.storage.redis:
        yield FieldProblem(("server", "roles"), Problem.ROLES_ALONE)
    if document.security.key and document.security.key_file:
        yield FieldProblem(("security", "key_file"), Problem.TWO_KEYS)


def _known(path: Path) -> Iterable[str]:
    """The keys of the table at a path."""
    return _TABLES[str(path[0])].model_fields if path else [*_TABLES, "account"]
