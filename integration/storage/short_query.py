"""Queries that are asked for every call: on SQLite straight to the driver, whose share is the smaller half there."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, text

from integration.storage.database import Dialect


class ShortQuery:
    """A SELECT as text, with `:names` for its values."""

    def __init__(self, sql: str) -> None:
        self._text = text(sql)
        self._for_sqlite = re.sub(r":\w+", "?", sql)

    def rows(self, connection: Connection, dialect: Dialect, values: dict[str, str]) -> list[Any]:
        """`values` in the order in which the query names them, each once."""
        if dialect == "sqlite":
            driver: Any = connection.connection.driver_connection
            return list(driver.execute(self._for_sqlite, tuple(values.values())))
        return list(connection.execute(self._text, values))
