"""The widget's API for notes of calls, as `widgets/README.md` describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from integration.domain.calls.notes import MOST_NOTE_CHARACTERS, MOST_STEP_CHARACTERS
from integration.ports.crm import WidgetUser
from integration.services.accounts import Account
from integration.services.call_notes import CallNoteService, Conclusion, note_fields, results_of
from integration.services.click import Refused
from integration.web.errors import json_body, text_field
from integration.web.permissions import for_everybody

_PREFIX = "/api/widget"
_LONGEST_CALL = 200
_MOST_REVISION = 2**31


class WidgetNotes:
    def __init__(
        self, notes: CallNoteService, who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]]
    ) -> None:
        """`who`: the user that the CRM's token proves. Raises: AuthFailed, Refused."""
        self._notes = notes
        self._who = who

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = (
            web.get(f"{_PREFIX}/notes", self.read),
            web.post(f"{_PREFIX}/notes", self.save),
            web.post(f"{_PREFIX}/results", self.conclude),
        )
        return [*for_everybody("the CRM's token is checked", routes)]

    async def read(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        call = request.query.get("call", "")[:_LONGEST_CALL]
        note = await self._notes.read(account, user.manager, call)
        return web.json_response(
            {
                "note": note_fields(note),
                "results": list(results_of(account.settings)),
                "zone": account.settings.zone,
                "can_plan": account.crm.abilities.tasks,
            }
        )

    async def save(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        body = await json_body(request)
        note = await self._notes.save_text(
            account,
            user.manager,
            text_field(body, "call", longest=_LONGEST_CALL),
            text=_long_text(body, "text", MOST_NOTE_CHARACTERS),
            seen=_revision(body),
        )
        return web.json_response({"note": note_fields(note)})

    async def conclude(self, request: web.Request) -> web.Response:
        user, account = await self._who(request)
        body = await json_body(request)
        step = body.get("next_step")
        if step is not None and not isinstance(step, dict):
            raise Refused("bad_request", "next_step: an object or null")
        conclusion = Conclusion(
            request=text_field(body, "request", longest=64),
            text=_long_text(body, "text", MOST_NOTE_CHARACTERS),
            result=None if body.get("result") is None else text_field(body, "result"),
            step_text="" if step is None else _long_text(step, "text", MOST_STEP_CHARACTERS),
            due=None if step is None else text_field(step, "due", longest=32),
        )
        call = text_field(body, "call", longest=_LONGEST_CALL)
        note = await self._notes.conclude(account, user.manager, call, conclusion, seen=_revision(body))
        return web.json_response({"note": note_fields(note)}, status=201)


def _long_text(body: dict[str, Any], name: str, most: int) -> str:
    """A text with several lines. A pasted CR LF counts as one character later, so twice as many may come."""
    return text_field(body, name, longest=2 * most)


def _revision(body: dict[str, Any]) -> int:
    value = body.get("revision")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST_REVISION:
        raise Refused("bad_request", "revision: a whole number")
    return value
