"""Queries that are asked for every call, as text for the drivers themselves: SQLAlchemy's share would be the larger
half on SQLite, and three quarters on PostgreSQL. `Database.rows` carries them out."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r":(\w+)")


class ShortQuery:
    """One SELECT, with `:names` for its values. The drivers keep it prepared on each connection."""

    def __init__(self, sql: str) -> None:
        self._names = list(dict.fromkeys(_NAME.findall(sql)))
        self.for_sqlite = _NAME.sub(lambda found: f"?{self._names.index(found[1]) + 1}", sql)
        self.for_postgresql = _NAME.sub(lambda found: f"${self._names.index(found[1]) + 1}", sql)

    def ordered(self, values: Mapping[str, str]) -> list[str]:
        """`values` in the order of the numbers in both texts."""
        return [values[name] for name in self._names]
