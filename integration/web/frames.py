"""Pages of ours in a CRM's frames: `/frames/{crm}/{account}`, where the CRM posts, and the sessions of their scripts.

The connection's `FrameGate` says who is there. The page itself is empty: `widgets/` draws it, and asks `/api/widget`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from integration import __version__
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId
from integration.errors import AuthFailed, Rejected, Unavailable
from integration.ports.clock import Clock
from integration.ports.connector import Granted
from integration.ports.coordination import Coordination
from integration.ports.frames import (
    FrameGate,
    FramePlace,
    FrameProblem,
    FrameRefused,
    FrameRequest,
    FrameWaits,
    OpenedFrame,
)
from integration.services.click import Refused
from integration.services.frame_sessions import SESSION_SECONDS, FrameSessions
from integration.texts import LANGUAGES
from integration.texts.frames import frame_text
from integration.web.errors import json_body, text_field
from integration.web.flow import Flow
from integration.web.forms import read_form
from integration.web.language import language_of
from integration.web.permissions import for_everybody

log = structlog.get_logger()

_LARGEST = 128 * 1024  # bytes of a POST; a CRM's has a few kilobytes
_LONGEST_PROOF = 2000
_LOGGED = 300  # characters of what a CRM says; it may quote a stranger
_REFUSED_AT_MOST, _REFUSED_SECONDS = 30, 60.0  # from one address; then the CRM is not asked for a while
_PUBLIC = {"Cache-Control": "public, max-age=31536000, immutable"}
_ENTRY = "frame.js"
_PART = "part-"  # its name holds a digest of it
_STATUS = {FrameProblem.MISSING: 400, FrameProblem.UNKNOWN: 404}

_PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Dozvon</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="{files}/frame.css?v={version}">
<script id="boot" type="application/json">{boot}</script>
<script src="{crm_script}"></script><script type="module" src="{files}/frame.js?v={version}"></script></head>
<body><main id="frame" aria-busy="true"><noscript>{no_script}</noscript></main></body></html>
"""
_REFUSAL = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Dozvon</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="{base}/admin/static/tokens.css">
<link rel="stylesheet" href="{base}/admin/static/tokens-dark.css" media="(prefers-color-scheme: dark)">
<link rel="stylesheet" href="{base}/admin/static/admin.css"></head>
<body class="alone"><main><h1>{title}</h1><p>{text}</p>{detail}</main></body></html>
"""


class Member(Protocol):
    """A running account's connection to its CRM."""

    @property
    def kind(self) -> str: ...

    @property
    def frames(self) -> FrameGate | None: ...


class Consents(Protocol):
    """`consent.py` describes it."""

    async def connected(self, account: AccountId) -> None: ...

    async def hold_for(self, account: AccountId, granted: Granted) -> None: ...


class Frames:
    """
    Args:
        connectors: of all running accounts.
        consents: what follows when an account was connected by a page.
        address_of: the visitor's address, for the brake on strangers.
        public_url: where browsers reach us.
    """

    def __init__(
        self,
        connectors: Mapping[AccountId, Member],
        sessions: FrameSessions,
        coordination: Coordination,
        clock: Clock,
        *,
        consents: Consents,
        address_of: Callable[[web.Request], str],
        public_url: str,
    ) -> None:
        self._connectors = connectors
        self._sessions = sessions
        self._coordination = coordination
        self._consents = consents
        self._address_of = address_of
        self._public_url = public_url
        self._refusals = Flow(most=_REFUSED_AT_MOST, seconds=_REFUSED_SECONDS, now=clock.now)

    def routes(self) -> list[web.AbstractRouteDef]:
        routes = (
            web.post("/frames/{crm}", self.open),
            web.post("/frames/{crm}/{account}", self.open),
            web.get("/frames/{crm}", self.explain),
            web.get("/frames/{crm}/{account}", self.explain),
            web.get("/frames/{crm}/{account}/files/{name}", self.file),
            web.post("/api/widget/frame", self.session),
        )
        return [*for_everybody("the CRM's word or our ticket is checked", routes)]

    async def open(self, request: web.Request) -> web.Response:
        """The CRM opens a page of ours for somebody."""
        language = language_of(request)
        gate: FrameGate | None = None
        address = f"frame-refused:{self._address_of(request)}"
        try:
            if await self._coordination.is_marked(address):
                raise web.HTTPTooManyRequests(headers={"Retry-After": str(int(_REFUSED_SECONDS))})
            sent = await self._sent(request)
            account, gate = await self._gate(request, sent)
            opened = await gate.open(sent)
            if opened.has_connected:
                await self._consents.connected(account)
            ticket = await self._sessions.ticket(opened.user, opened.subject)
        except (FrameRefused, Rejected) as exc:
            if not self._refusals.allows(address):
                await self._coordination.mark(address, ttl_seconds=_REFUSED_SECONDS)
            problem = exc.problem if isinstance(exc, FrameRefused) else None
            if isinstance(exc, FrameWaits):
                await self._consents.hold_for(account, exc.granted)
            log.warning("frame refused", crm=self._kind(request), reason=problem or str(exc)[:_LOGGED])
            # What the CRM refuses at an installation is said as it says it; other reasons have sentences of their own.
            detail = "" if problem else str(exc)
            return self._refusal(
                language, problem or "frame_refused", gate, _STATUS.get(problem, 403) if problem else 403, detail
            )
        except Unavailable as exc:
            log.warning("frame not opened", crm=self._kind(request), reason=str(exc)[:_LOGGED])
            return self._refusal(language, "frame_unavailable", gate, 503)
        if not any(each.name == _ENTRY for each in _compiled(gate.files)):
            log.error("the page for frames is not compiled: run make setup", folder=str(gate.files))
            return self._refusal(language, "frame_unavailable", gate, 503)
        return self._page(account, gate, opened, ticket, opened.language or language)

    def _kind(self, request: web.Request) -> str:
        """The CRM of the address, for the log: one that we have, never a stranger's text."""
        asked = request.match_info["crm"]
        return next((each.kind for each in self._connectors.values() if each.kind == asked), "(unknown)")

    async def explain(self, request: web.Request) -> web.Response:
        """Somebody has typed the address, or the CRM looks whether there is a page."""
        return self._refusal(language_of(request), FrameProblem.MISSING, None, 200)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """By a table: what a browser asks for never becomes a path."""
        connector = self._connectors.get(AccountId(request.match_info["account"]))
        if connector is None or connector.frames is None or connector.kind != request.match_info["crm"]:
            raise web.HTTPNotFound
        files = {each.name: each for each in _compiled(connector.frames.files)}
        found = files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        return web.FileResponse(found, headers=_PUBLIC if "v" in request.query or found.name.startswith(_PART) else {})

    async def session(self, request: web.Request) -> web.Response:
        """
        A token for the page's script: for the ticket in the page, or for a fresh proof from the CRM's script.

        Raises: AuthFailed, Refused, Unavailable.
        """
        if request.headers.get("Origin", "") != self._origin:
            raise Refused("not_allowed", "only our own pages in a CRM may ask this")
        body = await json_body(request)
        if body.get("ticket") is not None:
            token = await self._sessions.begin(text_field(body, "ticket"))
        else:
            token = await self._renewed(request, body)
        answer = {"token": token, "expires_in": int(SESSION_SECONDS)}
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    # ---- pieces

    @property
    def _origin(self) -> str:
        parts = urlsplit(self._public_url)
        return f"{parts.scheme}://{parts.netloc}"

    async def _renewed(self, request: web.Request, body: dict[str, Any]) -> str:
        connector = self._connectors.get(AccountId(text_field(body, "account", longest=64)))
        if connector is None or connector.frames is None:
            raise Refused("account_unknown", "this CRM account is not connected to Dozvon")
        proof, subject = text_field(body, "proof", longest=_LONGEST_PROOF), _subject(body.get("subject"))
        address = f"frame-refused:{self._address_of(request)}"
        if await self._coordination.is_marked(address):
            raise Refused("rate_limited", "too many refused requests")
        try:
            user = await connector.frames.user(proof, subject)
        except AuthFailed:
            if not self._refusals.allows(address):
                await self._coordination.mark(address, ttl_seconds=_REFUSED_SECONDS)
            raise
        return await self._sessions.begin_for(user, subject)

    async def _sent(self, request: web.Request) -> FrameRequest:
        if (request.content_length or 0) > _LARGEST:
            raise FrameRefused(FrameProblem.MISSING, "the body is too large")
        try:
            form = await read_form(request)
        except web.HTTPException as exc:
            raise FrameRefused(FrameProblem.MISSING, "the body is no form") from exc
        return FrameRequest(query=dict(request.query), form=form)

    async def _gate(self, request: web.Request, sent: FrameRequest) -> tuple[AccountId, FrameGate]:
        """Of the account in the address; an address without one is for an application that many portals share."""
        crm, named = request.match_info["crm"], request.match_info.get("account")
        for account, connector in self._connectors.items():
            gate = connector.frames
            if gate is None or connector.kind != crm or named not in (None, account):
                continue
            if named is not None or await gate.is_addressed(sent):
                return account, gate
        raise FrameRefused(FrameProblem.UNKNOWN)

    def _page(
        self, account: AccountId, gate: FrameGate, opened: OpenedFrame, ticket: str, language: str
    ) -> web.Response:
        crm = self._connectors[account].kind
        boot = {
            "crm": crm,
            "account": account,
            "backend": self._public_url,
            "version": __version__,
            "language": language,
            "place": opened.place,
            "manager": opened.user.manager,
            "ticket": ticket,
            "crm_url": opened.ancestor,
            "call": {"id": opened.crm_call, "number": opened.number} if opened.place is FramePlace.CALL else None,
            "subject": {"kind": opened.subject.kind, "id": opened.subject.id} if opened.subject else None,
            "listed": opened.listed,
            "selected": {"kind": opened.selected.kind, "id": opened.selected.id} if opened.selected else None,
        }
        text = _PAGE.format(
            lang=language,
            files=html.escape(f"{self._public_url}/frames/{crm}/{account}/files"),
            version=_mark_of(gate.files),
            boot=json.dumps(boot).replace("<", "\\u003c"),
            crm_script=html.escape(gate.script),
            no_script=html.escape(frame_text("frame_no_script", language)),
        )
        return _html(text, self._policy(opened.ancestor, gate.script))

    def _refusal(self, language: str, key: str, gate: FrameGate | None, status: int, detail: str = "") -> web.Response:
        language = language if language in LANGUAGES else "ru"
        text = _REFUSAL.format(
            lang=language,
            base=html.escape(self._public_url),
            title=html.escape(frame_text("frame_title", language)),
            text=html.escape(frame_text(key, language)),
            detail=f"<p>{html.escape(detail)}</p>" if detail else "",
        )
        # Nothing can be pressed on it, so any page may show it: a blank frame would tell its person nothing.
        ancestor = gate.ancestor if gate is not None else ""
        policy = f"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestor or '*'}"
        return _html(text, policy, status)

    def _policy(self, ancestor: str, script: str) -> str:
        theirs, socket = urlsplit(script), self._origin.replace("http", "ws", 1)
        return "; ".join(
            (
                "default-src 'self'",
                f"script-src 'self' {theirs.scheme}://{theirs.netloc}",
                "img-src 'self' data:",
                f"connect-src 'self' {socket}",
                "base-uri 'none'",
                "form-action 'none'",
                f"frame-ancestors {ancestor}",
            )
        )


def _subject(named: Any) -> EntityRef | None:
    """Raises: Refused."""
    match named:
        case None:
            return None
        case {"kind": str(kind), "id": str(id_)} if kind in set(EntityKind) and id_.isascii() and id_.isdigit():
            return EntityRef(EntityKind(kind), id_[:12])
    raise Refused("bad_request", "subject: kind and id")


def _html(text: str, policy: str, status: int = 200) -> web.Response:
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


def _compiled(folder: Path) -> list[Path]:
    return [each for each in folder.glob("*") if each.suffix in (".js", ".css")] if folder.is_dir() else []


def _mark_of(folder: Path) -> str:
    """Changes with the compiled files, so that browsers keep them for as long as they are the same."""
    newest = max((round(each.stat().st_mtime) for each in _compiled(folder)), default=0)
    return f"{__version__}-{newest:x}"
