"""Where Dozvon keeps its data: database, files and keys. Opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from integration.storage.secrets.keys import KeySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`url`: as for `open_storage`."""

    url: str
    data_dir: Path
    keys: KeySource

    @property
    def recordings(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def sqlite_file(self) -> Path | None:
        """The file of a SQLite database; None for PostgreSQL."""
        url = make_url(self.url)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
