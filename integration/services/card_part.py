"""What a card says of one manager's part of the call, in the format of `CardCall` in `widgets/README.md`."""

from __future__ import annotations

from typing import Any

from integration.domain.calls.call import Call, Disposition, Failure
from integration.domain.calls.participation import Part, PartResult, PartState
from integration.services.accounts import Account

# For widgets of an earlier release without `result`: what they show of a part that ended before the call.
_NEAREST_DISPOSITION = {
    PartResult.ANSWERED_ELSEWHERE: Disposition.ANSWERED,
    PartResult.TRANSFERRED: Disposition.ANSWERED,
    PartResult.CONSULTED: Disposition.ANSWERED,
    PartResult.DECLINED: Disposition.MISSED,
    PartResult.PASSED_ON: Disposition.MISSED,
}


def part_fields(account: Account, call: Call, part: Part) -> dict[str, Any]:
    """The part of a `CardCall` for one manager."""
    had_talk = part.state is PartState.TALKING or (part.state is PartState.ENDED and part.since is not None)
    disposition = call.disposition
    if part.result is not None:
        disposition = _NEAREST_DISPOSITION.get(part.result) or Disposition(part.result)
    return {
        "extension": part.extension,
        "state": part.state,
        "rings_since": part.since if part.state is PartState.RINGING else None,
        "answered_at": part.since if had_talk else None,
        "ended_at": part.ended_at,
        "disposition": disposition,
        "result": part.result,
        "failure": _failure(call, part),
        "is_own": part.is_own,
        "can_hang_up": _can_hang_up(account, call, part),
        "held_since": call.hold_since if part.state is PartState.TALKING and part.holds_client else None,
        "colleague": colleague(account, call, part.colleague),
        "came": {"how": part.came, "from": colleague(account, call, part.came_from)} if part.came else None,
    }


def _can_hang_up(account: Account, call: Call, part: Part) -> bool:
    pbx = account.pbxs.get(call.pbx)
    if pbx is None:
        return False
    if part.state is PartState.RINGING and not part.is_own:
        return pbx.abilities.decline
    is_theirs = part.state is PartState.RINGING or (part.state is PartState.TALKING and part.holds_client)
    return is_theirs and pbx.abilities.hang_up


def _failure(call: Call, part: Part) -> Failure | None:
    """Why the manager's click never dialled the client. None after "hang up": the manager knows why."""
    if call.failure is None or not part.is_own:
        return None
    return Failure.AGENT_CANCELLED if part.result is PartResult.CANCELLED else call.failure


def colleague(account: Account, call: Call, extension: str | None) -> dict[str, str] | None:
    if extension is None:
        return None
    return {"extension": extension, "name": account.name_of(extension, call.pbx) or extension}
