"""Calls and intents for the storage suites."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.intents import Intent, IntentKind
from integration.domain.ids import AccountId, CallId, PbxId, Timestamp

OFFICE = AccountId("office")
OTHER = AccountId("other")
PBX = PbxId("pbx")


def a_call(number: int = 1, **changes: Any) -> Call:
    call = Call(
        id=CallId(f"pbx:{number}"),
        account=OFFICE,
        pbx=PBX,
        native_id=str(number),
        direction=Direction.INBOUND,
        caller="89161234567",
        called="74950000000",
        started_at=Timestamp(1000.0 + number),
    )
    return replace(call, **changes)


def an_intent(call: Call, key: str = "log_call", **changes: Any) -> Intent:
    return replace(Intent(call=call.id, kind=IntentKind.LOG_CALL, key=key), **changes)
