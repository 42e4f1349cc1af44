"""One INSERT for hundreds of rows at a time, for imports. Its text is built once, not for each page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection


class ManyRows:
    """
    Args:
        statement: an INSERT whose values need no conversion for the driver (texts, numbers, Booleans).
    """

    def __init__(self, statement: Any) -> None:
        self._statement = statement
        self._made: tuple[str, list[str]] | None = None  # the text for the driver, and the order of its values

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Each of `rows` has a value for every column."""
        if self._made is None:
            names = list(rows[0])
            compiled = self._statement.compile(dialect=connection.dialect, column_keys=names)
            self._made = str(compiled), compiled.positiontup
        text, order = self._made
        connection.exec_driver_sql(text, [tuple([row[name] for name in order]) for row in rows])
