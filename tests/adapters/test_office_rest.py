"""REST on a running process: connections come, change and go at once, and the calls of the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from integration.domain.ids import AccountId
from integration.process.process import Dozvon
from tests.adapters.test_reload import NORTH, SOUTH, Place, place, talk
from tests.lab.waiting import until

__all__ = ["place"]


@pytest_asyncio.fixture
async def running(place: Place) -> AsyncIterator[Dozvon]:
    """A process whose configuration file names no account."""
    dozvon = Dozvon(place.config())
    await dozvon.start()
    try:
        yield dozvon
    finally:
        await dozvon.stop()


@pytest_asyncio.fixture
async def browser(running: Dozvon) -> AsyncIterator[aiohttp.ClientSession]:
    """Signed in."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(running.url, cookie_jar=jar, headers={"Origin": running.url}) as session:
        async with session.post("/admin/login", data={"password": "reload"}) as answer:
            assert answer.status == 200
        yield session


async def send(
    browser: aiohttp.ClientSession, method: str, path: str, body: dict[str, Any] | None = None, *, at: str = ""
) -> str:
    """Returns the revision that it made."""
    async with browser.request(method, path, json=body, headers={"If-Match": at}) as answer:
        told = await answer.json()
        assert answer.status == 200, told
        revision: str = told["revision"]
        return revision


def address(key: AccountId) -> str:
    return f"/api/offices/{key}/account/{key}"


def is_connected(dozvon: Dozvon, key: AccountId) -> bool:
    member = dozvon.members.get(key)
    return member is not None and member.main.pbx.is_connected


async def test_connections_are_made_changed_and_stopped_while_another_office_talks(
    place: Place, running: Dozvon, browser: aiohttp.ClientSession
) -> None:
    await send(browser, "PUT", address(NORTH), place.account(NORTH), at="0")
    await until(lambda: is_connected(running, NORTH))
    await talk(running, place.offices[NORTH], NORTH)
    tracking = running.members[NORTH].main.tracking
    (call,), links = tracking.live_calls, tracking.links

    revision = await send(browser, "PUT", address(SOUTH), place.account(SOUTH), at="0")
    await until(lambda: is_connected(running, SOUTH))
    wrong = place.account(SOUTH, secret="wrong")
    revision = await send(browser, "PUT", address(SOUTH), wrong, at=revision)
    await until(lambda: not is_connected(running, SOUTH))
    right = place.account(SOUTH)
    revision = await send(browser, "PUT", address(SOUTH), right, at=revision)
    await until(lambda: is_connected(running, SOUTH))
    south = running.members[SOUTH].main.tracking.links
    lines = {**right, "line": {"74950000001": {"reserve": "200"}}}
    revision = await send(browser, "PUT", address(SOUTH), lines, at=revision)
    await until(lambda: bool(running.members[SOUTH].account.settings.lines))
    assert running.members[SOUTH].main.tracking.links == south, "for a line nothing is connected again"
    await send(browser, "POST", f"/api/offices/{SOUTH}/changes/{revision.partition(';')[0]}/undo")
    await until(lambda: not running.members[SOUTH].account.settings.lines)
    await send(browser, "DELETE", address(SOUTH), at="5")
    await until(lambda: SOUTH not in running.members)

    assert [live.id for live in tracking.live_calls] == [call.id]
    assert tracking.links == links, "nothing of the other office was connected again"
    place.offices[NORTH].hangup("101")
    await until(lambda: not tracking.live_calls)


async def test_the_process_that_takes_a_change_does_not_wait_for_its_next_look(
    place: Place, running: Dozvon, browser: aiohttp.ClientSession
) -> None:
    """A change right after the last look takes effect before the next one would have been."""
    await send(browser, "PUT", address(NORTH), place.account(NORTH), at="0")
    await until(lambda: NORTH in running.members)
    loop = asyncio.get_running_loop()
    took = []
    revision = "1;north=0"
    for language in ("uk", "en", "ru", "uk", "en"):
        began = loop.time()
        document = {**place.account(NORTH), "language": language}
        revision = await send(browser, "PUT", address(NORTH), document, at=revision)
        member = running.members[NORTH]
        while running.members[NORTH].account.settings.language != language:
            await asyncio.sleep(0.005)
            assert loop.time() < began + 30, member
        took.append(loop.time() - began)
    assert min(took) < 0.5, "looks are a second apart; of five changes one at least would wait half of that"
