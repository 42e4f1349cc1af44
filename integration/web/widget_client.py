"""What pages in a CRM's frames ask besides the widget's API: a client's calls, and which call the CRM's card shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.phone_text import read_text
from integration.ports.crm import WidgetUser
from integration.services.accounts import Account
from integration.services.card import display_number
from integration.services.click import Refused
from integration.services.client_calls import ClientCall, ClientCallService
from integration.services.crm_calls import CrmCalls
from integration.services.frame_sessions import FrameSessions
from integration.web.permissions import for_everybody

_LONGEST_ID = 200


class WidgetClient:
    """
    Args:
        who: the user that the page's token proves. Raises: AuthFailed, Refused.
        public_url: where browsers play recordings.
    """

    def __init__(
        self,
        clients: ClientCallService,
        crm_calls: CrmCalls,
        sessions: FrameSessions,
        who: Callable[[web.Request], Awaitable[tuple[WidgetUser, Account]]],
        *,
        public_url: str,
    ) -> None:
        self._clients = clients
        self._crm_calls = crm_calls
        self._sessions = sessions
        self._who = who
        self._public_url = public_url

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = (web.get("/api/widget/client", self.client), web.get("/api/widget/crm-call", self.crm_call))
        return [*for_everybody("the token of the page is checked", routes)]

    async def client(self, request: web.Request) -> web.Response:
        """Of the entity in whose card the page stands: the CRM has said that the person may see it."""
        _, account = await self._who(request)
        session = await self._sessions.session(request.headers.get("X-Auth-Token", ""))
        if session.subject is None:
            raise Refused("not_allowed", "this page stands in no client's card")
        found = await self._clients.of(account, session.subject)
        numbering = account.settings.numbering
        return web.json_response(
            {
                "phones": [{"dial": phone, "number": _shown(phone, numbering)} for phone in found.phones],
                "calls": [self._call(account, each) for each in found.calls],
                "has_more": found.has_more,
                "zone": account.settings.zone,
            },
            headers={"Cache-Control": "no-store"},
        )

    async def crm_call(self, request: web.Request) -> web.Response:
        """Which of the person's calls the CRM calls so."""
        user, account = await self._who(request)
        call = await self._crm_calls.find(account, user.manager, request.query.get("id", "")[:_LONGEST_ID])
        return web.json_response({"call": call}, headers={"Cache-Control": "no-store"})

    def _call(self, account: Account, each: ClientCall) -> dict[str, Any]:
        call, settings = each.call, account.settings
        return {
            "id": call.id,
            "at": call.started_at,
            "direction": call.direction,
            "disposition": call.disposition,
            "talk_seconds": round(call.talked_seconds),
            "number": display_number(call.client_number, settings.numbering),
            "by": account.name_of(call.final_responsible, call.pbx),
            "line_name": settings.line(call.line).source if call.line else None,
            "record": f"{self._public_url}/r/{each.recording}.mp3" if each.recording else None,
        }


def _shown(phone: str, numbering: Numbering) -> str:
    """The first number of a phone field as people write it; the field itself if it has none."""
    numbers = read_text(phone, numbering).numbers
    return display_number(numbers[0].e164, numbering) if numbers else phone
