"""What the amoCRM connector's tests share: a sandbox in real time, a consented account, a token store."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.amocrm.api.sending import Senders
from connectors.amocrm.client import AmocrmCrm
from connectors.amocrm.connector import AmocrmConnector, connect
from connectors.amocrm.sandbox import Sandbox, SandboxSettings, create_sandbox, seed_office, tokens
from connectors.amocrm.sandbox.account import Account
from connectors.amocrm.sandbox.sandbox import Fault
from integration.domain.calls.call import Call, Direction, Disposition
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import AccountId, CallId, ManagerId, PbxId, Timestamp
from integration.domain.numbers.numbering import DEFAULT_NUMBERING
from integration.domain.numbers.phone import PhoneNumber, read_number
from integration.errors import AuthFailed
from integration.ports.connector import Granted
from integration.ports.crm import CallRecord
from integration.ports.stores import Tokens
from tests.adapters.amocrm_sandbox_kit import serving

OFFICE = AccountId("office")
CRM_ACCOUNT = 31_000_000
REDIRECT = "http://127.0.0.1:9/amo/oauth"
SECRET = "sandbox-secret-of-the-integration-0123456789abcdef"
CLIENT_ID = "6f0d3c1e-5b7a-4c55-9d2e-0a4b8f1c7e21"
ANNA, DISMISSED = ManagerId("610077"), ManagerId("610082")


def contact(id_: int | str) -> EntityRef:
    return EntityRef(EntityKind.CONTACT, str(id_))


class SystemClock:
    def now(self) -> Timestamp:
        return Timestamp(time.time())


@dataclass
class MemoryTokens:
    """`ports.TokenStore` in memory; `order` has the order of events."""

    pairs: dict[AccountId, Tokens] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    refreshing: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, account: AccountId) -> Tokens | None:
        return self.pairs.get(account)

    async def refresh(
        self, account: AccountId, refresh: Callable[[Tokens], Awaitable[Tokens]], *, if_access: str
    ) -> Tokens:
        async with self.lock:
            if account not in self.pairs:
                raise AuthFailed("no tokens")
            if self.pairs[account].access != if_access:
                return self.pairs[account]
            self.order.append("refresh")
            self.refreshing.set()
            fresh = await refresh(self.pairs[account])
            self.pairs[account] = fresh
            self.order.append("stored")
            return fresh

    async def save(self, account: AccountId, tokens: Tokens) -> None:
        self.pairs[account] = tokens

    async def delete(self, account: AccountId) -> None:
        self.pairs.pop(account, None)


class Loopback(AbstractResolver):
    """Resolves every `<subdomain>.localhost` to this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert host.endswith(".localhost"), host
        found: ResolveResult = {
            "hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0,
        }  # fmt: skip
        return [found]

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Office:
    """A connected account: its sandbox, and our side."""

    sandbox: Sandbox
    port: int
    connector: AmocrmConnector
    store: MemoryTokens
    session: aiohttp.ClientSession
    app: web.Application
    table: dict[str, Any]  # the connector's settings

    @property
    def crm(self) -> AmocrmCrm:
        return self.connector.crm

    @property
    def account(self) -> Account:
        return self.sandbox.accounts[CRM_ACCOUNT]

    @property
    def requests(self) -> dict[str, int]:
        return self.sandbox.traffic.by_path

    def fault(self, kind: str, **options: Any) -> None:
        self.sandbox.faults.append(Fault(kind=kind, **options))

    def contact(self, name: str, *phones: str, at: int = 1_700_000_000, kind: str = "contacts") -> int:
        values = [{"value": phone, "enum_id": 101, "enum_code": "WORK"} for phone in phones]
        field_ = {"field_id": 71, "field_name": "Телефон", "field_code": "PHONE", "values": values}
        record = {
            "name": name,
            "custom_fields_values": [field_] if phones else None,
            "created_at": at,
            "updated_at": at,
        }
        return int(self.account.create(kind, record, int(ANNA))["id"])

    def grant(self) -> Any:
        """The sandbox's valid pair of tokens."""
        return next(g for g in self.sandbox.grants.values() if not (g.is_spent or g.is_revoked))

    def expire_access(self) -> None:
        """Make amoCRM refuse the access token, though it is still valid by our clock."""
        for grant in self.sandbox.grants.values():
            grant.access_until = 0.0


@asynccontextmanager
async def office(
    *, options: dict[str, Any] | None = None, is_connected: bool = True, **sandbox_changes: Any
) -> AsyncIterator[Office]:
    """
    A seeded sandbox on a free port with its own account host for each account, and a connector to the first.

    Args:
        options: further settings of the connector.
        sandbox_changes: settings of the sandbox.
    """
    sandbox = Sandbox(
        SandboxSettings(redirect_uri=REDIRECT, client_id=CLIENT_ID, client_secret=SECRET, **sandbox_changes)
    )
    sandbox.populate = seed_office
    sandbox.reset()
    app = create_sandbox(sandbox.settings, sandbox)
    async with serving(app) as base:
        port = int(base.rpartition(":")[2])
        sandbox.settings = replace(sandbox.settings, account_host=f"{{subdomain}}.localhost:{port}")
        connector_ = aiohttp.TCPConnector(resolver=Loopback(), use_dns_cache=False)
        async with aiohttp.ClientSession(connector=connector_, cookie_jar=aiohttp.DummyCookieJar()) as session:
            store = MemoryTokens()
            table = {
                "client_id": CLIENT_ID,
                "client_secret": SECRET,
                "redirect_uri": REDIRECT,
                "oauth_url": f"http://www.localhost:{port}/oauth",
                "account_hosts": r"[a-z0-9-]+\.localhost:\d+",
                "api_host": f"api.localhost:{port}",
                "retry_seconds": 0.01,
                "request_seconds": 1.0,
                **(options or {}),
            }
            senders = Senders(session, lambda _: None)
            connector = connect(OFFICE, table, tokens=store, senders=senders, clock=SystemClock())
            made = Office(sandbox, port, connector, store, session, app, table)
            if is_connected:
                await consent(made)
            yield made
            await connector.close()
            await senders.close()


async def consent(made: Office, crm_account: int = CRM_ACCOUNT) -> None:
    """Do what the consent page and the callback do together."""
    account = made.sandbox.accounts[crm_account]
    integration = made.sandbox.integrations[CLIENT_ID]
    code = tokens.issue_code(made.sandbox, integration, account, account.admin())
    base_url = f"http://{account.subdomain}.localhost:{made.port}"
    granted = Granted(code=code, base_url=base_url, state="s")
    await made.connector.accept(granted)


def number(text: str = "+79161234567") -> PhoneNumber:
    found = read_number(text, DEFAULT_NUMBERING)
    assert found is not None
    return found


def record(key: str = "pbx:1.1", **changes: Any) -> CallRecord:
    """A call of a minute that has just ended. `direction`, `disposition` and fields of CallRecord may be set."""
    now = time.time()
    direction = changes.pop("direction", Direction.INBOUND)
    client = changes.pop("client", number())
    call = Call(
        id=CallId(key),
        account=OFFICE,
        pbx=PbxId("pbx"),
        native_id=key,
        direction=direction,
        caller=client.digits if direction is Direction.INBOUND else "101",
        called="74950000000" if direction is Direction.INBOUND else client.digits,
        started_at=Timestamp(now - 70),
        answered_at=Timestamp(now - 60),
        ended_at=Timestamp(now),
        disposition=changes.pop("disposition", Disposition.ANSWERED),
        talked_seconds=60.0,
    )
    values: dict[str, Any] = {
        "responsible": ANNA,
        "recording_url": "https://rec.example.test/r/abc.mp3",
        "text": "101, ожидание 10 с",
        **changes,
    }
    return CallRecord(key=key, call=call, client=client, **values)
