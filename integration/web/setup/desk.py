"""What the wizard needs of a process; `process/setup_desk.py` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from integration.domain.ids import AccountId, PbxId
from integration.domain.settings_changes import Author
from integration.domain.setup import Facts
from integration.ports.connector import Connector
from integration.ports.crm_setup import CrmSetup
from integration.ports.offices import Seen
from integration.ports.pbx_setup import PbxSetup, Preparation
from integration.ports.setups import SetupState, SetupStore
from integration.web.setup.address_lights import AddressLight


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeParts:
    """
    What is stored of an office. The wizard works on its first telephone system and its first account.

    Attributes:
        seen: what a change of it has to name.
        secrets: names of the stored secrets, `pbx/sales-pbx asterisk.secret`.
    """

    office: AccountId
    seen: Seen
    pbx: PbxId | None = None
    pbx_document: Mapping[str, Any] = field(default_factory=dict)
    account: AccountId | None = None
    account_document: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


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

    async def set_public_url(self, url: str) -> None: ...

    async def examine_address(self, url: str) -> list[AddressLight]: ...

    @property
    def in_file(self) -> frozenset[AccountId]: ...

    async def begin(self, state: SetupState) -> AccountId: ...

    async def offices(self) -> list[SetupState]: ...

    async def state(self, office: AccountId) -> SetupState: ...

    async def parts(self, office: AccountId) -> OfficeParts: ...

    async def put(
        self, office: AccountId, part: str, document: Mapping[str, Any], *, seen: Seen, who: Author
    ) -> Seen: ...

    @property
    def crms(self) -> Mapping[str, CrmSetup]: ...

    def addresses(self, crm: str, account: AccountId) -> tuple[str, str]: ...

    def widget(self, crm: str) -> tuple[str, bytes] | None: ...

    async def connector(self, account: AccountId) -> Connector | None: ...

    async def facts(self, state: SetupState, parts: OfficeParts) -> Facts: ...

    @property
    def pbx_kind(self) -> str: ...

    @property
    def flavours(self) -> Mapping[str, str]: ...

    async def completed(
        self, office: AccountId, kind: str, options: Mapping[str, Any], flavour: str
    ) -> Mapping[str, Any]: ...

    async def preparation(self, office: AccountId, flavour: str) -> Preparation: ...

    async def trial(self, office: AccountId) -> PbxSetup: ...
