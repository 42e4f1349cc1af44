"""What the steps of a live call keep in the outbox for the steps after them, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import IntentKind
from integration.domain.calls.ownership import begun_by_crm
from integration.domain.crm.entities import EntityKind, EntityRef
from integration.domain.ids import ManagerId, Timestamp
from integration.ports.live_calls import FinishedCall, LiveCall


def crm_id(call: Call, results: Mapping[str, dict[str, Any]]) -> str | None:
    registered = results.get(IntentKind.REGISTER_CALL, {}).get("crm_call")
    return begun_by_crm(call) or (str(registered) if registered else None)


def shown_in(results: Mapping[str, dict[str, Any]]) -> list[ManagerId]:
    """Everybody for whom a card was opened at any time."""
    found = [each for result in results.values() for each in result.get("shown", ())]
    return [ManagerId(str(each)) for each in dict.fromkeys(found)]


def shown_now(call: Call, results: Mapping[str, dict[str, Any]], clicked: ManagerId | None) -> list[ManagerId]:
    """Who has a card by the last step; after a click in the CRM the employee who clicked has one from the start."""
    last = max((each for each in results.values() if "shown" in each), key=lambda each: float(each["at"]), default=None)
    if last is None:
        return [clicked] if begun_by_crm(call) is not None and clicked is not None else []
    return [ManagerId(str(each)) for each in last["shown"]]


def write_ref(ref: EntityRef | None) -> dict[str, str] | None:
    return {"kind": ref.kind.value, "id": ref.id} if ref is not None else None


def write_finished(call: FinishedCall, manager: ManagerId) -> dict[str, Any]:
    return {"id": call.id, "activity": call.activity, "client": write_ref(call.client), "manager": manager}


def read_finished(stored: Mapping[str, Any]) -> tuple[FinishedCall, ManagerId]:
    """What `write_finished` wrote."""
    call = FinishedCall(id=str(stored["id"]), activity=stored["activity"], client=_read_ref(stored["client"]))
    return call, ManagerId(str(stored["manager"]))


def _read_ref(stored: Mapping[str, Any] | None) -> EntityRef | None:
    return EntityRef(EntityKind(stored["kind"]), str(stored["id"])) if stored else None


def write_live(live: LiveCall) -> dict[str, Any]:
    return {
        "key": live.key,
        "number": live.number,
        "direction": live.direction.value,
        "callback": live.is_callback,
        "started_at": live.started_at,
        "line": live.line,
        "manager": live.manager,
        "client": write_ref(live.client),
        "makes_client": live.makes_client,
        "source": live.source,
    }


def read_live(stored: Mapping[str, Any]) -> LiveCall:
    return LiveCall(
        key=str(stored["key"]),
        number=str(stored["number"]),
        direction=Direction(stored["direction"]),
        is_callback=bool(stored["callback"]),
        started_at=Timestamp(float(stored["started_at"])),
        line=stored.get("line"),
        manager=ManagerId(str(stored["manager"])),
        client=_read_ref(stored.get("client")),
        makes_client=bool(stored["makes_client"]),
        source=str(stored.get("source") or ""),
    )
