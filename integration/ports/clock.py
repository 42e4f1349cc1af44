"""The wall clock."""

from __future__ import annotations

from typing import Protocol

from integration.domain.ids import Timestamp


class Clock(Protocol):
    def now(self) -> Timestamp: ...
