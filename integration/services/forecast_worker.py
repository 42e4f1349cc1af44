"""Plays a campaign's next hours in a process of its own: `python -m integration.services.forecast_worker`.

The question is on its standard input, as JSON: the fields of `forecasts.Question`, and what was learned as `estimates`.
It prints the fields of a `Forecast`. It takes seconds of a processor, which a process that follows calls does not have.
"""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import asdict
from typing import TextIO

from integration.domain.campaigns.estimates import Estimates
from integration.domain.campaigns.simulation.forecast import forecast
from integration.worker_limits import limit_this_process

_MOST_SECONDS = 60
_MOST_PLAYED, _FEWEST_PLAYED = 20, 2
_BUDGET = 400.0  # employees by hours, over all shifts


def run(source: TextIO, target: TextIO) -> None:
    """The same question always has the same answer."""
    asked = json.load(source)
    work = asked["employees"] * asked["hours"]
    played = int(min(max(_BUDGET / work, _FEWEST_PLAYED), _MOST_PLAYED))
    estimates = Estimates.read(asked.pop("estimates"))
    chances = [random.Random(seed) for seed in range(played)]
    json.dump(asdict(forecast(estimates, chances=chances, **asked)), target)


def main() -> None:
    limit_this_process(processor_seconds=_MOST_SECONDS)
    os.nice(10)
    run(sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
