"""The state of a sandbox: accounts, integrations, tokens, faults, counters. In memory only.

`server.py` routes requests to it; the `api_*` modules implement the API.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from connectors.amocrm.sandbox.account import Account, Change
from connectors.amocrm.sandbox.settings import SandboxSettings
from connectors.amocrm.sandbox.tables import Record


@dataclass(slots=True, kw_only=True)
class Integration:
    """What administrators see under "Integrations": keys, addresses and the widget archive."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    disconnect_url: str = ""
    name: str = ""
    code: str = ""  # the widget's code, generated at upload
    archive: dict[str, bytes] = field(default_factory=dict, repr=False)
    manifest: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)  # locale -> i18n file


@dataclass(slots=True, kw_only=True)
class Grant:
    """A pair of tokens, or a long-lived access token, that an integration got for an account."""

    id: str
    client_id: str
    account_id: int
    user_id: int
    refresh_token: str
    issued_at: float
    access_until: float
    replaces: str = ""  # with refresh_grace: the older grant, whose refresh token works until this one is used
    is_spent: bool = False  # its refresh token was exchanged; its access token works until it expires
    is_revoked: bool = False


@dataclass(slots=True, kw_only=True)
class Code:
    client_id: str
    account_id: int
    user_id: int
    issued_at: float
    is_used: bool = False


@dataclass(slots=True, kw_only=True)
class Fault:
    kind: str  # status | timeout_after_store | slow | drop
    status: int = 500
    count: int = 1  # how many more requests it affects; below 0: all until removed
    path_prefix: str = "/api/"
    method: str = ""  # empty: any
    seconds: float = 1.0


@dataclass(slots=True)
class Traffic:
    """Counts requests, and finds the busiest second of each integration."""

    total: int = 0
    by_path: dict[str, int] = field(default_factory=dict)
    by_status: dict[str, int] = field(default_factory=dict)
    max_rate: int = 0
    recent: dict[str, deque[float]] = field(default_factory=dict)
    refusals: dict[str, deque[float]] = field(default_factory=dict)
    blocked_until: dict[str, float] = field(default_factory=dict)


class Sandbox:
    """
    Args:
        now: returns Unix seconds; tests pass a clock that they control.
    """

    def __init__(self, settings: SandboxSettings, *, now: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.now = now
        self.closing = asyncio.Event()
        self.listeners: list[Callable[[Account, Change], None]] = []
        self.watchers: set[asyncio.Queue[dict[str, Any]]] = set()
        self.populate: Callable[[Sandbox], None] = lambda sandbox: None
        self.clear()

    def clear(self) -> None:
        """Reset to a CRM without accounts; uploaded archives are removed from integrations."""
        self.accounts: dict[int, Account] = {}
        self.grants: dict[str, Grant] = {}
        self.codes: dict[str, Code] = {}
        self.faults: list[Fault] = []
        self.traffic = Traffic()
        self.hooks: dict[int, list[Any]] = {}
        self.revision = 0
        own = Integration(
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret,
            redirect_uri=self.settings.redirect_uri,
            disconnect_url=self.settings.disconnect_url,
            name=self.settings.integration_name,
        )
        self.integrations = {own.client_id: own}

    def reset(self) -> None:
        self.clear()
        self.populate(self)

    def add_account(self, id_: int, name: str, subdomain: str) -> Account:
        account = Account(id_, name, subdomain, self.now, self._on_change)
        account.is_api_filter_enabled = self.settings.api_filter_enabled
        self.accounts[id_] = account
        return account

    def account_by_subdomain(self, subdomain: str) -> Account | None:
        return next((each for each in self.accounts.values() if each.subdomain == subdomain), None)

    def integration_by_code(self, code: str) -> Integration | None:
        return next((each for each in self.integrations.values() if each.code == code and code), None)

    def _on_change(self, account: Account, change: Change) -> None:
        for listener in self.listeners:
            listener(account, change)
        self.tell_pages({"kind": "changed", "account": account.id})

    def tell_pages(self, message: dict[str, Any]) -> None:
        """Send to every open page. A page that does not read loses messages, and catches up with the next one."""
        self.revision += 1
        for queue in self.watchers:
            if not queue.full():
                queue.put_nowait(message)

    def notify_user(self, account: Account, user_ids: list[int], popup: Record) -> None:
        """Show a notification on the CRM pages of the listed users."""
        popup = {"id": uuid.uuid4().hex, "at": account.moment(), "users": user_ids, **popup}
        account.popups.append(popup)
        self.tell_pages({"kind": "popup", "account": account.id, "popup": popup})

    # ---- addresses

    def origin(self, request: web.Request) -> str:
        return self.settings.public_url.rstrip("/") or f"{request.scheme}://{request.host}"

    def account_host(self, account: Account, request: web.Request) -> str:
        if self.settings.account_host:
            return self.settings.account_host.format(subdomain=account.subdomain)
        return self.origin(request).partition("://")[2]

    def account_url(self, account: Account, request: web.Request) -> str:
        return f"{self.origin(request).partition('://')[0]}://{self.account_host(account, request)}"


SANDBOX = web.AppKey("sandbox", Sandbox)
