"""The widget's API: HTTP routes and the WebSocket, exactly as `widgets/README.md` describes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import WSMsgType, web

from integration import __version__
from integration.domain.crm.entities import PERSON_KINDS, CrmTrouble, EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, Timestamp
from integration.domain.settings import Employee
from integration.errors import AuthFailed, Unavailable
from integration.ports.clock import Clock
from integration.ports.coordination import Coordination
from integration.ports.crm import WidgetGate, WidgetUser
from integration.services.accounts import Account, Accounts
from integration.services.card import CardService
from integration.services.click import ClickService, Refused
from integration.services.client_choice import ClientChoices
from integration.services.cluster.live_calls import LiveCalls
from integration.services.creations import Creations
from integration.services.crm_entry import CrmEntry, EntryRefused
from integration.services.frame_sessions import FrameSessions, is_frame_token
from integration.services.hub import Hub, Page
from integration.services.offers import Offers
from integration.services.own_lists.desk import OwnListDesk
from integration.services.presses import Presses
from integration.services.sightings import PageSightings
from integration.texts import LANGUAGES
from integration.web.errors import Handler, json_body, text_field
from integration.web.flow import Flow
from integration.web.forms import is_clean
from integration.web.own_absence import OwnAbsence
from integration.web.permissions import for_everybody
from integration.web.widget_offers import offer_press
from integration.web.widget_own_list import own_list_press

log = structlog.get_logger()

_PROTOCOL = 1
_TICKET_SECONDS = 60.0
_SESSION_SECONDS = 30 * 60.0  # then the page must prove again who it is
_SILENT_SECONDS = 150.0
_HANG_UP_SECONDS = 4.0  # a press that arrives later than this after it was made is not carried out
_CLICK_SECONDS = 10.0  # the same for a click-to-call: the CRM's page fetches a token first
_MOST_COMMANDS = 8  # of one page at a time
_ENDED_SHOWN_SECONDS = 60.0  # what a page missed while it was away and may still show
_LONGEST_MESSAGE = 4096
_MOST_PAGES = 20  # of one manager; browsers without Web Locks have one for each tab
_MOST_MESSAGES, _MESSAGES_SECONDS = 200, 10.0  # of one manager: a page asks every few seconds
_LONGEST_CLICK = 1000  # characters of a phone field
_PREFIX = "/api/widget"
_FAILURES = {
    "hang_up": "hang_up_failed",
    "send_extension": "tones_failed",
    "choose_person": "not_chosen",
    "own_list": "own_list_failed",
    "own_list_read": "own_list_failed",
    "offer": "offer_failed",
}


class WidgetApi:
    def __init__(
        self,
        *,
        accounts: Accounts,
        gates: Mapping[AccountId, WidgetGate],
        live_calls: LiveCalls,
        hub: Hub,
        cards: CardService,
        clicks: ClickService,
        presses: Presses,
        choices: ClientChoices,
        creations: Creations,
        coordination: Coordination,
        clock: Clock,
        bind_consent: Callable[[str], Awaitable[bool]],
        connect_urls: Mapping[AccountId, str],
        sightings: PageSightings,
        entry: CrmEntry,
        public_url: str,
        may_be_crms: Callable[[str], bool],
        frames: FrameSessions,
        own_lists: OwnListDesk,
        offers: Offers,
    ) -> None:
        """
        Args:
            entry: lets administrators of the CRM into our pages, which are at `public_url`.
            may_be_crms: whether a page of this origin may be a CRM's, before any account of it is known here.
            bind_consent: gets a token that no gate took, and says whether it has connected an account.
            connect_urls: where an administrator connects an account again.
            frames: the sessions of our own pages in a CRM's frames.
        """
        self._bind_consent = bind_consent
        self._connect_urls = connect_urls
        self._sightings = sightings
        self._entry = entry
        self._public_url = public_url
        self._own_origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self._may_be_crms = may_be_crms
        self._frames = frames
        self._own_lists = own_lists
        self._offers = offers
        self._accounts = accounts
        self._gates = gates
        self._live_calls = live_calls
        self._hub = hub
        self._cards = cards
        self._clicks = clicks
        self._presses = presses
        self._choices = choices
        self._creations = creations
        self._coordination = coordination
        self._clock = clock
        self._commands: set[asyncio.Task[None]] = set()
        self._absence = OwnAbsence(accounts, clock)
        self._flow = Flow(most=_MOST_MESSAGES, seconds=_MESSAGES_SECONDS, now=clock.now)

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = (
            web.post(f"{_PREFIX}/session", self.session),
            web.get(f"{_PREFIX}/status", self.status),
            web.post(f"{_PREFIX}/call", self.call),
            web.post(f"{_PREFIX}/contacts", self.contacts),
            web.post(f"{_PREFIX}/deals", self.deals),
            web.post(f"{_PREFIX}/absence", self.absence),
            web.post(f"{_PREFIX}/pages", self.pages),
            web.get(f"{_PREFIX}/ws", self.socket),
            web.options(f"{_PREFIX}/{{anything:.*}}", self.preflight),
        )
        return [*for_everybody("the CRM's token or our ticket is checked", routes)]

    @web.middleware
    async def cors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The CRM's page may ask and may read the answers, errors too; other pages may not."""
        response = await handler(request)
        origin = request.headers.get("Origin", "")
        if request.path.startswith(_PREFIX) and not response.prepared:
            response.headers["Vary"] = "Origin"
            if self._may_read(origin):
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
                response.headers["Access-Control-Allow-Headers"] = "X-Auth-Token, Content-Type"
                response.headers["Access-Control-Max-Age"] = "600"
        return response

    async def preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204 if self._may_read(request.headers.get("Origin", "")) else 403)

    async def session(self, request: web.Request) -> web.Response:
        user, account = await self._who_enters(request)
        body = await json_body(request)
        if body.get("protocol") != _PROTOCOL:
            raise Refused("version_mismatch", "the widget was updated: reload the page")
        if not await self._accounts.lets_in(account, user.manager):
            raise Refused("not_allowed", "this CRM user does not exist, is not active or not paid")
        ticket = await self._coordination.issue_ticket(
            {"account": account.id, "manager": user.manager}, ttl_seconds=_TICKET_SECONDS
        )
        return web.json_response({"ticket": ticket, "expires_in": int(_TICKET_SECONDS), "version": __version__})

    async def status(self, request: web.Request) -> web.Response:
        user, account = await self.who(request)
        employee = account.phone_of(user.manager)
        pbx = "connected" if _is_phone_connected(account, employee) else "offline"
        crm = _crm_state(account)
        problems = []
        if not account.settings.is_on_for(user.manager):
            problems.append({"code": "integration_disabled", "text": "Integration is switched off"})
        if employee is None:
            problems.append({"code": "no_extension", "text": "No extension is assigned to you"})
        if pbx == "offline":
            problems.append({"code": "pbx_offline", "text": "The telephone system is not connected"})
        if crm != "connected":
            problem = {"code": f"crm_{crm}", "text": account.condition.detail or "The CRM does not answer"}
            if crm == "reauth" and is_crm_administrator(account, user) and account.id in self._connect_urls:
                problem["url"] = self._connect_urls[account.id]
            problems.append(problem)
        return web.json_response(
            {
                "manager": {"id": user.manager, "name": account.manager_name(user.manager) or ""},
                "extension": employee.extension if employee else None,
                "pbx": pbx,
                "crm": crm,
                "version": __version__,
                "absence": self._absence.said(account, user.manager),
                "problems": problems,
                "is_admin": is_crm_administrator(account, user),
            }
        )

    async def call(self, request: web.Request) -> web.Response:
        user, account = await self.who(request)
        body = await json_body(request)
        if self._is_late(body.get("at"), _CLICK_SECONDS):
            raise Refused("too_late", "the request was under way for too long and was not carried out")
        request_id = await self._clicks.call(
            account,
            user.manager,
            number=text_field(body, "number", longest=_LONGEST_CLICK),
            request=text_field(body, "request", longest=64),
        )
        return web.json_response({"call": request_id}, status=202)

    async def contacts(self, request: web.Request) -> web.Response:
        user, account = await self.who(request)
        body = await json_body(request)
        person, created = await self._creations.create_contact(
            account, user.manager, call_id=text_field(body, "call"), name=text_field(body, "name", longest=1000)
        )
        entity = {
            "kind": person.ref.kind,
            "id": person.ref.id,
            "name": person.name,
            "url": account.crm.entity_url(person.ref),
        }
        return web.json_response({"entity": entity, "created": created}, status=201)

    async def deals(self, request: web.Request) -> web.Response:
        user, account = await self.who(request)
        body = await json_body(request)
        deal = await self._creations.create_deal(
            account,
            user.manager,
            call_id=text_field(body, "call"),
            name=text_field(body, "name", longest=1000),
            request=text_field(body, "request", longest=64),
        )
        made = {"id": deal.ref.id, "name": deal.name, "url": account.crm.entity_url(deal.ref)}
        return web.json_response({"deal": made}, status=201)

    async def absence(self, request: web.Request) -> web.Response:
        user, account = await self.who(request)
        return web.json_response({"absence": await self._absence.say(account, user.manager, await json_body(request))})

    async def pages(self, request: web.Request) -> web.Response:
        """Where an administrator of the CRM opens our pages, once and within a minute."""
        if not self._allows(request.headers.get("Origin", "")):
            raise Refused("not_allowed", "this page may not open Dozvon's pages")
        user, _ = await self.who(request)
        try:
            ticket = await self._entry.ticket(user)
        except EntryRefused as exc:
            raise Refused(str(exc.problem), "Dozvon's pages do not open from here") from exc
        language = (await json_body(request)).get("language")
        url = f"{self._public_url}/from-crm?ticket={ticket}" + (f"&lang={language}" if language in LANGUAGES else "")
        return web.json_response({"url": url}, status=201, headers={"Cache-Control": "no-store"})

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self._allows(request.headers.get("Origin", "")):
            raise Refused("not_allowed", "this page may not connect")
        if "websocket" not in request.headers.get("Upgrade", "").lower():
            raise Refused("bad_request", "this address is for WebSockets")
        ticket = await self._coordination.take_ticket(request.query.get("ticket", ""))
        if ticket is None:
            raise AuthFailed("the ticket is unknown, used or too old")
        account = self._account(AccountId(str(ticket["account"])))
        manager = ManagerId(str(ticket["manager"]))
        if self._hub.pages_of(account.id, manager) >= _MOST_PAGES:
            raise Refused("rate_limited", "too many pages of one manager are open")
        socket = web.WebSocketResponse(max_msg_size=_LONGEST_MESSAGE, timeout=5.0)
        await socket.prepare(request)
        page = self._hub.join(account.id, manager)
        writer = asyncio.create_task(self._write(socket, page, account))
        try:
            await self._read(socket, page, account)
        finally:
            self._hub.leave(page)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            with contextlib.suppress(ConnectionError):
                await socket.close()
        return socket

    async def _write(self, socket: web.WebSocketResponse, page: Page, account: Account) -> None:
        since = Timestamp(self._clock.now() - _ENDED_SHOWN_SECONDS)
        try:
            live, ended = await self._live_calls.of(account), await self._live_calls.just_ended(account, since)
            known = {call.id: call for call in [*ended, *live]}
            calls = await self._cards.snapshot(account, page.manager, known.values(), ended_since=since)
            own_list = await self._own_lists.shown(account, page.manager)
            offer = await self._offers.shown(account, page.manager)
        except Unavailable:
            await socket.close(code=1013, message=b"try again later")
            return
        snapshot = {
            "type": "snapshot",
            "now": self._clock.now(),
            "command_seconds": _HANG_UP_SECONDS,
            "calls": calls,
            "own_list": own_list,
            "offer": offer,
        }
        await socket.send_json(snapshot, dumps=_dumps)
        if not account.settings.is_on_for(page.manager):
            page.put({"type": "notice", "code": "integration_disabled", "text": "Integration is switched off"})
        elif account.phone_of(page.manager) is None:
            page.put({"type": "notice", "code": "no_extension", "text": "No extension is assigned to you"})
        meeting = asyncio.create_task(self._sightings.opened(account, page.manager))  # the page does not wait for it
        self._commands.add(meeting)
        meeting.add_done_callback(self._commands.discard)
        try:
            async with asyncio.timeout(_SESSION_SECONDS):
                while (message := await page.messages.get()) is not None:
                    await socket.send_json(message, dumps=_dumps)
            await socket.close(code=1012, message=b"service restart")
        except TimeoutError:
            await socket.close(code=4401, message=b"session over")

    async def _read(self, socket: web.WebSocketResponse, page: Page, account: Account) -> None:
        """Commands are carried out beside: a PBX that answers slowly must not make the page doubt the connection."""
        commands: set[asyncio.Task[None]] = set()
        while True:
            try:
                received = await socket.receive(timeout=_SILENT_SECONDS)
            except TimeoutError:
                return
            if received.type is not WSMsgType.TEXT:
                return
            if not self._flow.allows((account.id, page.manager)):
                log.warning("a page sends too many messages, closed", account_id=account.id)
                await socket.close(code=1008, message=b"too many messages")
                return
            message = _message(received.data)
            match message.get("type"):
                case "ping":
                    page.put({"type": "pong", "now": self._clock.now()})
                case str() as kind if kind in _FAILURES and len(commands) < _MOST_COMMANDS:
                    task = asyncio.create_task(self._command(page, account, message))
                    for running in (commands, self._commands):  # it is finished also when the page goes
                        running.add(task)
                        task.add_done_callback(running.discard)
                    await asyncio.sleep(0)
                case _:
                    pass  # both sides ignore what they do not know

    async def _command(self, page: Page, account: Account, message: Mapping[str, Any]) -> None:
        kind = str(message["type"])
        try:
            if self._is_late(message.get("at"), _HANG_UP_SECONDS):
                raise Refused("too_late", "the command was under way for too long and was not carried out")
            if isinstance(message.get("id"), str):
                page.put({"type": "received", "id": message["id"]})
            call = CallId(str(message.get("call", "")))
            match kind:
                case "hang_up":
                    is_ringing = message.get("seen") == "ringing"
                    await self._presses.hang_up(account, page.manager, call, only_ringing=is_ringing)
                case "send_extension":
                    await self._presses.send_extension(account, page.manager, call)
                case "choose_person":
                    known = await self._live_calls.get(account, call)
                    await self._choices.choose(account, page.manager, known, _person(message.get("person")))
                case "own_list":
                    await self._own_lists.press(account, page.manager, *own_list_press(message))
                case "own_list_read":
                    page.put(await self._own_lists.shown(account, page.manager))
                case "offer":
                    await self._offers.press(account, offer_press(account.id, page.manager, message))
        except Refused as exc:
            page.put({"type": "notice", "code": exc.code, "text": str(exc)})
        except Unavailable as exc:
            page.put({"type": "notice", "code": _FAILURES[kind], "text": str(exc)})

    def _is_late(self, at: Any, seconds: float) -> bool:
        """
        Whether a command was made too long ago to be meant still: it waited in a network that was away.

        `at` is our own clock, as the page got it in `snapshot` and `pong` and has counted on since; a page that
        says nothing (of an earlier release, or never connected) is taken at its word.
        """
        return isinstance(at, int | float) and not abs(self._clock.now() - at) <= seconds

    async def _who_enters(self, request: web.Request) -> tuple[WidgetUser, Account]:
        """Of an account that is not connected yet the token may bind the consent that the CRM gave for it."""
        try:
            return await self.who(request)
        except AuthFailed:
            if not await self._bind_consent(request.headers.get("X-Auth-Token", "")):
                raise
        return await self.who(request)

    async def who(self, request: web.Request) -> tuple[WidgetUser, Account]:
        """Whose page asks, by the CRM's token or that of a page in its frame. Raises: AuthFailed, Refused."""
        token = request.headers.get("X-Auth-Token", "")
        reason = "no token"
        if not token.isascii():  # bytes that are no UTF-8 arrive as halves of characters
            raise AuthFailed("the page's token is not valid")
        if is_frame_token(token):
            user = (await self._frames.session(token)).user
            return user, self._account(user.account)
        for gate in self._gates.values():
            try:
                user = gate.user(token)
            except AuthFailed as exc:
                reason = str(exc)
            else:
                return user, self._account(user.account)
        raise AuthFailed(reason)

    def _account(self, account_id: AccountId) -> Account:
        account = self._accounts.get(account_id)
        if account is None:
            raise Refused("account_unknown", "this CRM account is not connected to Dozvon")
        return account

    def _may_read(self, origin: str) -> bool:
        """Whether a page may read our answers. Without the CRM's token or a key they tell it nothing."""
        return self._allows(origin) or self._may_be_crms(origin)

    def _allows(self, origin: str) -> bool:
        """Pages of a connected CRM, and our own, which stand in its frames."""
        if not origin:
            return False
        return origin == self._own_origin or any(gate.allows_origin(origin) for gate in self._gates.values())


def _message(data: str) -> dict[str, Any]:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return {}
    return {key: value for key, value in message.items() if not isinstance(value, str) or is_clean(value)}


def _person(named: Any) -> EntityRef:
    """Raises: Refused if it names nobody."""
    kind, id_ = (named.get("kind"), named.get("id")) if isinstance(named, dict) else (None, None)
    if kind not in PERSON_KINDS or not isinstance(id_, str):
        raise Refused("not_this_number", "this card does not have the caller's number")
    return EntityRef(EntityKind(kind), id_)


def _dumps(message: Any) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def is_crm_administrator(account: Account, user: WidgetUser) -> bool:
    """Not every token says so (amoCRM reference, 2); the list of users does."""
    manager = account.managers.get(user.manager)
    return user.is_admin or (manager is not None and manager.is_admin is True)


def _is_phone_connected(account: Account, employee: Employee | None) -> bool:
    """Whether the PBX of this employee's phone is connected; without an employee, whether any is."""
    if employee is None:
        return any(pbx.is_connected for pbx in account.pbxs.values())
    pbx = account.pbxs.get(account.pbx_of(employee))
    return pbx is not None and pbx.is_connected


def _crm_state(account: Account) -> str:
    """As `widgets/README.md` names it."""
    match account.condition.trouble:
        case None:
            return "connected"
        case CrmTrouble.NOT_CONNECTED | CrmTrouble.NEEDS_CONSENT:
            return "reauth"
        case CrmTrouble.UNPAID | CrmTrouble.BLOCKED | CrmTrouble.SLOWED as trouble:
            return trouble.value
    return "offline"
