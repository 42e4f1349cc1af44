"""The wall clock as a port. Decisions get `now` as an argument; only their callers use this."""

from __future__ import annotations

import time

from integration.domain.ids import Timestamp


class SystemClock:
    """Implements `ports.Clock`."""

    def now(self) -> Timestamp:
        return Timestamp(time.time())
