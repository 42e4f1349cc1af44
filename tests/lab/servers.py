"""Private PostgreSQL and Redis servers on loopback ports, for as long as a `with` block lasts. No tests here."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab.asterisk import LabMissingError
from tests.lab.ports import free_port

_START_SECONDS = 20.0
POSTGRES_USER = "dozvon"
_CLUSTER = "dozvon-pg-"
_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3  # bytes; a cluster takes 0.2e9
OWNER = "office"  # of the databases; not a superuser, who would bypass row-level security


def find_chromium() -> Path:
    """
    Return the browser's path.

    Raises:
        LabMissingError: Chromium is not installed.
    """
    path = Path("/usr/bin/chromium")
    if not path.exists():
        raise LabMissingError("Chromium is not installed: run `make test-setup`")
    return path


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """
    Run a Redis that keeps nothing on disk; yield its URL.

    Raises:
        LabMissingError: Redis is not installed.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise LabMissingError("redis-server is not installed: run `make test-setup`")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dozvon-redis-") as folder:
        command = [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            folder,
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        with running(command, port, Path(folder) / "log"):
            yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def postgres_server(*, in_memory: bool = False) -> Iterator[str]:
    """
    Run a PostgreSQL with its own cluster and yield the URL of its maintenance database.

    `create_database` makes others in it. The cluster never waits for the disk, because it is temporary.

    Args:
        in_memory: where there is room, the files are no disk's at all. Making a database, which has hundreds of files,
            takes a core 0.03 s there in place of 0.1 to 0.3.

    Raises:
        LabMissingError: PostgreSQL is not installed.
    """
    programs = _postgres_programs()
    user = unprivileged_user()
    port = free_port()
    memory = _memory() if in_memory else None
    with tempfile.TemporaryDirectory(prefix=f"{_CLUSTER}{os.getpid()}-", dir=memory) as parent:
        folder = Path(parent) / "cluster"
        folder.mkdir()
        if user is not None:  # the server refuses to run as root
            Path(parent).chmod(0o711)
            os.chown(folder, user.pw_uid, user.pw_gid)
        initialise: list[str | Path] = [
            programs / "initdb",
            "-D",
            folder,
            "-U",
            POSTGRES_USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        locale = ["--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(as_user(user, [*initialise, *locale]), capture_output=True, text=True, cwd=parent)
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")
        settings = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",  # it would hold a template while that is copied
            "max_connections": "200",
        }
        if memory is not None:
            settings |= {"min_wal_size": "32MB", "max_wal_size": "64MB"}
        command: list[str | Path] = [
            programs / "postgres",
            "-D",
            folder,
            *(f"--{name}={value}" for name, value in settings.items()),
        ]
        with running(as_user(user, command), port, Path(parent) / "log"):
            url = f"postgresql://{POSTGRES_USER}@127.0.0.1:{port}/postgres"
            _wait_until_ready([str(programs / "pg_isready"), "-q", "-d", url])
            _run_sql(url, f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER")
            yield url


def _memory() -> Path | None:
    """A folder in memory with room for the clusters of a test run; None if there is none."""
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM):
        return None
    for folder in _MEMORY.glob(f"{_CLUSTER}*-*"):  # what test runs that were killed left behind
        made_by = folder.name.removeprefix(_CLUSTER).partition("-")[0]
        if made_by.isdecimal() and not Path(f"/proc/{made_by}").exists():
            shutil.rmtree(folder, ignore_errors=True)
    return _MEMORY


def create_database(server_url: str, name: str, *, template: str = "template1") -> str:
    """
    Create a database on the server of `server_url`; return its URL, with a role that owns no more.

    Args:
        template: the database to copy; without it an empty one is made.
    """
    _run_sql(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {OWNER}')
    return server_url.rpartition("/")[0].replace(f"//{POSTGRES_USER}@", f"//{OWNER}@") + "/" + name


def drop_database(server_url: str, name: str) -> None:
    """Drop a database and all connections to it."""
    _run_sql(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _run_sql(url: str, statement: str) -> None:
    psql = str(_postgres_programs() / "psql")
    subprocess.run([psql, "-q", "-d", url, "-c", statement], check=True, capture_output=True)


def _postgres_programs() -> Path:
    """The folder of the newest PostgreSQL's programs; Debian keeps initdb out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise LabMissingError("PostgreSQL is not installed: run `make test-setup`")
    return Path(found).resolve().parent


def unprivileged_user() -> pwd.struct_passwd | None:
    """The user for a server started by root; None if we are not root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def as_user(user: pwd.struct_passwd | None, command: list[str | Path]) -> list[str]:
    change = [] if user is None else ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*change, *map(str, command)]


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """Run a server until the block ends. It also ends if this process is killed."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        _wait_for_port(process, port, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def _wait_until_ready(question: list[str]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while subprocess.run(question).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL listens but does not accept connections")
        time.sleep(0.02)
