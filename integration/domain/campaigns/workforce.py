"""Who of a campaign's employees is free, and why the others are not: read from the calls in progress. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from integration.domain.calls.call import Call, Direction
from integration.domain.calls.participation import PartState, parts_of
from integration.domain.campaigns.situation import EmployeeNow, EmployeeState
from integration.domain.ids import ManagerId, PbxId, Timestamp

_LONGEST_CALL_SECONDS = 6 * 3600.0  # a call whose end nobody saw must not block its employee forever

Phone = tuple[PbxId, str]
"""A PBX and an extension on it."""


class Absent(StrEnum):
    """Why somebody gets no call, apart from calls. Shown on the campaign's page."""

    SWITCHED_OFF = "switched_off"  # the account, or Dozvon for this person
    AWAY = "away"  # by their own word or an administrator's
    OFF_DUTY = "off_duty"  # the CRM's working day has not begun, or has a break
    NO_LINK = "no_link"  # to the PBX of the phone
    NOT_REGISTERED = "not_registered"
    PHONE_FAILED = "phone_failed"  # it did not take the last calls
    ON_PAUSE = "on_pause"  # from all campaigns, by their own word or a supervisor's
    OFFER_MISSED = "offer_missed"  # they decided nothing about the last client whom they were shown
    OWN_LIST = "own_list"  # they call clients of their own list, the next one in seconds


_BACK_SOON = (Absent.PHONE_FAILED, Absent.ON_PAUSE, Absent.OFFER_MISSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """
    Somebody who may work for a campaign.

    Attributes:
        absent: why they get no call now, whatever the calls; None: they are at work.
        wraps_until: they write down the last call.
    """

    key: str
    phone: Phone
    manager: ManagerId | None = None
    absent: Absent | None = None
    wraps_until: Timestamp | None = None


def engaged(calls: Iterable[Call], now: Timestamp) -> dict[Phone, tuple[EmployeeState, Timestamp]]:
    """The phones that ring or talk, in any call, and since when. A talk goes before a ring."""
    found: dict[Phone, tuple[EmployeeState, Timestamp]] = {}
    for call in calls:
        if not call.is_live or call.started_at <= now - _LONGEST_CALL_SECONDS:
            continue
        for extension, part in parts_of(call).items():
            if part.state is PartState.ENDED:
                continue
            state = EmployeeState.TALKING if part.state is PartState.TALKING else EmployeeState.RINGING
            _put(found, (call.pbx, extension), state, part.since or call.started_at)
        if call.direction is Direction.INTERNAL:
            _put(found, (call.pbx, call.caller), EmployeeState.RINGING, call.started_at)
    return found


def _put(
    found: dict[Phone, tuple[EmployeeState, Timestamp]], phone: Phone, state: EmployeeState, since: Timestamp
) -> None:
    known = found.get(phone)
    if known is None or (known[0] is EmployeeState.RINGING and state is EmployeeState.TALKING):
        found[phone] = state, since


def at_their_phones(
    workers: Iterable[Worker],
    phones: Mapping[Phone, tuple[EmployeeState, Timestamp]],
    before: Mapping[str, EmployeeNow],
    now: Timestamp,
) -> dict[str, EmployeeNow]:
    """
    The state of each worker.

    Args:
        phones: of `engaged()`.
        before: what this function said last: a state that goes on keeps the moment when it began.
    """
    found = {}
    for each in workers:
        state, since = _state(each, phones, now)
        known = before.get(each.key)
        if known is not None and known.state is state and state is not EmployeeState.TALKING:
            since = known.since
        found[each.key] = EmployeeNow(
            key=each.key,
            state=state,
            since=since,
            manager=each.manager,
            is_leaving=each.absent is not None,  # who still talks takes no call after it
        )
    return found


def _state(
    worker: Worker, phones: Mapping[Phone, tuple[EmployeeState, Timestamp]], now: Timestamp
) -> tuple[EmployeeState, Timestamp]:
    busy = phones.get(worker.phone)
    if busy is not None:
        return busy
    if worker.absent is not None:
        return EmployeeState.PAUSED if worker.absent in _BACK_SOON else EmployeeState.GONE, now
    if worker.wraps_until is not None and now < worker.wraps_until:
        return EmployeeState.WRAPPING, now
    return EmployeeState.FREE, now
