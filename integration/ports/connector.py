"""One CRM connection as the process and its web server use it: consent, webhooks, checks. `crm.py` is for its data.

A connector is a folder in `connectors/`; `integration/process/adapters.py` lists them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from integration.domain.crm.entities import CrmChange, CrmCondition
from integration.domain.ids import AccountId
from integration.ports.crm import Crm, WidgetGate
from integration.ports.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """
    A consent whose code can be exchanged for tokens.

    `state` is the one given to `authorise_url`. None: the CRM called us after an installation, and only the exchange
    shows which account it is.
    """

    code: str
    base_url: str
    state: str | None

    def __repr__(self) -> str:
        return f"Granted(base_url={self.base_url!r}, by_the_crm={self.state is None})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The CRM's administrator refused."""

    error: str
    state: str | None


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


class Connector(Protocol):
    """
    One CRM connection.

    Consent: `authorise_url` → the administrator's browser → `read_callback` → `accept`. Uninstalling from the CRM's
    side: `read_disconnect` → `disconnected`.
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

    # ---- which account of the CRM

    @property
    def is_known(self) -> bool:
        """Whether it is known which of the CRM's accounts is connected."""

    async def open(self) -> bool:
        """Read from the store which account is connected, for the gate and the webhooks. True if one is. Never
        raises."""

    def forget(self) -> None:
        """Read the store again: consent was given or withdrawn, perhaps through another process."""

    # ---- consent

    def authorise_url(self, state: str) -> str:
        """The page where an administrator of the CRM gives consent."""

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
        self, *, on_changes: Callable[[list[CrmChange]], Awaitable[None]], on_lost: Callable[[], None]
    ) -> WebhookIntake:
        """`on_lost` is called when some changes were lost; the phone book finds them by polling."""

    async def ensure_webhooks(self, address: str) -> bool:
        """Have the CRM report changes to this address. False: it does not, so changes must be found by polling."""

    # ---- condition

    def adopt(self, condition: CrmCondition) -> None:
        """Take the condition that another process learned from the CRM."""

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        """Call `told` whenever `crm.condition` has changed."""

    async def check(self) -> list[Finding]:
        """Try the settings on the CRM, for the wizard and the doctor. Never raises."""

    async def close(self) -> None: ...
