"""PostgreSQL and Redis that a test may kill and start again on the same port. No tests here."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.lab.cores import on_the_measured_core
from tests.lab.ports import free_port

_START_SECONDS = 30.0
_USER = "dozvon"


class Server:
    """A program that listens on `port`."""

    def __init__(self, command: list[str], port: int, log: Path, ready: list[str]) -> None:
        """`ready`: a command that succeeds when the program accepts requests."""
        self._command, self.port, self._log, self._ready = command, port, log, ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        alive = ["setpriv", "--pdeathsig", "KILL", *self._command]  # it does not outlive a killed test run
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                on_the_measured_core(alive),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self._log.parent, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text("utf-8", "replace")[-2000:]
            assert time.monotonic() < deadline, self._log.read_text("utf-8", "replace")[-2000:]
            time.sleep(0.05)

    def stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def freeze(self) -> None:
        """Like a broken network: it accepts connections and data, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        """Signal it and its children: PostgreSQL has one for each connection."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        for each in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, which)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return subprocess.run(self._ready, capture_output=True).returncode == 0
        return False


@contextlib.contextmanager
def own_redis() -> Iterator[Server]:
    program = shutil.which("redis-server") or pytest.fail("redis-server is not installed: run `make test-setup`")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dozvon-redis-") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly",
                   "no"]  # fmt: skip
        server = Server(command, port, Path(folder) / "log", ["true"])
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGKILL)


@contextlib.contextmanager
def own_postgres() -> Iterator[Server]:
    """With the empty database `dozvon` of the user `dozvon`. Never waits for the disk: it is thrown away."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.fail("PostgreSQL is not installed: run `make test-setup`")
    programs = Path(initdb).resolve().parent
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dozvon-pg-") as parent:
        folder = Path(parent) / "cluster"
        folder.mkdir()
        as_user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            user = _unprivileged()
            Path(parent).chmod(0o711)
            os.chown(folder, user.pw_uid, user.pw_gid)
            as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        initialise = [*as_user, initdb, "-D", str(folder), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initialise, check=True, capture_output=True, cwd=parent)
        settings: Mapping[str, str] = {
            "port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder),
            "fsync": "off", "full_page_writes": "off", "max_connections": "200",
        }  # fmt: skip
        command = [
            *as_user,
            str(programs / "postgres"),
            "-D",
            str(folder),
            *(f"--{n}={v}" for n, v in settings.items()),
        ]
        url = f"postgresql://{_USER}@127.0.0.1:{port}/postgres"
        server = Server(command, port, Path(parent) / "log", [str(programs / "pg_isready"), "-q", "-d", url])
        server.start()
        try:
            subprocess.run([str(programs / "psql"), "-q", "-d", url, "-c", "CREATE DATABASE dozvon"], check=True)
            yield server
        finally:
            server.stop(signal.SIGINT)  # a fast shutdown


def _unprivileged() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")
