"""Queries that are asked for every call, straight to the driver: SQLAlchemy's share would be the larger half."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection

from integration.storage.database import Dialect

_NAME = re.compile(r":(\w+)")


class ShortQuery:
    """A SELECT as text, with `:names` for its values. The drivers keep it prepared on each connection."""

    def __init__(self, sql: str) -> None:
        self._names = list(dict.fromkeys(_NAME.findall(sql)))
        self._for_sqlite = _NAME.sub(lambda found: f"?{self._names.index(found[1]) + 1}", sql)
        self._for_postgresql = _NAME.sub(lambda found: f"${self._names.index(found[1]) + 1}", sql)

    def rows(self, connection: Connection, dialect: Dialect, values: dict[str, str]) -> list[Any]:
        """`values` by their names."""
        ordered = [values[name] for name in self._names]
        driver: Any = connection.connection.driver_connection
        if dialect == "sqlite":
            return list(driver.execute(self._for_sqlite, ordered))
        adapted: Any = connection.connection.dbapi_connection
        rows: list[Any] = adapted.run_async(lambda asyncpg: asyncpg.fetch(self._for_postgresql, *ordered))
        return rows
