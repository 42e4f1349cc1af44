"""The journal of calls, and the page of one call: its timeline, the reasons of its route and its delivery."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import IntentKind
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, Timestamp
from integration.domain.numbers.client import search_keys
from integration.domain.reasons import Reason
from integration.ports.notes import CallNotes
from integration.ports.stores import CallStore, Outbox, PhoneBook, RouteLog
from integration.services.accounts import Account
from integration.web.campaigns.callback_rows import CallbackRow
from integration.web.language import language_of
from integration.web.pages.note_rows import note_rows
from integration.web.pages.shell import Shell
from integration.web.pages.timeline import event_rows, timeline_rows
from integration.web.pages.view import (
    LONGEST_SEARCH,
    CallRows,
    delivery_text,
    leg_rows,
    line_text,
    outbox_rows,
    person_text,
    press_rows,
    sentences,
)
from integration.web.permissions import needs

_PAGE_ROWS = 50


class Timeline(Protocol):
    async def timeline(self, account: AccountId, call: CallId) -> list[dict[str, Any]]: ...


class CallJournal(CallStore, Timeline, Protocol):
    """The call store with its timelines."""


class CallPages:
    def __init__(
        self,
        shell: Shell,
        *,
        calls: CallJournal,
        outbox: Outbox,
        phone_book: PhoneBook,
        routes: RouteLog,
        notes: CallNotes,
        callback_of: Callable[[Account, CallId, str], Awaitable[CallbackRow | None]],
    ) -> None:
        """`callback_of`: what the page says, in a language, of the callback that a call asks for; None: of none."""
        self._shell = shell
        self._calls = calls
        self._outbox = outbox
        self._routes = routes
        self._notes = notes
        self._callback_of = callback_of
        self._rows = CallRows(phone_book)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            *needs(
                Permission.SEE_CALLS,
                web.get("/admin/{account}/calls", self.calls),
                web.get("/admin/{account}/calls/{call}", self.call),
            )
        ]

    async def calls(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        number = request.query.get("number", "")[:LONGEST_SEARCH]
        before = _moment(request.query.get("before", ""))
        found = await self._found(account, number, before)
        return await self._shell.page(
            request,
            "calls.html",
            account=account,
            section="calls",
            number=number,
            rows=await self._rows.of(account, found),
            nothing_found="no_calls_found" if number.strip() else "no_older_calls" if before else "no_calls",
            is_search=bool(number.strip()),
            live=before is None,
            older=found[-1].started_at if len(found) == _PAGE_ROWS else None,
        )

    async def call(self, request: web.Request) -> web.Response:
        account = self._shell.account(request)
        call = await self._calls.get(account.id, CallId(request.match_info["call"]))
        if call is None or call.elsewhere:
            raise web.HTTPNotFound
        lang = language_of(request)
        decision = await self._routes.of(account.id, call.id)
        results = await self._outbox.results(account.id, call.id)
        logged = results.get(IntentKind.LOG_CALL, {})
        recording = results.get(IntentKind.FETCH_RECORDING, {}).get("recording")
        entity = logged.get("entity")
        [row] = await self._rows.of(account, [call])
        items = await self._outbox.of_call(account.id, call.id)
        entries = await self._calls.timeline(account.id, call.id)
        return await self._shell.page(
            request,
            "call.html",
            account=account,
            section="calls",
            call=call,
            row=row,
            route_reasons=sentences(account, decision.reasons, lang) if decision else [],
            attribution_reasons=sentences(account, map(_stored_reason, logged.get("reasons", [])), lang),
            crm_url=account.crm.entity_url(EntityRef(EntityKind(entity["kind"]), entity["id"])) if entity else None,
            recording=f"/r/{recording}.mp3" if recording else None,
            line=line_text(account, call),
            presses=press_rows(account, call),
            legs=leg_rows(account, call, lang),
            timeline=timeline_rows(
                entries,
                lang,
                ZoneInfo(account.settings.zone),
                lambda number: person_text(account, number, call.pbx) if number else "",
                is_internal=call.direction is Direction.INTERNAL,
            ),
            events=event_rows(entries, call.started_at),
            live=True,
            notes=note_rows(account, await self._notes.of_call(account.id, call.id), items),
            outbox=outbox_rows(account, items),
            delivery_text=delivery_text(call, items),
            callback=await self._callback_of(account, call.id, lang),
        )

    async def _found(self, account: Account, number: str, before: Timestamp | None) -> list[Call]:
        """The newest calls with any of the numbers in a text; without a text the newest calls of all."""
        if not number.strip():
            return await self._calls.recent(account.id, limit=_PAGE_ROWS, before=before)
        found = [
            await self._calls.recent(account.id, match_key=key, limit=_PAGE_ROWS, before=before)
            for key in search_keys(number, account.settings.numbering)
        ]
        newest_first = sorted((call for calls in found for call in calls), key=lambda call: -call.started_at)
        return newest_first[:_PAGE_ROWS]


def _moment(text: str) -> Timestamp | None:
    try:
        moment = float(text[:40]) if text else math.nan
    except ValueError:
        return None
    return Timestamp(moment) if math.isfinite(moment) else None


def _stored_reason(stored: dict[str, Any]) -> Reason:
    return Reason(code=str(stored["code"]), detail=dict(stored["detail"]))
