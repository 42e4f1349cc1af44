"""One INSERT for hundreds of rows at a time, as an import puts them. Its text is made once, not for each page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection


class ManyRows:
    """
    Args:
        statement: an INSERT whose columns take values as the driver does (texts, numbers, Booleans).
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._made: tuple[str, list[str]] | None = None  # its text for the driver, and the order of the values

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """`rows` name every column."""
        if self._made is None:
            names = list(rows[0])
            compiled = self._statement.compile(dialect=connection.dialect, column_keys=names)
            self._made = str(compiled), compiled.positiontup
        text, order = self._made
        connection.exec_driver_sql(text, [tuple([row[name] for name in order]) for row in rows])
