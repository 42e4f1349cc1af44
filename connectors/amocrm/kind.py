"""The parts of the amoCRM connector that all accounts of a process share. The process's table of kinds names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import aiohttp

from connectors.amocrm.api.sending import Senders
from connectors.amocrm.client import AmocrmCrm
from connectors.amocrm.connector import AmocrmConnector, connect
from connectors.amocrm.settings import AmocrmSettings
from connectors.amocrm.setup import SETUP
from connectors.amocrm.widget import is_usual_origin
from integration.documents.schema import KindTable
from integration.domain.connections.abilities import CrmAbilities
from integration.domain.ids import AccountId
from integration.domain.numbers.numbering import Numbering
from integration.ports.clock import Clock
from integration.ports.coordination import RateBudget
from integration.ports.crm_setup import CrmSetup
from integration.ports.stores import TokenStore
from widgets.pack import amocrm_archive


class AmocrmKind:
    """`integration.process.adapters.CrmKind`. The accounts of one integration share its request rate."""

    abilities: ClassVar[CrmAbilities] = AmocrmCrm.abilities
    setup: ClassVar[CrmSetup] = SETUP
    secret_options: ClassVar[tuple[str, ...]] = ("client_secret", "long_lived_token")
    table: ClassVar[KindTable] = KindTable(AmocrmSettings, secret_options)

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        self._senders = Senders(session, lambda integration: budget(f"amocrm:{integration}"))

    @staticmethod
    def check(options: Mapping[str, Any]) -> None:
        AmocrmSettings.parse(options)

    @staticmethod
    def widget(backend: str) -> tuple[str, bytes]:
        return "dozvon-amocrm.zip", amocrm_archive(backend)

    @staticmethod
    def allows_origin(origin: str) -> bool:
        return is_usual_origin(origin)

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
    ) -> AmocrmConnector:
        return connect(account, options, tokens=tokens, senders=self._senders, clock=clock, numbering=numbering)

    async def close(self) -> None:
        await self._senders.close()
