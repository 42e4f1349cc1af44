"""A live call in a CRM that follows it: when it is registered, and whose page its card belongs on. Pure.

`follow_up.py` queues the work, `services/live_delivery.py` carries it out.
"""

from __future__ import annotations

from integration.domain.calls.call import Call, Direction, Leg, LegKind, LegResult, Via
from integration.domain.calls.intents import Intent, IntentKind, Priority
from integration.domain.calls.ownership import begun_by_crm
from integration.domain.calls.participation import PartState, extensions_of, parts_of
from integration.domain.calls.tracking import Change
from integration.domain.ids import ManagerId, Timestamp
from integration.domain.settings import AccountSettings, CardMoment

CARD_WORTH_SECONDS = 15.0  # a card that would open later than this after its cause is not opened
_GATHER_SECONDS = 0.5  # phones of one group ring, and losers stop ringing, within this time: one request for all
_TOGETHER_SECONDS = 0.25  # offers within this time are one ringing
_TO_CLIENT = frozenset({Via.DIRECT, Via.FALLBACK})


def is_followed(call: Call) -> bool:
    """Whether the CRM may have the live call: its registration was queued, or the CRM has begun it itself."""
    return call.announced or begun_by_crm(call) is not None


def is_due(call: Call, settings: AccountSettings) -> bool:
    """
    Whether the CRM has to learn of the call now: somebody should see an incoming call's card, or the client is being
    called. A click is nothing for the client before the employee has picked up.
    """
    if is_followed(call) or not call.is_live:
        return False
    if call.direction is Direction.OUTBOUND and not _is_client_called(call):
        return False
    return bool(card_at(call, settings))


def _is_client_called(call: Call) -> bool:
    return call.answered_at is not None or any(
        leg.kind is LegKind.EXTERNAL and leg.via in _TO_CLIENT for leg in call.legs
    )


def card_at(call: Call, settings: AccountSettings) -> tuple[ManagerId, ...]:
    """
    The managers on whose pages the CRM's card belongs now, in the order in which they came into the call: their phone
    rings, or they talk. Nobody once the call is over, or where the line shows no card.
    """
    if not call.is_live or call.merged_into is not None or call.elsewhere:
        return ()
    moment = settings.line(call.line).card
    if call.direction is Direction.INBOUND and moment is CardMoment.NEVER:
        return ()
    found: dict[ManagerId, None] = {}
    for extension, part in parts_of(call).items():
        if part.state is PartState.ENDED:
            continue
        if part.state is PartState.RINGING and not part.is_own:
            # Phones that lost the call to a colleague report their end a moment later.
            has_lost = call.answered_at is not None and (part.since or 0.0) < call.answered_at
            if has_lost or (call.direction is Direction.INBOUND and moment is not CardMoment.RINGING):
                continue
        manager = settings.manager_of(extension)
        if manager is not None and settings.is_on_for(manager):
            found[manager] = None
    return tuple(found)


def card_may_be_at(call: Call, settings: AccountSettings) -> tuple[ManagerId, ...]:
    """The managers on whose pages the card may have been opened at any time of the call."""
    managers = (settings.manager_of(extension) for extension in extensions_of(call))
    return tuple(dict.fromkeys(each for each in managers if each is not None))


def last_with_client(call: Call, settings: AccountSettings) -> ManagerId | None:
    """The manager who had the client last; None: nobody had, or somebody outside the integration."""
    if call.answered_at is None and call.answered_by is None:
        return None
    last = settings.manager_of(call.final_responsible)
    return last if last is not None and settings.is_active(last) else None


def live_intents(
    call: Call, changes: frozenset[Change], settings: AccountSettings, now: Timestamp
) -> tuple[Intent, ...]:
    """What the CRM has to be told of a live call after this step."""
    worth = {"until": now + CARD_WORTH_SECONDS}
    if is_due(call, settings):
        kind = IntentKind.REGISTER_CALL
        return (Intent(call=call.id, kind=kind, key=kind, priority=Priority.CARD, payload=worth),)
    if not call.is_live or not is_followed(call) or not _moves_card(call, changes):
        return ()
    return (
        Intent(
            call=call.id,
            kind=IntentKind.SHOW_CARDS,
            key=f"{IntentKind.SHOW_CARDS}:{_stage(call)}",
            priority=Priority.CARD,
            not_before=Timestamp(now + _GATHER_SECONDS),
            payload=worth,
        ),
    )


def withdrawal(call: Call, changes: frozenset[Change]) -> tuple[Intent, ...]:
    """
    For a call that turned out not to be written into this CRM: joined to another one, another account's, or internal.
    The card is closed, and nothing is left in the CRM, whose live call nobody finishes. One that the CRM has begun
    itself is finished.
    """
    if not changes & {Change.ENDED, Change.MERGED}:
        return ()
    if begun_by_crm(call) is not None:
        return (Intent(call=call.id, kind=IntentKind.LOG_CALL, key=IntentKind.LOG_CALL),)
    return (closing(call),) if call.announced else ()


def closing(call: Call) -> Intent:
    """Close the card everywhere, whatever the call became."""
    kind = IntentKind.SHOW_CARDS
    return Intent(call=call.id, kind=kind, key=f"{kind}:end", priority=Priority.CARD, payload={"ends": True})


def late_recording(call: Call) -> tuple[Intent, ...]:
    """A recording that became known after the first was looked for: it is fetched and attached behind the call."""
    kinds = (IntentKind.FETCH_RECORDING, IntentKind.ATTACH_RECORDING)
    return tuple(Intent(call=call.id, kind=kind, key=f"{kind}:late") for kind in kinds)


def _moves_card(call: Call, changes: frozenset[Change]) -> bool:
    if changes & {Change.RINGING, Change.ANSWERED, Change.HANDED_OVER}:
        return True
    return Change.LEG_ENDED in changes and _left(call) > 0


def _stage(call: Call) -> str:
    """The same for the steps that one look at the call can serve, another for each later one."""
    ringings, since = 0, None
    for leg in call.legs:
        if leg.kind is LegKind.EXTENSION and (since is None or leg.offered_at - since > _TOGETHER_SECONDS):
            ringings, since = ringings + 1, leg.offered_at
    answered = "answered" if call.answered_at is not None else ""
    return f"{ringings}:{answered}:{call.final_responsible or ''}:{_left(call)}"


def _left(call: Call) -> int:
    """How many people have left the call by themselves, while it goes on for others."""
    return sum(_has_left(leg) for leg in call.legs if leg.kind is LegKind.EXTENSION)


def _has_left(leg: Leg) -> bool:
    return leg.result is LegResult.REJECTED or (leg.answered_at is not None and leg.ended_at is not None)
