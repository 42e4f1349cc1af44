"""What the campaigns of an account share: employees and their phones, lines, clients in calls, attempts on their way.

`look` reads it anew before the campaigns decide, in their order; each sees what the ones before it have begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from integration.domain.calls.call import Call, Direction, LegKind
from integration.domain.campaigns.model import Attempt, Campaign, Entry, Try
from integration.domain.campaigns.rests import LINE_SECONDS, PHONE_SECONDS, Rests
from integration.domain.campaigns.situation import CallInFlight, Clients, EmployeeNow, EmployeeState, LineNow, Offer
from integration.domain.campaigns.workforce import Absent, Phone, Worker, at_their_phones, engaged
from integration.domain.ids import AccountId, CallId, CampaignId, EntryId, Extension, ManagerId, PbxId, Timestamp
from integration.domain.numbers.phone import read_number
from integration.domain.people.working_day import WorkingDay, off_duty
from integration.domain.settings import Employee
from integration.ports.campaigns import AttemptJournal, DoNotCall
from integration.ports.clock import Clock
from integration.ports.own_lists import OwnLists
from integration.ports.records import WatchLog
from integration.ports.stores import CallStore, PhoneBook
from integration.services.accounts import Account
from integration.services.campaign_sounds import CampaignReceptions
from integration.services.cluster.live_calls import LiveCalls
from integration.services.extensions import KnownExtensions
from integration.services.offers import OfferPress, Offers

_NEVER = Timestamp(0.0)
_CALLED_IN_SECONDS = 3600.0  # a client who called is left in peace for so long (`AttemptRules.after_call_in_seconds`)
_OVERLAP_SECONDS = 10.0  # calls may be stored a moment after they ended
_UNSEEN_SECONDS = 1.0  # within this time the PBX shows that the phone rings to which a client was handed over
_LATELY_SECONDS = 60.0  # beginnings of calls that are remembered for the pace of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the facts come from, for all accounts of a process."""

    calls: CallStore
    live_calls: LiveCalls
    attempts: AttemptJournal
    do_not_call: DoNotCall
    phone_book: PhoneBook
    own_lists: OwnLists
    extensions: KnownExtensions
    days: Callable[[AccountId], Mapping[ManagerId, WorkingDay]]
    office_of: Callable[[AccountId], AccountId]
    accounts_of: Callable[[AccountId], list[AccountId]]
    clock: Clock
    receptions: CampaignReceptions
    watches: WatchLog
    offers: Offers


@dataclass(slots=True)
class _Link:
    """`up_since`: when this process first saw the link to a PBX up; None: it is down."""

    up_since: Timestamp | None = None


@dataclass(slots=True)
class Floor:
    """
    Attributes:
        now: of the last look.
        calls: in progress on the account's PBXs, by their id.
        attempts: on their way, of all campaigns.
        line_rests, phone_rests: by line and employee. offer_rests: of employees who let a client wait in vain.
        offers: clients who are shown to employees (by key) of the campaigns that this process dials
            (`dialled`). presses: what they have pressed and when, not carried out yet.
        wraps: until when an employee writes, by key.
        handed: clients who were given to an employee (by key) a moment ago, whose phone does not show it yet.
    """

    account: Account
    sources: Sources
    now: Timestamp = _NEVER
    calls: dict[CallId, Call] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    line_rests: Rests = field(default_factory=lambda: Rests(LINE_SECONDS))
    phone_rests: Rests = field(default_factory=lambda: Rests(PHONE_SECONDS))
    offer_rests: Rests = field(default_factory=lambda: Rests(PHONE_SECONDS))
    offers: dict[str, Offer] = field(default_factory=dict)
    presses: list[tuple[Timestamp, OfferPress]] = field(default_factory=list)
    dialled: set[CampaignId] = field(default_factory=set)
    wraps: dict[str, Timestamp] = field(default_factory=dict)
    handed: dict[CallId, tuple[str, Timestamp]] = field(default_factory=dict)
    _states: dict[str, EmployeeNow] = field(default_factory=dict)
    _away: dict[str, Absent] = field(default_factory=dict)
    _engaged: Mapping[Phone, tuple[EmployeeState, Timestamp]] = field(default_factory=dict)
    _at_own_lists: frozenset[ManagerId] = frozenset()
    _phones: dict[Phone, bool | None] = field(default_factory=dict)  # whether it is registered
    _links: dict[PbxId, _Link] = field(default_factory=dict)
    _called_in: dict[str, Timestamp] = field(default_factory=dict)
    _called_in_until: Timestamp | None = None
    _begun: dict[str, list[Timestamp]] = field(default_factory=dict)

    async def look(self) -> None:
        """Read everything anew. Raises: Unavailable."""
        self.now = self.sources.clock.now()
        self.calls = {call.id: call for call in await self.sources.live_calls.on_its_pbxs(self.account)}
        self._engaged = engaged(self.calls.values(), self.now)
        self.attempts = await self.sources.attempts.under_way(self.account.id)
        self._at_own_lists = await self.sources.own_lists.at_work(self.account.id)
        await self._look_who_called()
        self._look_at_links()
        self.wraps = {key: until for key, until in self.wraps.items() if until > self.now}

    async def look_at_phones(self) -> None:
        """Ask the PBXs which phones are registered; they are asked once in fifteen seconds. Never raises."""
        found = await self.sources.extensions.of(self.account)
        main = next(iter(self.account.pbxs), None)
        if main is not None:
            self._phones = {(user.pbx or main, user.extension): user.is_registered for user in found.users}

    # ---- calls

    async def call_of(self, attempt: Attempt) -> Call | None:
        """The call of an attempt, live or over. Raises: Unavailable."""
        call = None if attempt.call is None else await self._call(attempt.call)
        for _ in range(5):  # joined to another call: that one goes on
            if call is None or call.merged_into is None:
                break
            call = await self._call(call.merged_into)
        return call

    async def _call(self, call_id: CallId) -> Call | None:
        live = self.calls.get(call_id)
        return live if live is not None else await self.sources.calls.get(self.account.id, call_id)

    def in_flight(self) -> list[CallInFlight]:
        """Attempts of campaigns on their way; without those of clients who were dialled ahead and have an employee
        now. Those who are given to one, or for whom one is rung, need nobody else. A manager's own list has no line,
        and its calls show at the manager's phone."""
        self.forget_handed()
        found = []
        for each in self.attempts:
            if not each.line:
                continue
            call = self.calls.get(each.call) if each.call is not None else None
            legs = call.legs if call is not None and each.employee is None else ()
            if any(leg.kind is LegKind.EXTENSION and leg.answered_at is not None for leg in legs):
                continue
            answers = [leg.answered_at for leg in legs if leg.kind is LegKind.EXTERNAL and leg.answered_at is not None]
            found.append(
                CallInFlight(
                    attempt=each.id,
                    campaign=each.campaign,
                    entry=each.entry,
                    number=each.number,
                    line=each.line,
                    dialled_at=each.sent_at or each.written_at,
                    employee=each.employee or self._given_to(call),
                    answered_at=answers[0] if answers else None,
                )
            )
        return found

    def _given_to(self, call: Call | None) -> str | None:
        """Who is about to get a client that was dialled for nobody in particular."""
        if call is None:
            return None
        if call.id in self.handed:
            return self.handed[call.id][0]
        rung = [leg for leg in call.legs if leg.kind is LegKind.EXTENSION and leg.ended_at is None]
        return self.employee_at(call.pbx, rung[-1].target) if rung else None

    def forget_handed(self) -> None:
        """Whoever was given a client some time ago has a phone that rings, or the client waits again."""
        now = self.sources.clock.now()
        self.handed = {call: given for call, given in self.handed.items() if now - given[1] < _UNSEEN_SECONDS}

    def link_up_since(self, pbx: PbxId) -> Timestamp | None:
        """Since when this process has seen the link up; None: it is down, or the PBX is gone."""
        link = self._links.get(pbx)
        return link.up_since if link is not None else None

    def _look_at_links(self) -> None:
        for key, pbx in self.account.pbxs.items():
            link = self._links.setdefault(key, _Link())
            if not pbx.is_connected:
                link.up_since = None
            elif link.up_since is None:
                link.up_since = self.now
        for gone in self._links.keys() - self.account.pbxs.keys():
            del self._links[gone]

    # ---- employees

    def employees(self) -> list[EmployeeNow]:
        """Everybody with a phone, as the calls and their own word have it."""
        workers = [self._worker(each) for each in self.account.settings.employees]
        self._away = {each.key: each.absent for each in workers if each.absent is not None}
        self._states = at_their_phones(workers, self._engaged, self._states, self.now)
        return list(self._states.values())

    def absent(self, key: str) -> Absent | None:
        """Why this employee gets no call, apart from calls; of the last `employees()`."""
        return self._away.get(key)

    def phone_of(self, key: str) -> Extension | None:
        """The extension of an employee; None: there is no such employee any more."""
        return next((each.extension for each in self.account.settings.employees if each.key == key), None)

    def pbx_of(self, key: str) -> PbxId | None:
        """The PBX of an employee's phone."""
        found = next((each for each in self.account.settings.employees if each.key == key), None)
        return self.account.pbx_of(found) if found is not None else None

    def employee_at(self, pbx: PbxId, extension: str | None) -> str | None:
        """Whose phone it is."""
        people = self.account.settings.employees
        return next(
            (each.key for each in people if each.extension == extension and self.account.pbx_of(each) == pbx), None
        )

    def _worker(self, employee: Employee) -> Worker:
        return Worker(
            key=employee.key,
            phone=(self.account.pbx_of(employee), employee.extension),
            manager=employee.manager,
            absent=self._absent(employee),
            wraps_until=self.wraps.get(employee.key),
        )

    def _absent(self, employee: Employee) -> Absent | None:
        settings, pbx = self.account.settings, self.account.pbx_of(employee)
        if not settings.is_on_for(employee.manager):
            return Absent.SWITCHED_OFF
        if employee.manager is not None and not settings.is_active(employee.manager):
            return Absent.SWITCHED_OFF
        if settings.absence(employee, self.now) is not None:
            return Absent.AWAY
        days = self.sources.days(self.account.id)
        if employee.manager is not None and off_duty(employee.manager, days.get(employee.manager)) is not None:
            return Absent.OFF_DUTY
        if employee.key in settings.campaign_pauses:  # what people decided goes before what machines do
            return Absent.ON_PAUSE
        if self.link_up_since(pbx) is None:
            return Absent.NO_LINK
        if self._phones.get((pbx, employee.extension)) is False:
            return Absent.NOT_REGISTERED
        if self.phone_rests.until(employee.key, self.now) is not None:
            return Absent.PHONE_FAILED
        if self.offer_rests.until(employee.key, self.now) is not None:
            return Absent.OFFER_MISSED
        return Absent.OWN_LIST if employee.manager in self._at_own_lists else None

    # ---- lines

    def lines(self, campaign: Campaign) -> dict[str, LineNow]:
        busy = self._busy_lines()
        found = {}
        for line in campaign.lines:
            begun = [at for at in self._begun.get(line.key, ()) if at > self.now - _LATELY_SECONDS]
            self._begun[line.key] = begun
            found[line.key] = LineNow(
                busy=busy[line.line],
                is_up=self.link_up_since(line.pbx) is not None,
                rests_until=self.line_rests.until(line.key, self.now),
                last_dialled_at=begun[-1] if begun else None,
                begun=sum(at > self.now - 1.0 for at in begun),
            )
        return found

    def _busy_lines(self) -> Counter[str]:
        """The calls of everybody, by line; those of no named line under the empty one."""
        dialled = [each for each in self.attempts if each.line]
        found = Counter(each.line.rpartition("/")[2] for each in dialled)
        counted = {each.call for each in dialled}
        lines = list(self.account.settings.lines)
        for call in self.calls.values():
            if call.id in counted or call.merged_into is not None or call.direction is Direction.INTERNAL:
                continue
            line = self.account.settings.line_key(call.line) if call.line is not None else None
            if line is None and not call.elsewhere:  # the PBX alone knows by which line an employee calls out
                line = lines[0] if call.direction is Direction.OUTBOUND and len(lines) == 1 else ""
            if line is not None:
                found[line] += 1
        return found

    def began(self, attempt: Attempt) -> None:
        """An attempt was written: those who decide next must see it."""
        self.attempts.append(attempt)
        self._begun.setdefault(attempt.line, []).append(self.now)

    # ---- clients

    async def clients(self, entries: Sequence[Entry]) -> Clients:
        """What is known of these clients. Raises: Unavailable."""
        numbers = list(dict.fromkeys(number.e164 for entry in entries for number in entry.numbers))
        account, office = self.account.id, self.sources.office_of(self.account.id)
        tries = await self.sources.attempts.tries(
            account, numbers=numbers, entries=[entry.id for entry in entries], since=Timestamp(0.0)
        )
        return Clients(
            do_not_call=await self.sources.do_not_call.among(office, numbers),
            talking=frozenset(self._numbers_of(self.calls.values())),
            dialled=frozenset(attempt.number for attempt in self.attempts),
            called_in=self._called_in,
            tries=_by_entry(entries, tries),
        )

    async def _look_who_called(self) -> None:
        """Remember clients whose calls to the office have ended lately."""
        oldest = Timestamp(self.now - _CALLED_IN_SECONDS)
        since = oldest if self._called_in_until is None else Timestamp(self._called_in_until - _OVERLAP_SECONDS)
        for call in await self.sources.calls.ended_since(self.account.id, since):
            if call.direction is Direction.INBOUND and call.ended_at is not None:
                for number in self._numbers_of([call]):
                    self._called_in[number] = Timestamp(max(call.ended_at, self._called_in.get(number, 0.0)))
        self._called_in = {number: at for number, at in self._called_in.items() if at > oldest}
        self._called_in_until = self.now

    def _numbers_of(self, calls: Iterable[Call]) -> Iterable[str]:
        numbering = self.account.settings.numbering
        for call in calls:
            number = read_number(call.client_number, numbering) if call.client_number is not None else None
            if number is not None:
                yield number.e164


def line_key(pbx: PbxId, line: str) -> str:
    """`CampaignLine.key`; `line` empty: what the PBX takes."""
    return f"{pbx}/{line}"


def _by_entry(entries: Sequence[Entry], tries: Sequence[Try]) -> dict[EntryId, list[Try]]:
    """The tries of each entry, and at its numbers in other campaigns; the oldest first."""
    of_number: dict[str, list[Try]] = {}
    of_entry: dict[EntryId, list[Try]] = {}
    for each in tries:
        of_number.setdefault(each.number, []).append(each)
        of_entry.setdefault(each.entry, []).append(each)
    found = {}
    for entry in entries:
        own = {id(each): each for each in of_entry.get(entry.id, ())}
        for number in entry.numbers:
            own |= {id(each): each for each in of_number.get(number.e164, ())}
        found[entry.id] = sorted(own.values(), key=lambda each: each.at)
    return found
