"""The command of docker-compose.yml's Redis on a real server: nobody gets in without the password."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml

from integration.ports.findings import FindingLevel
from integration.process.doctor import examine_redis
from tests.lab.ports import free_port

pytestmark = pytest.mark.servers
COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text("utf-8"))
PASSWORD = "1f0e3dad99908345f7439f8ffabdffc4"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[int]:
    service = COMPOSE["services"]["redis"]
    shell, option, script = service["command"]
    port = free_port()
    script = script.replace("$$", "$").replace("redis-server -", f"redis-server - --port {port} --bind 127.0.0.1")
    server = subprocess.Popen(
        [shell, option, script], cwd=folder, env={**os.environ, "REDISCLI_AUTH": PASSWORD}, stdout=subprocess.DEVNULL
    )
    try:
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _until_it_answers(port: int) -> redis.Redis:
    client = redis.Redis(port=port, password=PASSWORD)
    deadline = time.monotonic() + 30
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return client


async def test_only_who_has_the_password_gets_in(tmp_path: Path) -> None:
    with running(tmp_path) as port:
        with contextlib.closing(_until_it_answers(port)) as client:
            kept = client.config_get("save") | client.config_get("appendonly")
            assert kept == {"save": "", "appendonly": "no"}
        with contextlib.closing(redis.Redis(port=port)) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        address = COMPOSE["x-app"]["environment"]["DOZVON_REDIS"]
        url = address.replace("${DOZVON_REDIS_PASSWORD:?set it in .env}", PASSWORD)
        url = url.replace("@redis:6379", f"@127.0.0.1:{port}")
        assert (await examine_redis(url)).level is FindingLevel.OK
        healthy = COMPOSE["services"]["redis"]["healthcheck"]["test"][1].replace("redis-cli", f"redis-cli -p {port}")
        for password, code in ((PASSWORD, 0), ("wrong", 1)):
            asked = await asyncio.create_subprocess_shell(healthy, env={**os.environ, "REDISCLI_AUTH": password})
            assert await asked.wait() == code
