"""Callbacks: who is called back, how often, by whom, and never: a rule is checked from what would really be dialled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.domain.calls.call import Call, Direction, Disposition, Origin
from integration.domain.calls.ownership import callback_id
from integration.domain.campaigns.callbacks import (
    GIVEN_UP_AFTER_SECONDS,
    CallbackKind,
    callbacks_campaign,
    campaign_of,
    is_of_callbacks,
    is_too_old,
    line_of,
    reached_since,
    rule_of,
    settings_of,
    stand_ins,
    wanted_after,
    zones_at,
)
from integration.domain.campaigns.holds import Hold
from integration.domain.campaigns.model import (
    NO_ATTEMPT,
    REACHED,
    Campaign,
    CampaignLine,
    CampaignState,
    Entry,
    EntryState,
    Outcome,
    Try,
)
from integration.domain.campaigns.redial import after
from integration.domain.campaigns.situation import Clients, EmployeeNow, EmployeeState
from integration.domain.ids import AccountId, CallId, CampaignId, EntryId, Extension, ManagerId, PbxId, Timestamp
from integration.domain.numbers.zones import possible_zones_of
from integration.domain.settings import AccountSettings, Employee, LineSettings
from tests.unit.campaign_scene import MOSCOW, NOON, NUMBER, asked, at, entry, people

ACME = AccountId("acme")
LINE = LineSettings(repeat_calls=True, repeat_times=2, repeat_interval_seconds=300)
RESPONSIBLE, STANDS_IN, NOT_NAMED = "100", "101", "102"
LISTED = entry(NUMBER, responsible=ManagerId("0"), campaign=campaign_of(None))


def a_campaign(line: LineSettings = LINE, **changes: Any) -> Campaign:
    usual = callbacks_campaign(
        rule_of(line),
        id=campaign_of(None),
        account=ACME,
        name="Перезвоны",
        state=CampaignState.RUNNING,
        lines=(CampaignLine(key="pbx/1", pbx=PbxId("pbx"), line="1", most=30, per_second=100.0),),
        members=(RESPONSIBLE, STANDS_IN, NOT_NAMED),
        stand_ins=(STANDS_IN,),
        zone=MOSCOW,
    )
    return replace(usual, **changes)


def team(*states: EmployeeState) -> list[EmployeeNow]:
    return [replace(each, state=state) for each, state in zip(people(len(states)), states, strict=True)]


FREE, TALKING, GONE = EmployeeState.FREE, EmployeeState.TALKING, EmployeeState.GONE


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ((FREE, FREE, FREE), RESPONSIBLE),
        ((EmployeeState.PAUSED, FREE, FREE), STANDS_IN),
        ((GONE, FREE, FREE), STANDS_IN),
        ((TALKING, FREE, FREE), Hold.RESPONSIBLE_BUSY),
        ((EmployeeState.WRAPPING, FREE, FREE), Hold.RESPONSIBLE_BUSY),
        ((GONE, TALKING, FREE), Hold.RESPONSIBLE_BUSY),
        ((GONE, GONE, FREE), Hold.NAMED_AWAY),
        ((GONE, GONE, GONE), Hold.NOBODY_WORKS),
    ],
)
def test_the_responsible_calls_and_else_who_is_named(states: tuple[EmployeeState, ...], wanted: str) -> None:
    decision = asked(a_campaign(), team=team(*states), entries=(LISTED,))
    if isinstance(wanted, Hold):
        assert (decision.dial, decision.hold.code) == ((), wanted)
    else:
        assert [each.employee for each in decision.dial] == [wanted]


def test_a_client_for_whom_nobody_is_named_waits_and_says_so() -> None:
    stranger = replace(LISTED, responsible=None)
    decision = asked(a_campaign(stand_ins=()), team=team(FREE, FREE, FREE), entries=(stranger,))
    assert (decision.dial, decision.hold.code) == ((), Hold.NOBODY_NAMED)


def test_a_line_without_the_rule_or_without_hours_calls_nobody_back() -> None:
    assert rule_of(LineSettings()) is None
    assert rule_of(replace(LINE, process=False)) is None
    assert rule_of(replace(LINE, repeat_hours="", repeat_weekend_hours="")) is None
    assert rule_of(replace(LINE, repeat_hours="what a newer release has")) is None


def test_each_line_has_its_own_campaign_and_the_others_share_one() -> None:
    own = replace(LINE, repeat_times=5)
    office = AccountSettings(account=ACME, default_line=LINE, lines={"74950000001": own})
    for line, its in ((None, LINE), ("74950000001", own), ("74950000002", LINE)):
        campaign = campaign_of(line)
        assert is_of_callbacks(campaign)
        assert line_of(campaign) == line
        assert settings_of(campaign, office) == its
    assert not is_of_callbacks(CampaignId("callbacksy"))


def test_whom_the_settings_name_stand_in_in_their_order_if_they_can_work() -> None:
    line = replace(LINE, missed_responsible=ManagerId("2"), outside_responsible=ManagerId("4"))
    office = AccountSettings(
        account=ACME,
        default_line=line,
        default_responsible=ManagerId("3"),
        inactive_managers=frozenset({ManagerId("4")}),
    )
    assert stand_ins(office, line) == ["2", "3"]


# ---- what a call asks for

MISSED = Call(
    id=CallId("pbx:1"),
    account=ACME,
    pbx=PbxId("pbx"),
    native_id="1",
    direction=Direction.INBOUND,
    caller="84951234567",
    called="74950000001",
    started_at=Timestamp(NOON - 20),
    ended_at=NOON,
    disposition=Disposition.MISSED,
)
OFFICE = AccountSettings(account=ACME, default_line=LINE)


def test_a_missed_call_is_called_back_after_the_interval() -> None:
    wanted = wanted_after(MISSED, OFFICE)
    assert wanted is not None
    assert (wanted.kind, wanted.number.e164, wanted.zones) == (CallbackKind.MISSED, NUMBER, (MOSCOW,))
    assert (wanted.asked_at, wanted.due_at) == (NOON - 20, NOON + 300)


def test_a_request_that_was_not_answered_is_repeated() -> None:
    request = replace(
        MISSED, direction=Direction.OUTBOUND, caller="101", called="84951234567", disposition=Disposition.NOANSWER,
        origin=Origin(kind="click", crm_call_id=callback_id(ACME, "7")),
    )  # fmt: skip
    wanted = wanted_after(request, OFFICE)
    assert wanted is not None
    assert wanted.kind is CallbackKind.ASKED
    assert wanted_after(replace(request, origin=None), OFFICE) is None, "a manager's own call is theirs to repeat"


@pytest.mark.parametrize(
    "changes",
    [
        {"answered_at": NOON, "disposition": Disposition.ANSWERED},
        {"ended_at": None, "disposition": None},
        {"elsewhere": True},
        {"merged_into": CallId("pbx:2")},
        {"direction": Direction.INTERNAL, "caller": "101"},
        {"caller": ""},
        {"caller": "anonymous"},
        {"caller": "112"},
        {"caller": "103"},
        {"caller": "88095551234"},  # costs extra
        {"caller": "+870773100001"},  # a satellite
    ],
)
def test_no_other_call_and_no_such_number_is_called_back(changes: dict[str, Any]) -> None:
    assert wanted_after(replace(MISSED, **changes), OFFICE) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"default_line": LineSettings()},
        {"lines": {"74950000001": LineSettings()}},
        {"never_clients": ("8 (495) 123-45-67",)},
        {"employees": (Employee(extension=Extension("101"), mobile="8 495 1234567"),)},
    ],
)
def test_settings_that_call_nobody_back(changes: dict[str, Any]) -> None:
    assert wanted_after(MISSED, replace(OFFICE, **changes)) is None


def test_only_a_talk_after_they_called_is_one() -> None:
    def talk(begins: float, ends: float | None, **changes: Any) -> Call:
        over = None if ends is None else Timestamp(NOON + ends)
        return replace(MISSED, answered_at=Timestamp(NOON + begins), ended_at=over, **changes)

    assert reached_since([talk(5, 60)], NOON)
    assert reached_since([talk(-30, 60)], NOON), "it went on after that"
    assert reached_since([MISSED, talk(5, 60, direction=Direction.OUTBOUND)], NOON)
    for other in (talk(-60, -5), talk(5, 6), talk(5, None), talk(5, 60, elsewhere=True), MISSED):
        assert not reached_since([other], NOON)


def test_nobody_is_called_back_after_three_days() -> None:
    assert not is_too_old(NOON, Timestamp(NOON + GIVEN_UP_AFTER_SECONDS - 1))
    assert is_too_old(NOON, Timestamp(NOON + GIVEN_UP_AFTER_SECONDS))


# ---- the hour

ALL_RUSSIA = possible_zones_of("+79161234567")


def test_a_mobile_is_called_near_the_hour_at_which_its_owner_called() -> None:
    assert len(ALL_RUSSIA) > 5, "a mobile number tells the country only"
    for hours, wanted in ((0, (MOSCOW,)), (3, (MOSCOW,)), (4, ALL_RUSSIA), (21, (MOSCOW,)), (24, (MOSCOW,))):
        now = Timestamp(NOON + hours * 3600)
        assert zones_at(ALL_RUSSIA, office_zone=MOSCOW, asked_at=NOON, now=now) == wanted


def test_where_the_zone_is_known_or_is_not_the_offices_it_counts_as_it_is() -> None:
    for zones in (("Asia/Kamchatka",), ("America/Chicago", "America/Denver"), ()):
        assert zones_at(zones, office_zone=MOSCOW, asked_at=NOON, now=NOON) == zones


@given(hour=st.integers(0, 23), later=st.floats(0, GIVEN_UP_AFTER_SECONDS), zone=st.sampled_from(sorted(ALL_RUSSIA)))
def test_nobody_whom_we_place_in_the_offices_zone_called_at_a_very_different_hour(
    hour: int, later: float, zone: str
) -> None:
    called_at = at(f"2026-11-30T{hour:02}:00", zone)
    now = Timestamp(called_at + later)
    if zones_at(ALL_RUSSIA, office_zone=MOSCOW, asked_at=called_at, now=now) != (MOSCOW,):
        return
    local = datetime.fromtimestamp(now, ZoneInfo(zone))
    apart = abs((local.hour * 60 + local.minute - hour * 60 + 720) % 1440 - 720)
    assert apart <= 181


# ---- what never happens

OUTCOMES = st.sampled_from([each for each in Outcome if each not in (Outcome.ABANDONED, Outcome.PLAYED)])
STATES = st.sampled_from(list(EmployeeState))


@settings(deadline=None)
@given(
    times=st.integers(1, 5),
    interval=st.sampled_from([60, 600, 7200]),
    steps=st.lists(
        st.tuples(
            st.sampled_from([1.0, 59.0, 61.0, 590.0, 4000.0, 30_000.0]),
            st.tuples(STATES, STATES, STATES),
            st.sampled_from(["", "", "", "talks", "not called"]),
            OUTCOMES,
        ),
        max_size=40,
    ),
)
def test_a_client_is_called_no_more_often_than_the_rule_says_by_nobody_else_at_no_other_hour(
    times: int, interval: int, steps: list[tuple[float, tuple[EmployeeState, ...], str, Outcome]]
) -> None:
    line = replace(LINE, repeat_times=times, repeat_interval_seconds=interval)
    campaign, now, one, tries = a_campaign(line), NOON, LISTED, list[Try]()
    for passed, states, client, outcome in steps:
        now = Timestamp(now + passed)
        clients = Clients(
            tries={one.id: tries},
            talking={NUMBER} if client == "talks" else (),
            do_not_call={NUMBER} if client == "not called" else (),
            called_in={NUMBER: Timestamp(now - 1)},  # they have: that is why they are called back
        )
        decision = asked(campaign, team=team(*states), entries=(one,), clients=clients, now=now)
        if not decision.dial:
            assert decision.hold.code
            continue
        (dial,) = decision.dial
        used = [each for each in tries if each.outcome not in NO_ATTEMPT]
        assert one.state is EntryState.OPEN
        assert client == ""
        assert len(used) < times
        assert all(now - each.at >= interval for each in used)
        assert 9 <= datetime.fromtimestamp(now, ZoneInfo(MOSCOW)).hour < 20
        assert datetime.fromtimestamp(now, ZoneInfo(MOSCOW)).weekday() < 5
        _check_employee(str(dial.employee), states)
        tries.append(Try(campaign=campaign.id, entry=one.id, number=NUMBER, at=now, outcome=outcome))
        one = _after(campaign, one, tries)
        if outcome in REACHED:
            assert one.state is EntryState.REACHED


def _check_employee(employee: str, states: tuple[EmployeeState, ...]) -> None:
    assert employee in (RESPONSIBLE, STANDS_IN)
    assert states[int(employee) - 100] is FREE
    if employee == STANDS_IN:
        assert states[0] in (GONE, EmployeeState.PAUSED), "the responsible is at work"


def _after(campaign: Campaign, one: Entry, tries: list[Try]) -> Entry:
    return after(campaign, replace(one, state=EntryState.TAKEN), tries)


def test_a_client_who_is_never_reached_is_called_exactly_as_often_as_the_rule_says() -> None:
    campaign, now, one, tries = a_campaign(replace(LINE, repeat_times=5)), NOON, LISTED, list[Try]()
    assert one.id == EntryId(1)
    for _ in range(200):
        now = Timestamp(now + 30)
        decision = asked(
            campaign, team=team(FREE, FREE, FREE), entries=(one,), clients=Clients(tries={one.id: tries}), now=now
        )
        for dial in decision.dial:
            tries.append(Try(campaign=campaign.id, entry=one.id, number=dial.number, at=now, outcome=Outcome.NO_ANSWER))
            one = _after(campaign, one, tries)
    assert len(tries) == 5
    assert one.state is EntryState.NOT_REACHED
