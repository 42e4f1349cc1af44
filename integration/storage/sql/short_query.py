"""Queries that run for every call, as text for the driver: SQLAlchemy would take more than half of their time.

On PostgreSQL it would take three quarters. `Database.rows` runs the queries.
"""

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
        """The values in the order of their numbers in both texts."""
        return [values[name] for name in self._names]
