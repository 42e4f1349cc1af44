"""amoCRM's calls to our server: the consent's callback, the disconnect hook, the webhooks; as aiohttp handlers.

What follows from them is the caller's, handed in as callbacks. The widget's own routes are `integration/web`'s.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Awaitable, Callable

import aiohttp
import structlog
from aiohttp import web

from connectors.amocrm import webhooks
from connectors.amocrm.oauth import Granted, Installed, Refused, exchange_code, read_callback, read_disconnect
from connectors.amocrm.settings import AmocrmSettings
from integration.domain.crm import CrmChange
from integration.domain.ids import AccountId
from integration.errors import DozvonError, Rejected
from integration.ports import Clock

_log = structlog.get_logger()

_DELIVERIES_WAITING = 500  # amoCRM waits 2 s for an answer and never longer; what overflows comes by the poll

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PAGE = """<!doctype html><meta charset="utf-8"><title>Dozvon</title>
<body style="font:16px sans-serif;margin:3em"><p>{text}</p>
<script>
if (window.opener) {{
  window.opener.postMessage({message}, {origin});
  setTimeout(function () {{ window.close(); }}, 800);
}}
</script>
"""


def oauth_callback(
    settings: AmocrmSettings,
    session: aiohttp.ClientSession,
    clock: Clock,
    *,
    take_state: Callable[[str], Awaitable[bool]],
    on_installed: Callable[[Installed], Awaitable[None]],
    opener_origin: str,
) -> Handler:
    """
    The handler of the redirect address (GET).

    Args:
        take_state: whether this state was ours; single use. Not asked when amoCRM itself calls after an installation
            from the marketplace, which carries none.
        on_installed: store the tokens and start the account; an error of it is shown.
        opener_origin: of our own pages, which may hear the outcome from the consent window.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            read = read_callback(settings, request.query)
            if read.state is not None and not await take_state(read.state):
                raise Rejected("The consent was not asked for here, or too long ago: start it again", code="state")
            if isinstance(read, Refused):
                raise Rejected("amoCRM was not allowed to be connected", code=read.error)
            installed = await _exchanged(settings, session, clock, read)
            await on_installed(installed)
        except DozvonError as exc:
            _log.warning("amoCRM consent failed", error=type(exc).__name__, code=getattr(exc, "code", ""))
            return _page(str(exc), opener_origin, is_connected=False, status=400)
        _log.info("amoCRM connected", crm_account_id=installed.crm_account_id)
        return _page("amoCRM: OK", opener_origin, is_connected=True, status=200)

    return handle


async def _exchanged(
    settings: AmocrmSettings, session: aiohttp.ClientSession, clock: Clock, granted: Granted
) -> Installed:
    """The code is spent even when amoCRM's window is closed meanwhile: the pair exists once only."""
    return await asyncio.shield(asyncio.ensure_future(exchange_code(settings, session, clock, granted)))


def _page(text: str, opener_origin: str, *, is_connected: bool, status: int) -> web.Response:
    message = json.dumps({"source": "dozvon", "type": "amocrm", "connected": is_connected})
    body = _PAGE.format(
        text=html.escape(text), message=message, origin=json.dumps(opener_origin).replace("<", "\\u003c")
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=body, content_type="text/html", status=status, headers=headers)


def disconnect_hook(settings: AmocrmSettings, *, on_disconnected: Callable[[str], Awaitable[None]]) -> Handler:
    """
    The handler of the disconnect address (GET). `on_disconnected` gets the CRM's account id; the call can be replayed,
    so it should try a request and delete the tokens on AuthFailed only.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            crm_account_id = read_disconnect(settings, request.query)
        except Rejected as exc:
            _log.warning("amoCRM disconnect call refused", code=exc.code)
            raise web.HTTPForbidden(text=str(exc)) from exc
        await on_disconnected(crm_account_id)
        return web.Response(text="ok")

    return handle


class WebhookIntake:
    """
    Takes an account's webhooks: answers at once, works later.

    Nothing is parsed before the answer: amoCRM waits two seconds and switches off who is late or refuses too often.
    What is lost here (a full queue, a killed process) is found by the poll of the phone book; `on_lost` may start it
    early. `crm_account_id` gives the account's id in the CRM, or None while it is not known.
    """

    def __init__(
        self,
        account: AccountId,
        settings: AmocrmSettings,
        *,
        crm_account_id: Callable[[], str | None],
        on_changes: Callable[[list[CrmChange]], Awaitable[None]],
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._account = account
        self._settings = settings
        self._crm_account_id = crm_account_id
        self._on_changes = on_changes
        self._on_lost = on_lost
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(_DELIVERIES_WAITING)

    @property
    def path(self) -> str:
        """Where `handle` is to be served, and what amoCRM is told after our public address."""
        return f"/hooks/amocrm/{self._account}/{webhooks.webhook_secret(self._settings, self._account)}"

    @property
    def route(self) -> str:
        """`path` with the secret as `{secret}`, so that it is in no route table and no metric."""
        return f"/hooks/amocrm/{self._account}/{{secret}}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not webhooks.is_secret(self._settings, self._account, request.match_info.get("secret", "")):
            _log.warning("webhook with a wrong secret", account_id=self._account)
            raise web.HTTPNotFound
        body = await request.content.read(webhooks.BODY_BYTES + 1) if request.can_read_body else b""
        while len(body) <= webhooks.BODY_BYTES and not request.content.at_eof():
            body += await request.content.read(webhooks.BODY_BYTES + 1 - len(body))
        if len(body) > webhooks.BODY_BYTES or self._waiting.full():
            _log.warning("webhook not taken", account_id=self._account, is_too_large=len(body) > webhooks.BODY_BYTES)
            self._on_lost()
        else:
            self._waiting.put_nowait(body)
        return web.Response(text="ok")

    async def run(self) -> None:
        """Work through the deliveries; until cancelled."""
        while True:
            body = await self._waiting.get()
            try:
                await self._take(body)
            except DozvonError as exc:
                _log.warning("webhook not worked through", account_id=self._account, error=type(exc).__name__)
                self._on_lost()
            except Exception:  # noqa: BLE001 -- the loop must live on: one delivery must not cost the next
                _log.exception("webhook not worked through", account_id=self._account)
                self._on_lost()
            finally:
                self._waiting.task_done()

    async def drained(self) -> None:
        """Wait until everything taken so far is worked through."""
        await self._waiting.join()

    async def _take(self, body: bytes) -> None:
        tree = webhooks.parse_form(body)
        own = self._crm_account_id()
        if own is None or webhooks.account_of(tree) != own:
            _log.warning("webhook of another account", account_id=self._account)
            return
        changes = webhooks.changes(tree)
        if changes:
            await self._on_changes(changes)
