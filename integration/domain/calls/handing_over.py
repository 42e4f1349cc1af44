"""Who has the client now that somebody has handed the call over by hand: `handed_over_to()`. Pure. Source: spec B6."""

from __future__ import annotations

from integration.domain.calls.call import Call, TransferKind, TransferResult
from integration.domain.ids import ManagerId
from integration.domain.settings import AccountSettings

_TOOK_IT = frozenset({TransferResult.ANSWERED, TransferResult.COMPLETED})


def handed_over_to(call: Call, settings: AccountSettings) -> ManagerId | None:
    """
    The manager who had the client last, if a colleague has handed the call to them and they took it. None: nobody has
    handed it over, it came back, or the last one is not in the integration. Parking alone hands nothing over.
    """
    if call.answered_at is None:
        return None
    last = settings.manager_of(call.final_responsible)
    if last is None or not settings.is_active(last) or not settings.is_on_for(last):
        return None
    handed = (
        transfer
        for transfer in call.transfers
        if transfer.kind is not TransferKind.PARK
        and transfer.result in _TOOK_IT
        and transfer.to == call.final_responsible
        and settings.manager_of(transfer.from_) not in (None, last)
    )
    return last if any(handed) else None
