"""An office that comes, changes and goes in the database while the others' calls go on; nobody calls it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from integration.domain.ids import AccountId
from integration.process import config
from integration.process.offices import Offices
from integration.storage import Storage
from pbx_adapter.asterisk.simulator import Simulator, SimulatorSettings
from tests.lab.ports import free_port

GUEST = AccountId("guest")
_AWAY = "127.0.0.1:1"  # its CRM is never there

_WITH_SECRET: dict[str, Any] = {"secret": "dozvon-secret"}
_STEPS: tuple[dict[str, Any] | None, ...] = (
    _WITH_SECRET,
    {"secret": "wrong"},
    _WITH_SECRET,
    {**_WITH_SECRET, "line": {"74950000777": {"reserve": "101"}}},
    {**_WITH_SECRET, "employee": {"101": {"name": "Anna"}}},
    None,  # it goes
)


class Guest:
    def __init__(self, folder: Path) -> None:
        self._office = Simulator(SimulatorSettings(spool=folder / "guest", ami_port=0, control_port=None))
        self._agi_port = free_port()
        self._steps = itertools.cycle(_STEPS)
        self.is_there = False

    async def start(self) -> None:
        await self._office.start()

    async def stop(self) -> None:
        await self._office.stop()

    async def take_a_step(self, storage: Storage, file: Path) -> None:
        """As `dozvon apply` would, with this configuration file."""
        step = next(self._steps)
        offices, settings = Offices(storage.offices, storage.settings), config.load(file)
        if step is None:
            stored = await storage.offices.get(GUEST)
            who = (await storage.offices.changes(GUEST, limit=1))[0].who
            removed = dict.fromkeys(stored.parts)
            await storage.offices.change(GUEST, removed, {}, who=who, expected=stored.revision)
        else:
            for plan in await offices.plans(settings, {"account": [self._document(step)]}):
                await offices.apply(plan)
        self.is_there = step is not None

    def _document(self, step: dict[str, Any]) -> dict[str, Any]:
        changes = {key: value for key, value in step.items() if key != "secret"}
        return {
            "id": GUEST,
            "amocrm": {
                "client_id": "guest", "client_secret": "s" * 40, "oauth_url": f"http://{_AWAY}/oauth",
                "account_hosts": _AWAY.replace(".", r"\."), "api_host": _AWAY, "request_seconds": 1,
            },
            "asterisk": {
                "host": "127.0.0.1", "port": self._office.ami.port, "username": "dozvon", "secret": step["secret"],
                "fastagi": {"host": "127.0.0.1", "port": self._agi_port},
            },
            **changes,
        }  # fmt: skip
