"""Our use of amocrm-api: the account it works for, what it may touch, how it fails."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.amocrm.api.library import Library
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind
from integration.errors import NotFound, OutcomeUnknown, ProtocolError, Unavailable


class Answers:
    """A fake transport of one account; `answer` gets the request."""

    def __init__(self, answer: Callable[[str, str], Any]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []

    async def request(
        self, method: str, path: str, *, priority: Priority, query: Sequence[tuple[str, str]] = (), body: Any = None
    ) -> Any:
        self.asked.append((method, path, dict(query), body))
        await asyncio.sleep(0)
        return self._answer(method, path)


def library(answer: Callable[[str, str], Any]) -> tuple[Library, Answers]:
    transport = Answers(answer)
    return Library(transport), transport  # type: ignore[arg-type]


async def test_accounts_at_work_at_once_do_not_meet() -> None:
    """The library itself supports one account in a process."""

    def of(account: int) -> Callable[[str, str], Any]:
        return lambda method, path: {"id": int(path.rpartition("/")[2]), "account_id": account}

    accounts = [library(of(number))[0] for number in range(5)]
    asked = [(number, n) for number in range(5) for n in range(1, 20)]
    found = await asyncio.gather(*(accounts[a].get(EntityKind.CONTACT, n, Priority.CARD) for a, n in asked))
    assert [(each["account_id"], each["id"]) for each in found if each] == asked


async def test_the_loop_goes_on_while_the_library_waits() -> None:
    free = asyncio.Event()

    async def request(method: str, path: str, **options: Any) -> Any:
        await free.wait()
        return {"id": 1}

    fenced, transport = library(lambda method, path: None)
    transport.request = request  # type: ignore[method-assign]
    waiting = asyncio.create_task(fenced.get(EntityKind.DEAL, 1, Priority.CARD))
    await asyncio.sleep(0)
    free.set()
    assert await waiting == {"id": 1}


async def test_the_library_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a connection past the transport")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    fenced, transport = library(lambda method, path: {"_embedded": {"users": [], "pipelines": []}, "_links": {}})
    await fenced.users(Priority.IMPORT)
    await fenced.pipelines(Priority.IMPORT)
    assert [asked[:2] for asked in transport.asked] == [
        ("GET", "/api/v4/users"), ("GET", "/api/v4/leads/pipelines"),
    ]  # fmt: skip
    assert transport.asked[0][2]["with"] == "role,group,phone_number"


async def test_pages_are_followed_to_the_last() -> None:
    pages = [
        {"_embedded": {"users": [{"id": 1}]}, "_links": {"next": {"href": "https://evil.test/"}}},
        {"_embedded": {"users": [{"id": 2}]}, "_links": {}},
    ]
    fenced, transport = library(lambda method, path: pages.pop(0))
    assert await fenced.users(Priority.IMPORT) == [{"id": 1}, {"id": 2}]
    assert [asked[2]["page"] for asked in transport.asked] == ["1", "2"]


@pytest.mark.parametrize("error", [Unavailable("later"), NotFound("gone"), asyncio.CancelledError()])
async def test_an_error_of_a_request_comes_out_as_it_is(error: BaseException) -> None:
    def fail(method: str, path: str) -> Any:
        raise error

    fenced, _ = library(fail)
    with pytest.raises(type(error)) as raised:
        await fenced.create_contact({"name": "x"}, Priority.CARD)
    assert raised.value is error


@pytest.mark.parametrize("answer", [[], {}, {"_embedded": []}, {"_embedded": {"contacts": []}}, "text", 7])
async def test_a_strange_answer_is_a_broken_protocol(answer: Any) -> None:
    fenced, _ = library(lambda method, path: answer)
    with pytest.raises(ProtocolError):
        await fenced.pipelines(Priority.CARD)
    with pytest.raises(OutcomeUnknown):  # it may have been created
        await fenced.create_contact({"name": "x"}, Priority.CARD)


async def test_an_unknown_id_is_none() -> None:
    fenced, _ = library(lambda method, path: None)
    assert await fenced.get(EntityKind.COMPANY, 5, Priority.CARD) is None
