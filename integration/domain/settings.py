"""What an administrator decides about an account, its lines and its people; immutable, without defaults of any CRM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from integration.domain.ids import AccountId, Extension, ManagerId, PbxId
from integration.domain.numbers.numbering import DialRules, Numbering
from integration.domain.numbers.phone import bare_digits, match_key


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
    responsible_seconds: int = 10
    notice_before: str | None = None  # a sound the PBX can play, without suffix
    notice_no_answer: str | None = None
    after_no_answer: AfterNoAnswer = AfterNoAnswer.ROUTE
    group: str | None = None  # extension of the PBX's group or queue, for AfterNoAnswer.GROUP
    missed_responsible: ManagerId | None = None  # for missed calls of unknown callers
    outside_responsible: ManagerId | None = None  # for calls to employees outside the integration
    unknown_lookup_seconds: float = 0.0  # > 0: ask the CRM live about an unknown number, within this deadline
    reserve: str | None = None  # extension or number when Dozvon cannot decide (spec B12)
    missed_task: bool = True  # a task to call back after a missed call
    task_deadline_seconds: int = 3600
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
    is_absent: bool = False  # set by hand: no call is routed to this person

    @property
    def key(self) -> str:
        """Unique in an account, whose PBXs may have the same extension: `101`, or `branch/101` on the PBX `branch`."""
        return self.extension if self.pbx is None else f"{self.pbx}/{self.extension}"


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
    default_line: LineSettings = field(default_factory=LineSettings)
    lines: dict[str, LineSettings] = field(default_factory=dict)  # by DID as the PBX shows it, digits only
    employees: tuple[Employee, ...] = ()
    active_managers: frozenset[ManagerId] | None = None  # who can work in the CRM; None: it was never asked
    inactive_managers: frozenset[ManagerId] = frozenset()  # for the previous release, which does not know deleted users
    default_responsible: ManagerId | None = None  # when no rule names anybody
    log_to: LogTarget = LogTarget.PERSON
    clicks: ClickRules = field(default_factory=ClickRules)
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

    def stand_ins(self, did: str | None) -> tuple[ManagerId, ...]:
        """The replacements of a user who cannot be responsible: the account's default person, then the line's."""
        line = self.line(did)
        wanted = (self.default_responsible, line.missed_responsible, line.outside_responsible)
        return tuple(dict.fromkeys(each for each in wanted if each))

    def manager_of(self, extension: str | None) -> ManagerId | None:
        return next((e.manager for e in self.employees if e.extension == extension), None)


@lru_cache(maxsize=1024)
def _numbering(country: str, dial: DialRules) -> Numbering:
    """One value for each office, because readings are cached by it."""
    return Numbering(country, dial)
