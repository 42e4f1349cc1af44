"""What the wizard needs of a process; `process/setup_desk.py` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from integration.domain.administrators import AdministratorId
from integration.domain.connections.state import ConnectionState
from integration.domain.ids import AccountId, PbxId
from integration.domain.settings_changes import Author
from integration.domain.setup import Facts
from integration.ports.connector import Connector
from integration.ports.crm_setup import CrmSetup
from integration.ports.findings import Finding
from integration.ports.offices import Seen
from integration.ports.pbx_setup import PbxSetup, Preparation
from integration.ports.setups import SetupState, SetupStore
from integration.web.setup.proxies import InstalledAs

NEW = "new"
"""In an address in place of an id: another telephone system, another account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeParts:
    """
    What is stored of an office, and the telephone system and the account that a screen is about.

    Attributes:
        seen: what a change of it has to name.
        pbxs: the documents of all telephone systems, by id; `accounts` likewise.
        pbx: the one that the screen is about; None: there is none yet, or a new one is being added.
        account: likewise.
        secrets: names of the stored secrets, `pbx/sales-pbx asterisk.secret`.
    """

    office: AccountId
    seen: Seen
    pbxs: Mapping[PbxId, Mapping[str, Any]] = field(default_factory=dict)
    accounts: Mapping[AccountId, Mapping[str, Any]] = field(default_factory=dict)
    pbx: PbxId | None = None
    account: AccountId | None = None
    secrets: frozenset[str] = frozenset()

    @property
    def pbx_document(self) -> Mapping[str, Any]:
        return {} if self.pbx is None else self.pbxs[self.pbx]

    @property
    def account_document(self) -> Mapping[str, Any]:
        return {} if self.account is None else self.accounts[self.account]

    @property
    def pbx_kind(self) -> str:
        """The kind of the telephone system; empty: none is stored."""
        return str(self.pbx_document.get("kind", ""))

    @property
    def pbx_options(self) -> dict[str, Any]:
        """What its kind reads of it, without secrets."""
        table = self.pbx_document.get(self.pbx_kind, {})
        return dict(table) if isinstance(table, dict) else {}


class SetupDesk(Protocol):
    @property
    def store(self) -> SetupStore: ...

    @property
    def public_url(self) -> str: ...

    @property
    def has_public_url(self) -> bool: ...

    @property
    def is_url_in_file(self) -> bool: ...

    @property
    def listens(self) -> str: ...

    @property
    def installed_as(self) -> InstalledAs: ...

    async def set_public_url(self, url: str) -> None: ...

    async def take_ticket(self, ticket: str) -> bool: ...

    async def examine_address(self, url: str) -> list[Finding]: ...

    @property
    def in_file(self) -> frozenset[AccountId]: ...

    async def begin(self, state: SetupState, *, by: AdministratorId | None) -> AccountId: ...

    async def offices(self) -> list[SetupState]: ...

    async def state(self, office: AccountId) -> SetupState: ...

    async def parts(self, office: AccountId, *, pbx: str = "", account: str = "") -> OfficeParts: ...

    def new_pbx(self, parts: OfficeParts) -> PbxId: ...

    def new_account(self, parts: OfficeParts) -> AccountId: ...

    async def remove(self, office: AccountId, part: str, *, seen: Seen, who: Author) -> Seen: ...

    async def put(
        self, office: AccountId, part: str, document: Mapping[str, Any], *, seen: Seen, who: Author
    ) -> Seen: ...

    @property
    def crms(self) -> Mapping[str, CrmSetup]: ...

    def addresses(self, crm: str, account: AccountId) -> tuple[str, str]: ...

    def widget(self, crm: str) -> tuple[str, bytes] | None: ...

    async def connector(self, account: AccountId) -> Connector | None: ...

    async def facts(self, state: SetupState, parts: OfficeParts) -> Facts: ...

    def pbx_state(self, pbx: PbxId) -> ConnectionState: ...

    def crm_state(self, account: AccountId) -> ConnectionState: ...

    @property
    def pbx_kind(self) -> str: ...

    @property
    def flavours(self) -> Mapping[str, str]: ...

    async def completed(
        self, parts: OfficeParts, kind: str, options: Mapping[str, Any], flavour: str
    ) -> Mapping[str, Any]: ...

    async def preparation(self, parts: OfficeParts, flavour: str) -> Preparation: ...

    async def trial(self, parts: OfficeParts) -> PbxSetup: ...
