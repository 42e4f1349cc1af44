"""Shows a running process to operators: health as JSON, metrics for Prometheus. Only reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from prometheus_client.core import Metric

from integration import __version__
from integration.domain.connections.state import ConnectionState, ConnectionStatus
from integration.domain.crm.entities import CrmTrouble
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.errors import DozvonError
from integration.ports.coordination import Coordination
from integration.ports.stores import Outbox, OutboxState
from integration.services.accounts import Account
from integration.services.connection_states import ConnectionStates, is_failed_change
from integration.services.delivery import Delivery
from integration.services.hub import Hub
from integration.services.tracking import CallTracking
from integration.texts.connections import state_sentence
from integration.web.metrics import counter, gauge


class Observed(Protocol):
    """One account while it runs."""

    @property
    def account(self) -> Account: ...

    @property
    def trackings(self) -> Mapping[PbxId, CallTracking]: ...


async def health(
    members: Mapping[AccountId, Observed],
    outbox: Outbox,
    states: ConnectionStates,
    shared: Coordination | None = None,
    *,
    known: Collection[AccountId],
) -> dict[str, Any]:
    """
    `status`: `ok`, or `degraded` if something outside is away or not known yet. In both cases the process works.

    Never raises.

    Args:
        shared: with other processes; None where there is only this one.
        known: the accounts of the configuration file and of the database, running or not. What waits for others is
            shown: somebody has removed them.
    """
    accounts: dict[str, Any] = {}
    crms, pbxs = states.crms(), states.pbxs()
    is_ok = not any(is_failed_change(state) for state in (*crms.values(), *pbxs.values()))
    for key, member in members.items():
        parts = {
            **_pbx_states(member, pbxs),
            "crm": _crm_state(member.account),
            **({"crm_reason": member.account.condition.detail} if member.account.condition.trouble else {}),
            "unsaved_steps": _unsaved_steps(member),
        }
        is_ok = is_ok and parts["pbx"] == parts["crm"] == "connected" and not parts["unsaved_steps"]
        accounts[key] = parts
    zones = {pbx: _zone(member) for member in reversed(list(members.values())) for pbx in member.account.pbxs}
    try:
        depths = await outbox.depth_by_account()
        database = "ok"
    except DozvonError as exc:
        depths, database, is_ok = {}, str(exc), False
    removed = {key: _counts([depth]) for key, depth in sorted(depths.items()) if key not in known}
    redis = {} if shared is None else {"redis": shared.problem or "ok"}
    is_ok = is_ok and (shared is None or shared.problem is None)
    return {
        "status": "ok" if is_ok else "degraded",
        "version": __version__,
        "database": database,
        **redis,
        "outbox": _counts(depths.values()),
        "accounts": accounts,
        **({"removed_accounts": removed} if removed else {}),
        "connections": {
            "crm": {key: _written(state, _zone(members.get(key))) for key, state in crms.items()},
            "pbx": {key: _written(state, zones.get(key, _zone(None))) for key, state in pbxs.items()},
        },
    }


def _counts(depths: Iterable[Mapping[OutboxState, int]]) -> dict[str, int]:
    depths = list(depths)
    return {str(state): sum(each[state] for each in depths) for state in (OutboxState.WAITING, OutboxState.DEAD)}


def _written(state: ConnectionState, zone: ZoneInfo) -> dict[str, Any]:
    """`reason` is the code of a sentence that the pages show; moments are the office's, with their offset."""
    return {
        "state": state.status.value,
        "reason": state.reason.code if state.reason else None,
        "detail": state.detail,
        "next_try": _iso(state.next_try, zone),
        "since": _iso(state.since, zone),
    }


def _iso(at: Timestamp | None, zone: ZoneInfo) -> str | None:
    return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds") if at is not None else None


def _zone(member: Observed | None) -> ZoneInfo:
    return ZoneInfo(member.account.settings.zone if member is not None else "UTC")


def _pbx_states(member: Observed, states: Mapping[PbxId, ConnectionState]) -> dict[str, Any]:
    """`connected` only if all PBXs are; if there are several, also the state of each."""
    away = {pbx: _why(states.get(pbx)) for pbx, link in member.account.pbxs.items() if not link.is_connected}
    state: dict[str, Any] = {"pbx": "offline" if away else "connected"}
    if away:
        state["pbx_reason"] = next(iter(away.values()))
    if len(member.account.pbxs) > 1:
        state["pbxs"] = {pbx: away.get(pbx) or "connected" for pbx in member.account.pbxs}
    return state


def _why(state: ConnectionState | None) -> str:
    """In the system's words, or in ours."""
    if state is None:
        return ""
    return state.detail or state_sentence(state, "en")


def _unsaved_steps(member: Observed) -> int:
    return sum(tracking.unsaved_steps for tracking in member.trackings.values())


def _live_calls(member: Observed) -> int:
    """The account's own calls, without those of other accounts on the same PBXs."""
    return sum(not call.elsewhere for tracking in member.trackings.values() for call in tracking.live_calls)


def _crm_state(account: Account) -> str:
    """`connected`, or the name of the trouble; `offline` if the CRM does not answer."""
    match account.condition.trouble:
        case None:
            return "connected" if account.crm_was_asked else "not_asked_yet"
        case CrmTrouble.AWAY:
            return "offline"
        case trouble:
            return trouble.value


def _counted(states: ConnectionStates) -> list[tuple[dict[str, str], float]]:
    """Of every state, also those that none is in: a series that comes and goes cannot be alerted on."""
    rows = []
    for kind, found in (("crm", states.crms()), ("pbx", states.pbxs())):
        counts = Counter(state.status for state in found.values())
        rows += [({"kind": kind, "state": status.value}, float(counts[status])) for status in ConnectionStatus]
    return rows


def gatherer(
    members: Mapping[AccountId, Observed],
    hub: Hub,
    delivery: Delivery,
    states: ConnectionStates,
    adapters: Callable[[float], Mapping[str, Mapping[str, float]]],
    shared: Coordination | None = None,
) -> Callable[[], Iterable[Metric]]:
    """
    Build the function that reads all figures.

    Args:
        adapters: figures of the PBX adapters by PBX, given the present moment (Unix seconds).
        shared: with other processes; None where there is only this one.
    """

    def by_account(value: Callable[[Observed], float]) -> list[tuple[dict[str, str], float]]:
        return [({"account": key}, value(member)) for key, member in members.items()]

    def gather() -> Iterable[Metric]:
        yield gauge("live_calls", "Calls in progress", by_account(_live_calls))
        yield gauge(
            "unsaved_steps",
            "Steps of calls that the database has not taken yet",
            by_account(_unsaved_steps),
        )
        yield gauge(
            "crm_connected",
            "1 while the CRM answers",
            by_account(lambda member: float(_crm_state(member.account) in ("connected", CrmTrouble.SLOWED))),
        )
        yield gauge("connections", "Connections to CRMs and PBXs by their state", _counted(states))
        yield gauge("open_pages", "Connected widgets", [({}, float(hub.page_count))])
        if shared is not None:
            yield gauge("redis_connected", "1 while Redis answers", [({}, float(shared.problem is None))])
        counts = [({"kind": k, "outcome": o}, float(n)) for (k, o), n in delivery.counts.items()]
        yield counter("deliveries", "Outbox attempts by kind and outcome", counts)
        spent = [({"kind": kind}, milliseconds / 1000) for kind, milliseconds in delivery.milliseconds_spent.items()]
        yield counter("delivery_seconds", "Time spent in outbox attempts", spent)
        figures = adapters(time.time())
        for name in sorted({name for own in figures.values() for name in own}):
            rows = [({"pbx": pbx}, own[name]) for pbx, own in figures.items() if name in own]
            yield gauge(f"pbx_{name}", f"PBX adapter: {name.replace('_', ' ')}", rows)

    return gather
