"""Builds the comparison with the PBX's own records for accounts whose PBX settings say where the records are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from integration.domain.ids import PbxId
from integration.ports.clock import Clock
from integration.ports.records import CallRecords, WatchLog
from integration.ports.stores import CallStore, Outbox
from integration.services.accounts import Account
from integration.services.recovery import Recovery
from integration.services.tracking import CallTracking


class RecordingPbx(Protocol):
    @property
    def is_connected(self) -> bool: ...

    def records(self) -> CallRecords | None: ...


class Followed(Protocol):
    """One account on one PBX."""

    @property
    def pbx(self) -> RecordingPbx: ...

    @property
    def tracking(self) -> CallTracking: ...


class Member(Protocol):
    """One account while it runs."""

    @property
    def account(self) -> Account: ...

    @property
    def on(self) -> Mapping[PbxId, Followed]: ...


class Stores(Protocol):
    @property
    def calls(self) -> CallStore: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def watches(self) -> WatchLog: ...


def recoveries(
    members: Iterable[Member], stores: Stores, clock: Clock, wake: asyncio.Event
) -> Iterator[tuple[str, Recovery]]:
    """
    The name of the task and the comparison, for each PBX with records.

    Raises:
        ConfigError: the driver of a database with records is not installed.
    """
    for member in members:
        for pbx in member.on:
            recovery = recovery_of(member, pbx, stores, clock, wake)
            if recovery is not None:
                yield recovery_name(member.account, pbx), recovery


def recovery_name(account: Account, pbx: PbxId) -> str:
    return f"recovery {account.id}" if len(account.pbxs) == 1 else f"recovery {account.id} {pbx}"


def recovery_of(member: Member, pbx: PbxId, stores: Stores, clock: Clock, wake: asyncio.Event) -> Recovery | None:
    """None if the settings of the PBX do not say where its records are. Raises: ConfigError."""
    on = member.on[pbx]
    records = on.pbx.records()
    if records is None:
        member.account.recorded.discard(pbx)
        return None
    member.account.recorded.add(pbx)
    return Recovery(
        member.account,
        pbx,
        records,
        calls=stores.calls,
        outbox=stores.outbox,
        watches=stores.watches,
        clock=clock,
        is_followed=lambda: on.tracking.is_following and on.pbx.is_connected,
        links=lambda: on.tracking.links,
        is_live=lambda call: on.tracking.call(call) is not None,
        unseen_since=on.tracking.take_unseen_since,
        queued=wake.set,
        ownership=on.tracking.ownership,
    )
