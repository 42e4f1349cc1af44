"""Has the portal report events: to our address, or kept until we ask for them. Looks first at what is bound already.

Binding the same handler twice is an error, and an update of the application drops all bindings.
Source: b24-rest-docs, "event.bind", "event.get", "event.unbind".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from connectors.bitrix24.api import batch
from connectors.bitrix24.api.batch import Command
from connectors.bitrix24.api.transport import Transport
from connectors.bitrix24.settings import Bitrix24Settings
from connectors.bitrix24.webhooks import APPLICATION_EVENTS, CLICK_EVENTS, CRM_EVENTS, KEPT_TOO
from integration.domain.calls.intents import Priority
from integration.errors import AuthFailed, DozvonError, Rejected

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Binding:
    """`handler`: the address; empty: the event is kept until we ask."""

    event: str
    handler: str


def wanted(settings: Bitrix24Settings, address: str) -> frozenset[Binding]:
    """Where nothing can be posted, a removal is noticed by the next request, and an update by the missing bindings."""
    if not settings.has_events_posted:
        return frozenset(Binding(event, "") for event in (*CRM_EVENTS, *CLICK_EVENTS))
    posted = (Binding(event, address) for event in (*CRM_EVENTS, *CLICK_EVENTS, *APPLICATION_EVENTS))
    return frozenset((*posted, Binding(KEPT_TOO, "")))


async def bound(transport: Transport) -> frozenset[Binding]:
    """What the application has bound in the portal. Raises: as `Transport.call`."""
    return read((await transport.call("event.get", priority=Priority.LOG, reads=True)).get("result"))


def read(result: Any) -> frozenset[Binding]:
    """The result of `event.get`. Never raises."""
    rows = result if isinstance(result, list) else ()
    return frozenset(_binding(each) for each in rows if isinstance(each, dict))


def _binding(row: Mapping[str, Any]) -> Binding:
    is_offline = str(row.get("offline", 0)) in ("1", "true", "True")
    return Binding(str(row.get("event", "")).upper(), "" if is_offline else str(row.get("handler", "")))


async def bind(transport: Transport, settings: Bitrix24Settings, address: str) -> frozenset[Binding]:
    """
    Bind what is missing, and unbind what another address of ours left: events would come twice.

    Returns:
        What the portal refused.

    Raises:
        As `Transport.call`.
    """
    present, all_wanted = await bound(transport), wanted(settings, address)
    events = {each.event for each in all_wanted}
    stale = [each for each in present - all_wanted if each.event in events and _is_ours(each, address)]
    missing = sorted(all_wanted - present, key=lambda each: (each.event, each.handler))
    await _unbind(transport, stale)
    commands = {f"b{index}": Command("event.bind", _parameters(each)) for index, each in enumerate(missing)}
    outcomes = await _all(transport, commands)
    refused = frozenset(each for index, each in enumerate(missing) if isinstance(outcomes[f"b{index}"], DozvonError))
    if settings.has_events_posted and Binding(KEPT_TOO, "") in refused:
        _log.info("clicks are not kept by the portal")  # an older portal: they are posted all the same
        refused -= {Binding(KEPT_TOO, "")}
    if refused:
        first = next(outcomes[f"b{index}"] for index, each in enumerate(missing) if each in refused)
        if not isinstance(first, Rejected | AuthFailed):
            raise first
        _log.warning("events not bound", crm_events=sorted(each.event for each in refused), reason=str(first))
    return refused


async def unbind(transport: Transport, address: str) -> None:
    """Have the portal report nothing to this address, and keep nothing. Raises: as `Transport.call`."""
    await _unbind(transport, [each for each in await bound(transport) if each.handler in ("", address)])


async def _unbind(transport: Transport, bindings: Iterable[Binding]) -> None:
    commands = {f"u{index}": Command("event.unbind", _parameters(each)) for index, each in enumerate(bindings)}
    for outcome in (await _all(transport, commands)).values():
        if isinstance(outcome, DozvonError):
            raise outcome


async def _all(transport: Transport, commands: Mapping[str, Command]) -> dict[str, Any]:
    if not commands:
        return {}
    # Binding twice is refused, and unbinding twice does nothing: so after a lost answer the next round repeats it.
    answer = await transport.call("batch", batch.body(commands), priority=Priority.LOG)
    return batch.outcomes(answer, commands)


def _parameters(binding: Binding) -> dict[str, Any]:
    if binding.handler:
        return {"event": binding.event, "handler": binding.handler}
    return {"event": binding.event, "event_type": "offline"}


def _is_ours(binding: Binding, address: str) -> bool:
    """Kept events, and handlers on this server: an account of it, before its key was changed."""
    if not binding.handler:
        return True
    theirs, own = urlsplit(binding.handler), urlsplit(address)
    return theirs.netloc == own.netloc and theirs.path.rpartition("/")[0] == own.path.rpartition("/")[0]
