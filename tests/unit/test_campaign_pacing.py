"""What a campaign learns, its ledger, and the arithmetic of dialling ahead."""

from __future__ import annotations

import itertools
import json
import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.domain.campaigns.estimates import HIGHEST_PRICE, LOWEST_PRICE, Estimates, Law
from integration.domain.campaigns.ledger import Answers, Ledger
from integration.domain.campaigns.losses import are_borne
from integration.domain.campaigns.model import LIVE, Outcome
from integration.domain.campaigns.outlook import Outlook, Tables, tables_of
from integration.domain.campaigns.pacing import pace
from integration.domain.campaigns.situation import EmployeeState
from integration.domain.ids import Timestamp
from tests.unit.campaign_scene import NOON, in_flight, people

DAY = date(2026, 11, 30)


def learned(rate: float = 0.3, talk: float = 120.0, dials: int = 3000) -> Estimates:
    chance, found = random.Random(1), Estimates()
    for _ in range(dials):
        is_live = chance.random() < rate
        ring = 2.0 + chance.gammavariate(2.0, 5.0) if is_live else 25.0
        found.see_dial(12, is_live=is_live, ring_seconds=ring)
        if is_live:
            found.talk.see(chance.expovariate(1 / talk))
            found.wrap.see(chance.expovariate(1 / 20))
    return found


def test_it_learns_what_it_sees() -> None:
    found = learned(rate=0.5, talk=60.0)
    assert found.answer_rate(12) == pytest.approx(0.5, abs=0.08)
    assert found.talk.at(60.0) == pytest.approx(0.63, abs=0.08)
    assert found.answer.quantile(0.5) == pytest.approx(10.4, abs=1.5)
    assert found.other.at(24.0) < 0.1 < 0.9 < found.other.at(27.0)


def test_an_hour_without_calls_begins_with_the_campaign_s_rate_and_learns_its_own() -> None:
    found = learned(rate=0.3)
    assert found.answer_rate(15) == pytest.approx(0.3, abs=0.08)
    for _ in range(500):
        found.see_dial(15, is_live=False, ring_seconds=25.0)
    assert found.answer_rate(15) < 0.08
    assert found.answer_rate(12) == pytest.approx(0.3, abs=0.08)


def test_knowing_little_it_takes_the_answer_rate_higher_which_dials_less() -> None:
    few = Estimates()
    for n in range(20):
        few.see_dial(12, is_live=n % 5 == 0, ring_seconds=10.0)
    many = learned(rate=6 / 26)
    assert few.answer_rate(12) > many.answer_rate(12)


@given(st.lists(st.floats(min_value=-5, max_value=1e7), max_size=200))
def test_a_law_is_a_distribution_whatever_it_sees(seen: list[float]) -> None:
    law = Law(2.0, 50, lambda seconds: min(seconds / 80.0, 1.0))
    for each in seen:
        law.see(each)
    assert all(0.0 <= a <= b <= 1.0 + 1e-9 for a, b in itertools.pairwise(law.cdf))
    assert 0.0 <= law.quantile(0.5) <= 100.0


def test_what_it_learned_survives_as_json() -> None:
    found = learned()
    again = Estimates.read(json.loads(json.dumps(found.document())))
    assert again.answer_rate(12) == pytest.approx(found.answer_rate(12))
    assert again.talk.at(100.0) == pytest.approx(found.talk.at(100.0), abs=0.01)
    assert (again.dials, again.answers, again.price) == (found.dials, found.answers, found.price)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"version": 2},
        {"version": 1, "rate": [5, 1], "hours": {"x": 1, "99": [1, 2], "3": [0, 0]}, "price": "high", "dials": "1"},
        {"version": 1, "talk": {"counts": [1]}, "wrap": {"counts": [float("nan")] * 301}, "price": float("inf")},
        {"version": 1, "answer": {"counts": [0] * 91, "seen": 0}, "other": {"counts": [-1] * 91}, "hours": []},
    ],
)
def test_what_cannot_be_read_is_learned_again(broken: dict[str, object]) -> None:
    read, new = Estimates.read(broken), Estimates()
    assert read.answer_rate(3) == new.answer_rate(3)
    assert (read.price, read.talk.cdf, read.answer.cdf) == (new.price, new.talk.cdf, new.answer.cdf)


def test_the_price_falls_with_an_abandoned_call_rises_with_answers_and_has_bounds() -> None:
    found = Estimates()
    first = found.price
    found.see_answer(abandoned=True, ceiling=0.03, is_held=False)
    assert found.price < first
    for _ in range(200):
        found.see_answer(abandoned=True, ceiling=0.03, is_held=False)
    assert found.price == LOWEST_PRICE
    for _ in range(200):
        found.see_answer(abandoned=False, ceiling=0.03, is_held=True)
    assert found.price == LOWEST_PRICE, "it does not rise while the ceiling holds calls back"
    for _ in range(20_000):
        found.see_answer(abandoned=False, ceiling=0.03, is_held=False)
    assert found.price == HIGHEST_PRICE


# ---- the ledger ----------------------------------------------------------------------------------------------------


def test_the_ledger_counts_people_only() -> None:
    ledger = Ledger()
    for outcome in Outcome:
        ledger = ledger.plus(DAY, outcome)
    assert ledger.of_day(DAY) == Answers(len(LIVE), 1)


def test_days_leave_the_measuring_window() -> None:
    ledger = Ledger(measured_days=2)
    for day in (28, 29, 30):
        ledger = ledger.plus(date(2026, 11, day), Outcome.ABANDONED)
    assert ledger.of_window(DAY) == Answers(2, 2)
    assert date(2026, 11, 28) not in ledger.days


@given(st.lists(st.lists(st.booleans(), min_size=34, max_size=80), min_size=1, max_size=8))
def test_if_every_day_is_below_the_ceiling_every_window_is(days: list[list[bool]]) -> None:
    ledger = Ledger(measured_days=3)
    for number, answers in enumerate(days, 1):
        day = date(2026, 11, number)
        for is_abandoned in answers:
            room = ledger.of_day(day).room(0.03) >= 1.0
            ledger = ledger.plus(day, Outcome.ABANDONED if is_abandoned and room else Outcome.TALKED)
        assert ledger.of_window(day).share <= 0.03


# ---- the arithmetic ------------------------------------------------------------------------------------------------


def exact(chances: list[float], free: int) -> float:
    """The probability that at least `free` of these calls are answered."""
    law = [1.0]
    for q in chances:
        law = [(law[i] if i < len(law) else 0.0) * (1 - q) + (law[i - 1] * q if i else 0.0)
               for i in range(len(law) + 1)]  # fmt: skip
    return sum(law[free:])


@pytest.mark.parametrize("ringing", [3, 8, 20, 60])
def test_the_risk_is_that_of_the_exact_sum(ringing: int) -> None:
    tables = Tables(learned(), 12)
    for free in range(1, ringing):
        outlook = Outlook(tables, people(free), in_flight(ringing), free, Timestamp(NOON + 4))
        coin = tables.of_call(4.0)
        wanted = sum(exact([coin[i]] * ringing, free) for i in (0, 3, 6, 9)) / 4
        assert outlook.risk() == pytest.approx(wanted, abs=0.02)


def test_who_has_talked_for_long_in_a_heavy_tail_is_not_about_to_finish() -> None:
    chance, found = random.Random(3), learned()
    for _ in range(3000):
        found.talk.see(chance.lognormvariate(4.0, 1.2))
    tables = Tables(found, 12)
    assert tables.of_talking(600.0)[0] > tables.of_talking(20.0)[0], "the mean of free employees is counted negative"


def test_tables_are_kept_until_something_was_learned() -> None:
    found = learned()
    kept = tables_of(found, 12)
    assert tables_of(found, 12) is kept
    assert tables_of(found, 13) is not kept
    for _ in range(30):
        found.see_dial(13, is_live=True, ring_seconds=5.0)
    assert tables_of(found, 13) is not tables_of(found, 12)


@settings(max_examples=60, deadline=None)
@given(
    free=st.integers(0, 30),
    talking=st.integers(0, 60),
    ringing=st.integers(0, 80),
    waiting=st.integers(0, 5),
    live=st.integers(0, 4000),
    share=st.floats(0.0, 0.2),
    most=st.integers(0, 100),
    rate=st.sampled_from([0.05, 0.3, 0.9]),
)
def test_the_pace_keeps_to_lines_and_to_the_room_below_the_ceiling(
    free: int, talking: int, ringing: int, waiting: int, live: int, share: float, most: int, rate: float
) -> None:
    team = people(free) + people(talking, EmployeeState.TALKING, Timestamp(NOON - 90))
    calls = in_flight(ringing) + in_flight(waiting, answered_at=NOON)
    answers = Answers(live, int(live * share))
    said = pace(team, calls, learned(rate, dials=300), answers, ceiling=0.03, hour=12, now=NOON, most=most)
    assert len(said.risks) <= most
    assert said.reserved == min(max(free - waiting - ringing, 0), most)
    assert all(risk == 0.0 for risk in said.risks[: said.reserved])
    if answers.room(0.03) < 1.0:
        assert len(said.risks) == said.reserved, "one more abandoned call would break the ceiling"


# ---- while the ledger has little room ------------------------------------------------------------------------------


CHANCES = st.lists(st.floats(0.0, 0.99), max_size=25)


@given(CHANCES, st.integers(-2, 12), st.integers(0, 5))
def test_what_is_borne_breaks_the_ceiling_once_in_a_million_at_the_most(
    chances: list[float], spare: int, bears: int
) -> None:
    if not are_borne(len(chances), sum(chances), spare, bears):
        return
    assert bears > 0, "of nothing nothing is risked"
    assert exact(chances, max(spare + bears + 1, 0)) <= 1.001e-6
    if spare > 0:
        assert exact(chances, spare + bears) <= 1.001e-2, "an employee may leave while the phones ring"


@given(CHANCES, st.integers(-2, 12), st.integers(0, 5), st.floats(0.0, 0.99))
def test_more_employees_or_more_room_never_forbid_a_call_nor_do_more_calls_allow_one(
    chances: list[float], spare: int, bears: int, another: float
) -> None:
    ringing, likely = len(chances), sum(chances)
    if are_borne(ringing, likely, spare, bears):
        assert are_borne(ringing, likely, spare + 1, bears)
        assert are_borne(ringing, likely, spare, bears + 1)
    else:
        assert not are_borne(ringing + 1, likely + another, spare, bears)


@settings(max_examples=60, deadline=None)
@given(
    free=st.integers(0, 20),
    talking=st.integers(0, 20),
    ringing=st.integers(0, 25),
    age=st.integers(0, 24),
    live=st.integers(33, 82),
    rate=st.sampled_from([0.05, 0.15, 0.3, 0.6]),
    dials=st.sampled_from([60, 200, 900]),
)
def test_with_few_answers_the_ceiling_is_safe_from_all_that_rings_even_if_no_talk_ends(
    free: int, talking: int, ringing: int, age: int, live: int, rate: float, dials: int
) -> None:
    found, answers, now = learned(rate, dials=dials), Answers(live), Timestamp(NOON + age)
    team = people(free) + people(talking, EmployeeState.TALKING, Timestamp(NOON - 90))
    said = pace(team, in_flight(ringing), found, answers, ceiling=0.03, hour=12, now=now, most=60)
    if len(said.risks) == said.reserved:
        return
    tables = Tables(found, 12)
    chances = [tables.likely(age)] * ringing + [tables.likely(0.0)] * len(said.risks)
    assert exact(chances, free + answers.bears(0.03) + 1) <= 1.001e-6, "and if three deviations more answer than seems"


def test_dialling_ahead_begins_when_the_ledger_bears_one_client() -> None:
    found = learned(0.15, dials=220)

    def ahead(live: int, abandoned: int = 0) -> int:
        answers, now = Answers(live, abandoned), Timestamp(NOON + 5)
        said = pace(people(8), in_flight(8), found, answers, ceiling=0.03, hour=12, now=now, most=60)
        return len(said.risks)

    assert [ahead(live) for live in (0, 20, 32)] == [0, 0, 0]
    assert 1 <= ahead(33) <= ahead(66) <= ahead(200)
    assert ahead(60, abandoned=1) == 0, "one more would be above the ceiling"


def test_the_answer_rate_is_taken_much_higher_where_little_is_known() -> None:
    few, many = learned(0.15, dials=60), learned(0.15, dials=5000)
    for found in (few, many):
        assert found.answer_rate(12) < found.highest_rate(12) <= 0.99
    assert few.highest_rate(12) - few.answer_rate(12) > many.highest_rate(12) - many.answer_rate(12)
    tables = Tables(many, 12)
    assert tables.likely(0.0) == pytest.approx(many.highest_rate(12), abs=0.01)
    assert tables.likely(20.0) < tables.likely(0.0) / 2, "most who answer have answered by then"


@pytest.mark.parametrize("free", [3, 8, 15])
def test_an_hour_in_which_nobody_answered_on_another_day_does_not_let_the_ceiling_be_broken(free: int) -> None:
    found, chance = Estimates(), random.Random(1)
    for _ in range(300):
        found.see_dial(12, is_live=False, ring_seconds=25.0)
    for _ in range(300):  # today
        found.see_dial(11, is_live=chance.random() < 0.2, ring_seconds=10.0)
    answers, now = Answers(60), Timestamp(NOON + 1)
    said = pace(people(free), in_flight(free), found, answers, ceiling=0.03, hour=12, now=now, most=60)
    chances = [0.2] * (free + len(said.risks))
    assert exact(chances, free + answers.bears(0.03) + 1) <= 1.001e-6
