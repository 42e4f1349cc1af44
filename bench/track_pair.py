"""Other software for the same work: panoramisk parses AMI, cacofonisk tracks the calls. Both come from the registry.

They are connected as in cacofonisk's own `AmiRunner`, without the socket: bytes go to panoramisk's protocol, whose
manager passes the events that cacofonisk wants to cacofonisk's handler.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

try:
    from cacofonisk.handlers import EventHandler
    from cacofonisk.reporters import BaseReporter
    from panoramisk import Manager
    from panoramisk.ami_protocol import AMIProtocol
except ImportError as exc:
    raise SystemExit('panoramisk and cacofonisk are missing: `make setup`, or pip install "dozvon[bench]"') from exc

_BANNER = b"Asterisk Call Manager/11.0.0\r\n"


class _Reporter(BaseReporter):  # type: ignore[misc]
    """Counts what comes out."""

    def __init__(self) -> None:
        self.told = 0
        self.ended = 0

    def on_b_dial(self, caller: Any, targets: Any) -> None:
        self.told += 1

    def on_up(self, caller: Any, target: Any) -> None:
        self.told += 1

    def on_hangup(self, caller: Any, reason: Any) -> None:
        self.told += 1
        self.ended += 1


class Pair:
    """
    Attributes:
        failures: events at which cacofonisk raised; the first would have closed a real connection.
    """

    def __init__(self) -> None:
        quiet = logging.getLogger("bench.pair")  # cacofonisk warns about every channel whose start it did not see
        quiet.disabled = True
        self.failures = 0
        self.reporter = _Reporter()
        self._handler = EventHandler(reporter=self.reporter, logger=quiet)
        manager = Manager(loop=asyncio.new_event_loop(), encoding="utf8", log=quiet)
        self._loop = manager.loop
        for name in EventHandler.event_handlers():
            manager.register_event(name, self._on_event)
        self._protocol = AMIProtocol()
        self._protocol.connection_made(None)
        self._protocol.factory, self._protocol.log, self._protocol.encoding = manager, quiet, "utf8"
        self._protocol.data_received(_BANNER)

    def hear(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def close(self) -> None:
        self._loop.close()

    def _on_event(self, _: object, event: Any) -> None:
        try:
            self._handler.on_event(event)
        except Exception:  # noqa: BLE001 - counted: an event it cannot follow must not end the comparison
            self.failures += 1
