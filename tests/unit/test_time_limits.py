"""What a property test says when it has taken too long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROPERTY = """
import time
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

SLOW = settings(max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck))

class Machine(RuleBasedStateMachine):
    @rule(seconds=st.sampled_from([0.001, 0.002]))
    def wait(self, seconds):
        time.sleep(seconds)

Machine.TestCase.settings = SLOW
TestMachine = Machine.TestCase

@SLOW
@given(st.lists(st.integers(), min_size=5))
def test_numbers(numbers):
    time.sleep(0.01)
"""


def test_a_property_that_takes_too_long_names_its_time_limit(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(_PROPERTY)
    (tmp_path / "conftest.py").write_text(
        "from tests.time_limits import pytest_runtest_call, pytest_timeout_set_timer\n"
    )
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "0.5", "--rootdir", "."]
    ran = subprocess.run(
        [*pytest, "test_slow.py"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert "2 failed" in ran.stdout
    assert ran.stdout.count(" - Failed: Timeout (>0.5s)") == 2, ran.stdout
    assert "Flaky" not in ran.stdout
