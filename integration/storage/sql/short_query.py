"""Statements that run for every call, as text for the driver: SQLAlchemy would take more than half of their time.

On PostgreSQL it would take three quarters. `Database.rows` and `Database.change` run them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

_NAME = re.compile(r"(?<!:):(\w+)")  # not the type of `::text`
_SQLITE = sqlite.dialect(paramstyle="named")
_POSTGRESQL = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]

Sendable = tuple[str, list[Any]]
"""A statement, and its values in the order of their numbers."""


class _Text:
    def __init__(self, sql: str, mark: str) -> None:
        self.names = list(dict.fromkeys(_NAME.findall(sql)))
        self.sql = _NAME.sub(lambda found: f"{mark}{self.names.index(found[1]) + 1}", sql)


class ShortQuery:
    """
    One statement, with `:names` for its values. The drivers keep it prepared on each connection.

    Args:
        postgresql: its text there, where it differs.
        fixed: values that never change.
    """

    def __init__(self, sql: str, *, postgresql: str | None = None, fixed: Mapping[str, Any] | None = None) -> None:
        self._fixed = fixed or {}
        self._on_sqlite = _Text(sql, "?")
        self._on_postgresql = _Text(postgresql or sql, "$")

    @classmethod
    def of(cls, statement: ClauseElement) -> ShortQuery:
        """A statement of SQLAlchemy's, compiled once for both databases. Write values of a list as literals."""
        texts: list[str] = []
        fixed: dict[str, Any] = {}
        for dialect in (_SQLITE, _POSTGRESQL):
            compiled = cast(SQLCompiler, statement.compile(dialect=dialect))
            texts.append(str(compiled))
            fixed |= {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        return cls(texts[0], postgresql=texts[1], fixed=fixed)

    def for_sqlite(self, values: Mapping[str, Any]) -> Sendable:
        return self._on_sqlite.sql, self._ordered(self._on_sqlite, values)

    def for_postgresql(self, values: Mapping[str, Any]) -> Sendable:
        return self._on_postgresql.sql, self._ordered(self._on_postgresql, values)

    def _ordered(self, text: _Text, values: Mapping[str, Any]) -> list[Any]:
        return [values[name] if name in values else self._fixed[name] for name in text.names]
