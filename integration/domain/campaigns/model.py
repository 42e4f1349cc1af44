"""The words of auto-dial campaigns: campaign, entry, attempt, and what comes of an attempt. No rule is decided here.

An *entry* is one client in a list, with their numbers in the order of the card. An *attempt* dials one number once: it
is written before the PBX is asked, and its outcome afterwards. Source: issue "Auto-dial campaigns", spec G1 to G8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from integration.domain.campaigns.windows import Windows
from integration.domain.crm.entities import EntityRef
from integration.domain.ids import AccountId, AttemptId, CallId, CampaignId, EntryId, ManagerId, PbxId, Timestamp

LEAST_RING_SECONDS = 15
"""A shorter ring is refused: clients must have time to answer (FTC 16 CFR 310.4(b)(4)(ii), a good rule anywhere)."""

MOST_RING_SECONDS = 60
LEAST_PREVIEW_SECONDS, USUAL_PREVIEW_SECONDS, MOST_PREVIEW_SECONDS = 15, 120, 1800
HIGHEST_CEILING = 0.05
"""Canada's, the highest share of abandoned calls that a regulator known to us allows."""


class Mode(StrEnum):
    """How a campaign dials."""

    PREVIEW = "preview"  # the employee sees the client and decides; their phone rings first
    PROGRESSIVE = "progressive"  # a free employee's phone rings first, then the client's: nobody is abandoned
    PREDICTIVE = "predictive"  # the client's phone rings first, for an employee who will probably be free
    VOICE = "voice"  # a recorded message; no employee


class CampaignState(StrEnum):
    DRAFT = "draft"  # never started
    RUNNING = "running"
    PAUSED = "paused"  # a person goes on with it
    STOPPED = "stopped"  # at once, by a person; can be resumed like a paused one
    FINISHED = "finished"  # no entry is left to dial; new entries open it again


class Outcome(StrEnum):
    """
    What came of an attempt. The PBX's part is read from the client's own leg; the raw codes are kept beside it.

    Source: reference "dialling", 4.3.
    """

    TALKED = "talked"  # an employee talked to the client
    PLAYED = "played"  # a voice campaign's message was played
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"  # the client declined
    UNREACHABLE = "unreachable"  # switched off, out of the network
    NO_SUCH_NUMBER = "no_such_number"
    MACHINE = "machine"  # voicemail or an announcement
    FAX = "fax"
    SILENT = "silent"  # answered and ended within seconds, without a word; counts as a live answer
    ABANDONED = "abandoned"  # a live answer, and no employee within two seconds
    CLIENT_LEFT = "client_left"  # the client hung up before those two seconds had passed: not abandoned
    TRUNK_FAILED = "trunk_failed"  # the carrier or the line, not the client: no attempt of theirs
    FORBIDDEN = "forbidden"  # the carrier does not allow this call or this caller id
    EMPLOYEE_FAILED = "employee_failed"  # the employee's phone did not answer: the client's never rang
    CANCELLED = "cancelled"  # ended by us before an answer
    NOT_DIALLED = "not_dialled"  # proved: the PBX never got it
    UNKNOWN = "unknown"  # the link was lost meanwhile and nothing tells what happened


LIVE = frozenset({Outcome.TALKED, Outcome.PLAYED, Outcome.SILENT, Outcome.ABANDONED})
"""Answered, and taken for a person: what the share of abandoned calls is counted from."""

REACHED = frozenset({Outcome.TALKED, Outcome.PLAYED})

NO_ATTEMPT = frozenset({Outcome.TRUNK_FAILED, Outcome.FORBIDDEN, Outcome.EMPLOYEE_FAILED, Outcome.NOT_DIALLED})
"""The client's phone did not ring, so none of the client's attempts is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedialRule:
    """
    What follows an outcome.

    Attributes:
        after_seconds: the number is not dialled again before; None: never again in this campaign.
        most: how often in this campaign this outcome of one number is followed by another try.
        other_part_of_day: the next try is in another part of the client's day (morning, afternoon, evening).
        next_day: the next try is not on the same day.
    """

    after_seconds: int | None = None
    most: int = 1
    other_part_of_day: bool = False
    next_day: bool = False


MINUTE, HOUR = 60, 3600
USUAL_REDIAL: Mapping[Outcome, RedialRule] = {
    Outcome.BUSY: RedialRule(after_seconds=7 * MINUTE, most=3),
    Outcome.NO_ANSWER: RedialRule(after_seconds=2 * HOUR, most=3, other_part_of_day=True),
    Outcome.SILENT: RedialRule(after_seconds=2 * HOUR, most=3, other_part_of_day=True),
    Outcome.CLIENT_LEFT: RedialRule(after_seconds=2 * HOUR, most=3, other_part_of_day=True),
    Outcome.CANCELLED: RedialRule(after_seconds=10 * MINUTE, most=3),
    Outcome.UNKNOWN: RedialRule(after_seconds=2 * HOUR, most=2),
    Outcome.REFUSED: RedialRule(after_seconds=12 * HOUR, most=1, next_day=True),
    Outcome.UNREACHABLE: RedialRule(after_seconds=90 * MINUTE, most=3),
    Outcome.NO_SUCH_NUMBER: RedialRule(after_seconds=12 * HOUR, most=1, next_day=True),
    Outcome.MACHINE: RedialRule(after_seconds=3 * HOUR, most=2, other_part_of_day=True),
    Outcome.ABANDONED: RedialRule(after_seconds=10 * MINUTE, most=1),
}
"""
By default; all of it can be changed. Outcomes that are missing are not tried again. A carrier's "no such number" is
believed when a second attempt on another day says the same.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRules:
    """
    Attributes:
        per_number, per_contact: in the whole campaign.
        number_per_day, contact_per_day: on one day of the client's time, in all campaigns of the office together.
        gap_seconds: between two attempts at one number, whatever the outcome; between two numbers of one contact the
            gap is `other_number_seconds`.
        after_call_in_seconds: a client who has called the office is left in peace for so long.
    """

    per_number: int = 5
    per_contact: int = 10
    number_per_day: int = 2
    contact_per_day: int = 4
    gap_seconds: int = 300
    other_number_seconds: int = 3  # source: seed S4
    after_call_in_seconds: int = 3600


class Owners(StrEnum):
    """Whose entries an employee gets."""

    ANYBODY = "anybody"
    RESPONSIBLE_FIRST = "responsible_first"  # the contact's responsible while they are free, else anybody
    RESPONSIBLE_ONLY = "responsible_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLine:
    """
    A line that the campaign may use.

    Attributes:
        key: unique in the office: `pbx/line`.
        most: calls at once on this line, by everybody; None: the PBX's own limit only.
        caller_id: what the client sees; None: what the PBX shows on this line.
        per_second: new calls a second that the carrier accepts.
    """

    key: str
    pbx: PbxId
    line: str
    most: int | None = None
    caller_id: str | None = None
    per_second: float = 1.0


class AfterTalk(StrEnum):
    """What an employee's result does with the entry."""

    DONE = "done"
    AGAIN = "again"  # at the time that was agreed, else as after no answer
    WRONG_NUMBER = "wrong_number"  # this number is struck out, the next one follows
    DO_NOT_CALL = "do_not_call"  # for the whole office, at once


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkResult:
    """A result that an employee may choose after a talk. `key` is stored; `name` is the office's own word."""

    key: str
    name: str
    then: AfterTalk = AfterTalk.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """
    What the office has decided about a campaign.

    Attributes:
        members: keys of employees (`Employee.key`); groups are already resolved.
        windows: when clients may be dialled, by the client's time.
        office_zone: IANA; the zone of "today" in the ledger.
        ceiling: highest share of abandoned among live answers, 0 to 0.05. Holds for every single day and for
            `measured_days` together.
        priority: a higher one gets free employees first.
        least_team: the predictive mode needs so many employees at work. With fewer, chance alone breaks the ceiling or
            leaves nothing to gain: then one call is dialled for each free employee.
        max_calls: calls of this campaign at once; None: what its lines allow.
        stand_ins: keys of employees who call instead of a responsible who is not at work, in this order; None: `owners`
            says who calls. Of callbacks only.
        preview_seconds: so long a client is kept for the employee to whom they are shown.
    """

    id: CampaignId
    account: AccountId
    name: str
    mode: Mode
    state: CampaignState = CampaignState.DRAFT
    lines: tuple[CampaignLine, ...] = ()
    members: tuple[str, ...] = ()
    owners: Owners = Owners.RESPONSIBLE_FIRST
    windows: Windows = field(default_factory=Windows)
    office_zone: str = "UTC"
    attempts: AttemptRules = field(default_factory=AttemptRules)
    redial: Mapping[Outcome, RedialRule] = field(default_factory=lambda: USUAL_REDIAL)
    results: tuple[TalkResult, ...] = ()
    ring_seconds: int = 25
    ceiling: float = 0.03
    measured_days: int = 30
    priority: int = 0
    least_team: int = 5
    max_calls: int | None = None
    stand_ins: tuple[str, ...] | None = None
    preview_seconds: int = USUAL_PREVIEW_SECONDS


class EntryState(StrEnum):
    OPEN = "open"  # to be dialled, from `due_at` on
    TAKEN = "taken"  # an attempt is on its way
    REACHED = "reached"
    NOT_REACHED = "not_reached"  # every number is struck out, or the attempts are used up
    DO_NOT_CALL = "do_not_call"
    REMOVED = "removed"  # by a person


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryNumber:
    """
    One number of an entry.

    Attributes:
        e164: `+79161234567`; what makes two spellings one number.
        zones: the IANA zones in which the client may be, by the best evidence; empty: unknown.
        struck: it is not dialled any more in this campaign.
    """

    e164: str
    zones: tuple[str, ...] = ()
    struck: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One client in a campaign. The same number in two contacts is one entry with both `refs`.

    Attributes:
        numbers: in the order of the card.
        responsible: the manager in the CRM.
        due_at: not dialled before; None: at once. Agreed call-backs have `agreed_with` as well.
        agreed_with: key of the employee who promised to call back.
        position: order in the list, after `priority`.
        card: of the CRM, from which the numbers are, and which they follow; None: from elsewhere, and they stay.
        removed_why: a `WhyRemoved`; None: a person has removed it, or nobody.
    """

    id: EntryId
    campaign: CampaignId
    numbers: tuple[EntryNumber, ...]
    name: str = ""
    refs: tuple[EntityRef, ...] = ()
    responsible: ManagerId | None = None
    state: EntryState = EntryState.OPEN
    due_at: Timestamp | None = None
    agreed_with: str | None = None
    priority: int = 0
    position: int = 0
    card: EntityRef | None = None
    removed_why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A past attempt, as far as the rules need it. `outcome` None: it is still on its way."""

    campaign: CampaignId
    entry: EntryId
    number: str
    at: Timestamp
    outcome: Outcome | None = None


class AttemptState(StrEnum):
    WRITTEN = "written"  # in the journal; the PBX has not been asked
    SENT = "sent"  # the PBX was asked; it may ring
    ENDED = "ended"  # with an outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """
    One row of the journal. `id` names the PBX's channel, so it is never used for a second call.

    Attributes:
        fence: of the lease under which it was written: a process with an older one can neither write nor send.
        employee: key of the employee for whom it is dialled; None: whoever is free at the answer.
        zone: the zone by which the window was open, kept as proof.
        answered_at, connected_at: of the client's leg, and when an employee was on the line.
        call: the call in Dozvon, once the PBX has named it.
        cause, code: as the PBX reported them (Q.850; SIP), for whoever doubts the outcome.
    """

    id: AttemptId
    campaign: CampaignId
    entry: EntryId
    number: str
    line: str
    fence: int
    mode: Mode
    written_at: Timestamp
    employee: str | None = None
    zone: str = ""
    state: AttemptState = AttemptState.WRITTEN
    sent_at: Timestamp | None = None
    answered_at: Timestamp | None = None
    connected_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    outcome: Outcome | None = None
    call: CallId | None = None
    cause: int | None = None
    code: int | None = None
