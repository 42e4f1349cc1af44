"""One CRM connection as the process and its web server see it: consent, webhooks, checks. Its data is `crm.py`'s.

A connector is a folder in `connectors/`; `integration/process/adapters.py` has the table of them.
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

    `state` is the one given to `authorise_url`; None: the CRM calls by itself after an installation, and which account
    it is becomes known by the exchange.
    """

    code: str
    base_url: str
    state: str | None

    def __repr__(self) -> str:
        return f"Granted(base_url={self.base_url!r}, by_the_crm={self.state is None})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The administrator of the CRM said no."""

    error: str
    state: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentProof:
    """What a signed token proves: an administrator of this account of the CRM, which lives at `host`, has our widget
    open."""

    crm_account_id: str
    host: str


class WebhookIntake(Protocol):
    """Takes one connection's webhooks: accepted at once, worked through later."""

    @property
    def tail(self) -> str:
        """The end of the address that the CRM is given; not to be guessed."""

    @property
    def largest_body(self) -> int:
        """Bytes."""

    def is_addressed(self, tail: str) -> bool:
        """Whether `tail` is ours; in constant time. Never raises."""

    def take(self, body: bytes | None) -> None:
        """Never raises, never waits. None: the body was larger than `largest_body`."""

    async def run(self) -> None:
        """Work through what was taken; until cancelled."""


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
        """Its name in the table of kinds, in addresses and in the configuration."""

    @property
    def label(self) -> str:
        """The CRM's name as people write it."""

    @property
    def integration(self) -> str:
        """Which of the CRM's integrations it uses; connections with the same one share the redirect address."""

    @property
    def crm(self) -> Crm: ...

    @property
    def gate(self) -> WidgetGate: ...

    # ---- which account of the CRM

    @property
    def is_known(self) -> bool:
        """Whether it is known which of the CRM's accounts is connected."""

    async def open(self) -> bool:
        """Learn it from the store, so that the gate and the webhooks know it; True when one is. Never raises."""

    def forget(self) -> None:
        """Consent was given or withdrawn, perhaps through another process: read the store again."""

    # ---- consent

    def authorise_url(self, state: str) -> str:
        """Where an administrator of the CRM allows us in."""

    def read_callback(self, query: Mapping[str, str]) -> Granted | Refused:
        """What the CRM's redirect says. Sends nothing. Raises Rejected."""

    async def accept(self, granted: Granted, *, of_account: str | None = None) -> None:
        """
        Exchange the code of a consent and store the tokens. Only for a consent that somebody of ours wanted, because
        it costs requests. Goes on to its end when the caller is cancelled: tokens are given once.

        Args:
            of_account: the CRM's account that it must be.

        Raises:
            Rejected: the CRM refuses the code, or it is another account's than the connected one.
            Unavailable, ProtocolError.
        """

    def read_proof(self, token: str) -> ConsentProof:
        """Whose consent a widget's token may confirm. Raises AuthFailed, also for an account that is not ours."""

    def read_disconnect(self, query: Mapping[str, str]) -> str:
        """The CRM's account in which an administrator has switched the integration off. Raises Rejected."""

    async def disconnected(self, crm_account_id: str) -> bool:
        """
        The CRM has said so of this account. Such calls can be replayed: tokens are deleted only when the CRM really
        refuses them.

        Returns:
            Whether they were.
        """

    # ---- webhooks

    def webhook_intake(
        self, *, on_changes: Callable[[list[CrmChange]], Awaitable[None]], on_lost: Callable[[], None]
    ) -> WebhookIntake:
        """`on_lost`: some changes were not taken; the phone book finds them by asking."""

    async def ensure_webhooks(self, address: str) -> bool:
        """Have the CRM report changes to this address. False: it does not, and changes are found by asking."""

    # ---- condition

    def adopt(self, condition: CrmCondition) -> None:
        """Another process learned this from the CRM."""

    def on_condition(self, told: Callable[[CrmCondition], None]) -> None:
        """Have `told` called when `crm.condition` has changed."""

    async def check(self) -> list[Finding]:
        """Try the settings on the CRM, for the wizard and the doctor. Never raises."""

    async def close(self) -> None: ...
