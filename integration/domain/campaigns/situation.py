"""What the dialling policy is asked about: employees, lines, calls in flight and clients' calls, as they are now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from integration.domain.campaigns.model import Entry, Try
from integration.domain.ids import AttemptId, CampaignId, EntryId, ManagerId, Timestamp


class EmployeeState(StrEnum):
    FREE = "free"
    RINGING = "ringing"  # their phone rings, or a client is dialled for them
    TALKING = "talking"  # in any call
    WRAPPING = "wrapping"  # writes down the result of the last call
    PAUSED = "paused"
    GONE = "gone"  # signed out, or the phone is not registered


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployeeNow:
    """
    Attributes:
        key: `Employee.key`.
        since: when this state began.
        leaves_at: the end of the shift, or of what the schedule says.
        is_leaving: pauses or goes after this call, so never free again.
        sees_cards: has a page of the CRM open in which a client can be shown.
    """

    key: str
    state: EmployeeState
    since: Timestamp
    manager: ManagerId | None = None
    leaves_at: Timestamp | None = None
    is_leaving: bool = False
    sees_cards: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInFlight:
    """
    A call of any campaign for which the same employees work, from the order to the PBX until its end or its employee.

    Attributes:
        employee: for whom it is dialled; None: whoever is free at the answer.
        answered_at: the client has answered and waits for an employee.
        risk: the probability to find nobody with which it was dialled; 0 for one that had a free employee.
    """

    attempt: AttemptId
    campaign: CampaignId
    entry: EntryId
    number: str
    line: str
    dialled_at: Timestamp
    employee: str | None = None
    answered_at: Timestamp | None = None
    risk: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """
    A client who is shown to an employee of a preview campaign, who decides. Nobody's phone rings for it.

    Attributes:
        employee: the key of the one who decides.
        number: which "Call" would dial. numbers: all of the client's; none of them is shown to anybody else.
        until: then the client goes back to the list.
    """

    campaign: CampaignId
    entry: EntryId
    employee: str
    number: str
    numbers: tuple[str, ...]
    since: Timestamp
    until: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNow:
    """
    Attributes:
        busy: calls on this line now, of everybody, on all PBXs.
        rests_until: the carrier refused calls, so the line rests.
        last_dialled_at: when a call was last begun on it. begun: how many were in the last second.
    """

    busy: int = 0
    is_up: bool = True
    rests_until: Timestamp | None = None
    last_dialled_at: Timestamp | None = None
    begun: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """
    What is known of clients beyond the campaign.

    Attributes:
        do_not_call: numbers (E.164) of the office's list.
        talking: numbers in a call with the office now, in either direction.
        dialled: numbers that ring now, whoever dials them: another campaign, an employee.
        called_in: numbers that called the office lately, and when that call ended.
        tries: of each entry's numbers in all campaigns of the office, oldest first.
    """

    do_not_call: Collection[str] = frozenset()
    talking: Collection[str] = frozenset()
    dialled: Collection[str] = frozenset()
    called_in: Mapping[str, Timestamp] = field(default_factory=dict)
    tries: Mapping[EntryId, Sequence[Try]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """
    Attributes:
        entries: those at the head of the campaign's list, in the order in which they shall be dialled.
        offers: of all preview campaigns for which the same employees work.
    """

    employees: Sequence[EmployeeNow] = ()
    lines: Mapping[str, LineNow] = field(default_factory=dict)
    calls: Sequence[CallInFlight] = ()
    entries: Iterable[Entry] = ()
    clients: Clients = field(default_factory=Clients)
    offers: Sequence[Offer] = ()
