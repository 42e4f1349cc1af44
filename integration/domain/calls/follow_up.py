"""What should be done after a step of a call: the intents that are saved with its new state.

`attribution.py` decides the responsible manager and the CRM object later, when the intent is carried out, because a
contact may be created during the call.
"""

from __future__ import annotations

from integration.domain.calls.call import Call, Direction, Disposition, LegKind
from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.calls.tracking import Change
from integration.domain.ids import Timestamp
from integration.domain.numbers.client import client_of
from integration.domain.numbers.phone import PhoneNumber
from integration.domain.reasons import Reason
from integration.domain.settings import AccountSettings, CardMoment

_POPUP_WORTH_SECONDS = 3.0  # a popup that comes later than this disturbs more than it helps (amoCRM reference, 8.1)
_RECORDS_SPEAK_SECONDS = 8.0  # after a gap of the link, until the PBX's own records were compared
_POPUP_GATHER_SECONDS = 0.25  # phones of one group ring within this time: one request for all of them


def follow_up(
    call: Call,
    changes: frozenset[Change],
    settings: AccountSettings,
    now: Timestamp,
    *,
    owner: Reason | None = None,
) -> tuple[Intent, ...]:
    """
    Choose what should be done now.

    Args:
        owner: why the call is the account's, where others share its PBX; it goes with the call's log.

    Returns:
        Intents in the order in which they are to be carried out; empty for internal calls, for callers who hide
        their number, for clicks that never dialled the client, for calls of another account, for lines that are not
        processed and while the integration is switched off. A call from outside or to it is logged whatever its
        digits are: what a number cannot say, the channel does. Repeating a step gives intents with the same keys,
        which the outbox leaves alone. Never raises.

    Source: spec B1, B7, E1 to E4; seed S4.
    """
    line = settings.line(call.line)
    if not settings.enabled or not line.process or call.merged_into is not None or call.elsewhere:
        return ()
    client = client_of(call, settings.numbering)
    if client is None:
        return ()
    if call.failure is not None:
        return ()  # the client was never dialled: nothing of it belongs into the client's feed
    if changes & {Change.ENDED, Change.CORRECTED}:  # what turned out to be a client's call is logged like any other
        return _after_the_end(call, now, missed_task=line.missed_task, owner=owner)
    if not isinstance(client, PhoneNumber):
        return ()  # nobody could be shown
    if call.direction is not Direction.INBOUND or (call.answered_at is not None and Change.ANSWERED not in changes):
        return ()
    if line.card is CardMoment.RINGING and Change.RINGING in changes:
        return _popups(call, ringing_extensions(call), now)
    if line.card is CardMoment.ANSWER and Change.ANSWERED in changes and call.answered_by:
        return _popups(call, (call.answered_by,), now)
    return ()


def ringing_extensions(call: Call) -> tuple[str, ...]:
    """Extensions that ring now, in the order of their offers."""
    return tuple(
        dict.fromkeys(
            leg.target
            for leg in call.legs
            if leg.kind is LegKind.EXTENSION and leg.result is None and leg.answered_at is None
        )
    )


def _popups(call: Call, extensions: tuple[str, ...], now: Timestamp) -> tuple[Intent, ...]:
    return tuple(
        Intent(
            call=call.id,
            kind=IntentKind.NOTIFY_CRM,
            key=f"{IntentKind.NOTIFY_CRM}:{extension}",
            priority=Priority.CARD,
            not_before=Timestamp(now + _POPUP_GATHER_SECONDS),
            expires_at=Timestamp(now + _POPUP_WORTH_SECONDS),
            payload={"extension": extension},
        )
        for extension in extensions
    )


def _after_the_end(call: Call, now: Timestamp, *, missed_task: bool, owner: Reason | None) -> tuple[Intent, ...]:
    intents = []
    if call.end_inferred or (call.answered_at is not None and call.recordings):
        # Of a call whose end nobody saw the PBX's own records may know more, a recording too: they are asked first.
        not_before = Timestamp(now + _RECORDS_SPEAK_SECONDS) if call.end_inferred else None
        kind = IntentKind.FETCH_RECORDING
        intents.append(Intent(call=call.id, kind=kind, key=kind, not_before=not_before))
    payload = {} if owner is None else {"owner": {"code": owner.code, "detail": owner.detail}}
    intents.append(Intent(call=call.id, kind=IntentKind.LOG_CALL, key=IntentKind.LOG_CALL, payload=payload))
    if missed_task and call.direction is Direction.INBOUND and call.disposition is Disposition.MISSED:
        intents.append(Intent(call=call.id, kind=IntentKind.CREATE_TASK, key=IntentKind.CREATE_TASK))
    return tuple(intents)
