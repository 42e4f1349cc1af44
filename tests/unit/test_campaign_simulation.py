"""Simulated shifts: the same seed gives the same shift, and the policy keeps what it promises where others do not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.simulation.baselines import (
    Counted,
    FixedRatio,
    VicidialAdaptive,
    oracle_occupancy,
)
from integration.domain.campaigns.simulation.forecast import Forecast, forecast, hours_for
from integration.domain.campaigns.simulation.office import Office, Shift
from integration.domain.campaigns.simulation.policy import Policy
from integration.domain.campaigns.simulation.shift import Dialler, play

TWO_HOURS = Office(employees=10, shift_seconds=7200.0)
SHORT = replace(TWO_HOURS, talk_mean=60.0)


def shift(office: Office, dialler: Dialler, seed: int = 70_001) -> Shift:
    return play(office, dialler, random.Random(seed))


def test_the_same_seed_gives_the_same_shift() -> None:
    assert shift(TWO_HOURS, Policy()) == shift(TWO_HOURS, Policy())
    assert shift(TWO_HOURS, Policy()) != shift(TWO_HOURS, Policy(), seed=70_002)


def test_one_call_for_each_free_employee_abandons_nobody() -> None:
    said = shift(TWO_HOURS, FixedRatio(1.0))
    assert said.live > 200
    assert (said.abandoned, said.peak, said.waited) == (0, 0.0, 0.0)


@pytest.mark.parametrize("office", [SHORT, replace(SHORT, swing=0.35), replace(SHORT, break_every=2400.0)])
@pytest.mark.parametrize("seed", [70_001, 70_002, 70_003])
def test_the_policy_stays_below_the_ceiling_at_every_moment(office: Office, seed: int) -> None:
    said = shift(office, Policy(), seed)
    assert said.peak <= 0.03
    assert said.live > 400


def test_the_policy_employs_people_better_than_one_call_for_each_and_than_vicidial_s_rule() -> None:
    policy = shift(SHORT, Policy()).occupancy
    assert policy > shift(SHORT, FixedRatio(1.0)).occupancy + 0.03
    assert policy > shift(SHORT, VicidialAdaptive(wrap_counts=False)).occupancy
    assert policy < oracle_occupancy(SHORT, random.Random(1)) < 1.0


def test_vicidial_s_rule_spends_its_allowance_at_the_beginning() -> None:
    for counts in (True, False):
        said = shift(SHORT, VicidialAdaptive(wrap_counts=counts))
        assert said.late_peak > 0.05


def test_a_ceiling_of_nothing_abandons_nobody() -> None:
    said = shift(TWO_HOURS, Policy(ceiling=0.0))
    assert said.abandoned == 0
    assert said.live > 200


def test_a_ratio_that_is_too_high_is_seen_as_abandoned_calls() -> None:
    for dialler in (FixedRatio(3.0), FixedRatio(2.0, Counted.PRESENT)):
        assert shift(TWO_HOURS, dialler).share > 0.05


def test_nobody_waits_longer_than_two_seconds() -> None:
    said = shift(TWO_HOURS, FixedRatio(3.0))
    assert 0.0 < said.waited <= 2.0


def test_lines_are_a_limit() -> None:
    few = replace(TWO_HOURS, lines=3)
    assert shift(few, FixedRatio(3.0)).dialled < shift(TWO_HOURS, FixedRatio(3.0)).dialled
    assert shift(few, Policy()).occupancy < shift(TWO_HOURS, Policy()).occupancy - 0.1


def test_talks_without_any_spread_can_be_simulated() -> None:
    assert shift(replace(TWO_HOURS, talk_spread=0.0, wrap_mean=0.0), Policy()).live > 200


# ---- what would happen ---------------------------------------------------------------------------------------------


def learned(rate: float, talk: float) -> Estimates:
    chance, found = random.Random(5), Estimates()
    for _ in range(1500):
        is_live = chance.random() < rate
        found.see_dial(12, is_live=is_live, ring_seconds=chance.uniform(5, 15) if is_live else 25.0)
        if is_live:
            found.talk.see(chance.expovariate(1 / talk))
            found.wrap.see(10.0)
    return found


def told(estimates: Estimates, **changes: object) -> Forecast:
    values: dict[str, object] = {
        "employees": 8, "hour": 12, "hours": 1.0, "ceiling": 0.03, "lines": 100, "ring_seconds": 25,
        "chances": [random.Random(seed) for seed in (1, 2)],
    }  # fmt: skip
    return forecast(estimates, **{**values, **changes})  # type: ignore[arg-type]


def test_the_forecast_follows_what_the_office_has_learned() -> None:
    short, long = told(learned(0.4, 40.0)), told(learned(0.4, 200.0))
    assert short.is_learned
    assert short.talks > 1.5 * long.talks
    assert short.occupancy[1] < long.occupancy[1]
    seldom = told(learned(0.1, 40.0))
    assert seldom.dialled / seldom.talks > 2 * short.dialled / short.talks
    for said in (short, long, seldom):
        low, mean, high = said.abandoned
        assert 0.0 <= low <= mean <= high <= 0.03


def test_an_office_that_has_never_dialled_is_told_what_is_usual() -> None:
    said = told(Estimates())
    assert not said.is_learned
    assert said.talks > 0


def test_a_forecast_teaches_the_campaign_nothing() -> None:
    own = learned(0.4, 40.0)
    before = own.document()
    told(own)
    assert own.document() == before


def test_few_lines_are_seen_in_the_forecast() -> None:
    own = learned(0.3, 60.0)
    assert told(own, lines=2).talks < told(own).talks


def test_one_call_for_each_free_employee_abandons_nobody_and_reaches_fewer() -> None:
    own = learned(0.3, 60.0)
    ahead, one_each = told(own), told(own, is_ahead=False)
    assert one_each.abandoned == (0.0, 0.0, 0.0)
    assert one_each.talks < ahead.talks


def test_a_list_takes_longer_the_more_seldom_its_people_answer() -> None:
    always = hours_for(100, attempts=5, answer_rate=1.0, dialled_an_hour=50.0)
    assert always == pytest.approx(2.0), "one dial each"
    never = hours_for(100, attempts=5, answer_rate=0.0, dialled_an_hour=50.0)
    assert never == pytest.approx(10.0), "every attempt is used"
    half = hours_for(100, attempts=2, answer_rate=0.5, dialled_an_hour=50.0)
    assert half == pytest.approx(3.0), "half of them are dialled twice"
