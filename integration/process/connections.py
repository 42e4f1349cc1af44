"""Builds the connections that the configuration names, each by its kind (`adapters.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import aiohttp

from integration.domain.ids import PbxId
from integration.errors import ConfigError
from integration.ports.clock import Clock
from integration.ports.connector import Connector
from integration.ports.coordination import RateBudget
from integration.ports.pbx import PbxConnection, RouteAnswerer, RouteServer
from integration.ports.stores import TokenStore
from integration.process.adapters import CRMS, PBXS
from integration.process.config import AccountConfig, Config
from integration.web.consent import oauth_path


class Kinds:
    """All kinds, as this process has them."""

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        self._crms = {name: kind(session, budget) for name, kind in CRMS.items()}
        self._pbxs = {name: kind(session) for name, kind in PBXS.items()}

    def crm(self, config: Config, account: AccountConfig, *, tokens: TokenStore, clock: Clock) -> Connector:
        return self._crms[account.crm].connect(
            account.id,
            _crm_options(config, account),
            tokens=tokens,
            clock=clock,
            numbering=account.settings().numbering,
        )

    def pbx(self, account: AccountConfig) -> PbxConnection:
        kind = self._pbxs[account.pbx]
        return kind.connect(account.pbx_id, account.pbx_options, key=f"account.{account.id}.{account.pbx}")

    def route_servers(
        self, answerers: Iterable[tuple[AccountConfig, RouteAnswerer]], *, is_shared: bool
    ) -> Iterable[RouteServer]:
        by_kind: dict[str, dict[PbxId, RouteAnswerer]] = {}
        for account, answerer in answerers:
            by_kind.setdefault(account.pbx, {})[account.pbx_id] = answerer
        for name, asking in by_kind.items():
            yield from self._pbxs[name].route_servers(asking, is_shared=is_shared)

    async def close(self) -> None:
        for kind in self._crms.values():
            await kind.close()


def check_adapters(config: Config) -> None:
    """Check the settings of all adapters before anything is opened. Raises ConfigError, which names the key."""
    for account in config.accounts:
        where = f"account.{account.id}"
        _check_known(f"{where}.crm", account.crm, CRMS)
        _check_known(f"{where}.pbx", account.pbx, PBXS)
        try:
            CRMS[account.crm].check(_crm_options(config, account))
        except ConfigError as exc:
            raise ConfigError(f"{where}.{exc}") from exc
        PBXS[account.pbx].check(account.pbx_id, account.pbx_options, key=f"{where}.{account.pbx}")


def _check_known(key: str, name: str, table: Iterable[str]) -> None:
    if name not in table:
        raise ConfigError(f'{key}: "{name}" is not known; known is {", ".join(table)}')


def _crm_options(config: Config, account: AccountConfig) -> dict[str, Any]:
    """Adds the redirect address. An integration has only one, which its accounts share."""
    integration = CRMS[account.crm].integration
    own = integration(account.crm_options)
    is_shared = own is not None and any(
        other.id != account.id and other.crm == account.crm and integration(other.crm_options) == own
        for other in config.accounts
    )
    address = oauth_path(account.crm, None if is_shared else account.id)
    return {"redirect_uri": f"{config.public_url}{address}", **account.crm_options}
