"""Where a Dozvon keeps what lasts: database, files, keys. Opening them is done elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from integration.storage.keys import KeySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`url` as `open_storage` takes it."""

    url: str
    data_dir: Path
    keys: KeySource

    @property
    def recordings(self) -> Path:
        return self.data_dir / "recordings"

    @property
    def sqlite_file(self) -> Path | None:
        """None: it is PostgreSQL."""
        url = make_url(self.url)
        return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
