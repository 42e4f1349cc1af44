"""A release to come: the present code with three steps of the schema more, for tests of two releases side by side.

`python -m tests.next_release run --config …` is its `dozvon`. The release before it is the present one, as it is.
"""

from __future__ import annotations

from pathlib import Path

STEPS = Path(__file__).parent / "steps"
EXPANDED, CONTRACTED, BEHIND = "9001", "9002", "9003"
