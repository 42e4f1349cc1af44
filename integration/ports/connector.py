"""One CRM connection as the process and its web server use it: consent, webhooks, checks. `crm.py` is for its data.

A connector is a folder in `connectors/`; `integration/process/adapters.py` lists them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId
from integration.ports.crm import Crm, WidgetGate
from integration.ports.crm_requests import CrmRequest
from integration.ports.findings import Finding
from integration.ports.frames import FrameGate


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """
    A consent whose code can be exchanged for tokens.

    `state` is the one given to `authorise_url`. None: the CRM called us after an installation, and only the exchange
    shows which account it is. `event_key` came with an installation (`Installation`); `code` is then its refresh token.
    """

    code: str
    base_url: str
    state: str | None
    event_key: str = ""

    def __repr__(self) -> str:
        return f"Granted(base_url={self.base_url!r}, by_the_crm={self.state is None})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The CRM's administrator refused."""

    error: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """
    A message that our application was installed or updated in an account of the CRM, as it arrived: anybody can send
    one, so nothing of it is believed before the CRM has confirmed it.

    Attributes:
        event_key: what the CRM will prove its later messages with.
        expires_in: seconds that `access` lives.
    """

    crm_account_id: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    event_key: str = field(repr=False)
    expires_in: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The CRM confirmed an installation or an update. What was subscribed before may be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstalled:
    """Our application was removed in the CRM. The tokens are deleted already."""


CrmNotice = Installed | Uninstalled
"""What a CRM tells of the connection itself, among its changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentProof:
    """Proof by a signed token that an administrator of this CRM account, whose address is `host`, has our widget
    open."""

    crm_account_id: str
    host: str


class WebhookIntake(Protocol):
    """Takes one connection's webhooks: accepts them at once and processes them later."""

    @property
    def tail(self) -> str:
        """The end of the webhook address; it cannot be guessed."""

    @property
    def largest_body(self) -> int:
        """Bytes."""

    def is_addressed(self, tail: str) -> bool:
        """Whether `tail` is ours; in constant time. Never raises."""

    def take(self, body: bytes | None) -> None:
        """Accept a webhook. None: the body was larger than `largest_body`. Never raises, never waits."""

    async def run(self) -> None:
        """Process accepted webhooks, until cancelled."""

    @property
    def may_fetch(self) -> bool:
        """Whether the CRM keeps events until they are asked for, instead of sending them."""

    async def fetch(self) -> None:
        """Ask for kept events and process them, until cancelled. One process at a time runs it."""


class Connector(Protocol):
    """
    One CRM connection.

    Consent: `authorise_url` → the administrator's browser → `read_callback` → `accept`. Uninstalling from the CRM's
    side: `read_disconnect` → `disconnected`. A CRM whose applications are installed in it sends tokens by itself:
    `read_installation` → `take_installation`; `CrmNotice` tells of later changes.
    """

    @property
    def account(self) -> AccountId: ...

    @property
    def kind(self) -> str:
        """The CRM's name in the table of kinds, in addresses and in the configuration."""

    @property
    def label(self) -> str:
        """The CRM's name as people write it."""

    @property
    def integration(self) -> str:
        """The CRM's integration that it uses. Connections with the same one share the redirect address."""

    @property
    def crm(self) -> Crm: ...

    @property
    def gate(self) -> WidgetGate: ...

    @property
    def frames(self) -> FrameGate | None:
        """For our pages in the CRM's frames; None: it has none, its own page loads our script."""

    # ---- which account of the CRM

    @property
    def is_known(self) -> bool:
        """Whether it is known which of the CRM's accounts is connected."""

    def is_account(self, crm_account_id: str) -> bool:
        """Whether this one of the CRM's accounts is connected, as far as this process knows."""

    async def open(self) -> bool:
        """Read from the store which account is connected, for the gate and the webhooks. True if one is. Never
        raises."""

    def forget(self) -> None:
        """Read the store again: consent was given or withdrawn, perhaps through another process."""

    # ---- consent

    def authorise_url(self, state: str) -> str | None:
        """The page where an administrator of the CRM gives consent. None: it is given in the CRM, by installing."""

    def read_callback(self, query: Mapping[str, str]) -> Granted | Refused:
        """Read the CRM's redirect. Sends nothing. Raises: Rejected."""

    async def accept(self, granted: Granted, *, of_account: str | None = None) -> None:
        """
        Exchange the code of a consent and store the tokens. Call it only for a consent that somebody of ours wanted,
        because it costs requests. It finishes even if the caller is cancelled: the CRM issues the tokens only once.

        Args:
            of_account: the CRM account that the consent must be for.

        Raises:
            Rejected: the CRM refuses the code, or the code is for another account than the connected one.
            Unavailable, ProtocolError.
        """

    def read_installation(self, body: bytes) -> Installation:
        """Read a message of the CRM to the redirect address. Sends nothing. Raises: Rejected, it is none."""

    async def take_installation(self, installation: Installation) -> Granted | None:
        """
        Have the CRM confirm an installation, and connect the account by it. Finishes even if the caller is cancelled.

        Returns:
            None: it is connected. Else it is confirmed, but its application may be installed in any account of the CRM:
            an administrator of ours must say that this one is meant, and then `accept` takes it.

        Raises:
            AuthFailed: the CRM does not confirm it, or the person who installed it is no administrator there.
            Rejected: another account of the CRM is connected here.
            Unavailable, ProtocolError.
        """

    def read_proof(self, token: str) -> ConsentProof:
        """Whose consent a widget's token may confirm. Raises: AuthFailed, also if the account is not ours."""

    def read_disconnect(self, query: Mapping[str, str]) -> str:
        """The CRM account in which an administrator has switched off the integration. Raises: Rejected."""

    async def disconnected(self, crm_account_id: str) -> bool:
        """
        Handle the CRM's report that this account is disconnected. A stranger can replay such a report, so the tokens
        are deleted only if the CRM refuses them.

        Returns:
            Whether they were deleted.
        """

    # ---- webhooks

    def webhook_intake(
        self,
        *,
        on_changes: Callable[[list[CrmChange]], Awaitable[None]],
        on_lost: Callable[[], None],
        on_notice: Callable[[CrmNotice], Awaitable[None]],
        on_request: Callable[[CrmRequest], Awaitable[None]],
    ) -> WebhookIntake:
        """
        `on_lost` is called when some changes were lost; the phone book finds them by polling. `on_request` raises
        Unavailable if the request may be handed over again.
        """

    async def ensure_webhooks(self, address: str) -> bool:
        """Have the CRM report changes to this address, or keep them until `WebhookIntake.fetch` asks for them. False:
        it does not, so changes must be found by polling. Called again and again: a CRM may forget it."""

    async def remove_webhooks(self, address: str) -> bool:
        """
        Have the CRM report nothing to this address any more. False: it does not let us; it gives up by itself after
        deliveries that fail. Raises: Unavailable, AuthFailed.
        """

    async def withdraw(self) -> None:
        """Forget the consent: delete the tokens, in all processes. Raises: Unavailable."""

    # ---- condition

    def adopt(self, condition: CrmCondition) -> None:
        """Take the condition that another process learned from the CRM."""

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        """Call `told` whenever `crm.condition` has changed."""

    async def check(self) -> list[Finding]:
        """Try the settings on the CRM, for the wizard and the doctor. Never raises."""

    async def close(self) -> None: ...
