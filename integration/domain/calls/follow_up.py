"""What should be done after a step of a call: the intents that are saved with its new state.

`attribution.py` decides the responsible manager and the CRM object later, when the intent is carried out, because a
contact may be created during the call.
"""

from __future__ import annotations

from integration.domain.calls.call import Call, Direction, Disposition, LegKind
from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.calls.live import closing, late_recording, live_intents, withdrawal
from integration.domain.calls.ownership import is_callback
from integration.domain.calls.participation import extensions_of
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
    live_calls: bool = False,
    is_ours: bool = True,
) -> tuple[Intent, ...]:
    """
    Choose what should be done now.

    Args:
        owner: why the call is the account's, where others share its PBX; it goes with the call's log.
        live_calls: the CRM follows calls while they last (`CrmAbilities.live_calls`).
        is_ours: by what is known now, the call will be written into this account's CRM.

    Returns:
        Intents in the order in which they are to be carried out; empty for internal calls, for callers who hide
        their number, for clicks that never dialled the client, for calls of another account, for lines that are not
        processed, for people for whom Dozvon is not on, and while the integration is switched off; a CRM that already
        knows such a call is told that it is over. A call from outside or to it is logged whatever its digits are: what
        a number cannot say, the channel does. Repeating a step gives intents with the same keys, which the outbox
        leaves alone. Never raises.

    Source: spec B1, B7, E1 to E4; seed S4.
    """
    if not _concerns(call, settings):
        return withdrawal(call, changes) if live_calls else ()
    line = settings.line(call.line)
    if changes & {Change.ENDED, Change.CORRECTED}:  # what turned out to be a client's call is logged like any other
        if live_calls:
            return _after_a_live_call(call, changes, now, missed_task=line.missed_task, owner=owner)
        return _after_the_end(call, now, missed_task=line.missed_task, owner=owner)
    if not isinstance(client_of(call, settings.numbering), PhoneNumber):
        return ()  # nobody could be shown
    if live_calls:
        return live_intents(call, changes, settings, now) if is_ours else ()
    if call.direction is not Direction.INBOUND or (call.answered_at is not None and Change.ANSWERED not in changes):
        return ()
    if line.card is CardMoment.RINGING and Change.RINGING in changes:
        return _popups(call, ringing_extensions(call), now)
    if line.card is CardMoment.ANSWER and Change.ANSWERED in changes and call.answered_by:
        return _popups(call, (call.answered_by,), now)
    return ()


def _concerns(call: Call, settings: AccountSettings) -> bool:
    """Whether anything of the call belongs into the account's CRM, by what is known now."""
    if not settings.enabled or not settings.line(call.line).process or call.merged_into is not None or call.elsewhere:
        return False
    if client_of(call, settings.numbering) is None or not concerns_chosen(call, settings):
        return False
    # Of a click that never dialled the client nothing belongs into the feed, unless the client waits for a call.
    return call.failure is None or is_callback(call)


def concerns_chosen(call: Call, settings: AccountSettings) -> bool:
    """
    Whether the call is one of the managers for whom Dozvon is on: one of them talked to the client; nobody did, and it
    rang at one of them; or one of them placed it. Always, while it is on for everybody.
    """
    if settings.only_for is None:
        return True
    talked = {leg.target for leg in call.legs if leg.kind is LegKind.EXTENSION and leg.answered_at is not None}
    talked |= {each for each in (call.answered_by, call.final_responsible) if each is not None}
    if call.direction is Direction.OUTBOUND:
        theirs = talked | {call.caller}
    elif call.answered_at is not None:
        theirs = talked
    else:
        theirs = set(extensions_of(call))
    return any(settings.is_on_for(settings.manager_of(each)) for each in theirs)


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
        intents.append(_fetch(call, now))
    intents.append(_log(call, owner))
    if missed_task and _wants_callback(call):
        intents.append(Intent(call=call.id, kind=IntentKind.CREATE_TASK, key=IntentKind.CREATE_TASK))
    return tuple(intents)


def _after_a_live_call(
    call: Call, changes: frozenset[Change], now: Timestamp, *, missed_task: bool, owner: Reason | None
) -> tuple[Intent, ...]:
    """
    The CRM is told of the end at once, so that its card closes; the recording follows. Of an end that nobody saw the
    PBX's own records speak first, and only the card is closed before that.
    """
    log = _log(call, owner)
    intents: list[Intent] = [log]
    if Change.ENDED not in changes:
        intents += late_recording(call) if call.answered_at is not None and call.recordings else ()
    elif call.end_inferred:
        cards = [closing(call)] if call.announced else []
        intents = [*cards, _fetch(call, now), log, _attach(call)]
    elif call.answered_at is not None and call.recordings:
        intents += [_fetch(call, now), _attach(call)]
    if missed_task and (_wants_callback(call) or (is_callback(call) and call.answered_at is None)):
        intents.append(Intent(call=call.id, kind=IntentKind.CREATE_TASK, key=IntentKind.CREATE_TASK))
    return tuple(intents)


def _wants_callback(call: Call) -> bool:
    """A client called and nobody talked to them; or a campaign called them, they answered, and nobody came."""
    if call.direction is Direction.INBOUND:
        return call.disposition is Disposition.MISSED
    return call.answered_at is None and call.received is not None and call.received.turned_away_at is not None


def _fetch(call: Call, now: Timestamp) -> Intent:
    # Of a call whose end nobody saw the PBX's own records may know more, a recording too: they are asked first.
    not_before = Timestamp(now + _RECORDS_SPEAK_SECONDS) if call.end_inferred else None
    kind = IntentKind.FETCH_RECORDING
    return Intent(call=call.id, kind=kind, key=kind, not_before=not_before)


def _attach(call: Call) -> Intent:
    return Intent(call=call.id, kind=IntentKind.ATTACH_RECORDING, key=IntentKind.ATTACH_RECORDING)


def _log(call: Call, owner: Reason | None) -> Intent:
    payload = {} if owner is None else {"owner": {"code": owner.code, "detail": owner.detail}}
    return Intent(call=call.id, kind=IntentKind.LOG_CALL, key=IntentKind.LOG_CALL, payload=payload)
