"""The parts of the Bitrix24 connector that all accounts of a process share. The process's table of kinds names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import aiohttp

from connectors.bitrix24.api.pacing import Pacers
from connectors.bitrix24.client import ABILITIES
from connectors.bitrix24.connector import Bitrix24Connector, connect
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.setup import SETUP
from integration.documents.schema import KindTable
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import Numbering
from integration.ports.clock import Clock
from integration.ports.coordination import RateBudget
from integration.ports.crm_setup import CrmSetup
from integration.ports.stores import TokenStore


class Bitrix24Kind:
    """`integration.process.adapters.CrmKind`. The accounts of one portal share its bucket."""

    abilities: ClassVar[CrmAbilities] = ABILITIES
    setup: ClassVar[CrmSetup] = SETUP
    secret_options: ClassVar[tuple[str, ...]] = ("client_secret", "webhook_url")
    table: ClassVar[KindTable] = KindTable(Bitrix24Settings, secret_options)

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        self._session = session
        self._pacers = Pacers(lambda portal: budget(f"bitrix24:{portal}"))

    @staticmethod
    def check(options: Mapping[str, Any]) -> None:
        Bitrix24Settings.parse(options)

    @staticmethod
    def widget(backend: str) -> None:
        """Our pages come through the portal's frames: nothing is uploaded."""

    @staticmethod
    def allows_origin(origin: str) -> bool:
        """The portal's own page never loads our script."""
        return False

    @staticmethod
    def integration(options: Mapping[str, Any]) -> str | None:
        client_id = options.get("client_id")
        return str(client_id) if client_id else None

    def connect(
        self,
        account: AccountId,
        options: Mapping[str, Any],
        *,
        tokens: TokenStore,
        clock: Clock,
        numbering: Numbering,
    ) -> Bitrix24Connector:
        return connect(
            account,
            options,
            tokens=tokens,
            session=self._session,
            pacers=self._pacers,
            clock=clock,
            numbering=numbering,
        )

    async def close(self) -> None:
        await self._pacers.close()
