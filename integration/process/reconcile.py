"""Computes the steps from the running connections to the wanted ones: `reconcile()`, pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from integration.domain.ids import AccountId, PbxId
from integration.process.config import AccountConfig, PbxConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The connections of an installation. Ids are unique among the accounts, and among the PBXs."""

    pbxs: tuple[PbxConfig, ...] = ()
    accounts: tuple[AccountConfig, ...] = ()


class Part(StrEnum):
    """The parts of an account that can be replaced while the rest continues."""

    CRM = "crm"
    PBXS = "pbxs"  # which PBXs' calls may belong to it
    SETTINGS = "settings"  # lines, people, dialling: no connection changes


@dataclass(frozen=True, slots=True)
class StartPbx:
    pbx: PbxConfig


@dataclass(frozen=True, slots=True)
class ReplacePbx:
    pbx: PbxConfig


@dataclass(frozen=True, slots=True)
class StopPbx:
    pbx: PbxId


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


Step = StartPbx | ReplacePbx | StopPbx | Stop | Replace | Start


def reconcile(wanted: Setup, running: Setup) -> tuple[Step, ...]:
    """
    The steps from `running` to `wanted`; none if they are equal.

    A PBX starts before the accounts that need it and stops after those that leave it. Accounts stop first, because
    another may take over their address, and start last. If the kind of a PBX or CRM changes under the same id, it is
    stopped and started again, and so are the accounts that need it.
    """
    goal = {account.id: account for account in wanted.accounts}
    now = {account.id: account for account in running.accounts}
    to, at = ({pbx.id: pbx for pbx in setup.pbxs} for setup in (wanted, running))
    turned = {key for key in at if key in to and at[key].kind != to[key].kind}
    stays = [key for key in now if key in goal and _goes_on(now[key], goal[key], turned)]
    replaced = [(goal[key], _changed(now[key], goal[key])) for key in sorted(stays)]
    return (
        *(Stop(key) for key in sorted(now) if key not in stays),
        *(StopPbx(key) for key in sorted(turned)),
        *(StartPbx(to[key]) for key in sorted(to) if key not in at or key in turned),
        *(ReplacePbx(to[key]) for key in sorted(to) if key in at and key not in turned and to[key] != at[key]),
        *(Replace(account, parts) for account, parts in replaced if parts),
        *(StopPbx(key) for key in sorted(at) if key not in to),
        *(Start(goal[key]) for key in sorted(goal) if key not in stays),
    )


def _goes_on(old: AccountConfig, new: AccountConfig, turned: set[PbxId]) -> bool:
    return old.crm == new.crm and old.office == new.office and not turned & {*old.pbxs, *new.pbxs}


def _changed(old: AccountConfig, new: AccountConfig) -> frozenset[Part]:
    parts = set()
    settings = old.settings, new.settings
    if old.crm_options != new.crm_options or settings[0].numbering != settings[1].numbering:
        parts.add(Part.CRM)  # the connector reads numbers by the office's rules
    if old.pbxs != new.pbxs:
        parts.add(Part.PBXS)
    if settings[0] != settings[1]:
        parts.add(Part.SETTINGS)
    return frozenset(parts)
