"""Plays shifts of auto-dial campaigns in simulated time, with the policy that dials real clients, and with others.

`dozvon bench dial [--quick]`: for several teams, answer rates and talks, the occupancy and the share of abandoned calls
of Dozvon's policy, of one call for each free employee, of the best fixed ratio found afterwards for that very shift, of
VICIdial's rule, and the bound of somebody who knows every outcome. Seeds here were never used for tuning.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.report import aim, machine
from integration.domain.campaigns.simulation.baselines import (
    Counted,
    FixedRatio,
    VicidialAdaptive,
    oracle_occupancy,
)
from integration.domain.campaigns.simulation.office import Office, Shift
from integration.domain.campaigns.simulation.policy import Policy
from integration.domain.campaigns.simulation.shift import Dialler, play

FIRST_SEED = 1_000_000
CEILING = 0.03
AIM_OF_RATIO = 0.97
_BAD_ENOUGH = 0.06  # a ratio with such a share is not followed by a higher one


@dataclass(frozen=True, slots=True)
class Scene:
    """`seeds` shifts of Dozvon's policy; the first `compared` of them also with the others."""

    name: str
    office: Office
    seeds: int
    compared: int


_TEN = Office(employees=10)
FULL = (
    Scene("10 employees, 30 % answer", _TEN, 300, 5),
    Scene("10 employees, 15 % answer", replace(_TEN, answer_rate=0.15), 150, 5),
    Scene("10 employees, 50 % answer", replace(_TEN, answer_rate=0.5), 150, 5),
    Scene("10 employees, answers swing by 35 %", replace(_TEN, swing=0.35), 150, 5),
    Scene("10 employees, breaks", replace(_TEN, break_every=5400.0), 75, 5),
    Scene("10 employees, short talks of 40 s", replace(_TEN, talk_mean=40.0, talk_spread=0.5, wrap_mean=15.0), 50, 3),
    Scene("10 employees, long uneven talks", replace(_TEN, talk_mean=180.0, talk_spread=2.0), 50, 3),
    Scene("30 employees, 30 % answer", Office(employees=30), 60, 3),
    Scene("100 employees, 30 % answer", Office(employees=100), 15, 1),
)
QUICK = tuple(replace(scene, seeds=2, compared=1) for scene in FULL[:2])


def run(*, quick: bool = False, scenes: Sequence[Scene] | None = None) -> dict[str, Any]:
    """
    Play all shifts, and report.

    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}. Shares and occupancies in percent.
    """
    scenes = scenes or (QUICK if quick else FULL)
    aims: list[dict[str, Any]] = []
    detail: dict[str, Any] = {}
    for scene in scenes:
        began = time.process_time()
        detail[scene.name] = told = _measure(scene)
        told["processor_seconds"] = round(time.process_time() - began, 1)
        print(f"{scene.name}: {told['policy']}", file=sys.stderr, flush=True)
        aims += _aims(scene, told)
    shifts = sum(scene.seeds for scene in scenes)
    highest = max(told["policy"]["highest_peak"] for told in detail.values())
    what = f"highest share of abandoned calls at any moment of {shifts} shifts"
    aims.insert(0, aim(what, CEILING * 100, highest, "%", more_is_better=False))
    return {"bench": "dial", "aims": aims, "detail": {**detail, **machine()}}


def _aims(scene: Scene, told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    policy = told["policy_compared"]["occupancy"]
    ratio = policy / told["best_fixed_ratio"]["occupancy"]
    yield aim(f"{scene.name}: occupancy by that of the best fixed ratio", AIM_OF_RATIO, round(ratio, 3), "times",
              more_is_better=True)  # fmt: skip
    rivals = [told["vicidial_wrap_counted"], told["vicidial_wrap_paused"]]
    ahead = policy / max(each["occupancy"] for each in rivals)
    yield aim(f"{scene.name}: occupancy by VICIdial's rule", 1.0, round(ahead, 3), "times", more_is_better=True)


def _measure(scene: Scene) -> dict[str, Any]:
    office, seeds = scene.office, range(FIRST_SEED, FIRST_SEED + scene.seeds)
    compared = seeds[: scene.compared]
    shifts = [_play(office, Policy(CEILING), seed) for seed in seeds]
    best = [_best_ratio(office, seed) for seed in compared]

    def others(make: Callable[[], Dialler]) -> dict[str, Any]:
        return _figures([_play(office, make(), seed) for seed in compared])

    return {
        "shifts": scene.seeds,
        "compared": scene.compared,
        "policy": _figures(shifts),
        "policy_compared": _figures(shifts[: scene.compared]),
        "progressive": others(lambda: FixedRatio(1.0)),
        "best_fixed_ratio": {**_figures([shift for _, shift in best]), "ratios": [name for name, _ in best]},
        "vicidial_wrap_counted": others(lambda: VicidialAdaptive(wrap_counts=True, ceiling=CEILING)),
        "vicidial_wrap_paused": others(lambda: VicidialAdaptive(wrap_counts=False, ceiling=CEILING)),
        "oracle_occupancy": _percent(oracle_occupancy(office, random.Random(FIRST_SEED))),
    }


def _play(office: Office, dialler: Dialler, seed: int) -> Shift:
    return play(office, dialler, random.Random(seed))


def _best_ratio(office: Office, seed: int) -> tuple[str, Shift]:
    """The fixed ratio that would have been best in this very shift, at the ceiling or below it at the shift's end."""
    name, best = "1.0 free", _play(office, FixedRatio(1.0), seed)
    for counted in Counted:
        for ratio in _grid(office, counted):
            shift = _play(office, FixedRatio(ratio, counted), seed)
            if shift.share <= CEILING and shift.occupancy > best.occupancy:
                name, best = f"{ratio:.2f} {counted}", shift
            if shift.share > _BAD_ENOUGH:
                break
    return name, best


def _grid(office: Office, counted: Counted) -> Iterator[float]:
    if counted is Counted.FREE:
        yield from (1.0 + 0.1 * n for n in range(1, 60))
    else:
        yield from (1.0 + 0.02 * n * 0.3 / office.answer_rate for n in range(40))


def _figures(shifts: Sequence[Shift]) -> dict[str, Any]:
    """Means over shifts; peaks are the highest. `late_peak` is from the 34th live answer on."""
    count = len(shifts)
    return {
        "occupancy": _percent(sum(shift.occupancy for shift in shifts) / count),
        "abandoned": _percent(sum(shift.share for shift in shifts) / count),
        "highest_abandoned": _percent(max(shift.share for shift in shifts)),
        "highest_peak": _percent(max(shift.peak for shift in shifts)),
        "highest_late_peak": _percent(max(shift.late_peak for shift in shifts)),
        "shifts_above_ceiling": sum(shift.peak > CEILING for shift in shifts),
        "client_waits_mean_s": round(sum(shift.waited_mean for shift in shifts) / count, 3),
        "employee_waits_mean_s": round(sum(shift.idle_mean for shift in shifts) / count, 1),
        "live_answers": round(sum(shift.live for shift in shifts) / count),
    }


def _percent(share: float) -> float:
    return round(share * 100, 2)
