"""Events: finds the handlers of a change, posts online events once, and keeps offline events for their application.

An online event is posted once and never repeated, whatever the receiver answers.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web

from connectors.bitrix24.sandbox import brackets, tokens
from connectors.bitrix24.sandbox.guard import pause
from connectors.bitrix24.sandbox.portal import Author, Change, Portal
from connectors.bitrix24.sandbox.sandbox import SANDBOX, Handler, Install, OfflineEvent, Sandbox

log = structlog.get_logger()

HTTP = web.AppKey("http", aiohttp.ClientSession)
DELIVERIES: web.AppKey[Deliveries] = web.AppKey("deliveries")

_CRM = ("LEAD", "DEAL", "CONTACT", "COMPANY", "ACTIVITY", "TIMELINECOMMENT", "DYNAMICITEM")
EVENTS: dict[str, str] = {
    **{f"ONCRM{kind}{action}": "crm" for kind in _CRM for action in ("ADD", "UPDATE", "DELETE")},
    **dict.fromkeys(("ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART"), "telephony"),
    **dict.fromkeys(("ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND"), "telephony"),
    "ONUSERADD": "user",
    **dict.fromkeys(("ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE", "ONAPPTEST", "ONAPPMETHODCONFIRM"), ""),
    **dict.fromkeys(("ONAPPPAYMENT", "ONOFFLINEEVENT"), ""),
}
"""Event -> the scope that it needs."""


class Deliveries:
    """Runs deliveries: one after another for each handler, so that its events keep their order."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self._sandbox = sandbox
        self._http = http
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[int, asyncio.Queue[str]] = {}
        self._told_offline: dict[int, float] = {}

    # ---- from changes to handlers

    def on_change(self, portal: Portal, change: Change) -> None:
        if not change.event:
            return
        for install in self._sandbox.installs_of(portal):
            if install.is_finished and change.only_for in ("", install.app.client_id):
                self._tell(portal, install, change)

    def _tell(self, portal: Portal, install: Install, change: Change) -> None:
        kept = False
        for handler in [each for each in install.handlers if each.event == change.event]:
            if not handler.is_offline:
                self._queue(handler, self._body(portal, install, handler, change))
            elif not (handler.connector and handler.connector == change.author.connector):
                self._keep(install, handler, change)
                kept = True
        if kept:
            self._tell_offline(portal, install)

    def _keep(self, install: Install, handler: Handler, change: Change) -> None:
        """The queue has the last state of each subject, not its history; what is reserved stays."""
        same = [
            each
            for each in install.offline
            if (each.event, each.subject, each.connector) == (change.event, change.subject, handler.connector)
            and not each.process_id
        ]
        install.offline = [each for each in install.offline if each not in same]
        additional = {"user_id": change.author.user_id} if change.author.user_id else {}
        install.offline.append(
            OfflineEvent(
                id=same[0].id if same else max((each.id for each in install.offline), default=0) + 1,
                at=self._sandbox.now(),
                event=change.event,
                data=change.data,
                additional=additional,
                subject=change.subject,
                connector=handler.connector,
                message_id=secrets.token_hex(16),
            )
        )

    def _tell_offline(self, portal: Portal, install: Install) -> None:
        """ONOFFLINEEVENT says "come and read", at most once in `minTimeout` seconds."""
        now = self._sandbox.now()
        change = Change(event="ONOFFLINEEVENT", data={}, author=Author())
        for handler in [each for each in install.handlers if each.event == change.event and not each.is_offline]:
            try:
                least = float(handler.options.get("minTimeout") or 0)
            except (TypeError, ValueError):
                least = 0
            if now - self._told_offline.get(handler.id, -least) >= least:
                self._told_offline[handler.id] = now
                self._queue(handler, self._body(portal, install, handler, change))

    # ---- bodies

    def _body(self, portal: Portal, install: Install, handler: Handler, change: Change) -> str:
        auth = event_auth(self._sandbox, portal, install)
        user_id = handler.user_id or change.author.user_id
        if user_id and portal.active_user(user_id):
            # A token of the user who caused it, without a refresh token; none when a robot did.
            grant = tokens.issue(self._sandbox, install.app.client_id, portal.member_id, user_id, refreshable=False)
            auth |= {
                "access_token": grant.access_token,
                "expires": int(grant.access_until),
                "expires_in": self._sandbox.settings.access_seconds,
                "scope": install.app.scopes,
                "user_id": user_id,
            }
        return form_body(self._sandbox, change.event, change.data, auth, handler_id=handler.id)

    # ---- delivery

    def _queue(self, handler: Handler, body: str) -> None:
        queue = self._waiting.get(handler.id)
        if queue is None:
            queue = self._waiting[handler.id] = asyncio.Queue()
            self._start(self._work(handler, queue))
        queue.put_nowait(body)

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, handler: Handler, queue: asyncio.Queue[str]) -> None:
        while True:
            body = await queue.get()
            if self._sandbox.settings.event_delay_seconds:
                await pause(self._sandbox, self._sandbox.settings.event_delay_seconds)
            handler.last_result = await self.post(handler.url, body)
            if handler.last_result.startswith("2"):
                handler.delivered += 1
            else:
                handler.failed += 1
                log.warning("sandbox event lost", sandbox_event=handler.event, result=handler.last_result)

    async def post(self, url: str, body: str) -> str:
        """
        Post once.

        Returns:
            The status, or the name of the error.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}
        timeout = aiohttp.ClientTimeout(total=self._sandbox.settings.event_timeout_seconds)
        try:
            async with self._http.post(url, data=body, headers=headers, timeout=timeout) as answer:
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return type(error).__name__

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def event_auth(sandbox: Sandbox, portal: Portal, install: Install) -> dict[str, Any]:
    """The part of `auth` that every event has. It has no token."""
    origin = sandbox.portal_origin(portal)
    return {
        "domain": origin.partition("://")[2],
        "client_endpoint": f"{origin}/rest/",
        "server_endpoint": f"{sandbox.oauth_origin()}/rest/",
        "status": install.app.status,
        "member_id": portal.member_id,
        "application_token": install.application_token,
    }


def form_body(sandbox: Sandbox, event: str, data: dict[str, Any], auth: dict[str, Any], *, handler_id: int = 0) -> str:
    """The form of an event. `event_handler_id` is absent in those of the installation."""
    tree: dict[str, Any] = {"event": event}
    if handler_id:
        tree["event_handler_id"] = handler_id
    tree |= {"data": data, "ts": int(sandbox.now()), "auth": auth}
    return urlencode(list(brackets.flatten(tree)))


async def running(app: web.Application) -> AsyncIterator[None]:
    """The application's cleanup context: owns the HTTP session and the deliveries."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        app[HTTP] = http
        deliveries = app[DELIVERIES] = Deliveries(app[SANDBOX], http)
        app[SANDBOX].listeners.append(deliveries.on_change)
        yield
        app[SANDBOX].closing.set()
        app[SANDBOX].listeners.remove(deliveries.on_change)
        await deliveries.close()
