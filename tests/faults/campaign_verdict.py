"""Compares what the PBX dialled for a campaign, or a manager's own list, with journal, list and what people decided.

The PBX's own record is the ledger, which has every channel that was dialled, and the orders (AMI Originate) that the
PBX was given. Whether each of these calls is in the CRM once is judged with all other calls, in `verdict.py`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from integration.domain.campaigns.model import LIVE, NO_ATTEMPT, REACHED, Attempt, AttemptState, EntryState, Outcome
from integration.domain.campaigns.own_list import OPEN, ClientState, OwnList, Phase, reached
from integration.domain.campaigns.pacing import WAIT_SECONDS
from integration.domain.ids import AttemptId
from integration.ports.campaigns import EntryQuery, ListedEntry
from integration.ports.own_lists import OWN_LISTS
from integration.storage import Storage
from tests.faults.campaign import ANSWERED_BEFORE, CAMPAIGN, EVERY_ATTEMPT, CampaignOf
from tests.faults.ledger import PbxCall
from tests.faults.place import Place

_CHANNEL = "dozvon-"  # how the channel of an order begins, before the attempt's id
_TALK_SECONDS = 2.0
_TALKED_SECONDS = 3.3  # a shorter answer is silent, and its client called again
_GRAIN_SECONDS = 0.5
_LATE_SECONDS = 1.0  # a busy Dozvon dates an answer when it reads it
_AGAIN_SECONDS = 120.0  # whoever is due waits so long for a free employee at most


@dataclass(slots=True, kw_only=True)
class CampaignFigures:
    """`wrong`: what must not be, by what it is; each with the attempt, the number or the client that it is about."""

    listed: int = 0
    own_attempts: int = 0  # of managers' own lists
    attempts: int = 0
    rang: int = 0  # at clients
    rung_first: int = 0  # clients whose phone rang before an employee's
    turned_away: int = 0  # of them, after they had answered, because nobody was there in time
    talked: int = 0
    unknown: int = 0  # nothing tells what came of them
    refused: int = 0  # numbers that were taken out or put on the do-not-call list meanwhile
    rests: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)
    about_wrong: list[dict[str, str]] = field(default_factory=list)  # everything known about these attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """
    What is known of an account's campaign and own list.

    Attributes:
        calls: of the PBX, by the attempt that ordered them.
        orders: how often each channel was ordered.
        disturbed: attempts during which Dozvon may have dated events late.
        clicked: numbers that were clicked; their calls are ordered as those of attempts are.
    """

    campaign: CampaignOf
    of_manager: frozenset[str]
    attempts: Mapping[AttemptId, Attempt]
    entries: Sequence[ListedEntry]
    own: OwnList | None
    calls: Mapping[AttemptId, PbxCall]
    orders: Counter[str]
    clicked: frozenset[str]
    disturbed: frozenset[AttemptId] = frozenset()

    def listed(self, attempt: AttemptId) -> frozenset[str]:
        """Whom this order may ring."""
        known = self.attempts.get(attempt)
        if known is None:
            return self.clicked
        return self.campaign.numbers if known.campaign == CAMPAIGN else self.of_manager


async def judge_campaign(figures: CampaignFigures, storage: Storage, place: Place) -> None:
    """Add what came of an account's campaign. It must be over."""
    campaign = place.campaign
    if campaign is None:
        return
    attempts = await storage.attempts.log(place.account, CAMPAIGN, limit=EVERY_ATTEMPT)
    own_attempts = await storage.attempts.log(place.account, OWN_LISTS, limit=EVERY_ATTEMPT)
    entries = await storage.entries.listing(place.account, CAMPAIGN, EntryQuery(limit=EVERY_ATTEMPT))
    counts = (await storage.campaigns.counts(place.account))[CAMPAIGN]
    of_manager = place.own_list
    calls = {
        AttemptId(key.removeprefix(_CHANNEL)): call
        for key, call in place.office.ledger.calls.items()
        if key.startswith(_CHANNEL)
    }
    disruptions = place.office.ledger.disruptions
    told = Told(
        campaign=campaign,
        of_manager=frozenset() if of_manager is None else of_manager.numbers,
        own=None if of_manager is None else await storage.own_lists.get(place.account, of_manager.manager),
        attempts={each.id: each for each in (*attempts, *own_attempts)},
        entries=entries,
        calls=calls,
        disturbed=frozenset(
            key for key, call in calls.items() if disruptions.disturbed(call.began, call.ended or time.time())
        ),
        orders=place.office.originated,
        clicked=frozenset(place.pressed),
    )
    figures.listed += len(entries)
    figures.attempts += len(attempts)
    figures.own_attempts += len(own_attempts)
    figures.rang += sum(bool(told.calls[each].rang) for each in told.attempts if each in told.calls)
    figures.talked += sum(each.outcome in REACHED for each in told.attempts.values())
    figures.unknown += sum(each.outcome is Outcome.UNKNOWN for each in told.attempts.values())
    figures.refused += len(campaign.gone)
    figures.rests += len(campaign.paused)
    figures.rung_first += sum(call.is_client_first for call in told.calls.values())
    figures.turned_away += sum(call.turned_away_at is not None for call in told.calls.values())
    if sum(counts.outcomes.values()) != len(attempts):
        figures.wrong.setdefault("outcomes counted twice or not at all", []).append(place.account)
    await _judge_ledger(figures, storage, place, attempts)
    for what, whom in what_is_wrong(told):
        figures.wrong.setdefault(what, []).append(f"{place.account}: {whom}")
        if (attempt := told.attempts.get(AttemptId(whom.partition(" ")[0]))) is not None:
            figures.about_wrong.append(await _about(attempt, storage, place))


async def _about(attempt: Attempt, storage: Storage, place: Place) -> dict[str, str]:
    ledger = place.office.ledger
    made = ledger.calls.get(f"{_CHANNEL}{attempt.id}")
    stored = None if attempt.call is None else await storage.calls.get(place.account, attempt.call)
    near = [] if made is None else ledger.disruptions.near(made)
    return {"attempt": repr(attempt), "pbx": repr(made), "journal": repr(stored), "near": repr(near)}


async def _judge_ledger(figures: CampaignFigures, storage: Storage, place: Place, attempts: Sequence[Attempt]) -> None:
    """The share of abandoned calls is counted as the journal says, and whoever was abandoned has a task."""
    campaign = place.campaign
    if campaign is None or not campaign.is_ahead:
        return
    days = (await storage.dialling.days(place.account, CAMPAIGN, since=date.min)).values()
    counted = sum(day.live for day in days) - ANSWERED_BEFORE * len(days), sum(day.abandoned for day in days)
    lost = [each for each in attempts if each.outcome is Outcome.ABANDONED]
    wanted = sum(each.outcome in LIVE for each in attempts), len(lost)
    if counted != wanted:
        figures.wrong.setdefault("a ledger that is not the journal's", []).append(
            f"{place.account}: {counted} {wanted}"
        )
    talked = {each.number for each in attempts if each.outcome in REACHED}
    for each in lost:
        if each.number not in talked and not place.side.has_task(each.number.removeprefix("+")):
            figures.wrong.setdefault("abandoned, and nobody has a task", []).append(f"{place.account}: {each.number}")


def what_is_wrong(told: Told) -> Iterator[tuple[str, str]]:
    """Each with the attempt, the number or the client that it is about."""
    yield from _dialled(told)
    yield from _called_again(told)
    yield from _against_the_journal(told)
    yield from _of_waiting(told)
    yield from _against_decisions(told)
    yield from _lost(told)
    if told.own is not None:
        yield from _lost_of_own_list(told, told.own)


def _dialled(told: Told) -> Iterator[tuple[str, str]]:
    """By what the PBX did: one call for an attempt, one ring at a time for a number, nobody outside the list."""
    for channel, times in told.orders.items():
        attempt = AttemptId(channel.removeprefix(_CHANNEL))
        if times > 1 and attempt in told.attempts:
            yield "attempts ordered twice", attempt
    intervals: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for attempt, call in told.calls.items():
        if len(call.rang) > 1:
            yield "attempts dialled twice", f"{attempt}: {call.rang}"
        strangers = set(call.rang) - told.listed(attempt)
        if strangers:
            yield "dialled outside the list", f"{attempt}: {strangers}"
        for number in call.rang:
            intervals[number].append((call.began, call.ended or time.time()))
    for number, each in intervals.items():
        each.sort()
        if number not in told.clicked and any(one[1] > two[0] for one, two in pairwise(each)):
            yield "numbers dialled twice at once", number


def _called_again(told: Told) -> Iterator[tuple[str, str]]:
    """Who has talked to us, by the PBX, is left in peace."""
    talked: set[str] = set()
    for attempt, call in sorted(told.calls.items(), key=lambda each: each[1].began):
        if attempt not in told.attempts:
            continue
        yield from (("called again after a talk", f"{attempt} {number}") for number in talked & set(call.rang))
        if _talk_seconds(call) > _TALKED_SECONDS and not call.is_crashed:
            talked |= set(call.rang)


def _talk_seconds(call: PbxCall) -> float:
    return 0.0 if call.talk_began is None else (call.ended or time.time()) - call.talk_began


def _against_the_journal(told: Told) -> Iterator[tuple[str, str]]:
    """Each row says what the PBX says."""
    for attempt in told.attempts.values():
        call = told.calls.get(attempt.id)
        about = f"{attempt.id} {attempt.number} {attempt.outcome}"
        if attempt.state is not AttemptState.ENDED:
            yield "attempts left behind", about
        if call is None or not call.rang:
            if attempt.outcome not in (*NO_ATTEMPT, Outcome.UNKNOWN):
                yield "outcomes of calls that never rang", about
            continue
        if call.rang[0] != attempt.number.removeprefix("+"):
            yield "another number was dialled", f"{about}: {call.rang}"
        if attempt.outcome in NO_ATTEMPT:
            yield "rang and not counted", about
        has_talked = call.talk_began is not None
        if attempt.outcome in LIVE and attempt.outcome is not Outcome.ABANDONED and not has_talked:
            yield "talks that never were", about
        if _talk_seconds(call) > _TALK_SECONDS and not call.is_crashed and attempt.outcome not in LIVE:
            yield "talks that were not seen", about


def _of_waiting(told: Told) -> Iterator[tuple[str, str]]:
    """Whoever has answered before an employee gets one in time, or counts as abandoned."""
    for attempt in told.attempts.values():
        call = told.calls.get(attempt.id)
        about = f"{attempt.id} {attempt.number} {attempt.outcome}"
        if call is None or call.answered_at is None:
            if attempt.outcome is Outcome.ABANDONED:
                yield "abandoned who had not answered", about
            continue
        waited = (call.talk_began or call.ended or time.time()) - call.answered_at
        if call.turned_away_at is not None and attempt.outcome is not Outcome.ABANDONED and not call.is_crashed:
            yield "turned away and not counted", about
        elif waited > WAIT_SECONDS + _LATE_SECONDS and attempt.outcome is not Outcome.ABANDONED and not call.is_crashed:
            yield "waited too long and not counted", f"{about}: {waited:.1f} s"
        is_early = waited < WAIT_SECONDS - _LATE_SECONDS and attempt.id not in told.disturbed
        if attempt.outcome is Outcome.ABANDONED and is_early:
            yield "abandoned who were not", f"{about}: {waited:.1f} s"


def _against_decisions(told: Told) -> Iterator[tuple[str, str]]:
    """What a supervisor has decided holds from the moment at which Dozvon said so."""
    for attempt in told.attempts.values():
        gone = told.campaign.gone.get(attempt.number.removeprefix("+"))
        if gone is not None and attempt.written_at > gone + _GRAIN_SECONDS:
            yield "dialled after they were taken out", f"{attempt.id} {attempt.number}"
        sent = attempt.sent_at
        if sent is not None and any(began + _GRAIN_SECONDS < sent < until for began, until in told.campaign.paused):
            yield "dialled while it rested", f"{attempt.id} {attempt.number}"


def _lost(told: Told) -> Iterator[tuple[str, str]]:
    """Everybody was called, or must not be; whoever is done was reached, or all their numbers are struck out."""
    of_entry: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in told.attempts.values():
        if attempt.campaign == CAMPAIGN:
            of_entry[attempt.entry].append(attempt)
    names = {each.entry.name for each in told.entries}
    yield from (("clients lost", client.name) for client in told.campaign.clients if client.name not in names)
    for listed in told.entries:
        entry, outcomes = listed.entry, [each.outcome for each in of_entry[listed.entry.id]]
        about = f"{entry.name} {entry.state}: {[str(each) for each in outcomes]}"
        is_called = any(each not in NO_ATTEMPT for each in outcomes)
        match entry.state:
            case EntryState.REACHED if not any(each in REACHED for each in outcomes):
                yield "clients called reached who were not", about
            case EntryState.NOT_REACHED if not all(number.struck for number in entry.numbers):
                yield "clients given up too early", about
            case EntryState.OPEN if not is_called or entry.due_at is None:
                yield "clients lost", about
            case EntryState.TAKEN:
                yield "clients left behind", about
        if (
            entry.state is EntryState.OPEN
            and entry.due_at is not None
            and entry.due_at < told.campaign.over_at - _AGAIN_SECONDS
        ):
            yield "clients who should have been called again", about


def _lost_of_own_list(told: Told, own: OwnList) -> Iterator[tuple[str, str]]:
    """Whoever was selected is there, and is done only for a reason that the journal has."""
    if own.phase is not Phase.IDLE or own.attempt is not None:
        yield "own lists that do not rest", f"{own.phase} {own.attempt}"
    listed = {number.e164.removeprefix("+") for client in own.clients for number in client.numbers}
    yield from (("clients lost", number) for number in told.of_manager - listed)
    for client in own.clients:
        numbers = {number.e164 for number in client.numbers}
        outcomes = [each.outcome for each in told.attempts.values() if each.number in numbers]
        about = f"{client.name} {client.state}: {[str(each) for each in outcomes]}"
        was_reached = any(each is not None and reached(each) for each in outcomes)
        match client.state:
            case ClientState.REACHED if not was_reached:
                yield "clients called reached who were not", about
            case ClientState.NOT_REACHED if client.next_number is not None:
                yield "clients given up too early", about
            case ClientState.UNCLEAR if Outcome.UNKNOWN not in outcomes:
                yield "clients called unclear who were not", about
        if was_reached and client.state in OPEN:
            yield "clients to be called again who were reached", about
