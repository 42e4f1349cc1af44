"""Takes a CRM's message that our application was installed in it, at the redirect address; no person waits for it.

Anybody can post there, so each message costs at most two requests to the CRM, few run at once, and a brake stops an
address whose messages are refused. Pages that install an application are frames (`FrameGate`), not here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

import structlog
from aiohttp import web

from integration.domain.ids import AccountId
from integration.errors import AuthFailed, DozvonError, Rejected
from integration.ports.clock import Clock
from integration.ports.connector import Connector, Granted, Installation
from integration.web.consent import Office
from integration.web.flow import Flow
from integration.web.hooks import read_body
from integration.web.permissions import for_everybody

log = structlog.get_logger()

_LARGEST = 256 * 1024  # bytes; a message has a few kilobytes
_AT_ONCE = 4
_REFUSED_AT_MOST, _REFUSED_SECONDS = 20, 60.0  # from one address


class Consents(Protocol):
    """`consent.py` describes it."""

    async def connected(self, account: AccountId) -> None: ...

    async def hold_for(self, account: AccountId, granted: Granted, *, or_another: bool = False) -> None: ...


class Installations:
    """
    Args:
        open_frame: answers a POST that opens a page of ours (`frames.py`), where a CRM has one address for both.
        address_of: the visitor's address.
    """

    def __init__(
        self,
        offices: Mapping[AccountId, Office],
        consents: Consents,
        clock: Clock,
        *,
        open_frame: Callable[[web.Request], Awaitable[web.Response]],
        address_of: Callable[[web.Request], str],
    ) -> None:
        self._offices = offices
        self._consents = consents
        self._open_frame = open_frame
        self._address_of = address_of
        self._refused = Flow(most=_REFUSED_AT_MOST, seconds=_REFUSED_SECONDS, now=clock.now)
        self._stopped: dict[str, float] = {}
        self._clock = clock
        self._gate = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        routes = [web.post("/oauth/{crm}", self._take), web.post("/oauth/{crm}/{account}", self._take)]
        yield from for_everybody("the CRM itself confirms the message", routes)

    async def _take(self, request: web.Request) -> web.Response:
        gates = [office.connector.frames for office in self._addressed(request)]
        if any(gate is not None and gate.opens(request.query) for gate in gates):
            return await self._open_frame(request)
        address = self._address_of(request)
        if self._stopped.get(address, 0.0) > self._clock.now():
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(_REFUSED_SECONDS))})
        try:
            office, installation = await self._read(request)
            async with self._gate:
                await self._connect(office, installation, is_named="account" in request.match_info)
        except (Rejected, AuthFailed) as exc:
            self._note_refusal(address)
            log.warning("installation refused", crm=request.match_info["crm"], reason=str(exc))
            raise web.HTTPForbidden(text=str(exc)) from exc
        except DozvonError as exc:
            log.warning("installation not taken", crm=request.match_info["crm"], reason=str(exc))
            raise web.HTTPServiceUnavailable(text=str(exc)) from exc
        return web.Response(text="ok")

    async def _read(self, request: web.Request) -> tuple[Office, Installation]:
        """The account that the message is for. Raises: Rejected, HTTPNotFound, HTTPRequestEntityTooLarge."""
        offices = self._addressed(request)
        body = await read_body(request, _LARGEST)
        if body is None:
            raise web.HTTPRequestEntityTooLarge(max_size=_LARGEST, actual_size=_LARGEST + 1)
        installation = offices[0].connector.read_installation(body)
        return self._meant(offices, installation, is_named="account" in request.match_info), installation

    def _addressed(self, request: web.Request) -> list[Office]:
        """Raises: HTTPNotFound."""
        crm, named = request.match_info["crm"], request.match_info.get("account")
        offices = [
            office
            for key, office in self._offices.items()
            if office.connector.kind == crm and named in (None, str(key))
        ]
        if not offices:
            raise web.HTTPNotFound
        return offices

    def _meant(self, offices: list[Office], installation: Installation, *, is_named: bool) -> Office:
        """Several accounts of one application have one address: the account that has this one of the CRM's already."""
        if is_named or len(offices) == 1:
            return offices[0]
        known = [each for each in offices if each.connector.is_account(installation.crm_account_id)]
        free = [each for each in offices if not each.connector.is_known]
        if not known and not free:
            raise Rejected("Every account of this application has another account of the CRM", code="account")
        return (known or free)[0]

    async def _connect(self, office: Office, installation: Installation, *, is_named: bool) -> None:
        connector: Connector = office.connector
        granted = await connector.take_installation(installation)
        if granted is None:
            await self._consents.connected(office.account.id)
        else:
            await self._consents.hold_for(office.account.id, granted, or_another=not is_named)

    def _note_refusal(self, address: str) -> None:
        if not self._refused.allows(address):
            now = self._clock.now()
            self._stopped = {key: until for key, until in self._stopped.items() if until > now}
            self._stopped[address] = now + _REFUSED_SECONDS
