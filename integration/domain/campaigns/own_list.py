"""A manager's own list: clients selected in the CRM, whom the manager calls one after another from the CRM's page.

`services/own_lists/` stores it and dials; `begin()` and what follows a call are in `own_list_calls.py`. Pure: every
function gets a list and gives the next one.

Source: seed S4, "Обзвон по контактам и сделкам": ten seconds between clients, which the manager can stop and resume;
three seconds before the next number of the same client; a number that failed is struck out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from integration.domain.campaigns.model import Outcome
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, AttemptId, CallId, ManagerId, Timestamp

BETWEEN_CLIENTS_SECONDS = 10.0
BETWEEN_NUMBERS_SECONDS = 3.0
LOOK_SECONDS = 20.0
"""A call that the PBX has not reported for so long is looked for."""

MOST_CLIENTS = 500
MOST_SCRIPT_CHARACTERS = 5_000


class Phase(StrEnum):
    IDLE = "idle"  # not started, stopped, or nobody is left
    WAITING = "waiting"  # the timer runs; the next call begins at `due_at`
    HELD = "held"  # the manager has stopped the timer; `left_seconds` are left
    CALLING = "calling"  # the manager's phone rings, then the client's
    TALKING = "talking"


class ClientState(StrEnum):
    WAITING = "waiting"
    TAKEN = "taken"  # is being called, or another number of theirs is next
    REACHED = "reached"
    NOT_REACHED = "not_reached"  # every number is struck out
    SKIPPED = "skipped"
    UNCLEAR = "unclear"  # nobody saw how the call ended: not called again by itself


OPEN = frozenset({ClientState.WAITING, ClientState.TAKEN})


class Leaving(StrEnum):
    """What the manager has pressed during a call: done when it has ended."""

    STOP = "stop"
    SKIP = "skip"
    REMOVE = "remove"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNumber:
    """`struck`: why this number is not dialled any more: an outcome, or the code of a refusal; None: it may be."""

    e164: str
    struck: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """
    Attributes:
        key: within the list; never used for another client.
        numbers: in the order of the card, each once.
        refs: the contact, and the deal that was selected.
        call: the newest call with this client: what the manager writes after it belongs to it.
    """

    key: int
    numbers: tuple[ListedNumber, ...]
    name: str = ""
    refs: tuple[EntityRef, ...] = ()
    comment: str = ""
    state: ClientState = ClientState.WAITING
    call: CallId | None = None

    @property
    def next_number(self) -> str | None:
        return next((number.e164 for number in self.numbers if number.struck is None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnList:
    """
    Attributes:
        revision: raised by each stored change.
        clients: in the order in which they are called.
        due_at: WAITING: when the next call begins. CALLING, TALKING: when to look for a call whose end nobody reported.
        current: key of the client who is or was called last.
        attempt: the call that is on its way, by its id in the journal of attempts.
        number: that is being dialled.
        why: a code that says why nothing is dialled, or why it is late; empty: as the manager wanted it.
        line_failures: calls in a row that never left the PBX.
    """

    account: AccountId
    manager: ManagerId
    revision: int = 0
    clients: tuple[Client, ...] = ()
    next_key: int = 1
    phase: Phase = Phase.IDLE
    due_at: Timestamp | None = None
    left_seconds: float | None = None
    current: int | None = None
    attempt: AttemptId | None = None
    number: str | None = None
    call: CallId | None = None
    called_at: Timestamp | None = None
    leaving: Leaving | None = None
    why: str = ""
    line_failures: int = 0
    script: str = ""

    @property
    def is_calling(self) -> bool:
        return self.phase in (Phase.CALLING, Phase.TALKING)

    def client(self, key: int | None) -> Client | None:
        return next((client for client in self.clients if client.key == key), None)

    @property
    def upcoming(self) -> Client | None:
        """Who is called now or next: who has been taken, else the first who waits."""
        taken = next((client for client in self.clients if client.state is ClientState.TAKEN), None)
        return taken or next((client for client in self.clients if client.state is ClientState.WAITING), None)


class Place(StrEnum):
    TAKEN = "taken"
    TWICE = "twice"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Grown:
    """`places`: for each new client whether they were taken, were in the list already, or found no room in it."""

    own: OwnList
    places: tuple[Place, ...]


def add(own: OwnList, new: Sequence[Client]) -> Grown:
    """Add clients at the end, also while the list is called. A client one of whose numbers is there is not added."""
    known = {number.e164 for client in own.clients for number in client.numbers}
    clients, key, places = list(own.clients), own.next_key, []
    for client in new:
        numbers = {number.e164 for number in client.numbers}
        if numbers & known:
            places.append(Place.TWICE)
        elif len(clients) >= MOST_CLIENTS:
            places.append(Place.FULL)
        else:
            clients.append(replace(client, key=key, state=ClientState.WAITING))
            known |= numbers
            key += 1
            places.append(Place.TAKEN)
    why = "" if own.why == "finished" and len(clients) > len(own.clients) else own.why
    return Grown(replace(own, clients=tuple(clients), next_key=key, why=why), tuple(places))


# ---- what the manager presses ----------------------------------------------------------------------------------------


def start(own: OwnList, now: Timestamp) -> OwnList:
    """Call the first one who waits, at once. While it runs it stays as it is; a pressed "stop" is taken back."""
    if own.is_calling:
        return replace(own, leaving=None) if own.leaving is Leaving.STOP else own
    if own.phase is not Phase.IDLE:
        return own
    return after(own, 0.0, now)


def stop(own: OwnList) -> OwnList:
    """Nobody is dialled any more. A talk goes on; a call that is not answered is hung up (`must_hang_up`)."""
    if own.is_calling:
        return replace(own, leaving=own.leaving or Leaving.STOP)
    return idle(own, "") if own.phase is not Phase.IDLE else own


def hold(own: OwnList, now: Timestamp, *, why: str = "") -> OwnList:
    """Stop the timer."""
    if own.phase is not Phase.WAITING or own.due_at is None:
        return own
    left = max(0.0, own.due_at - now)
    return replace(own, phase=Phase.HELD, due_at=None, left_seconds=left, why=why)


def resume(own: OwnList, now: Timestamp) -> OwnList:
    """The timer goes on with what was left of it."""
    if own.phase is not Phase.HELD:
        return own
    return after(own, own.left_seconds or 0.0, now)


def call_now(own: OwnList, key: int, now: Timestamp) -> OwnList:
    """Call this client now instead of at the end of the timer; a list that is stopped starts with them."""
    if own.is_calling or own.client(key) is None:
        return own
    own = _give_up_taken(own, key)
    return after(put_next(own, key), 0.0, now)


def skip(own: OwnList, key: int, now: Timestamp) -> OwnList:
    """
    Go on to the next client. `key` says which one was meant: pressed twice, it counts once. A call that is not answered
    is hung up; during a talk nothing changes.
    """
    client = own.client(key)
    if client is None or client.state not in OPEN:
        return own
    if own.is_calling and own.current == key:
        return replace(own, leaving=own.leaving or Leaving.SKIP) if own.phase is Phase.CALLING else own
    return _go_on(put(own, replace(client, state=ClientState.SKIPPED)), now)


def put_next(own: OwnList, key: int) -> OwnList:
    """Call this client next, also one who was called or skipped: then with all numbers again."""
    client = own.client(key)
    if client is None or client.state is ClientState.TAKEN:
        return own
    if client.state is not ClientState.WAITING:
        client = _fresh(client)
    others = [each for each in own.clients if each.key != key]
    place = next((n for n, each in enumerate(others) if each.state is ClientState.WAITING), len(others))
    return replace(
        own, clients=(*others[:place], client, *others[place:]), why="" if own.why == "finished" else own.why
    )


def remove(own: OwnList, key: int, now: Timestamp) -> OwnList:
    """Take a client out of the list. One whose phone rings is hung up first; during a talk nothing changes."""
    client = own.client(key)
    if client is None:
        return own
    if own.is_calling and own.current == key:
        return replace(own, leaving=own.leaving or Leaving.REMOVE) if own.phase is Phase.CALLING else own
    was_next = own.upcoming is not None and own.upcoming.key == key
    own = without(own, key)
    return _go_on(own, now) if was_next else own


def clear(own: OwnList) -> OwnList:
    """Empty the list. A call that is not answered is hung up; a talk goes on, and stays until its end."""
    if not own.is_calling:
        return emptied(own)
    kept = tuple(client for client in own.clients if client.key == own.current)
    return replace(own, clients=kept, leaving=Leaving.CLEAR)


def with_script(own: OwnList, script: str) -> OwnList:
    return replace(own, script=script[:MOST_SCRIPT_CHARACTERS])


def must_hang_up(own: OwnList) -> bool:
    """Whether the call that is on its way has to be hung up, because of what the manager has pressed."""
    return own.phase is Phase.CALLING and own.leaving is not None


# ---- pieces, also for `own_list_calls.py` ----------------------------------------------------------------------------


def after(own: OwnList, seconds: float, now: Timestamp, *, why: str = "") -> OwnList:
    """The timer runs, unless nobody is left."""
    if own.upcoming is None:
        return idle(own, "finished")
    due = Timestamp(now + seconds)
    return replace(own, phase=Phase.WAITING, due_at=due, left_seconds=None, why=why)


def idle(own: OwnList, why: str) -> OwnList:
    """Nothing is dialled until the manager starts again. Who was taken waits again."""
    clients = tuple(
        replace(client, state=ClientState.WAITING) if client.state is ClientState.TAKEN else client
        for client in own.clients
    )
    return replace(own, clients=clients, phase=Phase.IDLE, due_at=None, left_seconds=None, why=why, line_failures=0)


def put(own: OwnList, client: Client) -> OwnList:
    clients = tuple(client if each.key == client.key else each for each in own.clients)
    return replace(own, clients=clients)


def without(own: OwnList, key: int) -> OwnList:
    return replace(
        own,
        clients=tuple(each for each in own.clients if each.key != key),
        current=None if own.current == key else own.current,
    )


def emptied(own: OwnList) -> OwnList:
    """`revision` and keys go on, so that a late press or call means nobody else."""
    return OwnList(
        account=own.account, manager=own.manager, revision=own.revision, next_key=own.next_key, script=own.script
    )


def _go_on(own: OwnList, now: Timestamp) -> OwnList:
    """The one who was next is not any more. A running timer leaves at least three seconds to see who follows."""
    if own.phase is Phase.WAITING and own.due_at is not None:
        return after(own, max(own.due_at - now, BETWEEN_NUMBERS_SECONDS), now)
    if own.phase is Phase.HELD and own.upcoming is None:
        return idle(own, "finished")
    return own


def _give_up_taken(own: OwnList, key: int) -> OwnList:
    """Another client is called now: who had numbers left waits again."""
    taken = next((each for each in own.clients if each.state is ClientState.TAKEN and each.key != key), None)
    return put(own, replace(taken, state=ClientState.WAITING)) if taken is not None else own


def _fresh(client: Client) -> Client:
    numbers = tuple(replace(number, struck=None) for number in client.numbers)
    return replace(client, state=ClientState.WAITING, numbers=numbers)


def struck(client: Client, e164: str, why: str) -> Client:
    """The client without this number; nobody who has none left is called."""
    numbers = tuple(
        replace(number, struck=why) if number.e164 == e164 and number.struck is None else number
        for number in client.numbers
    )
    left = replace(client, numbers=numbers)
    return left if left.next_number is not None else replace(left, state=ClientState.NOT_REACHED)


def reached(outcome: Outcome) -> bool:
    """Whether somebody or something answered: the client is done."""
    return outcome in _ANSWERED


_ANSWERED: frozenset[Outcome] = frozenset(
    {
        Outcome.TALKED,
        Outcome.PLAYED,
        Outcome.SILENT,
        Outcome.ABANDONED,
        Outcome.CLIENT_LEFT,
        Outcome.MACHINE,
        Outcome.FAX,
    }
)
