"""deploy/postgres-role.sql, as in docker-compose.yml, on a real PostgreSQL: Dozvon works with the role that it creates,
and the role is subject to row-level security."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from integration.domain.settings import AccountSettings
from integration.storage import open_storage
from tests.contract.calls import OFFICE, OTHER
from tests.lab.servers import _postgres_programs, drop_database
from tests.unit.test_compose import COMPOSE, ROOT

pytestmark = pytest.mark.servers


def _script() -> Path:
    """What the image of PostgreSQL runs on an empty volume."""
    mounts = (mount.split(":") for mount in COMPOSE["services"]["postgres"]["volumes"])
    (source,) = (source for source, target, *_ in mounts if target.startswith("/docker-entrypoint-initdb.d/"))
    return ROOT / str(source)


def _run_script(server_url: str, name: str, password: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "DOZVON_DB_PASSWORD"}
    if password is not None:
        environment["DOZVON_DB_PASSWORD"] = password
    # `dozvon` is the superuser of this cluster of the tests: another name.
    command = [str(_postgres_programs() / "psql"), "-d", server_url, "-v", f"role={name}", "-v", f"database={name}"]
    with _script().open() as script:
        return subprocess.run(command, stdin=script, env=environment, capture_output=True, text=True)


@pytest.fixture
def role_url(postgres_server_url: str) -> Iterator[str]:
    """The database and the role that the script creates."""
    name = f"plain_{uuid4().hex[:12]}"
    for password in ("first'one", "it's secret"):  # a second run only sets the password
        done = _run_script(postgres_server_url, name, password)
        assert done.returncode == 0, done.stderr
    url = make_url(postgres_server_url).set(username=name, password="it's secret", database=name)
    yield url.render_as_string(hide_password=False)
    drop_database(postgres_server_url, name)


def test_without_a_password_it_makes_no_role_that_may_log_in(postgres_server_url: str) -> None:
    name = f"plain_{uuid4().hex[:12]}"
    assert _run_script(postgres_server_url, name, None).returncode != 0
    query = f"SELECT count(*) FROM pg_roles WHERE rolname = '{name}' AND rolcanlogin"
    command = [str(_postgres_programs() / "psql"), "-At", "-d", postgres_server_url, "-c", query]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == "0"


async def test_the_role_is_plain(role_url: str, postgres_server_url: str) -> None:
    name = make_url(role_url).username
    connection = await asyncpg.connect(postgres_server_url)
    row = await connection.fetchrow("SELECT * FROM pg_authid WHERE rolname = $1", name)
    await connection.close()
    powers = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
    assert [power for power in powers if row[power]] == []
    assert row["rolcanlogin"]
    assert row["rolpassword"].startswith("SCRAM-SHA-256$")


async def test_row_level_security_holds_the_role(role_url: str, tmp_path: Path) -> None:
    storage = await open_storage(role_url, tmp_path)  # the role owns its database, so it may migrate the schema
    for account in (OFFICE, OTHER):
        await storage.settings.save(AccountSettings(account=account))
    await storage.close()
    connection = await asyncpg.connect(role_url)
    counts = []
    for whose in ("", str(OFFICE), "stranger"):
        await connection.execute("SELECT set_config('dozvon.account', $1, false)", whose)
        counts.append(await connection.fetchval("SELECT count(*) FROM accounts"))
    await connection.close()
    assert counts == [0, 1, 0]


async def _dozvon(*arguments: str, url: str, folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "integration", *arguments),
        env={**os.environ, "DOZVON_DATABASE": url, "DOZVON_DATA_DIR": str(folder), "DOZVON_LISTEN": "127.0.0.1:0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, said.decode()


async def test_doctor_run_backup_and_restore_with_the_role(role_url: str, tmp_path: Path) -> None:
    code, said = await _dozvon("doctor", url=role_url, folder=tmp_path)
    assert code == 0, said
    assert (
        f"ok      database: PostgreSQL, up to date; row-level security holds the role {make_url(role_url).username}"
        in said
    )
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "integration", "run"),
        env={
            **os.environ,
            "DOZVON_DATABASE": role_url,
            "DOZVON_DATA_DIR": str(tmp_path),
            "DOZVON_LISTEN": "127.0.0.1:0",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    assert running.stderr is not None
    said = ""
    async with asyncio.timeout(60):
        while '"started"' not in said:
            line = await running.stderr.readline()
            assert line, said
            said += line.decode()
    running.terminate()
    assert await asyncio.wait_for(running.wait(), 30) == 0
    assert "bypasses row-level security" not in said
    file = str(tmp_path / "backup.tar.gz")
    for command in (("backup", file), ("restore", file, "--force")):
        code, said = await _dozvon(*command, url=role_url, folder=tmp_path)
        assert code == 0, said


async def test_the_doctor_warns_of_a_superuser(postgres_url: str, tmp_path: Path) -> None:
    superuser = make_url(postgres_url).set(username="dozvon").render_as_string(hide_password=False)
    code, said = await _dozvon("doctor", url=superuser, folder=tmp_path)
    assert code == 0, said
    assert "warning database: the role dozvon is a superuser" in said
    assert "postgres-role.sql" in said
