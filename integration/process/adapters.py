"""The table of the supported CRMs and PBXs. A new one needs a folder and a line here.

Only this module, the demonstration and the commands import from `connectors/` and `pbx_adapter/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import aiohttp

from connectors.amocrm import AmocrmKind
from connectors.bitrix24 import Bitrix24Kind
from integration.documents.schema import KindTable
from integration.domain.connections.abilities import CrmAbilities, PbxAbilities
from integration.domain.ids import AccountId, PbxId
from integration.domain.numbers.numbering import Numbering
from integration.ports.clock import Clock
from integration.ports.connector import Connector
from integration.ports.coordination import RateBudget
from integration.ports.crm_setup import CrmSetup
from integration.ports.pbx import RouteAnswerer
from integration.ports.pbx_connection import PbxConnection
from integration.ports.pbx_setup import Flavour, PbxSetup, Preparation
from integration.ports.stores import TokenStore
from pbx_adapter.asterisk import AsteriskKind


class CrmKind(Protocol):
    """One kind of CRM. A process has one instance for all its accounts."""

    abilities: ClassVar[CrmAbilities]
    """Those of a connection of this kind; one that is connected in a poorer way has fewer."""

    setup: ClassVar[CrmSetup]
    """What an administrator enters and copies."""

    table: ClassVar[KindTable]
    """Its table in a document, for the description of REST. `check` decides what it may contain."""

    secret_options: ClassVar[tuple[str, ...]]
    """Keys of options that are stored encrypted and never shown, such as `recordings.password`."""

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        """
        Args:
            session: keeps no cookies, so that one account's cookies are not sent with another's requests.
            budget: the rate of the given name that all processes share; None if this is the only process.
        """

    @staticmethod
    def check(options: Mapping[str, Any]) -> None:
        """Raises: InvalidDocument, with every setting that `connect` would refuse, its table's name before the key."""

    @staticmethod
    def widget(backend: str) -> tuple[str, bytes] | None:
        """
        The archive with our widget that the CRM installs, with the name of its file; None: the CRM takes none.

        Args:
            backend: Dozvon's address for managers' browsers.

        Raises:
            ConfigError: the widget is not compiled, or the address cannot be one.
        """

    @staticmethod
    def allows_origin(origin: str) -> bool:
        """Whether a page of this origin may be the CRM's, with its usual addresses. Never raises."""

    @staticmethod
    def integration(options: Mapping[str, Any]) -> str | None:
        """The integration's id. Accounts with the same id share a redirect address; None: nothing to share."""

    def connect(
        self,
        account: AccountId,
        options: Mapping[str, Any],
        *,
        tokens: TokenStore,
        clock: Clock,
        numbering: Numbering,
    ) -> Connector:
        """Build a connection. It sends nothing before `Connector.open`. Raises: ConfigError."""

    async def close(self) -> None: ...


class PbxKind(Protocol):
    """One kind of PBX. A process has one instance for all its PBXs."""

    abilities: ClassVar[PbxAbilities]
    """Those of every connection of this kind."""

    table: ClassVar[KindTable]
    """Its table in a document, for the description of REST. `check` decides what it may contain."""

    secret_options: ClassVar[tuple[str, ...]]
    """Keys of options that are stored encrypted and never shown, such as `recordings.password`."""

    server_options: ClassVar[tuple[str, ...]]
    """Keys of options that name something of this machine: a folder, a file, an address to listen at. An administrator
    of single offices cannot set them."""

    flavours: ClassVar[tuple[Flavour, ...]]
    """The products that an administrator knows by name; the first is suggested."""

    def __init__(self, session: aiohttp.ClientSession) -> None: ...

    @staticmethod
    def preparation(options: Mapping[str, Any], *, flavour: str, server_address: str) -> Preparation:
        """
        What has to be entered on the PBX so that Dozvon may log in. Asks nothing, never raises.

        Args:
            options: what is known so far; a secret is made where there is none.
            flavour: the key of one of `flavours`.
            server_address: this server's address as the PBX sees it.
        """

    def trial(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> PbxSetup:
        """Build the questions of a setup with options that are not in use (yet): no running connection is touched.
        Raises: InvalidDocument, as `check`."""

    @staticmethod
    def check(pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> None:
        """Raises: InvalidDocument, with every setting that `connect` would refuse; their names begin with `key`."""

    def connect(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> PbxConnection:
        """Build a connection. It sends nothing before `Pbx.run`. Raises: ConfigError."""

    async def serve_routes(self, answerers: Mapping[PbxId, RouteAnswerer], *, is_shared: bool) -> None:
        """
        Answer these PBXs from now on, and no others; if there are none, stop listening. Unchanged ones continue without
        interruption.

        Args:
            is_shared: other processes listen at the same addresses.

        Raises:
            ConfigError: an address is taken.
        """


# By the name in the configuration and in addresses. The first is the default.
CRMS: Mapping[str, type[CrmKind]] = {"amocrm": AmocrmKind, "bitrix24": Bitrix24Kind}
PBXS: Mapping[str, type[PbxKind]] = {"asterisk": AsteriskKind}


def tables_of(kinds: Mapping[str, type[CrmKind]] | Mapping[str, type[PbxKind]]) -> dict[str, KindTable]:
    """By kind: what its table in a document contains."""
    return {name: kind.table for name, kind in kinds.items()}
