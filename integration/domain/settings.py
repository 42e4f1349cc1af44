"""What an administrator decides about an account, its lines and its people; immutable, without defaults of any CRM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from integration.domain.campaigns.pauses import CampaignPause
from integration.domain.ids import AccountId, Extension, ManagerId, PbxId, Timestamp
from integration.domain.numbers.numbering import DialRules, Numbering
from integration.domain.numbers.phone import bare_digits, match_key
from integration.domain.people.absence import Absence, Away, SaidBy, later


class CardMoment(StrEnum):
    """When the incoming card is shown (seed S4, "Показывать карточку контакта")."""

    NEVER = "never"
    RINGING = "ringing"
    ANSWER = "answer"


class PhoneType(StrEnum):
    SIP = "sip"  # a desk phone or a softphone
    WEB = "web"  # the phone in the CRM page


class AfterNoAnswer(StrEnum):
    """Where the call goes if the responsible did not answer (spec B2)."""

    ROUTE = "route"  # on through the PBX's own route
    MOBILE = "mobile"
    VOICEMAIL = "voicemail"
    GROUP = "group"


class CardField(StrEnum):
    """A block of the card in the browser. Name, number and state of the call are always there."""

    COMPANY = "company"
    RESPONSIBLE = "responsible"
    LINE = "line"
    NEXT_TASK = "next_task"  # the client's next open task in the CRM
    DEALS = "deals"
    LAST_CALLS = "last_calls"
    EMAIL = "email"


CARD_FIELDS = tuple(CardField)
"""The card's blocks in their order, where an account says nothing else."""


class NewClient(StrEnum):
    """What becomes of a number that nobody in the CRM has. Source: spec B6, seed S1."""

    AUTO = "auto"  # what the CRM itself makes: an entry of its inbox, a lead, a contact
    CONTACT = "contact"  # a contact at once, whatever the CRM itself would make
    DEAL = "deal"  # a contact with a deal
    LEAD = "lead"  # a lead, where the CRM's leads are persons; else a contact
    BY_HAND = "by_hand"  # nothing by itself; the card offers a contact
    NEVER = "never"  # nothing, and the card offers none


class MadeByHand(StrEnum):
    """What the card makes of an unknown number."""

    CONTACT = "contact"
    LEAD = "lead"  # where the CRM's leads are persons; else a contact


class NewClientOf(StrEnum):
    """Of which calls; of the others clients are made by hand."""

    ALL = "all"
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class LogTarget(StrEnum):
    """The feed into which a known client's call is written."""

    PERSON = "person"  # the contact's or company's; a CRM shows it in their deals' feeds as well
    DEAL = "deal"  # the only open deal's, as amoCRM itself chooses; without one the person's


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """One line. The others inherit from the account's default line. Source: seed S4, spec B1, B2, B7."""

    process: bool = True
    card: CardMoment = CardMoment.RINGING
    to_responsible: bool = True
    respect_working_day: bool = False  # pass over managers whose day in the CRM has not begun or has a break
    responsible_seconds: int = 10
    notice_before: str | None = None  # a sound the PBX can play, without suffix
    notice_no_answer: str | None = None
    after_no_answer: AfterNoAnswer = AfterNoAnswer.ROUTE
    group: str | None = None  # extension of the PBX's group or queue, for AfterNoAnswer.GROUP
    missed_responsible: ManagerId | None = None  # for missed calls of unknown callers
    outside_responsible: ManagerId | None = None  # for calls to employees outside the integration
    unknown_lookup_seconds: float = 0.0  # > 0: ask the CRM live about an unknown number, within this deadline
    reserve: str | None = None  # extension or number when Dozvon cannot decide (spec B12)
    transfer_changes_responsible: bool = False  # who is handed the call by hand becomes the client's responsible
    new_client: NewClient = NewClient.AUTO
    new_client_of: NewClientOf = NewClientOf.ALL
    missed_task: bool = True  # a task to call back after a missed call
    task_deadline_seconds: int = 3600
    calls_at_once: int = 0  # of everybody, beyond which no campaign begins one on this line; 0: no limit
    repeat_calls: bool = False  # clients whose call was missed, or who asked for one, are called until they are reached
    repeat_times: int = 3  # 1 to 5 (spec B11)
    repeat_interval_seconds: int = 600  # before each of these calls
    repeat_hours: str = "09:00-20:00"  # Monday to Friday by the client's time, as `campaigns.plan.read_spans` has them
    repeat_weekend_hours: str = ""  # empty: not at all
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Employee:
    """A PBX user joined to a CRM user (`manager` None: outside the integration)."""

    extension: Extension
    pbx: PbxId | None = None  # where the phone is; None: on the account's main PBX
    name: str = ""
    manager: ManagerId | None = None
    phone_type: PhoneType = PhoneType.SIP
    mobile: str | None = None
    is_absent: bool = False  # said by an administrator: no call is routed to this person, until further notice
    absent_until: Timestamp | None = None  # the same with an end, after which calls come again

    @property
    def key(self) -> str:
        """Unique in an account, whose PBXs may have the same extension: `101`, or `branch/101` on the PBX `branch`."""
        return self.extension if self.pbx is None else f"{self.pbx}/{self.extension}"

    def absence(self, now: Timestamp) -> Absence | None:
        """What an administrator has said. None: this person is here."""
        if self.is_absent:
            return Absence(by=SaidBy.ADMINISTRATOR)
        if self.absent_until is not None and now < self.absent_until:
            return Absence(by=SaidBy.ADMINISTRATOR, until=self.absent_until)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """
    Whom an administrator wants to be added, and with which extensions of the main PBX.

    Attributes:
        groups: keys of the CRM's groups (`ManagerGroup.key`).
        first, last: the range of extensions, both of the same length.
    """

    groups: tuple[str, ...] = ()
    first: str = ""
    last: str = ""


def rehomed(phone: Employee, before: Sequence[PbxId], now: Sequence[PbxId]) -> Employee:
    """
    The same phone after a change of the account's PBXs. If another PBX is now the main one, a phone on the former main
    PBX stays there. A new main PBX that the account did not have before takes over the people of the former one.

    Args:
        before: the PBXs when the phone was stored, the main one first; empty: not known. `now` likewise.
    """
    if not before or not now or before[0] == now[0]:
        return phone
    if phone.pbx == now[0]:
        return replace(phone, pbx=None)
    is_another = now[0] in before or before[0] in now
    return replace(phone, pbx=before[0]) if phone.pbx is None and is_another else phone


_ZONES = {
    "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "BY": "Europe/Minsk", "KZ": "Asia/Almaty", "UZ": "Asia/Tashkent",
    "KG": "Asia/Bishkek", "AM": "Asia/Yerevan", "AZ": "Asia/Baku", "GE": "Asia/Tbilisi", "MD": "Europe/Chisinau",
}  # fmt: skip
"""Time zones of countries that have one; for Russia the capital's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickRules:
    """What clicks of managers may dial, and how often. Emergency numbers are always dialled."""

    per_minute: int = 15  # of one manager; a person who works through a list makes about five
    account_per_minute: int = 120
    premium: bool = False
    satellite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """Everything that decisions about one account read. Built by the settings service; never changed in place."""

    account: AccountId
    name: str = ""  # as people call the office; empty: its id
    country: str = "RU"  # ISO 3166: how numbers of the country are read
    dial: DialRules = field(default_factory=DialRules)  # how the office dials
    language: str = "ru"
    time_zone: str = ""  # IANA, of the times in texts for people; empty: the country's
    enabled: bool = True
    only_for: frozenset[ManagerId] | None = None  # it is on for these managers alone; None: for everybody
    default_line: LineSettings = field(default_factory=LineSettings)
    lines: dict[str, LineSettings] = field(default_factory=dict)  # by DID as the PBX shows it, digits only
    employees: tuple[Employee, ...] = ()
    campaign_pauses: dict[str, CampaignPause] = field(default_factory=dict)  # by `Employee.key`
    away: dict[ManagerId, Away] = field(default_factory=dict)  # what managers have said about themselves
    group_rule: GroupRule = field(default_factory=GroupRule)  # whom the page of people proposes to add
    active_managers: frozenset[ManagerId] | None = None  # who can work in the CRM; None: it was never asked
    inactive_managers: frozenset[ManagerId] = frozenset()  # for the previous release, which does not know deleted users
    default_responsible: ManagerId | None = None  # when no rule names anybody
    log_to: LogTarget = LogTarget.PERSON
    made_by_hand: MadeByHand = MadeByHand.CONTACT
    never_clients: tuple[str, ...] = ()  # numbers as people write them, of which no client is ever made
    card_fields: tuple[CardField, ...] = CARD_FIELDS  # the blocks of the card, in their order; others are not shown
    crm_administrators: bool = False  # the CRM's administrators may sign in to this office without being tied
    clicks: ClickRules = field(default_factory=ClickRules)
    call_results: tuple[str, ...] | None = None  # names that managers choose from; None: the language's usual ones
    pbxs: tuple[PbxId, ...] = ()  # whose calls may belong to it, the main one first; empty: stored by an older release

    @property
    def numbering(self) -> Numbering:
        """The country and the dialling rules, for reading and dialling numbers."""
        return _numbering(self.country, self.dial)

    @property
    def zone(self) -> str:
        """The office's time zone by its IANA name."""
        return self.time_zone or _ZONES.get(self.country, "UTC")

    def line_key(self, did: str | None) -> str | None:
        """
        The key in `lines` of the line that a call came to; None for the default line. Never raises.

        Carriers show one line as `74950000001`, `84950000001` or `4950000001`: if no line has exactly these digits, the
        line with the same last ten digits is used.
        """
        shown = bare_digits(did, self.numbering)
        digits = shown.digits if shown else ""
        if digits in self.lines:
            return digits
        key = match_key(digits, self.numbering)
        return next((d for d in self.lines if key and match_key(d, self.numbering) == key), None)

    def line(self, did: str | None) -> LineSettings:
        """The settings of the line that a call came to; the default line's for others. Never raises."""
        key = self.line_key(did)
        return self.lines[key] if key is not None else self.default_line

    def is_active(self, manager: ManagerId) -> bool:
        """Whether this user exists in the CRM and can work there. A user missing in the CRM's list was deleted."""
        if self.active_managers is not None:
            return manager in self.active_managers
        return manager not in self.inactive_managers

    def is_on_for(self, manager: ManagerId | None) -> bool:
        """Whether Dozvon works for this person; None, somebody outside the integration: only while it is for all."""
        return self.enabled and (self.only_for is None or manager in self.only_for)

    def stand_ins(self, did: str | None) -> tuple[ManagerId, ...]:
        """The replacements of a user who cannot be responsible: the account's default person, then the line's."""
        line = self.line(did)
        wanted = (self.default_responsible, line.missed_responsible, line.outside_responsible)
        return tuple(dict.fromkeys(each for each in wanted if each))

    def absence(self, employee: Employee, now: Timestamp) -> Absence | None:
        """Whether an employee is away now, by an administrator's word or by their own; None: they are here."""
        own = self.away.get(employee.manager) if employee.manager else None
        said = Absence(by=SaidBy.MANAGER, until=own.until) if own is not None and own.lasts(now) else None
        return later(employee.absence(now), said)

    def absence_of(self, manager: ManagerId, now: Timestamp) -> Absence | None:
        """Of a manager: they are away when none of their phones may ring. None: here, or without a phone."""
        found = [self.absence(each, now) for each in self.employees if each.manager == manager]
        return found[0] if found and all(found) else None

    def manager_of(self, extension: str | None) -> ManagerId | None:
        return next((e.manager for e in self.employees if e.extension == extension), None)


@lru_cache(maxsize=1024)
def _numbering(country: str, dial: DialRules) -> Numbering:
    """One value for each office, because readings are cached by it."""
    return Numbering(country, dial)
