"""API keys in requests: `Authorization: Bearer dzv_…`, and what a key says about itself (`/api/me`)."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPMethod
from typing import Protocol

from aiohttp import web

from integration.domain.access import Permission, Viewer, viewer_by_key
from integration.domain.api_keys import KeyRefusal
from integration.domain.ids import Timestamp
from integration.domain.settings_changes import BY_FILE, Author, AuthorKind
from integration.ports.administrators import FoundKey
from integration.services.api_keys import KeyRefused
from integration.texts.offices import ApiProblem
from integration.web.api.answers import Refused, answer
from integration.web.api.door import Operation
from integration.web.pages.session import AdminSessions

_FOUND = web.RequestKey("api_key", FoundKey)
_LONGEST = 4096  # characters of the header
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Dozvon"'}


class KnownKeys(Protocol):
    """`services/api_keys.py` says what it raises."""

    async def recognised(self, text: str, *, address: str) -> FoundKey: ...


class KeyDoor:
    """Lets programs in by their keys. A request with the header is the key's, whatever cookies it brings."""

    def __init__(self, keys: KnownKeys, sessions: AdminSessions) -> None:
        self._keys = keys
        self._sessions = sessions

    @staticmethod
    def is_asked(request: web.Request) -> bool:
        return "Authorization" in request.headers

    async def viewer(self, request: web.Request) -> Viewer:
        """
        What the key of this request may.

        Raises:
            Refused: 401, it opens nothing, and why; 429, too many wrong ones came from this address.
            Unavailable.
        """
        scheme, _, text = request.headers["Authorization"].partition(" ")
        address = self._sessions.address_of(request)
        try:
            if scheme.lower() != "bearer" or len(text) > _LONGEST:
                raise KeyRefused(KeyRefusal.NO_KEY)
            found = await self._keys.recognised(text.strip(), address=address)
        except KeyRefused as exc:
            if wait := await self._sessions.count_wrong_key(request):
                headers = {"Retry-After": str(wait)}
                raise Refused(429, ApiProblem.WRONG_KEYS, {"seconds": wait}, headers=headers) from exc
            raise Refused(401, ApiProblem(exc.reason.value), headers=_CHALLENGE) from exc
        request[_FOUND] = found
        return viewer_by_key(found.key, found.maker, author_by(found, address))


def author_by(found: FoundKey, address: str) -> Author:
    """The maker, with the key's name: the history shows both."""
    maker = found.maker
    return Author(
        kind=AuthorKind.ADMINISTRATOR,
        address=address,
        administrator=BY_FILE if maker is None else maker.id,
        name="" if maker is None else maker.name,
        key=found.key.name,
    )


def me() -> Operation:
    """Who asks, and what they may: for programs to find out what is wrong, and for the widget's settings."""
    return Operation(
        method=HTTPMethod.GET,
        path="/api/me",
        handler=_me,
        permission=Permission.SEE_API,
        summary="Who asks, and what they may.",
        answers="Me",
    )


async def _me(request: web.Request, viewer: Viewer) -> web.Response:
    found = request.get(_FOUND)
    key = None if found is None else found.key
    return answer(
        {
            "kind": "administrator" if key is None else "key",
            "name": viewer.author.name if key is None else key.name,
            "offices": None if viewer.offices is None else sorted(viewer.offices),
            "permissions": sorted(viewer.permissions),
            "until": None if key is None else _moment(key.until),
        }
    )


def _moment(at: Timestamp | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
