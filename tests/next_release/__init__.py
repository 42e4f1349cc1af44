"""A future release: the present code with three more schema steps, for tests of two releases side by side.

`python -m tests.next_release run --config …` is its `dozvon`. Its previous release is the present code.
"""

from __future__ import annotations

from pathlib import Path

STEPS = Path(__file__).parent / "steps"
_PRESENT = Path(__file__).parents[2] / "integration" / "storage" / "sql" / "migrations" / "versions"
PRESENT_STEPS = sorted(file.name[1:5] for file in _PRESENT.glob("v[0-9][0-9][0-9][0-9]_*.py"))
"""The steps of the present release, the oldest first."""
EXPANDED, CONTRACTED, BEHIND = "9001", "9002", "9003"
