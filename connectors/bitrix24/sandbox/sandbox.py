"""The state of a sandbox: portals, applications and their installs, tokens, faults, counters. In memory only.

`server.py` routes requests to it; the `rest_*` modules implement the methods.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from connectors.bitrix24.sandbox.portal import Change, Portal
from connectors.bitrix24.sandbox.settings import SandboxSettings


@dataclass(slots=True, kw_only=True)
class App:
    """An application as the portal's administrator or the partner's cabinet describes it. `status`: L, F or S."""

    client_id: str
    client_secret: str = field(repr=False)
    name: str
    handler_url: str = ""
    install_url: str = ""
    is_api_only: bool = False
    scopes: str = ""
    status: str = "L"
    version: int = 1


@dataclass(slots=True, kw_only=True)
class Handler:
    """One `event.bind`. `user_id`: whose token the event carries; 0: of the user who caused it."""

    id: int
    event: str
    url: str
    user_id: int = 0
    is_offline: bool = False
    connector: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    delivered: int = 0
    failed: int = 0
    last_result: str = ""


@dataclass(slots=True, kw_only=True)
class Placement:
    code: str
    handler: str
    title: str = ""
    description: str = ""
    group: str = ""
    languages: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    user_id: int = 0

    def title_in(self, language: str) -> str:
        """Portals call Ukrainian `ua`."""
        translated = self.languages.get({"uk": "ua"}.get(language, language))
        return str(translated.get("TITLE") or self.title) if isinstance(translated, dict) else self.title


@dataclass(slots=True, kw_only=True)
class OfflineEvent:
    id: int
    at: float
    event: str
    data: dict[str, Any]
    additional: dict[str, Any]
    subject: str
    connector: str
    message_id: str
    process_id: str = ""
    reserved_until: float = 0
    is_error: bool = False


@dataclass(slots=True, kw_only=True)
class Install:
    """An application in a portal. Until `is_finished` its events and placements are muted."""

    app: App
    installed_by: int
    application_token: str
    version: int
    is_finished: bool
    payment_expired: bool = False
    handlers: list[Handler] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)
    offline: list[OfflineEvent] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)  # access tokens that may use methods of `METHOD_CONFIRM_WAITING`
    last_notice: str = ""


@dataclass(slots=True, kw_only=True)
class Grant:
    """A pair of tokens that an application got for a user of a portal."""

    client_id: str
    member_id: str
    user_id: int
    access_token: str
    refresh_token: str
    access_until: float
    refresh_until: float
    is_spent: bool = False  # its refresh token was exchanged; its access token works until it expires
    is_revoked: bool = False


@dataclass(slots=True, kw_only=True)
class Code:
    client_id: str
    member_id: str
    user_id: int
    until: float
    is_used: bool = False


@dataclass(slots=True, kw_only=True)
class Webhook:
    """An incoming webhook: the secret in its address gives its author's rights in `scopes`."""

    member_id: str
    user_id: int
    code: str
    scopes: str
    until: float = 0


@dataclass(slots=True, kw_only=True)
class Fault:
    """
    A fault to order. `kind`: status, html, error (HTTP 200 with an error), timeout_after_store, slow, drop.
    """

    kind: str
    status: int = 500
    code: str = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    count: int = 1  # how many more requests it affects; below 0: all until removed
    path_prefix: str = "/rest/"
    method: str = ""  # of REST, in any case; empty: any
    seconds: float = 1.0


@dataclass(slots=True)
class Traffic:
    """Counts requests and calls of methods, those inside batches too."""

    total: int = 0
    by_method: dict[str, int] = field(default_factory=dict)
    by_status: dict[str, int] = field(default_factory=dict)
    by_error: dict[str, int] = field(default_factory=dict)
    redirected: int = 0

    @staticmethod
    def add(counts: dict[str, int], name: str) -> None:
        counts[name] = counts.get(name, 0) + 1


class Sandbox:
    """
    Args:
        now: returns Unix seconds; tests pass a clock that they control.
    """

    def __init__(self, settings: SandboxSettings, *, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.now = now
        self.closing = asyncio.Event()
        self.listeners: list[Callable[[Portal, Change], None]] = []
        self.watchers: set[asyncio.Queue[dict[str, Any]]] = set()
        self.populate: Callable[[Sandbox], None] = lambda sandbox: None
        self.clear()

    def clear(self) -> None:
        """Reset to no portals; the application stays known to the OAuth server."""
        settings = self.settings
        self.portals: dict[str, Portal] = {}
        self.installs: dict[tuple[str, str], Install] = {}
        self.grants: dict[str, Grant] = {}
        self.codes: dict[str, Code] = {}
        self.webhooks: dict[tuple[int, str], Webhook] = {}
        self.uploads: dict[str, tuple[str, str, str]] = {}  # token -> (member id, call id, file name)
        self.frames: dict[str, tuple[str, str, int]] = {}  # APP_SID -> (member id, application, user)
        self.faults: list[Fault] = []
        self.traffic = Traffic()
        self.buckets: dict[tuple[str, str], tuple[float, float]] = {}  # (member id, address) -> (level, at)
        self.operating: dict[tuple[str, str, str], dict[int, float]] = {}
        self.costs: dict[str, float] = {}  # method in lower case -> seconds that each call counts as
        own = App(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            name=settings.app_name,
            handler_url=settings.handler_url,
            install_url=settings.install_url,
            is_api_only=settings.is_api_only,
            scopes=settings.scopes,
        )
        self.apps = {own.client_id: own}

    def reset(self) -> None:
        self.clear()
        self.populate(self)

    def add_portal(self, name: str, title: str, *, host: str = "") -> Portal:
        member_id = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        portal = Portal(name, title, member_id, self.now, self.settings, self._on_change, host=host)
        self.portals[member_id] = portal
        return portal

    def portal_named(self, name: str) -> Portal | None:
        return next((each for each in self.portals.values() if each.name == name), None)

    def rename(self, portal: Portal, host: str) -> None:
        """Give a portal another address; its old one answers 302 from now on."""
        if portal.host:
            portal.old_hosts.add(portal.host)
        portal.old_hosts.discard(host)
        portal.host = host

    # ---- installs

    def install_of(self, portal: Portal, client_id: str) -> Install | None:
        return self.installs.get((portal.member_id, client_id))

    def installs_of(self, portal: Portal) -> list[Install]:
        return [each for (member_id, _), each in self.installs.items() if member_id == portal.member_id]

    def add_install(self, portal: Portal, app: App, user_id: int) -> Install:
        install = Install(
            app=app,
            installed_by=user_id,
            application_token=secrets.token_hex(16),
            version=app.version,
            is_finished=app.is_api_only,
        )
        self.installs[portal.member_id, app.client_id] = install
        return install

    # ---- listeners

    def _on_change(self, portal: Portal, change: Change) -> None:
        for listener in self.listeners:
            listener(portal, change)
        self.tell_pages({"kind": "changed", "portal": portal.member_id})

    def tell_pages(self, message: dict[str, Any]) -> None:
        """Send to every open page. A page that does not read loses messages, and catches up with the next one."""
        for queue in self.watchers:
            if not queue.full():
                queue.put_nowait(message)

    # ---- addresses

    def portal_origin(self, portal: Portal, request: web.BaseRequest | None = None) -> str:
        """`http://acme.bitrix24.ru`: what answers and events name as the portal's address."""
        scheme = request.scheme if request is not None else "http"
        if portal.host:
            return f"{scheme}://{portal.host}"
        if self.settings.portal_url:
            return self.settings.portal_url.rstrip("/")
        return f"http://{self.settings.host}:{self.settings.port}"

    def oauth_origin(self) -> str:
        return self.settings.oauth_url.rstrip("/") or f"http://{self.settings.host}:{self.settings.oauth_port}"

    def portal_of_host(self, host: str) -> Portal | None:
        """The portal at this address; else the first one that has no address."""
        named = next((each for each in self.portals.values() if each.host and each.host == host), None)
        return named or next((each for each in self.portals.values() if not each.host), None)

    def moved_from(self, host: str) -> Portal | None:
        return next((each for each in self.portals.values() if host in each.old_hosts), None)


SANDBOX = web.AppKey("sandbox", Sandbox)
