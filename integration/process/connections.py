"""Builds the connections that the configuration names, each by its kind (`adapters.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from integration.documents.problems import FieldProblem, InvalidDocument, Path
from integration.domain.ids import PbxId
from integration.errors import ConfigError
from integration.ports.clock import Clock
from integration.ports.connector import Connector
from integration.ports.coordination import RateBudget
from integration.ports.pbx import RouteAnswerer
from integration.ports.pbx_connection import PbxConnection
from integration.ports.pbx_setup import PbxSetup
from integration.ports.stores import TokenStore
from integration.process.adapters import CRMS, PBXS
from integration.process.config import AccountConfig, Config, PbxConfig
from integration.process.reconcile import Setup
from integration.services.pbx_setup import GuardedSetup
from integration.texts.settings import Problem
from integration.web.consent import oauth_path


class Kinds:
    """This process's instances of all kinds."""

    def __init__(self, session: aiohttp.ClientSession, budget: Callable[[str], RateBudget | None]) -> None:
        self._crms = {name: kind(session, budget) for name, kind in CRMS.items()}
        self._pbxs = {name: kind(session) for name, kind in PBXS.items()}

    def crm(self, account: AccountConfig, *, tokens: TokenStore, clock: Clock) -> Connector:
        kind = self._crms[account.crm]
        numbering = account.settings.numbering
        return kind.connect(account.id, account.crm_options, tokens=tokens, clock=clock, numbering=numbering)

    def trial(self, pbx: PbxConfig) -> PbxSetup:
        """Questions to a PBX that touch no running connection."""
        kind = self._pbxs[pbx.kind]
        return GuardedSetup(kind.abilities, kind.trial(pbx.id, pbx.options, key=pbx.key))

    def pbx(self, pbx: PbxConfig) -> PbxConnection:
        return self._pbxs[pbx.kind].connect(pbx.id, pbx.options, key=pbx.key)

    async def serve_routes(self, answerers: Iterable[tuple[PbxConfig, RouteAnswerer]], *, is_shared: bool) -> None:
        """Answer only these PBXs. Raises: ConfigError if an address is taken; the other kinds are still served."""
        by_kind: dict[str, dict[PbxId, RouteAnswerer]] = {name: {} for name in self._pbxs}
        for pbx, answerer in answerers:
            by_kind[pbx.kind][pbx.id] = answerer
        problem: ConfigError | None = None
        for name, asking in by_kind.items():
            try:
                await self._pbxs[name].serve_routes(asking, is_shared=is_shared)
            except ConfigError as exc:
                problem = exc
        if problem is not None:
            raise problem

    async def close(self) -> None:
        for kind in self._crms.values():
            await kind.close()


def setup_of(config: Config) -> Setup:
    """
    The connections of a configuration, with all that their adapters need. Opens nothing.

    Raises:
        InvalidDocument: the adapters would refuse some settings; it names every one.
    """
    problems: list[FieldProblem] = []
    for account in config.accounts:
        problems += _unknown_kind(("account", account.id, "crm"), account.crm, CRMS)
    for pbx in config.pbxs:
        table = tuple(pbx.key.split("."))[:-1]
        problems += _unknown_kind((*table, "pbx" if table[0] == "account" else "kind"), pbx.kind, PBXS)
    if problems:
        raise InvalidDocument(problems)
    complete = tuple(replace(each, crm_options=_crm_options(config, each)) for each in config.accounts)
    for account in complete:
        try:
            CRMS[account.crm].check(account.crm_options)
        except InvalidDocument as exc:
            problems += exc.below("account", account.id)
    for pbx in config.pbxs:
        try:
            PBXS[pbx.kind].check(pbx.id, pbx.options, key=pbx.key)
        except InvalidDocument as exc:
            problems += exc.below()
    if problems:
        raise InvalidDocument(problems)
    return Setup(pbxs=config.pbxs, accounts=complete)


def _unknown_kind(path: Path, name: str, table: Mapping[str, object]) -> list[FieldProblem]:
    if name in table:
        return []
    return [FieldProblem(path, Problem.KNOWN_KIND, {"value": name, "known": ", ".join(table)})]


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
