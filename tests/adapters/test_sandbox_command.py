"""`dozvon sandbox`: each CRM's sandbox has its own options, and starts on the given ports."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.adapters.bitrix24_sandbox_kit import free_socket


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[str]:
    """The running command; gives its first lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "integration", "sandbox", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = ""
    try:
        async with asyncio.timeout(60):
            while "key " not in lines:
                line = await process.stdout.readline()
                assert line, "the command ended"
                lines += line.decode()
        yield lines
    finally:
        process.terminate()
        await process.wait()


async def _status(url: str) -> int:
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url) as answer:
                    return answer.status
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


def _free_port() -> int:
    with free_socket() as found:
        return int(found.getsockname()[1])


async def test_bitrix24_starts_a_portal_and_an_oauth_server() -> None:
    portal, oauth = _free_port(), _free_port()
    async with command("bitrix24", "--port", str(portal), "--oauth-port", str(oauth)) as lines:
        assert re.search(r"Application ID local\.\S+, key \S+", lines)
        assert await _status(f"http://127.0.0.1:{portal}/rest/profile") == 401
        assert await _status(f"http://127.0.0.1:{oauth}/oauth/token/") == 400


async def test_amocrm_starts_with_its_own_options() -> None:
    port = _free_port()
    async with command("amocrm", "--port", str(port), "--redirect-uri", "http://127.0.0.1:9/"):
        assert await _status(f"http://127.0.0.1:{port}/api/v4/account") == 401


@pytest.mark.parametrize("arguments", [(), ("hubspot",), ("bitrix24", "--redirect-uri", "x")])
async def test_a_wrong_crm_or_option_is_refused(arguments: tuple[str, ...]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "integration", "sandbox", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, problems = await process.communicate()
    assert process.returncode == 2
    assert "usage: dozvon" in problems.decode()
