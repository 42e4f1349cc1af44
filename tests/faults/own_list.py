"""A manager's own list among the calls: Grigory keeps his CRM page open, and presses start whenever the list rests."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import aiohttp

from integration.domain.ids import AccountId, ManagerId
from integration.storage import Storage
from tests.e2e.crm_site import GRIGORY, CrmSite
from tests.e2e.widget_page import widget_headers, widget_page
from tests.faults.campaign import Somebody

_AGAIN_SECONDS = 0.3
_PRESS_SECONDS = 1.0  # a person presses no faster
_LOOK_SECONDS = 0.5
_LOST = (aiohttp.ClientError, AssertionError, TimeoutError, TypeError, ValueError)
"""How a page ends whose process was killed, or is not there yet."""


class OwnListOf:
    """
    The list of an account with amoCRM.

    Args:
        clients: with their contacts in the CRM.
    """

    manager = ManagerId(str(GRIGORY))

    def __init__(self, account: AccountId, crm: CrmSite, clients: Sequence[tuple[Somebody, int]]) -> None:
        self._account, self._crm = account, crm
        self.clients = [client for client, _ in clients]
        self._contacts = [contact for _, contact in clients]
        self._own: dict[str, Any] = {}
        self._of_key: dict[int, str] = {}  # the state of each client
        self._pressed_at = 0.0
        self._is_over = False
        self._keeping: asyncio.Task[None] | None = None

    @property
    def numbers(self) -> frozenset[str]:
        return frozenset(number for client in self.clients for number in client.numbers)

    async def begin(self, session: aiohttp.ClientSession, url: str) -> None:
        """Select the clients in the CRM, open the page, and start."""
        body = {"entities": [{"kind": "contact", "id": str(contact)} for contact in self._contacts]}
        headers = widget_headers(self._crm, GRIGORY)
        async with session.post(f"{url}/api/widget/own-list/entries", json=body, headers=headers) as answer:
            said = await answer.json()
            assert said == {"added": len(self.clients), "left_out": {}}, said
        self._keeping = asyncio.create_task(self._keep(session, url))

    async def finish(self, storage: Storage) -> None:
        """Stop it, and wait until nothing is on its way. Its clients need not all have been called."""
        self._is_over = True
        while (await storage.own_lists.get(self._account, self.manager)).phase != "idle":  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(_LOOK_SECONDS)
        await self.close()

    async def close(self) -> None:
        """Close the page."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def _keep(self, session: aiohttp.ClientSession, url: str) -> None:
        while True:
            with contextlib.suppress(*_LOST):
                async with widget_page(session, url, self._crm, GRIGORY) as page:
                    pinging = asyncio.create_task(_ping(page.socket))
                    try:
                        async for message in page.socket:
                            self._hear(message.json())
                            await self._press(page.socket)
                    finally:
                        pinging.cancel()
                        await asyncio.gather(pinging, return_exceptions=True)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _hear(self, said: dict[str, Any]) -> None:
        own = said["own_list"] if said["type"] == "snapshot" else said if said["type"] == "own_list" else None
        if own is None:
            return
        if own["base"] is None:
            self._of_key.clear()
        self._own = own
        self._of_key |= {client["key"]: client["state"] for client in own["clients"]}

    async def _press(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        action = self._wanted()
        if action is None or time.monotonic() - self._pressed_at < _PRESS_SECONDS:
            return
        self._pressed_at = time.monotonic()
        await socket.send_json({"type": "own_list", "action": action, "client": None})

    def _wanted(self) -> str | None:
        """The button to press now."""
        phase = self._own.get("phase")
        if self._is_over:
            return None if phase in (None, "idle") or self._own["leaving"] else "stop"
        if phase == "held":
            return "resume"
        is_left = any(state in ("waiting", "taken") for state in self._of_key.values())
        return "start" if phase == "idle" and is_left else None


async def _ping(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Each answer is a moment to press something."""
    while True:
        await asyncio.sleep(_PRESS_SECONDS)
        await socket.send_json({"type": "ping"})
