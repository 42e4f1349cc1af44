"""Receives webhooks of CRMs at `/hooks/{crm}/{account}/{tail}`; only that CRM knows the tail. Connectors read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from integration.domain.ids import AccountId
from integration.ports.connector import WebhookIntake
from integration.web.permissions import for_everybody

log = structlog.get_logger()


@dataclass(slots=True)
class Hooks:
    """The intakes of all connections, by account."""

    _intakes: dict[AccountId, tuple[str, WebhookIntake]] = field(default_factory=dict)

    def add(self, account: AccountId, crm: str, intake: WebhookIntake) -> None:
        self._intakes[account] = (crm, intake)

    def remove(self, account: AccountId) -> None:
        self._intakes.pop(account, None)

    def path(self, account: AccountId) -> str:
        """The path of the address that the CRM gets, after our public address. Raises: KeyError."""
        crm, intake = self._intakes[account]
        return f"/hooks/{crm}/{account}/{intake.tail}"

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield from for_everybody(
            "the address holds a secret", [web.post("/hooks/{crm}/{account}/{tail}", self._handle)]
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        crm, intake = self._intakes.get(AccountId(request.match_info["account"]), ("", None))
        if intake is None or crm != request.match_info["crm"]:
            raise web.HTTPNotFound
        if not intake.is_addressed(request.match_info["tail"]):
            log.warning("webhook with a wrong secret", account_id=request.match_info["account"])
            raise web.HTTPNotFound
        intake.take(await read_body(request, intake.largest_body))
        return web.Response(text="ok")


async def read_body(request: web.Request, most: int) -> bytes | None:
    """The body; None if it is larger than `most`, and then the rest is not read."""
    body = await request.content.read(most + 1) if request.can_read_body else b""
    while len(body) <= most and not request.content.at_eof():
        body += await request.content.read(most + 1 - len(body))
    return body if len(body) <= most else None
