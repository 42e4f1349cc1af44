"""Builds the comparison with the PBX's own records for those accounts whose PBX says where they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Protocol

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


class Member(Protocol):
    """One account while it runs."""

    @property
    def account(self) -> Account: ...

    @property
    def pbx(self) -> RecordingPbx: ...

    @property
    def tracking(self) -> CallTracking: ...


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
    One for each PBX with records, under the name of its task.

    Raises:
        ConfigError: the driver of a database with records is not installed.
    """
    for member in members:
        recovery = recovery_of(member, stores, clock, wake)
        if recovery is not None:
            yield f"recovery {member.account.id}", recovery


def recovery_of(member: Member, stores: Stores, clock: Clock, wake: asyncio.Event) -> Recovery | None:
    """None where the settings of the PBX do not say where it keeps its records. Raises ConfigError."""
    records = member.pbx.records()
    member.account.has_records = records is not None
    if records is None:
        return None
    return Recovery(
        member.account,
        records,
        calls=stores.calls,
        outbox=stores.outbox,
        watches=stores.watches,
        clock=clock,
        is_followed=lambda: member.tracking.is_following and member.pbx.is_connected,
        links=lambda: member.tracking.links,
        is_live=lambda call: member.tracking.call(call) is not None,
        unseen_since=member.tracking.take_unseen_since,
        queued=wake.set,
    )
