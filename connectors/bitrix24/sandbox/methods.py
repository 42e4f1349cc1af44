"""What a REST method is: its name, scope and demands, and the call that a handler gets.

The `rest_*` modules have the handlers; `rest.py` finds and runs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.bitrix24.sandbox.crm_kinds import Record
from connectors.bitrix24.sandbox.errors import RestError, access_denied, wrong_auth_type
from connectors.bitrix24.sandbox.filtering import Page
from connectors.bitrix24.sandbox.parameters import Parameters
from connectors.bitrix24.sandbox.portal import Author, Portal
from connectors.bitrix24.sandbox.sandbox import Install, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a user, through an application or (install None) an incoming webhook."""

    portal: Portal
    user_id: int
    client: str  # the application's client_id, or the webhook's code
    scopes: frozenset[str]
    install: Install | None
    token: str = ""

    @property
    def user(self) -> Record:
        return self.portal.users[self.user_id]

    @property
    def is_admin(self) -> bool:
        return bool(self.user["IS_ADMIN"])


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method. `origin`: the portal's address as the caller used it."""

    sandbox: Sandbox
    caller: Caller
    parameters: Parameters
    origin: str

    @property
    def portal(self) -> Portal:
        return self.caller.portal

    @property
    def install(self) -> Install:
        """
        Raises:
            RestError: `WRONG_AUTH_TYPE`, for a webhook.
        """
        if self.caller.install is None:
            raise wrong_auth_type()
        return self.caller.install

    @property
    def author(self) -> Author:
        client_id = self.caller.client if self.caller.install else ""
        connector = self.parameters.text("auth_connector")
        return Author(user_id=self.caller.user_id, client_id=client_id, connector=connector)

    def require_admin(self) -> None:
        if not self.caller.is_admin:
            raise access_denied()

    def required(self, name: str) -> str:
        """
        Raises:
            RestError: `ERROR_ARGUMENT`, naming the argument.
        """
        value = self.parameters.text(name)
        if not value:
            raise RestError("ERROR_ARGUMENT", f"Argument '{name}' is null or empty", extra={"argument": name})
        return value


Result = Any | Page
Handler = Callable[[Call], Result | Awaitable[Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """`scope` empty: needs none. `needs_app`: refused to webhooks. `in_batch`: False for what moves files."""

    handler: Handler
    scope: str = ""
    needs_app: bool = False
    needs_admin: bool = False
    in_batch: bool = True
    needs_confirmation: bool = False


@dataclass(slots=True)
class Registry:
    """Methods by their name in lower case."""

    methods: dict[str, Method] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, scope: str, handlers: Mapping[str, Handler], **demands: Any) -> None:
        for name, handler in handlers.items():
            self.methods[name.lower()] = Method(handler=handler, scope=scope, **demands)
            self.names[name.lower()] = name

    def get(self, name: str) -> Method | None:
        return self.methods.get(name.lower())
