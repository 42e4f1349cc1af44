"""Sessions as rows of a page: which browser, from where, since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from integration.domain.ids import Timestamp
from integration.ports.administrators import Session
from integration.web.browser_names import browser_name
from integration.web.pages.session import AdminSessions
from integration.web.pages.shell import Shell


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    id: str
    browser: str  # empty: not known
    address: str
    since: str
    used: str
    is_own: bool


class SessionRows:
    def __init__(self, shell: Shell, sessions: AdminSessions) -> None:
        self._shell = shell
        self._sessions = sessions

    async def live(self, now: Timestamp) -> list[Session]:
        """Everybody's, the newest use first."""
        password = await self._sessions.known()
        return list(await self._sessions.store.live(file_mark=password.mark if password else None, now=now))

    async def of(self, request: web.Request, found: Iterable[Session]) -> list[SessionRow]:
        own = await self._sessions.signed_in(request)
        return [
            SessionRow(
                id=each.id,
                browser=browser_name(each.browser),
                address=each.address,
                since=self._shell.moment(request, each.begun_at),
                used=self._shell.moment(request, each.used_at),
                is_own=own is not None and own.session.id == each.id,
            )
            for each in found
        ]
