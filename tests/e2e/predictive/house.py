"""The house of a predictive campaign: five employees, the clients as contacts of the CRM, one or two processes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp

from tests.e2e.crm_site import ANNA, BORIS, DMITRY, GRIGORY, VERA
from tests.e2e.dozvon_process import DozvonProcess
from tests.e2e.house import House, asterisk_keys, lived_in
from tests.e2e.predictive.clients import EMPLOYEES, Client
from tests.lab.office import Office
from tests.lab.ports import free_port
from tests.scaled.servers import own_postgres, own_redis

MANAGERS = dict(zip(EMPLOYEES, (ANNA, BORIS, VERA, GRIGORY, DMITRY), strict=True))
_STORAGE = """\
[storage]
database = "{database}"
redis = "redis://127.0.0.1:{redis}/0"

[[account]]"""


class CallCentre(House):
    """
    Attributes:
        processes: of Dozvon; `dozvon` is the first.
        database: the address of what they store in.
    """

    def __init__(self, office: Office, folder: Path, session: aiohttp.ClientSession) -> None:
        super().__init__(office, folder, session)
        self.database = f"sqlite:///{folder / 'data' / 'dozvon.sqlite3'}"
        self.processes = [self.dozvon]
        logs = office.asterisk.logs
        records = f'cdr = "{logs}/cdr-custom/dozvon.csv"\ncel = "{logs}/cel-custom/dozvon.csv"\n'
        keys = f'{asterisk_keys(office)}\n[account.asterisk.records]\nkind = "csv"\n{records}'
        self.configure(asterisk=keys)

    @property
    def _employees(self) -> str:
        return "[account.employee]\n" + "".join(f'{extension} = "{user}"\n' for extension, user in MANAGERS.items())

    def scale(self, database: str, redis: int) -> None:
        """Two processes with the same configuration on these servers, apart from their web ports."""
        self.database = database
        storage = _STORAGE.format(database=database, redis=redis)
        shared = self.config.read_text("utf-8").replace("[[account]]", storage, 1)
        self.config.write_text(shared, "utf-8")
        port = free_port()
        second = self.folder / "second.toml"
        second.touch(0o600)
        second.write_text(shared.replace(f'listen = "127.0.0.1:{self.port}"', f'listen = "127.0.0.1:{port}"', 1))
        self.processes.append(DozvonProcess(second, f"http://127.0.0.1:{port}", self.session))

    def know(self, clients: Sequence[Client]) -> None:
        """Make each client a contact of the CRM."""
        for client in clients:
            values = [{"value": f"+{client.number}", "enum_id": 101, "enum_code": "WORK"}]
            phone = {"field_id": 71, "field_name": "Телефон", "field_code": "PHONE", "values": values}
            self.crm.account.create("contacts", {"name": client.number, "custom_fields_values": [phone]}, ANNA)

    async def open(self) -> None:
        """Start all processes, and connect both sides."""
        for process in self.processes[1:]:
            await self.dozvon.start(pbx="connected")  # the first one makes the tables
            process.launch()
        await self.move_in()
        for process in self.processes[1:]:
            await process.health(timeout_seconds=60.0, pbx="connected", crm="connected")

    def dialling(self) -> DozvonProcess:
        """The process that has taken the campaign's lease last, of those that are alive. Raises: LookupError."""
        return self._holder("campaign ")

    def linked(self) -> DozvonProcess:
        """The one that is linked to the PBX. Raises: LookupError."""
        return self._holder("pbx ")

    def _holder(self, lease: str) -> DozvonProcess:
        taken = [
            (str(said["timestamp"]), process)
            for process in self.processes
            if process.is_alive
            for said in process.said("a lease was taken")
            if said["lease"].startswith(lease)
        ]
        if not taken:
            raise LookupError(f"no process has taken the lease of {lease!r}")
        return max(taken, key=lambda each: each[0])[1]


@contextlib.asynccontextmanager
async def open_centre(office: Office, folder: Path, *, processes: int = 1) -> AsyncIterator[CallCentre]:
    """The CRM runs, Dozvon is only configured. `processes`: one on SQLite, or two on PostgreSQL and Redis."""
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    with contextlib.ExitStack() as servers:
        async with session:
            house = CallCentre(office, folder, session)
            if processes > 1:
                postgres, redis = servers.enter_context(own_postgres()), servers.enter_context(own_redis())
                house.scale(f"postgresql://dozvon@127.0.0.1:{postgres.port}/dozvon", redis.port)
            async with lived_in(house):
                try:
                    yield house
                finally:
                    for process in house.processes[1:]:
                        process.kill()
                        process.print_log()
