"""The states of all connections as this process knows them; pages, `/health`, metrics and REST ask here.

How a state follows from what is known is `domain/connections/state.py`'s. Sends nothing and reads no store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from integration.domain.connections.link import Link
from integration.domain.connections.state import (
    ConnectionState,
    ConnectionStatus,
    FailedChange,
    StateReason,
    crm_state,
    pbx_state,
)
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.ports.clock import Clock
from integration.services.accounts import Account, Accounts

_NOT_THERE = ConnectionState(status=ConnectionStatus.NOT_SET_UP)


class Linked(Protocol):
    @property
    def link(self) -> Link: ...


class FailedChanges(Protocol):
    """What should run and could not be started or changed, by what it is."""

    @property
    def failed_crms(self) -> Mapping[AccountId, FailedChange]: ...

    @property
    def failed_pbxs(self) -> Mapping[PbxId, FailedChange]: ...


class ConnectionStates:
    """
    Args:
        pbxs: those that run, each with its link here or on another process.
        failed: None: nothing is changed while this process runs.
        is_shared: with other processes.
    """

    def __init__(
        self,
        accounts: Accounts,
        pbxs: Callable[[], Mapping[PbxId, Linked]],
        clock: Clock,
        failed: FailedChanges | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        self._accounts = accounts
        self._pbxs = pbxs
        self._clock = clock
        self._failed = failed
        self._is_shared = is_shared

    def crm(self, key: AccountId) -> ConnectionState:
        """Of an account that is not there: not set up. Never raises."""
        return self._crm(key, self._failed.failed_crms if self._failed is not None else {})

    def pbx(self, key: PbxId) -> ConnectionState:
        """Of a PBX that is not there: not set up. Never raises."""
        failed = self._failed.failed_pbxs if self._failed is not None else {}
        is_used = any(key in account.pbxs for account in self._accounts)
        return self._pbx(key, self._pbxs(), failed, is_used=is_used)

    def crms(self) -> dict[AccountId, ConnectionState]:
        """Of all accounts, with those that could not be started."""
        failed = self._failed.failed_crms if self._failed is not None else {}
        keys = {account.id: None for account in self._accounts} | dict.fromkeys(failed)
        return {key: self._crm(key, failed) for key in keys}

    def pbxs(self) -> dict[PbxId, ConnectionState]:
        """Of all PBXs, with those that could not be started."""
        failed = self._failed.failed_pbxs if self._failed is not None else {}
        running = self._pbxs()
        used = {pbx for account in self._accounts for pbx in account.pbxs}
        keys = dict.fromkeys([*running, *failed])
        return {key: self._pbx(key, running, failed, is_used=key in used) for key in keys}

    def _crm(self, key: AccountId, failures: Mapping[AccountId, FailedChange]) -> ConnectionState:
        failed, account = failures.get(key), self._accounts.get(key)
        if account is None:
            return crm_state(CrmCondition(), is_on=True, was_asked=False, failed=failed) if failed else _NOT_THERE
        return crm_state(
            self._condition(account), is_on=account.settings.enabled, was_asked=account.crm_was_asked, failed=failed
        )

    def _pbx(
        self,
        key: PbxId,
        running: Mapping[PbxId, Linked],
        failures: Mapping[PbxId, FailedChange],
        *,
        is_used: bool,
    ) -> ConnectionState:
        failed = failures.get(key)
        if key in running:
            return pbx_state(running[key].link, is_used=is_used, is_shared=self._is_shared, failed=failed)
        return pbx_state(Link(), is_used=True, failed=failed) if failed else _NOT_THERE

    def _condition(self, account: Account) -> CrmCondition:
        """The CRM's users are read again and again while it is away: so it is known when it is tried next."""
        condition = account.condition
        is_read_again = account.managers_reading.trouble is not None and condition.trouble is CrmTrouble.AWAY
        next_round = self._accounts.next_round_at
        if not is_read_again or condition.until is not None or next_round is None:
            return condition
        left = next_round - asyncio.get_running_loop().time()
        return replace(condition, until=Timestamp(self._clock.now() + left)) if left > 0 else condition


def is_failed_change(state: ConnectionState) -> bool:
    return state.reason is not None and state.reason.code == StateReason.CHANGE_FAILED
