"""A manager's page of the CRM as Dozvon sees it: the widget's token, its requests and its WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt

from tests.e2e.crm_site import CrmSite

PATIENCE_SECONDS = 60.0  # on a slow, busy machine


def widget_headers(crm: CrmSite, manager: int) -> dict[str, str]:
    """The CRM page's token for the widget, and where the page comes from."""
    now = int(time.time())
    claims = {
        "iss": crm.url, "aud": "http://127.0.0.1", "jti": str(uuid.uuid4()), "iat": now, "nbf": now,
        "exp": now + 600, "account_id": crm.account.id, "user_id": manager,
        "subdomain": crm.account.subdomain, "client_uuid": crm.client_id, "is_admin": False,
    }  # fmt: skip
    return {"X-Auth-Token": jwt.encode(claims, crm.client_secret, algorithm="HS256"), "Origin": crm.url}


async def click(session: aiohttp.ClientSession, url: str, crm: CrmSite, manager: int, number: str) -> int:
    """Click to call through the Dozvon at `url`. Returns the answer's status."""
    body = {"number": number, "request": uuid.uuid4().hex}
    address = f"{url}/api/widget/call"
    async with session.post(address, json=body, headers=widget_headers(crm, manager)) as said:
        return said.status


class WidgetPage:
    """A connected page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._unanswered = 0  # pings

    async def gets_known(self, state: str) -> dict[str, Any]:
        """Wait for the card of a call in this state that says who calls: on a busy machine the name comes later."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                card: dict[str, Any] = (await self.gets("call_updated", state=state))["call"]
                if card["is_looked_up"]:
                    return card

    async def gets(self, kind: str, *, state: str | None = None) -> dict[str, Any]:
        """Wait for a message of this kind, of a call in this state. A page that says nothing for long is closed."""
        await self._ping()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await self._receive()
                if message["type"] == kind and (state is None or message["call"]["state"] == state):
                    return message

    async def hangs_up(self, call: str) -> None:
        """Press the red button once, and wait for the end. A refusal is a failure, in any moment of the call."""
        await self._ping()
        await self.socket.send_json({"type": "hang_up", "call": call})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await self._receive()
                assert message["type"] != "notice", message
                if message["type"] == "call_updated" and message["call"]["state"] == "ended":
                    return

    async def everything(self) -> list[dict[str, Any]]:
        """What the page was told up to now, and did not read yet."""
        await self._ping()
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._unanswered:
                told.append(await self._receive())
        return [message for message in told if message["type"] != "pong"]

    async def _ping(self) -> None:
        self._unanswered += 1
        await self.socket.send_json({"type": "ping"})

    async def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = await self.socket.receive_json()
        self._unanswered -= message["type"] == "pong"
        return message


@contextlib.asynccontextmanager
async def widget_page(
    session: aiohttp.ClientSession, url: str, crm: CrmSite, manager: int
) -> AsyncIterator[WidgetPage]:
    """Open a manager's page, connected to the Dozvon at `url`."""
    headers = widget_headers(crm, manager)
    async with session.post(f"{url}/api/widget/session", json={"protocol": 1}, headers=headers) as said:
        assert said.status == 200, await said.text()
        ticket = (await said.json())["ticket"]
    async with session.ws_connect(f"{url}/api/widget/ws?ticket={ticket}", headers={"Origin": crm.url}) as socket:
        yield WidgetPage(socket)
