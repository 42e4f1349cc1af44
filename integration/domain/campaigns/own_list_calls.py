"""What calls do to a manager's own list: one begins, is answered, ends, is refused, or is never heard of again. Pure.

Each function names the attempt that it is about. What arrives late, of an attempt that is over, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from integration.domain.campaigns.model import NO_ATTEMPT, Outcome
from integration.domain.campaigns.own_list import (
    BETWEEN_CLIENTS_SECONDS,
    BETWEEN_NUMBERS_SECONDS,
    LOOK_SECONDS,
    Client,
    ClientState,
    Leaving,
    OwnList,
    Phase,
    after,
    emptied,
    idle,
    put,
    reached,
    struck,
    without,
)
from integration.domain.ids import AttemptId, CallId, Timestamp

MOST_LINE_FAILURES = 3
"""Calls in a row that never left the PBX: then its line is broken, and the list stops before all are struck out."""

LOOK_AGAIN_SECONDS = 60.0


def begin(own: OwnList, attempt: AttemptId, now: Timestamp) -> OwnList:
    """
    The next call, if its time has come; otherwise the same list.

    Its phase is CALLING then, and `number` is what to dial. Store it before anything is dialled.
    """
    client = own.upcoming
    if own.phase is not Phase.WAITING or own.due_at is None or own.due_at > now:
        return own
    if client is None or client.next_number is None:
        return idle(own, "finished")
    own = put(own, replace(client, state=ClientState.TAKEN, call=None))
    return replace(
        own,
        phase=Phase.CALLING,
        current=client.key,
        attempt=attempt,
        number=client.next_number,
        call=None,
        called_at=now,
        due_at=Timestamp(now + LOOK_SECONDS),
        left_seconds=None,
        why="",
    )


def not_now(own: OwnList, why: str, now: Timestamp) -> OwnList:
    """The call whose time has come cannot be made yet (the manager talks in another call): the timer runs again."""
    return after(own, BETWEEN_CLIENTS_SECONDS, now, why=why)


def heard(own: OwnList, attempt: AttemptId, call: CallId, now: Timestamp, *, answered: bool) -> OwnList:
    """The PBX reports the call. `answered`: by the client."""
    if own.attempt != attempt or not own.is_calling:
        return own
    client = own.client(own.current)
    if client is not None and client.call != call:
        own = put(own, replace(client, call=call))
    phase = Phase.TALKING if answered else own.phase
    if own.call == call and own.phase is phase:
        return own
    return replace(own, call=call, phase=phase, due_at=Timestamp(now + LOOK_AGAIN_SECONDS))


def look_later(own: OwnList, now: Timestamp, *, seconds: float = LOOK_AGAIN_SECONDS) -> OwnList:
    """The call was looked for, and is still on its way."""
    return replace(own, due_at=Timestamp(now + seconds)) if own.is_calling else own


def is_lost(own: OwnList, now: Timestamp) -> bool:
    """Whether a call that nobody has heard of is late enough to be given up."""
    return own.is_calling and own.called_at is not None and now - own.called_at >= LOOK_SECONDS


def ended(own: OwnList, attempt: AttemptId, outcome: Outcome, now: Timestamp) -> OwnList:
    """The call has ended, or there never was one."""
    if own.attempt != attempt or not own.is_calling:
        return own
    leaving, client, own = own.leaving, own.client(own.current), _over(own)
    if leaving is Leaving.CLEAR:
        return _cleared(own)
    if client is None:
        return after(own, BETWEEN_CLIENTS_SECONDS, now)
    if outcome in (Outcome.EMPLOYEE_FAILED, Outcome.NOT_DIALLED) and leaving is None:
        return idle(own, "phone_not_answered" if outcome is Outcome.EMPLOYEE_FAILED else "not_dialled")
    judged = _judged(own, client, outcome, leaving, now)
    return idle(judged, "") if leaving is Leaving.STOP else judged


def _over(own: OwnList) -> OwnList:
    return replace(
        own, phase=Phase.IDLE, attempt=None, number=None, call=None, called_at=None, leaving=None, due_at=None
    )


def _cleared(own: OwnList) -> OwnList:
    """Clients who were added since stay."""
    left = tuple(each for each in own.clients if each.key != own.current)
    return replace(emptied(own), clients=left)


def _judged(own: OwnList, client: Client, outcome: Outcome, leaving: Leaving | None, now: Timestamp) -> OwnList:
    if reached(outcome):
        own = put(replace(own, line_failures=0), replace(client, state=ClientState.REACHED))
        return after(own, BETWEEN_CLIENTS_SECONDS, now)
    if leaving is Leaving.SKIP:
        return after(put(own, replace(client, state=ClientState.SKIPPED)), BETWEEN_NUMBERS_SECONDS, now)
    if leaving is Leaving.REMOVE:
        return after(without(own, client.key), BETWEEN_NUMBERS_SECONDS, now)
    if leaving is Leaving.STOP:
        return put(own, replace(client, state=ClientState.WAITING))
    if outcome is Outcome.UNKNOWN:
        own = put(own, replace(client, state=ClientState.UNCLEAR))
        return after(own, BETWEEN_CLIENTS_SECONDS, now)
    failures = own.line_failures + 1 if outcome in NO_ATTEMPT else 0
    client = struck(client, client.next_number or "", outcome.value)
    own = put(replace(own, line_failures=failures), client)
    if failures >= MOST_LINE_FAILURES:
        return idle(own, "line_failed")
    is_same = client.state is ClientState.TAKEN
    return after(own, BETWEEN_NUMBERS_SECONDS if is_same else BETWEEN_CLIENTS_SECONDS, now)


def not_dialled(own: OwnList, attempt: AttemptId, why: str, now: Timestamp, *, number: bool, again: bool) -> OwnList:
    """
    Nothing was dialled.

    Args:
        number: because of this number (it may not be called): it is struck out, and the next one follows.
        again: because of this moment: the timer runs again. Neither: the list stops, and says why.
    """
    if own.attempt != attempt or not own.is_calling:
        return own
    leaving, client, own = own.leaving, own.client(own.current), _over(own)
    if leaving is Leaving.CLEAR:
        return _cleared(own)
    if client is None or leaving is Leaving.STOP:
        return idle(own, "")
    if leaving is not None:
        return _judged(own, client, Outcome.NOT_DIALLED, leaving, now)
    if number and client.next_number is not None:
        return after(put(own, struck(client, client.next_number, why)), BETWEEN_NUMBERS_SECONDS, now)
    return after(own, BETWEEN_CLIENTS_SECONDS, now, why=why) if again else idle(own, why)
