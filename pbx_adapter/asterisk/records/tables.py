"""Reads CDR and CEL from tables of PostgreSQL or MySQL/MariaDB, as cdr_pgsql, cel_odbc and FreePBX fill them.

It reads the columns of a table first, so that an error can name a missing one. It never writes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import asyncpg

from integration.domain.ids import Timestamp
from integration.errors import AuthFailed, ConfigError, Unavailable
from pbx_adapter.asterisk.records.settings import RecordsSettings

_CONNECT_SECONDS = 10.0
_QUERY_SECONDS = 60.0
_DAY = timedelta(days=1)
_MYSQL_REFUSED = frozenset({1044, 1045, 1142, 1698})  # access denied, to the server or to the table
_MYSQL_MISSING = frozenset({1049, 1054, 1146})  # no such database, column, table

Row = Mapping[str, Any]


class Tables(Protocol):
    async def rows(
        self, table: str, moments: Sequence[str], needed: Sequence[str], since: Timestamp, until: Timestamp
    ) -> list[Row]:
        """
        All columns of the rows of this time, and of a day before and after it, in the order in which they were written.

        Args:
            moments: possible names of the column with the moment; the first that exists is taken.

        Raises: ConfigError (no such table or column), AuthFailed, Unavailable.
        """


def open_tables(settings: RecordsSettings) -> Tables:
    return PostgresTables(settings) if settings.kind == "postgresql" else MysqlTables(settings)


def _moment_column(table: str, columns: Mapping[str, str], moments: Sequence[str], needed: Sequence[str]) -> str:
    if not columns:
        raise ConfigError(f"the PBX's records: the table {table} does not exist, or Dozvon may not read it")
    column = next((name for name in moments if name in columns), None)
    if column is None:
        raise ConfigError(f"the PBX's records: {table} has no column {' or '.join(moments)}")
    for name in needed:
        if name not in columns and name not in moments:
            raise ConfigError(f"the PBX's records: {table} has no column {name}; without it calls cannot be told apart")
    return column


def _local(at: float, settings: RecordsSettings) -> datetime:
    return datetime.fromtimestamp(at, settings.time_zone).replace(tzinfo=None)


class PostgresTables:
    def __init__(self, settings: RecordsSettings) -> None:
        self._settings = settings

    async def rows(
        self, table: str, moments: Sequence[str], needed: Sequence[str], since: Timestamp, until: Timestamp
    ) -> list[Row]:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS + _QUERY_SECONDS):
                connection = await asyncpg.connect(self._settings.url, timeout=_CONNECT_SECONDS)
                try:
                    return await self._rows(connection, table, moments, needed, since, until)
                finally:
                    connection.terminate()
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError) as exc:
            raise AuthFailed(f"the database with the PBX's records refuses us: {exc}") from exc
        except (asyncpg.InvalidCatalogNameError, asyncpg.UndefinedTableError) as exc:
            raise ConfigError(f"{self._settings.key}: {exc}") from exc
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ssl.SSLError) as exc:
            raise Unavailable(f"the database with the PBX's records: {exc or 'no answer in time'}") from exc
        except ValueError as exc:
            raise ConfigError(f"{self._settings.key}.url: {exc}") from exc

    async def _rows(
        self, connection: Any, table: str, moments: Sequence[str], needed: Sequence[str], since: float, until: float
    ) -> list[Row]:
        quoted = ".".join(f'"{part}"' for part in table.split("."))
        described = await connection.fetch(
            "SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute"
            " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
            quoted,
        )
        columns = {row["name"]: row["type"] for row in described}
        column = _moment_column(table, columns, moments, needed)
        is_aware = columns[column] == "timestamp with time zone"
        if not is_aware and not columns[column].startswith("timestamp"):
            raise ConfigError(f"the PBX's records: {table}.{column} is not a timestamp but {columns[column]}")

        def bound(at: float) -> datetime:
            return datetime.fromtimestamp(at, UTC) if is_aware else _local(at, self._settings)

        order = f'"{column}"' + (', "id"' if "id" in columns else "")
        query = f'SELECT * FROM {quoted} WHERE "{column}" >= $1 AND "{column}" < $2 ORDER BY {order}'  # noqa: S608 - names were checked
        return [dict(row) for row in await connection.fetch(query, bound(since) - _DAY, bound(until) + _DAY)]


class MysqlTables:
    """Needs the extra `mysql` (aiomysql)."""

    def __init__(self, settings: RecordsSettings) -> None:
        self._settings = settings
        try:
            import aiomysql
        except ImportError as exc:
            raise ConfigError(
                f'{settings.key}.kind = "mysql" needs the driver: install dozvon with the extra mysql'
            ) from exc
        self._driver = aiomysql

    async def rows(
        self, table: str, moments: Sequence[str], needed: Sequence[str], since: Timestamp, until: Timestamp
    ) -> list[Row]:
        errors = self._driver
        try:
            async with asyncio.timeout(_CONNECT_SECONDS + _QUERY_SECONDS):
                connection = await self._connect()
                try:
                    return await self._rows(connection, table, moments, needed, since, until)
                finally:
                    connection.close()
        except errors.Error as exc:
            code = exc.args[0] if exc.args else 0
            if code in _MYSQL_REFUSED:
                raise AuthFailed(f"the database with the PBX's records refuses us: {exc.args[-1]}") from exc
            if code in _MYSQL_MISSING:
                raise ConfigError(f"{self._settings.key}: {exc.args[-1]}") from exc
            raise Unavailable(f"the database with the PBX's records: {exc.args[-1] if exc.args else exc}") from exc
        except (OSError, TimeoutError) as exc:
            raise Unavailable(f"the database with the PBX's records: {exc or 'no answer in time'}") from exc

    async def _connect(self) -> Any:
        parts = urlsplit(self._settings.url)
        try:
            port = parts.port or 3306
        except ValueError as exc:
            raise ConfigError(f"{self._settings.key}.url: {exc}") from exc
        return await self._driver.connect(
            host=parts.hostname or "127.0.0.1",
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            db=unquote(parts.path.lstrip("/")),
            charset="utf8mb4",
            connect_timeout=_CONNECT_SECONDS,
            init_command="SET time_zone = '+00:00'",
        )

    async def _rows(
        self, connection: Any, table: str, moments: Sequence[str], needed: Sequence[str], since: float, until: float
    ) -> list[Row]:
        async with connection.cursor(self._driver.DictCursor) as cursor:
            schema, _, name = table.rpartition(".")
            await cursor.execute(
                "SELECT LOWER(COLUMN_NAME) AS name, DATA_TYPE AS type FROM information_schema.COLUMNS"
                " WHERE TABLE_SCHEMA = COALESCE(NULLIF(%s, ''), DATABASE()) AND TABLE_NAME = %s",
                (schema, name),
            )
            columns = {str(row["name"]): str(row["type"]) for row in await cursor.fetchall()}
            column = _moment_column(table, columns, moments, needed)
            if columns[column] not in ("datetime", "timestamp"):
                raise ConfigError(f"the PBX's records: {table}.{column} is not a datetime but {columns[column]}")
            # A TIMESTAMP comes in the session's zone, which is UTC; a DATETIME comes as Asterisk wrote it.
            is_utc = columns[column] == "timestamp"
            quoted = ".".join(f"`{part}`" for part in table.split("."))
            order = f"`{column}`" + (", `id`" if "id" in columns else "")
            query = f"SELECT * FROM {quoted} WHERE `{column}` >= %s AND `{column}` < %s ORDER BY {order}"  # noqa: S608 - names were checked
            bounds = [
                datetime.fromtimestamp(at, UTC).replace(tzinfo=None) if is_utc else _local(at, self._settings)
                for at in (since, until)
            ]
            await cursor.execute(query, (bounds[0] - _DAY, bounds[1] + _DAY))
            found: list[Row] = []
            for row in await cursor.fetchall():
                lowered = {str(key).lower(): value for key, value in row.items()}
                if is_utc and isinstance(lowered[column], datetime):
                    lowered[column] = lowered[column].replace(tzinfo=UTC)
                found.append(lowered)
            return found
