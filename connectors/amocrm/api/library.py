"""Runs the amocrm-api library on our transport. No other module imports it (docs/adr/0003).

The library is synchronous, made for one account of amocrm.ru, and refreshes tokens without a lock. Here its request
classes run in a greenlet with our own session. The session passes each request to the account's transport and waits
without blocking the loop. The transport decides host, token, pacing, deadline, repeats and errors. The library's entity
classes are not used: their links load through managers of the whole process, not of one account.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import greenlet
from amocrm.v2.entity.company import CompaniesInteraction
from amocrm.v2.entity.contact import ContactsInteraction
from amocrm.v2.entity.lead import LeadsInteraction
from amocrm.v2.entity.pipeline import PipelinesInteraction
from amocrm.v2.entity.task import TasksInteraction
from amocrm.v2.exceptions import BaseModuleException, NotFound
from amocrm.v2.interaction import GenericInteraction

from connectors.amocrm.api.transport import Transport
from integration.domain.calls.intents import Priority
from integration.domain.crm.entities import EntityKind
from integration.errors import OutcomeUnknown, ProtocolError

# The library has its own handler, which writes to stderr; everything must go to our log.
logging.getLogger("amocrm").handlers.clear()

_PREFIX = "/api/v4/"
_PERSONS: dict[EntityKind, type[Any]] = {
    EntityKind.CONTACT: ContactsInteraction,
    EntityKind.COMPANY: CompaniesInteraction,
    EntityKind.DEAL: LeadsInteraction,
}
_WITH = {EntityKind.CONTACT: ["leads"], EntityKind.COMPANY: ["leads"], EntityKind.DEAL: ["contacts"]}

Result = TypeVar("Result")


class Library:
    """The requests of one account that the library sends. Results are amoCRM's JSON, never the library's types."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def users(self, priority: Priority) -> list[dict[str, Any]]:
        # The library's own user class drops `with`, and the telephone number with it.
        users = self._on(GenericInteraction, priority, path="users")
        return await _run(lambda: list(users.get_all(include=["role", "group", "phone_number"])))

    async def pipelines(self, priority: Priority) -> list[dict[str, Any]]:
        pipelines = self._on(PipelinesInteraction, priority)
        return await _run(lambda: list(pipelines.get_all()))

    async def get(self, kind: EntityKind, entity_id: int, priority: Priority) -> dict[str, Any] | None:
        """A contact, company or deal; None when amoCRM answers 204. Raises NotFound for a 404, as the transport."""
        entities = self._on(_PERSONS[kind], priority)
        try:
            return await _run(lambda: dict(entities.get(entity_id, include=_WITH[kind])))
        except _Missing:
            return None

    async def create_contact(self, body: dict[str, Any], priority: Priority) -> int:
        contacts = self._on(ContactsInteraction, priority)
        return await _created(lambda: int(contacts.create(body)["id"]))

    async def create_deal(self, body: dict[str, Any], priority: Priority) -> int:
        deals = self._on(LeadsInteraction, priority)
        return await _created(lambda: int(deals.create(body)["id"]))

    async def create_task(self, body: dict[str, Any], priority: Priority) -> int:
        tasks = self._on(TasksInteraction, priority)
        return await _created(lambda: int(tasks.create(body)["id"]))

    def _on(self, interaction: type[Any], priority: Priority, **options: Any) -> Any:
        session = _Session(self._transport, priority)
        return interaction(token_manager=_NoTokens(), session=session, headers={}, **options)


class _Missing(Exception):
    """amoCRM answered 204 for a single object."""


class _NoTokens:
    """Takes the place of the library's token manager: the transport sets token and host."""

    subdomain = "account"

    def get_access_token(self) -> str:
        return ""


class _Response:
    """The part of a `requests` response that the library reads. Never an error: the transport raises those."""

    def __init__(self, body: Any) -> None:
        self.status_code = 204 if body is None else 200
        self._body = body

    def json(self) -> Any:
        return self._body

    @property
    def text(self) -> str:
        return json.dumps(self._body)


class _Session:
    """Takes the place of the library's `requests.Session`."""

    def __init__(self, transport: Transport, priority: Priority) -> None:
        self._transport = transport
        self._priority = priority

    def request(
        self, method: str, url: str, json: Any = None, params: dict[str, Any] | None = None, headers: Any = None
    ) -> _Response:
        path = urlsplit(url).path
        if not path.startswith(_PREFIX):
            raise ProtocolError("amocrm-api asks for a path outside the API")
        query: Sequence[tuple[str, str]] = [(k, str(v)) for k, v in (params or {}).items() if v is not None]
        pending = self._transport.request(method.upper(), path, priority=self._priority, query=query, body=json)
        return _Response(_await(pending))


def _await(pending: Awaitable[Any]) -> Any:
    """Inside `_run`: pass the awaitable to the coroutine that runs us, and continue with its result."""
    return greenlet.getcurrent().parent.switch(pending)


async def _created(create: Callable[[], int]) -> int:
    """Raises: OutcomeUnknown if the answer does not name the new object, which may exist."""
    try:
        return await _run(create)
    except ProtocolError as exc:
        raise OutcomeUnknown(str(exc)) from exc


async def _run(work: Callable[[], Result]) -> Result:
    """
    Run synchronous library code; this coroutine awaits its requests. An error of a request, also a cancellation, is
    raised inside the library's code where it made the request.

    Raises:
        ProtocolError: the library cannot read the answer.
    """
    worker = greenlet.greenlet(work)
    try:
        step = worker.switch()
        while not worker.dead:
            try:
                answer = await step
            except BaseException as exc:  # noqa: BLE001 -- passed on unchanged, CancelledError too
                step = worker.throw(exc)
            else:
                step = worker.switch(answer)
    except NotFound as exc:
        raise _Missing from exc
    except (BaseModuleException, KeyError, IndexError, TypeError, AttributeError, ValueError) as exc:
        raise ProtocolError(f"amoCRM's answer has an unknown shape ({type(exc).__name__})") from exc
    result: Result = step
    return result
