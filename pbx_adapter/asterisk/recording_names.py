"""Lists the names and folders to search for a recording that is not where the PBX said. Opens no files.

A PBX names a recording at its beginning. Later its scripts may convert it (`.wav` becomes `.mp3`, `.opus`, `.WAV`),
move it into a folder for the day (FreePBX: year/month/day, MikoPBX: also the hour), or rename it, usually keeping the
call's id in the name. So we look for the exact name, then for the name with another ending, then for the call's id.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from integration.domain.ids import Timestamp

ENDINGS = ("wav", "mp3", "ogg", "opus", "flac", "oga", "wav49", "gsm", "m4a", "webm")
"""Endings of the formats that PBXs convert to, the best sound first. We find the last ones, but cannot read them."""

_SHORTEST_ID = 10  # characters: a shorter one is part of too many names
_DAY = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?!\d)")  # in names: ...-20261122-140312-..., 2026-11-22_14-03
_FARTHEST_ZONE = timedelta(hours=14)  # the PBX names days in its own time


@dataclass(frozen=True, slots=True)
class Sought:
    """
    A recording that is looked for.

    Attributes:
        parts: the name as the PBX gave it, below the folder of recordings.
        uniqueid: the call's id; empty if unknown.
        at: when the call began; None if unknown.
    """

    parts: tuple[str, ...]
    uniqueid: str = ""
    at: Timestamp | None = None

    @property
    def name(self) -> str:
        return self.parts[-1]

    def folders(self) -> list[tuple[str, ...]]:
        """Folders below the folder of recordings, the likeliest first, each once."""
        found = [self.parts[:-1], *self._days(), ()]
        return list(dict.fromkeys(found))

    def own_folders(self) -> list[tuple[str, ...]]:
        """Other folders that an office's scripts may make for a day or month: `2026-11-22`, `20261122`, `2026/11`."""
        days = list(self._days())
        dashed, plain = [("-".join(day),) for day in days], [("".join(day),) for day in days]
        return list(dict.fromkeys([*dashed, *plain, *(day[:2] for day in days)]))

    def _days(self) -> Iterator[tuple[str, ...]]:
        """Year, month and day."""
        if match := _DAY.search(self.name):
            yield match.groups()
        elif self.at is not None and 0 < self.at < 1e11:
            moment = datetime.fromtimestamp(self.at, UTC)
            for day in (moment, moment - _FARTHEST_ZONE, moment + _FARTHEST_ZONE):
                yield (f"{day:%Y}", f"{day:%m}", f"{day:%d}")

    def others(self) -> list[str]:
        """The name with every other ending, because a web server must be asked for each."""
        stem = self._stem()
        names = [f"{stem}.{each}" for ending in ENDINGS[:4] for each in (ending, ending.upper())]
        return [name for name in dict.fromkeys([*names, f"{self.name}.mp3"]) if name != self.name]

    def best_of(self, names: Iterable[str], *, by_id: bool = False) -> str | None:
        """
        The one of these files that is the recording.

        Args:
            by_id: also accept a file that only has the call's id in its name.
        """
        ranked = [(rank, name) for name in names if (rank := self._rank(name, by_id=by_id)) is not None]
        return min(ranked)[1] if ranked else None

    def _rank(self, name: str, *, by_id: bool) -> tuple[int, int] | None:
        """The lower the better; None: it is another recording."""
        if name == self.name:
            return 0, 0
        stem, _, ending = name.rpartition(".")
        ending = ending.lower()
        if ending not in ENDINGS:
            return None
        if stem.lower() in (self._stem().lower(), self.name.lower()):
            return 1, ENDINGS.index(ending)
        if by_id and len(self.uniqueid) >= _SHORTEST_ID and self._has_id(name):
            return 2, ENDINGS.index(ending)
        return None

    def _has_id(self, name: str) -> bool:
        """Whether the name has the call's id. Some scripts replace its dot: `1795320247-12.mp3`."""
        written = re.escape(self.uniqueid).replace(r"\.", "[._-]")
        return re.search(rf"(?<![0-9.]){written}(?![0-9])", name) is not None

    def _stem(self) -> str:
        stem, dot, ending = self.name.rpartition(".")
        return stem if dot and ending.lower() in ENDINGS else self.name

    def told(self, place: str) -> str:
        """A sentence that says where we looked, for people who miss the recording."""
        folders = ", ".join("/".join(folder) or "." for folder in self.folders())
        by_id = f", and any file with {self.uniqueid} in its name" if len(self.uniqueid) >= _SHORTEST_ID else ""
        return (
            f"there is no such recording, or it is empty: looked in {place} for {'/'.join(self.parts)}, for the "
            f"same name with another ending ({', '.join(ENDINGS[:5])}) in the folders {folders}{by_id}"
        )


def is_subfolder(name: str) -> bool:
    """Whether this is the name of an hour's folder within a day's folder, as on MikoPBX."""
    return len(name) == 2 and name.isdecimal()
