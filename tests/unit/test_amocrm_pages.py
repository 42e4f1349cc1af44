"""Reading a list page by page, against answers that the sandbox does not give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from connectors.amocrm.api.transport import Transport
from connectors.amocrm.feed import pages
from integration.domain.calls.intents import Priority
from integration.errors import ProtocolError

Answer = dict[str, Any] | None


class Server:
    """Answers page by page, one entry on each."""

    def __init__(self, answer: Callable[[int], Answer]) -> None:
        self._answer = answer
        self.asked: list[int] = []

    async def request(self, _method: str, _path: str, *, priority: Priority, query: list[tuple[str, str]]) -> Answer:
        assert priority is Priority.IMPORT
        page = int(dict(query)["page"])
        self.asked.append(page)
        return self._answer(page)


def a_page(*ids: int, has_next: bool = True) -> Answer:
    links = {"next": {"href": "https://elsewhere.example/api"}} if has_next else {}
    return {"_links": links, "_embedded": {"contacts": [{"id": each} for each in ids]}}


async def walk(server: Server, *, at_most: int | None = None) -> list[int]:
    read = pages(
        cast("Transport", server), "/api/v4/contacts", "contacts", [("limit", "1")], Priority.IMPORT, at_most=at_most
    )
    return [item["id"] async for items in read for item in items]


async def test_a_list_has_no_length_at_which_the_walk_gives_up() -> None:
    """It once did at 400 pages: in an account with more contacts than 100,000, the rest were unknown callers."""
    server = Server(lambda page: a_page(page, has_next=page < 5_000))
    assert await walk(server) == list(range(1, 5_001))


async def test_who_wants_a_few_pages_gets_no_more() -> None:
    server = Server(a_page)
    assert await walk(server, at_most=3) == [1, 2, 3]
    assert server.asked == [1, 2, 3]


@pytest.mark.parametrize("last", [None, a_page()])
async def test_nothing_ends_the_walk_whatever_the_page_before_promised(last: Answer) -> None:
    assert await walk(Server(lambda page: a_page(page) if page < 3 else last)) == [1, 2]


async def test_a_page_that_comes_again_is_not_taken_for_the_end() -> None:
    """Persons not seen by then would be removed from the phone book."""
    server = Server(lambda page: a_page(min(page, 2)))
    with pytest.raises(ProtocolError, match="page 2 of contacts again"):
        await walk(server)
    assert await walk(Server(lambda _: a_page(7)), at_most=3) == [7]
