"""What a dialler never does, whatever happens: two campaigns, employees who come and go, clients who call in.

The machine plays an office and asks the policy every few seconds. Each "never" is checked here in its own words, from
what was really dialled, not from what the policy believes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from integration.domain.campaigns.decide import Dial, decide, employee_for
from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.ledger import Ledger
from integration.domain.campaigns.model import (
    NO_ATTEMPT,
    AttemptRules,
    Campaign,
    CampaignLine,
    Entry,
    EntryNumber,
    EntryState,
    Mode,
    Outcome,
    Owners,
    RedialRule,
    Try,
)
from integration.domain.campaigns.offers import called, looked_at, offered
from integration.domain.campaigns.redial import after
from integration.domain.campaigns.situation import (
    CallInFlight,
    Clients,
    EmployeeNow,
    EmployeeState,
    LineNow,
    Offer,
    Situation,
)
from integration.domain.campaigns.windows import Span, UnknownZone, Windows, day_of
from integration.domain.ids import AttemptId, CampaignId, EntryId, ManagerId, PbxId, Timestamp
from tests.unit.campaign_scene import MOSCOW, at, campaign

ZONES = [(MOSCOW,), ("Asia/Yekaterinburg",), ("Asia/Kamchatka",), ("Europe/Kaliningrad", "Asia/Vladivostok"), ()]
NUMBERS = [f"+7495000000{n}" for n in range(8)]
LINES = (
    CampaignLine(key="pbx/1", pbx=PbxId("pbx"), line="1", most=2, per_second=1.0),
    CampaignLine(key="pbx/2", pbx=PbxId("pbx"), line="2", most=3, per_second=2.0),
    CampaignLine(key="branch/2", pbx=PbxId("branch"), line="2", most=3, per_second=2.0),  # the same line of the carrier
)
NUMBER_OF = {line.key: line.line for line in LINES}
RULES = AttemptRules(per_number=3, per_contact=4, number_per_day=2, contact_per_day=3, gap_seconds=120)
EVERY_DAY = ((Span(9 * 60, 20 * 60),),) * 7
PEOPLE = 6
OWN_STATES = [EmployeeState.FREE, EmployeeState.GONE, EmployeeState.PAUSED, EmployeeState.WRAPPING]
ENDS = st.sampled_from([each for each in Outcome if each not in (Outcome.TALKED, Outcome.ABANDONED)])


class Office(RuleBasedStateMachine):
    @initialize(
        mode=st.sampled_from(list(Mode)),
        other=st.sampled_from(list(Mode)),
        owners=st.sampled_from(list(Owners)),
        unknown=st.sampled_from(list(UnknownZone)),
        hour=st.sampled_from([3, 9, 10, 10, 10, 12, 19]),
        lists=st.lists(st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)), min_size=12, max_size=12),
    )
    def begin(
        self, mode: Mode, other: Mode, owners: Owners, unknown: UnknownZone, hour: int, lists: list[tuple[str, str]]
    ) -> None:
        self.now = at(f"2026-11-30T{hour:02}:00")
        windows = Windows(week=EVERY_DAY, unknown_zone=unknown)
        redial = {outcome: RedialRule(after_seconds=60, most=9) for outcome in Outcome}
        first = campaign(
            redial=redial, mode=mode, owners=owners, windows=windows, lines=LINES, attempts=RULES, least_team=2
        )
        second = replace(first, id=CampaignId("winter"), mode=other, max_calls=2)
        self.campaigns = {each.id: each for each in (first, second)}
        self.ledgers = {key: Ledger() for key in self.campaigns}
        self.estimates = {key: Estimates() for key in self.campaigns}
        self.team = {
            str(100 + n): EmployeeNow(
                key=str(100 + n), state=EmployeeState.FREE, since=self.now, manager=ManagerId(str(n))
            )
            for n in range(PEOPLE)
        }
        self.entries: dict[EntryId, Entry] = {}
        self.tries: list[Try] = []
        self.calls: dict[AttemptId, CallInFlight] = {}
        self.lines = {line.key: LineNow() for line in LINES}
        self.foreign = 0  # calls of others on the first line
        self.do_not_call: set[str] = set()
        self.talking: dict[str, str] = {}  # number -> employee
        self.called_in: dict[str, Timestamp] = {}
        self.begun: list[tuple[float, str]] = []
        self.offers: dict[str, Offer] = {}  # by employee
        self.numbered = 0
        for place, numbers in enumerate(lists):
            zones = (MOSCOW,) if place % 3 else ZONES[place % len(ZONES)]
            self.an_entry_is_added(list(dict.fromkeys(numbers)), zones, "winter" if place % 4 == 3 else "autumn", place)

    # ---- the policy is asked ---------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.3, 1.0, 5.0, 125.0]))
    def ask(self, seconds: float) -> None:
        self.now = Timestamp(self.now + seconds)
        for each in self.campaigns.values():
            self.ask_for(each)

    def ask_for(self, one: Campaign) -> None:
        head = sorted(
            (each for each in self.entries.values() if each.campaign == one.id and each.state is EntryState.OPEN),
            key=lambda each: (-each.priority, each.id),
        )
        said = decide(one, self.situation(head), self.estimates[one.id], self.ledgers[one.id], self.now)
        assert said.hold.code
        for dial in said.dial:
            self.check(one, dial)
            if one.mode is not Mode.PREVIEW:
                self.begin_call(one, dial)
                self.check_line(dial.line)
                continue
            for offer in offered(one, [dial], self.entries, self.now):
                assert offer.employee not in self.offers, "decides about somebody else"
                self.offers[offer.employee] = offer
        self.check_pace(one, said.dial)

    @rule()
    def offers_are_looked_at(self) -> None:
        for one in self.campaigns.values():
            open_ = {offer.entry: self.entries[offer.entry] for offer in self.offers.values()}
            looked = looked_at(one, open_, self.situation(list(open_.values())), self.now)
            for offer in (*looked.missed, *looked.withdrawn):
                del self.offers[offer.employee]
            for offer in looked.kept:
                self.check_client(one, self.entries[offer.entry], offer.number)
                assert self.team[offer.employee].state is EmployeeState.FREE
                assert self.now < offer.until

    @rule(data=st.data(), calls=st.booleans())
    def an_employee_decides(self, data: st.DataObject, calls: bool) -> None:
        """Whatever has happened since the client was shown."""
        if not self.offers:
            return
        offer = self.offers[data.draw(st.sampled_from(sorted(self.offers)))]
        one, entry = self.campaigns[offer.campaign], self.entries[offer.entry]
        if not calls:
            del self.offers[offer.employee]
            return
        said = called(one, offer, entry, self.situation([entry]), self.now)
        if not isinstance(said, Dial):
            assert said.code
            return
        assert (said.entry, said.number, said.employee) == (offer.entry, offer.number, offer.employee)
        del self.offers[offer.employee]
        self.check(one, said)
        self.begin_call(one, said)
        self.check_line(said.line)

    def situation(self, head: list[Entry]) -> Situation:
        tries = {
            entry.id: [t for t in self.tries if t.entry == entry.id or t.number in {n.e164 for n in entry.numbers}]
            for entry in head
        }
        busy = Counter(NUMBER_OF[call.line] for call in self.calls.values())
        others = Counter({"1": self.foreign, "2": len(self.talking)})
        lines = {
            key: replace(
                state,
                busy=busy[NUMBER_OF[key]] + others[NUMBER_OF[key]],
                begun=sum(line == key and self.now - when < 1.0 for when, line in self.begun),
            )
            for key, state in self.lines.items()
        }
        clients = Clients(
            do_not_call=self.do_not_call, talking=set(self.talking), called_in=self.called_in, tries=tries
        )
        return Situation(
            employees=list(self.team.values()), lines=lines, calls=list(self.calls.values()), entries=head,
            clients=clients, offers=list(self.offers.values()),
        )  # fmt: skip

    def check(self, one: Campaign, dial: Dial) -> None:
        """Everything that must be true of a call at the moment when it is dialled, or shown to be dialled."""
        entry = self.entries[dial.entry]
        self.check_client(one, entry, dial.number)
        own_numbers = {each.e164 for each in entry.numbers}
        assert not any(own_numbers & set(offer.numbers) for offer in self.offers.values()), "is shown to somebody"
        assert dial.employee not in self.offers, "looks at another client"
        if one.mode in (Mode.PREVIEW, Mode.PROGRESSIVE) or dial.employee is not None:
            assert dial.employee is not None
            assert self.team[dial.employee].state is EmployeeState.FREE
            assert dial.employee not in {call.employee for call in self.calls.values()}
        if one.owners is Owners.RESPONSIBLE_ONLY and one.mode is not Mode.VOICE:
            assert dial.employee is not None
            assert self.team[dial.employee].manager == entry.responsible

    def check_client(self, one: Campaign, entry: Entry, number: str) -> None:
        """A client who may be called now."""
        now = self.now
        assert entry.state is EntryState.OPEN
        assert number not in self.do_not_call
        own_numbers = {each.e164 for each in entry.numbers}
        assert not own_numbers & set(self.talking), "talks to us now"
        assert not own_numbers & {call.number for call in self.calls.values()}, "is being dialled"
        assert all(now - self.called_in.get(each, -1e12) >= RULES.after_call_in_seconds for each in own_numbers)
        self.check_attempts(one, entry, number)
        zones = next(each.zones for each in entry.numbers if each.e164 == number)
        if len(zones) != 1:
            assert one.windows.unknown_zone is not UnknownZone.NEVER
            if one.windows.unknown_zone is UnknownZone.SAFE:
                assert zones, "an unknown zone is not dialled"
            else:
                zones = (MOSCOW,)
        for zone in zones:
            for moment in (now, now + one.ring_seconds):
                local = datetime.fromtimestamp(moment, ZoneInfo(zone))
                assert 9 * 3600 <= local.hour * 3600 + local.minute * 60 + local.second <= 20 * 3600

    def check_line(self, key: str) -> None:
        """A call was just begun here, so the line had room for it beside the calls of others."""
        most = next(line.most for line in LINES if line.key == key)
        others = self.foreign if key == "pbx/1" else len(self.talking)
        assert most is not None
        assert sum(NUMBER_OF[call.line] == NUMBER_OF[key] for call in self.calls.values()) + others <= most

    def check_attempts(self, one: Campaign, entry: Entry, number: str) -> None:
        rang = [t for t in self.tries if t.outcome not in NO_ATTEMPT]
        mine = [t for t in rang if t.campaign == one.id and t.entry == entry.id]
        assert len(mine) < RULES.per_contact
        assert sum(t.number == number for t in mine) < RULES.per_number
        zones = next(each.zones for each in entry.numbers if each.e164 == number)
        zone = zones[0] if len(zones) == 1 else MOSCOW
        today = [t for t in rang if day_of(t.at, zone) == day_of(self.now, zone)]
        assert sum(t.number == number for t in today) < RULES.number_per_day
        own_numbers = {each.e164 for each in entry.numbers}
        assert sum(t.number in own_numbers or t.entry == entry.id for t in today) < RULES.contact_per_day
        assert all(self.now - t.at >= RULES.gap_seconds for t in mine if t.number == number)

    def check_pace(self, one: Campaign, dials: tuple[Dial, ...]) -> None:
        if one.mode is not Mode.PREDICTIVE or not dials:
            return
        free = sum(each.state is EmployeeState.FREE for each in self.team.values())
        ledger = self.ledgers[one.id].of_day(day_of(self.now, MOSCOW))
        if sum(call.employee is None for call in self.calls.values()) > free:
            assert (ledger.abandoned + 1) <= one.ceiling * (ledger.live + 1)

    def begin_call(self, one: Campaign, dial: Dial) -> None:
        self.numbered += 1
        attempt = AttemptId(f"attempt-{self.numbered}")
        entry = self.entries[dial.entry]
        self.entries[dial.entry] = replace(entry, state=EntryState.TAKEN)
        self.tries.append(Try(campaign=one.id, entry=entry.id, number=dial.number, at=self.now))
        self.calls[attempt] = CallInFlight(
            attempt=attempt, campaign=one.id, entry=entry.id, number=dial.number, line=dial.line,
            dialled_at=self.now, employee=dial.employee, risk=dial.risk,
        )  # fmt: skip
        self.lines[dial.line] = replace(self.lines[dial.line], last_dialled_at=self.now)
        self.begun.append((self.now, dial.line))
        if dial.employee is not None:
            self.become(dial.employee, EmployeeState.RINGING)

    # ---- what happens ----------------------------------------------------------------------------------------------

    @rule(outcome=ENDS, data=st.data())
    def a_call_ends(self, outcome: Outcome, data: st.DataObject) -> None:
        if self.calls:
            call = self.calls[data.draw(st.sampled_from(sorted(self.calls)))]
            self.end(call, outcome)
            if call.employee is not None and self.team[call.employee].state is EmployeeState.RINGING:
                self.become(call.employee, EmployeeState.FREE)

    @rule(data=st.data())
    def a_client_answers(self, data: st.DataObject) -> None:
        if not self.calls:
            return
        call = self.calls[data.draw(st.sampled_from(sorted(self.calls)))]
        one = self.campaigns[call.campaign]
        who = call.employee or employee_for(one, self.entries[call.entry], list(self.team.values()))
        if one.mode is Mode.VOICE:
            self.end(call, Outcome.PLAYED)
        elif who is None or self.team[who].state is EmployeeState.GONE:
            self.end(call, Outcome.ABANDONED)
        else:
            self.end(call, Outcome.TALKED)
            self.become(who, EmployeeState.TALKING)
            self.talking[call.number] = who

    @rule(data=st.data())
    def a_talk_ends(self, data: st.DataObject) -> None:
        if self.talking:
            number = data.draw(st.sampled_from(sorted(self.talking)))
            self.become(self.talking.pop(number), EmployeeState.FREE)

    def end(self, call: CallInFlight, outcome: Outcome) -> None:
        del self.calls[call.attempt]
        own = [i for i, each in enumerate(self.tries) if each.entry == call.entry]
        place = next(i for i in own if self.tries[i].outcome is None)
        self.tries[place] = replace(self.tries[place], outcome=outcome)
        one, entry = self.campaigns[call.campaign], self.entries[call.entry]
        self.entries[entry.id] = after(one, entry, [t for t in self.tries if t.entry == entry.id])
        self.ledgers[one.id] = self.ledgers[one.id].plus(day_of(self.now, MOSCOW), outcome)

    def become(self, who: str, state: EmployeeState) -> None:
        self.team[who] = replace(self.team[who], state=state, since=self.now)

    @rule(who=st.integers(0, PEOPLE - 1), state=st.sampled_from(OWN_STATES))
    def an_employee_changes(self, who: int, state: EmployeeState) -> None:
        key = str(100 + who)
        if key not in self.talking.values() and key not in {call.employee for call in self.calls.values()}:
            self.become(key, state)

    @rule(
        numbers=st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True),
        zones=st.sampled_from(ZONES),
        which=st.sampled_from(["autumn", "winter"]),
        manager=st.integers(0, PEOPLE),
    )
    def an_entry_is_added(self, numbers: list[str], zones: tuple[str, ...], which: str, manager: int) -> None:
        self.numbered += 1
        self.entries[EntryId(self.numbered)] = Entry(
            id=EntryId(self.numbered),
            campaign=CampaignId(which),
            numbers=tuple(EntryNumber(e164=number, zones=zones) for number in numbers),
            responsible=ManagerId(str(manager)),
        )

    @rule(number=st.sampled_from(NUMBERS))
    def a_client_says_never_again(self, number: str) -> None:
        self.do_not_call.add(number)

    @rule(number=st.sampled_from(NUMBERS))
    def a_client_calls_in(self, number: str) -> None:
        self.called_in[number] = self.now

    @rule(count=st.integers(0, 3))
    def others_use_the_line(self, count: int) -> None:
        self.foreign = count

    @rule(seconds=st.sampled_from([30, 600, 7200, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.now = Timestamp(self.now + seconds)

    @rule()
    def many_answers_were_good(self) -> None:
        """So that the predictive mode may dial ahead."""
        for key, ledger in self.ledgers.items():
            day = day_of(self.now, MOSCOW)
            for _ in range(150):
                ledger = ledger.plus(day, Outcome.TALKED)
            self.ledgers[key] = ledger

    # ---- always ----------------------------------------------------------------------------------------------------

    @invariant()
    def never_more_than_the_campaign_s_own_limit(self) -> None:
        if not hasattr(self, "calls"):
            return
        assert sum(call.campaign == "winter" for call in self.calls.values()) <= 2

    @invariant()
    def never_two_calls_to_one_number(self) -> None:
        if hasattr(self, "calls"):
            numbers = [call.number for call in self.calls.values()]
            assert len(numbers) == len(set(numbers))

    @invariant()
    def never_one_client_shown_twice(self) -> None:
        if hasattr(self, "offers"):
            numbers = [number for offer in self.offers.values() for number in offer.numbers]
            assert len(numbers) == len(set(numbers))

    @invariant()
    def never_faster_than_the_carrier(self) -> None:
        for line in LINES if hasattr(self, "begun") else ():
            recent = [when for when, key in self.begun[-20:] if key == line.key]
            for when in recent:
                assert sum(when <= other < when + 1.0 - 1e-6 for other in recent) <= line.per_second


Office.TestCase.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOffice = Office.TestCase
