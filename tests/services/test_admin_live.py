"""Pages that change by themselves: the stream that wakes them, on this and on other processes, and its limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.ids import AccountId
from integration.services.page_news import PageNews
from integration.web.pages import live
from tests.services.admin_office import Office
from tests.services.conftest import ACME, SOMEBODY, answered_call, missed_call

PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def stream(office: Office, account: str = "acme", age: str = "0") -> AsyncIterator[aiohttp.ClientResponse]:
    async with office.client.get(f"/admin/{account}/live", params={"age": age}) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readuntil(b"\n\n") == b": open\n\n"
        yield answer


async def next_event(answer: aiohttp.ClientResponse) -> str:
    """The name of the next event; comments do not count. Empty: the stream has ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            block = (await answer.content.readuntil(b"\n\n")).decode() if not answer.content.at_eof() else ""
            if not block or block.startswith("event: "):
                return block.removeprefix("event: ").split("\n")[0]


async def test_a_call_wakes_the_pages_of_its_account(signed_in: Office) -> None:
    world = signed_in.world
    async with stream(signed_in) as answer:
        await world.emit(*missed_call(world.clock.now()))
        assert await next_event(answer) == "changed"
        await world.deliver()  # its delivery, too
        assert await next_event(answer) == "changed"


async def test_what_happens_together_wakes_a_page_once(signed_in: Office) -> None:
    world = signed_in.world
    watch = world.news.join(ACME)
    woken = 0

    async def count() -> None:
        nonlocal woken
        while True:
            await watch.changed.wait()
            watch.changed.clear()
            woken += 1

    counting = asyncio.create_task(count())
    async with stream(signed_in) as answer:
        for number in range(20):
            await world.emit(*missed_call(world.clock.now(), uniqueid=f"{number}.0"))
        assert await next_event(answer) == "changed"
    counting.cancel()
    assert 1 <= woken < 20


async def test_a_page_that_was_read_before_a_change_is_woken_when_its_stream_opens(signed_in: Office) -> None:
    world = signed_in.world
    watch = world.news.join(ACME)
    await world.emit(*missed_call(world.clock.now()))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await watch.changed.wait()  # who was there has been told: nothing more comes
    async with stream(signed_in, age="3600") as answer:
        assert await next_event(answer) == "changed"
    world.news.leave(watch)


async def test_news_are_missed_by_what_was_read_before_them(signed_in: Office) -> None:
    news, loop = signed_in.world.news, asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.sleep(0.05)
    assert not news.may_have_missed(ACME, loop.time() - begun)
    told_after = loop.time()
    news.tell(ACME)
    assert news.may_have_missed(ACME, loop.time() - told_after + 0.001)
    assert not news.may_have_missed(AccountId("other"), loop.time() - told_after + 0.001)
    assert news.may_have_missed(AccountId("other"), 3600.0), "nobody listened then"


@pytest.mark.parametrize(
    ("said", "age"),
    [("", 0.0), ("2.5", 2.5), ("-1", 0.0), ("nan", 0.0), ("soon", 0.0), ("inf", 86_400.0), ("1e999", 86_400.0)],
)
def test_the_age_that_a_browser_says_is_a_time(said: str, age: float) -> None:
    assert live.age_of_page(said) == age


async def test_news_of_another_process_wake_the_pages_here(signed_in: Office) -> None:
    other = PageNews(signed_in.world.coordination, "another process")
    async with stream(signed_in) as answer:
        other.tell(ACME)
        assert await next_event(answer) == "changed"


async def test_news_of_another_account_wake_nobody(signed_in: Office) -> None:
    world = signed_in.world
    watch = world.news.join(ACME)
    world.news.tell(AccountId("other"))
    own = world.news.join(AccountId("other"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await own.changed.wait()
    assert not watch.changed.is_set()
    world.news.leave(watch)
    world.news.leave(own)
    assert world.news.count == 0


async def test_a_connection_that_is_lost_wakes_the_pages(signed_in: Office) -> None:
    """Nobody tells of it: it is seen in memory."""
    async with stream(signed_in) as answer:
        signed_in.world.pbx.away = Link(phase=LinkPhase.WAITING)
        assert await next_event(answer) == "changed"


async def test_a_stream_ends_with_its_session(signed_in: Office) -> None:
    async with stream(signed_in) as answer:
        await signed_in.world.storage.admin_sessions.end_all(None)
        assert await next_event(answer) == "over"
        assert await next_event(answer) == ""


async def test_who_is_not_signed_in_gets_no_stream(office: Office) -> None:
    async with office.client.get("/admin/acme/live", allow_redirects=False) as answer:
        assert answer.status == 303
    assert office.world.news.count == 0


async def test_an_account_that_is_not_there_has_no_stream(signed_in: Office) -> None:
    async with signed_in.client.get("/admin/nowhere/live") as answer:
        assert answer.status == 404


async def test_one_session_has_not_too_many_streams(signed_in: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_SESSION", 2)
    async with stream(signed_in), stream(signed_in), signed_in.client.get("/admin/acme/live") as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "30"


async def test_a_process_that_stops_closes_its_streams(signed_in: Office) -> None:
    async with stream(signed_in) as answer:
        signed_in.world.news.close()
        assert await next_event(answer) == ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while signed_in.world.news.count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_change_of_settings_wakes_the_pages(signed_in: Office) -> None:
    world = signed_in.world
    async with stream(signed_in) as answer:
        await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
        assert await next_event(answer) == "changed"


async def test_a_page_that_reads_itself_again_keeps_the_message_of_the_next_page(signed_in: Office) -> None:
    """Otherwise an open tab could take the message that was meant for the one where a button was pressed."""
    world = signed_in.world
    await world.emit(*answered_call(world.clock.now()))
    form = {"Origin": str(signed_in.client.make_url("/").origin())}
    async with signed_in.client.post("/admin/acme/phone-book", headers=form, allow_redirects=False) as answer:
        assert answer.status == 303
    async with signed_in.client.get("/admin/acme?lang=en", headers={"X-Dozvon-Live": "1"}) as answer:
        assert "The phone book is being reloaded" not in await answer.text()
    assert "The phone book is being reloaded" in await signed_in.page("/admin/acme?lang=en")
    assert "The phone book is being reloaded" not in await signed_in.page("/admin/acme?lang=en")
