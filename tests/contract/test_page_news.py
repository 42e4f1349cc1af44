"""Open pages are woken on every process, and a message after a step is shown by whichever answers next."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request

from integration.domain.ids import AccountId
from integration.errors import Unavailable
from integration.ports.coordination import Coordination
from integration.services.ending import ended
from integration.services.page_news import PageNews
from integration.storage import open_coordination
from integration.web.pages.flash import Flash, Said

ACME, OTHER = AccountId("acme"), AccountId("other")
DEADLINE_SECONDS = 30.0


async def test_news_reach_the_pages_of_both_processes(coordination: Coordination) -> None:
    here, there = PageNews(coordination, "here"), PageNews(coordination, "there")
    listening = [asyncio.create_task(each.run()) for each in (here, there)]
    own, far, foreign = here.join(ACME), there.join(ACME), there.join(OTHER)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not far.changed.is_set():  # until the other one has subscribed
            here.tell(ACME)
            await asyncio.sleep(0.05)
        await own.changed.wait()
    assert not foreign.changed.is_set()
    here.close()
    there.close()
    assert own.is_over
    assert far.is_over
    await ended(listening)


async def test_news_do_not_fail_while_the_others_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    coordination = open_coordination(None)

    async def refuse(*_: object) -> None:
        raise Unavailable("the coordination is away")

    monkeypatch.setattr(coordination, "publish", refuse)
    news = PageNews(coordination, "here")
    own = news.join(ACME)
    news.tell(ACME)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await own.changed.wait()
    await coordination.close()


async def test_a_message_is_shown_once_by_another_process(coordination: Coordination) -> None:
    here, there = (Flash(coordination, is_secure=True) for _ in range(2))
    response = await here.told(
        make_mocked_request("POST", "/admin/acme/people?lang=uk"), "/admin/acme", "saved", undo="7"
    )
    assert response.location == "/admin/acme?lang=uk"
    cookie = response.cookies["dozvon_said"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (True, True, "Lax", "/admin")
    request = make_mocked_request("GET", "/admin/acme", headers={"Cookie": f"dozvon_said={cookie.value}"})
    assert await there.take(request) == Said("saved", "7")
    assert await here.take(request) is None


async def test_what_was_done_is_done_although_its_message_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    coordination = open_coordination(None)

    async def refuse(*_: object, **__: object) -> str:
        raise Unavailable("the coordination is away")

    monkeypatch.setattr(coordination, "issue_ticket", refuse)
    response = await Flash(coordination, is_secure=False).told(
        make_mocked_request("POST", "/x"), "/admin/acme", "saved"
    )
    assert (response.status, response.location) == (303, "/admin/acme")
    assert "dozvon_said" not in response.cookies
    await coordination.close()
