"""The scenarios of recordings: each plays a story in an open office while AMI is recorded.

`scripts/record.py NAME --out FOLDER` runs one. The expected results are written by hand, beside the stream.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office
from tests.lab.scenarios import callbacks, campaigns, confirmed, doors, handed_over, joined, plain

Scenario = Callable[[Office, AmiRecorder], Awaitable[None]]

SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        *plain.SCENARIOS,
        *confirmed.SCENARIOS,
        *doors.SCENARIOS,
        *joined.SCENARIOS,
        *handed_over.SCENARIOS,
        *callbacks.SCENARIOS,
        *campaigns.SCENARIOS,
    )
}

WITH_INCLUDE = frozenset(scenario.__name__ for scenario in campaigns.SCENARIOS)
"""Scenarios that need Dozvon's include in the dialplan; the others are of an office without Dozvon."""
