"""A future release: the present code with three more schema steps, for tests of two releases side by side.

`python -m tests.next_release run --config …` is its `dozvon`. Its previous release is the present code.
"""

from __future__ import annotations

from pathlib import Path

STEPS = Path(__file__).parent / "steps"
EXPANDED, CONTRACTED, BEHIND = "9001", "9002", "9003"
