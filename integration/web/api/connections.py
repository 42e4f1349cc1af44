"""In what state the connections of an office's documents are, as REST says it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from integration.domain.connections.state import ConnectionState
from integration.domain.ids import AccountId, PbxId
from integration.texts.connections import state_sentence


class States(Protocol):
    """`services/connection_states.py` says them. None of these raises."""

    def crm(self, key: AccountId) -> ConnectionState: ...

    def pbx(self, key: PbxId) -> ConnectionState: ...


def connections_of(
    part: str, document: Mapping[str, Any], states: States, *, language: str, time_zone: str
) -> dict[str, dict[str, str | None]]:
    """
    Of the connections that a document makes, by `crm` and `pbx`: `status`, `reason` (a sentence), `detail` (the other
    side's words), `next_try` and `since` (ISO 8601 with the office's offset). An account has a PBX here if its document
    has one.
    """
    kind, _, key = part.partition("/")
    found: dict[str, ConnectionState] = {}
    if kind == "account":
        found["crm"] = states.crm(AccountId(key))
    if kind == "pbx" or "pbx" in document:
        found["pbx"] = states.pbx(PbxId(str(document.get("pbx_id", key))))

    def moment(at: float | None) -> str | None:
        return None if at is None else datetime.fromtimestamp(at, ZoneInfo(time_zone)).isoformat(timespec="seconds")

    return {
        each: {
            "status": state.status.value,
            "reason": state_sentence(state, language),
            "detail": state.detail,
            "next_try": moment(state.next_try),
            "since": moment(state.since),
        }
        for each, state in found.items()
    }
