"""Whom a campaign dials, and the one rule that holds it when it dials nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from integration.domain.campaigns.decide import employee_for, given_up
from integration.domain.campaigns.holds import Hold, until_of
from integration.domain.campaigns.ledger import Answers, Ledger
from integration.domain.campaigns.model import (
    AttemptRules,
    CampaignLine,
    CampaignState,
    EntryNumber,
    EntryState,
    Mode,
    Outcome,
    Owners,
    Try,
)
from integration.domain.campaigns.situation import Clients, EmployeeState, LineNow, Situation
from integration.domain.campaigns.windows import UnknownZone, Windows, day_of
from integration.domain.ids import AttemptId, CampaignId, EntryId, ManagerId, PbxId, Timestamp
from tests.unit.campaign_scene import MOSCOW, NOON, NUMBER, asked, at, campaign, entries, entry, in_flight, people

LATER = Timestamp(NOON + 600)


def tried(outcome: Outcome | None, seconds_ago: float, number: str = NUMBER, campaign_: str = "autumn") -> Try:
    return Try(
        campaign=CampaignId(campaign_), entry=EntryId(1), number=number, at=Timestamp(NOON - seconds_ago),
        outcome=outcome,
    )  # fmt: skip


def after(*tries: Try) -> Clients:
    return Clients(tries={EntryId(1): tries})


def test_a_free_employee_gets_the_first_entry() -> None:
    said = asked(entries=entries(3))
    assert [(each.entry, each.number, each.line, each.employee) for each in said.dial] == [
        (1, "+74950000001", "pbx/1", "100")
    ]
    assert said.dial[0].zones == (MOSCOW,)
    assert said.hold.code == Hold.ENOUGH_RINGING


TWO_LINES = (
    CampaignLine(key="pbx/1", pbx=PbxId("pbx"), line="1", most=2, per_second=10.0),
    CampaignLine(key="pbx/2", pbx=PbxId("pbx"), line="2", most=2, per_second=10.0),
)


@pytest.mark.parametrize(
    ("changes", "scene", "hold"),
    [
        ({"state": CampaignState.DRAFT}, {}, Hold.NOT_STARTED),
        ({"state": CampaignState.PAUSED}, {}, Hold.PAUSED),
        ({"state": CampaignState.STOPPED}, {}, Hold.STOPPED),
        ({"state": CampaignState.FINISHED}, {}, Hold.FINISHED),
        ({"windows": Windows(week=((),) * 7)}, {}, Hold.NO_WINDOW),
        ({"lines": ()}, {}, Hold.NO_LINES),
        ({}, {"lines": {}}, Hold.LINES_DOWN),
        ({}, {"lines": {"pbx/1": LineNow(is_up=False)}}, Hold.LINES_DOWN),
        ({}, {"lines": {"pbx/1": LineNow(rests_until=LATER)}}, Hold.LINES_RESTING),
        ({}, {"lines": {"pbx/1": LineNow(busy=30)}}, Hold.LINES_BUSY),
        ({}, {"lines": {"pbx/1": LineNow(begun=100)}}, Hold.CALLS_PER_SECOND),
        ({"max_calls": 2}, {"calls": in_flight(2)}, Hold.CAMPAIGN_LIMIT),
        ({}, {"team": []}, Hold.NOBODY_WORKS),
        ({}, {"team": people(2, EmployeeState.GONE)}, Hold.NOBODY_WORKS),
        ({"members": ("900",)}, {}, Hold.NOBODY_WORKS),
        ({}, {"team": people(2, EmployeeState.PAUSED)}, Hold.ALL_PAUSED),
        ({}, {"team": [replace(people()[0], leaves_at=NOON)]}, Hold.ALL_PAUSED),
        ({}, {"team": people(2, EmployeeState.TALKING)}, Hold.ALL_BUSY),
        ({}, {"calls": in_flight(1, employee="100")}, Hold.ALL_BUSY),
        ({}, {"calls": in_flight(1)}, Hold.ALL_BUSY),
        ({}, {"entries": ()}, Hold.NO_ENTRIES),
        ({}, {"entries": (entry(state=EntryState.REACHED),)}, Hold.ENTRY_CLOSED),
        ({}, {"entries": (entry(state=EntryState.TAKEN),)}, Hold.ENTRY_TAKEN),
        ({}, {"entries": (entry(due_at=LATER),)}, Hold.NOT_DUE),
        ({}, {"entries": (entry(numbers=()),)}, Hold.NO_NUMBER_LEFT),
        ({}, {"entries": (entry(numbers=(EntryNumber(e164=NUMBER, struck=True),)),)}, Hold.NO_NUMBER_LEFT),
        ({}, {"entries": (entry(numbers=(EntryNumber(e164=NUMBER),)),)}, Hold.ZONE_UNKNOWN),
        ({}, {"entries": (entry(numbers=(EntryNumber(e164=NUMBER, zones=("Asia/Kamchatka",)),)),)},
         Hold.WINDOW_CLOSED),
        ({}, {"clients": Clients(do_not_call={NUMBER})}, Hold.DO_NOT_CALL),
        ({}, {"clients": Clients(talking={NUMBER})}, Hold.TALKING_NOW),
        ({}, {"clients": Clients(dialled={NUMBER})}, Hold.IN_USE),
        ({}, {"clients": Clients(called_in={NUMBER: Timestamp(NOON - 60)})}, Hold.CALLED_IN),
        ({}, {"clients": after(tried(None, 10))}, Hold.IN_USE),
        ({}, {"clients": after(tried(Outcome.BUSY, 60))}, Hold.REDIAL),
        ({"redial": {}}, {"clients": after(tried(Outcome.BUSY, 60))}, Hold.NO_NUMBER_LEFT),
        ({}, {"clients": after(tried(Outcome.TRUNK_FAILED, 10))}, Hold.GAP),
        ({"attempts": AttemptRules(per_number=1)}, {"clients": after(tried(Outcome.BUSY, 90_000))},
         Hold.NUMBER_ATTEMPTS),
        ({"attempts": AttemptRules(per_contact=1)}, {"clients": after(tried(Outcome.BUSY, 90_000))},
         Hold.CONTACT_ATTEMPTS),
        ({"attempts": AttemptRules(number_per_day=1)}, {"clients": after(tried(Outcome.BUSY, 7200))}, Hold.NUMBER_DAY),
        ({"attempts": AttemptRules(contact_per_day=1)}, {"clients": after(tried(Outcome.BUSY, 7200, "+74950000009"))},
         Hold.CONTACT_DAY),
        ({"owners": Owners.RESPONSIBLE_ONLY}, {"entries": (entry(responsible=ManagerId("55")),)},
         Hold.RESPONSIBLE_BUSY),
        ({}, {"entries": (entry(due_at=Timestamp(NOON - 60), agreed_with="107"),)}, Hold.AGREED_WITH),
        ({"mode": Mode.PREDICTIVE}, {"team": people(4, EmployeeState.TALKING)}, Hold.TEAM_SMALL),
        ({"mode": Mode.PREDICTIVE}, {"team": people(8, EmployeeState.TALKING)}, Hold.LEARNING),
        ({"mode": Mode.VOICE}, {"clients": after(tried(Outcome.ABANDONED, 3600))}, Hold.NEEDS_EMPLOYEE),
    ],
)  # fmt: skip
def test_nothing_is_dialled_and_one_rule_says_why(changes: dict[str, Any], scene: dict[str, Any], hold: Hold) -> None:
    said = asked(campaign(**changes), **scene)
    assert said.dial == ()
    assert said.hold.code == hold


def test_a_campaign_that_is_below_its_own_limit_still_counts_others_calls_on_the_line() -> None:
    others = in_flight(30, campaign=CampaignId("other"), employee="nobody")
    assert asked(calls=others).hold.code == Hold.LINES_BUSY


def test_the_holds_that_end_say_when() -> None:
    assert until_of(asked(entries=(entry(due_at=LATER),)).hold) == LATER
    asleep = entry(numbers=(EntryNumber(e164=NUMBER, zones=("Asia/Kamchatka",)),))
    assert until_of(asked(entries=(asleep,)).hold) == at("2026-12-01T09:00", "Asia/Kamchatka")
    assert until_of(asked(clients=after(tried(Outcome.BUSY, 60))).hold) == NOON - 60 + 420


def test_numbers_are_taken_in_the_card_s_order_and_the_next_follows_after_three_seconds() -> None:
    two = (entry(("+74950000001", "+74950000002")),)
    failed = Try(campaign=CampaignId("autumn"), entry=EntryId(1), number="+74950000001", at=Timestamp(NOON - 2),
                 outcome=Outcome.NO_ANSWER)  # fmt: skip
    assert [each.number for each in asked(entries=two).dial] == ["+74950000001"]
    assert asked(entries=two, clients=after(failed)).dial == ()
    earlier = replace(failed, at=Timestamp(NOON - 3))
    assert [each.number for each in asked(entries=two, clients=after(earlier)).dial] == ["+74950000002"]


def test_one_number_in_two_entries_or_in_two_campaigns_is_dialled_once() -> None:
    twice = (entry(id_=1), entry(id_=2), entry("+74950000009", 3))
    said = asked(team=people(3), entries=twice)
    assert [each.entry for each in said.dial] == [1, 3]
    assert [(each.entry, each.reason.code) for each in said.skipped] == [(2, Hold.IN_USE)]
    elsewhere = in_flight(1, campaign=CampaignId("other"))
    assert asked(team=people(3), calls=[replace(elsewhere[0], number=NUMBER)]).dial == ()


def test_a_client_who_is_dialled_on_one_number_is_not_dialled_on_another() -> None:
    shared = (entry(("+74950000001", "+74950000002"), 1), entry(("+74950000002", "+74950000003"), 2))
    assert [each.entry for each in asked(team=people(2), entries=shared).dial] == [1]


def test_lines_take_turns_and_none_takes_more_than_it_has() -> None:
    free = {"pbx/1": LineNow(busy=1), "pbx/2": LineNow()}
    said = asked(campaign(lines=TWO_LINES), team=people(9), lines=free, entries=entries(9))
    assert [each.line for each in said.dial] == ["pbx/2", "pbx/1", "pbx/2"]
    assert said.hold.code in (Hold.LINES_BUSY, Hold.CALLS_PER_SECOND)


def test_a_line_of_the_carrier_that_two_pbxs_use_has_its_calls_at_once_once() -> None:
    both = tuple(
        CampaignLine(key=f"{pbx}/1", pbx=PbxId(pbx), line="1", most=3, per_second=10.0) for pbx in ("pbx", "branch")
    )
    free = {"pbx/1": LineNow(), "branch/1": LineNow()}
    said = asked(campaign(lines=both), team=people(9), entries=entries(9), lines=free)
    assert len(said.dial) == 3
    assert said.hold.code == Hold.LINES_BUSY
    elsewhere = in_flight(2, line="branch/1", employee="nobody")
    busy = {"pbx/1": LineNow(busy=2), "branch/1": LineNow(busy=2)}
    said = asked(campaign(lines=both), team=people(9), entries=entries(9), lines=busy, calls=elsewhere)
    assert len(said.dial) == 1


@pytest.mark.parametrize(
    ("per_second", "state", "count"),
    [
        (1.0, LineNow(), 1),
        (1.0, LineNow(last_dialled_at=Timestamp(NOON - 0.5), begun=1), 0),
        (1.0, LineNow(last_dialled_at=Timestamp(NOON - 60)), 1),  # no burst after a pause
        (2.5, LineNow(), 2),
        (2.5, LineNow(last_dialled_at=Timestamp(NOON - 0.9), begun=1), 1),
        (0.5, LineNow(), 1),
        (0.5, LineNow(last_dialled_at=Timestamp(NOON - 1.9)), 0),
        (0.5, LineNow(last_dialled_at=Timestamp(NOON - 2.0)), 1),
        (0.0, LineNow(), 0),
    ],
)
def test_a_carrier_gets_no_more_calls_a_second_than_it_takes(per_second: float, state: LineNow, count: int) -> None:
    slow = (CampaignLine(key="pbx/1", pbx=PbxId("pbx"), line="1", per_second=per_second),)
    said = asked(campaign(lines=slow), team=people(9), lines={"pbx/1": state}, entries=entries(9))
    assert len(said.dial) == count
    assert said.hold.code == Hold.CALLS_PER_SECOND


def test_the_responsible_comes_first_then_who_has_waited_for_longest() -> None:
    team = people(3)
    team[1] = replace(team[1], since=Timestamp(NOON - 50))
    of_two = (entry(responsible=ManagerId("2")),)
    by = Owners.RESPONSIBLE_FIRST
    assert [each.employee for each in asked(campaign(owners=by), team=team, entries=of_two).dial] == ["102"]
    of_nobody = (entry(responsible=ManagerId("77")),)
    assert [each.employee for each in asked(campaign(owners=by), team=team, entries=of_nobody).dial] == ["101"]
    only = campaign(owners=Owners.RESPONSIBLE_ONLY)
    said = asked(only, team=team, entries=(*of_nobody, entry("+74950000002", 2, responsible=ManagerId("0"))))
    assert [(each.entry, each.employee) for each in said.dial] == [(2, "100")]


def test_a_promised_call_waits_a_quarter_of_an_hour_for_its_employee() -> None:
    promised = entry(due_at=Timestamp(NOON - 899), agreed_with="107")
    assert asked(entries=(promised,)).hold.code == Hold.AGREED_WITH
    assert asked(team=people(8), entries=(promised,)).dial[0].employee == "107"
    late = replace(promised, due_at=Timestamp(NOON - 901))
    assert asked(entries=(late,)).dial[0].employee == "100"


def test_an_unknown_zone_is_dialled_only_if_the_office_says_so() -> None:
    unknown = (entry(numbers=(EntryNumber(e164=NUMBER),)),)
    assumed = campaign(windows=Windows(unknown_zone=UnknownZone.OFFICE))
    assert asked(assumed, entries=unknown).dial[0].zones == (MOSCOW,)
    assert asked(campaign(), entries=unknown).dial == ()


def test_attempts_in_other_campaigns_count_for_the_day_only() -> None:
    elsewhere = [tried(Outcome.NO_ANSWER, ago, campaign_="other") for ago in (7200, 10_800)]
    assert asked(clients=after(*elsewhere)).hold.code == Hold.NUMBER_DAY
    yesterday = [tried(Outcome.NO_ANSWER, ago + 86_400, campaign_="other") for ago in (7200, 10_800)] * 9
    assert len(asked(clients=after(*yesterday)).dial) == 1


def test_failures_of_our_own_use_up_no_attempt_of_the_client() -> None:
    ours = [tried(Outcome.EMPLOYEE_FAILED, 60.0 + n) for n in range(9)] + [tried(Outcome.TRUNK_FAILED, 40)]
    assert len(asked(clients=after(*ours)).dial) == 1


# ---- predictive ----------------------------------------------------------------------------------------------------


def ledger(live: int, abandoned: int) -> Ledger:
    return Ledger(days={day_of(NOON, MOSCOW): Answers(live, abandoned)})


PREDICTIVE = campaign(mode=Mode.PREDICTIVE)


def test_the_client_s_phone_rings_first_for_whoever_is_free() -> None:
    said = asked(PREDICTIVE, team=people(8), entries=entries(8), ledger=ledger(300, 0))
    assert len(said.dial) == 8
    assert {each.employee for each in said.dial} == {None}
    assert {each.risk for each in said.dial} == {0.0}


@pytest.mark.parametrize(
    ("live", "abandoned", "ahead"),
    [(0, 0, 0), (32, 0, 0), (33, 0, 1), (65, 0, 2), (65, 1, 0), (97, 1, 1), (1000, 40, 0)],
)
def test_no_more_clients_are_rung_first_than_may_all_be_lost(live: int, abandoned: int, ahead: int) -> None:
    """If the process is killed now, and all of them answer, the share is not above the ceiling."""
    said = asked(PREDICTIVE, team=people(8), entries=entries(30), ledger=ledger(live, abandoned))
    assert len(said.dial) == 8, "one call for each free employee"
    own = [each.employee for each in said.dial if each.employee is not None]
    assert (len(said.dial) - len(own), len(set(own))) == (ahead, 8 - ahead)
    assert said.hold.code == (Hold.CEILING if abandoned else Hold.LEARNING)
    if ahead:
        assert Answers(live + ahead, abandoned + ahead).share <= PREDICTIVE.ceiling


def test_with_room_below_the_ceiling_more_are_dialled_than_employees_are_free() -> None:
    said = asked(PREDICTIVE, team=people(12), entries=entries(60), ledger=ledger(2000, 40))
    assert 12 < len(said.dial) < 40
    assert said.hold.code == Hold.RISK
    risks = [each.risk for each in said.dial]
    assert risks == sorted(risks)
    assert risks[11] == 0.0 < risks[12]


@pytest.mark.parametrize(("live", "abandoned"), [(0, 0), (40, 0), (100, 3), (1000, 30), (1000, 60)])
def test_close_to_the_ceiling_no_call_is_without_a_free_employee(live: int, abandoned: int) -> None:
    said = asked(PREDICTIVE, team=people(12), entries=entries(60), ledger=ledger(live, abandoned))
    assert len(said.dial) == 12
    assert said.hold.code == (Hold.CEILING if abandoned else Hold.LEARNING)


def test_a_bad_window_holds_a_good_day() -> None:
    day = day_of(NOON, MOSCOW)
    mixed = Ledger(days={day: Answers(2000, 0), day.replace(day=2): Answers(4000, 400)})
    said = asked(PREDICTIVE, team=people(12), entries=entries(60), ledger=mixed)
    assert len(said.dial) == 12
    assert said.hold.code == Hold.CEILING


def test_a_ceiling_of_nothing_is_progressive_for_ever() -> None:
    none = replace(PREDICTIVE, ceiling=0.0)
    said = asked(none, team=people(12), entries=entries(60), ledger=ledger(100_000, 0))
    assert len(said.dial) == 12
    assert said.hold.code == Hold.CEILING


def test_when_employees_leave_no_call_is_dialled_for_them() -> None:
    plenty = ledger(2000, 40)
    leaving = [replace(each, is_leaving=True) for each in people(12, EmployeeState.TALKING)]
    assert asked(PREDICTIVE, team=leaving, entries=entries(60), ledger=plenty).dial == ()
    mixed = [*people(6), *[replace(each, is_leaving=True) for each in people(12)[6:]]]
    staying = asked(PREDICTIVE, team=people(6), entries=entries(60), ledger=plenty)
    assert len(asked(PREDICTIVE, team=mixed, entries=entries(60), ledger=plenty).dial) == len(staying.dial)


def test_who_was_abandoned_is_dialled_only_for_somebody_who_waits() -> None:
    again = after(tried(Outcome.ABANDONED, 3600))
    said = asked(PREDICTIVE, team=people(8), entries=(entry(),), clients=again)
    assert said.dial[0].employee == "100", "the employee's phone rings first"
    ringing = asked(PREDICTIVE, team=people(8), calls=in_flight(8), entries=(entry(),), clients=again,
                    ledger=ledger(2000, 40))  # fmt: skip
    assert ringing.dial == ()


def test_an_answer_goes_to_the_responsible_else_to_who_has_waited_for_longest() -> None:
    team = people(3)
    team[1] = replace(team[1], since=Timestamp(NOON - 50))
    first = replace(PREDICTIVE, owners=Owners.RESPONSIBLE_FIRST)
    assert employee_for(first, entry(responsible=ManagerId("2")), team) == "102"
    assert employee_for(PREDICTIVE, entry(responsible=ManagerId("2")), team) == "101"
    assert employee_for(first, entry(), people(3, EmployeeState.WRAPPING)) is None
    assert employee_for(replace(first, members=()), entry(), team) is None


def test_when_everybody_has_left_calls_that_rang_long_enough_are_given_up() -> None:
    old = [replace(call, attempt=AttemptId(f"attempt-{n}")) for n, call in enumerate(in_flight(6))]
    old[1] = replace(old[1], dialled_at=Timestamp(NOON + 1))  # rang for fourteen seconds only
    old[2] = replace(old[2], answered_at=Timestamp(NOON + 14))
    old[3] = replace(old[3], employee="101")
    old[4] = replace(old[4], campaign=CampaignId("other"))
    later = Timestamp(NOON + 15)
    gone = Situation(employees=people(3, EmployeeState.GONE), calls=old)
    assert given_up(PREDICTIVE, gone, later) == ("attempt-0", "attempt-5")
    assert given_up(campaign(), gone, later) == ()
    for staying in (EmployeeState.FREE, EmployeeState.TALKING, EmployeeState.WRAPPING):
        assert given_up(PREDICTIVE, Situation(employees=people(1, staying), calls=old), later) == ()
    leaving = [replace(people(1, EmployeeState.TALKING)[0], is_leaving=True)]
    assert given_up(PREDICTIVE, Situation(employees=leaving, calls=old), later) == ("attempt-0", "attempt-5")


def test_a_voice_campaign_needs_no_employee() -> None:
    said = asked(campaign(mode=Mode.VOICE), team=[], entries=entries(60))
    assert len(said.dial) == 30
    assert said.hold.code == Hold.LINES_BUSY
