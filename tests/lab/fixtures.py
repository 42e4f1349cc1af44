"""Pytest fixtures for the real servers: Asterisk, PostgreSQL, Redis, Chromium. A missing one fails, never skips."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.lab.asterisk import LabMissingError, PortTakenError, lab_root
from tests.lab.office import Office
from tests.lab.servers import create_database, drop_database, find_chromium, postgres_server, redis_server
from tests.lab.waiting import PATIENCE_SECONDS

_PLAYWRIGHTS_FEATURES = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
)  # fmt: skip
"""What Playwright switches off itself. Chromium heeds the last list only, which is ours."""

_OMNIBOX_FEATURES = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup")
"""A process for each window, which draws the suggestions below an address bar that no test sees: 0.4 s of a core."""

CHROMIUM_ARGUMENTS = (
    f"--disable-features={','.join((*_PLAYWRIGHTS_FEATURES, *_OMNIBOX_FEATURES))}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM_MICROPHONE_ARGUMENTS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
"""More arguments for a browser phone: a microphone that beeps once a second, allowed without asking."""

OpenOffice = Callable[..., Awaitable[Office]]
"""`await open_office(major=22, **arguments of Office)`; closed when the test ends."""


@contextlib.contextmanager
def _missing_fails() -> Iterator[None]:
    try:
        yield
    except LabMissingError as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture(scope="session")
def asterisk22() -> Path:
    """The chroot of Asterisk 22."""
    with _missing_fails():
        return lab_root(22)


@pytest.fixture(scope="session")
def asterisk16() -> Path:
    """The chroot of Asterisk 16."""
    with _missing_fails():
        return lab_root(16)


async def _opened(stack: contextlib.AsyncExitStack, root: Path, arguments: dict[str, Any]) -> Office:
    """On other ports when another program has taken one meanwhile."""
    for _ in range(2):
        try:
            return await stack.enter_async_context(Office(root, **arguments))
        except PortTakenError as taken:
            print(taken)
    return await stack.enter_async_context(Office(root, **arguments))


@pytest_asyncio.fixture
async def open_office() -> AsyncIterator[OpenOffice]:
    """Opens any number of offices, of either version; all are closed when the test ends."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_one(major: int = 22, **arguments: Any) -> Office:
            with _missing_fails():
                root = lab_root(major)
            office = await _opened(stack, root, arguments)
            stack.callback(lambda: print(office.asterisk.last_words()))  # pytest shows it if the test fails
            return office

        yield open_one


@pytest_asyncio.fixture
async def office(open_office: OpenOffice) -> Office:
    """An office on Asterisk 22 for this test; takes about a second. Dozvon should listen on `office.fastagi_port`."""
    return await open_office()


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[str]:
    """The maintenance database of the session's private PostgreSQL."""
    with _missing_fails(), postgres_server(in_memory=True) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres_server_url: str) -> Iterator[str]:
    """An empty database for this test (`postgres_url` of `tests/databases.py` has Dozvon's tables), as `postgresql://user@127.0.0.1:port/name`."""
    name = f"empty_{uuid4().hex[:12]}"
    yield create_database(postgres_server_url, name)
    drop_database(postgres_server_url, name)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The session's private Redis, as `redis://127.0.0.1:port/0`. It is shared: use distinct keys, or flush it."""
    with _missing_fails(), redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser for `launch(executable_path=..., args=CHROMIUM_ARGUMENTS, headless=True)`."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)  # Playwright's own are 5 s
    with _missing_fails():
        return find_chromium()
