"""`dozvon run --config FILE` as a process that tests start, watch and kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from tests.lab.cores import on_the_measured_core
from tests.lab.waiting import PATIENCE_SECONDS, until

_HEALTH_SECONDS = 2.0
_STARTED_SECONDS = 180.0  # on a machine with ten times its work


class DozvonProcess:
    """
    One configuration, any number of starts. The output of all starts goes to `log_file`, one after another.

    Args:
        url: the address of its pages, from the configuration.
        module: a made-up next release instead of the present one.
        code: the folder with the packages of another release.
    """

    def __init__(
        self,
        config: Path,
        url: str,
        session: aiohttp.ClientSession,
        *,
        module: str = "integration",
        code: Path | None = None,
    ) -> None:
        self.config, self.url = config, url
        self._module, self._code = module, code
        self.log_file = config.with_suffix(".log")
        self.session = session
        self._process: subprocess.Popen[bytes] | None = None
        self._began_at = 0  # where this start begins in the log

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, *, disk: str = "", **wanted: str) -> dict[str, Any]:
        """
        Start and wait until /health shows `wanted` (`pbx="connected"`, `crm="offline"`...), by default only until it
        answers.

        Args:
            disk: "16m" gives it a separate disk of this size for its data, which ends with the process.
        """
        self.launch(disk=disk)
        return await self.health(timeout_seconds=_STARTED_SECONDS, **wanted)

    def launch(self, *, disk: str = "") -> None:
        """Start without waiting."""
        assert not self.is_alive
        self._began_at = self.log_file.stat().st_size if self.log_file.exists() else 0
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DOZVON_")}
        command = [sys.executable, "-m", self._module, "run", "--config", str(self.config)]
        # The death signal makes sure that no Dozvon outlives a test run that was killed.
        alive = ["setpriv", "--pdeathsig", "KILL", *(self._own_disk(disk) if disk else ()), *command]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                on_the_measured_core(alive),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                cwd=self._code,  # `python -m` looks for its packages here first
            )  # fmt: skip

    def _own_disk(self, size: str) -> list[str]:
        """The command prefix that mounts a small file system over the data folder, for this process only."""
        self.data.mkdir(exist_ok=True)
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        script = 'mount -t tmpfs -o size="$0" dozvon "$1" && shift && exec "$@"'
        return ["unshare", *as_root, "--mount", "sh", "-c", script, size, str(self.data)]

    @property
    def data(self) -> Path:
        return self.config.parent / "data"

    def fill_disk(self) -> Path:
        """Fill its separate disk. Returns the file to delete."""
        filler = Path(f"/proc/{self.pid}/root{self.data}/filler")
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        return filler

    async def health(self, *, timeout_seconds: float = PATIENCE_SECONDS, **wanted: str) -> dict[str, Any]:
        """Wait until /health shows `wanted` for every account; return it. Raises: AssertionError if Dozvon ended."""
        said: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    assert self.is_alive, f"Dozvon ended:\n{self.text()}"
                    said = await self._ask_health()
                    if said and all(wanted.items() <= account.items() for account in said["accounts"].values()):
                        return said
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"health: {said}, wanted {wanted}\n{self.text()[-2000:]}") from None

    async def _ask_health(self) -> dict[str, Any] | None:
        try:
            timeout = aiohttp.ClientTimeout(total=_HEALTH_SECONDS)
            async with self.session.get(f"{self.url}/health", timeout=timeout) as answer:
                found: dict[str, Any] = await answer.json()
                return found
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def figure(self, name: str) -> float:
        """The sum of a metric's rows in /metrics."""
        async with self.session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)

    async def settled(self, *, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until no call is live, none is unsaved, and nothing waits to be delivered."""
        said: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_seconds):
                while True:
                    said = await self.health()
                    unsaved = sum(account["unsaved_steps"] for account in said["accounts"].values())
                    live = await self.figure("dozvon_live_calls")
                    if not unsaved and not live and not said["outbox"]["waiting"]:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"not settled: {said}\n{self.text()[-3000:]}") from None

    # ---- its log ---------------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The output of this start so far."""
        return self.log_file.read_bytes()[self._began_at :].decode("utf-8", "replace")

    def print_log(self) -> None:
        """Print the output of all starts."""
        print(self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else "never started")

    def said(self, event: str) -> list[dict[str, Any]]:
        """The log's entries with this name since this start."""
        entries = [json.loads(line) for line in self.text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [entry for entry in entries if entry["event"] == event]

    async def says(self, event: str, *, times: int = 1, timeout_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for a log entry with this name and return the last one."""
        try:
            await until(lambda: len(self.said(event)) >= times, timeout_seconds=timeout_seconds)
        except TimeoutError:
            raise TimeoutError(f"it did not say {event!r}:\n{self.text()[-2000:]}") from None
        return self.said(event)[-1]

    # ---- the end ---------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """SIGKILL: it cannot write anything more. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def ended(self, *, timeout_seconds: float = PATIENCE_SECONDS) -> int:
        """Wait until it ends by itself. Returns its exit code."""
        process = self._process
        assert process is not None
        await until(lambda: process.poll() is not None, timeout_seconds=timeout_seconds)
        self._process = None
        return process.returncode

    async def stop(self) -> int:
        """SIGTERM, as from a service manager. Returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.ended()
