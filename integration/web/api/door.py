"""The one way into the API: who asks, from where, and whether they may. Each operation declares what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPMethod
from typing import Protocol

import structlog
from aiohttp import web

from integration.domain.access import Granted, Permission, Refusal, Viewer, allows
from integration.domain.ids import AccountId
from integration.errors import Unavailable
from integration.texts.offices import ApiProblem
from integration.web.api.answers import Refused, refusal_answer
from integration.web.pages.session import AdminSessions
from integration.web.permissions import needs

log = structlog.get_logger()

Operate = Callable[[web.Request, Viewer], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    Attributes:
        path: as aiohttp's router reads it; `{office}` in it is whose settings the permission is about.
        summary: a short sentence in English, for the description.
        sends: the name of the schema of its body; empty: it has none.
        answers: the name of the schema of a good answer.
        asks: numbers that may stand in the query.
        is_conditional: it needs `If-Match`.
        refusals: statuses of its own, beside those that every operation has.
    """

    method: HTTPMethod
    path: str
    handler: Operate
    permission: Permission
    summary: str
    answers: str
    sends: str = ""
    asks: Sequence[str] = ()
    is_conditional: bool = False
    refusals: Sequence[int] = field(default=())


class ByKey(Protocol):
    """Lets programs in by their keys; `keys.py` describes it."""

    def is_asked(self, request: web.Request) -> bool: ...

    async def viewer(self, request: web.Request) -> Viewer: ...


class ApiDoor:
    """
    Args:
        keys: None: only sessions of the pages are let in.
        viewer_of: who is signed in with this request, once that is known; by default as the sessions say.
    """

    def __init__(
        self,
        sessions: AdminSessions,
        keys: ByKey | None = None,
        viewer_of: Callable[[web.Request], Viewer] | None = None,
    ) -> None:
        self._sessions = sessions
        self._keys = keys
        self._viewer_of = viewer_of or sessions.viewer

    def routes(self, operations: Sequence[Operation]) -> list[web.AbstractRouteDef]:
        return [
            declared
            for each in operations
            for declared in needs(
                each.permission, web.route(each.method, each.path, self._guarded(each)), is_checked_there=True
            )
        ]

    def _guarded(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await operation.handler(request, await self._let_in(request, operation))
            except Refused as exc:
                return refusal_answer(request, exc)
            except Unavailable as exc:
                log.warning("request not carried out", place=operation.path, error=str(exc))
                return refusal_answer(request, Refused(503, ApiProblem.UNAVAILABLE))

        return handle

    async def _let_in(self, request: web.Request, operation: Operation) -> Viewer:
        """Raises Refused, Unavailable."""
        viewer = await self._viewer(request)
        office = request.match_info.get("office")
        decision = allows(viewer, operation.permission, None if office is None else AccountId(office))
        if isinstance(decision, Granted):
            return viewer
        if decision.reason is Refusal.NOT_THEIRS:  # as if it did not exist
            raise Refused(404, ApiProblem.NO_OFFICE, {"office": office})
        raise Refused(403, ApiProblem.NOT_ALLOWED)

    async def _viewer(self, request: web.Request) -> Viewer:
        """Whose request it is. Raises Refused, Unavailable."""
        if self._keys is not None and self._keys.is_asked(request):
            return await self._keys.viewer(request)  # no page of another site can send this header to us
        if not await self._sessions.is_signed_in(request):
            raise Refused(401, ApiProblem.SIGN_IN)
        if not self._is_from_our_page(request):
            raise Refused(403, ApiProblem.NOT_OUR_PAGE)
        return self._viewer_of(request)

    def _is_from_our_page(self, request: web.Request) -> bool:
        """No other page can read an answer; reading is refused to it all the same, as far as a browser says so."""
        if request.method in (HTTPMethod.GET, HTTPMethod.HEAD):
            return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
        return self._sessions.is_own_page(request)
