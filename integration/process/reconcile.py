"""What must change so that the running accounts become the wanted ones: `reconcile()`, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import AccountId
from integration.process.config import AccountConfig


class Part(StrEnum):
    """What of an account can be replaced while the rest goes on."""

    CRM = "crm"
    PBX = "pbx"
    SETTINGS = "settings"  # lines, people, dialling: nothing is connected again


@dataclass(frozen=True, slots=True)
class Start:
    account: AccountConfig


@dataclass(frozen=True, slots=True)
class Replace:
    account: AccountConfig
    parts: frozenset[Part]


@dataclass(frozen=True, slots=True)
class Stop:
    account: AccountId


Step = Stop | Replace | Start


def reconcile(wanted: Iterable[AccountConfig], running: Iterable[AccountConfig]) -> tuple[Step, ...]:
    """
    The steps from `running` to `wanted`; none when they are equal.

    Accounts are stopped first, because another may take over their address or their PBX, and started last. An account
    whose CRM is of another kind, or whose PBX is another one, is stopped and started: its calls are of the old PBX.
    """
    goal = {account.id: account for account in wanted}
    now = {account.id: account for account in running}
    stays = [key for key in now if key in goal and _identity(now[key]) == _identity(goal[key])]
    stops = [Stop(key) for key in sorted(now) if key not in stays]
    replaced = [(goal[key], _changed(now[key], goal[key])) for key in sorted(stays)]
    starts = [Start(goal[key]) for key in sorted(goal) if key not in stays]
    return (*stops, *(Replace(account, parts) for account, parts in replaced if parts), *starts)


def _identity(account: AccountConfig) -> tuple[str, str, str]:
    return account.crm, account.pbx, account.pbx_id


def _changed(old: AccountConfig, new: AccountConfig) -> frozenset[Part]:
    parts = set()
    settings = old.settings, new.settings
    if old.crm_options != new.crm_options or settings[0].numbering != settings[1].numbering:
        parts.add(Part.CRM)  # it reads numbers as the office writes them
    if old.pbx_options != new.pbx_options:
        parts.add(Part.PBX)
    if settings[0] != settings[1]:
        parts.add(Part.SETTINGS)
    return frozenset(parts)
