"""The one table of kinds: which CRMs and PBXs there are. A new one is a folder and a line here.

Only this module, the demonstration and the commands name what is in `connectors/` and `pbx_adapter/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import aiohttp

from connectors.amocrm import AmocrmKind
from integration.domain.ids import AccountId, PbxId
from integration.domain.numbers.numbering import Numbering
from integration.ports.clock import Clock
from integration.ports.connector import Connector
from integration.ports.coordination import RateBudget
from integration.ports.pbx import PbxConnection, RouteAnswerer
from integration.ports.stores import TokenStore
from pbx_adapter.asterisk import AsteriskKind


class CrmKind(Protocol):
    """What there is of one kind of CRM once in a process."""

    secret_options: ClassVar[tuple[str, ...]]
    """Keys of options that are stored sealed and never shown, as `recordings.password`."""

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        """
        Args:
            session: keeps no cookies, so that none of one account travels with another's requests.
            budget: the share of all processes together in a rate, by its name; None: this is the only process.
        """

    @staticmethod
    def check(options: Mapping[str, Any]) -> None:
        """Raises ConfigError, which names the key, for options that `connect` would refuse."""

    @staticmethod
    def integration(options: Mapping[str, Any]) -> str | None:
        """Accounts with the same one share a redirect address; None: it has none to share."""

    def connect(
        self,
        account: AccountId,
        options: Mapping[str, Any],
        *,
        tokens: TokenStore,
        clock: Clock,
        numbering: Numbering,
    ) -> Connector:
        """Build a connection; nothing is sent before `Connector.open`. Raises ConfigError."""

    async def close(self) -> None: ...


class PbxKind(Protocol):
    """What there is of one kind of PBX once in a process."""

    secret_options: ClassVar[tuple[str, ...]]
    """Keys of options that are stored sealed and never shown, as `recordings.password`."""

    def __init__(self, session: aiohttp.ClientSession) -> None: ...

    @staticmethod
    def check(pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> None:
        """Raises ConfigError, which names the key beginning with `key`, for options that `connect` would refuse."""

    def connect(self, pbx_id: PbxId, options: Mapping[str, Any], *, key: str) -> PbxConnection:
        """Build a connection; nothing is sent before `Pbx.run`. Raises ConfigError."""

    async def serve_routes(self, answerers: Mapping[PbxId, RouteAnswerer], *, is_shared: bool) -> None:
        """
        Let these PBXs ask for routes from now on, and no others; none: stop listening. What is the same already goes
        on undisturbed.

        Args:
            is_shared: other processes listen at the same addresses.

        Raises:
            ConfigError: an address is taken.
        """


# By the name in the configuration and in addresses. The first is meant where an account names none.
CRMS: Mapping[str, type[CrmKind]] = {"amocrm": AmocrmKind}
PBXS: Mapping[str, type[PbxKind]] = {"asterisk": AsteriskKind}
